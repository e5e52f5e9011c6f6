"""Which images a work unit means: the same on every computer, without sending an index."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gan_desktop.errors import ImageSetError
from gan_desktop.records import ShardRange

Indices = npt.NDArray[np.int64]

# In place of a shard's number where the order of the shards themselves is drawn.
_ALL_SHARDS = -1


def shard_permutation(run_seed: int, epoch: int, shard_id: int, num_images: int) -> Indices:
    """The order in which one epoch uses a shard's images: each index below `num_images` once.

    It is drawn from `RandomState`, whose stream NumPy promises never to change (NEP 19); newer
    generators may give another order after an update, and two students would get the same image.
    """
    digest = hashlib.sha256(f"{run_seed}/{epoch}/{shard_id}".encode()).digest()
    random = np.random.RandomState(np.frombuffer(digest, dtype="<u4").astype(np.uint32))
    return random.permutation(num_images).astype(np.int64)


def unit_positions(
    ranges: Sequence[ShardRange], run_seed: int, shard_sizes: Mapping[int, int]
) -> list[tuple[int, Indices]]:
    """The images of a unit, in training order: a shard's number and the indices in that shard.

    Args:
        ranges: The unit's.
        run_seed: `RunConfig.seed`.
        shard_sizes: Images in each shard, by shard number.

    Raises:
        ImageSetError: A range does not lie within its shard.
    """
    positions: list[tuple[int, Indices]] = []
    for part in ranges:
        size = shard_sizes.get(part.shard_id, 0)
        if not 0 <= part.first <= part.first + part.count <= size:
            raise ImageSetError(
                f"The unit asks for images {part.first} to {part.first + part.count} "
                f"of shard {part.shard_id}, which holds {size}."
            )
        order = shard_permutation(run_seed, part.epoch, part.shard_id, size)
        positions.append((part.shard_id, order[part.first : part.first + part.count]))
    return positions


def epoch_units(
    run_seed: int, epoch: int, shard_sizes: Mapping[int, int], unit_images: int, *, first: int = 0
) -> list[tuple[ShardRange, ...]]:
    """Cut one epoch into units without a database: every image once, shard after shard in a seeded order.

    Args:
        run_seed: `RunConfig.seed`.
        epoch: Which one.
        shard_sizes: Images in each shard, by shard number.
        unit_images: Images in a unit; the last one holds half to one and a half of that.
        first: Images of the epoch that are done. The cuts after it stay where they are.
    """
    numbers = sorted(shard_sizes)
    order = [numbers[i] for i in shard_permutation(run_seed, epoch, _ALL_SHARDS, len(numbers))]
    total = sum(shard_sizes.values())
    cuts = range(unit_images, total - unit_images // 2 + 1, unit_images)
    edges = [first, *(cut for cut in cuts if cut > first), total]
    return [_ranges(order, shard_sizes, epoch, start, end) for start, end in pairwise(edges) if end > start]


def _ranges(
    order: Sequence[int], shard_sizes: Mapping[int, int], epoch: int, start: int, end: int
) -> tuple[ShardRange, ...]:
    """The pieces of shards between two places of an epoch."""
    ranges = []
    shard_start = 0
    for shard_id in order:
        size = shard_sizes[shard_id]
        first, last = max(start - shard_start, 0), min(end - shard_start, size)
        if first < last:
            ranges.append(ShardRange(shard_id, epoch, first, last - first))
        shard_start += size
    return tuple(ranges)
