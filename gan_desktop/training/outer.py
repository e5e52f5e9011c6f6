"""The coordinator's own state: all it needs to go on after a crash, and how an iteration moves it.

"Outer" as in federated optimisation: workers take the inner steps on their images, the coordinator
takes one outer step per iteration with the mean of what they sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import safetensors
import safetensors.torch
import torch
from torch import nn

from gan_desktop.errors import PayloadError
from gan_desktop.records import RunConfig
from gan_desktop.training.adam import Adam
from gan_desktop.training.losses import seeded_generator
from gan_desktop.training.networks import (
    Gan,
    Tensors,
    build_gan,
    generator_shapes,
    load_tensors,
    parameter_names,
    state_tensors,
    tensor_shapes,
)

_COUNTS = "counts"
# 8 x 64 images move eval-mode samples less than the noise of the distance that we measure them by.
RECALIBRATION_BATCHES = 8
RECALIBRATION_BATCH = 64
# One iteration makes the moving average forget at most as much as half a half-life: 29%.
LARGEST_EMA_STEP = 0.5
# While a training is young its average has a half-life of this share of it, or the first faces would be a
# mixture with the noise of the beginning (Karras et al. 2020, arXiv:2006.06676, use 0.05).
EMA_RAMP = 0.1


@dataclass
class OuterState:
    """Master weights and everything that must outlive the coordinator's process.

    Attributes:
        weights: G and D, fp32.
        ema: Exponential moving average of G (`generator.*` only), fp32. It ripples less than G.
        first_moments, second_moments: The outer Adam's, by parameter; empty in `local_steps` mode.
        parameters: Which names an optimizer changes; the others are BatchNorm's statistics.
        iteration: Version of the weights; 0 are the first ones.
        num_images: Images of all updates merged so far.
        num_steps: Steps that the outer Adam has taken since its moments were zero.
    """

    weights: Tensors
    ema: Tensors
    first_moments: Tensors
    second_moments: Tensors
    parameters: frozenset[str]
    iteration: int = 0
    num_images: int = 0
    num_steps: int = 0

    @classmethod
    def fresh(cls, config: RunConfig) -> OuterState:
        """Start a run: `config.seed` decides the weights."""
        return cls.from_weights(state_tensors(build_gan(config)), None, config)

    @classmethod
    def from_weights(cls, weights: Tensors, ema: Tensors | None, config: RunConfig) -> OuterState:
        """Start a run, or go on with it, from given weights; an outer Adam begins with fresh moments.

        Args:
            weights: G and D, fp32, whole; taken over.
            ema: The moving average of G to go on with; None: it begins at G.
            config: The run's.
        """
        parameters = parameter_names(build_gan(config))
        with_moments = sorted(parameters) if config.mode == "gradient" else []
        return cls(
            weights=weights,
            ema=ema or {name: weights[name].clone() for name in generator_shapes(config)},
            first_moments={name: torch.zeros_like(weights[name]) for name in with_moments},
            second_moments={name: torch.zeros_like(weights[name]) for name in with_moments},
            parameters=parameters,
        )

    def to_bytes(self) -> bytes:
        """Write the state as one safetensors blob that `from_bytes` restores to the last bit."""
        counts = torch.tensor([self.iteration, self.num_images, self.num_steps], dtype=torch.int64)
        stored = {
            f"{part}.{name}": tensor.contiguous()
            for part, tensors in self._parts().items()
            for name, tensor in tensors.items()
        }
        return safetensors.torch.save({_COUNTS: counts, **stored})

    @classmethod
    def from_bytes(cls, blob: bytes, config: RunConfig) -> OuterState:
        """Restore what `to_bytes` wrote.

        Raises:
            PayloadError: The bytes are damaged, or belong to another network or mode.
        """
        try:
            stored = safetensors.torch.load(blob)
        except (safetensors.SafetensorError, ValueError) as error:
            raise PayloadError("The coordinator's stored state is truncated or damaged.") from error
        counts = stored.pop(_COUNTS, torch.empty(0))
        parameters = parameter_names(build_gan(config))
        expected = _stored_shapes(config, parameters)
        # Program version 0.1 wrote no num_steps: its runs took one step in each iteration.
        if counts.shape == (2,):
            counts = torch.cat([counts, counts[:1]])
        if {name: tensor.shape for name, tensor in stored.items()} != expected or counts.shape != (3,):
            raise PayloadError("The coordinator's stored state is not that of this run's network and mode.")
        if not all(tensor.dtype == torch.float32 and tensor.isfinite().all() for tensor in stored.values()):
            raise PayloadError("The coordinator's stored state holds values that are no finite numbers.")
        iteration, num_images, num_steps = (int(count) for count in counts)
        parts = {part: _part(stored, part) for part in ("weights", "ema", "first_moments", "second_moments")}
        return cls(
            **parts,
            parameters=parameters,
            iteration=iteration,
            num_images=num_images,
            num_steps=num_steps,
        )

    @torch.no_grad()
    def apply(self, mean_update: Tensors, num_images: int, config: RunConfig) -> None:
        """Make the next iteration's weights from a merged round.

        In `local_steps` mode the weights move by `outer_rate` x the mean change; outer momentum would
        make the game of G and D oscillate. In `gradient` mode the parameters take one Adam step, and
        BatchNorm's statistics move by their mean change.

        Args:
            mean_update: All names of `weights`, as `merge_updates` gives them.
            num_images: Images behind the update; sets how fast the moving average forgets.
            config: The run's.
        """
        gradients = {name: mean_update[name] for name in self.first_moments}
        for name, change in mean_update.items():
            if name not in gradients:
                rate = config.outer_rate if name in self.parameters else 1.0
                self.weights[name].add_(change, alpha=rate)
        if gradients:
            self._adam_step(gradients, config)
        self.iteration += 1
        self.num_images += num_images
        # A large class merges so many images at once that the newest G alone would be the average.
        half_life = min(config.ema_half_life_images, EMA_RAMP * self.num_images)
        half_lives = min(num_images / max(half_life, 1), LARGEST_EMA_STEP)
        forget = 1 - 0.5**half_lives
        for name, average in self.ema.items():
            average.lerp_(self.weights[name], forget)

    def recalibrate(self, gan: Gan, config: RunConfig, *, with_live: bool = True) -> None:
        """Recompute BatchNorm's statistics of G and of its moving average, before they are published.

        Args:
            gan: A network of this run to compute with, on any device; its state is overwritten.
            config: The run's.
            with_live: G's own too. Workers train in train mode, which never reads them: only who draws
                with these weights needs them, and a class waits for its coordinator meanwhile.
        """
        seed = config.seed + self.iteration
        for tensors in (self.weights, self.ema) if with_live else (self.ema,):
            load_tensors(gan, tensors)
            recalibrate_batchnorm(gan.generator, config.latent_size, seed)
            state = state_tensors(gan)
            tensors.update({name: state[name] for name in self.ema if name not in self.parameters})

    def _adam_step(self, gradients: Tensors, config: RunConfig) -> None:
        """Take the step with our stored moments, which go along."""
        parameters = {name: nn.Parameter(self.weights[name]) for name in gradients}
        adam = Adam(parameters.values(), config.learning_rate, (config.beta1, config.beta2))
        for name, parameter in parameters.items():
            parameter.grad = gradients[name]
            adam.remember(parameter, self.num_steps, self.first_moments[name], self.second_moments[name])
        adam.step()
        for name, parameter in parameters.items():
            self.first_moments[name] = adam.state[parameter]["exp_avg"]
            self.second_moments[name] = adam.state[parameter]["exp_avg_sq"]
        self.num_steps += 1

    def _parts(self) -> dict[str, Tensors]:
        return {
            "weights": self.weights,
            "ema": self.ema,
            "first_moments": self.first_moments,
            "second_moments": self.second_moments,
        }


def _stored_shapes(config: RunConfig, parameters: frozenset[str]) -> dict[str, torch.Size]:
    shapes = tensor_shapes(config)
    expected = {f"weights.{name}": shape for name, shape in shapes.items()}
    expected |= {f"ema.{name}": shape for name, shape in generator_shapes(config).items()}
    if config.mode == "gradient":
        for part in ("first_moments", "second_moments"):
            expected |= {f"{part}.{name}": shapes[name] for name in parameters}
    return expected


def _part(stored: Mapping[str, torch.Tensor], part: str) -> Tensors:
    prefix = f"{part}."
    return {name.removeprefix(prefix): tensor for name, tensor in stored.items() if name.startswith(prefix)}


@torch.no_grad()
def recalibrate_batchnorm(
    generator: nn.Module,
    latent_size: int,
    seed: int,
    num_batches: int = RECALIBRATION_BATCHES,
    batch: int = RECALIBRATION_BATCH,
) -> None:
    """Recompute a generator's running statistics, so that eval mode draws what train mode draws.

    A mean of many workers' statistics belongs to none of the averaged weights. The new ones are plain
    averages over train-mode passes of fresh noise (Izmailov et al. 2018, arXiv:1803.05407, section 3.2).

    Args:
        generator: Takes z [N, latent_size]; is in eval mode afterwards.
        latent_size: Length of z.
        seed: Decides the noise.
        num_batches, batch: Passes, and images in each.
    """
    norms = [module for module in generator.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # PyTorch's word for a cumulative average
    device = next(generator.parameters()).device
    random = seeded_generator(seed, "recalibration")
    generator.train()
    for _ in range(num_batches):
        generator(torch.randn(batch, latent_size, generator=random).to(device))
    generator.eval()
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
