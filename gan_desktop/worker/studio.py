"""One run on this computer: its pictures, its network and Adam's moments, from unit to unit."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace

import torch

from gan_desktop.errors import DeviceError, PayloadError
from gan_desktop.records import Run, Shard, Update, Weights, WorkUnit
from gan_desktop.training.device import Device, choose_device, release_memory
from gan_desktop.training.networks import build_gan, network_fingerprint, tensor_shapes
from gan_desktop.training.payload import PayloadInfo, decode, encode
from gan_desktop.training.shard_cache import ShardCache, unit_images
from gan_desktop.training.steps import StepFigures, UnitOutcome, UnitTrainer
from gan_desktop.worker.limits import Pace

logger = logging.getLogger(__name__)

FetchShard = Callable[[Shard], bytes]


class Studio:
    """Trains units of one run.

    Args:
        shards: All of the run's data set.
        batch_size: The most images put through the device at once.
        on_notice: Told of fall-backs in a sentence.

    Attributes:
        device: What computes; the CPU once a graphics card has failed.
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
        self.device = device
        self._is_resting = False
        self._batch_size = batch_size
        try:
            self._trainer = self._make_trainer(batch_size)
        except RuntimeError as error:  # another program has filled the card's memory
            self.leave_card(error)

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

    @property
    def dataset_bytes(self) -> int:
        """Bytes of the run's data set, held-out images included."""
        return sum(shard.num_bytes for shard in self._shards.values())

    def follow(self, run: Run) -> None:
        """Go on with what the instructor has changed in mid-training: never the network or its steps.

        Called while a unit may be in work.
        """
        self.run = run

    def num_bytes_missing(self, unit: WorkUnit) -> int:
        """Bytes that have to be fetched for a unit."""
        shards = {self._shards[part.shard_id] for part in unit.ranges}
        here = set(self._cache.cached_ids(shards))
        return sum(shard.num_bytes for shard in shards if shard.shard_id not in here)

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
        pace: Callable[[], Pace],
    ) -> UnitOutcome:
        """Compute a unit from the current weights; a graphics card that fails is left for the CPU.

        Args:
            rest: Sleeps between two batches.
            pace: Asked before each batch.

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
                between_steps=lambda seconds: rest(pace().rest_after(seconds)),
                is_paced=lambda: pace() is not Pace.FULL,
            )

        try:
            if self._is_resting:
                self._trainer.move_to(self.device.torch_device)
                self._is_resting = False
            return compute()
        except (DeviceError, RuntimeError) as error:
            if not self.device.is_card:
                raise
            self.leave_card(error)
            return compute()

    def rest(self) -> None:
        """Give the graphics card's memory to other programs until the next unit; nothing is forgotten."""
        if not self.device.is_card or self._is_resting:
            return
        try:
            self._trainer.move_to(torch.device("cpu"))
        except RuntimeError as error:
            self.leave_card(error)
            return
        self._is_resting = True
        release_memory(self.device.torch_device)

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
            self._begin_anew(self._trainer.micro_batch)
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

    def leave_card(self, error: Exception) -> None:
        """Compute with the CPU from now on. The card's moments are out of reach: they begin anew."""
        reason = (str(error).strip() or type(error).__name__).partition("\n")[0].rstrip(".")
        self._on_notice(f"The graphics card failed ({reason}). The processor goes on, more slowly.")
        broken = self.device.torch_device
        self.device = replace(choose_device("cpu"), reason=f"The graphics card failed: {reason}.")
        self._is_resting = False
        self._begin_anew(self._batch_size)
        release_memory(broken)

    def _begin_anew(self, batch_size: int) -> None:
        """Train on with fresh moments, from the same weights."""
        self._trainer = self._make_trainer(batch_size)
        if self._weights is not None:
            self._trainer.load_weights(
                decode(self._weights.payload, shapes=self._shapes, network=self._fingerprint)
            )

    def _make_trainer(self, batch_size: int) -> UnitTrainer:
        config = self.run.config
        return UnitTrainer(
            build_gan(config),
            config,
            device=self.device.torch_device,
            micro_batch=batch_size,
            on_notice=self._on_notice,
        )
