"""One plot in the window's look: curves that differ by more than colour, marks below, a cursor.

Colours come from the theme and change with it. What the curves are called stands beside the plot (see
`chart_legend`): the usual legend would lie over them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QPen, QResizeEvent
from PySide6.QtWidgets import QGraphicsPathItem, QWidget

from gan_desktop.gui.curve_buffer import Floats, ThinnedCurves
from gan_desktop.gui.theme import Colours, colours, em
from gan_desktop.gui.words import number

LINE_WIDTH = 1.8
DOT_SIZE = 5.0
BAND_OPACITY = 0.16
# Lengths of marks in line heights: iterations at the foot, joins from the top.
_ITERATION_EM, _JOIN_EM = 0.5, 0.8
# Room above and below the curves, so that the outermost numbers have theirs.
_ROOM_EM = 0.55
# More ticks than this would be a grey bar: then each second, fourth ... is drawn.
_MOST_TICKS = 60
_DASHES = {Qt.PenStyle.DashLine: (4.0, 2.2), Qt.PenStyle.DotLine: (1.0, 1.8)}


@dataclass(frozen=True)
class LineLook:
    """How a curve is drawn.

    Attributes:
        series: Its place in the theme's `series` colours.
        has_dots: Each point is shown: they are few, and the line between them is only a guess.
    """

    series: int
    style: Qt.PenStyle = Qt.PenStyle.SolidLine
    has_dots: bool = False

    def colour(self) -> QColor:
        """The theme's colour for it."""
        return QColor(colours().series[self.series])

    def pen(self, ratio: float = 1.0) -> QPen:
        """What to draw it with, for so many device pixels in a pixel."""
        pen: QPen = pg.mkPen(self.colour(), width=LINE_WIDTH * ratio)
        if self.style in _DASHES:
            pen.setDashPattern(_DASHES[self.style])
        return pen


class NumberAxis(pg.AxisItem):  # type: ignore[misc]
    """An axis whose numbers are written as people of the window's language do."""

    def __init__(self, orientation: str, write: Callable[[float, int], str] | None = None) -> None:
        super().__init__(orientation, showValues=True)
        self._write = write or number
        self.enableAutoSIPrefix(False)
        self.setStyle(tickLength=-4, maxTickLevel=0, autoExpandTextSpace=False, hideOverlappingLabels=True)

    def tickSpacing(  # noqa: N802
        self, least: float, most: float, size: float
    ) -> list[tuple[float, float]]:
        """Pyqtgraph's name: how far ticks are from each other. Along x all is counted: no half iterations."""
        levels: list[tuple[float, float]] = super().tickSpacing(least, most, size)
        if self.orientation == "bottom":
            levels = [level for level in levels if level[0] >= 1] or [(1.0, 0.0)]
        return levels

    def tickStrings(  # noqa: N802
        self, values: Sequence[float], _scale: float, spacing: float
    ) -> list[str]:
        """Pyqtgraph's name: the words of the ticks."""
        decimals = max(0, int(np.ceil(-np.log10(spacing)))) if spacing > 0 else 0
        return [self._write(value, decimals) for value in values]


