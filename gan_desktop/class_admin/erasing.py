"""What cannot be taken back: people are erased, or the whole class is deleted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gan_desktop.class_admin.closing import Progress, Step, close_logins, record_step, shut_out
from gan_desktop.class_admin.hosting import hosted_classes
from gan_desktop.class_admin.login import log_in
from gan_desktop.database.address import Address
from gan_desktop.database.closing import ClosingSteps
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import COORDINATOR_AWAY_S
from gan_desktop.database.databases import drop_database
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.database.erasure import Trace, clean_disk, erase_people
from gan_desktop.database.logins import Logins
from gan_desktop.database.schema import drop_class, require_upgradable
from gan_desktop.database.statistics import Statistics
from gan_desktop.errors import GanDesktopError
from gan_desktop.records import RunStatus

__all__ = ["Trace", "delete_class", "erase", "remove_server"]


def erase(
    coordinator: Address,
    *,
    keep_numbers: bool = True,
    host: Address | None = None,
    on_progress: Progress = lambda what, done, total: None,
) -> list[Trace]:
    """Remove everything personal from a class, for good; its weights, faces and curves stay.

    Logins are closed first. A check looks for every name, number, address and computer in all that is left.

    Args:
        keep_numbers: What each person did stays as a number without a name, in an order that tells nothing.
        host: The superuser of a server on this computer: what was erased leaves its disk at once. Elsewhere
            the server uses the place again in its own time, and its backups are its administrator's.

    Returns:
        Where somebody's name still stands: in titles and paths that the instructor wrote.

    Raises:
        GanDesktopError: The class has not ended, or a training goes on. Nothing was erased.
    """
    _require_quiet(coordinator)
    close_logins(coordinator, on_progress)
    with log_in(coordinator) as connection:
        traces = erase_people(connection, keep_numbers=keep_numbers)
    # First: the people are gone, also if the disk has no room for cleaning it.
    record_step(coordinator, Step.ERASE)
    if host is not None:
        clean_disk(host)
    return traces


def delete_class(coordinator: Address, administrator: Address, *, is_hosted: bool = False) -> tuple[str, ...]:
    """Remove a class with all that is in it, and everybody's logins, from its server, for good.

    Args:
        administrator: The login that made the class.
        is_hosted: It is the superuser of the server on this computer: the database goes, too.

    Returns:
        Titles of the classes that the hosted server still has; always empty elsewhere.

    Raises:
        GanDesktopError: A training goes on. Nothing was deleted.
        SchemaError: The administrator's login did not make this class. Nothing was deleted.
        ConnectionFailed: No connection.
    """
    _require_quiet(coordinator)
    with Connection(administrator) as connection:
        require_upgradable(connection)
    with log_in(coordinator) as connection:
        shut_out(connection)
        # They belong to the server, not to the database, and only the coordinator may drop them.
        logins = ClosingSteps(connection).all_logins()
        Logins(connection).drop_all(logins)
    drop_class(administrator)
    if not is_hosted:
        return ()
    server = replace(administrator, dbname="postgres")
    drop_database(server, administrator.dbname)
    with Connection(server) as connection:
        # What their owners had tied to some of them went with the database.
        Logins(connection).drop_all(logins)
    return tuple(hosted.title for hosted in hosted_classes(server) if hosted.title is not None)


def remove_server(folder: Path) -> None:
    """Remove the server on this computer with everything in it; what else lies in the folder stays.

    Raises:
        EmbeddedServerError: It runs, or a file of it cannot be removed.
    """
    EmbeddedPostgres(folder).remove()


def _require_quiet(coordinator: Address) -> None:
    """Pass only where nobody trains: what is removed must not come back with the next hand-in."""
    with log_in(coordinator) as connection:
        for run in Statistics(connection).runs():
            is_coordinated = (
                run.coordinator_silent_s is not None and run.coordinator_silent_s < COORDINATOR_AWAY_S
            )
            if run.status in (RunStatus.RUNNING, RunStatus.PAUSED):
                raise GanDesktopError(
                    f'Training {run.run_id}, "{run.name}", goes on. End the course first.',
                    title="Not while a training goes on",
                )
            if is_coordinated and ClosingSteps(connection).facts().num_waiting:
                raise GanDesktopError(
                    f'Training {run.run_id}, "{run.name}", was just ended, and its last units are being'
                    " credited. Try again in a minute.",
                    title="Not while a training goes on",
                )
