"""A class for tests: a real database with an instructor, students, pictures and a training."""

from __future__ import annotations

import hashlib
import itertools
import random
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gan_desktop.database.accounts import Accounts, Login
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import Coordination, CoordinatorLease, Runs
from gan_desktop.database.schema import NewClass
from gan_desktop.database.shards import ShardStore
from gan_desktop.database.work_queue import WorkQueue
from gan_desktop.records import (
    CheckFigures,
    Hardware,
    Publication,
    RunConfig,
    RunStatus,
    ShardFile,
    UnitResult,
    Update,
    UpdateDecision,
    Weights,
    WorkerState,
    WorkUnit,
)

# Small units of few images, so that a test sees several epochs.
CONFIG = RunConfig(
    step_batch=4, first_unit_images=16, min_unit_images=8, max_unit_images=64, unit_seconds=10.0, seed=7
)
MAX_UPDATE_BYTES = 10_000


@dataclass
class Worker:
    """A student's computer: its connection, its calls and the session it started with."""

    login: Login
    connection: Connection
    device_id: str
    hostname: str
    queue: WorkQueue
    worker_id: str

    def claim(self, cached_shards: Sequence[int] = ()) -> WorkUnit:
        """The next unit; fails the test if there is none."""
        claim = self.queue.claim(self.worker_id, cached_shards)
        assert claim.unit is not None, claim.waiting
        return claim.unit

    def beat(self, *units: WorkUnit, images_done: int = 0) -> tuple[int, ...]:
        """A sign of life that keeps `units`; returns those that were lost."""
        ids = [unit.unit_id for unit in units]
        directives = self.queue.heartbeat(self.worker_id, WorkerState.COMPUTING, {}, ids, images_done, None)
        return directives.lost_units

    def restart(self) -> None:
        """The program is started again on the same computer."""
        self.queue = WorkQueue(self.connection, str(uuid.uuid4()))
        self.worker_id = self.queue.register(self.device_id, "A name", hardware(self.hostname))


class Classroom:
    """One class's database and everybody in it; `close` ends all connections made here.

    Attributes:
        superuser: A connection with all rights, to look behind the curtain and to turn back clocks.
        coordinator: A connection as the class's coordinator role.
    """

    def __init__(self, administrator: Address, new_class: NewClass) -> None:
        self.administrator = administrator
        self.new_class = new_class
        self._connections: list[Connection] = []
        self._numbers = itertools.count(1)
        self.superuser = self.connect(administrator)
        self.coordinator = self.connect(self.coordinator_address)

    @property
    def coordinator_address(self) -> Address:
        return self.address(self.new_class.coordinator_user, self.new_class.coordinator_password)

    def address(self, user: str, password: str) -> Address:
        return replace(self.administrator, user=user, password=password)

    def connect(self, address: Address) -> Connection:
        connection = Connection(address)
        self._connections.append(connection)
        return connection

    def close(self) -> None:
        while self._connections:
            self._connections.pop().close()

    def add_student(self, name: str = "Ana", *, num_workers: int = 2) -> Login:
        return Accounts(self.coordinator).add(name, num_workers=num_workers)

    def log_in(self, login: Login) -> Connection:
        return self.connect(self.address(login.user, login.password))

    def add_worker(self, login: Login | None = None, *, hostname: str | None = None) -> Worker:
        """A new computer of `login` (of a new student without one), registered with the class."""
        login = login or self.add_student()
        connection = self.log_in(login)
        number = next(self._numbers)
        hostname = hostname or f"host-{number}"
        worker = Worker(login, connection, f"device-{number}", hostname, WorkQueue(connection, ""), "")
        worker.restart()
        return worker

    def add_dataset(self, shard_sizes: Sequence[int], *, num_held_out: int = 0) -> int:
        """Pictures of random bytes, in shards of so many images; the last ones are held out."""
        store = ShardStore(self.coordinator)
        shards = [
            new_shard(size, is_held_out=position >= len(shard_sizes) - num_held_out)
            for position, size in enumerate(shard_sizes)
        ]
        return store.finish(store.store("Faces", 32, shards), f"faces-{uuid.uuid4()}")

    def start_training(
        self, shard_sizes: Sequence[int] = (50, 37, 16, 90), config: RunConfig = CONFIG
    ) -> Training:
        """A running training whose first weights are published."""
        return Training(self, self.add_dataset(shard_sizes), config)

    def wait_for(self, query: str) -> None:
        """Return when `query` finds a row; fails the test if it does not within 20 s."""
        give_up_at = time.monotonic() + 20
        while not self.superuser.query(query):
            assert time.monotonic() < give_up_at, query
            time.sleep(0.01)

    def wait_until_blocked(self, num_sessions: int) -> None:
        """Return when so many sessions of this class wait for a lock."""
        self.wait_for(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
            f" AND wait_event_type = 'Lock' HAVING count(*) >= {num_sessions}"
        )

    def let_lease_expire(self, unit: WorkUnit) -> None:
        """Set the lease's end to a second ago, on the server's clock."""
        self.superuser.execute(
            "UPDATE gan.work_units SET lease_expires_at = now() - interval '1 second' WHERE id = %s",
            [unit.unit_id],
        )

    def let_lease_end_for_good(self, unit: WorkUnit) -> None:
        """Set also the end that no heartbeat moves."""
        self.let_lease_expire(unit)
        self.superuser.execute(
            "UPDATE gan.work_units SET lease_hard_end = now() - interval '1 second' WHERE id = %s",
            [unit.unit_id],
        )


