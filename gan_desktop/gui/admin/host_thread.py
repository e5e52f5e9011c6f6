"""Holds the class's database on this computer, as long as the window lives."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread, Signal

from gan_desktop.errors import GanDesktopError

if TYPE_CHECKING:
    from gan_desktop.class_admin.hosting import Host
    from gan_desktop.database.address import Address

logger = logging.getLogger(__name__)

TEND_EVERY_S = 2.0


class HostThread(QThread):
    """Starts the server, looks after it, and stops it when asked to end.

    Args:
        folder: The server's; None: the one of this account.
        listen, num_students: None: as at the last start.
        port: 0: as at the last start, else a free one.

    Attributes:
        server: The superuser's way in, once the server runs.
        is_ours: It stops with this thread; otherwise another program of this computer holds it.

    Signals:
        opened: The superuser's `Address`, when the server runs. One that another program of this computer
            holds is used as it is, and left alone at the end.
        mended: It had fallen over and was started again.
        failed: A `GanDesktopError`; the thread ends.
    """

    opened = Signal(object)
    mended = Signal()
    failed = Signal(object)

    def __init__(
        self,
        folder: Path | None = None,
        *,
        listen: str | None = None,
        port: int = 0,
        num_students: int | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.folder = folder
        self.server: Address | None = None
        self.is_ours = False
        self._listen, self._port, self._num_students = listen, port, num_students
        self._end = threading.Event()

    def end(self) -> None:
        """Stop the server and end; `finished` follows."""
        self._end.set()

    def run(self) -> None:
        """The thread itself."""
        try:
            self._hold()
        except GanDesktopError as error:
            logger.info("The class's database: %s", error, exc_info=True)
            self.failed.emit(error)
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)

    def _hold(self) -> None:
        from gan_desktop.class_admin.hosting import AlreadyHosted, Host, hosted_administrator

        host = Host(self.folder, listen=self._listen, port=self._port, num_students=self._num_students)
        try:
            with host:
                self.is_ours = True
                self._tell_open(host.address)
                self._tend(host)
        except AlreadyHosted:
            if self._listen is not None or self._port or self._num_students is not None:
                raise
            self._tell_open(hosted_administrator(self.folder))
            self._end.wait()

    def _tell_open(self, server: Address) -> None:
        self.server = server
        self.opened.emit(server)

    def _tend(self, host: Host) -> None:
        while not self._end.wait(TEND_EVERY_S):
            if host.tend():
                self.mended.emit()
