"""Watches the class for the instructor's pages: a thread and a connection of its own."""

from __future__ import annotations

import logging
import queue
import sys
import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread, Signal

from gan_desktop.errors import ConnectionFailed, GanDesktopError
from gan_desktop.gui.admin.snapshot import TeachingSnapshot
from gan_desktop.gui.class_reader import ClassLink
from gan_desktop.records import Progress, TrainingNow

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.database.class_view import ClassView
    from gan_desktop.database.connection import Connection

logger = logging.getLogger(__name__)

LOOK_S = 2.0
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 15.0
# So many iterations are read again: distance and faces of an iteration come some seconds after itself.
UNSETTLED_ITERATIONS = 5


class ClassWatch(QThread):
    """Delivers what it reads as records; `stop` and wait before it is dropped.

    Signals:
        snapshot_read: A `TeachingSnapshot`, whenever something has changed.
        sample_read: A `SampleDrawn`: the newest grid of faces, and those asked for.
        link_changed: A `ClassLink`.
    """

    snapshot_read = Signal(object)
    sample_read = Signal(object)
    link_changed = Signal(object)

    def __init__(self, address: Address, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._address = address
        self._snapshot = TeachingSnapshot()
        # None: look at everything now; a number: fetch this iteration's faces.
        self._requests: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._is_stopping = False
        self._link: ClassLink | None = None
        self._newest_sample: tuple[int, int] | None = None

    # -- from any thread ------------------------------------------------------------------------

    def look(self) -> None:
        """Read everything soon: something has changed."""
        self._requests.put(None)

    def fetch_sample(self, iteration: int) -> None:
        """Get one iteration's faces; `sample_read` brings them."""
        self._requests.put(iteration)

    def stop(self) -> None:
        """End soon: at once between two questions, within some seconds in the middle of one."""
        self._is_stopping = True
        self._requests.put(None)

    # -- the thread -----------------------------------------------------------------------------

    def run(self) -> None:
        """Read until `stop`."""
        pause_s = SHORTEST_PAUSE_S
        try:
            while not self._is_stopping:
                began = time.monotonic()
                try:
                    self._read_while_connected()
                except GanDesktopError as error:
                    self._tell_link(None, error)
                    if time.monotonic() - began > LONGEST_PAUSE_S:
                        pause_s = SHORTEST_PAUSE_S
                    is_passing = isinstance(error, ConnectionFailed) and error.is_passing
                    self._wait(pause_s if is_passing else LONGEST_PAUSE_S)
                    pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)

    def _read_while_connected(self) -> None:
        # psycopg2 is not needed for the window's first second.
        from gan_desktop.class_admin.login import log_in
        from gan_desktop.database.class_view import ClassView

        with log_in(self._address) as connection:
            view = ClassView(connection)
            self._tell_link(connection, None)
            while not self._is_stopping:
                self._read_all(connection, view)
                self._serve(view)

    def _read_all(self, connection: Connection, view: ClassView) -> None:
        from gan_desktop.class_admin.status import read_status
        from gan_desktop.database.accounts import Accounts
        from gan_desktop.database.notices import Notices
        from gan_desktop.database.statistics import Statistics, room_for_connections

        began = time.time()
        training = view.training()
        read = TeachingSnapshot(
            status=read_status(connection),
            students=tuple(Accounts(connection).students()),
            totals=view.totals(),
            training=training,
            history=self._history(view, training),
            sample_iterations=view.sample_iterations(training.run.run_id) if training else (),
            events=tuple(Notices(connection).events(50)),
            room=room_for_connections(connection),
            mbit_s=Statistics(connection).mbit_s(),
            read_at=began,
        )
        self._snapshot = read
        self.snapshot_read.emit(read)
        if training is not None and read.sample_iterations:
            newest = (training.run.run_id, read.sample_iterations[-1])
            if newest != self._newest_sample:
                self._newest_sample = newest
                self._bring_sample(newest[1], view)

    def _history(self, view: ClassView, training: TrainingNow | None) -> tuple[Progress, ...]:
        if training is None:
            return ()
        old = self._snapshot
        is_same = old.training is not None and old.training.run.run_id == training.run.run_id
        known = old.history if is_same else ()
        first = known[-UNSETTLED_ITERATIONS].iteration if len(known) >= UNSETTLED_ITERATIONS else 0
        newer = view.history(training.run.run_id, first=first)
        return (*(row for row in known if row.iteration < first), *newer)

    def _serve(self, view: ClassView) -> None:
        """Answer requests until the next look is due, or wanted."""
        until = time.monotonic() + LOOK_S
        while not self._is_stopping and (left := until - time.monotonic()) > 0:
            try:
                request = self._requests.get(timeout=left)
            except queue.Empty:
                return
            if request is None:
                return
            self._bring_sample(request, view)

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._is_stopping and (left := until - time.monotonic()) > 0:
            try:
                # Faces that were asked for come when there is a connection again and they are asked for anew.
                if self._requests.get(timeout=left) is None:
                    return
            except queue.Empty:
                return

    def _bring_sample(self, iteration: int, view: ClassView) -> None:
        training = self._snapshot.training
        if training is None:
            return
        sample = view.sample(training.run.run_id, iteration)
        if sample is not None:
            self.sample_read.emit(sample)

    def _tell_link(self, connection: Connection | None, error: GanDesktopError | None) -> None:
        self._link = ClassLink.of(connection, self._address, error, self._link)
        self.link_changed.emit(self._link)
