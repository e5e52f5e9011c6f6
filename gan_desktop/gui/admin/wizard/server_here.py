"""The class's server on this computer: the wizard starts it, the session keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import shiboken6
from PySide6.QtCore import QObject, QTimer, Slot

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.host_thread import HostThread
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.admin.wizard import jobs
from gan_desktop.gui.admin.wizard.jobs import Hosted, HostWish
from gan_desktop.gui.admin.wizard.page import ClassPage
from gan_desktop.gui.trouble import Trouble

if TYPE_CHECKING:
    from gan_desktop.database.address import Address

LOOK_MS = 50


@dataclass(frozen=True)
class _Expected:
    """What follows when the server of a folder runs, or does not."""

    page: ClassPage
    folder: Path
    then: Callable[[Hosted], None]
    on_fail: Callable[[], None]


class ServerHere(QObject):
    """Starts a server for a page of the wizard, and lets the whole window turn to the class in it.

    A server that was started and has no class yet ends with the wizard.
    """

    def __init__(self, session: TeachingSession, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._host: HostThread | None = None
        self._expected: _Expected | None = None
        self._is_handing_over = False
        session.class_changed.connect(self._take_class)

    def run(
        self,
        page: ClassPage,
        wish: HostWish,
        then: Callable[[Hosted], None],
        on_fail: Callable[[], None] = lambda: None,
    ) -> None:
        """Start the server of a folder unless this window runs it, look what is in it, and go on."""
        self.end()
        page.clear_trouble()
        page.show_busy(self.tr("Starting the class's database on this computer ..."))
        page.set_waiting(True)
        taught = self._session.taught
        if taught is not None and taught.hosted_in == wish.folder and self._session.has_host:
            self._look_into(page, wish.folder, then)
            return
        host = HostThread(
            wish.folder,
            listen=wish.listen,
            port=wish.port,
            num_students=wish.num_students,
            parent=self._session,
        )
        self._host, self._expected = host, _Expected(page, wish.folder, then, on_fail)
        host.opened.connect(self._take_server)
        host.failed.connect(self._tell_no_server)
        host.finished.connect(host.deleteLater)
        self.destroyed.connect(host.end)
        host.start()

    def end(self) -> None:
        """End the server that was started, unless the session has it by now."""
        host = self._let_go()
        if host is not None:
            host.finished.connect(host.deleteLater)
            host.end()

    def turn_to(self, page: ClassPage, taught: TaughtClass, then: Callable[[], None]) -> None:
        """Let the whole window teach a class; its server, started here, becomes the session's.

        Args:
            page: Waits meanwhile.
            then: Called when the class is open.
        """
        session = self._session

        def wait(is_waiting: bool) -> None:
            page.set_waiting(is_waiting)
            page.back.setEnabled(not is_waiting)
            page.show_busy(self.tr("Opening your class ...") if is_waiting else "")

        def begun(now: TaughtClass | None) -> None:
            if now is not None:
                stop_listening()
                if shiboken6.isValid(page):
                    wait(False)
                    then()

        def failed(trouble: Trouble | None) -> None:
            # The banner says what: its server does not start, for example.
            if trouble is not None:
                stop_listening()
                if shiboken6.isValid(page):
                    wait(False)

        def stop_listening() -> None:
            session.class_changed.disconnect(begun)
            session.trouble_changed.disconnect(failed)

        def hand_over() -> None:
            self._is_handing_over = False
            if (host := self._let_go()) is not None and host.isRunning():
                session.adopt_host(host)
            session.class_changed.connect(begun)
            session.trouble_changed.connect(failed)
            session.teach(taught)

        wait(True)
        if self._host is None or not session.has_host:
            hand_over()
            return
        # The server of the class before has to end first.
        self._is_handing_over = True
        self.leave_then(hand_over)

    def leave_then(self, act: Callable[[], None]) -> None:
        """Let the window teach no class, and act when its server has ended."""
        clock = QTimer(self, interval=LOOK_MS)

        def look() -> None:
            if self._session.taught is None and not self._session.has_host:
                clock.stop()
                clock.deleteLater()
                act()

        clock.timeout.connect(look)
        clock.start()
        self._session.leave()

    # -- the thread's news ----------------------------------------------------------------------

    @Slot(object)
    def _take_server(self, administrator: Address) -> None:
        if (expected := self._expected) is not None:
            self._look_into(expected.page, expected.folder, expected.then, administrator)

    @Slot(object)
    def _tell_no_server(self, error: GanDesktopError) -> None:
        # The thread ends by itself.
        expected, self._host, self._expected = self._expected, None, None
        if expected is not None:
            expected.page.show_busy("")
            expected.page.set_waiting(False)
            expected.page.tell(error)
            expected.on_fail()

    @Slot(object)
    def _take_class(self, taught: TaughtClass | None) -> None:
        # Also when the window is closed.
        if taught is None and not self._is_handing_over:
            self.end()

    def _look_into(
        self,
        page: ClassPage,
        folder: Path,
        then: Callable[[Hosted], None],
        administrator: Address | None = None,
    ) -> None:
        def look() -> Hosted:
            return jobs.look_into(folder, administrator or jobs.server_here(folder))

        page.ask(look, then, self.tr("Looking what is in it ..."))

    def _let_go(self) -> HostThread | None:
        """The server that was started here, which tells us nothing any more."""
        host, self._host, self._expected = self._host, None, None
        if host is not None:
            self.destroyed.disconnect(host.end)
            for signal in (host.opened, host.failed, host.finished):
                signal.disconnect()
        return host
