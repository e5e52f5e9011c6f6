"""What the curves of a plot are called and worth: beside the plot, never over it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from gan_desktop.gui.plot import DOT_SIZE, LineLook
from gan_desktop.gui.theme import colours, em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.words import number, percent

NOTHING = "\N{EN DASH}"


@dataclass(frozen=True)
class CurveWords:
    """The words for a curve.

    Attributes:
        name: What a student reads.
        second_line: What the field calls it, or how to read it.
        tooltip: What it is, in a sentence or two.
        decimals: Places behind the decimal point.
        is_percent: Its values are percentages.
    """

    name: str
    second_line: str
    tooltip: str
    decimals: int = 0
    is_percent: bool = False

    def write(self, value: float) -> str:
        """One of its values; NaN: not measured."""
        if isnan(value):
            return NOTHING
        return percent(value / 100) if self.is_percent else number(value, self.decimals)


class Legend(QWidget):
    """The curves of one plot, below each other, with the values at the cursor."""

    def __init__(self, curves: list[tuple[CurveWords, LineLook]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries = [LegendEntry(words, look, self) for words, look in curves]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.35))
        for entry in self._entries:
            column.addWidget(entry)
        column.addStretch(1)

    def show_values(self, values: list[str]) -> None:
        """Write the values, one per curve."""
        for entry, value in zip(self._entries, values, strict=True):
            entry.show_value(value)


class LegendEntry(QWidget):
    """One curve: how it is drawn, its name, its value."""

    def __init__(self, words: CurveWords, look: LineLook, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = words.name
        self.setToolTip(words.tooltip)
        name = QLabel(words.name, self)
        name.setWordWrap(True)
        second = QLabel(words.second_line, self)
        set_role(second, "muted")
        self._value = QLabel(NOTHING, self)
        self._value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        scale_font(self._value, 1.0, bold=True)
        use_tabular_digits(self._value)
        self._value.setMinimumWidth(self._value.fontMetrics().horizontalAdvance("0,000.00"))
        self.setAccessibleName(words.name)
        self.setAccessibleDescription(words.tooltip)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(em(self, 0.45))
        grid.setVerticalSpacing(0)
        grid.setColumnStretch(1, 1)
        grid.addWidget(LineSample(look, self), 0, 0)
        grid.addWidget(name, 0, 1, 1, 2)
        grid.addWidget(second, 1, 1)
        grid.addWidget(self._value, 1, 2)

    def show_value(self, value: str) -> None:
        """Write the curve's value, also for those who hear it."""
        self._value.setText(value)
        self._value.setAccessibleName(f"{self._name}: {value}")


class MarksLegend(QWidget):
    """What the marks across the plots mean; only of those that are there."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(em(self, 0.35))
        self._kinds = [self._add(row, "muted", 1.0), self._add(row, "good", 2.0)]

    def _add(self, row: QHBoxLayout, colour: str, width: float) -> tuple[QWidget, QLabel]:
        sample, words = MarkSample(colour, width, self), QLabel(self)
        set_role(words, "muted")
        row.addSpacing(em(self, 0.6))
        row.addWidget(sample)
        row.addWidget(words)
        return sample, words

    def show_kinds(self, has_iterations: bool, has_joins: bool, is_class: bool) -> None:
        """Name the kinds of marks in view; in the class it is other computers that join."""
        joined = self.tr("computers joined") if is_class else self.tr("this computer joined")
        texts = (self.tr("new iteration"), joined)
        for kind, text, is_there in zip(self._kinds, texts, (has_iterations, has_joins), strict=True):
            kind[1].setText(text)
            for widget in kind:
                widget.setVisible(is_there)


class MarkSample(QWidget):
    """A short upright piece of a mark; `colour` is a field of `theme.Colours`."""

    def __init__(self, colour: str, width: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour, self._pen_width = colour, width
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Qt's name."""
        return QSize(em(self, 0.4), em(self, 0.9))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Qt's name."""
        painter = QPainter(self)
        painter.setPen(QPen(QColor(getattr(colours(), self._colour)), self._pen_width))
        middle = self.width() / 2
        painter.drawLine(QPointF(middle, self.height() / 3), QPointF(middle, self.height()))


class LineSample(QWidget):
    """A short piece of a curve."""

    def __init__(self, look: LineLook, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Qt's name."""
        return QSize(em(self, 1.7), em(self))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        """Qt's name."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = self._look.pen()
        pen.setCosmetic(False)
        painter.setPen(pen)
        middle = self.height() / 2
        painter.drawLine(QPointF(1, middle), QPointF(self.width() - 1, middle))
        if self._look.has_dots:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._look.colour())
            painter.drawEllipse(QPointF(self.width() / 2, middle), DOT_SIZE / 2 + 0.5, DOT_SIZE / 2 + 0.5)
