"""The process that tidies up after a demo, however the demo ends: also by `kill -9`.

The demo starts it first, and tells it through a pipe the number of each process that it starts. When
the demo is over the pipe closes, by the operating system's hand if need be. Nothing of a demo but its
output folder is worth keeping, so the guard ends all at once.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path

import psutil

from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.database.embedded_account import home_of

SERVER_FOLDER = "postgres"
_KILL_S = 10.0


def guard(folder: Path) -> None:
    """Wait until standard input closes; then end the processes named there and the server, and remove all.

    Args:
        folder: The demo's working folder, with the server in `SERVER_FOLDER`.
    """
    processes = []
    for line in iter(sys.stdin.readline, ""):
        with contextlib.suppress(psutil.NoSuchProcess):
            processes.append(psutil.Process(int(line)))
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=_KILL_S)
    server = EmbeddedPostgres(folder / SERVER_FOLDER)
    server.stop("immediate")
    # Where the server's account cannot enter the temporary folder, it lives elsewhere.
    if server.data_dir.exists():
        shutil.rmtree(home_of(server.data_dir), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
