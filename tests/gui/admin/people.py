"""People and computers for tests of the instructor's pages: as a snapshot of the class would hold them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, TypeVar

from PySide6.QtWidgets import QPushButton, QWidget

from gan_desktop.class_admin.status import ClassStatus
from gan_desktop.database.accounts import Student
from gan_desktop.database.lessons import UnitFlow
from gan_desktop.database.statistics import Queue, RunSummary, Server, WorkerSummary
from gan_desktop.gui.admin.snapshot import TeachingSnapshot
from gan_desktop.records import Progress, Run, RunConfig, RunStatus, TrainingNow

W = TypeVar("W", bound=QWidget)

SERVER = Server(datetime(2026, 11, 23, 9, 30, tzinfo=UTC), 123_000_000)


def student(called: str, **changes: Any) -> Student:
    values: dict[str, Any] = {
        "user": f"s_{called.casefold()}", "name": called, "student_id": None, "email": None, "section": None,
        "card_kind": None, "num_workers": 1, "silent_s": 2.0, "is_withdrawn": False,
    }  # fmt: skip
    return Student(**{**values, **changes})


def computer(owner: str, **changes: Any) -> WorkerSummary:
    values: dict[str, Any] = {
        "worker_id": f"w-{owner.casefold()}", "name": owner, "owner": owner, "hostname": f"{owner}-pc",
        "gpu_name": None, "state": "computing", "num_units": 3, "num_images": 4_096, "images_per_second": 9.0,
        "on_hold_reason": None, "last_error": None, "program_version": "0.2.0", "silent_s": 2.0,
        "state_detail": {"unit_id": 42, "num_done": 1_216, "num_images": 2_048, "seconds_left": 90},
        "user": f"s_{owner.casefold()}",
    }  # fmt: skip
    return WorkerSummary(**{**values, **changes})


def snapshot(
    students: list[Student],
    workers: list[WorkerSummary],
    *,
    flow: UnitFlow | None = None,
    iteration: int = 2,
    status: RunStatus = RunStatus.RUNNING,
) -> TeachingSnapshot:
    """The class in the middle of a training."""
    run = Run(1, "Faces", status, iteration, 0, 1, RunConfig())
    summary = RunSummary(1, "Faces", status, 1, iteration, 400, 296_960, 71.6, 2.0)
    queue = Queue(num_units_out=len(workers), num_units_returned=0, num_updates_waiting=0)
    history = tuple(Progress(at, 1_000 * at, 1.5, 0.5, 0.8, 0.78, 100.0 - at) for at in range(iteration + 1))
    return TeachingSnapshot(
        status=ClassStatus("Vision", [], [summary], queue, workers, SERVER, flow),
        students=tuple(students),
        training=TrainingNow(run, 296_960, time.time() - 20, 2.0),
        history=history,
        sample_iterations=tuple(range(iteration + 1)),
        read_at=time.time(),
    )


def newest(parent: QWidget, kind: type[W]) -> W:
    """The dialog, or other widget, that was made last."""
    found = parent.findChildren(kind)
    assert found, f"no {kind.__name__}"
    made: W = found[-1]
    return made


def button(parent: QWidget, words: str) -> QPushButton:
    """The button that says so."""
    [found] = [b for b in parent.findChildren(QPushButton) if b.text().replace("&", "") == words]
    assert isinstance(found, QPushButton)
    return found
