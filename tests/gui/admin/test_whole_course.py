"""A whole course through the instructor's window alone, with real programs as its students' computers."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gan_desktop.class_admin import closing as closing_module
from gan_desktop.gui.admin.end_of_course.view import EndOfCourseView
from gan_desktop.gui.admin.lesson.end_dialog import LessonEndDialog
from gan_desktop.gui.admin.main_window import TeachingWindow
from gan_desktop.gui.admin.projector.window import ProjectorWindow
from gan_desktop.gui.admin.results.page import ResultsPage
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.wizard.class_wizard import ClassWizard
from gan_desktop.gui.admin.wizard.draft import Step
from gan_desktop.gui.admin.wizard.people_page import PeoplePage
from gan_desktop.gui.admin.wizard.pictures_page import PicturesPage
from gan_desktop.join_card import JoinCard, parse_card
from gan_desktop.records import RunStatus
from tests.gui.admin.conftest import PATIENCE_MS
from tests.gui.admin.people import newest
from tests.gui.admin.test_class_wizard import (
    Store,
    await_step,
    await_words,
    make_here,
    page_of,
    press,
    save_cards,
)
from tests.gui.admin.test_end_of_course import press as press_step
from tests.gui.admin.test_end_of_course import press_and_agree
from tests.gui.admin.test_results_page import TOKEN, fill_in, hub, publish
from tests.gui.admin.test_students_page import save_in
from tests.gui.hands import Mouse
from tests.integration.hub_stand_in import HubStandIn

__all__ = ["hub"]

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

NAMES = ("Ana", "Ben", "Eva")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store()
    monkeypatch.setattr("keyring.get_keyring", lambda: made)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return made


def test_a_course_from_the_first_question_to_the_last_step(
    idle_teaching: TeachingSession,
    store: Store,
    hub: HubStandIn,
    open_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    # No program has to hear of the end: all are gone by then.
    monkeypatch.setattr(closing_module, "FAREWELL_S", 0.0)
    window = TeachingWindow(idle_teaching)
    window.show()
    qtbot.waitExposed(window)
    window.make_pages()
    try:
        cards = _make_class(window, open_folder, tmp_path, qtbot)
        with _computers(cards[:2], tmp_path):
            _hold_lesson(window, qtbot)
        _grade(window, tmp_path, qtbot)
        _publish(window, hub, qtbot)
        _close(window, tmp_path, qtbot)
    finally:
        window.hide()
        window.deleteLater()


def _make_class(window: TeachingWindow, folder: Path, tmp_path: Path, qtbot: QtBot) -> list[JoinCard]:
    """The five questions of the wizard; returns everybody's card, as it lies in the zip."""
    window.session.ask_to_begin()
    wizard = window.findChild(ClassWizard)
    assert wizard is not None
    make_here(wizard, qtbot, folder / "class")
    await_step(wizard, qtbot, Step.REACH)
    press(wizard, qtbot, "Go on")
    await_step(wizard, qtbot, Step.PEOPLE)
    press(wizard, qtbot, "A list of students")
    people = page_of(wizard, PeoplePage)
    people.text.setPlainText("name,id\n" + "".join(f"{name},S-{name}\n" for name in NAMES))
    press(wizard, qtbot, "Admit them")
    await_words(people, qtbot, "3 students admitted.")
    save_cards(people, tmp_path / "cards.zip", qtbot)
    press(wizard, qtbot, "Go on")
    await_step(wizard, qtbot, Step.PICTURES)
    page_of(wizard, PicturesPage).count.setValue(300)
    press(wizard, qtbot, "Import and go on")
    await_step(wizard, qtbot, Step.READY)
    await_words(wizard, qtbot, "300 pictures to learn from.")
    with qtbot.waitSignal(wizard.left, timeout=PATIENCE_MS):
        press(wizard, qtbot, 'Start "Lesson" now')
    with zipfile.ZipFile(tmp_path / "cards.zip") as archive:
        files = sorted(name for name in archive.namelist() if name.endswith(".gandjoin"))
        assert len(files) == len(NAMES)
        return [parse_card(archive.read(name).decode("utf-8")) for name in files]


