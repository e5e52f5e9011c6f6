"""What a student lives through in a lesson: the window over the real worker, coordinator and PostgreSQL.

Everything that a person steers is steered with the mouse alone, and once more with the keyboard alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QLabel, QToolButton
from pytestqt.qtbot import QtBot

from gan_desktop.class_admin.cards import renew_card
from gan_desktop.class_admin.notices import hold_worker, release_worker
from gan_desktop.database.address import Address
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.gui.banner import Banner
from gan_desktop.gui.class_menu import ClassMenu
from gan_desktop.gui.faces_view import FacesView
from gan_desktop.gui.gallery_page import GalleryPage
from gan_desktop.gui.help_page import HelpPage
from gan_desktop.gui.joining.draft import Step
from gan_desktop.gui.leaderboard_model import NAME
from gan_desktop.gui.leaderboard_page import LeaderboardPage
from gan_desktop.gui.main_window import MainWindow
from gan_desktop.gui.session import Session
from gan_desktop.gui.window_session import Places
from gan_desktop.records import RunStatus, UnitDelivered, WorkerState
from tests.gui.conftest import PATIENCE_MS, WORKING
from tests.gui.hands import Hand, Keyboard, Mouse
from tests.gui.test_join_wizard import (
    Store,
    card_for,
    card_page,
    confirm_page,
    finish,
    join_with,
    store,
    way_into,
    wizard_of,
)
from tests.integration.conftest import superuser_address
from tests.integration.lesson import SHORT_UNITS, Lesson, lesson, worker_thread
from tests.integration.programs import Recorder, running

__all__ = ["store"]

Join = Callable[[Address], None]

# Some seconds each: time to press something in their middle.
UNITS_OF_SECONDS = replace(
    SHORT_UNITS,
    feature_maps=48,
    unit_seconds=5.0,
    first_unit_images=384,
    min_unit_images=384,
    max_unit_images=384,
)


@pytest.fixture(params=[Mouse, Keyboard], ids=["mouse", "keyboard"])
def hand(request: pytest.FixtureRequest, qtbot: QtBot) -> Hand:
    made: Hand = request.param(qtbot)
    return made


@pytest.fixture
def own_server(open_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server that a test may stop."""
    server = EmbeddedPostgres(open_folder / "postgres", settings={"fsync": "off"})
    with server:
        yield server


@pytest.fixture
def stoppable(own_server: EmbeddedPostgres, open_folder: Path) -> Iterator[Lesson]:
    """A class on a server of its own."""
    with lesson(own_server.address, open_folder / "lesson") as held:
        yield held
        own_server.start()


@pytest.fixture
def slow_lesson(server: EmbeddedPostgres, open_folder: Path) -> Iterator[Lesson]:
    """A class whose units take seconds."""
    with lesson(superuser_address(server), open_folder / "slow", UNITS_OF_SECONDS, num_faces=1_500) as held:
        yield held


def main_button(window: MainWindow) -> QToolButton:
    return next(button for button in window.strip.findChildren(QToolButton) if button.menu() is not None)


def sentence_of(window: MainWindow) -> str:
    look = window.strip.look
    assert look is not None
    return look.sentence


def await_state(session: Session, qtbot: QtBot, *states: WorkerState) -> None:
    qtbot.waitUntil(lambda: session.state.state in states, timeout=PATIENCE_MS)


def await_mid_unit(session: Session, qtbot: QtBot) -> None:
    """Wait until some images of a unit are done, but far from all."""

    def is_in_the_middle() -> bool:
        detail = session.state.detail
        is_computing = session.state.state is WorkerState.COMPUTING
        return is_computing and 0 < detail["num_done"] < detail["num_images"] / 2

    qtbot.waitUntil(is_in_the_middle, timeout=PATIENCE_MS)


def await_end(session: Session, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not session.is_contributing, timeout=PATIENCE_MS)
    assert session.state.state is WorkerState.STOPPED


# -- what the strip's button, link and menu do -----------------------------------------------------


def held_units(lesson: Lesson) -> list[Any]:
    return lesson.query("SELECT id FROM gan.work_units WHERE status = 'in_progress'")


