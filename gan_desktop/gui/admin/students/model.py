"""The class's people as a table: who they are, whether they have joined, when they were last seen."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject

from gan_desktop.gui.admin.keyed_table import Column, KeyedTable
from gan_desktop.gui.translation import mark
from gan_desktop.gui.words import ago, number

if TYPE_CHECKING:
    from gan_desktop.database.accounts import Student

HEARD_OF_S = 60.0

NAME, STUDENT_ID, EMAIL, SECTION, CARD, COMPUTERS, LAST_SEEN = range(7)
# Shown only where the class has such a thing: most have no groups, and the window is narrow.
OPTIONAL = (STUDENT_ID, EMAIL, SECTION)


class Whom(StrEnum):
    """Which people the table shows."""

    PRESENT = mark("Everybody")
    NOT_JOINED = mark("Not joined yet")
    HIDDEN = mark("Not on the leaderboard")
    REMOVED = mark("Removed")

    def has(self, student: Student) -> bool:
        """Whether somebody belongs to these."""
        match self:
            case Whom.REMOVED:
                return student.is_withdrawn
            case Whom.NOT_JOINED:
                return not student.is_withdrawn and not student.has_joined
            case Whom.HIDDEN:
                return not student.is_withdrawn and student.is_hidden
        return not student.is_withdrawn


class StudentsTable(KeyedTable["Student"]):
    """One row per login, also of those who were removed."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_columns(), lambda student: student.user, parent)

    def unused(self) -> set[int]:
        """The columns in which nobody has anything."""
        return {at for at in OPTIONAL if not any(self.columns[at].text(row) for row in self.rows)}


def _columns() -> Sequence[Column[Student]]:
    return (
        Column(_tr("Name"), _name, lambda s: s.name.casefold(), detail=_name),
        Column(_tr("ID"), lambda s: s.student_id or ""),
        Column(_tr("E-mail"), lambda s: s.email or "", detail=lambda s: s.email or ""),
        Column(_tr("Group"), lambda s: s.section or ""),
        Column(_tr("Card"), card_state, tone=lambda s: None if s.has_joined else "muted"),
        Column(
            _tr("Computers"),
            lambda s: number(s.num_workers) if s.num_workers else "-",
            lambda s: s.num_workers,
            tip=_tr("Computers that have worked with this card"),
            is_number=True,
        ),
        Column(_tr("Last seen"), _last_seen, lambda s: sys.maxsize if s.silent_s is None else s.silent_s),
    )


def _name(student: Student) -> str:
    return _tr("{name} (hidden)").format(name=student.name) if student.is_hidden else student.name


def card_state(student: Student) -> str:
    """What has become of somebody's card."""
    if student.is_withdrawn:
        return _tr("removed")
    match student.card_kind:
        case "class":
            return _tr("joined by the code")
        case "room":
            return _tr("joined by a room card")
    return _tr("joined") if student.num_workers else _tr("not joined yet")


def _last_seen(student: Student) -> str:
    if student.silent_s is None:
        return "-"
    return _tr("now") if student.silent_s < HEARD_OF_S else ago(time.time() - student.silent_s)


def _tr(text: str) -> str:
    return QCoreApplication.translate("students", text)
