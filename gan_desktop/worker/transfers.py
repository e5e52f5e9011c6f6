"""The worker's link to the class: one connection, one thread, one call after the other.

While the worker computes, this thread claims the next unit, fetches its pictures and hands in the
last update. A lost connection is made anew and the call repeated, with growing pauses, for as long
as it takes: no call of the worker is harmed by being repeated.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import tenacity

from gan_desktop.database.connection import Address, Connection
from gan_desktop.errors import ConnectionFailed

logger = logging.getLogger(__name__)

T = TypeVar("T")

LONGEST_PAUSE_S = 60.0


class Transfers:
    """Runs calls on one connection, in order, in a thread of its own.

    Args:
        give_up: Once set, a call that fails is not repeated.
        on_trouble: Told the error and the seconds until the next try.
    """

    def __init__(
        self,
        address: Address,
        give_up: threading.Event,
        on_trouble: Callable[[ConnectionFailed, float], None],
    ) -> None:
        self._address = address
        self._give_up = give_up
        self._on_trouble = on_trouble
        self._connection: Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="transfers")

    def submit(self, call: Callable[[Connection], T]) -> Future[T]:
        """Queue a call; it gets the connection."""
        return self._thread.submit(self._with_retries, call)

    def call(self, call: Callable[[Connection], T]) -> T:
        """Queue a call and wait for its answer.

        Raises:
            ConnectionFailed: Trying again cannot help (a wrong password), or we gave up.
        """
        return self.submit(call).result()

    def close(self) -> None:
        """Finish what is queued, then close the connection."""
        self._thread.submit(self._disconnect)
        self._thread.shutdown(wait=True)

    def _with_retries(self, call: Callable[[Connection], T]) -> T:
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda e: isinstance(e, ConnectionFailed) and e.is_passing),
            wait=tenacity.wait_random_exponential(multiplier=1, min=0.5, max=LONGEST_PAUSE_S),
            stop=tenacity.stop_when_event_set(self._give_up),
            sleep=tenacity.sleep_using_event(self._give_up),
            before_sleep=self._tell,
            reraise=True,
        ):
            with attempt:
                return self._once(call)
        raise AssertionError("tenacity ends by returning or raising")

    def _once(self, call: Callable[[Connection], T]) -> T:
        if self._connection is None:
            self._connection = Connection(self._address, "gan-desktop worker")
        try:
            return call(self._connection)
        except ConnectionFailed:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _tell(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, ConnectionFailed):
            self._on_trouble(error, state.next_action.sleep if state.next_action else 0.0)
