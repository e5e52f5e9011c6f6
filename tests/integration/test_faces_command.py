"""`gan-desktop faces` as a person meets it: the same faces for the same seed, and nothing overwritten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_desktop import cli
from gan_desktop.records import RunConfig
from gan_desktop.training.checkpoint_file import Checkpoint, CheckpointInfo, from_published, write_checkpoint
from gan_desktop.training.drawing import draw, latents, load_generator
from gan_desktop.training.networks import build_gan, network_fingerprint, state_tensors
from gan_desktop.training.outer import OuterState
from gan_desktop.training.payload import PayloadInfo, encode

CONFIG = RunConfig(feature_maps=4, latent_size=8)

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A training whose moving average draws other faces than G itself."""
    weights = state_tensors(build_gan(CONFIG))
    ema = {name: 2 * tensor for name, tensor in weights.items() if name.startswith("generator.")}
    path = tmp_path / "training" / "newest.safetensors"
    path.parent.mkdir()
    write_checkpoint(path, Checkpoint(CheckpointInfo("Ours", "local", CONFIG, 3, 3_000), weights, ema))
    return path


def faces(*arguments: object) -> int:
    return cli.main(["faces", *map(str, arguments)])


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_each_face_is_a_file_drawn_by_the_moving_average(
    checkpoint: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert faces("--checkpoint", checkpoint, "--count", 3, "--seed", 7) == 0
    assert capsys.readouterr().out == "3 faces of Ours are in faces\n"
    files = sorted((tmp_path / "faces").iterdir())
    assert [file.name for file in files] == ["face-0001.png", "face-0002.png", "face-0003.png"]
    weights = state_tensors(build_gan(CONFIG))
    ema = {name: 2 * tensor for name, tensor in weights.items() if name.startswith("generator.")}
    expected = draw(load_generator(CONFIG, ema), latents(3, 8, seed=7))
    assert all(np.array_equal(pixels(file), face) for file, face in zip(files, expected, strict=True))


def test_the_same_seed_draws_the_same_faces_and_another_one_others(checkpoint: Path, tmp_path: Path) -> None:
    for output, seed in (("a", "ana"), ("b", "ana"), ("c", "ben")):
        assert faces("--checkpoint", checkpoint.parent, "--count", 2, "--seed", seed, "--output", output) == 0
    a, b, c = ((tmp_path / output / "face-0002.png").read_bytes() for output in "abc")
    assert a == b != c


def test_a_grid_is_one_picture_large_enough_to_look_at(checkpoint: Path, tmp_path: Path) -> None:
    assert faces("--checkpoint", checkpoint, "--grid", "--count", 6) == 0
    assert pixels(tmp_path / "faces.png").shape == (4 * 70, 4 * 104, 3)
    assert (
        faces("--checkpoint", checkpoint, "--grid", "--count", 6, "--scale", 1, "--output", "small.png") == 0
    )
    assert pixels(tmp_path / "small.png").shape == (70, 104, 3)


def test_a_walk_is_a_gif_that_begins_at_the_first_face_and_goes_on_for_ever(
    checkpoint: Path, tmp_path: Path
) -> None:
    arguments = ["--checkpoint", checkpoint, "--seed", 7, "--scale", 1]
    assert faces(*arguments, "--interpolate", "--frames", 12, "--count", 3) == 0
    with Image.open(tmp_path / "faces.gif") as animation:
        assert getattr(animation, "n_frames", 1) == 12
        assert animation.info["loop"] == 0
        first = np.asarray(animation.convert("RGB")).astype(int)
    assert faces(*arguments, "--count", 1) == 0
    assert np.abs(first - pixels(tmp_path / "faces" / "face-0001.png")).mean() < 3


def test_a_class_draws_as_well(tmp_path: Path, capsys: Capture) -> None:
    state = OuterState.fresh(CONFIG)
    network = network_fingerprint(CONFIG)
    live = encode(state.weights, PayloadInfo("weights", 1, 9, "fp16", network), seed=1)
    ema = encode(state.ema, PayloadInfo("ema", 1, 9, "int8", network), seed=1)
    write_checkpoint(tmp_path / "class.safetensors", from_published("Class 5b", CONFIG, live=live, ema=ema))
    assert faces("--checkpoint", "class.safetensors", "--grid") == 0
    assert capsys.readouterr().out == "16 faces of Class 5b are in faces.png\n"


def test_nothing_is_overwritten(checkpoint: Path, tmp_path: Path, capsys: Capture) -> None:
    for _ in range(2):
        assert faces("--checkpoint", checkpoint, "--count", 1) == 0
        assert faces("--checkpoint", checkpoint, "--grid", "--count", 1) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"training", "faces", "faces-2", "faces.png", "faces-2.png"}
    capsys.readouterr()
    before = (tmp_path / "faces.png").read_bytes()
    assert faces("--checkpoint", checkpoint, "--grid", "--output", "faces.png", "--seed", 2) == 2
    assert "faces.png is there already" in capsys.readouterr().err
    assert faces("--checkpoint", checkpoint, "--output", "faces", "--seed", 2) == 2
    assert "face-0001.png is there already" in capsys.readouterr().err
    assert (tmp_path / "faces.png").read_bytes() == before
    assert len(list((tmp_path / "faces").iterdir())) == 1


def test_a_new_file_may_lie_in_a_folder_that_is_there_or_not(checkpoint: Path, tmp_path: Path) -> None:
    assert faces("--checkpoint", checkpoint, "--grid", "--output", checkpoint.parent) == 0
    assert (checkpoint.parent / "faces.png").exists()
    assert faces("--checkpoint", checkpoint, "--interpolate", "--frames", 2, "--output", "new/walk.gif") == 0
    assert (tmp_path / "new" / "walk.gif").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--frames", 5], "--frames is for --interpolate"),
        (["--checkpoint", "nothing.safetensors"], "nothing.safetensors cannot be read"),
        (["--checkpoint", "."], "newest.safetensors cannot be read"),
        (["--checkpoint", "pickle.pt"], "It is a pickle"),
        (["--checkpoint", "text.safetensors"], "no .safetensors file"),
    ],
)
def test_what_cannot_be_drawn_is_told(
    arguments: list[object], words: str, checkpoint: Path, tmp_path: Path, capsys: Capture
) -> None:
    torch.save({}, tmp_path / "pickle.pt")
    (tmp_path / "text.safetensors").write_text("no tensors here")
    assert faces("--checkpoint", checkpoint, *arguments) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "faces").exists()


def test_a_place_that_cannot_be_written_is_told(checkpoint: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "file").write_text("in the way")
    for kind in ([], ["--grid"], ["--interpolate", "--frames", 2]):
        assert faces("--checkpoint", checkpoint, *kind, "--output", "file/inside") == 1
        assert "Choose another place with --output" in capsys.readouterr().err
