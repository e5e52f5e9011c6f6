"""Asking other programs on this computer a short question."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

PATIENCE_S = 5.0


def ask(command: Sequence[str]) -> str | None:
    """What a program prints; None if it is not here, fails or takes too long."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PATIENCE_S,
            env=foreign_environment(),
            creationflags=no_window(),
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


def foreign_environment() -> Mapping[str, str]:
    """Our environment for a program that is not ours.

    A bundle made by PyInstaller points the dynamic loader at its own libraries, and keeps the former value
    under the name plus _ORIG.
    """
    environment = dict(os.environ)
    if getattr(sys, "frozen", False):
        for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
            environment.pop(name, None)
            if (original := environment.pop(f"{name}_ORIG", None)) is not None:
                environment[name] = original
    return environment


def no_window() -> int:
    """On Windows a console program must not flash a black window over what the person does."""
    return int(getattr(subprocess, "CREATE_NO_WINDOW", 0))
