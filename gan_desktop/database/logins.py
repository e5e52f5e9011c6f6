"""Roles that people log in with: made, renewed and closed by the coordinator's role."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import psycopg2
import psycopg2.errors
from psycopg2 import sql

from gan_desktop.database.connection import Connection
from gan_desktop.database.queries import load_queries
from gan_desktop.errors import ConnectionFailed, GanDesktopError

T = TypeVar("T")

# How often to try to change a login that its owner keeps busy.
CHANGE_ATTEMPTS = 10


@dataclass(frozen=True)
class Login:
    """A login as it was just made. The password is shown once; the server keeps only its SCRAM verifier."""

    user: str
    password: str = field(repr=False)


class Logins:
    """The roles behind accounts and cards.

    Args:
        connection: As the class's coordinator role.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = load_queries("logins")

    def make(self, login: Login, role_group: str, num_connections: int) -> None:
        """Make a login that may do what its group may; inside the caller's transaction."""
        version = int(self._connection.query("SHOW server_version_num")[0][0])
        self._run(
            "create",
            login.user,
            verifier=self._verifier(login),
            limit=sql.Literal(num_connections),
            role_group=sql.Identifier(role_group),
        )
        self._run("may_end_sessions" if version >= 160000 else "may_end_sessions_before_16", login.user)

    def renew(self, logins: Sequence[Login]) -> None:
        """Give logins new passwords, all or none of them; sessions with the old ones end."""
        verifiers = {login.user: self._verifier(login) for login in logins}

        def change() -> None:
            with self._connection.transaction():
                for user, verifier in verifiers.items():
                    self._run("change_password", user, verifier=verifier)

        self.against(list(verifiers), change)

    def close(self, user: str) -> None:
        """Let nobody in with a login any more; its sessions end."""
        self.against([user], lambda: self._run("forbid", user))

    def close_all(self, users: Sequence[str]) -> None:
        """The same for many, for all of them or for none."""
        self.against(users, lambda: self._for_each("forbid", users))

    def open_all(self, users: Sequence[str]) -> None:
        """Let people in again, with the passwords that they had."""
        self._for_each("allow", users)

    def drop(self, user: str) -> None:
        """Remove a login that owns nothing and that nothing refers to."""
        self._run("drop", user)

    def drop_all(self, users: Sequence[str]) -> None:
        """The same for many that are closed.

        One to which its owner has tied something that only he can take away stays, and lets nobody in.
        """
        for user in users:
            with contextlib.suppress(psycopg2.Error, GanDesktopError):
                self.drop(user)

    def against(self, users: Sequence[str], change: Callable[[], object]) -> None:
        """Change logins whose owners may try to prevent it by open transactions: these are ended."""
        self._insist(change, lambda: self._end_sessions(users))
        self._end_sessions(users)

    def making(self, make: Callable[[], T]) -> T:
        """Make logins in a transaction of its own, although somebody may keep an enrolment open.

        Args:
            make: May be called again, after its transaction was rolled back.
        """

        def in_transaction() -> T:
            with self._connection.transaction():
                return make()

        return self._insist(
            in_transaction, lambda: self._connection.query(self._sql["end_enrolling_sessions"])
        )

    def _insist(self, change: Callable[[], T], make_way: Callable[[], object]) -> T:
        for attempt in range(CHANGE_ATTEMPTS):
            make_way()
            try:
                self._connection.execute("SET lock_timeout = '2s'")
                return change()
            except (psycopg2.errors.InternalError_, ConnectionFailed) as error:
                is_busy = isinstance(error, psycopg2.errors.InternalError_) or error.cause == "busy"
                if not is_busy or attempt == CHANGE_ATTEMPTS - 1:
                    raise
            finally:
                self._connection.execute("SET lock_timeout = 0")
        raise AssertionError("the last attempt returns or raises")

    def _end_sessions(self, users: Sequence[str]) -> None:
        self._connection.query(self._sql["end_sessions"], {"logins": list(users)})

    def _for_each(self, statement: str, users: Sequence[str]) -> None:
        with self._connection.transaction():
            for user in users:
                self._run(statement, user)

    def _verifier(self, login: Login) -> sql.Composable:
        return sql.Literal(self._connection.password_verifier(login.user, login.password))

    def _run(self, statement: str, user: str, **values: sql.Composable) -> None:
        self._connection.execute(sql.SQL(self._sql[statement]).format(login=sql.Identifier(user), **values))
