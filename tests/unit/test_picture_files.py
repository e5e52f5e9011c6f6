"""PNG, grids and GIFs hold the pixels they were given."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from gan_desktop.training.faces import draw_face
from gan_desktop.training.picture_files import Pixels, columns_for, gif, grid, png, scale_to_look_at


@pytest.fixture(scope="module")
def faces() -> Pixels:
    return np.stack([draw_face(index, 32) for index in range(7)])


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_a_png_holds_the_pixels_exactly(faces: Pixels) -> None:
    assert np.array_equal(np.asarray(opened(png(faces[0]))), faces[0])


def test_an_enlarged_png_shows_the_same_face(faces: Pixels) -> None:
    large = opened(png(faces[0], scale=4))
    assert large.size == (128, 128)
    small = np.asarray(large.resize((32, 32), Image.Resampling.BOX)).astype(int)
    assert np.abs(small - faces[0]).mean() < 4


def test_a_grid_has_every_picture_in_its_place_and_black_elsewhere(faces: Pixels) -> None:
    sheet = grid(faces, columns=3)
    assert sheet.shape == (3 * 34 + 2, 3 * 34 + 2, 3)
    rest = sheet.copy()
    for number, face in enumerate(faces):
        y, x = 2 + 34 * (number // 3), 2 + 34 * (number % 3)
        assert np.array_equal(sheet[y : y + 32, x : x + 32], face)
        rest[y : y + 32, x : x + 32] = 0
    assert not rest.any()


def test_a_grid_of_few_pictures_is_no_wider_than_they_are(faces: Pixels) -> None:
    assert grid(faces[:2], columns=8).shape == (36, 70, 3)
    assert [columns_for(count) for count in (1, 2, 4, 5, 9, 16, 17, 64)] == [1, 2, 2, 3, 3, 4, 5, 8]


def test_a_gif_shows_every_frame_and_begins_again(faces: Pixels) -> None:
    animation = opened(gif(faces, frame_ms=50))
    assert animation.info["loop"] == 0
    shown = [
        (frame.info["duration"], np.asarray(frame.convert("RGB")).astype(int))
        for frame in ImageSequence.Iterator(animation)
    ]
    assert len(shown) == len(faces)
    for face, (duration, frame) in zip(faces, shown, strict=True):
        assert duration == 50
        assert np.abs(frame - face).mean() < 3  # 256 colours a frame
    assert opened(gif(faces[:1], frame_ms=50, scale=2)).size == (64, 64)


def test_pictures_are_enlarged_until_they_can_be_looked_at() -> None:
    assert [scale_to_look_at(size) for size in (32, 64, 128, 256)] == [4, 2, 1, 1]
