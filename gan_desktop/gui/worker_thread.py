"""The worker's loop in a thread of the window. The one place where reports become Qt signals.

The loop itself lowers its thread's priority and sets PyTorch's threads, first thing (`Worker.run`), and
reports the figures of its steps at most ten times a second. It ends when it is asked to: never `terminate()`.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread, Signal

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.background import spare_imports
from gan_desktop.records import Notice, Report, StopRequest
from gan_desktop.worker.options import WorkerOptions

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.worker.loop import Worker
    from gan_desktop.worker.traffic import Rate

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Contribution:
    """All that a worker is made of.

    Attributes:
        workers_folder: Where workers keep their identity and finished units.
        shards_folder: Where pictures are cached, at most `cache_bytes` of them.
        rate: The limit of its transfers, shared with whoever else fetches something here.
    """

    address: Address
    options: WorkerOptions
    workers_folder: Path
    shards_folder: Path
    cache_bytes: int
    rate: Rate


@dataclass(frozen=True)
class WorkerEnded:
    """The loop has ended: the training is complete, it was asked to stop, or `error` says why."""

    is_complete: bool
    error: GanDesktopError | None = None


class WorkerThread(QThread):
    """Runs one worker, once. All methods may be called before the worker itself exists."""

    reported = Signal(object)
    ended = Signal(object)

    def __init__(self, contribution: Contribution, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._contribution = contribution
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._requests: list[Callable[[Worker], None]] = []

    def ask(self, request: Callable[[Worker], None]) -> None:
        """Ask the worker for something (pause, limits ...); before it exists the request waits for it."""
        with self._lock:
            if self._worker is None:
                self._requests.append(request)
                return
            worker = self._worker
        request(worker)

    def request_stop(self, request: StopRequest) -> None:
        """End after this unit, or at once with what is done of it."""
        self.ask(lambda worker: worker.request_stop(request))

    def report(self, report: Report) -> None:
        """The loop's reporter: called from any of its threads."""
        self.reported.emit(report)

    def run(self) -> None:
        """The thread itself."""
        try:
            ended = WorkerEnded(self._contribute())
        except GanDesktopError as error:
            logger.info("The worker ended: %s", error, exc_info=True)
            ended = WorkerEnded(False, error)
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)
            ended = WorkerEnded(False)
        self.ended.emit(ended)

    def _contribute(self) -> bool:
        # PyTorch takes seconds: the window is there before.
        from gan_desktop.training.shard_cache import ShardCache
        from gan_desktop.worker.home import WorkerHome, account_of
        from gan_desktop.worker.loop import Worker

        spare_imports()
        what = self._contribution
        home = WorkerHome.open(what.workers_folder, account_of(what.address))
        try:
            cache = ShardCache(what.shards_folder, what.cache_bytes, lambda text: self.report(Notice(text)))
            worker = Worker(what.address, home, cache, what.options, self, rate=what.rate)
            with self._lock:
                self._worker = worker
                requests, self._requests = self._requests, []
            for request in requests:
                request(worker)
            return worker.run()
        finally:
            home.close()
