"""The credit table of a course, as CSV for a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from typing import BinaryIO

from gan_desktop.class_admin.login import log_in
from gan_desktop.database.address import Address
from gan_desktop.database.credit import CreditReport, PersonsCredit, UnitsReport, read_credit, read_units
from gan_desktop.errors import SettingsError

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}

# A spreadsheet takes a cell that begins with one of these for a formula, and runs it:
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@")


def credit(coordinator: Address, since: date | None = None, until: date | None = None) -> CreditReport:
    """Count everybody's work from the record of each unit: the same that the students see.

    Args:
        since, until: First and last day, in the server's time zone; None: no limit.

    Raises:
        SettingsError: The last day is before the first.
    """
    _require_span(since, until)
    with log_in(coordinator) as connection:
        return read_credit(connection, since, until)


def units(
    coordinator: Address, user: str, since: date | None = None, until: date | None = None
) -> UnitsReport:
    """What became of each unit of one login: the same record, and reasons, that its owner sees.

    Args:
        since, until: First and last day, in the server's time zone; None: no limit.

    Raises:
        SettingsError: The last day is before the first.
    """
    _require_span(since, until)
    with log_in(coordinator) as connection:
        return read_units(connection, user, since, until)


def total(people: Sequence[PersonsCredit]) -> PersonsCredit:
    """All people's work in one row, without a name."""
    first = [person.first_at for person in people if person.first_at]
    last = [person.last_at for person in people if person.last_at]
    return PersonsCredit(
        name="",
        student_id=None,
        email=None,
        section=None,
        has_left=False,
        num_counted=sum(person.num_counted for person in people),
        images_counted=sum(person.images_counted for person in people),
        num_late=sum(person.num_late for person in people),
        images_late=sum(person.images_late for person in people),
        num_not_counted=sum(person.num_not_counted for person in people),
        num_waiting=sum(person.num_waiting for person in people),
        active_hours=sum(person.active_hours for person in people),
        first_at=min(first, default=None),
        last_at=max(last, default=None),
    )


def _require_span(since: date | None, until: date | None) -> None:
    if since and until and until < since:
        raise SettingsError(f"The last day, {until}, is before the first, {since}.", title="No such time")


def write_csv(report: CreditReport, file: BinaryIO, separator: str = ",") -> None:
    """Write a credit table as UTF-8 with a byte order mark, by which spreadsheets know it.

    Args:
        separator: With a semicolon numbers have a decimal comma: both belong to the same spreadsheets.
    """
    decimal_mark = "," if separator == ";" else "."
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    # In quotes, since a spreadsheet may divide at another character than we do.
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerow(_titles(report.time_zone))
    for person in report.people:
        writer.writerow(_cells(person, decimal_mark))
    text.detach()


def harmless(text: str | None) -> str:
    """A text that no spreadsheet takes for a formula: what looks like one begins with an apostrophe.

    Also behind spaces, in the wide forms of its characters, and behind what a spreadsheet of another language
    takes for the end of a cell: quotes in the middle of a line do not keep it from that.
    """
    text = text or ""
    begins_oddly = "'" if text.startswith(("\t", "\r", "\n")) else ""
    pieces = re.split(r"([,;\t\r\n])", text)
    return begins_oddly + "".join(f"'{piece}" if _looks_like_formula(piece) else piece for piece in pieces)


def _looks_like_formula(piece: str) -> bool:
    return unicodedata.normalize("NFKC", piece).replace('"', "").lstrip().startswith(_FORMULA)


def _titles(zone: str) -> list[str]:
    return [
        "Name",
        "Student ID",
        "E-mail",
        "Section",
        "Units counted",
        "Images counted",
        "Units late",
        "Images late",
        "Units not counted",
        "Active hours",
        f"First unit ({zone})",
        f"Last unit ({zone})",
    ]


def _cells(person: PersonsCredit, decimal_mark: str) -> list[str | int]:
    return [
        harmless(person.name),
        harmless(person.student_id),
        harmless(person.email),
        harmless(person.section),
        person.num_counted,
        person.images_counted,
        person.num_late,
        person.images_late,
        person.num_not_counted,
        f"{person.active_hours:.2f}".replace(".", decimal_mark),
        _time(person.first_at),
        _time(person.last_at),
    ]


def _time(at: datetime | None) -> str:
    # psycopg2 gives the time in the session's zone, which is the server's.
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""
