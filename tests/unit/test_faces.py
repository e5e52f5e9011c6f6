from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gan_desktop.training.faces import draw_face


@pytest.mark.parametrize("size", [32, 64, 128])
def test_the_same_index_gives_the_same_face(size: int) -> None:
    face = draw_face(7, size)
    assert face.shape == (size, size, 3)
    assert face.dtype == np.uint8
    assert np.array_equal(face, draw_face(7, size))


def test_faces_stay_what_they_were_in_the_first_release() -> None:
    """Three faces as 2 x 2 pictures; a rasteriser may round otherwise, another person may not stand there."""
    quarters = [
        np.asarray(Image.fromarray(draw_face(i, 64)).reduce(32)).reshape(-1).tolist() for i in (0, 1, 5_000)
    ]
    expected = [
        [156, 162, 139, 148, 154, 136, 160, 152, 123, 154, 147, 125],
        [206, 184, 148, 211, 186, 156, 211, 183, 147, 214, 183, 151],
        [209, 188, 178, 212, 184, 169, 199, 167, 157, 202, 166, 150],
    ]
    assert np.abs(np.array(quarters) - np.array(expected)).max() <= 2


def test_a_face_is_the_same_person_at_every_size() -> None:
    for index in range(20):
        small = draw_face(index, 32).astype(float)
        large = np.asarray(Image.fromarray(draw_face(index, 128)).reduce(4)).astype(float)
        assert np.abs(small - large).mean() < 5


def test_no_two_of_a_thousand_faces_are_alike() -> None:
    assert len({draw_face(index, 32).tobytes() for index in range(1_000)}) == 1_000


def test_faces_are_varied_yet_aligned() -> None:
    """In the mean of many different faces the irises are still dark spots between the whites."""
    faces = np.stack([draw_face(index, 64) for index in range(300)]).astype(float)
    assert faces.std(axis=0).mean() > 25
    eye_row = faces.mean(axis=(0, 3))[30]
    for iris, whites in ((slice(22, 25), [19, 20, 27, 28]), (slice(39, 42), [35, 36, 43, 44])):
        assert eye_row[iris].mean() < eye_row[whites].mean() - 20


def test_edges_are_antialiased() -> None:
    """Some pixels lie between the colours of flat areas: far more colours than were painted with."""
    face = draw_face(3, 32)
    assert len(np.unique(face.reshape(-1, 3), axis=0)) > 300