def test_start_pause_in_mid_unit_resume_finish_and_stop(
    slow_lesson: Lesson, session: Session, window: MainWindow, join: Join, hand: Hand, qtbot: QtBot
) -> None:
    student = slow_lesson.add_student("Ana")
    delivered: list[UnitDelivered] = []
    session.unit_delivered.connect(delivered.append)
    with slow_lesson.coordinating():
        join(student)
        strip, menu = window.strip, main_button(window)
        hand.press(strip, "Start contributing")
        hand.press(strip, "Cancel")
        await_end(session, qtbot)

        hand.press(strip, "Start contributing")
        await_mid_unit(session, qtbot)
        hand.choose(menu, "Pause 15 minutes")
        await_state(session, qtbot, WorkerState.PAUSED)
        qtbot.waitUntil(lambda: sentence_of(window).startswith("Paused until"))
        assert "14 min left" in sentence_of(window) or "15 min left" in sentence_of(window)
        # What was done is in the class, as part of a unit or given back whole, and nothing is held. The unit
        # that would have been next goes back as soon as it is here: the pause does not wait for it.
        qtbot.waitUntil(lambda: not held_units(slow_lesson), timeout=PATIENCE_MS)
        assert session.state.state is WorkerState.PAUSED
        hand.press(strip, "Resume")

        await_mid_unit(session, qtbot)
        hand.choose(menu, "Finish this unit, then stop")
        await_state(session, qtbot, WorkerState.FINISHING)
        hand.press(strip, "Keep going")
        await_state(session, qtbot, *WORKING)
        num_before = len(delivered)
        hand.choose(menu, "Finish this unit, then stop")
        await_end(session, qtbot)
        assert len(delivered) > num_before
        assert delivered[-1].result.num_images == delivered[-1].unit.num_images

        hand.press(strip, "Start contributing")
        await_mid_unit(session, qtbot)
        hand.choose(menu, "Finish this unit, then stop")
        await_state(session, qtbot, WorkerState.FINISHING)
        hand.press(strip, "Stop now, hand in what is done")
        await_end(session, qtbot)

        hand.press(strip, "Start contributing")
        await_mid_unit(session, qtbot)
        hand.choose(menu, "Stop now")
        await_end(session, qtbot)
        assert slow_lesson.worker_of(student.user).state == "stopped"
    slow_lesson.assert_nothing_lost_or_counted_twice()


def test_keys_steer_from_anywhere(
    slow_lesson: Lesson, session: Session, window: MainWindow, join: Join, qtbot: QtBot
) -> None:
    with slow_lesson.coordinating():
        join(slow_lesson.add_student())
        window.show_page("log")
        for key, modifier, state in (
            (Qt.Key.Key_F5, Qt.KeyboardModifier.NoModifier, WorkerState.COMPUTING),
            (Qt.Key.Key_F6, Qt.KeyboardModifier.NoModifier, WorkerState.PAUSED),
            (Qt.Key.Key_F5, Qt.KeyboardModifier.NoModifier, WorkerState.COMPUTING),
            (Qt.Key.Key_F6, Qt.KeyboardModifier.ControlModifier, WorkerState.FINISHING),
            (Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier, WorkerState.STOPPED),
        ):
            qtbot.keyClick(window, key, modifier)
            await_state(session, qtbot, state)
        await_end(session, qtbot)


# -- what the class does ---------------------------------------------------------------------------


def test_training_not_begun_paused_and_gone_on_needs_nothing_of_the_student(
    held_lesson: Lesson, session: Session, window: MainWindow, join: Join, qtbot: QtBot
) -> None:
    join(held_lesson.add_student())
    session.start()
    await_state(session, qtbot, WorkerState.WAITING_NO_TRAINING)
    with held_lesson.coordinating():
        await_state(session, qtbot, *WORKING, WorkerState.COMPUTING)
        held_lesson.set_status(RunStatus.PAUSED)
        await_state(session, qtbot, WorkerState.WAITING_PAUSED)
        qtbot.waitUntil(lambda: "paused the training" in sentence_of(window))
        held_lesson.set_status(RunStatus.RUNNING)
        with qtbot.waitSignal(session.unit_delivered, timeout=PATIENCE_MS):
            pass


