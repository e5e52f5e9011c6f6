"""A rehearsal's marks in the class's database: made, looked at, and removed without a trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gan_desktop.database.accounts import Accounts, RosterEntry
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import COORDINATOR_AWAY_S
from gan_desktop.database.logins import Login, Logins
from gan_desktop.database.queries import load_queries
from gan_desktop.errors import GanDesktopError


@dataclass(frozen=True)
class Traces:
    """What there is of a rehearsal. `silent_s`: since its coordinator was heard of; None: no training."""

    num_students: int
    num_runs: int
    silent_s: float | None

    @property
    def is_going_on(self) -> bool:
        """Whether a program is at work with it at this moment."""
        return self.silent_s is not None and self.silent_s < COORDINATOR_AWAY_S


@dataclass(frozen=True)
class Look:
    """A rehearsal's training at one moment.

    Attributes:
        num_updates, num_waiting: Handed in at all, and not merged yet.
        num_given_up: Units that nobody could do.
        num_connections: Of the virtual students.
        num_contributors: Virtual students that have handed something in.
        num_bytes: The whole class's database.
        other_training: The class's own training, if one has begun meanwhile.
    """

    iteration: int
    is_running: bool
    num_updates: int
    num_waiting: int
    num_given_up: int
    num_connections: int
    num_contributors: int
    num_bytes: int
    other_training: str | None


@dataclass(frozen=True)
class StudentRecord:
    """What became of one virtual student's units."""

    on_hold_reason: str | None
    num_refused: int
    num_accepted: int


class Rehearsals:
    """What a rehearsal needs of the class's database.

    Args:
        connection: As the class's coordinator role.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = load_queries("rehearsal")

    def training_in_progress(self) -> str | None:
        """The name of the class's own training that runs now; None: none does."""
        rows = self._query("training_in_progress")
        return str(rows[0].name) if rows else None

    def traces(self) -> Traces | None:
        """What there is of a rehearsal; None: nothing."""
        traces = Traces(**self._query("traces")[0]._asdict())
        return traces if traces.num_students or traces.num_runs else None

    def admit(self, names: Sequence[str]) -> list[Login]:
        """Make logins for virtual students: all with the mark, or none."""

        def mark(logins: list[Login]) -> None:
            self._connection.execute(self._sql["mark_students"], {"logins": [login.user for login in logins]})

        return Accounts(self._connection).add_all([RosterEntry(name) for name in names], keep=mark)

    def look(self, run_id: int) -> Look:
        """The rehearsal's training now.

        Raises:
            GanDesktopError: It was removed by another program.
        """
        rows = self._query("look", run_id=run_id)
        if not rows:
            raise GanDesktopError(
                "Another window has removed this rehearsal. Begin a new one.", title="The rehearsal is gone"
            )
        return Look(**rows[0]._asdict())

    def units_held(self, run_id: int) -> dict[str, list[int]]:
        """The units in work, by the login that holds them."""
        return {row.login: list(row.unit_ids) for row in self._query("units_held", run_id=run_id)}

    def num_units_missing(self, unit_ids: Sequence[int], gone: Sequence[str]) -> int:
        """How many of these units are neither done nor with anybody but the logins `gone`."""
        [row] = self._query("units_missing", unit_ids=list(unit_ids), logins=list(gone))
        return int(row.num)

    def record_of(self, login: str) -> StudentRecord:
        """What became of a virtual student's units."""
        rows = self._query("record_of", login=login)
        return StudentRecord(**rows[0]._asdict()) if rows else StudentRecord(None, 0, 0)

    def remove(self) -> int:
        """Delete all trainings, computers, accounts and logins of rehearsals; returns how many logins."""
        logins = [row.login for row in self._query("logins")]
        made = Logins(self._connection)
        for login in logins:
            made.close(login)
        with self._connection.transaction():
            self.forget()
            for login in logins:
                made.drop(login)
        return len(logins)

    def forget(self) -> None:
        """Delete what the class's tables have of rehearsals, but no login; in the caller's transaction."""
        for statement in ("forget_runs", "forget_words", "forget_workers", "forget_accounts"):
            self._connection.execute(self._sql[statement])

    def _query(self, statement: str, **parameters: Any) -> list[Any]:
        return self._connection.query(self._sql[statement], parameters or None)
