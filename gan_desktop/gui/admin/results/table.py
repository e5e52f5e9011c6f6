"""The kept iterations of a training with their faces, to choose one from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QSize, Qt, Signal, Slot
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QWidget

from gan_desktop.gui.admin.keyed_table import Column, KeyedTable, KeyedTableView, TableOrder
from gan_desktop.gui.theme import em
from gan_desktop.gui.words import ago, number

if TYPE_CHECKING:
    from gan_desktop.gui.admin.results.reader import ResultsReader

ROW_EM, FACES_EM = 2.7, 2.4
_ITERATION = 1


@dataclass(frozen=True)
class KeptRow:
    """A line of the table.

    Attributes:
        is_best: No kept iteration has a smaller distance.
        is_passing: Its weights are there only until the next iteration comes.
    """

    iteration: int
    kept_at: datetime
    distance: float | None
    is_best: bool
    is_newest: bool
    is_passing: bool
    faces: QImage | None


class KeptTable(KeyedTable[KeptRow]):
    """The model: the first column shows faces."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(
            (
                Column(self.tr("Faces"), lambda _row: "", value=lambda row: row.iteration),
                Column(
                    self.tr("Iteration"),
                    lambda row: number(row.iteration),
                    value=lambda row: row.iteration,
                    is_number=True,
                ),
                Column(
                    self.tr("Distance"),
                    lambda row: "" if row.distance is None else number(row.distance, 1),
                    value=lambda row: math.inf if row.distance is None else row.distance,
                    tip=self.tr("Distance to real pictures (lower is better)"),
                    is_number=True,
                ),
                Column(
                    self.tr("Kept"),
                    lambda row: ago(row.kept_at.timestamp()),
                    value=lambda row: row.kept_at.timestamp(),
                ),
                Column(self.tr("Remark"), self._remark),
            ),
            key=lambda row: row.iteration,
            parent=parent,
        )

    def _remark(self, row: KeptRow) -> str:
        if row.is_best:
            return self.tr("lowest distance")
        return self.tr("newest") if row.is_newest else ""

    def _icon(self, row: KeptRow) -> QIcon | None:
        """The faces, as they are when the row is chosen too: Qt would tint them."""
        if row.faces is None:
            return None
        icon, picture = QIcon(), QPixmap.fromImage(row.faces)
        for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
            icon.addPixmap(picture, mode)
        return icon

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Qt's name: one cell."""
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return self._icon(self.rows[index.row()])
        return super().data(index, role)


class KeptView(KeyedTableView[KeptRow]):
    """The table on the page; one row is always chosen, the newest until somebody chooses another.

    Signals:
        chosen_changed: The iteration that is chosen now, or None.
    """

    chosen_changed = Signal(object)

    def __init__(self, reader: ResultsReader, parent: QWidget) -> None:
        self._table = KeptTable(parent)
        order = TableOrder(self._table, parent)
        super().__init__(order, parent.tr("Kept iterations"), len(self._table.columns) - 1, parent)
        self._reader = reader
        self._is_following = True
        self._told: int | None = None
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setIconSize(QSize(em(self, FACES_EM), em(self, FACES_EM)))
        self.verticalHeader().setDefaultSectionSize(em(self, ROW_EM))
        self.sortByColumn(_ITERATION, Qt.SortOrder.DescendingOrder)
        self.selectionModel().selectionChanged.connect(self._tell_choice)
        reader.course_changed.connect(self._show)
        reader.thumbnails_changed.connect(self._show)
        self._show()

    @property
    def row(self) -> KeptRow | None:
        """The chosen one."""
        rows = self.chosen()
        return rows[0] if rows else None

    @property
    def iteration(self) -> int | None:
        """The chosen one's."""
        return self.row.iteration if self.row is not None else None

    @property
    def is_following(self) -> bool:
        """Whether each new iteration is chosen by itself."""
        return self._is_following

    def choose(self, iteration: int) -> None:
        """Choose a row."""
        for at in range(self.model().rowCount()):
            if self._order.row_at(self.model().index(at, 0)).iteration == iteration:
                self.selectRow(at)

    @Slot()
    def _show(self) -> None:
        course = self._reader.course
        rows = _rows(course.kept, self._reader) if course is not None else []
        was_following = self._is_following
        self._table.show_rows(rows)
        if rows and (was_following or not self.chosen()):
            self.choose(rows[-1].iteration)
        self._tell_choice()

    @Slot()
    def _tell_choice(self) -> None:
        chosen = self.chosen()
        self._is_following = not chosen or chosen[0].is_newest
        iteration = chosen[0].iteration if chosen else None
        if iteration != self._told:
            self._told = iteration
            self.chosen_changed.emit(iteration)


def _rows(kept: Sequence[Any], reader: ResultsReader) -> list[KeptRow]:
    # What is drawn before anything was learned may be nearer than the first attempts, and is no result.
    measured = [each.distance for each in kept if each.distance is not None and each.iteration > 0]
    best = min(measured) if len(measured) > 1 else None
    return [
        KeptRow(
            each.iteration,
            each.created_at,
            each.distance,
            is_best=best is not None and each.distance == best and each.iteration > 0,
            is_newest=each is kept[-1],
            is_passing=not each.is_checkpoint,
            faces=reader.thumbnail(each.iteration),
        )
        for each in kept
    ]
