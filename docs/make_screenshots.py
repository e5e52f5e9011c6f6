"""Pictures of the student's window: the real program on a demo class, walked through from end to end.

    python docs/make_screenshots.py FOLDER              # everything, and the pictures of docs/images anew
    python docs/make_screenshots.py FOLDER --pages contribute charts --dark --language de --size 960x560

Without a choice it takes each page, light, dark, in German and in the smallest window, every page of the way
into a class, and the banner of each error, and puts those that the documentation shows into docs/images.
No screen is needed: Qt draws into memory. To use a real one, or Xvfb's: QT_QPA_PLATFORM=xcb. To see what all
looks like at 200%: QT_SCALE_FACTOR=2.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# isort: off
import gan_desktop.settings  # noqa: F401  # before PySide6, as in cli.py

# isort: on
from PIL import Image
from PySide6.QtCore import QObject, QSize, QTimer
from PySide6.QtWidgets import QApplication

from gan_desktop.errors import ConnectionFailed, GanDesktopError, SchemaError
from gan_desktop.gui import app
from gan_desktop.gui.gallery_page import GalleryPage
from gan_desktop.gui.help_page import TITLES, HelpPage
from gan_desktop.gui.join_wizard import JoinWizard
from gan_desktop.gui.joining.card_page import CardPage
from gan_desktop.gui.joining.confirm_page import ConfirmPage
from gan_desktop.gui.joining.draft import Step
from gan_desktop.gui.joining.typed_pages import AddressPage
from gan_desktop.gui.main_window import PAGES, MainWindow
from gan_desktop.gui.preferences import Preferences, save_preferences
from gan_desktop.gui.session import JoinedClass, Session
from gan_desktop.gui.translation import install_translation
from gan_desktop.gui.trouble import Trouble
from gan_desktop.gui.window_session import Places
from gan_desktop.join_card import JoinCard
from gan_desktop.records import Hardware, Joined, WorkerState

if TYPE_CHECKING:
    from gan_desktop.demo_class import DemoOptions

# A page gets so long to draw what it has just been told.
SETTLE_MS = 700
LOOK_MS = 200
DEMO_ITERATIONS = 200
IMAGES = Path(__file__).resolve().parent / "images"
# What the documentation shows, by the names below.
SHOWN = {
    "en-light-1120x700-contribute": "window-contribute",
    "en-light-1120x700-gallery-mine": "window-gallery",
    "en-light-1120x700-charts": "window-charts",
    "en-light-1120x700-leaderboard": "window-leaderboard",
    "en-light-1120x700-hardware": "window-hardware",
    "en-light-1120x700-settings": "window-settings",
    "en-light-1120x700-join-confirm": "window-join",
    "en-light-1120x700-join-ready": "window-ready",
    "en-light-960x560-error-unreachable": "window-error",
    "en-dark-1120x700-contribute": "window-dark",
}
QUALITY = 88
NO_ANSWER = (
    "No answer from 192.168.1.20, port 23456. Are you in the same Wi-Fi as the class? Guest networks often"
    " keep computers apart, and firewalls block ports."
)
OLD_DRIVER = (
    "The graphics card cannot be used: The NVIDIA driver on your system is too old. The CPU computes."
)
NO_CARD = Joined("", "", Hardware("", None, 4, 8.0, None), OLD_DRIVER, 32, 0)
ERRORS: Mapping[str, GanDesktopError | Trouble | None] = {
    "unreachable": ConnectionFailed(NO_ANSWER, cause="unreachable"),
    "blocked": ConnectionFailed(
        '"db.school.example" exists, but port 5432 does not answer. The database may be off; if the class is'
        " running, a firewall is likely: your instructor or IT can open it.",
        cause="refused",
    ),
    "card": ConnectionFailed(
        'The class refused the login of "s_1": wrong password, or the card was replaced or withdrawn. Ask'
        " your instructor for a new one.",
        cause="login",
    ),
    "version": SchemaError(
        "You have 1.2, the class needs 1.3 or newer. Your work so far is safe. Get the newest version of the"
        " program.",
        title="This program is too old for the class",
    ),
    "graphics": Trouble.of_unused_card(NO_CARD),
}
PERSONAL_CARD = JoinCard(
    "Vision 2026", ("db.school.example",), 5432, "gan_desktop", "s_1", "not a secret", name="Ana"
)
CLASS_CARD = JoinCard(
    "Vision 2026",
    ("192.168.1.20", "laptop.local"),
    23456,
    "gan_desktop",
    "gan_card_k7",
    "K7PF2QXM3A",
    insecure=True,
    enrol="class",
)


@dataclass(frozen=True)
class Tour:
    """One walk through the window.

    Attributes:
        pages: Keys of the side bar.
        errors: Of `ERRORS`.
        has_wizard: The way into a class, too.
    """

    language: str
    is_dark: bool
    size: str
    pages: Sequence[str]
    errors: Sequence[str] = ()
    has_wizard: bool = False

    @property
    def name(self) -> str:
        """The beginning of its pictures' names."""
        return f"{self.language}-{'dark' if self.is_dark else 'light'}-{self.size}"


