from __future__ import annotations

import hashlib
import io
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from gan_desktop.errors import ImageSetError
from gan_desktop.records import ShardFile
from gan_desktop.training.faces import draw_face
from gan_desktop.training.images import DrawnFaces, ImageSource, open_source
from gan_desktop.training.shards import (
    MAX_SHARD_BYTES,
    MAX_SHARD_IMAGES,
    ImageImport,
    read_shard,
)


class Numbers(ImageSource):
    """Flat pictures whose colour is their number; those in `broken` are no pictures."""

    def __init__(self, count: int, broken: frozenset[int] = frozenset()) -> None:
        self.name = "numbers"
        self._count = count
        self._broken = broken

    def __len__(self) -> int:
        return self._count

    def file_name(self, index: int) -> str:
        return f"number {index}"

    def load(self, index: int, size: int) -> NDArray[np.uint8]:
        if index in self._broken:
            raise ImageSetError("not a picture in a known format")
        pixels = np.empty((size, size, 3), dtype=np.uint8)
        pixels[:] = (index >> 16, index >> 8 & 255, index & 255)
        return pixels


class Noise(ImageSource):
    """Pictures that hardly compress, and every third one that does: 6 MB come before 2,048 pictures."""

    name = "noise"

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def file_name(self, index: int) -> str:
        return str(index)

    def load(self, index: int, size: int) -> NDArray[np.uint8]:
        if index % 3 == 0:
            return np.zeros((size, size, 3), dtype=np.uint8)
        return np.random.RandomState(index).randint(0, 256, (size, size, 3)).astype(np.uint8)


def numbers_in(shard: ShardFile) -> list[int]:
    colours = read_shard(shard.data, shard.sha256)[:, :, 0, 0].int()
    return [int(red) << 16 | int(green) << 8 | int(blue) for red, green, blue in colours]


@given(
    count=st.integers(64, 5_000),
    broken_share=st.sampled_from([0.0, 0.0, 0.03, 0.3]),
    seed=st.integers(0, 2**63),
)
@settings(max_examples=10)
def test_every_picture_is_in_exactly_one_shard(count: int, broken_share: float, seed: int) -> None:
    random = np.random.RandomState(count)
    broken = frozenset(random.permutation(count)[: int(count * broken_share)].tolist())
    importing = ImageImport(Numbers(count, broken), 32, seed)
    if count - len(broken) < 64:
        with pytest.raises(ImageSetError):
            list(importing)
        return
    shards = list(importing)
    numbers = Counter(number for shard in shards for number in numbers_in(shard))
    assert numbers == Counter(set(range(count)) - broken)
    assert all(1 <= shard.num_images <= MAX_SHARD_IMAGES for shard in shards)
    assert importing.summary.num_images == count - len(broken)
    assert {name for name, _ in importing.summary.skipped} == {f"number {i}" for i in broken}
    assert importing.summary.num_held_out == sum(shard.num_images for shard in shards if shard.is_held_out)


def test_shards_are_of_even_size_and_five_in_a_hundred_held_out() -> None:
    shards = list(ImageImport(Numbers(4_500), 32, seed=1))
    assert [(shard.num_images, shard.is_held_out) for shard in shards] == [
        (1_425, False),
        (1_425, False),
        (1_425, False),
        (225, True),
    ]


def test_no_more_is_held_out_than_the_quality_measure_can_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_desktop.training.shards.MAX_HELD_OUT", 100)
    importing = ImageImport(Numbers(4_500), 32, seed=1)
    assert [shard.num_images for shard in importing if shard.is_held_out] == [100]
    assert importing.summary.num_held_out == 100


def test_each_shard_is_a_fair_sample_of_the_whole() -> None:
    """The deal is random: no shard holds a run of neighbours, which often are pictures of one person."""
    for shard in ImageImport(Numbers(4_500), 32, seed=1):
        assert abs(np.mean(numbers_in(shard)) - 2_250) < 4 * 1_300 / shard.num_images**0.5


