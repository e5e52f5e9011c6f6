"""The class's grids of faces for the projector: those of the training that goes on, else of the last one."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.picture_source import PictureSource
from gan_desktop.records import SampleDrawn


class TaughtPictures(PictureSource):
    """Brings them from the class."""

    def __init__(self, session: TeachingSession, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._run_id: int | None = None
        session.class_changed.connect(self._follow)
        session.snapshot_changed.connect(self._follow)
        session.sample_arrived.connect(self._take_sample)
        self._follow()
        if (sample := session.newest_sample) is not None:
            self._take_sample(sample)

    def ask(self, iteration: int) -> None:
        """From the class."""
        self._session.request_sample(iteration)

    @Slot()
    def _follow(self) -> None:
        snapshot = self._session.snapshot
        run_id = snapshot.training.run.run_id if snapshot.training is not None else None
        if run_id != self._run_id:
            self._run_id = run_id
            self._forget_all()
        self._offer(snapshot.sample_iterations)

    @Slot(object)
    def _take_sample(self, sample: SampleDrawn) -> None:
        self._take(sample.iteration, sample.png)
