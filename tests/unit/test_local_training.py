"""Local training: exact where it goes on, saved pictures are the same pictures, troubles are told."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import pytest
import torch

from gan_desktop.errors import GanDesktopError, ImageSetError
from gan_desktop.records import RunConfig
from gan_desktop.training import local_training
from gan_desktop.training.checkpoint_file import Checkpoint, from_bytes, from_published, to_bytes
from gan_desktop.training.images import DrawnFaces
from gan_desktop.training.local_training import LocalTraining
from gan_desktop.training.networks import Tensors, network_fingerprint
from gan_desktop.training.outer import OuterState
from gan_desktop.training.payload import PayloadInfo, encode
from gan_desktop.training.picture_folder import PictureFolder, prepare

CONFIG = RunConfig(feature_maps=4, latent_size=8)
NUM_PICTURES = 200


@pytest.fixture(autouse=True)
def short_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several units an epoch."""
    monkeypatch.setattr(local_training, "UNIT_STEPS", 4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    prepare(DrawnFaces(NUM_PICTURES), folder, 32, seed=1)
    return folder


@pytest.fixture
def pictures(folder: Path) -> PictureFolder:
    return PictureFolder(folder)


def a_training(
    pictures: PictureFolder, checkpoint: Checkpoint | None = None, config: RunConfig = CONFIG
) -> LocalTraining:
    return LocalTraining(
        config, pictures, device=torch.device("cpu"), on_notice=pytest.fail, checkpoint=checkpoint
    )


def assert_same(a: Checkpoint, b: Checkpoint) -> None:
    assert a.info == b.info
    assert a.moments is not None and b.moments is not None
    pairs: list[tuple[Tensors, Tensors]] = [
        (a.weights, b.weights),
        (a.ema, b.ema),
        (a.moments.first, b.moments.first),
        (a.moments.second, b.moments.second),
    ]
    for ours, theirs in pairs:
        assert set(ours) == set(theirs)
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)


# -- going on ------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["dcgan", "dcgan-sn"])
def test_two_epochs_are_one_and_one_more_after_a_restart_to_the_last_bit(
    network: str, pictures: PictureFolder
) -> None:
    config = dataclasses.replace(CONFIG, network=network)
    straight = a_training(pictures, config=config)
    for _ in range(2):
        units = list(straight.train_epoch())
        straight.look()
    assert units[-1].epoch == 2

    first = a_training(pictures, config=config)
    list(first.train_epoch())
    saved = from_bytes(to_bytes(first.checkpoint("t")))
    assert (saved.info.epoch, saved.info.epoch_images) == (1, 0)
    second = a_training(pictures, saved)
    list(second.train_epoch())
    assert_same(straight.checkpoint("t"), second.checkpoint("t"))


def test_a_training_saved_in_mid_epoch_goes_on_to_the_last_bit(pictures: PictureFolder) -> None:
    straight, broken = a_training(pictures), a_training(pictures)
    list(straight.train_epoch())
    for _ in itertools.islice(broken.train_epoch(), 2):
        pass
    saved = from_bytes(to_bytes(broken.checkpoint("t")))
    assert (saved.info.epoch, saved.info.epoch_images) == (0, 128)
    again = a_training(pictures, saved)
    list(again.train_epoch())
    assert_same(straight.checkpoint("t"), again.checkpoint("t"))


@pytest.mark.parametrize("num_others", [100, 400])
def test_other_pictures_than_the_checkpoints_begin_at_their_first_one(
    num_others: int, pictures: PictureFolder, tmp_path: Path
) -> None:
    broken = a_training(pictures)
    for _ in itertools.islice(broken.train_epoch(), 2):
        pass
    saved = from_bytes(to_bytes(broken.checkpoint("t")))
    prepare(DrawnFaces(num_others), tmp_path / "others", 32, seed=1)
    others = PictureFolder(tmp_path / "others")
    again = a_training(others, saved)
    units = list(again.train_epoch())
    assert saved.info.epoch_images == 128
    assert sum(unit.result.num_images for unit in units) == others.num_images
    assert (again.epoch, again.epoch_images) == (1, 0)


