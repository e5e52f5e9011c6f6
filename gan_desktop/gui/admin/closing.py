"""What closing the instructor's window does: nobody's computer is left waiting by mistake.

A window that neither runs the training nor hosts the class just closes. Else it asks, with the number of
computers that would wait; "in the background" is the system tray, or the task bar where there is no tray.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QMenu, QMessageBox, QSystemTrayIcon

from gan_desktop.gui import icons
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.paged_window import PagedWindow
from gan_desktop.gui.theme import colours
from gan_desktop.gui.waiting_dialog import WaitingDialog

# An end that is over sooner needs no words.
SILENT_MS = 500


class TeachingClosing(QObject):
    """Decides for one window."""

    def __init__(self, session: TeachingSession, window: PagedWindow) -> None:
        super().__init__(window)
        self._session = session
        self._window = window
        self._is_quitting = False
        self._waiting: WaitingDialog | None = None
        self.box: QMessageBox | None = None
        self._tray = self._make_tray()
        session.shut_down_done.connect(self._end_waiting)

    def close(self) -> None:
        """Quit or ask."""
        if self._is_quitting or not self._is_needed():
            self.quit()
        else:
            self._ask()

    @Slot()
    def quit(self) -> None:
        """End the round at hand, then everything; a small window says so if it takes a while."""
        if self._is_quitting:
            return
        self._is_quitting = True
        self._session.shut_down()
        QTimer.singleShot(SILENT_MS, self, self._show_waiting)

    def _is_needed(self) -> bool:
        session = self._session
        if session.works:
            return True
        return session.coordination.place == "here" or (session.is_hosting and self._num_present() > 0)

    def _num_present(self) -> int:
        status = self._session.snapshot.status
        if status is None:
            return 0
        from gan_desktop.class_admin.status import Standing, standing

        return sum(standing(worker) in (Standing.WORKING, Standing.WAITING) for worker in status.workers)

    def _ask(self) -> None:
        if self.box is not None:
            self.box.raise_()
            return
        box = self.box = QMessageBox(self._window)
        box.setWindowTitle("GAN Desktop Teaching")
        box.setText(self._question())
        box.setInformativeText(self._consequence())
        go_on = box.addButton(self.tr("Keep running in the background"), QMessageBox.ButtonRole.AcceptRole)
        stop = box.addButton(self.tr("Stop class and close"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(go_on)
        go_on.clicked.connect(self.go_into_background)
        stop.clicked.connect(self.quit)
        box.finished.connect(self._drop_box)
        box.open()

    def _question(self) -> str:
        if works := self._session.works:
            return self.tr("{work} Closing stops it.").format(work=works[-1])
        number = self._num_present()
        words = self.tr("Closing stops the class: %n computer(s) will wait.", None, number)
        return words if number else self.tr("Closing stops the class's training.")

    def _consequence(self) -> str:
        told = []
        if self._session.works:
            told.append(self.tr("Nothing half-done stays; it can be done again."))
        if self._session.coordination.place == "here":
            told.append(
                self.tr(
                    "Nothing is lost: the training goes on from its last iteration when you open it again."
                )
            )
        if self._session.is_hosting:
            told.append(self.tr("The class's database on this computer stops too."))
        return " ".join(told)

    def _drop_box(self) -> None:
        if self.box is not None:
            self.box.deleteLater()
            self.box = None

    # -- in the background ----------------------------------------------------------------------

    def _make_tray(self) -> QSystemTrayIcon:
        tray = QSystemTrayIcon(self)
        tray.setIcon(icons.icon("tray-working", colours().accent))
        tray.setToolTip(self.tr("GAN Desktop Teaching: the class goes on"))
        menu = QMenu(self._window)
        menu.addAction(self.tr("Open the window")).triggered.connect(lambda _checked=False: self._come_back())
        menu.addAction(self.tr("Stop class and close")).triggered.connect(lambda _checked=False: self.quit())
        tray.setContextMenu(menu)
        tray.activated.connect(
            lambda reason: (
                self._come_back() if reason is not QSystemTrayIcon.ActivationReason.Context else None
            )
        )
        return tray

    @Slot()
    def go_into_background(self) -> None:
        """Go on without the window: in the tray, or minimised where this desktop has none."""
        if QSystemTrayIcon.isSystemTrayAvailable():
            self._tray.show()
            self._window.hide()
        else:
            self._window.showMinimized()

    def _come_back(self) -> None:
        self._tray.hide()
        self._window.come_forward()

    # -- ending ---------------------------------------------------------------------------------

    @Slot()
    def _show_waiting(self) -> None:
        if self._waiting is None and self._window.isVisible():
            words = self.tr("Ending the round at hand, then closing ...")
            self._waiting = WaitingDialog(self._window, "GAN Desktop Teaching", words)
            self._waiting.show()

    @Slot()
    def _end_waiting(self) -> None:
        self._tray.hide()
        if self._waiting is not None:
            self._waiting.close()
            self._waiting = None
