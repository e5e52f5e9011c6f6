"""The coordinator's loop: merge what came in, publish the next iteration, look at it, again.

All that outlives the process is in the database. Whatever goes wrong on the way, the loop begins
anew from the last published iteration: `_restore` is both the start and the recovery.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import tenacity
import torch

from gan_desktop.coordinator.audit import REFUSAL, Audit
from gan_desktop.coordinator.evaluation import Evaluation
from gan_desktop.coordinator.lease import LeaseKeeper
from gan_desktop.coordinator.rounds import (
    candidate,
    decision,
    is_due,
    late,
    mean_figures,
    refused,
)
from gan_desktop.database.connection import Address, Connection
from gan_desktop.database.coordination import LEASE_SECONDS, Coordination, CoordinatorLease, Runs
from gan_desktop.database.downloads import Downloads
from gan_desktop.database.schema import require_fitting_schema
from gan_desktop.errors import ConnectionFailed, CoordinatorReplaced, PayloadError
from gan_desktop.records import (
    IterationPublished,
    Notice,
    PendingUpdate,
    Publication,
    Reporter,
    Run,
    RunStatus,
    SampleDrawn,
    UpdateDecision,
    UpdateRefused,
    Weights,
)
from gan_desktop.training.merge import UpdateFormat, merge_updates
from gan_desktop.training.networks import Tensors, build_gan, network_fingerprint
from gan_desktop.training.outer import OuterState
from gan_desktop.training.payload import PayloadInfo, decode, encode
from gan_desktop.training.shard_cache import ShardCache

logger = logging.getLogger(__name__)

T = TypeVar("T")

POLL_S = 0.25
# How long workers may still hand in their last units once the training is complete.
LAST_UNITS_S = 15.0


@dataclass
class _Round:
    """What the coordinator has in memory of its run, all of it made again by `_restore`."""

    run: Run
    state: OuterState
    coordination: Coordination
    downloads: Downloads
    audit: Audit
    evaluation: Evaluation
    update_format: UpdateFormat


class Coordinator:
    """Runs one training. `run` does everything; `stop` may be called from any thread.

    Args:
        address: The class, as its coordinator role.
        cache: Shards on this disk (held-out pictures, spot checks).
        poll_s: Seconds between two looks at what came in.
    """

    def __init__(
        self, address: Address, run_id: int, cache: ShardCache, reporter: Reporter, *, poll_s: float = POLL_S
    ) -> None:
        self._address = address
        self._run_id = run_id
        self._cache = cache
        self._reporter = reporter
        self._poll_s = poll_s
        self._stop = threading.Event()
        self._connection: Connection | None = None
        self._token: str | None = None
        self._keeper: LeaseKeeper | None = None
        self._published_at = time.monotonic()

    def stop(self) -> None:
        """End after the round at hand. Workers wait and say so; the class goes on with the next start."""
        self._stop.set()

    def run(self) -> bool:
        """Coordinate until the training is complete (True) or `stop` was called (False).

        Raises:
            CoordinatorReplaced: Another coordinator runs this training.
            ConnectionFailed: The login is refused; a database that is away is waited for.
            SchemaError: Class and program do not fit.
        """
        try:
            while not self._stop.is_set():
                try:
                    if self._coordinate(self._persistently(self._restore)):
                        return True
                except ConnectionFailed as error:
                    if not error.is_passing:
                        raise
                    self._notice(f"The database is away: {error.message} Trying again.")
                    self._disconnect()
            return False
        finally:
            self._close()

    # -- starting and recovering ----------------------------------------------------------------

    def _persistently(self, call: Callable[[], T]) -> T:
        """Repeat a call while the database is away."""
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda e: isinstance(e, ConnectionFailed) and e.is_passing),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=15),
            stop=tenacity.stop_when_event_set(self._stop),
            sleep=tenacity.sleep_using_event(self._stop),
            before_sleep=lambda _: self._disconnect(),
            reraise=True,
        )(call)

    def _restore(self) -> _Round:
        """Connect, take the run, and load the last published iteration (or publish the first)."""
        self._disconnect()
        self._connection = Connection(self._address, "gan-desktop coordinator")
        require_fitting_schema(self._connection)
        self._take_run(self._connection)
        run = Runs(self._connection).get(self._run_id)
        assert self._token is not None
        coordination = Coordination(self._connection, self._run_id, self._token)
        downloads = Downloads(self._connection)
        stored = coordination.state()
        state = OuterState.from_bytes(stored, run.config) if stored else OuterState.fresh(run.config)
        gan = build_gan(run.config)
        shards = downloads.shards(run.dataset_id)
        held_out = [
            self._cache.images(shard, run.config.image_size, downloads.shard)
            for shard in shards
            if shard.is_held_out
        ]
        size = run.config.image_size
        loaded = _Round(
            run=run,
            state=state,
            coordination=coordination,
            downloads=downloads,
            audit=Audit(run, gan, shards, self._cache),
            evaluation=Evaluation(
                run.config, gan, torch.cat(held_out) if held_out else torch.empty(0, 3, size, size)
            ),
            update_format=UpdateFormat.of(run.config),
        )
        if run.iteration < 0:
            self._publish(loaded, (), [], 0)
        else:
            self._remember_published(loaded)
        if run.status is RunStatus.CREATED:
            Runs(self._connection).set_status(self._run_id, RunStatus.RUNNING)
        return loaded

    def _take_run(self, connection: Connection) -> None:
        """Take the coordinator's lease; one that a crashed coordinator left runs out by itself."""
        lease = CoordinatorLease(connection, self._run_id, self._token)
        deadline = time.monotonic() + LEASE_SECONDS + 2
        has_told = False
        while not lease.take():
            if time.monotonic() > deadline:
                raise CoordinatorReplaced(
                    "Another coordinator runs this training. Stop it first, or let it go on."
                )
            if not has_told:
                self._notice(f"Waiting up to {LEASE_SECONDS:.0f} s for the last coordinator's lease to end.")
                has_told = True
            if self._stop.wait(1.0):
                raise CoordinatorReplaced("Stopped while another coordinator's lease was running.")
        self._token = lease.token
        if self._keeper is None:
            self._keeper = LeaseKeeper(self._address, self._run_id, lease.token)
            self._keeper.start()

    def _remember_published(self, current: _Round) -> None:
        """Let the audit know the newest weights after a restart."""
        weights = current.downloads.newest_weights(self._run_id)
        if weights is not None:
            current.audit.remember(weights.iteration, self._decoded(current, weights.payload))

    # -- the loop -------------------------------------------------------------------------------

    def _coordinate(self, current: _Round) -> bool:
        config, connection = current.run.config, self._connection
        assert connection is not None and self._keeper is not None
        while not self._stop.is_set():
            self._keeper.require()
            if current.state.iteration >= config.target_iterations:
                self._complete(current)
                return True
            situation = current.coordination.situation()
            if situation.status is RunStatus.COMPLETE:
                self._complete(current)
                return True
            fresh, too_late = self._sorted_by_age(current)
            if is_due(fresh, situation, config):
                self._merge(current, fresh, too_late)
            else:
                self._stop.wait(self._poll_s)
        return False

    def _sorted_by_age(self, current: _Round) -> tuple[list[PendingUpdate], list[PendingUpdate]]:
        """The waiting updates: those that may take part, and those that came too late."""
        oldest = current.state.iteration - current.run.config.max_staleness
        pending = current.coordination.pending_updates()
        return [u for u in pending if u.iteration >= oldest], [u for u in pending if u.iteration < oldest]

    def _merge(self, current: _Round, updates: list[PendingUpdate], too_late: list[PendingUpdate]) -> None:
        """Merge a round and publish it. A round in which nothing counted publishes nothing."""
        coordination, iteration = current.coordination, current.state.iteration
        passed: list[PendingUpdate] = []
        failed: list[PendingUpdate] = []
        for update in updates:
            audited = current.audit.passes(update, coordination, current.downloads)
            (passed if audited else failed).append(update)
        result = merge_updates(
            [candidate(update, iteration) for update in passed],
            coordination.update_payload,
            current.update_format,
            current.run.config,
            coordination.norm_history(),
            seed=current.run.config.seed + iteration,
        )
        decisions = (
            *map(decision, result.verdicts),
            *(refused(update, REFUSAL) for update in failed),
            *(self._judge_late(current, update) for update in too_late),
        )
        if result.mean is None:
            coordination.credit_only(decisions, iteration)
        else:
            current.state.apply(result.mean, result.num_images, current.run.config)
            counted = {verdict.update_id for verdict in result.verdicts if verdict.counted}
            self._publish(
                current, decisions, [u for u in passed if u.update_id in counted], result.num_images
            )
        self._tell_refusals(updates, decisions)

    def _judge_late(self, current: _Round, update: PendingUpdate) -> UpdateDecision:
        """Late work gets its credit if it is work at all."""
        try:
            current.update_format.read(current.coordination.update_payload(update.update_id))
        except PayloadError as error:
            return refused(update, error.message)
        return late(update)

    def _publish(
        self,
        current: _Round,
        decisions: tuple[UpdateDecision, ...],
        counted: list[PendingUpdate],
        num_images: int,
    ) -> None:
        """Write the state's iteration down, wake the workers, then look at what it draws."""
        config, state = current.run.config, current.state
        gan = build_gan(config)
        state.recalibrate(gan, config)
        live = self._encoded(current, "live", state.weights)
        figures = mean_figures(counted)
        publication = Publication(
            iteration=state.iteration,
            live=live,
            ema=self._encoded(current, "ema", state.ema),
            state=state.to_bytes(),
            decisions=decisions,
            num_images=num_images,
            is_checkpoint=state.iteration % config.checkpoint_every == 0
            or state.iteration == config.target_iterations,
            **figures,
        )
        current.coordination.publish(publication)
        assert self._connection is not None
        Runs(self._connection).wake_workers()
        current.audit.remember(state.iteration, self._decoded(current, live.payload))
        distance = self._look(current)
        now = time.monotonic()
        self._reporter.report(
            IterationPublished(
                iteration=state.iteration,
                num_updates=len(counted),
                num_images=num_images,
                distance=distance,
                seconds=now - self._published_at,
                **figures,
            )
        )
        self._published_at = now

    def _look(self, current: _Round) -> float | None:
        """Draw the grid and measure the distance, where this iteration is due for it."""
        config, state = current.run.config, current.state
        is_last = state.iteration == config.target_iterations
        if state.iteration % config.sample_every == 0 or is_last:
            png = current.evaluation.grid(state.ema)
            current.coordination.add_sample(state.iteration, png)
            self._reporter.report(SampleDrawn(state.iteration, png))
        if state.iteration % config.evaluate_every == 0 or is_last:
            distance = current.evaluation.distance(state.ema)
            if distance is not None:
                current.coordination.set_distance(state.iteration, distance)
            return distance
        return None

    def _complete(self, current: _Round) -> None:
        """End the training; units that are being handed in at this moment still get their credit."""
        assert self._connection is not None
        Runs(self._connection).set_status(self._run_id, RunStatus.COMPLETE)
        deadline = time.monotonic() + LAST_UNITS_S
        while True:
            are_done = current.coordination.num_open_leases() == 0 or time.monotonic() > deadline
            pending = current.coordination.pending_updates()
            decisions = [self._judge_late(current, update) for update in pending]
            if decisions:
                current.coordination.credit_only(decisions, current.state.iteration)
            if are_done or self._stop.wait(self._poll_s):
                break
        current.coordination.add_event("complete", "The training is complete.", public=True)

    # -- small parts ----------------------------------------------------------------------------

    def _encoded(self, current: _Round, kind: Literal["live", "ema"], tensors: Tensors) -> Weights:
        config, iteration = current.run.config, current.state.iteration
        codec = config.codec_down if kind == "live" else "int8"
        info = PayloadInfo(
            kind="weights" if kind == "live" else "ema",
            run_id=self._run_id,
            iteration=iteration,
            codec=codec,
            network=network_fingerprint(config),
        )
        payload = encode(tensors, info, seed=config.seed + iteration)
        return Weights(self._run_id, iteration, kind, codec, payload, hashlib.sha256(payload).hexdigest())

    def _decoded(self, current: _Round, payload: bytes) -> Tensors:
        """The live weights as every worker has them: with the codec's rounding."""
        shapes = current.update_format.shapes
        return decode(payload, shapes=shapes, network=current.update_format.network)

    def _tell_refusals(self, updates: list[PendingUpdate], decisions: tuple[UpdateDecision, ...]) -> None:
        workers = {update.update_id: update.worker_id for update in updates}
        for made in decisions:
            if made.status == "not_counted":
                worker_id = workers.get(made.update_id, "")
                self._reporter.report(UpdateRefused(made.update_id, worker_id, made.reason or ""))

    def _notice(self, text: str) -> None:
        logger.info(text)
        self._reporter.report(Notice(text))

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _close(self) -> None:
        """Leave the run to the next coordinator at once, as far as the database can be reached."""
        if self._keeper is not None:
            self._keeper.stop()
        if self._connection is not None and self._token is not None:
            try:
                CoordinatorLease(self._connection, self._run_id, self._token).drop()
            except ConnectionFailed as error:
                logger.info("The lease runs out by itself: %s", error)
        self._disconnect()
