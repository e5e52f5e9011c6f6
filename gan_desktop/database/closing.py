"""Which steps of a course's end are done, and what the others would do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gan_desktop.database.connection import Connection
from gan_desktop.database.queries import load_queries
from gan_desktop.errors import GanDesktopError


class Step(StrEnum):
    """What ends a course, in its usual order; `MOVE`: the class lives on another server now."""

    END = "end"
    CREDIT = "credit"
    RESULTS = "results"
    ARCHIVE = "archive"
    LOGINS = "logins"
    ERASE = "erase"
    MOVE = "move"


@dataclass(frozen=True)
class StepDone:
    """A step that was done. `place`: where its file lies on the computer that did it; empty: it has none."""

    step: Step
    done_at: datetime
    place: str


@dataclass(frozen=True)
class ClosingFacts:
    """How far a class is from its end.

    Attributes:
        num_students: People who take part.
        num_open_logins: Those among them who can still come in.
        num_cards: Class cards and room cards in use.
        num_trainings: Trainings in progress.
        num_out: Units that somebody who is heard of is computing, or handing in.
        num_waiting: Units handed in that nobody has looked at yet.
        num_bytes: Size of the class's database.
    """

    title: str
    num_students: int
    num_open_logins: int
    num_cards: int
    num_trainings: int
    num_out: int
    num_waiting: int
    num_bytes: int


def require_going_on(connection: Connection) -> None:
    """Pass only where a class has neither ended nor moved, as its coordinator role.

    Raises:
        GanDesktopError: It has; with what to do if it is to go on.
    """
    done = ClosingSteps(connection).done()
    if Step.MOVE in done:
        raise GanDesktopError(
            f"The class goes on at {done[Step.MOVE].place}. To go on here instead: gan-desktop class reopen,"
            " or in the window, Server, End of course.",
            title="The class has moved",
        )
    if Step.END in done:
        raise GanDesktopError(
            "Nobody would be given units. To let it go on: gan-desktop class reopen, or in the window,"
            " Server, End of course.",
            title="The class has ended",
        )


class ClosingSteps:
    """The record of a course's end.

    Args:
        connection: As the class's coordinator role.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = load_queries("closing")

    def done(self) -> Mapping[Step, StepDone]:
        """The steps that are done, in the order of their times."""
        rows = self._connection.query(self._sql["steps"])
        return {Step(row.step): StepDone(Step(row.step), row.done_at, row.place) for row in rows}

    def facts(self) -> ClosingFacts:
        """What the other steps would do."""
        return ClosingFacts(**self._connection.query(self._sql["facts"])[0]._asdict())

    def record(self, step: Step, place: str = "") -> None:
        """A step is done, now."""
        self._connection.execute(self._sql["record"], {"step": step, "place": place})

    def forget(self, steps: Iterable[Step]) -> None:
        """These steps are not done any more."""
        self._connection.execute(self._sql["forget"], {"steps": [step.value for step in steps]})

    def open_runs(self) -> list[int]:
        """Trainings in progress."""
        return [row.run_id for row in self._connection.query(self._sql["open_runs"])]

    def people_logins(self) -> list[str]:
        """Logins of everybody who takes part."""
        return [row.login for row in self._connection.query(self._sql["people_logins"])]

    def all_logins(self) -> list[str]:
        """Logins of people, withdrawn ones too, and of cards, that exist on the server."""
        return [row.login for row in self._connection.query(self._sql["all_logins"])]

    def stop_workers(self) -> None:
        """Nobody is at work any more."""
        self._connection.execute(self._sql["stop_workers"])
