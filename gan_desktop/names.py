"""What people and computers may be called, and when two names are one to the eye.

The class keeps the same rules in SQL (`require_name` and `name_key` in database/api/functions.sql), because a
student's program need not be ours.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TypeGuard

MAX_NAME = 40
MAX_TITLE = 80  # of a class

# They join emoji and the letters of some scripts, and choose among a letter's forms. Names may hold them,
# but no two names may differ in them alone.
_JOINERS = re.compile("[\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_ALLOWED = "\n\t\u200c\u200d"  # line breaks, and the joiners that are format characters
# By their category letters, marks and symbols, but nothing of them is ever seen.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def is_name(text: object) -> TypeGuard[str]:
    """Whether a person or a computer may be called so."""
    return is_plain_line(text, MAX_NAME)


def is_plain_line(text: object, max_length: int) -> TypeGuard[str]:
    """Whether a text is one line that shows all it holds: no control and no invisible characters."""
    if not isinstance(text, str) or len(text) > max_length or text.strip() != text:
        return False
    shown = _JOINERS.sub("", text)
    return bool(shown) and not any(
        character in _BLANKS or unicodedata.category(character) in _HIDDEN_CATEGORIES for character in shown
    )


def for_terminal(text: str) -> str:
    """A text of one or more lines with nothing in it that a terminal would obey.

    Titles, names and a server's own words come from strangers: control characters could move the cursor, hide
    a line or write to the clipboard, and format characters could turn a line around.
    """
    return "".join(
        "\ufffd"
        if unicodedata.category(character) in {"Cc", "Cf"} and character not in _ALLOWED
        else character
        for character in text
    )


def name_key(name: str) -> str:
    """What two names have in common that people would take for one."""
    return " ".join(_JOINERS.sub("", unicodedata.normalize("NFKC", name)).casefold().split())
