"""Pictures prepared on this computer: the same shards as a class has in its database, in a folder.

A training that goes on tomorrow needs the very same pictures in the same order, without the hour that a
large set may take to read. The folder holds one `.tar` for each shard and, once all are there, an index.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from gan_desktop.errors import ImageSetError
from gan_desktop.records import RunConfig, Shard, ShardRange
from gan_desktop.training.images import ImageSource
from gan_desktop.training.shard_cache import ShardCache, unit_images
from gan_desktop.training.shards import ImageImport, ImportSummary

INDEX = "index.json"
# What is kept decoded: of 32 pixels 300,000 pictures, of 128 pixels 20,000.
DECODED_BYTES = 1_000_000_000
_NO_LIMIT = 2**63


@dataclass(frozen=True)
class _Index:
    """What `index.json` holds."""

    image_size: int
    fingerprint: str
    shards: tuple[Shard, ...]


class PictureFolder:
    """A prepared set of pictures; several threads may read it.

    Args:
        folder: Where `prepare` put it.

    Raises:
        ImageSetError: There is none, or its index is damaged.
    """

    def __init__(self, folder: Path) -> None:
        index = _read_index(folder)
        self.fingerprint = index.fingerprint
        self.image_size = index.image_size
        self._folder = folder
        self._shards = {shard.shard_id: shard for shard in index.shards if not shard.is_held_out}
        self._held_out = [shard for shard in index.shards if shard.is_held_out]
        self._cache = ShardCache(folder, _NO_LIMIT, decoded_bytes=DECODED_BYTES)

    @property
    def shard_sizes(self) -> dict[int, int]:
        """Pictures to train on in each shard, by shard number."""
        return {shard_id: shard.num_images for shard_id, shard in self._shards.items()}

    @property
    def num_images(self) -> int:
        """Pictures to train on."""
        return sum(self.shard_sizes.values())

    def unit(self, ranges: Sequence[ShardRange], config: RunConfig) -> torch.Tensor:
        """A unit's pictures in training order, uint8 [N, 3, S, S].

        Raises:
            ImageSetError: A file is gone or damaged.
        """
        return unit_images(ranges, self._shards, config, self._cache, self._refuse)

    def held_out(self) -> torch.Tensor:
        """The pictures that nobody trains on, uint8 [N, 3, S, S]."""
        pieces = [self._cache.images(shard, self.image_size, self._refuse) for shard in self._held_out]
        return torch.cat(pieces)

    def some(self, count: int) -> torch.Tensor:
        """At most `count` pictures to train on, uint8 [N, 3, S, S]; shards are dealt at random."""
        shard = next(iter(self._shards.values()))
        return self._cache.images(shard, self.image_size, self._refuse)[:count]

    def _refuse(self, shard: Shard) -> bytes:
        raise ImageSetError(
            f"The prepared pictures in {self._folder} are incomplete or damaged (shard {shard.shard_id})."
            " Begin in a new folder, with --data or --drawn and --output."
        )


def prepare(
    source: ImageSource,
    folder: Path,
    image_size: int,
    seed: int,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImportSummary:
    """Decode, resize and deal pictures to shards in an empty folder; the index comes last.

    Args:
        source: The pictures.
        folder: Made if it is not there.
        image_size: Edge of the square pictures, pixels.
        seed: Decides which picture lands in which shard.
        on_progress: Called with the candidates done and their total.

    Raises:
        ImageSetError: Too few usable pictures, or the disk is full.
    """
    images = ImageImport(source, image_size, seed, on_progress)
    shards = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, file in enumerate(images):
            (folder / f"{file.sha256}.tar").write_bytes(file.data)
            shards.append(
                Shard(number, 0, file.num_images, len(file.data), file.sha256, is_held_out=file.is_held_out)
            )
        index = _Index(image_size, images.summary.fingerprint, tuple(shards))
        (folder / INDEX).write_text(json.dumps(dataclasses.asdict(index)), encoding="utf-8")
    except OSError as error:
        raise ImageSetError(
            f"The prepared pictures cannot be written to {folder}: {error.strerror}. Choose another place"
            " with --output.",
            title="No place for the pictures",
        ) from error
    return images.summary


def is_prepared(folder: Path) -> bool:
    """Whether `prepare` has been here and came to its end."""
    return (folder / INDEX).exists()


def _read_index(folder: Path) -> _Index:
    try:
        values = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        shards = tuple(Shard(**shard) for shard in values.pop("shards"))
        return _Index(shards=shards, **values)
    except FileNotFoundError as error:
        raise ImageSetError(
            f"There are no prepared pictures in {folder}. Name pictures with --data or --drawn."
        ) from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ImageSetError(
            f"The list of the prepared pictures in {folder} is damaged. Name the pictures again with --data"
            " or --drawn, and a new folder with --output."
        ) from error
