"""A run and its work: what is trained, cut into units, handed in and published."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from gan_desktop.errors import SettingsError

Mode = Literal["local_steps", "gradient"]
Codec = Literal["fp32", "fp16", "int8"]
CODECS: tuple[Codec, ...] = ("fp32", "fp16", "int8")


@dataclass(frozen=True)
class RunConfig:
    """What one training is: stored as JSON in `training_runs.config`, the same for everybody.

    Attributes:
        network: Name in `training.networks.NETWORKS`.
        image_size: Edge of the square images, pixels (32, 64 or 128).
        latent_size: Length of the generator's input vector z.
        feature_maps: Channels of the widest-resolution layer (n_gf = n_df of the DCGAN paper).
        mode: `local_steps` (many Adam steps per unit) or `gradient` (one averaged step per iteration).
        step_batch: Images in one optimizer step.
        learning_rate, beta1, beta2: Adam's, for D and G alike.
        outer_rate: How far the weights move along the mean weight change.
        ema_half_life_images: Images after which an old generator weighs half in the moving average (at
            least two iterations, however large these are; while the training is young a tenth of its images).
        unit_seconds: Length aimed at for one unit, by the worker's measured speed.
        first_unit_images, min_unit_images, max_unit_images: Limits of a unit's size.
        lease_seconds: A lease ends this long after the last heartbeat.
        quorum: Updates from distinct accounts for the next iteration; 0: `quorum_share` of the workers.
        quorum_share: Share of the accounts that contribute now that makes the quorum.
        grace_share: Share of the median unit time to wait for the others once the quorum is met.
        max_staleness: Iterations an update's weights may be old and still count.
        codec_down, codec_up: Coding of weights and of updates.
        target_iterations: The run is complete at this iteration.
        checkpoint_every: Every k-th iteration's weights are kept for good.
        sample_every, evaluate_every: Iterations between sample grids and between quality measures.
        audit_share: Share of updates whose check figures the coordinator recomputes.
        seed: Decides first weights, epoch order and noise.
    """

    network: str = "dcgan"
    image_size: int = 32
    latent_size: int = 100
    feature_maps: int = 32
    mode: Mode = "local_steps"
    step_batch: int = 16
    learning_rate: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999
    outer_rate: float = 1.0
    ema_half_life_images: int = 5_000
    unit_seconds: float = 60.0
    first_unit_images: int = 256
    min_unit_images: int = 256
    max_unit_images: int = 8_192
    lease_seconds: float = 60.0
    quorum: int = 0
    quorum_share: float = 0.6
    grace_share: float = 0.2
    max_staleness: int = 2
    codec_down: Codec = "fp16"
    codec_up: Codec = "int8"
    target_iterations: int = 400
    checkpoint_every: int = 25
    sample_every: int = 1
    evaluate_every: int = 5
    audit_share: float = 0.05
    seed: int = 1

    def __post_init__(self) -> None:
        for name, is_fitting, mend in self.limits():
            if not is_fitting:
                raise SettingsError(f"{name} is {getattr(self, name)!r}. Write {mend}.")

    def limits(self) -> tuple[tuple[str, bool, str], ...]:
        """Each limit as (attribute, whether it holds, what to write)."""
        return (
            ("network", bool(self.network), "dcgan or dcgan-sn"),
            ("image_size", self.image_size in (32, 64, 128), "one of 32, 64, 128"),
            ("mode", self.mode in ("local_steps", "gradient"), "local_steps or gradient"),
            ("codec_down", self.codec_down in CODECS, "fp32, fp16 or int8"),
            ("codec_up", self.codec_up in CODECS, "fp32, fp16 or int8"),
            ("step_batch", 2 <= self.step_batch <= 1024, "2 to 1024"),
            ("latent_size", 1 <= self.latent_size <= 4096, "1 to 4096"),
            ("feature_maps", 4 <= self.feature_maps <= 512, "4 to 512"),
            ("learning_rate", 0 < self.learning_rate < 1, "a number above 0, usually 0.0002"),
            ("beta1", 0 <= self.beta1 < 1, "0 up to, not with, 1"),
            ("beta2", 0 <= self.beta2 < 1, "0 up to, not with, 1"),
            ("outer_rate", 0 < self.outer_rate <= 2, "above 0, at most 2"),
            ("unit_seconds", 0 < self.unit_seconds <= 86_400, "between 1 s and a day (86400 s)"),
            ("first_unit_images", self.first_unit_images >= self.step_batch, "step_batch or more"),
            ("min_unit_images", self.min_unit_images >= self.step_batch, "step_batch or more"),
            ("max_unit_images", self.max_unit_images >= self.min_unit_images, "min_unit_images or more"),
            ("lease_seconds", 0 < self.lease_seconds <= 86_400, "between 1 s and a day (86400 s)"),
            ("quorum", self.quorum >= 0, "0 (by the number of workers) or more"),
            ("quorum_share", 0 < self.quorum_share <= 1, "above 0, at most 1"),
            ("grace_share", 0 <= self.grace_share <= 2, "0 to 2"),
            ("max_staleness", 0 <= self.max_staleness <= 100, "0 to 100"),
            ("target_iterations", self.target_iterations >= 1, "1 or more"),
            ("checkpoint_every", self.checkpoint_every >= 1, "1 or more"),
            ("sample_every", self.sample_every >= 1, "1 or more"),
            ("evaluate_every", self.evaluate_every >= 1, "1 or more"),
            ("audit_share", 0 <= self.audit_share <= 1, "0 to 1"),
            ("ema_half_life_images", self.ema_half_life_images >= 1, "1 or more"),
            ("max_unit_images", self.max_unit_images <= 10_000_000, "at most 10000000"),
            ("seed", 0 <= self.seed < 2**31, "a whole number from 0 to 2147483647"),
        )

    def to_json(self) -> dict[str, Any]:
        """The value for `training_runs.config`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RunConfig:
        """Read a stored configuration; keys of newer program versions are ignored.

        Raises:
            SettingsError: A value is out of its range.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


@dataclass(frozen=True)
class ShardRange:
    """Positions [first, first + count) of a shard's seeded permutation in one epoch."""

    shard_id: int
    epoch: int
    first: int
    count: int


