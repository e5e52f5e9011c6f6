"""What a student's window shows of the class: its training, faces, people and one's own credit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from gan_desktop.database.connection import Connection
from gan_desktop.database.downloads import Downloads
from gan_desktop.database.queries import load_queries
from gan_desktop.records import (
    ClassEvent,
    ClassMessage,
    ClassTotals,
    Credit,
    HandedInUnit,
    LeaderboardRow,
    Progress,
    Run,
    RunConfig,
    RunStatus,
    SampleDrawn,
    TrainingNow,
    Weights,
)


class ClassView:
    """Reads with a student's rights, over one connection.

    Args:
        now: This computer's clock; the server's ages become moments on it.
    """

    def __init__(self, connection: Connection, now: Callable[[], float] = time.time) -> None:
        self._connection = connection
        self._now = now
        self._sql = load_queries("class_view")

    def totals(self) -> ClassTotals:
        """The class in numbers."""
        [row] = self._query("totals")
        return ClassTotals(**row._asdict())

    def training(self) -> TrainingNow | None:
        """The training that goes on, else the last one; None before the first."""
        rows = self._query("training")
        if not rows:
            return None
        row = rows[0]
        return TrainingNow(
            run=Run(
                run_id=row.run_id,
                name=row.name,
                status=RunStatus(row.status),
                iteration=row.iteration,
                epoch=row.epoch,
                dataset_id=row.dataset_id,
                config=RunConfig.from_json(row.config),
            ),
            num_images=row.num_images,
            published_at=None if row.age_s is None else self._now() - row.age_s,
            coordinator_silent_s=row.coordinator_silent_s,
        )

    def credit(self) -> Credit:
        """What this account has contributed."""
        clock = time.localtime(self._now())
        since_midnight_s = 3_600 * clock.tm_hour + 60 * clock.tm_min + clock.tm_sec
        [row] = self._query("credit", since_midnight_s=since_midnight_s)
        return Credit(**row._asdict())

    def units(self) -> tuple[HandedInUnit, ...]:
        """This account's newest units, the newest first."""
        return tuple(HandedInUnit(**self._dated(row, "handed_in_at")) for row in self._query("units"))

    def leaderboard(self) -> tuple[LeaderboardRow, ...]:
        """Everybody who takes part: by time, then by images."""
        return tuple(LeaderboardRow(**row._asdict()) for row in self._query("leaderboard"))

    def history(self, run_id: int, *, first: int = 0) -> tuple[Progress, ...]:
        """The training's course in order, from iteration `first` on."""
        rows = self._query("history", run_id=run_id, first=first)
        return tuple(Progress(**row._asdict()) for row in rows)

    def sample_iterations(self, run_id: int) -> tuple[int, ...]:
        """The iterations that a grid of faces was drawn of, in order."""
        return tuple(row.iteration for row in self._query("sample_iterations", run_id=run_id))

    def sample(self, run_id: int, iteration: int) -> SampleDrawn | None:
        """The grid of faces of one iteration; None: there is none."""
        parameters = {"run_id": run_id, "iteration": iteration}
        png = self._connection.download(self._sql["sample"], parameters)
        return SampleDrawn(iteration, png) if png is not None else None

    def average(self, run_id: int, iteration: int | None = None) -> Weights | None:
        """The moving average of G: of an iteration that is kept, or the newest; None: there is none.

        Raises:
            PayloadError: It was damaged on the way here.
        """
        downloads = Downloads(self._connection)
        if iteration is None:
            return downloads.newest_weights(run_id, "ema")
        return downloads.kept_weights(run_id, iteration, "ema")

    def events(self) -> tuple[ClassEvent, ...]:
        """What happened last, the newest first."""
        return tuple(ClassEvent(**self._dated(row, "happened_at")) for row in self._query("events"))

    def messages(self) -> tuple[ClassMessage, ...]:
        """The instructor's last words, the newest first."""
        return tuple(ClassMessage(**self._dated(row, "sent_at")) for row in self._query("messages"))

    def _dated(self, row: Any, name: str) -> dict[str, Any]:
        """A row's fields, its age turned into a moment."""
        fields = row._asdict()
        age_s = fields.pop("age_s")
        return {**fields, name: self._now() - age_s}

    def _query(self, statement: str, **parameters: Any) -> list[Any]:
        # None where there are no parameters: then % in a statement is an ordinary character.
        return self._connection.query(self._sql[statement], parameters or None)
