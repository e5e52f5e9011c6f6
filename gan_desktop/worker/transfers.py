"""The worker's link to the class: one connection, one thread, one call after the other.

While the worker computes, this thread claims the next unit, fetches its pictures and hands in the
last update. A lost connection is made anew and the call repeated, with growing pauses, for as long
as it takes: no call of the worker is harmed by being repeated.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import tenacity

from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.errors import ConnectionFailed
from gan_desktop.worker.traffic import Traffic

logger = logging.getLogger(__name__)

T = TypeVar("T")
Call = Callable[[Connection], T]

LONGEST_PAUSE_S = 60.0
LOOK_S = 0.1


class Transfers:
    """Runs calls on one connection, in order, in a thread of its own.

    Args:
        on_trouble: Told the error and the seconds until the next try, each second anew.
        traffic: Counts and slows down what is carried.
    """

    def __init__(
        self, address: Address, on_trouble: Callable[[ConnectionFailed, int], None], traffic: Traffic
    ) -> None:
        self._address = address
        self._on_trouble = on_trouble
        self._hurry = threading.Event()
        self.traffic = traffic
        self._connection: Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="transfers")

    def submit(self, call: Call[T], give_up: threading.Event) -> Future[T]:
        """Queue a call; it gets the connection. Once `give_up` is set, a failure is not repeated."""
        return self._thread.submit(self._with_retries, call, give_up)

    def call(self, call: Call[T], give_up: threading.Event) -> T:
        """Queue a call and wait for its answer.

        Raises:
            ConnectionFailed: Trying again cannot help (a wrong password), or we gave up.
        """
        return self.submit(call, give_up).result()

    def try_now(self) -> None:
        """Where the next try is waited for: make it."""
        self._hurry.set()

    def close(self) -> None:
        """Finish what is queued, then close the connection."""
        self._thread.submit(self._disconnect)
        self._thread.shutdown(wait=True)

    def _with_retries(self, call: Call[T], give_up: threading.Event) -> T:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda e: isinstance(e, ConnectionFailed) and e.is_passing),
            wait=tenacity.wait_random_exponential(multiplier=1, min=0.5, max=LONGEST_PAUSE_S),
            stop=tenacity.stop_when_event_set(give_up),
            sleep=lambda _seconds: None,
            before_sleep=lambda state: self._wait_for_next_try(state, give_up),
            reraise=True,
        )
        answer: T = retrying(self._once, call)
        return answer

    def _once(self, call: Call[T]) -> T:
        if self._connection is None:
            self._connection = Connection(self._address, "gan-desktop worker", meter=self.traffic)
        try:
            return call(self._connection)
        except ConnectionFailed:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _wait_for_next_try(self, state: tenacity.RetryCallState, give_up: threading.Event) -> None:
        error = state.outcome.exception() if state.outcome else None
        logger.info("No connection: %s", error)
        deadline = time.monotonic() + (state.next_action.sleep if state.next_action else 0.0)
        self._hurry.clear()
        # In pieces: whoever wants to stop, or does not want to wait, is not kept waiting.
        while not (give_up.is_set() or self._hurry.is_set()) and (left := deadline - time.monotonic()) > 0:
            if isinstance(error, ConnectionFailed):
                self._on_trouble(error, math.ceil(left))
            self._hurry.wait(min(left, LOOK_S))
