"""How good the generated images are: samples, grids and the sliced Wasserstein distance.

The distance is that of Karras, Aila, Laine, Lehtinen, "Progressive Growing of GANs", ICLR 2018
(arXiv:1710.10196), section 5. It needs no downloaded network: it compares small patches of both
image sets at several scales. The finest scale sees sharpness and noise, the coarsest sees layout.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from gan_desktop.records import RunConfig
from gan_desktop.training.losses import seeded_generator
from gan_desktop.training.picture_files import grid, png

COARSEST_LEVEL = 16
PATCH_SIZE = 7
PATCHES_PER_IMAGE = 32
NUM_DIRECTIONS = 128
# A level whose colours vary by less than a tenth of one grey step (of 255) holds rounding, no picture:
# dividing by so small a spread would blow the rounding up to a texture.
SMALLEST_SPREAD = 0.1
# Images per piece of work: a few megabytes at 128 pixels, so that memory does not grow with the set.
_CHUNK = 32


def sliced_wasserstein(images_a: torch.Tensor, images_b: torch.Tensor, seed: int = 0) -> float:
    """Measure how differently two sets of images are distributed; 0 is equal, noise some 800.

    Two finite samples of the same distribution stay above 0: see `real_floor`. Both sets are scaled
    alike, unlike in the paper's code: see `_normalise`. Do not compare with published figures.

    Args:
        images_a, images_b: uint8 [N, 3, S, S] with S a power of two from 16; the longer set is cut.
        seed: Decides patch places and directions; compare only distances of one seed.

    Returns:
        The mean over the pyramid's levels of the distance x 1000, as the paper prints it.

    Raises:
        ValueError: The sets are empty or of different shape.
    """
    if images_a.shape[1:] != images_b.shape[1:] or min(len(images_a), len(images_b)) == 0:
        raise ValueError("Both sets need images, all of one size.")
    count = min(len(images_a), len(images_b))
    distances = [
        _level_distance(images_a[:count], images_b[:count], level, seed)
        for level in range(_num_levels(images_a.shape[-1]))
    ]
    return 1000 * sum(distances) / len(distances)


def real_floor(images: torch.Tensor, seed: int = 0) -> float:
    """Measure one half of a set of real images against the other: as low as a perfect GAN could get.

    Args:
        images: uint8 [N, 3, S, S], N at least 2. A floor is comparable to distances of N / 2 images.
        seed: Also decides who is in which half.
    """
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    half = len(images) // 2
    return sliced_wasserstein(images[order[:half]], images[order[half:]], seed)


def fixed_noise(config: RunConfig, count: int) -> torch.Tensor:
    """The z [count, latent_size] of all a run's grids and measures; more noise starts with less noise."""
    # A stream of its own: the first weights of G come from the same seed.
    generator = seeded_generator(config.seed, "samples")
    return torch.randn(count, config.latent_size, generator=generator)


@torch.no_grad()
def draw_samples(generator: nn.Module, z: torch.Tensor, batch: int = 128) -> torch.Tensor:
    """Draw one image per row of z in eval mode, `batch` at once, and leave the mode as it was.

    Returns:
        uint8 [N, 3, S, S] on the CPU.
    """
    device = next(generator.parameters()).device
    was_training = generator.training
    generator.eval()
    try:
        images = [to_uint8(generator(part.to(device))).cpu() for part in torch.split(z, batch)]
    finally:
        generator.train(was_training)
    return torch.cat(images)


def to_uint8(images: torch.Tensor) -> torch.Tensor:
    """Turn a generator's images in -1..1 into uint8 0..255."""
    return ((images + 1) * 127.5).round_().clamp_(0, 255).to(torch.uint8)


def grid_png(images: torch.Tensor, columns: int) -> bytes:
    """Lay uint8 images [N, 3, S, S] out in rows of `columns` and return a PNG file's bytes."""
    return png(grid(images.permute(0, 2, 3, 1).numpy(), columns))


