"""A picture of faces, as large as there is room for it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from gan_desktop.gui.theme import colours, em

ROUNDING = 0.02


class FacesView(QWidget):
    """Shows one PNG, whole and in its own proportions; words in its place where there is none."""

    def __init__(self, parent: QWidget | None = None, *, least_em: float = 12.0) -> None:
        super().__init__(parent)
        self._least_em = least_em
        self._picture = QPixmap()
        self._words = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_picture(self, png: bytes) -> None:
        """Show a picture; bytes that are none leave what is there."""
        picture = QPixmap()
        if picture.loadFromData(png):
            self._picture = picture
            self.update()

    def show_words(self, words: str) -> None:
        """Show a sentence until there is a picture."""
        self._words = words
        self._picture = QPixmap()
        self.update()

    @property
    def has_picture(self) -> bool:
        """Whether there is one."""
        return not self._picture.isNull()

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Qt's name."""
        return QSize(em(self, self._least_em), em(self, self._least_em))

    def sizeHint(self) -> QSize:  # noqa: N802
        """Qt's name."""
        return self.minimumSizeHint() * 2

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Qt's name."""
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        size = self._picture.size() if self.has_picture else QSize(1, 1)
        size.scale(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        frame = QRectF(0, 0, size.width(), size.height())
        frame.moveCenter(QRectF(self.rect()).center())
        outline = QPainterPath()
        radius = ROUNDING * frame.width()
        outline.addRoundedRect(frame, radius, radius)
        if self.has_picture:
            painter.setClipPath(outline)
            painter.drawPixmap(frame, self._picture, QRectF(self._picture.rect()))
            return
        painter.fillPath(outline, QColor(colours().window))
        painter.setPen(QColor(colours().muted))
        room = frame.adjusted(em(self), em(self), -em(self), -em(self))
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(room, int(flags), self._words)
