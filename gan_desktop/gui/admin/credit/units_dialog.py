"""One person's units, and why some were late or not counted: the record that the person sees, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QWidget

from gan_desktop.gui.admin.credit.span import Span
from gan_desktop.gui.admin.credit.words import status_words, when_words
from gan_desktop.gui.admin.keyed_table import Column, KeyedTable, KeyedTableView, TableOrder
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.sheet import Sheet
from gan_desktop.gui.admin.sql_dialog import SqlDialog
from gan_desktop.gui.theme import em
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import duration, number

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.database.credit import DecidedUnit, PersonsCredit, UnitsReport

UNIT, HANDED_IN, FATE, REASON, IMAGES, TIME, ITERATION = range(7)


class UnitsDialog(Sheet):
    """A table of units, the newest first.

    Args:
        span: From which days.
    """

    def __init__(self, session: TeachingSession, person: PersonsCredit, span: Span, parent: QWidget) -> None:
        lead = parent.tr("The program of {name} reads this very record, with the same reasons.")
        super().__init__(
            parent.tr("The units of {name}").format(name=person.name), lead.format(name=person.name), parent
        )
        self._report: UnitsReport | None = None
        self._table: KeyedTable[DecidedUnit] = KeyedTable(self._columns(), lambda unit: unit.unit_id, self)
        self.order = TableOrder(self._table, self)
        self.table = KeyedTableView(self.order, self.windowTitle(), REASON, self)
        self.table.widen(REASON, may_shrink=True)
        self.table.sortByColumn(HANDED_IN, Qt.SortOrder.DescendingOrder)
        self.fates = QComboBox(self)
        self.fates.setAccessibleName(self.tr("Which units"))
        self.fates.addItem(self.tr("All units"), "")
        for status in ("counted", "late", "not_counted", "handed_in"):
            self.fates.addItem(status_words(status), status)
        self.fates.currentIndexChanged.connect(self._choose)
        self.middle.addWidget(self.fates, 0, Qt.AlignmentFlag.AlignLeft)
        self.middle.addWidget(self.table, 1)
        self._sql = self.add_button(self.tr("Show the SQL"), self.show_sql, is_link=True)
        self.add_button(self.tr("Close"), self.accept, is_primary=True)
        self._sql.setEnabled(False)
        self.resize(em(self, 60), em(self, 26))
        self.close_with_class(session)
        self.be_busy(self.tr("Reading ..."), may_close=True)
        session.ask(
            lambda address: read_units(address, person.user, span),
            self._take,
            owner=self,
            on_error=self.show_error,
        )

    def _columns(self) -> Sequence[Column[DecidedUnit]]:
        return (
            Column(self.tr("Unit"), lambda u: number(u.unit_id), lambda u: u.unit_id, is_number=True),
            Column(
                self.tr("Handed in"),
                lambda u: when_words(u.handed_in_at),
                lambda u: u.handed_in_at.timestamp(),
            ),
            Column(
                self.tr("What became of it"),
                lambda u: status_words(u.status),
                tone=lambda u: "bad" if u.status == "not_counted" else None,
            ),
            Column(
                self.tr("Why"),
                lambda u: engine_text(u.reason or ""),
                detail=lambda u: engine_text(u.reason or ""),
            ),
            Column(self.tr("Images"), lambda u: number(u.num_images), lambda u: u.num_images, is_number=True),
            Column(
                self.tr("Active time"),
                lambda u: "-" if u.credited_seconds is None else duration(u.credited_seconds),
                lambda u: u.credited_seconds or 0.0,
                is_number=True,
            ),
            Column(
                self.tr("Iteration"), lambda u: number(u.iteration), lambda u: u.iteration, is_number=True
            ),
        )

    def _take(self, report: UnitsReport) -> None:
        self.be_busy("")
        self._report = report
        self._table.show_rows(report.units)

    def _choose(self) -> None:
        wanted = self.fates.currentData()
        self.order.show_only(lambda unit: not wanted or unit.status == wanted)

    def show_sql(self) -> None:
        """Show what was asked."""
        if self._report is not None:
            SqlDialog([(self.tr("This table"), self._report.statement)], self).open()


def read_units(address: Address, user: str, span: Span) -> UnitsReport:
    """One login's units of these days."""
    from gan_desktop.class_admin.credit import units

    return units(address, user, span.since, span.until)
