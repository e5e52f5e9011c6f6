"""Who pauses the worker at a moment: its owner, or the owner's limits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

import pytest

from gan_desktop.records import WorkerState
from gan_desktop.worker.courtesy import Courtesy, SleepWatch
from gan_desktop.worker.limits import NO_LIMITS, Conditions, Limits

NOON = Conditions(time_of_day=time(12))


@dataclass
class Computer:
    """A computer whose conditions a test decides."""

    now: Conditions = NOON
    num_changes: int = 0

    def read(self, limits: Limits) -> Conditions:
        return self.now

    def note_change(self) -> None:
        self.num_changes += 1


@pytest.fixture
def computer() -> Computer:
    return Computer()


@pytest.fixture
def courtesy(computer: Computer) -> Courtesy:
    courtesy = Courtesy(Limits(), computer.note_change)
    courtesy.read_by(computer.read)
    return courtesy


def state_of(courtesy: Courtesy) -> WorkerState | None:
    return courtesy.pause.state if courtesy.pause else None


def test_its_owners_pause_comes_before_the_limits(courtesy: Courtesy, computer: Computer) -> None:
    computer.now = replace(computer.now, battery_percent=30)
    courtesy.look()
    assert state_of(courtesy) is WorkerState.PAUSED_BATTERY
    courtesy.pause_by_hand(None)
    assert state_of(courtesy) is WorkerState.PAUSED
    courtesy.resume()
    assert state_of(courtesy) is WorkerState.PAUSED_BATTERY


def test_a_card_that_was_hot_cools_down_although_a_battery_came_in_between(
    courtesy: Courtesy, computer: Computer
) -> None:
    computer.now = replace(NOON, gpu_temperature_c=86)
    courtesy.look()
    assert state_of(courtesy) is WorkerState.PAUSED_HOT
    computer.now = replace(NOON, gpu_temperature_c=84, battery_percent=30)
    courtesy.look()
    assert state_of(courtesy) is WorkerState.PAUSED_BATTERY
    computer.now = replace(NOON, gpu_temperature_c=80)
    courtesy.look()
    assert state_of(courtesy) is WorkerState.PAUSED_HOT
    computer.now = replace(NOON, gpu_temperature_c=77)
    courtesy.look()
    assert state_of(courtesy) is None


def test_too_much_memory_is_remembered_although_a_battery_came_in_between(computer: Computer) -> None:
    courtesy = Courtesy(Limits(max_memory_gb=1.0), computer.note_change)
    computer.now = replace(NOON, memory_gb=1.5)
    courtesy.read_by(computer.read)
    # The pause frees what the work had taken.
    computer.now = replace(NOON, memory_gb=0.4, battery_percent=30)
    courtesy.look()
    assert state_of(courtesy) is WorkerState.PAUSED_BATTERY
    computer.now = replace(NOON, memory_gb=0.4)
    courtesy.look()
    assert state_of(courtesy) is WorkerState.PAUSED_MEMORY


def test_a_pause_with_an_end_ends_by_itself(courtesy: Courtesy) -> None:
    courtesy.pause_by_hand(datetime.now() + timedelta(minutes=15))
    assert courtesy.pause is not None
    assert courtesy.pause.detail["minutes_left"] == 15
    courtesy.pause_by_hand(datetime.now() - timedelta(seconds=1))
    assert courtesy.pause is None


def test_contribute_anyway_lasts_until_the_reason_comes_again(courtesy: Courtesy, computer: Computer) -> None:
    on_mains, on_battery = computer.now, replace(computer.now, battery_percent=30)
    computer.now = on_battery
    courtesy.look()
    courtesy.override()
    assert courtesy.pause is None
    courtesy.look()
    assert courtesy.pause is None
    computer.now = on_mains
    courtesy.look()
    computer.now = on_battery
    courtesy.look()
    assert state_of(courtesy) is WorkerState.PAUSED_BATTERY


def test_new_limits_hold_at_once(courtesy: Courtesy, computer: Computer) -> None:
    computer.now = replace(computer.now, is_metered=True)
    courtesy.look()
    assert state_of(courtesy) is WorkerState.PAUSED_METERED
    courtesy.set_limits(NO_LIMITS)
    assert courtesy.pause is None


def test_only_a_change_is_told(courtesy: Courtesy, computer: Computer) -> None:
    for percent in (30, 30, 30, 29, 90, 90):
        computer.now = replace(computer.now, battery_percent=percent)
        courtesy.look()
    # Paused, one percent less, and on again.
    assert computer.num_changes == 3


def test_new_limits_hold_for_what_was_read_and_read_nothing_themselves(
    courtesy: Courtesy, computer: Computer
) -> None:
    courtesy.look()

    def slow(limits: Limits) -> Conditions:
        raise AssertionError("The window would have to wait for this.")

    courtesy._read = slow
    courtesy.set_limits(Limits(hours=(time(20), time(22))))
    assert state_of(courtesy) is WorkerState.PAUSED_HOURS
    courtesy.override()
    assert courtesy.pause is None


def test_only_a_sleep_is_one() -> None:
    watch = SleepWatch(now=1_000.0)
    assert [watch.slept(now) for now in (1_001.0, 1_029.0, 2_229.0, 2_230.0)] == [0.0, 0.0, 1_200.0, 0.0]
