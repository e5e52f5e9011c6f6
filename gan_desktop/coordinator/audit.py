"""Spot checks: computes an update's check figures again, on the same weights, images and noise."""

from __future__ import annotations

import logging
import random
from collections import OrderedDict

from gan_desktop.database.coordination import Coordination
from gan_desktop.database.downloads import Downloads
from gan_desktop.errors import ImageSetError, PayloadError
from gan_desktop.records import PendingUpdate, Run, Shard
from gan_desktop.training.gate import check_figures_agree
from gan_desktop.training.losses import check_figures
from gan_desktop.training.networks import Gan, Tensors, load_tensors
from gan_desktop.training.shard_cache import ShardCache, unit_images

logger = logging.getLogger(__name__)

REFUSAL = "Its check figures are not those of the weights and pictures it was given."


class Audit:
    """Checks a random share of the updates.

    Args:
        gan: A network to compute with; its state is overwritten.
        shards: All of the run's data set.
        seed: Decides who is checked; must not be known to workers.
    """

    def __init__(
        self, run: Run, gan: Gan, shards: tuple[Shard, ...], cache: ShardCache, seed: int | None = None
    ) -> None:
        self._run = run
        self._gan = gan
        self._shards = {shard.shard_id: shard for shard in shards}
        self._cache = cache
        self._random = random.Random(seed)
        self._published: OrderedDict[int, Tensors] = OrderedDict()

    def follow(self, run: Run) -> None:
        """Go by a configuration that was changed."""
        self._run = run

    def remember(self, iteration: int, decoded: Tensors) -> None:
        """Keep the weights as workers decode them, as long as updates on them may come."""
        self._published[iteration] = decoded
        while len(self._published) > self._run.config.max_staleness + 1:
            self._published.popitem(last=False)

    def passes(self, update: PendingUpdate, coordination: Coordination, downloads: Downloads) -> bool:
        """False where an update was chosen, computed again, and does not agree."""
        weights, claimed = self._published.get(update.iteration), update.result.check
        if weights is None or self._random.random() >= self._run.config.audit_share:
            return True
        # An honest worker measures on one step's images; more would be our memory in a stranger's hands.
        if claimed.num_images > self._run.config.step_batch:
            return False
        seed, ranges = coordination.unit_of_update(update.update_id)
        try:
            images = unit_images(ranges, self._shards, self._run.config, self._cache, downloads.shard)
        except (ImageSetError, PayloadError) as error:
            logger.warning("Update %d could not be checked: %s", update.update_id, error)
            return True
        load_tensors(self._gan, weights)
        recomputed = check_figures(
            self._gan, images[: claimed.num_images], seed=seed, config=self._run.config
        )
        return check_figures_agree(claimed, recomputed)
