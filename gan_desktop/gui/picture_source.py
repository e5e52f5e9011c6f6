"""Pictures by iteration, brought when somebody wants to see them: the class's grids."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from PySide6.QtCore import QObject, Signal, Slot

from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.session import Session
from gan_desktop.records import SampleDrawn

# A grid of a long training takes some 100 kB; what has left the memory is on the disk.
IN_MEMORY = 80


class PictureSource(QObject):
    """What a film shows: one PNG for each of some iterations.

    Signals:
        iterations_changed: `iterations` has others than before.
        arrived: The picture of an iteration is here: `picture` has it.
    """

    iterations_changed = Signal()
    arrived = Signal(int)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._iterations: tuple[int, ...] = ()
        self._pictures: OrderedDict[int, bytes] = OrderedDict()

    @property
    def iterations(self) -> tuple[int, ...]:
        """Those that can be asked for now, in order."""
        return self._iterations

    def picture(self, iteration: int) -> bytes | None:
        """A picture that is in memory."""
        return self._pictures.get(iteration)

    def ask(self, iteration: int) -> None:
        """Bring a picture; `arrived` follows, or nothing where it cannot be had."""
        raise NotImplementedError

    def _offer(self, iterations: Iterable[int]) -> None:
        offered = tuple(sorted(iterations))
        if offered != self._iterations:
            self._iterations = offered
            self.iterations_changed.emit()

    def _take(self, iteration: int, png: bytes) -> None:
        self._pictures[iteration] = png
        self._pictures.move_to_end(iteration)
        if len(self._pictures) > IN_MEMORY:
            self._pictures.popitem(last=False)
        self.arrived.emit(iteration)

    def _forget_all(self) -> None:
        self._pictures.clear()
        self._offer(())


class ClassPictures(PictureSource):
    """The class's grids: all it has while it is connected, those fetched before otherwise."""

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._run_id: int | None = None
        self._kept: set[int] = set()
        session.class_changed.connect(self._begin)
        session.training_changed.connect(self._follow_training)
        session.sample_iterations_changed.connect(self._follow)
        session.link_changed.connect(self._follow)
        session.sample_arrived.connect(self._take_sample)
        self._begin()
        if (sample := session.newest_sample) is not None:
            self._take_sample(sample)

    def ask(self, iteration: int) -> None:
        """From the disk, or from the class."""
        self._session.request_sample(iteration)

    @Slot()
    def _begin(self) -> None:
        self._run_id = None
        self._kept.clear()
        self._forget_all()
        self._follow_training()

    @Slot()
    def _follow_training(self) -> None:
        training, folder = self._session.snapshot.training, self._session.class_folder
        run_id = training.run.run_id if training is not None else None
        if run_id is None or folder is None or run_id == self._run_id:
            return
        self._run_id = run_id
        self._kept.clear()
        self._forget_all()

        def take(kept: tuple[int, ...]) -> None:
            if self._run_id == run_id:
                self._kept.update(kept)
                self._follow()

        run_in_background(lambda: folder.kept_samples(run_id), take, lambda _error: None, owner=self)
        self._follow()

    @Slot()
    def _follow(self) -> None:
        link = self._session.link
        is_connected = link is not None and link.is_connected
        self._offer(self._kept | set(self._session.snapshot.sample_iterations if is_connected else ()))

    @Slot(object)
    def _take_sample(self, sample: SampleDrawn) -> None:
        self._kept.add(sample.iteration)
        self._follow()
        self._take(sample.iteration, sample.png)
