"""The page of the server: facts of a real class, a rehearsal in it, drills, what a killed one has left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from gan_desktop.class_admin.server import look_at_server
from gan_desktop.class_admin.trainings import change_run
from gan_desktop.class_code import shown_address
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import Runs
from gan_desktop.database.rehearsals import Rehearsals
from gan_desktop.errors import SchemaError
from gan_desktop.gui.admin.server import rehearsal_view
from gan_desktop.gui.admin.server.page import ServerPage, ServerView
from gan_desktop.gui.admin.server.rehearsal_view import RehearsalView
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.translation import install_translation
from gan_desktop.records import RunConfig, RunStatus
from gan_desktop.rehearsal.habits import Habits
from gan_desktop.rehearsal.plan import RehearsalPlan
from gan_desktop.rehearsal.traces import find_traces
from tests.gui.admin.conftest import PATIENCE_MS
from tests.integration.lesson import SHORT_UNITS, Lesson

HASTY = Habits(images_per_second=200.0, heartbeat_interval_s=0.3, poll_interval_s=0.2, start_s=0.5)


@pytest.fixture
def page(teaching: TeachingSession, qtbot: QtBot) -> Iterator[ServerPage]:
    made = ServerPage(teaching)
    made.resize(790, 400)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.hide()
    made.deleteLater()


@pytest.fixture
def view(page: ServerPage, monkeypatch: pytest.MonkeyPatch) -> RehearsalView:
    """The rehearsal, in a hurry: some seconds long, with units of half a second."""

    def hasty(num_students: int, _minutes: float, **wishes: object) -> RehearsalPlan:
        plan = RehearsalPlan(num_students, 0.1, habits=HASTY, config=SHORT_UNITS)
        return replace(plan, **wishes)  # type: ignore[arg-type]

    monkeypatch.setattr(rehearsal_view, "RehearsalPlan", hasty)
    page.show_part(1)
    return page.rehearsal


def read(page: ServerPage, qtbot: QtBot) -> ServerView:
    qtbot.waitUntil(lambda: bool(page.server.connections.lines), timeout=PATIENCE_MS)
    return page.server


# -- the server -----------------------------------------------------------------------------------


def test_the_facts_are_those_of_the_class(page: ServerPage, taught: Lesson, qtbot: QtBot) -> None:
    server = read(page, qtbot)
    assert (
        "127.0.0.1" in server.facts.place.text() and taught.administrator.dbname in server.facts.place.text()
    )
    assert "Nobody but this computer" in server.facts.addresses.text()
    assert server.facts.encryption.text() == "Not needed: nothing leaves this computer."
    assert server.facts.version.text().startswith("PostgreSQL 1")
    assert server.facts.runner.text() == "Nobody: no training is in progress."
    assert server.facts.run_button.isHidden() and server.facts.copy_button.isHidden()
    lines = dict(server.connections.lines)
    assert int(lines["You and the training"]) >= 1 and int(lines["Free"]) > 50
    assert "Pictures to learn from" in dict(server.room.lines) and server.room.whole.endswith("MB")
    assert server.connections.whole.endswith(" of 97")


def test_programs_that_call_themselves_anything_fill_no_page(
    page: ServerPage, teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    with Connection(taught.add_student("Ana")) as connection:
        for number in range(1, 8):
            connection.query(
                "SELECT register_worker(%s, gen_random_uuid(), 'PC', 'pc', NULL, 2, 8, NULL, %s)",
                [f"device {number}", f"0.{number}\n"],
            )
    teaching.refresh()
    programs = page.server.facts.programs
    wanted = "Version 0.1, 0.2, 0.3, 0.4, 0.5, ..."
    qtbot.waitUntil(lambda: programs.text() == wanted, timeout=PATIENCE_MS)


def test_students_addresses_are_shown_and_copied_where_others_can_come(
    page: ServerPage, taught: Lesson, qtbot: QtBot
) -> None:
    server = read(page, qtbot)
    known = look_at_server(taught.coordinator)
    server.facts.show_server(replace(known, hosts=("192.168.1.20", "laptop.local"), port=23456))
    # As on the way into the class, and as students type it.
    shown = ", ".join(
        shown_address(host, 23456, taught.coordinator.dbname) for host in ("192.168.1.20", "laptop.local")
    )
    assert server.facts.addresses.text() == shown
    assert server.facts.encryption.text().startswith("None: whoever is in the same network")
    server.facts.copy_button.click()
    assert QApplication.clipboard().text() == shown


def test_a_training_that_nobody_runs_can_be_run_here(
    page: ServerPage, teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    server = read(page, qtbot)
    # Stopped by hand, so that the window does not take it up by itself.
    teaching.stop_coordinating()
    taught.set_status(RunStatus.RUNNING)
    teaching.refresh()
    qtbot.waitUntil(lambda: not server.facts.run_button.isHidden(), timeout=PATIENCE_MS)
    assert server.facts.runner.text() == "Nobody: everybody waits."
    server.facts.run_button.click()
    assert server.facts.runner.text() == "This window, in a moment"
    qtbot.waitUntil(lambda: server.facts.runner.text() == "This window", timeout=PATIENCE_MS)
    assert server.facts.run_button.isHidden()


def test_what_happened_is_listed_with_the_newest_first(
    page: ServerPage, teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    for number in (1, 2):
        taught.superuser.execute(
            "INSERT INTO gan.events (kind, message) VALUES ('message', %s)", [f"<b>Event {number}</b>"]
        )
    teaching.refresh()
    events = page.server.events
    qtbot.waitUntil(lambda: len(events.rows) == 2, timeout=PATIENCE_MS)
    model = events.view.model()
    assert [model.index(row, 1).data() for row in (0, 1)] == ["<b>Event 2</b>", "<b>Event 1</b>"]


def test_changed_settings_are_called_as_on_the_page_that_changes_them(
    page: ServerPage, teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    change_run(taught.coordinator, taught.run_id, target_iterations=80, quorum=3)
    teaching.refresh()
    events = page.server.events
    qtbot.waitUntil(lambda: len(events.rows) == 1, timeout=PATIENCE_MS)
    words = events.view.model().index(0, 1).data()
    before = taught.config
    assert f"Iterations from {before.target_iterations} to 80" in words
    assert f"People needed from {before.quorum} to 3. Changed by " in words


def test_a_class_of_another_version_says_so_and_leads_to_its_upgrade(
    page: ServerPage, teaching: TeachingSession, qtbot: QtBot
) -> None:
    server = read(page, qtbot)
    server._show_error(SchemaError("The class's database speaks version 1, this program version 2."))
    assert "version 1" in server.facts.version.text()
    with qtbot.waitSignal(teaching.begin_wanted) as asked:
        server.facts.upgrade_button.click()
    assert asked.args == ["upgrade"]


def test_the_server_is_read_only_while_somebody_looks(page: ServerPage, qtbot: QtBot) -> None:
    read(page, qtbot)
    assert page.server._clock.isActive()
    page.show_part(1)
    assert not page.server._clock.isActive()


# -- the rehearsal --------------------------------------------------------------------------------


def test_a_rehearsal_says_how_many_fit_and_leaves_nothing(
    view: RehearsalView, taught: Lesson, qtbot: QtBot
) -> None:
    view.students.setValue(6)
    view.start_button.click()
    assert view.is_playing and not view.start_button.isEnabled() and not view.cancel_button.isHidden()
    qtbot.waitUntil(lambda: any(row.limits is None for row in view.table.rows), timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: not view.is_playing, timeout=PATIENCE_MS)
    assert view.answer.text() == "All 6 students fit."
    assert "Mbit/s" in view.details.text()
    assert [(row.num_students, row.limits) for row in view.table.rows] == [(5, ()), (6, ())]
    assert view.start_button.isEnabled() and view.cancel_button.isHidden()
    assert find_traces(taught.coordinator) is None


def test_the_network_is_the_one_that_was_told_elsewhere_until_a_number_is_written_here(
    view: RehearsalView, page: ServerPage, teaching: TeachingSession
) -> None:
    teaching.set_network(54)
    page.hide()
    page.show()
    assert view.network.value() == 54
    view.network.setValue(80)
    teaching.set_network(20)
    page.hide()
    page.show()
    assert view.network.value() == 80
    assert "does not test the room's Wi-Fi" in view.details.text()


def test_what_limits_stands_in_the_table_and_in_words(view: RehearsalView, qtbot: QtBot) -> None:
    view.network.setDecimals(3)
    view.network.setValue(0.001)
    view.students.setValue(5)
    view.start()
    qtbot.waitUntil(lambda: not view.is_playing, timeout=PATIENCE_MS)
    assert view.answer.text() == "Not even the first few students fit."
    assert "more than the 0.0 Mbit/s that it carries" in view.details.text()
    [row] = view.table.rows
    assert row.limits == ("network",)
    assert view.table.model().index(0, 6).data() == "too much for the network"


def test_a_rehearsal_is_cancelled(view: RehearsalView, taught: Lesson, qtbot: QtBot) -> None:
    view.students.setValue(40)
    view.start()
    qtbot.waitUntil(lambda: bool(view.table.rows), timeout=PATIENCE_MS)
    view.cancel_button.click()
    assert not view.cancel_button.isEnabled()
    qtbot.waitUntil(lambda: not view.is_playing, timeout=PATIENCE_MS)
    assert view.answer.text().startswith("Cancelled.")
    assert find_traces(taught.coordinator) is None


def test_a_rehearsal_during_a_training_is_refused_in_words(
    view: RehearsalView, teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    teaching.stop_coordinating()
    taught.set_status(RunStatus.RUNNING)
    view.start()
    qtbot.waitUntil(lambda: not view.is_playing, timeout=PATIENCE_MS)
    assert view.answer.text() == "Not during a training"
    assert '"Faces" goes on' in view.details.text()


def test_leaving_the_class_waits_until_the_rehearsal_is_removed(
    view: RehearsalView, teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    view.students.setValue(5)
    view.start()
    qtbot.waitUntil(lambda: bool(view.table.rows), timeout=PATIENCE_MS)
    with qtbot.waitSignal(teaching.class_changed, timeout=PATIENCE_MS):
        teaching.leave()
    assert find_traces(taught.coordinator) is None
    assert not view.start_button.isEnabled()


def test_what_was_found_out_is_not_taken_along_to_another_class(
    page: ServerPage, view: RehearsalView, teaching: TeachingSession, qtbot: QtBot
) -> None:
    page.show_part(0)
    shown = read(page, qtbot)
    shown.traffic.add(1.0, (2.0,), "2.0")
    first = view.answer.text()
    view._say(("All 30 students fit.", "Nothing sets a limit."), is_good=True)
    page.hide()
    with qtbot.waitSignal(teaching.class_changed, timeout=PATIENCE_MS):
        teaching.leave()
    assert view.answer.text() == first and "Virtual students" in view.details.text()
    assert view.answer.property("role") == ""
    for card in (shown.connections, shown.room):
        assert card.lines == [] and card.whole == ""
    assert shown.traffic._value.text() == "" and len(shown.traffic._buffer) == 0


def test_a_drill_is_played_and_its_verdict_shown(view: RehearsalView, taught: Lesson, qtbot: QtBot) -> None:
    view.drill_buttons["garbage"].click()
    assert view.is_playing and not view.drill_buttons["leave"].isEnabled()
    qtbot.waitUntil(lambda: not view.is_playing, timeout=2 * PATIENCE_MS)
    # Three at least: more where several were merged in one round.
    assert re.match(r"The garbage did no harm: [3-9] units were refused", view.answer.text())
    assert find_traces(taught.coordinator) is None


def test_sending_the_database_away_is_for_hosted_classes_and_asks_first(
    view: RehearsalView, teaching: TeachingSession, qtbot: QtBot
) -> None:
    assert not view.drill_buttons["away"].isEnabled()
    assert "on this computer" in view.drill_buttons["away"].toolTip()
    view.play("away")
    [box] = view.window().findChildren(QMessageBox)
    assert "nobody reaches the class" in box.text()
    [cancel] = [b for b in box.findChildren(QPushButton) if "ancel" in b.text()]
    cancel.click()
    assert not view.is_playing


def test_what_a_killed_rehearsal_has_left_is_offered_for_removal(
    page: ServerPage, taught: Lesson, qtbot: QtBot
) -> None:
    with Connection(taught.coordinator) as connection:
        Rehearsals(connection).admit(["Rehearsal 1", "Rehearsal 2"])
        Runs(connection).create("Rehearsal", 1, RunConfig(), 1_000, is_rehearsal=True)
    taught.superuser.execute(
        "UPDATE gan.training_runs SET created_at = now() - interval '1 hour' WHERE is_rehearsal"
    )
    page.show_part(1)
    view = page.rehearsal
    qtbot.waitUntil(lambda: not view.left_over.isHidden(), timeout=PATIENCE_MS)
    view.remove_button.click()
    qtbot.waitUntil(lambda: view.left_over.isHidden(), timeout=PATIENCE_MS)
    assert find_traces(taught.coordinator) is None


def test_the_page_speaks_german(application: QApplication, teaching: TeachingSession, qtbot: QtBot) -> None:
    install_translation(application, "de")
    page = ServerPage(teaching)
    page.show()
    read(page, qtbot)
    assert page.server.facts.encryption.text() == "Nicht nötig: Nichts verlässt diesen Computer."
    assert "Bilder zum Lernen" in dict(page.server.room.lines)
    page.rehearsal._say(("All 30 students fit.",), is_good=True)
    assert page.rehearsal.answer.text() == "Alle 30 Teilnehmenden passen hinein."
    page.hide()
    page.deleteLater()
