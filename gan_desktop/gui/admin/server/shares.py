"""What a whole is made of: a bar in pieces, and under it each piece by name and number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from gan_desktop.gui.theme import colours, em, scale_font, set_role, use_tabular_digits

_BAR_EM, _DOT_EM = 0.6, 0.55


@dataclass(frozen=True)
class Share:
    """One piece.

    Attributes:
        size: Its part of the whole, in any unit.
        written: The same as people read it.
        series: Its place in the theme's colours; None: as the bar's ground, such as what is free.
    """

    name: str
    size: float
    written: str
    series: int | None = 0


class SharesCard(QFrame):
    """A card with a title, the whole in words, the bar, and its pieces in the order of the bar."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self._title, self._whole, self._note = QLabel(title, self), QLabel(self), QLabel(self)
        scale_font(self._whole, 1.1, bold=True)
        use_tabular_digits(self._whole)
        self._note.setWordWrap(True)
        self._note.setTextFormat(Qt.TextFormat.PlainText)
        set_role(self._note, "muted")
        self._note.hide()
        self._bar = _Bar(self)
        self._bar.setAccessibleName(title)
        self._pieces = QGridLayout()
        self._pieces.setHorizontalSpacing(em(self, 0.5))
        self._pieces.setVerticalSpacing(em(self, 0.1))
        self._pieces.setColumnStretch(1, 1)
        self._lines: list[tuple[_Dot, QLabel, QLabel]] = []
        head = QHBoxLayout()
        head.addWidget(self._title)
        head.addStretch(1)
        head.addWidget(self._whole)
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self, 0.8), em(self, 0.5), em(self, 0.8), em(self, 0.6))
        column.setSpacing(em(self, 0.35))
        column.addLayout(head)
        column.addWidget(self._bar)
        column.addLayout(self._pieces)
        column.addWidget(self._note)

    def show_shares(self, whole: str, shares: Sequence[Share], note: str = "") -> None:
        """Show the pieces; those of nothing are left out."""
        shown = [share for share in shares if share.size > 0]
        self._whole.setText(whole)
        self._bar.show_shares(shown)
        while len(self._lines) < len(shown):
            self._add_line()
        for at, line in enumerate(self._lines):
            is_used = at < len(shown)
            for widget in line:
                widget.setVisible(is_used)
            if is_used:
                dot, name, written = line
                dot.show_series(shown[at].series)
                name.setText(shown[at].name)
                written.setText(shown[at].written)
        self._note.setText(note)
        self._note.setVisible(bool(note))
        told = ", ".join(f"{share.name}: {share.written}" for share in shown)
        self.setAccessibleName(f"{self._title.text()}: {whole}. {told}")

    def _add_line(self) -> None:
        dot, name, written = _Dot(self), QLabel(self), QLabel(self)
        use_tabular_digits(written)
        row = len(self._lines)
        self._pieces.addWidget(dot, row, 0, Qt.AlignmentFlag.AlignVCenter)
        self._pieces.addWidget(name, row, 1)
        self._pieces.addWidget(written, row, 2, Qt.AlignmentFlag.AlignRight)
        self._lines.append((dot, name, written))

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The pieces that are shown: name and number."""
        return [(name.text(), written.text()) for _, name, written in self._lines if not name.isHidden()]

    @property
    def whole(self) -> str:
        """What stands beside the title."""
        return self._whole.text()


def _colour(series: int | None) -> QColor:
    chosen = colours()
    return QColor(chosen.line if series is None else chosen.series[series % len(chosen.series)])


class _Bar(QWidget):
    """The pieces beside each other, with a hair of the background between them."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._shares: Sequence[Share] = ()
        self.setFixedHeight(em(self, _BAR_EM))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_shares(self, shares: Sequence[Share]) -> None:
        if shares != self._shares:
            self._shares = shares
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outline = QPainterPath()
        radius = self.height() / 2
        outline.addRoundedRect(QRectF(self.rect()), radius, radius)
        painter.setClipPath(outline)
        painter.fillRect(self.rect(), _colour(None))
        whole = sum(share.size for share in self._shares)
        left = 0.0
        for share in self._shares:
            width = self.width() * share.size / whole
            painter.fillRect(QRectF(left, 0, max(1.0, width - 1), self.height()), _colour(share.series))
            left += width
        painter.end()


class _Dot(QWidget):
    """The colour of a piece."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._series: int | None = None
        self.setFixedSize(em(self, _DOT_EM), em(self, _DOT_EM))

    def show_series(self, series: int | None) -> None:
        self._series = series
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_colour(self._series))
        painter.drawEllipse(self.rect())
        painter.end()
