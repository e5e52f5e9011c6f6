"""The student's window: strip, banner, side bar, pages, status line.

A page is one line in `PAGES`. Its factory imports it when the window is painted already: pages are made one
by one, right after the first paint, so that each also hears what happens while another one is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
from gan_desktop.gui.banner import Banner
from gan_desktop.gui.class_menu import ClassMenu
from gan_desktop.gui.closing import Closing
from gan_desktop.gui.first_start import first_start
from gan_desktop.gui.join_wizard import JoinWizard
from gan_desktop.gui.message_card import MessageCard
from gan_desktop.gui.session import Session
from gan_desktop.gui.status_line import StatusLine
from gan_desktop.gui.strip import Strip
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.translation import mark

LEAST_SIZE = QSize(960, 560)
FIRST_SIZE = QSize(1_120, 700)


@dataclass(frozen=True)
class PageEntry:
    """One page of the side bar.

    Attributes:
        key: What `Session.show_page` calls it.
        title: Marked for translation.
        icon: Of `resources/icons`.
        make: Called once, in the window's thread; nothing slow may happen in it.
        is_second: Of the second group: to look after things rather than to watch.
    """

    key: str
    title: str
    icon: str
    make: Callable[[Session, QWidget], QWidget]
    is_second: bool = False


def _contribute(session: Session, parent: QWidget) -> QWidget:
    from gan_desktop.gui.contribute_page import ContributePage

    return ContributePage(session, parent)


def _gallery(session: Session, parent: QWidget) -> QWidget:
    from gan_desktop.gui.gallery_page import GalleryPage

    return GalleryPage(session, parent)


def _charts(session: Session, parent: QWidget) -> QWidget:
    from gan_desktop.gui.charts_page import ChartsPage

    return ChartsPage(session, parent)


def _leaderboard(session: Session, parent: QWidget) -> QWidget:
    from gan_desktop.gui.leaderboard_page import LeaderboardPage

    return LeaderboardPage(session, parent)


def _hardware(session: Session, parent: QWidget) -> QWidget:
    from gan_desktop.gui.hardware_page import HardwarePage

    return HardwarePage(session, parent)


def _log(session: Session, parent: QWidget) -> QWidget:
    from gan_desktop.gui.log_page import LogPage

    return LogPage(session, parent)


def _settings(session: Session, parent: QWidget) -> QWidget:
    from gan_desktop.gui.settings_page import SettingsPage

    return SettingsPage(session, parent)


def _help(session: Session, parent: QWidget) -> QWidget:
    from gan_desktop.gui.help_page import HelpPage

    return HelpPage(session, parent)


# The order of the side bar; Ctrl+1 is the first.
PAGES: tuple[PageEntry, ...] = (
    PageEntry("contribute", mark("Contribute"), "contribute", _contribute),
    PageEntry("gallery", mark("Gallery"), "gallery", _gallery),
    PageEntry("charts", mark("Charts"), "charts", _charts),
    PageEntry("leaderboard", mark("Leaderboard"), "leaderboard", _leaderboard),
    PageEntry("hardware", mark("Hardware"), "hardware", _hardware, is_second=True),
    PageEntry("log", mark("Log"), "log", _log, is_second=True),
    PageEntry("settings", mark("Settings"), "settings", _settings, is_second=True),
    PageEntry("help", mark("Help"), "help", _help, is_second=True),
)


class MainWindow(QMainWindow):
    """The window. What closing it does stands in `closing.py`.

    Signals:
        painted: Once, when the person sees something: now is the time for what is slow.
        ended: It is closed for good.
    """

    painted = Signal()
    ended = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = self._session = session
        self._is_done = self._is_painted = False
        self._settings = QSettings(
            str(session.places.config / "window.ini"), QSettings.Format.IniFormat, self
        )
        self.setMinimumSize(LEAST_SIZE)
        self._pages: dict[str, QWidget] = {}
        self._to_make = list(PAGES)
        self._side_bar = self._make_side_bar()
        self._colour_icons()
        self._side_bar.setFixedWidth(self._side_bar.sizeHintForColumn(0) + em(self, 1.8))
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._colour_icons)
        self._wizard: JoinWizard | None = None
        self._stack = QStackedWidget(self)
        self._middle = QStackedWidget(self)
        self.strip = Strip(session, self)
        self.closing = Closing(session, self, self._settings)
        self._lay_out()
        self.setStatusBar(StatusLine(session, self))
        self._make_shortcuts()
        self._make_page(self._to_make.pop(0))
        self._side_bar.setCurrentRow(0)
        # No frame around a button before the first key is pressed.
        self._stack.setFocus()
        session.page_wanted.connect(self.show_page)
        session.join_wanted.connect(self._show_first_start)
        session.class_changed.connect(self._take_class)
        session.totals_changed.connect(self._show_title)
        session.shut_down_done.connect(self._close_for_good)
        self._show_title()
        self._place()

    # -- building -------------------------------------------------------------------------------

    def _make_side_bar(self) -> QListWidget:
        bar = QListWidget(self)
        bar.setAccessibleName(self.tr("Pages"))
        bar.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        bar.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        bar.setIconSize(QSize(em(self, 1.25), em(self, 1.25)))
        set_role(bar, "sidebar")
        was_second = False
        for number, page in enumerate(PAGES, start=1):
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
        drawn, bar = {page.key: page.icon for page in PAGES}, self._side_bar
        for row in range(bar.count()):
            item = bar.item(row)
            if (key := item.data(Qt.ItemDataRole.UserRole)) is not None:
                item.setIcon(icons.icon(drawn[key]))

    def _lay_out(self) -> None:
        pages = QWidget(self)
        row = QHBoxLayout(pages)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        side = QVBoxLayout()
        side.setContentsMargins(0, em(self, 0.4), 0, 0)
        side.setSpacing(0)
        side.addWidget(ClassMenu(self._session, self))
        side.addWidget(self._side_bar, 1)
        row.addLayout(side)
        row.addWidget(self._stack, 1)
        self._middle.addWidget(pages)
        centre = QWidget(self)
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addWidget(Banner(self._session, self))
        column.addWidget(MessageCard(self._session, self._settings, self))
        column.addWidget(self._middle, 1)
        self.setCentralWidget(centre)

    def _make_shortcuts(self) -> None:
        for number, page in enumerate(PAGES, start=1):
            shortcut = QShortcut(QKeySequence(f"Ctrl+{number}"), self)
            shortcut.activated.connect(lambda key=page.key: self.show_page(key))
        QShortcut(QKeySequence.StandardKey.Quit, self).activated.connect(self.quit)

    def _make_page(self, page: PageEntry) -> QWidget:
        made = self._pages[page.key] = page.make(self._session, self._stack)
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
        """Turn to a page; an unknown key changes nothing. What follows a / is for the page itself."""
        key = key.partition("/")[0]
        for row in range(self._side_bar.count()):
            if self._side_bar.item(row).data(Qt.ItemDataRole.UserRole) == key:
                self._side_bar.setCurrentRow(row)

    def page(self, key: str) -> QWidget:
        """A page; made now if need be."""
        for entry in [entry for entry in self._to_make if entry.key == key]:
            self._to_make.remove(entry)
            self._make_page(entry)
        return self._pages[key]

    def _turn_to(self, item: QListWidgetItem | None) -> None:
        if item is not None and (key := item.data(Qt.ItemDataRole.UserRole)) is not None:
            self._stack.setCurrentWidget(self.page(key))

    @Slot(str)
    def _show_first_start(self, why: str) -> None:
        if self._wizard is None:
            self._wizard = first_start(self._session, self._middle)
            self._wizard.left.connect(self._show_pages)
            self._middle.addWidget(self._wizard)
        self._middle.setCurrentWidget(self._wizard)
        self._wizard.begin(why)
        # Where nothing is to be steered yet, the wizard says itself what goes on.
        self.strip.setVisible(self._session.joined is not None and why != "go_on")

    @Slot()
    def _take_class(self) -> None:
        if self._wizard is not None and self._wizard.is_welcoming:
            self.strip.hide()
        else:
            self._show_pages()
        self._show_title()

    @Slot()
    def _show_pages(self) -> None:
        self._middle.setCurrentIndex(0)
        self.strip.show()
        wizard, self._wizard = self._wizard, None
        if wizard is not None:
            self._middle.removeWidget(wizard)
            wizard.deleteLater()
            self._stack.setFocus()

    @Slot()
    def _show_title(self) -> None:
        title = self._session.title
        self.setWindowTitle(f"GAN Desktop: {title}" if title else "GAN Desktop")

    def event(self, event: QEvent) -> bool:
        """Qt's name."""
        handled = super().event(event)
        if event.type() is QEvent.Type.Paint and not self._is_painted:
            self._is_painted = True
            # After this round of the event loop, when it is on the screen.
            QTimer.singleShot(0, self, self.painted.emit)
        return handled

    def come_forward(self) -> None:
        """Be seen: somebody has started the program a second time."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    # -- coming and going -----------------------------------------------------------------------

    def _place(self) -> None:
        geometry = self._settings.value("geometry")
        if geometry is None or not self.restoreGeometry(geometry):
            self.resize(FIRST_SIZE)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Qt's name."""
        self._settings.setValue("geometry", self.saveGeometry())
        if self._is_done:
            event.accept()
            return
        event.ignore()
        self.closing.close()

    @Slot()
    def quit(self) -> None:
        """Hand in what is done and end the program."""
        self.closing.quit()

    def begin_unseen(self) -> None:
        """Do all that follows the first paint without being shown: started into the tray."""
        if not self._is_painted:
            self._is_painted = True
            QTimer.singleShot(0, self, self.painted.emit)

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
