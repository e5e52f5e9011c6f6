"""What happened in the class, the newest first: the instructor's own log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt, Slot
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from gan_desktop.gui.admin.keyed_table import Column, KeyedTable, KeyedTableView, TableOrder, as_plain_tip
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.training.fields import TITLES
from gan_desktop.gui.theme import em, scale_font, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import clock

if TYPE_CHECKING:
    from gan_desktop.database.notices import Event


class ServerEventsCard(QFrame):
    """The class's newest events, as the session has read them."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        set_role(self, "card")
        title = QLabel(self.tr("What happened"), self)
        scale_font(title, 1.05, bold=True)
        self._table: KeyedTable[Event] = KeyedTable(
            (
                Column(self.tr("When"), lambda event: clock(event.created_at.timestamp()), _moment),
                Column(self.tr("What"), _words, detail=lambda event: as_plain_tip(_words(event)) or ""),
            ),
            lambda event: event.event_id,
            self,
        )
        self.view = KeyedTableView(TableOrder(self._table, self), title.text(), wide=1, parent=self)
        self.view.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        self._nothing = QLabel(self.tr("Nothing has happened yet."), self)
        set_role(self._nothing, "muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self, 0.8), em(self, 0.5), em(self, 0.4), em(self, 0.4))
        column.setSpacing(em(self, 0.3))
        column.addWidget(title)
        column.addWidget(self._nothing, 1, Qt.AlignmentFlag.AlignTop)
        column.addWidget(self.view, 100)
        session.snapshot_changed.connect(self._show)
        session.class_changed.connect(self._show)
        self._show()

    @property
    def rows(self) -> list[Event]:
        """What is shown."""
        return self._table.rows

    @Slot()
    def _show(self) -> None:
        events = self._session.snapshot.events
        self._table.show_rows(events)
        self._nothing.setVisible(not events)
        self.view.setVisible(bool(events))


def _moment(event: Event) -> float:
    return event.created_at.timestamp() + event.event_id / 1e12


def _words(event: Event) -> str:
    words = engine_text(event.message)
    if event.kind == "changed":
        words = _CHANGE.sub(_change_words, words)
    return f"{words} ({event.worker_name})" if event.worker_name else words


# As `class_admin.trainings.Change` writes one.
_CHANGE = re.compile(r"(\w+) (\S+) -> ([^\s,]+?)(?=[.,]?(?:\s|$))")


def _change_words(change: re.Match[str]) -> str:
    """A changed setting by the name that people know it by."""
    name, old, new = change.groups()
    title = _tr(TITLES.get(name, name))
    return _tr("{what} from {old} to {new}").format(what=title, old=old, new=new)


def _tr(text: str) -> str:
    return QCoreApplication.translate("server events", text)
