"""The class as tables on the console, or as JSON: trainings, computers, data sets."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from gan_desktop.class_admin.status import (
    SILENT_S,
    ClassStatus,
    Standing,
    images_per_second,
    lacks_coordinator,
    seen_sentence,
    standing,
)
from gan_desktop.database.statistics import RunSummary, WorkerSummary
from gan_desktop.records import RunStatus, WorkerState
from gan_desktop.sentences import START_HINT, about_time

# Also for eyes and screens that see no colour.
_MARKS = {Standing.NEEDS_HELP: "!", Standing.WORKING: ">", Standing.WAITING: "", Standing.GONE: ""}


def print_status(status: ClassStatus, console: Console | None = None) -> None:
    """Print the whole class once."""
    (console or Console(highlight=False)).print(status_view(status))


def status_view(status: ClassStatus, footer: str | None = None) -> RenderableType:
    """The whole class, to be printed or shown live.

    Args:
        footer: A last line, in place of the data sets and the size.
    """
    parts: list[RenderableType] = [_headline(status)]
    parts.append(
        _runs(status) if status.runs else "No training yet. Make one: gan-desktop class new-run NAME"
    )
    parts += [_plain(words, "bold") for words in _troubles(status)]
    parts.append(_workers(status.workers) if status.workers else "No computer has joined yet.")
    parts += [_plain(words, "dim") for words in ([footer] if footer else _store(status))]
    return Group(*parts)


def status_json(status: ClassStatus) -> str:
    """The whole class for other programs: one JSON object; times in seconds, sizes in bytes.

    A training that has no weights yet has the iteration null.
    """
    content: dict[str, Any] = {
        "title": status.title,
        "at": status.server.at.isoformat(),
        "database_bytes": status.server.num_bytes,
        "images_per_second": images_per_second(status.workers),
        "trainings": [
            {
                **dataclasses.asdict(run),
                "iteration": run.iteration if run.iteration >= 0 else None,
                "lacks_coordinator": lacks_coordinator(run),
            }
            for run in status.runs
        ],
        "queue": dataclasses.asdict(status.queue) if status.queue else None,
        "workers": [
            {
                **dataclasses.asdict(worker),
                "sentence": worker_sentence(worker),
                "standing": standing(worker).name.lower(),
            }
            for worker in status.workers
        ],
        "data_sets": [dataclasses.asdict(dataset) for dataset in status.datasets],
    }
    return json.dumps(content, ensure_ascii=False, indent=2)


def _headline(status: ClassStatus) -> Text:
    counts = {kind: sum(standing(worker) is kind for worker in status.workers) for kind in Standing}
    words = f"{status.title}: {counts[Standing.WORKING]} working, {counts[Standing.WAITING]} waiting"
    if counts[Standing.NEEDS_HELP]:
        words += f", {counts[Standing.NEEDS_HELP]} need{'s' * (counts[Standing.NEEDS_HELP] == 1)} help"
    return _plain(f"{words} ({status.server.at:%H:%M:%S} on the server)", "bold")


def _runs(status: ClassStatus) -> Table:
    table = Table("Training", "Status", "Iteration", "Images", "Images/s", "Distance", title_justify="left")
    pace = images_per_second(status.workers)
    for run in status.runs:
        table.add_row(
            _plain(f"{run.run_id} {run.name}"),
            _run_sentence(run),
            f"{max(0, run.iteration)} of {run.target_iterations}",
            f"{run.total_images:,}",
            f"{pace:.0f}" if run.status is RunStatus.RUNNING else "",
            "" if run.distance is None else f"{run.distance:.0f}",
        )
    if status.queue is not None:
        queue = status.queue
        table.caption = (
            f"{queue.num_units_out} units given out, {queue.num_units_returned} to be given out again,"
            f" {queue.num_updates_waiting} updates waiting"
        )
    return table


def _run_sentence(run: RunSummary) -> str:
    if run.status is not RunStatus.RUNNING:
        return {RunStatus.CREATED: "not started"}.get(run.status, run.status.value)
    if not lacks_coordinator(run):
        return "running"
    silent = run.coordinator_silent_s
    return "waits for its coordinator" if silent is None else f"coordinator away for {about_time(silent)}"


def _troubles(status: ClassStatus) -> list[str]:
    """What keeps the whole class from learning."""
    return [
        f"Nobody merges what training {run.run_id} has learned: its workers wait. Start the coordinator:"
        " gan-desktop --admin --no-gui"
        for run in status.runs
        if lacks_coordinator(run)
    ]


def _workers(workers: Iterable[WorkerSummary]) -> Table:
    table = Table("", "Name", "Computer", "What it does", "Units", "Images", "Images/s", "Heard of")
    for worker in workers:
        kind = standing(worker)
        table.add_row(
            _MARKS[kind],
            _plain(worker.name if worker.name == worker.owner else f"{worker.name} ({worker.owner})"),
            _plain(worker.hostname or ""),
            _plain(worker_sentence(worker)),
            f"{worker.num_units:,}",
            f"{worker.num_images:,}",
            f"{worker.images_per_second:.0f}",
            "now" if worker.silent_s < SILENT_S else f"{about_time(worker.silent_s)} ago",
            style={Standing.NEEDS_HELP: "bold", Standing.GONE: "dim"}.get(kind, ""),
        )
    return table


def worker_sentence(worker: WorkerSummary) -> str:
    """The very sentence that the student sees, unless nothing was heard of the computer for a while."""
    if worker.is_withdrawn:
        return "Removed from the class."
    if worker.state != WorkerState.STOPPED and worker.silent_s >= SILENT_S:
        words = f"No sign of life for {about_time(worker.silent_s)}."
    else:
        words = seen_sentence(worker).removesuffix(START_HINT)
    if worker.on_hold_reason:
        return f"{words} On hold: {worker.on_hold_reason}"
    return f"{words} Its last unit came to nothing: {worker.last_error}" if worker.last_error else words


def _store(status: ClassStatus) -> list[str]:
    words = [
        f"Data set {dataset.dataset_id}: {dataset.name}, {dataset.num_images:,} pictures of"
        f" {dataset.image_size} x {dataset.image_size} pixels"
        for dataset in status.datasets
    ]
    return [*words, f"The database holds {status.server.num_bytes / 1e6:,.0f} MB."]


def _plain(words: str, style: str = "") -> Text:
    """Words from others: no markup, and nothing that a terminal would obey."""
    visible = "".join(character if character.isprintable() else "\ufffd" for character in words)
    return Text(visible, style=style)
