"""The points behind the curves: arrays made once, and thinned to what a screen can show.

A hundred thousand noisy figures on six hundred pixels are a black bar. So neighbours are drawn as their mean
with the band between the smallest and the largest around it; the further one zooms in, the fewer share a
point, until each stands by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CAPACITY = 100_000


class CurveBuffer:
    """Points in the order of x, each with one value per curve; NaN where nothing was measured.

    Full, it forgets the oldest points. The arrays are twice as long as what is kept, so that what is kept is
    always one piece: only every `capacity` points it moves back to the front.
    """

    def __init__(self, num_curves: int, capacity: int = CAPACITY) -> None:
        self._rows = np.empty((1 + num_curves, 2 * capacity))
        self._capacity = capacity
        self._first = self._end = 0
        self.num_forgotten = 0

    def __len__(self) -> int:
        return self._end - self._first

    @property
    def x(self) -> Floats:
        """Where the points are [N], rising; a view."""
        return self._rows[0, self._first : self._end]

    @property
    def values(self) -> Floats:
        """What was measured there [curves, N]; a view."""
        return self._rows[1:, self._first : self._end]

    def append(self, x: float, values: Sequence[float]) -> None:
        """Add one point; `x` is larger than all before."""
        if self._end == self._rows.shape[1]:
            kept = self._rows[:, self._first : self._end]
            self._rows[:, : kept.shape[1]] = kept
            self._first, self._end = 0, kept.shape[1]
        self._rows[0, self._end] = x
        self._rows[1:, self._end] = values
        self._end += 1
        if len(self) > self._capacity:
            self._first += 1
            self.num_forgotten += 1

    def replace(self, points: Sequence[Sequence[float]]) -> None:
        """Hold these points (x and the values of each) instead of all before; the newest, if too many."""
        self.clear()
        if points:
            kept = np.asarray(points[-self._capacity :], dtype=float).T
            self._end = kept.shape[1]
            self._rows[:, : self._end] = kept
            self.num_forgotten = len(points) - self._end

    def clear(self) -> None:
        """Forget all points."""
        self._first = self._end = self.num_forgotten = 0

    def thinned(self, low: float, high: float, most: int) -> ThinnedCurves:
        """What to draw between two x: the points themselves or, of more than `most`, groups of neighbours.

        Groups hold a power of two of points and are counted from the first point ever: a new point at the
        end changes the last group only, and the curve does not shimmer. One group more at each side lets the
        curve run to the edges of the plot.
        """
        first, end = (int(at) for at in np.searchsorted(self.x, (low, high), side="left"))
        size = _group_size(end - first, most)
        # The first point's place in its group, which may have been forgotten in part.
        phase = self.num_forgotten % size
        first = max(0, (first + phase) // size * size - phase - size)
        end = min(len(self), ((end + phase) // size + 2) * size - phase)
        if first >= end:
            return ThinnedCurves.empty(len(self._rows) - 1)
        edges = np.arange(-((first + phase) % size), end - first, size)
        edges[0] = 0
        return _grouped(self.x[first:end], self.values[:, first:end], edges, size)


@dataclass(frozen=True)
class ThinnedCurves:
    """Groups of neighbouring points.

    Attributes:
        x: The middle of each group [M].
        mean, low, high: Of each curve in each group [curves, M]; NaN where nothing was measured.
        group_size: Points that share a place; 1: nothing was thinned.
    """

    x: Floats
    mean: Floats
    low: Floats
    high: Floats
    group_size: int

    def part(self, curves: slice) -> ThinnedCurves:
        """Some of the curves."""
        return ThinnedCurves(self.x, self.mean[curves], self.low[curves], self.high[curves], self.group_size)

    @classmethod
    def empty(cls, num_curves: int) -> ThinnedCurves:
        """No point at all."""
        nothing = np.empty((num_curves, 0))
        return cls(np.empty(0), nothing, nothing, nothing, 1)


def _group_size(count: int, most: int) -> int:
    size = 1
    while count > most * size:
        size *= 2
    return size


def _grouped(x: Floats, values: Floats, edges: NDArray[np.int64], size: int) -> ThinnedCurves:
    if size == 1:
        # Copies: the buffer moves its points to the front now and then.
        own = values.copy()
        return ThinnedCurves(x.copy(), own, own, own, 1)
    is_measured = np.isfinite(values)
    counts = np.add.reduceat(is_measured, edges, axis=1, dtype=np.int64)
    sums = np.add.reduceat(np.where(is_measured, values, 0.0), edges, axis=1)
    lengths = np.diff(edges, append=len(x))
    return ThinnedCurves(
        x=np.add.reduceat(x, edges) / lengths,
        mean=np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0),
        low=np.fmin.reduceat(values, edges, axis=1),
        high=np.fmax.reduceat(values, edges, axis=1),
        group_size=size,
    )
