"""A file of the program itself, to read: what runs here, or what the documentation says of it."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontDatabase, QGuiApplication, QShowEvent, QTextCursor
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

import gan_desktop
from gan_desktop.gui.theme import em


def read_source(name: str) -> str | None:
    """A file's text; None: this copy of the program has not brought it along. Not in the window's thread.

    Args:
        name: As in the source tree: `gan_desktop/...` out of the package, `docs/...` beside it.
    """
    top, _, rest = name.partition("/")
    if top == gan_desktop.__name__:
        file = resources.files(gan_desktop) / rest
    else:
        file = Path(gan_desktop.__file__).parent.parent / name
    try:
        return file.read_text("utf-8")
    except OSError:
        return None


def line_of(text: str, wanted: str) -> int:
    """The line, from 0, where a class or a function is defined, or a heading stands; else the first.

    Args:
        wanted: The name, or of a heading the beginning: small letters, `-` between the words.
    """
    words = re.escape(wanted).replace(r"\-", r"\W+")
    places = (rf" *(?:class|def) {words}\b", rf"CREATE FUNCTION (?:gan\.)?{words}\b", rf"#+ (?i:{words})")
    at = re.search(f"^(?:{'|'.join(places)})", text, re.MULTILINE)
    return text.count("\n", 0, at.start()) if wanted and at is not None else 0


class SourceDialog(QDialog):
    """Read-only text with a fixed pitch; the line that was meant is marked.

    Args:
        name: Of the file, the title.
        text: None: there is nothing to show; then it says where it is to be found.
    """

    def __init__(self, name: str, text: str | None, wanted: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(name)
        missing = self.tr("You find this in the program's source code: {file}").format(file=name)
        self.text = QPlainTextEdit(missing if text is None else text, self, readOnly=True)
        self.text.setAccessibleName(name)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        if text is not None:
            self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        if text is not None and not name.endswith(".md"):
            self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        copy = QPushButton(self.tr("Copy"), self)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text.toPlainText()))
        copy.setEnabled(text is not None)
        copy.setAutoDefault(False)
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        column = QVBoxLayout(self)
        column.addWidget(self.text)
        column.addWidget(buttons)
        self.resize(em(self, 58 if text is not None else 30), em(self, 32 if text is not None else 8))
        self._go_to(line_of(text or "", wanted))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name. What is seen is known only now."""
        super().showEvent(event)
        self.text.centerCursor()

    def _go_to(self, line: int) -> None:
        cursor = QTextCursor(self.text.document().findBlockByNumber(line))
        if line:
            # Marked from its end, so that the line is seen from its beginning.
            cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock)
            cursor.movePosition(QTextCursor.MoveOperation.StartOfBlock, QTextCursor.MoveMode.KeepAnchor)
        self.text.setTextCursor(cursor)
