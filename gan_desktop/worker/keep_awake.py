"""Keeping the computer awake while it contributes: asked of the system, and taken back in every case."""

from __future__ import annotations

import ctypes
import logging
import os
import subprocess
import sys
from collections.abc import Sequence

from gan_desktop.worker.foreign import foreign_environment, no_window

logger = logging.getLogger(__name__)

_ES_CONTINUOUS, _ES_SYSTEM_REQUIRED = 0x80000000, 0x00000001


class KeepAwake:
    """One wish to stay awake; to be used by one thread only, since Windows ties the wish to its thread."""

    def __init__(self) -> None:
        self._holder: subprocess.Popen[bytes] | None = None
        self._is_held = False

    def hold(self, wanted: bool) -> None:
        """Keep awake from now on, or no longer. Where the system offers no way nothing happens."""
        if wanted == self._is_held:
            return
        self._is_held = wanted
        if sys.platform == "win32":
            state = _ES_CONTINUOUS | (_ES_SYSTEM_REQUIRED if wanted else 0)
            ctypes.windll.kernel32.SetThreadExecutionState(state)  # type: ignore[attr-defined]
        elif wanted:
            self._holder = _start(_holding_command())
        elif self._holder is not None:
            holder, self._holder = self._holder, None
            _end(holder)


def _holding_command() -> Sequence[str]:
    """A program that holds the wish as long as it runs, and ends with us even if we are killed."""
    if sys.platform == "darwin":
        return ("caffeinate", "-i", "-w", str(os.getpid()))
    # `cat` ends when our side of its pipe closes.
    why = "--why=Contributing to the training of a class"
    return ("systemd-inhibit", "--what=sleep:idle", "--who=GAN Desktop", why, "cat")


def _start(command: Sequence[str]) -> subprocess.Popen[bytes] | None:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=foreign_environment(),
            creationflags=no_window(),
            start_new_session=True,  # Ctrl+C is for us
        )
    except OSError as error:
        logger.info("This computer cannot be kept awake: %s", error)
        return None


def _end(holder: subprocess.Popen[bytes]) -> None:
    assert holder.stdin is not None
    holder.stdin.close()
    if sys.platform == "darwin":
        holder.terminate()
    holder.wait()
