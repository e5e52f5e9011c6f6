"""The projector: large letters, few numbers, faces that change with the class or step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication, QPixmap
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from gan_desktop.class_admin.cards import Entrance
from gan_desktop.class_admin.people import hide_student
from gan_desktop.class_code import code_login
from gan_desktop.database.enrolment import EnrolCard
from gan_desktop.gui.admin.main_window import TeachingWindow
from gan_desktop.gui.admin.projector.names import NamesLine
from gan_desktop.gui.admin.projector.window import ProjectorWindow, first_faces
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.admin.students.class_codes import CardsForMany, class_codes
from gan_desktop.gui.background import wait_for_background
from gan_desktop.records import RunStatus, SampleDrawn
from gan_desktop.training.picture_files import grid, png
from tests.gui.admin.conftest import PATIENCE_MS
from tests.gui.admin.people import computer, snapshot, student
from tests.integration.lesson import Lesson, worker_thread


@pytest.fixture
def projector(idle_teaching: TeachingSession, qtbot: QtBot) -> Iterator[ProjectorWindow]:
    """Over a class at iteration 3, whose newest faces are here."""
    show_class(idle_teaching)
    made = ProjectorWindow(idle_teaching)
    made.resize(1_024, 768)
    made.show()
    qtbot.waitExposed(made)
    bring(idle_teaching, 3)
    yield made
    made.close()
    made.deleteLater()


def show_class(session: TeachingSession, iteration: int = 3) -> None:
    workers = [
        computer("Ana"),
        computer("Ben", images_per_second=8.0),
        computer("Eva", images_per_second=90.0, gpu_name="RTX 3060", hostname="secret-host"),
        computer("Zoe", state="stopped", silent_s=900.0, last_error="It changes next to nothing."),
    ]
    names = [student(worker.owner) for worker in workers]
    session._take_snapshot(snapshot(names, workers, iteration=iteration))


def bring(session: TeachingSession, iteration: int) -> None:
    pictures = np.random.default_rng(iteration).integers(0, 256, (64, 32, 32, 3), np.uint8)
    session._take_sample(SampleDrawn(iteration, png(grid(pictures, 8))))


def show_code(session: TeachingSession, host: str, code: str = "") -> None:
    """A class that others reach at `host`, perhaps with a code."""
    card = EnrolCard(1, code_login(code), "class", 40, 3, datetime.now(UTC), is_in_time=True)
    way = Entrance("Vision", (host,), 23456, "gan_desktop", None, True, ())
    codes = {card.login: code} if code else {}
    class_codes(session)._take(CardsForMany((card,), codes, way))


def seen(projector: ProjectorWindow) -> str:
    labels = [label.text() for label in projector.findChildren(QLabel) if label.isVisible()]
    return "\n".join(filter(None, [*labels, projector.names.shown]))


# -- what a room reads ---------------------------------------------------------------------------


def test_four_numbers_are_shown_and_nothing_of_devices_times_or_refusals(projector: ProjectorWindow) -> None:
    # Beside them, the ends of the slider.
    assert seen(projector).splitlines() == [
        "Iteration 3", "3 computers", "107 images/s", "one laptop: 9.0", "0", "3",
    ]  # fmt: skip


def test_a_speed_that_nobody_has_told_yet_is_no_zero(
    projector: ProjectorWindow, idle_teaching: TeachingSession
) -> None:
    idle_teaching._take_snapshot(snapshot([student("Ana")], [computer("Ana", images_per_second=0.0)]))
    assert "- images/s" in seen(projector)
    assert "0.0" not in seen(projector)


@pytest.mark.parametrize("size", [(1_024, 768), (1_920, 1_080), (1_280, 720), (3_840, 2_160)])
def test_no_text_is_smaller_than_a_twenty_fifth_of_the_height(
    projector: ProjectorWindow, idle_teaching: TeachingSession, size: tuple[int, int]
) -> None:
    projector.resize(*size)
    projector.toggle_frozen()
    show_code(idle_teaching, "192.168.1.20", "K7PF2QXM3A")
    letters = [label.font().pixelSize() for label in projector.findChildren(QLabel) if label.text()]
    letters.append(projector.names.font().pixelSize())
    assert min(letters) >= size[1] / 25
    for label in projector.findChildren(QLabel):
        if label.isVisible() and not label.wordWrap():
            width = label.fontMetrics().horizontalAdvance(label.text())
            assert width <= label.width(), label.text()


def test_the_faces_are_the_largest_thing_and_four_by_four(projector: ProjectorWindow) -> None:
    projector.resize(1_920, 1_080)
    faces = projector.faces
    edge = min(faces.width(), faces.height())
    assert edge > 0.6 * projector.height()
    assert faces._picture.width() == faces._picture.height() == 4 * 34 + 2


def test_another_picture_than_a_grid_is_shown_whole(projector: ProjectorWindow) -> None:
    odd = QPixmap(100, 50)
    assert first_faces(odd).size() == odd.size()


def test_who_was_merged_is_named_in_that_order_without_hidden_people(
    idle_teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    with (
        taught.coordinating(),
        worker_thread(taught, taught.add_student("Ana")),
        worker_thread(taught, taught.add_student("Hidden")),
    ):
        hide_student(taught.coordinator, "Hidden")
        idle_teaching.teach(TaughtClass(taught.coordinator, "Vision"))
        qtbot.waitUntil(lambda: len(idle_teaching.snapshot.sample_iterations) > 3, timeout=PATIENCE_MS)
        projector = ProjectorWindow(idle_teaching)
        qtbot.addWidget(projector)
        projector.resize(1_024, 768)
        projector.show()
        qtbot.waitUntil(lambda: "Ana" in projector.names.shown, timeout=PATIENCE_MS)
        assert projector.names.shown.startswith("In this iteration:")
        assert "Hidden" not in projector.names.accessibleName()
        # Only this computer reaches the class: nobody in the room could type an address.
        assert "Join" not in seen(projector)
        projector.close()


def test_more_names_than_two_lines_hold_take_turns(qtbot: QtBot) -> None:
    line = NamesLine()
    qtbot.addWidget(line)
    line.resize(900, 100)
    line.set_letters(31)
    names = [f"Student {number}" for number in range(30)]
    line.show_names("In this iteration:", names)
    pages = []
    for _ in range(20):
        pages.append(line.shown)
        line.turn()
    assert all(len(page.splitlines()) <= 2 for page in pages)
    whole = " ".join(dict.fromkeys(pages))
    positions = [whole.index(name) for name in names]
    assert positions == sorted(positions)
    line.show_names("In this iteration:", ["<b>Ana</b>"])
    assert "<b>Ana</b>" in line.shown


def test_the_way_in_is_told_where_others_reach_the_class(
    projector: ProjectorWindow, idle_teaching: TeachingSession
) -> None:
    begins = 'Join: start GAN Desktop, "Join a class",'
    show_code(idle_teaching, "192.168.1.20")
    # Without a code the card is the way in: an address alone opens nothing.
    assert projector._join.text().splitlines() == [f"{begins} with your card"]
    # At minute ten nothing is more important: not paler than the rest.
    assert projector._join.property("role") != "muted"
    show_code(idle_teaching, "192.168.1.20", "K7PF2QXM3A")
    # Too narrow a screen for one line: what is to be typed stands together.
    typed = "address 192.168.1.20:23456, code K7PF2-QXM3A"
    assert projector._join.text().splitlines() == [begins, typed]
    projector.resize(3_000, 768)
    assert projector._join.text() == f"{begins} {typed}"
    show_code(idle_teaching, "127.0.0.1", "K7PF2QXM3A")
    assert not projector._join.isVisible()


# -- stepping ------------------------------------------------------------------------------------


def test_a_new_iteration_is_shown_unless_frozen(
    projector: ProjectorWindow, idle_teaching: TeachingSession, qtbot: QtBot
) -> None:
    show_class(idle_teaching, 4)
    bring(idle_teaching, 4)
    assert projector.iteration == 4
    qtbot.keyClick(projector, Qt.Key.Key_Space)
    assert "Frozen" in seen(projector)
    show_class(idle_teaching, 5)
    bring(idle_teaching, 5)
    assert projector.iteration == 4 and "Iteration 4" in seen(projector)
    qtbot.keyClick(projector, Qt.Key.Key_Space)
    assert projector.iteration == 5 and "Frozen" not in seen(projector)


def test_arrows_step_home_is_noise_and_end_the_newest(
    projector: ProjectorWindow, idle_teaching: TeachingSession, qtbot: QtBot
) -> None:
    for iteration in (2, 0):
        bring(idle_teaching, iteration)
    qtbot.keyClick(projector, Qt.Key.Key_Left)
    assert projector.iteration == 2 and projector.is_frozen
    qtbot.keyClick(projector, Qt.Key.Key_Home)
    assert projector.iteration == 0
    assert "Watch this square" in projector.names.shown
    # Another iteration tears nobody away.
    show_class(idle_teaching, 4)
    bring(idle_teaching, 4)
    assert projector.iteration == 0
    qtbot.keyClick(projector, Qt.Key.Key_End)
    assert projector.iteration == 4 and not projector.is_frozen
    qtbot.keyClick(projector, Qt.Key.Key_Right)
    assert projector.iteration == 4


def test_a_picture_that_is_not_here_is_asked_for(
    projector: ProjectorWindow, idle_teaching: TeachingSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(idle_teaching, "request_sample", asked.append)
    projector.slider.setValue(1)
    assert asked == [1] and projector.iteration == 3
    bring(idle_teaching, 1)
    assert projector.iteration == 1


def test_less_motion_cuts_and_otherwise_it_fades(
    projector: ProjectorWindow, idle_teaching: TeachingSession
) -> None:
    show_class(idle_teaching, 4)
    bring(idle_teaching, 4)
    assert projector.faces._fade.state() is projector.faces._fade.State.Running
    idle_teaching.change_preferences(less_motion=True)
    show_class(idle_teaching, 5)
    bring(idle_teaching, 5)
    assert projector.faces._fade.state() is projector.faces._fade.State.Stopped


def test_another_training_begins_with_its_own_faces(
    projector: ProjectorWindow, idle_teaching: TeachingSession
) -> None:
    assert projector.pictures.picture(3) is not None
    now = idle_teaching.snapshot
    assert now.training is not None
    other = replace(now.training, run=replace(now.training.run, run_id=2))
    idle_teaching._take_snapshot(replace(now, training=other, sample_iterations=(0,)))
    assert projector.pictures.picture(3) is None
    assert projector.iteration is None


def test_names_of_another_training_that_come_late_are_not_shown(
    idle_teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    with taught.coordinating(), worker_thread(taught, taught.add_student("Ana")):
        taught.await_iteration(1)
    taught.set_status(RunStatus.COMPLETE)
    idle_teaching.teach(TaughtClass(taught.coordinator, "Vision"))
    qtbot.waitUntil(lambda: idle_teaching.snapshot.training is not None, timeout=PATIENCE_MS)
    projector = ProjectorWindow(idle_teaching)
    qtbot.addWidget(projector)
    projector.resize(1_024, 768)
    now = idle_teaching.snapshot
    assert now.training is not None
    projector._on_screen = 1
    other = replace(now.training, run=replace(now.training.run, run_id=now.training.run.run_id + 1))
    projector._ask_names()
    idle_teaching._snapshot = replace(now, training=other)
    assert wait_for_background(PATIENCE_MS)
    QGuiApplication.processEvents()
    assert "Ana" not in projector.names.shown
    idle_teaching._snapshot = now
    projector._ask_names()
    qtbot.waitUntil(lambda: "Ana" in projector.names.shown, timeout=PATIENCE_MS)


def test_the_pointer_goes_when_the_mouse_rests_and_comes_when_it_moves(
    projector: ProjectorWindow, qtbot: QtBot
) -> None:
    shown = projector.cursor().shape()
    projector._pointer_rest.start(10)
    qtbot.waitUntil(lambda: projector.cursor().shape() is Qt.CursorShape.BlankCursor)
    for part in (projector.faces, projector.names, projector):
        projector.setCursor(Qt.CursorShape.BlankCursor)
        qtbot.mouseMove(part, QPoint(20, 20))
        qtbot.mouseMove(part, QPoint(30, 30))
        qtbot.waitUntil(lambda: projector.cursor().shape() is shown)
    assert projector._pointer_rest.isActive()


# -- coming and going ----------------------------------------------------------------------------


def test_f11_opens_and_closes_it_and_escape_closes_it(admin_window: TeachingWindow, qtbot: QtBot) -> None:
    def projectors() -> list[ProjectorWindow]:
        return [w for w in QGuiApplication.instance().topLevelWidgets() if isinstance(w, ProjectorWindow)]  # type: ignore[union-attr]

    qtbot.keyClick(admin_window, Qt.Key.Key_F11)
    [shown] = projectors()
    assert shown.isFullScreen()
    qtbot.keyClick(shown, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not projectors())
    admin_window.activateWindow()
    qtbot.waitUntil(admin_window.isActiveWindow)
    qtbot.keyClick(admin_window, Qt.Key.Key_F11)
    [shown] = projectors()
    qtbot.keyClick(shown, Qt.Key.Key_F11)
    qtbot.waitUntil(lambda: not projectors())


def test_a_class_without_a_training_says_what_comes(
    teaching: TeachingSession, qtbot: QtBot, tmp_path: Path
) -> None:
    projector = ProjectorWindow(teaching)
    qtbot.addWidget(projector)
    projector.resize(1_024, 768)
    projector.show()
    assert projector.iteration is None
    assert projector.faces._words == "The first faces come when the training has begun."
    assert projector.faces.font().pixelSize() >= 768 / 25
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Space):
        qtbot.keyClick(projector, key)
    assert projector.iteration is None
