"""What an upgrade of a class would mean for those who take part in it."""

from __future__ import annotations

from dataclasses import dataclass

from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import COORDINATOR_AWAY_S
from gan_desktop.database.queries import load_queries
from gan_desktop.database.schema import require_upgradable


@dataclass(frozen=True)
class ProgramInUse:
    """A computer of the class that was heard of lately, and its program's version (its own words)."""

    name: str
    owner: str
    program_version: str | None


@dataclass(frozen=True)
class ClassBefore:
    """A class before its upgrade."""

    title: str
    schema_version: int
    is_coordinated: bool
    programs: list[ProgramInUse]


def look_before_upgrade(administrator: Address) -> ClassBefore:
    """Look at a class that is to be brought up to date; nothing is changed.

    Raises:
        SchemaError: No class here, one of a newer version than this program's, or not its maker's login.
    """
    queries = load_queries("upgrade")
    with Connection(administrator) as connection:
        version = require_upgradable(connection)
        [row] = connection.query(queries["class"], {"away_s": COORDINATOR_AWAY_S})
        programs = [ProgramInUse(**program._asdict()) for program in connection.query(queries["programs"])]
        return ClassBefore(row.title, version, row.is_coordinated, programs)
