"""A demo class behind the window: its server and main computer, and perhaps classmates."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread, Signal

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.session import JoinedClass
from gan_desktop.gui.window_session import Places
from gan_desktop.worker.options import WorkerOptions

if TYPE_CHECKING:
    from gan_desktop.demo_class import DemoClass, DemoOptions, DemoStage

logger = logging.getLogger(__name__)


class DemoHost(QThread):
    """Makes the class in its thread, holds it until `end`, and removes it.

    Signals:
        told: A sentence about how far it is.
        ready: The `JoinedClass` for this window, which is the class's first student.
        failed: A `GanDesktopError`.
    """

    told = Signal(str)
    ready = Signal(object)
    failed = Signal(object)

    def __init__(self, choose: Callable[[], DemoOptions], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._choose = choose
        self._stage: DemoStage | None = None

    def run(self) -> None:
        """Make the class and start its computers; then hold it until `end`."""
        try:
            self.ready.emit(self._prepare())
        except GanDesktopError as error:
            self._remove()
            if not self.isInterruptionRequested():
                self.failed.emit(error)
            return
        except Exception:
            self._remove()
            raise
        self.exec()
        self._remove()

    def end(self) -> None:
        """Tidy up and end, also in the middle of the preparations; `finished` follows."""
        self.requestInterruption()
        self.quit()

    def _prepare(self) -> JoinedClass:
        from gan_desktop.demo_class import DemoStage, open_demo_pictures

        options = self._choose()
        self._stage = stage = DemoStage()
        with open_demo_pictures(options) as source:
            demo = stage.make_class(source, options, self.told.emit, self.isInterruptionRequested)
        faces = [f"--output={options.output.absolute()}"] if options.output else []
        stage.start_coordinator(demo, stage.folder / "coordinator.log", *faces)
        num_threads = self._start_classmates(stage, demo, options)
        return JoinedClass(
            demo.students[0],
            title="Demo",
            is_demo=True,
            options=WorkerOptions(
                name="Computer 1", poll_interval_s=1.0, heartbeat_interval_s=2.0, num_threads=num_threads
            ),
            places=Places.below(stage.folder / "window"),
        )

    def _start_classmates(self, stage: DemoStage, demo: DemoClass, options: DemoOptions) -> int:
        """Start all students but the first; returns the threads for each, this window's worker too."""
        num_workers = options.num_workers
        num_threads = max(1, (os.cpu_count() or 1) // num_workers - (num_workers == 1))
        for number, student in list(enumerate(demo.students, start=1))[1:]:
            stage.start_worker(student, number, num_threads, stage.folder / f"worker-{number}.log")
        return num_threads

    def _remove(self) -> None:
        stage, self._stage = self._stage, None
        if stage is not None and stage.end():
            logger.warning("Something of the demo may be left in %s", stage.folder)
