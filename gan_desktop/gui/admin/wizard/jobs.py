"""The wizard's way to the engine: short jobs, each for a thread of the pool.

Nothing here may be called in the window's thread: it connects, reads files and asks the password store. The
imports are inside for the same reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.gui.admin import entrance
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.window_session import Places

if TYPE_CHECKING:
    from gan_desktop.class_admin.hosting import HostedClass
    from gan_desktop.class_admin.premises import Premises
    from gan_desktop.class_admin.upgrade import UpgradePlan
    from gan_desktop.database.address import Address
    from gan_desktop.known_classes import KnownClass


@dataclass(frozen=True)
class HostWish:
    """How a class is to live on this computer.

    Attributes:
        listen: An address to listen at beside 127.0.0.1; None: as at the last start.
        port: 0: as at the last start, else a free one.
        num_students: None: as at the last start.
    """

    folder: Path
    listen: str | None = None
    port: int = 0
    num_students: int | None = None


@dataclass(frozen=True)
class LoginWish:
    """A login as it was typed.

    Attributes:
        ca_file: Of the one certificate to trust; empty: the public authorities.
        is_insecure: The server may be used without encryption.
    """

    host: str
    port: int
    dbname: str
    user: str
    password: str = field(repr=False)
    ca_file: str = ""
    is_insecure: bool = False

    def address(self) -> Address:
        """The way in, with the certificate read.

        Raises:
            SettingsError: It cannot be read.
        """
        from gan_desktop.database.address import Address

        certificate = Path(self.ca_file).expanduser() if self.ca_file else None
        return Address(
            host=self.host,
            port=self.port,
            dbname=self.dbname,
            user=self.user,
            password=self.password,
            ca_pem=entrance.read_certificate(certificate),
            insecure=self.is_insecure,
        )


@dataclass(frozen=True)
class Hosted:
    """The server on this computer, running: the superuser's way in, and what is in its databases."""

    folder: Path
    administrator: Address
    classes: tuple[HostedClass, ...]

    @property
    def with_title(self) -> list[HostedClass]:
        """The databases that hold a class."""
        return [hosted for hosted in self.classes if hosted.title is not None]


def look_into(folder: Path, administrator: Address) -> Hosted:
    """What is in the databases of a server on this computer."""
    from gan_desktop.class_admin.hosting import hosted_classes

    return Hosted(folder, administrator, tuple(hosted_classes(administrator)))


def server_here(folder: Path) -> Address:
    """The superuser's way into this computer's server of a folder, which runs.

    Raises:
        EmbeddedServerError: It does not.
    """
    from gan_desktop.class_admin.hosting import hosted_administrator

    return replace(hosted_administrator(folder), dbname="postgres")


def make_hosted(hosted: Hosted, title: str, places: Places) -> TaughtClass:
    """Make a class in a database of its own on this computer's server, and keep the way in.

    Raises:
        GanDesktopError: The title cannot be one, or the password cannot be kept.
    """
    from gan_desktop.class_admin.hosting import free_database, hosted_administrator
    from gan_desktop.class_admin.login import make_class

    administrator = hosted_administrator(hosted.folder, free_database(hosted.classes))
    return _keep(make_class(administrator, title), places, hosted.folder)


def open_hosted(hosted: Hosted, dbname: str, places: Places) -> TaughtClass:
    """Open a class of this computer's server; where its password is kept nowhere, it gets a new one.

    Raises:
        GanDesktopError: An older program made it, or the password cannot be kept.
    """
    from gan_desktop.class_admin.login import renew_login
    from gan_desktop.errors import ConnectionFailed, CredentialsError

    administrator = replace(hosted.administrator, dbname=dbname)
    for known in entrance.known_classes(places):
        if known.hosted_in and Path(known.hosted_in) == hosted.folder and known.dbname == dbname:
            try:
                taught = entrance.open_known(known, places)
                way = replace(taught.address, host=administrator.host, port=administrator.port)
                return _keep(way, places, hosted.folder)
            except CredentialsError:
                break
            except ConnectionFailed as error:
                if error.cause != "login":
                    raise
                break
    return _keep(renew_login(administrator), places, hosted.folder)


def look_at(login: LoginWish) -> Premises:
    """What a server and a login on it offer.

    Raises:
        GanDesktopError: No connection, or the certificate cannot be read.
    """
    from gan_desktop.class_admin.premises import look_at_premises

    return look_at_premises(login.address())


def make_on_server(administrator: LoginWish, title: str, places: Places) -> TaughtClass:
    """Make a class in an empty database of a server, and keep the way in.

    Raises:
        GanDesktopError: As `class_admin.login.make_class`, or the password cannot be kept.
    """
    from gan_desktop.class_admin.login import make_class

    return _keep(make_class(administrator.address(), title), places)


def open_login(coordinator: LoginWish, places: Places) -> TaughtClass:
    """Open a class with its instructor's login, and keep the way in.

    Raises:
        GanDesktopError: As `entrance.keep_taught`.
    """
    return _keep(coordinator.address(), places)


def open_file(file: Path, places: Places) -> TaughtClass:
    """Open the class that a config.yaml of `class init --save` leads to, and keep the way in.

    Raises:
        GanDesktopError: The file cannot be used; or as `entrance.keep_taught`.
    """
    taught = entrance.read_config(places, file)
    if taught.hosted_in is not None:
        # Its server is started by the window: nothing answers yet.
        return taught
    return _keep(taught.address, places)


def keep(taught: TaughtClass, places: Places) -> TaughtClass:
    """Keep the way into a class that is open.

    Raises:
        GanDesktopError: As `entrance.keep_taught`.
    """
    return _keep(taught.address, places, taught.hosted_in)


def open_again(known: KnownClass, places: Places) -> TaughtClass:
    """A class taught before; one on this computer is not looked at, as its server is not started yet.

    Raises:
        GanDesktopError: The password is gone, or the class cannot be reached.
    """
    taught = entrance.open_known(known, places)
    if taught.hosted_in is None:
        from gan_desktop.class_admin.login import require_coordinator

        require_coordinator(taught.address)
    return taught


def look_before_upgrade(administrator: Address) -> UpgradePlan:
    """What an upgrade would change, and for whom.

    Raises:
        GanDesktopError: As `class_admin.upgrade.plan_upgrade`.
    """
    from gan_desktop.class_admin.upgrade import plan_upgrade

    return plan_upgrade(administrator)


def upgrade(administrator: Address) -> UpgradePlan:
    """Bring a class up to date.

    Raises:
        GanDesktopError: As `class_admin.upgrade.upgrade`.
    """
    from gan_desktop.class_admin.upgrade import upgrade

    return upgrade(administrator)


def administrator_here(folder: Path, dbname: str) -> Address:
    """The superuser's way into a class of this computer's server, which runs.

    Raises:
        EmbeddedServerError: It does not.
    """
    from gan_desktop.class_admin.hosting import hosted_administrator

    return hosted_administrator(folder, dbname)


def has_password_store() -> bool:
    """Whether this computer keeps passwords."""
    from gan_desktop.credentials import has_password_store

    return has_password_store()


def _keep(coordinator: Address, places: Places, hosted_in: Path | None = None) -> TaughtClass:
    # Without a password store a file of the person's own is the only place; the page says so beforehand.
    return entrance.keep_taught(coordinator, places, hosted_in=hosted_in, in_file=not has_password_store())
