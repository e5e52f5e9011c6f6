"""Draws new faces with the class's newest generator: sixteen of a seed, one of them changed, a walk.

It goes on with the network it began with until it is told to take the newer one: faces do not change under
somebody's hands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal, Slot

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.class_reader import AverageAnswer
from gan_desktop.gui.session import Session
from gan_desktop.gui.snapshot import Average
from gan_desktop.gui.studio import Network, OneAtATime, Studio

FIRST_SEED = "1"
NUM_FACES = 16
NUM_FRAMES, FRAME_MS = 48, 80
WALK_EDGE_PX = 384


class FaceMaker(QObject):
    """All that the view of new faces knows; it draws in the background, the newest wish first.

    Signals:
        changed: `network`, `newest`, `error` or `is_answered` is another one.
        faces_drawn: PNGs of the seed's faces.
        face_drawn: A PNG of the face that was asked for.
        walk_drawn: PNGs of the frames.
    """

    changed = Signal()
    faces_drawn = Signal(object)
    face_drawn = Signal(object)
    walk_drawn = Signal(object)

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._studio = Studio()
        self._network: Network | None = None
        self._newest: Average | None = None
        self._error: GanDesktopError | None = None
        self._is_answered = self._is_wanted = False
        self.seed = FIRST_SEED
        self._faces_work = OneAtATime(self, self._take_error)
        self._face_work = OneAtATime(self, self._take_error)
        self._walk_work = OneAtATime(self, self._take_error)
        session.average_arrived.connect(self._take_answer)
        session.class_changed.connect(self._begin)
        session.link_changed.connect(self._look)
        # The first answer may come before the training is known.
        session.training_changed.connect(self._look)

    @property
    def network(self) -> Network | None:
        """What it draws with; None: nothing yet."""
        return self._network

    @property
    def newest(self) -> Average | None:
        """The newest generator that is here."""
        return self._newest

    @property
    def error(self) -> GanDesktopError | None:
        """Why nothing can be drawn."""
        return self._error

    @property
    def is_answered(self) -> bool:
        """Whether it is known if there is a generator."""
        return self._is_answered

    # -- the network ----------------------------------------------------------------------------

    def want(self) -> None:
        """Somebody wants to draw: get a generator, if none is here. Before that nothing is fetched."""
        self._is_wanted = True
        self._look()

    @Slot()
    def _begin(self) -> None:
        """Another class, or none."""
        self._network = self._newest = self._error = None
        self._is_answered = False
        self.changed.emit()
        self._look()

    @Slot()
    def _look(self) -> None:
        if self._is_wanted and self._network is None:
            if self._newest is not None:
                self.use_newest()
            elif self._session.joined is not None:
                self._session.request_average()

    @Slot(object)
    def _take_answer(self, answer: AverageAnswer) -> None:
        if answer.wanted.iteration is not None:
            return
        self._is_answered = True
        if answer.error is not None:
            self._error = answer.error
        elif answer.average is not None:
            self._newest = answer.average
            if self._is_wanted and self._network is None:
                self.use_newest()
        self.changed.emit()

    @Slot()
    def use_newest(self) -> None:
        """Draw with the newest generator that is here."""
        training = self._session.snapshot.training
        if self._newest is None or training is None or training.run.run_id != self._newest.run_id:
            return
        self._error = None
        self._network = Network(training.run.config, self._newest)
        self.draw_faces()
        self.changed.emit()

    def _take_error(self, error: GanDesktopError) -> None:
        """The bytes are damaged: they are fetched anew when the class is looked at next."""
        self._error = error
        self._network = self._newest = None
        training, folder = self._session.snapshot.training, self._session.class_folder
        if training is not None and folder is not None:
            run_id = training.run.run_id
            run_in_background(lambda: folder.drop_average(run_id), lambda _: None, lambda _: None, owner=self)
        self.changed.emit()

    # -- drawing --------------------------------------------------------------------------------

    def draw_faces(self) -> None:
        """The faces of the seed; `faces_drawn` brings them."""
        if (network := self._network) is not None:
            studio, seed = self._studio, self.seed
            self._faces_work.ask(lambda: studio.random_faces(network, seed, NUM_FACES), self.faces_drawn.emit)

    def draw_face(self, index: int, amounts: Sequence[float]) -> None:
        """One of them, moved along the main directions; `face_drawn` brings it."""
        if (network := self._network) is not None:
            studio, seed = self._studio, self.seed
            self._face_work.ask(
                lambda: studio.moved_face(network, seed, index, amounts), self.face_drawn.emit
            )

    def draw_walk(self, first: int, second: int) -> None:
        """From one of them to another and back; `walk_drawn` brings the frames."""
        if (network := self._network) is None:
            return
        studio, seed = self._studio, self.seed

        def draw() -> tuple[bytes, ...]:
            from gan_desktop.training.picture_files import png

            return tuple(png(frame) for frame in studio.walk(network, seed, first, second, NUM_FRAMES))

        self._walk_work.ask(draw, self.walk_drawn.emit)

    def film(self, first: int, second: int) -> Callable[[], bytes]:
        """What makes the walk's GIF, to be called in the background; the network must be there."""
        network, studio, seed = self._network, self._studio, self.seed
        assert network is not None

        def make() -> bytes:
            from gan_desktop.training.picture_files import gif

            frames = studio.walk(network, seed, first, second, NUM_FRAMES)
            return gif(frames, FRAME_MS, max(1, WALK_EDGE_PX // network.config.image_size))

        return make
