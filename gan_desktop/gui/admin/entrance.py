"""The classes that one teaches from this computer: found at the start, kept, opened again, forgotten.

They stand in a list of their own beside that of the classes one has joined, with the coordinator's login.
Nothing here may be called in the window's thread: it reads files, asks the password store and may connect.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.admin.wizard.draft import is_half_way, load_draft
from gan_desktop.gui.window_session import Places

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.known_classes import KnownClass, KnownClasses
    from gan_desktop.settings import DatabaseSettings


def taught_classes(places: Places) -> KnownClasses:
    """The list of them."""
    from gan_desktop.known_classes import KnownClasses

    return KnownClasses(places.config / "teaching")


def usual_folder(places: Places) -> Path:
    """Where databases on this computer live, unless somebody wants them elsewhere."""
    return (places.data / "postgres").absolute()


def known_classes(places: Places) -> list[KnownClass]:
    """All of them, the one that was taught last first.

    Raises:
        SettingsError: The list is damaged.
    """
    return taught_classes(places).all()


def find_taught(
    places: Places, config: Path | None = None, password_file: str | None = None
) -> TaughtClass | None:
    """The class to begin with; None: there is none yet, so that the wizard asks.

    The one that `--config` names; else a config.yaml of this folder, or settings of the environment, with a
    coordinator's login (that of `class init --save`); else the class that was taught last.

    Raises:
        GanDesktopError: The settings need mending, or the password is nowhere.
    """
    from gan_desktop.settings import load_settings

    database = load_settings(config).database
    if database.host and (config is not None or _is_coordinators(database.user)):
        return read_config(places, config, password_file)
    known = next(iter(known_classes(places)), None)
    return open_known(known, places, password_file) if known is not None else None


def is_begun(places: Places) -> bool:
    """Whether somebody has stopped half-way through the wizard: `ask_to_begin("go_on")` then."""
    return is_half_way(load_draft(places.config))


def read_config(places: Places, config: Path | None, password_file: str | None = None) -> TaughtClass:
    """The class that a config.yaml (or the environment) leads to.

    Raises:
        GanDesktopError: The file cannot be used, or the password is nowhere.
    """
    from gan_desktop.credentials import find_password
    from gan_desktop.database.address import Address
    from gan_desktop.settings import load_settings

    settings = load_settings(config)
    database = settings.require_database()
    address = Address(
        host=database.host,
        port=database.port,
        dbname=database.database,
        user=database.user,
        password=find_password(database, password_file).value,
        ca_pem=read_certificate(database.ca_file),
        insecure=database.insecure,
    )
    return TaughtClass(address, database.database, _usual_host_of(database, places), hub=settings.huggingface)


def keep_taught(
    address: Address, places: Places, *, hosted_in: Path | None = None, in_file: bool = False
) -> TaughtClass:
    """Log in to a class and keep the way into it, first in the list.

    Args:
        hosted_in: The folder of its database where that runs on this computer.
        in_file: Keep the password in a file that only this person can read, not in the password store.

    Raises:
        GanDesktopError: No connection, not the instructor's login, another version, or the password cannot
            be kept.
    """
    from gan_desktop.class_admin.login import identify
    from gan_desktop.known_classes import KnownClass

    class_id, title = identify(address)
    known = KnownClass(
        name=title,
        class_id=class_id,
        hosts=address.hosts,
        port=address.port,
        dbname=address.dbname,
        user=address.user,
        ca_pem=address.ca_pem,
        insecure=address.insecure,
        password_in_file=in_file,
        hosted_in=str(hosted_in) if hosted_in is not None else "",
    )
    kept = taught_classes(places).keep(known, address.password or "")
    return TaughtClass(address, kept.name, hosted_in, kept)


def open_known(known: KnownClass, places: Places, password_file: str | None = None) -> TaughtClass:
    """A class taught before, as the one that is meant from now on.

    Raises:
        CredentialsError: Its password is not there.
    """
    from gan_desktop.admission import address_of, open_class

    classes = taught_classes(places)
    if known.hosted_in:
        # Its server is started by the window: nothing answers yet.
        address = address_of(known, classes.password(known, password_file).value)
    else:
        address = open_class(classes, known, password_file)
    classes.prefer(known)
    return TaughtClass(address, known.name, Path(known.hosted_in) if known.hosted_in else None, known)


def forget_taught(known: KnownClass, places: Places) -> None:
    """Take a class off the list, with its password; the class itself stays where it is.

    Raises:
        CredentialsError: The file with the password cannot be removed; the class is off the list.
    """
    taught_classes(places).forget(known)


def read_certificate(file: Path | None) -> str | None:
    """A certificate's text.

    Raises:
        SettingsError: It cannot be read.
    """
    from gan_desktop.errors import SettingsError

    if file is None:
        return None
    try:
        return file.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no certificate in PEM form"
        raise SettingsError(f"The certificate {file} cannot be read: {reason}.") from error


def _is_coordinators(user: str) -> bool:
    """Whether a login was made for an instructor: a student's config.yaml lies in the same places."""
    from gan_desktop.database.schema import ClassRoles

    return user.startswith(ClassRoles("").coordinator)


def _usual_host_of(database: DatabaseSettings, places: Places) -> Path | None:
    """The usual folder of databases on this computer, if a way in leads to its server."""
    from gan_desktop.database.address import LOOPBACK
    from gan_desktop.database.embedded import remembered_port

    folder = usual_folder(places)
    is_there = database.host in LOOPBACK and remembered_port(folder) == database.port
    return folder if is_there else None
