"""Recognises the aligned pictures of CelebA, as folder or zip, and tells whether all are there.

Liu, Luo, Wang, Tang: Deep Learning Face Attributes in the Wild (ICCV 2015). `img_align_celeba.zip` holds
000001.jpg to 202599.jpg of 178 x 218 pixels; the usual cut, 178 x 178 from the middle, is what
`images.load_image` does with any picture.
"""

from __future__ import annotations

import io
import re

from PIL import Image

from gan_desktop.errors import ImageSetError
from gan_desktop.training.images import MIN_IMAGES, ImageSource, PictureFiles

NAME = "CelebA"
NUM_PICTURES = 202_599
SIZE = (178, 218)

_FILE = re.compile(r"(?:.*/)?(\d{6})\.(?:jpg|png)")


def is_celeba(source: ImageSource) -> bool:
    """Whether all files have CelebA's names, and the first one its size."""
    is_named_so = len(_numbers(source)) == len(source) >= MIN_IMAGES
    return is_named_so and isinstance(source, PictureFiles) and _size(source) == SIZE


def completeness(source: ImageSource) -> str:
    """How much of CelebA a source holds, as a sentence for the instructor."""
    missing = sorted(set(range(1, NUM_PICTURES + 1)) - set(_numbers(source)))
    if not missing:
        return f"These are the aligned pictures of CelebA, all {NUM_PICTURES:,} of them."
    return (
        f"These are aligned pictures of CelebA, {len(source):,} of {NUM_PICTURES:,}: {missing[0]:06}.jpg is"
        " the first that is missing. Unless that is what you want, download or unpack them again."
    )


def _numbers(source: ImageSource) -> list[int]:
    found = (_FILE.fullmatch(source.file_name(index)) for index in range(len(source)))
    return [int(name[1]) for name in found if name]


def _size(source: PictureFiles) -> tuple[int, int] | None:
    try:
        with Image.open(io.BytesIO(source.read(0)), formats=("JPEG", "PNG")) as image:
            return image.size
    except (ImageSetError, OSError, SyntaxError, ValueError):
        return None
