"""The two losses of the game, and the figures by which a unit's computation can be checked.

G's loss is the non-saturating one (Goodfellow et al. 2014, arXiv:1406.2661, section 3).
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import nn

from gan_desktop.records import CheckFigures, RunConfig
from gan_desktop.training.networks import Gan


def backward_d(gan: Gan, real: torch.Tensor, fake: torch.Tensor, *, share: float = 1.0) -> torch.Tensor:
    """Add D's gradient on real images and on generated ones, which must be detached from G.

    Args:
        gan: The network; only D's `.grad` changes.
        real: Images [N, 3, S, S] in -1..1.
        fake: As many generated images.
        share: Factor of the loss: these images' part of a step that accumulates.

    Returns:
        Sums over the images [3], on their device: loss, reals called real, generated called fake.
    """
    logits_real = gan.discriminator(real)
    loss_real = F.binary_cross_entropy_with_logits(logits_real, torch.ones_like(logits_real))
    (loss_real * share).backward()  # type: ignore[no-untyped-call]
    logits_fake = gan.discriminator(fake)
    loss_fake = F.binary_cross_entropy_with_logits(logits_fake, torch.zeros_like(logits_fake))
    (loss_fake * share).backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        loss = (loss_real + loss_fake) * len(real)
        return torch.stack([loss, (logits_real > 0).sum(), (logits_fake < 0).sum()])


def backward_g(gan: Gan, fake: torch.Tensor, *, share: float = 1.0) -> torch.Tensor:
    """Add G's gradient through D's opinion of G's images [N, 3, S, S]; D's gradient stays untouched.

    Returns:
        The sum of the loss over the images [1].
    """
    with _frozen(gan.discriminator):
        logits = gan.discriminator(fake)
        loss = F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
        (loss * share).backward()  # type: ignore[no-untyped-call]
    return loss.detach()[None] * len(fake)


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """Keep a network's parameters out of the gradient: G's loss must not teach D to be fooled."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


def check_figures(gan: Gan, images: torch.Tensor, *, seed: int, config: RunConfig) -> CheckFigures:
    """Measure losses and gradient norms without changing the GAN or any random state.

    Whoever has the unit's weights, images and seed can compute them again; a worker that did not
    compute on these cannot know them.

    Args:
        gan: At the unmodified weights of the unit's iteration.
        images: The unit's first images, uint8 [N, 3, S, S]: one micro-batch.
        seed: The unit's.
        config: The run's.
    """
    # The training-mode passes below move BatchNorm's statistics: those of a copy.
    copied = copy.deepcopy(gan).train()
    copied.zero_grad()
    device = next(gan.parameters()).device
    z = torch.randn(len(images), config.latent_size, generator=seeded_generator(seed, "check")).to(device)
    fake = copied.generator(z)
    figures_d = backward_d(copied, to_unit_range(images, device), fake.detach())
    loss_g = backward_g(copied, fake)
    return CheckFigures(
        loss_d=float(figures_d[0]) / len(images),
        loss_g=float(loss_g) / len(images),
        norm_d=_gradient_norm(copied.discriminator),
        norm_g=_gradient_norm(copied.generator),
        num_images=len(images),
    )


def _gradient_norm(network: nn.Module) -> float:
    norms = [parameter.grad.norm() for parameter in network.parameters() if parameter.grad is not None]
    return float(torch.stack(norms).norm())


def to_unit_range(images: torch.Tensor, device: torch.device) -> torch.Tensor:
    """uint8 0..255 to fp32 -1..1, the range of G's tanh."""
    return images.to(device).float() / 127.5 - 1


def seeded_generator(seed: int | str, purpose: str) -> torch.Generator:
    """A random stream for one purpose; streams of one seed for different purposes do not meet."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little", signed=True))
