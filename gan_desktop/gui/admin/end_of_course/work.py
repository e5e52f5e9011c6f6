"""One long piece of work at a time, away from the window's thread, with how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.guest_work import run_as_guest
from gan_desktop.gui.admin.session import TeachingSession

if TYPE_CHECKING:
    from gan_desktop.class_admin.closing import Progress

T = TypeVar("T")

LOOK_MS = 200


@dataclass(frozen=True)
class Told:
    """What is being done, and how much of it is done."""

    what: str = ""
    done: int = 0
    total: int = 0


class Work(QObject):
    """Runs a function that tells how far it is; the class is left when it has ended.

    Signals:
        busy_changed: Whether something goes on.
        told: A `Told`, a few times a second.
    """

    busy_changed = Signal(bool)
    told = Signal(object)

    def __init__(self, session: TeachingSession, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self.is_busy = False
        # Written by the working thread, looked at by the window's.
        self._newest = Told()
        self._clock = QTimer(self, interval=LOOK_MS)
        self._clock.timeout.connect(self._tell)

    def begin(
        self,
        words: str,
        function: Callable[[Progress], T],
        on_done: Callable[[T], None],
        on_error: Callable[[GanDesktopError], None],
    ) -> None:
        """Begin; nothing happens while something else goes on.

        Args:
            words: What goes on, as a sentence.
            function: Gets what it is to tell its progress to.
        """
        if self.is_busy:
            return

        def tell(what: str, done: int, total: int) -> None:
            self._newest = Told(what, done, total)

        def finish(answer: T) -> None:
            self._set_busy(False)
            on_done(answer)

        def fail(error: GanDesktopError) -> None:
            self._set_busy(False)
            on_error(error)

        self._newest = Told()
        self._set_busy(True)
        run_as_guest(self._session, words, lambda: function(tell), finish, fail, owner=self)

    def _set_busy(self, is_busy: bool) -> None:
        self.is_busy = is_busy
        if is_busy:
            self._clock.start()
        else:
            self._clock.stop()
        self.busy_changed.emit(is_busy)

    @Slot()
    def _tell(self) -> None:
        self.told.emit(self._newest)
