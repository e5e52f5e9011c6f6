"""What a virtual class measures while it works."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class RehearsalReport:
    """What became of a virtual class; times are those that its students waited for the class.

    Attributes:
        seconds: Since the start.
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


class Tally:
    """Figures of all students together; every method may be called from any of their threads."""

    def __init__(self, num_students: int) -> None:
        self._num_students = num_students
        self._lock = threading.Lock()
        self._started = time.monotonic()
        counted = ("units", "images", "refused", "lost_connections", "failed", "bytes_up", "bytes_down")
        self._counts = dict.fromkeys(counted, 0)
        self._seconds: dict[str, list[float]] = {"claim": [], "submit": [], "weights": [], "computing": []}

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
            seconds = time.monotonic() - self._started
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
            computing_share=sum(timed["computing"]) / max(1e-9, seconds * self._num_students),
        )


def _percentiles(ordered: Sequence[float]) -> tuple[float, float]:
    """Median and 99th percentile of values in order; zeros without any."""
    if not ordered:
        return 0.0, 0.0
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
