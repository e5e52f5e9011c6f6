"""Starts the instructor's window; as in `gui/app.py` PyTorch and psycopg2 load behind the first paint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin import entrance
from gan_desktop.gui.admin.main_window import TeachingWindow
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.application import ErrorCatcher, end_on_signals, make_application
from gan_desktop.gui.background import run_in_background, wait_for_background
from gan_desktop.gui.single_instance import SingleInstance
from gan_desktop.gui.theme import choose_theme
from gan_desktop.gui.translation import chosen_language, install_translation
from gan_desktop.gui.window_session import Places

BACKGROUND_MS = 5_000


@dataclass(frozen=True)
class TeachingStart:
    """How the program was started.

    Attributes:
        find_class: Looks for the class one teaches, away from the window's thread; None: there is none yet.
            It raises a GanDesktopError where the way in needs mending.
        places: Where files go; None: the system's usual folders.
    """

    find_class: Callable[[Places], TaughtClass | None]
    places: Places | None = None


def run_teaching_window(
    start: TeachingStart, on_window: Callable[[TeachingWindow], object] = lambda _window: None
) -> int:
    """Show the window until it is closed; returns the program's exit code.

    Args:
        on_window: Told of the window when it is there: for a script that walks through it.
    """
    application = make_application()
    places = start.places or Places.of_this_user()
    # A teacher may contribute from the same computer: that window is a program of its own.
    instance = SingleInstance(f"{places.data}/teaching")
    if not instance.is_first():
        return 0
    session = TeachingSession(places)
    install_translation(application, chosen_language(session.preferences.language))
    choose_theme(session.preferences.theme)
    window = TeachingWindow(session)
    instance.started_again.connect(lambda _card: window.come_forward())
    catcher = ErrorCatcher(window)
    catcher.install()
    end_on_signals(application, window)
    window.painted.connect(window.make_pages, Qt.ConnectionType.QueuedConnection)
    window.painted.connect(lambda: _find_class(start, session))
    # A window that hides goes on; one that is closed for good says so.
    application.setQuitOnLastWindowClosed(False)
    window.ended.connect(application.quit)
    window.show()
    walker = on_window(window)
    code = application.exec()
    del walker
    catcher.uninstall()
    wait_for_background(BACKGROUND_MS)
    return code


def _find_class(start: TeachingStart, session: TeachingSession) -> None:
    """Look for the class once there is something to see; without one the wizard asks."""
    places = session.places

    def find() -> tuple[TaughtClass | None, bool]:
        return start.find_class(places), entrance.is_begun(places)

    def begin(found: tuple[TaughtClass | None, bool]) -> None:
        taught, is_begun = found
        session.prepare("")
        if taught is not None:
            session.teach(taught)
        if taught is None or is_begun:
            session.ask_to_begin("go_on" if is_begun else "")

    def tell(error: GanDesktopError) -> None:
        session.prepare("")
        session.tell_trouble(error)
        session.ask_to_begin("login")

    session.prepare(session.tr("Looking for your class ..."))
    run_in_background(find, begin, tell, owner=session)
