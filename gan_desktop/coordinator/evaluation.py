"""Looks at what the network has learned: sample grids and the distance to held-out pictures."""

from __future__ import annotations

import torch

from gan_desktop.records import RunConfig
from gan_desktop.training.networks import Gan, Tensors, load_tensors
from gan_desktop.training.quality import (
    draw_samples,
    fixed_noise,
    grid_png,
    sliced_wasserstein,
)

GRID_COLUMNS = 8
GRID_IMAGES = 64
# Enough for a steady figure; more costs seconds of every measured iteration.
MEASURED_IMAGES = 1_024


class Evaluation:
    """Draws with the moving average of G, always from the same noise.

    Args:
        gan: A network to compute with; its state is overwritten.
        held_out: Pictures that nobody trains on, uint8 [N, 3, S, S].
    """

    def __init__(self, config: RunConfig, gan: Gan, held_out: torch.Tensor) -> None:
        self._gan = gan
        self._held_out = held_out[:MEASURED_IMAGES]
        self._noise = fixed_noise(config, max(GRID_IMAGES, len(self._held_out)))

    def grid(self, ema: Tensors) -> bytes:
        """A PNG of 8 x 8 faces."""
        load_tensors(self._gan, ema)
        return grid_png(draw_samples(self._gan.generator, self._noise[:GRID_IMAGES]), GRID_COLUMNS)

    def distance(self, ema: Tensors) -> float | None:
        """Sliced Wasserstein distance x 1000 to the held-out pictures; None without any."""
        if not len(self._held_out):
            return None
        load_tensors(self._gan, ema)
        samples = draw_samples(self._gan.generator, self._noise[: len(self._held_out)])
        return sliced_wasserstein(samples, self._held_out)
