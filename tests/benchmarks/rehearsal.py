"""What a class's database and coordinator take: 200 virtual students, in steps, with one real coordinator.

    python -m tests.benchmarks.rehearsal [--quick]

The very rehearsal that an instructor starts (`class rehearse`), on the server's own computer: virtual
students, coordinator and PostgreSQL share its processors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gan_desktop.class_admin.login import COORDINATOR_CONNECTIONS
from gan_desktop.database.accounts import CONNECTIONS_PER_WORKER
from gan_desktop.records import RunConfig
from gan_desktop.rehearsal.habits import Habits
from gan_desktop.rehearsal.plan import RehearsalPlan, Step
from gan_desktop.rehearsal.rehearse import Moment, rehearse
from tests.benchmarks.report import is_quick, print_report, tell
from tests.benchmarks.stage import class_on_stage

HEADERS = (
    "students",
    "units",
    "claim p50",
    "claim p99",
    "hand-in p50",
    "hand-in p99",
    "weights p50",
    "Mbit/s",
    "connections",
    "iterations",
    "updates waiting",
    "processors busy",
    "how it went",
)


@dataclass(frozen=True)
class Setting:
    """`minutes` are for all steps together."""

    config: RunConfig
    habits: Habits
    num_students: int
    minutes: float


# Units of a third of the usual length: three times as much to give out, hand in and merge.
FULL = Setting(RunConfig(unit_seconds=20.0), Habits(100.0), num_students=200, minutes=5.0)
QUICK = Setting(
    RunConfig(
        feature_maps=8, unit_seconds=1.0, first_unit_images=64, min_unit_images=64, max_unit_images=256
    ),
    Habits(100.0, heartbeat_interval_s=0.5, poll_interval_s=0.3, start_s=0.5),
    num_students=6,
    minutes=0.15,
)


def main(arguments: Sequence[str] | None = None) -> None:
    setting = QUICK if is_quick(__doc__ or "", arguments) else FULL
    room = CONNECTIONS_PER_WORKER * setting.num_students + COORDINATOR_CONNECTIONS + 20
    with class_on_stage(setting.config, num_faces=300, max_connections=room) as held:
        plan = RehearsalPlan(
            setting.num_students, setting.minutes, config=setting.config, habits=setting.habits
        )
        result = rehearse(held.coordinator, plan, on_moment=_tell_moment, tell=tell)
    config = setting.config
    print_report(
        HEADERS,
        [_row(step) for step in result.steps],
        "Milliseconds for claims, seconds for hand-ins and weights. Computers of"
        f" {setting.habits.images_per_second:g} images/s, the quickest twice as quick as the slowest; units"
        f" of {config.unit_seconds:g} s; {config.image_size}x{config.image_size} pixels,"
        f" {config.feature_maps} feature maps; {60 * setting.minutes / len(plan.steps()):.0f} s a step.",
        " ".join(result.sentences()),
    )


def _row(step: Step) -> Sequence[object]:
    report = step.report
    return (
        step.num_students,
        report.num_units,
        f"{report.claim_ms[0]:.0f}",
        f"**{report.claim_ms[1]:.0f}**",
        f"{report.submit_s[0]:.2f}",
        f"**{report.submit_s[1]:.2f}**",
        f"{report.weights_s[0]:.2f}",
        f"{report.mbit_s:.1f}",
        step.num_connections,
        step.num_iterations,
        step.num_waiting,
        f"{step.busy_percent:.0f}%",
        ", ".join(limit.kind for limit in step.limits) or "well",
    )


def _tell_moment(moment: Moment) -> None:
    if round(moment.report.seconds) % 20 == 0:
        report = moment.report
        tell(
            f"{moment.num_students} students, {report.num_units} units,"
            f" claim p99 {report.claim_ms[1]:.0f} ms, hand-in p99 {report.submit_s[1]:.2f} s,"
            f" {moment.look.num_waiting} waiting, {moment.seconds_left:.0f} s left"
        )


if __name__ == "__main__":
    main()
