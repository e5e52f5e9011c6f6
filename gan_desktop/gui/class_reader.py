"""Reads the class for the pages: a thread and a connection of its own, gently, and by request.

One cheap question every few seconds tells whether there is a new iteration; all else is asked when there is,
when the worker has told of something (`look`), and now and then.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread, Signal

from gan_desktop.errors import ConnectionFailed, GanDesktopError, PayloadError
from gan_desktop.gui.snapshot import Average, ClassSnapshot, SnapshotFolder
from gan_desktop.records import Run, TrainingNow

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.database.class_view import ClassView
    from gan_desktop.database.connection import Connection
    from gan_desktop.worker.traffic import Rate

logger = logging.getLogger(__name__)

LOOK_S = 4.0
FULL_LOOK_S = 15.0
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0


@dataclass(frozen=True)
class ClassLink:
    """How the window stands with the class's database.

    Attributes:
        is_encrypted: None: not connected.
        is_this_computer: The database runs on this very computer.
        error: Why it could not be read, None while it can.
        since: When it came to be so, by `time.time()`.
    """

    is_connected: bool
    is_encrypted: bool | None
    is_this_computer: bool
    error: GanDesktopError | None
    since: float

    @classmethod
    def of(
        cls,
        connection: Connection | None,
        address: Address,
        error: GanDesktopError | None,
        before: ClassLink | None,
    ) -> ClassLink:
        """The link as it has just turned out to be; `before`: as it was."""
        from gan_desktop.database.address import LOOPBACK

        is_connected = connection is not None
        return cls(
            is_connected=is_connected,
            is_encrypted=connection.is_encrypted if connection is not None else None,
            is_this_computer=address.host in LOOPBACK,
            error=error,
            since=before.since if before is not None and before.is_connected == is_connected else time.time(),
        )


@dataclass(frozen=True)
class AverageWanted:
    """A wish for the moving average of G: of a kept iteration, or (None) the newest there is."""

    iteration: int | None = None


@dataclass(frozen=True)
class AverageAnswer:
    """What became of a wish: `average` is None where there is none, and `error` says why if it is known."""

    wanted: AverageWanted
    average: Average | None
    error: GanDesktopError | None = None


class ClassReader(QThread):
    """Delivers what it reads as records; `stop` and wait before it is dropped.

    Args:
        rate: The person's limit on transfers, shared with the worker.

    Signals:
        snapshot_read: A `ClassSnapshot`: the one from the disk first, then whenever something changed.
        sample_read: A `SampleDrawn`: the newest grid of faces, and those asked for.
        average_read: An `AverageAnswer`, one for each wish.
        link_changed: A `ClassLink`.
    """

    snapshot_read = Signal(object)
    sample_read = Signal(object)
    average_read = Signal(object)
    link_changed = Signal(object)

    def __init__(
        self,
        address: Address,
        folder: SnapshotFolder,
        parent: QObject | None = None,
        rate: Rate | None = None,
    ) -> None:
        super().__init__(parent)
        self._address = address
        self._folder = folder
        self._rate = rate
        self._snapshot = ClassSnapshot()
        # None: look at everything now; a number: fetch this iteration's faces.
        self._requests: queue.SimpleQueue[int | AverageWanted | None] = queue.SimpleQueue()
        self._is_stopping = False
        self._link: ClassLink | None = None
        self._newest_sample = -1
        # The run whose last generator was fetched for the time after the class's end.
        self._farewell_to: int | None = None

    # -- from any thread ------------------------------------------------------------------------

    def look(self) -> None:
        """Read everything soon: something has changed."""
        self._requests.put(None)

    def fetch_sample(self, iteration: int) -> None:
        """Get one iteration's faces, from the disk or the class; `sample_read` brings them."""
        self._requests.put(iteration)

    def fetch_average(self, wanted: AverageWanted) -> None:
        """Get G's moving average, from the disk or the class; `average_read` brings the answer."""
        self._requests.put(wanted)

    def stop(self) -> None:
        """End soon: at once between two questions, within some seconds in the middle of one."""
        self._is_stopping = True
        self._requests.put(None)

    def abandon(self) -> None:
        """End soon, and write nothing more to the disk from now on."""
        self._folder.close()
        self.stop()

    # -- the thread -----------------------------------------------------------------------------

    def run(self) -> None:
        """Read until `stop`."""
        try:
            self._begin_from_disk()
            pause_s = SHORTEST_PAUSE_S
            while not self._is_stopping:
                began = time.monotonic()
                try:
                    self._read_while_connected()
                except GanDesktopError as error:
                    if self._is_stopping:
                        return
                    self._tell_link(None, error)
                    if time.monotonic() - began > LONGEST_PAUSE_S:
                        pause_s = SHORTEST_PAUSE_S
                    is_passing = isinstance(error, ConnectionFailed) and error.is_passing
                    self._serve_offline(pause_s if is_passing else LONGEST_PAUSE_S)
                    pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)

    def _begin_from_disk(self) -> None:
        self._snapshot = self._folder.load()
        self.snapshot_read.emit(self._snapshot)
        if (training := self._snapshot.training) is not None:
            kept = self._folder.kept_samples(training.run.run_id)
            if kept and (sample := self._folder.sample(training.run.run_id, kept[-1])) is not None:
                self.sample_read.emit(sample)

    def _read_while_connected(self) -> None:
        # psycopg2 is not needed for the window's first second.
        from gan_desktop.database.class_view import ClassView
        from gan_desktop.database.connection import Connection
        from gan_desktop.database.schema import require_fitting_schema
        from gan_desktop.worker.traffic import Traffic

        meter = Traffic(lambda: self._is_stopping, self._rate)
        with Connection(self._address, "gan-desktop window", meter=meter) as connection:
            require_fitting_schema(connection)
            view = ClassView(connection)
            self._tell_link(connection, None)
            last_full = float("-inf")
            while not self._is_stopping:
                training = view.training()
                is_new = _version(training) != _version(self._snapshot.training)
                if is_new or time.monotonic() - last_full >= FULL_LOOK_S:
                    self._read_all(view, training)
                    last_full = time.monotonic()
                if not self._serve(LOOK_S, view):
                    last_full = float("-inf")

    def _read_all(self, view: ClassView, training: TrainingNow | None) -> None:
        old, run_id = self._snapshot, training.run.run_id if training else None
        is_same_run = old.training is not None and old.training.run.run_id == run_id
        if not is_same_run:
            self._newest_sample = -1
        history = old.history if is_same_run else ()
        if run_id is not None:
            # The distance and the faces of an iteration come some seconds after itself.
            first = history[-5].iteration if len(history) >= 5 else 0
            newer = view.history(run_id, first=first)
            history = (*(row for row in history if row.iteration < first), *newer)
        read = ClassSnapshot(
            totals=view.totals(),
            training=training,
            credit=view.credit(),
            units=view.units(),
            leaderboard=view.leaderboard(),
            history=history,
            sample_iterations=view.sample_iterations(run_id) if run_id is not None else (),
            events=view.events(),
            messages=view.messages(),
            read_at=time.time(),
        )
        self._snapshot = read
        self.snapshot_read.emit(read)
        self._folder.save(read)
        if read.sample_iterations and read.sample_iterations[-1] > self._newest_sample:
            self._newest_sample = read.sample_iterations[-1]
            self._bring_sample(self._newest_sample, view)
        if training is not None and read.totals is not None and read.totals.ended_at is not None:
            self._keep_generator(training.run, view)

    def _keep_generator(self, run: Run, view: ClassView) -> None:
        """Fetch the last generator of a class that has ended: its logins are closed soon."""
        if self._farewell_to != run.run_id:
            with contextlib.suppress(PayloadError):
                self._average(run, AverageWanted(), view)
                self._farewell_to = run.run_id

    def _serve(self, seconds: float, view: ClassView | None) -> bool:
        """Answer requests for so long; False: a look at everything was asked for."""
        until = time.monotonic() + seconds
        while not self._is_stopping and (left := until - time.monotonic()) > 0:
            try:
                request = self._requests.get(timeout=left)
            except queue.Empty:
                return True
            if request is None:
                return False
            if isinstance(request, AverageWanted):
                self._bring_average(request, view)
            else:
                self._bring_sample(request, view)
        return True

    def _serve_offline(self, seconds: float) -> None:
        self._serve(seconds, None)

    def _bring_sample(self, iteration: int, view: ClassView | None) -> None:
        training = self._snapshot.training
        if training is None:
            return
        run_id = training.run.run_id
        sample = self._folder.sample(run_id, iteration)
        if sample is None and view is not None and (sample := view.sample(run_id, iteration)) is not None:
            self._folder.keep_sample(run_id, sample)
        if sample is not None:
            self.sample_read.emit(sample)

    def _bring_average(self, wanted: AverageWanted, view: ClassView | None) -> None:
        training = self._snapshot.training
        try:
            average = self._average(training.run, wanted, view) if training is not None else None
        except GanDesktopError as error:
            self.average_read.emit(AverageAnswer(wanted, None, error))
            if not isinstance(error, PayloadError):
                raise
        else:
            self.average_read.emit(AverageAnswer(wanted, average))

    def _average(self, run: Run, wanted: AverageWanted, view: ClassView | None) -> Average | None:
        kept = self._folder.average(run.run_id) if wanted.iteration is None else None
        if view is None or (kept is not None and kept.iteration >= run.iteration):
            return kept
        weights = view.average(run.run_id, wanted.iteration)
        if weights is None:
            return None
        average = Average(run.run_id, weights.iteration, weights.payload)
        if wanted.iteration is None:
            self._folder.keep_average(average)
        return average

    def _tell_link(self, connection: Connection | None, error: GanDesktopError | None) -> None:
        self._link = ClassLink.of(connection, self._address, error, self._link)
        self.link_changed.emit(self._link)


def _version(training: TrainingNow | None) -> tuple[object, ...] | None:
    """What makes everything else worth reading again."""
    return (training.run.run_id, training.run.status, training.run.iteration) if training else None
