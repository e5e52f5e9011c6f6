"""How long a claim takes when many computers ask, and how many can: in open loop.

    python -m tests.benchmarks.claims [--quick]

Arrivals are scheduled, whatever becomes of the claims before: a claim's time counts from when it was
due, so that a queue that cannot keep up shows. Workers are connected from processes of their own, and
send their signs of life as always.
"""

from __future__ import annotations

import hashlib
import heapq
import multiprocessing
import queue
import random
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier

import numpy as np

from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import CoordinatorLease, Runs
from gan_desktop.database.shards import ShardStore
from gan_desktop.database.work_queue import WorkQueue
from gan_desktop.records import Hardware, RunConfig, RunStatus, ShardFile, WorkerState, WorkUnit
from tests.benchmarks.report import is_quick, print_report, tell
from tests.benchmarks.stage import class_on_stage
from tests.integration.lesson import Lesson

CONFIG = RunConfig(feature_maps=8, target_iterations=10**6)
# As many as CelebA has.
NUM_SHARDS, SHARD_IMAGES = 99, 2_048
HEARTBEAT_S = 5.0
GOAL_MS = 50.0
# What stands for the hand-ins, which have a benchmark of their own: without them every worker would
# soon hold the two units that it may.
HAND_IN = "UPDATE gan.work_units SET status = 'completed', completed_at = now() WHERE status = 'in_progress'"
HAND_IN_EVERY_S = 0.25
# Fewer threads than workers: a claim that finds none of them free waits, and its time runs.
THREADS_PER_PROCESS = 12


@dataclass(frozen=True)
class Setting:
    num_workers: int
    num_processes: int
    rates: tuple[int, ...]
    seconds: float


FULL = Setting(num_workers=200, num_processes=4, rates=(25, 50, 100, 150, 200, 300, 400), seconds=20.0)
QUICK = Setting(num_workers=6, num_processes=2, rates=(10,), seconds=1.0)


@dataclass(frozen=True)
class Measured:
    """What one process saw of its claims: milliseconds from when each was due, and how many got a unit."""

    latencies_ms: list[float]
    num_units: int


def main(arguments: Sequence[str] | None = None) -> None:
    setting = QUICK if is_quick(__doc__ or "", arguments) else FULL
    rows = []
    with class_on_stage(CONFIG, num_faces=80, max_connections=setting.num_workers + 20) as held:
        students = [held.add_student(f"Student {number}") for number in range(setting.num_workers)]
        with _running_training(held):
            for rate in setting.rates:
                tell(f"{rate} claims a second")
                measured = _measure(setting, rate, students)
                rows.append(_row(rate, setting, measured))
                if np.percentile(_latencies(measured), 99) > 2 * GOAL_MS:
                    break
    print_report(
        ("claims a second", "claims", "with a unit", "p50", "p95", "p99", "longest"),
        rows,
        f"{setting.num_workers} workers of as many accounts, each connected, in {setting.num_processes}"
        f" processes on the server's own computer; {NUM_SHARDS} shards; Poisson arrivals for"
        f" {setting.seconds:.0f} s a row; a sign of life from each every {HEARTBEAT_S:.0f} s on top."
        " Milliseconds from when a claim was due to its answer.",
    )


def _row(rate: int, setting: Setting, measured: list[Measured]) -> Sequence[object]:
    latencies = _latencies(measured)
    num_units = sum(part.num_units for part in measured)
    percentiles = [f"{np.percentile(latencies, share):.1f}" for share in (50, 95, 99)]
    return (
        rate,
        len(latencies),
        f"{num_units / max(1, len(latencies)):.0%}",
        *percentiles,
        f"{max(latencies):.0f}",
    )


def _latencies(measured: list[Measured]) -> list[float]:
    return [latency for part in measured for latency in part.latencies_ms]


def _measure(setting: Setting, rate: int, students: list[Address]) -> list[Measured]:
    """Let the workers claim for a while, from several processes that begin together."""
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[Measured] = context.Queue()
    start = context.Barrier(setting.num_processes)
    share = rate / setting.num_processes
    processes = [
        context.Process(
            target=_claim_in_process,
            args=(students[number :: setting.num_processes], share, setting.seconds, number, start, answers),
        )
        for number in range(setting.num_processes)
    ]
    for process in processes:
        process.start()
    measured = [answers.get(timeout=setting.seconds + 120) for _ in processes]
    for process in processes:
        process.join()
    return measured


# ---------------------------------------------------------------------------------------------
# In the processes of the workers
# ---------------------------------------------------------------------------------------------


