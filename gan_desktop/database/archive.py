"""A class as one file: everything but passwords, to be kept after a course or moved to another server.

The file is a zip. Each table is one member in PostgreSQL's binary COPY format, which does not depend on the
computer; `manifest.json` says what stands in them:

    {"format": "gan-desktop archive", "version": 1, "program": "0.2.0", "schema_version": 2,
     "class_id": "...", "title": "...", "made_at": "...", "has_pictures": true,
     "tables": [{"name": "class", "columns": {"class_id": "text", ...}, "num_rows": 1, "num_bytes": 97,
                 "sha256": "..."}, ...]}

Tables are listed in the order in which they can be filled again. Nothing is ever in memory as a whole but
single rows (the largest holds a network's weights).
"""

from __future__ import annotations

import hashlib
import json
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from graphlib import TopologicalSorter
from pathlib import Path
from typing import IO, Any, BinaryIO

import psycopg2
from psycopg2 import sql

from gan_desktop import __version__
from gan_desktop.database.connection import Connection
from gan_desktop.database.queries import load_queries
from gan_desktop.database.rehearsals import Rehearsals
from gan_desktop.database.schema import FIRST_PROGRAM, SCHEMA_VERSION, ClassRoles
from gan_desktop.errors import ArchiveError, SettingsError
from gan_desktop.names import MAX_TITLE, is_plain_line
from gan_desktop.records import RunConfig

FORMAT = "gan-desktop archive"
VERSION = 1
PICTURES = "shard_payloads"

_MANIFEST = "manifest.json"
_MAX_MANIFEST_BYTES = 1_000_000
_PIECE = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
# What `zipfile` says of a file that is no zip, or one that somebody made for us to stumble over.
_NOT_READABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    KeyError,
    ValueError,
    EOFError,
    RuntimeError,  # encrypted, an unknown compression, or too deep
)

# Told of bytes done and of their total, which is an estimate while an archive is written.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class TableRecord:
    """One table of an archive: names and types of its columns, and what its member must hold."""

    name: str
    columns: Mapping[str, str]
    num_rows: int
    num_bytes: int
    sha256: str

    @property
    def member(self) -> str:
        """Its name in the zip."""
        return f"tables/{self.name}.copy"


@dataclass(frozen=True)
class Manifest:
    """What an archive says about itself."""

    class_id: str
    title: str
    made_at: str
    has_pictures: bool
    tables: tuple[TableRecord, ...]
    program: str = __version__
    schema_version: int = SCHEMA_VERSION
    version: int = VERSION
    format: str = FORMAT

    @property
    def num_bytes(self) -> int:
        """Of all tables."""
        return sum(table.num_bytes for table in self.tables)


@dataclass
class _Table:
    """A table as the database has it."""

    oid: int
    name: str
    columns: Sequence[str]
    types: Sequence[str]
    identity: str | None
    is_compressible: bool
    num_bytes: int
    needs: Sequence[int]

    @property
    def identifier(self) -> sql.Composable:
        return sql.Identifier("gan", self.name)


@dataclass
class _Tally:
    """Counts and hashes what passes through it to or from a file, and tells how far it is.

    Reading ends behind byte `limit`, so that a small zip cannot become an endless table.
    """

    file: IO[bytes]
    passed: Callable[[int], None]
    limit: int = 0
    num_bytes: int = 0
    sha256: Any = field(default_factory=hashlib.sha256)

    def write(self, data: bytes, /) -> int:
        self._count(data)
        return self.file.write(data)

    def read(self, size: int, /) -> bytes:
        data = self.file.read(min(size, self.limit + 1 - self.num_bytes))
        self._count(data)
        return data

    def _count(self, data: bytes) -> None:
        self.sha256.update(data)
        self.num_bytes += len(data)
        self.passed(len(data))


# ---------------------------------------------------------------------------------------------
# Writing
# ---------------------------------------------------------------------------------------------


