"""What a computer is and how it stands: its parts, its readings, its check before the first unit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Hardware:
    """What a worker tells about its computer; None: could not be read."""

    hostname: str
    gpu_name: str | None
    cpu_cores: int
    ram_gb: float
    gpu_vram_gb: float | None


@dataclass(frozen=True)
class Readings:
    """How busy a computer is at one moment; what cannot be read is None, and `missing` says why.

    Attributes:
        cpu_percent: Of all cores together, since the reading before.
        program_memory_gb: What this program itself takes.
        network_received_bytes, network_sent_bytes: Of the whole computer, since it was started.
        missing: Name of a field to a sentence for the person at the screen.
    """

    cpu_percent: float | None = None
    memory_used_gb: float | None = None
    memory_total_gb: float | None = None
    program_memory_gb: float | None = None
    gpu_percent: float | None = None
    vram_used_gb: float | None = None
    vram_total_gb: float | None = None
    gpu_temperature_c: float | None = None
    gpu_power_w: float | None = None
    network_received_bytes: int | None = None
    network_sent_bytes: int | None = None
    missing: Mapping[str, str] = field(default_factory=dict)

    def known(self) -> dict[str, float]:
        """The values that could be read."""
        values = dataclasses.asdict(self)
        del values["missing"]
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class ReadyCheck:
    """What a computer can do for a training, measured before its first unit.

    Attributes:
        device, device_reason: What computes, and why.
        num_threads: Processor threads to compute with; `thread_speeds` has images/s by their number.
        memory_free_gb, memory_total_gb: The computer's; `vram_gb` the graphics card's.
        mb_per_hour: Weights, updates and new pictures, both directions together.
    """

    device: str
    device_reason: str
    num_threads: int
    thread_speeds: Mapping[int, float]
    memory_free_gb: float
    memory_total_gb: float
    vram_gb: float | None
    images_per_second: float
    units_per_hour: float
    mb_per_hour: float
