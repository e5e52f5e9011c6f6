"""One's own nine faces: as the untrained network drew them, and at every iteration since."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.chart_export import write_picture
from gan_desktop.gui.class_faces_view import SIDE_EM, enlarged
from gan_desktop.gui.faces_view import FacesView
from gan_desktop.gui.gallery_save import SaveButton
from gan_desktop.gui.iteration_film import IterationFilm
from gan_desktop.gui.keepsake import Keepsake, keepsake_line, paint_keepsake
from gan_desktop.gui.my_faces import MyFaces
from gan_desktop.gui.saving import ask_where, write_file
from gan_desktop.gui.session import Session
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import number


class MyFacesView(QWidget):
    """Before, left, and after, right, with a slider over the iterations that were drawn."""

    def __init__(self, session: Session, mine: MyFaces, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._mine = session, mine
        self._error: GanDesktopError | None = None
        # The ends of the film: iteration and picture.
        self._first: tuple[int, bytes] | None = None
        self._newest: tuple[int, bytes] | None = None
        self.film = IterationFilm(session, mine, self)
        self.film.faces.setAccessibleName(self.tr("Your nine faces"))
        self.before = FacesView(self)
        self.before.setAccessibleName(self.tr("Your nine faces before the training"))
        self._before_title, self._after_title = QLabel(self), QLabel(self)
        self._title, self._words, self._line = QLabel(self), QLabel(self), QLabel(self)
        self.save = SaveButton(self)
        self.save.offer(self.tr("Picture to remember (PNG) ..."), self.ask_to_save_keepsake)
        self.save.offer(self.tr("Nine faces (PNG) ..."), self.ask_to_save_faces)
        self.save.offer(self.tr("Time-lapse (GIF) ..."), self.ask_to_save_film)
        self._lay_out()
        mine.iterations_changed.connect(self._look)
        mine.arrived.connect(self._look)
        mine.failed.connect(self._take_error)
        self.film.shown.connect(self._show_state)
        for signal in (session.class_changed, session.link_changed, session.credit_changed):
            signal.connect(self._show_state)
        session.training_changed.connect(self._show_state)
        self._look()

    def _lay_out(self) -> None:
        stage = self.film.stage
        for column, title in enumerate((self._before_title, self._after_title)):
            set_role(title, "muted")
            use_tabular_digits(title)
            title.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom)
            stage.addWidget(title, 0, column)
            stage.setColumnStretch(column, 1)
        stage.addWidget(self.before, 1, 0)
        # Pictures as high as they are wide keep their titles near.
        for line, share in enumerate((1, 100, 1)):
            stage.setRowStretch(line, share)
        card = QFrame(self)
        set_role(card, "card")
        inside = QVBoxLayout(card)
        margin = em(self, 0.8)
        inside.setContentsMargins(margin, margin, margin, margin)
        inside.addWidget(self.film)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(em(self))
        row.addWidget(card, 1)
        row.addWidget(self._make_side())

    def _make_side(self) -> QFrame:
        scale_font(self._title, 1.15, bold=True)
        self._title.setText(self.tr("Your nine faces"))
        set_role(self._line, "muted")
        side = QFrame(self)
        set_role(side, "card")
        side.setFixedWidth(em(self, SIDE_EM))
        column = QVBoxLayout(side)
        margin = em(self, 0.9)
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(em(self, 0.5))
        for label in (self._title, self._words, self._line):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            column.addWidget(label)
        column.addStretch(1)
        column.addWidget(self.save)
        return side

    # -- what is shown --------------------------------------------------------------------------

    @Slot()
    def _look(self) -> None:
        """Have the pictures of both ends at hand."""
        there = self._mine.iterations
        if not there:
            self._first = self._newest = None
        else:
            self._first = self._end(there[0], self._first)
            self._newest = self._end(there[-1], self._newest)
        if self._first is not None:
            self.before.show_picture(self._first[1])
        self._show_state()

    def _end(self, iteration: int, known: tuple[int, bytes] | None) -> tuple[int, bytes] | None:
        if known is not None and known[0] == iteration:
            return known
        png = self._mine.picture(iteration)
        if png is None:
            self._mine.ask(iteration)
            return None
        self._error = None
        return iteration, png

    @Slot(object)
    def _take_error(self, error: GanDesktopError) -> None:
        self._error = error
        self._show_state()

    @Slot()
    def _show_state(self) -> None:
        if not self._mine.iterations:
            self.before.show_words(self.tr("Here they will be as the untrained network draws them."))
            self.film.faces.show_words(self._why_empty())
        self._show_titles()
        self._words.setText(
            self.tr(
                "Nobody else has them: your account decides their nine random inputs once and for all. What"
                " changes is the network that draws them."
            )
        )
        self._line.setText(self._line_words())
        self._line.setVisible(bool(self._line.text()))
        self.save.setEnabled(self._newest is not None)

    def _show_titles(self) -> None:
        before, iteration = self.tr("Before"), self.film.iteration
        after = self.tr("At the end") if self._mine.is_former else self.tr("Now")
        words = self.tr("{when}: iteration {number}")
        if self._first is not None:
            before = words.format(when=before, number=number(self._first[0]))
        if iteration is not None and self._newest is not None and iteration == self._newest[0]:
            after = words.format(when=after, number=number(iteration))
        elif iteration is not None:
            after = self.tr("Iteration {number}").format(number=number(iteration))
        self._before_title.setText(before)
        self._after_title.setText(after)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Qt's name."""
        super().resizeEvent(event)
        for view in (self.before, self.film.faces):
            view.setMaximumHeight(max(view.minimumSizeHint().height(), self._picture_width()))

    def _picture_width(self) -> int:
        inner = self.width() - em(self, SIDE_EM) - em(self) - 2 * em(self, 0.8)
        return (inner - self.film.stage.spacing()) // 2

    def _line_words(self) -> str:
        link, training = self._session.link, self._session.snapshot.training
        if self._error is not None:
            return engine_text(self._error.message)
        if self._newest is None:
            return ""
        if self._mine.is_former:
            return self.tr(
                "These are of the training before. Those of the new one follow with its first iteration."
            )
        if link is not None and not link.is_connected:
            return self.tr("Not connected: these were drawn before.")
        if training is not None and training.run.iteration > self._newest[0]:
            words = self.tr("The class is at iteration {number}. Your faces follow in a moment.")
            return words.format(number=number(training.run.iteration))
        return ""

    def _why_empty(self) -> str:
        session = self._session
        if session.joined is None:
            return self.tr("Join a class, and nine faces are yours.")
        if session.link is None:
            return self.tr("Looking for your faces ...")
        if not session.link.is_connected:
            return self.tr("No connection to the class. Your faces are drawn as soon as it is back.")
        if session.snapshot.training is None:
            return self.tr("Your faces are drawn when the training has begun.")
        if self._error is not None:
            return engine_text(self._error.message)
        return self.tr("Your faces are being drawn ...")

    # -- saving ---------------------------------------------------------------------------------

    @Slot()
    def ask_to_save_keepsake(self) -> None:
        """Ask for a file, then save the picture to remember the class by."""
        if self._first is None or self._newest is None:
            self.save.tell(self.tr("Your picture can be saved as soon as your faces are drawn."))
            return
        ask_where(self, self.tr("Save my picture"), "my-faces.png", self.save_keepsake)

    @Slot()
    def ask_to_save_faces(self) -> None:
        """Ask for a file, then save the nine faces on the screen."""
        if (iteration := self.film.iteration) is not None:
            name = f"my-faces-iteration-{iteration}.png"
            ask_where(self, self.tr("Save picture"), name, partial(self.save_faces, iteration))

    @Slot()
    def ask_to_save_film(self) -> None:
        """Ask for a file, then make a film of all iterations that were drawn."""
        ask_where(self, self.tr("Save time-lapse"), "my-faces.gif", self.save_film)

    def save_keepsake(self, path: Path) -> None:
        """Write before and after, with what one has done for it."""
        assert self._first is not None
        assert self._newest is not None
        (first, first_sheet), (last, last_sheet) = self._first, self._newest
        line = keepsake_line(self._session.snapshot, first, last)
        image = paint_keepsake(Keepsake(self._session.title, line, first, first_sheet, last, last_sheet))
        run_in_background(
            lambda: write_picture(path, image), self.save.tell_saved, self.save.tell_error, owner=self
        )

    def save_faces(self, iteration: int, path: Path) -> None:
        """Write the nine faces of an iteration, enlarged."""
        if (sheet := self._mine.picture(iteration)) is not None:
            run_in_background(
                lambda: write_file(path, enlarged(sheet)),
                self.save.tell_saved,
                self.save.tell_error,
                owner=self,
            )

    def save_film(self, path: Path) -> None:
        """Write the film of all iterations that were drawn."""
        self.save.make_film(self._mine, path)
