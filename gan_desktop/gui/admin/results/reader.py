"""What the results page shows of a training: kept iterations, their faces, its course."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QImage

from gan_desktop.gui.admin.session import TeachingSession

if TYPE_CHECKING:
    from gan_desktop.class_admin.results import Course
    from gan_desktop.database.address import Address
    from gan_desktop.database.statistics import RunSummary
    from gan_desktop.records import SampleDrawn

# A long training keeps hundreds of iterations; their faces come in portions.
PORTION = 12
THUMBNAIL_PX = 96


class ResultsReader(QObject):
    """Reads one training of the class, and again whenever it has gone on, while somebody looks.

    Signals:
        course_changed: `course` is another one.
        thumbnails_changed: More small faces are here.
        faces_arrived: The large ones of an iteration, as `SampleDrawn`.
    """

    course_changed = Signal()
    thumbnails_changed = Signal()
    faces_arrived = Signal(object)

    def __init__(self, session: TeachingSession, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._run_id: int | None = None
        self._course: Course | None = None
        self._thumbnails: dict[int, QImage] = {}
        self._seen: tuple[object, ...] | None = None
        self._is_watched = self._is_reading = False
        session.class_changed.connect(self._begin_anew)
        session.snapshot_changed.connect(self._look)

    # -- what is known --------------------------------------------------------------------------

    @property
    def course(self) -> Course | None:
        """The training as it was read last; None: none, or not yet."""
        return self._course

    @property
    def runs(self) -> tuple[RunSummary, ...]:
        """The class's trainings that have something to show, newest first."""
        status = self._session.snapshot.status
        return tuple(run for run in status.runs if run.iteration >= 0) if status is not None else ()

    @property
    def run_id(self) -> int | None:
        """The training that is meant: the chosen one, else the one in progress or the newest."""
        runs = self.runs
        known = [run.run_id for run in runs]
        training = self._session.snapshot.training
        newest = training.run.run_id if training is not None else None
        for wanted in (self._run_id, newest):
            if wanted is not None and wanted in known:
                return wanted
        return known[0] if known else None

    def thumbnail(self, iteration: int) -> QImage | None:
        """Small faces of an iteration, if they are here."""
        return self._thumbnails.get(iteration)

    def watch(self, is_watched: bool) -> None:
        """Somebody looks, or nobody does any more: the course of a long training is a lot to read."""
        self._is_watched = is_watched
        self._look()

    # -- asking ---------------------------------------------------------------------------------

    def choose(self, run_id: int) -> None:
        """Show another training."""
        if run_id != self.run_id:
            self._run_id = run_id
            self._forget()
            self._look()

    def ask_faces(self, iteration: int) -> None:
        """Bring an iteration's faces; `faces_arrived` follows, unless there are none."""
        run_id = self.run_id
        if run_id is None:
            return

        def show(samples: tuple[SampleDrawn, ...]) -> None:
            if run_id == self.run_id:
                for sample in samples:
                    self.faces_arrived.emit(sample)

        self._session.ask(partial(_samples, run_id=run_id, iterations=(iteration,)), show, owner=self)

    @Slot()
    def _begin_anew(self) -> None:
        self._run_id, self._is_reading = None, False
        self._forget()
        self._look()

    def _forget(self) -> None:
        self._seen = None
        self._thumbnails.clear()
        if self._course is not None:
            self._course = None
            self.course_changed.emit()

    @Slot()
    def _look(self) -> None:
        """Read the training if it is another one, or has gone on."""
        run = next((run for run in self.runs if run.run_id == self.run_id), None)
        if run is None:
            if self._course is not None:
                self._forget()
            return
        if not self._is_watched:
            return
        seen = (run.run_id, run.iteration, run.status, run.distance)
        if seen == self._seen or self._is_reading:
            return
        self._seen, self._is_reading = seen, True
        self._session.ask(
            partial(_course, run_id=run.run_id),
            self._take_course,
            owner=self,
            on_error=lambda _error: self._miss(),
        )

    def _miss(self) -> None:
        """The class is away, as the window says elsewhere; the next look asks again."""
        self._seen, self._is_reading = None, False

    def _take_course(self, course: Course) -> None:
        self._is_reading = False
        if course.run.run_id != self.run_id:
            self._seen = None
            self._look()
            return
        self._course = course
        self.course_changed.emit()
        self._ask_thumbnails()
        self._look()

    def _ask_thumbnails(self) -> None:
        course = self._course
        if course is None:
            return
        drawn = set(course.sample_iterations)
        kept = [kept.iteration for kept in reversed(course.kept) if kept.iteration in drawn]
        missing = tuple(iteration for iteration in kept if iteration not in self._thumbnails)[:PORTION]
        if missing:
            run_id = course.run.run_id
            ask = partial(_thumbnails, run_id=run_id, iterations=missing)
            self._session.ask(
                ask, partial(self._take_thumbnails, run_id), owner=self, on_error=lambda _error: None
            )

    def _take_thumbnails(self, run_id: int, thumbnails: dict[int, QImage]) -> None:
        if self._course is not None and run_id == self._course.run.run_id:
            self._thumbnails |= thumbnails
            self.thumbnails_changed.emit()
            if thumbnails:
                self._ask_thumbnails()


# -- in a pool thread -------------------------------------------------------------------------------


def _course(coordinator: Address, run_id: int) -> Course:
    from gan_desktop.class_admin.results import course_of

    return course_of(coordinator, run_id)


def _samples(coordinator: Address, run_id: int, iterations: tuple[int, ...]) -> tuple[SampleDrawn, ...]:
    from gan_desktop.class_admin.results import samples_of

    return samples_of(coordinator, run_id, iterations)


def _thumbnails(coordinator: Address, run_id: int, iterations: tuple[int, ...]) -> dict[int, QImage]:
    samples = _samples(coordinator, run_id, iterations)
    return {sample.iteration: _small(sample.png) for sample in samples}


def _small(png: bytes) -> QImage:
    """The corner of a grid, two by two of its eight by eight faces: more would be too small to see."""
    image = QImage.fromData(png)
    part = image.copy(0, 0, image.width() // 4, image.height() // 4)
    return part.scaled(
        THUMBNAIL_PX,
        THUMBNAIL_PX,
        Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
