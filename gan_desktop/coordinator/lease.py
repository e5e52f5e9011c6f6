"""Keeps the right to publish while the coordinator computes, and watches over students' sessions."""

from __future__ import annotations

import logging
import threading
import time

from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import LEASE_SECONDS, CoordinatorLease
from gan_desktop.errors import ConnectionFailed, CoordinatorReplaced

logger = logging.getLogger(__name__)

RENEW_EVERY_S = LEASE_SECONDS / 5
WATCH_EVERY_S = 5.0


class LeaseKeeper:
    """A thread with a connection of its own: a long merge delays no sign of life.

    Args:
        token: The coordinator's, as taken.
    """

    def __init__(self, address: Address, run_id: int, token: str) -> None:
        self._address = address
        self._run_id = run_id
        self._token = token
        self._stop = threading.Event()
        self._lost: CoordinatorReplaced | None = None
        self._thread = threading.Thread(target=self._run, name="coordinator lease", daemon=True)

    def start(self) -> None:
        """Begin to renew."""
        self._thread.start()

    def stop(self) -> None:
        """End and wait for the thread; the lease itself stays."""
        self._stop.set()
        self._thread.join()

    def require(self) -> None:
        """Pass only while the run is ours.

        Raises:
            CoordinatorReplaced: Another coordinator has taken it.
        """
        if self._lost is not None:
            raise self._lost

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with Connection(self._address, "gan-desktop coordinator lease") as connection:
                    self._keep(CoordinatorLease(connection, self._run_id, self._token))
            except CoordinatorReplaced as error:
                self._lost = error
                return
            except ConnectionFailed as error:
                logger.info("Lease: %s", error)
                self._stop.wait(1.0)
            except Exception:
                logger.exception("Renewing the coordinator's lease failed; trying again")
                self._stop.wait(1.0)

    def _keep(self, lease: CoordinatorLease) -> None:
        watched = 0.0
        while not self._stop.is_set():
            lease.renew()
            if time.monotonic() - watched > WATCH_EVERY_S:
                watched = time.monotonic()
                for login in lease.end_stuck_sessions():
                    logger.warning("Ended a session of %s that held a transaction open", login)
            self._stop.wait(RENEW_EVERY_S)
