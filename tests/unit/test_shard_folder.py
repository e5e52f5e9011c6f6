"""What people do with the folder of shards: look, check, clear; and shards that are made here."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gan_desktop.cli import main
from gan_desktop.errors import ImageSetError
from gan_desktop.records import Shard
from gan_desktop.training.shard_folder import FolderUse, ShardFolder

DATA = [bytes([number]) * 4_000 for number in range(3)]
SHARDS = [Shard(i, 1, 8, len(data), hashlib.sha256(data).hexdigest(), False) for i, data in enumerate(DATA)]


@pytest.fixture
def filled(tmp_path: Path) -> ShardFolder:
    folder = ShardFolder(tmp_path / "cache" / "shards", 10**6)
    for shard, data in zip(SHARDS, DATA, strict=True):
        folder.put(shard, data)
    return folder


def damage(folder: ShardFolder, number: int) -> None:
    (folder._folder / f"{SHARDS[number].sha256}.tar").write_bytes(b"cut off")


def test_a_shard_made_here_is_stored_if_it_is_the_listed_one(filled: ShardFolder) -> None:
    assert filled.use() == FolderUse(3, 12_000)
    with pytest.raises(ImageSetError, match="not the pictures of shard 1"):
        filled.put(SHARDS[1], DATA[2])
    assert filled.get(SHARDS[1], lambda shard: pytest.fail("fetched")) == DATA[1]


def test_of_what_was_done_with_shards_nothing_is_left_in_memory(filled: ShardFolder) -> None:
    with filled.keeping(SHARDS), filled.keeping(SHARDS[:1]):
        for shard, data in zip(SHARDS, DATA, strict=True):
            assert filled.get(shard, lambda shard: pytest.fail("fetched")) == data
        assert len(filled._kept) == 3
    assert (len(filled._kept), len(filled._fetching)) == (0, 0)


def test_a_check_removes_damaged_files(filled: ShardFolder) -> None:
    told: list[tuple[int, int]] = []
    damage(filled, 1)
    assert filled.check(lambda *both: told.append(both)) == 1
    assert told[-1] == (3, 3)
    assert filled.cached_ids(SHARDS) == [0, 2]
    assert filled.check() == 0


def test_clearing_removes_shards_and_nothing_else(filled: ShardFolder) -> None:
    own = filled._folder / "my notes.txt"
    own.write_text("not a shard")
    assert filled.clear() == FolderUse(3, 12_000)
    assert filled.use() == FolderUse(0, 0)
    assert own.exists()


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    folder = ShardFolder(tmp_path / "nowhere", 10**6)
    assert (folder.use(), folder.check(), folder.clear()) == (FolderUse(0, 0), 0, FolderUse(0, 0))


def test_the_cache_command_tells_checks_and_clears(
    filled: ShardFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text(
        f"data: {{cache_folder: '{tmp_path / 'cache'}', cache_limit_gb: 2}}"
    )
    downloads = tmp_path / "cache" / "hub" / "ana--faces"
    downloads.mkdir(parents=True)
    (downloads / "all.zip").write_bytes(bytes(3_000_000))

    def told(*options: str) -> str:
        assert main(["cache", "--config", str(tmp_path / "config.yaml"), *options]) == 0
        return capsys.readouterr().out

    text = told()
    assert "From classes: 3 files of pictures, 0 MB of at most 2,000 MB." in text
    assert "From the Hub: 3 MB." in text
    assert str(tmp_path / "cache") in text
    damage(filled, 0)
    assert "1 damaged files were removed" in told("--check")
    assert "Every file from classes is whole." in told("--check")
    assert "From classes: 0 files" in told("--clear")
    assert not downloads.exists()
    assert "From classes: 0 files" in told("--folder", str(tmp_path / "another"))
