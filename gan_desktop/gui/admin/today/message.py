"""A message to everybody in the class, or to one person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QWidget

from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.sheet import Sheet
from gan_desktop.gui.admin.today.people import PersonToday
from gan_desktop.gui.joining.page import plain_label
from gan_desktop.gui.theme import em, set_role

if TYPE_CHECKING:
    from gan_desktop.database.address import Address

# As `class_admin.notices.LONGEST_MESSAGE`.
LONGEST = 500


class MessageDialog(Sheet):
    """Asks for the words and sends them; closes when they are sent.

    Args:
        person: To whom; None: to everybody.

    Signals:
        sent: How many people are there to read it now.
    """

    sent = Signal(int)

    def __init__(self, session: TeachingSession, person: PersonToday | None, parent: QWidget) -> None:
        lead = parent.tr("To everybody in the class.") if person is None else person.name
        super().__init__(parent.tr("Message"), lead, parent)
        self._session, self._person = session, person
        self.close_with_class(session)
        label = QLabel(self.tr("&Words"), self)
        self.words = QPlainTextEdit(self)
        self.words.setTabChangesFocus(True)
        self.words.setFixedHeight(em(self, 5.5))
        self.words.setMinimumWidth(em(self, 26))
        label.setBuddy(self.words)
        self.note = plain_label("", self, role="muted")
        for widget in (label, self.words, self.note):
            self.middle.addWidget(widget)
        self.add_button(self.tr("Cancel"), self.reject)
        self.send_button = self.add_button(self.tr("Send"), self.send, is_primary=True)
        self.words.textChanged.connect(self._judge)
        self._judge()
        self.words.setFocus()

    @property
    def text(self) -> str:
        """The words on one line, as they are sent."""
        return " ".join(self.words.toPlainText().split())

    @Slot()
    def _judge(self) -> None:
        self.clear_error()
        left = LONGEST - len(self.text)
        self.send_button.setEnabled(bool(self.text) and left >= 0)
        set_role(self.note, "bad" if left < 0 else "muted")
        if left < 0:
            words = self.tr("%n character(s) too many.", None, -left)
        elif self._person is None:
            words = self.tr("Everybody's window shows it at once, and that of whoever joins within the hour.")
        else:
            words = self.tr("The student's window shows it at once, or when it is opened within the hour.")
        self.note.setText(words)

    @Slot()
    def send(self) -> None:
        """Send what is written."""
        text, user = self.text, self._person.user if self._person is not None else None
        self.be_busy(self.tr("Sending ..."))

        def work(address: Address) -> int:
            from gan_desktop.class_admin.notices import send_message

            return send_message(address, text, user)

        self._session.change(work, self._tell_sent, owner=self, on_error=self.show_error)

    def _tell_sent(self, num_there: int) -> None:
        self.sent.emit(num_there)
        self.accept()
