"""Where a class lives and who we are there, and how its server's certificate is checked."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import certifi
import psycopg2.extensions

from gan_desktop.errors import ConnectionFailed

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Address:
    """Where the class lives and who we are.

    Attributes:
        host: The address to try first.
        ca_pem: The one certificate to trust, as PEM text; None: the public authorities (certifi).
        insecure: A host other than this computer may be used without TLS. Never set silently.
        other_hosts: Further addresses of the same server, tried in turn.
    """

    host: str
    port: int
    dbname: str
    user: str
    password: str | None = field(default=None, repr=False)
    ca_pem: str | None = field(default=None, repr=False)
    insecure: bool = False
    other_hosts: tuple[str, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """All addresses, in the order in which they are tried."""
        return (self.host, *self.other_hosts)

    def at(self, host: str) -> Address:
        """The same class with `host` tried first."""
        return replace(self, host=host, other_hosts=tuple(h for h in self.hosts if h != host))

    @contextmanager
    def tls_options(self) -> Iterator[dict[str, str]]:
        """How libpq is to trust `host` (usable inside): certificates are checked unless chosen otherwise.

        The one certificate of a class is trusted in one of two ways. If it can sign others it is an
        authority, and the host's name is checked as with a public one. If it cannot, it is the server's own:
        whoever holds its key is the class's server, under whatever address he is found.

        Raises:
            ConnectionFailed: The certificate to trust is damaged.
        """
        # Kerberos would come before TLS, and prove something else.
        ours = {"gssencmode": "disable"}
        if psycopg2.extensions.libpq_version() >= 160000:
            # The password itself is never sent, only the proof of it: a certificate may have been stolen, and
            # whoever answers on this computer may be another account's program. Nor is a certificate of the
            # person's own (~/.postgresql), which would tell a stranger his name.
            ours |= {"require_auth": "scram-sha-256", "sslcertmode": "disable"}
        if self.ca_pem:
            mode = "verify-full" if is_authority(self.ca_pem) else "verify-ca"
            with _as_file(self.ca_pem) as path:
                yield {"sslmode": mode, "sslrootcert": path, **ours}
        elif self.host in LOOPBACK or self.insecure:
            yield {"sslmode": "prefer", **ours}
        else:
            yield {"sslmode": "verify-full", "sslrootcert": certifi.where(), **ours}


def is_authority(pem: str) -> bool:
    """Whether a certificate may sign others."""
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=pem)
        stored = context.cert_store_stats()
    except (ssl.SSLError, ValueError) as error:
        raise ConnectionFailed(
            "The certificate of the class's server, as your card has it, is damaged. Ask for a new card.",
            cause="tls",
        ) from error
    return stored["x509_ca"] > 0


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """The path of a file that holds `text` and that nobody else can read or change; gone afterwards."""
    descriptor, path = tempfile.mkstemp(prefix="gan-desktop-", suffix=".pem")
    try:
        # Closed before it is used: Windows lets nobody else open it otherwise.
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
        yield path
    finally:
        Path(path).unlink(missing_ok=True)
