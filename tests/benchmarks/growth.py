"""How a class's database grows in an hour of 30 students, and what it writes to its log.

    python -m tests.benchmarks.growth [--quick]

The hour runs six times as fast: units, signs of life and everything that PostgreSQL does by the clock
(autovacuum, checkpoints) come after a sixth of their time, so that each is done as often as in an hour,
on the same bytes. The students are virtual: they speak the real protocol and hand in noise of real size.
The coordinator is real.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from gan_desktop.database.address import Address
from gan_desktop.records import RunConfig
from gan_desktop.rehearsal.habits import Habits
from gan_desktop.rehearsal.virtual_class import VirtualClass
from tests.benchmarks.report import PAPER_FEATURE_MAPS, is_quick, print_report, tell
from tests.benchmarks.stage import class_on_stage
from tests.integration.lesson import Lesson

# PostgreSQL's own values of what it does by the clock.
AUTOVACUUM_S, CHECKPOINT_S, VACUUM_COST_LIMIT = 60, 300, 200
HEADERS = (
    "class time",
    "updates",
    "iterations",
    "database",
    "updates waiting",
    "weights",
    "coordinator's state",
    "samples",
    "all other tables",
    "write-ahead log so far",
)
SIZES = """
SELECT pg_database_size(current_database()) AS database, pg_current_wal_insert_lsn() - '0/0' AS wal,
       pg_total_relation_size('gan.update_payloads') AS updates,
       pg_total_relation_size('gan.model_weights') AS weights,
       pg_total_relation_size('gan.optimizer_state') AS state,
       pg_total_relation_size('gan.samples') AS samples,
       (SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class AS c
        WHERE c.relnamespace = 'gan'::regnamespace AND c.relkind = 'r' AND c.relname NOT IN
        ('update_payloads', 'model_weights', 'optimizer_state', 'samples', 'shard_payloads'))::bigint AS rest,
       (SELECT count(*) FROM gan.updates) AS num_updates,
       (SELECT max(current_iteration) FROM gan.training_runs) AS iteration
"""

IS_RUNNING = "SELECT 1 FROM gan.training_runs WHERE status = 'running'"


@dataclass(frozen=True)
class Setting:
    """`class_minutes` of the class's time are simulated; the class trains `images_per_second` a student."""

    config: RunConfig
    num_students: int
    images_per_second: float
    unit_seconds: float
    class_minutes: float
    speed_up: float


FULL = Setting(RunConfig(image_size=64, feature_maps=PAPER_FEATURE_MAPS), 30, 25.0, 60.0, 60.0, 6.0)
QUICK = Setting(RunConfig(feature_maps=8), 3, 100.0, 2.0, 0.2, 4.0)


def main(arguments: Sequence[str] | None = None) -> None:
    setting = QUICK if is_quick(__doc__ or "", arguments) else FULL
    with class_on_stage(
        _config(setting),
        num_faces=300,
        max_connections=3 * setting.num_students + 20,
        settings=_clock_settings(setting.speed_up),
    ) as held:
        students = [held.add_student(f"Student {number}") for number in range(setting.num_students)]
        held.start_coordinator()
        held.wait_until(lambda: held.query(IS_RUNNING), "the training to begin")
        rows = _watch(held, setting, students)
    print_report(
        HEADERS,
        rows,
        f"MB (1,000,000 bytes). {setting.num_students} virtual students of {setting.images_per_second:g}"
        f" images/s, the quickest twice as quick as the slowest; units of {setting.unit_seconds:g} s;"
        f" {setting.config.image_size}x{setting.config.image_size} pixels, {setting.config.feature_maps}"
        f" feature maps. {setting.speed_up:g} times as fast as the class's time.",
    )


def _config(setting: Setting) -> RunConfig:
    """The run in its quicker time."""
    size = int(setting.images_per_second * setting.unit_seconds / 4)
    changed = {
        "unit_seconds": setting.unit_seconds / setting.speed_up,
        "first_unit_images": 4 * size,
        "min_unit_images": size,
        # Nothing is computed: no figure is true, and the distance to real pictures says nothing.
        "audit_share": 0.0,
        "evaluate_every": 10**6,
        "target_iterations": 10**6,
    }
    return RunConfig.from_json(setting.config.to_json() | changed)


def _clock_settings(speed_up: float) -> dict[str, str]:
    return {
        "autovacuum_naptime": f"{AUTOVACUUM_S / speed_up:.0f}s",
        "autovacuum_vacuum_cost_limit": f"{min(10_000, VACUUM_COST_LIMIT * speed_up):.0f}",
        "checkpoint_timeout": f"{max(30.0, CHECKPOINT_S / speed_up):.0f}s",
    }


def _watch(held: Lesson, setting: Setting, students: Sequence[Address]) -> list[Sequence[object]]:
    """Let the class work, and look at the database ten times on the way."""
    virtual = VirtualClass(
        students,
        Habits(
            setting.images_per_second * setting.speed_up,
            heartbeat_interval_s=5.0 / setting.speed_up,
            poll_interval_s=5.0 / setting.speed_up,
        ),
        spread=2.0,
    )
    before = held.query(SIZES)[0]
    rows = []
    seconds = setting.class_minutes * 60 / setting.speed_up
    virtual.start()
    started = time.monotonic()
    try:
        for tenth in range(1, 11):
            time.sleep(max(0.0, started + seconds * tenth / 10 - time.monotonic()))
            rows.append(_row(setting.class_minutes * tenth / 10, held, before.wal))
            tell(" | ".join(str(cell) for cell in rows[-1]))
    finally:
        tell(str(virtual.stop()))
    return rows


def _row(minutes: float, held: Lesson, wal_before: int) -> Sequence[object]:
    [size] = held.query(SIZES)
    return (
        f"{minutes:.0f} min",
        size.num_updates,
        size.iteration,
        f"**{_mb(size.database)}**",
        _mb(size.updates),
        _mb(size.weights),
        _mb(size.state),
        _mb(size.samples),
        _mb(size.rest),
        _mb(int(size.wal - wal_before)),
    )


def _mb(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.0f}"


if __name__ == "__main__":
    main()
