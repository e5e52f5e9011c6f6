"""Is this computer ready, and what can it do? Asked before the first unit, by console and wizard alike."""

from __future__ import annotations

import psutil

from gan_desktop.records import ReadyCheck, RunConfig
from gan_desktop.training.device import Device
from gan_desktop.training.networks import tensor_shapes
from gan_desktop.training.payload import MAX_HEADER_BYTES, max_payload_bytes
from gan_desktop.training.speed import Speed, candidate_threads, measure_speed


def ready_check(
    config: RunConfig,
    device: Device,
    *,
    batch_size: int = 32,
    num_threads: int | None = None,
    num_images: int = 0,
    num_bytes: int = 0,
) -> ReadyCheck:
    """Train the run's network for some three seconds; the best number of processor threads stays set.

    Call it in the thread that will compute.

    Args:
        device: From `choose_device`.
        num_threads: What the person wants; None: the fastest of some numbers that are tried.
        num_images, num_bytes: The data set's size; 0: not known yet.

    Raises:
        DeviceError: Not even two images at once fit into the device's memory.
        RuntimeError: The device fails.
    """
    speed = measure_speed(
        config, device, batch_size=batch_size, threads=candidate_threads(device, num_threads)
    )
    memory = psutil.virtual_memory()
    units_per_hour = 3_600 * speed.images_per_second / _unit_images(config, speed)
    return ReadyCheck(
        device=device.name,
        device_reason=device.reason,
        num_threads=speed.num_threads,
        thread_speeds=speed.tried,
        memory_free_gb=round(memory.available / 2**30, 1),
        memory_total_gb=round(memory.total / 2**30, 1),
        vram_gb=device.vram_gb,
        images_per_second=speed.images_per_second,
        units_per_hour=units_per_hour,
        mb_per_hour=_mb_per_hour(config, speed, units_per_hour, num_images, num_bytes),
    )


def _unit_images(config: RunConfig, speed: Speed) -> float:
    """As the class cuts a unit for a computer of this speed."""
    wanted = speed.images_per_second * config.unit_seconds
    return min(max(wanted, config.min_unit_images), config.max_unit_images)


def _mb_per_hour(
    config: RunConfig, speed: Speed, units_per_hour: float, num_images: int, num_bytes: int
) -> float:
    shapes = tensor_shapes(config)
    largest = max_payload_bytes(shapes, config.codec_down) + max_payload_bytes(shapes, config.codec_up)
    per_unit = largest - 2 * MAX_HEADER_BYTES
    # A picture comes once: in the first hour as many as are learned from, never more than there are.
    share = min(1.0, 3_600 * speed.images_per_second / num_images) if num_images else 0.0
    return (units_per_hour * per_unit + share * num_bytes) / 1e6
