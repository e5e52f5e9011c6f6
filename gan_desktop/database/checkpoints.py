"""Iterations whose weights are kept: listed, fetched, gone back to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from gan_desktop.database.connection import Connection
from gan_desktop.database.downloads import Downloads
from gan_desktop.database.queries import load_queries
from gan_desktop.errors import PayloadError
from gan_desktop.records import Weights


@dataclass(frozen=True)
class Checkpoint:
    """One kept iteration; figures that were not measured at it are None.

    `is_checkpoint`: kept for good; the newest iteration is there only until the next one comes.
    """

    iteration: int
    created_at: datetime
    is_checkpoint: bool
    num_bytes: int
    distance: float | None
    loss_g: float | None
    loss_d: float | None


@dataclass(frozen=True)
class GoingBack:
    """Where a training stands with the wish to go back; `wanted` None: no wish is open.

    `restarted_at` is the iteration at which it went back last, `coordinator_silent_s` the time since its
    coordinator's last sign of life (None: it never ran).
    """

    wanted: int | None
    restarted_at: int
    iteration: int
    coordinator_silent_s: float | None


class Checkpoints:
    """The kept iterations of one training, as the class's coordinator role."""

    def __init__(self, connection: Connection, run_id: int) -> None:
        self._connection = connection
        self._run_id = run_id
        self._sql = load_queries("checkpoints")

    def all(self) -> list[Checkpoint]:
        """All kept iterations in order."""
        return [Checkpoint(**row._asdict()) for row in self._query("checkpoints")]

    def weights(self, iteration: int, kind: Literal["live", "ema"]) -> Weights:
        """One kept iteration's weights, checked.

        Raises:
            PayloadError: They are not kept, or the bytes do not match their checksum.
        """
        weights = Downloads(self._connection).kept_weights(self._run_id, iteration, kind)
        if weights is None:
            raise PayloadError(
                f"The weights of iteration {iteration} are not kept.", title="No such checkpoint"
            )
        return weights

    def num_images(self, iteration: int) -> int:
        """Images that had been learned from at an iteration."""
        return int(self._query("num_images", iteration=iteration)[0].num)

    def num_computers(self, iteration: int) -> int:
        """Computers that had contributed to an iteration."""
        return int(self._query("num_computers", iteration=iteration)[0].num)

    def wish(self, iteration: int) -> bool:
        """Ask the coordinator to go back to a kept iteration; False: that cannot be done (any more)."""
        return (
            self._connection.execute(self._sql["wish"], {"run_id": self._run_id, "iteration": iteration}) == 1
        )

    def going_back(self) -> GoingBack:
        """Whether the wish was fulfilled."""
        [row] = self._query("wish_open")
        return GoingBack(row.go_back_to, row.restarted_at, row.iteration, row.coordinator_silent_s)

    def _query(self, statement: str, **parameters: Any) -> list[Any]:
        return self._connection.query(self._sql[statement], {"run_id": self._run_id, **parameters})
