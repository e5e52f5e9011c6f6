"""What the window's tests share: an application in English, a session of its own, a real class."""

from __future__ import annotations

import os

# Before Qt is imported: without a display it would end the whole run.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QThread, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gan_desktop.database.address import Address
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.gui.background import wait_for_background
from gan_desktop.gui.main_window import MainWindow
from gan_desktop.gui.session import JoinedClass, Session
from gan_desktop.gui.theme import follow_theme
from gan_desktop.gui.translation import install_translation
from gan_desktop.gui.window_session import Places
from gan_desktop.records import WorkerState
from gan_desktop.worker.options import WorkerOptions
from tests.integration.conftest import open_folder, server, superuser_address
from tests.integration.lesson import Lesson, lesson

__all__ = ["open_folder", "server"]

PATIENCE_MS = 60_000


@pytest.fixture(scope="session")
def dressed(qapp: QApplication) -> QApplication:
    """The application as the program has it."""
    follow_theme(qapp)
    return qapp


@pytest.fixture(autouse=True)
def application(dressed: QApplication) -> Iterator[QApplication]:
    """The application in English; nothing of a test's windows may be alive after it."""
    install_translation(dressed, "en")
    timers = set(_running_timers(dressed))
    yield dressed
    assert wait_for_background(10_000)
    dressed.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    dressed.processEvents()
    for widget in dressed.topLevelWidgets():
        widget.close()
        widget.deleteLater()
    dressed.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    threads = [thread for thread in dressed.findChildren(QThread) if thread.isRunning()]
    assert not threads, f"threads still run: {threads}"
    assert set(_running_timers(dressed)) <= timers


def _running_timers(application: QApplication) -> list[QTimer]:
    return [timer for timer in application.findChildren(QTimer) if timer.isActive()]


@pytest.fixture
def session(application: QApplication, tmp_path: Path, qtbot: QtBot) -> Iterator[Session]:
    """A session that has joined nothing; ended after the test."""
    made = Session(Places.below(tmp_path))
    yield made
    with qtbot.waitSignal(made.shut_down_done, timeout=PATIENCE_MS):
        made.shut_down()
    made.deleteLater()


@pytest.fixture
def window(session: Session, qtbot: QtBot) -> Iterator[MainWindow]:
    """The window over `session`, shown, with all its pages."""
    made = MainWindow(session)
    made.show()
    qtbot.waitExposed(made)
    made.make_pages()
    yield made
    made.hide()
    made.deleteLater()


@pytest.fixture
def held_lesson(server: EmbeddedPostgres, open_folder: Path) -> Iterator[Lesson]:
    """A class whose training waits for a coordinator: `with held_lesson.coordinating(): ...`."""
    with lesson(superuser_address(server), open_folder / "lesson") as held:
        yield held


@pytest.fixture
def join(session: Session) -> Callable[[Address], None]:
    """Lets the session join as a student, with the hasty intervals of a test."""

    def joined(student: Address) -> None:
        hasty = WorkerOptions(name="", poll_interval_s=0.3, heartbeat_interval_s=0.2, num_threads=1)
        session.join(JoinedClass(student, is_demo=True, options=hasty))

    return joined


# A unit is on its way, or the next one.
WORKING = (
    WorkerState.CLAIMING,
    WorkerState.LOADING,
    WorkerState.COMPUTING,
    WorkerState.UPLOADING,
    WorkerState.WAITING_NONE_FREE,
)
