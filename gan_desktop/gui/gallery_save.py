"""The button that saves what a view of the Gallery shows, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui import icons
from gan_desktop.gui.picture_source import PictureSource
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.time_lapse import TimeLapse
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import number

SAID_MS = 15_000


class SaveButton(QWidget):
    """A menu of what can be saved; below it the outcome. While a film is being made it says how far."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._film: TimeLapse | None = None
        self._button = QPushButton(self.tr("Save"), self)
        icons.set_icon(self._button, "save")
        self._menu = QMenu(self._button)
        self._button.setMenu(self._menu)
        self._cancel = QPushButton(self.tr("Cancel"), self)
        self._cancel.clicked.connect(self._drop_film)
        self._cancel.hide()
        self._said = QLabel(self)
        self._said.setTextFormat(Qt.TextFormat.PlainText)
        self._said.setWordWrap(True)
        self._said.hide()
        set_role(self._said, "muted")
        self._silence = QTimer(self, interval=SAID_MS, singleShot=True)
        self._silence.timeout.connect(self._said.hide)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.5))
        column.addWidget(self._said)
        column.addWidget(self._button)
        column.addWidget(self._cancel)

    def offer(self, text: str, act: Callable[[], None]) -> None:
        """Add an entry to the menu."""
        self._menu.addAction(text, act)

    def tell_saved(self, path: Path) -> None:
        """Say where it is."""
        self.tell(self.tr("Saved as {file}.").format(file=path.name))
        self._said.setToolTip(str(path))

    def tell_error(self, error: GanDesktopError) -> None:
        """Say why it is not."""
        self.tell(engine_text(error.message))

    def tell(self, words: str) -> None:
        """Show a sentence for a while."""
        self._said.setText(words)
        self._said.setToolTip("")
        self._said.show()
        self._silence.start()

    def tell_making(self) -> None:
        """Say, until the outcome, that a film is being made."""
        self.tell(self.tr("Making the film ..."))
        self._silence.stop()

    def make_film(self, source: PictureSource, path: Path) -> None:
        """Make a time-lapse of all iterations of a source; one at a time."""
        self._drop_film()
        caption = self.tr("Iteration {number}")
        film = self._film = TimeLapse(source, path, lambda it: caption.format(number=number(it)), self)
        film.told.connect(self._tell_progress)
        film.saved.connect(self._end_film)
        film.failed.connect(self._end_film)
        self._button.hide()
        self._cancel.show()
        film.start()

    @Slot(int, int)
    def _tell_progress(self, num_here: int, num_all: int) -> None:
        if num_here < num_all:
            words = self.tr("Getting the faces: {number} of {last}")
            self.tell(words.format(number=number(num_here), last=number(num_all)))
            self._silence.stop()
        else:
            self.tell_making()
            self._cancel.hide()
            self._button.show()
            self._button.setEnabled(False)

    @Slot(object)
    def _end_film(self, outcome: Path | GanDesktopError) -> None:
        self._drop_film()
        if isinstance(outcome, GanDesktopError):
            self.tell_error(outcome)
        else:
            self.tell_saved(outcome)

    @Slot()
    def _drop_film(self) -> None:
        if self._film is not None:
            self._film.deleteLater()
            self._film = None
        self._cancel.hide()
        self._button.show()
        self._button.setEnabled(True)
        self._said.hide()
