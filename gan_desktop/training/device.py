"""Which processor computes, and why: the graphics card if it really works, else the CPU."""

from __future__ import annotations

import contextlib
import math
import os
import platform
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from gan_desktop.errors import DeviceError


@dataclass(frozen=True)
class Device:
    """The chosen processor.

    Attributes:
        name: The card's own, or "CPU".
        reason: Why this one, in a sentence for the student.
        uuid: By which NVIDIA's driver knows the card, whatever the order that PyTorch lists cards in.
    """

    torch_device: torch.device
    name: str
    reason: str
    vram_gb: float | None = None
    uuid: str | None = None

    @property
    def is_card(self) -> bool:
        """Whether a graphics card computes."""
        return self.torch_device.type != "cpu"

    @property
    def is_amd(self) -> bool:
        """Whether PyTorch drives the card by AMD's libraries; it calls the device cuda all the same."""
        return self.torch_device.type == "cuda" and torch.version.hip is not None


def choose_device(wanted: str | None = None) -> Device:
    """Choose where to compute: what is wanted, else the first graphics card that works, else the CPU.

    Args:
        wanted: `cpu`, `cuda`, `cuda:1`, `mps` ...; None or `auto` leaves the choice to the program.

    Raises:
        DeviceError: The wanted device is not here or fails; the message names those that are.
    """
    cards, absence = graphics_cards()
    if wanted in (None, "auto"):
        return _first_working(cards, absence)
    name = "cuda:0" if wanted == "cuda" else wanted
    if name not in (*cards, "cpu"):
        here = ", ".join((*cards, "cpu"))
        raise DeviceError(
            f"There is no device {wanted!r} on this computer. {absence} Choose one of: auto, {here}."
        )
    if trouble := kernel_trouble(torch.device(name)):
        raise DeviceError(f"The device {wanted} fails in a small test: {trouble}. Choose auto or cpu.")
    return _describe(name, f"Chosen by the device setting ({wanted}).")


def set_threads(wanted: int | None = None) -> int:
    """Set and return the CPU threads of PyTorch; by default one core stays free for the person.

    Call it in the thread that computes: the setting does not reach threads that already run.
    """
    num_threads = wanted or max(1, num_cores() - 1)
    torch.set_num_threads(num_threads)
    return num_threads


def kernel_trouble(device: torch.device) -> str | None:
    """Train a tiny network for one step there; return what went wrong, or None if all went well.

    Only real kernels tell: PyTorch lists cards that it has no compiled code for as available.
    """
    try:
        network = nn.Sequential(
            nn.ConvTranspose2d(2, 4, 4, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 1, 4)
        ).to(device)
        loss = network(torch.ones(2, 2, 1, 1, device=device)).square().mean()
        loss.backward()
        total = sum(float(p.grad.sum()) for p in network.parameters() if p.grad is not None)
    # PyTorch builds without CUDA complain by an AssertionError.
    except (RuntimeError, AssertionError) as error:
        return str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
    return None if math.isfinite(total) else "it computes numbers that are not finite"


def graphics_cards() -> tuple[list[str], str]:
    """The devices of the cards that PyTorch sees (`cuda:0`, `mps`), and a sentence for when there is none."""
    # An old driver is told as a warning only; the student has to read it as the reason.
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        num_cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if num_cuda:
        return [f"cuda:{index}" for index in range(num_cuda)], ""
    if torch.backends.mps.is_available():
        return ["mps"], ""
    if told:
        return [], f"The graphics card cannot be used: {str(told[0].message).partition('(')[0].strip()}"
    if torch.version.cuda is None and torch.version.hip is None and platform.system() != "Darwin":
        return [], "This PyTorch is a build for the CPU only."
    return [], "No graphics card that PyTorch can use was found."


def _first_working(cards: Sequence[str], absence: str) -> Device:
    reason = absence
    for card in cards:
        trouble = kernel_trouble(torch.device(card))
        if trouble is None:
            return _describe(card, "The graphics card passed a small training test.")
        reason = f"The graphics card {card} failed a small training test: {trouble}."
    return _describe("cpu", f"{reason} The CPU computes.")


def _describe(name: str, reason: str) -> Device:
    device = torch.device(name)
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        vram_gb = round(properties.total_memory / 2**30, 1)
        uuid = getattr(properties, "uuid", None)  # PyTorch before 2.5 does not tell
        return Device(device, properties.name, reason, vram_gb, None if uuid is None else str(uuid))
    return Device(device, "Apple GPU" if device.type == "mps" else "CPU", reason)


def release_memory(device: torch.device) -> None:
    """Give the card's memory that PyTorch keeps for later back to the other programs."""
    # A card that broke down cannot even do that, and needs not.
    with contextlib.suppress(RuntimeError):
        if device.type == "cuda":
            torch.cuda.empty_cache()
        elif device.type == "mps":
            torch.mps.empty_cache()


def limit_memory(device: torch.device, gigabytes: float | None) -> None:
    """Let PyTorch take at most so much of a CUDA card's memory; None: all of it.

    What needs more runs out of memory, and the trainer takes smaller micro-batches.
    """
    if device.type == "cuda":
        total = torch.cuda.get_device_properties(device).total_memory
        share = 1.0 if gigabytes is None else min(1.0, gigabytes * 2**30 / total)
        torch.cuda.set_per_process_memory_fraction(share, device)


def num_cores() -> int:
    """Processor cores that this process may use."""
    # Containers and lab computers often allow a process fewer cores than the computer has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
