"""People and cards as tables on the console."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gan_desktop.database.accounts import Student
from gan_desktop.database.enrolment import EnrolCard
from gan_desktop.sentences import about_time

HEARD_OF_S = 60.0


def print_students(students: Sequence[Student], console: Console | None = None) -> None:
    """Print who takes or took part."""
    console = console or Console(highlight=False)
    if not students:
        console.print("Nobody takes part yet. Admit people: gan-desktop class add-student NAME")
        return
    # Most classes have no ids or sections, and a screen is narrow.
    details = [("Id", "student_id"), ("E-mail", "email"), ("Section", "section")]
    used = [(title, field) for title, field in details if any(getattr(s, field) for s in students)]
    table = Table("Name", "Login", *(title for title, _ in used), "Computers", "Last seen")
    for student in students:
        table.add_row(
            _plain(student.name),
            student.user,
            *(_plain(getattr(student, field) or "") for _, field in used),
            str(student.num_workers),
            _last_seen(student),
        )
    console.print(table)
    num_open = sum(not student.is_withdrawn for student in students)
    num_never = sum(student.silent_s is None and not student.is_withdrawn for student in students)
    console.print(f"{num_open} take part; {num_never} of them have not contributed yet.")


def print_cards(cards: Sequence[EnrolCard], console: Console | None = None) -> None:
    """Print the cards that many people use."""
    console = console or Console(highlight=False)
    if not cards:
        console.print("No class card or room card. Make one: gan-desktop class card --class (or --room)")
        return
    table = Table("Number", "Kind", "Code begins", "Used", "Until")
    for card in cards:
        beginning = card.login.removeprefix("gan_card_").upper() if card.kind == "class" else ""
        until = f"{card.valid_until.astimezone():%a %d %b, %H:%M}"
        table.add_row(
            str(card.card_id),
            card.kind,
            beginning,
            f"{card.num_uses} of {card.max_uses}",
            until if card.is_in_time else f"over ({until})",
        )
    console.print(table)


def _last_seen(student: Student) -> str:
    if student.is_withdrawn:
        return "removed"
    if student.silent_s is None:
        # Who has come in by a code or a room card has joined, for all that.
        return "joined, not started" if student.card_kind else "not yet"
    return "now" if student.silent_s < HEARD_OF_S else f"{about_time(student.silent_s)} ago"


def _plain(words: str) -> Text:
    """Words from others: no markup, and nothing that a terminal would obey."""
    return Text("".join(character if character.isprintable() else "\ufffd" for character in words))
