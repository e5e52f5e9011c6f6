"""The window's way to the engine's joining: short jobs, each for a thread of the pool.

Nothing here may be called in the window's thread: it connects, reads files and asks the password store. The
imports are inside for the same reason.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.preferences import Preferences
from gan_desktop.gui.session import JoinedClass
from gan_desktop.gui.window_session import Places
from gan_desktop.worker.options import WorkerOptions

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.gui.autostart import Autostart
    from gan_desktop.join_card import JoinCard
    from gan_desktop.known_classes import KnownClass, KnownClasses

ReadOptions = Callable[[], WorkerOptions]


@dataclass(frozen=True)
class Prospect:
    """What is known of a card before anything is connected.

    Attributes:
        protection: How the connection will be protected, in English.
        is_open: It will not be protected at all.
        has_password_store: Whether this computer's password store keeps passwords.
        others: Other logins of the same class that were joined here before.
    """

    protection: str
    is_open: bool
    has_password_store: bool
    others: tuple[KnownClass, ...] = ()


@dataclass(frozen=True)
class Admission:
    """How the person wants to come in.

    Attributes:
        person: As whom; empty: as the card says.
        in_file, in_memory: Where the password goes instead of the password store.
    """

    card: JoinCard
    person: str
    in_file: bool
    in_memory: bool


def look_at(card: JoinCard, classes: KnownClasses) -> Prospect:
    """What to show of a card."""
    from gan_desktop.admission import Protection, protection
    from gan_desktop.credentials import has_password_store

    kind = protection(card)
    others: tuple[KnownClass, ...] = ()
    with contextlib.suppress(GanDesktopError):  # a damaged list is told of by the joining itself
        others = tuple(known for known in classes.all() if _is_other_login(known, card))
    return Prospect(kind.value, kind is Protection.NONE, has_password_store(), others)


def _is_other_login(known: KnownClass, card: JoinCard) -> bool:
    is_same_class = (known.dbname, known.port) == (card.dbname, card.port)
    return is_same_class and known.user != card.user and bool(set(known.hosts) & set(card.hosts))


def come_in(wish: Admission, classes: KnownClasses, read_options: ReadOptions) -> JoinedClass:
    """Join with a card, and keep the way back.

    Raises:
        GanDesktopError: As `admission.admit`.
    """
    from gan_desktop.admission import admit

    known = admit(wish.card, wish.person, classes, in_file=wish.in_file, in_memory=wish.in_memory)
    return open_known(known, classes, read_options)


def open_known(known: KnownClass, classes: KnownClasses, read_options: ReadOptions) -> JoinedClass:
    """A class joined before, as the one that is meant from now on.

    Args:
        read_options: What command line and config.yaml say of the worker, whatever the class.

    Raises:
        CredentialsError: Its password is not there.
        SettingsError: config.yaml cannot be read.
    """
    from gan_desktop.admission import open_class

    address = open_class(classes, known)
    classes.prefer(known)
    options = read_options()
    options = replace(options, name=options.name or known.person, class_title=known.name)
    return JoinedClass(address, known.name, options=options, known=known)


def move(
    known: KnownClass, classes: KnownClasses, place: tuple[str, int], read_options: ReadOptions
) -> JoinedClass:
    """A class whose server has another address now.

    Raises:
        GanDesktopError: As `admission.move_class`.
    """
    from gan_desktop.admission import move_class

    return open_known(move_class(classes, known, *place), classes, read_options)


def known_at(address: Address, classes: KnownClasses) -> KnownClass | None:
    """The class joined before that an address belongs to."""
    for known in classes.all():
        is_same_login = (known.dbname, known.user, known.port) == (address.dbname, address.user, address.port)
        if is_same_login and set(known.hosts) & set(address.hosts):
            return known
    return None


def num_waiting(joined: JoinedClass, places: Places) -> int:
    """How many finished units of a class wait on this disk."""
    from gan_desktop.worker.home import num_waiting_updates, workers_folder

    return num_waiting_updates(workers_folder(places.data), joined.account)


def forget_class(known: KnownClass, classes: KnownClasses, places: Places, pictures: Path) -> None:
    """Remove what a class has left on this computer: password, faces, finished units, and with the last class
    the pictures to learn from.

    Raises:
        GanDesktopError: A worker of it runs in another window.
    """
    from gan_desktop.gui.snapshot import SnapshotFolder
    from gan_desktop.worker.home import account_of, forget_account, workers_folder

    account = account_of(known)
    forget_account(workers_folder(places.data), account)
    shutil.rmtree(SnapshotFolder.of(places.data / "classes", account).folder, ignore_errors=True)
    classes.forget(known)
    if not classes.all():
        shutil.rmtree(pictures, ignore_errors=True)


def forget_person(
    classes: KnownClasses, places: Places, likes: Preferences, autostart: Autostart | None = None
) -> None:
    """Leave a shared computer as if nobody had been here, and let it start nothing for this person.

    Args:
        autostart: None: this system's own.
    """
    from gan_desktop.gui.autostart import this_systems_autostart
    from gan_desktop.gui.log_file import log_folder

    for known in classes.all():
        with contextlib.suppress(GanDesktopError):  # at work in another window, whose end forgets it
            forget_class(known, classes, places, pictures_folder(places, likes))
    for name in ("preferences.json", "joining.json"):
        (places.config / name).unlink(missing_ok=True)
    shutil.rmtree(log_folder(places), ignore_errors=True)
    with contextlib.suppress(GanDesktopError):  # a system that refuses has no window left to say it in
        (autostart or this_systems_autostart()).turn(False)


def pictures_folder(places: Places, likes: Preferences) -> Path:
    """Where pictures to learn from lie."""
    return Path(likes.cache_folder) if likes.cache_folder else places.cache / "shards"
