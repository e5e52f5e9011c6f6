"""Which processor computes, and why: the graphics card if it really works, else the CPU."""

from __future__ import annotations

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
    """The chosen processor. `name` is the card's own, or "CPU"; `reason` a sentence for the student."""

    torch_device: torch.device
    name: str
    reason: str
    vram_gb: float | None = None


def choose_device(wanted: str | None = None) -> Device:
    """Choose where to compute: what is wanted, else the first graphics card that works, else the CPU.

    Args:
        wanted: `cpu`, `cuda`, `cuda:1`, `mps` ...; None or `auto` leaves the choice to the program.

    Raises:
        DeviceError: The wanted device is not here or fails; the message names those that are.
    """
    cards, absence = _graphics_cards()
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
    num_threads = wanted or max(1, _num_cores() - 1)
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


def _graphics_cards() -> tuple[list[str], str]:
    """Names of the cards PyTorch sees, and a sentence for when there is none."""
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
        return Device(device, properties.name, reason, round(properties.total_memory / 2**30, 1))
    return Device(device, "Apple GPU" if device.type == "mps" else "CPU", reason)


def _num_cores() -> int:
    # Containers and lab computers often allow a process fewer cores than the computer has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
