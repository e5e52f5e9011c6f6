"""The cards that many use, class codes and room cards: which there are, how often they were used, new ones.

One object for each session, `class_codes(session)`: a page makes a code, and the projector shows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.admin.students.card_address import chosen_hosts
from gan_desktop.gui.window_session import Places

if TYPE_CHECKING:
    from gan_desktop.class_admin.cards import Entrance
    from gan_desktop.database.address import Address
    from gan_desktop.database.enrolment import CardKind, EnrolCard
    from gan_desktop.join_card import JoinCard


@dataclass(frozen=True)
class CardsForMany:
    """What there is at one moment.

    Attributes:
        cards: Those that were not withdrawn, newest first.
        codes: Those of class cards, by login; empty: this computer does not know it.
        way: How others reach the class.
    """

    cards: Sequence[EnrolCard]
    codes: Mapping[str, str]
    way: Entrance

    @property
    def on_show(self) -> EnrolCard | None:
        """The newest code by which people can still come in, and which is known here."""
        known = (card for card in self.cards if self.codes.get(card.login))
        return next((card for card in known if card.is_open), None)

    @property
    def code(self) -> str:
        """That code as people read it; empty: there is none."""
        from gan_desktop.class_code import shown_code

        return shown_code(self.codes[self.on_show.login]) if self.on_show else ""

    @property
    def address(self) -> str:
        """The address that people type beside it."""
        from gan_desktop.class_code import shown_address

        return shown_address(self.way.hosts[0], self.way.port, self.way.dbname)


class ClassCodes(QObject):
    """Reads and changes them away from the window's thread.

    Signals:
        changed: `now` is another one.
        room_card_made: A `JoinCard`.
    """

    changed = Signal()
    room_card_made = Signal(object)

    def __init__(self, session: TeachingSession) -> None:
        super().__init__(session)
        self._session = session
        self.now: CardsForMany | None = None
        # The password store is asked once for each: a locked one would ask the person every time. Where there
        # is none, codes last as long as the window.
        self._known: dict[str, str] = {}
        session.class_changed.connect(self._forget)

    @Slot()
    def _forget(self) -> None:
        self._known.clear()
        if self.now is not None:
            self.now = None
            self.changed.emit()

    @Slot()
    def look(self) -> None:
        """Read what there is; `changed` follows."""
        taught, known, hosts = self._session.taught, dict(self._known), chosen_hosts(self._session)
        folder = folder_of_codes(taught, self._session.places)

        def take(now: CardsForMany) -> None:
            if self._session.taught is taught:
                self._take(now)

        # Nobody has asked for it: the window says anyhow when there is no connection.
        self._session.ask(
            lambda address: read_cards(address, hosts, known, folder),
            take,
            owner=self,
            on_error=lambda _error: None,
        )

    def make(
        self,
        kind: CardKind,
        uses: int,
        until: datetime,
        on_made: Callable[[], object],
        on_error: Callable[[GanDesktopError], None],
    ) -> None:
        """Make a class code or a room card, then call `on_made`."""
        hosts = chosen_hosts(self._session)
        folder = folder_of_codes(self._session.taught, self._session.places)

        def made(card: JoinCard) -> None:
            if kind == "class":
                self._known[card.user] = card.password
            self.look()
            on_made()
            if kind == "room":
                self.room_card_made.emit(card)

        self._session.change(
            lambda address: make_card(address, hosts, kind, uses, until, folder),
            made,
            owner=self,
            on_error=on_error,
        )

    def add(self, login: str, code: str) -> None:
        """Take up a code that was made elsewhere in this window."""
        self._known[login] = code
        self.look()

    def withdraw(self, card: EnrolCard) -> None:
        """End a card; who has come in with it stays."""
        self._known.pop(card.login, None)
        folder = folder_of_codes(self._session.taught, self._session.places)
        self._session.change(
            lambda address: withdraw_card(address, card, folder), lambda _done: self.look(), owner=self
        )

    def _take(self, now: CardsForMany) -> None:
        self._known = {**now.codes, **self._known}
        if now != self.now:
            self.now = now
            self.changed.emit()


def class_codes(session: TeachingSession) -> ClassCodes:
    """What this window knows of the class's codes; one for all of its pages."""
    found = session.findChild(ClassCodes)
    return found if isinstance(found, ClassCodes) else ClassCodes(session)


def folder_of_codes(taught: TaughtClass | None, places: Places) -> Path | None:
    """Where the codes of a class lie whose password is in a file; None: they are in the password store."""
    known = taught.known if taught is not None else None
    if known is None or not known.password_in_file:
        return None
    return places.config / "passwords" / hashlib.sha256(known.class_id.encode()).hexdigest()[:16]


def read_cards(
    address: Address, hosts: Sequence[str], known: Mapping[str, str], folder: Path | None = None
) -> CardsForMany:
    """What there is now; `known` are the codes that nobody need be asked for."""
    from gan_desktop.class_admin.cards import enrol_cards, entrance
    from gan_desktop.class_admin.codes import kept_code

    cards = enrol_cards(address)
    codes = {
        card.login: known[card.login] if card.login in known else kept_code(address, card, folder) or ""
        for card in cards
        if card.kind == "class"
    }
    return CardsForMany(tuple(cards), codes, entrance(address, hosts))


def make_card(
    address: Address,
    hosts: Sequence[str],
    kind: CardKind,
    uses: int,
    until: datetime,
    folder: Path | None = None,
) -> JoinCard:
    """Make a card; a class card's code is kept where this computer has a place for it."""
    from gan_desktop.class_admin.cards import enrol_card, entrance
    from gan_desktop.class_admin.codes import keep_code

    card, made = enrol_card(address, entrance(address, hosts), kind, uses, until)
    if kind == "class":
        keep_code(address, made, card.password, folder)
    return card


def withdraw_card(address: Address, card: EnrolCard, folder: Path | None = None) -> None:
    """End a card and forget its code."""
    from gan_desktop.class_admin.cards import withdraw_enrol_card
    from gan_desktop.class_admin.codes import forget_code

    withdraw_enrol_card(address, card.card_id)
    forget_code(address, card, folder)