@dataclass(frozen=True)
class WorkUnit:
    """A piece of an epoch with its seed, leased to this worker.

    `lease_seconds` is the time the lease still had when the server answered.
    """

    unit_id: int
    run_id: int
    iteration: int
    epoch: int
    seed: int
    ranges: tuple[ShardRange, ...]
    num_images: int
    lease_token: str
    lease_seconds: float
    expected_seconds: float
    fresh_moments: bool = False


@dataclass(frozen=True)
class Shard:
    """A file of up to 2,048 images as the database lists it."""

    shard_id: int
    dataset_id: int
    num_images: int
    num_bytes: int
    sha256: str
    is_held_out: bool
    url: str | None = None


@dataclass(frozen=True)
class ShardFile:
    """A finished shard with its bytes, on its way from the import to where it is kept."""

    data: bytes = field(repr=False)
    num_images: int
    sha256: str
    is_held_out: bool


@dataclass(frozen=True)
class CheckFigures:
    """Losses and gradient norms at the unmodified weights on a unit's first `num_images` images."""

    loss_d: float
    loss_g: float
    norm_d: float
    norm_g: float
    num_images: int


@dataclass(frozen=True)
class UnitResult:
    """What one unit's computation measured. Losses and shares are means over its images.

    `d_real` is the share of real images D calls real, `d_fake` the share of generated ones it
    calls fake (both 0 to 1).
    """

    num_images: int
    num_steps: int
    loss_g: float
    loss_d: float
    d_real: float
    d_fake: float
    check: CheckFigures
    compute_seconds: float
    stopped_early: bool = False


@dataclass(frozen=True)
class Update:
    """A finished unit on its way to the database: kept on disk until delivered or refused."""

    unit_id: int
    run_id: int
    iteration: int
    lease_token: str
    codec: Codec
    payload: bytes = field(repr=False)
    sha256: str
    result: UnitResult


@dataclass(frozen=True)
class Weights:
    """One published payload: `kind` is `live` (G and D) or `ema` (G only)."""

    run_id: int
    iteration: int
    kind: Literal["live", "ema"]
    codec: Codec
    payload: bytes = field(repr=False)
    sha256: str


class RunStatus(StrEnum):
    """The values of `training_runs.status`."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETE = "complete"


@dataclass(frozen=True)
class Run:
    """One training as students may see it.

    `restarted_at` is the iteration at which it went back to a checkpoint last; 0: it never did.
    """

    run_id: int
    name: str
    status: RunStatus
    iteration: int
    epoch: int
    dataset_id: int
    config: RunConfig
    restarted_at: int = 0


@dataclass(frozen=True)
class PendingUpdate:
    """An update that waits for the coordinator: everything but its bytes.

    `unit_seconds` spans claim to hand-in on the server's clock; `waited_seconds` hand-in to now.
    """

    update_id: int
    unit_id: int
    worker_id: str
    account_id: int
    iteration: int
    sha256: str
    num_bytes: int
    result: UnitResult
    unit_seconds: float
    waited_seconds: float


@dataclass(frozen=True)
class UpdateDecision:
    """What the coordinator decided about an update.

    `status` is `counted`, `late` (valid, credited, without influence) or `not_counted`; `weight` is
    its share of the iteration.
    """

    update_id: int
    status: Literal["counted", "late", "not_counted"]
    reason: str | None
    is_strike: bool
    norm: float | None
    weight: float


@dataclass(frozen=True)
class Publication:
    """One iteration as it is written down, in one transaction.

    `went_back`: it has the weights of an earlier one; what was computed on those between comes too late.
    """

    iteration: int
    live: Weights
    ema: Weights
    state: bytes = field(repr=False)
    decisions: tuple[UpdateDecision, ...]
    num_images: int
    loss_g: float | None
    loss_d: float | None
    d_real: float | None
    d_fake: float | None
    is_checkpoint: bool
    went_back: bool = False


@dataclass(frozen=True)
class Situation:
    """What the coordinator needs to know to decide whether to publish.

    Attributes:
        num_contributors: Accounts heard of in the last minute that are at work or wait for it.
        median_unit_seconds: Of the newest finished units, claim to hand-in; None before the first.
        go_back_to: The instructor wishes this iteration's weights back; None: no such wish.
        config: As it stands there now: the instructor may change some of it in mid-training.
    """

    status: RunStatus
    iteration: int
    num_contributors: int
    median_unit_seconds: float | None
    go_back_to: int | None = None
    config: RunConfig = RunConfig()
