"""One work unit: images and a seed in, an update of the weights out.

The order of updates is that of PyTorch's DCGAN example (github.com/pytorch/examples, dcgan): D learns
from real and generated images, then G learns from what the new D thinks of the same generated images.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import torch
from torch import nn

from gan_desktop.errors import DeviceError
from gan_desktop.records import CheckFigures, RunConfig, UnitResult
from gan_desktop.training.adam import Adam
from gan_desktop.training.losses import backward_d, backward_g, check_figures, seeded_generator, to_unit_range
from gan_desktop.training.networks import Gan, Tensors, load_tensors, state_tensors

logger = logging.getLogger(__name__)

SMALLEST_MICRO_BATCH = 2
_REPORT_INTERVAL_S = 0.1
_OUT_OF_MEMORY_WORDS = (
    "out of memory",
    "can't allocate memory",
    "alloc_failed",
    "could not create a primitive",
)

_T = TypeVar("_T")


@dataclass(frozen=True)
class StepFigures:
    """Means over the latest step's images, when `num_images_done` of the unit are done."""

    num_images_done: int
    loss_g: float
    loss_d: float
    d_real: float
    d_fake: float


@dataclass(frozen=True)
class UnitOutcome:
    """What one unit gave.

    `update` holds every name of the network's `Tensors`: the weight change in `local_steps` mode, the
    mean gradient in `gradient` mode; there BatchNorm's statistics, having none, hold their change.
    """

    update: Tensors
    result: UnitResult


@dataclass(frozen=True)
class AdamMoments:
    """What Adam remembers of D's and G's gradients: fp32 on the CPU, by parameter, after `num_steps`."""

    first: Tensors
    second: Tensors
    num_steps: int


# ---------------------------------------------------------------------------------------------
# A unit
# ---------------------------------------------------------------------------------------------


