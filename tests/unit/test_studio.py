from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from gan_desktop.errors import PayloadError
from gan_desktop.records import Run, RunConfig, RunStatus, ShardRange, WorkUnit
from gan_desktop.training.device import Device, choose_device
from gan_desktop.training.shard_cache import ShardCache
from gan_desktop.training.steps import UnitOutcome
from gan_desktop.worker.limits import Pace
from gan_desktop.worker.studio import Studio

CONFIG = RunConfig(feature_maps=4, latent_size=8)


def studio(tmp_path: Path) -> Studio:
    run = Run(1, "a run", RunStatus.RUNNING, 0, 0, 1, CONFIG)
    return Studio(run, (), ShardCache(tmp_path, 10**6), choose_device("cpu"), 32, lambda _: None)


def unit(num_images: int) -> WorkUnit:
    return WorkUnit(1, 1, 0, 0, 5, (ShardRange(1, 0, 0, num_images),), num_images, "token", 60, 60)


def train(worker: Studio, num_images: int) -> UnitOutcome:
    images = torch.zeros(num_images, 3, 32, 32, dtype=torch.uint8)
    return worker.train(
        unit(num_images),
        images,
        should_stop=lambda: False,
        on_step=lambda _: None,
        rest=lambda _: None,
        pace=lambda: Pace.FULL,
    )


def test_a_diverged_unit_is_not_packed_and_spoils_no_later_one(tmp_path: Path) -> None:
    worker = studio(tmp_path)
    outcome = train(worker, 16)
    broken = {name: torch.full_like(tensor, torch.nan) for name, tensor in outcome.update.items()}
    with pytest.raises(PayloadError, match="finite"):
        worker.pack(unit(16), UnitOutcome(broken, outcome.result))
    # Fresh moments and the same weights: the unit computed again is the first one to the last bit.
    again = train(worker, 16)
    assert all(torch.equal(again.update[name], tensor) for name, tensor in outcome.update.items())


class Card(Device):
    """Computes with the CPU's kernels, and is a graphics card to everybody who asks."""

    is_card = True


def test_a_card_that_breaks_in_mid_unit_leaves_it_and_all_later_ones_to_the_cpu_and_says_why(
    tmp_path: Path,
) -> None:
    told: list[str] = []
    run = Run(1, "a run", RunStatus.RUNNING, 0, 0, 1, CONFIG)
    card = Card(torch.device("cpu"), "a card", "It passed a small training test.")
    worker = Studio(run, (), ShardCache(tmp_path, 10**6), card, 32, told.append)
    num_calls = 0

    def break_down(*_: object) -> None:
        nonlocal num_calls
        num_calls += 1
        if num_calls > 5:
            raise RuntimeError("CUDA error: an illegal memory access was encountered\nFor debugging ...")

    worker._trainer.gan.generator.register_forward_hook(break_down)
    outcome = train(worker, 160)
    assert num_calls == 6
    assert outcome.result.num_images == 160
    assert told == [
        "The graphics card failed (CUDA error: an illegal memory access was encountered). The processor goes"
        " on, more slowly."
    ]
    assert not worker.device.is_card
    assert "failed: CUDA error" in worker.device.reason
    train(worker, 16)
    assert len(told) == 1


def test_a_card_that_does_not_even_take_the_network_is_left_for_the_cpu(tmp_path: Path) -> None:
    # PyTorch's "meta" device has no numbers to give back.
    broken = Device(torch.device("meta"), "a card", "It passed a small training test.")
    told: list[str] = []
    run = Run(1, "a run", RunStatus.RUNNING, 0, 0, 1, CONFIG)
    worker = Studio(run, (), ShardCache(tmp_path, 10**6), broken, 32, told.append)
    outcome = train(worker, 32)
    assert outcome.result.num_images == 32
    assert all(tensor.device.type == "cpu" for tensor in outcome.update.values())
    assert worker.device.torch_device.type == "cpu"
    assert "failed" in worker.device.reason
    [notice] = told
    assert notice.startswith("The graphics card failed (")
    assert notice.endswith("). The processor goes on, more slowly.")


def test_a_rest_changes_nothing_of_what_is_learned(tmp_path: Path) -> None:
    run = Run(1, "a run", RunStatus.RUNNING, 0, 0, 1, CONFIG)
    card = Card(torch.device("cpu"), "a card", "")
    both = [Studio(run, (), ShardCache(tmp_path, 10**6), card, 32, lambda _: None) for _ in range(2)]
    for worker in both:
        train(worker, 32)
    both[0].rest()
    both[0].rest()
    rested, other = (train(worker, 32).update for worker in both)
    assert all(torch.equal(rested[name], tensor) for name, tensor in other.items())


def test_the_cpus_own_failure_is_not_hidden(tmp_path: Path) -> None:
    worker = studio(tmp_path)
    with pytest.raises(RuntimeError, match="a bug"):
        worker.train(
            unit(32),
            torch.zeros(32, 3, 32, 32, dtype=torch.uint8),
            should_stop=lambda: (_ for _ in ()).throw(RuntimeError("a bug")),
            on_step=lambda _: None,
            rest=lambda _: None,
            pace=lambda: Pace.FULL,
        )


def test_a_new_pace_holds_from_the_next_batch(tmp_path: Path) -> None:
    worker = studio(tmp_path)
    paces = iter([Pace.FULL, Pace.QUIET, Pace.QUIET, Pace.FULL])
    rests: list[float] = []
    asked: list[Pace] = []

    def pace() -> Pace:
        # Asked before each batch, and after it for the length of the rest.
        asked.append(next(paces))
        return asked[-1]

    worker.train(
        unit(48),
        torch.zeros(48, 3, 32, 32, dtype=torch.uint8),
        should_stop=lambda: False,
        on_step=lambda _: None,
        rest=rests.append,
        pace=pace,
    )
    assert len(asked) == 4
    assert len(rests) == 1 and rests[0] > 0


def test_full_memory_is_told_and_only_the_micro_batch_shrinks(tmp_path: Path) -> None:
    run = Run(1, "a run", RunStatus.RUNNING, 0, 0, 1, CONFIG)
    told: list[str] = []
    worker = Studio(run, (), ShardCache(tmp_path, 10**6), choose_device("cpu"), 32, told.append)

    def fail_for_many(_module: object, arguments: tuple[torch.Tensor, ...], _output: object) -> None:
        if len(arguments[0]) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    worker._trainer.gan.discriminator.register_forward_hook(fail_for_many)
    outcome = train(worker, 32)
    assert [re.search(r"\d+ images", text)[0] for text in told] == ["8 images", "4 images"]  # type: ignore[index]
    assert (outcome.result.num_images, outcome.result.num_steps) == (32, 2)
