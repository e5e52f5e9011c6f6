"""The networks by name, and their state as plain tensors.

DCGAN: Radford, Metz, Chintala, "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks", ICLR 2016 (arXiv:1511.06434).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping

import torch
from torch import nn

from gan_desktop.errors import SettingsError
from gan_desktop.records import RunConfig

# All floating-point entries of a GAN's state, fp32 on the CPU, under "generator.<name>" and
# "discriminator.<name>". BatchNorm's integer counters are left out: averaging them means nothing.
Tensors = dict[str, torch.Tensor]
Shapes = Mapping[str, torch.Size]

_SMALLEST_MAP = 4


class Generator(nn.Module):
    """Turns noise into images by transposed convolutions, each doubling the edge.

    `forward` takes z [N, latent_size] and returns images [N, 3, S, S] in -1..1.
    """

    def __init__(self, image_size: int, latent_size: int, feature_maps: int) -> None:
        super().__init__()
        channels = feature_maps * image_size // (2 * _SMALLEST_MAP)
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(latent_size, channels, _SMALLEST_MAP, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
        while channels > feature_maps:
            layers += [
                nn.ConvTranspose2d(channels, channels // 2, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(channels // 2),
                nn.ReLU(inplace=True),
            ]
            channels //= 2
        layers += [nn.ConvTranspose2d(channels, 3, 4, stride=2, padding=1, bias=False), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Draw one image per row of z."""
        images: torch.Tensor = self.layers(z[:, :, None, None])
        return images


class Discriminator(nn.Module):
    """Judges images by strided convolutions, each halving the edge.

    `forward` takes images [N, 3, S, S] in -1..1 and returns one logit each [N]; above 0 is "real".
    """

    def __init__(self, image_size: int, feature_maps: int) -> None:
        super().__init__()
        channels = feature_maps
        # No BatchNorm at D's input nor at G's output: the paper found that it oscillates there.
        layers: list[nn.Module] = [
            nn.Conv2d(3, channels, 4, stride=2, padding=1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
        ]
        for _ in range(int(math.log2(image_size // (2 * _SMALLEST_MAP)))):
            layers += [
                nn.Conv2d(channels, channels * 2, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(channels * 2),
                nn.LeakyReLU(0.2, inplace=True),
            ]
            channels *= 2
        layers += [nn.Conv2d(channels, 1, _SMALLEST_MAP, bias=False), nn.Flatten(0)]
        self.layers = nn.Sequential(*layers)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Give one logit per image."""
        logits: torch.Tensor = self.layers(images)
        return logits


class Gan(nn.Module):
    """A generator and its discriminator, together because they are published together."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module) -> None:
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator


def _dcgan(config: RunConfig) -> Gan:
    return Gan(
        Generator(config.image_size, config.latent_size, config.feature_maps),
        Discriminator(config.image_size, config.feature_maps),
    )


NETWORKS: dict[str, Callable[[RunConfig], Gan]] = {"dcgan": _dcgan}


def build_gan(config: RunConfig) -> Gan:
    """Build the run's GAN on the CPU; `config.seed` alone decides its first weights.

    Raises:
        SettingsError: `config.network` is not in `NETWORKS`.
    """
    # PyTorch's layers draw first weights from the global generator, which we must not disturb.
    with torch.random.fork_rng(devices=[]):
        gan = _build(config)
    generator = torch.Generator().manual_seed(config.seed)
    for module in gan.modules():
        _initialise(module, generator)
    return gan


def _build(config: RunConfig) -> Gan:
    if config.network not in NETWORKS:
        raise SettingsError(f"network is {config.network!r}. Write one of: {', '.join(NETWORKS)}.")
    return NETWORKS[config.network](config)


def _initialise(module: nn.Module, generator: torch.Generator) -> None:
    """The paper's first weights: N(0, 0.02) for convolutions, N(1, 0.02) for BatchNorm's scale."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02, generator=generator)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02, generator=generator)
        nn.init.zeros_(module.bias)


def tensor_shapes(config: RunConfig) -> dict[str, torch.Size]:
    """Names and shapes of the run's `Tensors`, without computing any weights."""
    with torch.device("meta"):
        return {name: tensor.shape for name, tensor in _float_state(_build(config)).items()}


def generator_shapes(config: RunConfig) -> dict[str, torch.Size]:
    """The part of `tensor_shapes` that a generator's moving average holds."""
    return {name: shape for name, shape in tensor_shapes(config).items() if name.startswith("generator.")}


def network_fingerprint(config: RunConfig) -> str:
    """A short hash of the network's name and of its tensors' names and shapes."""
    described = [config.network, sorted((name, *shape) for name, shape in tensor_shapes(config).items())]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]


def parameter_names(gan: Gan) -> frozenset[str]:
    """The names among a GAN's `Tensors` that an optimizer changes; the others are BatchNorm's statistics."""
    return frozenset(name for name, _ in gan.named_parameters())


def state_tensors(gan: Gan) -> Tensors:
    """Copy the GAN's state to fp32 tensors on the CPU; later training does not change them."""
    return {
        name: tensor.detach().to("cpu", torch.float32, copy=True)
        for name, tensor in _float_state(gan).items()
    }


def load_tensors(gan: Gan, tensors: Tensors) -> None:
    """Copy a whole state, or a generator's alone, into the GAN on its own device.

    Raises:
        ValueError: Names or shapes are not those of this GAN (decoded payloads are checked before).
    """
    state = _float_state(gan)
    if set(tensors) != set(state) and set(tensors) != {
        name for name in state if name.startswith("generator.")
    }:
        raise ValueError("These tensors are neither this GAN's whole state nor its generator's.")
    if any(state[name].shape != tensor.shape for name, tensor in tensors.items()):
        raise ValueError("These tensors have other shapes than this GAN's.")
    with torch.no_grad():
        for name, tensor in tensors.items():
            state[name].copy_(tensor)


def _float_state(gan: Gan) -> Tensors:
    return {name: tensor for name, tensor in gan.state_dict().items() if tensor.is_floating_point()}
