"""One reading of the computer over the last ten minutes: title, value, curve, or why there is none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from gan_desktop.gui.chart_legend import LineSample
from gan_desktop.gui.curve_buffer import CurveBuffer
from gan_desktop.gui.plot import LineLook, Plot
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.words import number

SHOWN_S = 600.0
# Somewhat more than one reading a second.
_CAPACITY = 700
_MOST_POINTS = 100
_TICK_MINUTES = 3.0


class Meter(QFrame):
    """One cell of the hardware page.

    Args:
        looks: Of its curves, mostly one.
        names: What the curves are called, where there are several.
        highest: The top of the scale; None: as high as it has been, and at least `least_top`.
    """

    def __init__(
        self,
        title: str,
        looks: tuple[LineLook, ...],
        parent: QWidget | None = None,
        *,
        names: tuple[str, ...] = (),
        highest: float | None = None,
        least_top: float = 0.0,
        write_y: Callable[[float, int], str] | None = None,
    ) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self.title = title
        self._buffer = CurveBuffer(len(looks), _CAPACITY)
        self._plot = Plot(
            looks,
            self,
            y_limits=None if highest is None else (0.0, highest),
            least_top=least_top,
            write_x=self._write_minutes,
            write_y=write_y,
        )
        self._plot.setAccessibleName(title)
        self._plot.keep_still()
        self._plot.setXRange(-SHOWN_S / 60, 0.0, padding=0.01)
        self._plot.getAxis("bottom").setTickSpacing(levels=[(_TICK_MINUTES, 0.0)])
        self._title, self._value, self._why_none = QLabel(title, self), QLabel(self), QLabel(self)
        scale_font(self._value, 1.15, bold=True)
        use_tabular_digits(self._value)
        self._why_none.setWordWrap(True)
        self._why_none.setTextFormat(Qt.TextFormat.PlainText)
        self._why_none.setAlignment(Qt.AlignmentFlag.AlignTop)
        set_role(self._why_none, "muted")
        self._lay_out(list(zip(looks, names, strict=False)))

    def _lay_out(self, named: list[tuple[LineLook, str]]) -> None:
        head = QHBoxLayout()
        head.addWidget(self._title)
        head.addStretch(1)
        head.addWidget(self._value)
        legend = QHBoxLayout()
        legend.setSpacing(em(self, 0.4))
        for look, name in named:
            legend.addWidget(LineSample(look, self))
            legend.addWidget(QLabel(name, self))
        legend.addStretch(1)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self._plot)
        self._stack.addWidget(self._why_none)
        self._plot.getAxis("left").setWidth(self.fontMetrics().horizontalAdvance("100%%") + 6)
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self, 0.7), em(self, 0.5), em(self, 0.5), em(self, 0.3))
        column.setSpacing(em(self, 0.2))
        column.addLayout(head)
        if named:
            column.addLayout(legend)
        column.addWidget(self._stack, 1)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read yet."""
        return not len(self._buffer)

    def set_highest(self, highest: float) -> None:
        """The top of the scale is known now, such as all the memory there is."""
        self._plot.set_y_limits(0.0, highest)

    def add(self, now_s: float, values: tuple[float, ...], written: str) -> None:
        """Add a reading and write it out; `now_s` by a clock that never goes back."""
        self._buffer.append(now_s, values)
        self._value.setText(written)
        self._value.setAccessibleName(f"{self._title.text()}: {written}")
        self._stack.setCurrentWidget(self._plot)
        if self.isVisible():
            self.redraw(now_s)

    def tell_why_none(self, words: str) -> None:
        """There is nothing to read; say why."""
        self._value.setText("")
        self._why_none.setText(words)
        self._stack.setCurrentWidget(self._why_none)

    def clear(self, now_s: float) -> None:
        """Forget what was read: it was of something else."""
        self._buffer.clear()
        self._value.setText("")
        self.redraw(now_s)

    def redraw(self, now_s: float) -> None:
        """Draw the last ten minutes as of now."""
        thinned = self._buffer.thinned(now_s - SHOWN_S, now_s, _MOST_POINTS)
        self._plot.show_curves(dataclasses.replace(thinned, x=(thinned.x - now_s) / 60))

    def _write_minutes(self, minutes: float, _decimals: int) -> str:
        if minutes > -0.01:
            return self.tr("now")
        return self.tr("{number} min").format(number=number(-minutes))
