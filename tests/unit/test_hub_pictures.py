"""Which files of a Hub's data set are its pictures, and how they are opened."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gan_desktop.errors import ImageSetError
from gan_desktop.training.faces import draw_face
from gan_desktop.training.hub_pictures import find_pictures, open_pictures
from gan_desktop.training.images import load_image
from gan_desktop.web.hub import Hub, HubAddress
from tests.web_server import WebServer, web_server


def face_png(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(draw_face(number, 40)).save(buffer, "PNG")
    return buffer.getvalue()


FACES = [face_png(number) for number in range(70)]


def zip_of(faces: list[bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, face in enumerate(faces):
            archive.writestr(f"faces/{number:03}.png", face)
    return buffer.getvalue()


def table_of(faces: list[bytes], column: str = "image", *, as_structs: bool = True) -> bytes:
    values: list[Any] = (
        [{"bytes": f, "path": f"{i}.png"} for i, f in enumerate(faces)] if as_structs else faces
    )
    buffer = io.BytesIO()
    pq.write_table(pa.table({"label": list(range(len(faces))), column: values}), buffer, row_group_size=16)
    return buffer.getvalue()


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


def faces_in(web: WebServer, files: dict[str, bytes], root: Path, path: str = "") -> list[bytes]:
    """The pictures of a repository with these files, in their order."""
    web.add_repository("ana/faces", files)
    hub = Hub(web.url)
    found = find_pictures(hub, HubAddress("ana/faces", path=path))
    with open_pictures(hub, found, root) as source:
        assert source.name == "faces"
        return [source.read(index) for index in range(len(source))]


def test_single_pictures_are_found(web: WebServer, tmp_path: Path) -> None:
    files = {f"data/{number:03}.png": face for number, face in enumerate(FACES)}
    assert faces_in(web, files | {"README.md": b"# Faces", "extra.zip": b"not asked"}, tmp_path) == FACES
    assert not any("extra.zip" in asked.path for asked in web.asked)


def test_zips_are_found_beside_a_few_pictures_of_the_page(web: WebServer, tmp_path: Path) -> None:
    files = {"banner.png": FACES[0], "a.zip": zip_of(FACES[:30]), "b.zip": zip_of(FACES[30:])}
    assert faces_in(web, files, tmp_path) == FACES
    assert faces_in(web, files, tmp_path, path="b.zip") == FACES[30:]


@pytest.mark.parametrize(("column", "as_structs"), [("image", True), ("photo", True), ("img", False)])
def test_tables_are_unpacked(web: WebServer, tmp_path: Path, column: str, as_structs: bool) -> None:
    files = {
        "data/train-00000-of-00002.parquet": table_of(FACES[:40], column, as_structs=as_structs),
        "data/train-00001-of-00002.parquet": table_of(FACES[40:], column, as_structs=as_structs),
    }
    assert faces_in(web, files, tmp_path) == FACES
    assert [path.suffix for path in tmp_path.rglob("*") if "part" in path.suffix] == []
    assert np.array_equal(load_image(FACES[0], 32), load_image(face_png(0), 32))


def test_one_of_several_sets_of_tables_has_to_be_named(web: WebServer, tmp_path: Path) -> None:
    files = {"small/train.parquet": table_of(FACES[:10]), "large/train.parquet": table_of(FACES)}
    with pytest.raises(ImageSetError, match=r"hub:ana/faces/large\n  hub:ana/faces/small"):
        faces_in(web, files, tmp_path)
    assert faces_in(web, files, tmp_path, path="large") == FACES
    assert faces_in(web, files, tmp_path, path="small") == FACES[:10]


def test_a_table_without_pictures_is_named_with_its_columns(web: WebServer, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"text": ["a"], "label": [1]}), buffer)
    with pytest.raises(ImageSetError, match="Its columns are: text, label"):
        faces_in(web, {"train.parquet": buffer.getvalue()}, tmp_path)


def test_a_damaged_table_is_named(web: WebServer, tmp_path: Path) -> None:
    with pytest.raises(ImageSetError, match=r"train\.parquet is damaged"):
        faces_in(web, {"train.parquet": table_of(FACES)[:-50]}, tmp_path)


def test_without_pyarrow_the_error_says_how_to_get_it(
    web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ImageSetError, match=r"gan-desktop\[parquet\]"):
        faces_in(web, {"train.parquet": table_of(FACES)}, tmp_path)


def test_cancelling_leaves_no_half_zip(web: WebServer, tmp_path: Path) -> None:
    web.add_repository("ana/faces", {"train.parquet": table_of(FACES)})
    hub = Hub(web.url)
    found = find_pictures(hub, HubAddress("ana/faces"))
    with pytest.raises(ImageSetError, match="cancelled"):
        open_pictures(hub, found, tmp_path, should_cancel=lambda: True)
    assert [path.name for path in tmp_path.rglob("*.*") if path.name != ".lock"] == ["train.parquet"]


def test_a_data_set_without_pictures_is_named(web: WebServer, tmp_path: Path) -> None:
    with pytest.raises(ImageSetError, match="neither 64 pictures nor a zip or Parquet file"):
        faces_in(web, {"README.md": b"# Words", "a.png": FACES[0]}, tmp_path)
