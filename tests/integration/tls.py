"""TLS for tests: certificates made on the spot, and a relay that speaks it in front of the embedded server.

The embedded PostgreSQL has no TLS of its own. The relay answers PostgreSQL's request for encryption and
passes on what it decrypts; beyond that it understands nothing of the protocol.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# PostgreSQL's SSLRequest message: its length and its number.
SSL_REQUEST = (8).to_bytes(4, "big") + (80_877_103).to_bytes(4, "big")
# An address of this computer that no rule takes for it: every connection to it must be protected.
ELSEWHERE = "127.0.0.2"


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key; `issuer` signed it (itself, where there is none)."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Files of certificate and key."""
        certificate, key = folder / "server.crt", folder / "server.key"
        certificate.write_text(self.pem)
        key.write_bytes(self.key_pem)
        key.chmod(0o600)
        return certificate, key


def make_certificate(
    *hosts: str, authority: str = "", issuer: Certificate | None = None, has_expired: bool = False
) -> Certificate:
    """A certificate for addresses or names, or of an `authority`; signed by `issuer` or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, authority or hosts[0])])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 10 * day)
        .not_valid_after(now - day if has_expired else now + day)
        .add_extension(x509.BasicConstraints(ca=bool(authority), path_length=None), critical=True)
    )
    if hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False
        )
    return Certificate(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def can_listen_elsewhere() -> bool:
    """Whether this system has such an address (macOS has not)."""
    with socket.socket() as probe:
        try:
            probe.bind((ELSEWHERE, 0))
        except OSError:
            return False
    return True


@contextmanager
def tls_relay(
    server_port: int, certificate: Certificate | None, folder: Path, *, host: str = ELSEWHERE, port: int = 0
) -> Iterator[int]:
    """A port of `host` that leads to `server_port` here.

    Args:
        certificate: What the relay shows; None: it says that it has no encryption, and passes plain text on.
        port: 0: a free one.
    """
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate.write(folder))
    done = threading.Event()
    with socket.create_server((host, port)) as listener, contextlib.ExitStack() as calls:
        listener.settimeout(0.05)
        threads: list[threading.Thread] = []

        def answer() -> None:
            while not done.is_set():
                with contextlib.suppress(TimeoutError):
                    call = calls.enter_context(listener.accept()[0])
                    thread = threading.Thread(target=_relay, args=(call, server_port, context, done))
                    threads.append(thread)
                    thread.start()

        answering = threading.Thread(target=answer)
        answering.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            done.set()
            for thread in [answering, *threads]:
                thread.join()


def _relay(
    call: socket.socket, server_port: int, context: ssl.SSLContext | None, done: threading.Event
) -> None:
    # What fails here the caller sees as an error of its own.
    with (
        contextlib.suppress(OSError),
        call,
        socket.create_connection(("127.0.0.1", server_port)) as server,
    ):
        call.settimeout(10)
        first = call.recv(8)
        if first != SSL_REQUEST:
            server.sendall(first)
        elif context is None:
            call.sendall(b"N")
        else:
            call.sendall(b"S")
            with context.wrap_socket(call, server_side=True) as encrypted:
                _pass_on(encrypted, server, done)
            return
        _pass_on(call, server, done)


def _pass_on(call: socket.socket, server: socket.socket, done: threading.Event) -> None:
    for end in (call, server):
        end.settimeout(0.02)
    while not done.is_set():
        for source, target in ((call, server), (server, call)):
            with contextlib.suppress(TimeoutError):
                data = source.recv(65_536)
                if not data:
                    return
                target.sendall(data)
