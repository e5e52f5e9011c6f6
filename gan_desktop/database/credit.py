"""Who did what for the class, counted from the record of each unit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from gan_desktop.database.connection import Connection
from gan_desktop.database.queries import load_queries


@dataclass(frozen=True)
class PersonsCredit:
    """One person's work between two dates.

    Attributes:
        student_id, email, section: From the instructor's list; None where it has none.
        has_left: The login was withdrawn.
        num_counted, images_counted: Units that went into the class's network.
        num_late, images_late: Valid units that came after their time: credited, without influence.
        num_not_counted: Units that were refused.
        num_waiting: Units that the coordinator has not looked at yet.
        active_hours: Computing time of the credited units (counted and late).
        first_at, last_at: When the first and the last credited unit came in.
        user: The login.
    """

    name: str
    student_id: str | None
    email: str | None
    section: str | None
    has_left: bool
    num_counted: int
    images_counted: int
    num_late: int
    images_late: int
    num_not_counted: int
    num_waiting: int
    active_hours: float
    first_at: datetime | None
    last_at: datetime | None
    user: str = ""


@dataclass(frozen=True)
class CreditReport:
    """Everybody's credit.

    Attributes:
        time_zone: The server's, in which days begin and times are told.
        statement: The SQL that was asked, to be asked again elsewhere.
    """

    people: list[PersonsCredit]
    time_zone: str
    statement: str = ""


@dataclass(frozen=True)
class DecidedUnit:
    """One unit that was handed in, and what became of it.

    Attributes:
        training, computer: What they are called.
        status: `handed_in` (not looked at yet), `counted`, `late` or `not_counted`.
        reason: Why it came late or was not counted.
        compute_seconds: As the program measured it.
        credited_seconds: As it counts; None: it does not.
    """

    unit_id: int
    training: str
    iteration: int
    computer: str | None
    num_images: int
    status: str
    reason: str | None
    compute_seconds: float
    credited_seconds: float | None
    handed_in_at: datetime


@dataclass(frozen=True)
class UnitsReport:
    """One person's units, the newest first, and the SQL that was asked for them."""

    units: list[DecidedUnit]
    statement: str


def read_credit(connection: Connection, since: date | None = None, until: date | None = None) -> CreditReport:
    """Count everybody's work, as the class's coordinator role.

    Args:
        since, until: First and last day, in the server's time zone; None: from the beginning, until now.
    """
    queries = load_queries("credit")
    [zone] = connection.query(queries["time_zone"])
    statement = connection.filled(queries["credit"], {"since": since, "until": until})
    rows = connection.query(statement)
    return CreditReport([PersonsCredit(**row._asdict()) for row in rows], zone.name, statement)


def read_units(
    connection: Connection, user: str, since: date | None = None, until: date | None = None
) -> UnitsReport:
    """One person's units between two dates, as the class's coordinator role."""
    statement = connection.filled(
        load_queries("credit")["units"], {"user": user, "since": since, "until": until}
    )
    rows = connection.query(statement)
    return UnitsReport([DecidedUnit(**row._asdict()) for row in rows], statement)
