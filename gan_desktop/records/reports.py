"""The worker's states, and what worker and coordinator tell while they are at work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from gan_desktop.records.devices import Hardware, ReadyCheck
from gan_desktop.records.work import UnitResult, WorkUnit


class WorkerState(StrEnum):
    """Codes that travel with the heartbeat; each has one sentence (sentences.py)."""

    JOINING = "joining"
    CHECKING = "checking"
    WAITING_NO_TRAINING = "waiting_no_training"
    WAITING_PAUSED = "waiting_paused"
    WAITING_COORDINATOR_AWAY = "waiting_coordinator_away"
    WAITING_NONE_FREE = "waiting_none_free"
    WAITING_ON_HOLD = "waiting_on_hold"
    CLAIMING = "claiming"
    LOADING = "loading"
    COMPUTING = "computing"
    UPLOADING = "uploading"
    PAUSED = "paused"
    PAUSED_BATTERY = "paused_battery"
    PAUSED_HOT = "paused_hot"
    PAUSED_HOURS = "paused_hours"
    PAUSED_IN_USE = "paused_in_use"
    PAUSED_PROGRAM = "paused_program"
    PAUSED_METERED = "paused_metered"
    PAUSED_MEMORY = "paused_memory"
    FINISHING = "finishing"
    STOPPED = "stopped"
    RETRYING = "retrying"
    COMPLETE = "complete"


# Who counts as a computer at work (api/views.sql, class_totals): on a unit, or between two.
AT_WORK = frozenset(
    {
        WorkerState.CLAIMING,
        WorkerState.LOADING,
        WorkerState.COMPUTING,
        WorkerState.UPLOADING,
        WorkerState.FINISHING,
        WorkerState.WAITING_NONE_FREE,
    }
)


class StopRequest(StrEnum):
    """How a worker is asked to end: after the unit, or at once with what is done."""

    FINISH_UNIT = "finish_unit"
    HAND_IN_NOW = "hand_in_now"


@dataclass(frozen=True)
class StateChanged:
    """The worker is in another state; `detail` fills the state's sentence."""

    state: WorkerState
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Joined:
    """The worker is registered with the class; `card_uuid` is NVIDIA's name for the card that computes."""

    worker_id: str
    name: str
    hardware: Hardware
    device_reason: str
    batch_size: int
    dataset_size: int
    card_uuid: str | None = None


@dataclass(frozen=True)
class UnitStarted:
    """A unit's first batch is about to be computed."""

    unit: WorkUnit


@dataclass(frozen=True)
class UnitProgress:
    """Reported at most ten times a second while computing; figures of the latest step."""

    unit_id: int
    num_images_done: int
    num_images: int
    loss_g: float
    loss_d: float
    d_real: float
    d_fake: float


@dataclass(frozen=True)
class UnitComputed:
    """All batches of a unit are done; it is about to be handed in."""

    unit: WorkUnit
    result: UnitResult


@dataclass(frozen=True)
class UnitTimes:
    """How long the steps of a unit took that are not its computation, in seconds.

    Attributes:
        claim: From the question for work to its answer.
        load: Pictures that were missing, and the newest weights.
        upload: The update, with the class's answer.
    """

    claim: float = 0.0
    load: float = 0.0
    upload: float = 0.0


@dataclass(frozen=True)
class UnitDelivered:
    """The database has the update.

    Attributes:
        seconds: From the first batch to the answer.
        total_units, total_images: Since the start.
        total_bytes: What the worker's connection has carried since the start, both ways.
    """

    unit: WorkUnit
    result: UnitResult
    seconds: float
    num_bytes_up: int
    total_units: int
    total_images: int
    times: UnitTimes = UnitTimes()
    total_bytes: int = 0


@dataclass(frozen=True)
class UnitDropped:
    """A unit ended without an update that counts; `reason` is a plain sentence."""

    unit_id: int
    reason: str


@dataclass(frozen=True)
class Notice:
    """A sentence for the person at the screen (a fall-back, a message from the instructor)."""

    text: str


@dataclass(frozen=True)
class RunTaken:
    """The coordinator runs the training from this iteration on: at the start, and after a lost connection."""

    iteration: int


@dataclass(frozen=True)
class IterationPublished:
    """The coordinator has published new weights; None: not measured for this iteration."""

    iteration: int
    num_updates: int
    num_images: int
    loss_g: float | None
    loss_d: float | None
    d_real: float | None
    d_fake: float | None
    distance: float | None
    seconds: float


@dataclass(frozen=True)
class SampleDrawn:
    """A grid of the newest faces; `png` holds the picture's bytes."""

    iteration: int
    png: bytes = field(repr=False)


@dataclass(frozen=True)
class UpdateRefused:
    """An update that did not count, for the instructor: who, which and the evidence."""

    update_id: int
    worker_id: str
    reason: str


Report = (
    StateChanged
    | Joined
    | ReadyCheck
    | UnitStarted
    | UnitProgress
    | UnitComputed
    | UnitDelivered
    | UnitDropped
    | Notice
    | RunTaken
    | IterationPublished
    | SampleDrawn
    | UpdateRefused
)


class Reporter(Protocol):
    """Where the loops tell what happens: a console, a window, a test. Called from any thread."""

    def report(self, report: Report) -> None:
        """Take one report; must return at once and never raise."""
        ...
