"""Words between the instructor and the class: messages, events, and what speaks against a worker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gan_desktop.database.connection import Connection
from gan_desktop.database.queries import load_queries


@dataclass(frozen=True)
class Event:
    """Something that happened; `worker_name` is a student's own words."""

    event_id: int
    run_id: int | None
    created_at: datetime
    kind: str
    message: str
    worker_name: str | None


@dataclass(frozen=True)
class WorkerOnRecord:
    """A computer of the class, by its own name and its owner's."""

    worker_id: str
    name: str
    owner: str
    on_hold_reason: str | None


@dataclass(frozen=True)
class RefusedUnit:
    """One update that did not count, and why. `norm` is None where it could not be measured."""

    at: datetime
    unit_id: int
    iteration: int
    num_images: int
    num_steps: int
    reason: str | None
    norm: float | None
    loss_g: float
    loss_d: float
    stopped_early: bool


@dataclass(frozen=True)
class Evidence:
    """What speaks for and against a worker: all its updates, and the newest that did not count."""

    num_accepted: int
    num_refused: int
    refused: list[RefusedUnit]


class Notices:
    """Reads and writes as the class's coordinator role."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = load_queries("notices")

    def send(self, text: str, login: str | None = None) -> int:
        """Tell everybody, or the one with this login; returns how many people are there to read it now."""
        self._connection.execute(self._sql["send"], {"text": text, "login": login})
        return int(self._query("people_there", login=login)[0].num)

    def add_event(
        self, kind: str, message: str, *, run_id: int | None = None, worker_id: str | None = None
    ) -> None:
        """Write down what the instructor did, for the instructor alone."""
        self._connection.execute(
            self._sql["add_event"],
            {"kind": kind, "message": message, "run_id": run_id, "worker_id": worker_id},
        )

    def events(self, count: int) -> list[Event]:
        """The newest events, the newest first."""
        return [Event(**row._asdict()) for row in self._query("events", count=count)]

    def find_workers(self, named: str) -> list[WorkerOnRecord]:
        """Computers with this number or name, or of an owner with this name."""
        return [WorkerOnRecord(**row._asdict()) for row in self._query("find_workers", named=named)]

    def evidence(self, worker_id: str) -> Evidence:
        """A worker's record."""
        [record] = self._query("record", worker_id=worker_id)
        refused = [RefusedUnit(**row._asdict()) for row in self._query("evidence", worker_id=worker_id)]
        return Evidence(record.num_accepted, record.num_refused, refused)

    def _query(self, statement: str, **parameters: Any) -> list[Any]:
        return self._connection.query(self._sql[statement], parameters)
