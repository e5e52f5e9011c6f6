"""What a class takes home: one folder with the network, its faces, film and curves, and what they are."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gan_desktop.class_admin.checkpoints import kept_iterations
from gan_desktop.class_admin.loader_snippet import NEEDS, file_snippet
from gan_desktop.class_admin.login import log_in
from gan_desktop.class_admin.portrait import Figures, Portrait, film_of_grids, grids_until, take_portrait
from gan_desktop.database.address import Address
from gan_desktop.database.checkpoints import Checkpoint as KeptIteration
from gan_desktop.database.class_view import ClassView
from gan_desktop.errors import GanDesktopError, SaveFailed
from gan_desktop.files import write_whole
from gan_desktop.records import Progress, Run, SampleDrawn

GRIDS, FILM, CURVES, CURVES_PICTURE, ABOUT = "faces", "training.gif", "curves.csv", "curves.png", "README.txt"
_COLUMNS = ("iteration", "images", "g_loss", "d_loss", "d_real_percent", "d_fake_percent", "distance")

# Told of parts done and of their total.
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Course:
    """A training, its kept iterations in order, all its iterations' figures, and which faces there are."""

    run: Run
    kept: tuple[KeptIteration, ...]
    history: tuple[Progress, ...]
    sample_iterations: tuple[int, ...]


def course_of(coordinator: Address, run_id: int | None = None) -> Course:
    """How a training has gone.

    Args:
        run_id: None: the one in progress, else the newest.

    Raises:
        GanDesktopError: There is no such training.
    """
    run, kept = kept_iterations(coordinator, run_id)
    with log_in(coordinator) as connection:
        view = ClassView(connection)
        history, samples = view.history(run.run_id), view.sample_iterations(run.run_id)
        return Course(run, tuple(kept), history, samples)


def samples_of(coordinator: Address, run_id: int, iterations: Sequence[int]) -> tuple[SampleDrawn, ...]:
    """Grids of faces of some iterations, without those that there are none of."""
    with log_in(coordinator) as connection:
        view = ClassView(connection)
        found = (view.sample(run_id, iteration) for iteration in iterations)
        return tuple(sample for sample in found if sample is not None)


def film_until(
    coordinator: Address,
    run_id: int,
    iteration: int,
    words: str = "Iteration {number}",
    on_progress: OnProgress = lambda done, total: None,
) -> bytes:
    """The time-lapse of a training up to an iteration, as a GIF.

    Args:
        words: What stands below each picture.
        on_progress: May raise to end it.

    Raises:
        GanDesktopError: The class has no faces of it.
    """
    from gan_desktop.training.film import MAX_FRAMES

    with log_in(coordinator) as connection:
        grids = grids_until(connection, run_id, iteration, on_progress, MAX_FRAMES)
    if not grids:
        raise GanDesktopError("The class has kept no faces of this training.", title="No film was made")
    return film_of_grids(grids, words)


def curves_csv(history: Sequence[Progress]) -> str:
    """A training's course as comma-separated values; what was not measured is empty.

    Numbers and empty cells only: no spreadsheet can take a cell for a formula.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(_cells(row) for row in history)
    return text.getvalue()


def export_results(
    coordinator: Address,
    folder: Path,
    iteration: int | None = None,
    run_id: int | None = None,
    *,
    pictures: Mapping[str, bytes] | None = None,
    on_progress: OnProgress = lambda done, total: None,
) -> tuple[Path, ...]:
    """Write everything of a training into a folder; returns the files in it.

    Args:
        folder: A new or empty one.
        iteration: Whose weights; None: the newest that is kept.
        pictures: More files for it by name (the curves as a window draws them).
        on_progress: May raise to end it; then nothing is left behind.

    Raises:
        SaveFailed: The folder holds something, or cannot be written.
        GanDesktopError: There is no such training, or the iteration is not kept.
    """
    _require_empty(folder)
    course = course_of(coordinator, run_id)
    portrait = take_portrait(coordinator, iteration, course.run.run_id)
    return write_results(coordinator, folder, course, portrait, pictures, on_progress)


def write_results(
    coordinator: Address,
    folder: Path,
    course: Course,
    portrait: Portrait,
    pictures: Mapping[str, bytes] | None = None,
    on_progress: OnProgress = lambda done, total: None,
) -> tuple[Path, ...]:
    """`export_results` of an iteration that is fetched already, by which the folder may be named."""
    _require_empty(folder)
    written: list[Path] = []
    try:
        for name, content in _small_files(portrait, course, pictures or {}):
            written.append(_write(folder / name, content))
        for done, number in enumerate(course.sample_iterations, start=1):
            written += [
                _write(folder / GRIDS / grid_name(sample.iteration), sample.png)
                for sample in samples_of(coordinator, course.run.run_id, [number])
            ]
            on_progress(done, len(course.sample_iterations))
    except BaseException:
        _remove(folder, written)
        raise
    return tuple(written)


def checkpoint_name(iteration: int) -> str:
    """What a saved checkpoint is called."""
    return f"iteration-{iteration:04d}.safetensors"


def grid_name(iteration: int) -> str:
    """What a saved grid of faces is called."""
    return f"iteration-{iteration:04d}.png"


def _small_files(
    portrait: Portrait, course: Course, pictures: Mapping[str, bytes]
) -> Iterator[tuple[str, bytes]]:
    yield checkpoint_name(portrait.figures.iteration), portrait.checkpoint
    if portrait.film_gif is not None:
        yield FILM, portrait.film_gif
    yield CURVES, curves_csv(course.history).encode()
    yield from pictures.items()
    yield ABOUT, _about(portrait.figures, portrait.film_gif is not None, pictures).encode()


def _about(figures: Figures, has_film: bool, pictures: Mapping[str, bytes]) -> str:
    checkpoint = checkpoint_name(figures.iteration)
    config = figures.run.config
    lines = [
        f"{figures.run.name}: what a class has trained together with GAN Desktop",
        "",
        f"Pictures learned from: {figures.dataset.name}, {figures.dataset.num_images:,} of them",
        f"Network: {config.network}, {config.image_size} x {config.image_size} pixels",
        f"Iteration {figures.iteration}, {figures.num_images:,} images seen,"
        f" {figures.num_computers} computers",
        "",
        f"{checkpoint}   the network's weights",
        f"{GRIDS}/   what it drew, iteration by iteration",
        *([f"{FILM}   the same as a film"] if has_film else []),
        f"{CURVES}   losses, shares and distances (lower is better) of all iterations",
        *(f"{name}   the same as a picture" for name in pictures),
        "",
        f"To draw a face in Python (pip install {NEEDS}), from this folder:",
        "",
        file_snippet(checkpoint),
        "The terms of the pictures it learned from hold for what you do with it, too.",
    ]
    return "\n".join(lines) + "\n"


def _cells(row: Progress) -> Iterator[str]:
    yield str(row.iteration)
    yield str(row.total_images)
    shares = (None if share is None else 100 * share for share in (row.d_real, row.d_fake))
    for figure in (row.loss_g, row.loss_d, *shares, row.distance):
        yield "" if figure is None or figure != figure else f"{figure:.7g}"


def _require_empty(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise SaveFailed(f"{folder} is there already, and not empty. Choose a new or an empty folder.")


def _write(path: Path, content: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise SaveFailed(f"{path} could not be saved: {error.strerror}. Choose another folder.") from error
    return path


def _remove(folder: Path, written: Sequence[Path]) -> None:
    """Take back what was written of a folder that was not finished."""
    for path in written:
        path.unlink(missing_ok=True)
    for place in (folder / GRIDS, folder):
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()
