"""The code that stands on the projector, room cards for labs, and how often each was used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui import icons
from gan_desktop.gui.admin.keyed_table import Column, KeyedTable, KeyedTableView, TableOrder
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.students.class_codes import CardsForMany, class_codes
from gan_desktop.gui.admin.students.hand_out import HandOutDialog
from gan_desktop.gui.admin.students.invitation import code_invitation, room_invitation
from gan_desktop.gui.admin.students.new_card import NewCardDialog
from gan_desktop.gui.joining.page import plain_label, push_button
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.words import clock, number

if TYPE_CHECKING:
    from gan_desktop.database.enrolment import CardKind, EnrolCard
    from gan_desktop.join_card import JoinCard

# How soon it shows that somebody has come in.
LOOK_MS = 5_000


class CodesView(QWidget):
    """On top the code for the room in large letters, below all that are in use."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._codes = session, class_codes(session)
        self.shown = CodeOnShow(self)
        self.new_code = push_button(self.tr("New class &code ..."), lambda: self.make("class"), self)
        self.new_room_card = push_button(self.tr("New &room card ..."), lambda: self.make("room"), self)
        set_role(self.new_code, "primary")
        icons.set_icon(self.new_code, "people", "on_accent")
        icons.set_icon(self.new_room_card, "hardware")
        self._table: KeyedTable[EnrolCard] = KeyedTable(self._columns(), lambda card: card.card_id, self)
        order = TableOrder(self._table, self)
        self.table = KeyedTableView(order, self.tr("Codes and room cards in use"), 1, self)
        self.table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        self.withdraw_button = push_button(self.tr("&Withdraw ..."), self.withdraw, self)
        self._lay_out()
        QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self.table, self.withdraw).setContext(
            Qt.ShortcutContext.WidgetShortcut
        )
        self._clock = QTimer(self, interval=LOOK_MS)
        self._clock.timeout.connect(self._codes.look)
        self.table.selectionModel().selectionChanged.connect(self._show_what_can_be_done)
        self._codes.changed.connect(self._show)
        self._codes.room_card_made.connect(self._hand_out)
        session.class_changed.connect(self._codes.look)
        self._show()
        self._show_what_can_be_done()

    def _columns(self) -> Sequence[Column[EnrolCard]]:
        return (
            Column(self.tr("Number"), lambda c: number(c.card_id), lambda c: c.card_id, is_number=True),
            Column(self.tr("Kind"), self._kind),
            Column(self.tr("Used"), lambda c: number(c.num_uses), lambda c: c.num_uses, is_number=True),
            Column(self.tr("Still free"), lambda c: number(c.num_left), lambda c: c.num_left, is_number=True),
            Column(
                self.tr("Ends"),
                lambda c: when(c.valid_until) if c.is_in_time else self.tr("ended"),
                lambda c: c.valid_until.timestamp(),
                tone=lambda c: None if c.is_open else "muted",
            ),
        )

    def _kind(self, card: EnrolCard) -> str:
        if card.kind == "room":
            return self.tr("Room card")
        beginning = card.login.removeprefix("gan_card_").upper()
        return self.tr("Class code, begins with {beginning}").format(beginning=beginning)

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(em(self, 0.5))
        for button in (self.new_code, self.new_room_card, self.withdraw_button):
            tools.addWidget(button)
        tools.addStretch(1)
        below = QFrame(self)
        set_role(below, "card")
        inside = QVBoxLayout(below)
        margin = em(self, 0.6)
        inside.setContentsMargins(margin, margin, margin, margin)
        inside.setSpacing(em(self, 0.5))
        inside.addLayout(tools)
        inside.addWidget(self.table, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.7))
        column.addWidget(self.shown)
        column.addWidget(below, 1)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name. Looked at only while somebody sees it."""
        super().showEvent(event)
        self._codes.look()
        self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Qt's name."""
        super().hideEvent(event)
        self._clock.stop()

    @Slot()
    def _show(self) -> None:
        now = self._codes.now
        self._table.show_rows(now.cards if now is not None else ())
        self.shown.show_cards(now)
        self._show_what_can_be_done()

    @Slot()
    def _show_what_can_be_done(self) -> None:
        self.withdraw_button.setEnabled(bool(self.table.chosen()))

    @Slot(object)
    def _hand_out(self, card: JoinCard) -> None:
        from gan_desktop.class_admin.card_files import file_names
        from gan_desktop.class_admin.cards import PersonsCard
        from gan_desktop.database.accounts import RosterEntry

        made = PersonsCard(RosterEntry(self.tr("Room card")), card)
        [name] = file_names([made])
        HandOutDialog([made], self, lambda _made: room_invitation(name)).open()

    def make(self, kind: CardKind) -> None:
        """Ask for a new code or a new room card."""
        NewCardDialog(self._session, kind, self).open()

    def withdraw(self) -> None:
        """End the chosen cards, if that is meant."""
        chosen = self.table.chosen()
        if not chosen:
            return
        question = QMessageBox(
            QMessageBox.Icon.Question,
            self.tr("Withdraw"),
            self.tr(
                "Nobody comes in with %n card(s) any more. Who has joined stays. Withdraw?", None, len(chosen)
            ),
            QMessageBox.StandardButton.Cancel,
            self,
        )
        withdraw = question.addButton(self.tr("Withdraw"), QMessageBox.ButtonRole.DestructiveRole)
        for card in chosen:
            withdraw.clicked.connect(lambda _checked=False, card=card: self._codes.withdraw(card))
        question.finished.connect(question.deleteLater)
        question.open()


