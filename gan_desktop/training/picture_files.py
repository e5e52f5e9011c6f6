"""Pictures as files: PNG, grids, looping GIFs. Plain NumPy and Pillow, so that a window needs no PyTorch."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# [H, W, 3] of one picture, or [N, H, W, 3]: uint8, RGB.
Pixels = NDArray[np.uint8]

GRID_GAP = 2
LARGE_ENOUGH = 128


def png(picture: Pixels, scale: int = 1) -> bytes:
    """A picture [H, W, 3] as a PNG file, `scale` times as large as it is."""
    file = io.BytesIO()
    _enlarged(picture, scale).save(file, "PNG")
    return file.getvalue()


def grid(pictures: Pixels, columns: int) -> Pixels:
    """Lay pictures [N, H, W, 3] out in rows of at most `columns`, black in between and after the last one."""
    count, height, width, _ = pictures.shape
    columns = min(columns, count)
    cells = np.zeros((-(-count // columns) * columns, height + GRID_GAP, width + GRID_GAP, 3), np.uint8)
    cells[:count, :height, :width] = pictures
    rows = cells.reshape(-1, columns, *cells.shape[1:])
    # [row, column, y, x, 3] to [row, y, column, x, 3]: then rows of pictures are rows of pixels.
    sheet = rows.swapaxes(1, 2).reshape(len(rows) * cells.shape[1], columns * cells.shape[2], 3)
    return np.pad(sheet, ((GRID_GAP, 0), (GRID_GAP, 0), (0, 0)))


def gif(frames: Pixels, frame_ms: int | Sequence[int], scale: int = 1) -> bytes:
    """Frames [N, H, W, 3] as a GIF that begins again for ever, each shown for `frame_ms` (or its own)."""
    # A GIF has 256 colours a frame. Dithering would make the noise of it flicker from frame to frame.
    shown = [
        _enlarged(frame, scale).quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        for frame in frames
    ]
    file = io.BytesIO()
    durations = frame_ms if isinstance(frame_ms, int) else list(frame_ms)
    shown[0].save(file, "GIF", save_all=True, append_images=shown[1:], duration=durations, loop=0)
    return file.getvalue()


def columns_for(count: int) -> int:
    """Columns of a grid of `count` pictures that is about square."""
    return max(1, int(np.ceil(np.sqrt(count))))


def scale_to_look_at(image_size: int) -> int:
    """How often enlarged a picture of so many pixels is no stamp on a screen any more."""
    return max(1, LARGE_ENOUGH // image_size)


def _enlarged(picture: Pixels, scale: int) -> Image.Image:
    """Lanczos: with plain pixels the eye sees squares, not faces."""
    image = Image.fromarray(picture)
    if scale == 1:
        return image
    return image.resize((scale * image.width, scale * image.height), Image.Resampling.LANCZOS)