def write_archive(
    connection: Connection,
    file: BinaryIO,
    *,
    with_pictures: bool = True,
    on_progress: Progress = lambda done, total: None,
) -> Manifest:
    """Write the whole class as it is at one moment; the class goes on meanwhile.

    Args:
        connection: As the class's coordinator role.
        file: Empty, open for writing.
        with_pictures: False: whoever restores the class imports the same pictures again.
    """
    with connection.transaction():
        # One moment for all tables; and minutes for one that is large, over a slow link.
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute("SET LOCAL statement_timeout = 0")
        [row] = connection.query(load_queries("archive")["class"])
        tables = [table for table in _tables(connection) if with_pictures or table.name != PICTURES]
        passed = _progress(on_progress, sum(table.num_bytes for table in tables))
        with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
            records = tuple(_write_table(connection, archive, table, passed) for table in tables)
            manifest = Manifest(
                row.class_id,
                row.title,
                datetime.now(UTC).isoformat(timespec="seconds"),
                with_pictures,
                records,
            )
            archive.writestr(_MANIFEST, json.dumps(asdict(manifest), indent=1, ensure_ascii=False))
    return manifest


def _write_table(
    connection: Connection, archive: zipfile.ZipFile, table: _Table, passed: Callable[[int], None]
) -> TableRecord:
    record = TableRecord(table.name, dict(zip(table.columns, table.types, strict=True)), 0, 0, "")
    member = zipfile.ZipInfo(record.member, datetime.now(UTC).timetuple()[:6])
    member.compress_type = zipfile.ZIP_DEFLATED if table.is_compressible else zipfile.ZIP_STORED
    statement = sql.SQL("COPY {} ({}) TO STDOUT (FORMAT binary)").format(
        table.identifier, _identifiers(table.columns)
    )
    with archive.open(member, "w", force_zip64=True) as stream:
        tally = _Tally(stream, passed)
        num_rows = connection.copy_to(statement, tally)
    return TableRecord(table.name, record.columns, num_rows, tally.num_bytes, tally.sha256.hexdigest())


# ---------------------------------------------------------------------------------------------
# Reading
# ---------------------------------------------------------------------------------------------


