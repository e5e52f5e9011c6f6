"""Whether the link to the class is slow enough that computing should not wait for it."""

from __future__ import annotations

# Above this share of the time in transfers, work no longer waits for them and starts from weights
# that are one iteration older; below the lower one it waits again. Two bounds, so that a link
# between them does not change the way of working at every unit.
SLOW_ABOVE, FAST_BELOW = 0.1, 0.05


class Link:
    """Compares the seconds of a unit's transfers with those of its computation."""

    def __init__(self) -> None:
        self.is_slow = False
        self._seconds = 0.0

    def carried(self, seconds: float) -> None:
        """Weights came or an update went, in so many seconds."""
        self._seconds += seconds

    def judge(self, compute_seconds: float) -> None:
        """A unit is done: compare, and begin anew."""
        share = self._seconds / max(self._seconds + compute_seconds, 1e-9)
        self._seconds = 0.0
        self.is_slow = share > (FAST_BELOW if self.is_slow else SLOW_ABOVE)
