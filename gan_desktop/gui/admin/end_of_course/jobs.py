"""The end of a course's way to the engine: functions for a thread of the pool, with their imports inside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin import entrance
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.admin.wizard.jobs import LoginWish, has_password_store
from gan_desktop.gui.window_session import Places

if TYPE_CHECKING:
    from gan_desktop.class_admin.closing import Closing, Progress
    from gan_desktop.class_admin.moving import MovedClass, NewClass
    from gan_desktop.database.address import Address
    from gan_desktop.database.erasure import Trace


@dataclass(frozen=True)
class Seen:
    """How far the class is from its end, and which of the files it names are on this computer."""

    closing: Closing
    here: frozenset[str]


@dataclass(frozen=True)
class Arrived:
    """A class in its new place: what to teach from now on, and what could not be done on the way."""

    taught: TaughtClass
    cards: Path | None
    num_students: int
    is_paused: bool
    trouble: GanDesktopError | None


@dataclass(frozen=True)
class Deleted:
    """A class that is gone.

    Attributes:
        others: The titles of the other classes on this computer's server.
        trouble: Why this computer still knows something of the way to it; None: it knows nothing.
    """

    others: tuple[str, ...]
    trouble: GanDesktopError | None


def look(coordinator: Address) -> Seen:
    """How far the class is from its end."""
    from gan_desktop.class_admin.closing import closing

    now = closing(coordinator)
    here = frozenset(step.place for step in now.done.values() if step.place and Path(step.place).exists())
    return Seen(now, here)


def end(coordinator: Address, _progress: Progress) -> None:
    """End the class."""
    from gan_desktop.class_admin.closing import end_class

    end_class(coordinator)


def write_credit(
    coordinator: Address, _progress: Progress, *, folder: Path, until: date, separator: str
) -> Path:
    """Write the final credit."""
    from gan_desktop.class_admin.closing import save_credit

    return save_credit(coordinator, folder, until, separator)


def write_results(coordinator: Address, progress: Progress, *, folder: Path) -> Path:
    """Write the results of all trainings."""
    from gan_desktop.class_admin.closing import save_results

    return save_results(coordinator, folder, progress)


def write_archive(coordinator: Address, progress: Progress, *, folder: Path, with_pictures: bool) -> Path:
    """Write the class as one file."""
    from gan_desktop.class_admin.closing import save_archive

    return save_archive(coordinator, folder, with_pictures=with_pictures, on_progress=progress)


def close_logins(coordinator: Address, progress: Progress) -> int:
    """Let nobody in any more."""
    from gan_desktop.class_admin.closing import close_logins

    return close_logins(coordinator, progress)


def open_again(coordinator: Address, _progress: Progress) -> None:
    """Let the class go on after all."""
    from gan_desktop.class_admin.closing import open_again

    open_again(coordinator)


def erase(
    coordinator: Address, progress: Progress, *, taught: TaughtClass, keep_numbers: bool
) -> list[Trace]:
    """Erase what is personal; on this computer from the disk, too."""
    from gan_desktop.class_admin.erasing import erase
    from gan_desktop.class_admin.hosting import hosted_administrator

    folder = taught.hosted_in
    host = hosted_administrator(folder, coordinator.dbname) if folder is not None else None
    return erase(coordinator, keep_numbers=keep_numbers, host=host, on_progress=progress)


def delete(taught: TaughtClass, places: Places, maker: Address | None, progress: Progress) -> Deleted:
    """Delete the class, and forget the way to it.

    Args:
        maker: The login that made it; None: the superuser of the server on this computer.
    """
    from gan_desktop.class_admin.erasing import delete_class
    from gan_desktop.class_admin.hosting import hosted_administrator

    progress("Deleting the class", 0, 0)
    administrator = maker or hosted_administrator(taught.hosted_in, taught.address.dbname)
    others = delete_class(taught.address, administrator, is_hosted=maker is None)
    trouble = None
    if taught.known is not None:
        try:
            entrance.forget_taught(taught.known, places)
        except GanDesktopError as error:
            # The class is gone all the same: deleting it again would fail.
            trouble = error
    return Deleted(others, trouble)


def remove_server(folder: Path) -> None:
    """Remove the server on this computer, which has no class any more and does not run."""
    from gan_desktop.class_admin.erasing import remove_server

    remove_server(folder)


def move(coordinator: Address, places: Places, there: LoginWish, folder: Path, progress: Progress) -> Arrived:
    """Let the class go on elsewhere, and keep the way to it."""
    from gan_desktop.class_admin.moving import move_class

    return _arrived(move_class(coordinator, there.address(), folder, progress), places, None)


def begin_anew(
    former: TaughtClass,
    places: Places,
    there: LoginWish | None,
    title: str,
    folder: Path,
    *,
    people: bool,
    pictures: bool,
    progress: Progress,
) -> Arrived:
    """Make a class with the settings of a former one, and keep the way to it.

    Args:
        there: Who makes classes at its place; None: a further database of this computer's server.
    """
    from gan_desktop.class_admin.moving import TakenAlong, new_class_like

    hosted_in = former.hosted_in if there is None else None
    administrator = _another_database(hosted_in) if there is None else there.address()
    take = TakenAlong(people=people, pictures=pictures)
    made = new_class_like(former.address, administrator, title, folder, take, progress)
    return _arrived(made, places, hosted_in)


def _another_database(folder: Path | None) -> Address:
    from gan_desktop.class_admin.hosting import free_database, hosted_administrator, hosted_classes

    server = hosted_administrator(folder)
    return hosted_administrator(folder, free_database(hosted_classes(server)))


def _arrived(made: MovedClass | NewClass, places: Places, hosted_in: Path | None) -> Arrived:
    trouble = made.trouble
    try:
        taught = entrance.keep_taught(
            made.coordinator, places, hosted_in=hosted_in, in_file=not has_password_store()
        )
    except GanDesktopError as error:
        # The class is there all the same, and this window knows the way until it is closed.
        taught, trouble = TaughtClass(made.coordinator, hosted_in=hosted_in), error
    is_paused = getattr(made, "is_paused", False)
    return Arrived(taught, made.cards, made.num_students, is_paused, trouble)
