"""A new card for many: how many may come in with it, until when, and by which address."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QDateTime, QLocale, Slot
from PySide6.QtWidgets import QDateTimeEdit, QFormLayout, QSpinBox, QWidget

from gan_desktop.class_code import DEFAULT_TIME, DEFAULT_USES
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.sheet import Sheet
from gan_desktop.gui.admin.students.card_address import CardAddress
from gan_desktop.gui.admin.students.class_codes import class_codes
from gan_desktop.gui.theme import em

if TYPE_CHECKING:
    from gan_desktop.database.enrolment import CardKind

MAX_USES = 1_000


class NewCardDialog(Sheet):
    """Asks for a class code or a room card; closes when it is made.

    Args:
        kind: Which of the two.
    """

    def __init__(self, session: TeachingSession, kind: CardKind, parent: QWidget) -> None:
        is_code = kind == "class"
        title = parent.tr("New class code") if is_code else parent.tr("New room card")
        lead = (
            parent.tr(
                "With a code everybody in the room makes an account of their own, under a name they choose."
                " Whoever sees it can come in: withdraw it when all are there."
            )
            if is_code
            else parent.tr(
                "A room card is a file for the computers of a lab: each makes an account of its own, by its"
                " name."
            )
        )
        super().__init__(title, lead, parent)
        self._kind, self._codes = kind, class_codes(session)
        self.close_with_class(session)
        self.uses = QSpinBox(self, minimum=1, maximum=MAX_USES, value=DEFAULT_USES)
        self.ends = QDateTimeEdit(
            QDateTime.currentDateTime().addSecs(round(DEFAULT_TIME[kind].total_seconds())), self
        )
        self.ends.setCalendarPopup(True)
        # The day as the country writes it, the time as all pages do.
        self.ends.setDisplayFormat(f"{QLocale().dateFormat(QLocale.FormatType.ShortFormat)} HH:mm")
        form = QFormLayout()
        form.setSpacing(em(self, 0.6))
        for words, field in (
            (self.tr("For how many &people") if is_code else self.tr("For how many com&puters"), self.uses),
            (self.tr("&Until"), self.ends),
        ):
            field.setAccessibleName(words.replace("&", ""))
            form.addRow(words, field)
        self.address = CardAddress(session, self)
        self.middle.addLayout(form)
        self.middle.addWidget(self.address)
        self.middle.addWidget(self.address.notes)
        self.middle.addStretch(1)
        self.add_button(self.tr("Cancel"), self.reject)
        words = self.tr("Make a code") if is_code else self.tr("Make a room card")
        self.make = self.add_button(words, self._make, is_primary=True)
        self.address.changed.connect(self._codes.look)
        self._codes.changed.connect(self._show_entrance)
        self._show_entrance()
        self.setMinimumWidth(em(self, 32))

    @Slot()
    def _show_entrance(self) -> None:
        if self._codes.now is not None:
            self.address.show_entrance(self._codes.now.way)

    def _make(self) -> None:
        self.address.keep()
        until = datetime.fromtimestamp(self.ends.dateTime().toSecsSinceEpoch()).astimezone()
        self.clear_error()
        self.be_busy(self.tr("Making the card ..."))
        self._codes.make(self._kind, self.uses.value(), until, self.accept, self.show_error)
