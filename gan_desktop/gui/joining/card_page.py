"""Add your join card: open it, drop it, paste it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, QUrl, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QKeySequence,
    QShortcut,
)
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from gan_desktop.class_code import is_code
from gan_desktop.errors import GanDesktopError
from gan_desktop.gui import icons
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.joining.page import WizardPage, link_button, plain_label, push_button
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.trouble import Trouble
from gan_desktop.join_card import FILE_ENDING, JoinCard, parse_card, read_card_file


class CardPage(WizardPage):
    """Takes a card from wherever it comes.

    Signals:
        card_added: A `JoinCard` and the path of its file (empty: it was pasted).
        code_typed: A code from the projector, without the address that belongs to it.
        code_wanted, by_hand_wanted: Another way in.
    """

    card_added = Signal(object, str)
    code_typed = Signal(str)
    code_wanted = Signal()
    by_hand_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.set_title(self.tr("Add your join card"))
        self.say_hello()
        self.setAcceptDrops(True)
        self.middle.addWidget(self._make_place())
        for text, signal in (
            (self.tr("I have a code and an address from the projector"), self.code_wanted),
            (self.tr("I have no card, only a host name and password"), self.by_hand_wanted),
        ):
            self.middle.addWidget(link_button(text, signal.emit, self), 0, Qt.AlignmentFlag.AlignLeft)
        # Also where no field has the focus.
        QShortcut(QKeySequence(QKeySequence.StandardKey.Paste), self, self.paste).setContext(
            Qt.ShortcutContext.WidgetWithChildrenShortcut
        )

    def _make_place(self) -> QFrame:
        self._place = QFrame(self)
        set_role(self._place, "drop")
        icon = QLabel(self._place)
        icon.setPixmap(icons.pixmap("card", em(self, 2.6), "accent", self.devicePixelRatioF()))
        icon.setAlignment(Qt.AlignmentFlag.AlignCenter)
        words = plain_label(self.tr("Drop your card here"), self._place)
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.open = push_button(self.tr("Open a file ..."), self._choose_file, self)
        set_role(self.open, "primary")
        paste = push_button(self.tr("Paste"), self.paste, self)
        paste.setToolTip(QKeySequence(QKeySequence.StandardKey.Paste).toString())
        self.line = QLineEdit(self._place, clearButtonEnabled=True)
        self.line.setMinimumHeight(em(self, 1.9))
        self.line.setPlaceholderText(self.tr("or paste a link or a line here, and press Return"))
        self.line.setAccessibleName(self.tr("Link, line or code"))
        self.line.setEchoMode(QLineEdit.EchoMode.PasswordEchoOnEdit)
        self.line.returnPressed.connect(lambda: self.take_text(self.line.text()))
        buttons = QHBoxLayout()
        buttons.setSpacing(em(self, 0.6))
        buttons.addStretch(1)
        buttons.addWidget(self.open)
        buttons.addWidget(paste)
        buttons.addStretch(1)
        column = QVBoxLayout(self._place)
        column.setContentsMargins(em(self, 1.5), em(self, 1.1), em(self, 1.5), em(self, 1.1))
        column.setSpacing(em(self, 0.6))
        column.addWidget(icon)
        column.addWidget(words)
        column.addLayout(buttons)
        column.addWidget(self.line)
        return self._place

    # -- what to say above ----------------------------------------------------------------------

    def say_hello(self) -> None:
        """What a card looks like."""
        self.set_lead(
            self.tr(
                "It comes from your instructor: a file that ends in .gandjoin, a link that begins with"
                " gandesktop://, or a long line of letters."
            )
        )

    def say_once_more(self, class_name: str) -> None:
        """Why the card is needed again after a start."""
        words = self.tr(
            'You were about to join "{name}". A card that was pasted is not kept, because it holds a'
            " password:"
            " please add it once more."
        )
        self.set_lead(words.format(name=class_name))

    def say_new_card(self, class_name: str) -> None:
        """Why a card is needed although there is a class."""
        words = self.tr('The card of "{name}" does not work any more. Add the new one from your instructor.')
        self.set_lead(words.format(name=class_name))

    # -- where cards come from ------------------------------------------------------------------

    def take_text(self, text: str) -> None:
        """A card's text, a link, a pasted line, or a code."""
        self.clear_trouble()
        if is_code(text):
            self.line.clear()
            self.code_typed.emit(text)
            return
        try:
            card = parse_card(text)
        except GanDesktopError as error:
            self.show_trouble(Trouble.of(error))
            return
        self.line.clear()
        self.card_added.emit(card, "")

    def take_file(self, path: Path) -> None:
        """A card's file."""
        self._begin_anew()

        def take(card: JoinCard) -> None:
            self.card_added.emit(card, str(path))

        run_in_background(
            lambda: read_card_file(path), take, lambda error: self.show_trouble(Trouble.of(error)), owner=self
        )

    def paste(self) -> None:
        """What is on the clipboard: a copied file, too."""
        self._take_data(QGuiApplication.clipboard().mimeData())

    def _begin_anew(self) -> None:
        """Another card is tried: what was wrong with the one before is over, also its line of dots."""
        self.clear_trouble()
        self.line.clear()

    def _take_data(self, data: QMimeData | None) -> None:
        self._begin_anew()
        urls = [url for url in data.urls() if url.isLocalFile()] if data is not None else []
        if urls:
            self.take_file(Path(urls[0].toLocalFile()))
        elif data is not None:
            self.take_text(data.text())

    def _choose_file(self) -> None:
        dialog = QFileDialog(self, self.tr("Open a join card"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        cards = self.tr("Join cards ({pattern})").format(pattern=f"*{FILE_ENDING}")
        dialog.setNameFilters([cards, self.tr("All files (*)")])
        dialog.fileSelected.connect(lambda name: self.take_file(Path(name)))
        dialog.open()

    # -- Qt's names -----------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Qt's name."""
        if event.mimeData().hasUrls() or event.mimeData().hasText():
            event.acceptProposedAction()
            set_role(self._place, "drop-over")

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802
        """Qt's name."""
        set_role(self._place, "drop")

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Qt's name."""
        set_role(self._place, "drop")
        event.acceptProposedAction()
        self._take_data(event.mimeData())

    def enter(self) -> None:
        """Opening comes first."""
        self.clear_trouble()
        self.open.setFocus()


def path_of(card: str) -> Path | None:
    """The file that an argument of the program names; None: it is a link."""
    url = QUrl(card)
    if url.scheme() == "file":
        return Path(url.toLocalFile())
    return None if card.lower().startswith("gandesktop:") else Path(card)
