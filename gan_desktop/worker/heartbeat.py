"""The worker's sign of life: keeps its leases while it computes and hears what is new."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gan_desktop.database.connection import Address, Connection
from gan_desktop.database.work_queue import CHANNEL, Directives, WorkQueue
from gan_desktop.errors import ConnectionFailed, GanDesktopError, Refused
from gan_desktop.records import WorkerState

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pulse:
    """What the worker says of itself. `unit_ids` begins with the unit in work."""

    state: WorkerState
    detail: Mapping[str, Any] = field(default_factory=dict)
    unit_ids: tuple[int, ...] = ()
    images_done: int = 0
    error: str | None = None


class Heartbeat:
    """A thread with a connection of its own, so that no long download delays a sign of life.

    Args:
        take_pulse: Called at each beat.
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
                self._stop.wait(self._interval_s)
            except Refused as error:
                self._on_refused(error)
                return
            except Exception:
                # Without this thread the leases would run out unseen.
                logger.exception("The heartbeat failed and goes on")
                self._stop.wait(self._interval_s)

    def _beat(self, connection: Connection) -> None:
        queue = WorkQueue(connection, self._session_id)
        while not self._stop.is_set():
            pulse = self._take_pulse()
            directives = queue.heartbeat(
                self._worker_id, pulse.state, pulse.detail, pulse.unit_ids, pulse.images_done, pulse.error
            )
            self._on_directives(directives)
            # A notification of the coordinator shortens the pause: a new iteration is there. Pauses
            # in pieces, so that stopping takes no longer than a piece.
            for _ in range(max(1, round(self._interval_s / 0.25))):
                if self._stop.is_set() or connection.wait(min(0.25, self._interval_s)):
                    break
