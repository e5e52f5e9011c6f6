"""The instructor's window: strip, banner, side bar, pages, status line. A page is one line in `PAGES`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from gan_desktop.gui.admin.class_menu import TeachingMenu
from gan_desktop.gui.admin.closing import TeachingClosing
from gan_desktop.gui.admin.projector.window import ProjectorWindow
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.status_line import TeachingStatusLine
from gan_desktop.gui.admin.strip import TeachingStrip
from gan_desktop.gui.admin.wizard.class_wizard import ClassWizard
from gan_desktop.gui.banner import Banner
from gan_desktop.gui.paged_window import PagedWindow, PageEntry
from gan_desktop.gui.translation import mark
from gan_desktop.gui.trouble import Remedy


def _today(session: TeachingSession, parent: QWidget) -> QWidget:
    from gan_desktop.gui.admin.today.page import TodayPage

    return TodayPage(session, parent)


def _students(session: TeachingSession, parent: QWidget) -> QWidget:
    from gan_desktop.gui.admin.students.page import StudentsPage

    return StudentsPage(session, parent)


def _images(session: TeachingSession, parent: QWidget) -> QWidget:
    from gan_desktop.gui.admin.images.page import ImagesPage

    return ImagesPage(session, parent)


def _training(session: TeachingSession, parent: QWidget) -> QWidget:
    from gan_desktop.gui.admin.training.page import TrainingPage

    return TrainingPage(session, parent)


def _credit(session: TeachingSession, parent: QWidget) -> QWidget:
    from gan_desktop.gui.admin.credit.page import CreditPage

    return CreditPage(session, parent)


def _results(session: TeachingSession, parent: QWidget) -> QWidget:
    from gan_desktop.gui.admin.results.page import ResultsPage

    return ResultsPage(session, parent)


def _server(session: TeachingSession, parent: QWidget) -> QWidget:
    from gan_desktop.gui.admin.server.page import ServerPage

    return ServerPage(session, parent)


# The order of the side bar; Ctrl+1 is the first.
PAGES: tuple[PageEntry, ...] = (
    PageEntry("today", mark("Today"), "contribute", _today),
    PageEntry("students", mark("Students"), "people", _students),
    PageEntry("images", mark("Images"), "gallery", _images),
    PageEntry("training", mark("Training"), "charts", _training),
    PageEntry("credit", mark("Credit"), "leaderboard", _credit),
    PageEntry("results", mark("Results"), "save", _results),
    PageEntry("server", mark("Server"), "hardware", _server, is_second=True),
)


class TeachingWindow(PagedWindow):
    """The window. What closing it does stands in `closing.py`."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(session, PAGES, session.places.config / "teaching-window.ini", parent)
        self.session = self._session = session
        self._wizard: ClassWizard | None = None
        self._projector: ProjectorWindow | None = None
        self.strip = TeachingStrip(session, self)
        self.closing = TeachingClosing(session, self)
        pages = self._side_bar_and_pages(TeachingMenu(session, self))
        banner = Banner(
            session,
            _remedies(session),
            self,
            words={Remedy.NEW_CARD: self.tr("Enter the login")},
            copy_words=self.tr("Copy message for IT"),
        )
        self._stand_on_each_other(self.strip, banner, pages)
        self.setStatusBar(TeachingStatusLine(session, self))
        QShortcut(QKeySequence(Qt.Key.Key_F11), self).activated.connect(session.show_projector)
        session.page_wanted.connect(self._show_wanted_page)
        session.begin_wanted.connect(self._show_wizard)
        session.projector_wanted.connect(self._show_projector)
        session.class_changed.connect(self._take_class)
        session.snapshot_changed.connect(self._show_title)
        session.shut_down_done.connect(self._close_for_good)
        self._show_title()
        self._begin_with_first_page()

    @Slot(str)
    def _show_wizard(self, why: str) -> None:
        if self._wizard is None:
            self._wizard = ClassWizard(self._session, self._middle)
            self._wizard.left.connect(self._show_pages)
        self._show_in_front(self._wizard)
        self._wizard.begin(why)
        self.strip.setVisible(self._session.taught is not None)

    @Slot(str)
    def _show_wanted_page(self, key: str) -> None:
        """Turn to a page that was asked for; the wizard makes room for it."""
        if self._wizard is not None:
            self._wizard.step_aside()
        self.show_page(key)

    @Slot()
    def _show_pages(self) -> None:
        self.strip.show()
        wizard, self._wizard = self._wizard, None
        if wizard is not None:
            self._remove_from_front(wizard)

    @Slot(object)
    def _take_class(self) -> None:
        self._show_title()

    @Slot()
    def _show_projector(self) -> None:
        """Open the projector, or close it where it is open: one key for both."""
        if self._projector is not None:
            self._projector.close()
            return
        projector = self._projector = ProjectorWindow(self._session)
        projector.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        projector.destroyed.connect(self._forget_projector)
        projector.show_on(self.screen())

    @Slot()
    def _forget_projector(self) -> None:
        self._projector = None

    @Slot()
    def _show_title(self) -> None:
        title = self._session.title
        words = f"GAN Desktop Teaching: {title}" if title else "GAN Desktop Teaching"
        if words != self.windowTitle():
            self.setWindowTitle(words)

    def ask_to_close(self) -> None:
        """Quit or ask."""
        self.closing.close()

    @Slot()
    def quit(self) -> None:
        """End the round at hand, then everything."""
        if self._projector is not None:
            self._projector.close()
        self.closing.quit()


def _remedies(session: TeachingSession) -> Mapping[Remedy, Callable[[], object]]:
    """What an instructor can do about a trouble."""

    def try_again() -> None:
        session.dismiss_trouble()
        session.refresh()

    return {
        Remedy.TRY_AGAIN: try_again,
        Remedy.NEW_ADDRESS: lambda: session.ask_to_begin("login"),
        Remedy.NEW_CARD: lambda: session.ask_to_begin("login"),
    }