def test_an_interrupted_unit_counts_as_far_as_it_was_computed(pictures: PictureFolder) -> None:
    training = a_training(pictures)
    asked = itertools.count(1)
    list(training.train_epoch(lambda: next(asked) >= 7))
    assert training.num_images == training.epoch_images == 7 * CONFIG.step_batch
    again = a_training(pictures, from_bytes(to_bytes(training.checkpoint("t"))))
    list(again.train_epoch())
    assert (again.epoch, again.epoch_images, again.num_images) == (1, 0, pictures.num_images)


def test_every_epoch_uses_every_picture_once(
    pictures: PictureFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = a_training(pictures)
    used: list[bytes] = []
    run_unit = training._trainer.run_unit

    def spying(images: torch.Tensor, **options: object) -> object:
        used.extend(image.numpy().tobytes() for image in images)
        return run_unit(images, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(training._trainer, "run_unit", spying)
    for _ in range(2):
        list(training.train_epoch())
    first, second = used[: pictures.num_images], used[pictures.num_images :]
    assert len(set(first)) == pictures.num_images
    assert set(first) == set(second)
    assert first != second
    held_out = {image.numpy().tobytes() for image in pictures.held_out()}
    assert held_out.isdisjoint(first)
    assert len(held_out) + len(first) == NUM_PICTURES


def test_looking_and_saving_do_not_change_what_is_computed(pictures: PictureFolder) -> None:
    looked_at, left_alone = a_training(pictures), a_training(pictures)
    for _ in looked_at.train_epoch():
        looked_at.look()
        looked_at.checkpoint("t")
    list(left_alone.train_epoch())
    assert_same(looked_at.checkpoint("t"), left_alone.checkpoint("t"))


def test_what_a_class_has_published_can_go_on_here(pictures: PictureFolder) -> None:
    config = dataclasses.replace(CONFIG, mode="gradient", outer_rate=0.5)
    state = OuterState.fresh(config)
    info = PayloadInfo("weights", 1, 30, "fp16", network_fingerprint(config))
    checkpoint = from_published("c", config, live=encode(state.weights, info, seed=1), num_images=50_000)
    training = a_training(pictures, checkpoint)
    assert (training.config.mode, training.config.outer_rate) == ("local_steps", 1.0)
    list(training.train_epoch())
    assert (training.epoch, training.iteration, training.num_images) == (1, 33, 50_190)


# -- figures and troubles ------------------------------------------------------------------------


def test_a_look_shows_a_grid_and_a_distance_far_above_the_floor(pictures: PictureFolder) -> None:
    training = a_training(pictures)
    look = training.look()
    assert look.faces.shape == (8 * 34 + 2, 8 * 34 + 2, 3)
    assert look.distance > 3 * training.floor() > 0
    assert training.look().distance == look.distance


def test_a_diverged_training_ends_with_a_word_for_it(pictures: PictureFolder) -> None:
    training = a_training(pictures)
    training._state.weights["generator.layers.0.weight"].fill_(float("inf"))
    with pytest.raises(GanDesktopError, match="smaller --learning-rate"):
        list(training.train_epoch())


def test_prepared_pictures_are_the_same_again(folder: Path, tmp_path: Path) -> None:
    again = prepare(DrawnFaces(NUM_PICTURES), tmp_path / "again", 32, seed=1)
    pictures = PictureFolder(folder)
    assert again.fingerprint == pictures.fingerprint
    assert torch.equal(PictureFolder(tmp_path / "again").held_out(), pictures.held_out())
    assert pictures.num_images == again.num_images - again.num_held_out == 190


def test_missing_or_damaged_pictures_are_told(tmp_path: Path) -> None:
    with pytest.raises(ImageSetError, match="no prepared pictures"):
        PictureFolder(tmp_path)
    folder = tmp_path / "pictures"
    prepare(DrawnFaces(70), folder, 32, seed=1)
    for damage in (b"", b"{}", b"[]", b'{"shards": [{}]}'):
        (tmp_path / "index.json").write_bytes(damage)
        with pytest.raises(ImageSetError, match="damaged"):
            PictureFolder(tmp_path)
    training = next(
        shard
        for shard in json.loads((folder / "index.json").read_text())["shards"]
        if not shard["is_held_out"]
    )
    (folder / f"{training['sha256']}.tar").write_bytes(b"rubbish")
    with pytest.raises(ImageSetError, match="incomplete or damaged"):
        list(a_training(PictureFolder(folder)).train_epoch())
