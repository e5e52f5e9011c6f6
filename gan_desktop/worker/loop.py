"""The worker's loop: claim a unit, load, compute, hand in; again until the training is complete.

Three threads: this one computes; `transfers` talks to the class while it does (claims the next unit,
fetches its pictures, hands in the last one); `heartbeat` keeps the leases and brings the news.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gan_desktop.database.connection import Address, Connection
from gan_desktop.database.downloads import Downloads
from gan_desktop.database.schema import require_fitting_schema
from gan_desktop.database.work_queue import Directives, WorkQueue
from gan_desktop.errors import ConnectionFailed, GanDesktopError, ImageSetError, PayloadError, Refused
from gan_desktop.records import (
    Joined,
    Notice,
    Reporter,
    RunStatus,
    StateChanged,
    StopRequest,
    UnitComputed,
    UnitDelivered,
    UnitDropped,
    UnitProgress,
    UnitStarted,
    Update,
    Weights,
    WorkerState,
    WorkUnit,
)
from gan_desktop.training.device import Device, choose_device, set_threads
from gan_desktop.training.shard_cache import ShardCache
from gan_desktop.training.steps import StepFigures
from gan_desktop.worker.courtesy import Pace, lower_priority
from gan_desktop.worker.hardware import read_hardware
from gan_desktop.worker.heartbeat import Heartbeat, Pulse
from gan_desktop.worker.home import WorkerHome
from gan_desktop.worker.studio import Studio
from gan_desktop.worker.transfers import Transfers

logger = logging.getLogger(__name__)

# Less than this share of a unit is not worth its upload.
SMALLEST_SHARE = 0.1
# A worker that has handed in waits this share of its unit's time for the next iteration: work on
# the old one would weigh only half.
PATIENCE_SHARE = 0.3
SHORTEST_PATIENCE_S = 3.0
# Above this share of the time in downloads, the next weights are fetched before they are needed.
SLOW_LINK_SHARE = 0.1


@dataclass(frozen=True)
class WorkerOptions:
    """What the person at this computer decides.

    Attributes:
        device: `auto`, `cpu`, `cuda:0`, `mps` ...
        num_threads: Processor threads for PyTorch; None: all but one.
        max_units: Stop after so many units; None: never.
        unit_timeout_s: Hand in what is done of a unit after this time.
    """

    name: str
    batch_size: int = 32
    poll_interval_s: float = 5.0
    heartbeat_interval_s: float = 5.0
    device: str | None = None
    num_threads: int | None = None
    pace: Pace = Pace.FULL
    max_units: int | None = None
    unit_timeout_s: float | None = None


@dataclass(frozen=True)
class _Job:
    """A claimed unit with the studio of its run."""

    unit: WorkUnit
    studio: Studio
    claimed_at: float


@dataclass(frozen=True)
class _Waiting:
    """No unit: the state to wait in."""

    state: WorkerState


class Worker:
    """Contributes one device to a class. `run` does everything; the other methods may be called
    from any thread, also from a signal handler.

    Args:
        address: The class, with the student's own login.
        home: This worker's folder, locked.
        cache: Shards on this disk.
        reporter: Told everything that happens.
    """

    def __init__(
        self,
        address: Address,
        home: WorkerHome,
        cache: ShardCache,
        options: WorkerOptions,
        reporter: Reporter,
    ) -> None:
        self._address = address
        self._home = home
        self._cache = cache
        self._options = options
        self._reporter = reporter
        self._session_id = str(uuid.uuid4())
        self._worker_id = ""
        self._finish = threading.Event()
        self._hand_in = threading.Event()
        self._paused = threading.Event()
        self._news = threading.Event()
        self._replaced: GanDesktopError | None = None
        self._transfers = Transfers(address, self._hand_in, self._on_trouble)
        self._heartbeat: Heartbeat | None = None
        self._device: Device | None = None
        self._studio: Studio | None = None
        self._directives: Directives | None = None
        self._last_message_id: int | None = None
        # What the heartbeat tells; the lock keeps state, units and progress together.
        self._lock = threading.RLock()
        self._state = StateChanged(WorkerState.JOINING)
        self._held: list[int] = []
        self._images_done = 0
        self._error: str | None = None
        self._total_units = 0
        self._total_images = 0
        self._next: Future[_Job | _Waiting] | None = None
        self._next_weights: Future[Weights | None] | None = None
        self._handed_in: tuple[int, int] | None = None
        self._link_is_slow = False

    # -- what others ask ------------------------------------------------------------------------

    def request_stop(self, request: StopRequest) -> None:
        """End after this unit, or at once with what is done of it."""
        self._finish.set()
        if request is StopRequest.HAND_IN_NOW:
            self._hand_in.set()
        elif self._state.state is WorkerState.COMPUTING:
            self._change(WorkerState.FINISHING, self._state.detail)
        self._news.set()

    def pause(self) -> None:
        """End the current batch, hand in what is done, give the rest back and wait for `resume`."""
        self._paused.set()
        self._news.set()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._paused.clear()
        self._news.set()

    # -- the loop -------------------------------------------------------------------------------

    def run(self) -> bool:
        """Work until the training is complete (True) or a stop was requested (False).

        Raises:
            ConnectionFailed: The login is refused, or no class is there; an unreachable one is
                waited for.
            SchemaError: Class and program do not fit.
            DeviceError: The wanted device cannot be used.
            Refused: The class does not let this worker take part.
        """
        lower_priority()
        set_threads(self._options.num_threads)
        is_complete = False
        try:
            self._join()
            is_complete = self._work()
        except ConnectionFailed:
            # Asked to stop while the class was away: what is finished waits on this disk.
            if not self._hand_in.is_set():
                raise
        finally:
            self._leave()
        if self._replaced is not None:
            raise self._replaced
        return is_complete

    def _work(self) -> bool:
        while not self._is_over():
            if self._paused.is_set():
                self._sit_out()
                continue
            job = self._next_job()
            if isinstance(job, _Job):
                self._train(job)
            elif job.state is WorkerState.COMPLETE:
                self._change(WorkerState.COMPLETE)
                return True
        return False

    def _is_over(self) -> bool:
        enough = self._options.max_units is not None and self._total_units_begun() >= self._options.max_units
        return self._finish.is_set() or self._replaced is not None or enough

    def _total_units_begun(self) -> int:
        with self._lock:
            return self._total_units + len(self._held)

    # -- joining --------------------------------------------------------------------------------

    def _join(self) -> None:
        self._change(WorkerState.JOINING)
        self._transfers.call(require_fitting_schema)
        self._change(WorkerState.CHECKING)
        self._device = choose_device(self._options.device)
        self._change(WorkerState.JOINING)
        hardware = read_hardware(self._device)
        name = self._options.name or hardware.hostname[:40]
        self._deliver_leftovers()
        self._worker_id = self._transfers.call(lambda connection: self._register(connection, name))
        self._heartbeat = Heartbeat(
            self._address,
            self._session_id,
            self._worker_id,
            self._options.heartbeat_interval_s,
            self._take_pulse,
            self._on_directives,
            self._on_refused,
        )
        self._heartbeat.start()
        dataset_size = self._transfers.call(self._prepare_studio)
        self._report(
            Joined(
                self._worker_id,
                name,
                hardware,
                self._device.reason,
                self._options.batch_size,
                dataset_size,
            )
        )

    def _register(self, connection: Connection, name: str) -> str:
        assert self._device is not None
        queue, hardware = self._queue(connection), read_hardware(self._device)
        try:
            return queue.register(self._home.device_id, name, hardware)
        except Refused as error:
            if error.code != "GD004":
                raise
            self._report(Notice("This disk was copied from another computer: this one takes a new identity."))
            self._home.renew_device_id()
            return queue.register(self._home.device_id, name, hardware)

    def _deliver_leftovers(self) -> None:
        """Hand in what an earlier start finished but could not deliver, before the lease is given up."""
        for update in self._home.outbox.updates():
            self._transfers.call(partial(self._hand_in_leftover, update))

    def _hand_in_leftover(self, update: Update, connection: Connection) -> None:
        try:
            self._queue(connection).submit(update)
            self._report(Notice(f"Unit {update.unit_id}, finished by an earlier start, is handed in."))
        except Refused as error:
            self._report(UnitDropped(update.unit_id, error.message))
        self._home.outbox.remove(update.unit_id)

    def _prepare_studio(self, connection: Connection) -> int:
        """Get ready for the class's run, if there is one; returns the size of its data set."""
        run = self._queue(connection).current_run()
        if run is None or run.status is RunStatus.COMPLETE:
            return 0
        if self._studio is None or self._studio.run.run_id != run.run_id:
            assert self._device is not None
            shards = Downloads(connection).shards(run.dataset_id)
            self._studio = Studio(
                run, shards, self._cache, self._device, self._options.batch_size, self._notice
            )
            self._link_is_slow = False
        return self._studio.dataset_size

    # -- getting a unit -------------------------------------------------------------------------

    def _next_job(self) -> _Job | _Waiting:
        """The prefetched unit, or the next one that the class gives; a state where there is none."""
        if self._next is not None:
            job, self._next = self._next.result(), None
        else:
            self._change(WorkerState.CLAIMING)
            job = self._transfers.call(self._claim)
        if isinstance(job, _Waiting) and job.state is not WorkerState.COMPLETE:
            self._change(job.state, self._waiting_detail())
            self._wait_for_news(self._options.poll_interval_s)
        return job

    def _claim(self, connection: Connection) -> _Job | _Waiting:
        """Claim a unit and fetch its pictures. Runs in the transfers thread."""
        self._prepare_studio(connection)
        cached = self._studio.cached_shards() if self._studio else []
        claim = self._queue(connection).claim(self._worker_id, cached)
        if claim.unit is None or self._studio is None:
            return _Waiting(claim.waiting or WorkerState.WAITING_NO_TRAINING)
        if claim.unit.run_id != self._studio.run.run_id:  # a new training began between the two calls
            self._queue(connection).release(claim.unit)
            return _Waiting(WorkerState.CLAIMING)
        with self._lock:
            self._held.append(claim.unit.unit_id)
        if self._state.state is WorkerState.CLAIMING:
            self._change(WorkerState.LOADING)
        try:
            self._studio.fetch_shards(claim.unit, Downloads(connection).shard)
        except (PayloadError, ImageSetError) as error:
            self._drop(claim.unit, error.message)
            self._queue(connection).release(claim.unit)
            return _Waiting(WorkerState.LOADING)
        return _Job(claim.unit, self._studio, time.monotonic())

    def _waiting_detail(self) -> Mapping[str, Any]:
        silent = self._directives.coordinator_silent_s if self._directives else None
        return {"coordinator_silent_s": silent}

    def _wait_for_news(self, seconds: float) -> None:
        """Sleep until a heartbeat brings something new, a stop is asked for, or the time is up."""
        self._news.wait(seconds)
        self._news.clear()

    # -- one unit -------------------------------------------------------------------------------

    def _train(self, job: _Job) -> None:
        unit, studio = job.unit, job.studio
        self._await_iteration(studio)
        if self._is_lost(unit) or self._finish.is_set() or self._paused.is_set():
            self._give_back(job)
            return
        if not self._load(studio):
            self._give_back(job)
            self._wait_for_news(self._options.poll_interval_s)
            return
        images = studio.images(unit, self._fetch_shard)
        if not self._is_over():
            self._next = self._transfers.submit(self._claim)
        # What counts is the iteration the unit starts from, not the newest when it was prefetched.
        unit = replace(unit, iteration=studio.iteration)
        self._report(UnitStarted(unit))
        self._set_progress(unit, 0)
        started = time.monotonic()
        outcome = studio.train(
            unit,
            images,
            should_stop=lambda: self._should_stop(unit, started),
            on_step=lambda figures: self._on_step(job, figures, started),
            rest=self._rest,
            pace=self._options.pace,
        )
        result = outcome.result
        if self._is_lost(unit):
            self._drop(unit, "The unit went to another computer.")
        elif result.num_images < SMALLEST_SHARE * unit.num_images:
            self._drop(unit, "Too little of the unit was done to be worth sending. It goes back.")
            self._give_back(job)
        else:
            self._report(UnitComputed(unit, result))
            self._hand_over(job, studio.pack(unit, outcome))

    def _await_iteration(self, studio: Studio) -> None:
        """After handing in, wait a little for the iteration that our update goes into."""
        handed_in = self._handed_in
        if handed_in is None or self._link_is_slow:
            return
        run_id, iteration = handed_in
        patience = max(SHORTEST_PATIENCE_S, PATIENCE_SHARE * studio.run.config.unit_seconds)
        deadline = time.monotonic() + patience
        while (
            run_id == studio.run.run_id
            and self._newest_iteration(run_id) <= iteration
            and (left := deadline - time.monotonic()) > 0
            and not (self._finish.is_set() or self._paused.is_set())
        ):
            self._change(WorkerState.WAITING_NONE_FREE, {"seconds": round(left)})
            self._wait_for_news(min(left, 0.5))

    def _newest_iteration(self, run_id: int) -> int:
        directives = self._directives
        return directives.iteration if directives and directives.run_id == run_id else 0

    def _load(self, studio: Studio) -> bool:
        """Put the newest weights into the studio; False: the class has none yet."""
        if self._next_weights is not None:
            weights, self._next_weights = self._next_weights.result(), None
        else:
            if self._state.state is not WorkerState.LOADING:
                self._change(WorkerState.LOADING)
            started = time.monotonic()
            weights = self._transfers.call(lambda connection: self._fetch_weights(connection, studio))
            seconds = time.monotonic() - started
            self._link_is_slow = seconds > SLOW_LINK_SHARE * studio.run.config.unit_seconds
        if weights is None or weights.run_id != studio.run.run_id:
            return False
        studio.start_from(weights)
        return True

    def _fetch_weights(self, connection: Connection, studio: Studio) -> Weights | None:
        return Downloads(connection).newest_weights(studio.run.run_id, known=studio.weights)

    def _fetch_shard(self, shard: Any) -> bytes:
        return self._transfers.call(lambda connection: Downloads(connection).shard(shard))

    def _should_stop(self, unit: WorkUnit, started: float) -> bool:
        timeout = self._options.unit_timeout_s
        return (
            self._hand_in.is_set()
            or self._paused.is_set()
            or self._replaced is not None
            or self._is_lost(unit)
            or self._run_is_complete(unit)
            or (timeout is not None and time.monotonic() - started > timeout)
        )

    def _rest(self, seconds: float) -> None:
        self._hand_in.wait(seconds)

    def _is_lost(self, unit: WorkUnit) -> bool:
        with self._lock:
            return unit.unit_id not in self._held

    def _run_is_complete(self, unit: WorkUnit) -> bool:
        directives = self._directives
        return (
            directives is not None
            and directives.run_id == unit.run_id
            and directives.run_status is RunStatus.COMPLETE
        )

    def _on_step(self, job: _Job, figures: StepFigures, started: float) -> None:
        unit = job.unit
        self._set_progress(unit, figures.num_images_done, time.monotonic() - started)
        self._report(
            UnitProgress(
                unit.unit_id,
                figures.num_images_done,
                unit.num_images,
                figures.loss_g,
                figures.loss_d,
                figures.d_real,
                figures.d_fake,
            )
        )
        nearly_done = figures.num_images_done > 0.7 * unit.num_images
        if self._link_is_slow and nearly_done and self._next_weights is None and not self._is_over():
            self._next_weights = self._transfers.submit(
                lambda connection: self._fetch_weights(connection, job.studio)
            )

    def _set_progress(self, unit: WorkUnit, num_done: int, seconds: float = 0.0) -> None:
        left = seconds * (unit.num_images - num_done) / num_done if num_done else None
        state = WorkerState.FINISHING if self._finish.is_set() else WorkerState.COMPUTING
        detail = {
            "unit_id": unit.unit_id,
            "num_done": num_done,
            "num_images": unit.num_images,
            "seconds_left": None if left is None else round(left),
        }
        with self._lock:
            self._images_done = num_done
        self._change(state, detail)

    # -- handing in -----------------------------------------------------------------------------

    def _hand_over(self, job: _Job, update: Update) -> None:
        """Keep the update on disk and queue its delivery; the next unit need not wait for it."""
        try:
            self._home.outbox.put(update)
        except OSError as error:
            self._notice(f"The finished unit could not be kept on the disk ({error.strerror}).")
        self._change(WorkerState.UPLOADING, {"unit_id": job.unit.unit_id, "num_bytes": len(update.payload)})
        delivery = self._transfers.submit(lambda connection: self._deliver(connection, job, update))
        if not self._link_is_slow or self._is_over() or self._paused.is_set():
            delivery.result()

    def _deliver(self, connection: Connection, job: _Job, update: Update) -> None:
        """Hand an update in. Runs in the transfers thread."""
        try:
            self._queue(connection).submit(update)
        except Refused as error:
            self._drop(job.unit, error.message)
        else:
            with self._lock:
                self._total_units += 1
                self._total_images += update.result.num_images
                self._error = None
            self._handed_in = (update.run_id, update.iteration)
            self._let_go(job.unit)
            self._report(
                UnitDelivered(
                    job.unit,
                    update.result,
                    seconds=time.monotonic() - job.claimed_at,
                    num_bytes_up=len(update.payload),
                    total_units=self._total_units,
                    total_images=self._total_images,
                )
            )
        self._home.outbox.remove(update.unit_id)

    def _give_back(self, job: _Job) -> None:
        self._let_go(job.unit)
        self._transfers.call(lambda connection: self._queue(connection).release(job.unit))

    def _drop(self, unit: WorkUnit, reason: str) -> None:
        self._let_go(unit)
        with self._lock:
            self._error = reason
        self._report(UnitDropped(unit.unit_id, reason))

    def _let_go(self, unit: WorkUnit) -> None:
        with self._lock:
            if unit.unit_id in self._held:
                self._held.remove(unit.unit_id)

    # -- pausing and leaving --------------------------------------------------------------------

    def _sit_out(self) -> None:
        self._give_back_prefetched()
        self._change(WorkerState.PAUSED)
        while self._paused.is_set() and not self._is_over():
            self._wait_for_news(self._options.poll_interval_s)

    def _give_back_prefetched(self) -> None:
        if self._next is not None:
            job, self._next = self._next.result(), None
            if isinstance(job, _Job):
                self._give_back(job)

    def _leave(self) -> None:
        """Give back what is held and say goodbye, as far as the class can be reached."""
        try:
            self._give_back_prefetched()
            if self._worker_id and self._replaced is None:
                self._transfers.call(lambda connection: self._queue(connection).leave(self._worker_id))
        except GanDesktopError as error:
            logger.info("Could not say goodbye to the class: %s", error)
        finally:
            if self._heartbeat is not None:
                self._heartbeat.stop()
            self._transfers.close()
            waiting = len(self._home.outbox.updates())
            if waiting:
                self._notice(f"{waiting} finished unit(s) are kept here and handed in at the next start.")
            if self._state.state is not WorkerState.COMPLETE:
                self._change(WorkerState.STOPPED)

    # -- threads and reports --------------------------------------------------------------------

    def _queue(self, connection: Connection) -> WorkQueue:
        return WorkQueue(connection, self._session_id)

    def _take_pulse(self) -> Pulse:
        with self._lock:
            return Pulse(
                self._state.state, self._state.detail, tuple(self._held), self._images_done, self._error
            )

    def _on_directives(self, directives: Directives) -> None:
        """Take the news. Runs in the heartbeat thread."""
        with self._lock:
            self._held = [unit_id for unit_id in self._held if unit_id not in directives.lost_units]
        known, self._directives = self._directives, directives
        if directives.message and directives.message_id != self._last_message_id:
            self._last_message_id = directives.message_id
            self._notice(f"Message from your instructor: {directives.message}")
        if known is None or _what_matters(known) != _what_matters(directives):
            self._news.set()

    def _on_refused(self, error: GanDesktopError) -> None:
        """The class does not know us any more. Runs in the heartbeat thread."""
        self._replaced = error
        self._news.set()

    def _on_trouble(self, error: ConnectionFailed, next_try_s: float) -> None:
        """The link is down. Runs in the transfers thread."""
        logger.info("No connection: %s", error)
        if self._state.state not in (WorkerState.COMPUTING, WorkerState.FINISHING):
            self._change(WorkerState.RETRYING, {"reason": error.message, "seconds": round(next_try_s)})

    def _change(self, state: WorkerState, detail: Mapping[str, Any] | None = None) -> None:
        changed = StateChanged(state, detail or {})
        with self._lock:
            is_new, self._state = changed != self._state, changed
        if is_new:
            self._report(changed)

    def _notice(self, text: str) -> None:
        self._report(Notice(text))

    def _report(self, report: Any) -> None:
        self._reporter.report(report)


def _what_matters(directives: Directives) -> tuple[object, ...]:
    return directives.run_id, directives.run_status, directives.iteration, directives.is_on_hold
