"""Students' accounts: made, renewed and withdrawn by the coordinator's role."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import psycopg2
import psycopg2.errors

from gan_desktop.database.connection import Connection
from gan_desktop.database.logins import Login, Logins
from gan_desktop.database.queries import load_queries
from gan_desktop.database.schema import ClassRoles
from gan_desktop.errors import GanDesktopError, Refused

__all__ = ["Accounts", "Login", "RosterEntry", "Student"]

# Two connections for each worker (work; heartbeat), and one of the window that shows it the class, or one
# more while two starts overlap.
CONNECTIONS_PER_WORKER = 3
DEFAULT_WORKERS_PER_ACCOUNT = 2
# Of an account that a class card made, for one person's one computer (api/functions.sql, enrol).
CONNECTIONS_BY_CARD = CONNECTIONS_PER_WORKER + 1


@dataclass(frozen=True)
class RosterEntry:
    """One person of the instructor's list. All but the name is for the instructor alone."""

    name: str
    student_id: str | None = None
    email: str | None = None
    section: str | None = None


@dataclass(frozen=True)
class Student:
    """One login with the person behind it.

    Attributes:
        card_kind: With which card it enrolled (`class` or `room`); None: the instructor made it.
        silent_s: Time since the last sign of life of any of its computers; None: none has begun yet.
        is_hidden: Not on the leaderboard that classmates see.
    """

    user: str
    name: str
    student_id: str | None
    email: str | None
    section: str | None
    card_kind: str | None
    num_workers: int
    silent_s: float | None
    is_withdrawn: bool
    is_hidden: bool = False

    @property
    def has_joined(self) -> bool:
        """Whether the card is in use, so that a new one would end something."""
        return self.num_workers > 0 or self.card_kind is not None


class Accounts:
    """Who takes part in the class.

    Args:
        connection: As the class's coordinator role.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._logins = Logins(connection)
        self._sql = load_queries("accounts")

    def add(self, display_name: str, *, num_workers: int = DEFAULT_WORKERS_PER_ACCOUNT) -> Login:
        """Make a login that may run `num_workers` workers at once. Its role name tells nothing.

        Raises:
            GanDesktopError: The name cannot be shown.
        """
        with self._plain_refusals():
            return self._logins.making(lambda: self._add(RosterEntry(display_name), num_workers))

    def add_all(self, entries: Sequence[RosterEntry], keep: Callable[[list[Login]], None]) -> list[Login]:
        """Make a login for each person of a list; nothing is made if any of it fails.

        Args:
            keep: Puts the logins, which are in the entries' order, where they are safe. Called before they
                become real: if it raises, none does.

        Raises:
            GanDesktopError: A name cannot be shown.
        """

        def make() -> list[Login]:
            logins = [self._add(entry, DEFAULT_WORKERS_PER_ACCOUNT) for entry in entries]
            keep(logins)
            return logins

        with self._plain_refusals():
            return self._logins.making(make)

    def students(self) -> list[Student]:
        """Everybody who takes or took part, by name."""
        return [Student(**row._asdict()) for row in self._connection.query(self._sql["students"])]

    def rename(self, user: str, name: str) -> bool:
        """Let the class know a login by another name. False: no such login.

        Raises:
            GanDesktopError: The name cannot be shown.
        """
        with self._plain_refusals():
            return bool(self._connection.execute(self._sql["rename"], {"login": user, "name": name}))

    def change_roster(self, user: str, entry: RosterEntry) -> None:
        """Let the instructor's list say something else of a login; the name is `rename`'s.

        Raises:
            GanDesktopError: An id, a section or an address is too long.
        """
        with self._plain_refusals():
            self._connection.execute(self._sql["change_roster"], {"login": user, **asdict(entry)})

    def hide_all(self, users: Sequence[str], *, is_hidden: bool) -> None:
        """Keep logins off the leaderboard that classmates see, or let all of them be there again."""
        with self._connection.transaction():
            for user in users:
                self._connection.execute(self._sql["hide"], {"login": user, "is_hidden": is_hidden})

    def renew(self, user: str) -> Login:
        """A new password for a login; sessions with the old one end.

        Raises:
            GanDesktopError: The class has no such login, or has withdrawn it.
        """
        [login] = self.renew_all([user])
        return login

    def renew_all(self, users: Sequence[str]) -> list[Login]:
        """New passwords for many logins, for all of them or for none; sessions with the old ones end.

        Raises:
            GanDesktopError: The class has no such login, or has withdrawn it.
        """
        for user in users:
            if not self._connection.query(self._sql["open_account"], {"login": user}):
                raise GanDesktopError(
                    f'The class has no login "{user}". Make a new card instead.', title="No such login"
                )
        logins = [Login(user, secrets.token_urlsafe(18)) for user in users]
        self._logins.renew(logins)
        return logins

    def withdraw(self, user: str) -> bool:
        """Close a login for good and end its sessions; its record stays. False: no such login."""
        if not self._connection.query(self._sql["open_account"], {"login": user}):
            return False
        self.withdraw_all([user])
        return True

    def withdraw_all(self, users: Sequence[str]) -> None:
        """Close logins that are open for good, all of them or none, and end their sessions."""

        def withdraw() -> None:
            with self._connection.transaction():
                for user in users:
                    self._connection.execute(self._sql["withdraw_account"], {"login": user})

        self._logins.close_all(users)
        try:
            self._logins.against(users, withdraw)
        except Exception:
            with contextlib.suppress(psycopg2.Error, GanDesktopError):
                self._logins.open_all(users)
            raise

    def hold(self, worker_id: str, reason: str) -> None:
        """Give a worker no more units until `release`."""
        self._connection.execute(self._sql["hold"], {"worker_id": worker_id, "reason": reason})

    def release(self, worker_id: str) -> None:
        """Let a worker go on; its strikes are forgotten."""
        self._connection.execute(self._sql["release"], {"worker_id": worker_id})

    def _add(self, entry: RosterEntry, num_workers: int) -> Login:
        login = Login(f"s_{secrets.token_hex(6)}", secrets.token_urlsafe(18))
        [row] = self._connection.query("SELECT class_id FROM gan.class")
        self._logins.make(login, ClassRoles(row.class_id).student, CONNECTIONS_PER_WORKER * num_workers)
        [account] = self._connection.query(
            self._sql["add_account"], {"login": login.user, "display_name": entry.name}
        )
        if entry.student_id or entry.email or entry.section:
            self._connection.execute(
                self._sql["add_to_roster"], {"account_id": account.account_id, **asdict(entry)}
            )
        return login

    @contextmanager
    def _plain_refusals(self) -> Iterator[None]:
        """Say in plain words what the class's tables refuse; a name that was mistyped is no refused login."""
        try:
            yield
        except psycopg2.errors.CheckViolation as error:
            raise GanDesktopError(
                "An id and a section have 1 to 80 characters, an e-mail address at most 254.",
                title="Too long for the list",
            ) from error
        except Refused as error:
            raise GanDesktopError(error.message, title="Not a name for the class") from error
