"""One connection to the class's database: how it is opened, how its errors become ours."""

from __future__ import annotations

import io
import select
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import certifi
import psycopg2
import psycopg2.extensions
from psycopg2.extras import NamedTupleCursor
from psycopg2.sql import Composable

from gan_desktop.errors import ConnectionFailed, GanDesktopError, LeaseLost, Refused

CONNECT_TIMEOUT_S = 10
# Copying to a slow client counts as the statement's time: minutes, not seconds.
STATEMENT_TIMEOUT_MS = 600_000
LOOPBACK = {"localhost", "127.0.0.1", "::1"}

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
    ("no password supplied", "login", 'The class asks for a password for "{user}", and none was given.'),
    ("is not permitted to log in", "login", '"{user}" may not log in. Ask your instructor for a join card.'),
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
        "The server at {host} could not prove that it is the class's server ({detail}). Nothing was sent.",
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


@dataclass(frozen=True)
class Address:
    """Where the class lives and who we are.

    Attributes:
        ca_pem: Path of the one certificate to trust; None: the public authorities (certifi).
        insecure: A host other than this computer may be used without TLS. Never set silently.
    """

    host: str
    port: int
    dbname: str
    user: str
    password: str | None = field(default=None, repr=False)
    ca_pem: str | None = None
    insecure: bool = False

    def tls_options(self) -> dict[str, str]:
        """libpq's TLS parameters: certificate and name are checked unless the person chose otherwise."""
        if self.ca_pem:
            return {"sslmode": "verify-full", "sslrootcert": self.ca_pem}
        if self.host in LOOPBACK or self.insecure:
            return {"sslmode": "prefer"}
        return {"sslmode": "verify-full", "sslrootcert": certifi.where()}


class Connection:
    """A connection in autocommit, for one thread.

    Every method raises `ConnectionFailed` when the link is gone, `Refused` or `LeaseLost` when the
    class's own rules say no, and lets programming errors through as psycopg2's.

    Args:
        application_name: Shown to the server's administrator beside the session.
        options: Server settings for this session, such as `{"role": "..."}`.
    """

    def __init__(
        self,
        address: Address,
        application_name: str = "gan-desktop",
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.address = address
        tls: dict[str, Any] = address.tls_options()
        settings = {"statement_timeout": str(STATEMENT_TIMEOUT_MS), **(options or {})}
        try:
            self._connection = psycopg2.connect(
                host=address.host,
                port=address.port,
                dbname=address.dbname,
                user=address.user,
                password=address.password,
                connect_timeout=CONNECT_TIMEOUT_S,
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
            raise ConnectionFailed(
                f"The server at {address.host} refused the connection.", cause="login"
            ) from error
        self._connection.autocommit = True

    def close(self) -> None:
        """Close; a connection that is already gone is no error."""
        self._connection.close()

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
        """The one bytea value that `sql` selects, or None without a row.

        By binary COPY: half the time of a query, whose answer would be hexadecimal text.
        """
        with self._errors_translated(), self._connection.cursor() as cursor:
            statement = cursor.mogrify(sql, parameters).decode()
            buffer = io.BytesIO()
            cursor.copy_expert(f"COPY ({statement}) TO STDOUT (FORMAT binary)", buffer, size=1 << 20)
        view = buffer.getbuffer()
        start = len(_COPY_HEADER)
        num_columns, length = struct.unpack_from(">hi", view, start) if len(view) > start + 2 else (-1, -1)
        if num_columns < 1 or length < 0:
            return None
        return bytes(view[start + 6 : start + 6 + length])

    def upload(self, target: str, row: Mapping[str, bytes]) -> None:
        """Insert one row by binary COPY; each value in PostgreSQL's binary form (see `binary`)."""
        parts = [_COPY_HEADER, struct.pack(">h", len(row))]
        for value in row.values():
            parts += [struct.pack(">i", len(value)), value]
        stream = io.BytesIO(b"".join([*parts, _COPY_END]))
        with self._errors_translated(), self._connection.cursor() as cursor:
            cursor.copy_expert(
                f"COPY {target} ({', '.join(row)}) FROM STDIN (FORMAT binary)", stream, size=1 << 20
            )

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


def _connection_failed(error: psycopg2.OperationalError, address: Address) -> ConnectionFailed:
    detail = str(error).strip().splitlines()[-1] if str(error).strip() else "no reason given"
    for pattern, cause, text in _CAUSES:
        if pattern in str(error):
            words = text.format(
                host=address.host, port=address.port, user=address.user, dbname=address.dbname, detail=detail
            )
            return ConnectionFailed(words, cause=cause)
    return ConnectionFailed(f"The class at {address.host} cannot be reached: {detail}", cause="unreachable")


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
    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError) and (
        not code or code.startswith("08")
    ):
        return ConnectionFailed(f"The connection to {address.host} was lost.", cause="lost")
    if code == "42501":
        return GanDesktopError(f"The database refused: {_server_sentence(error)}", title="Not allowed")
    if code in {"53100", "53200", "53300"}:
        return ConnectionFailed(f"The server is full: {_server_sentence(error)}", cause="too_many")
    return error


def _server_sentence(error: psycopg2.Error) -> str:
    return error.diag.message_primary or str(error).strip()
