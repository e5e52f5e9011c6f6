"""What a rehearsal is asked for, and what it found, in words with figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gan_desktop.errors import SettingsError
from gan_desktop.records import RunConfig
from gan_desktop.rehearsal.habits import Habits
from gan_desktop.rehearsal.tally import RehearsalReport

MOST_STUDENTS, LONGEST_MINUTES = 500, 240.0
FIRST_STEP = 5
# A unit is asked for while the one before is computed: a second is nothing that anybody notices.
CLAIM_LIMIT_MS = 1_000.0
# Handing in goes on beside computing, until it takes as long.
HAND_IN_SHARE = 0.5
# Updates that wait for each student: with more of them, most come too late for their iteration.
WAITING_EACH = 1.5
SPARE_DISK_BYTES = 1e9
BUSY_PERCENT = 90.0

Drill = Literal["leave", "garbage", "away"]
Kind = Literal["connections", "claims", "hand_in", "coordinator", "network", "disk", "students"]


@dataclass(frozen=True)
class RehearsalPlan:
    """What is to be tried.

    Attributes:
        num_students: At most, if nothing sets a limit before.
        minutes: For all steps together.
        network_mbit_s: What the room's network carries; None: not known, and no limit.
        hosted_in: The folder of the class's database where that lives on this computer.
        config: The training to rehearse; None: as the class's newest one.
        habits: How a student's computer is; None: as the class's computers were, else a usual laptop.
    """

    num_students: int = 30
    minutes: float = 5.0
    network_mbit_s: float | None = None
    hosted_in: Path | None = None
    config: RunConfig | None = None
    habits: Habits | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.num_students <= MOST_STUDENTS:
            raise SettingsError(f"A rehearsal has 1 to {MOST_STUDENTS} virtual students.")
        if not 0 < self.minutes <= LONGEST_MINUTES:
            raise SettingsError(f"A rehearsal lasts at most {LONGEST_MINUTES:.0f} minutes.")

    def steps(self) -> tuple[int, ...]:
        """How many students are tried one after the other: twice as many each time, in the end all."""
        sizes = [FIRST_STEP]
        while 2 * sizes[-1] < self.num_students:
            sizes.append(2 * sizes[-1])
        return (*(size for size in sizes if size < self.num_students), self.num_students)


@dataclass(frozen=True)
class Limit:
    """Something that more students would come up against; `words` is a sentence with the figures."""

    kind: Kind
    words: str


@dataclass(frozen=True)
class Step:
    """What so many students at once were like.

    Attributes:
        report: What the students measured.
        num_connections: That they held.
        num_iterations: Published meanwhile.
        num_waiting: Updates that waited to be merged at the end.
        num_bytes: The class's database at the end.
        busy_percent: This computer's processors.
        limits: What was too much; none: they fit.
    """

    num_students: int
    report: RehearsalReport
    num_connections: int
    num_iterations: int
    num_waiting: int
    num_bytes: int
    busy_percent: float
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True)
class RehearsalResult:
    """How many students fit.

    Attributes:
        steps: As they were tried, the last one perhaps too much.
        limited_by: What sets the limit; empty: all that were asked for fit.
        was_cancelled: Somebody ended it before.
    """

    plan: RehearsalPlan
    steps: tuple[Step, ...]
    limited_by: tuple[Limit, ...] = ()
    was_cancelled: bool = False

    @property
    def num_fitting(self) -> int:
        """Of the steps that were tried, the most students with whom all went well."""
        return max((step.num_students for step in self.steps if not step.limits), default=0)

    @property
    def is_lower_bound(self) -> bool:
        """Whether this computer was busy with playing the students, so that real ones may be more."""
        return bool(self.steps) and self.steps[-1].busy_percent >= BUSY_PERCENT

    def sentences(self) -> tuple[str, ...]:
        """The result in words, the answer first."""
        num = self.num_fitting
        if self.limited_by:
            lines = [f"{num:,} students fit." if num else "Not even the first few students fit."]
            lines += [limit.words for limit in self.limited_by]
        elif self.was_cancelled:
            lines = [f"Cancelled. Until then {num:,} students were no trouble." if num else "Cancelled."]
        else:
            lines = [f"All {num:,} students fit."]
        if num:
            lines.append(_figures(next(s for s in reversed(self.steps) if not s.limits)))
        if self.limited_by and self.is_lower_bound:
            lines.append(
                f"This computer was busy at {self.steps[-1].busy_percent:.0f}% with playing the students"
                " beside its own work: in a lesson more may fit."
            )
        return tuple(lines)


@dataclass(frozen=True)
class DrillResult:
    """How a failure that was played on virtual students ended.

    Attributes:
        passed: The class took it as it should.
        sentences: What happened, with figures; the verdict first.
        seconds: Until all was as before.
    """

    drill: Drill
    passed: bool
    sentences: tuple[str, ...]
    seconds: float


def _figures(step: Step) -> str:
    report = step.report
    hand_in_s = max(0.1, report.submit_s[0])
    return (
        f"With {step.num_students:,} of them: a unit after {report.claim_ms[0]:,.0f} ms, handed in within"
        f" {hand_in_s:.1f} s, {report.mbit_s:.1f} Mbit/s, {step.num_connections:,} connections."
    )


def find_limits(step: Step, plan: RehearsalPlan, unit_seconds: float, free_bytes: int | None) -> list[Limit]:
    """What was too much in one step.

    Args:
        unit_seconds: How long a unit is meant to take.
        free_bytes: On the disk of the database; None: not known.
    """
    report, num = step.report, step.num_students
    hand_in_limit_s = HAND_IN_SHARE * unit_seconds
    mbit_s, network = report.mbit_s, plan.network_mbit_s or float("inf")
    found: list[tuple[bool, Kind, str]] = [
        (
            report.num_failed > 0 or report.num_lost_connections > num / 2,
            "students",
            f"With {num:,} students, {report.num_failed:,} could not go on, and connections were lost"
            f" {report.num_lost_connections:,} times.",
        ),
        (
            report.claim_ms[1] > CLAIM_LIMIT_MS,
            "claims",
            f"With {num:,} students, asking for a unit took up to {report.claim_ms[1]:,.0f} ms, more than"
            f" {CLAIM_LIMIT_MS:,.0f} ms.",
        ),
        (
            report.submit_s[1] > hand_in_limit_s,
            "hand_in",
            f"With {num:,} students, handing in took up to {report.submit_s[1]:.1f} s, more than half of a"
            f" unit's {unit_seconds:.0f} s.",
        ),
        (
            step.num_waiting > WAITING_EACH * num + 4,
            "coordinator",
            f"With {num:,} students, {step.num_waiting:,} units waited to be merged: the computer that runs"
            " the training does not keep up.",
        ),
        (
            mbit_s > network,
            "network",
            f"With {num:,} students, {mbit_s:.1f} Mbit/s went over the network, more than the"
            f" {network:.1f} Mbit/s that it carries.",
        ),
        (
            free_bytes is not None and free_bytes < SPARE_DISK_BYTES,
            "disk",
            f"With {num:,} students, the database grew to {step.num_bytes / 1e6:,.0f} MB, and its disk has"
            f" {(free_bytes or 0) / 1e6:,.0f} MB left.",
        ),
    ]
    return [Limit(kind, words) for is_over, kind, words in found if is_over]
