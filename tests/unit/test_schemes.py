"""Why local steps are the default: at equal images they learn, where one averaged step does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan_desktop.records import Mode, RunConfig
from gan_desktop.training.faces import draw_face
from gan_desktop.training.merge import Candidate, UpdateFormat, merge_updates
from gan_desktop.training.networks import Tensors, build_gan, load_tensors
from gan_desktop.training.outer import OuterState
from gan_desktop.training.payload import PayloadInfo, PayloadKind, decode, encode
from gan_desktop.training.quality import draw_samples, fixed_noise, real_floor, sliced_wasserstein
from gan_desktop.training.steps import UnitTrainer

NUM_WORKERS = 4
UNIT_IMAGES = 1_280
NUM_ROUNDS = 6


class Class:
    """Four workers and a coordinator in one process: the real parts, without the database between."""

    def __init__(self, config: RunConfig) -> None:
        self.config = config
        self.state = OuterState.fresh(config)
        self.update_format = UpdateFormat.of(config)
        cpu = torch.device("cpu")
        self.workers = [
            UnitTrainer(build_gan(config), config, device=cpu, micro_batch=config.step_batch)
            for _ in range(NUM_WORKERS)
        ]

    def play_round(self, units: list[torch.Tensor]) -> None:
        weights = self._unpack(self._pack("weights", self.state.weights, seed=0))
        payloads: dict[int, bytes] = {}
        candidates = []
        for number, (worker, images) in enumerate(zip(self.workers, units, strict=True)):
            worker.load_weights(weights)
            outcome = worker.run_unit(images, seed=100 * self.state.iteration + number)
            payloads[number] = self._pack(self.update_format.kind, outcome.update, seed=number)
            candidates.append(Candidate(number, number, f"w{number}", len(images), outcome.result.num_steps))
        result = merge_updates(candidates, payloads.__getitem__, self.update_format, self.config)
        assert result.mean is not None and result.num_images == sum(map(len, units))
        self.state.apply(result.mean, result.num_images, self.config)

    def samples(self, count: int) -> torch.Tensor:
        gan = build_gan(self.config)
        self.state.recalibrate(gan, self.config)
        load_tensors(gan, self.state.weights)
        return draw_samples(gan.generator, fixed_noise(self.config, count))

    def _pack(self, kind: PayloadKind, tensors: Tensors, seed: int) -> bytes:
        codec = self.config.codec_down if kind == "weights" else self.config.codec_up
        info = PayloadInfo(kind, 1, self.state.iteration, codec, self.update_format.network)
        return encode(tensors, info, seed=seed)

    def _unpack(self, blob: bytes) -> Tensors:
        return decode(blob, shapes=self.update_format.shapes, network=self.update_format.network)


@pytest.mark.slow
def test_at_equal_images_local_steps_beat_gradient_mode_clearly() -> None:
    drawn = np.stack([draw_face(index, 32) for index in range(2_560)])
    faces = torch.from_numpy(drawn).permute(0, 3, 1, 2).contiguous()
    held_out, faces = faces[:512], faces[512:]
    modes: tuple[Mode, ...] = ("local_steps", "gradient")
    distances = {}
    for mode in modes:
        a_class = Class(RunConfig(mode=mode, feature_maps=16))
        random = torch.Generator().manual_seed(1)
        for _ in range(NUM_ROUNDS):
            chosen = torch.randint(len(faces), (NUM_WORKERS, UNIT_IMAGES), generator=random)
            a_class.play_round([faces[indices] for indices in chosen])
        distances[mode] = sliced_wasserstein(a_class.samples(512), held_out)
    floor = real_floor(faces[:1_024])
    assert floor < distances["local_steps"] < 0.7 * distances["gradient"], (distances, floor)
