"""The lesson's clock: set, warned of, ended by hand or by itself, with who has handed in."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTime
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.gui.admin.lesson.bar import HAND_IN_S, LessonBar
from gan_desktop.gui.admin.lesson.end_dialog import LessonEndDialog
from gan_desktop.gui.admin.lesson.time_dialog import LessonTimeDialog
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.records import Notice, RunStatus, UnitProgress
from tests.gui.admin.conftest import PATIENCE_MS
from tests.gui.admin.people import button, newest, snapshot
from tests.integration.conftest import superuser_address
from tests.integration.lesson import LONG_UNITS, Lesson, lesson, worker_thread


@pytest.fixture
def bar(idle_teaching: TeachingSession, qtbot: QtBot) -> Iterator[LessonBar]:
    window = QWidget()
    qtbot.addWidget(window)
    bar = LessonBar(idle_teaching, window)
    bar.resize(900, 40)
    window.show()
    yield bar


@pytest.fixture
def long_units(server: EmbeddedPostgres, open_folder: Path) -> Iterator[Lesson]:
    with lesson(superuser_address(server), open_folder / "lesson", LONG_UNITS) as held:
        yield held


@contextmanager
def teaching_a_unit_in_work(
    session: TeachingSession, held: Lesson, qtbot: QtBot
) -> Iterator[Sequence[object]]:
    """A training that goes on, with one computer in the middle of a unit; yields what it reports."""
    session.teach(TaughtClass(held.coordinator, "Vision"))
    with held.coordinating(), worker_thread(held, held.add_student("Ana")) as (_, recorder):
        fifth = LONG_UNITS.max_unit_images // 5
        qtbot.waitUntil(
            lambda: any(r.num_images_done >= fifth for r in recorder.of(UnitProgress)), timeout=PATIENCE_MS
        )
        session.refresh()
        qtbot.waitUntil(lambda: _is_running(session), timeout=PATIENCE_MS)
        yield recorder.reports


def _is_running(session: TeachingSession) -> bool:
    training = session.snapshot.training
    return training is not None and training.run.status is RunStatus.RUNNING


def words(bar: LessonBar) -> str:
    return bar._words.text()


# -- when it ends --------------------------------------------------------------------------------


def test_the_row_is_there_once_there_is_a_class(bar: LessonBar, idle_teaching: TeachingSession) -> None:
    assert bar.isHidden()


def test_setting_the_end_counts_the_minutes_down(
    bar: LessonBar, idle_teaching: TeachingSession, qtbot: QtBot
) -> None:
    assert words(bar) == "No end of the lesson is set."
    bar.ask_time()
    dialog = newest(bar.window(), LessonTimeDialog)
    button(dialog, "In 90 minutes").click()
    in_90 = datetime.now() + timedelta(minutes=90)
    assert abs((dialog.moment() - in_90).total_seconds()) < 61
    button(dialog, "Set").click()
    ends_at = idle_teaching.lesson_ends_at
    assert ends_at is not None and abs(ends_at - in_90.timestamp()) < 61
    assert words(bar).startswith(f"Lesson ends {datetime.fromtimestamp(ends_at):%H:%M} (1 h ")


def test_a_time_that_is_over_today_is_tomorrows(
    bar: LessonBar, idle_teaching: TeachingSession, qtbot: QtBot
) -> None:
    bar.ask_time()
    dialog = newest(bar.window(), LessonTimeDialog)
    past = datetime.now() - timedelta(minutes=2)
    dialog.time.setTime(QTime(past.hour, past.minute))
    assert dialog.moment() - datetime.now() > timedelta(hours=23)
    assert dialog.left.text().startswith(f"tomorrow at {past:%H:%M}, in 23 h ")
    assert dialog.left.property("role") == "bad"
    idle_teaching.set_lesson_end(dialog.moment().timestamp())
    assert words(bar).startswith(f"Lesson ends tomorrow at {past:%H:%M} (")
    idle_teaching.set_lesson_end(None)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert idle_teaching.lesson_ends_at is None


def test_the_end_is_kept_over_restarts_and_taken_away_by_no_end(
    idle_teaching: TeachingSession, bar: LessonBar, qtbot: QtBot
) -> None:
    idle_teaching.set_lesson_end(time.time() + 1_800)
    again = LessonBar(idle_teaching)
    qtbot.addWidget(again)
    assert "Lesson ends" in words(again)
    bar.ask_time()
    button(newest(bar.window(), LessonTimeDialog), "No end").click()
    assert idle_teaching.lesson_ends_at is None
    assert words(bar) == words(again) == "No end of the lesson is set."


def test_five_minutes_before_the_end_the_row_warns_in_words(
    bar: LessonBar, idle_teaching: TeachingSession
) -> None:
    idle_teaching._take_snapshot(snapshot([], []))
    ends_at = time.time() + 290
    idle_teaching.set_lesson_end(ends_at)
    bar._look_at_clock()
    hand_in = datetime.fromtimestamp(ends_at - HAND_IN_S)
    assert words(bar).endswith(f"At {hand_in:%H:%M} everybody hands in.")
    assert bar._words.property("role") == "bad"


def test_a_lesson_whose_end_nobody_saw_is_forgotten(bar: LessonBar, idle_teaching: TeachingSession) -> None:
    idle_teaching.set_lesson_end(time.time() - 3_600)
    bar._look_at_clock()
    assert idle_teaching.lesson_ends_at is None


# -- its end -------------------------------------------------------------------------------------


def test_end_lesson_waits_for_everybody_and_says_when_laptops_may_be_closed(
    bar: LessonBar, idle_teaching: TeachingSession, long_units: Lesson, qtbot: QtBot
) -> None:
    with teaching_a_unit_in_work(idle_teaching, long_units, qtbot) as reports:
        idle_teaching.set_lesson_end(time.time() + 1_800)
        qtbot.mouseClick(bar.end_button, Qt.MouseButton.LeftButton)
        dialog = newest(bar.window(), LessonEndDialog)
        # It asks first.
        assert not dialog.has_begun
        dialog.message.setPlainText("Thank you\nall.")
        with qtbot.waitSignal(dialog.over, timeout=PATIENCE_MS):
            qtbot.mouseClick(dialog.end_button, Qt.MouseButton.LeftButton)
        assert dialog.count.text() == "1 of 1 handed in."
        assert dialog.advice.text() == "Laptops may be closed."
        assert words(bar) == "1 of 1 handed in."
        assert long_units.status is RunStatus.PAUSED
        assert not long_units.query("SELECT 1 FROM gan.work_units WHERE status = 'in_progress'")
        merged = "all that was handed in is merged."
        qtbot.waitUntil(lambda: dialog.iteration.text().endswith(merged), timeout=PATIENCE_MS)
        said = "Message from your instructor: Thank you all."
        qtbot.waitUntil(lambda: Notice(said) in reports, timeout=PATIENCE_MS)
        assert idle_teaching.lesson_ends_at is None
        button(dialog, "Close").click()
        assert words(bar) == "No end of the lesson is set."


def test_two_minutes_before_its_time_a_lesson_ends_by_itself(
    bar: LessonBar, idle_teaching: TeachingSession, long_units: Lesson, qtbot: QtBot
) -> None:
    with teaching_a_unit_in_work(idle_teaching, long_units, qtbot):
        idle_teaching.set_lesson_end(time.time() + HAND_IN_S + 0.5)
        qtbot.waitUntil(lambda: long_units.status is RunStatus.PAUSED, timeout=PATIENCE_MS)
        dialog = newest(bar.window(), LessonEndDialog)
        qtbot.waitUntil(lambda: dialog.close_button.isVisible(), timeout=PATIENCE_MS)
        dialog.close()
        assert idle_teaching.lesson_ends_at is None


def test_who_is_missing_is_named_and_one_may_go_on_without_him(
    bar: LessonBar, idle_teaching: TeachingSession, long_units: Lesson, qtbot: QtBot
) -> None:
    held = long_units
    idle_teaching.teach(TaughtClass(held.coordinator, "Vision"))
    with held.coordinating():
        program = held.start_worker(held.add_student("Ben"))
        held.await_unit_in_work(program)
        program.kill()
        idle_teaching.refresh()
        qtbot.waitUntil(lambda: _is_running(idle_teaching), timeout=PATIENCE_MS)
        bar.ask_to_end()
        dialog = newest(bar.window(), LessonEndDialog)
        qtbot.keyClick(dialog, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: dialog.missing.count() == 1, timeout=PATIENCE_MS)
        assert dialog.count.text() == "0 of 1 handed in."
        assert dialog.missing.item(0).text().startswith("Ben: ")
        assert "leave the laptops open" in dialog.advice.text()
        with qtbot.waitSignal(dialog.over, timeout=PATIENCE_MS):
            qtbot.mouseClick(dialog.go_on_button, Qt.MouseButton.LeftButton)
        assert dialog.advice.text().startswith("Laptops may be closed.")
        button(dialog, "Close").click()


def test_an_end_can_be_taken_back(
    bar: LessonBar, idle_teaching: TeachingSession, long_units: Lesson, qtbot: QtBot
) -> None:
    with teaching_a_unit_in_work(idle_teaching, long_units, qtbot):
        bar.ask_to_end()
        dialog = newest(bar.window(), LessonEndDialog)
        with qtbot.waitSignal(dialog.over, timeout=PATIENCE_MS):
            dialog.begin()
        button(dialog, "Resume the training").click()
        qtbot.waitUntil(lambda: long_units.status is RunStatus.RUNNING, timeout=PATIENCE_MS)


def test_the_end_of_a_lesson_is_not_taken_along_to_another_class(
    bar: LessonBar, idle_teaching: TeachingSession, long_units: Lesson, qtbot: QtBot
) -> None:
    ends_at = time.time() + 3_600
    with teaching_a_unit_in_work(idle_teaching, long_units, qtbot):
        idle_teaching.set_lesson_end(ends_at)
        bar.ask_to_end()
        dialog = newest(bar.window(), LessonEndDialog)
        dialog.begin()
        qtbot.waitUntil(lambda: dialog.has_begun, timeout=PATIENCE_MS)
        idle_teaching.teach(TaughtClass(long_units.coordinator, "Vision"))
        qtbot.waitUntil(lambda: not bar.window().findChildren(LessonEndDialog), timeout=PATIENCE_MS)
        qtbot.waitUntil(lambda: idle_teaching.taught is not None, timeout=PATIENCE_MS)
        assert bar._end is None
        assert idle_teaching.lesson_ends_at == ends_at


def test_without_a_connection_the_end_says_so_and_can_be_tried_again(
    bar: LessonBar, idle_teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    idle_teaching.teach(TaughtClass(taught.coordinator, "Vision"))
    qtbot.waitUntil(lambda: idle_teaching.snapshot.status is not None, timeout=PATIENCE_MS)
    dialog = LessonEndDialog(idle_teaching, bar.window())
    dialog.show()
    # The training has not begun: there is nothing to hand in.
    dialog.begin()
    qtbot.waitUntil(lambda: dialog.trouble is not None, timeout=PATIENCE_MS)
    assert dialog.end_button.isEnabled() and not dialog.has_begun
    dialog.reject()
