"""What an instructor does with a class: make it, admit students, import pictures, make and steer trainings.

Plain functions for every front end. Each opens a connection of its own, so that it may be called from any
thread; all but `make_class` log in as the class's coordinator. PyTorch is imported only by the two
functions that need it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gan_desktop.database.accounts import Accounts
from gan_desktop.database.connection import Address, Connection
from gan_desktop.database.coordination import Runs
from gan_desktop.database.schema import init_class, require_fitting_schema
from gan_desktop.database.shards import Dataset, NewShard, ShardStore
from gan_desktop.database.statistics import Queue, RunSummary, Statistics, WorkerSummary
from gan_desktop.errors import ConnectionFailed, GanDesktopError, SettingsError
from gan_desktop.records import RunConfig, RunStatus

if TYPE_CHECKING:
    from gan_desktop.training.images import ImageSource
    from gan_desktop.training.shards import ImportSummary

APPLICATION = "gan-desktop class"


@dataclass(frozen=True)
class ClassStatus:
    """The class at one moment. `queue` is that of the newest training; None where there is none."""

    title: str
    datasets: list[Dataset]
    runs: list[RunSummary]
    queue: Queue | None
    workers: list[WorkerSummary]


def make_class(administrator: Address, title: str) -> Address:
    """Make an empty database the home of a class; returns the coordinator's way into it.

    Raises:
        SchemaError: There is a class already, or the login may not make one (with what is missing).
        ConnectionFailed: No connection.
    """
    made = init_class(administrator, title)
    return replace(administrator, user=made.coordinator_user, password=made.coordinator_password)


def require_coordinator(address: Address) -> None:
    """Pass only with a login that runs a class of this program's version.

    Raises:
        ConnectionFailed: No connection, or a student's login.
        SchemaError: No class there, or one of another version.
    """
    _log_in(address).close()


def add_student(coordinator: Address, name: str) -> Address:
    """Make a login for a student; returns the way in. The password is stored nowhere.

    Raises:
        GanDesktopError: The name cannot be shown.
    """
    with _log_in(coordinator) as connection:
        login = Accounts(connection).add(name)
    return replace(coordinator, user=login.user, password=login.password)


def import_pictures(
    coordinator: Address,
    source: ImageSource,
    image_size: int,
    *,
    seed: int = 1,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    should_cancel: Callable[[], bool] = lambda: False,
) -> tuple[int, ImportSummary]:
    """Store pictures as a data set; returns its number and what became of the pictures.

    Args:
        image_size: Edge of the square pictures, pixels.
        seed: Decides which picture lands in which shard.
        on_progress: Called with the pictures done and their total.

    Raises:
        ImageSetError: Too few usable pictures, or cancelled; nothing is kept then.
    """
    from gan_desktop.training.shards import ImageImport

    pictures = ImageImport(source, image_size, seed, on_progress, should_cancel)
    with _log_in(coordinator) as connection:
        store = ShardStore(connection)
        shards = (NewShard(file.data, file.num_images, file.sha256, file.is_held_out) for file in pictures)
        dataset_id = store.store(source.name, image_size, shards)
        return store.finish(dataset_id, pictures.summary.fingerprint), pictures.summary


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
    with _log_in(coordinator) as connection:
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
    with _log_in(coordinator) as connection:
        runs = Runs(connection)
        if run_id is None:
            run_id = runs.unfinished()
        if run_id is None:
            raise GanDesktopError("The class has no training in progress, and none that could begin.")
        run = runs.get(run_id)
        if not runs.set_status(run_id, status):
            raise GanDesktopError(_why_not(run.status, status, run_id))
        return run_id


def class_status(coordinator: Address) -> ClassStatus:
    """Look at the whole class."""
    with _log_in(coordinator) as connection:
        statistics = Statistics(connection)
        runs = statistics.runs()
        return ClassStatus(
            title=statistics.title(),
            datasets=statistics.datasets(),
            runs=runs,
            queue=statistics.queue(runs[0].run_id) if runs else None,
            workers=statistics.workers(),
        )


def _log_in(coordinator: Address) -> Connection:
    connection = Connection(coordinator, APPLICATION)
    try:
        require_fitting_schema(connection)
        if not Statistics(connection).is_instructor():
            raise ConnectionFailed(
                f"{coordinator.user} is a student's login. Use the coordinator's, which"
                " `gan-desktop class init` printed when the class was made.",
                cause="login",
                title="Only the instructor may do this",
            )
    except BaseException:
        connection.close()
        raise
    return connection


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
