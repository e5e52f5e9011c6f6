"""A GIF of faces by iteration: brings what is missing, then makes the film in the background."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.picture_source import PictureSource
from gan_desktop.gui.saving import write_file

# A picture that does not come in this time is left out.
PATIENCE_MS = 5_000


class TimeLapse(QObject):
    """One film in the making.

    Signals:
        told: So many of so many pictures are here.
        saved: The file's path.
        failed: A `GanDesktopError`.
    """

    told = Signal(int, int)
    saved = Signal(object)
    failed = Signal(object)

    def __init__(
        self, source: PictureSource, path: Path, caption: Callable[[int], str], parent: QObject
    ) -> None:
        """Args: caption: What stands below the picture of an iteration."""
        # Pillow is not needed for the window's first second.
        from gan_desktop.training.film import MAX_FRAMES, evenly

        super().__init__(parent)
        self._source, self._path, self._caption = source, path, caption
        self._iterations = evenly(source.iterations, MAX_FRAMES)
        self._missing = list(self._iterations)
        self._pictures: dict[int, bytes] = {}
        self._patience = QTimer(self, interval=PATIENCE_MS, singleShot=True)
        self._patience.timeout.connect(self._skip)
        source.arrived.connect(self._take)

    def start(self) -> None:
        """Begin; `saved` or `failed` follows, unless it is dropped before."""
        self._next()

    def _next(self) -> None:
        while self._missing and (png := self._source.picture(self._missing[0])) is not None:
            self._pictures[self._missing.pop(0)] = png
        self.told.emit(len(self._iterations) - len(self._missing), len(self._iterations))
        if self._missing:
            self._patience.start()
            self._source.ask(self._missing[0])
        else:
            self._write()

    @Slot(int)
    def _take(self, iteration: int) -> None:
        if self._missing and iteration == self._missing[0]:
            self._next()

    @Slot()
    def _skip(self) -> None:
        self._missing.pop(0)
        self._next()

    def _write(self) -> None:
        self._patience.stop()
        captions = {iteration: self._caption(iteration) for iteration in self._pictures}
        pictures, path = self._pictures, self._path
        if not pictures:
            words = "None of the faces could be fetched. Try again when the class is connected."
            self.failed.emit(GanDesktopError(words, title="No film was made"))
            return

        def make() -> Path:
            from gan_desktop.training.film import film_of

            return write_file(path, film_of(pictures, captions))

        run_in_background(make, self.saved.emit, self.failed.emit, owner=self, gently=True)
