"""The instructor's words, below the strip until they were read."""

from __future__ import annotations

import time

from PySide6.QtCore import QSettings, Qt, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gan_desktop.gui import icons
from gan_desktop.gui.session import Session
from gan_desktop.gui.theme import em, scale_font, set_role
from gan_desktop.gui.words import ago, number
from gan_desktop.records import ClassMessage

# Who joins today need not read what was said weeks ago.
OLDEST_S = 3 * 86_400.0


class MessageCard(QFrame):
    """Shows one unread message after the other, the oldest first; hidden without one.

    Args:
        settings: Remember what was read.
    """

    def __init__(self, session: Session, settings: QSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._settings = settings
        self._shown: ClassMessage | None = None
        set_role(self, "message")
        icon = QLabel(self)
        icon.setPixmap(icons.pixmap("message", em(self, 1.7), "accent", self.devicePixelRatioF()))
        self._title, self._text = QLabel(self), QLabel(self)
        scale_font(self._title, 1.0, bold=True)
        self._text.setWordWrap(True)
        for label in (self._title, self._text):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._read = QPushButton(self.tr("I have read it"), self)
        self._read.clicked.connect(self._mark_read)
        words = QVBoxLayout()
        words.setSpacing(em(self, 0.15))
        words.addWidget(self._title)
        words.addWidget(self._text)
        row = QHBoxLayout(self)
        row.setContentsMargins(em(self), em(self, 0.5), em(self), em(self, 0.5))
        row.setSpacing(em(self, 0.9))
        row.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addWidget(self._read, 0, Qt.AlignmentFlag.AlignTop)
        session.messages_changed.connect(self._show)
        session.class_changed.connect(self._show)
        self._show()

    @Slot()
    def _show(self) -> None:
        unread = self._unread()
        self._shown = unread[0] if unread else None
        self.setVisible(bool(unread))
        if not unread:
            return
        message = unread[0]
        sender = (
            self.tr("Your instructor, to you alone")
            if message.is_for_me_alone
            else self.tr("Your instructor, to all")
        )
        more = f" · {self.tr('1 of {number}').format(number=number(len(unread)))}" if len(unread) > 1 else ""
        self._title.setText(f"{sender} · {ago(message.sent_at)}{more}")
        self._text.setText(message.text)

    def _unread(self) -> list[ClassMessage]:
        """The oldest first."""
        last = int(self._settings.value(self._key(), 0) or 0)  # type: ignore[call-overload]
        since = time.time() - OLDEST_S
        messages = self._session.snapshot.messages
        return sorted(
            (message for message in messages if message.message_id > last and message.sent_at >= since),
            key=lambda message: message.message_id,
        )

    @Slot()
    def _mark_read(self) -> None:
        if self._shown is not None:
            self._settings.setValue(self._key(), self._shown.message_id)
            self._show()

    def _key(self) -> str:
        account = self._session.joined.account if self._session.joined is not None else ""
        return f"read_messages/{account.replace('/', '_')}"
