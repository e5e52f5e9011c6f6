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
    """The class's grids: all it has while it is connected, those fetched before otherwise.

    Of former trainings those that were fetched can be chosen.

    Signals:
        trainings_changed: `trainings` or `shown_training` is another one.
    """

    trainings_changed = Signal()

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._run_id: int | None = None
        self._former: int | None = None
        self._trainings: tuple[int, ...] = ()
        self._kept: set[int] = set()
        session.class_changed.connect(self._begin)
        session.training_changed.connect(self._follow_training)
        session.sample_iterations_changed.connect(self._follow)
        session.link_changed.connect(self._follow)
        session.sample_arrived.connect(self._take_sample)
        self._begin()
        if (sample := session.newest_sample) is not None:
            self._take_sample(sample)

    @property
    def trainings(self) -> tuple[int, ...]:
        """Those that can be chosen, by `run_id`, in order: the newest is the class's."""
        return self._trainings

    @property
    def shown_training(self) -> int | None:
        """The `run_id` of what is offered."""
        return self._run_id if self._former is None else self._former

    @property
    def is_former(self) -> bool:
        """Whether another training than the class's newest is offered."""
        return self._former is not None

    def choose_training(self, run_id: int) -> None:
        """Offer one of `trainings`."""
        if run_id != self.shown_training and run_id in self._trainings:
            self._former = None if run_id == self._run_id else run_id
            self._read_kept()

    def ask(self, iteration: int) -> None:
        """From the disk, or from the class."""
        folder, former = self._session.class_folder, self._former
        if former is None:
            self._session.request_sample(iteration)
        elif folder is not None:

            def take(sample: SampleDrawn | None) -> None:
                if sample is not None and former == self._former:
                    self._take(iteration, sample.png)

            run_in_background(lambda: folder.sample(former, iteration), take, lambda _error: None, owner=self)

    @Slot()
    def _begin(self) -> None:
        self._run_id = self._former = None
        self._trainings = ()
        self.trainings_changed.emit()
        self._kept.clear()
        self._forget_all()
        self._follow_training()

    @Slot()
    def _follow_training(self) -> None:
        training, folder = self._session.snapshot.training, self._session.class_folder
        run_id = training.run.run_id if training is not None else None
        if run_id is None or folder is None or run_id == self._run_id:
            return
        self._run_id, self._former = run_id, None
        self._read_kept()

    def _read_kept(self) -> None:
        """Begin with what the disk has of the training that is shown."""
        folder, run_id = self._session.class_folder, self.shown_training
        assert folder is not None
        assert run_id is not None
        self._kept.clear()
        self._forget_all()

        def take(kept: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
            if self.shown_training == run_id and self._run_id is not None:
                self._kept.update(kept[0])
                self._trainings = tuple(sorted({*kept[1], self._run_id}))
                self.trainings_changed.emit()
                self._follow()

        def read() -> tuple[tuple[int, ...], tuple[int, ...]]:
            return folder.kept_samples(run_id), folder.trainings()

        run_in_background(read, take, lambda _error: None, owner=self)
        self._follow()

    @Slot()
    def _follow(self) -> None:
        link = self._session.link
        has_class = self._former is None and link is not None and link.is_connected
        self._offer(self._kept | set(self._session.snapshot.sample_iterations if has_class else ()))

    @Slot(object)
    def _take_sample(self, sample: SampleDrawn) -> None:
        if self._former is not None:
            return
        self._kept.add(sample.iteration)
        self._follow()
        self._take(sample.iteration, sample.png)
