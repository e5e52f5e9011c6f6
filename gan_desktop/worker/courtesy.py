"""The computer belongs to its owner: the worker steps aside, and pauses when its owner's limits say so."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import psutil

from gan_desktop.records import WorkerState
from gan_desktop.worker.limits import Conditions, Decision, Limits, Pause, decide

logger = logging.getLogger(__name__)

LOOK_S = 1.0
SHORTEST_SLEEP_S = 30.0

ReadConditions = Callable[[Limits], Conditions]


class Courtesy:
    """Knows whether the worker has to pause, and why; every method may be called from any thread.

    Args:
        on_change: Told that there may be another pause than before, or none.
    """

    def __init__(self, limits: Limits, on_change: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._limits = limits
        self._on_change = on_change
        self._read: ReadConditions | None = None
        self._conditions: Conditions | None = None
        self._by_hand: Pause | None = None
        self._until: datetime | None = None
        self._by_limit = Decision(None)

    @property
    def limits(self) -> Limits:
        """The limits that hold."""
        return self._limits

    @property
    def pause(self) -> Pause | None:
        """Why the worker pauses: its owner's own word comes before the limits. None: it may work."""
        with self._lock:
            return self._paused_by_hand() or self._by_limit.pause

    def set_limits(self, limits: Limits) -> None:
        """Other limits hold from now on; conditions that only they look at are read within a second."""
        self._limits = limits
        self._decide()

    def read_by(self, read: ReadConditions) -> None:
        """Know the conditions from here on; without them only its owner's word counts."""
        self._read = read
        self.look()

    def pause_by_hand(self, until: datetime | None) -> None:
        """Pause, until the local time `until` if there is one."""
        with self._lock:
            self._by_hand = Pause(WorkerState.PAUSED)
            self._until = until
        self._on_change()

    def resume(self) -> None:
        """End the owner's own pause."""
        with self._lock:
            self._by_hand = self._until = None
        self._on_change()

    def override(self) -> None:
        """Contribute anyway: what pauses the worker now does not count until it has ceased once."""
        with self._lock:
            decision = self._by_limit
            if decision.pause is not None:
                overridden = decision.overridden | {decision.pause.state}
                self._by_limit = replace(decision, overridden=overridden)
        self._decide()

    def look(self) -> None:
        """Read the conditions, which may take a moment, and decide anew."""
        if self._read is not None:
            self._conditions = self._read(self._limits)
            self._decide()

    def _decide(self) -> None:
        with self._lock:
            if self._conditions is None:
                return
            before = self._by_limit
            # While it works, what it needs and how warm it gets is seen, not remembered.
            known = before.reasons if before.pause is not None else ()
            self._by_limit = decide(self._limits, self._conditions, known, before.overridden)
            is_news = self._by_limit.pause != before.pause
        if is_news:
            self._on_change()

    def _paused_by_hand(self) -> Pause | None:
        if self._until is None or self._by_hand is None:
            return self._by_hand
        seconds_left = (self._until - datetime.now()).total_seconds()
        if seconds_left <= 0:
            self._by_hand = self._until = None
            return None
        # In whole minutes: the sentence is to change once a minute, not once a second.
        minutes_left = math.ceil(seconds_left / 60)
        detail = {"until": self._until.isoformat(timespec="minutes"), "minutes_left": minutes_left}
        return replace(self._by_hand, detail=detail)


class SleepWatch:
    """Notices that the computer has slept: its clock went on, and this program did not.

    Args:
        now: Seconds on the computer's clock (`time.time`; the monotonic one stops in sleep on some systems).
    """

    def __init__(self, now: float) -> None:
        self._seen = now

    def slept(self, now: float) -> float:
        """Seconds slept since the last call; 0: it was awake, or the nap was too short to matter."""
        seconds, self._seen = now - self._seen, now
        return seconds if seconds > SHORTEST_SLEEP_S else 0.0


class Watch:
    """A thread that does something once a second, whatever the loop is waiting for."""

    def __init__(self, tick: Callable[[], None], at_end: Callable[[], None]) -> None:
        self._tick = tick
        self._at_end = at_end
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End and wait for the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                self._tick()
            except Exception:
                # What a driver or a foreign program does not tell must not end the work.
                logger.exception("Looking after the computer failed, and goes on")
        self._at_end()


def lower_priority() -> None:
    """Let the calling thread compute only when no other program wants the processor.

    Without the right to change priorities everything works as before.
    """
    with contextlib.suppress(OSError, psutil.Error):
        if sys.platform == "linux":
            # Linux knows niceness per thread: the window and the heartbeat stay quick.
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
        elif sys.platform == "win32":
            psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            psutil.Process().nice(10)
