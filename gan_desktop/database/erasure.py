"""Taking people out of a class: what it has made stays, who made it is forgotten."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2 import sql

from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.logins import Logins
from gan_desktop.database.queries import load_queries
from gan_desktop.errors import GanDesktopError

# What the instructor wrote: somebody's name in it is the instructor's to remove.
_OWN_WORDS = {
    ("class", "title"),
    ("training_runs", "name"),
    ("datasets", "name"),
    ("dataset_shards", "url"),
    ("closing_steps", "place"),
}
# Written by the program alone: nobody's name comes there, but somebody may call himself "fp16".
_PROGRAMS_WORDS = {
    ("class", "class_id"),
    ("class", "minimum_program"),
    # A training's settings are figures, and a figure may be somebody's number.
    ("training_runs", "config"),
    ("datasets", "fingerprint"),
    ("dataset_shards", "sha256"),
    ("model_weights", "codec"),
    ("updates", "codec"),
}
# Emptied, and filled with numbers by ourselves.
_NEW_ROWS = {"accounts", "workers", "worker_totals"}
# Deleted rows lie in these until the server uses their place again.
_CLEANED = (
    "accounts",
    "roster",
    "enrol_cards",
    "workers",
    "worker_totals",
    "work_units",
    "updates",
    "messages",
)


@dataclass(frozen=True)
class Trace:
    """A word of somebody's that still stands in the class, and where."""

    table: str
    column: str
    word: str


def erase_people(connection: Connection, *, keep_numbers: bool) -> list[Trace]:
    """Forget all people of a class, their computers, units and messages; all of it, or nothing.

    Args:
        connection: As the class's coordinator role. No login may be open any more.
        keep_numbers: Totals stay, as "Student 1", "Student 2" ..., in an order that tells nothing.

    Returns:
        Where words of theirs still stand: in what the instructor wrote (`_OWN_WORDS`), nowhere else.
    """
    queries = load_queries("erasure")
    words = [row.word for row in connection.query(queries["words"])]
    logins = [row.login for row in connection.query(load_queries("closing")["all_logins"])]
    with connection.transaction():
        totals = connection.query(queries["totals"]) if keep_numbers else []
        connection.execute(queries["forget_people"])
        for number, person in enumerate(totals, start=1):
            connection.execute(
                queries["add_number"],
                {"worker_id": secrets.token_hex(4), "name": f"Student {number}", **person._asdict()},
            )
        traces = _traces(connection, words)
        _require_own_words(traces)
    # Their names tell nothing, but the server would keep them for nobody.
    Logins(connection).drop_all(logins)
    return traces


def clean_disk(administrator: Address) -> None:
    """Give the place of deleted rows free at once, and let the planner forget what stood in them.

    Args:
        administrator: The server's superuser, for a database on this computer.
    """
    with Connection(administrator) as connection:
        connection.execute("SET statement_timeout = 0")
        for name in (*_CLEANED, "events"):
            connection.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(sql.Identifier("gan", name)))


def _traces(connection: Connection, words: Sequence[str]) -> list[Trace]:
    """Where any of the words still stands, as a whole word, whatever its capitals.

    Looked for here: as a pattern, thousands of names would be too large for the server.
    """
    by_key = {word.casefold(): word for word in words}
    traces = []
    for column in connection.query(load_queries("erasure")["texts"]):
        table, name = column.table_name, column.column_name
        if table in _NEW_ROWS or (table, name) in _PROGRAMS_WORDS:
            continue
        rows = connection.query(
            sql.SQL("SELECT DISTINCT {column}::text AS text FROM {table} WHERE {column} IS NOT NULL").format(
                column=sql.Identifier(name), table=sql.Identifier("gan", table)
            )
        )
        # No word reaches from one value into the next.
        text = "\0".join(row.text for row in rows).casefold()
        traces += [Trace(table, name, word) for key, word in by_key.items() if _stands_in(key, text)]
    return traces


def _stands_in(word: str, text: str) -> bool:
    # The pattern alone would take long for each of thousands of words.
    return word in text and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _require_own_words(traces: Sequence[Trace]) -> None:
    for trace in traces:
        if (trace.table, trace.column) not in _OWN_WORDS:
            raise GanDesktopError(
                f'"{trace.word}" would still stand in {trace.table}.{trace.column}. Nothing was erased;'
                " please tell the program's makers.",
                title="Not everything could be erased",
            )
