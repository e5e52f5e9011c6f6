"""A list of people before they are admitted, as a table."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from gan_desktop.gui.theme import colours
from gan_desktop.gui.translation import engine_text

if TYPE_CHECKING:
    from gan_desktop.class_admin.roster import RosterLine

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()


class RosterModel(QAbstractTableModel):
    """One row a person; what is wrong with a line stands beside the name."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.lines: list[RosterLine] = []
        self._titles = (
            self.tr("Name"),
            self.tr("To mend"),
            self.tr("Id"),
            self.tr("E-mail"),
            self.tr("Group"),
        )

    def show_lines(self, lines: list[RosterLine]) -> None:
        """Show another list."""
        self.beginResetModel()
        # What has to be mended first.
        self.lines = sorted(lines, key=lambda line: not line.problems)
        self.endResetModel()

    @property
    def num_wrong(self) -> int:
        """Lines that cannot be taken."""
        return sum(bool(line.problems) for line in self.lines)

    def groups(self) -> dict[str, int]:
        """How many people are in each group, where the list names groups."""
        return dict(Counter(line.entry.section for line in self.lines if line.entry.section))

    def needed_columns(self) -> list[bool]:
        """Which columns say something now: names always do, and what is wrong needs the room of the rest."""
        if self.num_wrong:
            return [column in (0, 1) for column in range(len(self._titles))]
        rows = [self._cells(line) for line in self.lines]
        return [column == 0 or any(row[column] for row in rows) for column in range(len(self._titles))]

    # -- Qt's names -----------------------------------------------------------------------------

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802
        """Qt's name."""
        return 0 if parent.isValid() else len(self.lines)

    def columnCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802
        """Qt's name."""
        return 0 if parent.isValid() else len(self._titles)

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Qt's name."""
        if role == Qt.ItemDataRole.DisplayRole and orientation is Qt.Orientation.Horizontal:
            return self._titles[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Qt's name."""
        line = self.lines[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self._cells(line)[index.column()]
        if role == Qt.ItemDataRole.ForegroundRole and line.problems:
            return QColor(colours().bad)
        return None

    def _cells(self, line: RosterLine) -> tuple[str, ...]:
        entry = line.entry
        told = "; ".join(engine_text(problem) for problem in line.problems)
        mend = self.tr("Line {number}: {problem}").format(number=line.number, problem=told) if told else ""
        return (entry.name, mend, entry.student_id or "", entry.email or "", entry.section or "")
