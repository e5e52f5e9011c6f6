"""Small faces to pick from, with the mouse or with arrow keys and Space."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QGuiApplication,
    QIcon,
    QKeyEvent,
    QPainter,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractItemView, QListView, QListWidget, QListWidgetItem, QWidget

from gan_desktop.gui.theme import colours, em

COLUMNS = 4
# Qt begins a new row where the columns take all of the width.
_SLACK_PX = 4


class FaceTray(QListWidget):
    """Sixteen faces; the one picked last is in hand, the one before is where a walk begins.

    Signals:
        picked: Other faces than before are picked: `first` and `second`.
    """

    picked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._pictures: list[QPixmap] = []
        self._has_badges = False
        self.first, self.second = 0, 1
        self.setAccessibleName(self.tr("Random faces"))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setMinimumSize(em(self, 11), em(self, 11))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.itemClicked.connect(lambda item: self.pick(self.row(item)))
        self.currentRowChanged.connect(self._paint_all)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._paint_all)

    def show_faces(self, pngs: Sequence[bytes]) -> None:
        """Other faces in the same places; what is picked stays."""
        self._pictures = []
        for png in pngs:
            picture = QPixmap()
            picture.loadFromData(png)
            self._pictures.append(picture)
        while self.count() < len(pngs):
            self.addItem(QListWidgetItem())
        self._paint_all()

    def clear_faces(self) -> None:
        """Show none, until there are some."""
        self._pictures = []
        self.clear()

    def show_badges(self, has_badges: bool) -> None:
        """Tell which face is the first and which the second; else only the one in hand is marked."""
        self._has_badges = has_badges
        self._paint_all()

    def pick(self, index: int) -> None:
        """Take a face; the one in hand before becomes the first."""
        if index == self.second or index >= len(self._pictures):
            return
        self.first, self.second = self.second, index
        self.setCurrentRow(index)
        self._paint_all()
        self.picked.emit()

    # -- painting -------------------------------------------------------------------------------

    @Slot()
    def _paint_all(self) -> None:
        edge = (min(self.width(), self.height()) - _SLACK_PX) // COLUMNS
        # No room for a fifth column where it is wider than high.
        side = (self.width() - COLUMNS * edge - _SLACK_PX) // 2
        self.setViewportMargins(side, 0, side, 0)
        self.setGridSize(QSize(edge, edge))
        icon_edge = edge - max(4, em(self, 0.25))
        self.setIconSize(QSize(icon_edge, icon_edge))
        for index, picture in enumerate(self._pictures):
            item = self.item(index)
            painted = self._painted(picture, icon_edge, self._badge(index))
            if self.hasFocus() and index == self.currentRow():
                self._paint_cursor(painted, icon_edge)
            item.setIcon(QIcon(painted))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, self._name(index))
            item.setToolTip(self._name(index))

    def _badge(self, index: int) -> str:
        """What is written on a face; a picked one without a number gets a frame alone."""
        if index == self.second:
            return "2" if self._has_badges else " "
        return "1" if self._has_badges and index == self.first else ""

    def _name(self, index: int) -> str:
        badge = self._badge(index)
        words = {
            "": self.tr("Face {number}"),
            " ": self.tr("Face {number}, picked"),
            "1": self.tr("Face {number}, where the walk begins"),
            "2": self.tr("Face {number}, where the walk turns round"),
        }[badge]
        return words.format(number=index + 1)

    def _painted(self, picture: QPixmap, edge: int, badge: str) -> QPixmap:
        ratio = self.devicePixelRatioF()
        mode = Qt.TransformationMode.SmoothTransformation
        size = max(1, round(edge * ratio))
        painted = picture.scaled(size, size, Qt.AspectRatioMode.IgnoreAspectRatio, mode)
        painted.setDevicePixelRatio(ratio)
        if badge:
            painter = QPainter(painted)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            width = max(3, edge // 16)
            painter.setPen(QPen(QColor(colours().accent), width, j=Qt.PenJoinStyle.MiterJoin))
            inside = QRectF(0, 0, edge, edge).adjusted(width / 2, width / 2, -width / 2, -width / 2)
            painter.drawRect(inside)
            if badge.strip():
                self._paint_number(painter, badge)
            painter.end()
        return painted

    def _paint_cursor(self, painted: QPixmap, edge: int) -> None:
        """Where the arrow keys are."""
        painter = QPainter(painted)
        pen = QPen(QColor(colours().on_accent), 2, Qt.PenStyle.DashLine)
        for colour in (colours().text, colours().card):
            pen.setColor(QColor(colour))
            painter.setPen(pen)
            painter.drawRect(QRectF(3, 3, edge - 6, edge - 6))
            pen.setDashOffset(3)
        painter.end()

    def _paint_number(self, painter: QPainter, badge: str) -> None:
        corner = QRectF(0, 0, em(self, 1.3), em(self, 1.3))
        painter.fillRect(corner, QColor(colours().accent))
        painter.setPen(QColor(colours().on_accent))
        painter.setFont(self.font())
        painter.drawText(corner, int(Qt.AlignmentFlag.AlignCenter), badge)

    # -- Qt's own names -------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """The faces are as large as there is room."""
        super().resizeEvent(event)
        self._paint_all()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """The cursor is shown where it can be moved."""
        super().focusInEvent(event)
        if self.currentRow() < 0:
            self.setCurrentRow(self.second)
        self._paint_all()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """And else not."""
        super().focusOutEvent(event)
        self._paint_all()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Space or Enter picks."""
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.pick(max(0, self.currentRow()))
        else:
            super().keyPressEvent(event)
