"""Can others reach the class? Real knocks at a real server, and what a server offers to a class."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg2 import sql

from gan_desktop.class_admin.hosting import Host, free_database, hosted_administrator, hosted_classes
from gan_desktop.class_admin.login import (
    identify,
    make_class,
    num_students_that_fit,
    renew_login,
    require_coordinator,
    room_on_server,
)
from gan_desktop.class_admin.premises import look_at_premises
from gan_desktop.class_admin.reach import (
    HostedDoor,
    LoginDoor,
    Visit,
    await_visit,
    budget,
    listening,
    measure_link,
    networks_of_this_computer,
    own_addresses,
)
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.schema import upgrade_class
from gan_desktop.errors import ConnectionFailed, SchemaError
from tests.integration import version_1
from tests.integration.classroom import Classroom
from tests.integration.console import finish, gan_desktop, read_until, start
from tests.integration.programs import wait_until

# Another address of this computer, which no network card has: for the server it is somebody else's.
ELSEWHERE = "127.0.0.2"
BROWSER = b"GET / HTTP/1.1\r\nHost: class\r\n\r\n"


def knock(port: int, source: str) -> None:
    """Do what a browser does that is sent to the class's address."""
    with socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(source, 0)) as browser:
        browser.sendall(BROWSER)
        browser.recv(100)


def log_connections(administrator: Address) -> str:
    with Connection(administrator) as connection:
        return str(connection.query("SHOW log_connections")[0][0])


# -- the server on this computer -------------------------------------------------------------------


def test_a_knock_from_another_computer_is_noticed_and_ones_own_is_not(open_folder: Path) -> None:
    with Host(open_folder / "server", listen="0.0.0.0") as host:
        with HostedDoor(host.folder, host.address) as door:
            knock(host.address.port, "127.0.0.1")
            assert door.visits() == []
            knock(host.address.port, ELSEWHERE)
            knock(host.address.port, ELSEWHERE)
            assert wait_until(door.visits, "a visit") == [Visit(ELSEWHERE)]
            assert door.visits() == []
        # Nobody's address is written down any longer than somebody is waited for.
        wait_until(lambda: log_connections(host.address) in ("", "off"), "the log as it was")


def test_a_killed_window_leaves_no_log_of_visits_behind(open_folder: Path) -> None:
    folder = open_folder / "server"
    with Host(folder, listen="0.0.0.0") as host:
        HostedDoor(host.folder, host.address).__enter__()
    with Host(folder) as host:
        wait_until(lambda: log_connections(host.address) in ("", "off"), "the log as it was")


def test_waiting_ends_with_the_first_visit(open_folder: Path) -> None:
    with Host(open_folder / "server", listen="0.0.0.0") as host:
        woken = threading.Event()

        def wait(seconds: float) -> None:
            # The door is open now.
            if not woken.is_set():
                woken.set()
                knock(host.address.port, ELSEWHERE)

        door = HostedDoor(host.folder, host.address)
        assert await_visit(door, lambda: False, wait=wait) == Visit(ELSEWHERE)
        assert await_visit(door, lambda: True) is None


def test_what_the_server_listens_at_is_known(open_folder: Path) -> None:
    with Host(open_folder / "server") as host:
        assert listening(host.address) == "127.0.0.1"
    with Host(open_folder / "server", listen="0.0.0.0") as host:
        assert listening(host.address) == "0.0.0.0"


def test_a_folder_may_hold_several_classes(open_folder: Path) -> None:
    with Host(open_folder / "server") as host:
        assert free_database(hosted_classes(host.address)) == "gan_desktop"
        first = make_class(hosted_administrator(host.folder), "Vision")
        further = free_database(hosted_classes(host.address))
        assert further == "gan_desktop_2"
        make_class(hosted_administrator(host.folder, further), "Sounds")
        assert [(one.dbname, one.title) for one in hosted_classes(host.address)] == [
            ("gan_desktop", "Vision"),
            ("gan_desktop_2", "Sounds"),
        ]
        assert identify(first)[1] == "Vision"


def test_a_lost_password_is_renewed_by_the_classs_maker_and_the_former_one_ends(open_folder: Path) -> None:
    with Host(open_folder / "server") as host:
        administrator = hosted_administrator(host.folder)
        with pytest.raises(SchemaError, match="no class"):
            renew_login(administrator)
        lost = make_class(administrator, "Vision")
        found = renew_login(administrator)
        assert found.user == lost.user
        require_coordinator(found)
        with pytest.raises(ConnectionFailed, match="refused the login"):
            require_coordinator(lost)


# -- a server elsewhere ----------------------------------------------------------------------------


