"""A dialog of the instructor's pages: words, a middle, what went wrong, buttons."""

from __future__ import annotations

from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QEvent, Slot
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.joining.page import Busy, plain_label, push_button
from gan_desktop.gui.joining.trouble_panel import TroublePanel
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.trouble import Trouble


class Sheet(QDialog):
    """Its parts go into `middle`; `open` shows it, and it is dropped when it is closed.

    While something is under way (`be_busy`) it stays open, for its answer would be lost with it.

    Args:
        title: What it is about, for the window's frame.
        lead: A sentence at the top; empty: none.
    """

    def __init__(self, title: str, lead: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.finished.connect(self.deleteLater)
        self.lead = plain_label(lead, self)
        self.lead.setVisible(bool(lead))
        self._parts = QWidget(self)
        self.middle = QVBoxLayout(self._parts)
        self.middle.setContentsMargins(0, 0, 0, 0)
        self.middle.setSpacing(em(self, 0.6))
        self._trouble = TroublePanel(self)
        self._busy = Busy(self)
        self._must_stay = False
        self._focus_before: QWidget | None = None
        self._links, self._buttons = QHBoxLayout(), QHBoxLayout()
        foot = QHBoxLayout()
        foot.setSpacing(em(self, 0.6))
        foot.addLayout(self._links)
        foot.addStretch(1)
        foot.addLayout(self._buttons)
        column = QVBoxLayout(self)
        margin = em(self, 1.1)
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(em(self, 0.8))
        column.addWidget(self.lead)
        column.addWidget(self._parts, 1)
        column.addWidget(self._busy)
        column.addWidget(self._trouble)
        column.addLayout(foot)

    def add_button(
        self, text: str, act: Callable[[], object], *, is_primary: bool = False, is_link: bool = False
    ) -> QPushButton:
        """A button at the foot; the primary one is pressed by Return wherever the focus is."""
        button = push_button(text, act, self)
        button.setAutoDefault(False)
        if is_primary:
            set_role(button, "primary")
            button.setDefault(True)
        if is_link:
            set_role(button, "link")
        (self._links if is_link else self._buttons).addWidget(button)
        return button

    def show_error(self, error: GanDesktopError) -> None:
        """Say what went wrong, where it was asked for; everything typed stays."""
        self.be_busy("")
        self._trouble.show_trouble(Trouble.of(error), ())

    def clear_error(self) -> None:
        """Nothing is wrong any more."""
        self._trouble.hide()

    @property
    def trouble(self) -> Trouble | None:
        """What is shown to be wrong."""
        return self._trouble.trouble

    def event(self, event: QEvent) -> bool:
        """Qt's name. Words that come later find room: the dialog grows, and never shrinks under the mouse."""
        # Whether there is a dialog after other events is not certain: its own end is one of them.
        wants_room = event.type() is QEvent.Type.LayoutRequest
        is_taken = super().event(event)
        if wants_room and (layout := self.layout()) is not None and layout.hasHeightForWidth():
            self.resize(self.width(), max(self.height(), layout.totalHeightForWidth(self.width())))
        return is_taken

    @property
    def must_stay(self) -> bool:
        """Whether it stays open until what is under way is done."""
        return self._must_stay

    def be_busy(self, sentence: str, *, may_close: bool = False) -> None:
        """Say what goes on, and take no further wishes meanwhile; empty: it is done.

        Args:
            may_close: It only reads: nothing is lost if nobody waits for it.
        """
        self._busy.show_sentence(sentence)
        self._stay(bool(sentence) and not may_close)
        for layout in (self._links, self._buttons):
            for at in range(layout.count()):
                item = layout.itemAt(at)
                if item is not None and (widget := item.widget()) is not None:
                    widget.setEnabled(not sentence)

    def _stay(self, must_stay: bool) -> None:
        """Stay open and let nothing be changed, or no longer; the focus comes back to where it was."""
        if must_stay == self._must_stay:
            return
        self._must_stay = must_stay
        focus = self.focusWidget()
        if must_stay:
            self._focus_before = focus if focus is not None and self._parts.isAncestorOf(focus) else None
        self._parts.setEnabled(not must_stay)
        if not must_stay and self._focus_before is not None and shiboken6.isValid(self._focus_before):
            self._focus_before.setFocus()

    def close_with_class(self, session: TeachingSession) -> None:
        """Close as soon as another class is taught, or none: answers of this one are dropped then."""
        session.class_changed.connect(self._give_up)

    @Slot()
    def _give_up(self) -> None:
        if not self.isHidden():
            self.be_busy("")
            self.reject()

    def reject(self) -> None:
        """Close, also by Esc or the window's button; not while something is under way."""
        if not self._must_stay:
            super().reject()
