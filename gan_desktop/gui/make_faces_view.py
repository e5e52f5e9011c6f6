"""Faces that nobody has seen before: random ones, changed ones, and the way from one to another."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui import icons
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.class_faces_view import enlarged
from gan_desktop.gui.face_sliders import FaceSliders
from gan_desktop.gui.face_tray import COLUMNS, FaceTray
from gan_desktop.gui.face_walk import FaceWalk
from gan_desktop.gui.faces_view import FacesView
from gan_desktop.gui.gallery_save import SaveButton
from gan_desktop.gui.make_faces import FIRST_SEED, FaceMaker
from gan_desktop.gui.motion import is_motion_reduced
from gan_desktop.gui.saving import ask_where, write_file
from gan_desktop.gui.session import Session
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import number

LONGEST_SEED = 40
SAVED_EDGE_PX = 512


class MakeFacesView(QWidget):
    """Left, sixteen faces of a seed; right, what is done with the ones that were picked."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._maker = FaceMaker(session, self)
        # Of the seed, and the face in hand.
        self._pngs: tuple[bytes, ...] = ()
        self._face_png = b""
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(em(self))
        row.addWidget(self._make_left(), 5)
        row.addWidget(self._make_right(), 6)
        self._maker.changed.connect(self._show_state)
        self._maker.faces_drawn.connect(self._take_faces)
        self._maker.face_drawn.connect(self._take_face)
        self._maker.walk_drawn.connect(self._take_walk)
        session.class_changed.connect(self._show_state)
        session.link_changed.connect(self._show_state)
        self._show_state()

    # -- building -------------------------------------------------------------------------------

    def _make_left(self) -> QFrame:
        self.seed = QLineEdit(FIRST_SEED, self)
        self.seed.setMaxLength(LONGEST_SEED)
        self.seed.setToolTip(
            self.tr("A number or a word, your name for instance. The same one gives the same faces.")
        )
        self.seed.setAccessibleDescription(self.seed.toolTip())
        self.seed.editingFinished.connect(self._take_seed)
        label = QLabel(self.tr("Number or word"), self)
        label.setBuddy(self.seed)
        note = QLabel(self.tr("The same one always gives the same faces. Try your name."), self)
        note.setWordWrap(True)
        set_role(note, "muted")
        self.dice = QPushButton(self.tr("New faces"), self)
        icons.set_icon(self.dice, "dice")
        self.dice.clicked.connect(self.throw_dice)
        self.tray = FaceTray(self)
        self.tray.picked.connect(self._take_picks)
        top = QHBoxLayout()
        top.setSpacing(em(self, 0.6))
        top.addWidget(label)
        top.addWidget(self.seed, 1)
        top.addWidget(self.dice)
        self._source = QLabel(self)
        self._source.setWordWrap(True)
        set_role(self._source, "muted")
        self._use_newest = QPushButton(self)
        set_role(self._use_newest, "link")
        self._use_newest.clicked.connect(self._maker.use_newest)
        return _card(self, top, note, (self.tray, 1), self._source, self._use_newest)

    def _make_right(self) -> QFrame:
        self.to_change = self._segment(self.tr("Change a face"))
        self.to_walk = self._segment(self.tr("From one to another"))
        group = QButtonGroup(self)
        group.addButton(self.to_change)
        group.addButton(self.to_walk)
        self.to_change.setChecked(True)
        self.to_change.toggled.connect(self._show_mode)
        segments = QHBoxLayout()
        segments.setSpacing(0)
        segments.addWidget(self.to_change)
        segments.addWidget(self.to_walk)
        segments.addStretch(1)
        self.face = FacesView(self, least_em=8)
        self.face.setAccessibleName(self.tr("The face in hand"))
        self.sliders = FaceSliders(self)
        self.sliders.moved.connect(self._draw_face)
        self.walk = FaceWalk(self.face.show_picture, self)
        self._modes = QStackedWidget(self)
        self._modes.addWidget(self.sliders)
        self._modes.addWidget(self.walk)
        self.save = SaveButton(self)
        self.save.offer(self.tr("This face (PNG) ..."), self.ask_to_save_face)
        self.save.offer(self.tr("All sixteen faces (PNG) ..."), self.ask_to_save_all)
        self.save.offer(self.tr("From one to another (GIF) ..."), self.ask_to_save_walk)
        return _card(self, segments, (self.face, 1), self._modes, self.save)

    def _segment(self, text: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setCheckable(True)
        set_role(button, "segment")
        return button

    # -- what somebody does ---------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name: the network is loaded when somebody wants to draw with it."""
        super().showEvent(event)
        self._maker.want()
        self._show_state()

    @Slot()
    def throw_dice(self) -> None:
        """Sixteen other faces."""
        self.seed.setText(str(secrets.randbelow(1_000_000)))
        self._take_seed()

    @Slot()
    def _take_seed(self) -> None:
        seed = self.seed.text().strip() or FIRST_SEED
        self.seed.setText(seed)
        if seed != self._maker.seed:
            self._maker.seed = seed
            self._level_sliders()
            self._maker.draw_faces()

    @Slot()
    def _take_picks(self) -> None:
        self._level_sliders()
        self._draw_mode()

    def _level_sliders(self) -> None:
        """Another face begins as it is."""
        self.sliders.blockSignals(True)
        self.sliders.reset()
        self.sliders.blockSignals(False)

    @Slot()
    def _show_mode(self) -> None:
        is_change = self.to_change.isChecked()
        self._modes.setCurrentWidget(self.sliders if is_change else self.walk)
        self.tray.show_badges(not is_change)
        self._draw_mode()

    def _draw_mode(self) -> None:
        if self.to_change.isChecked():
            self._draw_face()
        else:
            self._maker.draw_walk(self.tray.first, self.tray.second)

    @Slot()
    def _draw_face(self) -> None:
        self._maker.draw_face(self.tray.second, self.sliders.amounts)

    # -- what arrives ---------------------------------------------------------------------------

    @Slot(object)
    def _take_faces(self, pngs: tuple[bytes, ...]) -> None:
        self._pngs = pngs
        self.tray.show_faces(pngs)
        self._draw_mode()
        self._show_state()

    @Slot(object)
    def _take_face(self, png: bytes) -> None:
        self._face_png = png
        if self.to_change.isChecked():
            self.face.show_picture(png)

    @Slot(object)
    def _take_walk(self, frames: tuple[bytes, ...]) -> None:
        if self.to_walk.isChecked():
            is_still = is_motion_reduced(self._session.preferences.less_motion)
            self.walk.take_frames(frames, play=not is_still)

    @Slot()
    def _show_state(self) -> None:
        network, newest = self._maker.network, self._maker.newest
        if network is None:
            self._pngs = ()
            self.tray.clear_faces()
        if not self._pngs:
            self.face.show_words(self._why_empty())
        for part in (self.tray, self.dice, self._modes, self.save, self.to_change, self.to_walk):
            part.setEnabled(bool(self._pngs))
        self._source.setVisible(network is not None)
        if network is not None:
            words = self.tr("Drawn on this computer, with the class's network of iteration {number}.")
            self._source.setText(words.format(number=number(network.average.iteration)))
        is_old = network is not None and newest is not None
        is_old = is_old and newest.iteration > network.average.iteration  # type: ignore[union-attr]
        self._use_newest.setVisible(is_old)
        if newest is not None:
            words = self.tr("Draw with iteration {number}")
            self._use_newest.setText(words.format(number=number(newest.iteration)))

    def _why_empty(self) -> str:
        session, maker = self._session, self._maker
        if session.joined is None:
            return self.tr("Join a class, and you can draw with its network.")
        if maker.error is not None:
            return engine_text(maker.error.message)
        if maker.network is not None:
            return self.tr("Drawing the first faces ...")
        if session.link is None or not maker.is_answered:
            return self.tr("Getting the class's network ...")
        if not session.link.is_connected:
            return self.tr("No connection to the class. You can draw as soon as it is back.")
        return self.tr("You can draw as soon as the training has begun.")

    # -- saving ---------------------------------------------------------------------------------

    @Slot()
    def ask_to_save_face(self) -> None:
        """Ask for a file, then save the face in hand."""
        name = f"face-{self._file_words()}-{self.tray.second + 1}.png"
        ask_where(self, self.tr("Save picture"), name, self.save_face)

    @Slot()
    def ask_to_save_all(self) -> None:
        """Ask for a file, then save the sixteen faces as one picture."""
        ask_where(self, self.tr("Save picture"), f"faces-{self._file_words()}.png", self.save_all)

    @Slot()
    def ask_to_save_walk(self) -> None:
        """Ask for a file, then save the walk."""
        ask_where(self, self.tr("Save film"), f"walk-{self._file_words()}.gif", self.save_walk)

    def _file_words(self) -> str:
        """The seed, as far as any file system takes it."""
        return "".join(letter for letter in self._maker.seed if letter.isalnum())[:20] or FIRST_SEED

    def save_face(self, path: Path) -> None:
        """Write the face in hand, enlarged."""
        png = self._face_png
        self._write(path, lambda: enlarged(png, SAVED_EDGE_PX))

    def save_all(self, path: Path) -> None:
        """Write the sixteen faces, enlarged."""
        pngs = self._pngs
        self._write(path, lambda: enlarged(_sheet(pngs)))

    def save_walk(self, path: Path) -> None:
        """Draw and write the walk between the two faces picked last."""
        if self._maker.network is not None:
            self.save.tell_making()
            self._write(path, self._maker.film(self.tray.first, self.tray.second))

    def _write(self, path: Path, make: Callable[[], bytes]) -> None:
        run_in_background(
            lambda: write_file(path, make()), self.save.tell_saved, self.save.tell_error, owner=self
        )


def _sheet(pngs: tuple[bytes, ...]) -> bytes:
    """The faces side by side, as one PNG."""
    import io

    import numpy as np
    from PIL import Image

    from gan_desktop.training.picture_files import grid, png

    pixels = [np.asarray(Image.open(io.BytesIO(face)).convert("RGB")) for face in pngs]
    return png(grid(np.stack(pixels), COLUMNS))


def _card(parent: QWidget, *parts: QHBoxLayout | QWidget | tuple[QWidget, int]) -> QFrame:
    """Parts below each other on a card; a tuple gives a stretch."""
    card = QFrame(parent)
    set_role(card, "card")
    column = QVBoxLayout(card)
    margin = em(parent, 0.9)
    column.setContentsMargins(margin, margin, margin, margin)
    column.setSpacing(em(parent, 0.5))
    for part in parts:
        if isinstance(part, tuple):
            column.addWidget(*part)
        elif isinstance(part, QHBoxLayout):
            column.addLayout(part)
        else:
            column.addWidget(part)
    return card