@contextmanager
def _computers(cards: Sequence[JoinCard], folder: Path) -> Iterator[None]:
    """Students' computers: real programs, each with the login of its card."""
    config = folder / "config.yaml"
    config.write_text("# Everything comes by the environment.\n", "utf-8")
    programs = []
    for number, card in enumerate(cards):
        environment = {
            "PGPASSWORD": card.password,
            "GAN_DESKTOP_DATABASE__HOST": "127.0.0.1",
            "GAN_DESKTOP_DATABASE__PORT": str(card.port),
            "GAN_DESKTOP_DATABASE__DATABASE": card.dbname,
            "GAN_DESKTOP_DATABASE__USER": card.user,
            "GAN_DESKTOP_WORKER__POLL_INTERVAL": "0.5",
            "GAN_DESKTOP_WORKER__HEARTBEAT_INTERVAL": "0.5",
        }
        command = [sys.executable, "-m", "gan_desktop", "--no-gui", "--threads=1", "--no-limits"]
        programs.append(
            subprocess.Popen(
                [*command, f"--config={config}", f"--folder={folder / f'computer-{number}'}"],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def _hold_lesson(window: TeachingWindow, qtbot: QtBot) -> None:
    """Watch the first iterations, show them on the projector, and end the lesson."""
    session = window.session

    def iteration() -> int:
        training = session.snapshot.training
        return training.run.iteration if training is not None else -1

    qtbot.waitUntil(lambda: iteration() >= 1, timeout=4 * PATIENCE_MS)
    qtbot.keyClick(window, Qt.Key.Key_F11)
    [projector] = [top for top in _top_levels() if isinstance(top, ProjectorWindow)]
    qtbot.keyClick(projector, Qt.Key.Key_Escape)
    qtbot.waitUntil(
        lambda: not any(isinstance(top, ProjectorWindow) for top in _top_levels()), timeout=PATIENCE_MS
    )
    Mouse(qtbot).press(window.strip, "&End lesson ...")
    dialog = newest(window, LessonEndDialog)
    with qtbot.waitSignal(dialog.over, timeout=2 * PATIENCE_MS):
        qtbot.mouseClick(dialog.end_button, Qt.MouseButton.LeftButton)
    assert dialog.count.text() == "2 of 2 handed in."
    dialog.close_button.click()
    training = session.snapshot.training
    assert training is not None and training.run.status in (RunStatus.PAUSED, RunStatus.RUNNING)


def _grade(window: TeachingWindow, tmp_path: Path, qtbot: QtBot) -> None:
    """Save the credit: two have worked, one has not, and all three are in the table."""
    window.session.show_page("credit")
    page = window.page("credit")
    Mouse(qtbot).press(page, "&Refresh")
    Mouse(qtbot).press(page, "Save as &CSV ...")
    save_in(page, tmp_path / "credit.csv", qtbot)
    content = (tmp_path / "credit.csv").read_bytes().decode("utf-8-sig")
    rows = {row["Student ID"]: row for row in csv.DictReader(io.StringIO(content, newline=""))}
    assert set(rows) == {f"S-{name}" for name in NAMES}
    counted = {student: int(row["Units counted"]) for student, row in rows.items()}
    assert counted["S-Ana"] >= 1 and counted["S-Ben"] >= 1 and counted["S-Eva"] == 0


def _publish(window: TeachingWindow, hub: HubStandIn, qtbot: QtBot) -> None:
    window.session.show_page("results")
    page = window.page("results")
    assert isinstance(page, ResultsPage)
    qtbot.waitUntil(lambda: page.reader.course is not None, timeout=PATIENCE_MS)
    fill_in(page, qtbot, token=TOKEN)
    assert "teacher/faces" in publish(page, qtbot)
    assert hub.repositories["teacher/faces"].is_private


def _close(window: TeachingWindow, tmp_path: Path, qtbot: QtBot) -> None:
    """Every step of the end, up to the last name."""
    window.session.show_page("server")
    Mouse(qtbot).press(window.page("server"), "&End of course")
    view = window.findChild(EndOfCourseView)
    assert view is not None
    view.folder = tmp_path / "course"
    press_and_agree("end", view, qtbot)
    for name in ("credit", "results", "archive"):
        press_step(name, view, qtbot)
    press_and_agree("logins", view, qtbot)
    qtbot.waitUntil(lambda: not view.work.is_busy, timeout=PATIENCE_MS)
    assert len(list(view.folder.iterdir())) == 3


def _top_levels() -> list[object]:
    return list(QApplication.topLevelWidgets())
