"""Shards on this computer's disk with the latest ones decoded in memory, and a unit's images out of them."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from gan_desktop.records import RunConfig, Shard, ShardRange
from gan_desktop.training.epoch import unit_positions
from gan_desktop.training.shard_folder import Fetch, ShardFolder
from gan_desktop.training.shards import read_shard

logger = logging.getLogger(__name__)

DECODED_BYTES = 256_000_000


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


class ShardCache(ShardFolder):
    """A folder of shards (see there) that need not be decoded each time they are used.

    Args:
        decoded_bytes: The most the decoded shards may take in memory; the latest one stays in any case.
    """

    def __init__(
        self,
        folder: Path,
        limit_bytes: int,
        notify: Callable[[str], None] = logger.warning,
        decoded_bytes: int = DECODED_BYTES,
    ) -> None:
        super().__init__(folder, limit_bytes, notify)
        self._decoded_bytes = decoded_bytes
        self._decoded: OrderedDict[str, torch.Tensor] = OrderedDict()

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
