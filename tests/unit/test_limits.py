"""When a worker pauses by itself: every limit, its two ends, and what "contribute anyway" does."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest

from gan_desktop.errors import SettingsError
from gan_desktop.records import WorkerState
from gan_desktop.worker.limits import NO_LIMITS, Conditions, Decision, Limits, Pace, Pause, decide

NOON = Conditions(time_of_day=time(12))


def reason(limits: Limits, conditions: Conditions, *before: Pause) -> WorkerState | None:
    pause = decide(limits, conditions, before).pause
    return pause.state if pause else None


def on_battery(percent: float) -> Conditions:
    return replace(NOON, battery_percent=percent)


def at(temperature_c: float | None) -> Conditions:
    return replace(NOON, gpu_temperature_c=temperature_c)


def test_on_mains_and_cool_nothing_pauses_the_worker() -> None:
    assert decide(Limits(), NOON) == Decision(None)


@pytest.mark.parametrize(("percent", "pauses"), [(41, False), (40, True), (5, True)])
def test_on_battery_it_works_above_forty_percent(percent: float, pauses: bool) -> None:
    assert (reason(Limits(), on_battery(percent)) is WorkerState.PAUSED_BATTERY) == pauses


def test_only_while_plugged_in_means_any_charge() -> None:
    assert reason(Limits(only_plugged_in=True), on_battery(99)) is WorkerState.PAUSED_BATTERY


def test_contribute_anyway_holds_on_battery_until_twenty_percent() -> None:
    paused = decide(Limits(), on_battery(38))
    assert paused.pause == Pause(WorkerState.PAUSED_BATTERY, {"percent": 38}, can_override=True)
    anyway = frozenset({WorkerState.PAUSED_BATTERY})
    assert decide(Limits(), on_battery(21), (), anyway).pause is None
    low = decide(Limits(), on_battery(20), (), anyway).pause
    assert low is not None and not low.can_override


def test_contribute_anyway_ends_when_its_reason_does() -> None:
    anyway = frozenset({WorkerState.PAUSED_BATTERY})
    still = decide(Limits(), on_battery(38), (), anyway)
    assert (still.pause, still.overridden) == (None, anyway)
    plugged_in = decide(Limits(), NOON, (), still.overridden)
    assert plugged_in == Decision(None, frozenset())
    assert decide(Limits(), on_battery(38), (), plugged_in.overridden).pause is not None


def test_contribute_anyway_counts_for_its_own_reason_only() -> None:
    both = replace(on_battery(38), is_metered=True)
    decision = decide(Limits(), both, (), frozenset({WorkerState.PAUSED_BATTERY}))
    assert decision.pause is not None and decision.pause.state is WorkerState.PAUSED_METERED


@pytest.mark.parametrize(
    ("temperature_c", "was_hot", "pauses"),
    [(84.9, False, False), (85, False, True), (84, True, True), (78, True, True), (77.9, True, False)],
)
def test_heat_pauses_at_its_ceiling_and_goes_on_seven_degrees_below(
    temperature_c: float, was_hot: bool, pauses: bool
) -> None:
    before = [Pause(WorkerState.PAUSED_HOT)] if was_hot else []
    assert (reason(Limits(), at(temperature_c), *before) is WorkerState.PAUSED_HOT) == pauses


def test_nobody_can_wave_heat_through() -> None:
    pause = decide(Limits(), at(90), (), frozenset({WorkerState.PAUSED_HOT})).pause
    assert pause == Pause(
        WorkerState.PAUSED_HOT, {"temperature_c": 90, "goes_on_below_c": 78}, can_override=False
    )


def test_a_temperature_that_cannot_be_read_pauses_nobody() -> None:
    assert reason(Limits(), at(None), Pause(WorkerState.PAUSED_HOT)) is None


@pytest.mark.parametrize(
    ("hours", "now", "pauses"),
    [
        ((time(20), time(7, 30)), time(19, 59), True),
        ((time(20), time(7, 30)), time(20), False),
        ((time(20), time(7, 30)), time(3), False),
        ((time(20), time(7, 30)), time(7, 30), True),
        ((time(8), time(17)), time(12), False),
        ((time(8), time(17)), time(17), True),
        ((time(8), time(8)), time(3), False),
    ],
)
def test_hours_go_over_midnight_too(hours: tuple[time, time], now: time, pauses: bool) -> None:
    decision = decide(Limits(hours=hours), replace(NOON, time_of_day=now))
    if pauses:
        assert decision.pause == Pause(WorkerState.PAUSED_HOURS, {"until": f"{hours[0]:%H:%M}"})
    else:
        assert decision.pause is None


@pytest.mark.parametrize(("idle_s", "pauses"), [(299.0, True), (300.0, False), (None, False)])
def test_in_use_means_touched_within_the_time_asked_for(idle_s: float | None, pauses: bool) -> None:
    limits = Limits(only_when_idle_s=300)
    assert (reason(limits, replace(NOON, idle_s=idle_s)) is WorkerState.PAUSED_IN_USE) == pauses
    assert reason(Limits(), replace(NOON, idle_s=0.0)) is None


def test_a_named_program_pauses_whatever_its_case() -> None:
    running = replace(NOON, running=frozenset({"Zoom", "bash"}))
    pause = decide(Limits(not_while_running=frozenset({"zoom"})), running).pause
    assert pause == Pause(WorkerState.PAUSED_PROGRAM, {"program": "Zoom"})
    assert reason(Limits(not_while_running=frozenset({"obs"})), running) is None


def test_a_metered_connection_pauses_unless_it_is_allowed() -> None:
    metered = replace(NOON, is_metered=True)
    assert reason(Limits(), metered) is WorkerState.PAUSED_METERED
    assert reason(Limits(only_unmetered=False), metered) is None


def test_too_much_memory_stays_a_reason_while_the_pause_has_freed_it() -> None:
    limits = Limits(max_memory_gb=1.0)
    pause = decide(limits, replace(NOON, memory_gb=1.5)).pause
    assert pause == Pause(WorkerState.PAUSED_MEMORY, {"needed_gb": 1.5, "allowed_gb": 1.0})
    assert pause is not None
    freed = replace(NOON, memory_gb=0.4)
    assert decide(limits, freed, [pause]).pause == pause
    assert decide(Limits(max_memory_gb=2.0), freed, [pause]).pause is None


def test_without_limits_nothing_pauses_the_worker() -> None:
    worst = Conditions(time(3), 5.0, 99.0, 0.0, frozenset({"zoom"}), is_metered=True, memory_gb=99.0)
    assert decide(NO_LIMITS, worst) == Decision(None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"battery_percent": 10},
        {"max_temperature_c": 20.0},
        {"max_memory_gb": 0.1},
        {"max_mbit_s": 0.0},
        {"only_when_idle_s": 0.0},
    ],
)
def test_an_impossible_limit_is_named(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Limits(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("pace", "rest"), [(Pace.FULL, 0.0), (Pace.BALANCED, 1.0), (Pace.QUIET, 4.5)])
def test_the_pace_is_the_share_of_the_time_that_is_computed(pace: Pace, rest: float) -> None:
    assert pace.rest_after(3.0) == pytest.approx(rest)
