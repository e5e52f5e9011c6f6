"""The person's preferences as the worker's limits."""

from __future__ import annotations

import contextlib
from datetime import time

from gan_desktop.gui.preferences import Preferences
from gan_desktop.worker.limits import BATTERY_FLOOR_PERCENT, Limits, Pace

_PACES = {"quiet": Pace.QUIET, "balanced": Pace.BALANCED, "full": Pace.FULL}


def to_limits(preferences: Preferences) -> Limits:
    """What the worker keeps to. A number out of its range (a file written by hand) is drawn into it."""
    likes = preferences
    memory, speed = likes.max_memory_gb, likes.max_mbit_s
    return Limits(
        pace=_PACES[likes.pace],
        battery_percent=min(100, max(BATTERY_FLOOR_PERCENT, likes.battery_percent)),
        only_plugged_in=likes.only_plugged_in,
        max_temperature_c=float(min(110, max(50, likes.max_temperature_c))),
        hours=_hours(likes),
        only_when_idle_s=60.0 * min(1_440, max(1, likes.idle_minutes)) if likes.only_when_idle else None,
        not_while_running=frozenset(likes.not_while_running),
        only_unmetered=likes.only_unmetered,
        max_memory_gb=None if memory is None else min(4_096.0, max(0.5, memory)),
        max_mbit_s=None if speed is None else min(100_000.0, max(0.1, speed)),
        keep_awake=likes.keep_awake,
    )


def demo_limits(preferences: Preferences) -> Limits:
    """Those of the demo, which never pauses by itself: only the pace is the person's."""
    return Limits(
        pace=_PACES[preferences.pace], battery_percent=None, max_temperature_c=None, only_unmetered=False
    )


def _hours(likes: Preferences) -> tuple[time, time] | None:
    if not likes.only_between_hours:
        return None
    with contextlib.suppress(ValueError):
        return time.fromisoformat(likes.from_time), time.fromisoformat(likes.until_time)
    return None
