"""Which network learns the drawn faces best, alone and in a class.

Prints the tables of docs/benchmarks-networks.md. Every row learns from the same pictures with the same
seeds. The distance is measured on 1,024 pictures that nobody trains on; samples come from the moving
average of G, as everywhere in the program.

    python -m tests.benchmarks.networks
    python -m tests.benchmarks.networks --variants dcgan dcgan-sn --images 5000 --seeds 1
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from unittest import mock

import numpy as np
import torch

from gan_desktop.records import RunConfig
from gan_desktop.training.epoch import shard_permutation
from gan_desktop.training.faces import draw_face
from gan_desktop.training.losses import backward_d
from gan_desktop.training.merge import Candidate, UpdateFormat, merge_updates
from gan_desktop.training.networks import Gan, Tensors, build_gan, load_tensors
from gan_desktop.training.outer import OuterState
from gan_desktop.training.payload import PayloadInfo, PayloadKind, decode, encode
from gan_desktop.training.quality import draw_samples, fixed_noise, real_floor, sliced_wasserstein
from gan_desktop.training.steps import UnitTrainer

NUM_TRAINED = 5_400
NUM_HELD_OUT = 1_024
UNIT_IMAGES = 1_600  # 100 steps of 16

BackwardD = Callable[..., torch.Tensor]


def with_r1(gamma: float, every: int = 1) -> Callable[[], BackwardD]:
    """D's loss and, on real images, gamma / 2 x |slope|^2 (Mescheder et al. 2018, arXiv:1801.04406).

    Taken only at each `every`-th step it weighs as many times more, which costs much less (Karras et al.
    2020, arXiv:1912.04958, section 3.1: lazy regularisation).
    """

    def make() -> BackwardD:
        steps = itertools.count()

        def backward(gan: Gan, real: torch.Tensor, fake: torch.Tensor, *, share: float = 1.0) -> torch.Tensor:
            figures = backward_d(gan, real, fake, share=share)
            if next(steps) % every == 0:
                real = real.clone().requires_grad_()
                (slope,) = torch.autograd.grad(gan.discriminator(real).sum(), real, create_graph=True)
                penalty = every * gamma / 2 * slope.square().sum(dim=(1, 2, 3)).mean()
                (penalty * share).backward()  # type: ignore[no-untyped-call]
            return figures

        return backward

    return make


# Name in the table: network, and what makes D's backward pass.
VARIANTS: dict[str, tuple[str, Callable[[], BackwardD]]] = {
    "dcgan": ("dcgan", lambda: backward_d),
    "dcgan-sn": ("dcgan-sn", lambda: backward_d),
    "dcgan, R1 0.1": ("dcgan", with_r1(0.1)),
    "dcgan, R1 0.1 every 4th": ("dcgan", with_r1(0.1, every=4)),
    "dcgan, R1 1": ("dcgan", with_r1(1.0)),
    "dcgan, R1 10": ("dcgan", with_r1(10.0)),
}


@dataclass(frozen=True)
class Measured:
    """One training: the distance at its half and at its end, and what it took."""

    at_half: float
    at_end: float
    num_images: int
    seconds: float


class SmallClass:
    """A coordinator and some workers in one process: the real parts without the database between.

    With one worker nothing is coded, as in local training.
    """

    def __init__(self, config: RunConfig, num_workers: int, faces: torch.Tensor) -> None:
        self.config = config
        self.state = OuterState.fresh(config)
        self._faces = faces
        self._format = UpdateFormat.of(config)
        cpu = torch.device("cpu")
        self._trainers = [
            UnitTrainer(build_gan(config), config, device=cpu, micro_batch=config.step_batch)
            for _ in range(num_workers)
        ]
        self._order = torch.empty(0, dtype=torch.int64)
        self._num_epochs = 0

    def play_round(self) -> None:
        """Give every worker a unit and merge what they return."""
        weights = self.state.weights
        if len(self._trainers) > 1:
            weights = self._decode(self._encode("weights", weights, seed=0))
        payloads: dict[int, bytes] = {}
        candidates = []
        for number, trainer in enumerate(self._trainers):
            images = self._next_images()
            trainer.load_weights(weights)
            outcome = trainer.run_unit(images, seed=1000 * self.state.iteration + number)
            if len(self._trainers) == 1:
                self.state.apply(outcome.update, len(images), self.config)
                return
            payloads[number] = self._encode("weight_change", outcome.update, seed=number)
            candidates.append(Candidate(number, number, f"w{number}", len(images), outcome.result.num_steps))
        merged = merge_updates(candidates, payloads.__getitem__, self._format, self.config)
        assert merged.mean is not None
        self.state.apply(merged.mean, merged.num_images, self.config)

    def distance(self, held_out: torch.Tensor) -> float:
        """Measure the moving average's samples, always from the same noise."""
        gan = build_gan(self.config)
        self.state.recalibrate(gan, self.config)
        load_tensors(gan, self.state.ema)
        return sliced_wasserstein(
            draw_samples(gan.generator, fixed_noise(self.config, len(held_out))), held_out
        )

    def _next_images(self) -> torch.Tensor:
        if len(self._order) < UNIT_IMAGES:
            order = shard_permutation(self.config.seed, self._num_epochs, 0, len(self._faces))
            self._order = torch.cat([self._order, torch.from_numpy(order)])
            self._num_epochs += 1
        chosen, self._order = self._order[:UNIT_IMAGES], self._order[UNIT_IMAGES:]
        return self._faces[chosen]

    def _encode(self, kind: PayloadKind, tensors: Tensors, seed: int) -> bytes:
        codec = self.config.codec_down if kind == "weights" else self.config.codec_up
        info = PayloadInfo(kind, 1, self.state.iteration, codec, self._format.network)
        return encode(tensors, info, seed=seed)

    def _decode(self, blob: bytes) -> Tensors:
        return decode(blob, shapes=self._format.shapes, network=self._format.network)


