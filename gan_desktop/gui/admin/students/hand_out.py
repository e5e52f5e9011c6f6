"""Cards that were just made, on their way to their people: saved, printed, copied; kept nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QPixmap
from PySide6.QtPrintSupport import QPrintDialog, QPrinter
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui import icons
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.sheet import Sheet
from gan_desktop.gui.admin.students.card_sheet import SheetCard, cards_pdf, code_image, draw_cards
from gan_desktop.gui.admin.students.invitation import personal_invitation
from gan_desktop.gui.admin.students.made_cards import made_cards
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.joining.page import plain_label, push_button
from gan_desktop.gui.saving import ask_where
from gan_desktop.gui.theme import em, set_role

if TYPE_CHECKING:
    from gan_desktop.class_admin.cards import PersonsCard


class HandOutDialog(Sheet):
    """One card or many. Closing it with none of them handed out asks first.

    Args:
        cards: In the order in which they are printed.
        words: What is sent with a card; None: the invitation of one person.
        is_again: They were shown before: people may have them, and nothing is lost by closing this.

    Signals:
        handed_out: The cards that are on their way now, a list of `PersonsCard`.
        discarded: The cards that nobody has, for the person closed this without handing one out.
    """

    handed_out = Signal(object)
    discarded = Signal(object)

    def __init__(
        self,
        cards: Sequence[PersonsCard],
        parent: QWidget,
        words: Callable[[PersonsCard], str] | None = None,
        *,
        is_again: bool = False,
    ) -> None:
        title = (
            parent.tr("The card of {name}").format(name=cards[0].person.name)
            if len(cards) == 1
            else parent.tr("%n card(s)", None, len(cards))
        )
        # A room's card is for computers, and is remembered nowhere.
        is_personal = cards[0].card.enrol is None
        lead = (
            parent.tr(
                "A card is a password. Save or print it now: this window knows it until it is closed, and"
                " nothing else keeps it."
            )
            if is_personal
            else parent.tr(
                "A card is a password. Save it now: it is kept nowhere else. One that is lost is made anew."
            )
        )
        super().__init__(title, lead, parent)
        self._cards, self._is_personal = list(cards), is_personal
        self._words = words or (lambda made: personal_invitation(made.person.name, made.card))
        self._is_handed_out = is_again
        self.done_words = plain_label("", self, role="good")
        self.done_words.hide()
        self.middle.addLayout(self._make_ways())
        self.middle.addWidget(self.done_words)
        self.middle.addLayout(self._make_invitation(), 1)
        self.add_button(self.tr("Close"), self.reject)
        self.resize(em(self, 40), em(self, 25))

    def _make_ways(self) -> QHBoxLayout:
        """The ways out, the likeliest first."""
        row = QHBoxLayout()
        row.setSpacing(em(self, 0.5))
        if len(self._cards) == 1:
            ways = [(self.tr("Save the &file ..."), "save", self.save_file)]
        else:
            ways = [
                (self.tr("Save as one &ZIP ..."), "save", self.save_zip),
                (self.tr("&File by file ..."), "folder", self.save_folder),
            ]
        # Nobody reads a computer's card from paper.
        if self._is_personal:
            ways += [
                (self.tr("Save &PDF ..."), "card", self.save_pdf),
                (self.tr("P&rint ..."), "print", self.print),
            ]
        self.ways: list[QPushButton] = []
        for words, icon, act in ways:
            button = push_button(words, act, self)
            icons.set_icon(button, icon)
            self.ways.append(button)
            row.addWidget(button)
        set_role(self.ways[0], "primary")
        icons.set_icon(self.ways[0], "save", "on_accent")
        row.addStretch(1)
        return row

    def _make_invitation(self) -> QHBoxLayout:
        """The text for one person after the other, beside the code that a phone can read."""
        self.whose = QComboBox(self)
        self.whose.addItems([card.person.name for card in self._cards])
        self.whose.setAccessibleName(self.tr("Invitation for"))
        self.whose.setVisible(len(self._cards) > 1)
        self.invitation = QPlainTextEdit(self, readOnly=True)
        self.invitation.setAccessibleName(self.tr("Invitation"))
        copy = push_button(self.tr("&Copy the invitation"), self.copy_invitation, self)
        icons.set_icon(copy, "copy")
        first = QHBoxLayout()
        first.addWidget(QLabel(self.tr("Invitation for"), self) if len(self._cards) > 1 else QWidget(self))
        first.addWidget(self.whose, 1)
        first.addWidget(copy)
        words = QVBoxLayout()
        words.addLayout(first)
        words.addWidget(self.invitation, 1)
        self._code = QLabel(self)
        self._code.setAccessibleName(self.tr("The card as a QR code"))
        row = QHBoxLayout()
        row.setSpacing(em(self))
        row.addLayout(words, 1)
        row.addWidget(self._code, 0, Qt.AlignmentFlag.AlignTop)
        self.whose.currentIndexChanged.connect(self._show_invitation)
        self._show_invitation(0)
        return row

    @Slot(int)
    def _show_invitation(self, at: int) -> None:
        made = self._cards[at]
        self.invitation.setPlainText(self._words(made))
        self._code.setVisible(made.card.fits_a_qr_code)
        if made.card.fits_a_qr_code:
            ratio = self.devicePixelRatioF()
            picture = QPixmap.fromImage(code_image(made.card, round(em(self, 12) * ratio)))
            picture.setDevicePixelRatio(ratio)
            self._code.setPixmap(picture)

    # -- the ways out ---------------------------------------------------------------------------

    def save_file(self) -> None:
        """Ask for a place for the one card's file."""
        from gan_desktop.class_admin.card_files import file_names, save_private

        [made], [name] = self._cards, file_names(self._cards)
        text = made.card.to_file_text()
        self._ask(self.tr("Save the card"), name, lambda path: save_private(path, text.encode()))

    def save_zip(self) -> None:
        """Ask for a place for all cards in one file."""
        from gan_desktop.class_admin.card_files import cards_zip, save_private

        cards = self._cards
        self._ask(
            self.tr("Save all cards"),
            f"{name_for_cards(self._cards[0].card.class_name)}.zip",
            lambda path: save_private(path, cards_zip(cards)),
        )

    def save_folder(self) -> None:
        """Ask for a folder for a file of each card."""
        from gan_desktop.class_admin.card_files import save_folder

        dialog = QFileDialog(self, self.tr("A folder for the cards"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(
            lambda name: self._write(lambda: save_folder(Path(name), self._cards).parent)
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def save_pdf(self) -> None:
        """Ask for a place for the cards to print."""
        from gan_desktop.class_admin.card_files import save_private

        sheet = self._sheet()
        self._ask(
            self.tr("Save the cards to print"),
            f"{name_for_cards(self._cards[0].card.class_name)}.pdf",
            lambda path: save_private(path, cards_pdf(sheet)),
        )

    def print(self) -> None:
        """Ask for a printer."""
        printer = QPrinter(QPrinter.PrinterMode.HighResolution)
        printer.setDocName(self.windowTitle())
        dialog = QPrintDialog(printer, self)
        sheet = self._sheet()

        def print_cards() -> None:
            self.be_busy(self.tr("Drawing the cards ..."))
            run_in_background(
                lambda: draw_cards(printer, sheet),
                lambda _done: self._be_done(self.tr("Sent to the printer.")),
                self.show_error,
                owner=self,
            )

        dialog.accepted.connect(print_cards)
        dialog.finished.connect(dialog.deleteLater)
        # Its own `open` wants a receiver.
        QDialog.open(dialog)

    def copy_invitation(self) -> None:
        """Put the text for the person that is shown on the clipboard."""
        QGuiApplication.clipboard().setText(self.invitation.toPlainText())
        made = self._cards[self.whose.currentIndex()]
        words = self.tr("The invitation of {name} is on the clipboard.").format(name=made.person.name)
        self._be_done(words, [made])

    def _sheet(self) -> list[SheetCard]:
        from gan_desktop.class_admin.card_files import file_names

        return [
            SheetCard(made.person.name, made.card, name)
            for made, name in zip(self._cards, file_names(self._cards), strict=True)
        ]

    def _ask(self, title: str, name: str, write: Callable[[Path], Path]) -> None:
        ask_where(self, title, name, lambda path: self._write(lambda: write(path)))

    def _write(self, write: Callable[[], Path]) -> None:
        self.clear_error()
        self.be_busy(self.tr("Writing ..."))
        run_in_background(
            write,
            lambda path: self._be_done(self.tr("Saved: {path}").format(path=path)),
            self.show_error,
            owner=self,
        )

    def _be_done(self, words: str, cards: Sequence[PersonsCard] | None = None) -> None:
        """Some cards are out; None: all of them."""
        self.be_busy("")
        self._is_handed_out = True
        self.handed_out.emit(self._cards if cards is None else cards)
        self.done_words.setText(words)
        self.done_words.show()

    # -- the end --------------------------------------------------------------------------------

    def reject(self) -> None:
        """Close; with no card handed out only if that is meant."""
        if self.must_stay:
            return
        if self._is_handed_out:
            self.accept()
            return
        if self._is_personal:
            words = self.tr(
                "Nobody has these cards yet. Make cards shows them again until this window is closed. Close"
                " without saving them?"
            )
        else:
            words = self.tr(
                "Nobody has this card yet, and it cannot be shown again. Close without saving it?"
            )
        question = QMessageBox(
            QMessageBox.Icon.Question, self.windowTitle(), words, QMessageBox.StandardButton.NoButton, self
        )
        close = question.addButton(self.tr("Close without saving"), QMessageBox.ButtonRole.DestructiveRole)
        question.setDefaultButton(question.addButton(self.tr("Back"), QMessageBox.ButtonRole.RejectRole))
        question.finished.connect(question.deleteLater)
        close.clicked.connect(self._discard)
        question.open()

    def _discard(self) -> None:
        self.discarded.emit(self._cards)
        self.accept()


def show_cards(
    session: TeachingSession,
    cards: Sequence[PersonsCard],
    parent: QWidget,
    *,
    is_again: bool = False,
    left_out: str = "",
) -> HandOutDialog:
    """Let people's cards be saved, printed and copied, and write down who was given one.

    Args:
        is_again: As for `HandOutDialog`: closing it takes no card from anybody.
        left_out: Whose cards are missing among them, as a sentence; empty: nobody's.
    """
    made, dialog = made_cards(session), HandOutDialog(cards, parent, is_again=is_again)
    # Without a question: the window knows these cards when their class is opened again.
    session.class_changed.connect(dialog.accept)
    dialog.handed_out.connect(made.note_given)
    if not is_again:
        dialog.discarded.connect(made.note_unsaved)
    if left_out:
        dialog.middle.insertWidget(0, plain_label(left_out, dialog, role="bad"))
    dialog.open()
    return dialog


def name_for_cards(title: str) -> str:
    """What a file with the cards of a class is called, without its ending."""
    plain = "".join(c for c in title if c.isalnum() or c in " -_").strip()
    return " ".join(filter(None, (plain, QCoreApplication.translate("hand_out", "cards"))))
