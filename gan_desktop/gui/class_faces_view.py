"""The class's grids of faces, iteration by iteration."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.gallery_save import SaveButton
from gan_desktop.gui.iteration_film import IterationFilm
from gan_desktop.gui.picture_source import ClassPictures
from gan_desktop.gui.saving import ask_where, write_file
from gan_desktop.gui.session import Session
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.words import ago, number

SIDE_EM = 15
# A grid of small faces is saved as large as a slide needs it.
SAVED_EDGE_PX = 1_000


class ClassFacesView(QWidget):
    """The film left; right, which iteration it is and what there is to see."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.pictures = ClassPictures(session, self)
        self.film = IterationFilm(session, self.pictures, self)
        self.film.faces.setAccessibleName(self.tr("Faces of the class"))
        self._title, self._when, self._words = QLabel(self), QLabel(self), QLabel(self)
        self.training = QComboBox(self)
        self.training.setAccessibleName(self.tr("Training"))
        self.training.setToolTip(self.tr("Of former trainings: the faces that were shown on this computer"))
        self.training.activated.connect(self._choose_training)
        self.save = SaveButton(self)
        self.save.offer(self.tr("Picture (PNG) ..."), self.ask_to_save_picture)
        self.save.offer(self.tr("Time-lapse (GIF) ..."), self.ask_to_save_film)
        self._lay_out()
        self._clock = QTimer(self, interval=1_000)
        self._clock.timeout.connect(self._show_state)
        self.film.shown.connect(self._show_state)
        self.film.awaited.connect(self._show_state)
        self.pictures.iterations_changed.connect(self._show_state)
        self.pictures.trainings_changed.connect(self._show_trainings)
        for signal in (session.class_changed, session.link_changed, session.training_changed):
            signal.connect(self._show_state)
        session.history_changed.connect(self._show_state)
        self._show_trainings()
        self._show_state()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(em(self))
        card = QFrame(self)
        set_role(card, "card")
        inside = QVBoxLayout(card)
        margin = em(self, 0.8)
        inside.setContentsMargins(margin, margin, margin, margin)
        inside.addWidget(self.film)
        row.addWidget(card, 1)
        row.addWidget(self._make_side())

    def _make_side(self) -> QFrame:
        scale_font(self._title, 1.15, bold=True)
        set_role(self._when, "muted")
        for label in (self._title, self._when, self._words):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            use_tabular_digits(label)
        side = QFrame(self)
        set_role(side, "card")
        side.setFixedWidth(em(self, SIDE_EM))
        column = QVBoxLayout(side)
        margin = em(self, 0.9)
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(em(self, 0.5))
        column.addWidget(self.training)
        for label in (self._title, self._when, self._words):
            column.addWidget(label)
        column.addStretch(1)
        column.addWidget(self.save)
        return side

    # -- what is shown --------------------------------------------------------------------------

    @Slot()
    def _show_trainings(self) -> None:
        """The choice of the training, the newest first; nothing to choose where there is only one."""
        words = self.tr("Training {number}")
        self.training.clear()
        for run_id in reversed(self.pictures.trainings):
            self.training.addItem(words.format(number=number(run_id)), run_id)
        self.training.setCurrentIndex(self.training.findData(self.pictures.shown_training))
        self.training.setVisible(self.training.count() > 1)

    @Slot()
    def _choose_training(self) -> None:
        self.pictures.choose_training(self.training.currentData())

    @Slot()
    def _show_state(self) -> None:
        iteration = self.film.iteration
        if iteration is None:
            self.film.faces.show_words(self._why_empty())
            self._title.setText(self.tr("Faces of the class"))
            self._when.clear()
            self._words.clear()
        else:
            self._title.setText(self._title_words(iteration))
            self._when.setText(self._when_words(iteration))
            self._words.setText(self._what_is_seen(iteration))
        for label in (self._when, self._words):
            label.setVisible(bool(label.text()))
        self.save.setEnabled(iteration is not None)

    def _why_empty(self) -> str:
        session = self._session
        if session.joined is None:
            return self.tr("Join a class, and its faces appear here.")
        if self.pictures.iterations or session.link is None:
            return self.tr("Getting the faces ...")
        if not session.link.is_connected:
            return self.tr("No connection to the class. Its faces appear here as soon as it is back.")
        return self.tr("The first faces come when the training has begun.")

    def _title_words(self, iteration: int) -> str:
        training = self._session.snapshot.training
        if training is None or self.pictures.is_former:
            return self.tr("Iteration {number}").format(number=number(iteration))
        last = number(training.run.config.target_iterations)
        return self.tr("Iteration {number} of {last}").format(number=number(iteration), last=last)

    def _when_words(self, iteration: int) -> str:
        if self.pictures.is_former:
            return ""
        training, link = self._session.snapshot.training, self._session.link
        lines = []
        if training is not None and training.run.iteration == iteration and training.published_at is not None:
            lines.append(ago(training.published_at))
        after = next(
            (row.total_images for row in self._session.snapshot.history if row.iteration == iteration), 0
        )
        if after:
            lines.append(self.tr("after {number} images").format(number=number(after)))
        if link is not None and not link.is_connected:
            lines.append(self.tr("Not connected: these are the iterations that were fetched."))
        return "\n".join(lines)

    def _what_is_seen(self, iteration: int) -> str:
        if iteration == 0:
            return self.tr(
                "This is what the network draws before it has learned anything. Watch this square."
            )
        return self.tr(
            "Every iteration draws from the same random numbers: a face stays at its place, and what changes"
            " it is the network."
        )

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name. The time since the iteration only runs where somebody sees it."""
        super().showEvent(event)
        self._clock.start()
        self._show_state()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Qt's name."""
        super().hideEvent(event)
        self._clock.stop()

    # -- saving ---------------------------------------------------------------------------------

    @Slot()
    def ask_to_save_picture(self) -> None:
        """Ask for a file, then save the grid on the screen."""
        if (iteration := self.film.iteration) is not None:
            name = f"faces-iteration-{iteration}.png"
            ask_where(self, self.tr("Save picture"), name, partial(self.save_picture, iteration))

    @Slot()
    def ask_to_save_film(self) -> None:
        """Ask for a file, then make a film of all iterations."""
        ask_where(self, self.tr("Save time-lapse"), "faces.gif", self.save_film)

    def save_picture(self, iteration: int, path: Path) -> None:
        """Write the grid of an iteration, enlarged."""
        if (png := self.pictures.picture(iteration)) is not None:
            run_in_background(
                lambda: write_file(path, enlarged(png)),
                self.save.tell_saved,
                self.save.tell_error,
                owner=self,
            )

    def save_film(self, path: Path) -> None:
        """Fetch what is missing and write the film."""
        self.save.make_film(self.pictures, path)


def enlarged(png: bytes, edge_px: int = SAVED_EDGE_PX) -> bytes:
    """A picture as a PNG about so wide: a whole number of times as large as it is."""
    import io

    import numpy as np
    from PIL import Image

    from gan_desktop.training.picture_files import png as to_png

    with Image.open(io.BytesIO(png)) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    return to_png(pixels, max(1, round(edge_px / pixels.shape[1])))
