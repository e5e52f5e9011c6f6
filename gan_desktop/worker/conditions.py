"""How this computer is right now: what the owner's limits look at, and nothing that they do not."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Generic, TypeVar

import psutil

from gan_desktop.worker.foreign import ask
from gan_desktop.worker.idle import idle_seconds
from gan_desktop.worker.limits import Conditions, Limits
from gan_desktop.worker.readings import HardwareReader

T = TypeVar("T")

# What costs other programs or a walk through all processes is asked only so often.
PROGRAMS_EVERY_S = 5.0
IDLE_EVERY_S = 2.0
METERED_EVERY_S = 60.0

# NetworkManager's NMMetered: 1 yes, 3 a guess that it is (a phone's hotspot); 2 and 4 no; 0 unknown.
_NETWORK_MANAGER = (
    "busctl",
    "get-property",
    "org.freedesktop.NetworkManager",
    "/org/freedesktop/NetworkManager",
    "org.freedesktop.NetworkManager",
    "Metered",
)
# NetworkCostType of the connection in use: 0 unknown, 1 unrestricted, 2 fixed, 3 variable.
_WINDOWS_COST = (
    "powershell",
    "-NoProfile",
    "-NonInteractive",
    "-Command",
    "[int][Windows.Networking.Connectivity.NetworkInformation,Windows,ContentType=WindowsRuntime]"
    "::GetInternetConnectionProfile().GetConnectionCost().NetworkCostType",
)


class ComputerConditions:
    """Reads a computer's conditions; may be called from any thread, each second.

    Args:
        reader: Of the device that computes.
        on_card: Whether that is a graphics card: of another one the heat says nothing.
    """

    def __init__(self, reader: HardwareReader, *, on_card: bool) -> None:
        self._reader = reader
        self._on_card = on_card
        self._programs = _Remembered(_running_programs, PROGRAMS_EVERY_S)
        self._idle = _Remembered(idle_seconds, IDLE_EVERY_S)
        self._metered = _Remembered(is_metered, METERED_EVERY_S)

    def __call__(self, limits: Limits) -> Conditions:
        """The conditions that `limits` ask for; everything else at its harmless value."""
        readings = self._reader.read()
        return Conditions(
            time_of_day=datetime.now().time(),
            battery_percent=_charge_on_battery(),
            gpu_temperature_c=readings.gpu_temperature_c if self._on_card else None,
            idle_s=None if limits.only_when_idle_s is None else self._idle(),
            running=self._programs() if limits.not_while_running else frozenset(),
            is_metered=limits.only_unmetered and self._metered(),
            memory_gb=readings.program_memory_gb,
        )


class _Remembered(Generic[T]):
    """An answer that holds for some seconds."""

    def __init__(self, ask: Callable[[], T], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._lock = threading.Lock()
        self._answer: tuple[float, T] | None = None

    def __call__(self) -> T:
        with self._lock:
            now = time.monotonic()
            if self._answer is None or now - self._answer[0] >= self._seconds:
                self._answer = now, self._ask()
            return self._answer[1]


def is_on_mains() -> bool:
    """Whether the computer is plugged in; one that cannot tell counts as such."""
    return _charge_on_battery() is None


def is_metered() -> bool:
    """Whether the connection is paid by volume, as far as the system knows."""
    return metered() is True


def metered() -> bool | None:
    """Whether the connection is paid by volume; None: the system does not tell (macOS never does)."""
    if sys.platform == "linux":
        answer = (ask(_NETWORK_MANAGER) or "").strip()
        return {"u 1": True, "u 2": False, "u 3": True, "u 4": False}.get(answer)
    if sys.platform == "win32":
        answer = (ask(_WINDOWS_COST) or "").strip()
        return {"1": False, "2": True, "3": True}.get(answer)
    return None


def _charge_on_battery() -> float | None:
    try:
        battery = psutil.sensors_battery()
    except (OSError, RuntimeError, ValueError, AttributeError):  # as drivers are
        return None
    # `power_plugged` is None where nobody knows: that counts as mains.
    return float(battery.percent) if battery is not None and battery.power_plugged is False else None


def _running_programs() -> frozenset[str]:
    """Names of all running programs, with and without Windows's ".exe"."""
    names = {process.info["name"] or "" for process in psutil.process_iter(["name"])}
    return frozenset(names | {name[:-4] for name in names if name.lower().endswith(".exe")})
