"""One virtual student: joins, claims, fetches, sleeps where a real one computes, and hands in."""

from __future__ import annotations

import hashlib
import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Collection

from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.downloads import Downloads
from gan_desktop.database.work_queue import CHANNEL, Directives, WorkQueue
from gan_desktop.errors import ConnectionFailed, GanDesktopError, LeaseLost, Refused
from gan_desktop.records import (
    CheckFigures,
    Hardware,
    Run,
    RunStatus,
    Shard,
    UnitResult,
    Update,
    Weights,
    WorkerState,
    WorkUnit,
)
from gan_desktop.rehearsal.habits import Habits
from gan_desktop.rehearsal.noise import NoiseUpdates
from gan_desktop.rehearsal.tally import Tally

logger = logging.getLogger(__name__)

HARDWARE = Hardware("virtual", gpu_name=None, cpu_cores=1, ram_gb=0.0, gpu_vram_gb=None)
# As long as a real worker waits for the iteration that its update goes into.
PATIENCE_SHARE = 0.3


class VirtualStudent:
    """Speaks to the class as a real worker does, over two connections, and computes nothing.

    Args:
        address: The class, with the student's own login.
        updates: Makes the updates of a run; shared by the whole class.
        seed: Decides its updates, when it starts, and how long each of its units takes.
    """

    def __init__(
        self,
        address: Address,
        name: str,
        habits: Habits,
        updates: Callable[[Run], NoiseUpdates],
        tally: Tally,
        seed: int,
    ) -> None:
        self._address = address
        self._name = name
        self._habits = habits
        self._updates = updates
        self._tally = tally
        self._stop = threading.Event()
        self._has_vanished = self._is_spoilt = False
        self._random = random.Random(seed)
        self._session_id = str(uuid.UUID(int=self._random.getrandbits(128)))
        self._lock = threading.Lock()
        self._state = WorkerState.JOINING
        self._held: list[WorkUnit] = []
        # What could not be handed in before the connection was lost; a real worker keeps it on its disk.
        self._undelivered: Update | None = None
        self._directives: Directives | None = None
        self._is_news = threading.Event()
        self._weights: Weights | None = None
        self._shards: set[int] = set()

    @property
    def login(self) -> str:
        """By which the class knows it."""
        return self._address.user

    def stop(self) -> None:
        """Let it leave: what it holds goes back at once."""
        self._stop.set()

    def vanish(self) -> None:
        """Let it end without a word, as a computer whose lid is closed."""
        self._has_vanished = True
        self._stop.set()

    def spoil(self) -> None:
        """Let it hand in garbage from now on."""
        self._is_spoilt = True

    def run(self) -> None:
        """Take part until stopped, or until the training is complete; errors are counted, never raised."""
        self._stop.wait(self._random.random() * self._habits.start_s)
        while not self._stop.is_set():
            try:
                with Connection(self._address, "gan-desktop rehearsal") as connection:
                    self._take_part(connection)
                    return
            except Exception as error:
                if not (isinstance(error, ConnectionFailed) and error.is_passing):
                    logger.exception("%s has failed", self._name)
                    self._tally.count(failed=1)
                    return
                self._tally.count(lost_connections=1)
                self._stop.wait(1.0)

    def _take_part(self, connection: Connection) -> None:
        queue = WorkQueue(connection, self._session_id)
        worker_id = queue.register("virtual", self._name, HARDWARE)
        is_over = threading.Event()
        heart = threading.Thread(target=self._beat, args=(worker_id, is_over), name=f"{self._name} heart")
        heart.start()
        try:
            self._work(connection, queue, worker_id)
        finally:
            is_over.set()
            heart.join()
        # After the last sign of life, which would call the student back.
        if not self._has_vanished:
            queue.leave(worker_id)

    # -- units ----------------------------------------------------------------------------------

    def _work(self, connection: Connection, queue: WorkQueue, worker_id: str) -> None:
        downloads = Downloads(connection)
        run: Run | None = None
        if self._undelivered is not None:
            self._deliver(queue, self._undelivered)
        with self._lock:
            # From before the connection was lost.
            claimed = list(self._held)
        while not self._stop.is_set():
            unit = claimed.pop(0) if claimed else self._claim(queue, worker_id)
            if unit is None:
                if self._state is WorkerState.COMPLETE:
                    return
                self._stop.wait(self._habits.poll_interval_s)
                continue
            if run is None or run.run_id != unit.run_id:
                run = queue.current_run()
                if run is None or run.run_id != unit.run_id:  # a new training began in between
                    queue.release(unit)
                    self._let_go([unit.unit_id])
                    continue
            self._fetch(downloads, run, unit)
            # As a real worker: the next unit is claimed while this one is computed.
            if not claimed and (following := self._claim(queue, worker_id)) is not None:
                claimed.append(following)
            self._compute(unit)
            if not self._stop.is_set():
                self._deliver(queue, self._update(run, unit))
                self._await_iteration(run)

    def _claim(self, queue: WorkQueue, worker_id: str) -> WorkUnit | None:
        with self._tally.timed("claim"):
            claim = queue.claim(worker_id, sorted(self._shards))
        if claim.unit is None:
            self._state = claim.waiting or WorkerState.WAITING_NONE_FREE
        else:
            with self._lock:
                self._held.append(claim.unit)
        return claim.unit

    def _fetch(self, downloads: Downloads, run: Run, unit: WorkUnit) -> None:
        """Bring weights and shards here: their bytes travel, and are forgotten."""
        self._state = WorkerState.LOADING
        known = self._weights
        with self._tally.timed("weights"):
            self._weights = downloads.newest_weights(run.run_id, known=known)
            if self._weights is not None and self._weights is not known:
                self._carry(len(self._weights.payload), is_up=False)
        missing = {part.shard_id for part in unit.ranges} - self._shards
        if missing:
            for shard in downloads.shards(run.dataset_id):
                if shard.shard_id in missing:
                    self._fetch_shard(downloads, shard)

    def _fetch_shard(self, downloads: Downloads, shard: Shard) -> None:
        self._carry(len(downloads.shard(shard)), is_up=False)
        self._shards.add(shard.shard_id)

    def _compute(self, unit: WorkUnit) -> None:
        self._state = WorkerState.COMPUTING
        share = 1 + self._random.uniform(-1, 1) * self._habits.unevenness
        with self._tally.timed("computing"):
            self._stop.wait(share * unit.num_images / self._habits.images_per_second)

    def _deliver(self, queue: WorkQueue, update: Update) -> None:
        self._state, self._undelivered = WorkerState.UPLOADING, update
        try:
            with self._tally.timed("submit"):
                queue.submit(update)
                self._carry(len(update.payload), is_up=True)
        except (Refused, LeaseLost) as error:
            logger.info("%s: unit %d was refused: %s", self._name, update.unit_id, error)
            self._tally.count(refused=1)
        else:
            self._tally.count(units=1, images=update.result.num_images)
        self._undelivered = None
        self._let_go([update.unit_id])

    def _let_go(self, unit_ids: Collection[int]) -> None:
        with self._lock:
            self._held = [held for held in self._held if held.unit_id not in unit_ids]

    def _await_iteration(self, run: Run) -> None:
        """Wait a little for the iteration that the update goes into."""
        self._state = WorkerState.WAITING_NONE_FREE
        iteration = self._weights.iteration if self._weights else -1
        deadline = time.monotonic() + PATIENCE_SHARE * run.config.unit_seconds
        while not self._stop.is_set() and (left := deadline - time.monotonic()) > 0:
            told = self._directives
            if told is not None and (told.iteration > iteration or told.run_status is not RunStatus.RUNNING):
                return
            self._is_news.wait(min(left, 0.5))
            self._is_news.clear()

    def _update(self, run: Run, unit: WorkUnit) -> Update:
        noise = self._updates(run)
        payload = noise.garbage(self._random) if self._is_spoilt else noise.make(self._random)
        step_batch, num_images = run.config.step_batch, unit.num_images
        result = UnitResult(
            num_images=num_images,
            num_steps=max(1, num_images // step_batch + (num_images % step_batch > 1)),
            loss_g=1.0,
            loss_d=1.0,
            d_real=0.5,
            d_fake=0.5,
            check=CheckFigures(1.0, 1.0, 1.0, 1.0, num_images=min(step_batch, num_images)),
            compute_seconds=num_images / self._habits.images_per_second,
        )
        return Update(
            unit_id=unit.unit_id,
            run_id=unit.run_id,
            iteration=self._weights.iteration if self._weights else unit.iteration,
            lease_token=unit.lease_token,
            codec=run.config.codec_up,
            payload=payload,
            sha256=hashlib.sha256(payload).hexdigest(),
            result=result,
        )

    def _carry(self, num_bytes: int, *, is_up: bool) -> None:
        """Count bytes, and take the time that they take on the student's link."""
        self._tally.count(**{"bytes_up" if is_up else "bytes_down": num_bytes})
        if self._habits.link_bytes_per_second is not None:
            self._stop.wait(num_bytes / self._habits.link_bytes_per_second)

    # -- signs of life --------------------------------------------------------------------------

    def _beat(self, worker_id: str, is_over: threading.Event) -> None:
        """Keep the leases over a connection of its own; a notification brings the next beat forward."""
        while not is_over.is_set():
            try:
                with Connection(self._address, "gan-desktop rehearsal heartbeat") as connection:
                    connection.listen(CHANNEL)
                    queue = WorkQueue(connection, self._session_id)
                    while not is_over.is_set():
                        self._beat_once(queue, worker_id)
                        self._rest(connection, is_over)
            except GanDesktopError as error:
                logger.info("%s: no sign of life: %s", self._name, error)
                is_over.wait(1.0)

    def _beat_once(self, queue: WorkQueue, worker_id: str) -> None:
        with self._lock:
            unit_ids = [unit.unit_id for unit in self._held]
        self._directives = queue.heartbeat(worker_id, self._state, {}, unit_ids, 0, None)
        self._let_go(self._directives.lost_units)
        self._is_news.set()

    def _rest(self, connection: Connection, is_over: threading.Event) -> None:
        deadline = time.monotonic() + self._habits.heartbeat_interval_s
        while not is_over.is_set() and (left := deadline - time.monotonic()) > 0:
            if connection.wait(min(0.25, left)):
                return
