from __future__ import annotations

import configparser
import plistlib
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt, QTime
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel, QScrollArea
from pytestqt.qtbot import QtBot

from gan_desktop.errors import SaveFailed
from gan_desktop.gui import autostart
from gan_desktop.gui.autostart import DesktopEntry, LaunchAgent, RunKey
from gan_desktop.gui.computer_facts import ComputerFacts
from gan_desktop.gui.limits import to_limits
from gan_desktop.gui.paged_window import LEAST_SIZE
from gan_desktop.gui.preferences import Preferences, load_preferences
from gan_desktop.gui.session import Session
from gan_desktop.gui.settings_page import SettingsPage
from gan_desktop.gui.theme import choose_theme, colours
from gan_desktop.worker.limits import Pace


@pytest.fixture
def page(session: Session, qtbot: QtBot, tmp_path: Path) -> Iterator[SettingsPage]:
    page = SettingsPage(session, autostart=DesktopEntry(tmp_path / "autostart"))
    qtbot.addWidget(page)
    page.resize(LEAST_SIZE.width() - 150, 1_600)
    page.show()
    yield page
    choose_theme("system")


def seen(page: SettingsPage) -> str:
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


# -- preferences --------------------------------------------------------------------------------


def test_every_limit_acts_at_once_and_is_kept(page: SettingsPage, session: Session, tmp_path: Path) -> None:
    page.when.plugged_in.click()
    page.when.charge.setValue(55)
    page.when.idle.click()
    page.when.minutes.setValue(7)
    page.when.hours.click()
    page.when.first.setTime(QTime(19, 30))
    page.when.unmetered.click()
    page.how_hard.paces["quiet"].click()
    page.how_hard.heat.setValue(75)
    page.how_hard.memory[0].click()
    page.how_hard.network[0].click()
    page.where.limit.setValue(2.5)
    page.where.awake.click()

    likes, _ = load_preferences(tmp_path / "preferences.json")
    assert likes == session.preferences
    limits = to_limits(likes)
    assert limits.pace is Pace.QUIET
    assert limits.only_plugged_in
    assert limits.battery_percent == 55
    assert limits.only_when_idle_s == 420
    assert limits.hours is not None
    assert f"{limits.hours[0]:%H:%M}" == "19:30"
    assert not limits.only_unmetered
    assert not limits.keep_awake
    assert (limits.max_temperature_c, limits.max_memory_gb, limits.max_mbit_s) == (75, 4.0, 10.0)
    assert likes.max_cache_gb == 2.5


def test_cap_that_is_switched_off_is_no_limit_and_keeps_its_number(
    page: SettingsPage, session: Session
) -> None:
    box, field = page.how_hard.memory
    box.click()
    field.setValue(6.0)
    box.click()
    assert session.preferences.max_memory_gb is None
    assert not field.isEnabled()
    box.click()
    assert session.preferences.max_memory_gb == 6.0


def test_programs_are_names_between_commas(page: SettingsPage, session: Session, qtbot: QtBot) -> None:
    qtbot.keyClicks(page.when.programs, " zoom,, obs ,zoom")
    qtbot.keyClick(page.when.programs, Qt.Key.Key_Return)
    assert session.preferences.not_while_running == ("zoom", "obs")
    assert page.when.programs.text() == "zoom, obs"


def test_what_another_page_changes_is_shown(page: SettingsPage, session: Session) -> None:
    session.change_preferences(pace="full", only_when_idle=True, max_mbit_s=3.0)
    assert page.how_hard.paces["full"].isChecked()
    assert page.when.idle.isChecked()
    assert page.when.minutes.isEnabled()
    assert page.how_hard.network[1].value() == 3.0
    assert session.preferences == Preferences(pace="full", only_when_idle=True, max_mbit_s=3.0)


def test_showing_the_page_changes_nothing(page: SettingsPage, session: Session) -> None:
    assert session.preferences == Preferences()


def test_a_number_is_taken_when_it_is_complete(page: SettingsPage, session: Session, qtbot: QtBot) -> None:
    page.when.charge.selectAll()
    qtbot.keyClicks(page.when.charge, "9")
    assert session.preferences.battery_percent == 40
    qtbot.keyClicks(page.when.charge, "5")
    qtbot.keyClick(page.when.charge, Qt.Key.Key_Return)
    assert session.preferences.battery_percent == 95


