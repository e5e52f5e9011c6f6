"""Where the pictures come from: a folder, a zip, or drawn faces; each made square and small."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from gan_desktop.errors import ImageSetError
from gan_desktop.training.faces import draw_face

MAX_FILE_BYTES = 50_000_000
MAX_PIXELS = 89_000_000  # about where Pillow begins to warn of decompression bombs
_TOO_MANY_PIXELS = f"more than {MAX_PIXELS // 1_000_000} million pixels"
# A square of more is made smaller before anything else: converted as a whole, a file of some kilobytes could
# take more than a gigabyte.
_LARGE = 9_000_000
_STRIP_ROWS = 256
MIN_IMAGES = 64  # of a data set
MIN_EDGE = 8  # smaller ones are icons and spacers, not photographs
SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
)

# Named, since Pillow would otherwise try every format it knows, some of which start other programs.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
_DECODE_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, ArithmeticError, AttributeError,
    NotImplementedError, struct.error, zlib.error,
)  # fmt: skip


class _NoPictures(ImageSetError):
    """There is not one picture file in a place."""


class ImageSource(ABC):
    """Candidates for a data set, in a fixed order; some may turn out to be no pictures.

    Use it as a context manager: a zip stays open until then. `load` may be called from several threads.
    """

    name: str

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def file_name(self, index: int) -> str:
        """What a person knows candidate `index` by."""

    @abstractmethod
    def load(self, index: int, size: int) -> NDArray[np.uint8]:
        """Candidate `index` as [size, size, 3], uint8, RGB.

        Raises:
            ImageSetError: The candidate is no usable picture; the message is the reason.
        """

    def close(self) -> None:  # noqa: B027 - only the zip holds something open
        """Let go of the files."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class DrawnFaces(ImageSource):
    """The first `count` drawn faces: always there, the same on every computer."""

    def __init__(self, count: int) -> None:
        self.name = f"{count} drawn faces"
        self._count = count

    def __len__(self) -> int:
        return self._count

    def file_name(self, index: int) -> str:
        """The face's number."""
        return f"drawn face {index}"

    def load(self, index: int, size: int) -> NDArray[np.uint8]:
        """Draw face `index`."""
        return draw_face(index, size)


class PictureFiles(ImageSource):
    """Candidates that are files of their own, in a folder or a zip."""

    @abstractmethod
    def read(self, index: int) -> bytes:
        """The file of candidate `index`; of one that is too large a little more than `MAX_FILE_BYTES`.

        Raises:
            ImageSetError: It cannot be read; the message is the reason.
        """

    def load(self, index: int, size: int) -> NDArray[np.uint8]:
        """Read and decode candidate `index`."""
        return load_image(self.read(index), size)


class FolderImages(PictureFiles):
    """Every picture file below a folder, sorted by path.

    Hidden files and folders are left out and links to folders not followed.

    Raises:
        ImageSetError: There is no picture file.
    """

    def __init__(self, folder: Path) -> None:
        self.name = folder.resolve().name
        self._folder = folder
        self._files = sorted(
            relative
            for parent, _, files in os.walk(folder)
            for file in files
            if _is_candidate(relative := (Path(parent) / file).relative_to(folder).as_posix())
        )
        _require_candidates(self._files, folder)

    def __len__(self) -> int:
        return len(self._files)

    def file_name(self, index: int) -> str:
        """The path below the folder, printable even where the name is no valid Unicode."""
        return self._files[index].encode(errors="replace").decode()

    def read(self, index: int) -> bytes:
        """Read the file."""
        try:
            with (self._folder / self._files[index]).open("rb") as file:
                return file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise ImageSetError(f"cannot be read: {error.strerror}") from error


class ZipImages(PictureFiles):
    """Every picture file in a zip, sorted by path, decoded from memory: nothing is unpacked to disk.

    Raises:
        ImageSetError: The zip is damaged, or there is no picture file in it.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
            raise ImageSetError(
                f"The zip file {path} is damaged or incomplete ({error}). Download or pack it again."
            ) from error
        self._entries = sorted(
            (entry for entry in self._zip.infolist() if not entry.is_dir() and _is_candidate(entry.filename)),
            key=lambda entry: entry.filename,
        )
        try:
            _require_candidates(self._entries, path)
        except ImageSetError:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self._entries)

    def file_name(self, index: int) -> str:
        """The path inside the zip."""
        return self._entries[index].filename

    def read(self, index: int) -> bytes:
        """Unpack the entry, whatever size it claims."""
        entry = self._entries[index]
        if entry.flag_bits & 0x1:
            raise ImageSetError("protected by a password")
        try:
            with self._zip.open(entry) as file:
                return file.read(MAX_FILE_BYTES + 1)
        except (
            zipfile.BadZipFile,
            zlib.error,
            OSError,
            EOFError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise ImageSetError(f"damaged inside the zip: {error}") from error

    def close(self) -> None:
        """Close the zip file."""
        self._zip.close()


class JoinedImages(PictureFiles):
    """The pictures of several sources, one source after the other."""

    def __init__(self, name: str, sources: Sequence[PictureFiles]) -> None:
        self.name = name
        self._sources = sources
        self._places = [(source, index) for source in sources for index in range(len(source))]

    def __len__(self) -> int:
        return len(self._places)

    def file_name(self, index: int) -> str:
        """The source's name and the one in it."""
        source, own_index = self._places[index]
        return f"{source.name}: {source.file_name(own_index)}"

    def read(self, index: int) -> bytes:
        """Read it from its source."""
        source, own_index = self._places[index]
        return source.read(own_index)

    def close(self) -> None:
        """Close all of them."""
        for source in self._sources:
            source.close()


