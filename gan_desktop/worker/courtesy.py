"""The computer belongs to its owner: the worker steps aside for every other program."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from enum import Enum

import psutil


class Pace(Enum):
    """Share of the time in which batches are computed; the rest is slept between them."""

    FULL = 1.0
    BALANCED = 0.75
    QUIET = 0.4

    def rest_after(self, seconds: float) -> float:
        """Seconds to sleep after a batch that took `seconds`."""
        return seconds * (1.0 / self.value - 1.0)


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
