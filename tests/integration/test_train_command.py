"""`gan-desktop train` as a person meets it: what it writes, how it goes on, what it refuses."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from PIL import Image

from gan_desktop import cli
from gan_desktop.files import write_whole
from gan_desktop.local_commands import console as train_console
from gan_desktop.local_commands import session
from gan_desktop.records import RunConfig
from gan_desktop.training.checkpoint_file import Checkpoint, from_published, read_checkpoint, write_checkpoint
from gan_desktop.training.faces import draw_face
from gan_desktop.training.local_training import LocalTraining, UnitDone
from gan_desktop.training.networks import network_fingerprint
from gan_desktop.training.outer import OuterState
from gan_desktop.training.payload import PayloadInfo, encode
from tests.integration.console import finish, start
from tests.integration.test_embedded import wait_until

SMALL = ["--drawn", "120", "--feature-maps", "4", "--threads", "1", "--device", "cpu"]
NEWEST = "gan-desktop-training/newest.safetensors"

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def same_number_of_threads() -> None:
    """The command sets it for the whole process."""
    torch.set_num_threads(1)


def train(*arguments: object) -> int:
    return cli.main(["train", *map(str, arguments), "--threads", "1", "--device", "cpu"])


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "losses.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def without_speed(table: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name != "images_per_s"} for row in table]


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the lock."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def assert_same_training(a: Checkpoint, b: Checkpoint) -> None:
    assert a.info == b.info
    assert a.moments is not None and b.moments is not None
    pairs = ((a.weights, b.weights), (a.ema, b.ema), (a.moments.first, b.moments.first))
    for ours, theirs in (*pairs, (a.moments.second, b.moments.second)):
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


# -- what a training writes ----------------------------------------------------------------------


def test_a_training_leaves_faces_losses_and_checkpoints(tmp_path: Path, capsys: Capture) -> None:
    assert train(*SMALL, "--epochs", 3, "--checkpoint-every", 2) == 0
    folder = tmp_path / "gan-desktop-training"
    names = set(contents(folder))
    assert {"newest.safetensors", "epoch-0002.safetensors", "newest.png", "losses.csv"} <= names
    assert {f"samples/epoch-{epoch:04d}.png" for epoch in (1, 2, 3)} <= names
    with Image.open(folder / "newest.png") as faces:
        assert faces.size == (4 * 274, 4 * 274)
    assert (folder / "newest.png").read_bytes() == (folder / "samples/epoch-0003.png").read_bytes()
    info = read_checkpoint(folder / "newest.safetensors").info
    assert (info.epoch, info.num_images, info.name, info.kind) == (3, 342, folder.name, "local")
    assert read_checkpoint(folder / "epoch-0002.safetensors").info.epoch == 2

    table = rows(folder)
    assert [row["epoch"] for row in table] == ["1", "2", "3"]
    assert [row["images"] for row in table] == ["114", "228", "342"]
    assert all(float(row["distance"]) > 0 and float(row["loss_d"]) > 0 for row in table)

    said = capsys.readouterr()
    assert said.err == ""
    assert "Device: CPU. Chosen by the device setting (cpu)." in said.out
    assert "114 pictures to learn from, 6 kept for measuring, 0 skipped." in said.out
    assert re.search(r"Epoch 3 of 3 \| 114 images in \d+ s \| G_loss: .* \| Distance: \d", said.out)
    assert "gan-desktop faces --checkpoint gan-desktop-training" in said.out


def test_pictures_that_cannot_be_used_are_named(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in range(70):
        Image.fromarray(draw_face(index, 64)).save(folder / f"{index}.jpg")
    (folder / "broken.jpg").write_bytes(b"no picture")
    assert train("--data", folder, "--epochs", 1, "--feature-maps", 4, "--network", "dcgan-sn") == 0
    said = capsys.readouterr()
    assert "skipped broken.jpg: not a picture in a known format" in said.err
    assert "1 skipped." in said.out
    assert "Network: dcgan-sn, 32 x 32 pixels." in said.out


def test_a_long_epoch_tells_now_and_then_how_far_it_is(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan_desktop.training.local_training.UNIT_STEPS", 2)
    monkeypatch.setattr(train_console, "LINE_S", 0.0)
    assert train(*SMALL, "--epochs", 1) == 0
    lines = re.findall(
        r"Epoch 1 of 1: (\d+) of 114 images \(\d+ a second, .* left\)", capsys.readouterr().out
    )
    assert lines == ["32", "64", "96"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_a_terminal_shows_a_bar_and_whole_lines() -> None:
    import pty

    ours, theirs = pty.openpty()
    program = [sys.executable, "-m", "gan_desktop", "train", *SMALL, "--epochs", "2"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "150", "LINES": "40"}
    with subprocess.Popen(program, stdout=theirs, stderr=theirs, stdin=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65_536):
                shown += piece
        except OSError:  # how Linux tells that the other side is closed
            pass
        os.close(ours)
        assert process.wait(60) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert "━" in text and "114/114" in text
    assert re.search(r"Epoch 2 of 2 \| 114 images in \d+ s \| .* \| Distance: \d+\.\d\r?\n", text)


# -- going on ------------------------------------------------------------------------------------


def test_two_epochs_are_one_and_one_more_after_a_restart(tmp_path: Path, capsys: Capture) -> None:
    assert train(*SMALL, "--epochs", 2, "--output", "straight/same") == 0
    assert train(*SMALL, "--epochs", 1, "--output", "broken/same") == 0
    assert train("--resume", "broken/same", "--epochs", 2) == 0
    assert "Going on after 114 images." in capsys.readouterr().out
    straight, broken = tmp_path / "straight/same", tmp_path / "broken/same"
    assert_same_training(
        read_checkpoint(straight / "newest.safetensors"), read_checkpoint(broken / "newest.safetensors")
    )
    assert without_speed(rows(straight)) == without_speed(rows(broken))
    for name in ("samples/epoch-0001.png", "samples/epoch-0002.png", "newest.png"):
        assert (straight / name).read_bytes() == (broken / name).read_bytes()


def test_ctrl_c_ends_the_batch_saves_and_says_how_to_go_on(tmp_path: Path) -> None:
    long = ["--drawn", "5000", "--feature-maps", "16", "--threads", "1", "--device", "cpu", "--epochs", "2"]
    with start("train", *long, cwd=tmp_path) as process:
        wait_until((tmp_path / "gan-desktop-training" / "losses.csv").exists, 60)
        process.send_signal(signal.SIGINT)
        answer = finish(process)
    assert answer.code == 130
    assert "Stopped in epoch 1" in answer.stdout
    assert "gan-desktop train --resume gan-desktop-training --epochs 2" in answer.stdout
    info = read_checkpoint(tmp_path / NEWEST).info
    assert info.epoch == 0
    assert 0 < info.epoch_images == info.num_images < 4_750
    assert info.num_images % 16 == 0
    assert [row["images"] for row in rows(tmp_path / "gan-desktop-training")][-1] == str(info.num_images)


def train_64_images(monkeypatch: pytest.MonkeyPatch) -> int:
    """Train until Ctrl+C comes at the very end of a unit, when nothing asks for it any more."""
    tell_unit = train_console.TrainConsole.tell_unit

    def interrupted(self: train_console.TrainConsole, training: LocalTraining, unit: UnitDone) -> None:
        tell_unit(self, training, unit)
        if unit.epoch_images == 64:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr("gan_desktop.training.local_training.UNIT_STEPS", 2)
        patched.setattr(train_console.TrainConsole, "tell_unit", interrupted)
        return train(*SMALL, "--epochs", 1)


def test_ctrl_c_at_the_very_end_of_a_unit_saves_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train_64_images(monkeypatch) == 130
    assert read_checkpoint(tmp_path / NEWEST).info.epoch_images == 64


def test_other_pictures_are_learned_from_the_first_one_on(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_64_images(monkeypatch)
    assert train("--resume", NEWEST, "--drawn", 64, "--epochs", 1, "--output", "others") == 0
    assert "These are other pictures than those the checkpoint has learned from." in capsys.readouterr().out
    info = read_checkpoint(tmp_path / "others/newest.safetensors").info
    assert (info.epoch, info.epoch_images, info.num_images) == (1, 0, 64 + 60)


def test_what_a_killed_program_had_not_saved_is_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan_desktop.training.local_training.UNIT_STEPS", 2)
    assert train(*SMALL, "--epochs", 2, "--output", "straight/t") == 0
    assert train(*SMALL, "--epochs", 1, "--output", "killed/t") == 0
    folder = tmp_path / "killed/t"
    with (folder / "losses.csv").open("a", encoding="utf-8") as file:
        file.write("2,5,146,1.0,1.0,1.0,1.0,50.0,\r\n2,6,17")  # killed in mid-row
    assert train("--resume", "killed/t", "--epochs", 2) == 0
    assert without_speed(rows(folder)) == without_speed(rows(tmp_path / "straight/t"))


def test_a_long_epoch_is_saved_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_desktop.training.local_training.UNIT_STEPS", 2)
    monkeypatch.setattr(session, "SAVE_S", 0.0)
    saved = []

    def write(path: Path, checkpoint: Checkpoint) -> None:
        saved.append(checkpoint.info.epoch_images)
        write_checkpoint(path, checkpoint)

    monkeypatch.setattr("gan_desktop.local_commands.training_folder.write_checkpoint", write)
    assert train(*SMALL, "--epochs", 1) == 0
    assert saved == [32, 64, 96, 0]


def test_an_old_checkpoint_goes_on_in_a_new_folder_only(tmp_path: Path, capsys: Capture) -> None:
    assert train(*SMALL, "--epochs", 2, "--checkpoint-every", 1) == 0
    folder = tmp_path / "gan-desktop-training"
    before = contents(folder)
    old = folder / "epoch-0001.safetensors"
    assert train("--resume", old, "--epochs", 3) == 2
    assert "is further than this checkpoint" in capsys.readouterr().err
    assert train("--resume", old, "--epochs", 2, "--output", "branch") == 0
    assert contents(folder) == before
    assert_same_training_but_for_the_name(folder, tmp_path / "branch")
    # The new folder has pictures of its own, and needs the old one no more.
    assert train("--resume", "branch", "--epochs", 3) == 0


def assert_same_training_but_for_the_name(a: Path, b: Path) -> None:
    ours, theirs = (read_checkpoint(folder / "newest.safetensors") for folder in (a, b))
    assert all(torch.equal(ours.weights[name], theirs.weights[name]) for name in ours.weights)
    assert ours.info.num_images == theirs.info.num_images


def a_class_checkpoint(path: Path) -> Path:
    config = RunConfig(feature_maps=4)
    state = OuterState.fresh(config)
    info = PayloadInfo("weights", 1, 30, "fp16", network_fingerprint(config))
    live = encode(state.weights, info, seed=1)
    write_checkpoint(path, from_published("Our class", config, live=live, num_images=50_000))
    return path


def test_a_class_can_go_on_alone(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "downloads").mkdir()
    path = a_class_checkpoint(tmp_path / "downloads" / "class.safetensors")
    assert train("--resume", path, "--epochs", 1) == 2
    assert "no prepared pictures beside the checkpoint" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path.parent]
    assert train("--resume", path, "--drawn", 100, "--epochs", 1) == 0
    info = read_checkpoint(tmp_path / NEWEST).info
    assert (info.epoch, info.num_images, info.iteration) == (1, 50_095, 31)
    assert list(path.parent.iterdir()) == [path]


# -- what is refused, and that nothing is lost by it ---------------------------------------------


def test_a_second_start_overwrites_nothing(tmp_path: Path, capsys: Capture) -> None:
    assert train(*SMALL, "--epochs", 1) == 0
    before = contents(tmp_path / "gan-desktop-training")
    assert train(*SMALL, "--epochs", 1) == 0
    assert (tmp_path / "gan-desktop-training-2" / "newest.safetensors").exists()
    assert train(*SMALL, "--epochs", 1, "--output", "gan-desktop-training") == 2
    assert "There is something in gan-desktop-training already" in capsys.readouterr().err
    assert contents(tmp_path / "gan-desktop-training") == before


def test_two_trainings_do_not_write_into_one_folder(tmp_path: Path, capsys: Capture) -> None:
    assert train(*SMALL, "--epochs", 1) == 0
    with FileLock(tmp_path / "gan-desktop-training" / ".lock"):
        assert train("--resume", "gan-desktop-training", "--epochs", 2) == 2
    assert "Another training works in gan-desktop-training" in capsys.readouterr().err
    assert train("--resume", "gan-desktop-training", "--epochs", 2) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--data FOLDER_OR_ZIP"),
        (["--drawn", "10"], "at least 64"),
        (["--data", "nowhere"], "no folder or zip file nowhere"),
        (["--drawn", "100", "--network", "stylegan"], "Write one of: dcgan, dcgan-sn"),
        (["--drawn", "100", "--feature-maps", "3"], "feature_maps is 3"),
        (["--drawn", "100", "--learning-rate", "2"], "learning_rate is 2"),
        (["--drawn", "100", "--seed", "-1"], "seed is -1"),
        (["--resume", "nowhere"], "nowhere cannot be read"),
        (["--resume", "."], "newest.safetensors cannot be read"),
        (["--resume", "pickle.pt"], "It is a pickle"),
        (["--resume", "pickle.pt", "--seed", "2"], "--seed: with --resume the checkpoint decides"),
    ],
)
def test_what_cannot_be_trained_is_told_and_leaves_no_folder(
    arguments: Sequence[str], words: str, tmp_path: Path, capsys: Capture
) -> None:
    torch.save({}, tmp_path / "pickle.pt")
    assert train(*arguments) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert "Traceback" not in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["pickle.pt"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "file").write_text("in the way")
    assert train(*SMALL, "--output", "file/inside") == 2
    assert "Choose another folder with --output" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "in the way"


def test_options_that_do_not_fit_a_checkpoint_are_told(tmp_path: Path, capsys: Capture) -> None:
    assert train(*SMALL, "--epochs", 1) == 0
    before = contents(tmp_path)
    for arguments, words in (
        (["--epochs", 1], "is at the end of epoch 1"),
        (["--drawn", 100], "has its pictures"),
        (["--network", "dcgan-sn"], "--network: with --resume the checkpoint decides"),
        (["--size", 64], "--size: with --resume the checkpoint decides"),
    ):
        assert train("--resume", "gan-desktop-training", *arguments) == 2
        assert words in capsys.readouterr().err
    assert contents(tmp_path) == before


def test_a_full_disk_is_told_and_the_last_checkpoint_stays(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train(*SMALL, "--epochs", 1) == 0
    before = (tmp_path / NEWEST).read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    def write_to_full_disk(path: Path, data: bytes) -> None:
        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", full)
            write_whole(path, data)

    with monkeypatch.context() as patched:
        patched.setattr("gan_desktop.training.checkpoint_file.write_whole", write_to_full_disk)
        assert train("--resume", "gan-desktop-training", "--epochs", 2) == 2
    assert "newest.safetensors cannot be written: No space left on device" in capsys.readouterr().err
    assert (tmp_path / NEWEST).read_bytes() == before
    assert train("--resume", "gan-desktop-training", "--epochs", 2) == 0


def test_a_reader_who_goes_away_does_not_cost_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan_desktop.training.local_training.UNIT_STEPS", 2)
    monkeypatch.setattr(train_console, "LINE_S", 0.0)

    def gone(text: str) -> None:
        if "of 114 images" in text:
            raise BrokenPipeError

    monkeypatch.setattr(train_console, "say", gone)
    with pytest.raises(BrokenPipeError):
        cli._run(["train", *SMALL, "--epochs", "1"])
    assert read_checkpoint(tmp_path / NEWEST).info.epoch_images == 32
