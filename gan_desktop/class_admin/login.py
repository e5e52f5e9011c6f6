"""The class's beginning, and the coordinator's login that everything else here needs."""

from __future__ import annotations

from dataclasses import replace

from gan_desktop.database.accounts import CONNECTIONS_PER_WORKER
from gan_desktop.database.address import LOOPBACK, Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.schema import init_class, renew_coordinator, require_fitting_schema
from gan_desktop.database.statistics import Room, Statistics, room_for_connections
from gan_desktop.errors import ConnectionFailed

APPLICATION = "gan-desktop class"
# The coordinator's own: work, lease, and the instructor's look at the class.
COORDINATOR_CONNECTIONS = 4


def make_class(administrator: Address, title: str) -> Address:
    """Make an empty database the home of a class; returns the coordinator's way into it.

    Raises:
        SchemaError: There is a class already, or the login may not make one (with what is missing).
        ConnectionFailed: No connection.
    """
    made = init_class(administrator, title)
    return replace(administrator, user=made.coordinator_user, password=made.coordinator_password)


def room_on_server(address: Address) -> Room:
    """How many connections the server allows, and how many others use now."""
    with Connection(address, APPLICATION) as connection:
        return room_for_connections(connection)


def num_students_that_fit(room: Room) -> int:
    """Students whose computers can be connected at the same time, each with one worker."""
    free = room.allowed - room.reserved - room.used_by_others - COORDINATOR_CONNECTIONS
    return max(0, free // CONNECTIONS_PER_WORKER)


def require_coordinator(address: Address) -> None:
    """Pass only with a login that runs a class of this program's version.

    Raises:
        ConnectionFailed: No connection, or a student's login.
        SchemaError: No class there, or one of another version.
    """
    log_in(address).close()


def identify(coordinator: Address) -> tuple[str, str]:
    """What a class calls itself: its id, which no other has, and its title.

    Raises:
        GanDesktopError: As `require_coordinator`.
    """
    with log_in(coordinator) as connection:
        [row] = connection.query("SELECT class_id, title FROM class_info")
        return str(row.class_id), str(row.title)


def renew_login(administrator: Address) -> Address:
    """A new password for a class's coordinator, whose former one is lost; returns the way in.

    Raises:
        SchemaError: No class here, or not its maker's login.
    """
    made = renew_coordinator(administrator)
    return replace(administrator, user=made.coordinator_user, password=made.coordinator_password)


def _for_instructors(error: ConnectionFailed, coordinator: Address) -> ConnectionFailed:
    """The same trouble with what an instructor can do about it."""
    if error.cause == "refused" and coordinator.host in LOOPBACK:
        advice = "If it is the one of this computer, start it in another window: gan-desktop class host"
        return ConnectionFailed(f"{error.message} {advice}", cause=error.cause, title=error.title)
    if error.cause == "login" and coordinator.password:
        return ConnectionFailed(
            f'The class refused the login of "{coordinator.user}" with this password. Both stand in the file'
            " that `gan-desktop class init` wrote or printed; a password from PGPASSWORD or --password-file"
            " comes before it.",
            cause=error.cause,
            title=error.title,
        )
    return error


def log_in(coordinator: Address) -> Connection:
    """A connection of the coordinator's, checked as by `require_coordinator`."""
    try:
        connection = Connection(coordinator, APPLICATION)
    except ConnectionFailed as error:
        raise _for_instructors(error, coordinator) from error
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
