"""CelebA's aligned pictures, in the forms in which people have them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_desktop.training import celeba
from gan_desktop.training.images import DrawnFaces, open_source
from gan_desktop.training.preview import look_at
from gan_desktop.training.shards import ImageImport, read_shard

COUNT = 70


def save_celeba(folder: Path, count: int = COUNT, size: tuple[int, int] = celeba.SIZE) -> Path:
    """Pictures with CelebA's names and size: grey by their number, red bars above and below."""
    folder.mkdir(parents=True)
    for number in range(1, count + 1):
        image = Image.new("RGB", size, (220, 0, 0))
        image.paste((number, number, number), (0, 20, size[0], 20 + size[0]))
        image.save(folder / f"{number:06}.jpg", quality=95, subsampling=0)
    return folder


def pack(folder: Path, path: Path, prefix: str = "img_align_celeba/") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(prefix, "")
        for picture in sorted(folder.iterdir()):
            archive.write(picture, f"{prefix}{picture.name}")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_celeba(tmp_path / "unpacked" / "celeba" / "img_align_celeba")


def test_it_is_known_as_folder_zip_and_folder_with_the_zip(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "only zip").mkdir()
    packed = pack(folder, tmp_path / "only zip" / "img_align_celeba.zip")
    twice = pack(folder, tmp_path / "archive.zip", prefix="img_align_celeba/img_align_celeba/")
    fingerprints = set()
    for place in (folder, folder.parent, tmp_path / "unpacked", packed, packed.parent, twice):
        with open_source(place) as source:
            assert celeba.is_celeba(source), place
            assert len(source) == COUNT
            importing = ImageImport(source, 32)
            list(importing)
            fingerprints.add(importing.summary.fingerprint)
    assert len(fingerprints) == 1


def test_the_middle_178_pixels_are_used(folder: Path) -> None:
    with open_source(folder) as source:
        pixels = source.load(40, 64).astype(int)
        assert np.abs(pixels - 41).max() <= 4  # nothing of the red bars
        [shard, _] = ImageImport(source, 64)
    assert read_shard(shard.data).shape == (shard.num_images, 3, 64, 64)


def test_missing_pictures_are_counted_and_the_first_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_source(folder) as source:
        assert "70 of 202,599: 000071.jpg is the first that is missing" in look_at(source, 32).remark
    monkeypatch.setattr(celeba, "NUM_PICTURES", COUNT)
    with open_source(folder) as source:
        assert look_at(source, 32).remark == "These are the aligned pictures of CelebA, all 70 of them."
    (folder / "000003.jpg").unlink()
    with open_source(folder) as source:
        assert "69 of 70: 000003.jpg is the first" in look_at(source, 32).remark


def test_other_pictures_are_not_taken_for_it(tmp_path: Path) -> None:
    wild = save_celeba(tmp_path / "img_celeba", size=(200, 300))
    mixed = save_celeba(tmp_path / "mixed")
    (mixed / "holiday.jpg").write_bytes((mixed / "000001.jpg").read_bytes())
    few = save_celeba(tmp_path / "few", count=10)
    for place in (wild, mixed, few):
        with open_source(place) as source:
            assert not celeba.is_celeba(source)
            assert look_at(source, 32).remark == ""
    assert not celeba.is_celeba(DrawnFaces(100))


def test_a_damaged_first_picture_is_no_reason_to_fail(folder: Path) -> None:
    (folder / "000001.jpg").write_bytes(b"damaged")
    with open_source(folder) as source:
        assert not celeba.is_celeba(source)
