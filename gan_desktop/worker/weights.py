"""Bringing the newest weights to a unit's start; on a slow link they are asked for a little before."""

from __future__ import annotations

import time
from concurrent.futures import Future
from contextlib import suppress
from functools import partial

from gan_desktop.database.connection import Connection
from gan_desktop.database.downloads import Downloads
from gan_desktop.records import Weights
from gan_desktop.worker.link import Link
from gan_desktop.worker.options import Wishes
from gan_desktop.worker.studio import Studio
from gan_desktop.worker.traffic import TransferCancelled
from gan_desktop.worker.transfers import Transfers


class NewestWeights:
    """Fetches weights only where they are newer than those the studio has."""

    def __init__(self, transfers: Transfers, link: Link, wishes: Wishes) -> None:
        self._transfers = transfers
        self._link = link
        self._wishes = wishes
        self._next: Future[Weights | None] | None = None

    def prefetch(self, studio: Studio) -> None:
        """Fetch what is newest now, in the background; asked again meanwhile, nothing happens."""
        if self._next is None:
            self._next = self._submit(studio)

    def bring_to(self, studio: Studio) -> bool:
        """Let the studio's next unit start from the newest weights; False: the class has none.

        Raises:
            PayloadError: They are damaged, or not this run's.
            TransferCancelled: The worker stops or pauses.
        """
        coming, self._next = self._next, None
        weights = None
        if coming is not None:
            with suppress(TransferCancelled):  # by a pause that is over
                weights = coming.result()
        if weights is None or weights.run_id != studio.run.run_id:
            weights = self._submit(studio).result()
        if weights is not None:
            studio.start_from(weights)
        return weights is not None

    def _submit(self, studio: Studio) -> Future[Weights | None]:
        return self._transfers.submit(partial(self._fetch, studio), self._wishes.finish)

    def _fetch(self, studio: Studio, connection: Connection) -> Weights | None:
        """Runs in the transfers thread."""
        began = time.monotonic()
        weights = Downloads(connection).newest_weights(studio.run.run_id, known=studio.weights)
        self._link.carried(time.monotonic() - began)
        return weights
