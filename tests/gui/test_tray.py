from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from gan_desktop.database.address import Address
from gan_desktop.errors import ConnectionFailed
from gan_desktop.gui import icons
from gan_desktop.gui.main_window import MainWindow
from gan_desktop.gui.message_card import MessageCard
from gan_desktop.gui.paged_window import LEAST_SIZE
from gan_desktop.gui.session import Session
from gan_desktop.gui.snapshot import ClassSnapshot
from gan_desktop.gui.tray import LONG_PROBLEM_MS, Kind, Tray
from gan_desktop.gui.waiting_dialog import WaitingDialog
from gan_desktop.records import ClassMessage, StateChanged, WorkerState
from tests.gui.conftest import PATIENCE_MS, WORKING
from tests.integration.lesson import Lesson

Join = Callable[[Address], None]


@pytest.fixture
def tray(session: Session, window: MainWindow) -> Iterator[Tray]:
    made = Tray(session, window)
    yield made
    made._long_problem.stop()


@pytest.fixture
def told(tray: Tray, window: MainWindow) -> list[tuple[str, str]]:
    """What is notified while nobody looks at the window."""
    window.hide()
    notifications: list[tuple[str, str]] = []
    tray.notified.connect(lambda title, text: notifications.append((title, text)))
    return notifications


@pytest.fixture
def contributing(held_lesson: Lesson, session: Session, join: Join, qtbot: QtBot) -> Iterator[Lesson]:
    """A class that this computer contributes to: no demo, in which closing would quit at once."""
    with held_lesson.coordinating():
        join(held_lesson.add_student("Ana"))
        assert session.joined is not None
        session._joined = replace(session.joined, is_demo=False)
        session.start()
        qtbot.waitUntil(lambda: session.state.state in WORKING, timeout=PATIENCE_MS)
        yield held_lesson
        session.stop_now()
        qtbot.waitUntil(lambda: not session.is_contributing, timeout=PATIENCE_MS)


def entries(tray: Tray) -> dict[str, bool]:
    return {entry.text(): entry.isEnabled() for entry in tray.menu.actions() if entry.text()}


def kind_of(tray: Tray) -> Kind | None:
    return tray.kind


def hear(session: Session, *messages: ClassMessage) -> None:
    session._take_snapshot(ClassSnapshot(messages=messages))


def box_of(window: MainWindow) -> QMessageBox:
    return next(box for box in window.findChildren(QMessageBox) if box.isVisible())


def press(box: QObject, text: str) -> None:
    next(button for button in box.findChildren(QPushButton) if button.text() == text).click()


def let_worker_be(session: Session, state: WorkerState) -> None:
    session._state = StateChanged(state)
    session.state_changed.emit(session._state)


# -- icon and menu ------------------------------------------------------------------------------


