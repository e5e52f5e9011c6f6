"""What an instructor watches in a lesson: units on their way, whose work was merged, who has handed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from gan_desktop.database.connection import Connection
from gan_desktop.database.queries import load_queries


@dataclass(frozen=True)
class UnitOnItsWay:
    """One unit between a student's computer and the class's network; `name` is its student's.

    Attributes:
        stage: Computed by a student, waiting to be merged, or part of the newest iteration.
        num_done: Of its images, as last told.
    """

    unit_id: int
    user: str
    name: str
    stage: Literal["in_work", "handed_in", "merged"]
    num_images: int
    num_done: int


@dataclass(frozen=True)
class UnitFlow:
    """All units that are on their way in one training, in the order in which they were cut.

    Attributes:
        epoch: The round through all pictures, 0 for the first.
        share_given_out: How much of this round students have got.
        num_returned: Units that came back undone, and are given out first.
    """

    units: tuple[UnitOnItsWay, ...]
    epoch: int
    share_given_out: float
    num_returned: int = 0


@dataclass(frozen=True)
class HandingInPerson:
    """A student at the end of a lesson.

    Attributes:
        num_open: Units still computed or on their way to the class.
        num_lost: Units whose computer was not heard of any more; others get them.
        silent_s: Time since the last sign of life.
    """

    user: str
    name: str
    num_open: int
    num_lost: int
    silent_s: float


@dataclass(frozen=True)
class HandingIn:
    """How far a lesson's end has come.

    Attributes:
        people: Everybody who was there, by name.
        num_waiting: Updates that are handed in and not merged yet.
        iteration: The newest one.
    """

    people: tuple[HandingInPerson, ...]
    num_waiting: int
    iteration: int

    @property
    def missing(self) -> tuple[HandingInPerson, ...]:
        """Those who still have something to hand in."""
        return tuple(person for person in self.people if person.num_open)

    @property
    def lost(self) -> tuple[HandingInPerson, ...]:
        """Those of whom nothing is to be waited for: they were not heard of any more."""
        return tuple(person for person in self.people if person.num_lost and not person.num_open)

    @property
    def num_handed_in(self) -> int:
        """People who have nothing left that the class does not have."""
        return len(self.people) - len(self.missing) - len(self.lost)


class Lessons:
    """Reads as the class's coordinator role."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = load_queries("lessons")

    def clock(self) -> datetime:
        """The server's time."""
        moment: datetime = self._connection.query(self._sql["clock"])[0].at
        return moment

    def flow(self, run_id: int) -> UnitFlow:
        """The units of a training that are on their way."""
        rows = self._query("round", run_id=run_id)
        units = self._query("units_on_their_way", run_id=run_id)
        figures = rows[0]._asdict() if rows else {"epoch": 0, "share_given_out": 0.0}
        return UnitFlow(tuple(UnitOnItsWay(**row._asdict()) for row in units), **figures)

    def merged_people(self, run_id: int, iteration: int) -> tuple[str, ...]:
        """Names of those whose work an iteration holds, in the order in which it was merged."""
        rows = self._query("merged_people", run_id=run_id, iteration=iteration)
        return tuple(row.name for row in rows)

    def handing_in(self, run_id: int, asked_at: datetime) -> HandingIn:
        """Who has handed in since the lesson's end was asked for, by the server's clock."""
        people = self._query("handing_in", run_id=run_id, asked_at=asked_at)
        [left] = self._query("left_to_merge", run_id=run_id)
        return HandingIn(
            tuple(HandingInPerson(**row._asdict()) for row in people), left.num_waiting, left.iteration
        )

    def _query(self, statement: str, **parameters: Any) -> list[Any]:
        return self._connection.query(self._sql[statement], parameters)
