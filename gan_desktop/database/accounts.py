"""Students' logins: made, renewed and withdrawn by the coordinator's role."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg2.errors
from psycopg2 import sql

from gan_desktop.database.connection import Connection
from gan_desktop.database.queries import load_queries
from gan_desktop.database.schema import ClassRoles
from gan_desktop.errors import ConnectionFailed, GanDesktopError

# Two connections for each worker (work; heartbeat) and one more while two starts overlap.
CONNECTIONS_PER_WORKER = 3
DEFAULT_WORKERS_PER_ACCOUNT = 2
# How often to try to change a login that its owner keeps busy.
CHANGE_ATTEMPTS = 10


@dataclass(frozen=True)
class Login:
    """A student's login. The password is shown once; the server keeps only its SCRAM verifier."""

    user: str
    password: str = field(repr=False)


class Accounts:
    """Who takes part in the class.

    Args:
        connection: As the class's coordinator role.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sql = load_queries("accounts")

    def add(self, display_name: str, *, num_workers: int = DEFAULT_WORKERS_PER_ACCOUNT) -> Login:
        """Make a login that may run `num_workers` workers at once. Its role name tells nothing.

        Raises:
            GanDesktopError: The name cannot be shown.
        """
        login = Login(f"s_{secrets.token_hex(6)}", secrets.token_urlsafe(18))
        [row] = self._connection.query("SELECT class_id FROM gan.class")
        names = {
            "login": sql.Identifier(login.user),
            "student": sql.Identifier(ClassRoles(row.class_id).student),
            "verifier": self._verifier(login),
            "limit": sql.Literal(CONNECTIONS_PER_WORKER * num_workers),
        }
        try:
            with self._connection.transaction():
                self._connection.execute(sql.SQL(self._sql["create_login"]).format(**names))
                self._connection.execute(sql.SQL(self._sql[self._grant_statement()]).format(**names))
                self._connection.query(
                    self._sql["add_account"], {"login": login.user, "display_name": display_name}
                )
        except psycopg2.errors.CheckViolation as error:
            raise GanDesktopError(
                "A name has 1 to 40 characters, none of them control characters. Choose another name."
            ) from error
        return login

    def renew(self, user: str) -> Login:
        """A new password for a login; sessions with the old one end.

        Raises:
            GanDesktopError: The class has no such login, or has withdrawn it.
        """
        if not self._connection.query(self._sql["open_account"], {"login": user}):
            raise GanDesktopError(f'The class has no login "{user}". Make a new card instead.')
        login = Login(user, secrets.token_urlsafe(18))
        statement = sql.SQL(self._sql["change_password"]).format(
            login=sql.Identifier(user), verifier=self._verifier(login)
        )
        self._against(user, lambda: self._connection.execute(statement))
        return login

    def withdraw(self, user: str) -> bool:
        """Close a login for good and end its sessions; its record stays. False: no such login."""
        if not self._connection.query(self._sql["open_account"], {"login": user}):
            return False
        forbid = sql.SQL(self._sql["forbid_login"]).format(login=sql.Identifier(user))
        self._against(user, lambda: self._connection.execute(forbid))
        self._against(user, lambda: self._connection.execute(self._sql["withdraw_account"], {"login": user}))
        return True

    def _against(self, user: str, change: Callable[[], object]) -> None:
        """Change a login whose owner may try to prevent it by open transactions: these are ended."""
        for attempt in range(CHANGE_ATTEMPTS):
            self._connection.query(self._sql["end_sessions"], {"login": user})
            try:
                self._connection.execute("SET lock_timeout = '2s'")
                change()
                break
            except (psycopg2.errors.InternalError_, ConnectionFailed) as error:
                is_busy = isinstance(error, psycopg2.errors.InternalError_) or error.cause == "busy"
                if not is_busy or attempt == CHANGE_ATTEMPTS - 1:
                    raise
            finally:
                self._connection.execute("SET lock_timeout = 0")
        self._connection.query(self._sql["end_sessions"], {"login": user})

    def hold(self, worker_id: str, reason: str) -> None:
        """Give a worker no more units until `release`."""
        self._connection.execute(self._sql["hold"], {"worker_id": worker_id, "reason": reason})

    def release(self, worker_id: str) -> None:
        """Let a worker go on; its strikes are forgotten."""
        self._connection.execute(self._sql["release"], {"worker_id": worker_id})

    def _verifier(self, login: Login) -> sql.Composable:
        return sql.Literal(self._connection.password_verifier(login.user, login.password))

    def _grant_statement(self) -> str:
        version = int(self._connection.query("SHOW server_version_num")[0][0])
        return "may_end_sessions" if version >= 160000 else "may_end_sessions_before_16"
