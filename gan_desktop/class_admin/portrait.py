"""One kept iteration of a training, as it is given away: figures, weights, faces, and how it got there.

Nobody's name is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gan_desktop.class_admin.checkpoints import kept_iterations, load_checkpoint
from gan_desktop.class_admin.login import log_in
from gan_desktop.database.address import Address
from gan_desktop.database.checkpoints import Checkpoint as KeptIteration
from gan_desktop.database.checkpoints import Checkpoints
from gan_desktop.database.class_view import ClassView
from gan_desktop.database.connection import Connection
from gan_desktop.database.shards import Dataset, choose_dataset
from gan_desktop.database.statistics import Statistics
from gan_desktop.errors import ConnectionFailed, GanDesktopError
from gan_desktop.records import Run

if TYPE_CHECKING:
    from gan_desktop.training.checkpoint_file import Checkpoint

FACES, FACES_SEED = 64, "portrait"
SMALL_FRAMES, SMALL_EDGE_PX = 50, 360
TRIES = 5

# Told of parts done and of their total.
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Figures:
    """What a stranger may know of a training's iteration.

    Attributes:
        num_images: Images that were learned from, each as often as it was.
        num_computers: Computers whose work is in the weights.
        distance: As it was measured last up to there; None: never.
    """

    run: Run
    iteration: int
    dataset: Dataset
    num_images: int
    num_computers: int
    distance: float | None


@dataclass(frozen=True)
class Portrait:
    """Figures and files of an iteration; `film` is None where no faces were kept on the way."""

    figures: Figures
    checkpoint: bytes = field(repr=False)
    faces_png: bytes = field(repr=False)
    film_gif: bytes | None = field(repr=False)


def figures_of(coordinator: Address, iteration: int | None = None, run_id: int | None = None) -> Figures:
    """The figures of a kept iteration, without a byte of its weights.

    Args:
        iteration: None: the newest.
        run_id: None: the training in progress, else the newest.

    Raises:
        GanDesktopError: There is no such training, or the iteration is not kept.
    """
    run, kept = kept_iterations(coordinator, run_id)
    chosen = choose_kept(run, kept, iteration)
    with log_in(coordinator) as connection:
        checkpoints = Checkpoints(connection, run.run_id)
        return Figures(
            run=run,
            iteration=chosen,
            dataset=choose_dataset(Statistics(connection).datasets(), run.dataset_id),
            num_images=checkpoints.num_images(chosen),
            num_computers=checkpoints.num_computers(chosen),
            distance=_distance(connection, run.run_id, chosen),
        )


def take_portrait(
    coordinator: Address,
    iteration: int | None = None,
    run_id: int | None = None,
    on_progress: OnProgress = lambda done, total: None,
    *,
    small_film: bool = False,
) -> Portrait:
    """Fetch all that makes an iteration.

    Args:
        on_progress: May raise to end it.
        small_film: Of a few megabytes, for an uplink.

    Raises:
        GanDesktopError: There is no such training, or the iteration is not kept (any more).
    """
    from gan_desktop.training.checkpoint_file import to_bytes
    from gan_desktop.training.film import EDGE_PX, MAX_FRAMES

    figures, checkpoint = load_with_figures(coordinator, iteration, run_id)
    with log_in(coordinator) as connection:
        most = SMALL_FRAMES if small_film else MAX_FRAMES
        grids = grids_until(connection, figures.run.run_id, figures.iteration, on_progress, most)
    edge_px = SMALL_EDGE_PX if small_film else EDGE_PX
    return Portrait(
        figures,
        to_bytes(checkpoint),
        grids.get(figures.iteration) or _drawn(checkpoint),
        film_of_grids(grids, edge_px=edge_px) if grids else None,
    )


def load_with_figures(
    coordinator: Address, iteration: int | None, run_id: int | None
) -> tuple[Figures, Checkpoint]:
    """An iteration's figures and weights.

    Args:
        iteration: None: the newest, which may be replaced by the next one while it is fetched.

    Raises:
        GanDesktopError: There is no such training, or the iteration is not kept (any more).
    """
    for tries_left in reversed(range(TRIES)):
        figures = figures_of(coordinator, iteration, run_id)
        try:
            return figures, load_checkpoint(coordinator, figures.iteration, figures.run.run_id)
        except GanDesktopError as error:
            if iteration is not None or not tries_left or isinstance(error, ConnectionFailed):
                raise
    raise AssertionError("The last try returns or raises.")


def choose_kept(run: Run, kept: list[KeptIteration], iteration: int | None) -> int:
    """One of the kept iterations; None: the newest.

    Raises:
        GanDesktopError: It is not kept, or none is yet.
    """
    known = [checkpoint.iteration for checkpoint in kept]
    if iteration is None and known:
        return known[-1]
    if iteration is None or iteration not in known:
        words = f"Kept are {', '.join(map(str, known))}." if known else "None is published yet."
        wanted = "" if iteration is None else f"Training {run.run_id} does not keep iteration {iteration}. "
        raise GanDesktopError(f"{wanted}{words}", title="No such checkpoint")
    return iteration


def grids_until(
    connection: Connection, run_id: int, iteration: int, on_progress: OnProgress, most: int
) -> dict[int, bytes]:
    """Grids of faces from the first to this iteration, evenly chosen if there are more than `most`."""
    from gan_desktop.training.film import evenly

    view = ClassView(connection)
    chosen = evenly([it for it in view.sample_iterations(run_id) if it <= iteration], most)
    grids = {}
    for done, number in enumerate(chosen, start=1):
        sample = view.sample(run_id, number)
        if sample is not None:
            grids[number] = sample.png
        on_progress(done, len(chosen))
    return grids


def film_of_grids(
    grids: Mapping[int, bytes], words: str = "Iteration {number}", edge_px: int | None = None
) -> bytes:
    """The film of some grids of faces by iteration, at least one; `words` stand below each."""
    from gan_desktop.training.film import EDGE_PX, film_of

    captions = {number: words.format(number=number) for number in grids}
    return film_of(grids, captions, edge_px or EDGE_PX)


def _drawn(checkpoint: Checkpoint) -> bytes:
    """Faces of an iteration that the class has no grid of."""
    from gan_desktop.training.drawing import draw, latents, load_generator
    from gan_desktop.training.picture_files import columns_for, grid, png

    config = checkpoint.info.config
    z = latents(FACES, config.latent_size, FACES_SEED)
    return png(grid(draw(load_generator(config, checkpoint.ema), z), columns_for(FACES)))


def _distance(connection: Connection, run_id: int, iteration: int) -> float | None:
    measured = [
        row.distance
        for row in ClassView(connection).history(run_id)
        if row.iteration <= iteration and row.distance is not None
    ]
    return measured[-1] if measured else None
