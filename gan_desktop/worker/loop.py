"""The worker's loop: claim a unit, load, compute, hand in; again until the training is complete.

Three threads: this one computes; `transfers` talks to the class while it does (claims the next unit,
fetches its pictures, hands in the last one); `heartbeat` keeps the leases and brings the news.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace

import torch

from gan_desktop.database.connection import Address
from gan_desktop.database.downloads import Downloads
from gan_desktop.database.work_queue import WorkQueue
from gan_desktop.errors import ConnectionFailed, GanDesktopError, ImageSetError, PayloadError
from gan_desktop.records import (
    Joined,
    Reporter,
    Run,
    RunStatus,
    Shard,
    StopRequest,
    UnitComputed,
    UnitProgress,
    UnitStarted,
    WorkerState,
    WorkUnit,
)
from gan_desktop.training.device import set_threads
from gan_desktop.training.shard_cache import ShardCache
from gan_desktop.training.steps import StepFigures, UnitOutcome
from gan_desktop.worker.claims import Claims, Job
from gan_desktop.worker.courtesy import lower_priority
from gan_desktop.worker.deliveries import Deliveries
from gan_desktop.worker.heartbeat import Heartbeat
from gan_desktop.worker.home import WorkerHome
from gan_desktop.worker.joining import Membership, join, new_session_id
from gan_desktop.worker.link import Link
from gan_desktop.worker.options import Wishes, WorkerOptions
from gan_desktop.worker.status import Status
from gan_desktop.worker.studio import Studio
from gan_desktop.worker.transfers import Transfers
from gan_desktop.worker.weights import NewestWeights

logger = logging.getLogger(__name__)

# Less than this share of a unit is not worth its upload.
SMALLEST_SHARE = 0.1
# A worker that has handed in waits this share of its unit's time for the next iteration: work on
# the old one would weigh only half.
PATIENCE_SHARE = 0.3
SHORTEST_PATIENCE_S = 3.0
# On a slow link the next weights are asked for when this share of the unit is done.
WEIGHTS_AT_SHARE = 0.7


class Worker:
    """Contributes one device to a class. `run`, called once, does everything; the other methods may
    be called from any thread.

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
        self._wishes = Wishes()
        self._status = Status(reporter)
        self._link = Link()
        self._session_id = new_session_id()
        self._transfers = Transfers(address, self._on_trouble)
        self._deliveries = Deliveries(
            self._transfers, home.outbox, self._status, self._link, self._wishes, self._session_id
        )
        self._weights = NewestWeights(self._transfers, self._link, self._wishes)
        self._member: Membership | None = None
        self._heartbeat: Heartbeat | None = None
        self._num_begun = 0

    # -- what others ask ------------------------------------------------------------------------

    def request_stop(self, request: StopRequest) -> None:
        """End after this unit, or at once with what is done of it."""
        self._wishes.finish.set()
        if request is StopRequest.HAND_IN_NOW:
            self._wishes.hand_in.set()
        self._status.wake()

    def pause(self) -> None:
        """End the current batch, hand in what is done, give the rest back and wait for `resume`."""
        self._wishes.paused.set()
        self._status.wake()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._wishes.paused.clear()
        self._status.wake()

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
            claims = self._join()
            is_complete = self._work(claims)
            self._deliveries.finish()
        except ConnectionFailed:
            # Asked to stop while the class was away: what is finished waits on this disk.
            if not self._wishes.finish.is_set():
                raise
        finally:
            self._leave()
            self._status.change(WorkerState.COMPLETE if is_complete else WorkerState.STOPPED)
        if self._status.dismissal is not None:
            raise self._status.dismissal
        return is_complete

    def _join(self) -> Claims:
        member = self._member = join(
            self._transfers,
            self._deliveries,
            self._home,
            self._status,
            self._wishes,
            self._options,
            self._session_id,
        )
        self._heartbeat = Heartbeat(
            self._address,
            self._session_id,
            member.worker_id,
            self._options.heartbeat_interval_s,
            self._status.pulse,
            self._status.hear,
            self._status.dismiss,
        )
        self._heartbeat.start()
        claims = Claims(
            self._transfers, self._status, self._wishes, member, self._cache, self._options.batch_size
        )
        self._status.report(
            Joined(
                member.worker_id,
                member.name,
                member.hardware,
                member.device.reason,
                self._options.batch_size,
                claims.prepare(),
            )
        )
        return claims

    def _work(self, claims: Claims) -> bool:
        while not self._is_over():
            if self._wishes.paused.is_set():
                self._sit_out(claims)
                continue
            if claims.run is not None and self._is_ending(claims.run):
                self._status.change(WorkerState.WAITING_NONE_FREE)
                self._wait()
                continue
            found = claims.next()
            if isinstance(found, Job):
                self._train(found, claims)
            elif found is WorkerState.COMPLETE:
                return True
            else:
                self._status.change(found, {"coordinator_silent_s": self._status.coordinator_silent_s})
                self._wait()
        return False

    def _wait(self) -> None:
        """Sleep until there is news or it is time to ask again."""
        if not (self._is_over() or self._wishes.paused.is_set()):
            self._status.wait_for_news(self._options.poll_interval_s)

    def _is_complete(self, run: Run) -> bool:
        return self._status.run_is(run.run_id, RunStatus.COMPLETE)

    def _is_ending(self, run: Run) -> bool:
        """Whether the last iteration is out: the training will be complete in a moment."""
        is_last_out = self._status.newest_iteration(run.run_id) >= run.config.target_iterations
        return is_last_out and not self._is_complete(run)

    def _is_over(self) -> bool:
        return self._wishes.finish.is_set() or self._status.dismissal is not None or self._has_done_enough()

    def _has_done_enough(self) -> bool:
        return self._options.max_units is not None and self._num_begun >= self._options.max_units

    def _sit_out(self, claims: Claims) -> None:
        """Wait for `resume`, holding nothing that others could work on."""
        self._deliveries.finish()
        claims.give_back_prefetched()
        self._status.change(WorkerState.PAUSED)
        while self._wishes.paused.is_set() and not self._is_over():
            self._status.wait_for_news(self._options.poll_interval_s)

    # -- one unit -------------------------------------------------------------------------------

    def _train(self, job: Job, claims: Claims) -> None:
        """Compute one unit and hand it in."""
        studio = job.studio
        self._await_iteration(studio)
        if self._is_unwanted(job) or (images := self._load(job)) is None:
            claims.give_back(job.unit)
            if not self._is_complete(studio.run):
                self._wait()
            return
        self._num_begun += 1
        if not self._is_over():
            claims.prefetch()
        # What counts is the iteration the unit starts from, not the newest when it was prefetched.
        unit = replace(job.unit, iteration=studio.iteration)
        self._status.report(UnitStarted(unit))
        self._status.progress(unit, 0, 0.0, is_last=self._is_over())
        started = time.monotonic()
        outcome = studio.train(
            unit,
            images,
            should_stop=lambda: self._should_stop(job, started),
            on_step=lambda figures: self._on_step(job, figures, started),
            rest=self._rest,
            pace=self._options.pace,
        )
        self._link.judge(outcome.result.compute_seconds)
        if not self._status.is_held(unit.unit_id):
            self._status.drop(unit.unit_id, "The unit went to another computer.")
        elif outcome.result.num_images < SMALLEST_SHARE * unit.num_images:
            claims.give_back(unit)
            self._status.drop(unit.unit_id, "Too little of it was done to be worth sending. It goes back.")
        else:
            self._hand_in(unit, outcome, studio, started, claims)

    def _hand_in(
        self, unit: WorkUnit, outcome: UnitOutcome, studio: Studio, started: float, claims: Claims
    ) -> None:
        """Pack a unit's outcome and see it on its way; only on a slow link the next one need not wait."""
        try:
            update = studio.pack(unit, outcome)
        except PayloadError:
            claims.give_back(unit)
            self._status.drop(unit.unit_id, "Its numbers ran out of all bounds here. It goes back.")
            return
        self._status.report(UnitComputed(unit, outcome.result))
        self._deliveries.begin(unit, update, started)
        if not self._link.is_slow:
            self._deliveries.finish()

    def _await_iteration(self, studio: Studio) -> None:
        """After handing in, wait a little for the iteration that our update goes into."""
        if self._deliveries.newest is None or self._link.is_slow:
            return
        run_id, iteration = self._deliveries.newest
        patience = max(SHORTEST_PATIENCE_S, PATIENCE_SHARE * studio.run.config.unit_seconds)
        deadline = time.monotonic() + patience
        while (
            run_id == studio.run.run_id
            and self._status.newest_iteration(run_id) <= iteration
            and (left := deadline - time.monotonic()) > 0
            and not (self._is_over() or self._wishes.paused.is_set())
        ):
            self._status.change(WorkerState.WAITING_NONE_FREE, {"seconds": round(left)})
            self._status.wait_for_news(min(left, 0.5))

    def _is_unwanted(self, job: Job) -> bool:
        """Whether to give a claimed unit back instead of beginning it."""
        run = job.studio.run
        return (
            self._wishes.finish.is_set()
            or self._wishes.paused.is_set()
            or self._status.dismissal is not None
            or not self._status.is_held(job.unit.unit_id)
            or self._status.run_is(run.run_id, RunStatus.PAUSED, RunStatus.COMPLETE)
            or self._is_ending(run)
        )

    def _should_stop(self, job: Job, started: float) -> bool:
        """Whether to hand in what is done of the unit in work."""
        timeout, run = self._options.unit_timeout_s, job.studio.run
        return (
            self._wishes.hand_in.is_set()
            or self._wishes.paused.is_set()
            or self._status.dismissal is not None
            or not self._status.is_held(job.unit.unit_id)
            or self._is_complete(run)
            or (timeout is not None and time.monotonic() - started > timeout)
        )

    def _on_step(self, job: Job, figures: StepFigures, started: float) -> None:
        unit, num_done = job.unit, figures.num_images_done
        self._status.progress(unit, num_done, time.monotonic() - started, is_last=self._is_over())
        self._status.report(
            UnitProgress(
                unit.unit_id,
                num_done,
                unit.num_images,
                figures.loss_g,
                figures.loss_d,
                figures.d_real,
                figures.d_fake,
            )
        )
        if self._link.is_slow and num_done > WEIGHTS_AT_SHARE * unit.num_images and not self._is_over():
            self._weights.prefetch(job.studio)

    def _rest(self, seconds: float) -> None:
        self._wishes.hand_in.wait(seconds)

    # -- weights and pictures -------------------------------------------------------------------

    def _load(self, job: Job) -> torch.Tensor | None:
        """Put the newest weights into the studio; the unit's images, or None where one is missing."""
        self._status.change(WorkerState.LOADING)
        try:
            has_weights = self._weights.bring_to(job.studio)
            return job.studio.images(job.unit, self._fetch_shard) if has_weights else None
        except (PayloadError, ImageSetError) as error:
            self._status.drop(job.unit.unit_id, error.message)
            return None

    def _fetch_shard(self, shard: Shard) -> bytes:
        return self._transfers.call(
            lambda connection: Downloads(connection).shard(shard), self._wishes.finish
        )

    # -- leaving --------------------------------------------------------------------------------

    def _leave(self) -> None:
        """Say goodbye, which gives back all that is held, as far as the class can be reached."""
        # Nothing is worth a second try from here on: leases end by themselves.
        self._wishes.finish.set()
        self._wishes.hand_in.set()
        member = self._member
        try:
            if member is not None and self._status.dismissal is None:
                self._transfers.call(
                    lambda connection: WorkQueue(connection, self._session_id).leave(member.worker_id),
                    self._wishes.hand_in,
                )
        except GanDesktopError as error:
            logger.info("Could not say goodbye to the class: %s", error)
        finally:
            if self._heartbeat is not None:
                self._heartbeat.stop()
            self._transfers.close()
            if num_waiting := self._deliveries.num_waiting():
                self._status.notice(
                    f"{num_waiting} finished unit(s) are kept here and handed in at the next start."
                )

    def _on_trouble(self, error: ConnectionFailed, next_try_s: float) -> None:
        """The link is down. Runs in the transfers thread."""
        logger.info("No connection: %s", error)
        if self._status.state not in (WorkerState.COMPUTING, WorkerState.FINISHING):
            self._status.change(
                WorkerState.RETRYING,
                {
                    "reason": error.message,
                    "seconds": round(next_try_s),
                    "num_waiting": self._deliveries.num_waiting(),
                },
            )
