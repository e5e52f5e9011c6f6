"""The icon in the system tray: the strip's controls in a menu, and the few notifications there are."""

from __future__ import annotations

import time
from enum import StrEnum

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from gan_desktop.gui import icons
from gan_desktop.gui.main_window import MainWindow
from gan_desktop.gui.session import Session
from gan_desktop.gui.strip_look import Look, icon_of, label_of
from gan_desktop.gui.theme import colours
from gan_desktop.records import ClassMessage, StateChanged, WorkerState

# A problem that a person may want to mend; shorter ones mend themselves.
LONG_PROBLEM_MS = 30 * 60_000
LONGEST_ENTRY = 70
LONGEST_MESSAGE = 200
_PROBLEMS = {WorkerState.RETRYING, WorkerState.WAITING_ON_HOLD}
_AT_REST = {state for state in WorkerState if state.name.startswith("PAUSED")} | {
    WorkerState.STOPPED,
    WorkerState.COMPLETE,
}


class Kind(StrEnum):
    """What the icon says, by its shape: a disc, a square, a triangle."""

    WORKING = "tray-working"
    PAUSED = "tray-paused"
    TROUBLE = "tray-trouble"


class Tray(QObject):
    """Shows a session's state beside the clock, and steers it.

    Signals:
        notified: Title and text of a notification.
    """

    notified = Signal(str, str)

    def __init__(self, session: Session, window: MainWindow) -> None:
        super().__init__(window)
        self._session = session
        self._window = window
        self._state = session.state.state
        self._began = time.time()
        self._heard: set[int] = set()
        self.kind: Kind | None = None
        self.icon = QSystemTrayIcon(self)
        self.menu = self._make_menu()
        self.icon.setContextMenu(self.menu)
        self.icon.activated.connect(self._activate)
        self._long_problem = QTimer(self, interval=LONG_PROBLEM_MS, singleShot=True)
        self._long_problem.timeout.connect(self._tell_problem)
        self.notified.connect(self.icon.showMessage)
        self.icon.messageClicked.connect(window.come_forward)
        window.strip.look_changed.connect(self._show_look)
        session.state_changed.connect(self._take_state)
        session.trouble_changed.connect(self._show_kind)
        session.messages_changed.connect(self._take_messages)
        session.class_changed.connect(self._heard.clear)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._draw)
        self._show_look(window.strip.look)
        self._show_kind()

    def show(self) -> bool:
        """Show the icon; False: this desktop has no tray."""
        if QSystemTrayIcon.isSystemTrayAvailable():
            self.icon.show()
            self._window.closing.has_tray = True
        return self._window.closing.has_tray

    # -- the menu -------------------------------------------------------------------------------

    def _make_menu(self) -> QMenu:
        menu = QMenu(self._window)
        self._sentence = menu.addAction("")
        self._sentence.setEnabled(False)
        menu.addSeparator()
        self._main = menu.addAction("")
        self._main.triggered.connect(lambda _checked=False: self._window.strip.press())
        # The very entries of the strip: what is not possible now is greyed in both.
        menu.addActions(self._window.strip.menu_entries())
        menu.addSeparator()
        self._entry(menu, self.tr("Open the window"), "contribute").triggered.connect(
            lambda _checked=False: self._window.come_forward()
        )
        self._entry(menu, self.tr("Quit"), "close").triggered.connect(
            lambda _checked=False: self._window.quit()
        )
        return menu

    def _entry(self, menu: QMenu, text: str, icon: str) -> QAction:
        entry = menu.addAction(text)
        icons.set_icon(entry, icon)
        return entry

    @Slot(object)
    def _show_look(self, look: Look | None) -> None:
        if look is None:
            return
        self._sentence.setText(_entry_text(look.sentence))
        self._main.setText(label_of(look.button))
        self._main.setEnabled(look.is_enabled)
        icons.set_icon(self._main, icon_of(look.button))
        self.icon.setToolTip(f"GAN Desktop: {look.sentence}")
        self._show_kind()

    @Slot(object)
    def _activate(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (
            QSystemTrayIcon.ActivationReason.Trigger,
            QSystemTrayIcon.ActivationReason.DoubleClick,
        ):
            self._window.come_forward()

    # -- the icon -------------------------------------------------------------------------------

    @Slot()
    def _show_kind(self) -> None:
        kind = self._kind_now()
        if kind is self.kind:
            return
        self.kind = kind
        self._draw()
        if kind is Kind.TROUBLE:
            self._long_problem.start()
        else:
            self._long_problem.stop()

    def _kind_now(self) -> Kind:
        session = self._session
        state, trouble = session.state.state, session.trouble
        is_ended_by_error = trouble is not None and not trouble.is_warning and not session.is_contributing
        if is_ended_by_error or (state in _PROBLEMS and session.is_contributing):
            return Kind.TROUBLE
        is_resting = state in _AT_REST or not session.is_contributing
        return Kind.PAUSED if is_resting else Kind.WORKING

    @Slot()
    def _draw(self) -> None:
        if self.kind is not None:
            self.icon.setIcon(icons.icon(self.kind.value, colours().accent))

    # -- notifications --------------------------------------------------------------------------

    @Slot(object)
    def _take_state(self, changed: StateChanged) -> None:
        before, self._state = self._state, changed.state
        if changed.state is WorkerState.COMPLETE and before is not WorkerState.COMPLETE:
            self._notify(
                self.tr("The training is complete"), self.tr("Look at the faces that your class has made.")
            )
        self._show_kind()

    @Slot(object)
    def _take_messages(self, messages: tuple[ClassMessage, ...]) -> None:
        for message in reversed(messages):
            is_new = message.sent_at >= self._began and message.message_id not in self._heard
            self._heard.add(message.message_id)
            if is_new:
                self._notify(self.tr("A message from your instructor"), message.text[:LONGEST_MESSAGE])

    @Slot()
    def _tell_problem(self) -> None:
        self._notify(
            self.tr("This computer has not contributed for 30 minutes"),
            self._sentence.text() or self.tr("The window says what is wrong."),
        )

    def _notify(self, title: str, text: str) -> None:
        """Tell somebody who does not look at the window anyway."""
        if not (self._window.isVisible() and self._window.isActiveWindow()):
            self.notified.emit(title, text)


def _entry_text(sentence: str) -> str:
    """A sentence as a menu entry: short, and & is no shortcut."""
    short = sentence if len(sentence) <= LONGEST_ENTRY else f"{sentence[: LONGEST_ENTRY - 1]}…"
    return short.replace("&", "&&")
