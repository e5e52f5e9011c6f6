"""The whole class at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from gan_desktop.class_admin.login import log_in
from gan_desktop.database.connection import Address
from gan_desktop.database.shards import Dataset
from gan_desktop.database.statistics import Queue, RunSummary, Statistics, WorkerSummary


@dataclass(frozen=True)
class ClassStatus:
    """The class at one moment. `queue` is that of the newest training; None where there is none."""

    title: str
    datasets: list[Dataset]
    runs: list[RunSummary]
    queue: Queue | None
    workers: list[WorkerSummary]


def class_status(coordinator: Address) -> ClassStatus:
    """Look at the whole class."""
    with log_in(coordinator) as connection:
        statistics = Statistics(connection)
        runs = statistics.runs()
        return ClassStatus(
            title=statistics.title(),
            datasets=statistics.datasets(),
            runs=runs,
            queue=statistics.queue(runs[0].run_id) if runs else None,
            workers=statistics.workers(),
        )
