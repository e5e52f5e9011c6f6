"""The classes that this person has joined on this computer.

They stand in classes.json of the person's config folder, without passwords: those are in the computer's
password store, or in a file beside it that nobody else may read (`gan-desktop join --store-in-file`), or,
where the person wants neither, in the memory of the program and gone with it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock

from gan_desktop.credentials import (
    Password,
    find_password,
    forget_password,
    has_password_store,
    store_password,
    stored_password,
    write_password_file,
)
from gan_desktop.errors import CredentialsError, GanDesktopError, SettingsError
from gan_desktop.files import write_whole
from gan_desktop.settings import DatabaseSettings

_VERSION = 1


@dataclass(frozen=True)
class KnownClass:
    """The way back into a class.

    Attributes:
        name: What it is called here; unlike its title, no two have the same.
        class_id: What the class calls itself.
        hosts: Addresses of its server as the card had them.
        person: As whom this computer takes part; empty: not known here.
        origin: Tells the class card or room card that it came from; empty: from a personal card.
        password_in_file: The password is in a file of ours, not in the password store.
        password_in_memory: The password is kept nowhere: only the program that has joined knows it.
        answering_host: The address that answered last.
        joined_at: Seconds since 1970.
        hosted_in: The folder of its database, for a class that one teaches on this computer; else empty.
    """

    name: str
    class_id: str
    hosts: tuple[str, ...]
    port: int
    dbname: str
    user: str
    person: str = ""
    ca_pem: str | None = field(default=None, repr=False)
    insecure: bool = False
    origin: str = ""
    password_in_file: bool = False
    password_in_memory: bool = False
    answering_host: str = ""
    joined_at: float = 0.0
    hosted_in: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Tells logins of classes apart, wherever their servers are."""
        return self.class_id, self.user

    @property
    def login(self) -> DatabaseSettings:
        """Under what the password is kept."""
        return DatabaseSettings(host=self.hosts[0], port=self.port, database=self.dbname, user=self.user)


