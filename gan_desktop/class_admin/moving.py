"""A class goes to another server, or a new class begins with what a former one had."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gan_desktop.class_admin.archive import restore_class
from gan_desktop.class_admin.card_files import cards_zip, save_private
from gan_desktop.class_admin.cards import entrance, renew_cards
from gan_desktop.class_admin.closing import Progress, Step, await_hand_ins, record_step, save_archive
from gan_desktop.class_admin.login import log_in, make_class
from gan_desktop.class_admin.people import students
from gan_desktop.class_admin.premises import look_at_premises
from gan_desktop.class_admin.trainings import create_run, steer_run
from gan_desktop.database.accounts import Accounts, RosterEntry
from gan_desktop.database.address import Address
from gan_desktop.database.closing import ClosingSteps
from gan_desktop.database.coordination import Runs
from gan_desktop.database.downloads import Downloads
from gan_desktop.database.logins import Logins
from gan_desktop.database.schema import OLDEST_POSTGRESQL, drop_class
from gan_desktop.database.shards import Dataset, ShardStore
from gan_desktop.database.statistics import Statistics
from gan_desktop.errors import GanDesktopError, SchemaError
from gan_desktop.records import Run, RunStatus, ShardFile


class MoveFailed(GanDesktopError):
    """A class could not be moved; the message says at which step, and that it is where it was."""

    default_title = "The class was not moved"


@dataclass(frozen=True)
class MovedClass:
    """A class in its new place.

    Attributes:
        coordinator: The way in there; its password is shown this once.
        archive: The file that it travelled as; it may be kept.
        cards: A zip with a new card for everybody; None: nobody takes part yet, or see `trouble`.
        is_paused: Its training waits there until the instructor lets it go on.
        trouble: The class has moved, but its cards could not be written.
    """

    coordinator: Address
    archive: Path
    num_students: int
    cards: Path | None = None
    is_paused: bool = False
    trouble: GanDesktopError | None = None


@dataclass(frozen=True)
class NewClass:
    """A class made after another. `cards`: a zip with everybody's card; None: nobody was taken along."""

    coordinator: Address
    num_students: int
    num_datasets: int
    run_id: int | None
    cards: Path | None = None
    trouble: GanDesktopError | None = None


@dataclass(frozen=True)
class TakenAlong:
    """What a new class takes from a former one, beside the settings of its newest training."""

    people: bool = False
    pictures: bool = True


def move_class(
    coordinator: Address,
    administrator: Address,
    folder: Path,
    on_progress: Progress = lambda what, done, total: None,
) -> MovedClass:
    """Let a class go on in another server's empty database: training paused, archived, restored, new cards.

    The class that is left stays as it is, and tells its students that it has moved.

    Args:
        administrator: Who makes classes at the new place.
        folder: For the archive and the cards.

    Raises:
        MoveFailed: The class is where it was, and its training goes on as before.
    """
    with _told("Not moved: the new place is not ready"):
        require_empty(administrator)
    paused = _pause(coordinator)
    try:
        with log_in(coordinator) as connection:
            # What came in later would stay behind.
            await_hand_ins(ClosingSteps(connection), on_progress)
        with _told("Not moved: the archive could not be written"):
            archive = save_archive(coordinator, folder, on_progress=on_progress)
        with _told("Not moved: the class could not be restored there"):
            restored = restore_class(administrator, archive, on_progress)
    except BaseException:
        if paused is not None:
            with contextlib.suppress(GanDesktopError):
                steer_run(coordinator, RunStatus.RUNNING, paused.run_id)
        raise
    # From here on nothing may be lost: the new password is known to nobody else.
    trouble, cards = None, None
    try:
        record_step(coordinator, Step.MOVE, administrator.host)
        cards = cards_for_all(restored.coordinator, folder)
    except GanDesktopError as error:
        trouble = error
    return MovedClass(
        restored.coordinator, archive, restored.num_students, cards, paused is not None, trouble
    )


def cards_for_all(coordinator: Address, folder: Path) -> Path | None:
    """Write a zip with a new card for everybody who takes part; returns its path, None: nobody does.

    Former cards end.

    Raises:
        SaveFailed: It cannot be written.
    """
    people = [student for student in students(coordinator) if not student.is_withdrawn]
    if not people:
        return None
    way = entrance(coordinator)
    cards = renew_cards(coordinator, way, people)
    path, number = folder / "cards.zip", 1
    while path.exists():
        number += 1
        path = folder / f"cards-{number}.zip"
    return save_private(path, cards_zip(cards))


