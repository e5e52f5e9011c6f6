"""How a connection is protected: which server is believed, and that nothing is given up silently."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import certifi
import pytest

from gan_desktop.cli import main
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.databases import create_database
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.database.schema import init_class
from gan_desktop.errors import ConnectionFailed
from gan_desktop.join_card import read_card_file
from tests.integration.classroom import Classroom
from tests.integration.console import write_config
from tests.integration.tls import (
    ELSEWHERE,
    SSL_REQUEST,
    Certificate,
    can_listen_elsewhere,
    make_certificate,
    tls_relay,
)

# Programs of a PostgreSQL with TLS; the wheel's has none.
TLS_BIN_DIRS = ("/usr/lib/postgresql/18/bin", "/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/16/bin",
                "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/14/bin")  # fmt: skip

AUTHORITY = make_certificate(authority="School")
OTHER_AUTHORITY = make_certificate(authority="Another school")
IMPOSTOR_AUTHORITY = make_certificate(authority="School")
# Can sign nothing: the server's own, by which alone it is known.
OWN = make_certificate("gan.school.example")

Behind = Callable[[Certificate | None], AbstractContextManager[Address]]


pytestmark = pytest.mark.skipif(
    not can_listen_elsewhere(), reason="this system has no second address of its own (macOS)"
)


@pytest.fixture
def behind(classroom: Classroom, tmp_path: Path) -> Behind:
    """A student's way to the class behind a relay that shows a certificate."""
    login = classroom.add_student()
    student = classroom.address(login.user, login.password)

    @contextlib.contextmanager
    def relay(certificate: Certificate | None) -> Iterator[Address]:
        with tls_relay(student.port, certificate, tmp_path) as port:
            yield replace(student, host=ELSEWHERE, port=port)

    return relay


def refusal(address: Address) -> ConnectionFailed:
    with pytest.raises(ConnectionFailed) as failed:
        Connection(address)
    assert failed.value.cause == "tls", failed.value.message
    assert not failed.value.is_passing
    return failed.value


def require_encrypted(address: Address) -> None:
    with Connection(address) as connection:
        assert connection.is_encrypted
        assert connection.query("SELECT own_account_id() IS NOT NULL AS it")[0].it


# -- who is believed -----------------------------------------------------------------------------


def test_a_server_whose_authority_is_known_is_believed(behind: Behind) -> None:
    with behind(make_certificate(ELSEWHERE, issuer=AUTHORITY)) as address:
        require_encrypted(replace(address, ca_pem=AUTHORITY.pem))