def measure(
    variant: str, seed: int, num_workers: int, num_images: int, faces: torch.Tensor, held_out: torch.Tensor
) -> Measured:
    """Train one variant on at least `num_images` images of all workers together."""
    network, make_backward = VARIANTS[variant]
    a_class = SmallClass(RunConfig(network=network, seed=seed), num_workers, faces)
    at_half = 0.0
    started = time.process_time()
    with mock.patch("gan_desktop.training.steps.backward_d", make_backward()):
        while a_class.state.num_images < num_images:
            a_class.play_round()
            if not at_half and a_class.state.num_images >= num_images / 2:
                at_half = a_class.distance(held_out)
    seconds = time.process_time() - started
    return Measured(at_half, a_class.distance(held_out), a_class.state.num_images, seconds)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every variant with every seed and print the table, a row as soon as it is there."""
    parser = argparse.ArgumentParser(description="Compare networks on drawn faces of 32 pixels.")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=["dcgan", "dcgan-sn"])
    parser.add_argument("--workers", nargs="+", type=int, default=[1])
    parser.add_argument("--images", type=int, default=40_000, help="of all workers together")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    drawn = np.stack([draw_face(index, 32) for index in range(NUM_TRAINED + NUM_HELD_OUT)])
    pictures = torch.from_numpy(drawn).permute(0, 3, 1, 2).contiguous()
    faces, held_out = pictures[:NUM_TRAINED], pictures[NUM_TRAINED:]
    say(f"Real pictures against real ones: {real_floor(pictures[: 2 * NUM_HELD_OUT]):.0f}")
    say("")
    say("| network | workers | images | at half | at the end | each seed | CPU s per 1,000 images |")
    say("|---|---|---|---|---|---|---|")
    for num_workers in options.workers:
        for variant in options.variants:
            runs = [
                measure(variant, seed, num_workers, options.images, faces, held_out) for seed in options.seeds
            ]
            say(row(variant, num_workers, runs))


def row(variant: str, num_workers: int, runs: Sequence[Measured]) -> str:
    """One line of the table."""
    half, end = (statistics.mean(values) for values in ([r.at_half for r in runs], [r.at_end for r in runs]))
    each = ", ".join(f"{run.at_end:.0f}" for run in runs)
    cost = 1_000 * sum(run.seconds for run in runs) / sum(run.num_images for run in runs)
    cells = [
        variant,
        num_workers,
        f"{runs[0].num_images:,}",
        f"{half:.0f}",
        f"{end:.0f}",
        each,
        f"{cost:.2f}",
    ]
    return f"| {' | '.join(map(str, cells))} |"


def say(line: str) -> None:
    """Print at once: a table takes minutes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
