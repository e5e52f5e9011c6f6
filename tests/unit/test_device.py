"""Choosing where to compute: always with a reason, never on a card that fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from gan_desktop.errors import DeviceError
from gan_desktop.training import device
from gan_desktop.training.device import choose_device, kernel_trouble, set_threads

# PyTorch's "meta" device accepts tensors and can compute none: like a card without compiled kernels.
BROKEN = "meta"


@pytest.fixture
def threads_restored() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_cpu_passes_the_kernel_test() -> None:
    assert kernel_trouble(torch.device("cpu")) is None


def test_a_device_without_kernels_fails_the_kernel_test_with_words() -> None:
    assert kernel_trouble(torch.device(BROKEN))


@pytest.mark.parametrize("wanted", [None, "auto"])
def test_a_device_is_chosen_with_a_reason(wanted: str | None) -> None:
    chosen = choose_device(wanted)
    assert chosen.name
    assert chosen.reason.endswith(".")
    torch.ones(1, device=chosen.torch_device)


def test_a_broken_card_leaves_the_work_to_the_cpu_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "graphics_cards", lambda: ([BROKEN], ""))
    chosen = choose_device()
    assert (chosen.torch_device.type, chosen.name, chosen.vram_gb) == ("cpu", "CPU", None)
    assert "failed a small training test" in chosen.reason
    assert "CPU" in chosen.reason


def test_a_broken_card_that_was_asked_for_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "graphics_cards", lambda: ([BROKEN], ""))
    with pytest.raises(DeviceError, match="small test"):
        choose_device(BROKEN)


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="has a card")
def test_without_a_card_the_cpu_computes_and_the_reason_says_so() -> None:
    chosen = choose_device()
    assert chosen.torch_device.type == "cpu"
    assert chosen.reason.endswith("The CPU computes.")


def test_the_wanted_cpu_is_taken() -> None:
    chosen = choose_device("cpu")
    assert chosen.torch_device == torch.device("cpu")
    assert "setting" in chosen.reason


@pytest.mark.parametrize("wanted", ["cuda:99", "gpu", "", "tpu"])
def test_an_unknown_device_is_answered_with_the_known_ones(wanted: str) -> None:
    with pytest.raises(DeviceError, match=r"auto, .*cpu"):
        choose_device(wanted)


@pytest.mark.usefixtures("threads_restored")
def test_threads_are_set_as_wanted_and_at_least_one() -> None:
    assert set_threads(2) == torch.get_num_threads() == 2
    assert set_threads() == torch.get_num_threads() >= 1
