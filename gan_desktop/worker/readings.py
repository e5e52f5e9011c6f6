"""How busy this computer is: processor, memory, graphics card, network. What cannot be read is named."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
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
HIDDEN = "CUDA_VISIBLE_DEVICES hides this computer's graphics cards from the program."


@dataclass(frozen=True)
class Card:
    """The graphics card that is read; without one, `why_none` says why."""

    name: str = ""
    driver: str = ""
    why_none: str = ""


class HardwareReader:
    """Reads a computer's load; cheap enough to be asked every second, from any thread.

    Args:
        device: What computes; its graphics card is read. None: the first card that PyTorch would see.
        nvml: NVIDIA's management library, with the functions of `pynvml`.
        environment: Where CUDA_VISIBLE_DEVICES may stand.
    """

    def __init__(
        self,
        device: Device | None = None,
        nvml: Any = pynvml,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._device = device
        self._uuid = device.uuid if device is not None else None
        self._environment = environment
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

    def watch(self, uuid: str) -> None:
        """Read this card from now on: the one that turned out to compute, by NVIDIA's own name for it."""
        with self._lock:
            if uuid != self._uuid:
                self._uuid, self._card, self._card_is_missing, self._latest = uuid, None, None, None

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
            name = _full_uuid(self._uuid) if self._uuid is not None else self._listed_card()
            if name is None:
                self._card_is_missing = HIDDEN
            elif name.isdecimal():
                self._card = nvml.nvmlDeviceGetHandleByIndex(int(name))
            else:
                self._card = nvml.nvmlDeviceGetHandleByUUID(name)
        except pynvml.NVMLError as error:
            no_driver = (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
            self._card_is_missing = (
                NO_DRIVER if error.value in no_driver else f"The NVIDIA driver says: {error}."
            )

    def _listed_card(self) -> str | None:
        """Number or UUID of the card that PyTorch calls by the device's number; None: it is hidden from us.

        Where cards differ, CUDA puts the fastest first (unless CUDA_DEVICE_ORDER=PCI_BUS_ID) and NVML does
        not: a number may mean another card until the worker has said the UUID of its own.
        """
        at = (self._device.torch_device.index or 0) if self._device is not None else 0
        visible = self._environment.get("CUDA_VISIBLE_DEVICES")
        if visible is None:
            return str(at)
        names = [name.strip() for name in visible.split(",")]
        name = names[at] if at < len(names) else ""
        if name.isdecimal():
            return name
        return self._whole_uuid(name) if name.startswith(("GPU-", "MIG-")) else None

    def _whole_uuid(self, beginning: str) -> str:
        """CUDA takes the first characters of a UUID, NVML does not."""
        for number in range(self._nvml.nvmlDeviceGetCount()):
            uuid = str(self._nvml.nvmlDeviceGetUUID(self._nvml.nvmlDeviceGetHandleByIndex(number)))
            if uuid.startswith(beginning):
                return uuid
        return beginning

    def _ask(self, question: Callable[[], Any], fields: tuple[str, ...], missing: dict[str, str]) -> Any:
        try:
            return question()
        except pynvml.NVMLError as error:
            not_told = error.value == pynvml.NVML_ERROR_NOT_SUPPORTED
            missing |= dict.fromkeys(fields, NOT_TOLD if not_told else f"The NVIDIA driver says: {error}.")
            return None


def _full_uuid(uuid: str) -> str:
    """PyTorch leaves the front of a UUID out."""
    return uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}"


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
