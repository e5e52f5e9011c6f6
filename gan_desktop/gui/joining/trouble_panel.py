"""What is wrong, said where it happened, with a button for each thing one can do about it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gan_desktop import __version__
from gan_desktop.error_report import without_secrets
from gan_desktop.gui.theme import em, scale_font, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.trouble import Trouble

# What a button says, and what it does.
Mend = tuple[str, Callable[[], object]]


class TroublePanel(QFrame):
    """A frame in the colour of errors; hidden until something is wrong."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.trouble: Trouble | None = None
        self._title, self._message = QLabel(self), QLabel(self)
        scale_font(self._title, 1.05, bold=True)
        for label in (self._title, self._message):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._mends = QHBoxLayout()
        self._mends.setSpacing(em(self, 0.5))
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self, 0.9), em(self, 0.6), em(self, 0.9), em(self, 0.7))
        column.setSpacing(em(self, 0.3))
        column.addWidget(self._title)
        column.addWidget(self._message)
        column.addLayout(self._mends)
        self.hide()

    def hide(self) -> None:
        """Nothing is wrong any more."""
        self.trouble = None
        super().hide()

    def show_trouble(self, trouble: Trouble, mends: Sequence[Mend]) -> None:
        """Say what is wrong, and offer the mends, the likeliest first."""
        self.trouble = trouble
        set_role(self, "warning" if trouble.is_warning else "error")
        self._title.setText(engine_text(trouble.title))
        self._message.setText(engine_text(trouble.message))
        self.setAccessibleName(f"{self._title.text()}. {self._message.text()}")
        while (item := self._mends.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for text, act in mends:
            button = QPushButton(text, self)
            set_role(button, "second")
            button.setAutoDefault(True)
            button.clicked.connect(lambda _checked=False, act=act: act())
            self._mends.addWidget(button)
        self._mends.addStretch(1)
        self.show()

    def copy(self) -> None:
        """Put it on the clipboard for somebody who can help. No secret is in it."""
        if self.trouble is not None:
            told = self.trouble
            lines = (
                told.title,
                told.message,
                told.details,
                f"GAN Desktop {__version__}, {platform.platform()}",
            )
            QGuiApplication.clipboard().setText(without_secrets("\n".join(filter(None, lines))))
