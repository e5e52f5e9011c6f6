"""What transfers take of the connection: counted, and kept below the owner's limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from gan_desktop.errors import GanDesktopError

MIB = 1 << 20
SMALLEST_PIECE = 16 << 10
# Waiting is done in pieces of this, so that a new limit or a stop holds at once.
LOOK_S = 0.2


class TransferCancelled(GanDesktopError):
    """A download that is not wanted any more: the worker stops or pauses."""

    default_title = "The download was stopped"


class Rate:
    """The owner's limit; connections that share one stay below it together (a token bucket)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes_per_s: float | None = None
        self._debt = 0.0
        self._paid_at = time.monotonic()

    def limit(self, mbit_s: float | None) -> None:
        """Take at most so many megabits a second from now on, both directions together; None: no limit."""
        with self._lock:
            self._bytes_per_s = None if mbit_s is None else mbit_s * 1e6 / 8

    @property
    def piece_bytes(self) -> int:
        """The size of the pieces to carry: with a limit about a quarter of a second each."""
        rate = self._bytes_per_s
        return MIB if rate is None else int(min(MIB, max(SMALLEST_PIECE, rate / 4)))

    def take(self, num_bytes: int, give_up: Callable[[], bool]) -> None:
        """Carry a piece: it makes a debt that time pays at the limit's rate; returns when that is paid."""
        with self._lock:
            self._debt = self._debt_now() + num_bytes
        while not give_up():
            with self._lock:
                if self._bytes_per_s is None:
                    self._debt = 0.0
                seconds = self._debt_now() / self._bytes_per_s if self._bytes_per_s else 0.0
            if seconds <= 0:
                return
            time.sleep(min(seconds, LOOK_S))

    def _debt_now(self) -> float:
        now = time.monotonic()
        if self._bytes_per_s is not None:
            self._debt = max(0.0, self._debt - (now - self._paid_at) * self._bytes_per_s)
        self._paid_at = now
        return self._debt


class Traffic:
    """The meter of one connection.

    Attributes:
        num_received, num_sent: Bytes since the start.

    Args:
        is_unwanted: Whether a download may as well end. What is sent is finished in any case.
        rate: Shared with other connections of this program; None: this one has its own.
    """

    def __init__(self, is_unwanted: Callable[[], bool], rate: Rate | None = None) -> None:
        self._is_unwanted = is_unwanted
        self._rate = rate or Rate()
        self._on_bytes: Callable[[int], None] | None = None
        self.num_received = 0
        self.num_sent = 0

    def limit(self, mbit_s: float | None) -> None:
        """As `Rate.limit`."""
        self._rate.limit(mbit_s)

    def watch(self, on_bytes: Callable[[int], None] | None) -> None:
        """Tell `on_bytes` the size of each piece from now on."""
        self._on_bytes = on_bytes

    @property
    def piece_bytes(self) -> int:
        """As `Rate.piece_bytes`."""
        return self._rate.piece_bytes

    def received(self, num_bytes: int) -> None:
        """A piece has come.

        Raises:
            TransferCancelled: Nobody wants the rest.
        """
        self.num_received += num_bytes
        self._tell(num_bytes)
        self._rate.take(num_bytes, self._is_unwanted)
        if self._is_unwanted():
            raise TransferCancelled("The download was stopped before its end.")

    def sent(self, num_bytes: int) -> None:
        """A piece is about to go."""
        self.num_sent += num_bytes
        self._tell(num_bytes)
        self._rate.take(num_bytes, lambda: False)

    def _tell(self, num_bytes: int) -> None:
        if self._on_bytes is not None:
            self._on_bytes(num_bytes)
