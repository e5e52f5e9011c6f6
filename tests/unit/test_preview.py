"""A look at pictures before their import."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from gan_desktop.training.faces import draw_face
from gan_desktop.training.images import DrawnFaces, open_source
from gan_desktop.training.preview import look_at
from gan_desktop.training.shards import ImageImport


@pytest.mark.parametrize("size", [32, 64, 128])
def test_the_estimate_is_close_to_what_an_import_takes(size: int) -> None:
    preview = look_at(DrawnFaces(400), size)
    num_bytes = sum(len(shard.data) for shard in ImageImport(DrawnFaces(400), size))
    assert preview.num_bytes == pytest.approx(num_bytes, rel=0.1)
    assert (preview.num_candidates, preview.num_usable) == (400, 400)
    assert preview.seconds > 0


def test_pictures_are_shown_as_the_networks_will_see_them() -> None:
    preview = look_at(DrawnFaces(1_000), 64, count=5)
    assert [picture.file_name for picture in preview.pictures] == [
        f"drawn face {number}" for number in (0, 250, 500, 749, 999)
    ]
    for picture in preview.pictures:
        assert picture.png is not None
        assert Image.open(io.BytesIO(picture.png)).size == (64, 64)


def test_unusable_ones_are_shown_with_their_reason_and_counted(tmp_path: Path) -> None:
    for number in range(40):
        path = tmp_path / f"{number:02}.png"
        if number % 4:
            Image.fromarray(draw_face(number, 40)).save(path)
        else:
            path.write_bytes(b"")
    with open_source(tmp_path) as source:
        preview = look_at(source, 32, count=100)
    assert preview.num_usable == 30
    assert {picture.reason for picture in preview.pictures if picture.png is None} == {"empty file"}
