"""One run on this computer: its pictures, its network and Adam's moments, from unit to unit."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable

import torch

from gan_desktop.errors import DeviceError, PayloadError
from gan_desktop.records import Run, Shard, Update, Weights, WorkUnit
from gan_desktop.training.device import Device, choose_device
from gan_desktop.training.networks import build_gan, network_fingerprint, tensor_shapes
from gan_desktop.training.payload import PayloadInfo, decode, encode
from gan_desktop.training.shard_cache import ShardCache, unit_images
from gan_desktop.training.steps import StepFigures, UnitOutcome, UnitTrainer
from gan_desktop.worker.courtesy import Pace

logger = logging.getLogger(__name__)

FetchShard = Callable[[Shard], bytes]


class Studio:
    """Trains units of one run.

    Args:
        shards: All of the run's data set.
        batch_size: The most images put through the device at once.
        on_notice: Told of fall-backs in a sentence.
    """

    def __init__(
        self,
        run: Run,
        shards: tuple[Shard, ...],
        cache: ShardCache,
        device: Device,
        batch_size: int,
        on_notice: Callable[[str], None],
    ) -> None:
        self.run = run
        self._shards = {shard.shard_id: shard for shard in shards}
        self._cache = cache
        self._on_notice = on_notice
        self._fingerprint = network_fingerprint(run.config)
        self._shapes = tensor_shapes(run.config)
        self._weights: Weights | None = None
        self._device = device
        self._trainer = self._make_trainer(batch_size)

    @property
    def weights(self) -> Weights | None:
        """The published weights that units start from; None before `start_from`."""
        return self._weights

    @property
    def iteration(self) -> int:
        """The iteration that units start from; -1 before `start_from`."""
        return self._weights.iteration if self._weights else -1

    @property
    def dataset_size(self) -> int:
        """Images in the run's data set, held-out ones included."""
        return sum(shard.num_images for shard in self._shards.values())

    def cached_shards(self) -> list[int]:
        """Shards that need not be fetched."""
        return self._cache.cached_ids(self._shards.values())

    def fetch_shards(self, unit: WorkUnit, fetch: FetchShard) -> None:
        """Bring a unit's shards to this computer's disk."""
        shards = [self._shards[part.shard_id] for part in unit.ranges]
        with self._cache.keeping(shards):
            for shard in shards:
                self._cache.get(shard, fetch)

    def images(self, unit: WorkUnit, fetch: FetchShard) -> torch.Tensor:
        """A unit's images in training order, uint8 [N, 3, S, S]."""
        return unit_images(unit.ranges, self._shards, self.run.config, self._cache, fetch)

    def start_from(self, weights: Weights) -> None:
        """Let the next unit start from these weights.

        Raises:
            PayloadError: They are not this run's.
        """
        if weights is not self._weights:
            self._trainer.load_weights(
                decode(weights.payload, shapes=self._shapes, network=self._fingerprint)
            )
            self._weights = weights

    def train(
        self,
        unit: WorkUnit,
        images: torch.Tensor,
        *,
        should_stop: Callable[[], bool],
        on_step: Callable[[StepFigures], None],
        rest: Callable[[float], None],
        pace: Pace,
    ) -> UnitOutcome:
        """Compute a unit from the current weights; a graphics card that fails is left for the CPU.

        Raises:
            DeviceError: The CPU cannot do it either (memory).
        """

        def compute() -> UnitOutcome:
            return self._trainer.run_unit(
                images,
                seed=unit.seed,
                fresh_moments=unit.fresh_moments,
                should_stop=should_stop,
                on_step=on_step,
                # At full pace nobody asks for each step's seconds, and the device never has to wait.
                between_steps=None if pace is Pace.FULL else lambda s: rest(pace.rest_after(s)),
            )

        try:
            return compute()
        except (DeviceError, RuntimeError) as error:
            if self._device.torch_device.type == "cpu":
                raise
            reason = str(error).partition("\n")[0]
            self._on_notice(f"The graphics card failed ({reason}). The processor goes on, more slowly.")
            self._device = choose_device("cpu")
            self._begin_anew()
            return compute()

    def pack(self, unit: WorkUnit, outcome: UnitOutcome) -> Update:
        """Write a unit's outcome as the update that is handed in.

        Raises:
            PayloadError: The training has diverged: the numbers are not finite. The next unit
                begins with fresh moments.
        """
        config = self.run.config
        info = PayloadInfo(
            kind="gradient" if config.mode == "gradient" else "weight_change",
            run_id=unit.run_id,
            iteration=self.iteration,
            codec=config.codec_up,
            network=self._fingerprint,
        )
        try:
            payload = encode(outcome.update, info, seed=unit.seed)
        except PayloadError:
            # Adam's moments are no numbers any more either, and would spoil every later unit.
            self._begin_anew()
            raise
        return Update(
            unit_id=unit.unit_id,
            run_id=unit.run_id,
            iteration=self.iteration,
            lease_token=unit.lease_token,
            codec=config.codec_up,
            payload=payload,
            sha256=hashlib.sha256(payload).hexdigest(),
            result=outcome.result,
        )

    def _begin_anew(self) -> None:
        """Train on with fresh moments, from the same weights."""
        self._trainer = self._make_trainer(self._trainer.micro_batch)
        if self._weights is not None:
            self._trainer.load_weights(
                decode(self._weights.payload, shapes=self._shapes, network=self._fingerprint)
            )

    def _make_trainer(self, batch_size: int) -> UnitTrainer:
        config = self.run.config
        return UnitTrainer(
            build_gan(config),
            config,
            device=self._device.torch_device,
            micro_batch=batch_size,
            on_notice=self._on_notice,
        )
