"""The log on the disk, for a look back at yesterday: written by a thread of its own, bounded.

A line is a day, a time, a mark and words. The mark `>` begins a start of the program, `<` ends it: a start
without an end has crashed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import time
from logging.handlers import QueueListener, RotatingFileHandler
from pathlib import Path

import platformdirs

from gan_desktop import __version__
from gan_desktop.gui.window_session import Places

BEGIN, END = ">", "<"
FILE_BYTES = 1_000_000
FILES_KEPT = 2


def log_folder(places: Places) -> Path:
    """Where logs and error reports lie."""
    if places == Places.of_this_user():
        return platformdirs.user_log_path("gan-desktop", appauthor=False)
    return places.data / "log"


class LogFile:
    """`window.log` in a folder; full, it is renamed `.1`, `.1` to `.2`. To be closed."""

    def __init__(self, folder: Path) -> None:
        self._queue: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
        self._path = folder / "window.log"
        self._listener = QueueListener(self._queue, _PatientHandler(self._path))
        self._listener.start()
        self._is_open = True
        # No other start's line is the same, not even one within the second.
        self._first_line = self._mark(BEGIN, f"GAN Desktop {__version__}, {os.getpid()}-{time.time_ns()}")

    def write(self, line: str) -> None:
        """Add a line, soon."""
        if self._is_open:
            self._queue.put(logging.makeLogRecord({"msg": line, "levelno": logging.INFO}))

    def former_lines(self, most: int) -> list[str]:
        """The newest lines of the starts before this one. Not in the window's thread."""
        lines: list[str] = []
        for path in (self._path.with_name(f"{self._path.name}.1"), self._path):
            with contextlib.suppress(OSError):
                lines += path.read_text("utf-8", errors="replace").splitlines()
        own = next((at for at, line in enumerate(lines) if line.endswith(self._first_line)), len(lines))
        return lines[max(0, own - most) : own]

    def _mark(self, mark: str, words: str) -> str:
        line = f"{time.strftime('%H:%M:%S')} {mark} {words}"
        self.write(line)
        return line

    def close(self) -> None:
        """Write what is waiting, and end the thread; twice is no harm."""
        if not self._is_open:
            return
        self._mark(END, "")
        self._is_open = False
        self._listener.stop()
        for handler in self._listener.handlers:
            handler.close()


class _PatientHandler(RotatingFileHandler):
    def __init__(self, path: Path) -> None:
        # Opened with the first line, in the listener's thread.
        super().__init__(path, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8", delay=True)
        self.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d"))

    def emit(self, record: logging.LogRecord) -> None:
        """Make the folder where it is missing."""
        try:
            Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            return
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Go on on a full disk: the work is worth more than its log."""
