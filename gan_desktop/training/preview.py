"""A look at pictures before they are imported: some of them, and what all will take."""

from __future__ import annotations

import io
import os
import time
import warnings
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gan_desktop.errors import ImageSetError
from gan_desktop.training import celeba
from gan_desktop.training.images import ImageSource
from gan_desktop.training.shards import encode_picture

DEFAULT_COUNT = 48


@dataclass(frozen=True)
class PreviewPicture:
    """One candidate as the networks would see it: a PNG, or the reason why it would be skipped."""

    file_name: str
    png: bytes | None = field(repr=False)
    reason: str = ""


@dataclass(frozen=True)
class Preview:
    """What an import would bring. All but `num_candidates` is estimated from the pictures looked at.

    Attributes:
        num_bytes: Of all shards together.
        seconds: For the import on this computer.
        remark: A sentence about a known data set; empty for others.
    """

    pictures: tuple[PreviewPicture, ...]
    num_candidates: int
    num_usable: int
    num_bytes: int
    seconds: float
    remark: str


def look_at(source: ImageSource, image_size: int, count: int = DEFAULT_COUNT) -> Preview:
    """Decode `count` candidates, evenly spread over the source, and estimate the rest."""
    indices = np.linspace(0, len(source) - 1, min(count, len(source))).round().astype(int).tolist()
    pictures, num_bytes = [], 0
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as the import does
        for index in indices:
            picture, size = _look_at_one(source, index, image_size)
            pictures.append(picture)
            num_bytes += size
    share = len(source) / len(indices)
    return Preview(
        pictures=tuple(pictures),
        num_candidates=len(source),
        num_usable=round(share * sum(picture.png is not None for picture in pictures)),
        num_bytes=round(share * num_bytes),
        seconds=share * (time.monotonic() - began) / (os.cpu_count() or 1),
        remark=celeba.completeness(source) if celeba.is_celeba(source) else "",
    )


def _look_at_one(source: ImageSource, index: int, image_size: int) -> tuple[PreviewPicture, int]:
    """The picture, and the bytes it will take in a shard."""
    name = source.file_name(index)
    try:
        pixels = source.load(index, image_size)
    except ImageSetError as error:
        return PreviewPicture(name, None, error.message), 0
    return PreviewPicture(name, as_png(pixels)), encode_picture(pixels).num_tar_bytes


def as_png(pixels: NDArray[np.uint8]) -> bytes:
    """One picture [S, S, 3], uint8, RGB, as a file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