@pytest.mark.parametrize("size", [32, 64, 128])
def test_shards_keep_the_byte_limit_and_stay_even(size: int) -> None:
    count = {32: 4_000, 64: 2_000, 128: 700}[size]
    shards = [shard for shard in ImageImport(Noise(count), size, seed=1) if not shard.is_held_out]
    sizes = [shard.num_images for shard in shards]
    assert all(len(shard.data) <= MAX_SHARD_BYTES for shard in shards)
    assert len(shards) >= 2
    assert max(sizes) - min(sizes) <= 0.05 * max(sizes)


def test_the_same_seed_gives_the_same_shards_and_fingerprint() -> None:
    first, again, other = (ImageImport(DrawnFaces(200), 32, seed) for seed in (3, 3, 4))
    shards = list(first)
    assert list(again) == shards
    assert list(other) != shards
    assert first.summary == again.summary
    assert first.summary.fingerprint != other.summary.fingerprint


@pytest.mark.parametrize(("size", "error"), [(32, 0.0), (64, 5.0), (128, 4.0)])
def test_pictures_survive_the_shard(size: int, error: float) -> None:
    """Without loss at 32 pixels, with an error of few grey levels above."""
    shard = next(iter(ImageImport(DrawnFaces(70), size, seed=1)))
    images = read_shard(shard.data, shard.sha256, num_images=shard.num_images, image_size=size)
    assert images.shape == (66, 3, size, size)
    assert images.dtype == torch.uint8
    faces = np.stack([draw_face(i, size) for i in range(70)]).astype(np.float32)
    for image in images.permute(0, 2, 3, 1).numpy().astype(np.float32)[:10]:
        nearest = np.sqrt(((faces - image) ** 2).mean(axis=(1, 2, 3))).min()
        assert nearest <= error


def test_a_shard_is_a_tar_that_any_program_reads() -> None:
    shard = next(iter(ImageImport(DrawnFaces(64), 32, seed=1)))
    with tarfile.open(fileobj=io.BytesIO(shard.data)) as archive:
        members = archive.getmembers()
        assert [member.name for member in members] == [f"{i:06d}.webp" for i in range(shard.num_images)]
        assert {(member.mtime, member.uid, member.uname) for member in members} == {(0, 0, "")}
        file = archive.extractfile(members[0])
        assert file is not None
        assert Image.open(file).size == (32, 32)


def test_grey_and_damaged_photographs_of_a_folder_are_dealt_with(tmp_path: Path) -> None:
    for i in range(70):
        Image.fromarray(draw_face(i, 80)).convert("L" if i % 2 else "RGB").save(tmp_path / f"{i:03d}.jpg")
    (tmp_path / "001.jpg").write_bytes((tmp_path / "001.jpg").read_bytes()[:900])
    (tmp_path / "text.jpg").write_text("no picture")
    with open_source(tmp_path) as source:
        importing = ImageImport(source, 128, seed=1)
        shards = list(importing)
    assert importing.summary.num_images == sum(shard.num_images for shard in shards) == 69
    assert dict(importing.summary.skipped)["text.jpg"] == "not a picture in a known format"
    assert "cut off or damaged" in dict(importing.summary.skipped)["001.jpg"]
    assert importing.summary.num_skipped == 2


def test_too_few_pictures_are_refused_with_the_reason() -> None:
    with pytest.raises(ImageSetError, match="holds 63 usable pictures; training needs at least 64"):
        list(ImageImport(Numbers(63), 32, seed=1))
    broken = frozenset(range(30, 200))
    with pytest.raises(ImageSetError, match=r"30 usable .* 170 skipped files .*: not a picture"):
        list(ImageImport(Numbers(200, broken), 32, seed=1))


def test_progress_reaches_the_total() -> None:
    seen: list[tuple[int, int]] = []
    list(ImageImport(Numbers(1_000), 32, 1, on_progress=lambda done, total: seen.append((done, total))))
    assert seen == sorted(seen)
    assert seen[-1] == (1_000, 1_000)
    assert len(seen) >= 4


