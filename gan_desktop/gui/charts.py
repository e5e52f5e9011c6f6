"""The curves of a training: plots above each other with a common x, to look into by mouse or keys.

They are drawn at most five times a second, and only while somebody sees them: the processor has to learn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QShowEvent,
)
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QWidget

from gan_desktop.gui.chart_legend import NOTHING, MarksLegend
from gan_desktop.gui.chart_rows import chart_rows
from gan_desktop.gui.chart_span import Span
from gan_desktop.gui.course import ClassCourse, ComputerCourse, Course
from gan_desktop.gui.curve_buffer import Floats, ThinnedCurves
from gan_desktop.gui.plot import Plot
from gan_desktop.gui.theme import colours, em, set_role, use_tabular_digits
from gan_desktop.gui.words import number

REDRAW_MS = 200
# Batches are noisy: a mean of many tells more. An iteration is such a mean already.
MOST_GROUPS_OF_BATCHES = 120
MOST_ITERATIONS_DRAWN = 1_000
ZOOM_STEP = 1.5
PAN_STEP = 0.2
CLOSEST_NUM_POINTS = 8


class Charts(QFrame):
    """Shows one course at a time.

    Signals:
        view_changed: True: only a part of the course is in view.
    """

    view_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Curves of the training"))
        self.setAccessibleDescription(
            self.tr(
                "Left and right move the cursor, plus and minus zoom, Shift with an arrow moves the view."
            )
        )
        self._course: Course = ClassCourse()
        self._drawn = ThinnedCurves.empty(len(self._course.buffer.values))
        self._part: Span | None = None
        self._cursor: float | None = None
        self._is_drawing = self._is_posing = False
        self._rows = chart_rows(self)
        self._x_name = QLabel(self)
        self._marks = MarksLegend(self)
        self._where = QLabel(self)
        self._lay_out()
        self._timer = QTimer(self, interval=REDRAW_MS, singleShot=True)
        self._timer.timeout.connect(self.redraw)

    def _lay_out(self) -> None:
        grid = self._grid = QGridLayout(self)
        grid.setContentsMargins(em(self, 0.3), em(self, 0.5), em(self, 0.7), em(self, 0.4))
        grid.setHorizontalSpacing(em(self, 0.6))
        grid.setVerticalSpacing(em(self, 0.2))
        grid.setColumnStretch(0, 1)
        axis_width = self.fontMetrics().horizontalAdvance("0,000.0") + 6
        for at, row in enumerate(self._rows):
            row.plot.getAxis("left").setWidth(axis_width)
            row.plot.setMinimumHeight(em(self, 3.5))
            row.plot.installEventFilter(self)
            row.plot.scene().sigMouseMoved.connect(lambda spot, plot=row.plot: self._follow_mouse(plot, spot))
            row.plot.getViewBox().sigXRangeChanged.connect(self._follow_view)
            grid.addWidget(row.plot, at, 0)
            grid.addWidget(row.legend, at, 1)
        foot = QGridLayout()
        foot.setContentsMargins(axis_width, 0, 0, 0)
        foot.setColumnStretch(0, 1)
        foot.addWidget(self._x_name, 0, 0)
        foot.addWidget(self._marks, 0, 1)
        grid.addLayout(foot, len(self._rows), 0)
        grid.addWidget(self._where, len(self._rows), 1)
        grid.setColumnMinimumWidth(1, em(self, 13.2))
        set_role(self._x_name, "muted")
        set_role(self._where, "muted")
        use_tabular_digits(self._where)

    # -- what is shown --------------------------------------------------------------------------

    @property
    def course(self) -> Course:
        """What is shown."""
        return self._course

    @property
    def view(self) -> Span:
        """The x in view."""
        return self._part or self._whole()

    @property
    def is_part_shown(self) -> bool:
        """Whether there is more than what is in view."""
        return self._part is not None

    @property
    def cursor_x(self) -> float | None:
        """Where values are read out; None: at the newest point."""
        return self._cursor

    def show_course(self, course: Course) -> None:
        """Show another course, as a whole."""
        self._course = course
        self._cursor = None
        is_class = isinstance(course, ClassCourse)
        # The distance is measured for the class's network only.
        shown = self._rows if is_class else self._rows[:-1]
        for at, row in enumerate(self._rows):
            self._grid.setRowStretch(at, int(row in shown))
            row.plot.setVisible(row in shown)
            row.legend.setVisible(row in shown)
            row.plot.set_x_numbers_shown(row is shown[-1])
        words = self.tr("Iteration") if is_class else self.tr("Images this computer has trained")
        self._x_name.setText(words)
        self.show_whole()

    @Slot()
    def refresh(self) -> None:
        """The course has grown: draw it soon."""
        if not self._timer.isActive() and self.isVisible():
            self._timer.start()

    @Slot()
    def redraw(self) -> None:
        """Draw the course as it is now."""
        view = self.view
        is_class = isinstance(self._course, ClassCourse)
        most = MOST_ITERATIONS_DRAWN if is_class else MOST_GROUPS_OF_BATCHES
        self._drawn = drawn = self._course.buffer.thinned(view.low, view.high, most)
        iterations = [mark.x for mark in self._course.iterations if view.low <= mark.x <= view.high]
        joins = [mark.x for mark in self._course.joins if view.low <= mark.x <= view.high]
        self._is_drawing = True
        for row in self._rows:
            row.plot.setXRange(view.low, view.high, padding=0.0)
            row.plot.show_curves(drawn.part(row.curves))
            row.plot.show_marks(iterations, joins)
        self._is_drawing = False
        self._marks.show_kinds(bool(iterations), bool(joins), is_class)
        self._show_values()

    def picture(self, ratio: float) -> QImage:
        """Plots and legends as they are seen, of `ratio` pixels for each of the window's."""
        picture = QImage(self.size() * ratio, QImage.Format.Format_RGB32)
        picture.setDevicePixelRatio(ratio)
        picture.fill(QColor(colours().card))
        self._is_posing = True
        for row in self._rows:
            row.plot.set_pen_ratio(ratio)
        self.render(picture)
        for row in self._rows:
            row.plot.set_pen_ratio(self.devicePixelRatioF())
        self._is_posing = False
        return picture

    # -- looking closer -------------------------------------------------------------------------

    @Slot()
    def show_whole(self) -> None:
        """Show all there is, and all that will come."""
        self.look_at(None)

    def zoom(self, factor: float) -> None:
        """Look closer (a factor above 1) or from farther away, around the cursor or the middle."""
        self.look_at(self.view.zoomed(factor, self._cursor))

    def pan(self, share: float) -> None:
        """Move the view by a share of its width; it stops at the ends."""
        self.look_at(self.view.moved(share, self._whole()))

    def look_at(self, part: Span | None) -> None:
        """Show a part of the course, also when it grows; None: all of it."""
        if part is not None:
            whole = self._whole()
            narrowest = whole.width * min(1.0, CLOSEST_NUM_POINTS / max(1, len(self._course.buffer)))
            part = part.cut_to(whole, narrowest)
            if part == whole:
                part = None
        self._part = part
        self.redraw()
        self.view_changed.emit(part is not None)

    def _whole(self) -> Span:
        x = self._course.buffer.x
        if not len(x):
            return Span(0.0, 1.0)
        first, last = float(x[0]), float(x[-1])
        # A little room, so that the first and the newest point are whole.
        room = 0.01 * (last - first) or 0.5
        return Span(first - room, last + room)

    # -- reading values -------------------------------------------------------------------------

    def move_cursor(self, x: float | None) -> None:
        """Read values at the drawn point nearest to x; None: at the newest."""
        points = self._points_in_view()
        if x is None or not len(points):
            self._cursor = None
        else:
            self._cursor = float(points[np.abs(points - x).argmin()])
        self._show_values()

    def step_cursor(self, num_points: int) -> None:
        """Go so many drawn points to the right or left; it appears at the newest in view."""
        points = self._points_in_view()
        if not len(points):
            return
        at = len(points) - 1
        if self._cursor is not None:
            at = int(np.abs(points - self._cursor).argmin()) + num_points
        self.move_cursor(float(points[min(max(at, 0), len(points) - 1)]))

    def values(self) -> list[float]:
        """All curves' values at the cursor, or the newest ones; NaN where nothing was measured.

        The distance is measured every few iterations: it holds until the next one.
        """
        if self._cursor is None:
            return [_newest(row) for row in self._course.buffer.values]
        passed = self._drawn.x <= self._cursor
        return [_newest(row) for row in self._drawn.mean[:, passed]]

    def spoken(self) -> str:
        """Cursor and values in one line, for those who hear them."""
        names = [words.name for row in self._rows for words in row.words]
        values = zip(names, self._written_values(), strict=True)
        told = [f"{name}: {value}" for name, value in values if value != NOTHING]
        return ", ".join([self._where.text().replace("\n", ", "), *told])

    def _points_in_view(self) -> Floats:
        x = self._drawn.x
        return x[(x >= self.view.low) & (x <= self.view.high)]

    def _written_values(self) -> list[str]:
        words = [words for row in self._rows for words in row.words]
        return [word.write(value) for value, word in zip(self.values(), words, strict=True)]

    def _show_values(self) -> None:
        written = self._written_values()
        for row in self._rows:
            row.legend.show_values(written[row.curves])
            row.plot.show_cursor(self._cursor)
        self._where.setText(self._where_words())

    def _where_words(self) -> str:
        """Which point the values belong to, in two lines: nothing jumps."""
        x = self._course.buffer.x
        if not len(x):
            return "\n"
        at = self._cursor if self._cursor is not None else float(x[-1])
        iteration = self._course.iteration_at(at)
        first = "" if iteration is None else self.tr("Iteration {number}").format(number=number(iteration))
        if self._cursor is None:
            first = self.tr("Newest: {point}").format(point=first) if first else self.tr("Newest")
        if isinstance(self._course, ComputerCourse):
            return f"{first}\n{self.tr('{number} images').format(number=number(at))}"
        num_images = self._course.num_images_at(at) if isinstance(self._course, ClassCourse) else None
        second = self.tr("{number} images").format(number=number(num_images)) if num_images else ""
        return f"{first}\n{second}"

    # -- mouse and keys -------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Qt's name."""
        if not self._act_on_key(Qt.Key(event.key()), event.modifiers()):
            super().keyPressEvent(event)
        elif self._cursor is not None:
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, self.spoken()))

    def _act_on_key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> bool:
        direction = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(key)
        if direction is not None and modifiers & Qt.KeyboardModifier.ShiftModifier:
            self.pan(direction * PAN_STEP)
        elif direction is not None:
            self.step_cursor(direction)
        elif key == Qt.Key.Key_Home:
            self.move_cursor(self.view.low)
        elif key == Qt.Key.Key_End:
            self.move_cursor(self.view.high)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(ZOOM_STEP)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / ZOOM_STEP)
        elif key == Qt.Key.Key_0:
            self.show_whole()
        elif key == Qt.Key.Key_Escape and self._cursor is not None:
            self.move_cursor(None)
        else:
            return False
        return True

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Qt's name: the mouse has left a plot."""
        if event.type() == QEvent.Type.Leave:
            self.move_cursor(None)
        return super().eventFilter(watched, event)

    def _follow_mouse(self, plot: Plot, spot: QPointF) -> None:
        box = plot.getViewBox()
        if box.sceneBoundingRect().contains(spot):
            self.move_cursor(box.mapSceneToView(spot).x())

    def _follow_view(self, _box: object, view: Sequence[float]) -> None:
        """The mouse has moved or zoomed one of the plots."""
        if not self._is_drawing:
            self.look_at(Span(view[0], view[1]))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Qt's name: a frame tells that keys come here."""
        super().paintEvent(event)
        if self.hasFocus() and not self._is_posing:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(QColor(colours().accent), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 10, 10)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Qt's name: without keys the newest values are shown again."""
        super().focusOutEvent(event)
        self.move_cursor(None)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name: what has come meanwhile is drawn now."""
        super().showEvent(event)
        self.redraw()


def _newest(values: Floats) -> float:
    """The last value that was measured, within the last thousand points."""
    measured = values[-1_000:][np.isfinite(values[-1_000:])]
    return float(measured[-1]) if len(measured) else float("nan")