class UnitTrainer:
    """A GAN on one device that computes unit after unit.

    In `local_steps` mode Adam's moments live as long as the trainer: resetting them at each unit
    costs quality. A unit with `fresh_moments`, which another computer can compute again, has moments
    of its own, and the next unit goes on with the lasting ones as they were.

    Args:
        gan: Moved to the device; every unit starts from its weights until `load_weights`.
        config: The run's.
        device: Where to compute.
        micro_batch: The most images put through the device at once. Below `config.step_batch` a step
            accumulates, with BatchNorm statistics per micro-batch. Running out of memory halves it.
        on_notice: Told so in a sentence.
    """

    def __init__(
        self,
        gan: Gan,
        config: RunConfig,
        *,
        device: torch.device,
        micro_batch: int,
        on_notice: Callable[[str], None] = logger.warning,
    ) -> None:
        self.gan = gan.to(device).train()
        self.micro_batch = max(SMALLEST_MICRO_BATCH, micro_batch)
        self._config = config
        self._device = device
        self._on_notice = on_notice
        self._weights = state_tensors(self.gan)
        self._optimizers = _Optimizers(self.gan, config)

    def load_weights(self, tensors: Tensors) -> None:
        """Start the following units from these weights: decoded, as everybody has them.

        Raises:
            ValueError: They are not this network's.
        """
        if tensors.keys() != self._weights.keys():
            raise ValueError("A unit starts from a generator and a discriminator.")
        load_tensors(self.gan, tensors)
        self._weights = dict(tensors)

    def move_to(self, device: torch.device) -> None:
        """Go on with network and moments on another device."""
        self.gan.to(device)
        self._device = device
        self._optimizers.follow()

    def moments(self) -> AdamMoments | None:
        """Copy Adam's lasting moments; None before the first step."""
        return self._optimizers.moments(self.gan)

    def load_moments(self, moments: AdamMoments) -> None:
        """Go on with moments of an earlier trainer: on the CPU to the last bit as that one would have.

        Raises:
            ValueError: They are not of this network's parameters.
        """
        self._optimizers.load_moments(self.gan, moments)

    def run_unit(
        self,
        images: torch.Tensor,
        *,
        seed: int,
        fresh_moments: bool = False,
        should_stop: Callable[[], bool] = lambda: False,
        on_step: Callable[[StepFigures], None] = lambda _figures: None,
        between_steps: Callable[[float], None] | None = None,
        is_paced: Callable[[], bool] = lambda: True,
    ) -> UnitOutcome:
        """Train on a unit's images in their order, from the loaded weights.

        Args:
            images: uint8 [N, 3, S, S] on the CPU.
            seed: The unit's; decides all noise. The same seed, weights and moments give the same
                update again: on the CPU to the last bit.
            fresh_moments: Adam starts anew, for this unit only.
            should_stop: Asked after each step; the update then covers the steps done.
            on_step: Told the latest step's figures at most ten times a second, and at the end.
            between_steps: Called between two steps with the seconds the last one took; may sleep.
            is_paced: Asked before each step whether `between_steps` is wanted. Where nobody asks for a
                step's seconds, the device never has to wait for this program.

        Raises:
            DeviceError: Not even two images at once fit into the device's memory.
            ValueError: The images have another type or shape, or there are none.
        """
        size = self._config.image_size
        if images.dtype != torch.uint8 or images.shape[1:] != (3, size, size) or len(images) == 0:
            raise ValueError(f"A unit's images must be uint8 [N, 3, {size}, {size}].")
        load_tensors(self.gan, self._weights)
        check = self._check(images, seed)
        optimizers = _Optimizers(self.gan, self._config) if fresh_moments else self._optimizers
        gradients = _GradientSum(self.gan) if self._config.mode == "gradient" else None
        noise = seeded_generator(seed, "training")
        tally = _Tally(self._device)
        for step in _steps(len(images), self._config.step_batch):
            started = time.perf_counter()
            rest = between_steps if between_steps is not None and is_paced() else None
            real = images[step]
            # Noise comes from the CPU, where the same seed gives the same numbers for every device.
            z = torch.randn(len(real), self._config.latent_size, generator=noise)
            if gradients is None:
                figures = self._local_step(real, z, optimizers)
            else:
                figures = self._accumulate(real, z)
                gradients.add(self.gan, len(real))
            tally.add(figures, len(real))
            is_last = tally.num_images == len(images) or should_stop()
            report_is_due = is_last or tally.is_report_due()
            if report_is_due or rest is not None:
                latest = tally.latest()
            seconds = time.perf_counter() - started
            tally.seconds += seconds
            if report_is_due:
                on_step(latest)
            if is_last:
                break
            if rest is not None:
                rest(seconds)
        return UnitOutcome(self._update(gradients), tally.result(len(images), check))

    def _local_step(self, real: torch.Tensor, z: torch.Tensor, optimizers: _Optimizers) -> torch.Tensor:
        """Take one Adam step of D, then one of G; return the figures' sums over the images [4]."""
        # G's images serve both steps if all go through the device at once; else keeping their graphs
        # would take the memory that the micro-batches are to save, and they are drawn again.
        drawn: list[torch.Tensor] = []

        def step_d() -> torch.Tensor:
            figures = torch.zeros(3, device=self._device)
            pieces = _pieces(len(real), self.micro_batch)
            for piece in pieces:
                with torch.set_grad_enabled(len(pieces) == 1):
                    fake = self.gan.generator(z[piece].to(self._device))
                images = to_unit_range(real[piece], self._device)
                figures += backward_d(self.gan, images, fake.detach(), share=len(images) / len(real))
            optimizers.d.step()
            if len(pieces) == 1:
                drawn.append(fake)
            return figures

        def step_g() -> torch.Tensor:
            loss = torch.zeros(1, device=self._device)
            pieces = _pieces(len(real), self.micro_batch)
            for piece in pieces:
                is_drawn = bool(drawn) and len(pieces) == 1
                fake = drawn.pop() if is_drawn else self.gan.generator(z[piece].to(self._device))
                loss += backward_g(self.gan, fake, share=len(fake) / len(real))
            optimizers.g.step()
            return loss

        figures_d = self._within_memory(step_d, len(real))
        return torch.cat([figures_d, self._within_memory(step_g, len(real))])

    def _accumulate(self, real: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Leave both gradients' means over a batch in `.grad`; return the figures' sums [4]."""

        def backward() -> torch.Tensor:
            figures = torch.zeros(4, device=self._device)
            for piece in _pieces(len(real), self.micro_batch):
                images = to_unit_range(real[piece], self._device)
                share = len(images) / len(real)
                fake = self.gan.generator(z[piece].to(self._device))
                figures[:3] += backward_d(self.gan, images, fake.detach(), share=share)
                figures[3:] += backward_g(self.gan, fake, share=share)
            return figures

        return self._within_memory(backward, len(real))

    def _check(self, images: torch.Tensor, seed: int) -> CheckFigures:
        largest = self._config.step_batch

        def measure() -> CheckFigures:
            first = images[: min(largest, self.micro_batch)]
            return check_figures(self.gan, first, seed=seed, config=self._config)

        return self._within_memory(measure, largest)

    def _update(self, gradients: _GradientSum | None) -> Tensors:
        state = state_tensors(self.gan)
        update = {name: state[name] - self._weights[name] for name in state}
        return update if gradients is None else update | gradients.mean()

    def _within_memory(self, compute: Callable[[], _T], num_images: int) -> _T:
        """Compute, starting without gradients; if memory runs out, undo, halve the micro-batch, repeat."""
        while True:
            self.gan.zero_grad()
            statistics = [buffer.clone() for buffer in self.gan.buffers()]
            try:
                return compute()
            except (RuntimeError, MemoryError) as error:
                if not _is_out_of_memory(error):
                    raise
                smaller = min(self.micro_batch, num_images) // 2
                if smaller < SMALLEST_MICRO_BATCH:
                    message = "The device has not enough memory to train this network, even with 2 images."
                    raise DeviceError(f"{message} Close other programs, or choose the CPU.") from error
            # Only out here are the error and the failed step's activations, which it held, released.
            for buffer, kept in zip(self.gan.buffers(), statistics, strict=True):
                buffer.copy_(kept)
            _release_cached_memory(self._device)
            self.micro_batch = smaller
            self._on_notice(f"The memory did not suffice; going on with {smaller} images at once.")


class _Optimizers:
    """Adam for D and for G."""

    def __init__(self, gan: Gan, config: RunConfig) -> None:
        self.d = self._adam(gan.discriminator, config)
        self.g = self._adam(gan.generator, config)

    def follow(self) -> None:
        """Bring the moments to where the parameters are now."""
        self.d.follow()
        self.g.follow()

    @staticmethod
    def _adam(network: nn.Module, config: RunConfig) -> Adam:
        return Adam(network.parameters(), config.learning_rate, (config.beta1, config.beta2))

    def moments(self, gan: Gan) -> AdamMoments | None:
        states = {**self.d.state, **self.g.state}
        if not states:
            return None
        first, second = (
            {name: states[parameter][key].to("cpu", copy=True) for name, parameter in gan.named_parameters()}
            for key in ("exp_avg", "exp_avg_sq")
        )
        # D and G take turns: all parameters have had equally many steps.
        return AdamMoments(first, second, int(next(iter(states.values()))["step"]))

    def load_moments(self, gan: Gan, moments: AdamMoments) -> None:
        shapes = {name: parameter.shape for name, parameter in gan.named_parameters()}
        for tensors in (moments.first, moments.second):
            if {name: tensor.shape for name, tensor in tensors.items()} != shapes:
                raise ValueError("These moments are not of this GAN's parameters.")
        for name, parameter in gan.named_parameters():
            adam = self.d if name.startswith("discriminator.") else self.g
            adam.remember(parameter, moments.num_steps, moments.first[name], moments.second[name])


class _GradientSum:
    """Gradients weighted by images, summed on the device."""

    def __init__(self, gan: Gan) -> None:
        self._sums = {name: torch.zeros_like(parameter) for name, parameter in gan.named_parameters()}
        self._num_images = 0

    @torch.no_grad()
    def add(self, gan: Gan, num_images: int) -> None:
        self._num_images += num_images
        for name, parameter in gan.named_parameters():
            if parameter.grad is not None:
                self._sums[name].add_(parameter.grad, alpha=num_images)

    def mean(self) -> Tensors:
        return {name: (total / self._num_images).cpu() for name, total in self._sums.items()}


class _Tally:
    """Figures and seconds of a unit. Sums stay on the device: reading them makes the CPU wait for it."""

    def __init__(self, device: torch.device) -> None:
        self.num_images = 0
        self.seconds = 0.0
        self._num_steps = 0
        self._sums = torch.zeros(4, device=device)
        self._means = torch.zeros(4, device=device)
        self._reported_at = -math.inf

    def add(self, sums: torch.Tensor, num_images: int) -> None:
        self.num_images += num_images
        self._num_steps += 1
        self._sums += sums
        self._means = sums / num_images

    def is_report_due(self) -> bool:
        now = time.monotonic()
        if now - self._reported_at < _REPORT_INTERVAL_S:
            return False
        self._reported_at = now
        return True

    def latest(self) -> StepFigures:
        loss_d, d_real, d_fake, loss_g = self._means.tolist()
        return StepFigures(self.num_images, loss_g, loss_d, d_real, d_fake)

    def result(self, num_images_wanted: int, check: CheckFigures) -> UnitResult:
        loss_d, d_real, d_fake, loss_g = (self._sums / self.num_images).tolist()
        return UnitResult(
            num_images=self.num_images,
            num_steps=self._num_steps,
            loss_g=loss_g,
            loss_d=loss_d,
            d_real=d_real,
            d_fake=d_fake,
            check=check,
            compute_seconds=self.seconds,
            stopped_early=self.num_images < num_images_wanted,
        )


# ---------------------------------------------------------------------------------------------
# Batches, noise, memory
# ---------------------------------------------------------------------------------------------


def _steps(num_images: int, step_batch: int) -> list[slice]:
    """Cut a unit into steps; a single image left over joins the last step: alone it says too little."""
    num_steps = max(1, num_images // step_batch + (num_images % step_batch > 1))
    ends = [step_batch * index for index in range(1, num_steps)] + [num_images]
    return [slice(first, last) for first, last in pairwise([0, *ends])]


def _pieces(num_images: int, micro_batch: int) -> list[slice]:
    """Cut a step into near-equal micro-batches of at least two: BatchNorm compares images."""
    num_pieces = max(1, min(math.ceil(num_images / micro_batch), num_images // SMALLEST_MICRO_BATCH))
    ends = [num_images * index // num_pieces for index in range(1, num_pieces + 1)]
    return [slice(first, last) for first, last in pairwise([0, *ends])]


def _is_out_of_memory(error: Exception) -> bool:
    """Whether memory is the trouble: on CUDA told by the type, elsewhere in words, by oneDNN in odd ones."""
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    text = str(error).lower()
    return any(words in text for words in _OUT_OF_MEMORY_WORDS)


def _release_cached_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
