"""Shards on this computer's disk, so that each is fetched once, and the latest ones decoded in memory."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
import threading
import time
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import torch

from gan_desktop.errors import ImageSetError
from gan_desktop.records import RunConfig, Shard, ShardRange
from gan_desktop.training.epoch import unit_positions
from gan_desktop.training.shards import read_shard

logger = logging.getLogger(__name__)

DECODED_BYTES = 256_000_000
STALE_SECONDS = 3_600.0

Fetch = Callable[[Shard], bytes]


def unit_images(
    ranges: Sequence[ShardRange],
    shards: Mapping[int, Shard],
    config: RunConfig,
    cache: ShardCache,
    fetch: Fetch,
) -> torch.Tensor:
    """A unit's images in training order, uint8 [N, 3, S, S].

    Args:
        ranges: The unit's.
        shards: All of the run's data set, by number.
        fetch: Gets the bytes of shards that are not in the cache.

    Raises:
        ImageSetError: A shard cannot be had, or is not what the class lists.
    """
    sizes = {shard.shard_id: shard.num_images for shard in shards.values()}
    pieces = []
    for shard_id, indices in unit_positions(ranges, config.seed, sizes):
        images = cache.images(shards[shard_id], config.image_size, fetch)
        pieces.append(images[torch.from_numpy(indices)])
    return torch.cat(pieces)


class ShardCache:
    """A folder of `<sha256>.tar` files that several threads and processes may share.

    A file is checked each time it is read; a damaged one is removed and fetched anew. Writes are atomic. When
    the folder grows over its limit, the files that were not used for longest go first. Where the disk is full
    or the folder cannot be written, the cache says so once and works from memory.

    Args:
        folder: Where the files lie; made when the first one is stored.
        limit_bytes: The most the files may take together; those `keeping` protects may exceed it.
        notify: Takes a sentence for the person at the screen.
        decoded_bytes: The most the decoded shards may take in memory; the latest one stays in any case.
    """

    def __init__(
        self,
        folder: Path,
        limit_bytes: int,
        notify: Callable[[str], None] = logger.warning,
        decoded_bytes: int = DECODED_BYTES,
    ) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._notify = notify
        self._decoded_bytes = decoded_bytes
        self._decoded: OrderedDict[str, torch.Tensor] = OrderedDict()
        self._kept: Counter[str] = Counter()
        self._has_complained = False
        self._lock = threading.Lock()
        self._fetching: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

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
                self._kept.subtract(checksums)

    def get(self, shard: Shard, fetch: Fetch) -> bytes:
        """A shard's tar file from the disk, or fetched and stored.

        Raises:
            ImageSetError: What was fetched is, twice, not the shard that the class lists.
        """
        with self._lock:
            shard_lock = self._fetching[shard.sha256]
        with shard_lock:  # of two threads that want the same shard only one fetches it
            data = self._read(shard)
            if data is None:
                data = _fetch_intact(shard, fetch)
                self._store(shard, data)
        return data

    def images(self, shard: Shard, image_size: int, fetch: Fetch) -> torch.Tensor:
        """A shard's pictures, [N, 3, H, W], uint8, not to be written to.

        They are decoded once, as long as the shard stays among the latest ones.

        Raises:
            ImageSetError: The shard cannot be had intact, or does not hold what the class lists.
        """
        with self._lock:
            decoded = self._decoded.get(shard.sha256)
            if decoded is not None:
                self._decoded.move_to_end(shard.sha256)
                return decoded
        data = self.get(shard, fetch)
        decoded = read_shard(data, num_images=shard.num_images, image_size=image_size)
        with self._lock:
            self._decoded[shard.sha256] = decoded
            while (
                len(self._decoded) > 1 and sum(t.nbytes for t in self._decoded.values()) > self._decoded_bytes
            ):
                self._decoded.popitem(last=False)
        return decoded

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
            _write_atomically(self._path(shard), data)
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
            spared = {sha256 for sha256, num_units in self._kept.items() if num_units > 0} | {spare}
        files = []
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                status = path.stat()
                if path.suffix == ".part" and status.st_mtime < time.time() - STALE_SECONDS:
                    _remove(path)  # left behind by a program that was killed
                elif path.suffix == ".tar":
                    files.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._limit_bytes:
                return
            if path.stem not in spared and _remove(path):
                total -= size


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


def _write_atomically(path: Path, data: bytes) -> None:
    """Write under another name first: a reader in another process never meets half a file."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        part.replace(path)
    except OSError:
        _remove(part)
        raise


def _remove(path: Path) -> bool:
    """Whether the file is gone; on Windows another process that reads it can hold it for a moment."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True
