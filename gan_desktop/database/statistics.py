"""What the instructor looks at: trainings, data sets, workers and what waits in the queue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gan_desktop.database.connection import Connection
from gan_desktop.database.queries import load_queries
from gan_desktop.database.shards import Dataset
from gan_desktop.records import RunStatus, SampleDrawn


@dataclass(frozen=True)
class RunSummary:
    """One training in a line. `distance` is the one measured last; None: never measured.

    `coordinator_silent_s` is the time since the coordinator's last sign of life; None: it never ran.
    `is_coordinated`: one holds the training's lease, and has not said goodbye.
    """

    run_id: int
    name: str
    status: RunStatus
    dataset_id: int
    iteration: int
    target_iterations: int
    total_images: int
    distance: float | None
    coordinator_silent_s: float | None
    is_coordinated: bool = False


@dataclass(frozen=True)
class WorkerSummary:
    """One computer of a student. All texts but `worker_id` are the student's own words: never trust them.

    Attributes:
        state, state_detail: The code of the sentence that the student sees, and what fills its gaps.
        last_error: Why a unit of it came to nothing lately; None: all goes well.
        silent_s: Time since its last sign of life.
        is_withdrawn: Its owner was removed from the class.
        user: Its owner's login.
    """

    worker_id: str
    name: str
    owner: str
    hostname: str | None
    gpu_name: str | None
    state: str
    state_detail: Mapping[str, Any]
    num_units: int
    num_images: int
    images_per_second: float
    on_hold_reason: str | None
    last_error: str | None
    program_version: str | None
    silent_s: float
    is_withdrawn: bool = False
    user: str = ""


@dataclass(frozen=True)
class Room:
    """Connections that a server (or its database) allows, those kept for its administrator, those in use for
    something else than the class, and those in use for the class."""

    allowed: int
    reserved: int
    used_by_others: int
    used_by_class: int = 0


@dataclass(frozen=True)
class Server:
    """The server's clock, and the size of the class's database."""

    at: datetime
    num_bytes: int


@dataclass(frozen=True)
class Queue:
    """Units in students' hands, units that came back undone, and updates that wait to be merged."""

    num_units_out: int
    num_units_returned: int
    num_updates_waiting: int


class Statistics:
    """Reads as the class's coordinator role."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = load_queries("statistics")

    def is_instructor(self) -> bool:
        """Whether this login runs the class; students may ask too."""
        return bool(self._query("is_instructor")[0].is_instructor)

    def title(self) -> str:
        """The class's name."""
        return str(self._query("title")[0].title)

    def datasets(self) -> list[Dataset]:
        """All finished data sets, oldest first."""
        return [Dataset(**row._asdict()) for row in self._query("datasets")]

    def runs(self) -> list[RunSummary]:
        """All trainings, newest first."""
        return [
            RunSummary(**{**row._asdict(), "status": RunStatus(row.status)}) for row in self._query("runs")
        ]

    def queue(self, run_id: int) -> Queue:
        """What is under way in one training."""
        [row] = self._query("queue", run_id=run_id)
        return Queue(**row._asdict())

    def samples(self, run_id: int, *, after: int) -> list[SampleDrawn]:
        """The grids of faces of all iterations that follow `after`, in order."""
        return [
            SampleDrawn(row.iteration, bytes(row.png))
            for row in self._query("samples", run_id=run_id, after=after)
        ]

    def server(self) -> Server:
        """The server's clock and the class's size."""
        return Server(**self._query("server")[0]._asdict())

    def mbit_s(self) -> float:
        """What updates and weights of the last minute moved, in megabits a second. Pictures are not in it."""
        return float(self._query("traffic")[0].bits_s) / 1e6

    def workers(self) -> list[WorkerSummary]:
        """All computers that ever took part: those at work first."""
        return [
            WorkerSummary(**{**row._asdict(), "state_detail": _plain_values(row.state_detail)})
            for row in self._query("workers")
        ]

    def _query(self, statement: str, **parameters: Any) -> list[Any]:
        # None where there are no parameters: then % in a statement is an ordinary character.
        return self._connection.query(self._sql[statement], parameters or None)


def _plain_values(told: str) -> Mapping[str, Any]:
    """What a student's computer told, which may be nested too deep to read (in a class of version 1)."""
    try:
        values = json.loads(told)
    except (RecursionError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def room_for_connections(connection: Connection) -> Room:
    """How many connections the server has for a class; any login may ask."""
    return Room(**connection.query(load_queries("statistics")["room"])[0]._asdict())
