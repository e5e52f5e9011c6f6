"""What every window of the program begins with: the one QApplication, its end, and errors nobody expected."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from types import TracebackType

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication, QWidget

from gan_desktop.gui.error_dialog import ErrorDialog
from gan_desktop.gui.icons import application_icon
from gan_desktop.gui.paged_window import PagedWindow
from gan_desktop.gui.theme import follow_theme
from gan_desktop.gui.translation import chosen_language, install_translation

logger = logging.getLogger(__name__)

# The interpreter gets to see Ctrl+C only when Qt calls it now and then.
SIGNALS_EVERY_MS = 300


def make_application() -> QApplication:
    """The one QApplication, with name, icon, style and theme."""
    QApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    existing = QApplication.instance()
    application = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    # No display name beside it: Qt would append that to every window's title, which has it already.
    application.setApplicationName("gan-desktop")
    application.setDesktopFileName("gan-desktop")
    application.setWindowIcon(application_icon())
    follow_theme(application)
    # Never without one: texts that count have their forms in the catalogues only.
    install_translation(application, chosen_language(""))
    return application


def end_on_signals(application: QApplication, window: PagedWindow) -> None:
    """Ctrl+C in the terminal, or a shutdown: end in good order."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: window.quit())
    clock = QTimer(application, interval=SIGNALS_EVERY_MS)
    clock.timeout.connect(lambda: None)
    clock.start()


class ErrorCatcher(QObject):
    """Shows errors that nobody expected, of any thread, in a dialog with a report to copy."""

    happened = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._is_shown = False
        self.happened.connect(self._show)

    def install(self) -> None:
        """Catch from now on."""
        sys.excepthook = self._catch
        threading.excepthook = lambda args: self._catch(args.exc_type, args.exc_value, args.exc_traceback)

    def uninstall(self) -> None:
        """Leave errors to the interpreter again."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__

    def _catch(
        self, kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not isinstance(error, Exception):
            sys.__excepthook__(kind, error or kind(), traceback)
            return
        from gan_desktop.error_report import error_report

        logger.error("Unexpected", exc_info=error)
        # By signal: the error may be another thread's.
        self.happened.emit(error_report(error))

    @Slot(str)
    def _show(self, report: str) -> None:
        # One at a time: what fails again and again would bury the window.
        if not self._is_shown:
            self._is_shown = True
            dialog = ErrorDialog(report, self._window)
            dialog.finished.connect(self._forget)
            dialog.open()

    def _forget(self) -> None:
        self._is_shown = False
