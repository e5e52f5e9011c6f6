"""Draws the queue: pictures, students' computers, what is handed in, the newest iteration."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QEasingCurve,
    QEvent,
    QPointF,
    QRectF,
    QSize,
    QSizeF,
    Qt,
    QTimeLine,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from gan_desktop.gui.admin.today.queue_layout import QueueLayout, lay_out
from gan_desktop.gui.theme import colours, em
from gan_desktop.gui.words import number, percent

if TYPE_CHECKING:
    from gan_desktop.database.lessons import UnitFlow, UnitOnItsWay

MOVE_MS = 700
# Two hundred dots are drawn twenty-five times a second while they move: the computer may have to learn, too.
FRAME_MS = 40
HEAD_EM = 2.9
LARGEST_RADIUS_EM = 0.62
LABEL_EM = 6
# Dots that are larger than this share of a line show a letter.
LETTER_FROM_EM = 0.42
# Which colour a dot has, by its stage; where it stands says the same.
_COLOURS = {"in_work": 0, "handed_in": 1, "merged": 2}


class QueuePicture(QWidget):
    """Left and right (or the mouse) choose a dot; all dots of its student are marked.

    Signals:
        chosen_changed: Another `UnitOnItsWay` is chosen, or it has come further; None: none.
    """

    chosen_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._flow: UnitFlow | None = None
        self._iteration = 0
        self._layout = QueueLayout((), 0.0, (), {}, frozenset())
        self._before: dict[int, QPointF] = {}
        self._chosen: int | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("The queue as a picture"))
        self._move = QTimeLine(MOVE_MS, self)
        self._move.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._move.setUpdateInterval(FRAME_MS)
        self._move.valueChanged.connect(self._redraw)

    # -- what is shown --------------------------------------------------------------------------

    def show_flow(self, flow: UnitFlow, *, iteration: int, animated: bool) -> None:
        """Show where the units are now; dots move there from where they are."""
        if (flow, iteration) == (self._flow, self._iteration):
            return
        self._before = self._spots()
        self._flow, self._iteration = flow, iteration
        self._lay_out()
        self._move.stop()
        if animated and self.isVisible():
            self._move.start()
        self.setAccessibleDescription("; ".join(" ".join(words) for words in self._heads()))
        if self._chosen is not None:
            self.chosen_changed.emit(self.chosen)
        self.update()

    @property
    def chosen(self) -> UnitOnItsWay | None:
        """The chosen dot, while it is there."""
        units = self._flow.units if self._flow is not None else ()
        return next((unit for unit in units if unit.unit_id == self._chosen), None)

    def spot(self, unit_id: int) -> QPointF:
        """Where a unit's dot stands, or goes to."""
        return self._layout.spots[unit_id]

    def _lay_out(self) -> None:
        if self._flow is not None:
            self._layout = lay_out(
                self._flow.units,
                QRectF(self.rect()).adjusted(1, 1, -1, -1),
                em(self, HEAD_EM),
                em(self, LARGEST_RADIUS_EM),
                QSizeF(em(self, LABEL_EM), self.fontMetrics().lineSpacing()),
            )

    def _spots(self) -> dict[int, QPointF]:
        """Where the dots are at this moment of their movement."""
        if self._move.state() is not QTimeLine.State.Running:
            return self._layout.spots
        share = self._move.currentValue()
        begin = self._layout.stations[0].center() if self._layout.stations else QPointF()
        return {
            # A unit that was cut just now comes from the pictures.
            unit_id: (before := self._before.get(unit_id, begin)) + (spot - before) * share
            for unit_id, spot in self._layout.spots.items()
        }

    @Slot()
    def _redraw(self) -> None:
        self.update()

    # -- choosing -------------------------------------------------------------------------------

    def choose(self, unit_id: int | None) -> None:
        """Mark a unit's student, and tell of the unit."""
        if unit_id != self._chosen:
            self._chosen = unit_id
            self.chosen_changed.emit(self.chosen)
            self.update()

    def _step(self, by: int) -> None:
        units = self._flow.units if self._flow is not None else ()
        ids = [unit.unit_id for unit in units]
        if not ids:
            return
        at = (ids.index(self._chosen) + by) % len(ids) if self._chosen in ids else (0 if by > 0 else -1)
        self.choose(ids[at])

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Qt's name."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if (by := steps.get(Qt.Key(event.key()))) is not None:
            self._step(by)
            if (unit := self.chosen) is not None:
                QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, unit.name))
        elif event.key() == Qt.Key.Key_Escape and self._chosen is not None:
            self.choose(None)
        else:
            super().keyPressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Qt's name."""
        super().mouseMoveEvent(event)
        self.choose(self._unit_at(event.position()))

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Qt's name."""
        super().leaveEvent(event)
        self.choose(None)

    def _unit_at(self, place: QPointF) -> int | None:
        near = [((spot - place).manhattanLength(), unit_id) for unit_id, spot in self._spots().items()]
        distance, unit_id = min(near, default=(float("inf"), 0))
        return unit_id if distance <= 1.5 * self._layout.radius else None

    # -- drawing --------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:  # noqa: N802
        """Qt's name."""
        return QSize(em(self, 40), em(self, 16))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Qt's name."""
        return QSize(em(self, 24), em(self, 9))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Qt's name."""
        super().resizeEvent(event)
        self._lay_out()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Qt's name."""
        if self._flow is None or not self._layout.stations:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for station, head in zip(self._layout.stations, self._heads(), strict=True):
            self._draw_station(painter, station, *head)
        self._draw_pictures(painter, self._layout.stations[0])
        self._draw_arrows(painter)
        self._draw_tracks(painter)
        font = self.font()
        font.setPixelSize(max(7, round(1.15 * self._layout.radius)))
        font.setBold(True)
        painter.setFont(font)
        spots, chosen = self._spots(), self.chosen
        for unit in self._flow.units:
            is_marked = chosen is not None and unit.user == chosen.user
            self._draw_dot(painter, unit, spots[unit.unit_id], is_marked=is_marked)

    def _heads(self) -> tuple[tuple[str, str], ...]:
        """Title and second line of each station."""
        flow = self._flow
        assert flow is not None
        counts = {stage: sum(unit.stage == stage for unit in flow.units) for stage in ("handed_in", "merged")}
        in_work = sum(unit.stage == "in_work" for unit in flow.units) - len(self._layout.ahead)
        rest = (
            self.tr("%n came back", None, flow.num_returned)
            if flow.num_returned
            else self.tr("{share} given out").format(share=percent(flow.share_given_out))
        )
        return (
            (self.tr("Pictures"), rest),
            (self.tr("In work"), self.tr("%n unit(s)", None, in_work)),
            (self.tr("Handed in"), self.tr("%n unit(s)", None, counts["handed_in"])),
            (
                self.tr("Iteration {number}").format(number=number(max(0, self._iteration))),
                self.tr("%n unit(s)", None, counts["merged"]),
            ),
        )

    def _draw_station(self, painter: QPainter, place: QRectF, title: str, second: str) -> None:
        painter.setPen(QPen(QColor(colours().line), 1))
        painter.setBrush(QColor(colours().window))
        painter.drawRoundedRect(place, 8, 8)
        words = place.adjusted(8, 5, -6, 0)
        line = self.fontMetrics().lineSpacing()
        font = self.font()
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(colours().text))
        elide = Qt.TextElideMode.ElideRight
        width = int(words.width())
        painter.drawText(words, painter.fontMetrics().elidedText(title, elide, width))
        painter.setFont(self.font())
        painter.setPen(QColor(colours().muted))
        painter.drawText(words.translated(0, line), self.fontMetrics().elidedText(second, elide, width))

    def _draw_pictures(self, painter: QPainter, place: QRectF) -> None:
        """How much of this round through all pictures is given out, as a vessel that empties."""
        flow = self._flow
        assert flow is not None
        vessel = place.adjusted(12, em(self, HEAD_EM) + 4, -12, -(em(self, 1.4) + 4))
        if vessel.height() < 10:
            return
        painter.setPen(QPen(QColor(colours().line), 1))
        painter.setBrush(QColor(colours().card))
        painter.drawRoundedRect(vessel, 5, 5)
        left = QRectF(vessel)
        left.setTop(vessel.bottom() - (1.0 - flow.share_given_out) * vessel.height())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours().accent_soft))
        painter.drawRoundedRect(left, 5, 5)
        painter.setPen(QColor(colours().muted))
        foot = QRectF(place.x() + 4, vessel.bottom() + 2, place.width() - 8, em(self, 1.3))
        words = self.tr("Pass {number}").format(number=number(flow.epoch + 1))
        painter.drawText(foot, int(Qt.AlignmentFlag.AlignCenter), words)

    def _draw_arrows(self, painter: QPainter) -> None:
        painter.setPen(QPen(QColor(colours().muted), 1.6))
        stations = self._layout.stations
        for before, after in pairwise(stations):
            y, start, end = before.center().y(), before.right() + 5, after.left() - 5
            painter.drawLine(QPointF(start, y), QPointF(end, y))
            for side in (-4, 4):
                painter.drawLine(QPointF(end - 5, y + side), QPointF(end, y))

    def _draw_tracks(self, painter: QPainter) -> None:
        painter.setPen(QPen(QColor(colours().line), 1.4))
        for track in self._layout.tracks:
            painter.drawLine(track.left, track.right)
        painter.setFont(self.font())
        painter.setPen(QColor(colours().text))
        measure = self.fontMetrics()
        for track in self._layout.tracks:
            if track.label is not None:
                width = int(track.label.width())
                name = measure.elidedText(track.name, Qt.TextElideMode.ElideRight, width)
                painter.drawText(track.label, int(Qt.AlignmentFlag.AlignVCenter), name)

    def _draw_dot(self, painter: QPainter, unit: UnitOnItsWay, spot: QPointF, *, is_marked: bool) -> None:
        chosen, radius = colours(), self._layout.radius
        colour = QColor(chosen.series[_COLOURS[unit.stage]])
        is_ahead = unit.unit_id in self._layout.ahead
        if is_ahead:
            radius *= 0.55
        painter.setPen(QPen(QColor(chosen.text) if is_marked else colour, 2.4 if is_marked else 1.2))
        painter.setBrush(QColor(chosen.card) if is_ahead else colour)
        painter.drawEllipse(spot, radius, radius)
        if not is_ahead and radius >= em(self, LETTER_FROM_EM):
            painter.setPen(QColor(chosen.on_accent))
            box = QRectF(spot.x() - radius, spot.y() - radius, 2 * radius, 2 * radius)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), unit.name[:1].upper())
