"""What `gan-desktop train` prints: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from gan_desktop.command_line import say
from gan_desktop.local_commands.training_folder import TrainingFolder
from gan_desktop.records import UnitResult
from gan_desktop.sentences import about_time
from gan_desktop.training.local_training import LocalTraining, UnitDone
from gan_desktop.training.shards import ImportSummary
from gan_desktop.training.steps import StepFigures

# Between two lines of a long epoch, where there is no bar.
LINE_S = 30.0


class TrainConsole(AbstractContextManager["TrainConsole"]):
    """Tells how a training goes; used as a context manager.

    Args:
        num_epochs: How many there are to be.
    """

    def __init__(self, num_epochs: int) -> None:
        self._num_epochs = num_epochs
        self._has_bar = sys.stdout.isatty()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}", markup=False),
            console=Console(),
            transient=True,
            disable=not self._has_bar,
        )
        self._task: TaskID | None = None
        self._epoch = _Means()
        self._told_at = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """Print a line, above the bar if there is one."""
        if not self._has_bar:
            say(text)
        else:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def preparing(self, name: str) -> Iterator[Callable[[int, int], None]]:
        """Show how far the pictures are prepared."""
        self.say(f"Preparing {name} ...")
        task = self._show("Preparing", None)
        yield lambda done, total: self._bar.update(task, completed=done, total=total)
        self._bar.stop()

    def tell_pictures(self, summary: ImportSummary) -> None:
        """Tell how many pictures there are, and which ones could not be used."""
        for name, reason in summary.skipped:
            sys.stderr.write(f"skipped {name}: {reason}\n")
        self.say(
            f"{summary.num_images - summary.num_held_out:,} pictures to learn from,"
            f" {summary.num_held_out:,} kept for measuring, {summary.num_skipped:,} skipped."
        )

    def tell_start(self, training: LocalTraining) -> None:
        """Tell what is trained, and what a distance means."""
        config = training.config
        self.say(f"Network: {config.network}, {config.image_size} x {config.image_size} pixels.")
        if training.iteration:
            self.say(f"Going on after {training.num_images:,} images.")
        self.say(f"Distance: lower is better; pictures it learns from have {training.floor():.1f}.")

    def begin_epoch(self, training: LocalTraining) -> None:
        """Begin the line of an epoch."""
        words = f"Epoch {training.epoch + 1} of {self._num_epochs}"
        self._task = self._show(words, training.pictures.num_images)
        self._epoch = _Means()

    def show_step(self, training: LocalTraining, figures: StepFigures) -> None:
        """Move the bar."""
        if self._task is not None:
            words = f"G_loss: {figures.loss_g:.3f} | D_loss: {figures.loss_d:.3f}"
            done = training.epoch_images + figures.num_images_done
            self._bar.update(self._task, completed=done, figures=words)

    def tell_unit(self, training: LocalTraining, unit: UnitDone) -> None:
        """Count a unit; where there is no bar, tell now and then how far the epoch is."""
        self._epoch.add(unit.result)
        if not self._has_bar and time.monotonic() - self._told_at > LINE_S and training.epoch_images:
            total = training.pictures.num_images
            seconds = (total - unit.epoch_images) / self._epoch.images_per_s
            self.say(
                f"Epoch {unit.epoch} of {self._num_epochs}: {unit.epoch_images:,} of {total:,} images"
                f" ({self._epoch.images_per_s:.0f} a second, {about_time(seconds)} left)"
            )
            self._told_at = time.monotonic()

    def tell_epoch(self, epoch: int, distance: float) -> None:
        """Tell how an epoch went: means over its images, the distance at its end."""
        self._bar.stop()
        self._told_at = time.monotonic()
        self.say(f"Epoch {epoch} of {self._num_epochs} | {self._epoch.words()} | Distance: {distance:.1f}")

    def tell_end(self, training: LocalTraining, folder: TrainingFolder, *, is_complete: bool) -> None:
        """Tell where everything is, and how one goes on."""
        self._bar.stop()
        path = shlex.quote(str(folder.path))
        if not folder.newest.exists():
            self.say("Stopped before the first step.")
            return
        if is_complete:
            epochs = f"{training.epoch} epoch{'s' * (training.epoch != 1)}"
            self.say(f"Done: {epochs}, {training.num_images:,} images.")
        else:
            self.say(
                f"Stopped in epoch {training.epoch + 1}, after {training.num_images:,} images. Go on with:"
            )
            self.say(f"  gan-desktop train --resume {path} --epochs {self._num_epochs}")
        if folder.newest_faces.exists():
            self.say(f"The newest faces: {folder.newest_faces}")
        self.say(f"How it went: {folder.losses}")
        self.say(f"Draw more faces: gan-desktop faces --checkpoint {path}")

    def _show(self, words: str, total: int | None) -> TaskID:
        """Begin a bar in place of the last one."""
        for task in self._bar.task_ids:
            self._bar.remove_task(task)
        task = self._bar.add_task(words, total=total, figures="")
        self._bar.start()
        return task


class _Means:
    """Means of an epoch's figures over its images."""

    def __init__(self) -> None:
        self._num_images = 0
        self._seconds = 0.0
        self._sums = [0.0] * 4

    @property
    def images_per_s(self) -> float:
        return self._num_images / max(self._seconds, 1e-9)

    def add(self, result: UnitResult) -> None:
        self._num_images += result.num_images
        self._seconds += result.compute_seconds
        figures = (result.loss_g, result.loss_d, result.d_real, result.d_fake)
        self._sums = [s + f * result.num_images for s, f in zip(self._sums, figures, strict=True)]

    def words(self) -> str:
        loss_g, loss_d, d_real, d_fake = (total / max(self._num_images, 1) for total in self._sums)
        return (
            f"{self._num_images:,} images in {self._seconds:.0f} s | G_loss: {loss_g:.3f}"
            f" | D_loss: {loss_d:.3f} | D_real: {d_real:.2%} | D_fake: {d_fake:.2%}"
        )
