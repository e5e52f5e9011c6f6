"""What a training will take: how long until there are faces, the class's traffic, room in the database.

Nothing here is promised that was not measured. Each figure that comes from a measurement names its table
in docs/; between two measured points the less favourable one counts. Times are for the computers that one
counts on (`Crowd`): as fast as the class's own were measured, else as an assumption that is said aloud.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gan_desktop.records import RunConfig

if TYPE_CHECKING:
    from gan_desktop.database.statistics import WorkerSummary

# -- what was measured --------------------------------------------------------------------------

# docs/benchmarks.md, "How much of a computer's time goes into training": bare steps of one processor core.
# Between the two the speed falls with this power of the multiplications that a picture takes.
_SMALL, _SMALL_SPEED = RunConfig(image_size=32, feature_maps=32), 793.6
_LARGE, _LARGE_SPEED = RunConfig(image_size=64, feature_maps=64), 57.7
# The same table: the share of its time in which a computer really trains (0.84 and 0.92 were measured).
SHARE_AT_WORK = 0.85
# docs/benchmarks.md, "How large the database becomes": what is deleted takes its room until it is cleaned up.
_UPDATES_KEPT = 2
_STATES_KEPT = 2
_NEWEST_KEPT = 3
# In database/queries/coordinator.sql (thin_samples): the newest 50 grids stay, the first 32, and 16 of each
# later doubling.
_NEWEST_GRIDS, _FIRST_GRIDS, _GRIDS_OF_A_DOUBLING = 50, 32, 16
_GRID_IMAGES = 64
# Below, steps were measured to do less for the same number of images (docs/benchmarks-networks.md has 100).
FEWEST_STEPS = 50


@dataclass(frozen=True)
class FacesMeasured:
    """Images that each of some computers had learned from when faces could be recognised.

    `distance` is the one measured then (x 1000); pictures of the drawn faces among themselves have 25.
    """

    num_computers: int
    images_each: int
    distance: int


# docs/benchmarks-networks.md: drawn faces of 32 pixels, a picture of which is in docs/demo.md.
FACES_MEASURED = {
    "dcgan": (FacesMeasured(1, 40_000, 53), FacesMeasured(4, 25_600, 101)),
    "dcgan-sn": (FacesMeasured(1, 20_000, 109), FacesMeasured(4, 12_800, 135)),
}
_MEASURED_SIZE = 32

# -- what is assumed as long as nothing was measured in the class -------------------------------

ASSUMED_COMPUTERS = 30
ASSUMED_SPEED = 8.0
# A laptop's speed with the larger of the two measured networks.
ASSUMED_WITH = _LARGE


# ---------------------------------------------------------------------------------------------
# Presets
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preset:
    """A training for an occasion: a configuration, and what it is good for in a sentence."""

    key: str
    title: str
    words: str
    config: RunConfig

    def for_pictures(self, image_size: int) -> RunConfig:
        """The same for pictures of another size, in pixels; large ones get the paper's wider network."""
        is_wide = self.config.feature_maps > RunConfig().feature_maps and image_size > _MEASURED_SIZE
        feature_maps = self.config.feature_maps if is_wide else RunConfig().feature_maps
        return replace(self.config, image_size=image_size, feature_maps=feature_maps)


PRESETS = (
    Preset(
        "quick",
        "Quick look",
        "Some 20 minutes, to see how it works: noise becomes something like faces. Short units, so that"
        " everybody has done several.",
        RunConfig(
            network="dcgan-sn", unit_seconds=30, target_iterations=40, checkpoint_every=10, evaluate_every=2
        ),
    ),
    Preset(
        "lesson",
        "Lesson",
        "A lesson of 90 minutes with some left to talk. The network that has faces soonest.",
        RunConfig(network="dcgan-sn", unit_seconds=60, target_iterations=75, checkpoint_every=10),
    ),
    Preset(
        "overnight",
        "Overnight",
        "A night, or a week of evenings. Slower at first, better in the end; long units spare the network.",
        RunConfig(
            network="dcgan",
            feature_maps=64,
            unit_seconds=120,
            max_unit_images=32_768,
            target_iterations=300,
            checkpoint_every=25,
        ),
    ),
)


# ---------------------------------------------------------------------------------------------
# Computers
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Crowd:
    """The computers that one counts on.

    Attributes:
        num_computers: So many take part.
        images_per_second: What one of them learns from.
        speed_with: The training that this speed is of.
        num_measured: Computers of the class that it was measured on; 0: it is assumed.
    """

    num_computers: int = ASSUMED_COMPUTERS
    images_per_second: float = ASSUMED_SPEED
    speed_with: RunConfig = ASSUMED_WITH
    num_measured: int = 0

    def speed(self, config: RunConfig) -> float:
        """Images a second of one computer in another training."""
        return self.images_per_second * relative_speed(config) / relative_speed(self.speed_with)


