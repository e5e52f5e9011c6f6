"""The instructor's list of people, as a spreadsheet or a course system exports it (CSV)."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gan_desktop.database.accounts import RosterEntry
from gan_desktop.errors import EXIT_USAGE, GanDesktopError
from gan_desktop.names import MAX_NAME, is_name, is_plain_line, name_key

MAX_BYTES = 5_000_000
MAX_PEOPLE = 2_000
MAX_WORD, MAX_EMAIL = 80, 254
# One person's, of a list without a table; nobody has that many.
MAX_LINE = 500
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
_HINTED_DELIMITERS = _DELIMITERS + "|:"
# Ana Silva <ana@school.example>
_ADDRESS = re.compile(r"(?P<name>[^<>]+)<(?P<email>[^<>\s@]+@[^<>\s]+)>[;,]?")


class RosterError(GanDesktopError):
    """A list of people that cannot be used; the message names every wrong line."""

    default_title = "The list cannot be used"
    exit_code = EXIT_USAGE


@dataclass(frozen=True)
class RosterLine:
    """One person of a list, where they stand in it, and what is wrong with it; mostly nothing."""

    number: int
    entry: RosterEntry
    problems: tuple[str, ...] = ()


def read_roster(path: Path) -> list[RosterEntry]:
    """Read a list of people: the column name (or first and last name), and if there id, e-mail, section.

    Commas, semicolons and tabs, UTF-8, UTF-16 and Windows' Latin are understood.

    Raises:
        RosterError: It cannot be read, or lines are wrong: names that are missing, twice or not showable.
    """
    lines = roster_lines(roster_text(path), str(path))
    problems = [f"line {line.number}: {problem}" for line in lines for problem in line.problems]
    if not lines:
        problems = ["below the names of the columns there is nobody"]
    if problems:
        told = problems[:MAX_TOLD] + ["..."] * (len(problems) > MAX_TOLD)
        raise RosterError("\n  ".join([f"{path}, nobody was admitted:", *told]))
    return [line.entry for line in lines]


def roster_text(path: Path) -> str:
    """The text of a file with a list of people.

    Raises:
        RosterError: It cannot be read, or is a spreadsheet's own file.
    """
    return _decoded(_bytes(path))


def roster_lines(text: str, source: str, *, is_pasted: bool = False) -> list[RosterLine]:
    """Everybody on a list, with what is wrong with each line.

    Args:
        source: What the list is called in errors.
        is_pasted: It may also be names or addresses without a first line that names the columns.

    Raises:
        RosterError: The list as a whole cannot be understood.
    """
    if len(text) > MAX_BYTES:
        raise _too_large(source)
    if is_pasted and not _has_titles(text):
        people = list(_people_without_titles(text))
    else:
        rows = list(_rows(source, text))
        if not rows:
            raise RosterError(f"{source} is empty. Its first line names the columns: name,id,email,group")
        columns = _columns(source, rows[0][1])
        people = [(line, _entry(columns, cells)) for line, cells in rows[1:]]
    if len(people) > MAX_PEOPLE:
        raise RosterError(f"{source} has {len(people):,} people; a class has at most {MAX_PEOPLE:,}.")
    problems = _problems(people)
    return [
        RosterLine(line, entry, tuple(wrong)) for (line, entry), wrong in zip(people, problems, strict=True)
    ]


# ---------------------------------------------------------------------------------------------
# A list as people paste it: names, or addresses of an e-mail program
# ---------------------------------------------------------------------------------------------


def _has_titles(text: str) -> bool:
    """Whether the first line names columns, so that it is no person."""
    first = text.lstrip("\ufeff\n\r ").partition("\n")[0]
    titles = [_plain_title(cell) for cell in first.split(_delimiter(first))]
    known = set().union(*_COLUMNS.values())
    return first.lower().startswith("sep=") or any(title in known for title in titles)


def _people_without_titles(text: str) -> Iterator[tuple[int, RosterEntry]]:
    """One person a line, or addresses in a row as an e-mail program copies them."""
    for number, line in enumerate(unicodedata.normalize("NFC", text.lstrip("\ufeff")).splitlines(), start=1):
        pieces = re.split(r"(?<=>)\s*[;,]", line) if line.count("<") > 1 else [line]
        for piece in pieces:
            if piece.strip():
                yield number, _entry_without_titles(piece.strip())


def _entry_without_titles(line: str) -> RosterEntry:
    if len(line) > MAX_LINE:
        return RosterEntry(line[: MAX_LINE + 1])
    if address := _ADDRESS.fullmatch(line):
        return RosterEntry(address["name"].strip().strip('"'), None, address["email"])
    # A comma alone may stand inside a name: Silva, Ana.
    is_table = "\t" in line or ";" in line or any("@" in c or _is_number(c) for c in line.split(","))
    cells = [cell.strip().strip('"') for cell in line.split(_delimiter(line))] if is_table else [line]
    email = next((cell for cell in cells if "@" in cell), None)
    student_id = next((cell for cell in cells if _is_number(cell)), None)
    words = [cell for cell in cells if cell and cell not in (email, student_id)]
    return RosterEntry(words[0] if words else "", student_id, email, words[1] if len(words) > 1 else None)


def _is_number(cell: str) -> bool:
    """Whether a cell is rather a student's number than a name: half of it are digits."""
    return "@" not in cell and 2 * sum(c.isdigit() for c in cell) >= len(cell.strip()) > 0


