"""Tables whose rows are people or things with a key: what changes is told, what stays keeps its place.

A page says which rows there are now, `KeyedTable.show_rows`, as often as it likes. The view is told only of
the rows that came, went or changed, so that selection, scroll bar and order stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSize,
    QSortFilterProxyModel,
    Qt,
    Slot,
)
from PySide6.QtGui import QAction, QColor, QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView, QWidget

from gan_desktop.gui import icons
from gan_desktop.gui.theme import colours, em, set_role, use_tabular_digits

Row = TypeVar("Row")
Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole

# What rows are sorted by: a number, or a text without regard to capitals.
VALUE_ROLE = Role.UserRole


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column.

    Attributes:
        text: What a cell says.
        value: What rows are sorted by; None: the text, without regard to capitals.
        tip: What the title stands for.
        detail: What a cell says when asked more closely; None: nothing.
        is_number: At the right, and sorted from the largest down at first.
        tone: A field of `theme.Colours` for a cell, such as `muted`; None: that of all text.
    """

    title: str
    text: Callable[[Row], str]
    value: Callable[[Row], float | str] | None = None
    tip: str = ""
    detail: Callable[[Row], str] | None = None
    is_number: bool = False
    tone: Callable[[Row], str | None] | None = None

    @property
    def alignment(self) -> Qt.AlignmentFlag:
        """Of the title and of all cells."""
        side = Qt.AlignmentFlag.AlignRight if self.is_number else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter

    def value_of(self, row: Row) -> float | str:
        """What a row is sorted by."""
        return self.value(row) if self.value is not None else self.text(row).casefold()


class KeyedTable(QAbstractTableModel, Generic[Row]):
    """Rows in no particular order: a `TableOrder` over it sorts and filters.

    Args:
        columns: In their translated words.
        key: What tells one row from all others.
    """

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        key: Callable[[Row], Hashable],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.columns = columns
        self.rows: list[Row] = []
        self._key = key
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._change_colours)

    def show_rows(self, rows: Iterable[Row]) -> None:
        """Show these rows; selection and place of those that were there stay."""
        wanted = {self._key(row): row for row in rows}
        for at in reversed(range(len(self.rows))):
            if self._key(self.rows[at]) not in wanted:
                self.beginRemoveRows(QModelIndex(), at, at)
                del self.rows[at]
                self.endRemoveRows()
        changed = []
        for at, row in enumerate(self.rows):
            now = wanted.pop(self._key(row))
            if now != row:
                self.rows[at] = now
                changed.append(at)
        if changed:
            # Two hundred small changes, of which each has the view measure its columns, take a second.
            self.dataChanged.emit(self.index(changed[0], 0), self.index(changed[-1], len(self.columns) - 1))
        if wanted:
            first = len(self.rows)
            self.beginInsertRows(QModelIndex(), first, first + len(wanted) - 1)
            self.rows += wanted.values()
            self.endInsertRows()

    def _change_colours(self) -> None:
        if self.rows:
            self.dataChanged.emit(
                self.index(0, 0), self.index(len(self.rows) - 1, len(self.columns) - 1), [Role.ForegroundRole]
            )

    # -- Qt's names -----------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """Rows."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008
        """Columns."""
        return 0 if parent.isValid() else len(self.columns)

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        """One cell."""
        row, column = self.rows[index.row()], self.columns[index.column()]
        match role:
            case Role.DisplayRole:
                return column.text(row)
            case Role.UserRole:
                return column.value_of(row)
            case Role.TextAlignmentRole:
                return column.alignment
            case Role.ToolTipRole if column.detail is not None:
                return as_plain_tip(column.detail(row))
            case Role.ForegroundRole if column.tone is not None and (tone := column.tone(row)):
                return QColor(getattr(colours(), tone))
        return None

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole
    ) -> Any:
        """The columns' titles; numbers are first sorted from the largest down."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        column = self.columns[section]
        match role:
            case Role.DisplayRole:
                return column.title
            case Role.ToolTipRole:
                return column.tip or None
            case Role.TextAlignmentRole:
                return column.alignment
            case Role.InitialSortOrderRole:
                return Qt.SortOrder.DescendingOrder if column.is_number else Qt.SortOrder.AscendingOrder
        return None


class TableOrder(QSortFilterProxyModel, Generic[Row]):
    """A table in the order the person chose, with the rows that have the words the person looks for."""

    def __init__(self, table: KeyedTable[Row], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._table = table
        self._passes: Callable[[Row], bool] | None = None
        self.setSourceModel(table)
        self.setSortRole(VALUE_ROLE)
        # In any column.
        self.setFilterKeyColumn(-1)
        self.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)

    def show_only(self, passes: Callable[[Row], bool]) -> None:
        """Show the rows that pass, beside what is looked for."""
        self._passes = passes
        self.invalidate()

    def row_at(self, index: Index) -> Row:
        """Which row a cell of the view belongs to."""
        return self._table.rows[self.mapToSource(index).row()]

    def texts(self, column: int) -> set[str]:
        """What stands in a column, shown or not."""
        text = self._table.columns[column].text
        return {text(row) for row in self._table.rows}

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:  # noqa: N802
        """Qt's name."""
        if self._passes is not None and not self._passes(self._table.rows[source_row]):
            return False
        return super().filterAcceptsRow(source_row, source_parent)

    def as_text(self, rows: Sequence[int], columns: Sequence[int]) -> str:
        """Rows with the headline, cells divided by tabs: what spreadsheets take from the clipboard."""
        # Brings the database's driver, which the window's first second can do without.
        from gan_desktop.class_admin.credit import harmless

        header = [str(self.headerData(at, Qt.Orientation.Horizontal)) for at in columns]
        cells = ([harmless(str(self.index(row, at).data())) for at in columns] for row in rows)
        return "\n".join("\t".join(line) for line in [header, *cells])


