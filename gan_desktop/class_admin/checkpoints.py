"""Kept iterations of a training: listed, saved as files, gone back to, and begun from.

Going back never lowers a number. The class's workers, caches and charts know weights by their iteration, so
the old weights come back as the *next* iteration: after 350 went wrong, iteration 351 has the weights of 300.
Updates that were computed on what was left are credited as late work and change nothing; pictures go on where
they are in their epoch; curves keep what happened.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.class_admin.login import log_in
from gan_desktop.database.address import Address
from gan_desktop.database.checkpoints import Checkpoint as KeptIteration
from gan_desktop.database.checkpoints import Checkpoints
from gan_desktop.database.class_view import ClassView
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import COORDINATOR_AWAY_S, Runs
from gan_desktop.database.statistics import Statistics
from gan_desktop.errors import GanDesktopError
from gan_desktop.records import Run, RunStatus, SampleDrawn

if TYPE_CHECKING:
    from gan_desktop.training.checkpoint_file import Checkpoint

_LOOK_S = 0.25
# A round of merging, and the looks at what it draws, may be in progress.
_PATIENCE_S = 120.0


@dataclass(frozen=True)
class WentBack:
    """What became of the wish to go back to `wanted`.

    `became`: the iteration that has its weights now; None: the coordinator is away, and does it at its
    next start.
    """

    run: Run
    wanted: int
    became: int | None


def kept_iterations(coordinator: Address, run_id: int | None = None) -> tuple[Run, list[KeptIteration]]:
    """A training (None: the newest) and the iterations whose weights are kept, in order.

    Raises:
        GanDesktopError: There is no such training.
    """
    with log_in(coordinator) as connection:
        run = _run(connection, run_id)
        return run, Checkpoints(connection, run.run_id).all()


def faces_of(coordinator: Address, run_id: int, iteration: int | None = None) -> SampleDrawn | None:
    """The grid of faces of an iteration (None: the newest that there is one of); None: there is none."""
    with log_in(coordinator) as connection:
        view = ClassView(connection)
        if iteration is None:
            drawn = view.sample_iterations(run_id)
            iteration = drawn[-1] if drawn else None
        return None if iteration is None else view.sample(run_id, iteration)


def load_checkpoint(coordinator: Address, iteration: int, run_id: int | None = None) -> Checkpoint:
    """A kept iteration as a checkpoint: to be written to a file, or to begin a new training with.

    Raises:
        GanDesktopError: There is no such training, or the iteration is not kept.
    """
    from gan_desktop.training.checkpoint_file import from_published

    with log_in(coordinator) as connection:
        run = _run(connection, run_id)
        checkpoints = Checkpoints(connection, run.run_id)
        _require_kept(checkpoints, run, iteration)
        return from_published(
            run.name,
            run.config,
            live=checkpoints.weights(iteration, "live").payload,
            ema=checkpoints.weights(iteration, "ema").payload,
            num_images=checkpoints.num_images(iteration),
        )


def save_checkpoint(coordinator: Address, iteration: int, path: Path, run_id: int | None = None) -> None:
    """Write a kept iteration to a new file (docs/checkpoints.md).

    Raises:
        GanDesktopError: It is not kept, or the file is there already or cannot be written.
    """
    from gan_desktop.training.checkpoint_file import write_checkpoint

    if path.exists():
        raise GanDesktopError(
            f"{path} is there already. Choose another name, or move it away first.", title="Not overwritten"
        )
    write_checkpoint(path, load_checkpoint(coordinator, iteration, run_id))


def require_way_back(coordinator: Address, iteration: int, run_id: int | None = None) -> Run:
    """The training that can go back to an iteration; it stays as it is.

    Raises:
        GanDesktopError: There is no such training in progress, or the iteration is not kept.
    """
    with log_in(coordinator) as connection:
        return _require_way_back(connection, iteration, run_id)[0]


def go_back(coordinator: Address, iteration: int, run_id: int | None = None) -> WentBack:
    """Let a training go on from an earlier, kept iteration; waits until its coordinator has done it.

    Raises:
        GanDesktopError: There is no such training in progress, or the iteration is not kept.
    """
    with log_in(coordinator) as connection:
        run, checkpoints = _require_way_back(connection, iteration, run_id)
        if not checkpoints.wish(iteration):
            raise _already_there(iteration)
        return WentBack(run, iteration, _await_going_back(checkpoints, run))


def _require_way_back(connection: Connection, iteration: int, run_id: int | None) -> tuple[Run, Checkpoints]:
    run = _run(connection, run_id)
    if run.status not in (RunStatus.RUNNING, RunStatus.PAUSED):
        raise GanDesktopError(
            f"Training {run.run_id} is not in progress. Begin a new one from its weights:"
            f" gan-desktop class new-run NAME --from {run.run_id}:{iteration}",
            title="Not possible now",
        )
    checkpoints = Checkpoints(connection, run.run_id)
    _require_kept(checkpoints, run, iteration)
    if iteration == run.iteration:
        raise _already_there(iteration)
    return run, checkpoints


def _already_there(iteration: int) -> GanDesktopError:
    return GanDesktopError(
        f"Iteration {iteration} is the newest: the training goes on from it anyway.",
        title="Nothing to go back to",
    )


def _await_going_back(checkpoints: Checkpoints, run: Run) -> int | None:
    """The iteration that has the wanted weights; None while no coordinator is at work.

    Raises:
        GanDesktopError: It could not be done after all, or takes too long.
    """
    give_up_at = time.monotonic() + _PATIENCE_S
    while time.monotonic() < give_up_at:
        now = checkpoints.going_back()
        if now.wanted is None:
            if now.restarted_at > run.restarted_at:
                return now.restarted_at
            break
        if now.coordinator_silent_s is None or now.coordinator_silent_s > COORDINATOR_AWAY_S:
            return None
        time.sleep(_LOOK_S)
    raise GanDesktopError(
        "The coordinator did not go back; its window and `gan-desktop class events` say why.",
        title="The training goes on as it was",
    )


def _run(connection: Connection, run_id: int | None) -> Run:
    if run_id is None:
        # The one in progress, else the newest that has weights.
        ranked = sorted(
            Statistics(connection).runs(),
            key=lambda run: (
                run.status in (RunStatus.RUNNING, RunStatus.PAUSED),
                run.iteration >= 0,
                run.run_id,
            ),
        )
        run_id = ranked[-1].run_id if ranked else None
    if run_id is None:
        raise GanDesktopError(
            "The class has no training yet. Make one: gan-desktop class new-run NAME", title="No training"
        )
    return Runs(connection).get(run_id)


def _require_kept(checkpoints: Checkpoints, run: Run, iteration: int) -> None:
    known = [str(kept.iteration) for kept in checkpoints.all()]
    if str(iteration) not in known:
        kept = f"Kept are {', '.join(known)}." if known else "None is kept yet."
        raise GanDesktopError(
            f"Training {run.run_id} does not keep the weights of iteration {iteration}. {kept}",
            title="No such checkpoint",
        )
