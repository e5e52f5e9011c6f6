"""The instructor's list of people, as a spreadsheet or a course system exports it (CSV)."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from gan_desktop.database.accounts import RosterEntry
from gan_desktop.errors import EXIT_USAGE, GanDesktopError
from gan_desktop.names import MAX_NAME, is_name, is_plain_line, name_key

MAX_BYTES = 5_000_000
MAX_PEOPLE = 2_000
MAX_WORD, MAX_EMAIL = 80, 254
# More would scroll the first ones away.
MAX_TOLD = 20

# What spreadsheets and course systems call the columns, without spaces, hyphens and capitals.
_COLUMNS = {
    "name": {"name", "fullname", "student", "studentname", "displayname", "vollständigername"},
    "first_name": {"firstname", "givenname", "forename", "vorname", "vornamen", "rufname"},
    "last_name": {"lastname", "surname", "familyname", "nachname", "familienname"},
    "student_id": {
        "id",
        "studentid",
        "idnumber",
        "matriculationnumber",
        "sisid",
        "studentnumber",
        "matrikelnummer",
        "matrikelnr",
        "matrnr",
        "idnummer",
    },
    "email": {"email", "emailaddress", "mail", "emailadresse", "mailadresse"},
    "section": {
        "section",
        "group",
        "groups",
        "class",
        "course",
        "gruppe",
        "gruppen",
        "sektion",
        "klasse",
        "kurs",
    },
}
_DELIMITERS = ",;\t"


class RosterError(GanDesktopError):
    """A list of people that cannot be used; the message names every wrong line."""

    default_title = "The list cannot be used"
    exit_code = EXIT_USAGE


def read_roster(path: Path) -> list[RosterEntry]:
    """Read a list of people: the column name (or first and last name), and if there id, e-mail, section.

    Commas, semicolons and tabs, UTF-8, UTF-16 and Windows' Latin are understood.

    Raises:
        RosterError: It cannot be read, or lines are wrong: names that are missing, twice or not showable.
    """
    rows = list(_rows(path, _decoded(_bytes(path))))
    if not rows:
        raise RosterError(f"{path} is empty. Its first line names the columns: name,id,email,section")
    columns = _columns(path, rows[0][1])
    if len(rows) - 1 > MAX_PEOPLE:
        raise RosterError(f"{path} has {len(rows) - 1:,} people; a class has at most {MAX_PEOPLE:,}.")
    people = [(line, _entry(columns, cells)) for line, cells in rows[1:]]
    problems = list(_problems(people))
    if not people:
        problems = ["below the names of the columns there is nobody"]
    if problems:
        told = problems[:MAX_TOLD] + ["..."] * (len(problems) > MAX_TOLD)
        raise RosterError("\n  ".join([f"{path}, nobody was admitted:", *told]))
    return [entry for _, entry in people]


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RosterError(f"{path} is too large for a list of people. Save it as CSV.")
        return path.read_bytes()
    except OSError as error:
        raise RosterError(f"{path} cannot be read: {error.strerror}.") from error


def _decoded(content: bytes) -> str:
    """The text, by its byte order mark, else as UTF-8, else as older spreadsheets on Windows write it."""
    if content[:4] == b"PK\x03\x04":
        raise RosterError("This is a spreadsheet's own file. Save it as CSV, and import that.")
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _rows(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not empty, each with its number in the file."""
    # Excel's own hint, which is no column.
    has_hint = text.lower().startswith("sep=")
    delimiter = text[4:5] if has_hint else _delimiter(text.partition("\n")[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        while True:
            first = reader.line_num + 1
            cells = [unicodedata.normalize("NFC", cell).strip() for cell in next(reader)]
            if any(cells) and not (has_hint and first == 1):
                yield first, cells
    except StopIteration:
        return
    except csv.Error as error:
        raise RosterError(
            f"{path}, line {reader.line_num}: a quotation mark is missing or too many."
        ) from error


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=header.count)


def _columns(path: Path, header: Sequence[str]) -> dict[str, int]:
    columns: dict[str, int] = {}
    for position, title in enumerate(header):
        plain = "".join(character for character in title.casefold() if character.isalnum())
        for field, titles in _COLUMNS.items():
            if plain in titles:
                if field in columns:
                    raise RosterError(
                        f"{path}: two columns are a person's {field.replace('_', ' ')}. Remove one."
                    )
                columns[field] = position
    is_german = any(title.casefold().startswith("vorname") for title in header)
    if is_german and "name" in columns and "last_name" not in columns:
        columns["last_name"] = columns.pop("name")  # beside Vorname, Name is the family's
    if "name" not in columns and not {"first_name", "last_name"} <= columns.keys():
        found = ", ".join(title for title in header if title) or "nothing"
        raise RosterError(
            f"{path}: no column is called name, nor are there two of first name and last name. The first line"
            f" names the columns, for example name,id,email,section; it says: {found[:200]}"
        )
    return columns


def _entry(columns: dict[str, int], cells: Sequence[str]) -> RosterEntry:
    def cell(field: str) -> str:
        position = columns.get(field, len(cells))
        return cells[position] if position < len(cells) else ""

    name = cell("name") or f"{cell('first_name')} {cell('last_name')}".strip()
    return RosterEntry(name, cell("student_id") or None, cell("email") or None, cell("section") or None)


def _problems(people: Sequence[tuple[int, RosterEntry]]) -> Iterator[str]:
    names: dict[str, int] = {}
    ids: dict[str, int] = {}
    for line, entry in people:
        if not entry.name:
            yield f"line {line}: there is no name"
        elif not is_name(entry.name) or "\ufffd" in entry.name:
            yield f"line {line}: a name has at most {MAX_NAME} characters, all of them visible"
        elif (earlier := names.setdefault(name_key(entry.name), line)) != line:
            yield (
                f'line {line}: "{entry.name}" stands in line {earlier} too; tell the two apart, as in'
                f' "{entry.name} B."'
            )
        if entry.student_id and (earlier := ids.setdefault(entry.student_id.casefold(), line)) != line:
            yield f"line {line}: the id stands in line {earlier} too"
        if entry.email and ("@" not in entry.email or not is_plain_line(entry.email, MAX_EMAIL)):
            yield f"line {line}: the e-mail address cannot be one"
        for word in (entry.student_id, entry.section):
            if word and not is_plain_line(word, MAX_WORD):
                yield f"line {line}: an id and a section have at most {MAX_WORD} characters, all visible"