def test_on_hold_is_explained_and_ends_with_the_release(
    held_lesson: Lesson, session: Session, window: MainWindow, join: Join, hand: Hand, qtbot: QtBot
) -> None:
    with held_lesson.coordinating():
        join(held_lesson.add_student("Ana"))
        hand.press(window.strip, "Start contributing")
        with qtbot.waitSignal(session.unit_delivered, timeout=PATIENCE_MS):
            pass
        hold_worker(held_lesson.coordinator, "Ana", "Ask me.")
        await_state(session, qtbot, WorkerState.WAITING_ON_HOLD)
        assert "on hold until your instructor has looked" in sentence_of(window)
        hand.press(window.strip, "What does that mean?")
        page = window.page("help")
        assert isinstance(page, HelpPage)
        assert page.isVisible()
        assert page.topic == "hold"
        release_worker(held_lesson.coordinator, "Ana")
        with qtbot.waitSignal(session.unit_delivered, timeout=PATIENCE_MS):
            pass


def test_the_finished_training_leads_to_the_faces_and_to_a_picture(
    held_lesson: Lesson, session: Session, window: MainWindow, join: Join, hand: Hand, qtbot: QtBot
) -> None:
    with held_lesson.coordinating():
        join(held_lesson.add_student("Ana"))
        hand.press(window.strip, "Start contributing")
        with qtbot.waitSignal(session.unit_delivered, timeout=PATIENCE_MS):
            pass
        gallery = window.page("gallery")
        assert isinstance(gallery, GalleryPage)
        qtbot.waitUntil(lambda: bool(session.my_faces), timeout=PATIENCE_MS)
        held_lesson.set_status(RunStatus.COMPLETE)
        await_state(session, qtbot, WorkerState.COMPLETE)
        qtbot.waitUntil(lambda: not session.is_contributing, timeout=PATIENCE_MS)
        assert sentence_of(window).startswith("The training is complete")
        hand.press(window.strip, "See the faces")
        assert gallery.isVisible()
        hand.press(window.strip, "Save my picture")
        qtbot.waitUntil(lambda: bool(gallery.findChildren(QFileDialog)), timeout=PATIENCE_MS)
        gallery.findChildren(QFileDialog)[0].reject()
    # The next training: who took part until the end takes part again.
    run_id = held_lesson.add_run()
    following = held_lesson.make_coordinator(Recorder(), run_id)
    with running(following.run, following.stop):
        with qtbot.waitSignal(session.unit_started, timeout=PATIENCE_MS) as started:
            pass
        assert started.args[0].unit.run_id == run_id
        with qtbot.waitSignal(session.shut_down_done, timeout=PATIENCE_MS):
            session.shut_down()


def test_who_starts_between_two_trainings_takes_part_in_the_next(
    held_lesson: Lesson, session: Session, join: Join, qtbot: QtBot
) -> None:
    with held_lesson.coordinating():
        held_lesson.wait_until(lambda: held_lesson.iteration >= 0, "the first training's begin")
        held_lesson.set_status(RunStatus.COMPLETE)
    join(held_lesson.add_student("Ana"))
    session.start()
    await_state(session, qtbot, WorkerState.COMPLETE)
    qtbot.waitUntil(lambda: not session.is_contributing, timeout=PATIENCE_MS)
    run_id = held_lesson.add_run()
    following = held_lesson.make_coordinator(Recorder(), run_id)
    with running(following.run, following.stop):
        with qtbot.waitSignal(session.unit_started, timeout=PATIENCE_MS) as started:
            pass
        assert started.args[0].unit.run_id == run_id
        with qtbot.waitSignal(session.shut_down_done, timeout=PATIENCE_MS):
            session.shut_down()