def test_wheel_over_a_field_scrolls_the_page_instead(page: SettingsPage, session: Session) -> None:
    field = page.when.charge
    turn = QWheelEvent(
        QPointF(5, 5),
        QPointF(field.mapToGlobal(QPoint(5, 5))),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(field, turn)
    assert session.preferences.battery_percent == 40


def test_colours_change_at_once(page: SettingsPage) -> None:
    page.person.theme.setCurrentIndex(page.person.theme.findData("dark"))
    dark = colours()
    page.person.theme.setCurrentIndex(page.person.theme.findData("light"))
    assert colours() != dark


def test_language_says_when_it_comes(page: SettingsPage, session: Session) -> None:
    assert "next start of the program" not in seen(page)
    page.person.language.setCurrentIndex(page.person.language.findData("de"))
    assert session.preferences.language == "de"
    assert "Deutsch from the next start of the program." in seen(page)


# -- what the computer can tell ------------------------------------------------------------------


def test_limits_that_cannot_be_checked_say_so(page: SettingsPage) -> None:
    page._take_facts(ComputerFacts(False, False, False, "No NVIDIA driver was found on this computer.", 15.6))
    told = seen(page)
    for words in (
        "No battery was found",
        "whether somebody uses",
        "are metered",
        "heat is not measured",
        "15.6 GB",
    ):
        assert words in told
    page._take_facts(ComputerFacts(True, True, True, "", 15.6))
    assert "No battery" not in seen(page)
    assert "heat" not in seen(page)


def test_sections_are_jumped_to_and_the_one_in_sight_is_marked(page: SettingsPage, qtbot: QtBot) -> None:
    page.resize(LEAST_SIZE.width() - 150, LEAST_SIZE.height() - 95)
    bar = page._area.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    page.contents.setFocus()
    for card in (page.how_hard, page.where, page.person):
        qtbot.keyClick(page.contents, Qt.Key.Key_Down)
        assert page.contents.currentItem().text() == card.title
        # On top, or as far up as the page goes.
        assert card.mapTo(page._area.viewport(), QPoint(0, 0)).y() == 0 or bar.value() == bar.maximum()
    bar.setValue(0)
    assert page.contents.currentRow() == 0
    bar.setValue(bar.maximum())
    assert page.contents.currentRow() == 3


def test_this_computer_is_asked(page: SettingsPage, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: page._facts is not None, timeout=60_000)
    assert "This computer has" in seen(page)


# -- pictures to learn from ----------------------------------------------------------------------


def test_pictures_are_counted_and_removed(page: SettingsPage, session: Session, qtbot: QtBot) -> None:
    folder = session.shards_folder
    folder.mkdir(parents=True)
    shard = folder / f"{'a' * 64}.tar"
    shard.write_bytes(bytes(3_500_000))
    page.where.look()
    qtbot.waitUntil(lambda: "3.5 MB" in seen(page))
    page.where.clear.click()
    qtbot.waitUntil(lambda: "They take 0.0 MB" in seen(page))
    assert not shard.exists()


def test_chosen_folder_gets_a_folder_of_our_own_so_that_only_ours_is_cleared(
    page: SettingsPage, session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    theirs = tmp_path / "downloads"
    theirs.mkdir()
    (theirs / "thesis.tar").write_text("years of work")
    page.where.take_folder(str(theirs))
    qtbot.waitUntil(lambda: bool(session.preferences.cache_folder))
    assert session.shards_folder.parent == theirs
    page.where._clear()
    qtbot.waitUntil(lambda: "They take" in seen(page))
    assert (theirs / "thesis.tar").exists()
    page.where.usual.click()
    assert session.shards_folder == session.places.cache / "shards"


def test_folder_that_cannot_be_written_changes_nothing(
    page: SettingsPage, session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    page.where.take_folder(str(tmp_path / "file"))
    qtbot.waitUntil(lambda: "cannot be written" in seen(page))
    assert session.preferences.cache_folder == ""


# -- start with the computer ---------------------------------------------------------------------


def test_start_with_the_computer_is_an_entry_of_the_desktop(
    page: SettingsPage, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "autostart" / "gan-desktop.desktop"
    page.where.start.click()
    qtbot.waitUntil(path.exists)
    entry = configparser.ConfigParser(interpolation=None)
    entry.optionxform = str  # type: ignore[assignment,method-assign]
    entry.read(path)
    assert shlex.split(entry["Desktop Entry"]["Exec"])[-1] == "--in-tray"
    assert entry["Desktop Entry"]["Type"] == "Application"
    page.where.start.click()
    qtbot.waitUntil(lambda: not path.exists())


def test_entry_that_somebody_removed_is_shown_as_removed(
    page: SettingsPage, qtbot: QtBot, tmp_path: Path
) -> None:
    DesktopEntry(tmp_path / "autostart").turn(True)
    page.where.look()
    qtbot.waitUntil(page.where.start.isChecked)
    (tmp_path / "autostart" / "gan-desktop.desktop").unlink()
    page.where.look()
    qtbot.waitUntil(lambda: not page.where.start.isChecked())


def test_refused_entry_is_told_and_the_switch_goes_back(
    session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "blocked").write_text("")
    page = SettingsPage(session, autostart=DesktopEntry(tmp_path / "blocked"))
    qtbot.addWidget(page)
    page.show()
    page.where.start.click()
    qtbot.waitUntil(lambda: "could not be changed" in seen(page))
    qtbot.waitUntil(lambda: not page.where.start.isChecked())


def test_names_with_blanks_and_signs_survive_the_exec_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autostart, "start_command", lambda: ["/opt/my $program/50%", "--in-tray"])
    content = DesktopEntry(Path("x")).content().decode()
    # Unescaped once as a value, then by the rules of quoting (Desktop Entry Specification).
    assert 'Exec="/opt/my \\\\$program/50%%" --in-tray\n' in content


def test_macos_gets_a_launch_agent(tmp_path: Path) -> None:
    agent = LaunchAgent(tmp_path)
    agent.turn(True)
    read = plistlib.loads((tmp_path / "org.gan-desktop.start.plist").read_bytes())
    assert read["RunAtLoad"] is True
    assert read["ProgramArguments"] == [sys.executable, "-m", "gan_desktop", "--in-tray"]
    assert "KeepAlive" not in read
    agent.turn(False)
    assert not agent.is_on()


class _Registry(SimpleNamespace):
    """The few functions of `winreg` that are used, over a dict."""

    HKEY_CURRENT_USER, REG_SZ = 1, 1

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.is_locked = False

    def CreateKey(self, _hive: int, path: str) -> Any:  # noqa: N802
        if self.is_locked:
            raise PermissionError(13, "Access is denied")
        assert path == r"Software\Microsoft\Windows\CurrentVersion\Run"
        return self

    OpenKey = CreateKey

    def __enter__(self) -> _Registry:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held."""

    def SetValueEx(self, _key: Any, name: str, _reserved: int, _kind: int, value: str) -> None:  # noqa: N802
        self.values[name] = value

    def QueryValueEx(self, _key: Any, name: str) -> str:  # noqa: N802
        if name not in self.values:
            raise FileNotFoundError(2, "not there")
        return self.values[name]

    def DeleteValue(self, _key: Any, name: str) -> None:  # noqa: N802
        if name not in self.values:
            raise FileNotFoundError(2, "not there")
        del self.values[name]


def test_windows_gets_a_value_of_the_users_run_key(monkeypatch: pytest.MonkeyPatch) -> None:
    command = [r"C:\Program Files\GAN\gan-desktop.exe", "--in-tray"]
    monkeypatch.setattr(autostart, "start_command", lambda: command)
    registry = _Registry()
    entry = RunKey(registry)
    assert not entry.is_on()
    entry.turn(True)
    assert registry.values == {"GAN Desktop": r'"C:\Program Files\GAN\gan-desktop.exe" --in-tray'}
    assert entry.is_on()
    entry.turn(False)
    entry.turn(False)
    assert not entry.is_on()
    registry.is_locked = True
    with pytest.raises(SaveFailed, match="Access is denied"):
        entry.turn(True)


# -- looks ---------------------------------------------------------------------------------------


def test_nothing_is_cut_in_the_smallest_window(page: SettingsPage) -> None:
    page.resize(LEAST_SIZE.width() - 150, LEAST_SIZE.height() - 95)
    area = page.findChildren(QScrollArea)[0]
    assert area.horizontalScrollBar().maximum() == 0
    for label in page.findChildren(QLabel):
        if label.isVisible():
            assert label.height() >= label.heightForWidth(label.width()), label.text()