def test_a_public_authority_is_believed_without_a_card(
    behind: Behind, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "public.pem"
    bundle.write_text(AUTHORITY.pem)
    monkeypatch.setattr(certifi, "where", lambda: str(bundle))
    with behind(make_certificate(ELSEWHERE, issuer=AUTHORITY)) as address:
        require_encrypted(address)


def test_a_server_of_an_unknown_authority_is_refused(behind: Behind) -> None:
    with behind(make_certificate(ELSEWHERE, issuer=OTHER_AUTHORITY)) as address:
        for trusted in (None, AUTHORITY.pem, OWN.pem):
            assert "could not prove" in refusal(replace(address, ca_pem=trusted)).message


def test_an_authority_that_only_bears_the_right_name_is_not_believed(behind: Behind) -> None:
    with behind(make_certificate(ELSEWHERE, issuer=IMPOSTOR_AUTHORITY)) as address:
        refusal(replace(address, ca_pem=AUTHORITY.pem))


def test_a_right_authority_is_no_proof_for_another_host(behind: Behind) -> None:
    with behind(make_certificate("127.0.0.3", issuer=AUTHORITY)) as address:
        assert ELSEWHERE in refusal(replace(address, ca_pem=AUTHORITY.pem)).message


def test_an_expired_certificate_is_refused(behind: Behind) -> None:
    expired = make_certificate(ELSEWHERE, issuer=AUTHORITY, has_expired=True)
    with behind(expired) as address:
        assert "expired" in refusal(replace(address, ca_pem=AUTHORITY.pem)).message


def test_a_servers_own_certificate_is_believed_under_every_address(behind: Behind) -> None:
    with behind(OWN) as address:
        require_encrypted(replace(address, ca_pem=OWN.pem))


def test_another_ones_own_certificate_of_the_same_name_is_refused(behind: Behind) -> None:
    with behind(make_certificate("gan.school.example")) as address:
        refusal(replace(address, ca_pem=OWN.pem))


def test_a_servers_own_certificate_is_worth_nothing_without_the_card(behind: Behind) -> None:
    with behind(OWN) as address:
        refusal(address)


def test_an_expired_own_certificate_is_refused(behind: Behind) -> None:
    expired = make_certificate("gan.school.example", has_expired=True)
    with behind(expired) as address:
        refusal(replace(address, ca_pem=expired.pem))


def test_an_instructor_names_the_servers_certificate_in_the_settings(
    classroom: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    coordinator = classroom.coordinator_address
    with tls_relay(coordinator.port, OWN, tmp_path) as port:
        write_config(tmp_path, replace(coordinator, host=ELSEWHERE, port=port))
        monkeypatch.chdir(tmp_path)
        assert main(["class", "students"]) == 3
        (tmp_path / "own.pem").write_text(OWN.pem)
        monkeypatch.setenv("GAN_DESKTOP_DATABASE__CA_FILE", "own.pem")
        assert main(["class", "students"]) == 0
        assert main(["class", "card", "--room", "--save", "room.gandjoin"]) == 0
        card = read_card_file(tmp_path / "room.gandjoin")
        assert (card.ca_pem, card.hosts, card.insecure) == (OWN.pem, (ELSEWHERE,), False)
        assert main(["class", "card", "--room", "--qr"]) == 1
        assert "too long for a QR code" in capsys.readouterr().err
        monkeypatch.setenv("GAN_DESKTOP_DATABASE__CA_FILE", "missing.pem")
        assert main(["class", "students"]) == 2
        assert "missing.pem cannot be read" in capsys.readouterr().err


# -- nothing is given up silently --------------------------------------------------------------------


@pytest.mark.parametrize("trusted", [None, AUTHORITY.pem, OWN.pem])
def test_a_server_that_says_it_has_no_encryption_is_refused(behind: Behind, trusted: str | None) -> None:
    with behind(None) as address:
        assert "offers no encryption" in refusal(replace(address, ca_pem=trusted)).message


def test_a_card_may_allow_a_server_without_encryption(behind: Behind) -> None:
    with behind(None) as address, Connection(replace(address, insecure=True)) as connection:
        assert not connection.is_encrypted


def test_what_may_be_unprotected_is_encrypted_where_it_can_be(behind: Behind) -> None:
    with behind(OWN) as address:
        require_encrypted(replace(address, insecure=True))


def test_a_certificate_in_the_card_counts_more_than_its_permission_to_do_without(behind: Behind) -> None:
    with behind(None) as address:
        refusal(replace(address, insecure=True, ca_pem=OWN.pem))


def test_this_computer_itself_needs_no_encryption(classroom: Classroom) -> None:
    with Connection(classroom.administrator) as connection:
        assert not connection.is_encrypted


class Impostor:
    """A server that does not know the login and asks for the password in clear text; `heard` is what it got.

    Args:
        certificate: What it shows; None: it says that it has no encryption.
    """

    def __init__(self, certificate: Certificate | None, folder: Path, host: str = ELSEWHERE) -> None:
        self.heard = b""
        self.is_certificate_shown = False
        self._context = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*certificate.write(folder))
            self._context.load_verify_locations(cadata=certificate.pem)
            self._context.verify_mode = ssl.CERT_OPTIONAL
        self._listener = socket.create_server((host, 0))
        self._listener.settimeout(0.05)
        self.port = int(self._listener.getsockname()[1])
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Impostor:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self._done.is_set():
            with contextlib.suppress(TimeoutError):
                call = self._listener.accept()[0]
                with call, contextlib.suppress(OSError):
                    call.settimeout(2)
                    self._answer(call)

    def _answer(self, call: socket.socket) -> None:
        if call.recv(8) == SSL_REQUEST:
            call.sendall(b"S" if self._context else b"N")
            if self._context is not None:
                with self._context.wrap_socket(call, server_side=True) as encrypted:
                    self.is_certificate_shown |= encrypted.getpeercert(binary_form=True) is not None
                    self._ask_for_password(encrypted)
                return
        self._ask_for_password(call)

    def _ask_for_password(self, call: socket.socket) -> None:
        call.recv(10_000)
        call.sendall(b"R" + (8).to_bytes(4, "big") + (3).to_bytes(4, "big"))
        while piece := call.recv(1_000):
            self.heard += piece


@pytest.mark.parametrize(
    ("certificate", "host", "trust"),
    [
        (None, ELSEWHERE, {"insecure": True}),
        (None, "127.0.0.1", {}),
        (OWN, ELSEWHERE, {"ca_pem": OWN.pem}),
        (OWN, ELSEWHERE, {"insecure": True}),
        (OWN, "127.0.0.1", {}),
    ],
    ids=["plain", "plain and here", "known certificate", "any certificate", "any certificate, here"],
)
def test_whoever_asks_for_the_password_in_clear_text_is_not_told(
    certificate: Certificate | None,
    host: str,
    trust: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In SCRAM the password never travels, and nothing else is answered."""
    own = make_certificate("ana").write(tmp_path)
    for name, path in zip(("PGSSLCERT", "PGSSLKEY"), own, strict=True):
        monkeypatch.setenv(name, str(path))
    folder = tmp_path / "impostor"
    folder.mkdir()
    with Impostor(certificate, folder, host) as impostor:
        address = Address(host, impostor.port, "gan", "ana", "password-of-ana", **trust)
        with pytest.raises(ConnectionFailed) as failed:
            Connection(address)
    assert (failed.value.cause, "SCRAM" in failed.value.message) == ("tls", True), failed.value.message
    assert impostor.heard == b""
    assert not impostor.is_certificate_shown


# -- several addresses ---------------------------------------------------------------------------


def test_addresses_are_tried_in_turn_and_the_one_that_answered_comes_first(behind: Behind) -> None:
    with behind(OWN) as address:
        several = replace(
            address, host="no-such-host.invalid", other_hosts=("127.0.0.9", ELSEWHERE), ca_pem=OWN.pem
        )
        with Connection(several) as connection:
            assert connection.address.hosts == (ELSEWHERE, "no-such-host.invalid", "127.0.0.9")


def test_an_impostor_at_one_address_does_not_keep_us_from_the_next(behind: Behind, tmp_path: Path) -> None:
    impostor = make_certificate("gan.school.example")
    with behind(OWN) as address, tls_relay(1, impostor, tmp_path, host="127.0.0.3", port=address.port):
        several = replace(address, host="127.0.0.3", other_hosts=(ELSEWHERE,), ca_pem=OWN.pem)
        with Connection(several) as connection:
            assert connection.address.host == ELSEWHERE


def test_when_no_address_answers_all_are_named() -> None:
    address = Address("127.0.0.9", 1, "gan", "ana", "secret", other_hosts=("no-such-host.invalid",))
    with pytest.raises(ConnectionFailed) as failed:
        Connection(address)
    assert failed.value.cause == "unreachable" and failed.value.is_passing
    for words in ("127.0.0.9", "no-such-host.invalid", "same network"):
        assert words in failed.value.message


def test_of_several_failures_the_one_that_can_be_mended_is_told(behind: Behind) -> None:
    with behind(OWN) as address:
        wrong = replace(address, password="wrong", other_hosts=("no-such-host.invalid",), ca_pem=OWN.pem)
        with pytest.raises(ConnectionFailed) as failed:
            Connection(wrong)
    assert failed.value.cause == "login"


# -- a PostgreSQL that speaks TLS itself -------------------------------------------------------------


def tls_bin_dir() -> Path | None:
    named = os.environ.get("POSTGRES_BIN_DIR")
    return next((Path(place) for place in (named, *TLS_BIN_DIRS) if place and Path(place).is_dir()), None)


@pytest.mark.skipif(tls_bin_dir() is None, reason="no PostgreSQL with TLS is installed on this computer")
def test_a_class_on_a_server_with_tls_is_made_joined_and_refused_by_the_same_rules(open_folder: Path) -> None:
    """The same rules against the real thing, which also binds the login to the channel."""
    certificate = make_certificate(ELSEWHERE, issuer=AUTHORITY)
    certificate.write(open_folder)
    server = EmbeddedPostgres(
        open_folder / "postgres", bin_dir=tls_bin_dir(), listen=ELSEWHERE, settings={"fsync": "off"}
    )
    server.start()
    server.stop()
    home = server_home(open_folder / "postgres")
    for path in certificate.write(home):
        os.chown(path, home.joinpath("pgdata").stat().st_uid, -1)
    tls = {
        "ssl": "on",
        "ssl_cert_file": str(home / "server.crt"),
        "ssl_key_file": str(home / "server.key"),
        "fsync": "off",
    }
    with EmbeddedPostgres(
        open_folder / "postgres", bin_dir=tls_bin_dir(), listen=ELSEWHERE, settings=tls
    ) as server:
        administrator = create_database(server.address, "class")
        classroom = Classroom(administrator, init_class(administrator, "Vision"))
        try:
            login = classroom.add_student()
            student = replace(classroom.address(login.user, login.password), host=ELSEWHERE)
            require_encrypted(replace(student, ca_pem=AUTHORITY.pem))
            require_encrypted(replace(student, insecure=True))
            refusal(student)
            refusal(replace(student, ca_pem=OTHER_AUTHORITY.pem))
            refusal(replace(student, ca_pem=OWN.pem))
        finally:
            classroom.close()


def server_home(data_dir: Path) -> Path:
    """The folder in which the server's own account works."""
    from gan_desktop.database.embedded_account import home_of

    return home_of(data_dir)
