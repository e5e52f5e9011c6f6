"""Reads the named statements of `queries/*.sql`: all our SQL stands in files that students can read."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def load_queries(file: str) -> dict[str, str]:
    """The statements of `queries/<file>.sql` by the names in their `-- name: ...` lines."""
    return named_statements(sql_text(f"queries/{file}.sql"))


def named_statements(text: str) -> dict[str, str]:
    """The statements of a file by the names in their `-- name: ...` lines."""
    parts = _NAME.split(text)[1:]
    return {name: statement.strip() for name, statement in zip(parts[::2], parts[1::2], strict=True)}


def sql_text(path: str) -> str:
    """A SQL file of this package as text."""
    return (resources.files("gan_desktop.database") / path).read_text(encoding="utf-8")
