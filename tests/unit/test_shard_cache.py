from __future__ import annotations

import hashlib
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from gan_desktop.errors import ImageSetError
from gan_desktop.records import Shard
from gan_desktop.training.images import DrawnFaces
from gan_desktop.training.shard_cache import ShardCache
from gan_desktop.training.shards import ImageImport, read_shard

GENEROUS = 100_000_000


class Store:
    """What the class has stored: shards of eight kilobytes, and how often each was fetched."""

    def __init__(self, count: int) -> None:
        self.data = {i: bytes([i]) * 8_000 for i in range(count)}
        self.shards = [
            Shard(i, 1, 8, len(data), hashlib.sha256(data).hexdigest(), False)
            for i, data in self.data.items()
        ]
        self.fetched: list[int] = []

    def fetch(self, shard: Shard) -> bytes:
        self.fetched.append(shard.shard_id)
        return self.data[shard.shard_id]


@pytest.fixture
def store() -> Store:
    return Store(6)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "not" / "there yet"


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def get_all(cache: ShardCache, store: Store, *ids: int) -> None:
    """Use some shards one after the other, each clearly later than the one before."""
    for i in ids:
        assert cache.get(store.shards[i], store.fetch) == store.data[i]
        age_all(cache._folder)


def age_all(folder: Path) -> None:
    """Make every file a second older: file times are too coarse to tell quick uses apart."""
    for path in folder.iterdir():
        status = path.stat()
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - 1_000_000_000))


def test_a_shard_is_fetched_once_even_across_restarts(folder: Path, store: Store) -> None:
    get_all(ShardCache(folder, GENEROUS), store, 0, 1, 0)
    get_all(ShardCache(folder, GENEROUS), store, 1, 0)
    assert store.fetched == [0, 1]
    assert files(folder) == {f"{store.shards[i].sha256}.tar" for i in (0, 1)}


def test_cached_shards_are_listed(folder: Path, store: Store) -> None:
    cache = ShardCache(folder, GENEROUS)
    assert cache.cached_ids(store.shards) == []
    get_all(cache, store, 4, 2)
    assert cache.cached_ids(store.shards) == [2, 4]
    (folder / f"{store.shards[2].sha256}.tar").write_bytes(b"cut off")
    assert cache.cached_ids(store.shards) == [4]


@pytest.mark.parametrize("damage", [b"cut off", bytes([9]) * 8_000, b""], ids=["cut off", "altered", "empty"])
def test_a_damaged_file_is_replaced(folder: Path, store: Store, damage: bytes) -> None:
    cache = ShardCache(folder, GENEROUS)
    get_all(cache, store, 3)
    path = folder / f"{store.shards[3].sha256}.tar"
    path.write_bytes(damage)
    get_all(cache, store, 3, 3)
    assert store.fetched == [3, 3]
    assert path.read_bytes() == store.data[3]


def test_a_shard_that_arrives_damaged_is_fetched_a_second_time(folder: Path, store: Store) -> None:
    answers = iter([b"damaged on the way", store.data[0]])
    cache = ShardCache(folder, GENEROUS)
    assert cache.get(store.shards[0], lambda _: next(answers)) == store.data[0]
    with pytest.raises(ImageSetError, match="arrived damaged twice"):
        cache.get(store.shards[1], lambda _: b"damaged where it is stored")
    assert files(folder) == {f"{store.shards[0].sha256}.tar"}


def test_the_least_recently_used_goes_first(folder: Path, store: Store) -> None:
    cache = ShardCache(folder, limit_bytes=24_000)
    get_all(cache, store, 0, 1, 2, 0, 3)
    assert cache.cached_ids(store.shards) == [0, 2, 3]
    get_all(cache, store, 4)
    assert cache.cached_ids(store.shards) == [0, 3, 4]


def test_a_units_shards_stay_while_it_needs_them(folder: Path, store: Store) -> None:
    cache = ShardCache(folder, limit_bytes=16_000)
    get_all(cache, store, 0, 1)
    with cache.keeping(store.shards[:1]), cache.keeping(store.shards[:2]):
        pass
    with cache.keeping(store.shards[:1]):
        with cache.keeping(store.shards[:1]):
            get_all(cache, store, 2)
        get_all(cache, store, 3)
        assert cache.cached_ids(store.shards) == [0, 3]
    get_all(cache, store, 4)
    assert cache.cached_ids(store.shards) == [3, 4]


def test_a_shard_larger_than_the_limit_is_still_had(folder: Path, store: Store) -> None:
    cache = ShardCache(folder, limit_bytes=10)
    get_all(cache, store, 0, 1)
    assert cache.cached_ids(store.shards) == [1]


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path: Path, store: Store) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("a file where the folder should be")
    notices: list[str] = []
    cache = ShardCache(in_the_way / "shards", GENEROUS, notify=notices.append)
    for i in (0, 1, 0):
        assert cache.get(store.shards[i], store.fetch) == store.data[i]
    assert store.fetched == [0, 1, 0]
    assert len(notices) == 1
    assert "Work goes on from memory" in notices[0]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file size limit per process")