# ---------------------------------------------------------------------------------------------
# A table
# ---------------------------------------------------------------------------------------------


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _too_large(str(path))
        return path.read_bytes()
    except OSError as error:
        raise RosterError(f"{path} cannot be read: {error.strerror}.") from error


def _too_large(source: str) -> RosterError:
    return RosterError(f"{source} is too large for a list of people. Save it as CSV.")


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


def _rows(source: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not empty, each with its number in the file."""
    # Excel's own hint, which is no column.
    has_hint = text.lower().startswith("sep=")
    delimiter = text[4:5] if has_hint else _delimiter(text.lstrip("\r\n").partition("\n")[0])
    if delimiter not in set(_HINTED_DELIMITERS):
        raise RosterError(
            f"{source}: after sep= comes the character between the columns, for example sep=; there."
        )
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
            f"{source}, line {reader.line_num}: a quotation mark is missing or too many."
        ) from error


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=header.count)


def _plain_title(title: str) -> str:
    return "".join(character for character in title.casefold() if character.isalnum())


def _columns(source: str, header: Sequence[str]) -> dict[str, int]:
    columns: dict[str, int] = {}
    for position, title in enumerate(header):
        plain = _plain_title(title)
        for field, titles in _COLUMNS.items():
            if plain in titles:
                if field in columns:
                    what = "group" if field == "section" else field.replace("_", " ")
                    raise RosterError(f"{source}: two columns are a person's {what}. Remove one.")
                columns[field] = position
    is_german = any(title.casefold().startswith("vorname") for title in header)
    if is_german and "name" in columns and "last_name" not in columns:
        columns["last_name"] = columns.pop("name")  # beside Vorname, Name is the family's
    if "name" not in columns and not {"first_name", "last_name"} <= columns.keys():
        found = ", ".join(title for title in header if title) or "nothing"
        raise RosterError(
            f"{source}: no column is called name, nor are there two of first name and last name. The first"
            f" line names the columns, for example name,id,email,group; it says: {found[:200]}"
        )
    return columns


def _entry(columns: dict[str, int], cells: Sequence[str]) -> RosterEntry:
    def cell(field: str) -> str:
        position = columns.get(field, len(cells))
        return cells[position] if position < len(cells) else ""

    name = cell("name") or f"{cell('first_name')} {cell('last_name')}".strip()
    return RosterEntry(name, cell("student_id") or None, cell("email") or None, cell("section") or None)


def _problems(people: Sequence[tuple[int, RosterEntry]]) -> list[list[str]]:
    """What is wrong with each of them."""
    problems = []
    names: dict[str, int] = {}
    ids: dict[str, int] = {}
    for line, entry in people:
        wrong: list[str] = []
        name, student_id = name_key(entry.name), (entry.student_id or "").casefold()
        if not entry.name:
            wrong.append("there is no name")
        elif len(entry.name) > MAX_LINE:
            wrong.append(f"the line has more than {MAX_LINE} characters: write one person a line")
        elif not is_name(entry.name) or "\ufffd" in entry.name:
            wrong.append(f"a name has at most {MAX_NAME} characters, all of them visible")
        elif name in names:
            wrong.append(
                f'"{entry.name}" stands in line {names[name]} too; tell the two apart, as in'
                f' "{entry.name} B."'
            )
        if student_id and student_id in ids:
            wrong.append(f"the id stands in line {ids[student_id]} too")
        names.setdefault(name, line)
        ids.setdefault(student_id, line)
        problems.append([*wrong, *entry_problems(entry)])
    return problems


def entry_problems(entry: RosterEntry) -> Iterator[str]:
    """What is wrong with one person's e-mail address, id and section, apart from everybody else's."""
    if entry.email and ("@" not in entry.email or not is_plain_line(entry.email, MAX_EMAIL)):
        yield "the e-mail address cannot be one"
    for word in (entry.student_id, entry.section):
        if word and not is_plain_line(word, MAX_WORD):
            yield f"an id and a group have at most {MAX_WORD} characters, all visible"


def as_sentence(problem: str) -> str:
    """A problem as it stands where nothing comes before it."""
    return f"{problem[0].upper()}{problem[1:]}."