ALL_PAGES = tuple(page.key for page in PAGES)
LARGE, SMALL = "1120x700", "960x560"
EVERYTHING = (
    Tour("en", False, LARGE, ALL_PAGES, has_wizard=True),
    Tour("en", True, LARGE, ALL_PAGES),
    Tour("en", False, SMALL, ALL_PAGES, tuple(ERRORS)),
    Tour("de", False, SMALL, ALL_PAGES, tuple(ERRORS), has_wizard=True),
    Tour("de", True, LARGE, ("contribute",)),
)


def main() -> int:
    """Take the pictures; returns the program's own exit code."""
    options = _options()
    folder: Path = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    tours = _chosen(options)
    with tempfile.TemporaryDirectory() as home:
        places = Places.below(Path(home))
        save_preferences(places.config / "preferences.json", Preferences(language="en", pace="full"))
        start = app.Start(_no_class, choose_demo=_demo, places=places)
        code = app.run_window(start, lambda window: Photographer(window, tours, folder, options.iterations))
    if tours is EVERYTHING:
        _renew_images(folder)
    return code


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", nargs="*", help="only these pages")
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--language")
    parser.add_argument("--size")
    parser.add_argument("--wizard", action="store_true", help="the way into a class")
    parser.add_argument("--error", choices=ERRORS, help="the banner of this error above each page")
    parser.add_argument("--iterations", type=int, default=15, help="wait for this one (default: 15)")
    return parser.parse_args()


def _chosen(options: argparse.Namespace) -> Sequence[Tour]:
    if not any((options.pages, options.dark, options.language, options.size, options.wizard, options.error)):
        return EVERYTHING
    pages = ALL_PAGES if options.pages is None else tuple(options.pages)
    errors = (options.error,) if options.error else ()
    language, size = options.language or "en", options.size or LARGE
    return [Tour(language, options.dark, size, pages, errors, options.wizard)]


def _no_class() -> JoinedClass:
    raise AssertionError("the demo has its own")


def _demo() -> DemoOptions:
    from gan_desktop.demo_class import DemoOptions

    return DemoOptions(num_iterations=DEMO_ITERATIONS)


def _renew_images(folder: Path) -> None:
    """Put what the documentation shows into its folder, small."""
    for taken, name in SHOWN.items():
        Image.open(folder / f"{taken}.png").save(IMAGES / f"{name}.webp", quality=QUALITY, method=6)


