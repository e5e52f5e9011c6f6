"""From which days credit is counted: the whole course, today, this week, or days of one's choice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from PySide6.QtCore import QDate, Signal
from PySide6.QtWidgets import QComboBox, QDateEdit, QHBoxLayout, QLabel, QWidget

from gan_desktop.gui.theme import em
from gan_desktop.gui.translation import mark


@dataclass(frozen=True)
class Span:
    """First and last day, both included; None: no limit."""

    since: date | None = None
    until: date | None = None


class Days(StrEnum):
    """What one asks for."""

    ALL = mark("The whole course")
    TODAY = mark("Today")
    WEEK = mark("This week")
    CHOSEN = mark("From ... to ...")
    FINAL = mark("Final, as of a day")

    def span(self, today: date, first: date, last: date) -> Span:
        """The days that are meant.

        Args:
            today: By the server's clock.
            first, last: Those that the person has chosen.
        """
        match self:
            case Days.TODAY:
                return Span(today, today)
            case Days.WEEK:
                return Span(today - timedelta(days=today.weekday()), today)
            case Days.CHOSEN:
                return Span(first, last)
            case Days.FINAL:
                return Span(None, last)
        return Span()


class SpanChooser(QWidget):
    """A choice, and the days that it asks for.

    Signals:
        changed: Other days are meant.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._today = date.today()
        self.choice = QComboBox(self)
        self.choice.setAccessibleName(self.tr("Days"))
        for days in Days:
            self.choice.addItem(self.tr(days.value), days)
        self.first, self.last = self._day(self.tr("First day")), self._day(self.tr("Last day"))
        self._to = QLabel(self.tr("to"), self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(em(self, 0.4))
        for part in (self.choice, self.first, self._to, self.last):
            row.addWidget(part)
        self.choice.currentIndexChanged.connect(self._show_days)
        self._show_days()

    def _day(self, name: str) -> QDateEdit:
        field = QDateEdit(QDate.currentDate(), self)
        field.setCalendarPopup(True)
        field.setAccessibleName(name)
        field.setKeyboardTracking(False)
        field.dateChanged.connect(lambda _day: self.changed.emit())
        return field

    def _show_days(self) -> None:
        days = self.days
        self.first.setVisible(days is Days.CHOSEN)
        self._to.setVisible(days is Days.CHOSEN)
        self.last.setVisible(days in (Days.CHOSEN, Days.FINAL))
        self.changed.emit()

    def set_today(self, today: date) -> None:
        """Tell which day it is by the server's clock."""
        self._today = today

    @property
    def days(self) -> Days:
        """What is asked for."""
        # Qt keeps the text of such a constant, not the constant.
        return Days(self.choice.currentData())

    @property
    def span(self) -> Span:
        """The days that are meant now."""
        return self.days.span(self._today, _plain(self.first.date()), _plain(self.last.date()))


def _plain(day: QDate) -> date:
    return date(day.year(), day.month(), day.day())
