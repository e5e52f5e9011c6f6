"""One sitting of a local training: from where it is to the last epoch, or to Ctrl+C."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gan_desktop.local_commands.console import TrainConsole
from gan_desktop.local_commands.training_folder import TrainingFolder
from gan_desktop.training.local_training import LocalTraining, UnitDone
from gan_desktop.training.picture_files import png, scale_to_look_at

# A computer that is switched off in a long epoch loses no more than this.
SAVE_S = 600.0


class Session:
    """Trains, saves and tells.

    Args:
        num_epochs: Where the training is complete.
        keep_every: The checkpoint of every so many epochs is kept for good.
    """

    def __init__(
        self,
        training: LocalTraining,
        folder: TrainingFolder,
        console: TrainConsole,
        num_epochs: int,
        keep_every: int,
    ) -> None:
        self._training = training
        self._folder = folder
        self._console = console
        self._num_epochs = num_epochs
        self._keep_every = keep_every
        self._saved_at = time.monotonic()
        self._has_unsaved = False

    def run(self) -> bool:
        """Train to the end (True) or until stopped (False); a checkpoint is written in both cases."""
        training = self._training
        with _stop_at_ctrl_c() as is_stopping:
            self._console.tell_start(training)
            while training.epoch < self._num_epochs and not is_stopping():
                self._console.begin_epoch(training)
                for unit in training.train_epoch(
                    is_stopping, lambda figures: self._console.show_step(training, figures)
                ):
                    self._after(unit, is_stopping())
            # Ctrl+C may come when what is due after a unit was decided already.
            if self._has_unsaved:
                self._save()
        return training.epoch >= self._num_epochs

    def _after(self, unit: UnitDone, is_stopping: bool) -> None:
        """Save and tell what is due after a unit."""
        self._has_unsaved = True
        is_epoch_done = self._training.epoch == unit.epoch
        look = self._training.look() if is_epoch_done else None
        self._folder.add_losses(unit, look.distance if look else None)
        if look:
            scale = scale_to_look_at(self._training.config.image_size)
            self._folder.save_faces(png(look.faces, scale), unit.epoch)
        if look or is_stopping or time.monotonic() - self._saved_at > SAVE_S:
            self._save(keep=is_epoch_done and unit.epoch % self._keep_every == 0)
        try:
            self._console.tell_unit(self._training, unit)
            if look:
                self._console.tell_epoch(unit.epoch, look.distance)
        except BrokenPipeError:  # nobody reads any more (| head): that is no reason to lose the work
            self._save()
            raise

    def _save(self, *, keep: bool = False) -> None:
        self._folder.save(self._training.checkpoint(self._folder.path.resolve().name), keep=keep)
        self._saved_at = time.monotonic()
        self._has_unsaved = False


@contextmanager
def _stop_at_ctrl_c() -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether Ctrl+C or SIGTERM came. The second one ends everything at once."""
    received: list[int] = []

    def note(number: int, _frame: object) -> None:
        received.append(number)
        if len(received) > 1:
            raise KeyboardInterrupt

    handlers = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
