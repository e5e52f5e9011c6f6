"""Data sets as shards: pictures dealt at random into tar files small enough to fetch one at a time.

A shard is a WebDataset-style tar (000000.webp, 000001.webp, ...) of at most 2,048 square pictures and 6 MB.
Every shard is a random sample of the whole set, so a student who has fetched one has a fair sample.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import re
import tarfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from gan_desktop.errors import ImageSetError
from gan_desktop.records import ShardFile
from gan_desktop.training.images import MIN_IMAGES, ImageSource

MAX_SHARD_IMAGES = 2_048
MAX_SHARD_BYTES = 6_000_000
HELD_OUT_SHARE = 0.05
MAX_HELD_OUT = 2_048
# Always the same, so that whoever has the same pictures can make the same shards of them.
IMPORT_SEED = 1

_BATCH_PER_THREAD = 32  # candidates in the hands of each decoding thread at once: bounds the memory
_BLOCK = tarfile.BLOCKSIZE
_END_BYTES = 2 * _BLOCK
_NAME = re.compile(r"(\d{6})\.(webp|jpg)")
_FORMATS = {"webp": "WEBP", "jpg": "JPEG"}


@dataclass(frozen=True)
class ImportSummary:
    """What became of a source's candidates.

    Attributes:
        num_images: Pictures in all shards, held-out ones included.
        num_skipped: Candidates that are no usable pictures.
        skipped: File name and reason of each skipped candidate.
        fingerprint: SHA-256 over the image size and the shards' checksums in their order.
        num_held_out: Pictures kept from training, for the quality measure.
    """

    num_images: int
    num_skipped: int
    skipped: tuple[tuple[str, str], ...] = field(repr=False)
    fingerprint: str
    num_held_out: int


@dataclass(frozen=True)
class EncodedPicture:
    """A picture as it will stand in the tar."""

    data: bytes
    suffix: str

    @property
    def num_tar_bytes(self) -> int:
        """What it takes there, header included."""
        return _BLOCK + math.ceil(len(self.data) / _BLOCK) * _BLOCK


class ImageImport:
    """Turns a source into shards, one at a time; `summary` is there when the last one is out.

    Iterating decodes, resizes and packs; it can be done once. The same source, size and seed give the same
    shards. Whoever stores the shards must drop them again if the iteration ends with an error.

    Args:
        source: Where the pictures come from.
        image_size: Edge of the square pictures, pixels.
        seed: Decides which picture lands in which shard.
        on_progress: Called with the candidates done and their total.
        should_cancel: Asked now and then; True ends the import with an ImageSetError.
        num_threads: For decoding; None: all cores.

    Raises:
        ImageSetError: Too few usable pictures (the message says why others were skipped), or cancelled.
    """

    def __init__(
        self,
        source: ImageSource,
        image_size: int,
        seed: int = IMPORT_SEED,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
        should_cancel: Callable[[], bool] = lambda: False,
        num_threads: int | None = None,
    ) -> None:
        self._source = source
        self._image_size = image_size
        self._on_progress = on_progress
        self._should_cancel = should_cancel
        self._num_threads = num_threads or os.cpu_count() or 1
        self._order = np.random.RandomState(seed % 2**32).permutation(len(source))
        self._num_done = 0
        self._skipped: list[tuple[str, str]] = []
        self._fingerprint = hashlib.sha256(f"image_size={image_size}".encode())
        self._num_images = 0
        self._num_held_out = 0

    def __iter__(self) -> Iterator[ShardFile]:
        if len(self._source) < MIN_IMAGES:
            raise ImageSetError(self._too_few(len(self._source)))
        num_held_out = min(MAX_HELD_OUT, math.ceil(HELD_OUT_SHARE * len(self._order)))
        for candidates, is_held_out in (
            (self._order[:-num_held_out], False),
            (self._order[-num_held_out:], True),
        ):
            for pictures in _deal(self._pictures(candidates), len(candidates)):
                yield self._finish_shard(pictures, is_held_out)
        if self._num_images < MIN_IMAGES:
            raise ImageSetError(self._too_few(self._num_images))

    @property
    def summary(self) -> ImportSummary:
        """What was imported so far: everything, once the iteration has ended."""
        return ImportSummary(
            num_images=self._num_images,
            num_skipped=len(self._skipped),
            skipped=tuple(self._skipped),
            fingerprint=self._fingerprint.hexdigest(),
            num_held_out=self._num_held_out,
        )

    def _pictures(self, candidates: NDArray[np.int64]) -> Iterator[EncodedPicture | None]:
        """The candidates in their order, decoded by threads a batch at a time; None for a skipped one."""
        with ThreadPoolExecutor(self._num_threads) as pool:
            num_at_once = _BATCH_PER_THREAD * self._num_threads
            for first in range(0, len(candidates), num_at_once):
                if self._should_cancel():
                    raise ImageSetError("The import was cancelled. Nothing was kept.")
                batch = candidates[first : first + num_at_once].tolist()
                with warnings.catch_warnings():
                    # Pillow warns of odd EXIF blocks and the like, once per file: not for the console.
                    warnings.simplefilter("ignore")
                    results = list(pool.map(self._load, batch))
                for index, result in zip(batch, results, strict=True):
                    if isinstance(result, ImageSetError):
                        self._skipped.append((self._source.file_name(index), result.message))
                        yield None
                    else:
                        yield result
                self._num_done += len(batch)
                self._on_progress(self._num_done, len(self._order))

    def _load(self, index: int) -> EncodedPicture | ImageSetError:
        try:
            return encode_picture(self._source.load(index, self._image_size))
        except ImageSetError as error:
            return error

    def _finish_shard(self, pictures: Sequence[EncodedPicture], is_held_out: bool) -> ShardFile:
        data = _pack(pictures)
        sha256 = hashlib.sha256(data).hexdigest()
        self._fingerprint.update(sha256.encode())
        self._num_images += len(pictures)
        self._num_held_out += len(pictures) if is_held_out else 0
        return ShardFile(data, len(pictures), sha256, is_held_out)

    def _too_few(self, num_usable: int) -> str:
        text = (
            f"{self._source.name} holds {num_usable} usable pictures; training needs at least {MIN_IMAGES}. "
            "Add more JPEG or PNG pictures, or name another folder."
        )
        if self._skipped:
            name, reason = self._skipped[0]
            text += f" Of {len(self._skipped)} skipped files the first was {name}: {reason}."
        return text


def _deal(pictures: Iterator[EncodedPicture | None], num_candidates: int) -> Iterator[list[EncodedPicture]]:
    """Group a stream of pictures into shards of even size that keep both limits.

    How many shards are needed depends on how many candidates turn out usable and on their bytes, so the
    aim is worked out anew at each picture from what was seen so far.
    """
    num_seen = num_usable = num_bytes = 0
    shard: list[EncodedPicture] = []
    shard_bytes = _END_BYTES
    aim = MAX_SHARD_IMAGES
    for picture in pictures:
        num_seen += 1
        if picture is None:
            continue
        if len(shard) >= aim or shard_bytes + picture.num_tar_bytes > MAX_SHARD_BYTES:
            yield shard
            shard, shard_bytes = [], _END_BYTES
        shard.append(picture)
        shard_bytes += picture.num_tar_bytes
        num_usable += 1
        num_bytes += picture.num_tar_bytes
        num_to_come = (num_candidates - num_seen) * num_usable / num_seen
        aim = _even_size(len(shard) + num_to_come, num_bytes / num_usable)
    if shard:
        yield shard


def _even_size(num_pictures: float, mean_bytes: float) -> int:
    """Pictures per shard when `num_pictures` are spread evenly over as few shards as the limits allow."""
    most = min(MAX_SHARD_IMAGES, 0.95 * MAX_SHARD_BYTES / mean_bytes)
    return max(1, math.ceil(num_pictures / math.ceil(num_pictures / most)))


def encode_picture(pixels: NDArray[np.uint8]) -> EncodedPicture:
    """Compress one picture: without loss up to 32 pixels, as JPEG with full colour resolution above.

    Measured on photographs: halved colour resolution (WebP always, JPEG's default) costs twice the error of
    anything else. At 32 pixels lossless WebP is as small as a JPEG of quality 95 (1.9 against 1.5 kB); at 64
    it is three times as large as a JPEG of quality 92 (6.5 against 2.5 kB; error 3.5 of 255).
    """
    image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    if max(image.size) <= 32:
        image.save(buffer, "WEBP", lossless=True, quality=0, method=0)
        return EncodedPicture(buffer.getvalue(), "webp")
    image.save(buffer, "JPEG", quality=92, subsampling=0, optimize=True)
    return EncodedPicture(buffer.getvalue(), "jpg")


def _pack(pictures: Sequence[EncodedPicture]) -> bytes:
    """A tar that depends on nothing but the pictures: no times, no owners."""
    buffer = io.BytesIO()
    for number, picture in enumerate(pictures):
        header = tarfile.TarInfo(f"{number:06d}.{picture.suffix}")
        header.size = len(picture.data)
        buffer.write(header.tobuf(tarfile.USTAR_FORMAT))
        buffer.write(picture.data)
        buffer.write(bytes(-len(picture.data) % _BLOCK))
    buffer.write(bytes(_END_BYTES))
    return buffer.getvalue()


def read_shard(
    data: bytes, sha256: str | None = None, *, num_images: int | None = None, image_size: int | None = None
) -> torch.Tensor:
    """Check a shard and decode it. Nothing is written to disk, and nothing large is allocated on its word.

    Args:
        data: The tar file.
        sha256: Its checksum in hexadecimal digits; None: not checked.
        num_images, image_size: What the shard must hold; None: whatever it holds.

    Returns:
        Pictures, [N, 3, H, W], uint8, RGB.

    Raises:
        ImageSetError: The bytes are not this shard, or no shard at all.
    """
    if len(data) > MAX_SHARD_BYTES:
        raise ImageSetError(f"A shard has {len(data)} bytes; at most {MAX_SHARD_BYTES} are allowed.")
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise ImageSetError("A shard is damaged: its checksum differs. Fetch it again.")
    members = list(_members(data))
    if not members:
        raise ImageSetError("A shard holds no pictures.")
    if num_images is not None and len(members) != num_images:
        raise ImageSetError(f"A shard holds {len(members)} pictures instead of {num_images}.")
    pixels = [_decode(encoded, image_size) for encoded in members]
    if any(picture.shape != pixels[0].shape for picture in pixels):
        raise ImageSetError("The pictures of a shard differ in size.")
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous()


def _members(data: bytes) -> Iterator[EncodedPicture]:
    """Walk the tar strictly: plain files only, numbered from 0 without a gap.

    The standard library parses each header; the walk is ours, since `tarfile` follows links, sparse maps and
    claimed sizes, all of which a hostile file may use.
    """
    position = number = 0
    while any(block := data[position : position + _BLOCK]):
        if number == MAX_SHARD_IMAGES:
            raise ImageSetError(f"A shard holds more than {MAX_SHARD_IMAGES} pictures.")
        try:
            header = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        except (tarfile.HeaderError, ValueError) as error:
            raise ImageSetError("A shard is no readable tar file.") from error
        name = _NAME.fullmatch(header.name)
        end = position + _BLOCK + header.size
        is_plain = header.type == tarfile.REGTYPE and header.size > 0 and end <= len(data)
        if name is None or int(name[1]) != number or not is_plain:
            raise ImageSetError(f"A shard holds something other than picture {number}.")
        yield EncodedPicture(data[position + _BLOCK : end], name[2])
        position = end + -header.size % _BLOCK
        number += 1


def _decode(encoded: EncodedPicture, image_size: int | None) -> NDArray[np.uint8]:
    try:
        with Image.open(io.BytesIO(encoded.data), formats=(_FORMATS[encoded.suffix],)) as image:
            expected = image_size or min(image.width, 256)
            if image.size != (expected, expected):
                raise ImageSetError(f"A shard holds a picture of {image.width} x {image.height} pixels.")
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageSetError(f"A picture of a shard cannot be decoded: {error}") from error
