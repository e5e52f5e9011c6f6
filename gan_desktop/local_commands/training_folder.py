"""The folder of a local training: its pictures, checkpoints, faces and losses; nothing there is lost unasked.

newest.safetensors       to go on from
epoch-0010.safetensors   kept for good
samples/epoch-0001.png   64 faces after each epoch
newest.png               the last of them
losses.csv               a row for each unit
pictures/                what it learns from, prepared
"""

from __future__ import annotations

import csv
import io
import itertools
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from gan_desktop.errors import GanDesktopError, SettingsError
from gan_desktop.files import write_whole
from gan_desktop.training.checkpoint_file import Checkpoint, CheckpointInfo, read_checkpoint, write_checkpoint
from gan_desktop.training.local_training import UnitDone
from gan_desktop.training.picture_folder import is_prepared

NEWEST = "newest.safetensors"
COLUMNS = (
    "epoch", "iteration", "images", "loss_g", "loss_d", "d_real", "d_fake", "images_per_s", "distance"
)  # fmt: skip
_LOCK = ".lock"


class TrainingFolder:
    """One training's folder, locked while it is used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pictures = path / "pictures"
        self.newest = path / NEWEST
        self.newest_faces = path / "newest.png"
        self.losses = path / "losses.csv"

    @classmethod
    @contextmanager
    def create(cls, wanted: Path | None) -> Iterator[TrainingFolder]:
        """Make a new folder; one in which no checkpoint was written is removed again.

        Args:
            wanted: Where; it may exist if it is empty. None: gan-desktop-training in the current folder,
                with a number where there is one already.

        Raises:
            SettingsError: There is something in it, or it cannot be written.
        """
        path = free_name(Path("gan-desktop-training")) if wanted is None else wanted
        try:
            was_there = path.exists()
            path.mkdir(parents=True, exist_ok=True)
            is_empty = {inside.name for inside in path.iterdir()} <= {_LOCK}
        except OSError as error:
            raise SettingsError(
                f"The training cannot be written to {path}: {error.strerror}. Choose another folder with"
                " --output.",
                title="No place for the training",
            ) from error
        if not is_empty:
            raise SettingsError(
                f"There is something in {path} already. To go on with a training: --resume {path}. To begin a"
                " new one choose another folder with --output."
            )
        try:
            with cls._locked(path) as folder:
                try:
                    yield folder
                finally:
                    if not folder.newest.exists():
                        folder._clear()
        finally:
            if not was_there:
                with suppress(OSError):  # it stays where there is something in it
                    path.rmdir()

    @classmethod
    @contextmanager
    def open(cls, path: Path, start: CheckpointInfo) -> Iterator[TrainingFolder]:
        """Go on in a training's own folder.

        Raises:
            SettingsError: A later checkpoint is there, which would be lost; or it is in use.
        """
        with cls._locked(path) as folder:
            newest = read_checkpoint(folder.newest).info if folder.newest.exists() else start
            if newest.iteration > start.iteration:
                raise SettingsError(
                    f"The training in {path} is further than this checkpoint ({newest.num_images:,} images"
                    f" instead of {start.num_images:,}), and would be lost. To go on from its end: --resume"
                    f" {path}. To go on from here choose a new folder with --output."
                )
            folder._forget_rows_after(start.iteration)
            yield folder

    @classmethod
    @contextmanager
    def _locked(cls, path: Path) -> Iterator[TrainingFolder]:
        try:
            with FileLock(path / _LOCK, timeout=0):
                yield cls(path)
        except Timeout as error:
            raise SettingsError(
                f"Another training works in {path} at this moment. Wait for its end, or choose another folder"
                " with --output."
            ) from error

    def save(self, checkpoint: Checkpoint, *, keep: bool) -> None:
        """Write the newest checkpoint, and a copy under its epoch's name if it is to be kept for good."""
        if keep:
            write_checkpoint(self.path / f"epoch-{checkpoint.info.epoch:04d}.safetensors", checkpoint)
        write_checkpoint(self.newest, checkpoint)

    def save_faces(self, png: bytes, epoch: int) -> None:
        """Write a finished epoch's faces, under its name and as the newest ones."""
        with _writing(self.path):
            (self.path / "samples").mkdir(exist_ok=True)
            (self.path / "samples" / f"epoch-{epoch:04d}.png").write_bytes(png)
            # In one step: a picture viewer that looks at this very moment must not see half a picture.
            write_whole(self.newest_faces, png)

    def add_losses(self, unit: UnitDone, distance: float | None) -> None:
        """Add a row to losses.csv."""
        result = unit.result
        speed = result.num_images / result.compute_seconds
        figures = [result.loss_g, result.loss_d, result.d_real, result.d_fake, round(speed, 1)]
        row = [unit.epoch, unit.iteration, unit.num_images, *figures, distance]
        with _writing(self.path), self.losses.open("a", newline="", encoding="utf-8") as file:
            if not file.tell():
                csv.writer(file).writerow(COLUMNS)
            csv.writer(file).writerow(row)

    @property
    def has_pictures(self) -> bool:
        """Whether its pictures are prepared."""
        return is_prepared(self.pictures)

    def take_pictures_of(self, other: TrainingFolder) -> None:
        """Copy the prepared pictures of another training.

        Raises:
            SettingsError: It has none.
        """
        if not other.has_pictures:
            raise SettingsError(
                f"There are no prepared pictures beside the checkpoint, in {other.path}. Name some with"
                " --data FOLDER_OR_ZIP or --drawn N.",
                title="No pictures",
            )
        with _writing(self.path):
            shutil.copytree(other.pictures, self.pictures)

    def _forget_rows_after(self, iteration: int) -> None:
        """Drop the losses of units that are in no checkpoint: they are computed again."""
        if not self.losses.exists():
            return
        with _writing(self.path):
            with self.losses.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.reader(file) if _is_up_to(row, iteration)]
            text = io.StringIO(newline="")
            csv.writer(text).writerows(rows)
            write_whole(self.losses, text.getvalue().encode())

    def _clear(self) -> None:
        """Remove what was prepared for a training that did not begin."""
        shutil.rmtree(self.pictures, ignore_errors=True)
        for path in (self.losses, self.path / _LOCK):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def checkpoint_path(named: Path) -> Path:
    """The checkpoint that a person means by a file, or by a training's folder."""
    return named / NEWEST if named.is_dir() else named


def free_name(wanted: Path) -> Path:
    """This path if nothing is there, else the first free one with a number: faces.png, faces-2.png ..."""
    names = (wanted.with_stem(f"{wanted.stem}-{number}") for number in itertools.count(2))
    return next(path for path in itertools.chain([wanted], names) if not path.exists())


def _is_up_to(row: Sequence[str], iteration: int) -> bool:
    """Whether a row is the header's or one of these iterations; a row that was cut off is not."""
    if tuple(row) == COLUMNS:
        return True
    return len(row) == len(COLUMNS) and row[1].isdecimal() and int(row[1]) <= iteration


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise GanDesktopError(
            f"The training's results cannot be written to {path}: {error.strerror}. Make room, then go on:"
            f" gan-desktop train --resume {path}",
            title="The results were not saved",
        ) from error
