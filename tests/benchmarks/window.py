"""How soon the student's window is there, and how late its event loop comes while the computer works.

python -m tests.benchmarks.window [--quick]
"""

from __future__ import annotations

import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from gan_desktop.database.address import Address
from gan_desktop.records import RunConfig
from tests.benchmarks.report import PAPER_FEATURE_MAPS, is_quick, print_report, tell
from tests.benchmarks.stage import class_on_stage
from tests.integration.lesson import Lesson

LONGEST_RUN_S = 900


@dataclass(frozen=True)
class Setting:
    """What is measured.

    Attributes:
        seconds: Of each situation.
        num_starts: Of a program that only opens its window.
    """

    configs: tuple[RunConfig, ...]
    num_faces: int
    seconds: float
    num_starts: int


LONG_UNITS = RunConfig(unit_seconds=30.0, first_unit_images=256, min_unit_images=256, audit_share=0.0)
FULL = Setting(
    (LONG_UNITS, replace(LONG_UNITS, image_size=64, feature_maps=PAPER_FEATURE_MAPS)), 4_000, 20.0, 7
)
QUICK = Setting((replace(LONG_UNITS, feature_maps=16, unit_seconds=5.0),), 1_000, 2.0, 2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the table."""
    setting = QUICK if is_quick(__doc__ or "", arguments) else FULL
    starts = _starts(setting.num_starts)
    rows: list[Sequence[object]] = [
        (
            "from the start to the first window, s",
            f"{statistics.median(starts):.2f}",
            "-",
            f"{max(starts):.2f}",
        )
    ]
    notes = []
    for config in setting.configs:
        network = f"{config.image_size}x{config.image_size}, {config.feature_maps} feature maps"
        tell(network)
        found = _walked_window(config, setting)
        for name, delays in found["delays"].items():
            figures = (f"{delays[key]:.1f}" for key in ("p50", "p99", "longest"))
            rows.append((f"{network}: {name}, ms", *figures))
        notes.append(
            f"Memory at {network}: {found['memory_mb']:.0f} MB after all of this, and"
            f" {found['memory_grown_mb']:+.1f} MB 10,000 batches' reports later, taken in"
            f" {found['reports_s']:.1f} s."
        )
    print_report(
        ("", "p50", "p99", "longest"),
        rows,
        f"The first line: median and longest of {len(starts)} starts, with the program in the system's cache."
        f" The others: a timer due every 5 ms for {setting.seconds:.0f} s, and how much later it came. The"
        " real program, offscreen, as many computing threads as cores; database and coordinator on the same"
        " computer, at the lowest priority.",
        *notes,
    )


def _starts(number: int) -> list[float]:
    """Seconds from the start of the program to its first paint, without the first start of all."""
    found = []
    for at in range(number + 1):
        tell(f"start {at} of {number}")
        with tempfile.TemporaryDirectory() as folder:
            found.append(float(_probed(Path(folder), 0.0, {})["first_window_s"]))
    return found[1:]


def _walked_window(config: RunConfig, setting: Setting) -> Mapping[str, Any]:
    """The real program in a real class, through all situations."""
    with class_on_stage(config, num_faces=setting.num_faces) as held:
        coordinator = held.start_coordinator()
        psutil.Process(coordinator.process.pid).nice(19)
        held.wait_until(lambda: held.iteration == 0, "the first weights")
        student = held.add_student()
        folder = held.folder / "window"
        folder.mkdir()
        (folder / "preferences.json").write_text('{"pace": "full", "max_temperature_c": 110}', "utf-8")
        found = _probed(folder, setting.seconds, _login(held, student))
        coordinator.kill()
    return found


def _login(held: Lesson, student: Address) -> Mapping[str, str]:
    return {
        "PGPASSWORD": student.password or "",
        "GAN_DESKTOP_DATABASE__HOST": student.host,
        "GAN_DESKTOP_DATABASE__PORT": str(student.port),
        "GAN_DESKTOP_DATABASE__DATABASE": student.dbname,
        "GAN_DESKTOP_DATABASE__USER": student.user,
    }


def _no_classes(folder: Path) -> Mapping[str, str]:
    """The person who measures has classes and passwords, which are not to be touched."""
    home = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"), str(folder / "home"))
    return {**home, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}


def _probed(folder: Path, seconds: float, settings: Mapping[str, str]) -> Mapping[str, Any]:
    file, config = folder / f"{secrets.token_hex(4)}.json", folder / "config.yaml"
    # Tells the program that there is one, so that none is looked for elsewhere.
    config.write_text("# empty\n", "utf-8")
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "tests.benchmarks.probed_window",
                str(file),
                str(time.time()),
                str(seconds),
            ),
            *(f"--folder={folder}", f"--config={config}", f"--threads={threads}"),
        ],
        env={"QT_QPA_PLATFORM": "offscreen", **os.environ, **_no_classes(folder), **settings},
        stdin=subprocess.DEVNULL,
        check=True,
        timeout=LONGEST_RUN_S,
    )
    found: Mapping[str, Any] = json.loads(file.read_text("utf-8"))
    return found


if __name__ == "__main__":
    main()
