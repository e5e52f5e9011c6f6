"""The class's database on the instructor's own computer: one host, remembered, hard to kill."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from gan_desktop.class_admin.hosting import AlreadyHosted, Host, HostSettings, hosted_administrator
from gan_desktop.class_admin.login import make_class, num_students_that_fit, room_on_server
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.statistics import Room
from gan_desktop.errors import EmbeddedServerError, SchemaError, SettingsError
from tests.integration.console import finish, gan_desktop, read_until, start, write_config


def setting(address: Address, name: str) -> str:
    with Connection(address) as connection:
        return str(connection.query(f"SHOW {name}")[0][0])


def postmaster_of(folder: Path) -> psutil.Process:
    [pid_file] = folder.rglob("postmaster.pid")
    return psutil.Process(int(pid_file.read_text("utf-8").splitlines()[0]))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_address_port_and_size_are_remembered(open_folder: Path) -> None:
    port = free_port()
    with Host(open_folder / "server", listen="0.0.0.0", port=port, num_students=12) as host:
        assert host.address.port == port
        assert setting(host.address, "listen_addresses") == "0.0.0.0"
        assert setting(host.address, "max_connections") == "190"
    with Host(open_folder / "server") as host:
        assert host.settings == HostSettings("0.0.0.0", 12)
        assert host.address.port == port
        assert setting(host.address, "listen_addresses") == "0.0.0.0"
        assert setting(host.address, "max_connections") == "190"
    (open_folder / "server" / "host.json").write_text("{", "utf-8")
    assert Host(open_folder / "server").settings == HostSettings()


def test_some_connections_are_kept_for_the_coordinator(open_folder: Path) -> None:
    with Host(open_folder / "server") as host:
        assert setting(host.address, "reserved_connections") == "6"


def test_a_second_host_neither_disturbs_the_server_nor_ends_it(open_folder: Path) -> None:
    with Host(open_folder / "server") as host, Connection(host.address) as connection:
        with pytest.raises(AlreadyHosted, match=f"port {host.address.port}"), Host(open_folder / "server"):
            pass
        assert connection.query("SELECT 1")
        assert not host.tend()


def test_a_server_that_fell_over_is_started_again(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Host(open_folder / "server") as host:
        port = host.address.port
        monkeypatch.setattr("gan_desktop.class_admin.hosting._SHORTEST_LIFE_S", 0.0)
        postmaster_of(open_folder).kill()
        postmaster_of(open_folder).wait(30)
        assert host.tend()
        assert host.address.port == port
        assert setting(host.address, "port") == str(port)
        monkeypatch.setattr("gan_desktop.class_admin.hosting._SHORTEST_LIFE_S", 60.0)
        postmaster_of(open_folder).kill()
        postmaster_of(open_folder).wait(30)
        with pytest.raises(EmbeddedServerError, match="twice within a minute"):
            host.tend()


def test_a_server_that_a_killed_host_has_left_is_taken_over(open_folder: Path) -> None:
    folder = open_folder / "server"
    with start("class", "host", "--server-folder", folder) as host:
        read_until(host, "gan-desktop class init --hosted")
        host.kill()
        finish(host)
    before = postmaster_of(open_folder).pid
    with Host(folder) as taken:
        assert postmaster_of(open_folder).pid == before
        assert setting(taken.address, "max_connections") == "190"
    # With other wishes it is started anew.
    orphan = Host(folder)
    orphan.__enter__()
    orphan._lock.release()
    with Host(folder, num_students=60) as taken:
        assert setting(taken.address, "max_connections") == "270"


def test_a_hosted_database_is_asked_for_before_it_runs(open_folder: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="gan-desktop class host"):
        hosted_administrator(open_folder / "server")


def test_two_classes_live_in_one_hosted_server(open_folder: Path) -> None:
    with Host(open_folder / "server") as host:
        assert host.class_title() is None
        make_class(hosted_administrator(open_folder / "server"), "Vision")
        make_class(hosted_administrator(open_folder / "server", "second"), "Vision B")
        assert host.class_title() == "Vision"
        with pytest.raises(SchemaError) as again:
            make_class(hosted_administrator(open_folder / "server"), "Third")
        assert again.value.title == "There is a class already"


def test_the_second_command_says_that_it_runs_and_the_first_goes_on(
    open_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ("--server-folder", open_folder / "server")
    with start("class", "host", *options, "--listen", "0.0.0.0") as host:
        said = read_until(host, "gan-desktop class init --hosted")
        assert "Others in this network find it at" in said and socket.gethostname() in said
        second = gan_desktop("class", "host", *options)
        assert second.code == 0
        assert "The database runs already" in second.stdout
        made = gan_desktop("class", "init", "--hosted", *options, "--title", "Vision")
        assert made.code == 0
        assert "room for about" in made.stdout
        host.send_signal(signal.SIGINT)
        ended = finish(host)
        assert ended.code == 0 and "The class is safe" in ended.stdout
    with start("class", "host", *options) as host:
        said = read_until(host, "gan-desktop class add-student NAME")
        assert 'The class "Vision" is in it.' in said and "Others in this network" in said
        host.send_signal(signal.SIGTERM)
        assert finish(host).code == 0


def test_an_address_of_another_computer_is_refused_and_not_remembered(open_folder: Path) -> None:
    folder = open_folder / "server"
    with pytest.raises(SettingsError, match=r"--listen 0\.0\.0\.0"), Host(folder, listen="192.0.2.1"):
        pass
    assert not (folder / "host.json").exists() and not (folder / "pgdata").exists()
    with Host(folder) as host:
        assert not host.settings.is_for_others


def test_a_port_that_cannot_be_had_is_told_with_advice(open_folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(EmbeddedServerError, match="--port"), Host(open_folder / "server", port=port):
            pass
    # Root may, but not the account that the server runs as.
    with pytest.raises(EmbeddedServerError, match="--port"), Host(open_folder / "server", port=79):
        pass
    assert not (open_folder / "server" / "port").exists()


def test_a_second_host_says_that_its_wishes_are_not_taken(open_folder: Path) -> None:
    with Host(open_folder / "server") as host:
        same: list[dict[str, Any]] = [{}, {"port": host.address.port}]
        for known in same:
            with pytest.raises(AlreadyHosted) as already, Host(open_folder / "server", **known):
                pass
            assert "not taken" not in already.value.message
        others: list[dict[str, Any]] = [{"listen": "0.0.0.0"}, {"port": 23456}, {"num_students": 99}]
        for wishes in others:
            with pytest.raises(AlreadyHosted, match="not taken"), Host(open_folder / "server", **wishes):
                pass


def test_a_hosted_database_may_have_any_plain_name(open_folder: Path) -> None:
    folder = open_folder / "server"
    with Host(folder):
        coordinator = make_class(hosted_administrator(folder, "Bad Name! 100%/?é"), "Vision")
        with Connection(coordinator) as connection:
            assert connection.address.dbname == "Bad Name! 100%/?é"
        for name in ("", " ", "postgres", "two\nlines", "é" * 40):
            with pytest.raises(SettingsError, match="Choose another name"):
                hosted_administrator(folder, name)


# -- how many fit --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("room", "fit"),
    [(Room(100, 3, 0), 31), (Room(100, 3, 50), 14), (Room(20, 3, 0), 4), (Room(10, 3, 9), 0)],
)
def test_three_connections_are_one_student(room: Room, fit: int) -> None:
    assert num_students_that_fit(room) == fit


def test_the_room_is_that_of_the_server_without_what_others_use(
    new_database: Callable[[], Address],
) -> None:
    database, other = new_database(), new_database()
    before = room_on_server(database)
    assert before.allowed == int(setting(database, "max_connections"))
    assert before.reserved >= int(setting(database, "superuser_reserved_connections"))
    with contextlib.ExitStack() as guests:
        for _ in range(5):
            guests.enter_context(Connection(other))
        assert room_on_server(database).used_by_others >= before.used_by_others + 5
        # Our own people are not in the way.
        guests.enter_context(Connection(database))
        assert room_on_server(database).used_by_others >= before.used_by_others + 5
    with Connection(database) as connection:
        connection.execute(f"ALTER DATABASE {database.dbname} CONNECTION LIMIT 20")
    assert room_on_server(database).allowed == 20


def test_an_older_postgresql_is_refused_with_words(
    new_database: Callable[[], Address], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # As if a class needed the PostgreSQL of ten years from now.
    monkeypatch.setattr("gan_desktop.database.schema.OLDEST_POSTGRESQL", 28)
    with pytest.raises(SchemaError, match="a class needs 28 or newer") as refused:
        make_class(new_database(), "Vision")
    assert refused.value.title == "The server is too old for a class"


def test_init_says_what_it_needs() -> None:
    said = gan_desktop("class", "init", "--help").stdout
    for words in ("PostgreSQL 14", "CREATEROLE", "administrator"):
        assert words in said


def test_a_class_in_a_database_of_config_yaml_says_how_many_fit(
    new_database: Callable[[], Address], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    database = new_database()
    write_config(tmp_path, database)
    made = gan_desktop("class", "init", "--save", "coordinator.yaml")
    assert (made.code, made.stderr) == (0, "")
    for words in ("room for about", "--config coordinator.yaml", "docs/settings.md"):
        assert words in made.stdout
    saved = Path("coordinator.yaml").read_text("utf-8")
    assert "room for about" in saved and "docs/settings.md" in saved
    assert gan_desktop("class", "init", "--title", "").code == 2
    again = gan_desktop("class", "init")
    assert again.code == 3 and "--hosted --database NAME" in again.stderr
    assert os.name == "nt" or Path("coordinator.yaml").stat().st_mode & 0o777 == 0o600
