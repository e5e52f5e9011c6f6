"""An honest answer to "What leaves my computer?"."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from gan_desktop.gui.joining.page import plain_label
from gan_desktop.gui.theme import em, scale_font


class WhatLeavesDialog(QDialog):
    """What goes to the class, who sees it, and what stays here."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("What leaves my computer?"))
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self, 1.5), em(self, 1.2), em(self, 1.5), em(self, 1.2))
        column.setSpacing(em(self, 0.35))
        for heading, words in _paragraphs():
            title = plain_label(heading, self)
            scale_font(title, 1.08, bold=True)
            column.addWidget(title)
            column.addWidget(plain_label(words, self))
            column.addSpacing(em(self, 0.5))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        column.addWidget(buttons)
        self.setMinimumWidth(em(self, 36))


def show_what_leaves(parent: QWidget) -> WhatLeavesDialog:
    """Open the dialog; it stands in nothing's way."""
    dialog = WhatLeavesDialog(parent)
    dialog.open()
    return dialog


def _paragraphs() -> list[tuple[str, str]]:
    return [
        (
            _tr("To the class's database"),
            _tr(
                "After each unit: by how much the network's numbers have changed, how many pictures it"
                " learned from, how long that took, and figures such as the loss. While it works, every"
                " few seconds: the sentence at the top of this window, how busy this computer is and how"
                " warm its graphics card. Once: your name, this computer's host name, its processor cores,"
                " memory and graphics card, and the version of this program."
            ),
        ),
        (
            _tr("Who sees it"),
            _tr(
                "Your instructor sees all of that. Your classmates see your name, what you have"
                " contributed and whether you are working; no host name. The server sees your network"
                " address, as every server does. How the connection is protected is shown before you join."
            ),
        ),
        (
            _tr("What comes here"),
            _tr(
                "The network's numbers and the pictures that it learns from. They lie in a folder of this"
                " program, and Leave class removes them."
            ),
        ),
        (
            _tr("What never leaves"),
            _tr(
                "Your own files, photos and camera, which this program does not open; your password, of which"
                " only a proof is sent; the faces that are drawn here for you."
            ),
        ),
    ]


def _tr(text: str) -> str:
    return QCoreApplication.translate("what_leaves", text)
