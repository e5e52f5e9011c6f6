"""How long a computer takes from the start of the program to the first trained image.

python -m tests.benchmarks.start [--quick]
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gan_desktop.database.address import Address
from gan_desktop.records import RunConfig
from tests.benchmarks import timed_start
from tests.benchmarks.report import PAPER_FEATURE_MAPS, is_quick, print_report, tell
from tests.benchmarks.stage import class_on_stage
from tests.integration.lesson import Lesson

STEPS = (
    (timed_start.IMPORTED, "Python and the program's own modules"),
    (timed_start.CONNECTED, "first look at the class"),
    (timed_start.PYTORCH, "import of PyTorch"),
    (timed_start.REGISTERED, "device chosen, joined"),
    (timed_start.READY, "network built: ready"),
    (timed_start.CLAIMED, "claim"),
    (timed_start.SHARD, "shard fetched"),
    (timed_start.WEIGHTS, "weights fetched"),
    (timed_start.STARTED, "weights decoded, pictures decoded"),
    (timed_start.TRAINED, "check figures and first step"),
)
LONGEST_RUN_S = 300
# When each step was over: seconds since the start, and of processor time.
Moments = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Setting:
    config: RunConfig
    num_faces: int
    num_starts: int


SMALL_UNITS = RunConfig(first_unit_images=64, min_unit_images=64, max_unit_images=64, audit_share=0.0)
FULL = Setting(replace(SMALL_UNITS, image_size=64, feature_maps=PAPER_FEATURE_MAPS), 1_200, 5)
QUICK = Setting(replace(SMALL_UNITS, feature_maps=8), 200, 1)


def main(arguments: Sequence[str] | None = None) -> None:
    setting = QUICK if is_quick(__doc__ or "", arguments) else FULL
    warm: list[Moments] = []
    cold: list[Moments] = []
    with class_on_stage(setting.config, num_faces=setting.num_faces) as held:
        held.start_coordinator()
        held.wait_until(lambda: held.iteration == 0, "the first weights")
        student, folder = held.add_student(), held.folder / "worker"
        _start_once(held, student, folder)  # joins, and fills the system's own caches
        for number in range(setting.num_starts):
            tell(f"start {number + 1} of {setting.num_starts}")
            warm.append(_start_once(held, student, folder))
            shutil.rmtree(folder / "shards")
            cold.append(_start_once(held, student, folder))
    print_report(
        ("", "with pictures here", "processor", "over at", "without pictures", "processor", "over at"),
        [row + other[1:] for row, other in zip(_rows(warm), _rows(cold), strict=True)],
        f"Seconds, medians of {setting.num_starts} starts each, by turns. `gan-desktop --no-gui`, on a"
        " computer that has joined before; one computing thread; database and coordinator on the same one;"
        f" {setting.config.image_size}x{setting.config.image_size} pixels, {setting.config.feature_maps}"
        " feature maps.",
    )


def _rows(starts: Sequence[Moments]) -> list[tuple[str, ...]]:
    """(step, what it took, of it processor time, when it was over); what did not happen is left empty."""
    rows: list[tuple[str, ...]] = []
    before = processor_before = 0.0
    for name, words in STEPS:
        if not all(name in start for start in starts):
            rows.append((words, "-", "-", "-"))
            continue
        over, processor = (statistics.median(start[name][part] for start in starts) for part in (0, 1))
        took, used = over - before, processor - processor_before
        rows.append((words, f"{took:.2f}", f"{used:.2f}", f"{over:.2f}"))
        before, processor_before = over, processor
    return rows


def _start_once(held: Lesson, student: Address, folder: Path) -> Moments:
    """Start the program for one small unit; when each step was over."""
    file = held.folder / f"{secrets.token_hex(4)}.json"
    options = ["--no-gui", f"--config={held.folder / 'config.yaml'}", f"--folder={folder}"]
    settings = {
        "PGPASSWORD": student.password or "",
        "GAN_DESKTOP_DATABASE__HOST": student.host,
        "GAN_DESKTOP_DATABASE__PORT": str(student.port),
        "GAN_DESKTOP_DATABASE__DATABASE": student.dbname,
        "GAN_DESKTOP_DATABASE__USER": student.user,
    }
    program = [sys.executable, "-m", "tests.benchmarks.timed_start", str(file), str(time.time())]
    subprocess.run(
        [*program, *options, "--threads=1", "--max-units=1"],
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=LONGEST_RUN_S,
    )
    moments: Moments = json.loads(file.read_text("utf-8"))
    return moments


if __name__ == "__main__":
    main()
