"""What the class trains: new trainings, and their course."""

from __future__ import annotations

from gan_desktop.class_admin.login import log_in
from gan_desktop.database.connection import Address
from gan_desktop.database.coordination import Runs
from gan_desktop.database.shards import Dataset
from gan_desktop.database.statistics import Statistics
from gan_desktop.errors import GanDesktopError, SettingsError
from gan_desktop.records import RunConfig, RunStatus


def create_run(coordinator: Address, name: str, config: RunConfig, dataset_id: int | None = None) -> int:
    """Write a new training down; it begins when a coordinator takes it up.

    Args:
        dataset_id: What it learns from; None: the newest data set.

    Raises:
        SettingsError: The configuration does not fit the pictures.
        GanDesktopError: There are no such pictures, or the name cannot be used.
    """
    from gan_desktop.training.merge import UpdateFormat
    from gan_desktop.training.payload import max_payload_bytes

    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise GanDesktopError("A training's name has 1 to 80 characters on one line. Choose another name.")
    with log_in(coordinator) as connection:
        dataset = _dataset(Statistics(connection).datasets(), dataset_id)
        if dataset.image_size != config.image_size:
            raise SettingsError(
                f"training.image_size is {config.image_size}, but the pictures of data set"
                f" {dataset.dataset_id} have {dataset.image_size} pixels. Write {dataset.image_size}, or"
                f" import them again with --size {config.image_size}."
            )
        max_bytes = max_payload_bytes(UpdateFormat.of(config).shapes, config.codec_up)
        return Runs(connection).create(name, dataset.dataset_id, config, max_bytes)


def steer_run(coordinator: Address, status: RunStatus, run_id: int | None = None) -> int:
    """Start, pause, resume or finish a training; returns its number.

    Args:
        run_id: Which; None: the one in progress, else the newest that was never started.

    Raises:
        GanDesktopError: There is none, or it cannot become that from what it is now.
    """
    with log_in(coordinator) as connection:
        runs = Runs(connection)
        if run_id is None:
            run_id = runs.unfinished()
        if run_id is None:
            raise GanDesktopError("The class has no training in progress, and none that could begin.")
        run = runs.get(run_id)
        if not runs.set_status(run_id, status):
            raise GanDesktopError(_why_not(run.status, status, run_id))
        return run_id


def _dataset(datasets: list[Dataset], dataset_id: int | None) -> Dataset:
    if not datasets:
        raise GanDesktopError("The class has no pictures yet. Import some: gan-desktop class import.")
    for dataset in datasets:
        if dataset.dataset_id == dataset_id:
            return dataset
    if dataset_id is None:
        return datasets[-1]
    known = ", ".join(f"{dataset.dataset_id} ({dataset.name})" for dataset in datasets)
    raise GanDesktopError(f"The class has no data set number {dataset_id}. There are: {known}.")


def _why_not(now: RunStatus, wanted: RunStatus, run_id: int) -> str:
    if now is RunStatus.COMPLETE:
        return f"Training {run_id} is complete. Make a new one: gan-desktop class new-run."
    if wanted is RunStatus.PAUSED:
        return f"Training {run_id} has not started yet."
    return "Another training is in progress, and a class trains one network at a time. Finish it first."
