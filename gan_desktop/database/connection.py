"""One connection to the class's database: how it is opened, how its errors become ours."""

from __future__ import annotations

import io
import os
import select
import ssl
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import certifi
import psycopg2
import psycopg2.extensions
from psycopg2.extras import NamedTupleCursor
from psycopg2.sql import Composable

from gan_desktop.database.refusal import sqlstate_of_refusal
from gan_desktop.errors import ConnectionFailed, GanDesktopError, LeaseLost, Refused

CONNECT_TIMEOUT_S = 10
# With several addresses most of them often lead nowhere: one in this room, one at home, one outside.
CONNECT_TIMEOUT_EACH_S = 5
# Copying to a slow client counts as the statement's time: minutes, not seconds.
STATEMENT_TIMEOUT_MS = 600_000
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
# A session whose link has died still counts as one of the login's few connections until the server notices.
_SERVER_KEEPALIVES = {
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}

_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_COPY_END = struct.pack(">h", -1)

# What libpq and the server say when a connection fails, and what a person can do about it.
_CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        "could not translate host name",
        "unknown_host",
        'There is no computer called "{host}". Check the host name, and that you are online.',
    ),
    (
        "password authentication failed",
        "login",
        'The class refused the login of "{user}": wrong password, or the card was replaced or withdrawn.'
        " Ask your instructor for a new one.",
    ),
    (
        "authentication method requirement",
        "tls",
        "What answers at {host} does not ask for the login by SCRAM-SHA-256, as every server of a class does"
        " ({detail}). The password was not sent. Its administrator can set that up"
        " (password_encryption, pg_hba.conf); or it is not the class's server.",
    ),
    ("no password supplied", "login", 'The class asks for a password for "{user}", and none was given.'),
    (
        "is not permitted to log in",
        "login",
        'The login of "{user}" was closed: the class has ended, or the card was withdrawn. What is on this'
        " computer of the class stays. If it goes on, ask your instructor for a new card.",
    ),
    (
        "does not exist",
        "database",
        'The server at {host} has no database "{dbname}" (or no login "{user}"). Check both names.',
    ),
    (
        "permission denied for database",
        "database",
        '"{user}" may not use the database "{dbname}". Ask your instructor for a card of this class.',
    ),
    (
        "no pg_hba.conf entry",
        "forbidden",
        "The server at {host} does not accept this computer. Its administrator can allow it.",
    ),
    (
        "pg_hba.conf rejects connection",
        "forbidden",
        'The server at {host} does not let "{user}" into the database "{dbname}". Check both names.',
    ),
    (
        "certificate",
        "tls",
        "The server at {host} could not prove that it is the class's server: its certificate is unknown,"
        " expired or another server's ({detail}). Nothing was sent. Is this computer's date right?",
    ),
    (
        "does not support SSL",
        "tls",
        "The server at {host} offers no encryption. Use it only if your instructor says so"
        " (database.insecure: true).",
    ),
    (
        "received invalid response",
        "refused",
        "What answers at {host}, port {port}, is not PostgreSQL. Check the port.",
    ),
    (
        "closed the connection unexpectedly",
        "refused",
        "{host} ended the connection at once. Check the port; the database may be restarting.",
    ),
    ("SSL", "tls", "No encrypted connection to {host}: {detail}"),
    (
        "too many connections",
        "too_many",
        "This login has as many connections as it may. Stop another computer's program, or wait.",
    ),
    ("connection slots", "too_many", "The server is full at the moment. The program tries again by itself."),
    ("too many clients", "too_many", "The server is full at the moment. The program tries again by itself."),
    ("starting up", "starting", "The database is starting. The program tries again by itself."),
    ("shutting down", "starting", "The database is being restarted. The program tries again by itself."),
    (
        "Connection refused",
        "refused",
        "{host} is there, but no database answers at port {port}. Check the port; it may be off.",
    ),
    (
        "timeout expired",
        "unreachable",
        "No answer from {host}, port {port}. Are you in the right network? A firewall may block the port.",
    ),
    ("unreachable", "unreachable", "There is no way to {host} from this network. Are you online?"),
    ("No route to host", "unreachable", "There is no way to {host} from this network. Are you online?"),
)
# The same by SQLSTATE, for servers that speak another language.
_CAUSES_BY_CODE = {
    "28P01": _CAUSES[1][1:],
    "28000": ("forbidden", 'The server at {host} does not let "{user}" in from here. Ask its administrator.'),
    "3D000": ("database", 'The server at {host} has no database "{dbname}". Check its name.'),
    "42501": (
        "database",
        '"{user}" may not use the database "{dbname}". Ask your instructor for a card of this class.',
    ),
    "53300": (
        "too_many",
        "The server is full, or this login has as many connections as it may. The program tries again.",
    ),
    "57P01": ("starting", "The database is being restarted. The program tries again by itself."),
    "57P03": ("starting", "The database is starting. The program tries again by itself."),
}


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
            mode = "verify-full" if _is_authority(self.ca_pem) else "verify-ca"
            with _as_file(self.ca_pem) as path:
                yield {"sslmode": mode, "sslrootcert": path, **ours}
        elif self.host in LOOPBACK or self.insecure:
            yield {"sslmode": "prefer", **ours}
        else:
            yield {"sslmode": "verify-full", "sslrootcert": certifi.where(), **ours}


