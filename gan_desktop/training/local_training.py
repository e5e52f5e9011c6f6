"""Training on one computer, as a class of one: the same steps, the same averaging, no database.

Each epoch uses every picture once in a seeded order, cut into units of some sixty steps. After a unit the
outer state takes over its weights as a coordinator would with one worker, and the moving average moves.
What is computed depends on the configuration, the pictures and the position only: a training that was
saved after a unit and goes on is, on the CPU, to the last bit the one that was never interrupted.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import torch

from gan_desktop.errors import DeviceError, GanDesktopError
from gan_desktop.records import RunConfig, UnitResult
from gan_desktop.training.checkpoint_file import Checkpoint, CheckpointInfo
from gan_desktop.training.epoch import epoch_units
from gan_desktop.training.networks import build_gan, load_tensors
from gan_desktop.training.outer import OuterState
from gan_desktop.training.picture_files import Pixels, grid
from gan_desktop.training.picture_folder import PictureFolder
from gan_desktop.training.quality import draw_samples, fixed_noise, sliced_wasserstein
from gan_desktop.training.steps import StepFigures, UnitTrainer

# Long enough that a unit's beginning and end cost 2% of it, short enough for a moving average.
UNIT_STEPS = 64
GRID_IMAGES, GRID_COLUMNS = 64, 8
# Enough for a steady figure; more costs seconds of every measured epoch.
MEASURED_IMAGES = 1_024


@dataclass(frozen=True)
class UnitDone:
    """A unit is in the weights; `epoch` counts from 1, `epoch_images` are done of it."""

    iteration: int
    epoch: int
    epoch_images: int
    num_images: int
    result: UnitResult


@dataclass(frozen=True)
class Look:
    """What G's moving average draws, as one picture of 8 x 8, and its distance to held-out ones."""

    faces: Pixels
    distance: float


