"""The class's beginning, and the coordinator's login that everything else here needs."""

from __future__ import annotations

from dataclasses import replace

from gan_desktop.database.connection import Address, Connection
from gan_desktop.database.schema import init_class, require_fitting_schema
from gan_desktop.database.statistics import Statistics
from gan_desktop.errors import ConnectionFailed

APPLICATION = "gan-desktop class"


def make_class(administrator: Address, title: str) -> Address:
    """Make an empty database the home of a class; returns the coordinator's way into it.

    Raises:
        SchemaError: There is a class already, or the login may not make one (with what is missing).
        ConnectionFailed: No connection.
    """
    made = init_class(administrator, title)
    return replace(administrator, user=made.coordinator_user, password=made.coordinator_password)


def require_coordinator(address: Address) -> None:
    """Pass only with a login that runs a class of this program's version.

    Raises:
        ConnectionFailed: No connection, or a student's login.
        SchemaError: No class there, or one of another version.
    """
    log_in(address).close()


def log_in(coordinator: Address) -> Connection:
    """A connection of the coordinator's, checked as by `require_coordinator`."""
    connection = Connection(coordinator, APPLICATION)
    try:
        require_fitting_schema(connection)
        if not Statistics(connection).is_instructor():
            raise ConnectionFailed(
                f"{coordinator.user} is a student's login. Use the coordinator's, which"
                " `gan-desktop class init` printed when the class was made.",
                cause="login",
                title="Only the instructor may do this",
            )
    except BaseException:
        connection.close()
        raise
    return connection