class Meter(Protocol):
    """Told of every piece of a payload that travels; it may take its time, and so slows the transfer down."""

    @property
    def piece_bytes(self) -> int:
        """How large the pieces are."""
        ...

    def sent(self, num_bytes: int) -> None:
        """So many bytes are about to go up."""
        ...

    def received(self, num_bytes: int) -> None:
        """So many bytes have come down."""
        ...


class SupportsWrite(Protocol):
    """Where bytes can be written to."""

    def write(self, data: bytes, /) -> object:
        """Take some bytes."""
        ...


class SupportsRead(Protocol):
    """Where bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """At most so many of the next bytes; none at the end."""
        ...


class Connection:
    """A connection in autocommit, for one thread.

    Every method raises `ConnectionFailed` when the link is gone, `Refused` or `LeaseLost` when the
    class's own rules say no, and lets programming errors through as psycopg2's.

    Args:
        application_name: Shown to the server's administrator beside the session.
        options: Server settings of this connection, such as `{"role": "..."}`.
        meter: Carries payloads in pieces, and is told of each.
    """

    def __init__(
        self,
        address: Address,
        application_name: str = "gan-desktop",
        options: Mapping[str, str] | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._meter = meter
        failures: list[ConnectionFailed] = []
        for host in address.hosts:
            try:
                self._connection = _connect(address.at(host), application_name, options or {})
            except ConnectionFailed as error:
                failures.append(error)
            else:
                # Whoever connects again begins with the address that answered.
                self.address = address.at(host)
                break
        else:
            raise _most_telling(failures, address)
        self._connection.autocommit = True

    def close(self) -> None:
        """Close; a connection that is already gone is no error."""
        self._connection.close()

    @property
    def is_encrypted(self) -> bool:
        """Whether what travels over this connection is encrypted."""
        return bool(self._connection.info.ssl_in_use)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def query(
        self, sql: str | Composable, parameters: Mapping[str, Any] | Sequence[Any] | None = None
    ) -> list[Any]:
        """Run one statement; its rows as named tuples (none for statements without a result)."""
        with self._errors_translated(), self._connection.cursor(cursor_factory=NamedTupleCursor) as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []

    def execute(
        self, sql: str | Composable, parameters: Mapping[str, Any] | Sequence[Any] | None = None
    ) -> int:
        """Run one statement; the number of rows it touched."""
        with self._errors_translated(), self._connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return int(cursor.rowcount)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements inside succeed together or not at all."""
        self.execute("BEGIN")
        try:
            yield
        except BaseException:
            if not self._connection.closed:
                self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    def download(self, sql: str, parameters: Mapping[str, Any]) -> bytes | None:
        """The one bytea value that `sql` selects as `payload`, or None without a row.

        By binary COPY: half the time of a query, whose answer would be hexadecimal text.
        """
        with self._errors_translated(), self._connection.cursor() as cursor:
            statement = cursor.mogrify(sql, parameters).decode()
        if self._meter is None:
            return self._copy_out(statement)
        # A value comes as one message, which nobody can slow down: so it is asked for in pieces.
        pieces = bytearray()
        while True:
            num_bytes = self._meter.piece_bytes
            piece = self._copy_out(
                f"SELECT substring(payload FROM {len(pieces) + 1} FOR {num_bytes}) FROM ({statement}) AS w"
            )
            if piece is None:
                return None
            pieces += piece
            self._meter.received(len(piece))
            if len(piece) < num_bytes:
                return bytes(pieces)

    def filled(self, sql: str, parameters: Mapping[str, Any]) -> str:
        """A statement with its parameters in their places, as the server gets it."""
        with self._errors_translated(), self._connection.cursor() as cursor:
            return str(cursor.mogrify(sql, parameters).decode())

    def count_received(self, num_bytes: int) -> None:
        """Tell the meter of bytes that came by another way (pictures from a web server)."""
        if self._meter is not None and num_bytes > 0:
            self._meter.received(num_bytes)

    def upload(self, target: str, row: Mapping[str, bytes]) -> None:
        """Insert one row by binary COPY; each value in PostgreSQL's binary form (see `binary`)."""
        parts = [_COPY_HEADER, struct.pack(">h", len(row))]
        for value in row.values():
            parts += [struct.pack(">i", len(value)), value]
        stream = _Metered(b"".join([*parts, _COPY_END]), self._meter)
        size = self._meter.piece_bytes if self._meter is not None else 1 << 20
        _mute_echoes()
        with self._errors_translated(), self._connection.cursor() as cursor:
            cursor.copy_expert(
                f"COPY {target} ({', '.join(row)}) FROM STDIN (FORMAT binary)", stream, size=size
            )

    def copy_to(self, statement: str | Composable, file: SupportsWrite) -> int:
        """Write what a `COPY ... TO STDOUT` gives into a file, piece by piece; returns the number of rows."""
        try:
            with self._errors_translated(), self._connection.cursor() as cursor:
                cursor.copy_expert(statement, file, size=1 << 20)
                return int(cursor.rowcount)
        except BaseException:
            # Where the file failed (a full disk), the server still sends: this connection is of no use.
            self._connection.close()
            raise

    def copy_from(self, statement: str | Composable, file: SupportsRead) -> int:
        """Give a file's content to a `COPY ... FROM STDIN`, piece by piece; returns the number of rows."""
        _mute_echoes()
        with self._errors_translated(), self._connection.cursor() as cursor:
            cursor.copy_expert(statement, file, size=1 << 20)
            return int(cursor.rowcount)

    def _copy_out(self, statement: str) -> bytes | None:
        with self._errors_translated(), self._connection.cursor() as cursor:
            buffer = io.BytesIO()
            cursor.copy_expert(f"COPY ({statement}) TO STDOUT (FORMAT binary)", buffer, size=1 << 20)
        view = buffer.getbuffer()
        start = len(_COPY_HEADER)
        num_columns, length = struct.unpack_from(">hi", view, start) if len(view) > start + 2 else (-1, -1)
        if num_columns < 1 or length < 0:
            return None
        return bytes(view[start + 6 : start + 6 + length])

    def password_verifier(self, user: str, password: str) -> str:
        """The SCRAM verifier of a password: the server and its log never see the password itself."""
        with self._errors_translated():
            return str(
                psycopg2.extensions.encrypt_password(password, user, self._connection, "scram-sha-256")
            )

    def listen(self, channel: str) -> None:
        """Be woken by NOTIFY on `channel` (see `wait`)."""
        self.execute(f"LISTEN {channel}")

    def wait(self, seconds: float) -> bool:
        """Sleep until a notification or until the time is up; whether one came.

        Poolers in transaction mode swallow notifications: this is a wake-up, never the only way.
        """
        with self._errors_translated():
            if not self._connection.notifies:
                try:
                    select.select([self._connection], [], [], seconds)
                except (OSError, ValueError) as error:  # a socket that is gone
                    raise psycopg2.InterfaceError("connection lost") from error
                self._connection.poll()
            came = bool(self._connection.notifies)
            self._connection.notifies.clear()
            return came

    @contextmanager
    def _errors_translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg2.Error as error:
            raise _translated(error, self.address) from error


