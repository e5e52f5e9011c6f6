"""What workers fetch: weights, shards, sample grids; and what they may look up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gan_desktop.database.connection import Connection
from gan_desktop.database.queries import load_queries
from gan_desktop.errors import PayloadError
from gan_desktop.records import SampleDrawn, Shard, Weights


@dataclass(frozen=True)
class Progress:
    """One published iteration; figures that were not measured are None."""

    iteration: int
    total_images: int
    loss_g: float | None
    loss_d: float | None
    d_real: float | None
    d_fake: float | None
    distance: float | None


class Downloads:
    """Everything a worker reads, over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = load_queries("worker")

    def newest_weights(
        self, run_id: int, kind: Literal["live", "ema"] = "live", *, known: Weights | None = None
    ) -> Weights | None:
        """The newest published weights, checked; `known` is returned where it is still the newest.

        Raises:
            PayloadError: The bytes do not match their checksum.
        """
        # Between the two statements the iteration may be published anew and the old one pruned.
        for _ in range(3):
            rows = self._connection.query(self._sql["newest_weights"], {"run_id": run_id, "kind": kind})
            if not rows:
                return None
            row = rows[0]
            sha256 = bytes(row.sha256).hex()
            if known is not None and known.sha256 == sha256:
                return known
            payload = self._connection.download(
                self._sql["weights_payload"], {"run_id": run_id, "iteration": row.iteration, "kind": kind}
            )
            if payload is not None:
                _require_checksum(payload, sha256, "The weights were")
                return Weights(run_id, row.iteration, kind, row.codec, payload, sha256)
        raise PayloadError("The newest weights changed faster than they could be fetched. Try again.")

    def shards(self, dataset_id: int) -> tuple[Shard, ...]:
        """All shards of a data set in their order."""
        rows = self._connection.query(self._sql["shards"], {"dataset_id": dataset_id})
        return tuple(Shard(**row._asdict()) for row in rows)

    def shard(self, shard: Shard) -> bytes:
        """A shard's bytes, checked.

        Raises:
            PayloadError: Not there, or not matching the checksum.
        """
        payload = self._connection.download(self._sql["shard_payload"], {"shard_id": shard.shard_id})
        if payload is None:
            raise PayloadError(f"The class has no bytes for shard {shard.shard_id}. Tell your instructor.")
        _require_checksum(payload, shard.sha256, f"Shard {shard.shard_id} was")
        return payload

    def newest_sample(self, run_id: int) -> SampleDrawn | None:
        """The newest grid of faces, or None before the first."""
        rows = self._connection.query(self._sql["newest_sample"], {"run_id": run_id})
        return SampleDrawn(rows[0].iteration, bytes(rows[0].png)) if rows else None

    def progress(self, run_id: int, *, after: int = -1) -> list[Progress]:
        """The run's history in order, from the iteration that follows `after`."""
        rows = self._connection.query(self._sql["progress"], {"run_id": run_id})
        return [Progress(**row._asdict()) for row in rows if row.iteration > after]

    def leaderboard(self) -> list[Mapping[str, Any]]:
        """One row per person: name, units, images, seconds, is_working, is_me."""
        return [row._asdict() for row in self._connection.query(self._sql["leaderboard"])]


def _require_checksum(payload: bytes, sha256: str, what: str) -> None:
    if hashlib.sha256(payload).hexdigest() != sha256:
        raise PayloadError(f"{what} damaged on the way here.")
