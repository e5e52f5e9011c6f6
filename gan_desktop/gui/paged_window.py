"""A window of pages: the side bar, the pages behind it, its place on the screen, its coming and going.

Pages are made one by one, right after the first paint, so that each also hears what happens while another one
is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from PySide6.QtCore import QCoreApplication, QEvent, QSettings, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCloseEvent, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui import icons
from gan_desktop.gui.theme import em, set_role

LEAST_SIZE = QSize(960, 560)
FIRST_SIZE = QSize(1_120, 700)


@dataclass(frozen=True)
class PageEntry:
    """One page of the side bar.

    Attributes:
        key: What the session's `show_page` calls it.
        title: Marked for translation.
        icon: Of `resources/icons`.
        make: Called once with the window's session and the page's parent, in the window's thread; nothing
            slow may happen in it.
        is_second: Of the second group: to look after things rather than to watch.
    """

    key: str
    title: str
    icon: str
    make: Callable[[Any, QWidget], QWidget]
    is_second: bool = False


@runtime_checkable
class HasParts(Protocol):
    """A page of which a part can be asked for: `images/import` is the part `import` of the page `images`."""

    def turn_to(self, part: str) -> None:
        """Show a part of the page; an unknown one changes nothing."""


class PagedWindow(QMainWindow):
    """What all windows of the program have in common. A subclass lays it out and says how it closes.

    Args:
        session: What the pages stand on.
        entries: In the order of the side bar; Ctrl+1 is the first.
        settings: Where the window keeps its place.

    Signals:
        painted: Once, when the person sees something: now is the time for what is slow.
        ended: It is closed for good.
    """

    painted = Signal()
    ended = Signal()

    def __init__(
        self, session: Any, entries: Sequence[PageEntry], settings: Path, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._page_session = session
        self._entries = tuple(entries)
        self._is_done = self._is_painted = False
        self._settings = QSettings(str(settings), QSettings.Format.IniFormat, self)
        self.setMinimumSize(LEAST_SIZE)
        self._pages: dict[str, QWidget] = {}
        self._to_make = list(self._entries)
        self._side_bar = self._make_side_bar()
        self._colour_icons()
        # The class's name stands above it.
        self._side_bar.setFixedWidth(max(self._side_bar.sizeHintForColumn(0) + em(self, 1.8), em(self, 12)))
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._colour_icons)
        self._stack = QStackedWidget(self)
        # The pages, and in front of them sometimes a wizard.
        self._middle = QStackedWidget(self)

    def _begin_with_first_page(self) -> None:
        """Make the page that is seen first, at the end of a subclass's construction."""
        self._make_shortcuts()
        self._make_page(self._to_make.pop(0))
        self._side_bar.setCurrentRow(0)
        # No frame around a button before the first key is pressed.
        self._stack.setFocus()
        geometry = self._settings.value("geometry")
        if geometry is None or not self.restoreGeometry(geometry):
            self.resize(FIRST_SIZE)

    # -- building -------------------------------------------------------------------------------

    def _make_side_bar(self) -> QListWidget:
        bar = QListWidget(self)
        bar.setAccessibleName(self.tr("Pages"))
        bar.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        bar.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        bar.setIconSize(QSize(em(self, 1.25), em(self, 1.25)))
        set_role(bar, "sidebar")
        was_second = False
        for number, page in enumerate(self._entries, start=1):
            if page.is_second and not was_second and number > 1:
                bar.addItem(_gap(em(self)))
            was_second = page.is_second
            title = QCoreApplication.translate("pages", page.title)
            item = QListWidgetItem(title, bar)
            item.setData(Qt.ItemDataRole.UserRole, page.key)
            item.setToolTip(f"Ctrl+{number}")
        bar.currentItemChanged.connect(self._turn_to)
        return bar

    @Slot()
    def _colour_icons(self) -> None:
        drawn, bar = {page.key: page.icon for page in self._entries}, self._side_bar
        for row in range(bar.count()):
            item = bar.item(row)
            if (key := item.data(Qt.ItemDataRole.UserRole)) is not None:
                item.setIcon(icons.icon(drawn[key]))

    def _side_bar_and_pages(self, menu: QWidget) -> QStackedWidget:
        """The lower part of the window.

        Args:
            menu: Stands above the side bar.
        """
        pages = QWidget(self)
        row = QHBoxLayout(pages)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        side = QVBoxLayout()
        side.setContentsMargins(0, em(self, 0.4), 0, 0)
        side.setSpacing(0)
        side.addWidget(menu)
        side.addWidget(self._side_bar, 1)
        row.addLayout(side)
        row.addWidget(self._stack, 1)
        self._middle.addWidget(pages)
        return self._middle

    def _stand_on_each_other(self, *parts: QWidget) -> None:
        """Lay the window out as a column; the last part gets the room that is left."""
        centre = QWidget(self)
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in parts[:-1]:
            column.addWidget(part)
        column.addWidget(parts[-1], 1)
        self.setCentralWidget(centre)

    def _make_shortcuts(self) -> None:
        for number, page in enumerate(self._entries, start=1):
            shortcut = QShortcut(QKeySequence(f"Ctrl+{number}"), self)
            shortcut.activated.connect(lambda key=page.key: self.show_page(key))
        QShortcut(QKeySequence.StandardKey.Quit, self).activated.connect(self.quit)

    def _make_page(self, page: PageEntry) -> QWidget:
        made = self._pages[page.key] = page.make(self._page_session, self._stack)
        self._stack.addWidget(made)
        return made

    @Slot()
    def make_pages(self) -> None:
        """Make the pages that are still missing, one at a time, while the window stays alive."""
        if self._to_make:
            self._make_page(self._to_make.pop(0))
            QTimer.singleShot(0, self, self.make_pages)

    # -- showing --------------------------------------------------------------------------------

    @Slot(str)
    def show_page(self, key: str) -> None:
        """Turn to a page; an unknown key changes nothing. What follows a / is a part of the page."""
        key, _, part = key.partition("/")
        for row in range(self._side_bar.count()):
            if self._side_bar.item(row).data(Qt.ItemDataRole.UserRole) == key:
                self._side_bar.setCurrentRow(row)
                if part and isinstance(page := self.page(key), HasParts):
                    page.turn_to(part)

    def page(self, key: str) -> QWidget:
        """A page; made now if need be."""
        for entry in [entry for entry in self._to_make if entry.key == key]:
            self._to_make.remove(entry)
            self._make_page(entry)
        return self._pages[key]

    def _show_in_front(self, wizard: QWidget) -> None:
        """Show something instead of side bar and pages."""
        if self._middle.indexOf(wizard) < 0:
            self._middle.addWidget(wizard)
        self._middle.setCurrentWidget(wizard)

    def _remove_from_front(self, wizard: QWidget) -> None:
        self._middle.setCurrentIndex(0)
        self._middle.removeWidget(wizard)
        wizard.deleteLater()
        self._stack.setFocus()

    def _turn_to(self, item: QListWidgetItem | None) -> None:
        if item is not None and (key := item.data(Qt.ItemDataRole.UserRole)) is not None:
            self._stack.setCurrentWidget(self.page(key))

    def event(self, event: QEvent) -> bool:
        """Qt's name."""
        handled = super().event(event)
        if event.type() is QEvent.Type.Paint:
            # After this round of the event loop, when it is on the screen.
            self._tell_painted()
        return handled

    def _tell_painted(self) -> None:
        if not self._is_painted:
            self._is_painted = True
            QTimer.singleShot(0, self, self.painted.emit)

    def come_forward(self) -> None:
        """Be seen: somebody has started the program a second time."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    # -- coming and going -----------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Qt's name."""
        self._settings.setValue("geometry", self.saveGeometry())
        if self._is_done:
            event.accept()
            return
        event.ignore()
        self.ask_to_close()

    def ask_to_close(self) -> None:
        """What the close button does."""
        self.quit()

    @Slot()
    def quit(self) -> None:
        """End everything in good order; then call `_close_for_good`."""
        self._close_for_good()

    @Slot()
    def _close_for_good(self) -> None:
        self._is_done = True
        self.close()
        self.ended.emit()


def _gap(height: int) -> QListWidgetItem:
    """An empty line between the two groups, which cannot be chosen."""
    gap = QListWidgetItem()
    gap.setFlags(Qt.ItemFlag.NoItemFlags)
    gap.setSizeHint(QSize(0, height))
    return gap
