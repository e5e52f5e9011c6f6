"""The coordinator's loop in a thread of the instructor's window."""

from __future__ import annotations

import logging
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread, Signal

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.background import spare_imports
from gan_desktop.records import Report

if TYPE_CHECKING:
    from gan_desktop.coordinator.loop import Coordinator
    from gan_desktop.database.address import Address

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CoordinatorEnded:
    """The loop has ended: the training is complete, it was asked to stop, or `error` says why."""

    is_complete: bool
    error: GanDesktopError | None = None


class CoordinatorThread(QThread):
    """Runs one coordinator, once. It ends when it is asked to: never `terminate()`.

    Signals:
        reported: Everything the loop tells (`IterationPublished`, `SampleDrawn`, `Notice` ...).
        ended: A `CoordinatorEnded`.
    """

    reported = Signal(object)
    ended = Signal(object)

    def __init__(
        self,
        address: Address,
        run_id: int,
        shards_folder: Path,
        cache_bytes: int,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.run_id = run_id
        self._address = address
        self._shards_folder = shards_folder
        self._cache_bytes = cache_bytes
        self._lock = threading.Lock()
        self._coordinator: Coordinator | None = None
        self._is_stopping = False

    def stop(self) -> None:
        """End after the round at hand; workers wait and say so."""
        with self._lock:
            self._is_stopping = True
            if self._coordinator is not None:
                self._coordinator.stop()

    def report(self, report: Report) -> None:
        """The loop's reporter: called from any of its threads."""
        self.reported.emit(report)

    def run(self) -> None:
        """The thread itself."""
        try:
            ended = CoordinatorEnded(self._coordinate())
        except GanDesktopError as error:
            logger.info("The coordinator ended: %s", error, exc_info=True)
            ended = CoordinatorEnded(False, error)
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)
            ended = CoordinatorEnded(False)
        self.ended.emit(ended)

    def _coordinate(self) -> bool:
        # PyTorch takes seconds: the window is there before.
        from gan_desktop.coordinator.loop import Coordinator
        from gan_desktop.training.shard_cache import ShardCache

        spare_imports()
        cache = ShardCache(self._shards_folder, self._cache_bytes, logger.info)
        with self._lock:
            if self._is_stopping:
                return False
            self._coordinator = Coordinator(self._address, self.run_id, cache, self)
        return self._coordinator.run()
