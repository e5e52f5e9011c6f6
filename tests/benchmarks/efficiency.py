"""How much of a computer's speed is left when it works for a class: the whole loop against the bare steps.

python -m tests.benchmarks.efficiency [--quick]
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from gan_desktop.database.address import Address
from gan_desktop.records import RunConfig, UnitStarted
from gan_desktop.training.device import set_threads
from gan_desktop.training.networks import build_gan
from gan_desktop.worker.courtesy import lower_priority
from tests.benchmarks.report import PAPER_FEATURE_MAPS, is_quick, print_report, tell
from tests.benchmarks.stage import Clock, class_on_stage, worker_at_work
from tests.integration.lesson import Lesson


@dataclass(frozen=True)
class Setting:
    config: RunConfig
    unit_seconds: float
    units_per_round: int
    num_rounds: int
    bare_seconds: float


FULL = (
    Setting(RunConfig(image_size=64, feature_maps=PAPER_FEATURE_MAPS), 60.0, 2, 2, 10.0),
    Setting(RunConfig(image_size=32), 60.0, 2, 1, 10.0),
)
QUICK = (Setting(RunConfig(feature_maps=8), 0.5, 1, 1, 0.3),)


def main(arguments: Sequence[str] | None = None) -> None:
    settings = QUICK if is_quick(__doc__ or "", arguments) else FULL
    print_report(
        ("network", "bare steps, images/s", "whole loop, images/s", "ratios", "median ratio"),
        [_row(setting) for setting in settings],
        f"A real worker and a real coordinator over loopback, one computing thread each; units of about"
        f" {settings[0].unit_seconds:g} s (60 is the class's default), timed from the start of one to that of"
        " another. Each stretch of work is compared with the mean of the bare loop before and after it.",
    )


def _row(setting: Setting) -> Sequence[object]:
    """Bare loop and worker by turns, so that what else the computer does meets both."""
    config = setting.config
    network = f"{config.image_size}x{config.image_size}, {config.feature_maps} feature maps"
    tell(network)
    bare = [_bare_speed(config, setting.bare_seconds)]
    size = max(1, round(bare[0] * setting.unit_seconds / config.step_batch)) * config.step_batch
    config = replace(
        config,
        unit_seconds=setting.unit_seconds,
        first_unit_images=size,
        min_unit_images=size,
        max_unit_images=size,
    )
    whole = []
    with class_on_stage(config, num_faces=max(200, min(size, 2_000))) as held:
        held.start_coordinator()
        held.wait_until(lambda: held.iteration == 0, "the first weights")
        student = held.add_student()
        for _ in range(setting.num_rounds):
            whole.append(_whole_speed(held, student, size, setting.units_per_round))
            bare.append(_bare_speed(config, setting.bare_seconds))
            tell(f"bare {bare[-1]:.1f}, whole {whole[-1]:.1f} images/s")
    ratios = [speed / statistics.mean(bare[i : i + 2]) for i, speed in enumerate(whole)]
    return (
        network,
        f"{statistics.median(bare):.1f}",
        f"{statistics.median(whole):.1f}",
        ", ".join(f"{ratio:.3f}" for ratio in ratios),
        f"**{statistics.median(ratios):.3f}**",
    )


def _whole_speed(held: Lesson, student: Address, unit_images: int, num_units: int) -> float:
    """Images a second of a worker, from its first unit's start to that of the unit after `num_units`."""
    clock = Clock()
    with worker_at_work(held, student, clock):
        started = clock.await_times(UnitStarted, 1 + num_units)
    return unit_images * num_units / (started[num_units] - started[0])


def _bare_speed(config: RunConfig, seconds: float) -> float:
    """Images a second of nothing but the steps, as courteous as a worker: in a thread of low priority."""
    speeds: list[float] = []
    thread = threading.Thread(target=lambda: speeds.append(_train_bare(config, seconds)))
    thread.start()
    thread.join()
    return speeds[0]


def _train_bare(config: RunConfig, seconds: float) -> float:
    lower_priority()
    set_threads(1)
    step = _bare_step(config)
    step()  # what PyTorch does only once
    num_images, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        num_images += step()
    return num_images / (time.perf_counter() - started)


def _bare_step(config: RunConfig) -> Callable[[], int]:
    """The DCGAN step on images in memory, as PyTorch's own example writes it."""
    gan = build_gan(config).train()
    size, batch = config.image_size, config.step_batch
    images = torch.randint(256, (64 * batch, 3, size, size), dtype=torch.uint8)
    options = {"lr": config.learning_rate, "betas": (config.beta1, config.beta2), "fused": True}
    adam_d = torch.optim.Adam(gan.discriminator.parameters(), **options)  # type: ignore[arg-type]
    adam_g = torch.optim.Adam(gan.generator.parameters(), **options)  # type: ignore[arg-type]
    ones, zeros = torch.ones(batch), torch.zeros(batch)

    def step() -> int:
        first = int(torch.randint(len(images) - batch, ()))
        real = images[first : first + batch].float() / 127.5 - 1
        fake = gan.generator(torch.randn(batch, config.latent_size))
        adam_d.zero_grad()
        for pictures, target in ((real, ones), (fake.detach(), zeros)):
            loss_d = F.binary_cross_entropy_with_logits(gan.discriminator(pictures), target)
            loss_d.backward()  # type: ignore[no-untyped-call]
        adam_d.step()
        adam_g.zero_grad()
        # D's own gradient is not needed here, and the worker does not compute it either.
        gan.discriminator.requires_grad_(False)
        loss_g = F.binary_cross_entropy_with_logits(gan.discriminator(fake), ones)
        loss_g.backward()  # type: ignore[no-untyped-call]
        gan.discriminator.requires_grad_(True)
        adam_g.step()
        return batch

    return step


if __name__ == "__main__":
    main()