def read_manifest(path: Path) -> Manifest:
    """What an archive says about itself; its tables stay unread.

    Raises:
        ArchiveError: It is no archive, damaged, cut short, or of a newer program version.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_MANIFEST) as file:
            content = json.loads(file.read(_MAX_MANIFEST_BYTES))
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error.strerror}. Check the path.") from error
    except _NOT_READABLE as error:
        raise ArchiveError(
            f"{path} is no archive of a class, or only a part of one. Copy it again from where it was made."
        ) from error
    return _manifest(path, content)


def verify(path: Path, manifest: Manifest, on_progress: Progress = lambda done, total: None) -> None:
    """Read all of an archive once.

    Raises:
        ArchiveError: Anything in it is not as it was written.
    """
    passed = _progress(on_progress, manifest.num_bytes)
    with zipfile.ZipFile(path) as archive:
        for record in manifest.tables:
            try:
                with archive.open(record.member) as stream:
                    tally = _Tally(stream, passed, record.num_bytes)
                    while tally.read(_PIECE):
                        pass
            except (OSError, *_NOT_READABLE) as error:
                raise _damaged(path, record) from error
            _require_whole(path, record, tally)


def load(
    connection: Connection,
    path: Path,
    manifest: Manifest,
    on_progress: Progress = lambda done, total: None,
) -> None:
    """Fill a new, empty class with an archive's content, or with nothing at all.

    Columns that came after the archive was made have their defaults: an older class is upgraded by this.

    Args:
        connection: As whoever made the new class.

    Raises:
        ArchiveError: The content does not fit into this program's tables.
    """
    queries = load_queries("archive")
    passed = _progress(on_progress, manifest.num_bytes)
    [new] = connection.query(queries["class"])
    try:
        with connection.transaction():
            connection.execute("SET LOCAL ROLE " + ClassRoles(new.class_id).owner)
            connection.execute("SET LOCAL statement_timeout = 0")
            connection.execute(queries["forget_new_class"])
            known = {table.name: table for table in _tables(connection)}
            _require_all_tables(path, manifest, known)
            with zipfile.ZipFile(path) as archive:
                for record in manifest.tables:
                    _require_fitting(record, known)
                    _load_table(connection, archive, path, record, passed)
            _require_sound(connection, path)
            for table in known.values():
                _continue_numbers(connection, table)
            # A killed program may have left some of one.
            Rehearsals(connection).forget()
            settled = {"class_id": new.class_id, "minimum_program": FIRST_PROGRAM}
            connection.execute(queries["settle_class"], settled)
            for name in ("people", "cards", "workers", "closing", "units", "trainings"):
                connection.query(queries[f"settle_{name}"])
            words = f"The class was restored from the archive of {manifest.made_at}."
            connection.execute(queries["add_event"], {"message": words})
    except psycopg2.DatabaseError as error:
        raise ArchiveError(
            f"The content of {path} contradicts itself ({error.diag.message_primary or error}). Nothing was"
            " restored."
        ) from error


def open_logins(connection: Connection) -> list[str]:
    """The logins that people of this class need."""
    return [row.login for row in connection.query(load_queries("archive")["open_logins"])]


def datasets_without_pictures(connection: Connection) -> list[str]:
    """Names of data sets whose pictures are not here, because the archive was made without them."""
    return [row.name for row in connection.query(load_queries("archive")["datasets_without_pictures"])]


def _load_table(
    connection: Connection,
    archive: zipfile.ZipFile,
    path: Path,
    record: TableRecord,
    passed: Callable[[int], None],
) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier("gan", record.name), _identifiers(list(record.columns))
    )
    with archive.open(record.member) as stream:
        tally = _Tally(stream, passed, record.num_bytes)
        num_rows = connection.copy_from(statement, tally)
    # It may have been replaced since it was verified.
    _require_whole(path, record, tally)
    if num_rows != record.num_rows:
        raise _damaged(path, record)


def _require_sound(connection: Connection, path: Path) -> None:
    """Pass only where programs can read what they read at their start: the class and its trainings."""
    queries = load_queries("archive")
    classes = connection.query(queries["class"])
    if len(classes) != 1 or not _is_line(classes[0].title):
        raise ArchiveError(f"{path} does not hold one class with a title. Nothing was restored.")
    for row in connection.query(queries["configs"]):
        try:
            RunConfig.from_json(row.config)
        except (SettingsError, TypeError, ValueError, AttributeError) as error:
            raise ArchiveError(
                f"{path} has a training whose settings this program cannot use. Nothing was restored."
            ) from error


def _continue_numbers(connection: Connection, table: _Table) -> None:
    """Let the next row's number follow the highest there is."""
    if table.identity is not None:
        connection.query(
            sql.SQL(
                "SELECT setval(pg_get_serial_sequence({name}, {column_name}),"
                " coalesce(max({column}), 0) + 1, false) FROM {table}"
            ).format(
                name=sql.Literal(f"gan.{table.name}"),
                column_name=sql.Literal(table.identity),
                column=sql.Identifier(table.identity),
                table=table.identifier,
            )
        )


def _require_all_tables(path: Path, manifest: Manifest, known: Mapping[str, _Table]) -> None:
    """Pass where each table is there once; an older program's archive lacks those that came later."""
    names = {record.name for record in manifest.tables}
    missing = known.keys() - names - (set() if manifest.has_pictures else {PICTURES})
    if (
        len(names) < len(manifest.tables)
        or (PICTURES in names) > manifest.has_pictures
        or (missing and manifest.schema_version == SCHEMA_VERSION)
    ):
        raise _damaged_manifest(path)


