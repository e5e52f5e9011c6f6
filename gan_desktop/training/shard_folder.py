"""Shards on this computer's disk, so that each is fetched once."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

from gan_desktop.errors import ImageSetError
from gan_desktop.files import write_whole
from gan_desktop.records import Shard

logger = logging.getLogger(__name__)

STALE_SECONDS = 3_600.0

Fetch = Callable[[Shard], bytes]


@dataclass(frozen=True)
class FolderUse:
    """How many shards there are and what they take."""

    num_shards: int
    num_bytes: int


class ShardFolder:
    """A folder of `<sha256>.tar` files that several threads and processes may share.

    A file is checked each time it is read; a damaged one is removed and fetched anew. Writes are atomic. When
    the folder grows over its limit, the files that were not used for longest go first. Where the disk is full
    or the folder cannot be written, this is said once, and the work goes on from memory.

    Args:
        folder: Where the files lie; made when the first one is stored.
        limit_bytes: The most the files may take together; those `keeping` protects may exceed it.
        notify: Takes a sentence for the person at the screen.
    """

    def __init__(
        self,
        folder: Path,
        limit_bytes: int,
        notify: Callable[[str], None] = logger.warning,
    ) -> None:
        self._folder = folder
        self.limit_bytes = limit_bytes
        self._notify = notify
        self._kept: Counter[str] = Counter()
        self._has_complained = False
        self._lock = threading.Lock()
        # A lock is there as long as somebody waits for it or has it.
        self._fetching: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()

    def cached_ids(self, shards: Iterable[Shard]) -> list[int]:
        """Which of these shards need not be fetched, by a look at the files' sizes."""
        return [shard.shard_id for shard in shards if self._is_here(shard)]

    @contextlib.contextmanager
    def keeping(self, shards: Iterable[Shard]) -> Iterator[None]:
        """Protect a unit's shards from being removed while it is prepared or computed."""
        checksums = [shard.sha256 for shard in shards]
        with self._lock:
            self._kept.update(checksums)
        try:
            yield
        finally:
            with self._lock:
                self._kept -= Counter(checksums)

    def get(self, shard: Shard, fetch: Fetch) -> bytes:
        """A shard's tar file from the disk, or fetched and stored.

        Raises:
            ImageSetError: What was fetched is, twice, not the shard that the class lists.
        """
        with self._turn(shard):  # of two threads that want the same shard only one fetches it
            data = self._read(shard)
            if data is None:
                data = _fetch_intact(shard, fetch)
                self._store(shard, data)
        return data

    def put(self, shard: Shard, data: bytes) -> None:
        """Store a shard that was not fetched but made here.

        Raises:
            ImageSetError: It is not the shard that the class lists.
        """
        if not _is_intact(shard, data):
            raise ImageSetError(f"These are not the pictures of shard {shard.shard_id}.")
        with self._turn(shard):
            self._store(shard, data)

    def use(self) -> FolderUse:
        """What lies in the folder now."""
        files = self._files()
        return FolderUse(len(files), sum(size for _, size, _ in files))

    def check(self, on_progress: Callable[[int, int], None] = lambda done, total: None) -> int:
        """Read every file and remove those that are damaged; returns how many.

        Args:
            on_progress: Called with the files done and their total.
        """
        files = self._files()
        num_damaged = 0
        for number, (_, _, path) in enumerate(files, start=1):
            with contextlib.suppress(FileNotFoundError):
                if hashlib.sha256(path.read_bytes()).hexdigest() != path.stem:
                    _remove(path)
                    num_damaged += 1
            on_progress(number, len(files))
        return num_damaged

    def clear(self) -> FolderUse:
        """Remove all shards; returns what was removed. A worker that needs one fetches it again."""
        removed = [size for _, size, path in self._files() if _remove(path)]
        return FolderUse(len(removed), sum(removed))

    def _turn(self, shard: Shard) -> threading.Lock:
        with self._lock:
            return self._fetching.setdefault(shard.sha256, threading.Lock())

    def _path(self, shard: Shard) -> Path:
        if len(shard.sha256) != 64 or not set(shard.sha256) <= set("0123456789abcdef"):
            raise ImageSetError(f"The class lists shard {shard.shard_id} under an impossible checksum.")
        return self._folder / f"{shard.sha256}.tar"

    def _is_here(self, shard: Shard) -> bool:
        try:
            return self._path(shard).stat().st_size == shard.num_bytes
        except OSError:
            return False

    def _read(self, shard: Shard) -> bytes | None:
        """The file if it is there and intact; a damaged one is removed."""
        path = self._path(shard)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if _is_intact(shard, data):
            with contextlib.suppress(OSError):
                os.utime(path)  # the time of last use, for every process that shares the folder
            return data
        logger.warning("Shard %d is damaged on this disk and is fetched anew", shard.shard_id)
        _remove(path)
        return None

    def _store(self, shard: Shard, data: bytes) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._path(shard), data)
            self._make_room(spare=shard.sha256)
        except OSError as error:
            if not self._is_here(shard):  # Windows refuses to replace a file another process is reading
                self._complain(error)

    def _complain(self, error: OSError) -> None:
        logger.warning("Cannot store a shard in %s: %s", self._folder, error)
        if not self._has_complained:
            self._has_complained = True
            self._notify(
                f"Pictures cannot be stored in {self._folder} ({error.strerror}). Work goes on from memory; "
                "free some disk space, or choose another folder, so that they are not fetched again."
            )

    def _make_room(self, spare: str) -> None:
        """Remove what was not used for longest until the limit holds; other processes may do the same."""
        with self._lock:
            spared = {*self._kept, spare}
        files = self._files()
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= self.limit_bytes:
                return
            if path.stem not in spared and _remove(path):
                total -= size

    def _files(self) -> list[tuple[int, int, Path]]:
        """Time of last use, bytes and path of each shard, the one that was not used for longest first."""
        files = []
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            with contextlib.suppress(OSError):
                status = path.stat()
                if path.suffix == ".part" and status.st_mtime < time.time() - STALE_SECONDS:
                    _remove(path)  # left behind by a program that was killed
                elif path.suffix == ".tar":
                    files.append((status.st_mtime_ns, status.st_size, path))
        return sorted(files)


def _is_intact(shard: Shard, data: bytes) -> bool:
    return len(data) == shard.num_bytes and hashlib.sha256(data).hexdigest() == shard.sha256


def _fetch_intact(shard: Shard, fetch: Fetch) -> bytes:
    for _ in range(2):
        data = fetch(shard)
        if _is_intact(shard, data):
            return data
        logger.warning("Shard %d arrived damaged", shard.shard_id)
    raise ImageSetError(
        f"Shard {shard.shard_id} arrived damaged twice. If it happens again, tell your instructor: "
        "the stored pictures may be damaged."
    )


def _remove(path: Path) -> bool:
    """Whether the file is gone; on Windows another process that reads it can hold it for a moment."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True