def test_shapes_differ_and_not_only_colours() -> None:
    alphas = []
    for kind in Kind:
        picture = icons.pixmap(kind.value, 24, "accent").toImage()
        alphas.append(bytes(picture.pixelColor(x, y).alpha() // 128 for x in range(24) for y in range(24)))
    for first, second in ((0, 1), (0, 2), (1, 2)):
        differing = sum(a != b for a, b in zip(alphas[first], alphas[second], strict=True))
        assert differing > 60


def test_menu_has_the_strips_controls(tray: Tray, session: Session, window: MainWindow) -> None:
    offered = entries(tray)
    assert offered.pop("You have not joined a class yet.") is False
    assert offered["Join a class"]
    for text in ("Pause 15 minutes", "Pause 60 minutes", "Finish this unit, then stop", "Stop now"):
        assert offered[text] is False
    assert offered["Open the window"]
    assert offered["Quit"]


def test_class_is_steered_from_the_tray(
    contributing: Lesson, tray: Tray, session: Session, qtbot: QtBot
) -> None:
    assert tray.kind is Kind.WORKING
    pause = next(entry for entry in tray.menu.actions() if entry.text() == "Pause 15 minutes")
    pause.trigger()
    qtbot.waitUntil(lambda: session.state.state is WorkerState.PAUSED, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: tray.kind is Kind.PAUSED)
    qtbot.waitUntil(lambda: entries(tray).get("Resume", False))
    assert any(text.startswith("Paused until") for text in entries(tray))
    tray._main.trigger()
    qtbot.waitUntil(lambda: session.state.state in WORKING, timeout=PATIENCE_MS)
    assert tray.kind is Kind.WORKING


def test_error_that_ended_the_worker_is_trouble(tray: Tray, session: Session) -> None:
    session.tell_trouble(ConnectionFailed("No answer.", cause="login"))
    assert kind_of(tray) is Kind.TROUBLE
    session.dismiss_trouble()
    assert kind_of(tray) is Kind.PAUSED


# -- notifications ------------------------------------------------------------------------------


def test_a_message_is_notified_once(tray: Tray, told: list[tuple[str, str]], session: Session) -> None:
    old = ClassMessage(1, "Of yesterday.", time.time() - 86_400, False)
    new = ClassMessage(2, "Ten more minutes!", time.time() + 1, False)
    hear(session, old)
    hear(session, new, old)
    hear(session, old)
    hear(session, new, old)
    assert told == [("A message from your instructor", "Ten more minutes!")]


def test_completion_is_notified(tray: Tray, told: list[tuple[str, str]], session: Session) -> None:
    let_worker_be(session, WorkerState.COMPLETE)
    let_worker_be(session, WorkerState.COMPLETE)
    assert [title for title, _ in told] == ["The training is complete"]


def test_a_problem_is_notified_only_when_it_lasts(
    tray: Tray, told: list[tuple[str, str]], session: Session, qtbot: QtBot
) -> None:
    assert tray._long_problem.interval() == LONG_PROBLEM_MS == 1_800_000
    tray._long_problem.setInterval(20)
    session.tell_trouble(ConnectionFailed("No answer.", cause="login"))
    qtbot.waitUntil(lambda: bool(told))
    assert "30 minutes" in told[0][0]
    session.dismiss_trouble()
    assert not tray._long_problem.isActive()
    assert len(told) == 1


def test_ordinary_pauses_are_no_news(tray: Tray, told: list[tuple[str, str]], session: Session) -> None:
    for state in (WorkerState.PAUSED, WorkerState.PAUSED_HOT, WorkerState.WAITING_NO_TRAINING):
        let_worker_be(session, state)
    assert told == []
    assert not tray._long_problem.isActive()


# -- closing ------------------------------------------------------------------------------------


def test_closing_without_work_quits(session: Session, window: MainWindow, qtbot: QtBot) -> None:
    window.closing.has_tray = True
    with qtbot.waitSignal(window.ended, timeout=PATIENCE_MS):
        window.close()


def test_with_a_tray_the_window_hides_and_explains_it_once(
    contributing: Lesson, session: Session, window: MainWindow, qtbot: QtBot
) -> None:
    window.closing.has_tray = True
    window.close()
    assert "goes on without its window" in box_of(window).text()
    assert window.isVisible()
    press(box_of(window), "Go on")
    qtbot.waitUntil(lambda: not window.isVisible())
    assert session.is_contributing
    window.come_forward()
    window.close()
    assert not window.isVisible()
    assert session.is_contributing


def test_without_a_tray_closing_asks(
    contributing: Lesson, session: Session, window: MainWindow, qtbot: QtBot
) -> None:
    window.close()
    press(box_of(window), "Cancel")
    assert window.isVisible()
    window.close()
    press(box_of(window), "Minimise")
    assert window.isMinimized()
    assert session.is_contributing
    window.come_forward()
    window.close()
    with qtbot.waitSignal(window.ended, timeout=PATIENCE_MS):
        press(box_of(window), "Quit")
    assert not session.is_contributing


def test_quitting_hands_in_and_shows_that_it_waits(
    contributing: Lesson, session: Session, window: MainWindow, qtbot: QtBot
) -> None:
    window.hide()
    window.closing._show_waiting()
    waiting = next(w for w in QApplication.topLevelWidgets() if isinstance(w, WaitingDialog))
    assert waiting.isVisible()
    with qtbot.waitSignal(window.ended, timeout=PATIENCE_MS):
        window.quit()
        window.quit()
    assert not waiting.isVisible()
    assert not session.is_contributing


def test_started_into_the_tray_all_begins_without_a_window(session: Session, qtbot: QtBot) -> None:
    window = MainWindow(session)
    with qtbot.waitSignal(window.painted):
        window.begin_unseen()
    assert not window.isVisible()
    window.deleteLater()


# -- messages in the window ---------------------------------------------------------------------


@pytest.fixture
def card(window: MainWindow) -> MessageCard:
    found = window.findChild(MessageCard)
    assert isinstance(found, MessageCard)
    return found


def words(card: MessageCard) -> str:
    return "\n".join(label.text() for label in card.findChildren(QLabel))


def test_messages_stand_in_the_window_until_they_are_read(
    card: MessageCard, session: Session, window: MainWindow
) -> None:
    assert not card.isVisible()
    first = ClassMessage(4, "<i>Look</i> at the board.", time.time() - 60, False)
    second = ClassMessage(5, "Well done!", time.time(), is_for_me_alone=True)
    hear(session, second, first)
    assert card.isVisible()
    assert "<i>Look</i> at the board." in words(card)
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in (card._title, card._text))
    assert "to all" in words(card)
    assert "1 of 2" in words(card)
    press(card, "I have read it")
    assert "Well done!" in words(card)
    assert "to you alone" in words(card)
    press(card, "I have read it")
    assert not card.isVisible()

    again = MainWindow(session)
    assert all(other.isHidden() for other in again.findChildren(MessageCard))
    again.deleteLater()


def test_words_of_weeks_ago_are_not_shown(card: MessageCard, session: Session) -> None:
    hear(session, ClassMessage(4, "Welcome!", time.time() - 20 * 86_400, False))
    assert not card.isVisible()


def test_long_message_fits_into_the_smallest_window(
    card: MessageCard, session: Session, window: MainWindow, application: QApplication
) -> None:
    hear(session, ClassMessage(4, "Words of wisdom. " * 29, time.time(), False))
    window.resize(LEAST_SIZE)
    application.processEvents()
    assert window.size() == LEAST_SIZE
    assert card._text.height() >= card._text.heightForWidth(card._text.width())