class _WithoutEchoes:
    """A `sys.excepthook` that passes over what psycopg2 says twice."""

    def __init__(
        self, hook: Callable[[type[BaseException], BaseException, TracebackType | None], Any]
    ) -> None:
        self._hook = hook

    def __call__(
        self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        if not (isinstance(error, SystemError) and isinstance(error.__cause__, psycopg2.Error)):
            self._hook(kind, error, traceback)


def _mute_echoes() -> None:
    """To be called before a COPY into the database.

    Where the server ends it with an error and then closes the link, psycopg2 raises the first and stumbles
    over the second: it tells `sys.excepthook` of a SystemError, which looks like a mistake of this program.
    """
    if not isinstance(sys.excepthook, _WithoutEchoes):
        sys.excepthook = _WithoutEchoes(sys.excepthook)


class _Metered(io.BytesIO):
    """Bytes to send that tell a meter of each piece that is read of them."""

    def __init__(self, data: bytes, meter: Meter | None) -> None:
        super().__init__(data)
        self._meter = meter

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        if piece and self._meter is not None:
            self._meter.sent(len(piece))
        return piece


def binary(value: int | float | bool | str | bytes, kind: str) -> bytes:
    """A value in PostgreSQL's binary form; `kind` is int4, int8, float8, bool, text, bytea or uuid."""
    match kind:
        case "int4":
            return struct.pack(">i", value)
        case "int8":
            return struct.pack(">q", value)
        case "float8":
            return struct.pack(">d", value)
        case "bool":
            return struct.pack(">?", value)
        case "uuid":
            return bytes.fromhex(str(value).replace("-", ""))
        case "text":
            return str(value).encode()
        case "bytea":
            return bytes(value)  # type: ignore[arg-type]
    raise ValueError(kind)


def _connect(address: Address, application_name: str, options: Mapping[str, str]) -> Any:
    """psycopg2's connection to the address's first host."""
    settings = {"statement_timeout": str(STATEMENT_TIMEOUT_MS), **_SERVER_KEEPALIVES, **options}
    try:
        with address.tls_options() as tls_options:
            tls: dict[str, Any] = tls_options
            return psycopg2.connect(
                host=address.host,
                port=address.port,
                dbname=address.dbname,
                user=address.user,
                password=address.password,
                connect_timeout=CONNECT_TIMEOUT_EACH_S if address.other_hosts else CONNECT_TIMEOUT_S,
                application_name=application_name,
                options=" ".join(f"-c {name}={value}" for name, value in settings.items()),
                # A link that died without a word (sleep, Wi-Fi) is noticed within a minute.
                keepalives_idle=20,
                keepalives_interval=10,
                keepalives_count=3,
                tcp_user_timeout=60_000,
                **tls,
            )
    except psycopg2.OperationalError as error:
        raise _connection_failed(error, address) from error
    except UnicodeDecodeError as error:  # a localised server's words in another encoding
        raise _foreign_refusal(address) or ConnectionFailed(
            f"The server at {address.host} refused the connection.", cause="login"
        ) from error


def _is_authority(pem: str) -> bool:
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


def _most_telling(failures: list[ConnectionFailed], address: Address) -> ConnectionFailed:
    """Of several addresses' failures the one that a person can do something about."""
    if len(failures) == 1:
        return failures[0]
    for failure in failures:
        if failure.cause not in {"unknown_host", "unreachable", "refused"}:
            return failure
    return ConnectionFailed(
        f"None of the class's addresses answers ({', '.join(address.hosts)}, port {address.port})."
        " Are you in the same network as the class? Guest networks often keep computers apart.",
        cause="unreachable",
    )


def _connection_failed(error: psycopg2.OperationalError, address: Address) -> ConnectionFailed:
    detail = str(error).strip().splitlines()[-1] if str(error).strip() else "no reason given"
    for pattern, cause, text in _CAUSES:
        if pattern in str(error):
            words = text.format(
                host=address.host, port=address.port, user=address.user, dbname=address.dbname, detail=detail
            )
            return ConnectionFailed(words, cause=cause)
    return _foreign_refusal(address) or ConnectionFailed(
        f"The class at {address.host} cannot be reached: {detail}", cause="unreachable"
    )


def _foreign_refusal(address: Address) -> ConnectionFailed | None:
    """What a server meant whose words we do not know; None where it does not tell."""
    context = ssl.create_default_context(cafile=certifi.where())
    if address.ca_pem:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=address.ca_pem)
        context.check_hostname = _is_authority(address.ca_pem)
    elif address.host in LOOPBACK or address.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    place = address.host, address.port, address.user, address.dbname
    code = sqlstate_of_refusal(*place, address.password, context)
    if code not in _CAUSES_BY_CODE:
        return None
    cause, text = _CAUSES_BY_CODE[code]
    words = text.format(host=address.host, user=address.user, dbname=address.dbname)
    return ConnectionFailed(words, cause=cause)


