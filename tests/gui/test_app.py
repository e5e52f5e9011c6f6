"""Starting the program: what loads when, one window per user, errors nobody expected."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from gan_desktop.errors import ConnectionFailed
from gan_desktop.gui.application import ErrorCatcher
from gan_desktop.gui.banner import Banner
from gan_desktop.gui.error_dialog import ErrorDialog
from gan_desktop.gui.main_window import PAGES, MainWindow
from gan_desktop.gui.paged_window import LEAST_SIZE
from gan_desktop.gui.session import Session
from gan_desktop.gui.single_instance import SingleInstance
from gan_desktop.gui.window_session import Places

# The window is painted when the event loop runs: nothing heavy may be loaded until then.
PAINT = """
import sys, tempfile
from pathlib import Path
from PySide6.QtCore import QTimer
from gan_desktop.errors import SettingsError
from gan_desktop.gui import app, session

def find_class():
    raise SettingsError("none", title="No class yet")

def look(window):
    def shown():
        heavy = {"torch", "psycopg2", "pydantic", "pyqtgraph"} & set(sys.modules)
        print("heavy:", sorted(heavy), flush=True)
        window.close()
    window.painted.connect(shown)

places = session.Places.below(Path(tempfile.mkdtemp()))
print(app.run_window(app.Start(find_class, places=places), look))
"""


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


def test_the_window_is_painted_before_anything_heavy_is_loaded() -> None:
    answer = run("-c", PAINT)
    assert answer.stdout.splitlines() == ["heavy: []", "0"], answer.stderr


def test_without_a_screen_the_console_goes_on_and_says_so(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux has computers without a screen")
    environment = dict.fromkeys(("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"), "")
    answer = run("-m", "gan_desktop", "--folder", str(tmp_path), **environment)
    assert "There is no screen here" in answer.stderr
    assert "No class yet" in answer.stderr
    assert answer.returncode == 2


def test_without_pyside6_the_console_goes_on_and_says_how_to_get_it(tmp_path: Path) -> None:
    hide = "import sys; sys.modules['PySide6'] = None; from gan_desktop.cli import main; sys.exit(main([]))"
    answer = run("-c", hide)
    assert "pip install 'gan-desktop[gui]'" in answer.stderr
    assert "No class yet" in answer.stderr


@pytest.mark.parametrize(("language", "words"), [("en_GB", "23 computers"), ("de_DE", "23 Computer")])
def test_texts_that_count_are_right_from_the_first_moment(language: str, words: str) -> None:
    count = (
        "from PySide6.QtCore import QCoreApplication;"
        "from gan_desktop.gui.application import make_application;"
        "a = make_application(); print(QCoreApplication.translate('x', '%n computer(s)', None, 23))"
    )
    assert run("-c", count, LANG=f"{language}.UTF-8", LC_ALL="", LANGUAGE="").stdout.strip() == words


def test_qt_appends_nothing_to_the_windows_titles() -> None:
    # A display name of its own would come behind every title, which has the program's name already.
    ask = (
        "from gan_desktop.gui.application import make_application;"
        "a = make_application(); print(a.applicationDisplayName() == a.applicationName())"
    )
    assert run("-c", ask).stdout.strip() == "True"


def test_a_second_start_asks_the_first_to_come_forward(qtbot: QtBot, tmp_path: Path) -> None:
    first, second = SingleInstance(str(tmp_path)), SingleInstance(str(tmp_path))
    assert first.is_first()
    with qtbot.waitSignal(first.started_again):
        assert not second.is_first()
    other = SingleInstance(str(tmp_path / "other"))
    assert other.is_first()


def test_minimised_window_comes_forward(window: MainWindow) -> None:
    window.showMinimized()
    window.come_forward()
    assert not window.isMinimized()
    assert window.isVisible()


def test_every_page_has_its_key(window: MainWindow, qtbot: QtBot) -> None:
    for number, page in enumerate(PAGES, start=1):
        qtbot.keyClick(window, getattr(Qt.Key, f"Key_{number}"), Qt.KeyboardModifier.ControlModifier)
        assert window.page(page.key).isVisible()


def test_the_window_fits_into_its_least_size(window: MainWindow) -> None:
    """Every page, and the banner too, leave the window as small as was promised."""
    window.session.tell_trouble(ConnectionFailed("No answer.", cause="unreachable"))
    for page in PAGES:
        window.show_page(page.key)
        window.resize(LEAST_SIZE)
        assert window.minimumSizeHint().width() <= LEAST_SIZE.width(), page.key
        assert window.minimumSizeHint().height() <= LEAST_SIZE.height(), page.key


def test_the_window_comes_back_where_it_was(session: Session, window: MainWindow) -> None:
    window.resize(LEAST_SIZE.width(), 620)
    window.close()
    again = MainWindow(session)
    assert again.height() == 620
    again.deleteLater()


def test_a_banner_is_copied_without_its_secrets(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    window.session.tell_trouble(ConnectionFailed("It said hunter2 at postgres://ana:x@h/db.", cause="lost"))
    banner = window.findChild(Banner)
    assert isinstance(banner, Banner)
    assert banner.isVisible()
    banner.copy()
    copied = QGuiApplication.clipboard().text()
    assert "hunter2" not in copied
    assert "ana:x@" not in copied
    assert "It said" in copied
    window.session.dismiss_trouble()
    assert not banner.isVisible()


def test_an_unexpected_error_of_any_thread_opens_one_dialog_with_a_report(
    window: MainWindow, qtbot: QtBot
) -> None:
    catcher = ErrorCatcher(window)
    catcher.install()
    try:
        for _ in range(3):
            thread = threading.Thread(target=lambda: 1 // 0)
            thread.start()
            thread.join()
        qtbot.waitUntil(lambda: bool(window.findChildren(ErrorDialog)))
    finally:
        catcher.uninstall()
    [dialog] = window.findChildren(ErrorDialog)
    copy = next(button for button in dialog.findChildren(QPushButton) if button.text() == "Copy the report")
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert "ZeroDivisionError" in QGuiApplication.clipboard().text()
    dialog.close()


def test_settings_that_cannot_be_written_hold_and_it_is_said(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "preferences.json").mkdir()
    session.change_preferences(pace="full")
    assert session.preferences.pace == "full"
    assert session.trouble is not None
    assert session.trouble.is_warning
    assert Places.below(tmp_path) == session.places
