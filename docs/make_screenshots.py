"""Pictures of the window for the documentation: the real program on a demo class, one picture a page.

    python docs/make_screenshots.py FOLDER [--pages contribute charts ...] [--dark] [--language de]
                                    [--size 960x560] [--iterations 8] [--error CAUSE] [--wizard]

No screen is needed: Qt draws into memory ("offscreen"; under Xvfb the pictures are the same to the byte).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PySide6.QtCore import QObject, QTimer

from gan_desktop.errors import ConnectionFailed
from gan_desktop.gui import app
from gan_desktop.gui.join_wizard import JoinWizard
from gan_desktop.gui.joining.card_page import CardPage
from gan_desktop.gui.joining.confirm_page import ConfirmPage
from gan_desktop.gui.joining.draft import Step
from gan_desktop.gui.main_window import PAGES, MainWindow
from gan_desktop.gui.preferences import Preferences, save_preferences
from gan_desktop.gui.session import JoinedClass, Places
from gan_desktop.gui.trouble import Trouble
from gan_desktop.join_card import JoinCard
from gan_desktop.records import WorkerState

if TYPE_CHECKING:
    from gan_desktop.demo_class import DemoOptions

# A page gets so long to draw what it has just been told.
SETTLE_MS = 700
LOOK_MS = 200
DEMO_ITERATIONS = 60
NO_ANSWER = "No answer from db.school.example, port 5432. Are you in the right network?"
NO_ANSWER += " A firewall may block the port."
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


def main() -> int:
    """Take the pictures; returns the program's own exit code."""
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        places = Places.below(Path(home))
        theme = "dark" if options.dark else "light"
        likes = Preferences(language=options.language, theme=theme, pace="full")  # type: ignore[arg-type]
        save_preferences(places.config / "preferences.json", likes)
        start = app.Start(_no_class, choose_demo=_demo, places=places)
        return app.run_window(start, lambda window: Photographer(window, options))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", nargs="*", default=[page.key for page in PAGES])
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--language", default="en")
    parser.add_argument("--size", default="1120x700")
    parser.add_argument("--iterations", type=int, default=8, help="wait for this one (default: 8)")
    parser.add_argument("--wizard", action="store_true", help="the way into a class, too")
    parser.add_argument("--error", help="show the banner for this cause of a failed connection")
    return parser.parse_args()


def _no_class() -> JoinedClass:
    raise AssertionError("the demo has its own")


def _demo() -> DemoOptions:
    from gan_desktop.demo_class import DemoOptions

    return DemoOptions(num_iterations=DEMO_ITERATIONS)


class Photographer(QObject):
    """Walks through the pages once the demo has come so far."""

    def __init__(self, window: MainWindow, options: argparse.Namespace) -> None:
        super().__init__(window)
        self._window, self._options = window, options
        width, height = map(int, options.size.split("x"))
        window.resize(width, height)
        self._steps = self._walk()
        self._clock = QTimer(self, interval=LOOK_MS)
        self._clock.timeout.connect(self._wait)
        self._clock.start()

    def _wait(self) -> None:
        session = self._window.session
        sample = session.newest_sample
        if session.trouble is not None:
            print("trouble:", session.trouble)  # noqa: T201
        is_far = sample is not None and sample.iteration >= self._options.iterations
        if is_far and session.state.state is WorkerState.COMPUTING:
            self._clock.stop()
            self._next()

    def _next(self) -> None:
        if next(self._steps, None) is None:
            self._window.quit()
        else:
            QTimer.singleShot(SETTLE_MS, self, self._next)

    def _walk(self) -> Iterator[bool]:
        """Each step changes something; the picture is taken one step later."""
        if self._options.error:
            self._window.session.tell_trouble(ConnectionFailed(NO_ANSWER, cause=self._options.error))
            yield True
        for key in self._options.pages:
            self._window.session.show_page(key)
            yield True
            self._photograph(key.replace("/", "-"))
        if self._options.wizard:
            yield from self._walk_wizard()

    def _walk_wizard(self) -> Iterator[bool]:
        """Its pages with the cards of a class that is nowhere, the last two with the demo's worker."""
        session = self._window.session
        session.ask_to_join("another")
        [wizard] = self._window.findChildren(JoinWizard)
        confirm, card_page = wizard.page(Step.CONFIRM), wizard.page(Step.CARD)
        assert isinstance(confirm, ConfirmPage) and isinstance(card_page, CardPage)
        for step in (Step.CHOOSE, Step.TEACH, Step.CARD, Step.CODE, Step.BY_HAND):
            wizard.show_step(step)
            yield True
            self._photograph(f"join-{step}")
        card_page.take_text(PERSONAL_CARD.to_link())
        yield True
        self._photograph("join-confirm")
        confirm.show_trouble(Trouble.of(ConnectionFailed(NO_ANSWER, cause="unreachable")))
        yield True
        self._photograph("join-unreachable")
        card_page.take_text(CLASS_CARD.to_link())
        yield True
        self._photograph("join-open")
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
        self._photograph("join-first-unit")

    def _is(self, state: WorkerState) -> bool:
        return self._window.session.state.state is state

    def _photograph(self, name: str) -> None:
        kind = "".join((f"-{self._options.language}", "-dark" * self._options.dark))
        path = self._options.folder / f"{name}{kind}-{self._options.size}.png"
        self._window.grab().save(str(path))
        print(path)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