class LocalTraining:
    """One training in memory, at the end of a unit.

    Args:
        config: The run's, for a new training.
        pictures: What to learn from.
        device: Where to compute.
        micro_batch: The most images put through the device at once; None: a whole step's.
        on_notice: Told of fall-backs in a sentence.
        checkpoint: Go on from here, with its configuration instead of `config`. With other pictures than
            its own the epoch that it is in begins anew.
    """

    def __init__(
        self,
        config: RunConfig,
        pictures: PictureFolder,
        *,
        device: torch.device,
        micro_batch: int | None = None,
        on_notice: Callable[[str], None],
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.config = local_config(checkpoint.info.config if checkpoint else config)
        self.pictures = pictures
        self._device = device
        self.epoch = checkpoint.info.epoch if checkpoint else 0
        # Of other pictures no epoch has begun: a place in the middle of one means nothing among them.
        is_same = checkpoint is not None and checkpoint.info.pictures == pictures.fingerprint
        self.epoch_images = checkpoint.info.epoch_images if checkpoint and is_same else 0
        self._trainer = UnitTrainer(
            build_gan(self.config),
            self.config,
            device=device,
            micro_batch=micro_batch or self.config.step_batch,
            on_notice=on_notice,
        )
        self._state = _restored(checkpoint) if checkpoint else OuterState.fresh(self.config)
        if checkpoint and checkpoint.moments:
            self._trainer.load_moments(checkpoint.moments)
        self._showing = build_gan(self.config).to(device)
        self._held_out = pictures.held_out()[:MEASURED_IMAGES]
        self._noise = fixed_noise(self.config, max(GRID_IMAGES, len(self._held_out)))

    @property
    def iteration(self) -> int:
        """Units so far."""
        return self._state.iteration

    @property
    def num_images(self) -> int:
        """Images trained on so far, over all epochs."""
        return self._state.num_images

    def train_epoch(
        self,
        should_stop: Callable[[], bool] = lambda: False,
        on_step: Callable[[StepFigures], None] = lambda _figures: None,
    ) -> Iterator[UnitDone]:
        """Train to the end of the epoch, a unit at a time; stop between two steps when told to.

        Raises:
            GanDesktopError: The losses are no finite numbers any more: the training has diverged.
            DeviceError: A graphics card failed, or not even two images at once fit into the memory.
            ImageSetError: Prepared pictures are gone or damaged.
        """
        sizes = self.pictures.shard_sizes
        units = epoch_units(
            self.config.seed,
            self.epoch,
            sizes,
            UNIT_STEPS * self.config.step_batch,
            first=self.epoch_images,
        )
        # The next unit's pictures are decoded while this one's are computed on.
        with ThreadPoolExecutor(1, "pictures") as pool:
            coming = pool.submit(self.pictures.unit, units[0], self.config)
            for following in [*units[1:], None]:
                images = coming.result()
                if following is not None:
                    coming = pool.submit(self.pictures.unit, following, self.config)
                yield self._train_unit(images, should_stop, on_step)
                if should_stop():
                    return

    def _train_unit(
        self,
        images: torch.Tensor,
        should_stop: Callable[[], bool],
        on_step: Callable[[StepFigures], None],
    ) -> UnitDone:
        self._trainer.load_weights(self._state.weights)
        try:
            outcome = self._trainer.run_unit(
                images, seed=self._unit_seed(), should_stop=should_stop, on_step=on_step
            )
        except RuntimeError as error:
            if self._device.type == "cpu":
                raise
            # Adam's moments are those of a step in mid-unit: only a checkpoint is whole.
            raise DeviceError(
                f"The graphics card failed ({str(error).partition(chr(10))[0]}). Go on from the newest"
                " checkpoint on the processor: gan-desktop train --resume FOLDER --device cpu"
            ) from error
        result = outcome.result
        if not math.isfinite(result.loss_g + result.loss_d):
            raise GanDesktopError(
                "The losses are no finite numbers any more. Go on from a checkpoint of before, or begin anew"
                " with a smaller --learning-rate.",
                title="The training has diverged",
            )
        self._state.apply(outcome.update, result.num_images, self.config)
        epoch, self.epoch_images = self.epoch + 1, self.epoch_images + result.num_images
        done = UnitDone(self.iteration, epoch, self.epoch_images, self.num_images, result)
        if self.epoch_images == self.pictures.num_images:
            self.epoch, self.epoch_images = epoch, 0
        return done

    def _unit_seed(self) -> int:
        """A seed for this place in the training, so that it does not matter where one went on from."""
        place = f"{self.config.seed}/{self.epoch}/{self.epoch_images}"
        return int.from_bytes(hashlib.sha256(place.encode()).digest()[:4], "little")

    def checkpoint(self, name: str) -> Checkpoint:
        """All that is needed to go on, with statistics that are right for drawing."""
        self._state.recalibrate(self._showing, self.config)
        moments = self._trainer.moments()
        info = CheckpointInfo(
            name=name,
            kind="local",
            config=self.config,
            iteration=self.iteration,
            num_images=self.num_images,
            epoch=self.epoch,
            epoch_images=self.epoch_images,
            pictures=self.pictures.fingerprint,
            num_adam_steps=moments.num_steps if moments else 0,
        )
        return Checkpoint(info, self._state.weights, self._state.ema, moments)

    def look(self) -> Look:
        """Draw with the moving average of G, always from the same noise, and measure."""
        self._state.recalibrate(self._showing, self.config)
        load_tensors(self._showing, self._state.ema)
        samples = draw_samples(self._showing.generator, self._noise)
        distance = sliced_wasserstein(samples[: len(self._held_out)], self._held_out)
        shown = samples[:GRID_IMAGES].permute(0, 2, 3, 1).numpy()
        return Look(grid(shown, GRID_COLUMNS), distance)

    def floor(self) -> float:
        """The distance of as many pictures that it learns from: as low as a perfect G would come."""
        return sliced_wasserstein(self.pictures.some(len(self._held_out)), self._held_out)


def local_config(config: RunConfig) -> RunConfig:
    """A run's configuration for one computer: local steps, whose change counts in full."""
    return replace(config, mode="local_steps", outer_rate=1.0)


def _restored(checkpoint: Checkpoint) -> OuterState:
    info = checkpoint.info
    state = OuterState.from_weights(checkpoint.weights, checkpoint.ema, local_config(info.config))
    state.iteration, state.num_images = info.iteration, info.num_images
    return state