class Training:
    """A run of a class with its coordinator."""

    def __init__(self, classroom: Classroom, dataset_id: int, config: RunConfig) -> None:
        self._classroom = classroom
        self.dataset_id = dataset_id
        self.config = config
        self.runs = Runs(classroom.coordinator)
        self.run_id = self.runs.create("Faces", dataset_id, config, MAX_UPDATE_BYTES)
        self.lease = CoordinatorLease(classroom.coordinator, self.run_id)
        assert self.lease.take()
        self.coordination = Coordination(classroom.coordinator, self.run_id, self.lease.token)
        self.coordination.publish(self.publication(0))
        assert self.runs.set_status(self.run_id, RunStatus.RUNNING)

    def publication(
        self, iteration: int, decisions: Sequence[UpdateDecision] = (), *, is_checkpoint: bool = False
    ) -> Publication:
        return Publication(
            iteration=iteration,
            live=weights(self.run_id, iteration, "live"),
            ema=weights(self.run_id, iteration, "ema"),
            state=f"state of iteration {iteration}".encode(),
            decisions=tuple(decisions),
            num_images=100,
            loss_g=1.5,
            loss_d=0.5,
            d_real=0.75,
            d_fake=0.25,
            is_checkpoint=is_checkpoint,
        )

    def publish_next(self, decisions: Sequence[UpdateDecision] = (), *, is_checkpoint: bool = False) -> int:
        """Publish the next iteration; returns its number."""
        iteration = self.coordination.situation().iteration + 1
        self.coordination.publish(self.publication(iteration, decisions, is_checkpoint=is_checkpoint))
        return iteration

    def hand_in(self, worker: Worker, num_images: int | None = None) -> int:
        """One more of the worker's updates waits for the coordinator; returns its number."""
        worker.queue.submit(finished(worker.claim(), num_images))
        return self.coordination.pending_updates()[-1].update_id

    def units(self) -> list[Any]:
        """All rows of the run's work units; `is_over`: no heartbeat renews the lease any more."""
        return self._classroom.superuser.query(
            "SELECT *, lease_hard_end <= now() AS is_over FROM gan.work_units WHERE run_id = %s ORDER BY id",
            [self.run_id],
        )


def hardware(hostname: str) -> Hardware:
    return Hardware(hostname, gpu_name=None, cpu_cores=2, ram_gb=8.0, gpu_vram_gb=None)


def new_shard(num_images: int, *, is_held_out: bool = False) -> ShardFile:
    data = random.Random(num_images).randbytes(200)
    return ShardFile(data, num_images, hashlib.sha256(data).hexdigest(), is_held_out)


def weights(run_id: int, iteration: int, kind: Any) -> Weights:
    payload = f"{kind} weights of run {run_id} at iteration {iteration}".encode()
    return Weights(run_id, iteration, kind, "fp16", payload, hashlib.sha256(payload).hexdigest())


def finished(unit: WorkUnit, num_images: int | None = None, **changes: Any) -> Update:
    """The update of a computed unit; `changes` replace fields of its `UnitResult`."""
    num_images = unit.num_images if num_images is None else num_images
    payload = f"update of unit {unit.unit_id}, {num_images} images".encode()
    result = UnitResult(
        num_images=num_images,
        num_steps=max(1, num_images // 4 + (num_images % 4 > 1)),
        loss_g=1.5,
        loss_d=0.5,
        d_real=0.75,
        d_fake=0.25,
        check=CheckFigures(0.6, 1.4, 3.0, 2.0, num_images=min(4, unit.num_images)),
        compute_seconds=2.0,
        stopped_early=num_images < unit.num_images,
    )
    return Update(
        unit_id=unit.unit_id,
        run_id=unit.run_id,
        iteration=unit.iteration,
        lease_token=unit.lease_token,
        codec="int8",
        payload=payload,
        sha256=hashlib.sha256(payload).hexdigest(),
        result=replace(result, **changes),
    )


def counted(update_id: int) -> UpdateDecision:
    """The decision that an update goes into the weights."""
    return UpdateDecision(update_id, "counted", None, is_strike=False, norm=1.0, weight=1.0)


def late(update_id: int) -> UpdateDecision:
    """The decision that an update is valid, but came too late for the weights."""
    return UpdateDecision(update_id, "late", "It came too late.", is_strike=False, norm=None, weight=0.0)


def refused(update_id: int, *, is_strike: bool = False) -> UpdateDecision:
    """The decision that an update does not count (`is_strike`: and speaks against its worker)."""
    reason = "Its figures are not finite."
    return UpdateDecision(update_id, "not_counted", reason, is_strike=is_strike, norm=None, weight=0.0)