def _require_fitting(record: TableRecord, known: Mapping[str, _Table]) -> None:
    table = known.get(record.name)
    types = dict(zip(table.columns, table.types, strict=True)) if table else {}
    for column, kind in record.columns.items():
        if types.get(column) != kind:
            raise ArchiveError(
                f"Its table {record.name} has a column {column} ({kind}) that this program does not know."
                " Restore it with the program version that made it, then upgrade the class.",
                title="The archive is of another program version",
            )


def _manifest(path: Path, content: Any) -> Manifest:
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ArchiveError(f"{path} is a zip file, but no archive of a class.")
    if not _is_manifest(content):
        raise _damaged_manifest(path)
    if content["version"] > VERSION or content["schema_version"] > SCHEMA_VERSION:
        raise ArchiveError(
            f"It was made by program version {content['program']}, which is newer than this one"
            f" ({__version__}). Get the newest version of the program.",
            title="The archive is newer than this program",
        )
    known = {f.name for f in fields(Manifest)}
    tables = tuple(TableRecord(**record) for record in content["tables"])
    return Manifest(**{name: content[name] for name in known - {"tables"}}, tables=tables)


def _is_manifest(content: Mapping[str, Any]) -> bool:
    """Whether all that a manifest says is there and of its kind; the archive may come from anybody."""
    counts, lines = ("version", "schema_version"), ("program", "class_id", "title", "made_at")
    tables = content.get("tables")
    return (
        all(_is_count(content.get(name)) for name in counts)
        and all(_is_line(content.get(name)) for name in lines)
        and isinstance(content.get("has_pictures"), bool)
        and isinstance(tables, list)
        # A newer program's tables may say more: that it is newer is told first.
        and (content["version"] > VERSION or all(map(_is_record, tables)))
    )


def _is_record(record: Any) -> bool:
    return (
        isinstance(record, dict)
        and record.keys() == {f.name for f in fields(TableRecord)}
        and is_plain_line(record["name"], 63)
        and isinstance(record["columns"], dict)
        and len(record["columns"]) > 0
        and all(is_plain_line(text, 200) for column in record["columns"].items() for text in column)
        and _is_count(record["num_rows"])
        and _is_count(record["num_bytes"])
        and isinstance(record["sha256"], str)
        and _SHA256.fullmatch(record["sha256"]) is not None
    )


def _is_line(text: object) -> bool:
    # Titles of the first version may have a space at their ends.
    return isinstance(text, str) and is_plain_line(text.strip(), MAX_TITLE)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _damaged_manifest(path: Path) -> ArchiveError:
    return ArchiveError(f"What {path} says about itself is damaged. Copy it again.")


def _require_whole(path: Path, record: TableRecord, tally: _Tally) -> None:
    if (tally.num_bytes, tally.sha256.hexdigest()) != (record.num_bytes, record.sha256):
        raise _damaged(path, record)


def _damaged(path: Path, record: TableRecord) -> ArchiveError:
    return ArchiveError(
        f"{path} is damaged (table {record.name}). Nothing was restored. Copy it again from where it was"
        " made."
    )


# ---------------------------------------------------------------------------------------------
# Tables
# ---------------------------------------------------------------------------------------------


def _tables(connection: Connection) -> list[_Table]:
    """The class's tables, each after those that it refers to."""
    tables = {row.oid: _Table(**row._asdict()) for row in connection.query(load_queries("archive")["tables"])}
    order = TopologicalSorter({oid: [o for o in table.needs if o in tables] for oid, table in tables.items()})
    return [tables[oid] for oid in order.static_order()]


def _identifiers(names: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _progress(on_progress: Progress, total: int) -> Callable[[int], None]:
    done = 0

    def passed(num_bytes: int) -> None:
        nonlocal done
        done += num_bytes
        on_progress(done, max(total, done))

    return passed
