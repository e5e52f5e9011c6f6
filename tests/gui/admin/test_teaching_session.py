"""The instructor's session: watching a class, running its training, giving way to another program."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import shiboken6
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from gan_desktop.class_admin.hosting import Host, hosted_administrator
from gan_desktop.class_admin.login import make_class
from gan_desktop.class_admin.people import add_student
from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.coordinator_thread import CoordinatorEnded
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.snapshot import Coordination, TaughtClass
from gan_desktop.gui.background import wait_for_background
from gan_desktop.gui.window_session import Places
from gan_desktop.records import RunStatus
from tests.gui.admin.conftest import PATIENCE_MS
from tests.integration.lesson import Lesson, worker_thread


def test_the_class_is_read_with_all_its_parts(teaching: TeachingSession, taught: Lesson) -> None:
    snapshot = teaching.snapshot
    assert snapshot.status is not None and snapshot.status.title == "Vision" == teaching.title
    assert [run.run_id for run in snapshot.status.runs] == [taught.run_id]
    assert snapshot.room is not None and snapshot.room.used_by_class >= 1
    assert snapshot.mbit_s == 0.0
    assert teaching.link is not None and teaching.link.is_connected
    assert teaching.coordination == Coordination()


def test_a_change_is_seen_at_once_and_an_error_goes_to_the_banner(
    teaching: TeachingSession, qtbot: QtBot
) -> None:
    teaching.change(lambda coordinator: add_student(coordinator, "Ana"), owner=teaching)
    qtbot.waitUntil(lambda: [s.name for s in teaching.snapshot.students] == ["Ana"], timeout=PATIENCE_MS)
    teaching.change(lambda coordinator: add_student(coordinator, "Ana"), owner=teaching)
    qtbot.waitUntil(lambda: teaching.trouble is not None, timeout=PATIENCE_MS)
    assert len(teaching.snapshot.students) == 1
    seen: list[GanDesktopError] = []
    teaching.dismiss_trouble()
    teaching.ask(
        lambda coordinator: add_student(coordinator, "Ana"), print, owner=teaching, on_error=seen.append
    )
    qtbot.waitUntil(lambda: len(seen) == 1, timeout=PATIENCE_MS)
    assert teaching.trouble is None


def test_a_training_runs_here_is_paused_goes_on_and_rests(
    teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    teaching.begin_training(taught.run_id)
    assert teaching.coordination == Coordination("here", taught.run_id, is_starting=True)
    with worker_thread(taught):
        qtbot.waitUntil(lambda: taught.iteration >= 2, timeout=PATIENCE_MS)
        assert teaching.coordination == Coordination("here", taught.run_id)
        qtbot.waitUntil(lambda: teaching.newest_sample is not None, timeout=PATIENCE_MS)
        teaching.steer(RunStatus.PAUSED)
        qtbot.waitUntil(lambda: taught.status is RunStatus.PAUSED, timeout=PATIENCE_MS)
        teaching.steer(RunStatus.RUNNING)
        qtbot.waitUntil(lambda: taught.status is RunStatus.RUNNING, timeout=PATIENCE_MS)
        with qtbot.waitSignal(teaching.snapshot_changed, timeout=PATIENCE_MS):
            teaching.refresh()
        while_it_ran = teaching.snapshot
        teaching.stop_coordinating()
        qtbot.waitUntil(lambda: teaching.coordination.place == "nobody", timeout=PATIENCE_MS)
    # What was read before tells of a coordinator: that was ours.
    teaching._take_snapshot(while_it_ran)
    assert teaching.coordination.place == "nobody"
    # It was stopped by hand: looking at the class again does not start it.
    with qtbot.waitSignal(teaching.snapshot_changed, timeout=PATIENCE_MS):
        teaching.refresh()
    assert teaching.coordination.place == "nobody"
    teaching.steer(RunStatus.COMPLETE)
    qtbot.waitUntil(lambda: taught.status is RunStatus.COMPLETE, timeout=PATIENCE_MS)


def test_a_training_left_by_a_killed_window_goes_on_from_its_last_iteration(
    idle_teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    with worker_thread(taught):
        killed = taught.start_coordinator()
        taught.await_iteration(2)
        killed.kill()
        taught.end_coordinators_lease()
        before = taught.iteration
        idle_teaching.teach(TaughtClass(taught.coordinator))
        qtbot.waitUntil(lambda: idle_teaching.coordination.place == "here", timeout=PATIENCE_MS)
        qtbot.waitUntil(lambda: taught.iteration >= before + 2, timeout=PATIENCE_MS)
    taught.assert_nothing_lost_or_counted_twice()


def test_a_second_window_watches_a_training_and_takes_it_up_when_asked(
    idle_teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    with taught.coordinating():
        idle_teaching.teach(TaughtClass(taught.coordinator))
        qtbot.waitUntil(lambda: idle_teaching.coordination.place == "elsewhere", timeout=PATIENCE_MS)
        assert idle_teaching.trouble is None
        idle_teaching.steer(RunStatus.PAUSED)
        qtbot.waitUntil(lambda: taught.status is RunStatus.PAUSED, timeout=PATIENCE_MS)
        idle_teaching.steer(RunStatus.RUNNING)
        qtbot.waitUntil(lambda: taught.status is RunStatus.RUNNING, timeout=PATIENCE_MS)
    idle_teaching.begin_training(taught.run_id)
    qtbot.waitUntil(
        lambda: idle_teaching.coordination == Coordination("here", taught.run_id), timeout=PATIENCE_MS
    )


def test_the_end_of_a_lesson_is_known_after_a_restart(
    teaching: TeachingSession, taught: Lesson, tmp_path: Path, qtbot: QtBot
) -> None:
    assert teaching.lesson_ends_at is None
    ends_at = time.time() + 600
    with qtbot.waitSignal(teaching.lesson_changed):
        teaching.set_lesson_end(ends_at)
    again = TeachingSession(Places.below(tmp_path / "teacher"))
    again.teach(TaughtClass(taught.coordinator))
    qtbot.waitUntil(lambda: again.taught is not None, timeout=PATIENCE_MS)
    assert again.lesson_ends_at == ends_at
    again.set_lesson_end(None)
    assert again.lesson_ends_at is None
    with qtbot.waitSignal(again.shut_down_done, timeout=PATIENCE_MS):
        again.shut_down()
    again.deleteLater()


def test_an_answer_for_a_former_class_is_told_to_nobody(
    teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    answers: list[object] = []
    release = threading.Event()

    def slow(_address: object) -> str:
        release.wait(20)
        return "of the former class"

    teaching.ask(slow, answers.append, owner=teaching, on_error=answers.append)
    teaching.teach(TaughtClass(taught.coordinator, "Again"))
    qtbot.waitUntil(lambda: teaching.taught is not None and teaching.taught.title == "Again")
    release.set()
    teaching.ask(lambda _address: "of this one", answers.append, owner=teaching)
    qtbot.waitUntil(lambda: bool(answers), timeout=PATIENCE_MS)
    assert wait_for_background(10_000)
    qtbot.wait(1)
    assert answers == ["of this one"]


def test_a_page_thread_that_is_deleted_before_its_end_is_told_keeps_no_window_open(
    idle_teaching: TeachingSession, qtbot: QtBot
) -> None:
    early, late = QThread(idle_teaching), QThread(idle_teaching)
    for thread in (early, late):
        idle_teaching.keep_open_for(thread)
        thread.start()
    early.quit()
    assert early.wait(PATIENCE_MS)
    shiboken6.delete(early)
    with qtbot.waitSignal(idle_teaching.shut_down_done, timeout=PATIENCE_MS):
        idle_teaching.shut_down()
        late.quit()


def test_without_a_class_a_question_is_refused(idle_teaching: TeachingSession) -> None:
    errors: list[GanDesktopError] = []
    idle_teaching.ask(lambda _address: None, print, owner=idle_teaching, on_error=errors.append)
    assert [error.title for error in errors] == ["No class yet"]


def test_turning_to_another_class_while_a_server_starts_opens_that_one(
    idle_teaching: TeachingSession, taught: Lesson, open_folder: Path, qtbot: QtBot
) -> None:
    idle_teaching.teach(TaughtClass(taught.coordinator, "Hosted", hosted_in=open_folder / "server"))
    qtbot.waitUntil(lambda: idle_teaching.has_host, timeout=PATIENCE_MS)
    idle_teaching.teach(TaughtClass(taught.coordinator, "Elsewhere"))
    qtbot.waitUntil(lambda: idle_teaching.taught is not None, timeout=PATIENCE_MS)
    assert idle_teaching.taught is not None and idle_teaching.taught.title == "Elsewhere"
    assert not idle_teaching.has_host


def test_a_server_of_this_computer_that_is_lost_is_started_again(
    idle_teaching: TeachingSession, open_folder: Path, qtbot: QtBot
) -> None:
    folder = open_folder / "class"
    with Host(folder):
        coordinator = make_class(hosted_administrator(folder), "Vision")
    idle_teaching.teach(TaughtClass(coordinator, "Vision", hosted_in=folder))
    qtbot.waitUntil(lambda: idle_teaching.snapshot.status is not None, timeout=PATIENCE_MS)
    assert idle_teaching.is_hosting
    host = idle_teaching._host
    assert host is not None
    host.end()
    qtbot.waitUntil(lambda: not idle_teaching.has_host, timeout=PATIENCE_MS)
    idle_teaching.refresh()
    qtbot.waitUntil(lambda: idle_teaching.is_hosting, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: idle_teaching.snapshot.status is not None, timeout=PATIENCE_MS)


def test_a_coordinator_that_falls_over_is_not_started_again_by_itself(
    teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    teaching.begin_training(taught.run_id)
    qtbot.waitUntil(lambda: taught.status is RunStatus.RUNNING, timeout=PATIENCE_MS)
    with qtbot.waitSignal(teaching.trouble_changed, timeout=PATIENCE_MS):
        teaching._take_end(CoordinatorEnded(False, GanDesktopError("It fell over.")))
    teaching._coordinator.stop()  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: teaching.coordination.place == "nobody", timeout=PATIENCE_MS)
    with qtbot.waitSignal(teaching.snapshot_changed, timeout=PATIENCE_MS):
        teaching.refresh()
    assert teaching.coordination.place == "nobody"
