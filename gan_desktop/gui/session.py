"""What the pages stand on: the class one has joined, the worker, what is read of the class, the preferences.

A page is a `QWidget` made as `Page(session, parent)`. It shows what the session's properties hold when it is
made, follows the signals below, and asks for things by calling the slots. Pages hold no database, torch or
thread of their own; what else they need to do away from the window's thread goes through
`background.run_in_background`. Everything that arrives is a frozen record of `records` (or of a module
here), delivered in the window's thread. Without a class (`joined` is None) all parts of `snapshot` are empty.

    worker    state_changed(StateChanged), joined_as(Joined), ready_checked(ReadyCheck), unit_started,
              unit_progressed, unit_computed, unit_delivered, unit_dropped, notice_given; `reported`
              carries all of them, for the log
    class     class_changed(JoinedClass | None), link_changed(ClassLink), totals_changed(ClassTotals),
              training_changed(TrainingNow | None), credit_changed(Credit), units_changed(HandedInUnits),
              leaderboard_changed(rows), history_changed(Progress rows), sample_arrived(SampleDrawn),
              sample_iterations_changed, average_arrived(AverageAnswer), events_changed, messages_changed
    window    preparing_changed(str), trouble_changed(Trouble | None), preferences_changed(Preferences),
              my_faces_changed(tuple of PNG bytes), page_wanted(key), keepsake_wanted(), join_wanted(why),
              shut_down_done()
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from gan_desktop.errors import ConnectionFailed
from gan_desktop.gui.class_reader import AverageWanted, ClassReader
from gan_desktop.gui.limits import demo_limits, to_limits
from gan_desktop.gui.snapshot import ClassSnapshot, SnapshotFolder
from gan_desktop.gui.trouble import Trouble
from gan_desktop.gui.window_session import Places, WindowSession
from gan_desktop.gui.worker_thread import Contribution, WorkerEnded, WorkerThread
from gan_desktop.records import (
    Joined,
    Notice,
    ReadyCheck,
    Report,
    RunStatus,
    StateChanged,
    StopRequest,
    UnitComputed,
    UnitDelivered,
    UnitDropped,
    UnitProgress,
    UnitStarted,
    WorkerState,
)
from gan_desktop.worker.home import account_of, workers_folder
from gan_desktop.worker.limits import Limits
from gan_desktop.worker.options import AtCompletion, WorkerOptions
from gan_desktop.worker.traffic import Rate

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.known_classes import KnownClass, KnownClasses

logger = logging.getLogger(__name__)

# Transfers of this time make the "MB an hour".
TRAFFIC_S = 600.0
SHORTEST_TRAFFIC_S = 30.0
# Before, pictures that come only once would be taken for what comes all the time.
MEASURED_AFTER_S = 120.0


@dataclass(frozen=True)
class JoinedClass:
    """A class one has joined.

    Attributes:
        title: What to call it before it has said so itself.
        options: Of config.yaml and the command line; name and pace come from the preferences.
        places: Where its files go; None: where all of this user's go.
        known: The way back that is kept of it; None: of config.yaml, or a demo.
    """

    address: Address
    title: str = ""
    is_demo: bool = False
    options: WorkerOptions = field(default_factory=lambda: WorkerOptions(name=""))
    places: Places | None = None
    known: KnownClass | None = None

    @property
    def account(self) -> str:
        """Tells accounts apart, and stays the same when the class's server moves."""
        return account_of(self.address)


