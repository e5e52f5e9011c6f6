"""What a virtual class measures while it works."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

_COUNTED = ("units", "images", "refused", "lost_connections", "failed", "bytes_up", "bytes_down")
_TIMED = ("claim", "submit", "weights", "computing")


@dataclass(frozen=True)
class RehearsalReport:
    """What became of a virtual class; times are those that its students waited for the class.

    Attributes:
        seconds: Since the start, or since it was measured anew.
        num_units, num_images: Handed in and taken.
        num_refused: Units that the class did not take, or gave to somebody else.
        num_lost_connections: How often a student had to connect anew.
        num_failed: Students that had to give up; the log says why.
        bytes_up, bytes_down: Updates; weights and shards.
        claim_ms: (median, 99th percentile) of a claim. 0 where there was none, as below.
        submit_s, weights_s: (median, 99th percentile) of handing in, and of fetching weights.
        computing_share: Part of the students' time in which they (would) have computed.
    """

    seconds: float
    num_units: int
    num_images: int
    num_refused: int
    num_lost_connections: int
    num_failed: int
    bytes_up: int
    bytes_down: int
    claim_ms: tuple[float, float]
    submit_s: tuple[float, float]
    weights_s: tuple[float, float]
    computing_share: float

    @property
    def mbit_s(self) -> float:
        """What went over the network, both directions together, in megabits a second."""
        return 8 * (self.bytes_up + self.bytes_down) / 1e6 / max(1e-9, self.seconds)


class Tally:
    """Figures of all students together; every method may be called from any of their threads."""

    def __init__(self, num_students: int) -> None:
        self._lock = threading.Lock()
        self.restart(num_students)

    def restart(self, num_students: int) -> None:
        """Forget everything and measure anew, with so many students."""
        with self._lock:
            self._num_students = num_students
            self._started = time.monotonic()
            self._counts = dict.fromkeys(_COUNTED, 0)
            self._seconds: dict[str, list[float]] = {name: [] for name in _TIMED}

    def count(self, **numbers: int) -> None:
        """Add to units, images, refused, lost_connections, failed, bytes_up or bytes_down."""
        with self._lock:
            for name, number in numbers.items():
                self._counts[name] += number

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Time a claim, submit, weights or computing that succeeds."""
        began = time.monotonic()
        yield
        with self._lock:
            self._seconds[what].append(time.monotonic() - began)

    def report(self) -> RehearsalReport:
        """All until now."""
        with self._lock:
            num_students, seconds = self._num_students, time.monotonic() - self._started
            timed = {name: sorted(values) for name, values in self._seconds.items()}
            counts = dict(self._counts)
        median, tail = _percentiles(timed["claim"])
        return RehearsalReport(
            seconds=seconds,
            num_units=counts["units"],
            num_images=counts["images"],
            num_refused=counts["refused"],
            num_lost_connections=counts["lost_connections"],
            num_failed=counts["failed"],
            bytes_up=counts["bytes_up"],
            bytes_down=counts["bytes_down"],
            claim_ms=(median * 1e3, tail * 1e3),
            submit_s=_percentiles(timed["submit"]),
            weights_s=_percentiles(timed["weights"]),
            # A unit that was begun before the measuring counts as a whole.
            computing_share=min(1.0, sum(timed["computing"]) / max(1e-9, seconds * num_students)),
        )


def _percentiles(ordered: Sequence[float]) -> tuple[float, float]:
    """Median and 99th percentile of values in order; zeros without any."""
    if not ordered:
        return 0.0, 0.0
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
