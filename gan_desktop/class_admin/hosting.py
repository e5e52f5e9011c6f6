"""The class's database on the instructor's own computer."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType

import filelock

from gan_desktop.class_code import DEFAULT_USES
from gan_desktop.database.accounts import CONNECTIONS_BY_CARD
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.databases import create_database
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.database.schema import schema_version
from gan_desktop.database.statistics import Statistics
from gan_desktop.database.visitors import Visitors, writes_visits_down
from gan_desktop.errors import ConnectionFailed, EmbeddedServerError, SettingsError
from gan_desktop.names import is_plain_line

DATABASE = "gan_desktop"
# For the coordinator, the instructor's windows, a card's login, and the server's own administration.
_FURTHER_CONNECTIONS = 30
# Kept for coordinators (and schema.py's grant): whoever fills the server does not lock the instructor out.
_RESERVED_CONNECTIONS = 6
_SHORTEST_LIFE_S = 60.0
# A server that was sent away comes back by then, whatever the mark says.
LONGEST_ABSENCE_S = 600.0
_AWAY = "away.json"
_NOT_TAKEN = (
    " It goes on as it was started: the new address, port or size is not taken. To change them, stop it, and"
    " start it with them."
)
_EVERYWHERE = {"*", "0.0.0.0", "::"}
_SERVERS_OWN = {"postgres", "template0", "template1"}


@dataclass(frozen=True)
class HostSettings:
    """How the server is reached, kept in its folder for the next start.

    `listen` is an address to listen at beside 127.0.0.1; `num_students` sets the connections it allows.
    """

    listen: str = "127.0.0.1"
    num_students: int = 30

    @property
    def is_for_others(self) -> bool:
        """Whether other computers can come in."""
        return self.listen != HostSettings.listen

    @property
    def is_everywhere(self) -> bool:
        """Whether they may come by any address of this computer."""
        return self.listen in _EVERYWHERE


class AlreadyHosted(EmbeddedServerError):
    """Another program hosts this database at this moment."""

    default_title = "The database runs already"


class Host:
    """Runs the database of one folder from entry to exit, and starts it again if it falls over.

    Only one program hosts a folder: a second one neither disturbs the server nor ends it. A server that a
    killed program has left is taken over.

    Args:
        folder: The server's; None: the one of this account.
        listen, num_students: None: as at the last start.
        port: 0: as at the last start, else a free one.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        listen: str | None = None,
        port: int = 0,
        num_students: int | None = None,
    ) -> None:
        self.folder = (folder or EmbeddedPostgres.default_dir()).absolute()
        self._known = _read_settings(self.folder)
        self.settings = HostSettings(listen or self._known.listen, num_students or self._known.num_students)
        self._port = port
        self._server = EmbeddedPostgres(
            self.folder,
            port=port,
            listen=self.settings.listen,
            max_connections=_num_connections(self.settings.num_students),
            settings={"reserved_connections": str(_RESERVED_CONNECTIONS)},
        )
        self._lock = filelock.FileLock(self.folder / "host.lock")
        self._started = 0.0

    @property
    def address(self) -> Address:
        """The superuser's way in, while the server runs."""
        return self._server.address

    def __enter__(self) -> Host:
        """Start the server.

        Raises:
            SettingsError: It is to listen at an address that this computer does not have.
            AlreadyHosted: Another program does.
            EmbeddedServerError: It does not start.
        """
        with contextlib.suppress(FileExistsError):
            self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout as error:
            running = self._server.running_address()
            place = f"at port {running.port}" if running else "or is just starting"
            raise AlreadyHosted(
                f"It runs {place}, and belongs to another window. That one's Ctrl+C stops it."
                + (_NOT_TAKEN if self._wishes_change(running) else "")
            ) from error
        try:
            _require_own_address(self.settings.listen)
            self._start()
            self._forget_visits()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._server.stop()
        finally:
            self._lock.release()

    def tend(self) -> bool:
        """Look after the server, every few seconds; True: it had fallen over and was started again.

        Raises:
            EmbeddedServerError: It falls over again and again, or does not start.
        """
        if self._server.is_running():
            return False
        mark = self.folder / _AWAY
        if _absence_left_s(mark) > 0:
            return False
        was_sent_away = mark.exists()
        mark.unlink(missing_ok=True)
        if not was_sent_away and time.monotonic() - self._started < _SHORTEST_LIFE_S:
            raise EmbeddedServerError(
                f"The database in {self.folder} was stopped twice within a minute. Its log, server.log, may"
                " say why.",
                title="The database on this computer was stopped",
            )
        self._start()
        return True

    def class_title(self) -> str | None:
        """The title of the class in this server's usual database; None: there is none yet."""
        return _class_title(replace(self.address, dbname=DATABASE))

    def _start(self) -> None:
        running = self._server.running_address()
        if running is not None and self._wishes_change(running):
            self._server.stop()  # left by a killed program, with other settings
        self._server.start()
        self._started = time.monotonic()
        self._known = self.settings
        (self.folder / "host.json").write_text(json.dumps(asdict(self.settings)), "utf-8")

    def _forget_visits(self) -> None:
        """A program that was killed while it waited for visitors has left the log writing them down."""
        with Connection(self.address) as connection:
            if writes_visits_down(connection):
                Visitors(connection).forget()

    def _wishes_change(self, running: Address | None) -> bool:
        is_elsewhere = self._port != 0 and running is not None and running.port != self._port
        return self.settings != self._known or is_elsewhere