class KnownClasses:
    """All classes joined here.

    Args:
        folder: Where they are kept; None: the person's config folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or platformdirs.user_config_path("gan-desktop", appauthor=False)
        self._file = self._folder / "classes.json"
        self._in_memory: dict[tuple[str, str], str] = {}

    def all(self) -> list[KnownClass]:
        """The classes, the newest first.

        Raises:
            SettingsError: The list is damaged.
        """
        try:
            content = json.loads(self._file.read_text("utf-8"))
            return [_known(values) for values in content["classes"]]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise SettingsError(f"{self._file} cannot be read: {error.strerror}.") from error
        except (ValueError, TypeError, KeyError) as error:
            raise SettingsError(
                f"{self._file}, the list of your classes, is damaged. Move it away and join again."
            ) from error

    def find(self, name: str) -> KnownClass:
        """The class of that name, however it is capitalised.

        Raises:
            SettingsError: There is none; the message names those there are.
        """
        classes = self.all()
        for known in classes:
            if known.name.casefold() == name.strip().casefold():
                return known
        if not classes:
            raise SettingsError("No class was joined on this computer yet: gan-desktop join CARD")
        names = ", ".join(f'"{known.name}"' for known in classes)
        raise SettingsError(f'No class called "{name}" was joined on this computer. There are: {names}.')

    def keep(self, known: KnownClass, password: str) -> KnownClass:
        """Keep the way into a class, in the place of an earlier one of the same login; returns it as kept.

        Raises:
            CredentialsError: The password cannot be stored.
        """
        self.keep_password(known, password)
        with self._changed() as classes:
            others = [other for other in classes if other.key != known.key]
            for former in classes:
                if former.key == known.key and former.login != known.login:
                    forget_password(former.login)
            known = replace(known, name=_unused_name(known.name, others), joined_at=time.time())
            classes[:] = [known, *others]
        return known

    def require_same_server(self, known: KnownClass, password: str) -> None:
        """Pass where the server that a card led to may take the place of the one a class was joined at.

        Class and login are what a server calls itself and us: another one can say the same. It is the same
        where it answers at a former address and is trusted for the same reason, or where the card has the
        very password that is kept.

        Args:
            known: As the card and its server say; with `answering_host`.

        Raises:
            GanDesktopError: It may be another one; with what to do if it is not.
        """
        for former in self.all():
            if (
                former.key == known.key
                and not _is_same_server(former, known)
                and self.stored_password(former) != password
            ):
                raise GanDesktopError(
                    f'This card leads to another server than "{former.name}" was joined at, and that one says'
                    " it is the same class. Nothing was changed. Ask your instructor whether the class has"
                    f' moved. If it has: gan-desktop leave "{former.name}", then join again.',
                    title="Another server says it is your class",
                )

    def remember(self, known: KnownClass, **changes: Any) -> KnownClass:
        """Write down something new about a class, such as `answering_host`."""
        changed = replace(known, **changes)
        if changed != known:
            with self._changed() as classes:
                classes[:] = [changed if other.key == known.key else other for other in classes]
        return changed

    def prefer(self, known: KnownClass) -> None:
        """Put a class first in the list: it is the one that is meant where none is named."""
        with self._changed() as classes:
            classes.sort(key=lambda other: other.key != known.key)

    def forget(self, known: KnownClass) -> None:
        """Forget a class and its password.

        Raises:
            CredentialsError: The file with the password cannot be removed; the class is forgotten.
        """
        with self._changed() as classes:
            classes[:] = [other for other in classes if other.key != known.key]
        self.forget_password(known)

    def keep_password(self, known: KnownClass, password: str) -> None:
        """Keep a password where the person wants it, for a class that need not be in the list.

        Raises:
            CredentialsError: It cannot be stored.
        """
        if known.password_in_memory:
            self._in_memory[known.key] = password
        elif known.password_in_file:
            write_password_file(self._password_file(known), password)
        elif not store_password(known.login, password):
            raise CredentialsError("This computer's password store did not keep the password.")

    def forget_password(self, known: KnownClass) -> None:
        """Remove a password; one that is not there is no error.

        Raises:
            CredentialsError: Its file cannot be removed.
        """
        self._in_memory.pop(known.key, None)
        if not (known.password_in_file or known.password_in_memory):
            forget_password(known.login)
        file = self._password_file(known)
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise CredentialsError(
                f"{file} holds your password and cannot be removed: {error.strerror}. Remove it yourself.",
                title="The password is still there",
            ) from error

    def password(self, known: KnownClass, password_file: str | None = None) -> Password:
        """The password of a class, from the first place that has one.

        Args:
            password_file: What `--password-file` says.

        Raises:
            CredentialsError: No place has one.
        """
        if (value := self._in_memory.get(known.key)) is not None:
            return Password(value, "this program's memory")
        try:
            return find_password(known.login, password_file, self._own_file(known))
        except CredentialsError as error:
            if not known.password_in_memory:
                raise
            raise CredentialsError(
                f'The password for "{known.name}" was not kept on this computer. Add your card once more.',
                title="Your card is needed again",
            ) from error

    def stored_password(self, known: KnownClass) -> str | None:
        """The password as `keep` has stored it; None: it is not there any more."""
        if known.password_in_memory:
            return self._in_memory.get(known.key)
        stored = stored_password(known.login, self._own_file(known))
        return stored.value if stored else None

    def _own_file(self, known: KnownClass) -> Path | None:
        return self._password_file(known) if known.password_in_file else None

    def _password_file(self, known: KnownClass) -> Path:
        login = f"{known.class_id}/{known.user}"
        return self._folder / "passwords" / f"{hashlib.sha256(login.encode()).hexdigest()[:16]}.txt"

    @contextmanager
    def _changed(self) -> Iterator[list[KnownClass]]:
        """The list, to be changed inside; written whole afterwards. One program at a time."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(self._file.with_suffix(".lock")):
                classes = self.all()
                yield classes
                self._write(classes)
        except OSError as error:
            raise SettingsError(
                f"{self._file} cannot be written: {error.strerror}. Free some space or mend its rights."
            ) from error

    def _write(self, classes: Sequence[KnownClass]) -> None:
        content = {"v": _VERSION, "classes": [dataclasses.asdict(known) for known in classes]}
        text = json.dumps(content, indent=1, ensure_ascii=False)
        write_whole(self._file, text.encode(), mode=0o600)


def require_place_for_password(in_file: bool) -> None:
    """Pass where the password of a class that is about to be joined can be kept.

    Args:
        in_file: The person has chosen a file of ours.

    Raises:
        CredentialsError: There is no password store, with what to do.
    """
    if not in_file and not has_password_store():
        raise CredentialsError(
            "This computer has no password store to keep the class's password in, as servers, containers and"
            " notebooks have none. To keep it in a file that only you can read, add --store-in-file.",
            title="No place for the password",
        )


def _known(values: dict[str, Any]) -> KnownClass:
    known = {f.name for f in dataclasses.fields(KnownClass)}
    return KnownClass(
        **{key: value for key, value in values.items() if key in known} | {"hosts": tuple(values["hosts"])}
    )


def _is_same_server(former: KnownClass, known: KnownClass) -> bool:
    trust = (former.port, former.ca_pem, former.insecure) == (known.port, known.ca_pem, known.insecure)
    return trust and known.answering_host in former.hosts


def _unused_name(wanted: str, others: Sequence[KnownClass]) -> str:
    taken = {other.name.casefold() for other in others}
    name, number = wanted, 1
    while name.casefold() in taken:
        number += 1
        name = f"{wanted} ({number})"
    return name
