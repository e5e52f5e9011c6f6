"""Handing finished units in: each is kept on the disk until the class has taken or refused it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

from gan_desktop.database.connection import Connection
from gan_desktop.database.work_queue import WorkQueue
from gan_desktop.errors import ConnectionFailed, GanDesktopError, Refused
from gan_desktop.records import UnitDelivered, UnitTimes, Update, WorkerState, WorkUnit
from gan_desktop.worker.home import Outbox
from gan_desktop.worker.link import Link
from gan_desktop.worker.options import Wishes
from gan_desktop.worker.status import Status
from gan_desktop.worker.transfers import Transfers

logger = logging.getLogger(__name__)


class Deliveries:
    """The way from a finished update to the class; at most one is on its way at a time.

    Attributes:
        total_units, total_images: Delivered since the start.
        newest: (run, iteration) of the update delivered last; None before the first.
    """

    def __init__(
        self,
        transfers: Transfers,
        outbox: Outbox,
        status: Status,
        link: Link,
        wishes: Wishes,
        session_id: str,
    ) -> None:
        self._transfers = transfers
        self._outbox = outbox
        self._status = status
        self._link = link
        self._wishes = wishes
        self._session_id = session_id
        self._on_its_way: Future[None] | None = None
        self.total_units = 0
        self.total_images = 0
        self.newest: tuple[int, int] | None = None

    def begin(self, unit: WorkUnit, update: Update, started: float, times: UnitTimes) -> None:
        """Keep an update on the disk and queue its delivery; the next unit need not wait for it.

        Args:
            started: When work on the unit began, by `time.monotonic`.
            times: Of the steps before.
        """
        try:
            self._outbox.put(update)
        except OSError as error:
            self._status.notice(f"The finished unit could not be kept on the disk ({error.strerror}).")
        self.finish()
        self._status.change(
            WorkerState.UPLOADING,
            {"unit_id": unit.unit_id, "num_bytes_done": 0, "num_bytes": len(update.payload)},
        )
        self._on_its_way = self._transfers.submit(
            partial(self._deliver, unit, update, started, times),
            # Only the second Ctrl+C leaves a finished unit undelivered.
            give_up=self._wishes.hand_in,
        )

    def finish(self) -> None:
        """Wait until the delivery that is on its way has arrived.

        Raises:
            ConnectionFailed: The login is refused, or we gave up; the update stays on the disk.
            Refused: The class does not know us any more; the update stays on the disk.
        """
        if self._on_its_way is not None:
            delivery, self._on_its_way = self._on_its_way, None
            delivery.result()

    def deliver_leftovers(self) -> None:
        """Hand in what an earlier start finished but could not deliver, before its leases are given up."""
        for update in self._outbox.updates():
            if self._transfers.call(partial(self._hand_in, update), self._wishes.finish):
                self._status.notice(f"Unit {update.unit_id}, finished by an earlier start, is handed in.")

    def num_waiting(self) -> int:
        """Finished units on this disk that the class has not got."""
        return len(self._outbox)

    def _deliver(
        self, unit: WorkUnit, update: Update, started: float, times: UnitTimes, connection: Connection
    ) -> None:
        """Runs in the transfers thread."""
        began = time.monotonic()
        traffic = self._transfers.traffic
        traffic.watch(self._teller(unit, len(update.payload)))
        try:
            was_taken = self._hand_in(update, connection)
        finally:
            traffic.watch(None)
        self._status.let_go(unit.unit_id)
        if was_taken:
            now = time.monotonic()
            self._link.carried(now - began)
            self.total_units += 1
            self.total_images += update.result.num_images
            self.newest = (update.run_id, update.iteration)
            self._status.forget_error()
            self._status.report(
                UnitDelivered(
                    unit,
                    update.result,
                    seconds=now - started,
                    num_bytes_up=len(update.payload),
                    total_units=self.total_units,
                    total_images=self.total_images,
                    times=replace(times, upload=now - began),
                    total_bytes=traffic.num_received + traffic.num_sent,
                )
            )

    def _teller(self, unit: WorkUnit, num_bytes: int) -> Callable[[int], None]:
        """Shows how far the upload is, if nothing is computed meanwhile."""
        done = 0

        def tell(num_more: int) -> None:
            nonlocal done
            done = min(num_bytes, done + num_more)
            if self._status.state in (WorkerState.UPLOADING, WorkerState.RETRYING):
                detail = {"unit_id": unit.unit_id, "num_bytes_done": done, "num_bytes": num_bytes}
                self._status.change(WorkerState.UPLOADING, detail)

        return tell

    def _hand_in(self, update: Update, connection: Connection) -> bool:
        """Submit an update and forget it; False where the class refused this very update."""
        try:
            WorkQueue(connection, self._session_id).submit(update)
        except ConnectionFailed:
            raise
        except GanDesktopError as error:
            # Without an account any more nothing can be handed in: the instructor may let us in again.
            if isinstance(error, Refused) and error.code == "GD001":
                raise
            self._status.drop(update.unit_id, error.message)
            self._outbox.remove(update.unit_id)
            return False
        self._outbox.remove(update.unit_id)
        return True