def test_a_students_login_is_noticed_on_a_server_elsewhere(classroom: Classroom) -> None:
    early = classroom.log_in(classroom.add_student("Ana"))
    with LoginDoor(classroom.coordinator_address) as door:
        # Neither who was there before nor the instructor's own sessions.
        classroom.connect(classroom.coordinator_address)
        assert door.visits() == []
        student = classroom.add_student("Ben")
        classroom.log_in(student)
        [visit] = wait_until(door.visits, "a visit")
        assert visit.login == student.user
    early.close()


def test_the_budget_is_what_the_console_says(classroom: Classroom) -> None:
    found = budget(classroom.coordinator_address)
    assert found.num_students == num_students_that_fit(room_on_server(classroom.coordinator_address))
    assert 0 < found.num_students < found.room.allowed


def test_the_way_to_the_server_is_measured(classroom: Classroom) -> None:
    # Within this computer; the slowest processor moves more than a slow Wi-Fi.
    assert 20 < measure_link(classroom.coordinator_address) < 1_000_000


def test_this_computers_networks_are_its_own() -> None:
    own = own_addresses()
    assert "127.0.0.1" in own
    assert ELSEWHERE not in own
    assert all(network.address in own for network in networks_of_this_computer())


# -- a server before a class moves in --------------------------------------------------------------


@pytest.fixture
def plain_login(new_database: Callable[[], Address]) -> Iterator[tuple[Address, Address]]:
    """The owner of nothing, a login that may not make roles; and the superuser of the same database."""
    superuser = new_database()
    teacher = replace(superuser, user=f"teacher_{superuser.dbname}", password="secret")
    role = sql.Identifier(teacher.user)
    with Connection(superuser) as connection:
        verifier = sql.Literal(connection.password_verifier(teacher.user, "secret"))
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, verifier))
    yield teacher, superuser
    with Connection(superuser) as connection:
        connection.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(role))
        connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


def test_a_missing_right_is_named_with_the_sql_that_gives_it(plain_login: tuple[Address, Address]) -> None:
    teacher, superuser = plain_login
    before = look_at_premises(teacher)
    assert before.missing == (
        f'ALTER ROLE "{teacher.user}" CREATEROLE;',
        f'ALTER DATABASE "{teacher.dbname}" OWNER TO "{teacher.user}";',
    )
    assert not before.can_hold_new_class
    with Connection(superuser) as connection:
        for statement in before.missing:
            connection.execute(statement)
    after = look_at_premises(teacher)
    assert after.can_hold_new_class
    assert after.num_students > 0


def test_a_class_that_is_there_is_told_and_its_instructor_known(classroom: Classroom) -> None:
    seen = look_at_premises(classroom.coordinator_address)
    assert seen.is_instructor
    assert seen.title == "Vision"
    assert not seen.can_hold_new_class
    student = classroom.add_student()
    as_student = look_at_premises(classroom.address(student.user, student.password))
    assert not as_student.is_instructor
    assert as_student.title == ""


def test_a_class_of_an_older_program_needs_an_upgrade(new_database: Callable[[], Address]) -> None:
    administrator = new_database()
    version_1.make_class(administrator, "Old")
    seen = look_at_premises(administrator)
    assert seen.needs_upgrade
    assert not seen.can_hold_new_class
    upgrade_class(administrator)
    assert not look_at_premises(administrator).needs_upgrade


# -- on the console --------------------------------------------------------------------------------


def test_the_console_waits_for_another_computer_and_renews_a_lost_login(open_folder: Path) -> None:
    folder = open_folder / "server"
    with Host(folder, listen="0.0.0.0") as host:
        lost = make_class(hosted_administrator(folder), "Vision")
        with start("class", "reach", "--hosted", "--server-folder", folder) as waiting:
            read_until(waiting, "it is noticed here")
            wait_until(lambda: log_connections(host.address) not in ("", "off"), "an open door")
            knock(host.address.port, ELSEWHERE)
            answer = finish(waiting)
        assert answer.code == 0
        assert f"It works: {ELSEWHERE} has come through." in answer.said
        nobody = gan_desktop("class", "reach", "--hosted", "--server-folder", folder, "--wait", 1)
        assert nobody.code == 1
        assert "firewall" in nobody.said
        saved = open_folder / "config.yaml"
        renewed = gan_desktop(
            "class", "renew-login", "--hosted", "--server-folder", folder, "--yes", "--save", saved
        )
        assert renewed.code == 0
        assert gan_desktop("class", "status", "--config", saved).code == 0
        with pytest.raises(ConnectionFailed):
            require_coordinator(lost)


def test_the_console_says_that_a_server_for_this_computer_alone_is_reached_by_nobody(
    open_folder: Path,
) -> None:
    with Host(open_folder / "server"):
        answer = gan_desktop("class", "reach", "--hosted", "--server-folder", open_folder / "server")
        assert answer.code == 1
        assert "--listen 0.0.0.0" in answer.said
