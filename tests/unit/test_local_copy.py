"""Shards made from a student's own copy of the pictures instead of being downloaded."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from gan_desktop.records import Shard
from gan_desktop.training import shards as shards_module
from gan_desktop.training.faces import draw_face
from gan_desktop.training.images import open_source
from gan_desktop.training.shard_folder import ShardFolder
from gan_desktop.training.shards import ImageImport
from gan_desktop.worker.local_copy import LocalCopy
from tests.integration.programs import wait_until


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """300 pictures, which make three shards and a held-out one."""
    monkeypatch.setattr(shards_module, "MAX_SHARD_IMAGES", 100)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(300):
        Image.fromarray(draw_face(number, 40)).save(folder / f"{number:03}.png")
    return folder


def listed(pictures: Path) -> list[Shard]:
    """What a class lists whose instructor has imported these pictures."""
    with open_source(pictures) as source:
        return [
            Shard(number, 1, file.num_images, len(file.data), file.sha256, file.is_held_out)
            for number, file in enumerate(ImageImport(source, 32))
        ]


class Recording:
    """A local copy with what it said."""

    def __init__(self, path: Path | None, cache: ShardFolder) -> None:
        self.notices: list[str] = []
        self.may_work = threading.Event()
        self.may_work.set()
        self.copy = LocalCopy(path, cache, self.notices.append, lambda: not self.may_work.is_set())

    def fill(self, shards: Sequence[Shard]) -> None:
        """Begin and wait for the end."""
        self.copy.begin(shards, 32)
        if self.copy._thread is not None:
            wait_until(lambda: len(self.notices) == 2, "the last words")
        self.copy.stop()


def test_shards_of_the_same_pictures_need_no_download(pictures: Path, tmp_path: Path) -> None:
    shards = listed(pictures)
    cache = ShardFolder(tmp_path / "cache", 10**9)
    copy = Recording(pictures, cache)
    copy.fill(shards)
    assert cache.cached_ids(shards) == [0, 1, 2]  # held-out ones are nothing for a worker
    assert "none of them is downloaded any more" in copy.notices[-1]
    again = Recording(pictures, cache)
    again.fill(shards)
    assert again.notices == []


def test_pictures_that_differ_are_said_and_not_used(pictures: Path, tmp_path: Path) -> None:
    shards = listed(pictures)
    (pictures / "077.png").unlink()
    cache = ShardFolder(tmp_path / "cache", 10**9)
    copy = Recording(pictures, cache)
    copy.fill(shards)
    assert cache.cached_ids(shards) == []
    assert "are not those of the class" in copy.notices[-1]


def test_a_copy_that_differs_late_is_used_up_to_there(pictures: Path, tmp_path: Path) -> None:
    shards = listed(pictures)
    changed = [*shards[:2], Shard(2, 1, 100, 5, "0" * 64, is_held_out=False)]
    cache = ShardFolder(tmp_path / "cache", 10**9)
    copy = Recording(pictures, cache)
    copy.fill(changed)
    assert cache.cached_ids(changed) == [0, 1]
    assert "After 2 of 3 pieces the pictures" in copy.notices[-1]


def test_a_place_without_pictures_is_said(tmp_path: Path) -> None:
    shards = [Shard(0, 1, 100, 5, "0" * 64, is_held_out=False)]
    copy = Recording(tmp_path / "gone", ShardFolder(tmp_path / "cache", 10**9))
    copy.fill(shards)
    assert "There is no folder or zip file" in copy.notices[-1]
    assert "come from the class instead" in copy.notices[-1]


def test_no_more_is_made_than_the_cache_may_hold(pictures: Path, tmp_path: Path) -> None:
    shards = listed(pictures)
    cache = ShardFolder(tmp_path / "cache", shards[0].num_bytes + shards[1].num_bytes + 10)
    copy = Recording(pictures, cache)
    copy.fill(shards)
    assert cache.cached_ids(shards) == [0, 1]
    assert "Only 2 of 3 pieces fit: data.cache_limit_gb is too small" in copy.notices[-1]


def test_it_waits_while_the_computer_is_needed_and_stops_at_once(pictures: Path, tmp_path: Path) -> None:
    shards = listed(pictures)
    cache = ShardFolder(tmp_path / "cache", 10**9)
    copy = Recording(pictures, cache)
    copy.may_work.clear()
    copy.copy.begin(shards, 32)
    wait_until(lambda: copy.notices, "the beginning")
    copy.copy.stop()
    assert cache.cached_ids(shards) == []
    assert len(copy.notices) == 1


def test_without_a_copy_nothing_happens(tmp_path: Path) -> None:
    copy = Recording(None, ShardFolder(tmp_path / "cache", 10**9))
    copy.fill([Shard(0, 1, 100, 5, "0" * 64, is_held_out=False)])
    assert copy.notices == []
