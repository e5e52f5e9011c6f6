"""Join this class, as this person? All that is known of a card is shown before anything is connected."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFormLayout, QFrame, QLabel, QVBoxLayout, QWidget

from gan_desktop.errors import ConnectionFailed, GanDesktopError, Refused
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.joining import entrance
from gan_desktop.gui.joining.entrance import Admission, Prospect
from gan_desktop.gui.joining.page import WizardPage, plain_label
from gan_desktop.gui.joining.trouble_panel import Mend
from gan_desktop.gui.joining.typed_pages import name_field
from gan_desktop.gui.joining.what_leaves import show_what_leaves
from gan_desktop.gui.session import JoinedClass, Session
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.trouble import Remedy, Trouble
from gan_desktop.join_card import JoinCard
from gan_desktop.names import MAX_NAME

if TYPE_CHECKING:
    from gan_desktop.known_classes import KnownClass

T = TypeVar("T")

# What connection_errors.py says of a server without encryption: only then is doing without one offered.
_NO_ENCRYPTION = "offers no encryption"
_NAME_TAKEN, _BAD_NAME = "GD007", "GD002"


class ConfirmPage(WizardPage):
    """Shows a card, tries the connection, joins.

    Signals:
        joined: The `JoinedClass`.
        address_wanted: The card's server is somewhere else now.
        card_wanted: Another card (or what was typed instead of one) is needed.
    """

    joined = Signal(object)
    address_wanted = Signal()
    card_wanted = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.card: JoinCard | None = None
        self._prospect: Prospect | None = None
        self._is_typed = False
        # Answers to questions about an earlier card, or that were taken back, are passed over.
        self._question = 0
        self.middle.addWidget(self._make_card())
        self._already = plain_label("", self)
        self._already.hide()
        self.middle.addWidget(self._already)
        self._warning = plain_label("", self, role="bad")
        self.middle.addWidget(self._warning)
        self.middle.addWidget(self._make_password())
        self.answer = plain_label("", self, role="good")
        self.middle.addWidget(self.answer)
        self.add_link(self.tr("What leaves my computer?"), lambda: show_what_leaves(self))
        self.test = self.add_button(self.tr("Test the connection"), self._test)
        self.join = self.add_button(self.tr("Join"), self._join, is_primary=True)

    def _make_card(self) -> QFrame:
        frame = QFrame(self)
        set_role(frame, "card")
        self._form = form = QFormLayout(frame)
        form.setContentsMargins(em(self, 1.0), em(self, 0.8), em(self, 1.0), em(self, 0.8))
        form.setVerticalSpacing(em(self, 0.45))
        form.setHorizontalSpacing(em(self, 1.4))
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._class, self._server, self._connection = (plain_label("", frame) for _ in range(3))
        self._name_label = QLabel(frame)
        self.name = name_field(frame, "")
        self.name.returnPressed.connect(self.join_if_possible)
        self.name.textChanged.connect(self._show_title)
        form.addRow(self._key(self.tr("Class")), self._class)
        form.addRow(self._name_label, self.name)
        form.addRow(self._key(self.tr("Server")), self._server)
        form.addRow(self._key(self.tr("Connection")), self._connection)
        set_role(self._name_label, "muted")
        return frame

    def _key(self, text: str) -> QLabel:
        label = QLabel(text, self)
        set_role(label, "muted")
        return label

    def _make_password(self) -> QWidget:
        box = QWidget(self)
        self._place = plain_label("", box, role="muted")
        self.in_file = QCheckBox(self.tr("Keep the password in a file that only I can read"), box)
        self.forget_me = QCheckBox(self.tr("Shared computer: forget me when I quit"), box)
        self.forget_me.setToolTip(
            self.tr("At the end password, faces, pictures and settings are removed. Your credit stays.")
        )
        self.in_file.toggled.connect(self._show_place)
        self.forget_me.toggled.connect(self._show_place)
        column = QVBoxLayout(box)
        column.setContentsMargins(0, em(self, 0.2), 0, 0)
        column.setSpacing(em(self, 0.4))
        for widget in (self._place, self.in_file, self.forget_me):
            column.addWidget(widget)
        return box

    # -- showing a card -------------------------------------------------------------------------

    def show_card(self, card: JoinCard, *, is_typed: bool = False) -> None:
        """Show what a card says. `is_typed`: it was put together from fields."""
        self._question += 1
        self.card, self._prospect, self._is_typed = card, None, is_typed
        self.clear_trouble()
        self.answer.hide()
        self.show_busy("")
        self._class.setText(card.class_name)
        self._server.setText(
            self.tr("{hosts}, port {port}").format(hosts=", ".join(card.hosts), port=card.port)
        )
        self._connection.setText("...")
        self._warning.hide()
        self._already.hide()
        self.forget_me.setChecked(self._session.preferences.forget_me)
        # Without the password such an account is lost: whoever comes again would need another name.
        self.in_file.setChecked(card.enrol is not None)
        self._ask_name(card)
        self._enable(False)
        session = self._session
        self._ask(lambda: entrance.look_at(card, session.classes), self._take_prospect)

    def _ask_name(self, card: JoinCard) -> None:
        label = self.tr("This computer's name") if card.enrol == "room" else self.tr("Your name")
        self._name_label.setText(label)
        self.name.setAccessibleName(label)
        self.name.setPlaceholderText(
            self.tr("as the class will see it") if card.enrol else self.tr("as on your card")
        )
        name = card.name or ""
        if card.enrol == "room" and not name:
            name = socket.gethostname()[:MAX_NAME]
        self.name.setText(name)
        # A personal card says itself whose it is.
        is_fixed = card.enrol is None and bool(name)
        self.name.setReadOnly(is_fixed)
        set_role(self.name, "fixed" if is_fixed else "")
        self._form.setRowVisible(self.name, card.enrol is not None or bool(name))
        self._show_title()

    def _show_title(self) -> None:
        if self.card is None:
            return
        name = self.name.text().strip()
        words = self.tr('Join "{title}" as {name}?') if name else self.tr('Join "{title}"?')
        self.set_title(words.format(title=self.card.class_name, name=name))

    def _take_prospect(self, prospect: Prospect) -> None:
        self._prospect = prospect
        is_open = prospect.is_open
        words = self.tr("NOT encrypted") if is_open else engine_text(prospect.protection)
        self._connection.setText(words)
        set_role(self._connection, "bad" if prospect.is_open else "good")
        self._warning.setText(
            self.tr(
                "Without encryption others in this network can read along what travels (faces, numbers,"
                " names) or pose as the class. Your password never travels. Join like this only if your"
                " instructor says so."
            )
        )
        self._warning.setVisible(prospect.is_open)
        self.join.setText(self.tr("Join without encryption") if prospect.is_open else self.tr("Join"))
        self._already.setText(self._words_already(prospect.others))
        self._already.setVisible(bool(prospect.others))
        self._show_place()
        self._enable(True)
        self.enter()

    def _words_already(self, others: Sequence[KnownClass]) -> str:
        """Say that one is in the class already, as whom, and that this makes a second person of one."""
        if not others or self.card is None:
            return ""
        persons = ", ".join(known.person or known.user for known in others)
        title = min((known.name for known in others), key=len)
        words = self.tr('You are in "{title}" already, as {person}.').format(title=title, person=persons)
        if self.card.enrol is not None:
            return f"{words} {self.tr('Under another name you are somebody else there.')}"
        if not self.card.name:
            return f"{words} {self.tr('This card is for somebody else.')}"
        return f"{words} {self.tr('This card is for {name}.').format(name=self.card.name)}"

    def _show_place(self) -> None:
        """Say where the password goes."""
        if self._prospect is None or self.card is None:
            return
        has_store, forgets = self._prospect.has_password_store, self.forget_me.isChecked()
        self.in_file.setVisible(not has_store and not forgets)
        if forgets:
            words = self.tr("Your password is not stored: it is forgotten when you quit.")
        elif has_store:
            words = self.tr("Your password goes into this computer's password store.")
        elif self.in_file.isChecked():
            words = self.tr(
                "This computer has no password store. Your password goes into a file of your own."
            )
        elif self.card.enrol is None:
            words = self.tr(
                "This computer has no password store, so your password is not stored: at the next start you"
                " add your card once more."
            )
        else:
            words = self.tr(
                "This computer has no password store, so your password is not stored: at the next start you"
                " would have to join under another name."
            )
        self._place.setText(words)

    # -- connecting -----------------------------------------------------------------------------

    def _test(self) -> None:
        card = self.card
        assert card is not None
        self._begin()
        self._ask(lambda: _try(card), self._tell_works)

    def _tell_works(self, is_encrypted: bool) -> None:
        self.show_busy("")
        self._enable(True)
        words = self.tr("The class answers.")
        if is_encrypted:
            words += " " + self.tr("The connection is encrypted.")
        self.answer.setText(words)
        self.answer.show()
        self.join.setFocus()

    def join_if_possible(self) -> None:
        """Join where nothing stands against it."""
        if self.join.isEnabled():
            self._join()

    def _join(self) -> None:
        assert self.card is not None and self._prospect is not None
        name = self.name.text().strip()
        if self.card.enrol is not None and not name:
            self._tell_name(
                Trouble(
                    self.tr("A name is missing"), self.tr("The class shows everybody's name: type yours.")
                )
            )
            return
        forgets = self.forget_me.isChecked()
        in_file = not self._prospect.has_password_store and self.in_file.isChecked() and not forgets
        in_memory = forgets or not (self._prospect.has_password_store or in_file)
        wish = Admission(self.card, name, in_file, in_memory)
        self._session.change_preferences(forget_me=forgets)
        self._begin()
        session = self._session
        self._ask(lambda: entrance.come_in(wish, session.classes, session.read_options), self._take_joined)

    def _take_joined(self, joined: JoinedClass) -> None:
        self.show_busy("")
        self._enable(True)
        self.joined.emit(joined)

    def _begin(self) -> None:
        assert self.card is not None
        self.clear_trouble()
        self.answer.hide()
        self._enable(False)
        self.show_busy(self.tr("Connecting to {host} ...").format(host=", ".join(self.card.hosts)))

    def _ask(self, question: Callable[[], T], on_answer: Callable[[T], None]) -> None:
        self._question += 1
        number = self._question

        def take(answer: T) -> None:
            if number == self._question:
                on_answer(answer)

        def tell(error: GanDesktopError) -> None:
            if number == self._question:
                self.tell(error)

        run_in_background(question, take, tell, owner=self)

    def leave(self) -> None:
        """What is still under way is not waited for."""
        self._question += 1
        self.show_busy("")
        self._enable(self._prospect is not None)

    def _enable(self, is_possible: bool) -> None:
        for widget in (self.test, self.join, self.name, self.forget_me, self.in_file):
            widget.setEnabled(is_possible)

    # -- what can be wrong ----------------------------------------------------------------------

    def tell(self, error: GanDesktopError) -> None:
        """Say what is wrong, with buttons for what one can do about it."""
        self._enable(True)
        if isinstance(error, Refused) and error.code in (_NAME_TAKEN, _BAD_NAME):
            self._tell_name(Trouble(self.tr("Choose another name"), error.message))
            return
        trouble = Trouble.of(error)
        if self._is_typed and isinstance(error, ConnectionFailed) and error.cause == "login":
            title = error.title if self.card and self.card.enrol else self.tr("The login was refused")
            trouble = replace(trouble, title=title)
        if isinstance(error, ConnectionFailed) and _NO_ENCRYPTION in error.message:
            self._tell_open()
            return
        self.show_trouble(trouble, [mend for remedy in trouble.remedies if (mend := self._mend(remedy))])

    def _tell_name(self, trouble: Trouble) -> None:
        self.show_trouble(trouble)
        self.name.setFocus()
        self.name.selectAll()

    def _tell_open(self) -> None:
        words = self.tr(
            "The server offers no encryption: others in this network could read along what travels, or"
            " pose as the class. A class on an instructor's laptop is like that. Go on only if your"
            " instructor says so."
        )
        trouble = Trouble(self.tr("The connection would not be encrypted"), words)
        self.show_trouble(trouble, [(self.tr("Go on without encryption"), self._do_without)])

    def _do_without(self) -> None:
        assert self.card is not None
        name = self.name.text()
        self.show_card(replace(self.card, insecure=True), is_typed=self._is_typed)
        self.name.setText(name)

    def _mend(self, remedy: Remedy) -> Mend | None:
        new_card = self.tr("Change what I typed") if self._is_typed else self.tr("Add a new card")
        return {
            Remedy.TRY_AGAIN: (self.tr("Try again"), self._join),
            Remedy.NEW_ADDRESS: (self.tr("Enter the new address"), self.address_wanted.emit),
            Remedy.NEW_CARD: (new_card, self.card_wanted.emit),
            Remedy.COPY_FOR_IT: (self.tr("Copy message for IT"), self._trouble.copy),
        }.get(remedy)

    def enter(self) -> None:
        """A name that is missing has the focus, else joining."""
        is_asked = not self.name.isHidden() and not self.name.isReadOnly() and not self.name.text()
        (self.name if is_asked else self.join).setFocus()


def _try(card: JoinCard) -> bool:
    from gan_desktop.admission import try_card

    return try_card(card)
