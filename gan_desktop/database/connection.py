"""One connection to the class's database: how it is opened, how its errors become ours."""

from __future__ import annotations

import io
import select
import struct
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Protocol

import psycopg2
import psycopg2.extensions
from psycopg2.extras import NamedTupleCursor
from psycopg2.sql import Composable

from gan_desktop.database.address import Address
from gan_desktop.database.connection_errors import (
    connection_failed,
    foreign_refusal,
    most_telling,
    translated,
)
from gan_desktop.errors import ConnectionFailed

CONNECT_TIMEOUT_S = 10
# With several addresses most of them often lead nowhere: one in this room, one at home, one outside.
CONNECT_TIMEOUT_EACH_S = 5
# Copying to a slow client counts as the statement's time: minutes, not seconds.
STATEMENT_TIMEOUT_MS = 600_000
# A session whose link has died still counts as one of the login's few connections until the server notices.
_SERVER_KEEPALIVES = {
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}

_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_COPY_END = struct.pack(">h", -1)


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
            raise most_telling(failures, address)
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
            raise translated(error, self.address) from error


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
        raise connection_failed(error, address) from error
    except UnicodeDecodeError as error:  # a localised server's words in another encoding
        raise foreign_refusal(address) or ConnectionFailed(
            f"The server at {address.host} refused the connection.", cause="login"
        ) from error
