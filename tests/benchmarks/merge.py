"""How fast updates are merged, against fetching and hashing the same bytes; and in how much memory.

python -m tests.benchmarks.merge [--quick]
"""

from __future__ import annotations

import hashlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import torch

from gan_desktop.database.connection import Connection, binary
from gan_desktop.records import RunConfig
from gan_desktop.training.device import set_threads
from gan_desktop.training.merge import Candidate, UpdateFormat, merge_updates
from gan_desktop.training.networks import network_fingerprint, tensor_shapes
from gan_desktop.training.payload import PayloadInfo, encode
from tests.benchmarks.report import PAPER_FEATURE_MAPS, is_quick, print_report, tell
from tests.benchmarks.stage import class_on_stage

MIB = 2**20
TABLE = "CREATE TABLE gan.benchmark (update_id integer PRIMARY KEY, payload bytea NOT NULL)"
UNCOMPRESSED = "ALTER TABLE gan.benchmark ALTER COLUMN payload SET STORAGE EXTERNAL"
FETCH = "SELECT payload FROM gan.benchmark WHERE update_id = %(update_id)s"


@dataclass(frozen=True)
class Setting:
    config: RunConfig
    counts: tuple[int, ...]
    timed_count: int
    num_rounds: int


FULL = Setting(RunConfig(image_size=64, feature_maps=PAPER_FEATURE_MAPS), (8, 32, 128), 32, 7)
QUICK = Setting(RunConfig(feature_maps=8), (2, 4), 4, 1)


def main(arguments: Sequence[str] | None = None) -> None:
    setting = QUICK if is_quick(__doc__ or "", arguments) else FULL
    # In a thread, as the coordinator's loop is: memory is dearer there than in the main thread.
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(_measure, setting).result()


def _measure(setting: Setting) -> None:
    set_threads(1)
    with class_on_stage(setting.config, num_faces=80) as held, Connection(held.administrator) as connection:
        num_bytes = _store_updates(connection, setting.config, max(setting.counts))

        def fetch(update_id: int) -> bytes:
            payload = connection.download(FETCH, {"update_id": update_id})
            assert payload is not None
            return payload

        update_format = UpdateFormat.of(setting.config)
        _merge(2, fetch, update_format, setting.config)  # what is imported or allocated only once
        rows = []
        for count in setting.counts:
            tell(f"{count} updates")
            rows.append(_row(count, setting, fetch, update_format))
    print_report(
        ("updates", "fetch and hash", "merge", "merge / fetch and hash", "memory on top at the peak"),
        rows,
        f"An update is {num_bytes / 1e6:.1f} MB (int8, {setting.config.image_size}x"
        f"{setting.config.image_size} pixels, {setting.config.feature_maps} feature maps) and comes by COPY"
        f" from PostgreSQL. Medians of {setting.num_rounds}, both measured in turn; one computing thread.",
    )


def _row(
    count: int, setting: Setting, fetch: Callable[[int], bytes], update_format: UpdateFormat
) -> Sequence[object]:
    """Time both ways by turns, so that what else the computer does meets both."""
    num_rounds = setting.num_rounds if count <= setting.timed_count else 1
    bare, merged, ratios = [], [], []
    with _peak_memory() as peak:
        for _ in range(num_rounds):
            merged.append(_seconds(lambda: _merge(count, fetch, update_format, setting.config)))
            bare.append(_seconds(lambda: _fetch_and_hash(count, fetch)))
            ratios.append(merged[-1] / bare[-1])
    return (
        count,
        f"{statistics.median(bare):.2f} s",
        f"{statistics.median(merged):.2f} s",
        f"{statistics.median(ratios):.2f}",
        f"{peak[0] / MIB:.0f} MiB",
    )


def _merge(count: int, fetch: Callable[[int], bytes], update_format: UpdateFormat, config: RunConfig) -> None:
    candidates = [
        Candidate(update_id=number, account_id=number, worker_id=str(number), num_images=2048, num_steps=128)
        for number in range(count)
    ]
    result = merge_updates(candidates, fetch, update_format, config)
    assert all(verdict.counted for verdict in result.verdicts)


def _fetch_and_hash(count: int, fetch: Callable[[int], bytes]) -> None:
    for update_id in range(count):
        hashlib.sha256(fetch(update_id)).hexdigest()


def _seconds(call: Callable[[], None]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


@contextmanager
def _peak_memory() -> Iterator[list[float]]:
    """How far this process's memory rises in the block, in bytes: looked at every few milliseconds."""
    process = psutil.Process()
    before = process.memory_info().rss
    peak = [0.0]
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.002):
            peak[0] = max(peak[0], process.memory_info().rss - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        is_over.set()
        watcher.join()


def _store_updates(connection: Connection, config: RunConfig, count: int) -> int:
    """Store updates of random numbers as a training would; returns the bytes of one."""
    connection.execute(TABLE)
    connection.execute(UNCOMPRESSED)
    info = PayloadInfo("weight_change", 1, 1, "int8", network_fingerprint(config))
    shapes = tensor_shapes(config)
    payload = b""
    for number in range(count):
        generator = torch.Generator().manual_seed(number)
        update = {name: torch.randn(shape, generator=generator).mul_(1e-4) for name, shape in shapes.items()}
        payload = encode(update, info, seed=number)
        connection.upload("gan.benchmark", {"update_id": binary(number, "int4"), "payload": payload})
    return len(payload)


if __name__ == "__main__":
    main()
