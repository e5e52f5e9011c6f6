"""When and how hard a computer contributes: its owner's limits, and what follows from them at a moment.

Nothing here reads anything: conditions come in, a decision comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from enum import Enum
from typing import Any

from gan_desktop.errors import SettingsError
from gan_desktop.records import WorkerState

# "Contribute anyway" holds until the battery is as low as this.
BATTERY_FLOOR_PERCENT = 20
# A card that was too hot has to cool down so far below its ceiling: else it would stop every minute.
HYSTERESIS_C = 7.0


class Pace(Enum):
    """Share of the time in which batches are computed; the rest is slept between them."""

    FULL = 1.0
    BALANCED = 0.75
    QUIET = 0.4

    def rest_after(self, seconds: float) -> float:
        """Seconds to sleep after a batch that took `seconds`."""
        return seconds * (1.0 / self.value - 1.0)


@dataclass(frozen=True)
class Limits:
    """What the owner of a computer allows. None: no such limit.

    Attributes:
        battery_percent: On battery contribute ONLY above this charge.
        only_plugged_in: Contribute ONLY while plugged in.
        max_temperature_c: Contribute ONLY while the graphics card is cooler.
        hours: Contribute ONLY from the first to the second time of day (over midnight too).
        only_when_idle_s: Contribute ONLY after nobody has touched mouse or keyboard for so long.
        not_while_running: Contribute ONLY while none of these programs runs (names, in any case).
        only_unmetered: Contribute ONLY over a connection that is not paid by volume.
        max_memory_gb: Of main memory, and of the graphics card's, the program takes at most so much.
        max_mbit_s: Transfers take at most so much of the connection.
        keep_awake: While contributing and plugged in, the computer does not go to sleep.
    """

    pace: Pace = Pace.FULL
    battery_percent: int | None = 40
    only_plugged_in: bool = False
    max_temperature_c: float | None = 85.0
    hours: tuple[time, time] | None = None
    only_when_idle_s: float | None = None
    not_while_running: frozenset[str] = frozenset()
    only_unmetered: bool = True
    max_memory_gb: float | None = None
    max_mbit_s: float | None = None
    keep_awake: bool = False

    def __post_init__(self) -> None:
        for name, lowest, highest in (
            ("battery_percent", BATTERY_FLOOR_PERCENT, 100),
            ("max_temperature_c", 50, 110),
            ("only_when_idle_s", 1, 86_400),
            ("max_memory_gb", 0.5, 4_096),
            ("max_mbit_s", 0.1, 100_000),
        ):
            value = getattr(self, name)
            if value is not None and not lowest <= value <= highest:
                raise SettingsError(f"{name} is {value}. Write a number from {lowest} to {highest}.")


# Of the demo, and of who says so: the worker never pauses by itself.
NO_LIMITS = Limits(battery_percent=None, max_temperature_c=None, only_unmetered=False)


@dataclass(frozen=True)
class Conditions:
    """How a computer is at a moment. What nobody could find out stands at its harmless value.

    Attributes:
        battery_percent: The charge while on battery; None: on mains, or there is none.
        gpu_temperature_c: Of the card that computes; None: the processor does, or it cannot be read.
        idle_s: Since mouse or keyboard were touched; None: cannot be read, which counts as not in use.
        running: Those of `Limits.not_while_running` that run.
        memory_gb: What this program takes.
    """

    time_of_day: time
    battery_percent: float | None = None
    gpu_temperature_c: float | None = None
    idle_s: float | None = None
    running: frozenset[str] = frozenset()
    is_metered: bool = False
    memory_gb: float | None = None


@dataclass(frozen=True)
class Pause:
    """Why the worker rests: `detail` fills the sentence, `can_override` offers "contribute anyway"."""

    state: WorkerState
    detail: Mapping[str, Any] = field(default_factory=dict)
    can_override: bool = True


@dataclass(frozen=True)
class Decision:
    """Whether to pause.

    Attributes:
        overridden: The reasons that hold, but that the person has waved through.
        reasons: All that hold; `pause` is the first one that counts.
    """

    pause: Pause | None
    overridden: frozenset[WorkerState] = frozenset()
    reasons: tuple[Pause, ...] = ()


def decide(
    limits: Limits,
    conditions: Conditions,
    before: Sequence[Pause] = (),
    overridden: frozenset[WorkerState] = frozenset(),
) -> Decision:
    """Decide whether the worker has to pause.

    Args:
        before: The reasons of the pause until now, without one none: some begin at another value than they
            end at, whichever of them was the one that is told.
        overridden: Reasons that are not to count until they have ceased once.
    """
    known = {pause.state: pause for pause in before}
    found = tuple(
        pause
        for state, rule in _RULES.items()
        if (pause := rule(limits, conditions, known.get(state))) is not None
    )
    still = overridden & {pause.state for pause in found}
    holding = (pause for pause in found if not (pause.can_override and pause.state in still))
    return Decision(next(holding, None), still, found)


def _battery(limits: Limits, now: Conditions, before: Pause | None) -> Pause | None:
    charge = now.battery_percent
    if charge is None:
        return None
    if limits.only_plugged_in or (limits.battery_percent is not None and charge <= limits.battery_percent):
        percent = round(charge)
        return Pause(
            WorkerState.PAUSED_BATTERY,
            {"percent": percent},
            can_override=charge > BATTERY_FLOOR_PERCENT,
        )
    return None


def _heat(limits: Limits, now: Conditions, before: Pause | None) -> Pause | None:
    ceiling, temperature = limits.max_temperature_c, now.gpu_temperature_c
    if ceiling is None or temperature is None:
        return None
    goal = ceiling - HYSTERESIS_C
    if temperature < (ceiling if before is None else goal):
        return None
    detail = {"temperature_c": round(temperature), "goes_on_below_c": round(goal)}
    return Pause(WorkerState.PAUSED_HOT, detail, can_override=False)


def _hours(limits: Limits, now: Conditions, before: Pause | None) -> Pause | None:
    if limits.hours is None:
        return None
    first, last = limits.hours
    if first <= last:
        is_inside = first <= now.time_of_day < last or first == last
    else:
        is_inside = now.time_of_day >= first or now.time_of_day < last
    return None if is_inside else Pause(WorkerState.PAUSED_HOURS, {"until": f"{first:%H:%M}"})


def _in_use(limits: Limits, now: Conditions, before: Pause | None) -> Pause | None:
    wanted = limits.only_when_idle_s
    if wanted is None or now.idle_s is None or now.idle_s >= wanted:
        return None
    return Pause(WorkerState.PAUSED_IN_USE)


def _programs(limits: Limits, now: Conditions, before: Pause | None) -> Pause | None:
    named = {name.casefold() for name in limits.not_while_running}
    running = sorted(name for name in now.running if name.casefold() in named)
    return Pause(WorkerState.PAUSED_PROGRAM, {"program": running[0]}) if running else None


def _metered(limits: Limits, now: Conditions, before: Pause | None) -> Pause | None:
    return Pause(WorkerState.PAUSED_METERED) if limits.only_unmetered and now.is_metered else None


def _memory(limits: Limits, now: Conditions, before: Pause | None) -> Pause | None:
    if limits.max_memory_gb is None:
        return None
    needed = now.memory_gb or 0.0
    # A pause frees memory, which work would take again: what was once needed is remembered.
    if before is not None:
        needed = max(needed, before.detail["needed_gb"])
    if needed <= limits.max_memory_gb:
        return None
    return Pause(WorkerState.PAUSED_MEMORY, {"needed_gb": needed, "allowed_gb": limits.max_memory_gb})


# Each is told its own reason from before. Of several that hold the first one is told.
_RULES: Mapping[WorkerState, Callable[[Limits, Conditions, Pause | None], Pause | None]] = {
    WorkerState.PAUSED_BATTERY: _battery,
    WorkerState.PAUSED_HOT: _heat,
    WorkerState.PAUSED_HOURS: _hours,
    WorkerState.PAUSED_IN_USE: _in_use,
    WorkerState.PAUSED_PROGRAM: _programs,
    WorkerState.PAUSED_METERED: _metered,
    WorkerState.PAUSED_MEMORY: _memory,
}
