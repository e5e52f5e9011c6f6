"""The leaderboard as a table for Qt's views: texts to show, raw values to sort by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)
from PySide6.QtGui import QColor, QFont

from gan_desktop.gui.theme import colours
from gan_desktop.gui.translation import mark
from gan_desktop.gui.words import duration, number
from gan_desktop.records import LeaderboardRow

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole

# What rows are sorted by: a number, or a name without regard to capitals.
VALUE_ROLE = Role.UserRole
# A spreadsheet would take a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class _Column:
    title: str
    tip: str
    value: Callable[[int, LeaderboardRow], Any]
    text: Callable[[Any], str]
    is_number: bool = True


def _working(is_working: bool) -> str:
    return _tr("● working") if is_working else _tr("○ not now")


COLUMNS = (
    _Column(mark("Place"), mark("By time, then by images"), lambda place, _row: place, number),
    _Column(mark("Name"), "", lambda _place, row: row.name.casefold(), str, is_number=False),
    _Column(
        mark("Time"),
        mark("How long this person's computers have computed, all together"),
        lambda _place, row: row.seconds,
        duration,
    ),
    _Column(mark("Images"), mark("Pictures learned from"), lambda _place, row: row.num_images, number),
    _Column(mark("Units"), mark("Units handed in and counted"), lambda _place, row: row.num_units, number),
    _Column(mark("Now"), "", lambda _place, row: row.is_working, _working, is_number=False),
)
PLACE, NAME, TIME, IMAGES, UNITS, NOW = range(len(COLUMNS))


class LeaderboardModel(QAbstractTableModel):
    """One row per person, in the order of the class: by time, then by images."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: tuple[LeaderboardRow, ...] = ()
        self._own_font = QFont()
        self._own_font.setWeight(QFont.Weight.DemiBold)
        self._own_font.setFeature(QFont.Tag("tnum"), 1)

    def show_rows(self, rows: tuple[LeaderboardRow, ...]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self.rows = tuple(sorted(rows, key=lambda row: (-row.seconds, -row.num_images)))
        self.endResetModel()

    def own_place(self) -> int | None:
        """One's own place, 1 for the first; None: not among them yet."""
        return next((place for place, row in enumerate(self.rows, start=1) if row.is_me), None)

    # -- Qt's names -----------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """People."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """Place, name, time, images, units, now."""
        return 0 if parent.isValid() else len(COLUMNS)

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        """One cell."""
        row, column = self.rows[index.row()], COLUMNS[index.column()]
        match role:
            case Role.DisplayRole if index.column() == NAME:
                return _tr("{name} (you)").format(name=row.name) if row.is_me else row.name
            case Role.DisplayRole:
                return column.text(column.value(index.row() + 1, row))
            case Role.UserRole:
                return column.value(index.row() + 1, row)
            case Role.TextAlignmentRole:
                return _alignment(column)
            case Role.FontRole if row.is_me:
                return self._own_font
            case Role.BackgroundRole if row.is_me:
                return QColor(colours().accent_soft)
            case Role.ForegroundRole if index.column() == NOW and not row.is_working:
                return QColor(colours().muted)
        return None

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> Any:
        """The columns' titles; numbers are first sorted from the largest down."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = COLUMNS[section]
        match role:
            case Role.DisplayRole:
                return _tr(column.title)
            case Role.ToolTipRole:
                return _tr(column.tip) if column.tip else None
            case Role.TextAlignmentRole:
                return _alignment(column)
            case Role.InitialSortOrderRole:
                is_downwards = section not in (PLACE, NAME)
                return Qt.SortOrder.DescendingOrder if is_downwards else Qt.SortOrder.AscendingOrder
        return None


class LeaderboardOrder(QSortFilterProxyModel):
    """The table in the order that the person chose, with the names that he looks for."""

    def __init__(self, model: LeaderboardModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setSourceModel(model)
        self.setSortRole(VALUE_ROLE)
        self.setFilterKeyColumn(NAME)
        self.setFilterRole(VALUE_ROLE)
        self.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)

    def as_text(self, rows: list[int]) -> str:
        """Rows with the headline, cells divided by tabs: what spreadsheets take from the clipboard."""
        columns = range(self.columnCount())
        header = [str(self.headerData(at, Qt.Orientation.Horizontal)) for at in columns]
        cells = ([_cell(str(self.index(row, at).data())) for at in columns] for row in rows)
        return "\n".join("\t".join(line) for line in [header, *cells])


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _alignment(column: _Column) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column.is_number else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def _tr(text: str) -> str:
    return QCoreApplication.translate("leaderboard", text)
