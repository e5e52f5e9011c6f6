"""Why a server refuses a login, as its five-letter SQLSTATE.

Of a refused login libpq hands on nothing but the server's sentence, in the server's language. Where we do
not know it, this asks a second time, in PostgreSQL's own protocol and just far enough to hear the code
(https://www.postgresql.org/docs/current/protocol-flow.html). The login is proved by SCRAM-SHA-256 (RFC 5802,
RFC 7677) or not at all: the password itself is never sent.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import socket
import ssl
import struct
import unicodedata

TIMEOUT_S = 5.0

_PROTOCOL = 196_608
_ASK_FOR_TLS = struct.pack(">ii", 8, 80_877_103)
# An error's sentence has some hundred bytes; a stranger at this port gets no more of our memory.
_MAX_MESSAGE_BYTES = 100_000
# Kinds of the message "R".
_LOGGED_IN, _SASL, _SASL_CONTINUE, _SASL_FINAL = 0, 10, 11, 12


def sqlstate_of_refusal(
    host: str, port: int, user: str, dbname: str, password: str | None, context: ssl.SSLContext
) -> str | None:
    """Try to log in once more; the code of the server's error, or None where it cannot be had.

    Args:
        context: For TLS, which is used where the server offers it; if it verifies, nothing else will do.
    """
    try:
        with socket.create_connection((host, port), TIMEOUT_S) as plain:
            link = _encrypted(plain, host, context)
            if link is None:
                return None
            with link:
                return _log_in(link, user, dbname, password or "")
    except (OSError, ValueError, struct.error, LookupError):
        return None


def _encrypted(plain: socket.socket, host: str, context: ssl.SSLContext) -> socket.socket | None:
    """The link to go on with; None where it would not be safe enough."""
    plain.sendall(_ASK_FOR_TLS)
    if plain.recv(1) == b"S":
        return context.wrap_socket(plain, server_hostname=host)
    return plain if context.verify_mode is ssl.CERT_NONE else None


def _log_in(link: socket.socket, user: str, dbname: str, password: str) -> str | None:
    names = b"\0".join([b"user", user.encode(), b"database", dbname.encode(), b"", b""])
    link.sendall(struct.pack(">ii", len(names) + 8, _PROTOCOL) + names)
    scram = _Scram(password)
    while True:
        kind, body = _receive(link)
        if kind == b"E":
            fields = {part[:1]: part[1:] for part in body.split(b"\0") if part}
            return fields[b"C"].decode("ascii")
        if kind == b"Z":  # it lets us in after all
            return None
        if kind != b"R":
            continue
        [wish] = struct.unpack(">i", body[:4])
        if wish == _SASL and b"SCRAM-SHA-256" in body[4:].split(b"\0"):
            first = scram.first()
            _send(link, b"SCRAM-SHA-256\0" + struct.pack(">i", len(first)) + first)
        elif wish == _SASL_CONTINUE:
            _send(link, scram.proof(body[4:]))
        elif wish not in (_SASL_FINAL, _LOGGED_IN):
            return None  # it wants the password itself, or a method of another kind


def _send(link: socket.socket, body: bytes) -> None:
    link.sendall(b"p" + struct.pack(">i", len(body) + 4) + body)


def _receive(link: socket.socket) -> tuple[bytes, bytes]:
    kind, length = struct.unpack(">ci", _exactly(link, 5))
    if not 4 <= length <= _MAX_MESSAGE_BYTES:
        raise ValueError("not PostgreSQL's protocol")
    return kind, _exactly(link, length - 4)


def _exactly(link: socket.socket, num_bytes: int) -> bytes:
    data = b""
    while len(data) < num_bytes:
        piece = link.recv(num_bytes - len(data))
        if not piece:
            raise OSError("the server has hung up")
        data += piece
    return data


class _Scram:
    """One login by SCRAM-SHA-256, in the names of RFC 5802."""

    def __init__(self, password: str) -> None:
        self._password = unicodedata.normalize("NFKC", password).encode()
        self._bare = f"n=,r={secrets.token_urlsafe(18)}"

    def first(self) -> bytes:
        return f"n,,{self._bare}".encode()

    def proof(self, server_first: bytes) -> bytes:
        values = dict(part.split("=", 1) for part in server_first.decode().split(","))
        salted = hashlib.pbkdf2_hmac(
            "sha256", self._password, base64.b64decode(values["s"]), min(int(values["i"]), 1_000_000)
        )
        without_proof = f"c=biws,r={values['r']}"
        message = f"{self._bare},{server_first.decode()},{without_proof}".encode()
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()