def open_source(path: Path | None, num_drawn: int = 6_000) -> ImageSource:
    """The pictures a person named: a folder of files or zips, a zip, or (None) drawn faces.

    Raises:
        ImageSetError: Nothing is there, it is neither a folder nor a zip, or it holds no picture file.
    """
    if path is None:
        return DrawnFaces(num_drawn)
    if path.is_dir():
        return _open_folder(path)
    if not path.exists():
        raise ImageSetError(f"There is no folder or zip file {path}. Check the path.")
    if path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
        return ZipImages(path)
    raise ImageSetError(
        f"{path} is neither a folder nor a zip file. Name a folder or a zip of JPEG or PNG pictures."
    )


def open_zips(zips: Sequence[Path], name: str) -> PictureFiles:
    """The pictures of several zips; those without any are passed over if another has some.

    Raises:
        ImageSetError: One is damaged, or there is no picture file in any.
    """
    sources: list[PictureFiles] = []
    with contextlib.ExitStack() as opened:
        for path in zips:
            try:
                sources.append(opened.enter_context(ZipImages(path)))
            except _NoPictures:
                if path is zips[-1] and not sources:
                    raise
        opened.pop_all()
    return sources[0] if len(sources) == 1 else JoinedImages(name, sources)


def _open_folder(folder: Path) -> PictureFiles:
    """Its picture files; where there are hardly any, the zips in it: so data sets are handed out."""
    zips = sorted(path for path in folder.rglob("*.zip") if _is_visible(path.relative_to(folder).parts))
    try:
        files = FolderImages(folder)
    except _NoPictures:
        if not zips:
            raise
        return open_zips(zips, folder.resolve().name)
    return open_zips(zips, files.name) if zips and len(files) < MIN_IMAGES else files


def load_image(data: bytes, size: int) -> NDArray[np.uint8]:
    """Decode one picture and make it square and small.

    The largest square is cut out of the middle (of CelebA's aligned 178 x 218 pixels the usual 178 x 178)
    and resampled with an antialiasing Lanczos filter. Camera rotation (EXIF) is applied, transparency laid
    over white, CMYK, palette, grey and 16-bit pictures become 8-bit RGB; of an animation the first frame.

    Returns:
        [size, size, 3], uint8, RGB.

    Raises:
        ImageSetError: Not a usable picture; the message is the reason, in a few words.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ImageSetError(f"larger than {MAX_FILE_BYTES // 1_000_000} MB")
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            _check_dimensions(image)
            return _to_square(image, size)
    except UnidentifiedImageError as error:
        raise ImageSetError("not a picture in a known format" if data else "empty file") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageSetError(_TOO_MANY_PIXELS) from error
    except _DECODE_ERRORS as error:
        raise ImageSetError(f"cut off or damaged: {error}") from error


def _check_dimensions(image: Image.Image) -> None:
    """Look at the size in the header, before anything is decoded."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageSetError(_TOO_MANY_PIXELS)
    if min(width, height) < MIN_EDGE:
        raise ImageSetError(f"only {width} x {height} pixels")


def _to_square(image: Image.Image, size: int) -> NDArray[np.uint8]:
    # A JPEG decoder can halve large photographs on the way; twice the final size leaves Lanczos its work.
    image.draft(image.mode, (2 * size, 2 * size))
    ImageOps.exif_transpose(image, in_place=True)
    edge = min(image.size)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    if edge * edge > _LARGE:
        return _to_square_in_strips(image, (left, top), edge, size)
    # Cut first: resize(box=...) would let pixels from outside the square bleed into its border.
    square = _to_rgb(image.crop((left, top, left + edge, top + edge)))
    return np.asarray(square.resize((size, size), Image.Resampling.LANCZOS))


def _to_square_in_strips(
    image: Image.Image, corner: tuple[int, int], edge: int, size: int
) -> NDArray[np.uint8]:
    """Average a square's pixels down to about four times the final size, strip by strip, then resample."""
    factor = max(1, edge // (4 * size))
    rows = factor * -(-_STRIP_ROWS // factor)
    left, top = corner
    reduced = Image.new("RGB", (-(-edge // factor),) * 2)
    for first in range(0, edge, rows):
        last = min(first + rows, edge)
        strip = image.crop((left, top + first, left + edge, top + last))
        reduced.paste(_to_rgb(strip).reduce(factor), (0, first // factor))
    # Of the last column and row there may be a part only.
    box = (0, 0, edge / factor, edge / factor)
    return np.asarray(reduced.resize((size, size), Image.Resampling.LANCZOS, box=box))


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ImageSetError("floating-point pixels, whose range is not known")
    if image.mode.startswith("I"):
        # Pillow's own conversion clips 16 bits at 255 instead of scaling them.
        image = Image.fromarray((np.asarray(image).clip(0, 65_535) // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _is_candidate(path: str) -> bool:
    pure = PurePosixPath(path)
    return pure.suffix.lower() in SUFFIXES and _is_visible(pure.parts)


def _is_visible(parts: tuple[str, ...]) -> bool:
    return not any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _require_candidates(files: list[str] | list[zipfile.ZipInfo], path: Path) -> None:
    if not files:
        raise _NoPictures(
            f"There are no pictures in {path}. Put JPEG or PNG files there, or name another place."
        )
