"""A look at a PostgreSQL server before a class moves in."""

from __future__ import annotations

from dataclasses import dataclass

from gan_desktop.class_admin.login import APPLICATION, num_students_that_fit
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.schema import OLDEST_POSTGRESQL, SCHEMA_VERSION, read_rights, schema_version
from gan_desktop.database.statistics import Room, Statistics, room_for_connections


@dataclass(frozen=True)
class Premises:
    """What a server and a login on it offer to a class.

    Attributes:
        postgresql: The server's major version.
        schema_version: Of the class that lives here already; None: there is none.
        is_instructor: The login runs that class; `title` is its name then.
        missing: The SQL with which the server's administrator gives what is missing; empty: nothing.
        num_students: For so many there are connections.
    """

    postgresql: int
    is_encrypted: bool
    schema_version: int | None
    is_instructor: bool
    title: str
    missing: tuple[str, ...]
    room: Room
    num_students: int

    @property
    def is_new_enough(self) -> bool:
        """Whether a class can live on a server of this version."""
        return self.postgresql >= OLDEST_POSTGRESQL

    @property
    def can_hold_new_class(self) -> bool:
        """Whether nothing stands against making a class here."""
        return self.is_new_enough and self.schema_version is None and not self.missing

    @property
    def needs_upgrade(self) -> bool:
        """Whether an older program made the class that is here."""
        return self.schema_version is not None and self.schema_version < SCHEMA_VERSION


def look_at_premises(address: Address) -> Premises:
    """Log in and look; nothing is changed.

    Raises:
        ConnectionFailed: No connection; `cause` names why.
    """
    with Connection(address, APPLICATION) as connection:
        rights, room = read_rights(connection), room_for_connections(connection)
        version = schema_version(connection)
        is_instructor, title = False, ""
        if version == SCHEMA_VERSION:
            statistics = Statistics(connection)
            is_instructor = statistics.is_instructor()
            title = statistics.title() if is_instructor else ""
        return Premises(
            postgresql=rights.postgresql,
            is_encrypted=connection.is_encrypted,
            schema_version=version,
            is_instructor=is_instructor,
            title=title,
            missing=rights.missing,
            room=room,
            num_students=num_students_that_fit(room),
        )
