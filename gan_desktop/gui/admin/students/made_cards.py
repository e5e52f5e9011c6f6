"""Personal cards that were made in this window: they can be handed out again without making new ones.

A card ends the one before it, and the class's database keeps no password. So this window remembers the cards
it made, as long as it is open, and this computer writes down who was given one, and when, but no password.
One object for each session: `made_cards(session)`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSettings

from gan_desktop.gui.admin.session import TeachingSession

if TYPE_CHECKING:
    from gan_desktop.class_admin.cards import PersonsCard
    from gan_desktop.database.accounts import Student

# Stands where the time does as soon as somebody has the card.
_UNSAVED = "unsaved"


class MadeCards(QObject):
    """Knows the cards of the class that is open, by login; those of other classes wait until they are."""

    def __init__(self, session: TeachingSession) -> None:
        super().__init__(session)
        self._session = session
        # Password, and when the card was made, by `time.time()`.
        self._cards: dict[str, tuple[str, float]] = {}
        path = str(session.places.config / "cards.ini")
        self._settings = QSettings(path, QSettings.Format.IniFormat, self)

    def keep(self, cards: Sequence[PersonsCard]) -> None:
        """Remember cards that were just made, as long as the window is open."""
        self._cards.update((self._key(made.card.user), (made.card.password, time.time())) for made in cards)

    def forget(self, users: Sequence[str]) -> None:
        """Drop what these people's cards were: they end, or have ended. That they had one stays known."""
        for user in users:
            self._cards.pop(self._key(user), None)

    def note_given(self, cards: Sequence[PersonsCard]) -> None:
        """Write down that these people have their cards."""
        for made in cards:
            key = self._key(made.card.user)
            _, made_at = self._cards.get(key, ("", time.time()))
            self._settings.setValue(key, repr(made_at))

    def note_unsaved(self, cards: Sequence[PersonsCard]) -> None:
        """Write down that nobody has these cards."""
        for made in cards:
            self._settings.setValue(self._key(made.card.user), _UNSAVED)

    def password(self, user: str) -> str | None:
        """The password on somebody's card; None: this window has not made it."""
        found = self._cards.get(self._key(user))
        return found[0] if found is not None else None

    def made_at(self, user: str) -> float | None:
        """When somebody's card was made, by `time.time()`; None: not on this computer, or it went astray."""
        key = self._key(user)
        if key in self._cards:
            return self._cards[key][1]
        try:
            return float(str(self._settings.value(key, "")))
        except ValueError:
            return None

    def is_unsaved(self, user: str) -> bool:
        """Whether a card was made here for somebody, and nobody was given it."""
        return str(self._settings.value(self._key(user), "")) == _UNSAVED

    def have_unsaved(self, students: Sequence[Student]) -> bool:
        """Whether anybody of these who is still to join waits for a card that was made here."""
        return any(
            self.is_unsaved(student.user)
            for student in students
            if not student.has_joined and not student.is_withdrawn
        )

    def _key(self, user: str) -> str:
        # The coordinator's login has the class's own number in it.
        taught = self._session.taught
        return f"{taught.address.user if taught else 'none'}/given/{user}"


def made_cards(session: TeachingSession) -> MadeCards:
    """What this window knows of the class's personal cards; one for all of its pages."""
    found = session.findChild(MadeCards)
    return found if isinstance(found, MadeCards) else MadeCards(session)
