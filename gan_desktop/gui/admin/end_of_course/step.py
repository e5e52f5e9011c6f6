"""One step of a course's end: a tick or its number, what it will do, what it has done, and its button."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui import icons
from gan_desktop.gui.joining.page import link_button, plain_label
from gan_desktop.gui.theme import em, scale_font, set_role
from gan_desktop.gui.words import number

STEPS = 1_000


class StepRow(QFrame):
    """A step in the list.

    Args:
        position: Its number in the list; 0: it has none.
        verb: What its button says.

    Signals:
        wanted: The step shall be done.
    """

    wanted = Signal()

    def __init__(self, position: int, title: str, verb: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._position = position
        self._is_done: bool | None = None
        self._place: Path | None = None
        self.mark = QLabel(self)
        self.mark.setFixedWidth(em(self, 1.5))
        self.mark.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self.title = plain_label(title, self)
        scale_font(self.title, 1.08, bold=True)
        self.consequence = plain_label("", self, role="muted")
        self.outcome = plain_label("", self, role="good")
        self.outcome.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.note = plain_label("", self)
        self.show_place = link_button(self.tr("Show it"), self._open_place, self)
        self._choices = QHBoxLayout()
        self._choices.setSpacing(em(self, 0.5))
        # Also without a choice: an empty layout has no width, and would keep the words as narrow.
        self._choices.addStretch(1)
        self.bar = QProgressBar(self, maximum=0, textVisible=False)
        self.bar.setAccessibleName(self.tr("Progress"))
        set_role(self.bar, "thin")
        self.button = QPushButton(verb, self)
        self.button.setAccessibleDescription(title)
        self.button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.button.clicked.connect(lambda _checked=False: self.wanted.emit())
        for kept in (self.bar, self.button):
            policy = kept.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            kept.setSizePolicy(policy)
        for widget in (self.outcome, self.note, self.show_place, self.bar):
            widget.hide()
        self._lay_out()
        self.set_done(False)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._draw_mark)

    def _lay_out(self) -> None:
        outcome = QHBoxLayout()
        outcome.setSpacing(em(self, 0.5))
        outcome.addWidget(self.outcome, 1)
        outcome.addWidget(self.show_place, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(em(self, 0.2))
        words.addWidget(self.title)
        words.addWidget(self.consequence)
        words.addLayout(self._choices)
        words.addLayout(outcome)
        words.addWidget(self.note)
        words.addWidget(self.bar)
        words.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, em(self, 0.45), 0, em(self, 0.45))
        row.setSpacing(em(self, 0.7))
        row.addWidget(self.mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)

    def add_choices(self, *widgets: QWidget) -> None:
        """Let something be chosen for the step, below what it will do."""
        for widget in widgets:
            self._choices.insertWidget(self._choices.count() - 1, widget)

    # -- its place ------------------------------------------------------------------------------

    def _keep_height(self) -> None:
        """However little it says next: a button must not move to where another one was just pressed."""
        if self.isVisible():
            self.setMinimumHeight(max(self.minimumHeight(), self.height()))

    def forget_height(self) -> None:
        """What stood here was about another class."""
        self.setMinimumHeight(0)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Qt's name: at another width the words need another height."""
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.setMinimumHeight(0)

    # -- showing --------------------------------------------------------------------------------

    def set_done(self, is_done: bool) -> None:
        """Show the tick, or the step's number."""
        self._keep_height()
        # What was done says it itself.
        self.consequence.setVisible(not is_done)
        if is_done != self._is_done:
            self._is_done = is_done
            self._draw_mark()

    @property
    def is_done(self) -> bool:
        """Whether the tick is shown."""
        return bool(self._is_done)

    def _draw_mark(self) -> None:
        if self._is_done:
            self.mark.setPixmap(icons.pixmap("check", em(self, 1.25), "good", self.devicePixelRatioF()))
            self.mark.setAccessibleName(self.tr("Done"))
        else:
            self.mark.setText(f"{self._position}." if self._position else "")
            self.mark.setAccessibleName(self.tr("Still to do"))

    def tell_outcome(self, words: str, place: str = "", *, is_here: bool = False) -> None:
        """Say what the step has done; empty: nothing.

        Args:
            place: A path on the computer that did it; `is_here` says whether it is this one.
        """
        self.outcome.setText(words)
        self.outcome.setVisible(bool(words))
        self.outcome.setToolTip(place)
        self._place = Path(place) if is_here else None
        self.show_place.setVisible(is_here)

    def tell_note(self, words: str, *, is_bad: bool = False) -> None:
        """Say what should be known before the step; empty: nothing."""
        self._keep_height()
        set_role(self.note, "bad" if is_bad else "muted")
        self.note.setText(words)
        self.note.setVisible(bool(words))

    def show_progress(self, done: int, total: int) -> None:
        """Show how far the step is; `total` 0: nobody knows."""
        self.bar.show()
        self.bar.setRange(0, STEPS if total else 0)
        if total:
            self.bar.setValue(round(STEPS * min(1.0, done / total)))
            self.bar.setToolTip(f"{number(100 * min(1.0, done / total))}%")

    def end_progress(self) -> None:
        """The step is over."""
        self.bar.hide()

    def _open_place(self) -> None:
        if self._place is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._place.parent)))
