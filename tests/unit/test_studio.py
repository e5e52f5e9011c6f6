from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gan_desktop.errors import PayloadError
from gan_desktop.records import Run, RunConfig, RunStatus, ShardRange, WorkUnit
from gan_desktop.training.device import choose_device
from gan_desktop.training.shard_cache import ShardCache
from gan_desktop.training.steps import UnitOutcome
from gan_desktop.worker.courtesy import Pace
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
        pace=Pace.FULL,
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