def new_class_like(
    coordinator: Address,
    administrator: Address,
    title: str,
    folder: Path,
    take: TakenAlong,
    on_progress: Progress = lambda what, done, total: None,
) -> NewClass:
    """Make a class with the settings of a former one: its newest training that ran is written down anew.

    Args:
        administrator: Who makes classes at the new place, which is empty.
        folder: For the cards, where people are taken along.

    Raises:
        GanDesktopError: It could not be made; the new place is as empty as before.
    """
    require_empty(administrator)
    run = newest_run(coordinator)
    people = [s for s in students(coordinator) if not s.is_withdrawn] if take.people else []
    new = make_class(administrator, title)
    try:
        numbers = _copy_pictures(coordinator, new, on_progress) if take.pictures else {}
        with log_in(new) as connection:
            entries = [RosterEntry(s.name, s.student_id, s.email, s.section) for s in people]
            Accounts(connection).add_all(entries, keep=lambda logins: None)
        run_id = None
        if run is not None and run.dataset_id in numbers:
            run_id = create_run(new, run.name, run.config, numbers[run.dataset_id])
    except BaseException:
        _undo(new, administrator)
        raise
    trouble, cards = None, None
    try:
        cards = cards_for_all(new, folder)
    except GanDesktopError as error:
        trouble = error
    return NewClass(new, len(people), len(numbers), run_id, cards, trouble)


def newest_run(coordinator: Address) -> Run | None:
    """The newest training that ran, else the newest: a new class takes its settings; None: there is none."""
    with log_in(coordinator) as connection:
        runs = Statistics(connection).runs()
        if not runs:
            return None
        # One that was only tried out on paper says nothing of how the class has learned.
        ran = (run for run in runs if run.status is not RunStatus.CREATED)
        return Runs(connection).get(next(ran, runs[0]).run_id)


def require_empty(administrator: Address) -> None:
    """Pass only with a place that a class can move into.

    Raises:
        SchemaError: A class is there, or the server or the login does not do.
        ConnectionFailed: No connection.
    """
    place = look_at_premises(administrator)
    if place.schema_version is not None:
        raise SchemaError(
            f'The database "{administrator.dbname}" at {administrator.host} holds a class already. Choose an'
            " empty one.",
            title="There is a class already",
        )
    if not place.is_new_enough:
        raise SchemaError(
            f"That server is PostgreSQL {place.postgresql}, and a class needs {OLDEST_POSTGRESQL} or newer."
            " Choose another one, or ask its administrator for a newer version.",
            title="The server is too old for a class",
        )
    if place.missing:
        raise SchemaError(
            f'"{administrator.user}" may not make a class there. Ask the server\'s administrator to run this'
            " once, then try again:\n    " + "\n    ".join(place.missing),
            title="This login may not make a class",
        )


@contextlib.contextmanager
def _told(title: str) -> Iterator[None]:
    """Name the step at which a move fails, and say that nothing is lost."""
    try:
        yield
    except GanDesktopError as error:
        raise MoveFailed(f"{error.message} The class is where it was, and goes on.", title=title) from error


def _pause(coordinator: Address) -> Run | None:
    """Let the training that goes on rest; returns it, None: none does."""
    with log_in(coordinator) as connection:
        running = [run for run in Statistics(connection).runs() if run.status is RunStatus.RUNNING]
        run = Runs(connection).get(running[0].run_id) if running else None
    if run is not None:
        steer_run(coordinator, RunStatus.PAUSED, run.run_id)
    return run


def _copy_pictures(coordinator: Address, new: Address, on_progress: Progress) -> Mapping[int, int]:
    """Store all finished data sets in the new class too; returns their numbers there by those here."""
    with log_in(coordinator) as former, log_in(new) as connection:
        downloads, store, numbers = Downloads(former), ShardStore(connection), {}
        for dataset in Statistics(former).datasets():
            numbers[dataset.dataset_id] = _copy_dataset(dataset, downloads, store, on_progress)
        return numbers


def _copy_dataset(dataset: Dataset, downloads: Downloads, store: ShardStore, on_progress: Progress) -> int:
    shards = downloads.shards(dataset.dataset_id)
    new_id = store.begin(dataset.name, dataset.image_size)
    for position, shard in enumerate(shards):
        file = ShardFile(downloads.shard(shard), shard.num_images, shard.sha256, shard.is_held_out)
        store.add(new_id, position, file, shard.url)
        on_progress("Copying pictures", position + 1, len(shards))
    return store.finish(new_id, dataset.fingerprint)


def _undo(new: Address, administrator: Address) -> None:
    """Leave the new place as empty as it was."""
    with contextlib.suppress(GanDesktopError):
        with log_in(new) as connection:
            Logins(connection).drop_all(ClosingSteps(connection).all_logins())
        drop_class(administrator)
