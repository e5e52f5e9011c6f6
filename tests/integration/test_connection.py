"""One connection: its errors in words that help, its bytes exact."""

from __future__ import annotations

import contextlib
import math
import secrets
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import psycopg2
import psycopg2.errors
import pytest
from hypothesis import strategies as st

from gan_desktop.database import address as address_module
from gan_desktop.database import connection as connection_module
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection, binary
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.errors import ConnectionFailed, GanDesktopError
from tests.integration.classroom import Classroom
from tests.integration.conftest import superuser_address
from tests.integration.slow_link import bad_line

PASSWORD = "a-password-that-nobody-may-read"


def failure(address: Address) -> ConnectionFailed:
    """How a connection fails; its words must help and must not tell the password."""
    with pytest.raises(ConnectionFailed) as failed:
        Connection(address)
    error: BaseException | None = failed.value
    while error is not None:
        assert not address.password or address.password not in f"{error} {error!r} {vars(error)}"
        error = error.__cause__
    assert len(failed.value.message) > 30
    return failed.value


@pytest.fixture
def student(classroom: Classroom) -> Address:
    login = classroom.add_student()
    return classroom.address(login.user, login.password)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def answering_with(answer: bytes | None) -> Iterator[int]:
    """A port where something else than PostgreSQL answers (None: takes the call and says nothing)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def serve() -> None:
            with contextlib.ExitStack() as calls:
                while not done.is_set():
                    with contextlib.suppress(TimeoutError):
                        call = calls.enter_context(listener.accept()[0])
                        if answer is not None:
                            call.recv(100)
                            call.sendall(answer)
                            call.close()

        thread = threading.Thread(target=serve)
        listener.settimeout(0.05)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            done.set()
            thread.join()


# -- refusals ------------------------------------------------------------------------------------


def test_an_unknown_host_is_named(student: Address) -> None:
    error = failure(replace(student, host="no-such-host.invalid"))
    assert error.cause == "unknown_host"
    assert '"no-such-host.invalid"' in error.message
    assert error.is_passing


def test_a_closed_port_is_named(student: Address) -> None:
    port = free_port()
    error = failure(replace(student, port=port))
    assert error.cause == "refused"
    assert str(port) in error.message
    assert error.is_passing


def test_another_program_at_the_port_is_recognised(student: Address) -> None:
    with answering_with(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        error = failure(replace(student, port=port))
    assert error.cause == "refused"
    assert "not PostgreSQL" in error.message


def test_a_server_that_hangs_up_is_recognised(student: Address) -> None:
    with answering_with(b"") as port:
        error = failure(replace(student, port=port))
    assert error.cause == "refused"
    assert "ended the connection" in error.message


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(
    student: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "CONNECT_TIMEOUT_S", 2)
    with answering_with(None) as port:
        started = time.monotonic()
        error = failure(replace(student, port=port))
    assert error.cause == "unreachable"
    assert time.monotonic() - started < 10


def test_a_wrong_password_is_no_passing_trouble(student: Address) -> None:
    error = failure(replace(student, password=PASSWORD))
    assert error.cause == "login"
    assert student.user in error.message
    assert not error.is_passing


def test_a_missing_password_is_noticed(student: Address) -> None:
    error = failure(replace(student, password=None))
    assert error.cause == "login"
    assert "none was given" in error.message


def test_an_unknown_login_looks_like_a_wrong_password(student: Address) -> None:
    assert failure(replace(student, user="nobody", password=PASSWORD)).cause == "login"


def test_a_wrong_database_is_named(classroom: Classroom) -> None:
    error = failure(replace(classroom.administrator, dbname="no_such_class"))
    assert error.cause == "database"
    assert '"no_such_class"' in error.message
    assert not error.is_passing


def test_a_database_of_others_is_named(new_database: Callable[[], Address], student: Address) -> None:
    others = new_database()
    with Connection(others) as connection:
        connection.execute(f"REVOKE CONNECT ON DATABASE {others.dbname} FROM PUBLIC")
    error = failure(replace(student, dbname=others.dbname))
    assert error.cause == "database"
    assert others.dbname in error.message


def test_a_full_database_is_passing_trouble(new_database: Callable[[], Address], student: Address) -> None:
    address = new_database()
    with Connection(address) as connection:
        connection.execute(f"ALTER DATABASE {address.dbname} CONNECTION LIMIT 0")
    error = failure(replace(student, dbname=address.dbname))
    assert error.cause == "too_many"
    assert error.is_passing


def test_a_server_without_encryption_is_refused_unless_the_person_chose_so(
    student: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As though it were any other computer's; the embedded server speaks no TLS.
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(address_module, "LOOPBACK", set())
        error = failure(student)
        Connection(replace(student, insecure=True)).close()
    assert error.cause == "tls"
    assert not error.is_passing


def test_a_certificate_that_is_none_is_a_matter_of_tls(student: Address) -> None:
    error = failure(
        replace(student, ca_pem="-----BEGIN CERTIFICATE-----\nnot one\n-----END CERTIFICATE-----\n")
    )
    assert error.cause == "tls"


def test_an_address_never_shows_its_password(student: Address) -> None:
    assert student.password is not None
    assert student.password not in repr(student)


# -- a server of its own: full, stopped, started again -----------------------------------------------


def test_a_full_and_a_stopped_server_are_passing_troubles(open_folder: Path) -> None:
    server = EmbeddedPostgres(open_folder / "postgres", max_connections=8, settings={"fsync": "off"})
    with server:
        superuser = superuser_address(server)
        with Connection(superuser) as connection:
            connection.execute(f"CREATE ROLE ana LOGIN PASSWORD '{PASSWORD}'")
            connection.execute("CREATE DATABASE class")
        ana = replace(superuser, dbname="class", user="ana", password=PASSWORD)
        sessions = [Connection(ana) for _ in range(5)]
        error = failure(ana)
        assert (error.cause, error.is_passing) == ("too_many", True)
        sessions += [Connection(superuser) for _ in range(3)]
        error = failure(ana)
        assert (error.cause, error.is_passing) == ("too_many", True)

        sessions[0].listen("gan_desktop")
        server.stop("fast")

        for use in (
            # The server's goodbye wakes the sleeper like a notification; the next sleep finds it gone.
            lambda: [sessions[0].wait(10) for _ in range(2)],
            lambda: sessions[1].query("SELECT 1"),
            lambda: sessions[2].execute("SELECT 1"),
            lambda: sessions[3].download("SELECT 'x'::bytea", {}),
            lambda: sessions[4].upload("t", {"a": b""}),
        ):
            for _ in range(2):  # and it stays so, however often one asks
                with pytest.raises(ConnectionFailed) as failed:
                    use()
                assert failed.value.is_passing
        with pytest.raises(ConnectionFailed), sessions[5].transaction():
            sessions[5].execute("SELECT 1")
        for session in sessions:
            session.close()
        assert failure(replace(ana)).cause == "refused"

        server.start()
        Connection(replace(ana, port=server.address.port)).close()


def test_a_session_that_was_ended_says_so(classroom: Classroom, student: Address) -> None:
    session, other = classroom.connect(student), classroom.connect(student)
    [row] = session.query("SELECT pg_backend_pid() AS pid")
    other.query("SELECT pg_terminate_backend(%s, 5000)", [row.pid])
    with pytest.raises(ConnectionFailed) as failed:
        session.query("SELECT 1")
    assert failed.value.is_passing
    session.close()
    session.close()


# -- statements ----------------------------------------------------------------------------------


def test_a_failed_transaction_leaves_nothing_and_the_connection_goes_on(classroom: Classroom) -> None:
    connection = classroom.superuser
    with pytest.raises(ZeroDivisionError), connection.transaction():
        connection.execute("CREATE TABLE gan.scratch (a integer)")
        raise ZeroDivisionError
    with pytest.raises(psycopg2.errors.DivisionByZero), connection.transaction():
        connection.execute("CREATE TABLE gan.scratch (a integer)")
        connection.query("SELECT 1 / 0")
    assert connection.query("SELECT to_regclass('gan.scratch') IS NULL AS it")[0].it


def test_a_mistake_in_a_program_is_not_mistaken_for_a_lost_connection(student: Address) -> None:
    with Connection(student) as connection:
        with pytest.raises(psycopg2.errors.SyntaxError):
            connection.query("SELEKT 1")
        with pytest.raises(ValueError, match="NUL"):
            connection.query("SELECT %s", ["\0"])
        with pytest.raises(GanDesktopError, match="permission denied"):
            connection.query("SELECT * FROM gan.workers")
        assert connection.query("SELECT 1 AS one")[0].one == 1


def test_a_slow_copy_is_given_minutes(student: Address) -> None:
    with Connection(student) as connection:
        assert connection.query("SHOW statement_timeout")[0][0] == "10min"


# -- bytes ---------------------------------------------------------------------------------------


@pytest.fixture
def scratch(classroom: Classroom) -> Connection:
    classroom.superuser.execute(
        "CREATE TEMPORARY TABLE scratch (int4 int4, int8 int8, float8 float8, bool bool, text text,"
        " bytea bytea, uuid uuid)"
    )
    return classroom.superuser


SAME_FIXTURE = [hypothesis.HealthCheck.function_scoped_fixture]
VALUES = st.fixed_dictionaries(
    {
        "int4": st.integers(-(2**31), 2**31 - 1),
        "int8": st.integers(-(2**63), 2**63 - 1),
        "float8": st.floats(),
        "bool": st.booleans(),
        "text": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50),
        "bytea": st.binary(max_size=200),
        "uuid": st.uuids().map(str),
    }
)


@hypothesis.given(values=VALUES)
@hypothesis.settings(max_examples=150, suppress_health_check=SAME_FIXTURE)
def test_every_value_arrives_as_it_was_sent(scratch: Connection, values: dict[str, Any]) -> None:
    scratch.execute("TRUNCATE scratch")
    scratch.upload("scratch", {kind: binary(value, kind) for kind, value in values.items()})
    [row] = scratch.query("SELECT int4, int8, float8, bool, text, bytea, uuid FROM scratch")
    received = {**row._asdict(), "bytea": bytes(row.bytea)}
    if math.isnan(values["float8"]):
        assert math.isnan(received.pop("float8"))
        values = {kind: value for kind, value in values.items() if kind != "float8"}
    assert received == values


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1])
def test_a_number_that_does_not_fit_is_an_error_not_another_number(value: int) -> None:
    with pytest.raises(Exception, match="format requires"):
        binary(value, "int4")
    with pytest.raises(ValueError, match="money"):
        binary(value, "money")


@hypothesis.given(payload=st.binary(max_size=5000))
@hypothesis.settings(max_examples=60, suppress_health_check=SAME_FIXTURE)
def test_a_download_is_what_was_stored(scratch: Connection, payload: bytes) -> None:
    scratch.execute("TRUNCATE scratch")
    scratch.upload("scratch", {"bytea": payload})
    assert scratch.download("SELECT bytea FROM scratch", {}) == payload


def test_megabytes_arrive_whole(scratch: Connection) -> None:
    payload = secrets.token_bytes(3_000_000)
    scratch.upload("scratch", {"bytea": payload})
    assert scratch.download("SELECT bytea FROM scratch WHERE int4 IS NULL", {}) == payload


def test_a_download_of_no_row_or_of_null_is_none(scratch: Connection) -> None:
    query = "SELECT bytea FROM scratch WHERE text = %(text)s"
    assert scratch.download(query, {"text": "it's 100%"}) is None
    scratch.upload("scratch", {"text": b"it's 100%"})
    assert scratch.download(query, {"text": "it's 100%"}) is None
    scratch.execute("UPDATE scratch SET bytea = ''")
    assert scratch.download(query, {"text": "it's 100%"}) == b""


def test_a_link_that_breaks_in_the_middle_of_a_download_is_a_passing_trouble(
    new_database: Callable[[], Address],
) -> None:
    with (
        bad_line(new_database(), 200_000) as line,
        Connection(replace(line.target, port=line.port)) as connection,
    ):
        threading.Thread(target=line.cut_after, args=(300_000,), daemon=True).start()
        with pytest.raises(ConnectionFailed, match="was lost") as failed:
            connection.download("SELECT convert_to(repeat('x', 2000000), 'UTF8') AS payload", {})
    assert failed.value.is_passing


def test_an_upload_that_the_server_ends_is_a_passing_trouble_and_no_mistake_of_the_program(
    new_database: Callable[[], Address], monkeypatch: pytest.MonkeyPatch
) -> None:
    mistakes: list[BaseException] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, traceback: mistakes.append(error))
    with Connection(new_database()) as connection:
        connection.execute(
            "CREATE TEMPORARY TABLE scratch (bytea bytea);"
            " CREATE FUNCTION pg_temp.end_session() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;"
            " CREATE TRIGGER scratch BEFORE INSERT ON scratch"
            " FOR EACH ROW EXECUTE FUNCTION pg_temp.end_session()"
        )
        with pytest.raises(ConnectionFailed, match="was lost") as failed:
            connection.upload("scratch", {"bytea": b"x"})
    assert failed.value.is_passing
    assert not mistakes


def test_a_download_interrupted_by_the_server_is_an_error_not_half_a_file(
    classroom: Classroom, student: Address
) -> None:
    session = classroom.connect(student)
    with pytest.raises(psycopg2.errors.DivisionByZero):
        session.download("SELECT repeat('x', 10 / (3 - n))::bytea FROM generate_series(1, 5) AS n", {})
    assert session.download("SELECT 'x'::bytea", {}) == b"x"
