"""What the instructor's pages stand on: the class one teaches, what is known of it, who runs its training.

A page is a `QWidget` made as `Page(session, parent)`. It shows what the session's properties hold when it is
made, follows the signals below, and asks for things by calling the methods. What is slow or touches the
database goes through `ask` or `change`, with a function of `class_admin`.

    class_changed(TaughtClass | None)     another class, or none
    snapshot_changed(TeachingSnapshot)    about every two seconds while something moves
    sample_arrived(SampleDrawn)           the newest grid of faces, and those asked for
    link_changed(ClassLink)               how we stand with the class's database
    coordination_changed(Coordination)    who runs the training
    published(IterationPublished)         only while this window runs it
    lesson_changed(float | None)          when the lesson ends, by `time.time()`
    trouble_changed, preparing_changed, preferences_changed, page_wanted(key), projector_wanted(),
    begin_wanted(why), leaving() (the class is about to be left), shut_down_done()
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import shiboken6
from PySide6.QtCore import QObject, QSettings, QThread, QTimer, Signal, Slot

from gan_desktop.errors import CoordinatorReplaced, GanDesktopError, SchemaError
from gan_desktop.gui.admin.class_watch import ClassWatch
from gan_desktop.gui.admin.coordinator_thread import CoordinatorEnded, CoordinatorThread
from gan_desktop.gui.admin.host_thread import HostThread
from gan_desktop.gui.admin.snapshot import Coordination, TaughtClass, TeachingSnapshot
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.window_session import Places, WindowSession
from gan_desktop.records import IterationPublished, Report, RunStatus, RunTaken

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.gui.class_reader import ClassLink

logger = logging.getLogger(__name__)

T = TypeVar("T")

_LESSON_END = "lesson_ends_at"
_NETWORK = "network_mbit_s"
# In the title of the error of a class that an older program made.
TOO_OLD = "too old for this program"


class TeachingSession(WindowSession):
    """One instructor's window; the object every page gets."""

    class_changed = Signal(object)
    snapshot_changed = Signal(object)
    coordination_changed = Signal(object)
    published = Signal(object)
    lesson_changed = Signal(object)
    projector_wanted = Signal()
    begin_wanted = Signal(str)
    leaving = Signal()

    def __init__(self, places: Places, parent: QObject | None = None) -> None:
        super().__init__(places, parent)
        self._settings = QSettings(str(places.config / "teaching.ini"), QSettings.Format.IniFormat, self)
        self._taught: TaughtClass | None = None
        self._snapshot = TeachingSnapshot()
        self._coordination = Coordination()
        self._watch: ClassWatch | None = None
        self._coordinator: CoordinatorThread | None = None
        self._host: HostThread | None = None
        # When our coordinator ended: what was read before still tells of it.
        self._coordinated_until = 0.0
        # After a stop by hand the training is not taken up again by itself.
        self._may_take_up = True
        self._next_class: TaughtClass | None = None
        # Threads of pages that use the class.
        self._works: list[str] = []
        self._guests: list[QThread] = []
        self._is_changing = self._is_shutting_down = False

    # -- what is known --------------------------------------------------------------------------

    @property
    def taught(self) -> TaughtClass | None:
        """The class one teaches; None: none yet."""
        return self._taught

    @property
    def title(self) -> str:
        """The class's name; empty without a class."""
        if self._snapshot.status is not None:
            return self._snapshot.status.title
        return self._taught.title if self._taught else ""

    @property
    def snapshot(self) -> TeachingSnapshot:
        """Everything known of the class, also while it is away."""
        return self._snapshot

    @property
    def coordination(self) -> Coordination:
        """Who runs the training."""
        return self._coordination

    @property
    def is_hosting(self) -> bool:
        """Whether the class's database runs in this window, and stops with it."""
        return self._host is not None and self._host.is_ours

    @property
    def has_host(self) -> bool:
        """Whether this window holds or uses a server of this computer."""
        return self._host is not None

    @property
    def lesson_ends_at(self) -> float | None:
        """When the lesson ends, by `time.time()`; None: no lesson is set."""
        value = self._settings.value(self._key(_LESSON_END), None)
        return float(str(value)) if value is not None else None

    @property
    def network_mbit_s(self) -> float | None:
        """What the network of the class's room carries, as it was measured or asked; None: not known yet."""
        value = self._settings.value(self._key(_NETWORK), None)
        return float(str(value)) if value is not None else None

    def set_network(self, mbit_s: float) -> None:
        """Write down what the network of the class's room carries."""
        self._settings.setValue(self._key(_NETWORK), mbit_s)

    # -- the class ------------------------------------------------------------------------------

    def teach(self, taught: TaughtClass) -> None:
        """Turn to a class; a former one's training ends in good order first.

        Where the class's database lives on this computer it is started.
        """
        self._next_class = taught
        self._change_class()

    def leave(self) -> None:
        """Turn to no class."""
        self._next_class = None
        self._change_class()

    def adopt_host(self, host: HostThread) -> None:
        """Take over a server that a wizard has started, before `teach` of the class in it."""
        assert self._host is None
        self._host = host
        host.setParent(self)
        self._follow_host(host)

    def ask(
        self,
        function: Callable[[Address], T],
        on_done: Callable[[T], None],
        *,
        owner: QObject,
        on_error: Callable[[GanDesktopError], None] | None = None,
        is_long: bool = False,
    ) -> None:
        """Call a function of `class_admin` away from the window's thread.

        Once another class is taught, neither the answer nor an error of this one is told: who waits for it
        begins anew at `class_changed`.

        Args:
            function: Gets the coordinator's address.
            on_done: Gets the answer, in the window's thread.
            owner: Who asked: once it is gone, the answer is dropped.
            on_error: Otherwise an error goes to the banner.
            is_long: It may take more than some seconds.
        """
        taught = self._taught
        if taught is None:
            if on_error is not None:
                on_error(GanDesktopError("Open a class first.", title="No class yet"))
            return
        fail = on_error or self.tell_trouble

        def answer(value: T) -> None:
            if self._taught is taught:
                on_done(value)

        def refuse(error: GanDesktopError) -> None:
            if self._taught is taught:
                fail(error)

        run_in_background(partial(function, taught.address), answer, refuse, owner=owner, is_long=is_long)

    def change(
        self,
        function: Callable[[Address], T],
        on_done: Callable[[T], None] | None = None,
        *,
        owner: QObject,
        on_error: Callable[[GanDesktopError], None] | None = None,
        is_long: bool = False,
    ) -> None:
        """Like `ask`, with a function that changes something: everything is read anew afterwards."""

        def done(answer: T) -> None:
            self.refresh()
            if on_done is not None:
                on_done(answer)

        self.ask(function, done, owner=owner, on_error=on_error, is_long=is_long)

    @Slot()
    def refresh(self) -> None:
        """Read the class now; without a connection, or its server on this computer, try again now."""
        wanted = self._taught or self._next_class
        is_server_lost = wanted is not None and wanted.hosted_in is not None and self._host is None
        if is_server_lost and not self._is_changing:
            assert wanted is not None
            self.teach(wanted)
        elif self._watch is not None:
            self._watch.look()

    def request_sample(self, iteration: int) -> None:
        """Get the faces of an iteration (see `snapshot.sample_iterations`); `sample_arrived` brings them."""
        if self._watch is not None:
            self._watch.fetch_sample(iteration)

    # -- the training ---------------------------------------------------------------------------

    def begin_training(self, run_id: int) -> None:
        """Run a training in this window, from where it is; a new one begins."""
        if self._taught is None or self._coordinator is not None or self._is_changing:
            return
        self.dismiss_trouble()
        self._may_take_up = True
        thread = CoordinatorThread(
            self._taught.address,
            run_id,
            self.places.cache / "shards",
            round(self._preferences.max_cache_gb * 1e9),
            self,
        )
        self._coordinator = thread
        thread.reported.connect(self._take_report)
        thread.ended.connect(self._take_end)
        thread.finished.connect(self._drop_coordinator)
        self._set_coordination(Coordination("here", run_id, is_starting=True))
        thread.start()

    def stop_coordinating(self) -> None:
        """Let the training rest after the round at hand: computers wait until somebody runs it again."""
        self._may_take_up = False
        if self._coordinator is not None:
            self._coordinator.stop()

    def steer(self, status: RunStatus, run_id: int | None = None) -> None:
        """Pause, resume or finish a training, wherever it is run.

        Args:
            run_id: Which; None: the one in progress.
        """

        def steered(address: Address) -> int:
            from gan_desktop.class_admin.trainings import steer_run

            return steer_run(address, status, run_id)

        def done(steered_run: int) -> None:
            if status is RunStatus.RUNNING and self._coordination.place == "nobody":
                self.begin_training(steered_run)

        self.change(steered, done, owner=self)

    # -- long work of the pages -----------------------------------------------------------------

    @property
    def works(self) -> tuple[str, ...]:
        """What goes on that a closing window would cut short, a sentence each."""
        return tuple(self._works)

    def work_begins(self, words: str) -> None:
        """Let the window ask before it is closed in the middle of something.

        Args:
            words: A sentence, such as "The archive is being written."
        """
        self._works.append(words)

    def work_ends(self, words: str) -> None:
        """What these words told of is over."""
        self._works.remove(words)

    def keep_open_for(self, thread: QThread) -> None:
        """Let a page's thread use the class, which is left once it has ended: `leaving` asks for that."""
        self._guests.append(thread)
        thread.finished.connect(self._drop_guests)

    @Slot()
    def _drop_guests(self) -> None:
        # Whoever has ended may be deleted before we hear of it.
        self._guests = [thread for thread in self._guests if shiboken6.isValid(thread) and thread.isRunning()]
        self._look_whether_left()

    # -- the lesson -----------------------------------------------------------------------------

    def set_lesson_end(self, moment: float | None) -> None:
        """Set when the lesson ends, by `time.time()`; None: there is none."""
        if moment is None:
            self._settings.remove(self._key(_LESSON_END))
        else:
            self._settings.setValue(self._key(_LESSON_END), repr(moment))
        self.lesson_changed.emit(moment)

    def _key(self, name: str) -> str:
        # The login has the class's own number in it; databases of two servers may have one name.
        return f"{self._taught.address.user if self._taught else 'none'}/{name}"

    # -- the person's wishes --------------------------------------------------------------------

    @Slot()
    def show_projector(self) -> None:
        """Show the faces on the whole screen."""
        self.projector_wanted.emit()

    def ask_to_begin(self, why: str = "") -> None:
        """Open the way to a class of one's own.

        Args:
            why: Empty: there is none yet; `another`; `upgrade`: it is of an older version; `login`: the
                class does not take the login that is known; `go_on`: where the person stopped half-way;
                `set_up`: make the class that is open ready, from where the person stopped.
        """
        self.begin_wanted.emit(why)

    def shut_down(self) -> None:
        """End the training's round, the watch, then the database; `shut_down_done` follows."""
        self._is_shutting_down = True
        self._next_class = None
        self._change_class()

    # -- changing the class ---------------------------------------------------------------------

    def _change_class(self) -> None:
        """Begin what ends in `_class_is_left`: first whoever uses the database, then the database."""
        self._is_changing = True
        self.leaving.emit()
        if self._coordinator is not None:
            self._coordinator.stop()
        if self._watch is not None:
            watch, self._watch = self._watch, None
            for signal in (watch.snapshot_read, watch.sample_read, watch.link_changed):
                signal.disconnect()
            watch.stop()
            watch.finished.connect(watch.deleteLater)
            watch.finished.connect(self._look_whether_left)
        # Later, for the window may be in the middle of its closing.
        QTimer.singleShot(0, self, self._look_whether_left)

    @Slot()
    def _look_whether_left(self) -> None:
        if not self._is_changing or self._coordinator is not None or self._guests:
            return
        if any(watch.isRunning() for watch in self.findChildren(ClassWatch)):
            return
        if self._host is not None and not self._is_host_of_next():
            self._host.end()
            return
        self._is_changing = False
        self._forget_class()
        if self._is_shutting_down:
            self._wait_for_threads()
        elif self._next_class is not None:
            self._open(self._next_class)

    def _is_host_of_next(self) -> bool:
        taught = self._next_class
        return (
            self._host is not None and taught is not None and taught.hosted_in is not None
        ) and taught.hosted_in == self._host.folder

    def _forget_class(self) -> None:
        self._taught, self._newest_sample, self._link = None, None, None
        self._may_take_up = True
        self._set_coordination(Coordination())
        self._snapshot = TeachingSnapshot()
        self.dismiss_trouble()
        self.class_changed.emit(None)

    @Slot()
    def _wait_for_threads(self) -> None:
        running = [thread for thread in self.findChildren(QThread) if thread.isRunning()]
        if running:
            running[0].finished.connect(self._wait_for_threads)
        else:
            self.shut_down_done.emit()

    def _open(self, taught: TaughtClass) -> None:
        if taught.hosted_in is None:
            self._begin(taught)
            return
        if self._host is None:
            host = self._host = HostThread(taught.hosted_in, parent=self)
            self._follow_host(host)
            host.start()
        if self._host.server is not None:
            self._begin_hosted()
        else:
            self.prepare(self.tr("Starting the class's database on this computer ..."))

    def _follow_host(self, host: HostThread) -> None:
        host.opened.connect(self._begin_hosted)
        host.failed.connect(self._tell_host_failed)
        host.mended.connect(self.refresh)
        host.finished.connect(self._drop_host)

    @Slot()
    def _begin_hosted(self) -> None:
        """Begin with the class that waits for its server, if one does."""
        taught, server = self._next_class, self._host.server if self._host is not None else None
        is_waiting = taught is not None and self._taught is None and not self._is_changing
        if taught is None or server is None or not is_waiting:
            return
        # The port may be another one than last time.
        address = dataclasses.replace(taught.address, host=server.host, port=server.port)
        self._begin(dataclasses.replace(taught, address=address))

    def _begin(self, taught: TaughtClass) -> None:
        if self._is_shutting_down:
            return
        self._taught = taught
        self.prepare("")
        self.class_changed.emit(taught)
        self.lesson_changed.emit(self.lesson_ends_at)
        watch = self._watch = ClassWatch(taught.address, self)
        watch.snapshot_read.connect(self._take_snapshot)
        watch.sample_read.connect(self._take_sample)
        watch.link_changed.connect(self._take_link)
        watch.start()

    @Slot(object)
    def _tell_host_failed(self, error: GanDesktopError) -> None:
        self.prepare("")
        self.tell_trouble(error)

    @Slot()
    def _drop_host(self) -> None:
        host, self._host = self._host, None
        if host is not None:
            host.deleteLater()
        self._look_whether_left()

    # -- the threads' news ----------------------------------------------------------------------

    @Slot(object)
    def _take_snapshot(self, read: TeachingSnapshot) -> None:
        old, self._snapshot = self._snapshot, read
        if _run_id(old) != _run_id(read):
            self._newest_sample = None
        self.snapshot_changed.emit(read)
        self._judge_coordination()

    def _judge_coordination(self) -> None:
        """See who runs the training. At the window's start one that was going on is taken up where it was.

        Whether another program runs it the coordinator finds out itself: a living one renews its lease.
        """
        training = self._snapshot.training
        is_stale = self._snapshot.read_at < self._coordinated_until
        if self._coordinator is not None or self._is_changing or is_stale:
            return
        if training is None or training.run.status not in (RunStatus.RUNNING, RunStatus.PAUSED):
            self._set_coordination(Coordination())
            return
        if self._may_take_up and training.run.status is RunStatus.RUNNING:
            self.begin_training(training.run.run_id)
            return
        runs = self._snapshot.status.runs if self._snapshot.status is not None else []
        is_held = any(run.run_id == training.run.run_id and run.is_coordinated for run in runs)
        self._set_coordination(Coordination("elsewhere" if is_held else "nobody", training.run.run_id))

    def _set_coordination(self, now: Coordination) -> None:
        if now != self._coordination:
            self._coordination = now
            self.coordination_changed.emit(now)

    @Slot(object)
    def _take_link(self, link: ClassLink) -> None:
        is_news = self._link is None or self._link.error is None
        super()._take_link(link)
        if is_news and isinstance(link.error, SchemaError):
            self.tell_trouble(link.error)
            if TOO_OLD in link.error.title:
                self.ask_to_begin("upgrade")

    @Slot(object)
    def _take_report(self, report: Report) -> None:
        if isinstance(report, RunTaken) and self._coordination.is_starting:
            self._set_coordination(dataclasses.replace(self._coordination, is_starting=False))
        if isinstance(report, IterationPublished):
            self.published.emit(report)
            self.refresh()

    @Slot(object)
    def _take_end(self, ended: CoordinatorEnded) -> None:
        # Whatever ended it would end it again: the next start is the instructor's.
        self._may_take_up = ended.is_complete
        if isinstance(ended.error, CoordinatorReplaced):
            # No trouble: the other one goes on with it, and this window watches.
            logger.info("Another program runs the training: %s", ended.error)
        elif ended.error is not None:
            self.tell_trouble(ended.error)

    @Slot()
    def _drop_coordinator(self) -> None:
        thread, self._coordinator = self._coordinator, None
        if thread is not None:
            thread.deleteLater()
            self._coordinated_until = time.time()
            self._set_coordination(Coordination("nobody", thread.run_id))
        self.refresh()
        self._look_whether_left()


def _run_id(snapshot: TeachingSnapshot) -> int | None:
    return snapshot.training.run.run_id if snapshot.training is not None else None