@dataclass
class _Computer:
    """One connected worker."""

    connection: Connection
    work_queue: WorkQueue
    worker_id: str
    unit: WorkUnit | None = None

    @classmethod
    def join(cls, student: Address) -> _Computer:
        connection = Connection(student)
        work_queue = WorkQueue(connection, str(uuid.uuid4()))
        hardware = Hardware("host", None, 2, 8.0, None)
        return cls(connection, work_queue, work_queue.register("device", "A name", hardware))

    def claim(self) -> bool:
        self.unit = self.work_queue.claim(self.worker_id, [1, 2]).unit
        return self.unit is not None

    def beat(self) -> None:
        units = [self.unit.unit_id] if self.unit else []
        self.work_queue.heartbeat(self.worker_id, WorkerState.COMPUTING, {}, units, 0, None)


def _claim_in_process(
    students: list[Address],
    rate: float,
    seconds: float,
    seed: int,
    start: Barrier,
    answers: multiprocessing.Queue[Measured],
) -> None:
    computers = [_Computer.join(student) for student in students]
    start.wait()
    answers.put(_Crowd(computers, rate, seconds, seed).run())
    for computer in computers:
        computer.connection.close()


class _Crowd:
    """The workers of one process: a schedule of claims and signs of life, and threads that keep to it."""

    def __init__(self, computers: list[_Computer], rate: float, seconds: float, seed: int) -> None:
        self._due: queue.SimpleQueue[tuple[float, bool, _Computer] | None] = queue.SimpleQueue()
        self._computers = computers
        self._locks = {id(computer): threading.Lock() for computer in computers}
        self._rate = rate
        self._seconds = seconds
        self._random = random.Random(seed)
        self._latencies_ms: list[float] = []
        self._num_units = 0

    def run(self) -> Measured:
        threads = [threading.Thread(target=self._work) for _ in range(THREADS_PER_PROCESS)]
        for thread in threads:
            thread.start()
        started = time.monotonic()
        for due, is_claim, computer in self._schedule():
            time.sleep(max(0.0, started + due - time.monotonic()))
            self._due.put((started + due, is_claim, computer))
        for _ in threads:
            self._due.put(None)
        for thread in threads:
            thread.join()
        return Measured(self._latencies_ms, self._num_units)

    def _schedule(self) -> Iterator[tuple[float, bool, _Computer]]:
        """(seconds, is it a claim, whose) in order; the same seed gives the same schedule."""
        return heapq.merge(self._claims(), self._beats(), key=lambda event: event[0])

    def _claims(self) -> Iterator[tuple[float, bool, _Computer]]:
        due = self._random.expovariate(self._rate)
        # By turns: nobody holds a third unit.
        for turn in range(10**9):
            if due >= self._seconds:
                return
            yield due, True, self._computers[turn % len(self._computers)]
            due += self._random.expovariate(self._rate)

    def _beats(self) -> Iterator[tuple[float, bool, _Computer]]:
        step = HEARTBEAT_S / len(self._computers)
        for turn in range(int(self._seconds / step)):
            yield turn * step, False, self._computers[turn % len(self._computers)]

    def _work(self) -> None:
        while (event := self._due.get()) is not None:
            due, is_claim, computer = event
            with self._locks[id(computer)]:
                if not is_claim:
                    computer.beat()
                    continue
                got_unit = computer.claim()
            self._latencies_ms.append((time.monotonic() - due) * 1e3)
            self._num_units += got_unit


# ---------------------------------------------------------------------------------------------
# The class
# ---------------------------------------------------------------------------------------------


@contextmanager
def _running_training(held: Lesson) -> Iterator[None]:
    """A training whose coordinator lives, publishes nothing, and takes every unit as handed in.

    No claim looks into a shard: a few random bytes stand for each.
    """
    with Connection(held.coordinator) as connection:
        data = [random.randbytes(64) for _ in range(NUM_SHARDS)]
        shards = [ShardFile(part, SHARD_IMAGES, hashlib.sha256(part).hexdigest(), False) for part in data]
        store = ShardStore(connection)
        dataset_id = store.finish(store.store("Benchmark", CONFIG.image_size, shards), "benchmark")
        run_id = Runs(connection).create("Benchmark", dataset_id, CONFIG, max_update_bytes=1)
        lease = CoordinatorLease(connection, run_id)
        assert lease.take() and Runs(connection).set_status(run_id, RunStatus.RUNNING)
        held.superuser.execute(
            "UPDATE gan.training_runs SET current_iteration = 0 WHERE run_id = %s", [run_id]
        )
        is_over = threading.Event()

        def live() -> None:
            while not is_over.wait(HAND_IN_EVERY_S):
                lease.renew()
                held.superuser.execute(HAND_IN)

        thread = threading.Thread(target=live)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()


if __name__ == "__main__":
    main()
