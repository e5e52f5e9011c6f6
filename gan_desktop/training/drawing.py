"""Drawing faces from latent vectors: seeded, on a walk from one to another, along directions.

Everything here is a plain function of its arguments. A latent vector z is one row of [N, latent_size],
fp32 on the CPU; G was trained on normally distributed ones. Pictures come out as NumPy arrays
[N, S, S, 3], uint8, for `picture_files` and for windows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from gan_desktop.records import RunConfig
from gan_desktop.training.losses import seeded_generator
from gan_desktop.training.networks import Generator, Tensors, build_gan, load_tensors
from gan_desktop.training.picture_files import Pixels
from gan_desktop.training.quality import draw_samples

Latents = torch.Tensor | NDArray[np.float32] | NDArray[np.float64]


def load_generator(config: RunConfig, tensors: Tensors, device: str = "cpu") -> Generator:
    """Build the run's generator with the given weights, ready to draw.

    Args:
        config: The run's.
        tensors: A checkpoint's `ema`, or any other `generator.*` tensors of this network.
        device: Where it will draw.

    Raises:
        ValueError: They are not this network's.
    """
    gan = build_gan(config)
    load_tensors(gan, tensors)
    # Only a picture's drawer: nobody will ask for its gradient.
    generator = gan.generator.to(device).eval().requires_grad_(False)
    return cast(Generator, generator)


def draw(generator: nn.Module, z: Latents) -> Pixels:
    """Draw one picture per row of z [N, latent_size] in eval mode: uint8 [N, S, S, 3].

    A picture depends on its own row alone; how many are drawn at once may change a grey step of 255.
    """
    images = draw_samples(generator, torch.as_tensor(z, dtype=torch.float32))
    return cast(Pixels, images.permute(0, 2, 3, 1).contiguous().numpy())


# ---------------------------------------------------------------------------------------------
# Latent vectors
# ---------------------------------------------------------------------------------------------


def latents(count: int, latent_size: int, seed: int | str) -> torch.Tensor:
    """Draw z [count, latent_size] from a seed; row k is the same however many are drawn.

    The seed may be words: an account's name gives it faces of its own.
    """
    random = seeded_generator(seed, "faces")
    # One row at a time: a single call would give other numbers for another count.
    rows = [torch.randn(latent_size, generator=random) for _ in range(count)]
    return torch.stack(rows) if rows else torch.empty(0, latent_size)


def slerp(start: torch.Tensor, end: torch.Tensor, share: float) -> torch.Tensor:
    """Go a share (0 to 1) of the way from one z [latent_size] to another along the great circle.

    On the straight line the vectors in the middle are shorter than any that G was trained on, and their
    faces blur towards the average (White 2016, arXiv:1609.04468, section 2.1).
    """
    cosine = torch.dot(F.normalize(start, dim=0), F.normalize(end, dim=0)).clamp(-1, 1)
    angle = torch.arccos(cosine)
    if torch.sin(angle) < 1e-4:  # the same direction, or the opposite one: no circle is the right one
        return torch.lerp(start, end, share)
    return (torch.sin((1 - share) * angle) * start + torch.sin(share * angle) * end) / torch.sin(angle)


def walk(stops: torch.Tensor, num_frames: int) -> torch.Tensor:
    """Walk from stop to stop [K, latent_size] and back to the first, at an even pace.

    Returns:
        z [num_frames, latent_size], the first one the first stop. After the last one the first follows
        again, as in a GIF.
    """
    frames = []
    for frame in range(num_frames):
        leg, share = divmod(frame * len(stops) / num_frames, 1)
        frames.append(slerp(stops[int(leg)], stops[(int(leg) + 1) % len(stops)], share))
    return torch.stack(frames)


# ---------------------------------------------------------------------------------------------
# Directions, as for sliders
# ---------------------------------------------------------------------------------------------


def random_directions(count: int, latent_size: int, seed: int | str) -> torch.Tensor:
    """Directions [count, latent_size] of length 1, at right angles to each other as far as there is room."""
    random = seeded_generator(seed, "directions")
    drawn = torch.randn(max(count, 1), latent_size, generator=random)[:count]
    first = torch.linalg.qr(drawn[:latent_size].T).Q.T
    return torch.cat([first, F.normalize(drawn[latent_size:], dim=1)])


def principal_directions(generator: Generator, count: int) -> torch.Tensor:
    """The directions [count, latent_size] along which z moves G's first feature maps most, strongest first.

    They need no pictures: they are the first right singular vectors of G's first layer (Shen and Zhou 2021,
    arXiv:2007.06600), here with the factor that BatchNorm puts on each channel.

    Raises:
        ValueError: There are not so many: a z has `latent_size` directions.
    """
    convolution, norm = generator.layers[0], generator.layers[1]
    if not isinstance(convolution, nn.ConvTranspose2d) or not isinstance(norm, nn.BatchNorm2d):
        raise TypeError("A generator begins with a transposed convolution and BatchNorm.")
    if count > convolution.in_channels:
        raise ValueError(f"There are only {convolution.in_channels} directions.")
    assert norm.running_var is not None
    factors = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    # [latent_size, channels, 4, 4]: row i is what the i-th number of z adds to the feature maps.
    effects = (convolution.weight * factors[:, None, None]).flatten(1).detach().cpu()
    strongest_last: torch.Tensor = torch.linalg.eigh(effects @ effects.T).eigenvectors.T
    directions = strongest_last.flip(0)[:count]
    # A direction and its opposite are the same eigenvector: take the one whose largest number is positive.
    largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
    return directions * largest.sign()


def move(z: torch.Tensor, directions: torch.Tensor, amounts: Sequence[float]) -> torch.Tensor:
    """Move z [latent_size] or [N, latent_size] by so much along each direction [K, latent_size].

    The length is kept, so that the face stays one that G was trained to draw. Along a principal direction
    an amount of 3 shows, and 8 leaves little of the face one came from.
    """
    if len(amounts) != len(directions):
        raise ValueError(f"{len(directions)} directions need as many amounts, not {len(amounts)}.")
    moved = z + torch.tensor(amounts, dtype=z.dtype) @ directions
    length = z.norm(dim=-1, keepdim=True)
    return F.normalize(moved, dim=-1) * torch.where(length > 0, length, math.sqrt(z.shape[-1]))