def test_a_full_disk_is_worked_around_and_leaves_no_half_files(folder: Path, store: Store) -> None:
    import resource

    notices: list[str] = []
    cache = ShardCache(folder, GENEROUS, notify=notices.append)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, hard))  # write() fails half-way, as on a full disk
    try:
        data = cache.get(store.shards[0], store.fetch)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert data == store.data[0]
    assert len(notices) == 1
    assert files(folder) == set()
    get_all(cache, store, 0, 0)
    assert store.fetched == [0, 0]


def test_what_a_killed_program_left_behind_is_swept_up(folder: Path, store: Store) -> None:
    folder.mkdir(parents=True)
    old, recent = folder / "old.part", folder / "recent.part"
    for path in (old, recent):
        path.write_bytes(b"half a shard")
    os.utime(old, (0, 0))
    ShardCache(folder, GENEROUS).get(store.shards[0], store.fetch)
    assert not old.exists()
    assert recent.exists()


def test_an_impossible_checksum_touches_no_file(folder: Path, store: Store) -> None:
    hostile = Shard(1, 1, 8, 8_000, "../" * 21 + "x", False)
    cache = ShardCache(folder, GENEROUS)
    for attempt in (lambda: cache.get(hostile, store.fetch), lambda: cache.cached_ids([hostile])):
        with pytest.raises(ImageSetError, match="impossible checksum"):
            attempt()


def test_two_threads_fetch_a_shard_once(folder: Path, store: Store) -> None:
    cache = ShardCache(folder, GENEROUS)
    is_fetching, may_answer = threading.Event(), threading.Event()

    def slow_fetch(shard: Shard) -> bytes:
        is_fetching.set()
        assert may_answer.wait(20)
        return store.fetch(shard)

    threads = [threading.Thread(target=cache.get, args=(store.shards[0], slow_fetch)) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert is_fetching.wait(20)
    assert cache.get(store.shards[1], store.fetch) == store.data[1]  # another shard need not wait
    may_answer.set()
    for thread in threads:
        thread.join()
    assert store.fetched == [1, 0]


def _use_in_a_process(folder: Path, seed: int, failures: multiprocessing.SimpleQueue[str]) -> None:
    store = Store(6)
    cache = ShardCache(folder, limit_bytes=20_000, notify=failures.put)
    for step in range(150):
        i = (step * seed) % 6
        if cache.get(store.shards[i], store.fetch) != store.data[i]:
            failures.put(f"wrong bytes for shard {i}")
        if step % 10 == 0:
            (folder / f"{store.shards[i].sha256}.tar").write_bytes(b"damaged by another program")


def test_processes_share_a_folder(folder: Path) -> None:
    """Two processes fetch, evict and damage the same files; each still gets the right bytes each time."""
    folder.mkdir(parents=True)
    context = multiprocessing.get_context("spawn")
    failures: multiprocessing.SimpleQueue[str] = context.SimpleQueue()
    processes = [context.Process(target=_use_in_a_process, args=(folder, seed, failures)) for seed in (1, 5)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert failures.empty()
    assert not [name for name in files(folder) if name.endswith(".part")]


@pytest.fixture(scope="module")
def real() -> Iterator[tuple[list[Shard], dict[int, bytes]]]:
    shard_files = [next(iter(ImageImport(DrawnFaces(64), 32, seed))) for seed in range(3)]
    shards = [
        Shard(i, 1, file.num_images, len(file.data), file.sha256, False) for i, file in enumerate(shard_files)
    ]
    yield shards, {i: file.data for i, file in enumerate(shard_files)}


def test_the_latest_shards_stay_decoded(folder: Path, real: tuple[list[Shard], dict[int, bytes]]) -> None:
    shards, data = real
    one = read_shard(data[0]).nbytes
    cache = ShardCache(folder, GENEROUS, decoded_bytes=2 * one)

    def images(i: int) -> torch.Tensor:
        return cache.images(shards[i], 32, lambda shard: data[shard.shard_id])

    first, second = images(0), images(1)
    assert torch.equal(first, read_shard(data[0]))
    assert images(0) is first
    images(2)  # the second one was used least recently
    assert images(0) is first
    assert images(1) is not second
    assert torch.equal(images(1), second)


def test_pictures_are_had_without_a_disk(tmp_path: Path, real: tuple[list[Shard], dict[int, bytes]]) -> None:
    shards, data = real
    (tmp_path / "file").write_text("in the way")
    fetched: list[int] = []

    def fetch(shard: Shard) -> bytes:
        fetched.append(shard.shard_id)
        return data[shard.shard_id]

    cache = ShardCache(tmp_path / "file", GENEROUS, notify=lambda _: None)
    for _ in range(3):
        assert cache.images(shards[0], 32, fetch).shape == (shards[0].num_images, 3, 32, 32)
    assert fetched == [0]


def test_a_shard_of_another_picture_size_is_refused(
    folder: Path, real: tuple[list[Shard], dict[int, bytes]]
) -> None:
    shards, data = real
    with pytest.raises(ImageSetError, match="32 x 32"):
        ShardCache(folder, GENEROUS).images(shards[0], 64, lambda shard: data[shard.shard_id])
