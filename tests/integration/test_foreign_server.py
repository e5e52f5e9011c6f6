"""A server that speaks another language: its refusals are understood by their codes."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from gan_desktop.database import connection_errors
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.refusal import sqlstate_of_refusal
from gan_desktop.errors import ConnectionFailed
from tests.integration.classroom import Classroom


@pytest.fixture
def student(classroom: Classroom) -> Address:
    login = classroom.add_student(num_workers=1)
    return classroom.address(login.user, login.password)


@pytest.fixture
def foreign_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sentence of the server's is known, as if it spoke another language."""
    monkeypatch.setattr(connection_errors, "_CAUSES", ())


def cause(address: Address) -> str:
    with pytest.raises(ConnectionFailed) as failed:
        Connection(address)
    assert (address.password or "") not in failed.value.message
    return failed.value.cause


def code(address: Address) -> str | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    place = address.host, address.port, address.user, address.dbname
    return sqlstate_of_refusal(*place, address.password, context)


@pytest.mark.usefixtures("foreign_words")
def test_refusals_are_told_apart_in_any_language(student: Address, classroom: Classroom) -> None:
    assert cause(replace(student, password="an-older-one")) == "login"
    assert cause(replace(student, user="nobody")) == "login"
    assert cause(replace(student, dbname="postgres")) in {"forbidden", "database"}
    assert cause(replace(classroom.administrator, dbname="no_such")) == "database"
    classroom.superuser.execute(f"CREATE DATABASE other_{student.user}")
    try:
        classroom.superuser.execute(f"REVOKE ALL ON DATABASE other_{student.user} FROM PUBLIC")
        assert cause(replace(student, dbname=f"other_{student.user}")) == "database"
    finally:
        classroom.superuser.execute(f"DROP DATABASE other_{student.user}")
    with ExitStack() as open_connections:
        for _ in range(3):
            open_connections.enter_context(Connection(student))
        assert cause(student) == "too_many"
    classroom.superuser.execute(f"ALTER ROLE {student.user} NOLOGIN")
    assert cause(student) == "forbidden"


def test_the_codes_are_postgresqls_own(student: Address, classroom: Classroom) -> None:
    assert code(replace(student, password="an-older-one")) == "28P01"
    assert code(replace(classroom.administrator, dbname="no_such")) == "3D000"
    assert code(student) is None  # nothing is refused
    assert code(replace(student, password="wröng \u2126")) == "28P01"


@contextmanager
def speaking(*answers: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A port that answers each message with the next of these, and what it was told."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            call, _ = listener.accept()
            with call:
                for answer in answers:
                    heard.append(call.recv(4096))
                    call.sendall(answer)
                with contextlib.suppress(ConnectionResetError):
                    heard.append(call.recv(4096))

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1], heard
        finally:
            thread.join()


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">i", len(body) + 4) + body


@pytest.mark.parametrize(
    "answer",
    [
        message(b"R", struct.pack(">i", 3)),  # the password as it is
        message(b"R", struct.pack(">i", 5) + b"salt"),  # its MD5
        message(b"R", struct.pack(">i", 10) + b"PLAIN\0\0"),
        b"E" + struct.pack(">i", 2_000_000_000),
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        message(b"E", b"SFATAL\0\0"),
    ],
)
def test_nobody_is_told_the_password_and_nothing_strange_is_believed(student: Address, answer: bytes) -> None:
    with speaking(b"N", answer) as (port, heard):
        assert code(replace(student, port=port)) is None
    assert student.password is not None
    assert student.password.encode() not in b"".join(heard)


def test_without_encryption_a_server_that_must_prove_itself_is_told_nothing(student: Address) -> None:
    with speaking(b"N") as (port, heard):
        place = "127.0.0.1", port, student.user, student.dbname
        assert sqlstate_of_refusal(*place, student.password, ssl.create_default_context()) is None
    assert student.user.encode() not in b"".join(heard)
