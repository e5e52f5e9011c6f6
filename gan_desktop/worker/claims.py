"""Getting units: one is claimed, and its pictures fetched, while the one before is in work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from gan_desktop.database.connection import Connection
from gan_desktop.database.downloads import Downloads
from gan_desktop.database.work_queue import WorkQueue
from gan_desktop.errors import ImageSetError, PayloadError
from gan_desktop.records import Run, RunStatus, UnitTimes, WorkerState, WorkUnit
from gan_desktop.training.shard_cache import ShardCache
from gan_desktop.worker.joining import Membership
from gan_desktop.worker.local_copy import LocalCopy
from gan_desktop.worker.options import DEFAULT_BATCH_SIZE, Wishes
from gan_desktop.worker.status import Status
from gan_desktop.worker.studio import Studio
from gan_desktop.worker.traffic import TransferCancelled
from gan_desktop.worker.transfers import Transfers

_WAITING = {
    WorkerState.WAITING_NO_TRAINING,
    WorkerState.WAITING_PAUSED,
    WorkerState.WAITING_COORDINATOR_AWAY,
    WorkerState.WAITING_NONE_FREE,
    WorkerState.WAITING_ON_HOLD,
    WorkerState.COMPLETE,
}
# States in which a download is what the worker does: otherwise it computes, hands in or pauses.
_LOADED_FROM = _WAITING | {WorkerState.CLAIMING, WorkerState.LOADING, WorkerState.RETRYING}


@dataclass(frozen=True)
class Job:
    """A claimed unit whose pictures are here, and the studio of its run."""

    unit: WorkUnit
    studio: Studio
    times: UnitTimes


@dataclass(frozen=True)
class _Claimed:
    """A unit whose pictures are not all here yet; when it was asked for and answered."""

    unit: WorkUnit
    asked: float
    answered: float


class Claims:
    """Asks the class for work.

    Args:
        cache: Shards on this disk.
        batch_size: The most images put through the device at once.
        local_copy: Told of each run's shards.
    """

    def __init__(
        self,
        transfers: Transfers,
        status: Status,
        wishes: Wishes,
        member: Membership,
        cache: ShardCache,
        batch_size: int,
        local_copy: LocalCopy,
    ) -> None:
        self._transfers = transfers
        self._status = status
        self._wishes = wishes
        self._member = member
        self._cache = cache
        self._batch_size = batch_size
        self._local_copy = local_copy
        self._studio: Studio | None = None
        self._next: Future[Job | WorkerState] | None = None
        # The transfers thread's own.
        self._claimed: _Claimed | None = None

    @property
    def run(self) -> Run | None:
        """The run that we work for; None before the first one."""
        return self._studio.run if self._studio else None

    @property
    def studio(self) -> Studio | None:
        """Where we work for it."""
        return self._studio

    def prepare(self) -> int:
        """Get ready for the class's run; returns the size of its data set, 0 where there is no run."""
        return self._transfers.call(self._prepare_studio, self._wishes.finish)

    def next(self) -> Job | WorkerState:
        """The prefetched unit, or a new one; where the class has none for us, the state to wait in."""
        if self._next is not None:
            if not self._next.done():
                self._tell_claiming()
            coming, self._next = self._next, None
            job = coming.result()
            # That there was no work a unit ago says nothing about now.
            if isinstance(job, Job):
                return job
        self._tell_claiming()
        return self._transfers.call(self._claim, self._wishes.finish)

    def _tell_claiming(self) -> None:
        # A worker that waits asks again and again, which is no news.
        if self._status.state not in _WAITING:
            self._status.change(WorkerState.CLAIMING)

    def prefetch(self) -> None:
        """Claim the next unit in the background."""
        self._next = self._transfers.submit(self._claim, self._wishes.finish)

    def give_back(self, unit: WorkUnit) -> None:
        """Return a unit untouched: it goes to whoever asks next."""
        self._status.let_go(unit.unit_id)
        self._transfers.call(lambda connection: self._queue(connection).release(unit), self._wishes.finish)

    def give_back_prefetched(self) -> None:
        """Return the unit that would have been next, as soon as it is here; nobody waits for it."""
        if self._next is not None:
            coming, self._next = self._next, None
            self._transfers.submit(partial(self._return_from, coming), self._wishes.finish)

    def rest(self) -> None:
        """Give the graphics card's memory to other programs until the next unit."""
        if self._studio is not None:
            self._studio.rest()

    def _return_from(self, coming: Future[Job | WorkerState], connection: Connection) -> None:
        """Runs in the transfers thread, after the claim."""
        # A claim that was given up may have got as far as a unit.
        job = coming.result() if coming.exception() is None else self._claimed
        if isinstance(job, Job | _Claimed):
            self._return(job.unit, connection)

    def _return(self, unit: WorkUnit, connection: Connection) -> None:
        self._claimed = None
        self._status.let_go(unit.unit_id)
        self._queue(connection).release(unit)

    def _queue(self, connection: Connection) -> WorkQueue:
        return WorkQueue(connection, self._member.session_id)

    def _prepare_studio(self, connection: Connection) -> int:
        run = self._queue(connection).current_run()
        if run is None or run.status is RunStatus.COMPLETE:
            return 0
        if self._studio is None or not _is_same(self._studio.run, run):
            shards = Downloads(connection).shards(run.dataset_id)
            # A card that has failed stays out of use.
            device = self._studio.device if self._studio else self._member.device
            self._studio = Studio(run, shards, self._cache, device, self._batch_size, self._status.notice)
            self._tell_of_batch_size(run)
            self._local_copy.begin(shards, run.config.image_size)
        else:
            self._studio.follow(run)
        return self._studio.dataset_size

    def _claim(self, connection: Connection) -> Job | WorkerState:
        """Claim a unit and fetch its pictures. Runs in the transfers thread.

        Repeated after a lost connection, it goes on with the unit that it has claimed.
        """
        known = self._studio
        size = self._prepare_studio(connection)
        if self._studio is not known:
            self._status.notice(f"Loaded dataset with {size} images")
        if self._claimed is None or not self._status.is_held(self._claimed.unit.unit_id):
            cached = self._studio.cached_shards() if self._studio else []
            asked = time.monotonic()
            claim = self._queue(connection).claim(self._member.worker_id, cached)
            if claim.unit is None:
                return claim.waiting or WorkerState.WAITING_NO_TRAINING
            self._claimed = _Claimed(claim.unit, asked, time.monotonic())
            self._status.hold(claim.unit)
        claimed, studio = self._claimed, self._studio
        if studio is None or claimed.unit.run_id != studio.run.run_id:  # a new training began in between
            self._return(claimed.unit, connection)
            return WorkerState.CLAIMING
        return self._fetch_pictures(claimed, studio, connection)

    def _fetch_pictures(self, claimed: _Claimed, studio: Studio, connection: Connection) -> Job | WorkerState:
        unit = claimed.unit
        try:
            with self._telling_of_pictures(studio.num_bytes_missing(unit)):
                studio.fetch_shards(unit, Downloads(connection, self._wishes.finish.is_set).shard)
        except TransferCancelled:
            pass
        except (PayloadError, ImageSetError) as error:
            if not self._wishes.finish.is_set():
                self._status.drop(unit.unit_id, error.message)
        else:
            self._claimed = None
            load = time.monotonic() - claimed.answered
            return Job(unit, studio, UnitTimes(claim=claimed.answered - claimed.asked, load=load))
        self._return(unit, connection)
        return WorkerState.LOADING

    @contextmanager
    def _telling_of_pictures(self, num_bytes: int) -> Iterator[None]:
        """Show how far the download is, if nothing is computed meanwhile."""
        done = 0

        def tell(num_more: int) -> None:
            nonlocal done
            done += num_more
            if self._status.state in _LOADED_FROM:
                detail = {"num_bytes_done": done, "num_bytes": num_bytes} if num_bytes else {}
                self._status.change(WorkerState.LOADING, detail)

        tell(0)
        self._transfers.traffic.watch(tell)
        try:
            yield
        finally:
            self._transfers.traffic.watch(None)

    def _tell_of_batch_size(self, run: Run) -> None:
        step = run.config.step_batch
        if self._batch_size > max(step, DEFAULT_BATCH_SIZE):
            self._status.notice(
                f"A batch size of {self._batch_size} changes nothing: steps have {step} images here."
            )
        elif self._batch_size < step:
            self._status.notice(
                f"This training's steps have {step} images: they go through the device in pieces of"
                f" {self._batch_size} at most, as the batch size says."
            )


def _is_same(known: Run, run: Run) -> bool:
    """Whether what is in memory is still good: after going back, Adam's moments are not."""
    return (known.run_id, known.restarted_at) == (run.run_id, run.restarted_at)
