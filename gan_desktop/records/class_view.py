"""The class, as everybody in it may see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gan_desktop.records.work import Run


@dataclass(frozen=True)
class ClassTotals:
    """The class in numbers. `num_computers` and `images_per_second` are of those that take part now.

    `ended_at` is when the course ended or the class moved to another server (`has_moved`), as `time.time()`
    of the server; None while it goes on.
    """

    title: str
    num_computers: int
    num_people: int
    images_per_second: float
    num_images: int
    num_units: int
    ended_at: float | None = None
    has_moved: bool = False


@dataclass(frozen=True)
class TrainingNow:
    """The training that goes on, or the last one.

    Attributes:
        published_at: When the newest iteration came out, as `time.time()` on this computer's clock.
        coordinator_silent_s: Seconds since the coordinator's last sign of life; None: it never ran.
    """

    run: Run
    num_images: int
    published_at: float | None
    coordinator_silent_s: float | None


@dataclass(frozen=True)
class Progress:
    """One published iteration; figures that were not measured are None.

    `num_joined` computers came to the class for the first time since the iteration before.
    """

    iteration: int
    total_images: int
    loss_g: float | None
    loss_d: float | None
    d_real: float | None
    d_fake: float | None
    distance: float | None
    num_joined: int = 0


@dataclass(frozen=True)
class Credit:
    """What one account has contributed to all trainings; times in seconds of computing.

    Attributes:
        num_waiting: Units handed in that the class has not decided about.
        num_late: Units that came too late to have an influence; they are credited all the same.
        num_not_counted: Units that were refused.
    """

    images_today: int
    units_today: int
    seconds_today: float
    images: int
    units: int
    seconds: float
    num_waiting: int
    num_late: int
    num_not_counted: int


@dataclass(frozen=True)
class HandedInUnit:
    """One of this account's units and what became of it; `status` and `reason` as in `UpdateDecision`.

    A unit that the class has not decided about has the status `handed_in`.
    """

    unit_id: int
    iteration: int
    num_images: int
    status: Literal["handed_in", "counted", "late", "not_counted"]
    reason: str | None
    compute_seconds: float
    handed_in_at: float


@dataclass(frozen=True)
class LeaderboardRow:
    """One person of the class. The name is the person's own words: never trust it."""

    name: str
    num_units: int
    num_images: int
    seconds: float
    is_working: bool
    is_me: bool


@dataclass(frozen=True)
class ClassEvent:
    """Something that happened and that everybody may know."""

    event_id: int
    kind: str
    message: str
    happened_at: float


@dataclass(frozen=True)
class ClassMessage:
    """Words of the instructor, to everybody or to one person alone."""

    message_id: int
    text: str
    sent_at: float
    is_for_me_alone: bool
