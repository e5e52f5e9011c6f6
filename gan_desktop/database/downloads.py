"""What workers fetch: weights and shards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Literal

from gan_desktop.database.connection import Connection
from gan_desktop.database.queries import load_queries
from gan_desktop.errors import DownloadFailed, PayloadError
from gan_desktop.records import Shard, Weights
from gan_desktop.web.arriving import RemoteFile
from gan_desktop.web.client import HttpClient

WEB_TRIES, WEB_PAUSE_S = 5, 8.0


class Downloads:
    """Everything a worker learns from, over one connection.

    Args:
        should_cancel: Asked while pictures come from a web server; True ends that with a PayloadError.
    """

    def __init__(self, connection: Connection, should_cancel: Callable[[], bool] = lambda: False) -> None:
        self._connection = connection
        self._should_cancel = should_cancel
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

    def kept_weights(
        self, run_id: int, iteration: int, kind: Literal["live", "ema"] = "live"
    ) -> Weights | None:
        """An iteration's weights, checked; None: they are not kept.

        Raises:
            PayloadError: The bytes do not match their checksum.
        """
        what = {"run_id": run_id, "iteration": iteration, "kind": kind}
        rows = self._connection.query(self._sql["kept_weights"], what)
        payload = self._connection.download(self._sql["weights_payload"], what) if rows else None
        if payload is None:
            return None
        sha256 = bytes(rows[0].sha256).hex()
        _require_checksum(payload, sha256, "The weights were")
        return Weights(run_id, iteration, kind, rows[0].codec, payload, sha256)

    def shards(self, dataset_id: int) -> tuple[Shard, ...]:
        """All shards of a data set in their order."""
        rows = self._connection.query(self._sql["shards"], {"dataset_id": dataset_id})
        return tuple(Shard(**row._asdict()) for row in rows)

    def shard(self, shard: Shard) -> bytes:
        """A shard's bytes, checked: from the database, or from the web server that has them.

        Raises:
            PayloadError: Not there, not to be had, or not matching the checksum.
        """
        rows = self._connection.query(self._sql["shard_url"], {"shard_id": shard.shard_id})
        if rows and rows[0].url:
            return self._from_web(shard, rows[0].url)
        payload = self._connection.download(self._sql["shard_payload"], {"shard_id": shard.shard_id})
        if payload is None:
            raise PayloadError(f"The class has no bytes for shard {shard.shard_id}. Tell your instructor.")
        _require_checksum(payload, shard.sha256, f"Shard {shard.shard_id} was")
        return payload

    def _from_web(self, shard: Shard, url: str) -> bytes:
        file = RemoteFile(url, f"Shard {shard.shard_id}", shard.num_bytes, sha256=shard.sha256)
        try:
            # Not for long: what else waits for this connection would wait too, and the caller asks again.
            client = HttpClient(
                num_tries=WEB_TRIES, longest_pause_s=WEB_PAUSE_S, should_cancel=self._should_cancel
            )
            return client.fetch_bytes(file, self._connection.count_received)
        except DownloadFailed as error:
            raise PayloadError(
                f"Pictures to learn from could not be fetched. {error.message} (They are kept at {url}.)",
                title=error.title,
            ) from error


def _require_checksum(payload: bytes, sha256: str, what: str) -> None:
    if hashlib.sha256(payload).hexdigest() != sha256:
        raise PayloadError(f"{what} damaged on the way here.")
