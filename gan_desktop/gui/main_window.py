"""The student's window: strip, banner, side bar, pages, status line. A page is one line in `PAGES`."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from gan_desktop.gui.banner import Banner, students_remedies
from gan_desktop.gui.class_menu import ClassMenu
from gan_desktop.gui.closing import Closing
from gan_desktop.gui.first_start import first_start
from gan_desktop.gui.join_wizard import JoinWizard
from gan_desktop.gui.message_card import MessageCard
from gan_desktop.gui.paged_window import PagedWindow, PageEntry
from gan_desktop.gui.session import Session
from gan_desktop.gui.status_line import StatusLine
from gan_desktop.gui.strip import Strip
from gan_desktop.gui.translation import mark


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


class MainWindow(PagedWindow):
    """The window. What closing it does stands in `closing.py`."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, PAGES, session.places.config / "window.ini", parent)
        self.session = self._session = session
        self._wizard: JoinWizard | None = None
        self.strip = Strip(session, self)
        self.closing = Closing(session, self, self._settings, self._has_begun)
        self._stand_on_each_other(
            self.strip,
            Banner(session, students_remedies(session), self),
            MessageCard(session, self._settings, self),
            self._side_bar_and_pages(ClassMenu(session, self)),
        )
        self._nothing_yet = QWidget(self._middle)
        self._middle.addWidget(self._nothing_yet)
        self.setStatusBar(StatusLine(session, self))
        session.page_wanted.connect(self.show_page)
        session.join_wanted.connect(self._show_first_start)
        session.class_changed.connect(self._take_class)
        session.totals_changed.connect(self._show_title)
        session.shut_down_done.connect(self._close_for_good)
        self._show_title()
        self._begin_with_first_page()

    def wait_for_class(self) -> None:
        """Show no pages while it is not known whose: the class, or the wizard, ends it."""
        self._middle.setCurrentWidget(self._nothing_yet)

    @Slot(str)
    def _show_first_start(self, why: str) -> None:
        if self._wizard is None:
            self._wizard = first_start(self._session, self._middle)
            self._wizard.left.connect(self._show_pages)
        self._show_in_front(self._wizard)
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
        self.strip.show()
        self._middle.setCurrentIndex(0)
        wizard, self._wizard = self._wizard, None
        if wizard is not None:
            self._remove_from_front(wizard)

    @Slot()
    def _show_title(self) -> None:
        title = self._session.title
        self.setWindowTitle(f"GAN Desktop: {title}" if title else "GAN Desktop")

    def _has_begun(self) -> bool:
        return self._wizard is None or not self._wizard.is_measuring

    def begin_unseen(self) -> None:
        """Do all that follows the first paint without being shown: started into the tray."""
        self._tell_painted()

    # -- coming and going -----------------------------------------------------------------------

    def ask_to_close(self) -> None:
        """Quit, hide or ask."""
        self.closing.close()

    @Slot()
    def quit(self) -> None:
        """Hand in what is done and end the program."""
        self.closing.quit()
