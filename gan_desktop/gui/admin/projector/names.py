"""Names on the projector: as many as two lines hold; more of them take turns."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gan_desktop.gui.theme import colours

NUM_LINES = 2
TURN_MS = 4_000
DOT = "  \N{MIDDLE DOT}  "


class NamesLine(QWidget):
    """Keeps the room of two lines, whatever stands in it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title, self._words = "", ""
        self._names: tuple[str, ...] = ()
        self._pages: list[list[str]] = []
        self._at = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._turn = QTimer(self, interval=TURN_MS)
        self._turn.timeout.connect(self.turn)

    @property
    def shown(self) -> str:
        """What stands there now."""
        return self._words or "\n".join(self._pages[self._at] if self._pages else ())

    def show_names(self, title: str, names: Sequence[str]) -> None:
        """Show names in their order, after a title."""
        self._title, self._names, self._words = title, tuple(names), ""
        self._fill()

    def show_words(self, words: str) -> None:
        """Show a sentence instead; empty: nothing."""
        self._names, self._words = (), words
        self._fill()

    def set_letters(self, pixels: int) -> None:
        """Write in letters of this height."""
        font = self.font()
        font.setPixelSize(pixels)
        self.setFont(font)
        self.updateGeometry()
        self._fill()

    @Slot()
    def turn(self) -> None:
        """Show the next names."""
        if self._pages:
            self._at = (self._at + 1) % len(self._pages)
        self.update()

    def _fill(self) -> None:
        self._at = 0
        lines = self._lines() if self._names else []
        self._pages = [lines[at : at + NUM_LINES] for at in range(0, len(lines), NUM_LINES)]
        if len(self._pages) > 1:
            self._turn.start()
        else:
            self._turn.stop()
        self.setAccessibleName(self._words or f"{self._title} {', '.join(self._names)}".strip())
        self.update()

    def _lines(self) -> list[str]:
        """The names in lines that fit; each page of two begins with the title."""
        measure, lines, current = QFontMetricsF(self.font()), [], self._title + "  "
        is_empty = True
        for name in self._names:
            longer = current + name if is_empty else current + DOT + name
            if not is_empty and measure.horizontalAdvance(longer) > self.width():
                lines.append(current)
                current = self._title + "  " if len(lines) % NUM_LINES == 0 else ""
                longer = current + name
            current, is_empty = longer, False
        return [*lines, current]

    # -- Qt's own names -------------------------------------------------------------------------

    def sizeHint(self) -> QSize:  # noqa: N802
        """Qt's name."""
        return QSize(100, round(NUM_LINES * self.fontMetrics().lineSpacing()))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Qt's name."""
        super().resizeEvent(event)
        self._fill()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Qt's name."""
        painter = QPainter(self)
        painter.setPen(QColor(colours().text))
        if self._words:
            painter.drawText(QRectF(self.rect()), int(Qt.TextFlag.TextWordWrap), self._words)
            return
        measure = self.fontMetrics()
        for at, line in enumerate(self._pages[self._at] if self._pages else ()):
            shown = measure.elidedText(line, Qt.TextElideMode.ElideRight, self.width())
            painter.drawText(0, measure.ascent() + at * measure.lineSpacing(), shown)
