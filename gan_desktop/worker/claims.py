"""Getting units: one is claimed, and its pictures fetched, while the one before is in work."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass

from gan_desktop.database.connection import Connection
from gan_desktop.database.downloads import Downloads
from gan_desktop.database.work_queue import WorkQueue
from gan_desktop.errors import ImageSetError, PayloadError
from gan_desktop.records import Run, RunStatus, WorkerState, WorkUnit
from gan_desktop.training.shard_cache import ShardCache
from gan_desktop.worker.joining import Membership
from gan_desktop.worker.options import Wishes
from gan_desktop.worker.status import Status
from gan_desktop.worker.studio import Studio
from gan_desktop.worker.transfers import Transfers


@dataclass(frozen=True)
class Job:
    """A claimed unit whose pictures are here, and the studio of its run."""

    unit: WorkUnit
    studio: Studio


class Claims:
    """Asks the class for work.

    Args:
        cache: Shards on this disk.
        batch_size: The most images put through the device at once.
    """

    def __init__(
        self,
        transfers: Transfers,
        status: Status,
        wishes: Wishes,
        member: Membership,
        cache: ShardCache,
        batch_size: int,
    ) -> None:
        self._transfers = transfers
        self._status = status
        self._wishes = wishes
        self._member = member
        self._cache = cache
        self._batch_size = batch_size
        self._studio: Studio | None = None
        self._next: Future[Job | WorkerState] | None = None

    @property
    def run(self) -> Run | None:
        """The run that we work for; None before the first one."""
        return self._studio.run if self._studio else None

    def prepare(self) -> int:
        """Get ready for the class's run; returns the size of its data set, 0 where there is no run."""
        return self._transfers.call(self._prepare_studio, self._wishes.finish)

    def next(self) -> Job | WorkerState:
        """The prefetched unit, or a new one; where the class has none for us, the state to wait in."""
        if self._next is not None:
            job, self._next = self._next.result(), None
            # That there was no work a unit ago says nothing about now.
            if isinstance(job, Job):
                return job
        self._status.change(WorkerState.CLAIMING)
        return self._transfers.call(self._claim, self._wishes.finish)

    def prefetch(self) -> None:
        """Claim the next unit in the background."""
        self._next = self._transfers.submit(self._claim, self._wishes.finish)

    def give_back(self, unit: WorkUnit) -> None:
        """Return a unit untouched: it goes to whoever asks next."""
        self._status.let_go(unit.unit_id)
        self._transfers.call(lambda connection: self._queue(connection).release(unit), self._wishes.finish)

    def give_back_prefetched(self) -> None:
        """Return the unit that would have been next."""
        if self._next is not None:
            job, self._next = self._next.result(), None
            if isinstance(job, Job):
                self.give_back(job.unit)

    def _queue(self, connection: Connection) -> WorkQueue:
        return WorkQueue(connection, self._member.session_id)

    def _prepare_studio(self, connection: Connection) -> int:
        run = self._queue(connection).current_run()
        if run is None or run.status is RunStatus.COMPLETE:
            return 0
        if self._studio is None or self._studio.run.run_id != run.run_id:
            shards = Downloads(connection).shards(run.dataset_id)
            self._studio = Studio(
                run, shards, self._cache, self._member.device, self._batch_size, self._status.notice
            )
        return self._studio.dataset_size

    def _claim(self, connection: Connection) -> Job | WorkerState:
        """Claim a unit and fetch its pictures. Runs in the transfers thread."""
        known = self._studio
        size = self._prepare_studio(connection)
        if self._studio is not known:
            self._status.notice(f"Loaded dataset with {size} images")
        cached = self._studio.cached_shards() if self._studio else []
        claim = self._queue(connection).claim(self._member.worker_id, cached)
        if claim.unit is None or self._studio is None:
            return claim.waiting or WorkerState.WAITING_NO_TRAINING
        unit, studio = claim.unit, self._studio
        if unit.run_id != studio.run.run_id:  # a new training began between the two calls
            self._queue(connection).release(unit)
            return WorkerState.CLAIMING
        self._status.hold(unit)
        if self._status.state is WorkerState.CLAIMING:
            self._status.change(WorkerState.LOADING)
        try:
            studio.fetch_shards(unit, Downloads(connection).shard)
        except (PayloadError, ImageSetError) as error:
            self._status.drop(unit.unit_id, error.message)
            self._status.let_go(unit.unit_id)
            self._queue(connection).release(unit)
            return WorkerState.LOADING
        return Job(unit, studio)
