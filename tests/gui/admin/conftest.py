"""What the instructor's window's tests share: a real class, a session that teaches it, the window over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.gui.admin.main_window import TeachingWindow
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.window_session import Places
from tests.integration.conftest import superuser_address
from tests.integration.lesson import Lesson, lesson

PATIENCE_MS = 60_000


@pytest.fixture
def taught(server: EmbeddedPostgres, open_folder: Path) -> Iterator[Lesson]:
    """A real class with pictures and a training that has not begun."""
    with lesson(superuser_address(server), open_folder / "lesson") as held:
        yield held


@pytest.fixture
def idle_teaching(tmp_path: Path, qtbot: QtBot) -> Iterator[TeachingSession]:
    """A session that teaches nothing yet."""
    made = TeachingSession(Places.below(tmp_path / "teacher"))
    yield made
    with qtbot.waitSignal(made.shut_down_done, timeout=PATIENCE_MS):
        made.shut_down()
    made.deleteLater()


@pytest.fixture
def teaching(idle_teaching: TeachingSession, taught: Lesson, qtbot: QtBot) -> TeachingSession:
    """A session that teaches `taught`, and has looked at it."""
    with qtbot.waitSignal(idle_teaching.snapshot_changed, timeout=PATIENCE_MS):
        idle_teaching.teach(TaughtClass(taught.coordinator, "Vision"))
    return idle_teaching


@pytest.fixture
def admin_window(teaching: TeachingSession, qtbot: QtBot) -> Iterator[TeachingWindow]:
    """The window over `teaching`, shown, with all its pages."""
    made = TeachingWindow(teaching)
    try:
        made.show()
        qtbot.waitExposed(made)
        made.make_pages()
        yield made
    finally:
        made.hide()
        made.deleteLater()
