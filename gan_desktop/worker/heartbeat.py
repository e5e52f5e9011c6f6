"""The worker's sign of life: keeps its leases while it computes and hears what is new."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.work_queue import CHANNEL, Directives, WorkQueue
from gan_desktop.errors import ConnectionFailed, GanDesktopError, Refused
from gan_desktop.records import WorkerState

logger = logging.getLogger(__name__)

# A class counts on whom it heard of in the last minute.
LONGEST_INTERVAL_S = 20.0
# A lease outlives two signs of life that were lost.
BEATS_PER_LEASE = 3
# Anybody in the class can send notifications; nobody can make us beat faster than this.
SHORTEST_INTERVAL_S = 0.2


@dataclass(frozen=True)
class Pulse:
    """What the worker says of itself.

    Attributes:
        unit_ids: The units whose leases it keeps, the one in work first.
        lease_seconds: The shortest of these leases; None without any.
        readings: How busy the computer is: fields of `records.Readings` with their values.
        last_message: Number of the newest message of the instructor's that was shown here.
    """

    state: WorkerState
    detail: Mapping[str, Any] = field(default_factory=dict)
    unit_ids: tuple[int, ...] = ()
    images_done: int = 0
    error: str | None = None
    lease_seconds: float | None = None
    readings: Mapping[str, float] = field(default_factory=dict)
    last_message: int = 0


class Heartbeat:
    """A thread with a connection of its own, so that no long download delays a sign of life.

    Args:
        interval_s: Seconds between two beats, at most.
        take_pulse: Called at each beat, and between beats.
        on_directives: Told what the class answered.
        on_refused: Told when the class does not know us any more; the heart stops then.
    """

    def __init__(
        self,
        address: Address,
        session_id: str,
        worker_id: str,
        interval_s: float,
        take_pulse: Callable[[], Pulse],
        on_directives: Callable[[Directives], None],
        on_refused: Callable[[GanDesktopError], None],
    ) -> None:
        self._address = address
        self._session_id = session_id
        self._worker_id = worker_id
        self._interval_s = interval_s
        self._take_pulse = take_pulse
        self._on_directives = on_directives
        self._on_refused = on_refused
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """End and wait for the thread."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with Connection(self._address, "gan-desktop heartbeat") as connection:
                    connection.listen(CHANNEL)
                    self._beat(connection)
            except ConnectionFailed as error:
                if not error.is_passing:
                    self._on_refused(error)
                    return
                logger.info("Heartbeat: %s", error)
                self._stop.wait(self._pause())
            except Refused as error:
                self._on_refused(error)
                return
            except Exception:
                # Without this thread the leases would run out unseen.
                logger.exception("The heartbeat failed and goes on")
                self._stop.wait(self._pause())

    def _beat(self, connection: Connection) -> None:
        queue = WorkQueue(connection, self._session_id)
        while not self._stop.is_set():
            pulse = self._take_pulse()
            self._on_directives(
                queue.heartbeat(
                    self._worker_id,
                    pulse.state,
                    pulse.detail,
                    pulse.unit_ids,
                    pulse.images_done,
                    pulse.error,
                    pulse.readings,
                    pulse.last_message,
                )
            )
            self._rest(connection)

    def _rest(self, connection: Connection) -> None:
        """Wait for the next beat; a notification (there is a new iteration) shortens it."""
        began = time.monotonic()
        self._stop.wait(min(SHORTEST_INTERVAL_S, self._interval_s))
        # In pieces: a unit claimed meanwhile may have a short lease, and stopping should not take long.
        while not self._stop.is_set() and (left := began + self._pause() - time.monotonic()) > 0:
            if connection.wait(min(0.25, left)):
                return

    def _pause(self) -> float:
        lease_seconds = self._take_pulse().lease_seconds
        longest = min(self._interval_s, LONGEST_INTERVAL_S)
        return longest if lease_seconds is None else min(longest, lease_seconds / BEATS_PER_LEASE)
