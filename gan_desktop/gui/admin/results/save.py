"""Saving what a class has made: asks where to, does it in the background, says what became of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QProgressBar, QPushButton, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.guest_work import run_as_guest
from gan_desktop.gui.admin.ongoing import Ongoing
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.chart_export import write_picture
from gan_desktop.gui.joining.page import plain_label, push_button
from gan_desktop.gui.saving import ask_where, write_file
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import number

if TYPE_CHECKING:
    from gan_desktop.class_admin.results import Course
    from gan_desktop.database.address import Address
    from gan_desktop.gui.admin.results.reader import ResultsReader

LOOK_MS = 150


@dataclass(frozen=True)
class _Saved:
    """Where something is now, and the iteration whose weights are in it."""

    path: Path
    iteration: int | None = None


class ResultsSaving(QWidget):
    """One thing at a time; hidden while there is nothing to say.

    Signals:
        busy_changed: Whether something is being saved.
        checkpoint_saved: Its path.
    """

    busy_changed = Signal(bool)
    checkpoint_saved = Signal(object)

    def __init__(self, session: TeachingSession, reader: ResultsReader, parent: QWidget) -> None:
        super().__init__(parent)
        self._session, self._reader = session, reader
        self._ongoing: Ongoing | None = None
        self._is_trouble = False
        self.said = plain_label("", self)
        self._bar = QProgressBar(self, textVisible=False)
        self._bar.setAccessibleName(self.tr("How much is saved"))
        set_role(self._bar, "thin")
        self._cancel: QPushButton = push_button(self.tr("Cancel"), self.cancel, self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(em(self, 0.6))
        row.addWidget(self.said, 1)
        row.addWidget(self._bar, 1)
        row.addWidget(self._cancel)
        self._clock = QTimer(self, interval=LOOK_MS)
        self._clock.timeout.connect(self._show_progress)
        session.leaving.connect(self.cancel)
        self._show_busy(is_busy=False)
        self.hide()

    @property
    def is_busy(self) -> bool:
        """Whether something is being saved."""
        return self._ongoing is not None

    # -- asking where to ------------------------------------------------------------------------

    def ask_for_checkpoint(self, iteration: int | None) -> None:
        """Ask for a file for an iteration's weights (None: the newest, whichever it is by then)."""
        name = self._base() if iteration is None else f"{self._base()} {self._word(iteration)}"
        save = partial(self.save_checkpoint, iteration)
        ask_where(self, self.tr("Save checkpoint"), f"{name}.safetensors", save)

    def ask_for_faces(self, iteration: int) -> None:
        """Ask for a file for an iteration's grid of faces."""
        name = f"{self._base()} {self._word(iteration)}.png"
        ask_where(self, self.tr("Save faces"), name, partial(self.save_faces, iteration))

    def ask_for_film(self, iteration: int) -> None:
        """Ask for a file for the time-lapse up to an iteration."""
        ask_where(self, self.tr("Save time-lapse"), f"{self._base()}.gif", partial(self.save_film, iteration))

    def ask_for_curves_picture(self) -> None:
        """Ask for a file for the curves as they are drawn."""
        ask_where(self, self.tr("Save curves"), f"{self._base()} curves.png", self.save_curves_picture)

    def ask_for_curves_table(self) -> None:
        """Ask for a file for the curves' figures."""
        ask_where(self, self.tr("Save curves"), f"{self._base()} curves.csv", self.save_curves_table)

    def ask_for_folder(self, iteration: int | None) -> None:
        """Ask in which folder the folder with everything shall be made (None: with the newest iteration)."""
        dialog = QFileDialog(self, self.tr("Where shall the folder be made?"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setLabelText(QFileDialog.DialogLabel.Accept, self.tr("Save here"))
        dialog.fileSelected.connect(lambda name: self.save_everything(iteration, Path(name)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _base(self) -> str:
        """The training's name, as every system takes it in a file's name."""
        course = self._reader.course
        name = course.run.name if course is not None else ""
        return re.sub(r'[\\/:*?"<>|\x00-\x1f]+', " ", name).strip(" .") or "GAN Desktop"

    def _word(self, iteration: int) -> str:
        return self.tr("iteration {number}").format(number=iteration)

    # -- doing it -------------------------------------------------------------------------------

    def save_checkpoint(self, iteration: int | None, path: Path) -> None:
        """Write an iteration's weights; None: the newest at this moment."""

        def save(coordinator: Address, course: Course, _ongoing: Ongoing) -> _Saved:
            from gan_desktop.class_admin.portrait import load_with_figures
            from gan_desktop.training.checkpoint_file import write_checkpoint

            figures, checkpoint = load_with_figures(coordinator, iteration, course.run.run_id)
            write_checkpoint(path, checkpoint)
            return _Saved(path, figures.iteration)

        self._begin(self.tr("Saving the checkpoint ..."), save, self.checkpoint_saved.emit)

    def save_faces(self, iteration: int, path: Path) -> None:
        """Write an iteration's grid of faces."""

        def save(coordinator: Address, course: Course, _ongoing: Ongoing) -> _Saved:
            from gan_desktop.class_admin.results import samples_of

            samples = samples_of(coordinator, course.run.run_id, [iteration])
            if not samples:
                raise GanDesktopError(
                    "The class has kept no faces of this iteration.", title="Nothing to save"
                )
            return _Saved(write_file(path, samples[0].png))

        self._begin(self.tr("Saving the faces ..."), save)

    def save_film(self, iteration: int, path: Path) -> None:
        """Write the time-lapse up to an iteration."""
        words = self.tr("Iteration {number}")

        def save(coordinator: Address, course: Course, ongoing: Ongoing) -> _Saved:
            from gan_desktop.class_admin.results import film_until

            film = film_until(coordinator, course.run.run_id, iteration, words, ongoing.tell)
            return _Saved(write_file(path, film))

        self._begin(self.tr("Making the film ..."), save)

    def save_curves_picture(self, path: Path) -> None:
        """Draw the curves and write them."""
        # Brings pyqtgraph, which takes half a second.
        from gan_desktop.gui.admin.results.curves import curves_picture

        course = self._reader.course
        if course is None:
            return
        picture = curves_picture(course.history)
        self._begin(self.tr("Saving the curves ..."), lambda *_: _Saved(write_picture(path, picture)))

    def save_curves_table(self, path: Path) -> None:
        """Write the curves' figures."""

        def save(_coordinator: Address, course: Course, _ongoing: Ongoing) -> _Saved:
            from gan_desktop.class_admin.results import curves_csv

            return _Saved(write_file(path, curves_csv(course.history).encode()))

        self._begin(self.tr("Saving the curves ..."), save)

    def save_everything(self, iteration: int | None, place: Path) -> None:
        """Write everything into a folder of its own below `place`; None: of the newest at this moment."""
        from gan_desktop.gui.admin.results.curves import as_png, curves_picture

        course = self._reader.course
        if course is None:
            return
        curves = as_png(curves_picture(course.history))
        base, words = self._base(), self.tr("iteration {number}")

        def save(coordinator: Address, course: Course, ongoing: Ongoing) -> _Saved:
            from gan_desktop.class_admin.portrait import take_portrait
            from gan_desktop.class_admin.results import CURVES_PICTURE, course_of, write_results

            portrait = take_portrait(coordinator, iteration, course.run.run_id)
            course = course_of(coordinator, course.run.run_id)
            folder = _unused(place / f"{base} {words.format(number=portrait.figures.iteration)}")
            write_results(coordinator, folder, course, portrait, {CURVES_PICTURE: curves}, ongoing.tell)
            return _Saved(folder, portrait.figures.iteration)

        self._begin(self.tr("Saving everything ..."), save)

    @Slot()
    def cancel(self) -> None:
        """Stop after the picture at hand."""
        if self._ongoing is not None:
            self._ongoing.cancel()

    def _begin(
        self,
        words: str,
        save: Callable[[Address, Course, Ongoing], _Saved],
        on_saved: Callable[[Path], None] = lambda _path: None,
    ) -> None:
        course, taught = self._reader.course, self._session.taught
        if course is None or taught is None or self._ongoing is not None:
            return
        ongoing = self._ongoing = Ongoing()

        def saved(done: _Saved) -> None:
            said = self.tr("Saved as {file}.").format(file=done.path)
            if done.iteration is not None:
                said = self.tr("Iteration {number} is saved as {file}.")
                said = said.format(number=number(done.iteration), file=done.path)
            self._end(said, is_trouble=False)
            on_saved(done.path)

        def failed(error: GanDesktopError) -> None:
            self._end(f"{engine_text(error.title)}: {engine_text(error.message)}", is_trouble=True)

        self._show_busy(is_busy=True)
        self._say(words, is_trouble=False)
        run_as_guest(
            self._session,
            self.tr("Results are being saved."),
            lambda: save(taught.address, course, ongoing),
            saved,
            failed,
            owner=self,
        )

    def _end(self, words: str, *, is_trouble: bool) -> None:
        self._ongoing = None
        self._show_busy(is_busy=False)
        self._say(words, is_trouble=is_trouble)

    # -- what is shown --------------------------------------------------------------------------

    def forget_trouble(self) -> None:
        """What went wrong the last time is of no interest any more."""
        if self._is_trouble:
            self.hide()

    def _say(self, words: str, *, is_trouble: bool) -> None:
        self._is_trouble = is_trouble
        set_role(self.said, "bad" if is_trouble else "")
        self.said.setText(words)
        self.show()

    def _show_busy(self, *, is_busy: bool) -> None:
        self._bar.setRange(0, 0)
        self._bar.setVisible(is_busy)
        self._cancel.setVisible(is_busy)
        (self._clock.start if is_busy else self._clock.stop)()
        self.busy_changed.emit(is_busy)

    @Slot()
    def _show_progress(self) -> None:
        if self._ongoing is not None and self._ongoing.total:
            self._bar.setRange(0, self._ongoing.total)
            self._bar.setValue(self._ongoing.done)


def _unused(folder: Path) -> Path:
    """A folder that is not there yet: a second export gets a number."""
    copy = 2
    free = folder
    while free.exists():
        free = folder.with_name(f"{folder.name} ({copy})")
        copy += 1
    return free
