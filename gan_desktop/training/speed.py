"""How fast this computer trains a network, and with how many processor threads it does so best.

More threads are not always faster: on a computer that is busy otherwise two of them, which wait for each
other at every layer, were up to ten times slower than one.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from gan_desktop.records import RunConfig
from gan_desktop.training.device import Device, num_cores
from gan_desktop.training.networks import build_gan
from gan_desktop.training.steps import SMALLEST_MICRO_BATCH, UnitTrainer

# The comparison of several numbers of threads; building networks and the speed itself come to that.
COMPARISON_S = 1.6
SPEED_S = 0.4
# One thread computes a compared step in this time, with fewer images or a narrower network if need be: a
# number of threads that is ten times slower is then found out within a second.
COMPARED_STEP_S = 0.04
LONGEST_STEP_S = 0.3
NUM_STEPS = 64


@dataclass(frozen=True)
class Speed:
    """What was measured: the best number of threads with its images/s, and all that were tried."""

    num_threads: int
    images_per_second: float
    tried: dict[int, float]


def candidate_threads(device: Device, wanted: int | None) -> tuple[int, ...]:
    """Numbers of threads worth trying: what is wanted, else one, half of the cores, all but one.

    Beside a graphics card the threads have little to do, and are not tried.
    """
    most = max(1, num_cores() - 1)
    if wanted is not None:
        return (wanted,)
    return (most,) if device.is_card else tuple(sorted({1, max(1, num_cores() // 2), most}))


def measure_speed(config: RunConfig, device: Device, *, batch_size: int, threads: Sequence[int]) -> Speed:
    """Train the run's network on noise for about three seconds; the fastest number of threads stays set.

    Call it in the thread that will compute: PyTorch's setting is each thread's own.

    Raises:
        DeviceError: Not even two images at once fit into the device's memory.
        RuntimeError: The device fails.
    """
    config = replace(config, mode="local_steps")
    torch.set_num_threads(threads[0])
    pair = replace(config, step_batch=SMALLEST_MICRO_BATCH)
    roughly = _images_per_second(pair, device, batch_size, SPEED_S / 4)
    shares = _compare(_quick(config, roughly), device, batch_size, threads) if len(threads) > 1 else {}
    best = max(shares, key=lambda num_threads: shares[num_threads]) if shares else threads[0]
    torch.set_num_threads(best)
    speed = _images_per_second(_fitted(config, roughly, LONGEST_STEP_S), device, batch_size, SPEED_S)
    tried = {num_threads: speed * share / shares[best] for num_threads, share in shares.items()}
    return Speed(best, speed, tried or {best: speed})


def _compare(config: RunConfig, device: Device, batch_size: int, threads: Sequence[int]) -> dict[int, float]:
    """Images/s by number of threads. Twice, as the first steps start the threads, too; the better counts."""
    deadline = time.perf_counter() + COMPARISON_S
    seconds = COMPARISON_S / (2 * len(threads))
    tried: dict[int, float] = {}
    for num_threads in (*threads, *threads):
        if len(tried) == len(threads) and time.perf_counter() >= deadline:
            break
        torch.set_num_threads(num_threads)
        speed = _images_per_second(config, device, batch_size, seconds)
        tried[num_threads] = max(speed, tried.get(num_threads, 0.0))
    return tried


def _quick(config: RunConfig, images_per_second: float) -> RunConfig:
    """The network, narrower if even its smallest step is long: work grows with the square of the width."""
    share = COMPARED_STEP_S * images_per_second / SMALLEST_MICRO_BATCH
    width = config.feature_maps if share >= 1 else max(4, int(config.feature_maps * share**0.5))
    return replace(_fitted(config, images_per_second, COMPARED_STEP_S), feature_maps=width)


def _fitted(config: RunConfig, images_per_second: float, seconds: float) -> RunConfig:
    """With so many images in a step that it takes about so long; never more than the run's own."""
    fitting = max(SMALLEST_MICRO_BATCH, int(images_per_second * seconds))
    return replace(config, step_batch=min(config.step_batch, fitting))


def _images_per_second(config: RunConfig, device: Device, batch_size: int, seconds: float) -> float:
    trainer = UnitTrainer(build_gan(config), config, device=device.torch_device, micro_batch=batch_size)
    shape = (NUM_STEPS * config.step_batch, 3, config.image_size, config.image_size)
    noise = torch.Generator().manual_seed(1)
    images = torch.randint(256, shape, dtype=torch.uint8, generator=noise)
    deadline = time.perf_counter() + seconds
    # The unit's check figures, which do not count, warm everything up.
    result = trainer.run_unit(images, seed=1, should_stop=lambda: time.perf_counter() >= deadline).result
    return result.num_images / max(result.compute_seconds, 1e-9)
