"""The coordinator's loop: merge what came in, publish the next iteration, look at it, again.

All that outlives the process is in the database. Whatever goes wrong on the way, the loop begins
anew from the last published iteration: `_restore` is both the start and the recovery.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import tenacity

from gan_desktop.coordinator.audit import REFUSAL
from gan_desktop.coordinator.lease import LeaseKeeper
from gan_desktop.coordinator.loaded_run import LoadedRun
from gan_desktop.coordinator.rounds import candidate, decision, is_due, late, mean_figures, refused
from gan_desktop.database.address import Address
from gan_desktop.database.checkpoints import Checkpoints
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import LEASE_SECONDS, CoordinatorLease, Runs
from gan_desktop.database.schema import require_fitting_schema
from gan_desktop.errors import ConnectionFailed, CoordinatorReplaced, GanDesktopError, PayloadError
from gan_desktop.records import (
    IterationPublished,
    Notice,
    PendingUpdate,
    Publication,
    Reporter,
    RunStatus,
    RunTaken,
    UpdateDecision,
    UpdateRefused,
)
from gan_desktop.training.device import set_threads
from gan_desktop.training.merge import judge_updates, merge_updates
from gan_desktop.training.networks import build_gan
from gan_desktop.training.shard_cache import ShardCache

logger = logging.getLogger(__name__)

T = TypeVar("T")

POLL_S = 0.25
# Whoever holds a lock that we wait for longer than this is ended by the watchdog; we begin anew.
LOCK_TIMEOUT_MS = 20_000
# How long workers may still hand in their last units once the training is complete. Whoever is
# not heard of loses his lease long before.
LAST_UNITS_S = 60.0


class Coordinator:
    """Runs one training. `run`, called once, does everything; `stop` may be called from any thread.

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
            GanDesktopError: There is no such training, or another one goes on.
        """
        set_threads()
        try:
            while not self._stop.is_set():
                try:
                    loaded = self._persistently(self._restore)
                    if loaded is None:
                        continue
                    self._reporter.report(RunTaken(loaded.state.iteration))
                    if self._coordinate(loaded):
                        return True
                except ConnectionFailed as error:
                    if not error.is_passing:
                        raise
                    if not self._stop.is_set():
                        self._notice(f"The database is away: {error.message} Trying again.")
            return False
        finally:
            self._close()

    # -- starting and recovering ----------------------------------------------------------------

    def _persistently(self, call: Callable[[], T]) -> T:
        """Repeat a call while the database is away."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda e: isinstance(e, ConnectionFailed) and e.is_passing),
            wait=tenacity.wait_random_exponential(multiplier=0.5, max=15),
            stop=tenacity.stop_when_event_set(self._stop),
            sleep=tenacity.sleep_using_event(self._stop),
            before_sleep=self._tell_trouble,
            reraise=True,
        )
        answer: T = retrying(call)
        return answer

    def _tell_trouble(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if state.attempt_number == 1 and isinstance(error, ConnectionFailed):
            self._notice(f"The database is away: {error.message} Trying again until it is back.")

    def _restore(self) -> LoadedRun | None:
        """Connect, take the run and load its last published iteration; None: stopped while waiting.

        What a crash left undone is done: the first iteration is published, the last one looked at.
        """
        self._disconnect()
        self._connection = Connection(
            self._address, "gan-desktop coordinator", {"lock_timeout": str(LOCK_TIMEOUT_MS)}
        )
        require_fitting_schema(self._connection)
        token = self._take_run(self._connection)
        if token is None:
            return None
        loaded = LoadedRun.load(self._connection, self._run_id, token, self._cache)
        loaded.coordination.drop_stale_payloads()
        if loaded.run.iteration < 0:
            self._publish(loaded, (), [], 0)
        else:
            loaded.look()
        if loaded.run.status is RunStatus.CREATED:
            self._begin_training(self._connection)
            loaded.coordination.add_event("started", f'The training "{loaded.run.name}" has begun.')
        return loaded

    def _begin_training(self, connection: Connection) -> None:
        if not Runs(connection).set_status(self._run_id, RunStatus.RUNNING):
            raise GanDesktopError(
                "Another training of this class is going on. Finish it first: a class trains one network"
                " at a time.",
                title="A training is in progress already",
            )

    def _take_run(self, connection: Connection) -> str | None:
        """Take the coordinator's lease; one that a crashed coordinator left runs out by itself.

        Returns:
            The token to publish with; None when a stop was asked for while waiting.

        Raises:
            CoordinatorReplaced: The other coordinator gives signs of life.
        """
        lease = CoordinatorLease(connection, self._run_id, self._token)
        seen_at, has_told = lease.holder_seen_at(), False
        while not lease.take():
            if lease.holder_seen_at() != seen_at:
                raise CoordinatorReplaced(
                    "Another coordinator runs this training. Stop it first, or let it go on."
                )
            if not has_told:
                self._notice(f"Waiting up to {LEASE_SECONDS:.0f} s for the last coordinator's lease to end.")
                has_told = True
            if self._stop.wait(1.0):
                return None
        self._token = lease.token
        if self._keeper is None:
            self._keeper = LeaseKeeper(self._address, self._run_id, lease.token)
            self._keeper.start()
        return lease.token

    # -- the loop -------------------------------------------------------------------------------

    def _coordinate(self, loaded: LoadedRun) -> bool:
        """Merge round after round; True at the training's end, False when a stop was asked for."""
        assert self._keeper is not None
        while not self._stop.is_set():
            self._keeper.require()
            # The updates before the iteration: then none is of a newer one than we know.
            fresh, too_late = self._sorted_by_age(loaded)
            situation = loaded.coordination.situation()
            if situation.iteration != loaded.state.iteration:
                raise CoordinatorReplaced("Another coordinator has published while this one was asleep.")
            loaded.follow(situation.config)
            if loaded.is_at_target or situation.status is RunStatus.COMPLETE:
                self._complete(loaded)
                return True
            if situation.go_back_to is not None:
                self._go_back(loaded, situation.go_back_to)
            elif is_due(fresh, situation, loaded.run.config):
                self._merge(loaded, fresh, too_late)
            else:
                self._stop.wait(self._poll_s)
        return False

    def _sorted_by_age(self, loaded: LoadedRun) -> tuple[list[PendingUpdate], list[PendingUpdate]]:
        """The waiting updates: those that may take part, and those that came too late."""
        oldest = loaded.oldest_iteration
        pending = loaded.coordination.pending_updates()
        return [u for u in pending if u.iteration >= oldest], [u for u in pending if u.iteration < oldest]

    def _merge(self, loaded: LoadedRun, updates: list[PendingUpdate], too_late: list[PendingUpdate]) -> None:
        """Merge a round and publish it. A round in which nothing counted publishes nothing."""
        coordination, config, iteration = loaded.coordination, loaded.run.config, loaded.state.iteration
        passed: list[PendingUpdate] = []
        failed: list[PendingUpdate] = []
        for update in updates:
            audited = loaded.audit.passes(update, coordination, loaded.downloads)
            (passed if audited else failed).append(update)
        result = merge_updates(
            [candidate(update, iteration) for update in passed],
            coordination.update_payload,
            loaded.update_format,
            config,
            coordination.norm_history(),
            # Unknown to workers: who knew which values are looked at could forge the others.
            seed=secrets.randbits(31),
        )
        decisions = (
            *map(decision, result.verdicts),
            *(refused(update, REFUSAL) for update in failed),
            *self._judge_late(loaded, too_late),
        )
        if result.mean is None:
            coordination.credit_only(decisions, iteration)
        else:
            loaded.state.apply(result.mean, result.num_images, config)
            counted = {verdict.update_id for verdict in result.verdicts if verdict.counted}
            self._publish(loaded, decisions, [u for u in passed if u.update_id in counted], result.num_images)
        self._tell_refusals([*updates, *too_late], decisions)

    def _go_back(self, loaded: LoadedRun, iteration: int) -> None:
        """Publish an earlier iteration's weights as the next one, because the instructor wishes it.

        What students have computed meanwhile is credited as late work: it belongs to the weights that
        are left.
        """
        assert self._connection is not None
        checkpoints = Checkpoints(self._connection, self._run_id)
        pending = loaded.coordination.pending_updates()
        decisions = tuple(self._judge_late(loaded, pending))
        try:
            loaded.went_back(checkpoints.weights(iteration, "live"), checkpoints.weights(iteration, "ema"))
        except PayloadError as error:
            loaded.coordination.forget_going_back()
            words = f"The training cannot go back to iteration {iteration}: {error.message}"
            loaded.coordination.add_event("went_back", words)
            self._notice(words)
            return
        self._publish(loaded, decisions, [], 0, went_back=True)
        self._tell_refusals(pending, decisions)
        words = f"The training went back: iteration {loaded.state.iteration} has the weights of {iteration}."
        loaded.coordination.add_event("went_back", words, public=True)
        self._notice(words)

    def _judge_late(self, loaded: LoadedRun, updates: list[PendingUpdate]) -> list[UpdateDecision]:
        """Late work gets its credit if it passes the gate like any other."""
        if not updates:
            return []
        verdicts = judge_updates(
            [candidate(update, loaded.state.iteration) for update in updates],
            loaded.coordination.update_payload,
            loaded.update_format,
            loaded.run.config,
            loaded.coordination.norm_history(),
            seed=secrets.randbits(31),
        )
        return [late(verdict) for verdict in verdicts]

    def _publish(
        self,
        loaded: LoadedRun,
        decisions: tuple[UpdateDecision, ...],
        counted: list[PendingUpdate],
        num_images: int,
        *,
        went_back: bool = False,
    ) -> None:
        """Write the state's iteration down, wake the workers, then look at what it draws."""
        config, state = loaded.run.config, loaded.state
        is_checkpoint = state.iteration % config.checkpoint_every == 0 or loaded.is_at_target
        state.recalibrate(build_gan(config), config, with_live=is_checkpoint)
        live = loaded.encoded("live")
        figures = mean_figures(counted)
        loaded.coordination.publish(
            Publication(
                iteration=state.iteration,
                live=live,
                ema=loaded.encoded("ema"),
                state=state.to_bytes(),
                decisions=decisions,
                num_images=num_images,
                is_checkpoint=is_checkpoint,
                went_back=went_back,
                **figures,
            )
        )
        assert self._connection is not None
        Runs(self._connection).wake_workers()
        loaded.remember(live)
        looked = loaded.look()
        now = time.monotonic()
        self._reporter.report(
            IterationPublished(
                iteration=state.iteration,
                num_updates=len(counted),
                num_images=num_images,
                distance=looked.distance,
                seconds=now - self._published_at,
                **figures,
            )
        )
        self._published_at = now
        if looked.sample is not None:
            self._reporter.report(looked.sample)

    def _complete(self, loaded: LoadedRun) -> None:
        """End the training; units that are being handed in at this moment still get their credit."""
        assert self._connection is not None
        Runs(self._connection).set_status(self._run_id, RunStatus.COMPLETE)
        deadline = time.monotonic() + LAST_UNITS_S
        while True:
            are_done = loaded.coordination.num_open_leases() == 0 or time.monotonic() > deadline
            pending = loaded.coordination.pending_updates()
            decisions = tuple(self._judge_late(loaded, pending))
            if decisions:
                loaded.coordination.credit_only(decisions, loaded.state.iteration)
                self._tell_refusals(pending, decisions)
            if are_done or self._stop.wait(self._poll_s):
                break
        loaded.coordination.add_event(
            "complete", f'The training "{loaded.run.name}" is complete.', public=True
        )
        self._notice(f"The training is complete: {loaded.state.iteration} iterations.")

    # -- small parts ----------------------------------------------------------------------------

    def _tell_refusals(self, updates: list[PendingUpdate], decisions: tuple[UpdateDecision, ...]) -> None:
        workers = {update.update_id: update.worker_id for update in updates}
        for made in decisions:
            if made.status == "not_counted":
                self._reporter.report(
                    UpdateRefused(made.update_id, workers[made.update_id], made.reason or "")
                )

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
