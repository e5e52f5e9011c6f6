"""Pictures that this computer has already: shards made from them need not be downloaded.

Repeating the instructor's import with the same pictures gives the same shards, byte for byte. Each is stored
only if it has the checksum that the class lists, so a copy that differs can do no harm: it is not used.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from gan_desktop.errors import ImageSetError
from gan_desktop.records import Shard
from gan_desktop.training.images import open_source
from gan_desktop.training.shard_folder import ShardFolder
from gan_desktop.training.shards import ImageImport
from gan_desktop.worker.courtesy import lower_priority

logger = logging.getLogger(__name__)

LOOK_S = 0.5


class LocalCopy:
    """Makes the class's shards from a folder or zip, in a thread of its own, while others are downloaded.

    Args:
        path: The pictures; None: this computer has none, and nothing is done.
        shards: Where finished shards go.
        notice: Told in sentences how it goes.
        should_wait: Whether the computer belongs to somebody else at the moment.
    """

    def __init__(
        self,
        path: Path | None,
        shards: ShardFolder,
        notice: Callable[[str], None],
        should_wait: Callable[[], bool] = lambda: False,
    ) -> None:
        self._path = path
        self._shards = shards
        self._notice = notice
        self._should_wait = should_wait
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, shards: Sequence[Shard], image_size: int) -> None:
        """Make the shards of a data set that are not here yet; ends the work for the one before."""
        self.stop()
        wanted = {shard.sha256: shard for shard in shards if not shard.is_held_out}
        if self._path is None or len(self._shards.cached_ids(wanted.values())) == len(wanted):
            return
        self._stop.clear()
        self._thread = threading.Thread(
            target=self._run, args=(self._path, wanted, image_size), name="local copy", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End and wait for the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self, path: Path, wanted: dict[str, Shard], image_size: int) -> None:
        lower_priority()
        self._notice(f"Making the pictures to learn from out of {path}; until then they come from the class.")
        try:
            self._notice(self._fill(path, wanted, image_size))
        except ImageSetError as error:
            if not self._stop.is_set():
                self._notice(f"{error.message} The pictures come from the class instead.")

    def _fill(self, path: Path, wanted: dict[str, Shard], image_size: int) -> str:
        """Store shard by shard until one differs; returns the sentence for the end."""
        num_bytes = 0
        with open_source(path) as source:
            made = ImageImport(
                source,
                image_size,
                on_progress=lambda done, total: self._wait_for_turn(),
                should_cancel=self._stop.is_set,
                num_threads=1,
            )
            for number, file in enumerate(made):
                if file.is_held_out:
                    break
                num_bytes += len(file.data)
                if file.sha256 not in wanted:
                    return _difference(path, number, len(wanted))
                if num_bytes > self._shards.limit_bytes:
                    return f"Only {number} of {len(wanted)} pieces fit: data.cache_limit_gb is too small."
                self._shards.put(wanted[file.sha256], file.data)
        return f"The pictures in {path} are those of the class: none of them is downloaded any more."

    def _wait_for_turn(self) -> None:
        while self._should_wait() and not self._stop.wait(LOOK_S):
            pass


def _difference(path: Path, num_equal: int, num_wanted: int) -> str:
    few = f"After {num_equal} of {num_wanted} pieces the" if num_equal else "The"
    return (
        f"{few} pictures in {path} are not those of the class, or another version of the imaging library"
        " decodes them differently. They come from the class instead."
    )