def test_the_leaderboard_orders_everybody_by_time(
    held_lesson: Lesson, session: Session, window: MainWindow, join: Join, qtbot: QtBot
) -> None:
    with held_lesson.coordinating():
        with worker_thread(held_lesson, held_lesson.add_student("Ben"), max_units=2) as (_, recorder):
            qtbot.waitUntil(lambda: len(recorder.of(UnitDelivered)) == 2, timeout=PATIENCE_MS)
        held_lesson.add_student("Eva")
        join(held_lesson.add_student("Ana"))
        session.start()
        qtbot.waitUntil(
            lambda: session.snapshot.credit is not None and session.snapshot.credit.units >= 1,
            timeout=PATIENCE_MS,
        )
        session.stop_now()
        qtbot.waitUntil(lambda: not session.is_contributing, timeout=PATIENCE_MS)
        page = window.page("leaderboard")
        assert isinstance(page, LeaderboardPage)

        def shown() -> list[str]:
            return [page.order.index(row, NAME).data() for row in range(page.order.rowCount())]

        def is_by_time() -> bool:
            contributors = [name.removesuffix(" (you)") for name in shown() if name != "Eva"]
            return contributors == names_by_time(held_lesson)

        qtbot.waitUntil(is_by_time, timeout=PATIENCE_MS)
        assert "Ana (you)" in shown()


def names_by_time(held: Lesson) -> list[str]:
    """As the database itself has counted."""
    rows = held.query(
        "SELECT a.display_name AS name FROM gan.accounts AS a JOIN gan.workers USING (account_id)"
        " JOIN gan.updates AS u USING (worker_id) WHERE u.status IN ('counted', 'late')"
        " GROUP BY a.display_name ORDER BY sum(u.credited_seconds) DESC"
    )
    return [row.name for row in rows]


# -- what goes wrong -------------------------------------------------------------------------------


def test_the_database_stops_and_starts_and_the_unit_is_not_lost(
    own_server: EmbeddedPostgres,
    stoppable: Lesson,
    session: Session,
    window: MainWindow,
    join: Join,
    hand: Hand,
    qtbot: QtBot,
) -> None:
    with stoppable.coordinating():
        join(stoppable.add_student("Ana"))
        hand.press(window.strip, "Start contributing")
        with qtbot.waitSignal(session.unit_delivered, timeout=PATIENCE_MS):
            pass
        await_state(session, qtbot, WorkerState.COMPUTING)
        own_server.stop("fast")
        await_state(session, qtbot, WorkerState.RETRYING)
        assert session.trouble is None
        qtbot.waitUntil(
            lambda: session.link is not None and not session.link.is_connected, timeout=PATIENCE_MS
        )
        assert any("Not connected" in label.text() for label in window.statusBar().findChildren(QLabel))
        hand.press(window.strip, "Try now")
        own_server.start()
        stoppable.reconnect()
        with qtbot.waitSignal(session.unit_delivered, timeout=PATIENCE_MS):
            pass
        qtbot.waitUntil(lambda: session.link is not None and session.link.is_connected, timeout=PATIENCE_MS)
        session.stop_now()
        await_end(session, qtbot)
    stoppable.assert_nothing_lost_or_counted_twice()


def test_a_replaced_card_is_told_and_the_new_one_mends_it(
    held_lesson: Lesson, session: Session, window: MainWindow, store: Store, hand: Hand, qtbot: QtBot
) -> None:
    with held_lesson.coordinating():
        finish(join_with(window, qtbot, card_for(held_lesson, "Ana")), window, qtbot)
        assert session.joined is not None
        account = session.joined.address.user
        hand.press(window.strip, "Start contributing")
        with qtbot.waitSignal(session.unit_delivered, timeout=PATIENCE_MS):
            pass
        # The database's administrator has changed the password.
        new = renew_card(held_lesson.coordinator, way_into(held_lesson), "Ana")
        qtbot.waitUntil(lambda: session.trouble is not None, timeout=PATIENCE_MS)
        assert session.trouble is not None
        assert session.trouble.title == "Your card is no longer valid"
        qtbot.waitUntil(lambda: not session.is_contributing, timeout=PATIENCE_MS)
        qtbot.waitUntil(
            lambda: sentence_of(window).startswith("Stopped: the class does not take"), timeout=PATIENCE_MS
        )
        [banner] = window.findChildren(Banner)
        hand.press(banner, "Add a new card")
        wizard = wizard_of(window)
        page = card_page(wizard, qtbot)
        page.line.setFocus()
        page.line.setText(new.to_line())
        qtbot.keyClick(page.line, Qt.Key.Key_Return)
        hand.press(confirm_page(wizard, qtbot), "Join")
        qtbot.waitUntil(lambda: wizard.step is Step.READY, timeout=PATIENCE_MS)
        hand.press(wizard.page(Step.READY), "Start contributing")
        with qtbot.waitSignal(session.unit_delivered, timeout=PATIENCE_MS):
            pass
        hand.press(wizard.page(Step.FIRST_UNIT), "Finish")
        assert session.trouble is None
        assert not banner.isVisible()
        assert session.joined.address.user == account
        assert list(store.passwords.values()) == [new.password]


