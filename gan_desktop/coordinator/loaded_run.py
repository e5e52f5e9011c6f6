"""A run as the coordinator has it in memory: all of it loaded from the database, at every start anew."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

import torch

from gan_desktop.coordinator.audit import Audit
from gan_desktop.coordinator.evaluation import Evaluation
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import Coordination, Runs
from gan_desktop.database.downloads import Downloads
from gan_desktop.records import Run, RunConfig, SampleDrawn, Weights
from gan_desktop.training.merge import UpdateFormat
from gan_desktop.training.networks import Tensors, build_gan, generator_shapes, network_fingerprint
from gan_desktop.training.outer import OuterState
from gan_desktop.training.payload import PayloadInfo, decode, encode
from gan_desktop.training.shard_cache import ShardCache


@dataclass(frozen=True)
class Looked:
    """What an iteration draws and how far it is from real pictures, where it was due for a look."""

    sample: SampleDrawn | None
    distance: float | None


@dataclass
class LoadedRun:
    """One run at its last published iteration, with everything that works on it.

    Attributes:
        run: As it was when it was loaded; `iteration` is -1 before the first publication. Its configuration
            follows the instructor's (`follow`).
        state: Moves on with every merge.
    """

    run: Run
    state: OuterState
    coordination: Coordination
    downloads: Downloads
    audit: Audit
    evaluation: Evaluation
    update_format: UpdateFormat

    @classmethod
    def load(cls, connection: Connection, run_id: int, token: str, cache: ShardCache) -> LoadedRun:
        """Read the run's state and its held-out pictures; a run that never began gets its first weights.

        Args:
            token: Of the coordinator's lease.
            cache: Shards on this disk.
        """
        run = Runs(connection).get(run_id)
        config, size = run.config, run.config.image_size
        coordination, downloads = Coordination(connection, run_id, token), Downloads(connection)
        stored = coordination.state()
        shards = downloads.shards(run.dataset_id)
        held_out = [cache.images(shard, size, downloads.shard) for shard in shards if shard.is_held_out]
        gan = build_gan(config)
        loaded = cls(
            run=run,
            state=OuterState.from_bytes(stored, config) if stored else OuterState.fresh(config),
            coordination=coordination,
            downloads=downloads,
            audit=Audit(run, gan, shards, cache),
            evaluation=Evaluation(
                config, gan, torch.cat(held_out) if held_out else torch.empty(0, 3, size, size)
            ),
            update_format=UpdateFormat.of(config),
        )
        weights = downloads.newest_weights(run_id)
        if weights is not None:
            loaded.remember(weights)
        return loaded

    @property
    def oldest_iteration(self) -> int:
        """Updates on older weights come too late to take part."""
        return max(self.state.iteration - self.run.config.max_staleness, self.run.restarted_at)

    @property
    def is_at_target(self) -> bool:
        """Whether the last iteration is published."""
        return self.state.iteration >= self.run.config.target_iterations

    def follow(self, config: RunConfig) -> None:
        """Go on with a configuration that the instructor has changed: never the network or its steps."""
        if config != self.run.config:
            self.run = replace(self.run, config=config)
            self.audit.follow(self.run)

    def encoded(self, kind: Literal["live", "ema"]) -> Weights:
        """The state's weights, or the moving average of G, as they are published."""
        config, iteration = self.run.config, self.state.iteration
        codec = config.codec_down if kind == "live" else "int8"
        info = PayloadInfo(
            kind="weights" if kind == "live" else "ema",
            run_id=self.run.run_id,
            iteration=iteration,
            codec=codec,
            network=network_fingerprint(config),
        )
        tensors = self.state.weights if kind == "live" else self.state.ema
        payload = encode(tensors, info, seed=config.seed + iteration)
        return Weights(self.run.run_id, iteration, kind, codec, payload, hashlib.sha256(payload).hexdigest())

    def went_back(self, live: Weights, ema: Weights) -> None:
        """Let the next iteration have the weights of an earlier one.

        Numbers only ever rise: what workers, caches and charts know by its iteration stays true. Adam's
        outer moments, in gradient mode, begin anew.
        """
        config = self.run.config
        restarted = OuterState.from_weights(
            self._decoded(live.payload),
            decode(ema.payload, shapes=generator_shapes(config), network=self.update_format.network),
            config,
        )
        restarted.iteration, restarted.num_images = self.state.iteration + 1, self.state.num_images
        self.state = restarted
        self.run = replace(self.run, restarted_at=restarted.iteration)

    def remember(self, weights: Weights) -> None:
        """Let the audit know published weights as every worker has them: with the codec's rounding."""
        self.audit.remember(weights.iteration, self._decoded(weights.payload))

    def look(self) -> Looked:
        """Draw the grid and measure the distance, where this iteration is due for it."""
        config, iteration = self.run.config, self.state.iteration
        sample = distance = None
        if iteration % config.sample_every == 0 or self.is_at_target:
            sample = SampleDrawn(iteration, self.evaluation.grid(self.state.ema))
            self.coordination.add_sample(iteration, sample.png)
        if iteration % config.evaluate_every == 0 or self.is_at_target:
            distance = self.evaluation.distance(self.state.ema)
            if distance is not None:
                self.coordination.set_distance(iteration, distance)
        return Looked(sample, distance)

    def _decoded(self, payload: bytes) -> Tensors:
        return decode(payload, shapes=self.update_format.shapes, network=self.update_format.network)
