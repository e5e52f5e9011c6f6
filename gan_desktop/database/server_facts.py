"""The server behind a class: its version, who is connected, and what its room is used for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gan_desktop.database.connection import Connection
from gan_desktop.database.queries import load_queries


@dataclass(frozen=True)
class Connections:
    """Sessions on the server at one moment.

    Attributes:
        num_students, num_virtual: Of the class's students, and of a rehearsal's.
        num_instructor: Of the class's own programs: this window, the one that runs the training.
        num_elsewhere: In other databases of the same server.
        num_all: All, also those of none of these kinds.
    """

    num_students: int
    num_virtual: int
    num_instructor: int
    num_elsewhere: int
    num_all: int

    @property
    def num_others(self) -> int:
        """Sessions in the class's database that are nobody's of the class: an administrator's, a card's."""
        known = self.num_students + self.num_virtual + self.num_instructor + self.num_elsewhere
        return self.num_all - known


@dataclass(frozen=True)
class ServerFacts:
    """What there is to know of the server.

    Attributes:
        version: PostgreSQL's.
        is_encrypted: This very connection.
        offers_tls: Whether the server could encrypt.
        listening: The addresses it listens at, as in its setting; None: may not be known.
        num_bytes: The class's database.
        table_bytes: Each of the class's tables, with indexes and large values.
    """

    version: str
    is_encrypted: bool
    offers_tls: bool
    listening: str | None
    connections: Connections
    num_bytes: int
    table_bytes: Mapping[str, int]


def read_server_facts(connection: Connection) -> ServerFacts:
    """Look at the server once, as the class's coordinator role."""
    sql = load_queries("server")
    [server] = connection.query(sql["version"])
    [connections] = connection.query(sql["connections"])
    return ServerFacts(
        version=server.version.split()[0],
        is_encrypted=connection.is_encrypted,
        offers_tls=server.offers_tls,
        listening=server.listening,
        connections=Connections(**connections._asdict()),
        num_bytes=connection.query(sql["size"])[0].num_bytes,
        table_bytes={row.name: row.num_bytes for row in connection.query(sql["sizes"])},
    )
