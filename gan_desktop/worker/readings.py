"""How busy this computer is: processor, memory, graphics card, network. What cannot be read is named."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
import pynvml

from gan_desktop.records import Readings

if TYPE_CHECKING:
    # Importing PyTorch takes seconds that a window has not.
    from gan_desktop.training.device import Device

# Asked more often than this, the last reading is given again.
SHORTEST_INTERVAL_S = 0.5

_CARD_FIELDS = ("gpu_percent", "vram_used_gb", "vram_total_gb", "gpu_temperature_c", "gpu_power_w")
NO_DRIVER = "No NVIDIA driver was found on this computer."
NOT_TOLD = "This graphics card does not tell it."


@dataclass(frozen=True)
class Card:
    """The graphics card that is read; without one, `why_none` says why."""

    name: str = ""
    driver: str = ""
    why_none: str = ""


class HardwareReader:
    """Reads a computer's load; cheap enough to be asked every second, from any thread.

    Args:
        device: What computes; its graphics card is read. None: the first card there is.
        nvml: NVIDIA's management library, with the functions of `pynvml`.
    """

    def __init__(self, device: Device | None = None, nvml: Any = pynvml) -> None:
        self._device = device
        self._nvml = nvml
        self._lock = threading.Lock()
        self._process = psutil.Process()
        self._cpu_times = psutil.cpu_times()
        self._card: Any = None
        self._card_is_missing: str | None = None
        self._latest: Readings | None = None
        self._read_at = 0.0

    def read(self) -> Readings:
        """The computer's load now."""
        with self._lock:
            now = time.monotonic()
            if self._latest is None or now - self._read_at >= SHORTEST_INTERVAL_S:
                self._latest, self._read_at = self._read(), now
            return self._latest

    def card(self) -> Card:
        """The card and its driver's version."""
        with self._lock:
            card = self._find_card()
            if card is None:
                return Card(why_none=self._card_is_missing or NO_DRIVER)
            missing: dict[str, str] = {}
            name = self._ask(lambda: self._nvml.nvmlDeviceGetName(card), ("name",), missing)
            driver = self._ask(self._nvml.nvmlSystemGetDriverVersion, ("driver",), missing)
            return Card(name or "", driver or "")

    def _read(self) -> Readings:
        values: dict[str, Any] = {}
        missing: dict[str, str] = {}
        values["cpu_percent"] = self._cpu_percent()
        memory = psutil.virtual_memory()
        values["memory_used_gb"] = round((memory.total - memory.available) / 2**30, 2)
        values["memory_total_gb"] = round(memory.total / 2**30, 2)
        values["program_memory_gb"] = round(self._process.memory_info().rss / 2**30, 3)
        network = None
        with contextlib.suppress(OSError, RuntimeError):
            network = _network_bytes()
        if network is None:
            reason = "The system does not count what goes over the network."
            missing |= {"network_received_bytes": reason, "network_sent_bytes": reason}
        else:
            values["network_received_bytes"], values["network_sent_bytes"] = network
        self._read_card(values, missing)
        return Readings(**values, missing=missing)

    def _cpu_percent(self) -> float | None:
        """Busy share since the last reading (psutil's own counts each thread's calls apart)."""
        before, self._cpu_times = self._cpu_times, psutil.cpu_times()
        total = sum(self._cpu_times) - sum(before)
        idle = self._cpu_times.idle - before.idle
        return round(min(100.0, max(0.0, 100.0 * (1.0 - idle / total))), 1) if total > 0 else None

    # -- the graphics card ------------------------------------------------------------------------

    def _read_card(self, values: dict[str, Any], missing: dict[str, str]) -> None:
        card = self._find_card()
        if card is None:
            missing |= dict.fromkeys(_CARD_FIELDS, self._card_is_missing or NO_DRIVER)
            return
        nvml = self._nvml
        memory = self._ask(lambda: nvml.nvmlDeviceGetMemoryInfo(card), _CARD_FIELDS[1:3], missing)
        if memory is not None:
            values["vram_used_gb"] = round(memory.used / 2**30, 2)
            values["vram_total_gb"] = round(memory.total / 2**30, 2)
        questions: tuple[tuple[str, Callable[[], float]], ...] = (
            ("gpu_percent", lambda: float(nvml.nvmlDeviceGetUtilizationRates(card).gpu)),
            (
                "gpu_temperature_c",
                lambda: float(nvml.nvmlDeviceGetTemperature(card, nvml.NVML_TEMPERATURE_GPU)),
            ),
            ("gpu_power_w", lambda: nvml.nvmlDeviceGetPowerUsage(card) / 1_000),
        )
        for name, question in questions:
            values[name] = self._ask(question, (name,), missing)

    def _find_card(self) -> Any:
        """NVML's handle of the card; None with the reason kept, so that it is looked for only once."""
        if self._card is None and self._card_is_missing is None:
            kind = self._device.torch_device.type if self._device is not None else "cpu"
            if kind == "mps" or (self._device is None and sys.platform == "darwin"):
                self._card_is_missing = "macOS tells this about Apple's graphics only to an administrator."
            elif self._device is not None and self._device.is_amd:
                self._card_is_missing = "This program can read NVIDIA cards only, not AMD's."
            else:
                self._open_card()
        return self._card

    def _open_card(self) -> None:
        nvml = self._nvml
        try:
            nvml.nvmlInit()
            if self._device is not None and self._device.uuid is not None:
                self._card = nvml.nvmlDeviceGetHandleByUUID(f"GPU-{self._device.uuid}")
            else:
                self._card = nvml.nvmlDeviceGetHandleByIndex(0)
        except pynvml.NVMLError as error:
            no_driver = (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
            self._card_is_missing = (
                NO_DRIVER if error.value in no_driver else f"The NVIDIA driver says: {error}."
            )

    def _ask(self, question: Callable[[], Any], fields: tuple[str, ...], missing: dict[str, str]) -> Any:
        try:
            return question()
        except pynvml.NVMLError as error:
            not_told = error.value == pynvml.NVML_ERROR_NOT_SUPPORTED
            missing |= dict.fromkeys(fields, NOT_TOLD if not_told else f"The NVIDIA driver says: {error}.")
            return None


def _network_bytes() -> tuple[int, int] | None:
    """Received and sent over all adapters; what programs of this computer tell each other is no network."""
    adapters = psutil.net_io_counters(pernic=True)
    if not adapters:
        return None
    counts = [
        count
        for name, count in adapters.items()
        if name not in ("lo", "lo0") and not name.startswith("Loopback")
    ]
    return sum(count.bytes_recv for count in counts), sum(count.bytes_sent for count in counts)
