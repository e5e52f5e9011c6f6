"""How busy the computer is: what is read, and what stands there where it cannot be."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest
import torch

from gan_desktop.records import Readings
from gan_desktop.training.device import Device
from gan_desktop.worker.readings import NO_DRIVER, NOT_TOLD, HardwareReader

CARD_FIELDS = {"gpu_percent", "vram_used_gb", "vram_total_gb", "gpu_temperature_c", "gpu_power_w"}
CARD = Device(torch.device("cuda:0"), "a card", "", vram_gb=10.0, uuid="1234")


def library(**answers: Any) -> SimpleNamespace:
    """NVIDIA's management library as it answers where it is installed; an answer may be an error."""
    given = {
        "nvmlInit": None,
        "nvmlDeviceGetHandleByUUID": "the handle",
        "nvmlDeviceGetMemoryInfo": SimpleNamespace(used=3 * 2**30, total=10 * 2**30),
        "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=97, memory=40),
        "nvmlDeviceGetTemperature": 71,
        "nvmlDeviceGetPowerUsage": 215_400,
        **answers,
    }

    def answering(answer: Any) -> Any:
        def ask(*_: object) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask

    functions = {name: answering(answer) for name, answer in given.items()}
    return SimpleNamespace(NVML_TEMPERATURE_GPU=0, **functions)


def test_this_computer_is_read() -> None:
    readings = HardwareReader().read()
    assert readings.memory_total_gb is not None and readings.memory_used_gb is not None
    assert 0 < readings.memory_used_gb < readings.memory_total_gb
    assert readings.program_memory_gb is not None
    assert 0 < readings.program_memory_gb < readings.memory_total_gb


def test_every_value_is_there_or_its_absence_has_a_reason() -> None:
    readings = HardwareReader().read()
    values = {name for name in Readings.__dataclass_fields__ if name != "missing"} - {"cpu_percent"}
    absent = {name for name in values if getattr(readings, name) is None}
    assert absent == set(readings.missing)
    assert all(reason.endswith(".") for reason in readings.missing.values())
    assert not set(readings.known()) & absent


def test_without_a_driver_every_value_of_the_card_says_so() -> None:
    missing = pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
    readings = HardwareReader(CARD, library(nvmlInit=missing)).read()
    assert {name: readings.missing[name] for name in CARD_FIELDS} == dict.fromkeys(CARD_FIELDS, NO_DRIVER)


def test_a_card_is_read_by_its_own_name_for_it() -> None:
    readings = HardwareReader(CARD, library()).read()
    assert (readings.gpu_percent, readings.gpu_temperature_c, readings.gpu_power_w) == (97, 71, 215.4)
    assert (readings.vram_used_gb, readings.vram_total_gb) == (3.0, 10.0)
    assert not set(readings.missing) & CARD_FIELDS


# Two cards, as NVIDIA's library numbers them.
CARDS = ("GPU-aaaa-1111", "GPU-bbbb-2222")


def two_cards() -> SimpleNamespace:
    """A library whose handles are the cards' UUIDs."""
    found = library()
    found.nvmlDeviceGetCount = lambda: len(CARDS)
    found.nvmlDeviceGetHandleByIndex = lambda number: CARDS[number]
    found.nvmlDeviceGetHandleByUUID = lambda uuid: uuid if uuid in CARDS else None
    found.nvmlDeviceGetUUID = lambda handle: handle
    found.nvmlDeviceGetName = lambda handle: handle
    found.nvmlSystemGetDriverVersion = lambda: "570"
    return found


@pytest.mark.parametrize(
    ("visible", "device", "card"),
    [
        (None, None, CARDS[0]),
        ("1", None, CARDS[1]),
        ("1,0", None, CARDS[1]),
        ("1,0", Device(torch.device("cuda:1"), "", ""), CARDS[0]),
        (None, Device(torch.device("cuda:1"), "", ""), CARDS[1]),
        ("GPU-bbbb", None, CARDS[1]),
        ("0", Device(torch.device("cuda:0"), "", "", uuid="bbbb-2222"), CARDS[1]),
    ],
)
def test_of_several_cards_the_one_that_computes_is_read(
    visible: str | None, device: Device | None, card: str
) -> None:
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert HardwareReader(device, two_cards(), environment).card().name == card


@pytest.mark.parametrize("visible", ["", "-1", "NoDevFiles"])
def test_cards_that_are_hidden_from_the_program_are_said_to_be(visible: str) -> None:
    reader = HardwareReader(None, two_cards(), {"CUDA_VISIBLE_DEVICES": visible})
    assert "CUDA_VISIBLE_DEVICES" in reader.card().why_none
    assert "CUDA_VISIBLE_DEVICES" in reader.read().missing["gpu_temperature_c"]


def test_the_card_that_turns_out_to_compute_is_read_from_then_on() -> None:
    reader = HardwareReader(None, two_cards(), {})
    assert reader.card().name == CARDS[0]
    reader.watch("bbbb-2222")
    assert reader.card().name == CARDS[1]


def test_a_value_that_this_card_does_not_tell_is_named_and_the_others_are_there() -> None:
    not_told = pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
    readings = HardwareReader(CARD, library(nvmlDeviceGetPowerUsage=not_told)).read()
    assert readings.gpu_power_w is None and readings.gpu_temperature_c == 71
    assert readings.missing == {"gpu_power_w": NOT_TOLD}


def test_apples_card_is_named_as_one_that_cannot_be_read() -> None:
    readings = HardwareReader(Device(torch.device("mps"), "Apple GPU", ""), library()).read()
    assert "administrator" in readings.missing["gpu_temperature_c"]


def test_amds_card_is_named_as_one_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "hip", "6.0")
    readings = HardwareReader(CARD, library()).read()
    assert "AMD" in readings.missing["gpu_temperature_c"]


def test_many_threads_read_at_once() -> None:
    reader = HardwareReader()
    read: list[Readings] = []
    threads = [threading.Thread(target=lambda: read.append(reader.read())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read) == 8
    assert len(set(map(id, read))) == 1
