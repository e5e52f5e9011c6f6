"""What the class trains: new trainings, and their course."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gan_desktop.class_admin.login import log_in
from gan_desktop.database.connection import Address
from gan_desktop.database.coordination import Runs
from gan_desktop.database.notices import Notices
from gan_desktop.database.shards import choose_dataset
from gan_desktop.database.statistics import Statistics
from gan_desktop.errors import GanDesktopError, SettingsError
from gan_desktop.records import Run, RunConfig, RunStatus

if TYPE_CHECKING:
    from gan_desktop.training.checkpoint_file import Checkpoint


def create_run(
    coordinator: Address,
    name: str,
    config: RunConfig,
    dataset_id: int | None = None,
    start: Checkpoint | None = None,
) -> int:
    """Write a new training down; it begins when a coordinator takes it up.

    Args:
        dataset_id: What it learns from; None: the newest data set.
        start: Begin with these weights, as iteration 0 (see `checkpoints.load_checkpoint`); None: with
            ones that have learned nothing.

    Raises:
        SettingsError: The configuration does not fit the pictures, or the weights.
        GanDesktopError: There are no such pictures, or the name cannot be used.
    """
    from gan_desktop.training.merge import UpdateFormat
    from gan_desktop.training.payload import max_payload_bytes

    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise GanDesktopError(
            "A training's name has 1 to 80 characters on one line. Choose another name.", title="Not a name"
        )
    first_state = None if start is None else _first_state(start, config)
    with log_in(coordinator) as connection:
        dataset = choose_dataset(Statistics(connection).datasets(), dataset_id)
        if dataset.image_size != config.image_size:
            raise SettingsError(
                f"training.image_size is {config.image_size}, but the pictures of data set"
                f" {dataset.dataset_id} have {dataset.image_size} pixels. Write {dataset.image_size}, or"
                f" import them again with --size {config.image_size}."
            )
        runs = Runs(connection)
        if (known := runs.named(name)) is not None:
            raise GanDesktopError(
                f'Training {known} is called "{name}" already. Choose another name.', title="A name twice"
            )
        max_bytes = max_payload_bytes(UpdateFormat.of(config).shapes, config.codec_up)
        return runs.create(name, dataset.dataset_id, config, max_bytes, first_state)


def run_to_steer(coordinator: Address, run_id: int | None = None) -> Run:
    """The training that a command means.

    Args:
        run_id: Which; None: the one in progress, else the newest that was never started.

    Raises:
        GanDesktopError: There is none.
    """
    with log_in(coordinator) as connection:
        return _run_to_steer(Runs(connection), run_id)


def steer_run(coordinator: Address, status: RunStatus, run_id: int | None = None) -> int:
    """Start, pause, resume or finish a training; returns its number.

    Args:
        run_id: Which; None: the one in progress, else the newest that was never started.

    Raises:
        GanDesktopError: There is none, or it cannot become that from what it is now.
    """
    with log_in(coordinator) as connection:
        runs = Runs(connection)
        run = _run_to_steer(runs, run_id)
        if not runs.set_status(run.run_id, status):
            raise GanDesktopError(_why_not(run.status, status, run.run_id), title="Not possible now")
        if run.status is not status:
            words = f'Training {run.run_id}, "{run.name}", {what_happened(run.status, status)}.'
            Notices(connection).add_event(status.value, words, run_id=run.run_id)
        return run.run_id


def what_happened(before: RunStatus, after: RunStatus) -> str:
    """What a training did, as the end of a sentence."""
    if after is RunStatus.RUNNING:
        known = {RunStatus.CREATED: "has begun", RunStatus.PAUSED: "goes on"}
        return known.get(before, "is running already")
    return "is paused" if after is RunStatus.PAUSED else "is complete"


def delete_run(coordinator: Address, run_id: int) -> None:
    """Delete a training's weights, faces and curves for good; its students keep their credit.

    Raises:
        GanDesktopError: There is no such training, or it is not over.
    """
    with log_in(coordinator) as connection:
        runs = Runs(connection)
        run = runs.get(run_id)
        require_over(run)
        if not runs.delete(run_id):
            raise GanDesktopError(
                f'Training {run_id}, "{run.name}", was just ended, and its coordinator still credits the last'
                " units. Try again in a minute.",
                title="Not deleted",
            )


def require_over(run: Run) -> None:
    """Pass only with a training that may be deleted.

    Raises:
        GanDesktopError: It is in progress.
    """
    if run.status in (RunStatus.RUNNING, RunStatus.PAUSED):
        raise GanDesktopError(
            f'Training {run.run_id}, "{run.name}", is in progress. End it first: gan-desktop class finish'
            f" --run {run.run_id}",
            title="Not deleted",
        )


def _run_to_steer(runs: Runs, run_id: int | None) -> Run:
    if run_id is None:
        run_id = runs.unfinished()
    if run_id is None:
        raise GanDesktopError(
            "The class has no training in progress, and none that could begin. Make one:"
            " gan-desktop class new-run NAME",
            title="No training",
        )
    return runs.get(run_id)


def _first_state(start: Checkpoint, config: RunConfig) -> bytes:
    from gan_desktop.training.networks import network_fingerprint
    from gan_desktop.training.outer import OuterState

    known = start.info.config
    if network_fingerprint(known) != network_fingerprint(config):
        wanted = ", ".join(
            f"{key}: {getattr(known, key)}"
            for key in ("network", "image_size", "latent_size", "feature_maps")
            if getattr(known, key) != getattr(config, key)
        )
        raise SettingsError(
            "These weights are of another network than the one that config.yaml describes. Write into its"
            f" training section: {wanted or 'what their training had'}.",
            title="Weights of another network",
        )
    return OuterState.from_weights(dict(start.weights), dict(start.ema), config).to_bytes()


def _why_not(now: RunStatus, wanted: RunStatus, run_id: int) -> str:
    if now is RunStatus.COMPLETE:
        return f"Training {run_id} is complete. Make a new one: gan-desktop class new-run."
    if wanted is RunStatus.PAUSED:
        return f"Training {run_id} has not started yet. Begin it: gan-desktop class start"
    return "Another training is in progress, and a class trains one network at a time. Finish it first."
