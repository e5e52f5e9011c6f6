"""What the benchmarks share: an embedded PostgreSQL as the program starts it, a class in it, a worker."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gan_desktop.database.address import Address
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.records import Report, RunConfig, StopRequest
from gan_desktop.training.shard_cache import ShardCache
from gan_desktop.worker.home import WorkerHome
from gan_desktop.worker.loop import Worker
from gan_desktop.worker.options import WorkerOptions
from tests.integration.lesson import Lesson, lesson
from tests.integration.programs import running

LONGEST_WAIT_S = 900.0


@contextmanager
def class_on_stage(
    config: RunConfig,
    *,
    num_faces: int,
    max_connections: int = 60,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Lesson]:
    """A class in a server of its own, on the disk and with every write synchronised, gone afterwards.

    Args:
        num_faces: Drawn faces that the class learns from.
        settings: PostgreSQL settings that the benchmark needs other than usual.
    """
    # Not in /tmp: on many computers that lies in memory, where nothing has to be synchronised.
    folder = Path(tempfile.mkdtemp(prefix="gan-desktop-benchmark-", dir="/var/tmp"))
    # The server runs under an account of its own where we are root.
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder / "postgres", max_connections=max_connections, settings=settings)
    try:
        with server, lesson(server.address, folder / "class", config, num_faces=num_faces) as held:
            yield held
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Clock:
    """A reporter that notes when everything happened, by `time.perf_counter`."""

    def __init__(self) -> None:
        self._reports: list[tuple[float, Report]] = []
        self._news = threading.Condition()

    def report(self, report: Report) -> None:
        with self._news:
            self._reports.append((time.perf_counter(), report))
            self._news.notify_all()

    def times(self, kind: type[Report]) -> list[float]:
        """When reports of a kind came."""
        return [moment for moment, report in self._reports if isinstance(report, kind)]

    def await_times(self, kind: type[Report], count: int) -> list[float]:
        """Wait until so many reports of a kind have come."""
        with self._news:
            if not self._news.wait_for(lambda: len(self.times(kind)) >= count, LONGEST_WAIT_S):
                raise TimeoutError(f"{kind.__name__} has not come {count} times.")
        return self.times(kind)


@contextmanager
def worker_at_work(held: Lesson, student: Address, clock: Clock) -> Iterator[None]:
    """A real worker in a thread of this process, with one computing thread, until the block ends."""
    place = held.folder / secrets.token_hex(4)
    home = WorkerHome.open(place, student.user)
    options = WorkerOptions(name="Benchmark", num_threads=1)
    worker = Worker(student, home, ShardCache(place / "shards", 10**9), options, clock)
    try:
        with running(worker.run, lambda: worker.request_stop(StopRequest.HAND_IN_NOW)):
            yield
    finally:
        home.close()
