"""What this computer can tell of itself: a limit that nobody can check has to say so beside its switch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ComputerFacts:
    """What can be known here.

    Attributes:
        why_no_temperature: Why the graphics card's heat cannot be read; empty: it can.
    """

    has_battery: bool
    tells_use: bool
    tells_metered: bool
    why_no_temperature: str
    memory_gb: float


def read_computer_facts() -> ComputerFacts:
    """Look at this computer. Not for the window's thread: it imports PyTorch and asks other programs."""
    import psutil

    from gan_desktop.worker.conditions import metered
    from gan_desktop.worker.idle import idle_seconds
    from gan_desktop.worker.readings import HardwareReader

    readings = HardwareReader().read()
    try:
        battery = psutil.sensors_battery()
    except (OSError, RuntimeError, ValueError, AttributeError):  # as drivers are
        battery = None
    return ComputerFacts(
        has_battery=battery is not None,
        tells_use=idle_seconds() is not None,
        tells_metered=metered() is not None,
        why_no_temperature=readings.missing.get("gpu_temperature_c", ""),
        memory_gb=readings.memory_total_gb or 0.0,
    )
