"""Checkpoint files: restored to the last bit, and nothing else than a checkpoint gets through."""

from __future__ import annotations

import dataclasses
import io
import json
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from PIL import Image

from gan_desktop.errors import CheckpointError, PayloadError
from gan_desktop.records import RunConfig
from gan_desktop.training.checkpoint_file import (
    Checkpoint,
    CheckpointInfo,
    from_bytes,
    from_published,
    read_checkpoint,
    read_info,
    to_bytes,
    write_checkpoint,
)
from gan_desktop.training.drawing import draw, load_generator
from gan_desktop.training.networks import (
    NETWORKS,
    Tensors,
    build_gan,
    network_fingerprint,
    parameter_shapes,
    state_tensors,
)
from gan_desktop.training.outer import OuterState
from gan_desktop.training.payload import PayloadInfo, PayloadKind, encode
from gan_desktop.training.steps import AdamMoments

CONFIG = RunConfig(feature_maps=4, latent_size=8)
DOC = Path(__file__).parents[2] / "docs" / "checkpoints.md"


def a_checkpoint(config: RunConfig = CONFIG, *, with_moments: bool = True) -> Checkpoint:
    random = torch.Generator().manual_seed(1)
    weights = state_tensors(build_gan(config))
    ema = {name: tensor + 0.01 for name, tensor in weights.items() if name.startswith("generator.")}
    first, second = (
        {name: torch.rand(shape, generator=random) for name, shape in parameter_shapes(config).items()}
        for _ in range(2)
    )
    moments = AdamMoments(first, second, num_steps=70) if with_moments else None
    info = CheckpointInfo("Faces", "local", config, 12, 34_567, 3, 1_024, "f" * 64, 70 * with_moments)
    return Checkpoint(info, weights, ema, moments)


def rewritten(
    blob: bytes, tensors: Mapping[str, Any] | None = None, metadata: Mapping[str, str | None] | None = None
) -> bytes:
    """The same file with other tensors or metadata."""
    header = json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])
    changed = {**header["__metadata__"], **(metadata or {})}
    stored = safetensors.torch.load(blob) | dict(tensors or {})
    return safetensors.torch.save(
        {name: tensor for name, tensor in stored.items() if tensor is not None},
        {name: text for name, text in changed.items() if text is not None},
    )


def assert_same(a: Tensors, b: Tensors) -> None:
    assert set(a) == set(b)
    assert all(torch.equal(a[name], b[name]) for name in a)


# -- there and back ------------------------------------------------------------------------------


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("image_size", [32, 64, 128])
def test_a_checkpoint_comes_back_to_the_last_bit(network: str, image_size: int, tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, network=network, image_size=image_size)
    checkpoint = a_checkpoint(config)
    path = tmp_path / "a.safetensors"
    write_checkpoint(path, checkpoint)
    restored = read_checkpoint(path)
    assert restored.info == checkpoint.info
    assert_same(restored.weights, checkpoint.weights)
    assert_same(restored.ema, checkpoint.ema)
    assert checkpoint.moments is not None and restored.moments is not None
    assert_same(restored.moments.first, checkpoint.moments.first)
    assert_same(restored.moments.second, checkpoint.moments.second)
    assert restored.moments.num_steps == 70
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]


def test_a_checkpoint_without_moments_comes_back_without(tmp_path: Path) -> None:
    restored = from_bytes(to_bytes(a_checkpoint(with_moments=False)))
    assert restored.moments is None
    assert_same(restored.ema, a_checkpoint().ema)


def test_the_names_in_the_file_are_those_that_the_documentation_tells() -> None:
    names = set(safetensors.torch.load(to_bytes(a_checkpoint())))
    assert {
        "generator.layers.0.weight",
        "discriminator.layers.0.weight",
        "ema.layers.0.weight",
        "ema.layers.1.running_var",
        "adam_g.layers.0.weight.exp_avg",
        "adam_d.layers.0.weight.exp_avg_sq",
    } <= names
    assert {name.partition(".")[0] for name in names} == {
        "generator",
        "discriminator",
        "ema",
        "adam_g",
        "adam_d",
    }


def test_writing_again_replaces_the_file_in_one_step_and_a_full_disk_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.safetensors"
    write_checkpoint(path, a_checkpoint())
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(CheckpointError, match="No space left"):
            write_checkpoint(path, a_checkpoint(with_moments=False))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    write_checkpoint(path, a_checkpoint(with_moments=False))
    assert read_checkpoint(path).moments is None