class Photographer(QObject):
    """Walks through the tours once the demo has come so far."""

    def __init__(self, window: MainWindow, tours: Sequence[Tour], folder: Path, iterations: int) -> None:
        super().__init__(window)
        self._first, self._window = window, window
        self._session: Session = window.session
        self._folder, self._iterations = folder, iterations
        self._tour = tours[0]
        self._steps = self._walk(tours)
        self._clock = QTimer(self, interval=LOOK_MS)
        self._clock.timeout.connect(self._wait)
        self._clock.start()

    def _wait(self) -> None:
        sample = self._session.newest_sample
        if self._session.trouble is not None:
            print("trouble:", self._session.trouble)  # noqa: T201
        is_far = sample is not None and sample.iteration >= self._iterations
        if is_far and self._is(WorkerState.COMPUTING):
            self._clock.stop()
            self._next()

    def _next(self) -> None:
        if next(self._steps, None) is None:
            self._first.quit()
        else:
            QTimer.singleShot(SETTLE_MS, self, self._next)

    # -- the walk: each step changes something, the picture is taken one step later ----------------

    def _walk(self, tours: Sequence[Tour]) -> Iterator[bool]:
        for tour in tours:
            self._tour = tour
            self._dress()
            yield True
            for key in tour.pages:
                yield from self._walk_page(key)
            if tour.errors:
                yield from self._walk_errors()
            if tour.has_wizard:
                yield from self._walk_wizard()
        if self._window is not self._first:
            self._window.hide()
            self._window.deleteLater()

    def _dress(self) -> None:
        """Language (which needs a new window), theme and size of this tour."""
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        if self._tour.language != "en" and self._window is self._first:
            install_translation(application, self._tour.language)
            self._first.hide()
            self._window = MainWindow(self._session)
            self._window.make_pages()
            self._window.show()
        self._session.change_preferences(theme="dark" if self._tour.is_dark else "light")
        self._window.resize(QSize(*map(int, self._tour.size.split("x"))))

    def _walk_page(self, key: str) -> Iterator[bool]:
        while not self._is(WorkerState.COMPUTING):
            yield True
        self._session.show_page(key)
        yield True
        self._photograph(key)
        page = self._window.page(key)
        if isinstance(page, GalleryPage):
            for name, view in (("mine", page.my_faces), ("make", page.make_faces)):
                page.show_view(view)
                for _ in range(4):
                    yield True
                self._photograph(f"{key}-{name}")
            page.show_view(page.class_faces)
        elif isinstance(page, HelpPage):
            for topic in list(TITLES)[1:]:
                page.show_topic(topic)
                yield True
                self._photograph(f"{key}-{topic}")
            page.show_topic("guide")

    def _walk_errors(self) -> Iterator[bool]:
        self._session.show_page("contribute")
        for name in self._tour.errors:
            error = ERRORS[name]
            assert error is not None
            self._session.tell_trouble(error)
            yield True
            self._photograph(f"error-{name}")
        self._session.dismiss_trouble()
        yield True

    def _walk_wizard(self) -> Iterator[bool]:
        """Its pages with the cards of a class that is nowhere, the last two with the demo's worker."""
        session = self._session
        session.ask_to_join("another")
        wizard = self._window.findChild(JoinWizard)
        assert isinstance(wizard, JoinWizard)
        confirm, card_page, address = (wizard.page(step) for step in (Step.CONFIRM, Step.CARD, Step.ADDRESS))
        assert isinstance(confirm, ConfirmPage)
        assert isinstance(card_page, CardPage)
        assert isinstance(address, AddressPage)
        for step in (Step.CHOOSE, Step.TEACH, Step.CARD, Step.CODE, Step.BY_HAND):
            wizard.show_step(step)
            yield True
            self._photograph(f"join-{step}")
        wizard.show_step(Step.CARD)
        card_page.take_text("<!doctype html>")
        yield True
        self._photograph("join-no-card")
        card_page.take_text(PERSONAL_CARD.to_link())
        yield True
        self._photograph("join-confirm")
        confirm.tell(ConnectionFailed(NO_ANSWER, cause="unreachable"))
        yield True
        self._photograph("join-unreachable")
        address.ask_for("Vision 2026", 5432)
        wizard.show_step(Step.ADDRESS)
        yield True
        self._photograph("join-address")
        card_page.take_text(CLASS_CARD.to_link())
        yield True
        self._photograph("join-open")
        yield from self._walk_welcome(wizard)

    def _walk_welcome(self, wizard: JoinWizard) -> Iterator[bool]:
        session = self._session
        session.stop_now()
        while session.is_contributing:
            yield True
        wizard.show_step(Step.READY)
        while not self._is(WorkerState.PAUSED):
            yield True
        self._photograph("join-ready")
        wizard.show_step(Step.FIRST_UNIT)
        while not self._is(WorkerState.COMPUTING):
            yield True
        yield True
        self._photograph("join-first_unit")
        wizard.left.emit()

    def _is(self, state: WorkerState) -> bool:
        return self._session.state.state is state

    def _photograph(self, name: str) -> None:
        path = self._folder / f"{self._tour.name}-{name}.png"
        self._window.grab().save(str(path))
        print(path)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
