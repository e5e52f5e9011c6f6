from __future__ import annotations

from pathlib import Path

from gan_desktop.console import CoordinatorConsole, WorkerConsole
from gan_desktop.records import (
    CheckFigures,
    Hardware,
    Joined,
    SampleDrawn,
    ShardRange,
    StateChanged,
    UnitComputed,
    UnitDelivered,
    UnitDropped,
    UnitResult,
    UnitStarted,
    WorkerState,
    WorkUnit,
)

RESULT = UnitResult(320, 10, 2.345, 1.234, 0.85, 0.8, CheckFigures(1, 1, 1, 1, 16), 20.0)


def unit(number: int) -> WorkUnit:
    return WorkUnit(number, 1, 5, 0, 1, (ShardRange(1, 0, 0, 320),), 320, "token", 60.0, 60.0)


def delivered(number: int, total: int) -> UnitDelivered:
    return UnitDelivered(unit(number), RESULT, 21.4, 1000, total, total * 320)


def joined(hardware: Hardware) -> Joined:
    return Joined("abc123", "Alice", hardware, "It passed a test.", 32, 202599)


def console() -> tuple[WorkerConsole, list[str]]:
    blocks: list[str] = []
    return WorkerConsole(blocks.append), blocks


def test_start_and_unit_read_as_in_the_student_guide() -> None:
    shown, blocks = console()
    shown.report(joined(Hardware("host", "NVIDIA GeForce RTX 3080", 8, 16.0, 10.0)))
    shown.report(UnitStarted(unit(42)))
    shown.report(UnitComputed(unit(42), RESULT))
    shown.report(delivered(42, 12))
    assert "\n".join(blocks).splitlines() == [
        "Loaded dataset with 202599 images",
        "Worker abc123 initialized successfully!",
        "Name: Alice",
        "GPU: NVIDIA GeForce RTX 3080",
        "Batch size: 32",
        "CPU cores: 8",
        "RAM: 16.0 GB",
        "GPU VRAM: 10.0 GB",
        "Dataset size: 202599",
        "Device: It passed a test.",
        "Waiting for work units...",
        "",
        "Processing work unit 42 (iteration 5)",
        "Number of images: 320",
        "Completed 10 batches (320 images)",
        "G_loss: 2.345 | D_loss: 1.234 | D_real: 85.00% | D_fake: 80.00%",
        "Extracting gradients...",
        "Uploading gradients...",
        "Work unit 42 completed successfully!",
        "Units: 12 | Images: 3840 | Time: 21.4 s",
    ]


def test_without_a_graphics_card_the_gpu_is_called_cpu_and_has_no_memory_line() -> None:
    shown, blocks = console()
    shown.report(joined(Hardware("host", None, 8, 16.0, None)))
    assert "GPU: CPU" in blocks[0]
    assert "VRAM" not in blocks[0]


def test_a_delivery_that_overlaps_the_next_unit_is_one_block() -> None:
    shown, blocks = console()
    shown.report(UnitStarted(unit(42)))
    shown.report(UnitComputed(unit(42), RESULT))
    shown.report(UnitStarted(unit(43)))
    shown.report(delivered(42, 1))
    assert blocks[-1].splitlines()[2] == "Work unit 42 completed successfully!"
    assert len(blocks[-1].splitlines()) == 4


def test_the_coordinator_saves_the_faces_and_goes_on_where_it_cannot(tmp_path: Path) -> None:
    lines: list[str] = []
    CoordinatorConsole(lines.append, tmp_path / "faces").report(SampleDrawn(7, b"png"))
    assert (tmp_path / "faces" / "newest.png").read_bytes() == b"png"
    assert (tmp_path / "faces" / "iteration-0007.png").exists() and not lines
    (tmp_path / "file").write_text("in the way")
    CoordinatorConsole(lines.append, tmp_path / "file").report(SampleDrawn(8, b"png"))
    assert "could not be saved" in lines[0]


def test_waiting_is_told_once_and_again_after_the_next_unit() -> None:
    shown, blocks = console()
    paused = StateChanged(WorkerState.WAITING_PAUSED)
    shown.report(paused)
    shown.report(paused)
    shown.report(UnitStarted(unit(1)))
    shown.report(paused)
    assert [block for block in blocks if "paused the training" in block] == [blocks[0]] * 2


def test_the_first_ctrl_c_names_the_unit_and_the_time_left() -> None:
    shown, blocks = console()
    shown.say_stopping()
    shown.report(UnitStarted(unit(42)))
    shown.say_stopping()
    shown.report(StateChanged(WorkerState.COMPUTING, {"seconds_left": 130}))
    shown.say_stopping()
    again = "Press Ctrl+C again to hand in what is done and stop now."
    assert [blocks[0], *blocks[2:]] == [
        "Stopping.",
        f"Finishing work unit 42 (measuring the time left). {again}",
        f"Finishing work unit 42 (about 2 min). {again}",
    ]


def test_a_unit_that_was_dropped_is_not_finished_any_more() -> None:
    shown, blocks = console()
    shown.report(UnitStarted(unit(42)))
    shown.report(UnitDropped(42, "The unit went to another computer."))
    shown.say_stopping()
    assert blocks[-2:] == ["Work unit 42: The unit went to another computer.", "Stopping."]
