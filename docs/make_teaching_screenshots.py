"""Pictures of the instructor's window for the documentation: the real program on a real class in a lesson.

    python docs/make_teaching_screenshots.py FOLDER [--pages today students ...] [--dark] [--language de]
                                             [--size 960x560] [--iterations 8] [--wizard] [--projector]
                                             [--renew]

A class with a list of twelve is made in a database of its own; four of its computers take part as processes,
on drawn faces. No screen is needed: Qt draws into memory. --renew replaces what docs/instructor.md shows.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# isort: off
import gan_desktop.settings  # noqa: F401  # before PySide6, as in cli.py

# isort: on
from PIL import Image
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from gan_desktop.class_admin.hosting import DATABASE, Host, hosted_administrator
from gan_desktop.class_admin.login import make_class
from gan_desktop.class_admin.people import add_student
from gan_desktop.class_admin.pictures import import_pictures
from gan_desktop.class_admin.trainings import create_run
from gan_desktop.demo_class import CONFIG
from gan_desktop.gui.admin.app import TeachingStart, run_teaching_window
from gan_desktop.gui.admin.main_window import PAGES, TeachingWindow
from gan_desktop.gui.admin.projector.window import ProjectorWindow
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.admin.wizard.class_wizard import ClassWizard
from gan_desktop.gui.admin.wizard.draft import Step
from gan_desktop.gui.preferences import Preferences, save_preferences
from gan_desktop.gui.window_session import Places
from gan_desktop.own_process import own_program
from gan_desktop.records import WorkerState
from gan_desktop.training.images import DrawnFaces

if TYPE_CHECKING:
    from gan_desktop.database.address import Address

LOOK_MS, SETTLE_MS = 200, 900
LESSON_S = 41 * 60
ITERATIONS = 400
NAMES = ("Ana", "Ben", "Eva", "Mia", "Omar", "Team 4", "Lea", "Noah", "Ida", "Kai", "Zoe", "Tom")
NUM_COMPUTERS = 4
IMAGES = Path(__file__).resolve().parent / "images"
QUALITY = 82


def main() -> int:
    """Take the pictures; returns the program's own exit code."""
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home.chmod(0o711)
        # Class and students are the same in every tour: only the window changes.
        coordinator, students = _make_class(home / "class")
        places = Places.below(home / "teacher")
        theme = "dark" if options.dark else "light"
        likes = Preferences(language=options.language, theme=theme)  # type: ignore[arg-type]
        save_preferences(places.config / "preferences.json", likes)
        lesson = Lesson(home, students)
        stack.callback(lesson.end)
        taught = TaughtClass(coordinator, "Vision 2026", hosted_in=home / "class")
        start = TeachingStart(lambda _places: taught, places)
        code = run_teaching_window(start, lambda window: Photographer(window, options, lesson))
    if options.renew:
        for taken in (options.folder / f"{name}.png" for name in (*options.pages, "projector")):
            if not taken.exists():
                continue
            Image.open(taken).save(IMAGES / f"teaching-{taken.stem}.webp", quality=QUALITY, method=6)
    return code


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", nargs="*", default=[page.key for page in PAGES])
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--language", default="en")
    parser.add_argument("--size", default="1120x700")
    parser.add_argument("--iterations", type=int, default=8, help="wait for this one (default: 8)")
    parser.add_argument("--wizard", action="store_true", help="the way to a new class, too")
    parser.add_argument("--projector", action="store_true", help="the projector, too")
    parser.add_argument(
        "--renew", action="store_true", help="put those of the documentation into docs/images"
    )
    return parser.parse_args()


def _make_class(folder: Path) -> tuple[Address, list[Address]]:
    with Host(folder, num_students=30):
        administrator = hosted_administrator(folder, DATABASE)
        coordinator = make_class(administrator, "Vision 2026")
        students = []
        for number, name in enumerate(NAMES, start=1):
            login = add_student(coordinator, name, student_id=f"S-{100 + number}")
            students.append(replace(coordinator, user=login.user, password=login.password))
        import_pictures(coordinator, DrawnFaces(3_000), CONFIG.image_size, seed=CONFIG.seed)
        create_run(coordinator, "Faces", replace(CONFIG, target_iterations=ITERATIONS))
    return coordinator, students


