"""The demo as a person meets it: what it shows, what it leaves, how it ends."""

from __future__ import annotations

import csv
import io
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from gan_desktop.demo import Clock
from gan_desktop.training.faces import draw_face
from tests.integration.console import (
    Answer,
    finish,
    gan_desktop,
    processes_of,
    read_until,
    require_nothing_left,
    start,
)
from tests.integration.test_embedded import needs_root

NUM_PICTURES = 80
# The grid of 8 x 8 faces of 32 pixels, enlarged to be looked at.
GRID_EDGE = 3 * 274
ROOT = Path(__file__).parents[2]


def jpeg(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(draw_face(number, 40)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def photographs(module_folder: Path) -> Path:
    """A folder as people have them: pictures, some of them damaged, and other things."""
    folder = module_folder / "photographs"
    folder.mkdir()
    for number in range(NUM_PICTURES):
        (folder / f"{number:03d}.jpg").write_bytes(jpeg(number))
    (folder / "cut off.jpg").write_bytes(jpeg(0)[:500])
    (folder / "no picture.png").write_text("these are words")
    (folder / "notes.txt").write_text("not even called a picture")
    return folder


@pytest.fixture
def temporary(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, which must be empty again after every demo."""
    folder = open_folder / "temporary"
    folder.mkdir()
    folder.chmod(0o1777)
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def demo(*arguments: object) -> Answer:
    return gan_desktop("--demo", "--no-gui", *arguments)


def faces_in(output: Path) -> list[str]:
    return sorted(path.name for path in output.glob("iteration-*.png"))


def ordinary_user(home: Path) -> dict[str, Any]:
    """Options of `start` for somebody who is not root; where we are not root anyway, for ourselves."""
    if os.name == "nt" or os.geteuid() != 0:
        return {"environment": {"HOME": str(home)}}
    account: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    # Root's own Python may lie where others cannot go; the system's is of the same kind if we are lucky.
    name = "python{}.{}".format(*sys.version_info)
    packages = os.pathsep.join([str(ROOT), *filter(os.path.isdir, sys.path)])
    environment = {"HOME": str(home), "PYTHONPATH": packages}
    for python in filter(None, (sys.executable, shutil.which(name, path="/usr/bin:/usr/local/bin"))):
        question = [python, "-c", "import gan_desktop.cli, numpy"]
        with suppress(PermissionError):
            if subprocess.run(question, env=environment, **account).returncode == 0:
                return {"python": python, "environment": environment, **account}
    pytest.skip("an ordinary user has no Python here that can run the program")


# -- from start to end ---------------------------------------------------------------------------


def test_demo_shows_every_iteration_and_leaves_its_results_only(
    photographs: Path, temporary: Path, tmp_path: Path
) -> None:
    output = tmp_path / "results"
    answer = demo("--iterations", "2", "--workers", "2", "--data", photographs, "--output", output)
    assert answer.code == 0, answer.said
    assert answer.stderr == ""
    require_nothing_left(temporary)

    for words in (
        f"Preparing {NUM_PICTURES + 2} pictures (photographs)",
        "skipped cut off.jpg: cut off or damaged",
        "skipped no picture.png: not a picture",
        "Iteration 0 of 2, nothing learned yet",
        "Iteration 1 of 2, ",
        "Iteration 2 of 2, ",
        "distance to real pictures",
        str(output / "newest.png"),
    ):
        assert words in answer.stdout
    assert faces_in(output) == [f"iteration-{number:04d}.png" for number in range(3)]
    newest = (output / "newest.png").read_bytes()
    assert newest == (output / "iteration-0002.png").read_bytes()
    assert newest != (output / "iteration-0000.png").read_bytes()
    with Image.open(output / "newest.png") as picture:
        assert picture.size == (GRID_EDGE, GRID_EDGE)

    with (output / "losses.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["iteration"] for row in rows] == ["0", "1", "2"]
    assert int(rows[2]["images"]) > int(rows[1]["images"]) > 0
    assert all(rows[2][figure] for figure in ("loss_g", "loss_d", "d_real", "d_fake", "distance"))
    for number in (1, 2):
        said = (output / f"worker-{number}.log").read_text("utf-8")
        assert f"Name: Computer {number}" in said
        assert "completed successfully!" in said
        assert "The training is complete: 2 iterations by 2 people." in said


def test_two_demos_at_once_do_not_know_of_each_other(
    photographs: Path, temporary: Path, open_folder: Path
) -> None:
    """One of them by an ordinary user, and with pictures in a zip; both with folders by default."""
    here = open_folder / "here"
    home = open_folder / "home"
    for folder in (here, home):
        folder.mkdir()
        folder.chmod(0o1777)
    packed = open_folder / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in photographs.glob("0*.jpg"):
            archive.write(path, f"faces/{path.name}")

    short = ["--demo", "--no-gui", "--iterations", "1", "--data", photographs]
    long = ["--demo", "--no-gui", "--iterations", "2", "--data", packed]
    with start(*short, cwd=here) as first, start(*long, cwd=here, **ordinary_user(home)) as second:
        answers = finish(first), finish(second)
    assert [answer.code for answer in answers] == [0, 0], answers
    require_nothing_left(temporary)
    counts = {len(faces_in(here / name)) for name in ("gan-desktop-demo", "gan-desktop-demo-2")}
    assert counts == {2, 3}


def test_time_left_is_told_once_the_rounds_have_their_length() -> None:
    clock = Clock(40)
    told = []
    # Two short rounds in which the computers are measured, then one every twelve seconds.
    for iteration, now in enumerate([0.0, 3.0, 6.0, 18.0, 30.0, 42.0]):
        clock.tick(iteration, now)
        clock.tick(iteration, now + 5.0)
        told.append(clock.words(iteration))
    assert told == ["", "", "", "about 7 min left", "about 7 min left", "about 7 min left"]
    clock.tick(40, 500.0)
    assert clock.words(40) == ""


# -- ends before the end -------------------------------------------------------------------------


def test_ctrl_c_ends_all_within_seconds_and_says_where_the_faces_are(
    photographs: Path, temporary: Path, tmp_path: Path
) -> None:
    arguments = ["--iterations", "1000", "--workers", "2", "--data", photographs, "--output", tmp_path]
    with start("--demo", "--no-gui", *arguments) as process:
        read_until(process, "Iteration 1 of")
        process.send_signal(signal.SIGINT)
        asked = time.monotonic()
        answer = finish(process)
        assert time.monotonic() - asked < 10.0
    assert answer.code == 130
    assert f"Stopped. The faces so far are in {tmp_path}" in answer.stdout
    assert (tmp_path / "newest.png").exists()
    assert "\n1," in (tmp_path / "losses.csv").read_text("utf-8")
    require_nothing_left(temporary)


def test_killed_demo_takes_everything_with_it_and_the_next_one_works(
    photographs: Path, temporary: Path, tmp_path: Path
) -> None:
    arguments = ["--data", photographs, "--output", tmp_path]
    with start("--demo", "--no-gui", "--iterations", "1000", *arguments) as process:
        read_until(process, "Iteration 1 of")
        names = " ".join(" ".join(process.cmdline()) for process in processes_of(temporary))
        assert "--guard" in names and "--admin" in names and "Computer 1" in names and "postgres" in names
        process.kill()
    require_nothing_left(temporary)
    assert "iteration-0001.png" in faces_in(tmp_path)

    (tmp_path / "iteration-0900.png").write_text("of an earlier demo")
    answer = demo("--iterations", "1", *arguments)
    assert answer.code == 0, answer.said
    assert faces_in(tmp_path) == ["iteration-0000.png", "iteration-0001.png"]


def test_demo_whose_workers_die_says_so(photographs: Path, temporary: Path, tmp_path: Path) -> None:
    arguments = ["--iterations", "1000", "--data", photographs, "--output", tmp_path]
    with start("--demo", "--no-gui", *arguments) as process:
        read_until(process, "Iteration 0 of")
        for worker in processes_of(temporary):
            if "--name=Computer 1" in worker.cmdline():
                worker.kill()
        answer = finish(process)
    assert answer.code == 1
    assert "All workers ended too early." in answer.stderr
    assert str(tmp_path / "worker-1.log") in answer.stderr
    require_nothing_left(temporary)


def test_closed_output_ends_the_demo(photographs: Path, temporary: Path, tmp_path: Path) -> None:
    with start("--demo", "--no-gui", "--data", photographs, "--output", tmp_path / "results") as process:
        read_until(process, "Starting the class's database")
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 130
    require_nothing_left(temporary)
    assert not (tmp_path / "results").exists()


def test_full_disk_ends_the_demo_with_a_sentence(photographs: Path, temporary: Path, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full")
    (tmp_path / "losses.csv").symlink_to("/dev/full")
    with start("--demo", "--no-gui", "--data", photographs, "--output", tmp_path) as process:
        read_until(process, "Iteration 0 of")
        process.send_signal(signal.SIGTERM)
        answer = finish(process)
    assert answer.code == 1
    assert "No space left on device" in answer.stderr
    require_nothing_left(temporary)


# -- pictures and folders that cannot be used ----------------------------------------------------


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("missing", "There is no folder or zip file"),
        ("empty", "There are no pictures in"),
        ("words", "There are no pictures in"),
        ("words/a.txt", "is neither a folder nor a zip"),
        ("broken.zip", "is damaged or incomplete"),
        ("few", "few holds 63 usable pictures; training needs at least 64"),
        ("bad", "Of 66 skipped files the first was"),
    ],
)
def test_pictures_that_cannot_be_used_are_told_before_anything_is_left(
    name: str, words: str, temporary: Path, tmp_path: Path
) -> None:
    for folder in ("empty", "words", "few", "bad"):
        (tmp_path / folder).mkdir()
    (tmp_path / "words" / "a.txt").write_text("a")
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4 and then nothing")
    for number in range(63):
        (tmp_path / "few" / f"{number}.jpg").write_bytes(jpeg(number))
    for number in range(66):
        (tmp_path / "bad" / f"{number}.jpg").write_bytes(jpeg(number)[:300])

    answer = demo("--data", tmp_path / name, "--output", tmp_path / "results")
    assert answer.code == 2
    assert words in answer.stderr
    assert not (tmp_path / "results").exists()
    require_nothing_left(temporary)


def test_folder_for_the_results_that_cannot_be_written_is_told(temporary: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    answer = demo("--output", tmp_path / "file" / "results")
    assert answer.code == 2
    assert f"cannot be written to {tmp_path / 'file' / 'results'}" in answer.stderr
    assert "--output" in answer.stderr
    require_nothing_left(temporary)


@needs_root
def test_folder_without_rights_is_told_to_an_ordinary_user(
    photographs: Path, temporary: Path, open_folder: Path
) -> None:
    others = set(psutil.Process().children())
    for wanted in (["--output", open_folder / "results"], []):
        with start(
            "--demo", "--no-gui", "--data", photographs, *wanted,
            cwd=open_folder, **ordinary_user(Path("/nonexistent")),
        ) as process:  # fmt: skip
            answer = finish(process)
        assert answer.code == 2
        assert "Permission denied" in answer.stderr
    require_nothing_left(temporary)
    assert set(psutil.Process().children()) <= others
