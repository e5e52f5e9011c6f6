"""Personal cards that were made in this window: they can be handed out again without making new ones.

A card ends the one before it, and the class's database keeps no password. So this window remembers the cards
it made, as long as it is open, and this computer writes down when somebody was given one, but no password.
One object for each session: `made_cards(session)`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSettings, Slot

from gan_desktop.gui.admin.session import TeachingSession

if TYPE_CHECKING:
    from gan_desktop.class_admin.cards import PersonsCard


class MadeCards(QObject):
    """Knows the cards of the class that is open, by login."""

    def __init__(self, session: TeachingSession) -> None:
        super().__init__(session)
        self._session = session
        # Password, and when the card was made, by `time.time()`.
        self._cards: dict[str, tuple[str, float]] = {}
        path = str(session.places.config / "cards.ini")
        self._settings = QSettings(path, QSettings.Format.IniFormat, self)
        session.class_changed.connect(self._forget)

    @Slot()
    def _forget(self) -> None:
        self._cards.clear()

    def keep(self, cards: Sequence[PersonsCard]) -> None:
        """Remember cards that were just made, as long as the window is open."""
        self._cards.update((made.card.user, (made.card.password, time.time())) for made in cards)

    def note_given(self, cards: Sequence[PersonsCard]) -> None:
        """Write down that these people have their cards."""
        for made in cards:
            _, made_at = self._cards.get(made.card.user, ("", time.time()))
            self._settings.setValue(self._key(made.card.user), repr(made_at))

    def note_lost(self, cards: Sequence[PersonsCard]) -> None:
        """Write down that nobody has these cards."""
        for made in cards:
            self._settings.remove(self._key(made.card.user))

    def password(self, user: str) -> str | None:
        """The password on somebody's card; None: this window has not made it."""
        return self._cards[user][0] if user in self._cards else None

    def made_at(self, user: str) -> float | None:
        """When somebody's card was made, by `time.time()`; None: not on this computer, or it went astray."""
        if user in self._cards:
            return self._cards[user][1]
        value = self._settings.value(self._key(user), None)
        return float(str(value)) if value is not None else None

    def _key(self, user: str) -> str:
        # The coordinator's login has the class's own number in it.
        taught = self._session.taught
        return f"{taught.address.user if taught else 'none'}/given/{user}"


def made_cards(session: TeachingSession) -> MadeCards:
    """What this window knows of the class's personal cards; one for all of its pages."""
    found = session.findChild(MadeCards)
    return found if isinstance(found, MadeCards) else MadeCards(session)
