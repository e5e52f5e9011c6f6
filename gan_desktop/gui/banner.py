"""The banner below the strip: what is wrong, what one can do about it. It never stands in the way."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from PySide6.QtCore import Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gan_desktop import __version__
from gan_desktop.error_report import without_secrets
from gan_desktop.gui import icons
from gan_desktop.gui.session import Session
from gan_desktop.gui.theme import em, scale_font, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.trouble import Remedy, Trouble

HOW_TO_UPDATE_DRIVER = "https://www.nvidia.com/drivers"


class TellsTrouble(Protocol):
    """A session of either window."""

    trouble_changed: Any

    @property
    def trouble(self) -> Trouble | None:
        """What is to be shown."""

    def dismiss_trouble(self) -> None:
        """The person has read it."""


class Banner(QFrame):
    """Shows the session's trouble; hidden without one.

    Args:
        acts: What each remedy does here; one that is missing is not offered.
        words: What a remedy's button says here, other than in a student's window.
        copy_words: The button that copies the trouble; empty: for one's instructor.
    """

    def __init__(
        self,
        session: TellsTrouble,
        acts: Mapping[Remedy, Callable[[], object]],
        parent: QWidget | None = None,
        *,
        words: Mapping[Remedy, str] | None = None,
        copy_words: str = "",
    ) -> None:
        super().__init__(parent)
        self._words = words or {}
        self._acts = {Remedy.COPY_FOR_IT: self.copy, **acts}
        self._copy_words = copy_words or self.tr("Copy for my instructor")
        self._trouble: Trouble | None = None
        self._icon = QLabel(self)
        self._title = QLabel(self)
        scale_font(self._title, 1.05, bold=True)
        self._message = QLabel(self)
        self._message.setWordWrap(True)
        for label in (self._title, self._message):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._details = QPlainTextEdit(self, readOnly=True)
        self._details.setAccessibleName(self.tr("Details"))
        self._details.setFixedHeight(em(self, 5))
        self._details.hide()
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(em(self, 0.5))
        self._close = QToolButton(self, autoRaise=True)
        self._close.setAccessibleName(self.tr("Close"))
        self._close.setToolTip(self.tr("Close"))
        icons.set_icon(self._close, "close")
        self._close.clicked.connect(session.dismiss_trouble)
        self._lay_out()
        session.trouble_changed.connect(self._show)
        self._show(session.trouble)

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(em(self, 0.25))
        words.addWidget(self._title)
        words.addWidget(self._message)
        words.addSpacing(em(self, 0.2))
        words.addLayout(self._buttons)
        words.addWidget(self._details)
        row = QHBoxLayout(self)
        row.setContentsMargins(em(self, 1.0), em(self, 0.6), em(self, 0.6), em(self, 0.6))
        row.setSpacing(em(self, 0.9))
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)

    @Slot(object)
    def _show(self, trouble: Trouble | None) -> None:
        self._trouble = trouble
        self.setVisible(trouble is not None)
        if trouble is None:
            return
        set_role(self, "warning" if trouble.is_warning else "error")
        colour = "warning" if trouble.is_warning else "bad"
        self._icon.setPixmap(icons.pixmap("warning", em(self, 1.9), colour, self.devicePixelRatioF()))
        self._title.setText(engine_text(trouble.title))
        self._message.setText(engine_text(trouble.message))
        self._details.setPlainText(without_secrets(trouble.details))
        self._details.hide()
        self._fill_buttons(trouble)

    def _fill_buttons(self, trouble: Trouble) -> None:
        while (item := self._buttons.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for remedy in trouble.remedies:
            if remedy in self._acts:
                self._add_button(self._words.get(remedy) or self._label(remedy), self._acts[remedy])
        if trouble.details:
            self._add_button(self.tr("Details"), self._toggle_details)
        if not trouble.is_warning:
            self._add_button(self._copy_words, self.copy)
        self._buttons.addStretch(1)

    def _add_button(self, text: str, act: Callable[[], object]) -> None:
        button = QPushButton(text, self)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _checked=False: act())
        self._buttons.addWidget(button)

    def _label(self, remedy: Remedy) -> str:
        return {
            Remedy.TRY_AGAIN: self.tr("Try again"),
            Remedy.NEW_ADDRESS: self.tr("Enter the new address"),
            Remedy.NEW_CARD: self.tr("Add a new card"),
            Remedy.COPY_FOR_IT: self.tr("Copy message for IT"),
            Remedy.GET_NEW_VERSION: self.tr("Get the new version"),
            Remedy.UPDATE_DRIVER: self.tr("How to update"),
            Remedy.GO_ON: self.tr("Go on"),
        }[remedy]

    def _toggle_details(self) -> None:
        self._details.setVisible(self._details.isHidden())

    def copy(self) -> None:
        """Put the whole trouble on the clipboard, for somebody who can help. No secret is in it."""
        if self._trouble is not None:
            trouble = self._trouble
            lines = (
                trouble.title,
                trouble.message,
                trouble.details,
                f"GAN Desktop {__version__}, {platform.platform()}",
            )
            QGuiApplication.clipboard().setText(without_secrets("\n".join(filter(None, lines))))


def students_remedies(session: Session) -> Mapping[Remedy, Callable[[], object]]:
    """What a student can do about a trouble."""

    def try_again() -> None:
        session.dismiss_trouble()
        if session.joined is None:
            session.look_for_class()
            return
        session.refresh()
        session.start()

    return {
        Remedy.TRY_AGAIN: try_again,
        Remedy.NEW_ADDRESS: lambda: session.ask_to_join("address"),
        Remedy.NEW_CARD: lambda: session.ask_to_join("card"),
        Remedy.GET_NEW_VERSION: lambda: session.show_page("help/questions"),
        Remedy.GO_ON: session.dismiss_trouble,
        Remedy.UPDATE_DRIVER: lambda: QDesktopServices.openUrl(QUrl(HOW_TO_UPDATE_DRIVER)),
    }