def test_a_diverged_training_is_not_written() -> None:
    checkpoint = a_checkpoint()
    checkpoint.weights["discriminator.layers.0.weight"].view(-1)[3] = float("inf")
    with pytest.raises(CheckpointError, match="diverged"):
        to_bytes(checkpoint)


# -- of a class ----------------------------------------------------------------------------------


def published(state: OuterState, kind: PayloadKind, config: RunConfig) -> bytes:
    info = PayloadInfo(kind, 1, 7, "fp16" if kind == "weights" else "int8", network_fingerprint(config))
    return encode(state.weights if kind == "weights" else state.ema, info, seed=1)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_class_becomes_a_checkpoint_that_draws_its_faces(network: str) -> None:
    config = dataclasses.replace(CONFIG, network=network)
    state = OuterState.fresh(config)
    live, ema = published(state, "weights", config), published(state, "ema", config)
    checkpoint = from_bytes(
        to_bytes(from_published("Our class", config, live=live, ema=ema, num_images=90_000))
    )
    assert (checkpoint.info.name, checkpoint.info.kind) == ("Our class", "class")
    assert (checkpoint.info.iteration, checkpoint.info.num_images) == (7, 90_000)
    assert checkpoint.info.config == config
    z = torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
    drawn = draw(load_generator(config, checkpoint.ema), z).astype(int)
    expected = draw(load_generator(config, state.ema), z).astype(int)
    assert np.abs(drawn - expected).max() < 8  # of 255: what int8 costs


def test_without_its_moving_average_a_class_is_drawn_by_g_itself() -> None:
    state = OuterState.fresh(CONFIG)
    checkpoint = from_published("c", CONFIG, live=published(state, "weights", CONFIG))
    assert_same(checkpoint.ema, {n: t for n, t in checkpoint.weights.items() if n.startswith("generator.")})


def test_payloads_of_something_else_become_no_checkpoint() -> None:
    state = OuterState.fresh(CONFIG)
    live, ema = published(state, "weights", CONFIG), published(state, "ema", CONFIG)
    for wrong_live, wrong_ema in ((ema, None), (live, live), (live[:-1], None), (live, ema[:-1])):
        with pytest.raises(PayloadError):
            from_published("c", CONFIG, live=wrong_live, ema=wrong_ema)
    with pytest.raises(PayloadError, match="another network"):
        from_published("c", dataclasses.replace(CONFIG, feature_maps=8), live=live, ema=ema)


# -- what is refused -----------------------------------------------------------------------------