class Lesson:
    """The students' computers, each a process."""

    def __init__(self, home: Path, students: list[Address]) -> None:
        self._home, self._students = home, students
        self._processes: list[subprocess.Popen[bytes]] = []

    def begin(self, server: Address) -> None:
        """Let some of them take part; the class's port is known now."""
        config = self._home / "config.yaml"
        config.write_text("# Everything comes by the environment.\n", "utf-8")
        for number, student in enumerate(self._students[:NUM_COMPUTERS], start=1):
            environment = {
                **os.environ,
                "PGPASSWORD": student.password or "",
                "GAN_DESKTOP_DATABASE__HOST": server.host,
                "GAN_DESKTOP_DATABASE__PORT": str(server.port),
                "GAN_DESKTOP_DATABASE__DATABASE": server.dbname,
                "GAN_DESKTOP_DATABASE__USER": student.user,
                "GAN_DESKTOP_WORKER__HEARTBEAT_INTERVAL": "2",
            }
            command = own_program(
                "--no-gui", f"--config={config}", f"--folder={self._home / f'computer-{number}'}"
            )
            self._processes.append(
                subprocess.Popen(
                    [*command, f"--name=laptop-{number}", "--threads=1", "--no-limits"],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )

    def end(self) -> None:
        """Let them go home."""
        for process in self._processes:
            process.kill()
            process.wait()


class Photographer(QObject):
    """Walks through the window once the training has come so far."""

    def __init__(self, window: TeachingWindow, options: argparse.Namespace, lesson: Lesson) -> None:
        super().__init__(window)
        self._window, self._options, self._lesson = window, options, lesson
        self._session = window.session
        self._has_begun = False
        window.resize(*map(int, options.size.split("x")))
        self._steps = self._walk()
        self._clock = QTimer(self, interval=LOOK_MS)
        self._clock.timeout.connect(self._wait)
        self._clock.start()

    def _wait(self) -> None:
        session = self._session
        if session.trouble is not None:
            print("trouble:", session.trouble)  # noqa: T201
        status = session.snapshot.status
        if status is not None and session.taught is not None and not self._has_begun:
            self._has_begun = True
            self._lesson.begin(session.taught.address)
            session.begin_training(status.runs[0].run_id)
            session.set_lesson_end(time.time() + LESSON_S)
        sample = session.newest_sample
        if sample is not None and sample.iteration >= self._options.iterations:
            self._clock.stop()
            self._next()

    def _next(self) -> None:
        if next(self._steps, None) is None:
            self._window.quit()
        else:
            QTimer.singleShot(SETTLE_MS, self, self._next)

    def _walk(self) -> Iterator[bool]:
        session, options = self._session, self._options
        for key in options.pages:
            session.show_page(key)
            yield True
            yield True
            while key == "today" and not self._most_work():
                yield True
            self._save(self._window, key)
        if options.projector:
            session.show_projector()
            yield True
            yield True
            for widget in QApplication.topLevelWidgets():
                if isinstance(widget, ProjectorWindow):
                    widget.showNormal()
                    widget.resize(1280, 720)
                    yield True
                    yield True
                    self._save(widget, "projector")
                    widget.close()
        if options.wizard:
            session.ask_to_begin("another")
            wizard = self._window.findChild(ClassWizard)
            assert wizard is not None
            # The one that is left out needs a class of an older version.
            for step in [step for step in Step if step is not Step.UPGRADE]:
                wizard.show_step(step)
                yield True
                yield True
                self._save(self._window, f"wizard-{step.value}")

    def _most_work(self) -> bool:
        """Whether the students' computers are at work, and not between two units."""
        status = self._session.snapshot.status
        working = [] if status is None else [w for w in status.workers if w.state == WorkerState.COMPUTING]
        return len(working) >= NUM_COMPUTERS - 1

    def _save(self, widget: QWidget, name: str) -> None:
        widget.grab().save(str(self._options.folder / f"{name}.png"))


if __name__ == "__main__":
    sys.exit(main())
