"""Where the dots of the queue's picture stand. No widget, no colour: only places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSizeF

if TYPE_CHECKING:
    from gan_desktop.database.lessons import UnitOnItsWay

# Shares of the width: the pictures, the students' computers, what is handed in, what is merged.
_STATIONS = ((0.0, 0.15), (0.19, 0.57), (0.61, 0.78), (0.82, 1.0))
SMALLEST_RADIUS = 3.0


@dataclass(frozen=True)
class Track:
    """A student's way through a unit: the dot goes from its left to its right.

    Attributes:
        label: Where the name stands; None: there is no room for it.
    """

    user: str
    name: str
    left: QPointF
    right: QPointF
    label: QRectF | None = None


@dataclass(frozen=True)
class QueueLayout:
    """One moment's places.

    Attributes:
        stations: Pictures, in work, handed in, merged.
        radius: Of all dots.
        spots: The middle of each unit's dot.
        ahead: Units that a computer has fetched already, beside the one that it learns from.
    """

    stations: tuple[QRectF, ...]
    radius: float
    tracks: tuple[Track, ...]
    spots: dict[int, QPointF]
    ahead: frozenset[int]


def lay_out(
    units: Sequence[UnitOnItsWay], room: QRectF, head: float, largest: float, label: QSizeF
) -> QueueLayout:
    """Find a place for every unit.

    Args:
        room: All there is.
        head: Height of the words above each station's dots.
        largest: The largest radius of a dot that looks well.
        label: What a student's name needs.
    """
    stations = tuple(
        QRectF(room.x() + left * room.width(), room.y(), (right - left) * room.width(), room.height())
        for left, right in _STATIONS
    )
    insides = [station.adjusted(6, head, -6, -6) for station in stations]
    in_work, handed_in, merged = (
        [unit for unit in units if unit.stage == stage] for stage in ("in_work", "handed_in", "merged")
    )
    people = sorted({(unit.name.casefold(), unit.user, unit.name) for unit in in_work})
    radius = min(
        _radius_of_tracks(len(people), insides[1], largest),
        _radius_of_pile(len(handed_in), insides[2], largest),
        _radius_of_pile(len(merged), insides[3], largest),
    )
    tracks = _tracks([(user, name) for _, user, name in people], insides[1], radius, label)
    spots, ahead = _spots_on_tracks(in_work, tracks, radius)
    spots |= _pile(handed_in, insides[2], radius) | _pile(merged, insides[3], radius)
    return QueueLayout(stations, radius, tracks, spots, ahead)


def _radius_of_tracks(count: int, room: QRectF, largest: float) -> float:
    """Tracks lie below each other, in as many columns as leave each six dots long."""
    radius = largest
    while radius > SMALLEST_RADIUS:
        lanes = max(1, int(room.height() / (2.3 * radius)))
        columns = max(1, math.ceil(count / lanes))
        if room.width() / columns >= 12 * radius:
            break
        radius -= 0.5
    return radius


def _radius_of_pile(count: int, room: QRectF, largest: float) -> float:
    radius = largest
    while radius > SMALLEST_RADIUS:
        per_row = max(1, int(room.width() / (2.3 * radius)))
        if math.ceil(count / per_row) * 2.3 * radius <= room.height():
            break
        radius -= 0.5
    return radius


def _tracks(
    people: Sequence[tuple[str, str]], room: QRectF, radius: float, label: QSizeF
) -> tuple[Track, ...]:
    if not people:
        return ()
    lanes = min(len(people), max(1, int(room.height() / (2.3 * radius))))
    columns = math.ceil(len(people) / lanes)
    lanes = math.ceil(len(people) / columns)
    width, height = room.width() / columns, min(room.height() / lanes, 5 * radius)
    # A name must leave the dot the larger part of the way.
    has_labels = height >= label.height() and width >= 2.5 * label.width()
    tracks = []
    for at, (user, name) in enumerate(people):
        column, lane = divmod(at, lanes)
        left, y = room.x() + column * width, room.y() + (lane + 0.5) * height
        place = QRectF(left, y - label.height() / 2, label.width(), label.height()) if has_labels else None
        begin = QPointF(left + has_labels * label.width() + 1.5 * radius, y)
        end = QPointF(left + width - 2.5 * radius, y)
        tracks.append(Track(user, name, begin, end, place))
    return tuple(tracks)


def _spots_on_tracks(
    units: Sequence[UnitOnItsWay], tracks: Sequence[Track], radius: float
) -> tuple[dict[int, QPointF], frozenset[int]]:
    """The unit in work goes along its student's track; those fetched ahead wait at its beginning."""
    by_user = {track.user: track for track in tracks}
    spots, ahead, in_work = {}, set(), set()
    # What most is done of is in work; of two untouched ones the older.
    for unit in sorted(units, key=lambda unit: (-unit.num_done, unit.unit_id)):
        track = by_user[unit.user]
        share = unit.num_done / unit.num_images if unit.num_images else 0.0
        if unit.user in in_work and not unit.num_done:
            ahead.add(unit.unit_id)
        in_work.add(unit.user)
        spots[unit.unit_id] = track.left + (track.right - track.left) * share
    return spots, frozenset(ahead)


def _pile(units: Sequence[UnitOnItsWay], room: QRectF, radius: float) -> dict[int, QPointF]:
    """Dots in rows from the top, the first that came first."""
    step = 2.3 * radius
    per_row = max(1, int(room.width() / step))
    return {
        unit.unit_id: QPointF(room.x() + (at % per_row + 0.5) * step, room.y() + (at // per_row + 0.5) * step)
        for at, unit in enumerate(units)
    }