class Bomb:
    """Unpickling this would be noticed."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was opened",))


def pickled_checkpoint() -> bytes:
    file = io.BytesIO()
    torch.save({"weights": Bomb()}, file)
    return file.getvalue()


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return file.getvalue()


def a_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("faces.txt", "none")
    return file.getvalue()


FOREIGN = {
    "empty": (b"", "no .safetensors file"),
    "text": (b"gan-desktop", "no .safetensors file"),
    "picture": (png(), "no .safetensors file"),
    "pt file": (pickled_checkpoint(), "It is a pickle"),
    "old pickle": (pickle.dumps(Bomb(), 2), "It is a pickle"),
    "zip": (a_zip(), "It is a pickle"),
    "other safetensors": (safetensors.torch.save({"w": torch.ones(2)}), "no training of GAN Desktop"),
    "payload": (
        encode({"w": torch.ones(2)}, PayloadInfo("weights", 1, 1, "fp32", "n"), seed=1),
        "no training of GAN Desktop",
    ),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_foreign_file_is_named_and_never_opened_as_a_pickle(what: str, tmp_path: Path) -> None:
    blob, words = FOREIGN[what]
    path = tmp_path / "a.safetensors"
    path.write_bytes(blob)
    with pytest.raises(CheckpointError, match=f"{re.escape(str(path))}: .*{words}"):
        read_checkpoint(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="No such file"):
        read_checkpoint(tmp_path / "nothing.safetensors")
    with pytest.raises(CheckpointError, match="is a folder"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("kept", [9, 500, 5_000, -4, -1])
def test_a_truncated_file_is_told_as_one(kept: int) -> None:
    with pytest.raises(CheckpointError, match=r"truncated|beginning of one"):
        from_bytes(to_bytes(a_checkpoint())[:kept])


def test_the_length_of_a_header_is_not_taken_for_a_pickle() -> None:
    blob = to_bytes(a_checkpoint(with_moments=False))
    blobs = [rewritten(blob, metadata={"name": "n" * length}) for length in range(0, 256, 8)]
    assert 0x80 in {padded[0] for padded in blobs}
    assert {from_bytes(padded).info.iteration for padded in blobs} == {12}


def test_bytes_behind_the_end_are_refused() -> None:
    with pytest.raises(CheckpointError, match="damaged"):
        from_bytes(to_bytes(a_checkpoint()) + b"\0")


NAN = torch.full((4,), float("nan"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"generator.layers.1.bias": None}, "not those of its network"),
        ({"surplus": torch.ones(1)}, "not those of its network"),
        ({"ema.layers.0.weight": torch.ones(3)}, "not those of its network"),
        ({"adam_d.layers.0.weight.exp_avg": None}, "not those of its network"),
        ({"generator.layers.7.bias": NAN}, "no finite number"),
        ({"generator.layers.7.bias": torch.ones(4).half()}, "single precision"),
    ],
)
def test_wrong_tensors_are_refused(changes: dict[str, torch.Tensor | None], words: str) -> None:
    blob = to_bytes(a_checkpoint())
    with pytest.raises(CheckpointError, match=words):
        from_bytes(rewritten(blob, changes))


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"version": "2"}, "newer version"),
        ({"version": "one"}, "version is not a number"),
        ({"format": "something else"}, "no training of GAN Desktop"),
        ({"config": None}, "configuration is damaged"),
        ({"config": "{"}, "configuration is damaged"),
        ({"config": "[" * 40_000}, "configuration is damaged"),
        ({"config": "[]"}, "configuration is damaged"),
        ({"config": '{"feature_maps": "many"}'}, "configuration is damaged"),
        ({"config": '{"feature_maps": 4.5}'}, "configuration is damaged"),
        ({"config": '{"image_size": 33}'}, "image_size is 33"),
        ({"config": '{"network": "stylegan"}'}, "network is 'stylegan'"),
        ({"config": '{"feature_maps": 16}'}, "not one that this version"),
        ({"network": "0" * 16}, "not one that this version"),
        ({"kind": "pirate"}, "what training"),
        ({"iteration": "-1"}, "iteration is not a number"),
        ({"num_images": "9" * 30}, "num_images is not a number"),
        ({"num_adam_steps": "0"}, "not those of its network"),
    ],
)
def test_wrong_metadata_is_refused(metadata: dict[str, str | None], words: str) -> None:
    blob = to_bytes(a_checkpoint())
    with pytest.raises(CheckpointError, match=words):
        from_bytes(rewritten(blob, metadata=metadata))


def test_a_name_from_elsewhere_is_made_fit_to_be_shown() -> None:
    blob = to_bytes(a_checkpoint(with_moments=False))
    info = read_info(rewritten(blob, metadata={"name": "\x1b[31mred\n" + "x" * 200}))
    assert info.name.isprintable() and info.name.startswith("[31mred") and len(info.name) == 80


# -- the documentation ---------------------------------------------------------------------------


def test_the_loader_in_the_documentation_draws_the_same_faces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for network, image_size in (("dcgan", 32), ("dcgan-sn", 64)):
        config = dataclasses.replace(CONFIG, network=network, image_size=image_size)
        write_checkpoint(tmp_path / "newest.safetensors", a_checkpoint(config))
        snippet = re.search(r"```python\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
        assert snippet is not None
        monkeypatch.chdir(tmp_path)
        names: dict[str, Any] = {}
        exec(snippet[1], names)
        assert not any(name.startswith("gan_desktop") for name in names)
        with Image.open(tmp_path / "face.png") as face:
            assert face.size == (image_size, image_size)
        z = torch.randn(3, 8, generator=torch.Generator().manual_seed(5))
        expected = draw(load_generator(config, a_checkpoint(config).ema), z)
        ours = ((names["generator"](z[:, :, None, None]) + 1) * 127.5).round().byte().permute(0, 2, 3, 1)
        assert np.array_equal(ours.detach().numpy(), expected)


@pytest.mark.parametrize(
    "values",
    [
        {"pictures": ["f"]},
        {"pictures": "\x1b[2J"},
        {"pictures": "F" * 65},
        {"name": 5},
        {"kind": ["class"]},
        {"config": "9" * 5_000},
        {"config": "[" * 100_000},
        {"anything": None},
    ],
)
def test_what_somebody_made_up_about_a_checkpoint_is_named(values: dict[str, Any]) -> None:
    blob = to_bytes(a_checkpoint())
    length = int.from_bytes(blob[:8], "little")
    header = json.loads(blob[8 : 8 + length])
    header["__metadata__"] |= values
    text = json.dumps(header).encode()
    with pytest.raises(CheckpointError):
        from_bytes(len(text).to_bytes(8, "little") + text + blob[8 + length :])
