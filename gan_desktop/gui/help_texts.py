"""The texts of the help page, `resources/help/<language>.md`, topic by topic, and the SQL of a unit."""

from __future__ import annotations

import re
import textwrap
from importlib import resources

from gan_desktop.database.queries import load_queries, sql_text

_TOPIC = re.compile(r"^<!-- topic: (\w+) -->$", re.MULTILINE)
_CURSOR = re.compile(r"^ *SELECT \* INTO cursor_row.*?SKIP LOCKED;", re.MULTILINE | re.DOTALL)


def load_topics(language: str) -> dict[str, str]:
    """Markdown of each topic, in the order of the file."""
    file = resources.files("gan_desktop.gui") / "resources" / "help" / f"{language}.md"
    parts = _TOPIC.split(file.read_text("utf-8"))[1:]
    return {key: text.strip() for key, text in zip(parts[::2], parts[1::2], strict=True)}


def load_unit_sql() -> dict[str, str]:
    """The statements of a unit, out of the very files that they are run from."""
    named = load_queries("worker")
    heart = _CURSOR.search(sql_text("api/functions.sql"))
    assert heart is not None
    return {
        "claim_sql": named["claim"],
        "cursor_sql": textwrap.dedent(heart[0]),
        "shard_sql": _copied(named["shard_payload"]),
        "weights_sql": _copied(named["weights_payload"]),
        "heartbeat_sql": named["heartbeat"],
        "submit_sql": "COPY submissions (unit_id, lease_token, iteration, codec, sha256, payload,\n"
        "                  num_images, num_steps, loss_g, loss_d, ...) FROM STDIN (FORMAT binary)",
    }


def _copied(statement: str) -> str:
    """Bytes come by binary COPY: a third of what they would take as text."""
    return f"COPY ({statement}) TO STDOUT (FORMAT binary)"
