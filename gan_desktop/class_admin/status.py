"""The whole class at one moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from gan_desktop.class_admin.login import log_in
from gan_desktop.database.accounts import Student
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import COORDINATOR_AWAY_S
from gan_desktop.database.enrolment import EnrolCards
from gan_desktop.database.lessons import Lessons, UnitFlow
from gan_desktop.database.shards import Dataset
from gan_desktop.database.statistics import Queue, RunSummary, Server, Statistics, WorkerSummary
from gan_desktop.records import AT_WORK, RunStatus, WorkerState
from gan_desktop.sentences import sentence

# A worker says that it lives every few seconds.
SILENT_S = 60.0
# Whoever was silent for longer has gone home.
GONE_S = 1_800.0

_WORKING = AT_WORK - {WorkerState.WAITING_NONE_FREE}


class Standing(IntEnum):
    """How a computer of the class stands; who needs help comes first."""

    NEEDS_HELP = 0
    WORKING = 1
    WAITING = 2
    GONE = 3


@dataclass(frozen=True)
class ClassStatus:
    """The class at one moment.

    Attributes:
        queue, flow: Of the training that an instructor steers (`current_run`); None where there is none.
        num_invited: For so many people or computers the codes and room cards are that somebody can still use.
    """

    title: str
    datasets: list[Dataset]
    runs: list[RunSummary]
    queue: Queue | None
    workers: list[WorkerSummary]
    server: Server
    flow: UnitFlow | None = None
    num_invited: int = 0


def class_status(coordinator: Address) -> ClassStatus:
    """Look at the whole class once."""
    with log_in(coordinator) as connection:
        return read_status(connection)


def read_status(connection: Connection) -> ClassStatus:
    """Look at the whole class, over a connection of `log_in`."""
    statistics = Statistics(connection)
    runs = statistics.runs()
    current = current_run(runs)
    return ClassStatus(
        title=statistics.title(),
        datasets=statistics.datasets(),
        runs=runs,
        queue=statistics.queue(current.run_id) if current else None,
        workers=sorted(statistics.workers(), key=standing),
        server=statistics.server(),
        flow=Lessons(connection).flow(current.run_id) if current else None,
        num_invited=sum(card.max_uses for card in EnrolCards(connection).in_use() if card.is_open),
    )


def num_expected(status: ClassStatus, students: Iterable[Student]) -> int:
    """How many computers will take part, by what the class knows of its people; 0: it knows of nobody yet."""
    num_admitted = sum(not student.is_withdrawn for student in students)
    num_seen = sum(worker.images_per_second > 0 for worker in status.workers)
    return max(num_admitted, num_seen, status.num_invited)


def current_run(runs: Iterable[RunSummary]) -> RunSummary | None:
    """The training that an instructor steers: the one in progress, else the newest.

    Args:
        runs: The newest first.
    """
    runs = list(runs)
    in_progress = (run for run in runs if run.status in (RunStatus.RUNNING, RunStatus.PAUSED))
    return next(in_progress, runs[0] if runs else None)


def standing(worker: WorkerSummary) -> Standing:
    """Whether somebody needs the instructor: on hold, suddenly silent, or with units that come to nothing."""
    if worker.is_withdrawn:
        return Standing.GONE
    if worker.on_hold_reason:
        return Standing.NEEDS_HELP
    if worker.state == WorkerState.STOPPED or worker.silent_s > GONE_S:
        return Standing.GONE
    if worker.silent_s > SILENT_S or worker.last_error or worker.state == WorkerState.RETRYING:
        return Standing.NEEDS_HELP
    return Standing.WORKING if worker.state in _WORKING else Standing.WAITING


def seen_sentence(worker: WorkerSummary) -> str:
    """The very sentence that the student saw at the computer's last sign of life."""
    try:
        return sentence(WorkerState(worker.state), worker.state_detail)
    # The details come from the student's computer and may be anything.
    except (ArithmeticError, KeyError, TypeError, ValueError, AttributeError):
        return worker.state


def images_per_second(workers: Iterable[WorkerSummary]) -> float:
    """What the class learns from in a second, by the measured speed of those at work.

    A class trains one network at a time, and it is the one that all who work now work on.
    """
    return sum(
        w.images_per_second
        for w in workers
        if w.silent_s < SILENT_S and w.state in _WORKING and not w.is_withdrawn
    )


def lacks_coordinator(run: RunSummary) -> bool:
    """Whether a training is said to run while nobody merges: its workers wait."""
    silent = run.coordinator_silent_s
    return run.status is RunStatus.RUNNING and (silent is None or silent > COORDINATOR_AWAY_S)
