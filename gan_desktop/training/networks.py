"""The networks by name, and their state as plain tensors.

DCGAN: Radford, Metz, Chintala, "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks", ICLR 2016 (arXiv:1511.06434).
Spectral normalisation: Miyato, Kataoka, Koyama, Yoshida, "Spectral Normalization for Generative
Adversarial Networks", ICLR 2018 (arXiv:1802.05957).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import nn

from gan_desktop.errors import SettingsError
from gan_desktop.records import RunConfig

# All floating-point entries of a GAN's state, fp32 on the CPU, under "generator.<name>" and
# "discriminator.<name>". BatchNorm's integer counters are left out: averaging them means nothing.
Tensors = dict[str, torch.Tensor]
Shapes = Mapping[str, torch.Size]

_SMALLEST_MAP = 4
# Power iterations from the same start for everybody; training's own go on from there, one per pass.
_FIRST_POWER_ITERATIONS = 15


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


class SpectralConv2d(nn.Conv2d):
    """A convolution whose weight, as a matrix [out, in * height * width], has a largest singular value of 1.

    The value is estimated by power iteration: u approaches the first left singular vector by one step at
    each training pass, for the weight moves only a little in between (the paper's algorithm 1). u is no
    part of the state: it follows from the weight (`find_singular_vector`), so every computer that loads
    the same weights computes the same, and nobody can send a wrong one.
    """

    u: torch.Tensor

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, **options: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size, **options)  # type: ignore[arg-type]
        self.register_buffer("u", torch.empty(out_channels), persistent=False)

    @torch.no_grad()
    def find_singular_vector(self) -> None:
        """Estimate u anew from the weight alone."""
        random = torch.Generator().manual_seed(self.out_channels)
        self.u.copy_(F.normalize(torch.randn(self.out_channels, generator=random), dim=0))
        for _ in range(_FIRST_POWER_ITERATIONS):
            self._power_iteration()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Convolve with weight / sigma."""
        if self.training:
            self._power_iteration()
        matrix = self.weight.flatten(1)
        # Constants to the gradient, and a copy: the next pass changes u before this one's backward.
        u = self.u.clone()
        v = F.normalize(matrix.detach().T @ u, dim=0)
        sigma = u @ (matrix @ v)
        maps: torch.Tensor = self._conv_forward(images, self.weight / sigma, self.bias)
        return maps

    @torch.no_grad()
    def _power_iteration(self) -> None:
        matrix = self.weight.flatten(1)
        self.u.copy_(F.normalize(matrix @ (matrix.T @ self.u), dim=0))


class SpectralDiscriminator(nn.Module):
    """As `Discriminator`, but held back by spectral normalisation, with biases instead of BatchNorm.

    A D whose slope is bounded gives G a usable gradient even where it tells all images apart.
    """

    def __init__(self, image_size: int, feature_maps: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels_in, channels = 3, feature_maps
        for _ in range(int(math.log2(image_size // _SMALLEST_MAP))):
            layers += [
                SpectralConv2d(channels_in, channels, 4, stride=2, padding=1),
                nn.LeakyReLU(0.2, inplace=True),
            ]
            channels_in, channels = channels, channels * 2
        layers += [SpectralConv2d(channels_in, 1, _SMALLEST_MAP), nn.Flatten(0)]
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


def _dcgan_sn(config: RunConfig) -> Gan:
    return Gan(
        Generator(config.image_size, config.latent_size, config.feature_maps),
        SpectralDiscriminator(config.image_size, config.feature_maps),
    )


NETWORKS: dict[str, Callable[[RunConfig], Gan]] = {"dcgan": _dcgan, "dcgan-sn": _dcgan_sn}


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
    _find_singular_vectors(gan)
    return gan


def _build(config: RunConfig) -> Gan:
    if config.network not in NETWORKS:
        raise SettingsError(f"network is {config.network!r}. Write one of: {', '.join(NETWORKS)}.")
    return NETWORKS[config.network](config)


def _initialise(module: nn.Module, generator: torch.Generator) -> None:
    """The DCGAN paper's first weights: N(0, 0.02) for convolutions, N(1, 0.02) for BatchNorm's scale."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02, generator=generator)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
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


def parameter_shapes(config: RunConfig) -> dict[str, torch.Size]:
    """The part of `tensor_shapes` that an optimizer changes."""
    with torch.device("meta"):
        return {name: parameter.shape for name, parameter in _build(config).named_parameters()}


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
    _find_singular_vectors(gan)


def _find_singular_vectors(gan: Gan) -> None:
    for module in gan.modules():
        if isinstance(module, SpectralConv2d):
            module.find_singular_vector()


def _float_state(gan: Gan) -> Tensors:
    return {name: tensor for name, tensor in gan.state_dict().items() if tensor.is_floating_point()}