def require_hosted(folder: Path) -> None:
    """Pass only where a program hosts the server of this folder, and so starts it again when it falls over.

    Raises:
        EmbeddedServerError: Nobody does.
    """
    try:
        with filelock.FileLock(folder / "host.lock", timeout=0):
            pass
    except filelock.Timeout:
        return
    raise EmbeddedServerError(
        f"No program hosts the database in {folder}. Start it in another window: gan-desktop class host",
        title="The database on this computer does not run",
    )


def send_away(folder: Path, seconds: float) -> None:
    """Stop a hosted server for a while, as a pulled plug does; the program that hosts it starts it again.

    That program need not be this one, and brings the server back also if this one ends meanwhile.

    Raises:
        EmbeddedServerError: No program hosts it.
    """
    require_hosted(folder)
    (folder / _AWAY).write_text(json.dumps({"until": time.time() + seconds}), "utf-8")
    EmbeddedPostgres(folder).stop()


def _absence_left_s(mark: Path) -> float:
    """How long a server that was sent away stays so; 0: it was not, or comes back now."""
    try:
        left_s = float(json.loads(mark.read_text("utf-8"))["until"]) - time.time()
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0
    return left_s if 0 < left_s <= LONGEST_ABSENCE_S else 0.0


def _require_own_address(listen: str) -> None:
    """Refuse an address at which nobody could find the server: PostgreSQL itself would only grumble."""
    if listen in _EVERYWHERE:
        return
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(listen, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(place)
    except OSError as error:
        raise SettingsError(
            f"--listen {listen}: this computer does not have that address, so nobody would find the class"
            " there. With --listen 0.0.0.0 it is found at all addresses that this computer has.",
            title="Not an address of this computer",
        ) from error


def _num_connections(num_students: int) -> int:
    """Enough for everybody, even if one person makes all accounts that a class card allows and uses them."""
    return CONNECTIONS_BY_CARD * max(num_students, DEFAULT_USES) + _FURTHER_CONNECTIONS


def hosted_administrator(folder: Path | None = None, dbname: str = DATABASE) -> Address:
    """The superuser's way into a database of the server hosted on this computer; made when missing.

    Raises:
        SettingsError: No class can live in a database of that name.
        EmbeddedServerError: The server does not run.
    """
    if not is_plain_line(dbname, 63) or len(dbname.encode()) > 63 or dbname in _SERVERS_OWN:
        raise SettingsError(
            "A database's name has 1 to 63 visible characters, and postgres and template1 are the server's"
            " own. Choose another name.",
            title="Not a database for a class",
        )
    server = EmbeddedPostgres(folder or EmbeddedPostgres.default_dir())
    administrator = server.running_address()
    if administrator is None:
        raise EmbeddedServerError(
            f"No database runs in {server.data_dir}. Start it in another window: gan-desktop class host",
            title="The database on this computer does not run",
        )
    hosted = replace(administrator, dbname=dbname)
    try:
        Connection(hosted).close()
    except ConnectionFailed as error:
        if error.cause != "database":
            raise
        create_database(administrator, dbname)
    return hosted


@dataclass(frozen=True)
class HostedClass:
    """A class in one of the databases of a server on this computer; `title` None: nothing is in it yet."""

    dbname: str
    title: str | None


def hosted_classes(administrator: Address) -> list[HostedClass]:
    """What is in the databases of the server on this computer, the usual one first.

    Args:
        administrator: The superuser's way in.
    """
    with Connection(administrator) as connection:
        rows = connection.query("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY datname")
    names = [row.datname for row in rows if row.datname not in _SERVERS_OWN]
    names.sort(key=lambda name: name != DATABASE)
    return [HostedClass(name, _class_title(replace(administrator, dbname=name))) for name in names]


def free_database(classes: Sequence[HostedClass]) -> str:
    """The name of a database for one more class: the usual one, as long as no class is in it."""
    taken = {hosted.dbname for hosted in classes if hosted.title is not None}
    name, number = DATABASE, 1
    while name in taken:
        number += 1
        name = f"{DATABASE}_{number}"
    return name


def _class_title(address: Address) -> str | None:
    try:
        with Connection(address) as connection:
            return Statistics(connection).title() if schema_version(connection) is not None else None
    except ConnectionFailed as error:
        if error.cause != "database":
            raise
        return None


def _read_settings(folder: Path) -> HostSettings:
    try:
        known = json.loads((folder / "host.json").read_text("utf-8"))
        return HostSettings(str(known["listen"]), int(known["num_students"]))
    except (OSError, ValueError, KeyError, TypeError):
        return HostSettings()
