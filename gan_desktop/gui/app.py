"""Starts the window: the application, one instance, the first paint, then everything that takes time.

This file and what it imports stay free of PyTorch and psycopg2: they load in the threads that need them,
behind a window that is there already. (What must be imported before PySide6 cli.py imports.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from gan_desktop.errors import CredentialsError, GanDesktopError
from gan_desktop.gui.application import ErrorCatcher, end_on_signals, make_application
from gan_desktop.gui.background import run_in_background, wait_for_background
from gan_desktop.gui.demo_host import DemoHost
from gan_desktop.gui.joining.demo import end_demos
from gan_desktop.gui.joining.draft import WELCOME, Draft, load_draft
from gan_desktop.gui.joining.entrance import forget_person
from gan_desktop.gui.main_window import MainWindow
from gan_desktop.gui.session import JoinedClass, Session
from gan_desktop.gui.single_instance import SingleInstance
from gan_desktop.gui.theme import choose_theme
from gan_desktop.gui.translation import chosen_language, engine_text, install_translation
from gan_desktop.gui.tray import Tray
from gan_desktop.gui.window_session import Places
from gan_desktop.worker.options import WorkerOptions

if TYPE_CHECKING:
    from gan_desktop.demo_class import DemoOptions

BACKGROUND_MS = 5_000


@dataclass(frozen=True)
class Start:
    """How the program was started.

    Attributes:
        find_class: Reads settings and password; called away from the window's thread. It raises a
            GanDesktopError where no class is set.
        read_options: What command line and config.yaml say of the worker, for a class that is joined later;
            called away from the window's thread.
        choose_demo: The demo's options; None: no demo.
        places: Where files go; None: the system's usual folders.
        card: A join card's file (its whole path) or link to begin with; mostly empty.
        in_tray: Contribute at once, without showing the window (started with the computer).
    """

    find_class: Callable[[], JoinedClass]
    read_options: Callable[[], WorkerOptions] = lambda: WorkerOptions(name="")
    choose_demo: Callable[[], DemoOptions] | None = None
    places: Places | None = None
    card: str = ""
    in_tray: bool = False


def run_window(start: Start, on_window: Callable[[MainWindow], object] = lambda _window: None) -> int:
    """Show the window until it is closed; returns the program's exit code.

    Args:
        on_window: Told of the window when it is there: for a script that walks through it.
    """
    application = make_application()
    places = start.places or Places.of_this_user()
    # Each demo is a class of its own, and several may run at once.
    instance = SingleInstance(str(places.data))
    if start.choose_demo is None and not instance.is_first(start.card):
        return 0
    session = Session(places)
    session.read_options = start.read_options
    install_translation(application, chosen_language(session.preferences.language))
    choose_theme(session.preferences.theme)
    window = MainWindow(session)
    instance.started_again.connect(partial(_come_forward, window))
    catcher = ErrorCatcher(window)
    catcher.install()
    end_on_signals(application, window)
    window.painted.connect(window.make_pages, Qt.ConnectionType.QueuedConnection)
    _find_class(start, session, window)
    # A window that hides goes on; one that is closed for good says so.
    application.setQuitOnLastWindowClosed(False)
    window.ended.connect(application.quit)
    has_tray = Tray(session, window).show()
    if start.in_tray:
        _begin_quietly(session, window, has_tray)
    else:
        window.show()
    walker = on_window(window)
    code = application.exec()
    del walker
    catcher.uninstall()
    for host in end_demos(session):
        host.wait()
    wait_for_background(BACKGROUND_MS)
    if session.preferences.forget_me:
        forget_person(session.classes, session.places, session.preferences)
    return code


def _come_forward(window: MainWindow, card: str) -> None:
    window.come_forward()
    if card:
        window.session.offer_card(card)


def _begin_quietly(session: Session, window: MainWindow, has_tray: bool) -> None:
    session.class_changed.connect(session.start, Qt.ConnectionType.SingleShotConnection)
    window.begin_unseen()
    if not has_tray:
        window.showMinimized()


def _find_class(start: Start, session: Session, window: MainWindow) -> None:
    """Look for the class away from the window's thread once there is something to see, and join it."""
    if start.choose_demo is not None:
        _hold_demo(start.choose_demo, session, window)
        return
    cards = [start.card] if start.card else []

    def find() -> tuple[JoinedClass, Draft]:
        return start.find_class(), load_draft(session.places.config)

    def join(found: tuple[JoinedClass, Draft]) -> None:
        joined, draft = found
        session.switch(joined)
        if cards:
            session.offer_card(cards.pop())
        elif draft.step in WELCOME:
            session.ask_to_join("go_on")

    def tell(error: GanDesktopError) -> None:
        session.prepare("")
        if error.title != NO_CLASS_YET:
            session.tell_trouble(error)
        if cards:
            session.offer_card(cards.pop())
        else:
            session.ask_to_join("card" if isinstance(error, CredentialsError) else "")

    def look() -> None:
        session.prepare(words)
        run_in_background(find, join, tell, owner=session)

    words = session.tr("Looking for your class ...")
    session.look_for_class = look
    session.prepare(words)
    window.wait_for_class()
    window.painted.connect(look)


# The title of cli.py's error where there is neither a config.yaml nor anything else.
NO_CLASS_YET = "No class yet"


def _hold_demo(choose: Callable[[], DemoOptions], session: Session, window: MainWindow) -> None:
    host = DemoHost(choose, session)

    def begin(joined: JoinedClass) -> None:
        session.join(joined)
        session.start()

    def fail(error: GanDesktopError) -> None:
        session.prepare("")
        session.tell_trouble(error)

    host.told.connect(lambda sentence: session.prepare(engine_text(sentence.strip())))
    host.ready.connect(begin)
    host.failed.connect(fail)
    session.prepare(session.tr("Preparing the demo class on this computer ..."))
    window.painted.connect(host.start)
