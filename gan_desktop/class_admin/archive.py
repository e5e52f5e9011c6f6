"""A class as one file: kept after a course, or moved from a laptop to a server."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from gan_desktop.class_admin.login import log_in
from gan_desktop.database.accounts import CONNECTIONS_PER_WORKER, DEFAULT_WORKERS_PER_ACCOUNT
from gan_desktop.database.address import Address
from gan_desktop.database.archive import (
    Manifest,
    datasets_without_pictures,
    load,
    open_logins,
    read_manifest,
    verify,
    write_archive,
)
from gan_desktop.database.connection import Connection
from gan_desktop.database.logins import Login, Logins
from gan_desktop.database.schema import ClassRoles, drop_class, init_class

# Told of what is being done, of bytes done and of their total.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class RestoredClass:
    """A class that came back from its archive.

    Attributes:
        coordinator: The new coordinator's way in; the password is shown this once.
        num_students: People whose former cards do not work here: each needs a new one.
        missing_pictures: Names of data sets whose pictures were left out; import the same ones again.
    """

    coordinator: Address
    manifest: Manifest
    num_students: int
    missing_pictures: tuple[str, ...]


def archive_class(
    coordinator: Address,
    file: BinaryIO,
    *,
    with_pictures: bool = True,
    on_progress: Progress = lambda what, done, total: None,
) -> Manifest:
    """Write everything that a class is, but no password, as it is at one moment; the class goes on meanwhile.

    It holds names and e-mail addresses: keep it as you keep grades.

    Args:
        file: A new file, open for writing.
        with_pictures: False: only where they are kept elsewhere, to be imported again.
    """
    with log_in(coordinator) as connection:
        return write_archive(
            connection,
            file,
            with_pictures=with_pictures,
            on_progress=lambda done, total: on_progress("Archiving", done, total),
        )


def restore_class(
    administrator: Address,
    path: Path,
    on_progress: Progress = lambda what, done, total: None,
) -> RestoredClass:
    """Make an empty database the home of an archived class, which goes on from its last iteration.

    It is a class of its own with new logins, even on the server where the archived one still lives. All of it
    comes back, or nothing is left in the database.

    Raises:
        ArchiveError: The file is damaged or cut short (nothing was touched), or does not fit this program.
        SchemaError: The database holds a class, or the login may not make one.
    """
    manifest = read_manifest(path)
    verify(path, manifest, lambda done, total: on_progress("Checking the archive", done, total))
    made = init_class(administrator, manifest.title.strip())
    coordinator = replace(administrator, user=made.coordinator_user, password=made.coordinator_password)
    try:
        with Connection(administrator) as connection:
            load(connection, path, manifest, lambda done, total: on_progress("Restoring", done, total))
        with Connection(coordinator) as connection:
            missing = datasets_without_pictures(connection)
            # The last step: these logins would outlive what was made so far.
            num_students = _make_logins(connection, ClassRoles(made.class_id))
    except BaseException:
        drop_class(administrator)
        raise
    return RestoredClass(coordinator, manifest, num_students, tuple(missing))


def _make_logins(connection: Connection, roles: ClassRoles) -> int:
    """Give every account of the class a login that nobody has the password of: a new card renews it."""
    users = open_logins(connection)
    logins = Logins(connection)
    with connection.transaction():
        for user in users:
            logins.make(
                Login(user, secrets.token_urlsafe(24)),
                roles.student,
                CONNECTIONS_PER_WORKER * DEFAULT_WORKERS_PER_ACCOUNT,
            )
    return len(users)
