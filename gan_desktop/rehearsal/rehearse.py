"""How many students fit, and what limits it: tried out in the class's own database."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import psutil

from gan_desktop.class_admin.login import num_students_that_fit, room_on_server
from gan_desktop.database.accounts import CONNECTIONS_PER_WORKER
from gan_desktop.database.address import Address
from gan_desktop.database.rehearsals import Look
from gan_desktop.database.statistics import Room
from gan_desktop.rehearsal.plan import Limit, RehearsalPlan, RehearsalResult, Step, find_limits
from gan_desktop.rehearsal.stage import RehearsalCancelled, Stage, Tell
from gan_desktop.rehearsal.tally import RehearsalReport

LOOK_S = 1.0
# While they all come at once is no time to measure; at most this part of a step is left out.
COMING_SHARE = 0.3


@dataclass(frozen=True)
class Moment:
    """A rehearsal on its way: what this step has shown until now, and the steps before.

    Attributes:
        seconds_left: Of the whole rehearsal, if nothing sets a limit.
        mbit_s: Over the last second.
    """

    num_students: int
    seconds_left: float
    report: RehearsalReport
    look: Look
    mbit_s: float
    steps: tuple[Step, ...]


def rehearse(
    coordinator: Address,
    plan: RehearsalPlan,
    *,
    on_moment: Callable[[Moment], None] = lambda moment: None,
    tell: Tell = lambda sentence: None,
    cancel: threading.Event | None = None,
) -> RehearsalResult:
    """Add virtual students in steps until all are there or something is too much; nothing is left of them.

    Args:
        on_moment: Told every second how it goes.
        tell: Told in a sentence what is going on.
        cancel: Ends it early, with what was found until then.

    Raises:
        GanDesktopError: A training or another rehearsal goes on, or the class has no pictures.
    """
    cancel = cancel or threading.Event()
    steps: list[Step] = []
    try:
        room = room_on_server(coordinator)
        with Stage(coordinator, plan, cancel, tell) as stage:
            return _in_steps(stage, plan, room, steps, on_moment)
    except RehearsalCancelled:
        if not cancel.is_set():
            raise
        return RehearsalResult(plan, tuple(steps), was_cancelled=True)


def _in_steps(
    stage: Stage,
    plan: RehearsalPlan,
    room: Room,
    steps: list[Step],
    on_moment: Callable[[Moment], None],
) -> RehearsalResult:
    num_fitting = num_students_that_fit(room)
    sizes = sorted({min(size, num_fitting) for size in plan.steps()} - {0})
    step_s = plan.minutes * 60 / max(1, len(sizes))
    for position, size in enumerate(sizes):
        seconds_after = step_s * (len(sizes) - position - 1)

        def tell_moment(
            report: RehearsalReport, look: Look, left: float, mbit_s: float, after: float = seconds_after
        ) -> None:
            num = len(stage.virtual.students)
            on_moment(Moment(num, left + after, report, look, mbit_s, tuple(steps)))

        step = _try(stage, size, step_s, tell_moment)
        free = shutil.disk_usage(plan.hosted_in).free if plan.hosted_in else None
        limits = find_limits(step, plan, stage.config.unit_seconds, free)
        steps.append(replace(step, limits=tuple(limits)))
        if limits:
            return RehearsalResult(plan, tuple(steps), tuple(limits))
    limits = [_no_more_room(room, num_fitting)] if num_fitting < plan.num_students else []
    return RehearsalResult(plan, tuple(steps), tuple(limits))


def _try(
    stage: Stage,
    num_students: int,
    seconds: float,
    tell_moment: Callable[[RehearsalReport, Look, float, float], None],
) -> Step:
    """Let so many students work for a while."""
    deadline = time.monotonic() + seconds
    stage.bring(num_students)
    wanted = 2 * num_students
    stage.wait_until(lambda: stage.look().num_connections >= wanted, COMING_SHARE * seconds)
    stage.virtual.measure_anew()
    before = look = stage.look()
    psutil.cpu_percent()
    num_connections, num_bytes, looked_at = look.num_connections, 0, time.monotonic()
    # The last look is at the deadline.
    while (left := deadline - time.monotonic()) > 0:
        stage.rest(min(LOOK_S, left))
        look, report = stage.look(), stage.virtual.report()
        num_connections = max(num_connections, look.num_connections)
        grown = report.bytes_up + report.bytes_down - num_bytes
        now = time.monotonic()
        tell_moment(report, look, max(0.0, deadline - now), 8 * grown / 1e6 / max(1e-3, now - looked_at))
        num_bytes, looked_at = num_bytes + grown, now
    return Step(
        num_students=num_students,
        report=stage.virtual.report(),
        num_connections=num_connections,
        num_iterations=look.iteration - before.iteration,
        num_waiting=look.num_waiting,
        num_bytes=look.num_bytes,
        busy_percent=psutil.cpu_percent(),
    )


def _no_more_room(room: Room, num_fitting: int) -> Limit:
    taken = room.reserved + room.used_by_others
    return Limit(
        "connections",
        f"The server allows {room.allowed:,} connections, of which {taken:,} are kept or used for something"
        f" else, and a student needs {CONNECTIONS_PER_WORKER}: there is room for {num_fitting:,}.",
    )
