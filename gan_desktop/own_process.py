"""Starting this program once more, as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import Any


def own_program(*arguments: str) -> list[str]:
    """The command that starts this program: the frozen one itself, or its package in this Python."""
    # -P: a folder that one happens to be in must not stand in for the package.
    is_frozen = getattr(sys, "frozen", False)
    return [sys.executable, *([] if is_frozen else ["-P", "-m", "gan_desktop"]), *arguments]


def own_session(*, has_console: bool) -> dict[str, Any]:
    """Options of `Popen` that leave Ctrl+C and the terminal's end to the process that starts.

    Args:
        has_console: On Windows it shares the starter's console: only so can Ctrl+Break be sent to it.
    """
    flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    if not has_console:
        flags |= getattr(subprocess, "CREATE_NO_WINDOW", 0)
    return {"start_new_session": True, "creationflags": flags}
