"""Under which addresses the cards of a class name its server, where the program's own guess is not right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QWidget

from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.joining.page import plain_label
from gan_desktop.gui.theme import em, set_role

if TYPE_CHECKING:
    from gan_desktop.class_admin.cards import Entrance


def chosen_hosts(session: TeachingSession) -> tuple[str, ...]:
    """The addresses that the instructor has written down for this class; empty: the program finds them."""
    text = str(_settings(session).value(_key(session), ""))
    return tuple(part for part in re.split(r"[\s,;]+", text) if part)


def choose_hosts(session: TeachingSession, text: str) -> None:
    """Write addresses down, divided by commas or spaces; an empty text: the program finds them."""
    _settings(session).setValue(_key(session), text.strip())


def _settings(session: TeachingSession) -> QSettings:
    return QSettings(str(session.places.config / "cards.ini"), QSettings.Format.IniFormat)


def _key(session: TeachingSession) -> str:
    address = session.taught.address if session.taught else None
    return f"{address.host}-{address.port}-{address.dbname}/hosts" if address else "none/hosts"


class CardAddress(QWidget):
    """Shows the addresses on the cards and takes others; what speaks against them stands below.

    Signals:
        changed: Other addresses hold from now on.
    """

    changed = Signal()

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.field = QLineEdit(", ".join(chosen_hosts(session)), self)
        self.field.setAccessibleName(self.tr("Address on the cards"))
        self.field.setToolTip(
            self.tr(
                "By which students reach the class's server; several are tried in turn. Empty: found by"
                " itself"
            )
        )
        self.field.setMinimumWidth(em(self, 14))
        self.field.editingFinished.connect(self.keep)
        label = QLabel(self.tr("A&ddress on the cards"), self)
        label.setBuddy(self.field)
        self.notes = plain_label("", self, role="bad")
        self.notes.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(em(self, 0.6))
        row.addWidget(label)
        row.addWidget(self.field, 1)

    def show_entrance(self, way: Entrance) -> None:
        """Say which addresses the program has found, and what speaks against them."""
        self.field.setPlaceholderText(", ".join(way.hosts))
        words = [
            self.tr(
                "Only programs on this computer get in by these cards: the class's database does not"
                " listen for others. Change that on the page Server."
            )
            if way.is_for_here_alone
            else "",
            self.tr(
                "The connection is not encrypted: others in the same network can read along (not the"
                " passwords, which never travel). The cards say so."
            )
            if way.insecure
            else "",
        ]
        set_role(self.notes, "bad" if way.is_for_here_alone else "muted")
        self.notes.setText("\n".join(filter(None, words)))
        self.notes.setVisible(any(words))

    def keep(self) -> None:
        """Take what is typed; before it is used, for on some systems a click takes the focus from nothing."""
        if self.field.text().strip() != ", ".join(chosen_hosts(self._session)):
            choose_hosts(self._session, self.field.text())
            self.changed.emit()
