"""What this computer is, for the class's list of workers."""

from __future__ import annotations

import socket

import psutil

from gan_desktop.records import Hardware
from gan_desktop.training.device import Device


def read_hardware(device: Device) -> Hardware:
    """Read host name, cores and memory; `device` is the one that computes."""
    return Hardware(
        hostname=socket.gethostname(),
        gpu_name=None if device.torch_device.type == "cpu" else device.name,
        cpu_cores=psutil.cpu_count() or 1,
        ram_gb=round(psutil.virtual_memory().total / 2**30, 1),
        gpu_vram_gb=device.vram_gb,
    )
