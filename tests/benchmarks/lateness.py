"""How late an event loop comes: how long a click would have waited."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, QTimer

TICK_MS = 5


@dataclass(frozen=True)
class Delays:
    """Milliseconds: half of the ticks came within `p50`, all but one in a hundred within `p99`."""

    p50: float
    p99: float
    longest: float


class LateTimer(QObject):
    """A timer that is due every 5 ms, and notes how much later it comes.

    Args:
        on_tick: Told how many ticks there were.
    """

    def __init__(
        self, on_tick: Callable[[int], None] = lambda _tick: None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._on_tick = on_tick
        self._late_ms: list[float] = []
        self._due = 0.0
        self._clock = QTimer(self, interval=TICK_MS, timerType=Qt.TimerType.PreciseTimer)
        self._clock.timeout.connect(self._tick)

    def begin(self) -> None:
        """Forget what was, and measure from here on."""
        self._late_ms.clear()
        self._due = time.perf_counter() + TICK_MS / 1_000
        self._clock.start()

    def end(self) -> Delays:
        """What came of it."""
        import numpy as np

        self._clock.stop()
        p50, p99 = np.percentile(self._late_ms, (50, 99))
        return Delays(float(p50), float(p99), max(self._late_ms))

    def _tick(self) -> None:
        now = time.perf_counter()
        self._late_ms.append(max(0.0, 1_000 * (now - self._due)))
        self._due = now + TICK_MS / 1_000
        self._on_tick(len(self._late_ms))
