"""Credit as a table: one row per person, and all of them together in a row that stays in sight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Qt, Slot
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView, QWidget

from gan_desktop.gui.admin.credit.words import last_words, when_words
from gan_desktop.gui.admin.keyed_table import Column, KeyedTable, KeyedTableView
from gan_desktop.gui.theme import em, set_role, use_tabular_digits
from gan_desktop.gui.words import duration, number

if TYPE_CHECKING:
    from gan_desktop.database.credit import PersonsCredit

NAME, STUDENT_ID, SECTION, COUNTED, LATE, NOT_COUNTED, WAITING, IMAGES, ACTIVE, LAST = range(10)


class CreditTable(KeyedTable["PersonsCredit"]):
    """One row per person."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_columns(), lambda person: person.user, parent)

    def unused(self) -> set[int]:
        """The columns in which nobody has anything; only some may be left out for that."""
        used = {
            STUDENT_ID: any(person.student_id for person in self.rows),
            SECTION: any(person.section for person in self.rows),
            WAITING: any(person.num_waiting for person in self.rows),
        }
        return {column for column, is_used in used.items() if not is_used}


class TotalsRow(QTableView):
    """One row below a table, its columns those of the table above, whatever becomes of their widths.

    Args:
        above: The table that it sums up.
    """

    def __init__(
        self, above: KeyedTableView[PersonsCredit], name: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._above = above
        self._totals = CreditTable(self)
        self.setModel(self._totals)
        self.setAccessibleName(name)
        set_role(self, "dense")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrap(False)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.hide()
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        height = em(self, 1.75)
        self.verticalHeader().setDefaultSectionSize(height)
        self.setFixedHeight(height)
        use_tabular_digits(self)
        font = self.font()
        font.setBold(True)
        self.setFont(font)
        above.horizontalHeader().sectionResized.connect(self._follow_width)
        above.horizontalScrollBar().valueChanged.connect(self.horizontalScrollBar().setValue)

    def show_total(self, total: PersonsCredit) -> None:
        """Show these sums."""
        self._totals.show_rows([total])
        header = self._above.horizontalHeader()
        for column in range(header.count()):
            self.setColumnHidden(column, self._above.isColumnHidden(column))
            self.setColumnWidth(column, header.sectionSize(column))

    @Slot(int, int, int)
    def _follow_width(self, column: int, _old: int, new: int) -> None:
        self.setColumnWidth(column, new)


def _columns() -> Sequence[Column[PersonsCredit]]:
    return (
        Column(_tr("Name"), _name, lambda p: p.name.casefold(), detail=_name_and_address),
        Column(_tr("ID"), lambda p: p.student_id or ""),
        Column(_tr("Group"), lambda p: p.section or ""),
        Column(
            _tr("Counted"),
            lambda p: number(p.num_counted),
            lambda p: p.num_counted,
            tip=_tr("Units that went into the class's network"),
            is_number=True,
        ),
        Column(
            _tr("Late"),
            lambda p: number(p.num_late),
            lambda p: p.num_late,
            tip=_tr("Valid units that came after their iteration's time: full credit, no influence"),
            is_number=True,
        ),
        Column(
            _tr("Not counted"),
            lambda p: number(p.num_not_counted),
            lambda p: p.num_not_counted,
            tip=_tr("Units that could not be used: damaged, or contradicting themselves"),
            is_number=True,
            tone=lambda p: "bad" if p.num_not_counted else None,
        ),
        Column(
            _tr("Pending"),
            lambda p: number(p.num_waiting),
            lambda p: p.num_waiting,
            tip=_tr("Units handed in that were not looked at yet"),
            is_number=True,
        ),
        Column(
            _tr("Images"),
            lambda p: number(p.images_counted + p.images_late),
            lambda p: p.images_counted + p.images_late,
            tip=_tr("Pictures learned from, in the units counted and late"),
            is_number=True,
        ),
        Column(
            _tr("Active"),
            lambda p: duration(3600 * p.active_hours),
            lambda p: p.active_hours,
            tip=_tr("Computing time of the units counted and late"),
            is_number=True,
        ),
        Column(
            _tr("Last"),
            lambda p: last_words(p.last_at),
            lambda p: p.last_at.timestamp() if p.last_at else 0,
            tip=_tr("When the last of the units counted and late came in"),
            detail=lambda p: when_words(p.last_at),
        ),
    )


def _name(person: PersonsCredit) -> str:
    if not person.user:
        return _tr("Total")
    return _tr("{name} (removed)").format(name=person.name) if person.has_left else person.name


def _name_and_address(person: PersonsCredit) -> str:
    return " · ".join(filter(None, (_name(person), person.email)))


def _tr(text: str) -> str:
    return QCoreApplication.translate("credit", text)