class KeyedTableView(QTableView, Generic[Row]):
    """The view of a `TableOrder`: whole rows, copied by Ctrl+C, sorted by Ctrl and the arrow keys.

    Args:
        name: What the table is called, for those who do not see it.
        wide: The column that takes what room the others leave; where there is none, the table scrolls.
    """

    def __init__(self, order: TableOrder[Row], name: str, wide: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._order = order
        self.setModel(order)
        self.setAccessibleName(name)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        # Many columns, and a window of 960 pixels.
        set_role(self, "dense")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        # One height for all rows: nothing is measured while two hundred of them scroll by.
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(em(self, 1.75))
        use_tabular_digits(self)
        header = _NarrowHeader(self)
        self.setHorizontalHeader(header)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setMinimumSectionSize(em(self, 3))
        self._text_widths: dict[str, int] = {}
        self._spare: tuple[int, ...] = ()
        self.widen(wide)
        for signal in (order.rowsInserted, order.rowsRemoved, order.dataChanged):
            signal.connect(self.fit)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self.copy_action = QAction(
            self.tr("Copy"), self, shortcut=QKeySequence(QKeySequence.StandardKey.Copy)
        )
        self.copy_action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        icons.set_icon(self.copy_action, "copy")
        self.copy_action.triggered.connect(self.copy)
        self.addAction(self.copy_action)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Qt's name. Ctrl and an arrow key sort: sideways by another column, up and down turn it round."""
        key, header = Qt.Key(event.key()), self.horizontalHeader()
        if event.modifiers() != Qt.KeyboardModifier.ControlModifier:
            super().keyPressEvent(event)
        elif key in _SORTING_ORDERS:
            self.sortByColumn(header.sortIndicatorSection(), _SORTING_ORDERS[key])
        elif key in _SORTING_STEPS:
            shown = [column for column in range(header.count()) if not self.isColumnHidden(column)]
            now = shown.index(header.sortIndicatorSection())
            wanted = shown[(now + _SORTING_STEPS[key]) % len(shown)]
            self.sortByColumn(wanted, header.sortIndicatorOrder())
        else:
            super().keyPressEvent(event)

    def widen(self, column: int, *, may_shrink: bool = False) -> None:
        """Let this column take what room the others leave; they are as wide as their cells.

        Args:
            may_shrink: Where they leave none it is cut, rather than that the table scrolls.
        """
        self._wide, self._may_shrink = column, may_shrink
        self.fit()

    def do_without(self, *columns: int) -> None:
        """Hide these columns, the first one first, where there is no room for all, rather than scroll."""
        self._spare = columns
        self.fit()

    @Slot()
    def fit(self) -> None:
        """Divide the width anew."""
        # Qt's own way asks the model ten thousand things for two hundred rows, at each change of one.
        header = self.horizontalHeader()
        wanted = [at for at in range(header.count()) if at in self._spare or not header.isSectionHidden(at)]
        widths = {at: max(self._title_width(at), self._width_of_texts(at)) for at in wanted}
        for at in self._spare:
            is_too_much = sum(widths.values()) > self.viewport().width()
            header.setSectionHidden(at, is_too_much)
            if is_too_much:
                del widths[at]
        if self._wide in widths:
            least = header.minimumSectionSize() if self._may_shrink else widths[self._wide]
            room = self.viewport().width() - sum(widths.values()) + widths[self._wide]
            widths[self._wide] = max(room, least)
        for at, width in widths.items():
            header.resizeSection(at, width)

    def _title_width(self, column: int) -> int:
        header = self.horizontalHeader()
        assert isinstance(header, _NarrowHeader)
        return max(header.minimumSectionSize(), header.sectionSizeFromContents(column).width())

    def _width_of_texts(self, column: int) -> int:
        metrics = self.fontMetrics()
        texts = self._order.texts(column) - self._text_widths.keys()
        self._text_widths |= {text: metrics.horizontalAdvance(text) for text in texts}
        widest = max((self._text_widths[text] for text in self._order.texts(column)), default=0)
        # With the paddings of the style sheet.
        return widest + em(self, 1.4)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Qt's name."""
        super().resizeEvent(event)
        self.fit()

    def chosen(self) -> list[Row]:
        """The selected rows, in the order shown."""
        rows = sorted(self.selectionModel().selectedRows(), key=QModelIndex.row)
        return [self._order.row_at(index) for index in rows]

    def copy(self) -> None:
        """Put the chosen rows on the clipboard, or all that are shown."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        columns = [at for at in range(self._order.columnCount()) if not self.isColumnHidden(at)]
        text = self._order.as_text(rows or range(self._order.rowCount()), columns)
        QGuiApplication.clipboard().setText(text)


# How far a key moves the column that the table is sorted by, and which way round it turns the table.
_SORTING_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
_SORTING_ORDERS = {
    Qt.Key.Key_Up: Qt.SortOrder.AscendingOrder,
    Qt.Key.Key_Down: Qt.SortOrder.DescendingOrder,
}


class _NarrowHeader(QHeaderView):
    """Titles as wide as their words: the style sheet's own measure has room for two arrows more."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setSectionsClickable(True)
        self.setHighlightSections(False)

    def sectionSizeFromContents(self, section: int) -> QSize:  # noqa: N802
        """Qt's name."""
        size = super().sectionSizeFromContents(section)
        title = str(self.model().headerData(section, Qt.Orientation.Horizontal) or "")
        # The paddings of the style sheet, and the arrow in the wider one.
        size.setWidth(self.fontMetrics().horizontalAdvance(title) + em(self, 1.9))
        return size


def as_plain_tip(text: str) -> str | None:
    """A text of others as a tool tip, in which Qt would take tags for markup."""
    # One that begins with a tag is markup to Qt, whatever it was meant as.
    return text.replace("<", "\u2039").replace(">", "\u203a") if text else None
