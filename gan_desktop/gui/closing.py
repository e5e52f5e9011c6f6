"""What the window's close button does, and quitting: nobody loses work, nobody wonders what still runs.

Where nothing is computed (also before the person has said "Start contributing"), and in the demo, closing
quits. Else: with a tray icon the window hides, and says
so the first time; without one (GNOME) it asks.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QSettings, QTimer, Slot
from PySide6.QtWidgets import QMessageBox, QWidget

from gan_desktop.gui.session import Session
from gan_desktop.gui.waiting_dialog import WaitingDialog

# A hand-in that is over sooner needs no words.
SILENT_MS = 500
_TOLD = "told_about_tray"


class Closing(QObject):
    """Decides for one window.

    Args:
        has_begun: Whether the person has said that this computer shall contribute; until then a worker only
            measures it.

    Attributes:
        has_tray: Whether there is an icon through which a hidden window comes back.
    """

    def __init__(
        self, session: Session, window: QWidget, settings: QSettings, has_begun: Callable[[], bool]
    ) -> None:
        super().__init__(window)
        self._has_begun = has_begun
        self._session = session
        self._window = window
        self._settings = settings
        self._is_quitting = False
        self.has_tray = False
        session.shut_down_done.connect(self._end_waiting)
        self._waiting: WaitingDialog | None = None

    def close(self) -> None:
        """Quit, hide or ask."""
        joined = self._session.joined
        is_demo = joined is not None and joined.is_demo
        is_at_work = self._session.is_contributing and self._has_begun()
        if self._is_quitting or is_demo or not is_at_work:
            self.quit()
        elif not self.has_tray:
            self._ask()
        elif self._settings.value(_TOLD):
            self._window.hide()
        else:
            self._tell_where_it_goes()

    @Slot()
    def quit(self) -> None:
        """Hand in what is done and end; a small window says so if it takes a while."""
        if self._is_quitting:
            return
        self._is_quitting = True
        is_working = self._session.is_contributing
        self._session.shut_down()
        if is_working:
            QTimer.singleShot(SILENT_MS, self, self._show_waiting)

    def _tell_where_it_goes(self) -> None:
        box = self._box(self.tr("GAN Desktop goes on without its window"))
        box.setInformativeText(
            self.tr(
                "This computer keeps contributing. The icon in the system tray opens the window again, pauses"
                " and quits."
            )
        )
        hide = box.addButton(self.tr("Go on"), QMessageBox.ButtonRole.AcceptRole)
        box.addButton(self.tr("Quit"), QMessageBox.ButtonRole.DestructiveRole).clicked.connect(self.quit)
        box.setDefaultButton(hide)
        hide.clicked.connect(self._hide_from_now_on)
        box.open()

    @Slot()
    def _hide_from_now_on(self) -> None:
        self._settings.setValue(_TOLD, True)
        self._window.hide()

    def _ask(self) -> None:
        box = self._box(self.tr("This computer is contributing"))
        box.setInformativeText(self.tr("Minimise the window and go on, or hand in what is done and quit?"))
        minimise = box.addButton(self.tr("Minimise"), QMessageBox.ButtonRole.AcceptRole)
        box.addButton(self.tr("Quit"), QMessageBox.ButtonRole.DestructiveRole).clicked.connect(self.quit)
        box.addButton(QMessageBox.StandardButton.Cancel)
        minimise.clicked.connect(self._window.showMinimized)
        box.setDefaultButton(minimise)
        box.open()

    def _box(self, text: str) -> QMessageBox:
        for old in self._window.findChildren(QMessageBox):
            old.close()
        box = QMessageBox(self._window)
        box.setWindowTitle("GAN Desktop")
        box.setText(text)
        box.finished.connect(box.deleteLater)
        return box

    @Slot()
    def _show_waiting(self) -> None:
        if self._session.is_contributing and self._waiting is None:
            handing_in = self.tr("Handing in what is done, then quitting ...")
            words = handing_in if self._has_begun() else self.tr("Quitting ...")
            self._waiting = WaitingDialog(self._window, "GAN Desktop", words)
            self._waiting.show()

    @Slot()
    def _end_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.close()
            self._waiting = None
