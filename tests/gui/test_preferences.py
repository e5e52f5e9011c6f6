"""The person's settings: written whole, read with mercy."""

from __future__ import annotations

from pathlib import Path

from gan_desktop.gui.limits import demo_limits, to_limits
from gan_desktop.gui.preferences import Preferences, load_preferences, save_preferences
from gan_desktop.worker.limits import Pace

LIKES = Preferences(name="Ana's laptop", pace="quiet", not_while_running=("zoom", "obs"), max_mbit_s=12.5)


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "preferences.json"
    save_preferences(path, LIKES)
    assert load_preferences(path) == (LIKES, "")
    assert [file.name for file in path.parent.iterdir()] == ["preferences.json"]


def test_without_a_file_all_is_usual_and_nothing_is_said(tmp_path: Path) -> None:
    assert load_preferences(tmp_path / "none.json") == (Preferences(), "")


def test_damaged_file_gives_the_usual_settings_says_so_and_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "preferences.json"
    path.write_text('{"pace": "qui', "utf-8")
    likes, said = load_preferences(path)
    assert likes == Preferences()
    assert "could not be read" in said
    assert path.with_suffix(".damaged").read_text("utf-8") == '{"pace": "qui'


def test_a_wrong_value_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "preferences.json"
    path.write_text('{"pace": "furious", "name": "Ana", "idle_minutes": true, "of_the_future": 1}', "utf-8")
    likes, said = load_preferences(path)
    assert likes == Preferences(name="Ana")
    assert said


def test_limits_follow_from_the_preferences() -> None:
    limits = to_limits(
        Preferences(pace="quiet", only_between_hours=True, idle_minutes=5, only_when_idle=True)
    )
    assert limits.pace is Pace.QUIET
    assert limits.only_when_idle_s == 300
    assert [f"{moment:%H:%M}" for moment in limits.hours or ()] == ["20:00", "07:00"]


def test_numbers_out_of_range_are_drawn_into_it_instead_of_stopping_the_program() -> None:
    limits = to_limits(
        Preferences(battery_percent=-5, max_temperature_c=999, max_memory_gb=0.0, from_time="?")
    )
    assert (limits.battery_percent, limits.max_temperature_c, limits.max_memory_gb) == (20, 110.0, 0.5)


def test_the_demo_never_pauses_by_itself() -> None:
    limits = demo_limits(Preferences(only_plugged_in=True, only_when_idle=True))
    assert limits.battery_percent is None
    assert not limits.only_plugged_in
    assert limits.only_when_idle_s is None
