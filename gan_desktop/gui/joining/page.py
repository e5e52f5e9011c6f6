"""What all pages of the wizard have in common: a title, a middle that scrolls where it must, buttons."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui.joining.trouble_panel import Mend, TroublePanel
from gan_desktop.gui.theme import em, scale_font, set_role
from gan_desktop.gui.trouble import Trouble

WIDTH_EM = 54.0


class WizardPage(QWidget):
    """One page.

    Args:
        fills: Its middle takes all the height there is.

    Attributes:
        middle: Where a page puts what is its own.

    Signals:
        back_wanted: The page before, please.
    """

    back_wanted = Signal()

    def __init__(self, parent: QWidget | None = None, *, fills: bool = False) -> None:
        super().__init__(parent)
        self._fills = fills
        self._title = plain_label("", self)
        scale_font(self._title, 1.6, bold=True)
        self._lead = plain_label("", self, role="muted")
        self._lead.hide()
        self._trouble = TroublePanel(self)
        self._busy = Busy(self)
        self.middle = QVBoxLayout()
        self.middle.setSpacing(em(self, 0.7))
        self._links, self._buttons = QHBoxLayout(), QHBoxLayout()
        self._build()

    def _build(self) -> None:
        holder = QWidget(self)
        column = QVBoxLayout(holder)
        column.setContentsMargins(em(self, 1.5), em(self, 1.6), em(self, 1.5), em(self))
        column.setSpacing(em(self, 0.7))
        for widget in (self._title, self._lead):
            column.addWidget(widget)
        column.addSpacing(em(self, 0.3))
        column.addLayout(self.middle, int(self._fills))
        column.addSpacing(em(self, 0.3))
        column.addWidget(self._busy)
        column.addWidget(self._trouble)
        if not self._fills:
            column.addStretch(1)
        # As wide as lines are read well, in the middle.
        holder.setMaximumWidth(em(self, WIDTH_EM))
        middle = QWidget(self)
        row = QHBoxLayout(middle)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(holder, 100)
        row.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(middle if self._fills else _scrolling(middle, self), 1)
        outer.addWidget(self._make_foot())
        QShortcut(QKeySequence(Qt.Key.Key_Escape), self, self._press_back).setContext(
            Qt.ShortcutContext.WidgetWithChildrenShortcut
        )

    def _make_foot(self) -> QWidget:
        foot = QWidget(self)
        inner = QWidget(foot)
        inner.setMaximumWidth(em(self, WIDTH_EM))
        row = QHBoxLayout(inner)
        row.setContentsMargins(em(self, 1.5), em(self, 0.6), em(self, 1.5), em(self))
        row.setSpacing(em(self, 0.6))
        self._links.setSpacing(em(self, 0.4))
        self._buttons.setSpacing(em(self, 0.6))
        row.addLayout(self._links)
        row.addStretch(1)
        row.addLayout(self._buttons)
        outer = QHBoxLayout(foot)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addStretch(1)
        outer.addWidget(inner, 100)
        outer.addStretch(1)
        self.back = self.add_button(self.tr("Back"), self.back_wanted.emit)
        return foot

    # -- for the pages --------------------------------------------------------------------------

    def set_title(self, title: str) -> None:
        """Say what the page asks."""
        self._title.setText(title)
        self.setAccessibleName(title)

    def set_lead(self, lead: str) -> None:
        """Say what it is about; empty: nothing."""
        self._lead.setText(lead)
        self._lead.setVisible(bool(lead))

    def add_button(self, text: str, act: Callable[[], object], *, is_primary: bool = False) -> QPushButton:
        """A button at the right of the foot."""
        button = push_button(text, act, self)
        if is_primary:
            set_role(button, "primary")
        self._buttons.addWidget(button)
        return button

    def add_link(self, text: str, act: Callable[[], object]) -> QPushButton:
        """A link at the left of the foot."""
        link = link_button(text, act, self)
        self._links.addWidget(link)
        return link

    def show_busy(self, sentence: str) -> None:
        """Say what goes on; empty: nothing any more."""
        self._busy.show_sentence(sentence)

    def show_trouble(self, trouble: Trouble, mends: Sequence[Mend] = ()) -> None:
        """Say in place what is wrong, with buttons for what one can do about it."""
        self.show_busy("")
        self._trouble.show_trouble(trouble, mends)

    def clear_trouble(self) -> None:
        """Nothing is wrong any more."""
        self._trouble.hide()

    @property
    def trouble(self) -> Trouble | None:
        """What is shown to be wrong."""
        return self._trouble.trouble

    def enter(self) -> None:
        """The page is shown now: give the focus to what comes first."""

    def _press_back(self) -> None:
        if not self.back.isHidden() and self.back.isEnabled():
            self.back.click()


def _scrolling(widget: QWidget, parent: QWidget) -> QScrollArea:
    scroll = QScrollArea(parent, widgetResizable=True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    scroll.setWidget(widget)
    return scroll


class Busy(QWidget):
    """A sentence and a bar that moves, while something goes on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sentence = plain_label("", self, role="muted")
        self._bar = QProgressBar(self, maximum=0, textVisible=False)
        self._bar.setAccessibleName(self.tr("It goes on"))
        set_role(self._bar, "thin")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.3))
        column.addWidget(self._sentence)
        column.addWidget(self._bar)
        self.hide()

    def show_sentence(self, sentence: str) -> None:
        """Say what goes on; empty: nothing any more."""
        self._sentence.setText(sentence)
        self.setVisible(bool(sentence))

    @property
    def sentence(self) -> str:
        """What goes on."""
        return "" if self.isHidden() else self._sentence.text()


def plain_label(text: str, parent: QWidget, *, role: str = "") -> QLabel:
    """A label for words of whoever it may be: nothing in them is markup."""
    label = QLabel(text, parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    if role:
        set_role(label, role)
    return label


def push_button(text: str, act: Callable[[], object], parent: QWidget) -> QPushButton:
    """A button that Return presses too while it has the focus."""
    button = QPushButton(text, parent)
    set_role(button, "second")
    button.setAutoDefault(True)
    button.clicked.connect(lambda _checked=False: act())
    return button


def link_button(text: str, act: Callable[[], object], parent: QWidget) -> QPushButton:
    """A button that looks like a link."""
    link = push_button(text, act, parent)
    link.setCursor(Qt.CursorShape.PointingHandCursor)
    set_role(link, "link")
    return link
