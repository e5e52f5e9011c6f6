"""What the pages of the class wizard have in common: their number, and answers that may come late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, TypeVar

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui import icons
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.joining.page import WizardPage, plain_label, push_button
from gan_desktop.gui.joining.trouble_panel import Mend
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.trouble import Trouble

T = TypeVar("T")

NUM_STEPS = 5


class ClassPage(WizardPage):
    """One page of the class wizard.

    Args:
        number: Which of the five steps it belongs to; 0: none.

    Attributes:
        way_out: A link, hidden unless the class is there already.

    Signals:
        leave_wanted: The class's pages, please; this one later.
    """

    leave_wanted = Signal()

    def __init__(self, number: int, parent: QWidget | None = None, *, fills: bool = False) -> None:
        super().__init__(parent, fills=fills)
        # Answers to questions that were taken back are passed over.
        self._question = 0
        if number:
            words = self.tr("Step {number} of {count}").format(number=number, count=NUM_STEPS)
            self._links.insertWidget(0, plain_label(words, self, role="muted"))
        self.way_out = self.add_link(self.tr("Leave ..."), self.leave_wanted.emit)
        self.way_out.hide()

    # -- what was typed -------------------------------------------------------------------------

    def typed(self) -> dict[str, str]:
        """What may be kept of the fields: no password."""
        return {}

    def type_again(self, typed: dict[str, str]) -> None:
        """Fill the fields as they were."""

    # -- questions ------------------------------------------------------------------------------

    def ask(
        self,
        question: Callable[[], T],
        on_answer: Callable[[T], None],
        busy: str = "",
        on_error: Callable[[GanDesktopError], None] | None = None,
    ) -> None:
        """Call a function away from the window's thread; the page waits for the answer meanwhile.

        Args:
            busy: What is said while it goes on.
            on_error: Otherwise an error is shown on the page.
        """
        self._question += 1
        number = self._question
        self.clear_trouble()
        self.show_busy(busy)
        self.set_waiting(True)

        def take(answer: T) -> None:
            if number == self._question:
                self.show_busy("")
                self.set_waiting(False)
                on_answer(answer)

        def fail(error: GanDesktopError) -> None:
            if number == self._question:
                self.show_busy("")
                self.set_waiting(False)
                (on_error or self.tell)(error)

        run_in_background(question, take, fail, owner=self)

    def leave(self) -> None:
        """What is still under way is not waited for."""
        self._question += 1
        self.show_busy("")
        self.set_waiting(False)

    def set_waiting(self, is_waiting: bool) -> None:
        """Take or give the possibility to press what must not be pressed twice."""

    def show_trouble(self, trouble: Trouble, mends: Sequence[Mend] = ()) -> None:
        """As in the base class; and where the page is long, scroll to it."""
        super().show_trouble(trouble, mends)
        self.scroll_to(self._trouble)

    def scroll_to(self, widget: QWidget) -> None:
        """Let a part of the page be seen, once it has its place."""
        scroll = self.findChild(QScrollArea)
        if scroll is not None:
            QTimer.singleShot(0, scroll, lambda: scroll.ensureWidgetVisible(widget))

    def tell(self, error: GanDesktopError) -> None:
        """Say on the page what is wrong."""
        self.show_trouble(Trouble.of(error))

    def tell_missing(self, field: QWidget, words: str) -> None:
        """Say what a field lacks, and go there."""
        self.show_trouble(Trouble(self.tr("Something is missing"), words, is_warning=True))
        field.setFocus()
        if isinstance(field, QLineEdit):
            field.selectAll()


def make_form(parent: QWidget) -> tuple[QFrame, QFormLayout]:
    """A card with a form in it."""
    frame = QFrame(parent)
    set_role(frame, "card")
    form = QFormLayout(frame)
    form.setContentsMargins(em(parent, 1.0), em(parent, 0.8), em(parent, 1.0), em(parent, 0.8))
    form.setVerticalSpacing(em(parent, 0.55))
    form.setHorizontalSpacing(em(parent, 1.4))
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return frame, form


def add_line(form: QFormLayout, label: str, example: str = "", *, is_secret: bool = False) -> QLineEdit:
    """One more line of text in a form."""
    field = QLineEdit(form.parentWidget())
    field.setPlaceholderText(example)
    field.setMinimumHeight(em(field, 1.9))
    field.setAccessibleName(label)
    if is_secret:
        field.setEchoMode(QLineEdit.EchoMode.Password)
    form.addRow(label, field)
    return field


def side_by_side(parent: QWidget, field: QWidget, *others: QWidget) -> QWidget:
    """A field that takes the room there is, and what stands beside it."""
    row_widget = QWidget(parent)
    row = QHBoxLayout(row_widget)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(em(parent, 0.5))
    row.addWidget(field, 1)
    for other in others:
        row.addWidget(other)
    return row_widget


class Facts(QWidget):
    """Lines with a tick, a cross or nothing yet before each."""

    _ICONS: ClassVar = {True: ("check", "good"), False: ("warning", "bad"), None: ("clock", "muted")}

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines: list[tuple[bool | None, str]] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(em(self, 0.35))
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._draw)
        self.hide()

    def show_lines(self, lines: Sequence[tuple[bool | None, str]]) -> None:
        """Show these lines.

        Args:
            lines: Whether it is good (None: it is still to come), and the words.
        """
        if list(lines) != self.lines:
            self.lines = list(lines)
            self._draw()

    def _draw(self) -> None:
        while (item := self._column.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for is_good, words in self.lines:
            self._column.addWidget(self._line(is_good, words))
        self.setVisible(bool(self.lines))

    def _line(self, is_good: bool | None, words: str) -> QWidget:
        line = QWidget(self)
        icon, label = QLabel(line), plain_label(words, line)
        name, colour = self._ICONS[is_good]
        icon.setPixmap(icons.pixmap(name, em(self, 1.2), colour, self.devicePixelRatioF()))
        label.setAccessibleName(f"{self._spoken(is_good)}: {words}")
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(em(self, 0.6))
        row.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(label, 1)
        return line

    def _spoken(self, is_good: bool | None) -> str:
        if is_good is None:
            return self.tr("To come")
        return self.tr("Good") if is_good else self.tr("Missing")


class CopyText(QWidget):
    """A text to copy for somebody else, such as SQL for a server's administrator."""

    def __init__(self, button: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = plain_label("", self)
        self.text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        font = self.text.font()
        font.setFamilies(["monospace", "Consolas", "Menlo"])
        self.text.setFont(font)
        frame = QFrame(self)
        set_role(frame, "card")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(em(self, 0.8), em(self, 0.6), em(self, 0.8), em(self, 0.6))
        inside.addWidget(self.text)
        self.copy = push_button(button, self._copy, self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.4))
        column.addWidget(frame)
        column.addWidget(self.copy, 0, Qt.AlignmentFlag.AlignLeft)
        self.hide()

    def show_text(self, text: str) -> None:
        """Show a text; empty: none."""
        self.text.setText(text)
        self.setVisible(bool(text))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.text() + "\n")