def test_an_offline_start_shows_what_was_fetched_and_waits_for_the_class(
    own_server: EmbeddedPostgres,
    stoppable: Lesson,
    session: Session,
    window: MainWindow,
    join: Join,
    hand: Hand,
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    student = stoppable.add_student("Ana")
    with stoppable.coordinating():
        join(student)
        session.start()
        qtbot.waitUntil(
            lambda: session.snapshot.credit is not None and session.snapshot.credit.units >= 1,
            timeout=PATIENCE_MS,
        )
        qtbot.waitUntil(lambda: session.newest_sample is not None, timeout=PATIENCE_MS)
        session.stop_now()
        await_end(session, qtbot)
        session.refresh()
    seen = session.snapshot
    assert session.joined is not None
    own_server.stop()

    later = Session(Places.below(tmp_path))
    again = MainWindow(later)
    qtbot.addWidget(again)
    again.show()
    again.make_pages()
    later.join(session.joined)
    qtbot.waitUntil(lambda: later.newest_sample is not None, timeout=PATIENCE_MS)
    assert later.snapshot.credit is not None
    assert seen.credit is not None
    assert later.snapshot.credit.units >= 1
    assert [row.name for row in later.snapshot.leaderboard] == [row.name for row in seen.leaderboard]
    faces = again.page("contribute").findChildren(FacesView)[0]
    qtbot.waitUntil(lambda: faces.has_picture, timeout=PATIENCE_MS)
    hand.press(again.strip, "Start contributing")
    qtbot.waitUntil(lambda: later.state.state is WorkerState.RETRYING, timeout=PATIENCE_MS)
    hand.press(again.strip, "Try now")
    own_server.start()
    stoppable.reconnect()
    with stoppable.coordinating():
        with qtbot.waitSignal(later.unit_delivered, timeout=PATIENCE_MS):
            pass
        with qtbot.waitSignal(later.shut_down_done, timeout=PATIENCE_MS):
            later.shut_down()


# -- two classes -----------------------------------------------------------------------------------


def test_switching_to_another_class_hands_in_here_and_goes_on_there(
    server: EmbeddedPostgres,
    held_lesson: Lesson,
    session: Session,
    window: MainWindow,
    store: Store,
    hand: Hand,
    qtbot: QtBot,
    open_folder: Path,
) -> None:
    with lesson(superuser_address(server), open_folder / "other") as other:
        finish(join_with(window, qtbot, card_for(other, "Ben")), window, qtbot)
        finish(join_with(window, qtbot, card_for(held_lesson, "Ana")), window, qtbot)
        [menu] = window.findChildren(ClassMenu)
        here = session.joined
        assert here is not None
        with held_lesson.coordinating(), other.coordinating():
            hand.press(window.strip, "Start contributing")
            with qtbot.waitSignal(session.unit_delivered, timeout=PATIENCE_MS):
                pass
            qtbot.waitUntil(lambda: "Vision" in [entry.text() for entry in menu.menu().actions()])
            hand.choose(menu, "Vision")
            qtbot.waitUntil(lambda: session.joined is not here, timeout=PATIENCE_MS)
            assert session.joined is not None
            assert session.joined.options.name == "Ben"
            assert held_lesson.worker_of(here.address.user).state == "stopped"
            hand.press(window.strip, "Start contributing")
            with qtbot.waitSignal(session.unit_delivered, timeout=PATIENCE_MS):
                pass
            qtbot.waitUntil(
                lambda: any(row.is_me and row.name == "Ben" for row in session.snapshot.leaderboard),
                timeout=PATIENCE_MS,
            )
