"""Who comes to a server, and how quickly it answers: for the instructor who wonders whether others can."""

from __future__ import annotations

from dataclasses import dataclass

from gan_desktop.database.connection import Connection
from gan_desktop.database.queries import load_queries


@dataclass(frozen=True)
class Session:
    """A connection of somebody else. `address` None: the server does not tell."""

    pid: int
    login: str
    address: str | None


class Visitors:
    """Looks at who is there.

    Args:
        connection: As the coordinator's role; `write_down` and `forget` as the server's superuser.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = load_queries("visitors")

    def write_down(self) -> None:
        """Let the server's log name everybody who knocks, until `forget`."""
        self._connection.execute(self._sql["write_visits_down"])
        self._connection.query(self._sql["take_settings"])

    def forget(self) -> None:
        """No longer."""
        self._connection.execute(self._sql["no_longer"])
        self._connection.query(self._sql["take_settings"])

    def sessions(self) -> list[Session]:
        """Connections to the class that are not the instructor's own."""
        return [Session(**row._asdict()) for row in self._connection.query(self._sql["sessions"])]

    def fetch(self, num_bytes: int) -> int:
        """Let the server send so many bytes that mean nothing; returns how many have come."""
        payload = self._connection.download(self._sql["blank"], {"num_bytes": num_bytes})
        return len(payload or b"")


def writes_visits_down(connection: Connection) -> bool:
    """Whether a connection that was opened just now is one that the log names."""
    return str(connection.query("SHOW log_connections")[0][0]) not in ("", "off")
