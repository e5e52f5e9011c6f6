"""The students of today as a table: two hundred that change every second, told to the view with care."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtGui import QIcon

from gan_desktop.gui import icons
from gan_desktop.gui.admin.keyed_table import Column, Index, KeyedTable
from gan_desktop.gui.admin.today.people import (
    MARKS,
    RANKS,
    PersonToday,
    Presence,
    name_of_presence,
    sentence_of,
    trouble_of,
)
from gan_desktop.gui.theme import colours
from gan_desktop.gui.words import number

Role = Qt.ItemDataRole

NAME, SEES, SPEED = range(3)


class TodayModel(KeyedTable[PersonToday]):
    """One row per student.

    Sentences are made where they are seen: of two hundred that change every second a screen shows twenty.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        self._sentences: dict[str, tuple[PersonToday, str]] = {}
        self._icons: dict[Presence, QIcon] = {}
        columns = (
            Column(
                _tr("Name"),
                _name,
                # Who needs help comes first, then by name.
                lambda person: f"{RANKS[person.presence]}{person.name.casefold()}",
                tip=_tr("Who needs help first, then by name; in brackets, several computers"),
                detail=lambda person: person.name,
                tone=_tone,
            ),
            Column(
                _tr("What the student sees"),
                self.sentence,
                tip=_tr("The very sentence on the student's screen"),
                detail=lambda person: "\n".join(filter(None, (self.sentence(person), trouble_of(person)))),
                tone=_tone,
            ),
            Column(
                _tr("Speed"),
                _speed,
                lambda person: person.images_per_second,
                tip=_tr("Images a second, measured"),
                is_number=True,
                tone=_tone,
            ),
        )
        super().__init__(columns, lambda person: person.user, parent)

    def sentence(self, person: PersonToday) -> str:
        """What the student reads; made once for each change."""
        known = self._sentences.get(person.user)
        if known is None or known[0] is not person:
            known = self._sentences[person.user] = person, sentence_of(person)
        return known[1]

    def show_rows(self, rows: Iterable[PersonToday]) -> None:
        """As the base class's; two hundred small changes are told as one.

        The first column, which rows are sorted by, is told of only where it is another: nothing is sorted
        anew because somebody has learned from an image.
        """
        wanted = {person.user: person for person in rows}
        changed, heads = [], []
        for at, before in enumerate(self.rows):
            now = wanted.get(before.user, before)
            if now != before:
                self.rows[at] = now
                changed.append(at)
                if _head(now) != _head(before):
                    heads.append(at)
        if changed:
            self.dataChanged.emit(self.index(changed[0], SEES), self.index(changed[-1], SPEED))
        for at in heads:
            self.dataChanged.emit(self.index(at, NAME), self.index(at, NAME))
        super().show_rows(wanted.values())
        self._sentences = {user: known for user, known in self._sentences.items() if user in wanted}

    def _change_colours(self) -> None:
        self._icons.clear()
        if self.rows:
            self.dataChanged.emit(self.index(0, NAME), self.index(len(self.rows) - 1, SPEED))

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        """One cell."""
        if index.column() == NAME:
            person = self.rows[index.row()]
            if role == Role.DecorationRole:
                return self._icon(person.presence)
            if role == Role.AccessibleTextRole:
                return f"{person.name}, {name_of_presence(person.presence)}"
        return super().data(index, role)

    def _icon(self, presence: Presence) -> QIcon:
        if presence not in self._icons:
            name, colour = MARKS[presence]
            made = icons.icon(name, getattr(colours(), colour))
            # On the chosen row, which has a colour of its own.
            made.addPixmap(icons.pixmap(name, 32, "on_accent"), QIcon.Mode.Selected)
            self._icons[presence] = made
        return self._icons[presence]


def _name(person: PersonToday) -> str:
    if len(person.workers) < 2:
        return person.name
    return f"{person.name} ({number(len(person.workers))})"


def _speed(person: PersonToday) -> str:
    speed = person.images_per_second
    if speed <= 0:
        return "-"
    return _tr("{number}/s").format(number=number(speed, 0 if speed >= 10 else 1))


def _tone(person: PersonToday) -> str | None:
    return "muted" if RANKS[person.presence] > RANKS[Presence.WAITING] else None


def _head(person: PersonToday) -> tuple[object, ...]:
    """What the first column shows."""
    return person.name, person.presence, len(person.workers)


def _tr(text: str) -> str:
    return QCoreApplication.translate("today", text)