def test_an_import_can_be_cancelled() -> None:
    seen: list[int] = []
    importing = ImageImport(
        Numbers(5_000),
        32,
        seed=1,
        on_progress=lambda done, _: seen.append(done),
        should_cancel=lambda: len(seen) >= 2,
    )
    with pytest.raises(ImageSetError, match="cancelled"):
        list(importing)
    assert len(seen) == 2


def webp(size: tuple[int, int] = (32, 32)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for header, content in members:
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, target
    return header


def with_claimed_size(size_field: bytes) -> bytes:
    """A first member whose header claims a size of its own."""
    data = bytearray(tar((member("000000.webp"), webp())))
    data[124:136] = size_field
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no tar": lambda: b"this is no tar file" * 100,
    "empty tar": lambda: bytes(10_240),
    "absolute name": lambda: tar((member("/etc/passwd"), webp())),
    "parent folder": lambda: tar((member("../000000.webp"), webp())),
    "symbolic link": lambda: tar((member("000000.webp", tarfile.SYMTYPE, "/etc/passwd"), b"")),
    "hard link": lambda: tar((member("000000.webp", tarfile.LNKTYPE, "000001.webp"), b"")),
    "device": lambda: tar((member("000000.webp", tarfile.CHRTYPE), b"")),
    "sparse file": lambda: tar((member("000000.webp", tarfile.GNUTYPE_SPARSE), webp())),
    "gap in the numbers": lambda: tar((member("000001.webp"), webp())),
    "same number twice": lambda: tar((member("000000.webp"), webp()), (member("000000.webp"), webp())),
    "long names": lambda: tar((member("0" * 300 + ".webp"), webp()), form=tarfile.PAX_FORMAT),
    "other file": lambda: tar((member("000000.pkl"), b"cos\nsystem\n")),
    "huge claimed size": lambda: with_claimed_size(b"77777777777\0"),
    "negative claimed size": lambda: with_claimed_size(b"\xff" * 12),
    "terabytes claimed": lambda: with_claimed_size(b"\x80" + bytes(4) + b"\xff" * 7),
    "empty member": lambda: tar((member("000000.webp"), b"")),
    "not square": lambda: tar((member("000000.webp"), webp((32, 16)))),
    "another size": lambda: tar((member("000000.webp"), webp((64, 64)))),
    "gigantic picture": lambda: tar((member("000000.webp"), webp((4_000, 4_000)))),
    "no picture": lambda: tar((member("000000.webp"), b"text" * 40)),
    "cut off picture": lambda: tar((member("000000.webp"), webp()[:30])),
    "another format": lambda: tar((member("000000.jpg"), webp())),
    "too many": lambda: tar(*((member(f"{i:06d}.webp"), webp()) for i in range(MAX_SHARD_IMAGES + 1))),
    "too large": lambda: tar((member("000000.webp"), bytes(MAX_SHARD_BYTES))),
    "cut off tar": lambda: tar((member("000000.webp"), webp()))[:540],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_shard_is_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = HOSTILE[kind]()
    with pytest.raises(ImageSetError):
        read_shard(data, hashlib.sha256(data).hexdigest(), image_size=32)
    assert list(tmp_path.iterdir()) == []


def test_an_honest_shard_of_the_same_make_is_read() -> None:
    """So that the hostile ones above are refused for what is hostile in them."""
    data = tar((member("000000.webp"), webp()), (member("000001.webp"), webp()))
    assert read_shard(data, hashlib.sha256(data).hexdigest(), image_size=32).shape == (2, 3, 32, 32)


def test_a_shard_that_is_not_the_listed_one_is_refused() -> None:
    shard = next(iter(ImageImport(DrawnFaces(64), 32, seed=1)))
    damaged = bytearray(shard.data)
    damaged[700] ^= 1
    with pytest.raises(ImageSetError, match="checksum"):
        read_shard(bytes(damaged), shard.sha256)
    with pytest.raises(ImageSetError, match="60 pictures instead of 61"):
        read_shard(shard.data, shard.sha256, num_images=shard.num_images + 1)
    with pytest.raises(ImageSetError, match="32 x 32"):
        read_shard(shard.data, shard.sha256, image_size=64)