class Plot(pg.PlotWidget):  # type: ignore[misc]
    """Curves over a common x. Wheel and mouse move x alone; y always fits what is seen.

    Attributes:
        looks: How its curves are drawn.

    Args:
        y_limits: A fixed range, its ticks a quarter of it apart; None: from 0 to the highest curve in view.
        least_top: Then at least so high: what is next to nothing looks like it.
        guide: A height worth comparing with, as a dotted line.
    """

    def __init__(
        self,
        looks: Sequence[LineLook],
        parent: QWidget | None = None,
        *,
        y_limits: tuple[float, float] | None = None,
        least_top: float = 0.0,
        guide: float | None = None,
        write_x: Callable[[float, int], str] | None = None,
        write_y: Callable[[float, int], str] | None = None,
    ) -> None:
        axes = {"bottom": NumberAxis("bottom", write_x), "left": NumberAxis("left", write_y)}
        super().__init__(parent, axisItems=axes)
        self.looks = tuple(looks)
        self._y_limits, self._least_top = y_limits, least_top
        if y_limits is not None:
            axes["left"].setTickSpacing(levels=[((y_limits[1] - y_limits[0]) / 4, y_limits[0])])
        item = self.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.setContentsMargins(0, 4, 4, 0)
        box = item.getViewBox()
        box.setMouseEnabled(x=True, y=False)
        box.disableAutoRange()
        # What the page does with keys would otherwise be done by each plot.
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._guide = pg.InfiniteLine(guide, angle=0) if guide is not None else None
        self._iterations, self._joins = pg.VTickGroup(), pg.VTickGroup()
        self._cursor = pg.InfiniteLine(angle=90)
        self._cursor.hide()
        for mark in (self._guide, self._iterations, self._joins):
            if mark is not None:
                self.addItem(mark, ignoreBounds=True)
        self._curves = [_Curve(self, look) for look in self.looks]
        self.addItem(self._cursor, ignoreBounds=True)
        self._y_range = y_limits or (0.0, 1.0)
        self._ratio = self.devicePixelRatioF()
        self._dress()

    def show_curves(self, thinned: ThinnedCurves) -> None:
        """Draw these curves, one per look."""
        for index, curve in enumerate(self._curves):
            curve.show(thinned.x, thinned.mean[index], thinned.low[index], thinned.high[index])
        low, high = _fitting_range(thinned)
        self._y_range = self._y_limits or (low, max(high, self._least_top))
        self._fit_height()

    def show_marks(self, iterations: Sequence[float], joins: Sequence[float]) -> None:
        """Draw ticks at the foot where iterations begin, and from the top where computers joined."""
        step = 1 + len(iterations) // _MOST_TICKS
        self._iterations.setXVals(iterations[::step])
        self._joins.setXVals(joins)
        self.getViewBox().update()

    def show_cursor(self, x: float | None) -> None:
        """Draw the line whose values are read out; None: no line."""
        self._cursor.setVisible(x is not None)
        if x is not None:
            self._cursor.setPos(x)

    def set_y_limits(self, low: float, high: float) -> None:
        """Show this range from now on."""
        if (low, high) != self._y_limits:
            self._y_limits = self._y_range = low, high
            self._fit_height()

    def set_pen_ratio(self, ratio: float) -> None:
        """Draw for so many device pixels in a pixel: pyqtgraph's pens are as wide as that many of these."""
        if ratio != self._ratio:
            self._ratio = ratio
            self._dress()

    def keep_still(self) -> None:
        """Let wheel and mouse move nothing."""
        self.setMouseEnabled(x=False, y=False)

    def set_x_numbers_shown(self, are_shown: bool) -> None:
        """Of plots above each other only the lowest writes its x numbers."""
        self.getAxis("bottom").setStyle(showValues=are_shown)
        self.getAxis("bottom").setHeight(None if are_shown else 6)

    def event(self, event: QEvent) -> bool:
        """Qt's name: the window has gone to a finer or coarser screen."""
        if event.type() in (QEvent.Type.DevicePixelRatioChange, QEvent.Type.Show):
            self.set_pen_ratio(self.devicePixelRatioF())
        return bool(super().event(event))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Qt's name: what is as long as so many pixels is another share of the plot now."""
        super().resizeEvent(event)
        # Qt resizes while pyqtgraph's own __init__ still runs.
        if hasattr(self, "_y_range"):
            self._fit_height()

    def _fit_height(self) -> None:
        height = max(1.0, self.getViewBox().height())
        self._iterations.setYRange([0.0, em(self, _ITERATION_EM) / height])
        self._joins.setYRange([1.0 - em(self, _JOIN_EM) / height, 1.0])
        self.setYRange(*self._y_range, padding=min(0.2, em(self, _ROOM_EM) / height))

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Qt's name: the theme may have changed."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_curves"):
            self._dress()

    def _dress(self) -> None:
        chosen = colours()
        self.setBackground(chosen.card)
        for side in ("left", "bottom"):
            self.getAxis(side).setPen(chosen.line)
            self.getAxis(side).setTextPen(chosen.muted)
        self.showGrid(y=True, alpha=0.18)
        self._dress_marks(chosen)
        for curve in self._curves:
            curve.dress(self._ratio)

    def _dress_marks(self, chosen: Colours) -> None:
        def pen(colour: str, width: float, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
            made: QPen = pg.mkPen(colour, width=width * self._ratio, style=style)
            return made

        if self._guide is not None:
            self._guide.setPen(pen(chosen.muted, 1.0, Qt.PenStyle.DotLine))
        self._iterations.setPen(pen(chosen.muted, 1.0))
        self._joins.setPen(pen(chosen.good, 2.0))
        self._cursor.setPen(pen(chosen.text, 1.0))


class _Curve:
    """A line, and behind it the band in which its points lie."""

    def __init__(self, plot: Plot, look: LineLook) -> None:
        self._look = look
        self._line = pg.PlotDataItem(antialias=True, connect="all")
        # Several times quicker than pyqtgraph's FillBetweenItem, which is made for other shapes, too.
        self._band = QGraphicsPathItem()
        self._band.setPen(QPen(Qt.PenStyle.NoPen))
        plot.addItem(self._band, ignoreBounds=True)
        plot.addItem(self._line, ignoreBounds=True)

    def show(self, x: Floats, mean: Floats, low: Floats, high: Floats) -> None:
        """Draw it; over points where nothing was measured the line runs straight on."""
        is_measured = np.isfinite(mean)
        x, low, high = x[is_measured], low[is_measured], high[is_measured]
        # A single point has no line: show it as a dot.
        self._line.setSymbol("o" if self._look.has_dots or len(x) == 1 else None)
        self._line.setData(x, mean[is_measured])
        is_band = bool(len(x)) and not np.array_equal(low, high)
        self._band.setVisible(is_band)
        if is_band:
            there_and_back = np.concatenate((x, x[::-1])), np.concatenate((high, low[::-1]))
            self._band.setPath(pg.arrayToQPath(*there_and_back))

    def dress(self, ratio: float) -> None:
        """Take the theme's colours, for so many device pixels in a pixel."""
        colour = self._look.colour()
        self._line.setPen(self._look.pen(ratio))
        # Unlike pens, dots grow with the screen's fineness by themselves.
        self._line.setSymbolSize(DOT_SIZE)
        self._line.setSymbolBrush(colour)
        self._line.setSymbolPen(None)
        faint = QColor(colour)
        faint.setAlphaF(BAND_OPACITY)
        self._band.setBrush(faint)


def _fitting_range(thinned: ThinnedCurves) -> tuple[float, float]:
    """From 0 to somewhat above the highest mean: single outliers of the band may leave the plot."""
    measured = thinned.mean[np.isfinite(thinned.mean)]
    if not len(measured):
        return 0.0, 1.0
    return min(0.0, float(measured.min())), 1.15 * float(measured.max()) or 1.0
