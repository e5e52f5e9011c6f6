"""Small pictures side by side, as many as there is room for, each as the networks would see it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from gan_desktop.gui.theme import colours, em

# A picture of 32 pixels is a stamp on today's screens.
EDGE_EM = 3.2
GAP_EM = 0.25


class PictureGrid(QWidget):
    """Shows pictures, row by row from the left; those for which there is no room are left out.

    Args:
        num_rows: Rows that there must be room for.
    """

    def __init__(self, parent: QWidget | None = None, *, num_rows: int = 1) -> None:
        super().__init__(parent)
        self._pictures: list[QPixmap] = []
        self._words = ""
        self._num_rows = num_rows
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def num_pictures(self) -> int:
        """Pictures that it holds, shown or not."""
        return len(self._pictures)

    def show_pictures(self, pngs: Sequence[bytes]) -> None:
        """Show other pictures; bytes that are none are passed over."""
        self._pictures = []
        for png in pngs:
            picture = QPixmap()
            if picture.loadFromData(png):
                self._pictures.append(picture)
        self.update()

    def show_words(self, words: str) -> None:
        """Show a sentence instead."""
        self._pictures, self._words = [], words
        self.update()

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Qt's name."""
        step = em(self, EDGE_EM) + em(self, GAP_EM)
        return QSize(3 * step, self._num_rows * step)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Qt's name."""
        return self.minimumSizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Qt's name."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if not self._pictures:
            painter.setPen(QColor(colours().muted))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect(), int(flags), self._words)
            return
        for picture, place in zip(self._pictures, self._places(), strict=False):
            painter.drawPixmap(place, picture)

    def _places(self) -> list[QRect]:
        edge, gap = em(self, EDGE_EM), em(self, GAP_EM)
        num_columns = max(1, (self.width() + gap) // (edge + gap))
        num_rows = max(1, (self.height() + gap) // (edge + gap))
        return [
            QRect(column * (edge + gap), row * (edge + gap), edge, edge)
            for row in range(num_rows)
            for column in range(num_columns)
        ]