def count_on(
    workers: Iterable[WorkerSummary], trained: RunConfig | None, num_computers: int | None = None
) -> Crowd:
    """The class's own computers, by the speeds that they were measured at last.

    Args:
        trained: The training that they were measured in; None: there was none.
        num_computers: Count on so many; None: on as many as were measured, or assumed.
    """
    speeds = [w.images_per_second for w in workers if w.images_per_second > 0 and not w.is_withdrawn]
    if trained is None or not speeds:
        return Crowd(num_computers or ASSUMED_COMPUTERS)
    return Crowd(num_computers or len(speeds), sum(speeds) / len(speeds), trained, len(speeds))


def relative_speed(config: RunConfig) -> float:
    """How fast a network is learned, compared with 32 feature maps at 32 pixels (1.0)."""
    power = math.log(_SMALL_SPEED / _LARGE_SPEED) / math.log(
        multiplications(_LARGE) / multiplications(_SMALL)
    )
    return float((multiplications(_SMALL) / multiplications(config)) ** power)


def multiplications(config: RunConfig) -> int:
    """What one picture takes in G; D mirrors it. A layer with a 4 x 4 kernel takes 16 for each pair of
    channels at each place of its smaller map (Radford et al. 2016, arXiv:1511.06434, figure 1)."""
    channels, edge = config.feature_maps * config.image_size // 8, 4
    count = 16 * config.latent_size * channels
    while edge < config.image_size // 2:
        count += 16 * channels * (channels // 2) * edge**2
        channels, edge = channels // 2, 2 * edge
    return count + 16 * channels * 3 * edge**2


# ---------------------------------------------------------------------------------------------
# Bytes
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PayloadSizes:
    """Bytes of what a training moves and keeps: weights down, an update up, G's average, the state."""

    down: int
    up: int
    average: int
    state: int


def payload_sizes(config: RunConfig) -> PayloadSizes:
    """What the network takes in its codings, headers of some kilobytes apart. Imports PyTorch.

    Raises:
        SettingsError: There is no such network.
    """
    from gan_desktop.training.networks import generator_shapes, parameter_shapes, tensor_shapes
    from gan_desktop.training.payload import MAX_HEADER_BYTES, max_payload_bytes

    shapes, average = tensor_shapes(config), generator_shapes(config)

    def size(codec: str, of: dict[str, object]) -> int:
        return max_payload_bytes(of, codec) - MAX_HEADER_BYTES  # type: ignore[arg-type]

    state = size("fp32", {**shapes}) + size("fp32", {**average})
    if config.mode == "gradient":  # the outer Adam's two moments
        state += 2 * size("fp32", {**parameter_shapes(config)})
    return PayloadSizes(
        down=size(config.codec_down, {**shapes}),
        up=size(config.codec_up, {**shapes}),
        average=size("int8", {**average}),
        state=state,
    )


# ---------------------------------------------------------------------------------------------
# The estimate
# ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Estimate:
    """What a training will take with a certain crowd.

    Attributes:
        unit_images, unit_steps, unit_seconds: Of a computer of mean speed.
        images_each: What each computer has to learn from until there are faces.
        faces_seconds: How long that takes; None: not measured for this network.
        total_seconds: All iterations, each about as long as a unit.
        mbit_s: Weights and updates of the whole class, both directions together.
        updates_mb, checkpoints_mb, working_mb, samples_mb: Room in the database: updates that wait, kept
            iterations, the newest weights with the state to go on from, grids of faces. At most.
    """

    unit_images: int
    unit_steps: int
    unit_seconds: float
    images_each: int | None
    faces_seconds: float | None
    total_seconds: float
    mbit_s: float
    updates_mb: float
    checkpoints_mb: float
    working_mb: float
    samples_mb: float

    @property
    def storage_mb(self) -> float:
        """All of it, beside the pictures."""
        return self.updates_mb + self.checkpoints_mb + self.working_mb + self.samples_mb

    @property
    def ends_before_faces(self) -> bool:
        """Whether it has fewer iterations than faces are likely to need."""
        return self.faces_seconds is not None and self.total_seconds < self.faces_seconds


def estimate(config: RunConfig, sizes: PayloadSizes, crowd: Crowd) -> Estimate:
    """Work out what a training takes.

    Args:
        sizes: `payload_sizes(config)`.
    """
    speed = crowd.speed(config)
    unit_images = _unit_images(config, speed)
    computing_s = unit_images / speed
    unit_s = computing_s / SHARE_AT_WORK
    images_each = _images_each(config, crowd.num_computers)
    # Faces are seen when an iteration comes out, not in the middle of a unit.
    num_units = None if images_each is None else math.ceil(images_each / unit_images)
    num_checkpoints = config.target_iterations // config.checkpoint_every + 1
    num_drawn = config.target_iterations // config.sample_every
    doublings = max(0.0, math.log2(max(1, num_drawn) / _FIRST_GRIDS))
    num_samples = min(num_drawn, _NEWEST_GRIDS + _FIRST_GRIDS + round(_GRIDS_OF_A_DOUBLING * doublings))
    return Estimate(
        unit_images=unit_images,
        unit_steps=unit_images // config.step_batch,
        unit_seconds=unit_s,
        images_each=images_each,
        faces_seconds=None if num_units is None else num_units * unit_s,
        total_seconds=config.target_iterations * unit_s,
        # At their fastest: nobody waits for anybody.
        mbit_s=crowd.num_computers * 8 * (sizes.down + sizes.up) / computing_s / 1e6,
        updates_mb=_UPDATES_KEPT * crowd.num_computers * sizes.up / 1e6,
        checkpoints_mb=num_checkpoints * (sizes.down + sizes.average) / 1e6,
        working_mb=(_NEWEST_KEPT * (sizes.down + sizes.average) + _STATES_KEPT * sizes.state) / 1e6,
        samples_mb=num_samples * _GRID_IMAGES * 3 * config.image_size**2 / 1e6,
    )


def _unit_images(config: RunConfig, images_per_second: float) -> int:
    """As the class cuts a unit for a computer of this speed (gan.unit_size in api/functions.sql)."""
    wanted = min(round(images_per_second * config.unit_seconds), config.max_unit_images)
    return max(wanted, config.min_unit_images) // config.step_batch * config.step_batch


def _images_each(config: RunConfig, num_computers: int) -> int | None:
    """By the measurement with the most computers that are not more than these; more may be quicker."""
    fitting = [m for m in FACES_MEASURED.get(config.network, ()) if m.num_computers <= num_computers]
    return fitting[-1].images_each if fitting else None


# ---------------------------------------------------------------------------------------------
# In words
# ---------------------------------------------------------------------------------------------


def traffic_sentence(
    config: RunConfig,
    estimated: Estimate,
    num_computers: int,
    carries_mbit_s: float | None,
    *,
    is_measured: bool = True,
) -> str:
    """What the class's network has to carry, what it can, and what to choose where that is too little.

    Args:
        carries_mbit_s: What the network carries; None: nobody knows.
        is_measured: That was measured, not told.
    """
    needs = f"Needs about {_short(estimated.mbit_s)} Mbit/s for {num_computers} students"
    if carries_mbit_s is None:
        return f"{needs}; not measured here yet."
    known = "measured here" if is_measured else "your network carries"
    words = f"{needs}; {known}: {_short(carries_mbit_s)}."
    if estimated.mbit_s <= carries_mbit_s:
        return words
    seconds = longer_units(config, estimated, carries_mbit_s)
    if config.image_size > 32:
        return f"{words} Choose 32x32 or units of {seconds} s."
    return f"{words} Choose units of {seconds} s."


def longer_units(config: RunConfig, estimated: Estimate, mbit_s: float) -> int:
    """Seconds of a unit with which the class would need no more than `mbit_s`, rounded up to ten."""
    needed = estimated.unit_seconds * SHARE_AT_WORK * estimated.mbit_s / max(mbit_s, 0.001)
    return 10 * math.ceil(max(needed, config.unit_seconds) / 10)


def faces_sentence(config: RunConfig, estimated: Estimate, crowd: Crowd) -> str:
    """Where the time to faces comes from, and what it leaves out."""
    if estimated.images_each is None:
        return "How long this network takes until there are faces was not measured."
    known = next(m for m in FACES_MEASURED[config.network] if m.images_each == estimated.images_each)
    who = "a single computer" if known.num_computers == 1 else f"each of {known.num_computers} computers"
    words = (
        f"Drawn faces of 32x32 pixels could be recognised when {who} had learned from"
        f" {known.images_each:,} images: so it was measured."
    )
    if config.image_size > _MEASURED_SIZE:
        words += " Larger pictures, and photographs, take longer: that was not measured."
    elif crowd.num_computers > known.num_computers:
        words += " Photographs take longer; more computers may be quicker: neither was measured."
    else:
        words += " Photographs take longer: that was not measured."
    return words


def crowd_sentence(config: RunConfig, crowd: Crowd) -> str:
    """Whose speed the times are for."""
    speed = _short(crowd.speed(config))
    computers = "1 computer" if crowd.num_computers == 1 else f"{crowd.num_computers} computers"
    if crowd.num_measured == 0:
        return f"Assumed: {crowd.num_computers} laptops of {speed} images/s. Nobody has computed here yet."
    if crowd.speed_with.image_size == config.image_size and (
        crowd.speed_with.feature_maps == config.feature_maps
    ):
        if crowd.num_measured == 1:
            return f"{computers} of {speed} images/s, as one was measured here."
        return f"{computers} of {speed} images/s, as {crowd.num_measured} were measured here."
    measured = "one was" if crowd.num_measured == 1 else f"{crowd.num_measured} were"
    return (
        f"{computers} of {speed} images/s: {measured} measured here with another network, which was"
        " converted."
    )


def steps_sentence(estimated: Estimate) -> str:
    """A warning of units too short to learn well; empty where they are long enough."""
    if estimated.unit_steps >= FEWEST_STEPS:
        return ""
    return (
        f"A unit has only {estimated.unit_steps} steps; the times are measured with 100. Shorter units learn"
        " less from the same pictures: choose longer ones."
    )


def _short(value: float) -> str:
    """Two digits are all that an estimate is worth."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}".removesuffix(".0")