class CodeOnShow(QFrame):
    """Address and code in letters for a whole room, and the text to send."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self._now: CardsForMany | None = None
        self.code, self.address = plain_label("", self), plain_label("", self)
        self.code.setAccessibleName(self.tr("Class code"))
        self.address.setAccessibleName(self.tr("Address"))
        for label, size in ((self.code, 2.6), (self.address, 1.5)):
            scale_font(label, size, bold=True)
            use_tabular_digits(label)
            label.setWordWrap(False)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.words = plain_label("", self, role="muted")
        self.copy_button = push_button(self.tr("Copy the in&vitation"), self.copy_invitation, self)
        icons.set_icon(self.copy_button, "copy")
        title = QLabel(self.tr("Code for everybody in the room"), self)
        scale_font(title, 1.15, bold=True)
        column = QVBoxLayout()
        column.setSpacing(em(self, 0.2))
        for part in (title, self.code, self.address, self.words):
            column.addWidget(part)
        row = QHBoxLayout(self)
        row.setContentsMargins(em(self, 0.9), em(self, 0.6), em(self, 0.9), em(self, 0.7))
        row.setSpacing(em(self))
        row.addLayout(column, 1)
        row.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignBottom)
        self.show_cards(None)

    def show_cards(self, now: CardsForMany | None) -> None:
        """Show the newest code that still lets people in."""
        self._now = now
        card = now.on_show if now is not None else None
        self.code.setText(now.code if now is not None else "")
        self.address.setText(now.address if now is not None and card is not None else "")
        for part in (self.code, self.address, self.copy_button):
            part.setVisible(card is not None)
        self.words.setText(self._words(now, card))

    def _words(self, now: CardsForMany | None, card: EnrolCard | None) -> str:
        if card is not None:
            return self.tr("{used} used, {left} left, ends {end}. Also on the projector (F11).").format(
                used=number(card.num_uses), left=number(card.num_left), end=when(card.valid_until)
            )
        if now is not None and any(other.kind == "class" and other.is_open for other in now.cards):
            return self.tr("A code is in use, but this computer does not know it any more. Make a new one.")
        return self.tr(
            "With a code everybody in the room makes an account of their own, under a name they choose."
            " Make one below."
        )

    def copy_invitation(self) -> None:
        """Put the text for everybody on the clipboard."""
        now = self._now
        if now is not None and (card := now.on_show) is not None:
            text = code_invitation(
                now.way.class_name, now.address, now.code, card.num_left, when(card.valid_until)
            )
            QGuiApplication.clipboard().setText(text)
            self.words.setText(self.tr("The invitation is on the clipboard."))


def when(moment: datetime) -> str:
    """A moment by this computer's clock: 18:30 today, else with its day."""
    return clock(moment.timestamp())
