"""What the charts show: how a training goes, on this computer batch by batch, in the class by iteration."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from gan_desktop.gui.curve_buffer import CAPACITY, CurveBuffer
from gan_desktop.records import Progress, UnitProgress, UnitStarted

# The curves of a course, in the order of the buffer's values.
CURVES = ("loss_g", "loss_d", "d_real", "d_fake", "distance")
NOT_MEASURED = float("nan")


@dataclass(frozen=True)
class Mark:
    """Something that happened at `x`: iteration `count` began, or `count` computers joined."""

    x: float
    count: int


class Course:
    """Points and marks of one source; shares are kept in percent, as they are shown.

    Attributes:
        buffer: One row per name in `CURVES`.
        iterations: Where each began; empty where x itself is the iteration.
        joins: Where computers joined.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.buffer = CurveBuffer(len(CURVES), capacity)
        self.iterations: list[Mark] = []
        self.joins: list[Mark] = []

    def clear(self) -> None:
        """Begin anew, for another class."""
        self.buffer.clear()
        self.iterations = []
        self.joins = []

    def iteration_at(self, x: float) -> int | None:
        """The iteration that was learned from there."""
        at = bisect_right(self.iterations, x, key=lambda mark: mark.x)
        return self.iterations[at - 1].count if at else None


class ComputerCourse(Course):
    """This computer's batches; x counts the images that it has trained since the program's start."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        super().__init__(capacity)
        self._x = self._unit_began_at = 0.0

    def clear(self) -> None:
        """Begin anew, for another class."""
        super().clear()
        self._x = self._unit_began_at = 0.0

    def join(self) -> None:
        """This computer has joined the class, at the start or again."""
        self.joins.append(Mark(self._x, 1))

    def begin_unit(self, started: UnitStarted) -> None:
        """Another unit begins, mostly with newer weights."""
        self._unit_began_at = self._x
        iteration = started.unit.iteration
        if not self.iterations or self.iterations[-1].count != iteration:
            self.iterations.append(Mark(self._x, iteration))

    def add(self, progress: UnitProgress) -> bool:
        """Add the figures of a batch; False: nothing new in them (a unit that is repeated)."""
        x = self._unit_began_at + progress.num_images_done
        if x <= self._x:
            return False
        self._x = x
        shares = 100 * progress.d_real, 100 * progress.d_fake
        self.buffer.append(x, (progress.loss_g, progress.loss_d, *shares, NOT_MEASURED))
        return True


class ClassCourse(Course):
    """The class's iterations; x is the iteration."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        super().__init__(capacity)
        self._num_images: dict[int, int] = {}

    def replace(self, history: Sequence[Progress]) -> None:
        """Show these iterations, in order."""
        self.buffer.replace([_point(row) for row in history])
        self.joins = [Mark(row.iteration, row.num_joined) for row in history if row.num_joined]
        self._num_images = {row.iteration: row.total_images for row in history}

    def iteration_at(self, x: float) -> int | None:
        """Here x is the iteration."""
        return round(x)

    def num_images_at(self, x: float) -> int | None:
        """The images that all had trained together by then."""
        return self._num_images.get(round(x))


def _point(row: Progress) -> tuple[float, ...]:
    figures = row.loss_g, row.loss_d, _percent(row.d_real), _percent(row.d_fake), row.distance
    return (row.iteration, *(NOT_MEASURED if figure is None else figure for figure in figures))


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share
