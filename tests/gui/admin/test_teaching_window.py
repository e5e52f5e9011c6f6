"""The instructor's window over a real class: strip, status line, closing, coming back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from gan_desktop.database.statistics import RunSummary
from gan_desktop.gui.admin.main_window import PAGES, TeachingWindow
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.snapshot import Coordination
from gan_desktop.gui.admin.strip import TeachingStrip
from gan_desktop.gui.admin.strip_look import Action, Situation, look_of
from gan_desktop.records import RunStatus
from tests.gui.admin.conftest import PATIENCE_MS
from tests.gui.admin.people import snapshot
from tests.gui.test_keyboard import missed, visited
from tests.integration.lesson import Lesson, worker_thread


def test_the_title_names_the_class(admin_window: TeachingWindow) -> None:
    assert admin_window.windowTitle() == "GAN Desktop Teaching: Vision"


def test_every_page_opens_by_its_key_and_by_its_number(admin_window: TeachingWindow, qtbot: QtBot) -> None:
    for number, entry in enumerate(PAGES, start=1):
        admin_window.session.show_page(entry.key)
        assert admin_window.page(entry.key).isVisible()
        admin_window.session.show_page("today")
        key = getattr(Qt.Key, f"Key_{number}")
        qtbot.keyClick(admin_window, key, Qt.KeyboardModifier.ControlModifier)
        assert admin_window.page(entry.key).isVisible()


def test_the_strip_says_what_comes_next(admin_window: TeachingWindow, taught: Lesson, qtbot: QtBot) -> None:
    strip = admin_window.strip
    assert strip.look is not None and strip.look.button is Action.START
    with worker_thread(taught):
        qtbot.keyClick(admin_window, Qt.Key.Key_F5)
        _wait(qtbot, lambda: strip.look is not None and strip.look.button is Action.PAUSE)
        _wait(qtbot, lambda: strip.look is not None and "iteration 2" in strip.look.sentence)
        assert strip.look.details == "This window runs the training."
        qtbot.keyClick(admin_window, Qt.Key.Key_F6)
        _wait(qtbot, lambda: strip.look is not None and strip.look.button is Action.RESUME)
        _wait(qtbot, lambda: taught.status is RunStatus.PAUSED)
        qtbot.mouseClick(strip.button, Qt.MouseButton.LeftButton)
        _wait(qtbot, lambda: strip.look is not None and strip.look.button is Action.PAUSE)
        strip.finish()
        _button(admin_window.findChild(QMessageBox), "Finish the training").click()
        _wait(qtbot, lambda: strip.look is not None and strip.look.button is Action.SEE_RESULTS)
    _wait(qtbot, lambda: taught.status is RunStatus.COMPLETE)


def test_closing_a_window_that_runs_the_training_asks_first(
    admin_window: TeachingWindow, taught: Lesson, qtbot: QtBot
) -> None:
    session = admin_window.session
    session.begin_training(taught.run_id)
    with worker_thread(taught):
        _wait(qtbot, lambda: taught.iteration >= 1)
        _wait(qtbot, lambda: session.coordination == Coordination("here", taught.run_id))
        _wait(qtbot, lambda: admin_window.closing._num_present() == 1)
        admin_window.close()
        box = admin_window.closing.box
        assert box is not None and box.text() == "Closing stops the class: 1 computer will wait."
        _button(box, "Cancel").click()
        assert admin_window.isVisible() and admin_window.closing.box is None
        admin_window.close()
        assert admin_window.closing.box is not None
        with qtbot.waitSignal(admin_window.ended, timeout=PATIENCE_MS):
            _button(admin_window.closing.box, "Stop class and close").click()
    assert taught.status is RunStatus.RUNNING
    taught.assert_nothing_lost_or_counted_twice()


def test_a_window_that_runs_nothing_just_closes(admin_window: TeachingWindow, qtbot: QtBot) -> None:
    with qtbot.waitSignal(admin_window.ended, timeout=PATIENCE_MS):
        admin_window.close()


def test_a_lost_connection_is_said_and_mends_itself(
    admin_window: TeachingWindow, taught: Lesson, qtbot: QtBot
) -> None:
    strip = admin_window.strip
    taught.superuser.execute(f"ALTER ROLE {taught.coordinator.user} NOLOGIN")
    taught.superuser.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [taught.coordinator.user]
    )
    _wait(qtbot, lambda: strip.look is not None and strip.look.button is Action.TRY_NOW)
    taught.superuser.execute(f"ALTER ROLE {taught.coordinator.user} LOGIN")
    qtbot.mouseClick(strip.button, Qt.MouseButton.LeftButton)
    _wait(qtbot, lambda: strip.look is not None and strip.look.button is Action.START)


@pytest.mark.parametrize(
    ("situation", "button"),
    [
        (Situation(preparing="Starting ..."), Action.TRY_NOW),
        (Situation(has_class=False), Action.BEGIN_CLASS),
        (Situation(is_connected=False), Action.TRY_NOW),
        (Situation(has_pictures=False), Action.ADD_PICTURES),
        (Situation(), Action.NEW_TRAINING),
        (Situation(has_ended=True), Action.SEE_RESULTS),
    ],
)
def test_without_a_training_the_strip_leads_to_one(
    application: object, situation: Situation, button: Action
) -> None:
    look = look_of(situation)
    assert look.button is button and look.sentence


def test_a_training_that_was_ended_early_is_not_said_to_be_complete(application: object) -> None:
    run = RunSummary(1, "Faces", RunStatus.COMPLETE, 1, 30, 75, 4_096, None, None)
    look = look_of(Situation(run=run))
    assert "was ended at iteration 30 of 75" in look.sentence
    assert look.progress == pytest.approx(0.4) and look.icon != "check"
    assert look_of(Situation(run=replace(run, iteration=0))).button is Action.NEW_TRAINING
    assert look_of(Situation(run=replace(run, iteration=75))).progress == 1.0


def _wait(qtbot: QtBot, condition: Callable[[], bool]) -> None:
    qtbot.waitUntil(condition, timeout=PATIENCE_MS)


def _button(box: QWidget | None, text: str) -> QAbstractButton:
    assert isinstance(box, QMessageBox)
    [button] = [button for button in box.buttons() if button.text().replace("&", "") == text]
    return button


@pytest.mark.parametrize("key", [page.key for page in PAGES])
def test_tab_leads_to_everything_on_a_page(key: str, admin_window: TeachingWindow, qtbot: QtBot) -> None:
    admin_window.activateWindow()
    qtbot.waitUntil(admin_window.isActiveWindow, timeout=PATIENCE_MS)
    admin_window.session.show_page(key)
    qtbot.wait(50)
    assert missed(admin_window, visited(admin_window, qtbot)) == []


def test_the_first_iterations_promise_no_end(idle_teaching: TeachingSession, qtbot: QtBot) -> None:
    strip = TeachingStrip(idle_teaching)
    qtbot.addWidget(strip)
    began = time.monotonic()
    idle_teaching._take_snapshot(snapshot([], [], iteration=2))
    strip._pace.clear()
    strip._pace.extend([(began, 1, 0), (began + 60.0, 1, 2)])
    assert strip._seconds_left() is None
    strip._pace.append((began + 90.0, 1, 3))
    assert strip._seconds_left() == pytest.approx(397 * 30.0, rel=0.1)
