"""The page of the server: where the class lives, a rehearsal in it, and the end of the course."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Slot
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.errors import GanDesktopError, SchemaError
from gan_desktop.gui.admin.end_of_course.view import EndOfCourseView
from gan_desktop.gui.admin.server.events import ServerEventsCard
from gan_desktop.gui.admin.server.facts_view import ServerFactsCard
from gan_desktop.gui.admin.server.rehearsal_view import RehearsalView
from gan_desktop.gui.admin.server.shares import Share, SharesCard
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.meter import Meter
from gan_desktop.gui.plot import LineLook
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import megabytes, number

if TYPE_CHECKING:
    from gan_desktop.class_admin.server import ClassServer
    from gan_desktop.database.address import Address

LOOK_MS = 5_000


class ServerPage(QWidget):
    """Three parts, one at a time.

    Attributes:
        rehearsal: The second part.
    """

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._segments = QButtonGroup(self)
        self._segments.idClicked.connect(self.show_part)
        self._row = QHBoxLayout()
        self._row.setSpacing(0)
        self._stack = QStackedWidget(self)
        self.server = ServerView(session, self)
        self.rehearsal = RehearsalView(session, self)
        self._add(self.tr("Ser&ver"), self.server)
        self._add(self.tr("&Rehearsal"), self.rehearsal)
        self._add(self.tr("&End of course"), EndOfCourseView(session, self))
        self._row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self), em(self), em(self), em(self))
        column.setSpacing(em(self, 0.7))
        column.addLayout(self._row)
        column.addWidget(self._stack, 1)
        self.show_part(0)

    def _add(self, title: str, part: QWidget) -> None:
        button = QPushButton(title, self)
        button.setCheckable(True)
        button.setAutoDefault(False)
        set_role(button, "segment")
        self._segments.addButton(button, self._stack.count())
        self._row.addWidget(button)
        self._stack.addWidget(part)

    @Slot(int)
    def show_part(self, at: int) -> None:
        """Show one part: 0 the server, 1 the rehearsal, 2 the end of the course."""
        self._segments.button(at).setChecked(True)
        self._stack.setCurrentIndex(at)


class ServerView(QScrollArea):
    """Facts and events at the left; connections, room and traffic at the right. Read while it is shown."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._is_looking = False
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        inside = QWidget(self)
        self.facts = ServerFactsCard(session, inside)
        self.events = ServerEventsCard(session, inside)
        self.connections = SharesCard(self.tr("Connections"), inside)
        self.room = SharesCard(self.tr("Room in the database"), inside)
        self.traffic = Meter(
            self.tr("Traffic of the class, Mbit/s"), (LineLook(0),), inside, write_y=_write_number
        )
        # They take what the others leave; the whole scrolls only where that is next to nothing.
        for low in (self.traffic, self.events):
            low.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
            low.setMinimumHeight(em(self, 6))
        left, right = QVBoxLayout(), QVBoxLayout()
        for column, cards in ((left, (self.facts, self.events)), (right, (self.connections, self.room))):
            column.setSpacing(em(self, 0.7))
            for card in cards:
                column.addWidget(card, int(card is self.events))
        right.addWidget(self.traffic, 1)
        row = QHBoxLayout(inside)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(em(self, 0.7))
        row.addLayout(left, 3)
        row.addLayout(right, 2)
        self.setWidget(inside)
        self._clock = QTimer(self, interval=LOOK_MS)
        self._clock.timeout.connect(self.look)
        session.class_changed.connect(self._take_class)
        session.snapshot_changed.connect(self._take_snapshot)

    @Slot()
    def look(self) -> None:
        """Read the server now."""

        def read(address: Address) -> ClassServer:
            from gan_desktop.class_admin.server import look_at_server

            return look_at_server(address)

        if not self._is_looking and self._session.taught is not None:
            self._is_looking = True
            self._session.ask(read, self._show, owner=self, on_error=self._show_error)

    def _show(self, server: ClassServer) -> None:
        self._is_looking = False
        self.facts.show_server(server)
        self._show_connections(server)
        self._show_room(server)

    def _show_error(self, error: GanDesktopError) -> None:
        # That the class is away is said by the strip and the banner.
        self._is_looking = False
        if isinstance(error, SchemaError):
            self.facts.show_too_old(engine_text(error.message))

    def _show_connections(self, server: ClassServer) -> None:
        room, told = server.room, server.facts.connections
        # What the server keeps back is for the instructor when all else is taken.
        allowed = room.allowed - room.reserved
        pieces = (
            (self.tr("Students"), told.num_students, 0),
            (self.tr("Rehearsal"), told.num_virtual, 1),
            (self.tr("You and the training"), told.num_instructor, 2),
            (self.tr("Other programs"), told.num_others + told.num_elsewhere, 3),
            (self.tr("Free"), max(0, allowed - told.num_all), None),
        )
        words = self.tr("{used} of {allowed}")
        self.connections.show_shares(
            words.format(used=number(told.num_all), allowed=number(allowed)),
            [Share(name, size, number(size), series) for name, size, series in pieces],
            self.tr("Room for about %n student(s) at work.", None, server.num_students),
        )

    def _show_room(self, server: ClassServer) -> None:
        names = {
            "pictures": self.tr("Pictures to learn from"),
            "updates": self.tr("Units that wait to be merged"),
            "weights": self.tr("Weights and checkpoints"),
            "training": self.tr("To go on after a crash"),
            "faces": self.tr("Grids of faces"),
            "record": self.tr("Record of all units, curves"),
            "people": self.tr("People, cards, messages"),
            "postgresql": self.tr("PostgreSQL's own"),
        }
        largest, rest = server.uses[:4], sum(size for _, size in server.uses[4:])
        shares = [
            Share(names[use], size, self._amount(size), series) for series, (use, size) in enumerate(largest)
        ]
        shares.append(Share(self.tr("All else"), rest, self._amount(rest), 4))
        self.room.show_shares(megabytes(server.facts.num_bytes / 1e6), shares)

    def _amount(self, num_bytes: int) -> str:
        return megabytes(num_bytes / 1e6) if num_bytes >= 1e6 else self.tr("under 1 MB")

    # -- the session's news ---------------------------------------------------------------------

    @Slot(object)
    def _take_class(self) -> None:
        """What is known of the former class is none of this one's."""
        self._is_looking = False
        self.facts.show_server(None)
        for card in (self.connections, self.room):
            card.show_shares("", [])
        self.traffic.clear(time.monotonic())
        if self.isVisible():
            self.look()

    @Slot(object)
    def _take_snapshot(self) -> None:
        mbit_s = self._session.snapshot.mbit_s
        if mbit_s is not None:
            self.traffic.add(time.monotonic(), (mbit_s,), number(mbit_s, 1))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name: read while somebody looks."""
        super().showEvent(event)
        self.traffic.redraw(time.monotonic())
        self._clock.start()
        self.look()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Qt's name."""
        self._clock.stop()
        super().hideEvent(event)


def _write_number(value: float, decimals: int) -> str:
    return number(value, min(decimals, 1))
