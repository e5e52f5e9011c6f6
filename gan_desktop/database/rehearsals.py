"""Removes what a rehearsal with virtual students has left in a class."""

from __future__ import annotations

from collections.abc import Sequence

from gan_desktop.database.connection import Connection
from gan_desktop.database.logins import Logins
from gan_desktop.database.queries import load_queries
from gan_desktop.errors import GanDesktopError


def remove_rehearsal(connection: Connection, run_id: int, logins: Sequence[str]) -> None:
    """Delete a finished run with all that belongs to it, and its students with their logins.

    Args:
        connection: As the class's coordinator role.
        logins: The virtual students', none of whom has worked for another run.

    Raises:
        GanDesktopError: The run goes on, or there is none; nothing was removed.
    """
    sql, parameters = load_queries("rehearsal"), {"run_id": run_id, "logins": list(logins)}
    if not connection.query(sql["ended_run"], parameters):
        raise GanDesktopError(
            f"Training {run_id} goes on. Finish the rehearsal before it is removed.",
            title="The rehearsal goes on",
        )
    for login in logins:
        Logins(connection).close(login)
    with connection.transaction():
        for statement in ("forget_run", "forget_workers", "forget_accounts"):
            connection.execute(sql[statement], parameters)
        for login in logins:
            Logins(connection).drop(login)
