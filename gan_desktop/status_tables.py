"""The class as tables on the console: trainings, computers, data sets."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gan_desktop.class_admin.status import ClassStatus
from gan_desktop.database.statistics import RunSummary, WorkerSummary
from gan_desktop.records import RunStatus, WorkerState
from gan_desktop.sentences import about_time, sentence

# A worker says that it lives every few seconds.
SILENT_S = 60.0
_WORKING = {WorkerState.CLAIMING, WorkerState.LOADING, WorkerState.COMPUTING, WorkerState.UPLOADING}


def print_status(status: ClassStatus, console: Console | None = None) -> None:
    """Print the whole class."""
    console = console or Console(highlight=False)
    console.print(_plain(status.title), style="bold")
    if not status.runs:
        console.print("No training yet. Make one: gan-desktop class new-run NAME")
    else:
        console.print(_runs(status))
    if not status.workers:
        console.print("No computer has joined yet.")
    else:
        console.print(_workers(status.workers))
    for dataset in status.datasets:
        size = f"{dataset.image_size} x {dataset.image_size} pixels"
        words = f"Data set {dataset.dataset_id}: {dataset.name}, {dataset.num_images:,} pictures of {size}"
        console.print(_plain(words))


def _runs(status: ClassStatus) -> Table:
    table = Table("Training", "Status", "Iteration", "Images", "Images/s", "Distance", title_justify="left")
    # A class trains one network at a time, and it is the one that all who work now work on.
    pace = sum(w.images_per_second for w in status.workers if _is_heard_of(w) and w.state in _WORKING)
    for run in status.runs:
        is_current = run.status is RunStatus.RUNNING
        table.add_row(
            _plain(f"{run.run_id} {run.name}"),
            _run_sentence(run),
            f"{max(0, run.iteration)} of {run.target_iterations}",
            f"{run.total_images:,}",
            f"{pace:.0f}" if is_current else "",
            "" if run.distance is None else f"{run.distance:.0f}",
        )
    if status.queue is not None:
        queue = status.queue
        table.caption = f"{queue.num_units_out} units given out, {queue.num_updates_waiting} updates waiting"
    return table


def _run_sentence(run: RunSummary) -> str:
    if run.status is not RunStatus.RUNNING:
        return {RunStatus.CREATED: "not started"}.get(run.status, run.status.value)
    silent = run.coordinator_silent_s
    if silent is None:
        return "waits for its coordinator"
    return f"coordinator away for {about_time(silent)}" if silent > SILENT_S else "running"


def _workers(workers: list[WorkerSummary]) -> Table:
    table = Table("Name", "Computer", "What it does", "Units", "Images", "Images/s")
    for worker in workers:
        table.add_row(
            _plain(worker.name if worker.name == worker.owner else f"{worker.name} ({worker.owner})"),
            _plain(worker.hostname or ""),
            _plain(worker_sentence(worker)),
            f"{worker.num_units:,}",
            f"{worker.num_images:,}",
            f"{worker.images_per_second:.0f}",
        )
    return table


def worker_sentence(worker: WorkerSummary) -> str:
    """The very sentence that the student sees, unless nothing was heard of the computer for a while."""
    if worker.state != WorkerState.STOPPED and not _is_heard_of(worker):
        return f"No sign of life for {about_time(worker.silent_s)}."
    try:
        words = sentence(WorkerState(worker.state), worker.state_detail)
    # The details come from the student's computer and may be anything.
    except (ArithmeticError, KeyError, TypeError, ValueError, AttributeError):
        words = worker.state
    return f"{words} On hold: {worker.on_hold_reason}" if worker.on_hold_reason else words


def _is_heard_of(worker: WorkerSummary) -> bool:
    return worker.silent_s < SILENT_S


def _plain(words: str) -> Text:
    """Words from others: no markup, and nothing that a terminal would obey."""
    return Text("".join(character if character.isprintable() else "\ufffd" for character in words))
