"""Two ways to steer the window as a person does: with the mouse alone, or with the keyboard alone."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QAbstractButton, QApplication, QMenu, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from tests.gui.conftest import PATIENCE_MS

# So many presses of Tab lead round the whole window.
MOST_TABS = 120
LOOK_MS = 50


class Hand(Protocol):
    """One way to steer."""

    def press(self, window: QWidget, text: str) -> None:
        """Press the visible button of that text, once it is there and can be pressed."""

    def choose(self, button: QToolButton, text: str) -> None:
        """Open a button's menu and choose an entry."""


class Mouse:
    """Clicks."""

    def __init__(self, qtbot: QtBot) -> None:
        self._qtbot = qtbot

    def press(self, window: QWidget, text: str) -> None:
        self._qtbot.mouseClick(button_of(window, text, self._qtbot), Qt.MouseButton.LeftButton)

    def choose(self, button: QToolButton, text: str) -> None:
        def click(menu: QMenu) -> None:
            entry = next(entry for entry in menu.actions() if entry.text() == text)
            where = menu.actionGeometry(entry).center()
            self._qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=where)

        _when_open(button, click)
        is_split = button.popupMode() is QToolButton.ToolButtonPopupMode.MenuButtonPopup
        where = button.rect().center()
        if is_split:
            where.setX(button.rect().right() - 8)
        # Returns when the menu is closed again.
        self._qtbot.mousePress(button, Qt.MouseButton.LeftButton, pos=where)


class Keyboard:
    """Goes round with Tab; Space presses, Down opens a menu and moves in it."""

    def __init__(self, qtbot: QtBot) -> None:
        self._qtbot = qtbot

    def press(self, window: QWidget, text: str) -> None:
        # The button may be exchanged for another one while Tab is on its way: then once more.
        for _ in range(5):
            button = button_of(window, text, self._qtbot)
            if self._reach(window, button) and button.text() == text:
                self._qtbot.keyClick(button, Qt.Key.Key_Space)
                return
        raise AssertionError(f"Tab does not lead to {text!r}")

    def choose(self, button: QToolButton, text: str) -> None:
        assert self._reach(button.window(), button), f"Tab does not lead to {button.text()!r}"

        def walk(menu: QMenu) -> None:
            for _ in menu.actions():
                active = menu.activeAction()
                if active is not None and active.text() == text:
                    break
                self._qtbot.keyClick(menu, Qt.Key.Key_Down)
            self._qtbot.keyClick(menu, Qt.Key.Key_Return)

        _when_open(button, walk)
        is_split = button.popupMode() is QToolButton.ToolButtonPopupMode.MenuButtonPopup
        self._qtbot.keyClick(button, Qt.Key.Key_Down if is_split else Qt.Key.Key_Space)

    def _reach(self, window: QWidget, widget: QWidget) -> bool:
        """Press Tab until the widget has the focus; False: the way round does not come by."""
        top = window.window()
        top.activateWindow()
        self._qtbot.waitUntil(top.isActiveWindow, timeout=PATIENCE_MS)
        for _ in range(MOST_TABS):
            focused = QApplication.focusWidget() or top
            if focused is widget:
                return True
            self._qtbot.keyClick(focused, Qt.Key.Key_Tab)
        return False


def button_of(window: QWidget, text: str, qtbot: QtBot) -> QAbstractButton:
    """The visible button of that text, as soon as it is there and can be pressed."""

    def found() -> list[QAbstractButton]:
        return [
            button
            for button in window.findChildren(QAbstractButton)
            if button.text() == text and button.isVisible() and button.isEnabled()
        ]

    qtbot.waitUntil(lambda: bool(found()), timeout=PATIENCE_MS)
    return found()[0]


def _when_open(button: QToolButton, act: object) -> None:
    """Act on a button's menu as soon as it is open: opening it returns only when it is closed."""
    menu = button.menu()
    assert isinstance(menu, QMenu)
    assert callable(act)
    clock = QTimer(menu, interval=LOOK_MS)

    def look() -> None:
        if menu.isVisible():
            clock.stop()
            clock.deleteLater()
            act(menu)

    clock.timeout.connect(look)
    clock.start()