def _num_levels(image_size: int) -> int:
    return max(1, (image_size // COARSEST_LEVEL).bit_length())


def _level_distance(images_a: torch.Tensor, images_b: torch.Tensor, level: int, seed: int) -> float:
    """One level's sliced Wasserstein distance: the mean over random directions of the 1-D distance."""
    random = torch.Generator().manual_seed(seed * 64 + level)
    places = _patch_places(images_a.shape[-1] >> level, random)
    directions = F.normalize(torch.randn(NUM_DIRECTIONS, 3 * PATCH_SIZE**2, generator=random), dim=1)
    patches_a, patches_b = _patches(images_a, level, places), _patches(images_b, level, places)
    _normalise(patches_a, patches_b)
    # Sorted projections pair the quantiles of both sets. NumPy sorts floats several times faster.
    sorted_a, sorted_b = (
        np.sort((directions @ patches.flatten(2).flatten(0, 1).T).numpy(), axis=1)
        for patches in (patches_a, patches_b)
    )
    return float(np.abs(sorted_a - sorted_b).mean(dtype=np.float64))


def _patch_places(level_size: int, random: torch.Generator) -> list[tuple[int, int]]:
    """The same random places for every image: a set then equals itself, in whatever order."""
    per_side = level_size - PATCH_SIZE + 1
    chosen = torch.randperm(per_side**2, generator=random)[:PATCHES_PER_IMAGE].tolist()
    return [divmod(place, per_side) for place in chosen]


def _patches(images: torch.Tensor, level: int, places: list[tuple[int, int]]) -> torch.Tensor:
    """Cut one level of every image into patches [N, places, 3, 7, 7]."""
    patches = torch.empty(len(images), len(places), 3, PATCH_SIZE, PATCH_SIZE)
    first = 0
    for chunk in _level_images(images, level):
        for k, (y, x) in enumerate(places):
            patches[first : first + len(chunk), k] = chunk[..., y : y + PATCH_SIZE, x : x + PATCH_SIZE]
        first += len(chunk)
    return patches


def _normalise(patches_a: torch.Tensor, patches_b: torch.Tensor) -> None:
    """Shift and scale each colour of both sets alike, in place, to mean 0 and spread 1 over the two.

    The paper's code scales each set by its own spread, which hides a wrong tint or a washed-out
    contrast altogether: real faces at a fifth of their contrast then measure as well as real ones.
    """
    each = (0, 1, 3, 4)
    (variance_a, mean_a), (variance_b, mean_b) = (
        torch.var_mean(patches, dim=each, keepdim=True, correction=0) for patches in (patches_a, patches_b)
    )
    mean, spread = (mean_a + mean_b) / 2, ((variance_a + variance_b) / 2).sqrt_()
    for patches in (patches_a, patches_b):
        patches.sub_(mean).div_(spread.clamp_(min=SMALLEST_SPREAD))


def _level_images(images: torch.Tensor, level: int) -> Iterator[torch.Tensor]:
    """Yield one level of the Laplacian pyramid in chunks: what this scale shows beyond the coarser one."""
    is_coarsest = level == _num_levels(images.shape[-1]) - 1
    for chunk in torch.split(images, _CHUNK):
        blurred = chunk.float()
        for _ in range(level):
            blurred = _halve(blurred)
        yield blurred if is_coarsest else blurred - _double(_halve(blurred))


# Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code", 1983: the binomial 5 x 5 filter.
_BINOMIAL = (1.0, 4.0, 6.0, 4.0, 1.0)


def _smooth(images: torch.Tensor, stride: int = 1, gain: float = 1.0) -> torch.Tensor:
    row = torch.tensor(_BINOMIAL) / 16
    kernel = (gain * row[:, None] * row[None, :]).expand(3, 1, 5, 5)
    return F.conv2d(F.pad(images, (2, 2, 2, 2), mode="reflect"), kernel, stride=stride, groups=3)


def _halve(images: torch.Tensor) -> torch.Tensor:
    return _smooth(images, stride=2)


def _double(images: torch.Tensor) -> torch.Tensor:
    """Double the edge: zeros between the pixels, then a filter with four times the weight to fill them."""
    n, channels, height, width = images.shape
    spread = images.new_zeros(n, channels, 2 * height, 2 * width)
    spread[..., ::2, ::2] = images
    return _smooth(spread, gain=4.0)
