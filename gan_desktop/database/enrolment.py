"""Class cards and room cards: logins with which people make accounts of their own.

The password of such an account is made up by the joining program. The server gets its SCRAM verifier and
nothing else, so that it stands in no log and crosses no wire, not even one without TLS.
"""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

import psycopg2
import psycopg2.errors

from gan_desktop.class_code import code_login, new_code
from gan_desktop.database.connection import Connection
from gan_desktop.database.logins import Login, Logins
from gan_desktop.database.queries import load_queries
from gan_desktop.database.schema import ClassRoles
from gan_desktop.errors import GanDesktopError, SettingsError

CardKind = Literal["class", "room"]
MAX_USES = 1_000
# Everybody is in and out again within a second.
NUM_CONNECTIONS = 10
# A class card's login is named by the first letters of its code: another of this server may have them.
NAMING_ATTEMPTS = 50


@dataclass(frozen=True)
class EnrolCard:
    """A card in use. `is_in_time` is by the server's clock."""

    card_id: int
    login: str
    kind: CardKind
    max_uses: int
    num_uses: int
    valid_until: datetime
    is_in_time: bool

    @property
    def num_left(self) -> int:
        """How many may still come in with it."""
        return max(0, self.max_uses - self.num_uses)

    @property
    def is_open(self) -> bool:
        """Whether anybody can come in with it now."""
        return self.is_in_time and self.num_left > 0


@dataclass(frozen=True)
class NewEnrolCard:
    """A card that was just made. The password, a class card's code, is shown once."""

    card: EnrolCard
    password: str = field(repr=False)


class EnrolCards:
    """The class's cards that many people use.

    Args:
        connection: As the class's coordinator role.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._logins = Logins(connection)
        self._sql = load_queries("enrolment")

    def make(self, kind: CardKind, max_uses: int, valid: timedelta | datetime) -> NewEnrolCard:
        """Make a card with which `max_uses` people or computers may enrol.

        Args:
            valid: For how long, or until when.

        Raises:
            GanDesktopError: The time is over already, or the number is out of bounds.
        """
        if not 1 <= max_uses <= MAX_USES:
            raise GanDesktopError(
                f"A card can be used 1 to {MAX_USES} times, not {max_uses} times.", title="Not that many uses"
            )
        for _ in range(NAMING_ATTEMPTS):
            login = _new_login(kind)
            try:
                card = self._logins.making(partial(self._make, login, kind, max_uses, valid))
                return NewEnrolCard(card, login.password)
            except psycopg2.errors.DuplicateObject:
                continue
        raise GanDesktopError(
            "The server has too many class cards. Withdraw old ones: gan-desktop class withdraw-card",
            title="No room for another card",
        )

    def in_use(self) -> list[EnrolCard]:
        """All cards that were not withdrawn, newest first."""
        return [EnrolCard(**row._asdict()) for row in self._connection.query(self._sql["cards"])]

    def withdraw(self, card_id: int) -> bool:
        """End a card for good; accounts made with it stay. False: no such card."""
        rows = self._connection.query(self._sql["login_of_card"], {"card_id": card_id})
        if not rows:
            return False
        self._logins.close(rows[0].login)
        self._connection.execute(self._sql["withdraw_card"], {"card_id": card_id})
        # Whoever had the card may have hung something on its login that only he can take away. Then a login
        # that lets nobody in stays behind.
        with contextlib.suppress(psycopg2.Error, GanDesktopError):
            self._logins.drop(rows[0].login)
        return True

    def _make(self, login: Login, kind: CardKind, max_uses: int, valid: timedelta | datetime) -> EnrolCard:
        [row] = self._connection.query("SELECT class_id FROM gan.class")
        self._logins.make(login, ClassRoles(row.class_id).enrol, NUM_CONNECTIONS)
        is_span = isinstance(valid, timedelta)
        times = {"valid_until": None if is_span else valid, "valid_for": valid if is_span else None}
        [card] = self._connection.query(
            self._sql["add_card"], {"login": login.user, "kind": kind, "max_uses": max_uses, **times}
        )
        if not card.is_in_time:
            raise SettingsError("That time is over already. Name a later one.", title="Not such a time")
        return EnrolCard(**card._asdict())


class Enrolment:
    """One person's, or one computer's, wish for an account; may be asked again until the answer has come.

    Args:
        name: Whose.
        secret: Of the same wish, asked before by a program that did not live to hear the answer.

    Attributes:
        password: Of the account to come.
    """

    def __init__(self, name: str, secret: str | None = None) -> None:
        self.name = name
        self.password, _, self._verifier = (secret or secrets.token_urlsafe(18)).partition(" ")

    def secret(self, card: Connection) -> str:
        """All that is needed to ask the same again, as one line. Keep it before `ask`.

        Args:
            card: A connection as the card's login.
        """
        # Not made anew: by the verifier the class tells a repeated question from another person's.
        self._verifier = self._verifier or card.password_verifier("", self.password)
        return f"{self.password} {self._verifier}"

    def ask(self, card: Connection) -> str:
        """Make the account and return its login; the same one however often it is asked.

        Args:
            card: A connection as the card's login.

        Raises:
            Refused: Used up, over, withdrawn, or the name is taken or cannot be shown.
        """
        self.secret(card)
        [row] = card.query(
            load_queries("enrolment")["enrol"], {"name": self.name, "verifier": self._verifier}
        )
        return str(row.login)


def _new_login(kind: CardKind) -> Login:
    if kind == "class":
        code = new_code()
        return Login(code_login(code), code)
    return Login(f"gan_card_{secrets.token_hex(6)}", secrets.token_urlsafe(24))
