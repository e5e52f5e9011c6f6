"""Something long in a pool thread: how far it is, and whether anybody still wants it."""

from __future__ import annotations

import threading

from gan_desktop.errors import GanDesktopError


class Ongoing:
    """Told by the thread that works, looked at by the window's."""

    def __init__(self) -> None:
        self._unwanted = threading.Event()
        self.stage = ""
        self.done = self.total = 0

    def tell(self, done: int, total: int, stage: str = "") -> None:
        """So much is done.

        Raises:
            GanDesktopError: Nobody wants it any more.
        """
        if self._unwanted.is_set():
            raise GanDesktopError("Nothing was kept.", title="Stopped")
        self.stage, self.done, self.total = stage, done, total

    def cancel(self) -> None:
        """Nobody wants it any more."""
        self._unwanted.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether nobody wants it any more."""
        return self._unwanted.is_set()
