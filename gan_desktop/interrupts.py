"""Ctrl+C and the system's wish to end, told to a loop that ends in good order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

# Windows sends Ctrl+Break where a program of another group is to stop, as one of several workers is.
STOP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]


def run_with_signals(run: Callable[[], bool], stop: Callable[[int], None]) -> bool:
    """Run a loop in a thread of its own and tell `stop` how often Ctrl+C or SIGTERM came.

    A signal's handler interrupts the main thread wherever it is; there it must not meet a lock that
    the loop holds.
    """
    outcome: list[bool | BaseException] = []

    def target() -> None:
        try:
            outcome.append(run())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=target, name="loop")
    received: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _frame: received.append(number))
        for number in STOP_SIGNALS
    }
    try:
        thread.start()
        told = 0
        while thread.is_alive():
            thread.join(0.1)
            while told < len(received):
                told += 1
                stop(told)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    result = outcome[0]
    if isinstance(result, BaseException):
        raise result
    return result