class Session(WindowSession):
    """One student's window; the object every page gets."""

    reported = Signal(object)
    state_changed = Signal(object)
    joined_as = Signal(object)
    ready_checked = Signal(object)
    unit_started = Signal(object)
    unit_progressed = Signal(object)
    unit_computed = Signal(object)
    unit_delivered = Signal(object)
    unit_dropped = Signal(object)
    notice_given = Signal(object)

    class_changed = Signal(object)
    totals_changed = Signal(object)
    training_changed = Signal(object)
    credit_changed = Signal(object)
    units_changed = Signal(object)
    leaderboard_changed = Signal(object)
    history_changed = Signal(object)
    sample_iterations_changed = Signal(object)
    average_arrived = Signal(object)
    events_changed = Signal(object)
    messages_changed = Signal(object)

    my_faces_changed = Signal(object)
    keepsake_wanted = Signal()
    join_wanted = Signal(str)

    def __init__(self, places: Places, parent: QObject | None = None) -> None:
        super().__init__(places, parent)
        self._joined: JoinedClass | None = None
        self._joined_as: Joined | None = None
        self._snapshot = ClassSnapshot()
        self._state = StateChanged(WorkerState.STOPPED)
        self._my_faces: tuple[bytes, ...] = ()
        self._ready_check: ReadyCheck | None = None
        # The training that the worker has units of; and the one that it has seen the end of.
        self._run_in_work: int | None = None
        self._completed_run: int | None = None
        # When the worker's connection had carried how many bytes.
        self._traffic: deque[tuple[float, int]] = deque()
        self._rate = Rate()
        self._rate.limit(self._limits().max_mbit_s)
        self._thread: WorkerThread | None = None
        self._reader: ClassReader | None = None
        self._has_told_card = self._is_shutting_down = False
        self._change_class: Callable[[], None] | None = None
        self._offered_card = ""
        # Set by `app.py`: how the class is found again, and what the command line and config.yaml say of the
        # worker of whatever class is joined (not for the window's thread).
        self.look_for_class: Callable[[], None] = lambda: None
        self.read_options: Callable[[], WorkerOptions] = lambda: WorkerOptions(name="")

    # -- what is known --------------------------------------------------------------------------

    @property
    def joined(self) -> JoinedClass | None:
        """The class one takes part in; None: none yet."""
        return self._joined

    @property
    def title(self) -> str:
        """The class's name; empty without a class."""
        if self._snapshot.totals is not None:
            return self._snapshot.totals.title
        return self._joined.title if self._joined else ""

    @property
    def joined_as_now(self) -> Joined | None:
        """This worker as the class knows it: name, device and why; None before its first start."""
        return self._joined_as

    @property
    def state(self) -> StateChanged:
        """The worker's newest state, `STOPPED` where there is no worker."""
        return self._state

    @property
    def is_contributing(self) -> bool:
        """Whether there is a worker, at work or waiting."""
        return self._thread is not None

    @property
    def snapshot(self) -> ClassSnapshot:
        """Everything known of the class, also while it is away."""
        return self._snapshot

    @property
    def has_ended(self) -> bool:
        """Whether the course has ended, or the class moved: known also when no login lets us in any more."""
        totals = self._snapshot.totals
        return totals is not None and totals.ended_at is not None

    @property
    def has_moved(self) -> bool:
        """Whether the class lives on another server now: a new card leads there."""
        return self._snapshot.totals is not None and self._snapshot.totals.has_moved

    @property
    def needs_card(self) -> bool:
        """Whether the class takes our login no more: the card was replaced or withdrawn."""
        error = self._link.error if self._link is not None else None
        return isinstance(error, ConnectionFailed) and error.cause == "login"

    @property
    def class_folder(self) -> SnapshotFolder | None:
        """What is kept on the disk of the class; None: no class. Not for the window's thread."""
        if self._joined is None:
            return None
        places = self._joined.places or self.places
        return SnapshotFolder.of(places.data / "classes", self._joined.account)

    @property
    def shards_folder(self) -> Path:
        """Where pictures to learn from are kept, from the next start of contributing on."""
        if self._preferences.cache_folder:
            return Path(self._preferences.cache_folder)
        places = (self._joined.places if self._joined else None) or self.places
        return places.cache / "shards"

    @property
    def my_faces(self) -> tuple[bytes, ...]:
        """The nine faces of this account, newest iteration, as PNG; empty until they were drawn."""
        return self._my_faces

    @property
    def expected_mb_per_hour(self) -> float | None:
        """What the worker's check of this computer expected it to fetch and send; None before the check."""
        return self._ready_check.mb_per_hour if self._ready_check is not None else None

    @property
    def measured_mb_per_hour(self) -> float | None:
        """What the worker fetched and sent in the last ten minutes, as so much an hour.

        None before the first unit; also in the first two minutes, where something was expected.
        """
        if len(self._traffic) < 2:
            return None
        (began, before), (_, now) = self._traffic[0], self._traffic[-1]
        seconds = max(time.monotonic() - began, SHORTEST_TRAFFIC_S)
        if seconds < MEASURED_AFTER_S and self._ready_check is not None:
            return None
        return (now - before) / 1e6 * 3_600 / seconds

    # -- the class ------------------------------------------------------------------------------

    def join(self, joined: JoinedClass) -> None:
        """Take part in a class: read it from now on. Contributing begins with `start`."""
        assert self._thread is None, "stop the worker of the other class first"
        if self._is_shutting_down:
            return
        self._drop_reader()
        self._joined, self._joined_as = joined, None
        self._newest_sample = None
        self._take_snapshot(ClassSnapshot())
        self.prepare("")
        self.class_changed.emit(joined)
        folder = self.class_folder
        assert folder is not None
        self._rate.limit(self._limits().max_mbit_s)
        self._reader = ClassReader(joined.address, folder, self, self._rate)
        self._reader.snapshot_read.connect(self._take_snapshot)
        self._reader.sample_read.connect(self._take_sample)
        self._reader.average_read.connect(self.average_arrived)
        self._reader.link_changed.connect(self._take_link)
        self._reader.start()

    def switch(self, joined: JoinedClass | None) -> None:
        """Take part in another class, or in none. The worker of the present one hands in and ends first."""
        self._change_class = partial(self.join, joined) if joined is not None else self._leave
        if self._thread is not None:
            self.stop_now()
        else:
            self._change_class_now()

    def _change_class_now(self) -> None:
        change, self._change_class = self._change_class, None
        if change is not None and not self._is_shutting_down:
            self.dismiss_trouble()
            # What the former class's worker said last is no news of this one.
            self._state, self._link = StateChanged(WorkerState.STOPPED), None
            self._traffic.clear()
            self._ready_check = self._run_in_work = self._completed_run = None
            change()

    def _leave(self) -> None:
        self._drop_reader()
        self._joined = self._joined_as = self._newest_sample = None
        self._take_snapshot(ClassSnapshot())
        self.class_changed.emit(None)

    @cached_property
    def classes(self) -> KnownClasses:
        """The classes joined on this computer. Not for the window's thread."""
        from gan_desktop.known_classes import KnownClasses

        return KnownClasses()

    def refresh(self) -> None:
        """Read the class now; without a connection, try again now."""
        if self._reader is not None:
            self._reader.look()

    def request_sample(self, iteration: int) -> None:
        """Get the faces of an iteration (see `snapshot.sample_iterations`); `sample_arrived` brings them."""
        if self._reader is not None:
            self._reader.fetch_sample(iteration)

    def request_average(self, iteration: int | None = None) -> None:
        """Get the moving average of the class's generator; `average_arrived` brings an answer.

        Args:
            iteration: One that is kept, such as 0; None: the newest, else the one that was fetched last.
        """
        if self._reader is not None:
            self._reader.fetch_average(AverageWanted(iteration))

    # -- contributing ---------------------------------------------------------------------------

    @Slot()
    def start(self) -> None:
        """Start contributing; nothing happens where it goes on already or there is no class."""
        if self._joined is None or self._thread is not None or self._is_shutting_down:
            return
        self.dismiss_trouble()
        self.prepare(self.tr("Loading what it takes to learn ..."))
        self._ready_check = None
        self._traffic.clear()
        self._traffic.append((time.monotonic(), 0))
        self._thread = WorkerThread(self._contribution(self._joined), self)
        self._thread.reported.connect(self._take_report)
        self._thread.ended.connect(self._take_end)
        self._thread.finished.connect(self._drop_thread)
        self._thread.start()

    @Slot()
    def pause(self, until: float | None = None) -> None:
        """Hand in what is done and rest.

        Args:
            until: Go on by itself at this time (`time.time()`); None: at `resume`.
        """
        if self._thread is not None:
            moment = datetime.fromtimestamp(until) if until is not None else None
            self._thread.ask(lambda worker: worker.pause(moment))

    @Slot()
    def resume(self) -> None:
        """Go on after a pause of whatever reason."""
        if self._thread is not None:
            self._thread.ask(lambda worker: worker.resume())

    @Slot()
    def contribute_anyway(self) -> None:
        """Go on although one of the person's own limits holds it back."""
        if self._thread is not None:
            self._thread.ask(lambda worker: worker.override_limits())

    @Slot()
    def finish_unit(self) -> None:
        """Stop after the unit in work; minutes, perhaps."""
        if self._thread is not None:
            self._thread.request_stop(StopRequest.FINISH_UNIT)

    @Slot()
    def keep_going(self) -> None:
        """Take `finish_unit` back."""
        if self._thread is not None:
            self._thread.ask(lambda worker: worker.keep_going())

    @Slot()
    def stop_now(self) -> None:
        """Stop within a second or so; what is done of the unit is handed in."""
        if self._thread is not None:
            self._thread.request_stop(StopRequest.HAND_IN_NOW)

    @Slot()
    def try_now(self) -> None:
        """Do not wait for the next try to reach the class."""
        self.refresh()
        if self._thread is not None:
            self._thread.ask(lambda worker: worker.try_now())

    # -- the person's wishes --------------------------------------------------------------------

    def _apply_preferences(self) -> None:
        limits = self._limits()
        self._rate.limit(limits.max_mbit_s)
        if self._thread is not None:
            self._thread.ask(lambda worker: worker.set_limits(limits))

    def set_my_faces(self, pictures: tuple[bytes, ...]) -> None:
        """Show these pictures as the person's own faces."""
        self._my_faces = pictures
        self.my_faces_changed.emit(pictures)

    def ask_to_join(self, why: str = "") -> None:
        """Open the way into a class.

        Args:
            why: Empty: none was joined yet; `another`; `card`: a new one is needed; `address`: the class's
                server has moved; `go_on`: where the person stopped half-way, in the class that is joined.
        """
        self.join_wanted.emit(why)

    def offer_card(self, card: str) -> None:
        """Open the way into a class with a card: a .gandjoin file's path, or a link."""
        self._offered_card = card
        self.join_wanted.emit("card")

    def take_offered_card(self) -> str:
        """The card that was offered, once; mostly empty."""
        card, self._offered_card = self._offered_card, ""
        return card

    def save_my_picture(self) -> None:
        """Show the Gallery, and ask where to save the picture to remember the class by."""
        self.show_page("gallery")
        self.keepsake_wanted.emit()

    # -- the window -----------------------------------------------------------------------------

    def shut_down(self) -> None:
        """Hand in what is done and end all threads; `shut_down_done` follows, mostly within a second."""
        self._is_shutting_down = True
        self.stop_now()
        if self._reader is not None:
            self._reader.stop()
            self._reader.finished.connect(self._look_whether_done)
        # Later, for the window may be in the middle of its closing.
        QTimer.singleShot(0, self, self._look_whether_done)

    # -- the threads' news ----------------------------------------------------------------------

    @property
    def _is_demo(self) -> bool:
        return self._joined is not None and self._joined.is_demo

    def _limits(self) -> Limits:
        return demo_limits(self._preferences) if self._is_demo else to_limits(self._preferences)

    def _contribution(self, joined: JoinedClass) -> Contribution:
        likes, options = self._preferences, joined.options
        # A worker of this window never waits for another training: the window begins anew with it.
        is_only_one = options.at_completion is AtCompletion.END
        options = dataclasses.replace(
            options,
            name=likes.name or options.name,
            limits=self._limits(),
            at_completion=AtCompletion.END if is_only_one else AtCompletion.END_WITHOUT_NEXT,
        )
        places = joined.places or self.places
        return Contribution(
            joined.address,
            options,
            workers_folder(places.data),
            self.shards_folder,
            round(likes.max_cache_gb * 1e9),
            self._rate,
        )

    @Slot(object)
    def _take_report(self, report: Report) -> None:
        if self.sender() is not self._thread:
            return
        self.prepare("")
        match report:
            case StateChanged(state):
                self._state = report
                if state is WorkerState.RETRYING and self.has_ended:
                    # Nobody will answer any more.
                    self.stop_now()
            case Joined():
                self._joined_as = report
                self._tell_unused_card(report)
            case ReadyCheck():
                self._ready_check = report
            case UnitStarted(unit):
                self._run_in_work = unit.run_id
                training = self._snapshot.training
                if training is None or unit.iteration > training.run.iteration:
                    self.refresh()
            case UnitDelivered():
                self._count_traffic(report)
                self.refresh()
        for kind, signal in self._signals().items():
            if isinstance(report, kind):
                signal.emit(report)
        self.reported.emit(report)

    def _tell_unused_card(self, joined: Joined) -> None:
        """Once is enough: the strip and the page Hardware say it all the time."""
        trouble = Trouble.of_unused_card(joined)
        if trouble is not None and self._trouble is None and not self._has_told_card:
            self._has_told_card = True
            self.tell_trouble(trouble)

    def _signals(self) -> Mapping[type, Any]:
        return {
            StateChanged: self.state_changed,
            Joined: self.joined_as,
            ReadyCheck: self.ready_checked,
            UnitStarted: self.unit_started,
            UnitProgress: self.unit_progressed,
            UnitComputed: self.unit_computed,
            UnitDelivered: self.unit_delivered,
            UnitDropped: self.unit_dropped,
            Notice: self.notice_given,
        }

    def _count_traffic(self, delivered: UnitDelivered) -> None:
        now = time.monotonic()
        self._traffic.append((now, delivered.total_bytes))
        # The newest one from before those ten minutes is what they are counted from.
        while len(self._traffic) > 2 and self._traffic[1][0] < now - TRAFFIC_S:
            self._traffic.popleft()

    @Slot(object)
    def _take_end(self, ended: WorkerEnded) -> None:
        state = WorkerState.COMPLETE if ended.is_complete else WorkerState.STOPPED
        self._completed_run = None
        if ended.is_complete:
            # Who came after its end had no unit of it.
            training = self._snapshot.training
            self._completed_run = self._run_in_work or (training.run.run_id if training is not None else 0)
        if self._state.state is not state:
            self._state = StateChanged(state)
            self.state_changed.emit(self._state)
        # At its end a class closes its logins: no trouble, and nothing that a new card would mend.
        if ended.error is not None and not (self.has_ended and isinstance(ended.error, ConnectionFailed)):
            self.tell_trouble(ended.error)

    @Slot()
    def _drop_thread(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.deleteLater()
        self.prepare("")
        # The class's numbers are others without us.
        self.refresh()
        # Also for the button: whether there is a worker has changed, if not its state.
        self.state_changed.emit(self._state)
        self._look_whether_done()
        self._change_class_now()

    @Slot(object)
    def _take_snapshot(self, read: ClassSnapshot) -> None:
        old, self._snapshot = self._snapshot, read
        for name, signal in (
            ("totals", self.totals_changed),
            ("training", self.training_changed),
            ("credit", self.credit_changed),
            ("units", self.units_changed),
            ("leaderboard", self.leaderboard_changed),
            ("history", self.history_changed),
            ("sample_iterations", self.sample_iterations_changed),
            ("events", self.events_changed),
            ("messages", self.messages_changed),
        ):
            if getattr(old, name) != getattr(read, name):
                signal.emit(getattr(read, name))
        self._look_for_next_training()

    def _look_for_next_training(self) -> None:
        """Go on with the class: who has taken part until a training's end takes part in the next one."""
        training, completed, joined = self._snapshot.training, self._completed_run, self._joined
        is_over = self.has_ended or self._is_shutting_down or self._thread is not None
        if training is None or completed is None or joined is None or is_over or _is_limited(joined.options):
            return
        run = training.run
        if run.run_id > completed and run.status is RunStatus.RUNNING and run.iteration >= 0:
            self._run_in_work = run.run_id
            self.start()
            news = Notice("The class's next training has begun: this computer takes part again.")
            self.notice_given.emit(news)
            self.reported.emit(news)

    def _drop_reader(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            for signal in (
                reader.snapshot_read,
                reader.sample_read,
                reader.average_read,
                reader.link_changed,
            ):
                signal.disconnect()
            reader.abandon()
            reader.finished.connect(reader.deleteLater)

    @Slot()
    def _look_whether_done(self) -> None:
        if not self._is_shutting_down or self._thread is not None:
            return
        if any(reader.isRunning() for reader in self.findChildren(ClassReader)):
            return
        self.shut_down_done.emit()


def _is_limited(options: WorkerOptions) -> bool:
    """Whether the command line says when to end: then nothing begins by itself."""
    is_only_one = options.at_completion is AtCompletion.END
    return is_only_one or options.max_units is not None or options.until is not None