def _translated(error: psycopg2.Error, address: Address) -> Exception:
    """Our exception for a psycopg2 error; programming errors stay what they are."""
    code = error.pgcode or ""
    if code == "GD010":
        return LeaseLost(_server_sentence(error), code=code)
    if code.startswith("GD"):
        return Refused(_server_sentence(error), code=code)
    if code in {"57P01", "57P02", "57P03"}:
        return ConnectionFailed("The database is being restarted.", cause="starting")
    # Deadlock, serialisation, lock and statement timeouts: somebody was in the way for a moment.
    if code in {"40P01", "40001", "55P03", "57014"}:
        return ConnectionFailed("The database was busy and gave up waiting.", cause="busy")
    is_of_link = isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
    # Without a class of its own: libpq had no words for what happened in the middle of a transfer.
    if (is_of_link or type(error) is psycopg2.DatabaseError) and (not code or code.startswith("08")):
        return ConnectionFailed(f"The connection to {address.host} was lost.", cause="lost")
    if code == "42501":
        return GanDesktopError(f"The database refused: {_server_sentence(error)}", title="Not allowed")
    if code in {"53100", "53200", "53300"}:
        return ConnectionFailed(f"The server is full: {_server_sentence(error)}", cause="too_many")
    return error


def _server_sentence(error: psycopg2.Error) -> str:
    return error.diag.message_primary or str(error).strip()
