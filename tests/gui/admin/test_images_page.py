"""The page of the class's pictures: what is stored, and the import of more, over a real class."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtWidgets import QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from gan_desktop.class_admin import pictures
from gan_desktop.database.address import Address
from gan_desktop.database.shards import StoredPictures
from gan_desktop.errors import ConnectionFailed
from gan_desktop.gui.admin.images.grid import PictureGrid
from gan_desktop.gui.admin.images.job import Stage
from gan_desktop.gui.admin.images.page import ImagesPage
from gan_desktop.gui.admin.images.source import CELEBA, DRAWN, FILES, HUB
from gan_desktop.gui.admin.images.terms import CELEBA_PAGE
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.training import shards
from gan_desktop.training.faces import draw_face
from tests.gui.admin.conftest import PATIENCE_MS
from tests.integration.lesson import Lesson
from tests.web_server import WebServer, web_server


@pytest.fixture
def page(teaching: TeachingSession, qtbot: QtBot) -> Iterator[ImagesPage]:
    made = ImagesPage(teaching)
    made.resize(900, 600)
    made.show()
    qtbot.waitExposed(made)
    qtbot.waitUntil(lambda: made.stored.chosen is not None, timeout=PATIENCE_MS)
    yield made
    made.hide()
    made.deleteLater()


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


def save_pictures(folder: Path, count: int, names: Callable[[int], str] = "{:03}.png".format) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.fromarray(draw_face(number, 40)).save(folder / names(number))
    return folder


def look_at(page: ImagesPage, place: Path, qtbot: QtBot) -> None:
    """Choose a folder or zip, and wait for the look at it."""
    page.show_import()
    page.importing.source.choose_kind(FILES)
    page.importing.source.place.setText(str(place))
    with qtbot.waitSignal(page.job.looked, timeout=PATIENCE_MS):
        page.importing.look.look.click()


def import_looked_at(page: ImagesPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(page.job.imported, timeout=PATIENCE_MS):
        page.importing.look.store.click()


def num_datasets(held: Lesson) -> int:
    return len(held.query("SELECT 1 FROM gan.datasets"))


def answer(box: QMessageBox | None, words: str) -> None:
    """Press a button of a question."""
    assert box is not None
    [button] = [button for button in box.findChildren(QPushButton) if button.text() == words]
    button.click()


# -- what is stored --------------------------------------------------------------------------------


def test_stored_pictures_are_shown_with_who_learns_from_them(page: ImagesPage, qtbot: QtBot) -> None:
    table = page.stored.table
    row = [str(table.model().index(0, column).data()) for column in range(5)]
    assert row[:3] == ["Faces", "300", "32 \u00d7 32"]
    assert row[3].endswith(" MB") and row[4] == "Faces"
    assert "285 to learn from, 15 kept for measuring" in page.stored.words.text()
    assert 'Needed by the training "Faces"' in page.stored.words.text()
    assert not page.stored.delete.isEnabled()
    qtbot.waitUntil(lambda: page.stored.some.num_pictures > 3, timeout=PATIENCE_MS)


def test_pictures_that_could_not_be_read_once_are_asked_for_again(
    teaching: TeachingSession, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    read, is_away = pictures.stored_pictures, threading.Event()
    is_away.set()

    def stored_pictures(address: Address) -> tuple[StoredPictures, ...]:
        if is_away.is_set():
            raise ConnectionFailed("The server is away.", cause="unreachable")
        return read(address)

    monkeypatch.setattr(pictures, "stored_pictures", stored_pictures)
    page = ImagesPage(teaching)
    assert page.stored.words.text() == ""
    qtbot.waitUntil(lambda: page.stored.words.text() == "The server is away.", timeout=PATIENCE_MS)
    is_away.clear()
    teaching.refresh()
    qtbot.waitUntil(lambda: page.stored.chosen is not None, timeout=PATIENCE_MS)
    page.deleteLater()


def test_unused_pictures_are_deleted_after_a_question(page: ImagesPage, taught: Lesson, qtbot: QtBot) -> None:
    page.importing.source.choose_kind(DRAWN)
    page.importing.source.num_drawn.setValue(200)
    with qtbot.waitSignal(page.job.looked, timeout=PATIENCE_MS):
        page.importing.look.look.click()
    import_looked_at(page, qtbot)
    qtbot.waitUntil(lambda: len(page.stored.model.rows) == 2, timeout=PATIENCE_MS)
    page.stored.table.selectRow(0)
    if page.stored.chosen is not None and page.stored.chosen.uses:
        page.stored.table.selectRow(1)
    page.stored.ask_to_delete()
    answer(page.stored.box, "Cancel")
    assert num_datasets(taught) == 2
    page.stored.ask_to_delete()
    assert page.stored.box is not None and "200 pictures of 200 drawn faces" in page.stored.box.text()
    answer(page.stored.box, "Delete")
    qtbot.waitUntil(lambda: len(page.stored.model.rows) == 1, timeout=PATIENCE_MS)
    assert num_datasets(taught) == 1
    assert page.result.words.text() == "200 drawn faces is deleted."


def test_a_check_fetches_everything_and_says_so(page: ImagesPage, taught: Lesson, qtbot: QtBot) -> None:
    page.stored.check.click()
    whole = "All 300 pictures of Faces are there and whole."
    qtbot.waitUntil(lambda: page.result.words.text() == whole, timeout=PATIENCE_MS)
    taught.superuser.execute("UPDATE gan.shard_payloads SET payload = payload || 'x'")
    page.stored.check.click()
    qtbot.waitUntil(lambda: "cannot be had, for example" in page.result.words.text(), timeout=PATIENCE_MS)


# -- the import ------------------------------------------------------------------------------------


def test_a_folder_is_looked_at_then_imported_with_its_bad_files_named(
    page: ImagesPage, taught: Lesson, tmp_path: Path, qtbot: QtBot
) -> None:
    folder = save_pictures(tmp_path / "photos", 95)
    for number in range(5):
        (folder / f"{number:03}-broken.jpg").write_bytes(b"not a picture")
    look_at(page, folder, qtbot)
    look = page.importing.look
    assert look.title.text() == "photos"
    assert look.grid.num_pictures > 40
    assert look.figures.text().startswith(
        "100 picture files, 32 \u00d7 32 pixels after the import\nTakes about "
    )
    assert "-broken.jpg: not a picture in a known format" in look.remark.text()
    assert num_datasets(taught) == 1
    stages: list[Stage] = []
    page.job.stage_changed.connect(lambda stage: stages.append(stage) if stage is not None else None)
    import_looked_at(page, qtbot)
    assert {stage.name for stage in stages} == {"importing"} and stages[0].total == 100
    assert page.result.words.text().endswith("kept for measuring. 5 files skipped.")
    page.result.show_skipped.click()
    assert page.result.skipped.isVisible()
    lines = page.result.skipped.toPlainText().splitlines()
    assert len(lines) == 5 and all(line.endswith("not a picture in a known format") for line in lines)
    qtbot.waitUntil(lambda: len(page.stored.model.rows) == 2, timeout=PATIENCE_MS)
    assert page.views.currentWidget() is page.stored
    assert page.stored.chosen is not None and page.stored.chosen.name == "photos"
    [row] = taught.query("SELECT num_images FROM gan.datasets WHERE name = 'photos'")
    assert row.num_images == 95


def test_an_import_goes_on_behind_other_pages_and_can_be_cancelled_without_a_trace(
    page: ImagesPage, taught: Lesson, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    # Small files: some of them are stored already when it is cancelled.
    monkeypatch.setattr(shards, "MAX_SHARD_IMAGES", 64)
    page.show_import()
    page.importing.source.choose_kind(DRAWN)
    page.importing.source.num_drawn.setValue(100_000)
    with qtbot.waitSignal(page.job.looked, timeout=PATIENCE_MS):
        page.importing.look.look.click()
    page.importing.look.store.click()
    page.importing.back.click()
    page.hide()
    qtbot.waitUntil(lambda: num_datasets(taught) == 2, timeout=PATIENCE_MS)
    assert page.job.is_importing
    page.show()
    [progress] = [each for each in page.findChildren(QPushButton) if each.text() == "Cancel"]
    assert progress.isVisible()
    with qtbot.waitSignal(page.job.cancelled, timeout=PATIENCE_MS):
        progress.click()
    assert num_datasets(taught) == 1
    assert not taught.query("SELECT 1 FROM gan.dataset_shards WHERE dataset_id <> 1")
    assert not page.job.is_busy


def test_the_window_closes_in_the_middle_of_an_import_and_nothing_of_it_is_left(
    page: ImagesPage,
    teaching: TeachingSession,
    taught: Lesson,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    monkeypatch.setattr(shards, "MAX_SHARD_IMAGES", 64)
    page.importing.source.choose_kind(DRAWN)
    page.importing.source.num_drawn.setValue(100_000)
    with qtbot.waitSignal(page.job.looked, timeout=PATIENCE_MS):
        page.importing.look.look.click()
    page.importing.look.store.click()
    qtbot.waitUntil(lambda: num_datasets(taught) == 2, timeout=PATIENCE_MS)
    with qtbot.waitSignal(teaching.class_changed, timeout=PATIENCE_MS):
        teaching.leave()
    assert num_datasets(taught) == 1
    assert not page.job.is_busy and not page.stored.model.rows


def test_too_few_pictures_are_told_beside_the_choice(
    page: ImagesPage, taught: Lesson, tmp_path: Path, qtbot: QtBot
) -> None:
    look_at(page, save_pictures(tmp_path / "few", 3), qtbot)
    with qtbot.waitSignal(page.job.failed, timeout=PATIENCE_MS):
        page.importing.look.store.click()
    assert "training needs at least 64" in page.importing.look.remark.text()
    assert page.views.currentWidget() is page.importing
    assert num_datasets(taught) == 1


def test_a_place_that_is_none_is_told_and_what_was_typed_stays(page: ImagesPage, qtbot: QtBot) -> None:
    page.show_import()
    page.importing.source.place.setText("/nowhere/at all")
    with qtbot.waitSignal(page.job.failed, timeout=PATIENCE_MS):
        page.importing.source.place.returnPressed.emit()
    assert "There is no folder or zip file /nowhere/at all" in page.importing.look.remark.text()
    assert page.importing.source.place.text() == "/nowhere/at all"
    assert not page.importing.look.store.isEnabled()


def test_another_choice_forgets_the_look(page: ImagesPage, tmp_path: Path, qtbot: QtBot) -> None:
    look_at(page, save_pictures(tmp_path / "photos", 70), qtbot)
    assert page.importing.look.store.isEnabled()
    page.importing.source.choose_size(64)
    assert page.importing.look.looked is None
    assert not page.importing.look.store.isEnabled()
    with qtbot.waitSignal(page.job.looked, timeout=PATIENCE_MS):
        page.importing.look.look.click()
    assert "64 \u00d7 64" in page.importing.look.figures.text()


def test_celeba_is_recognised_and_told_how_much_of_it_is_there(
    page: ImagesPage, tmp_path: Path, qtbot: QtBot
) -> None:
    folder = tmp_path / "celeba"
    folder.mkdir()
    for number in range(1, 71):
        Image.fromarray(draw_face(number, 218)).crop((20, 0, 198, 218)).save(folder / f"{number:06}.jpg")
    page.show_import()
    page.importing.source.choose_kind(CELEBA)
    page.importing.source.place.setText(str(folder))
    with qtbot.waitSignal(page.job.looked, timeout=PATIENCE_MS):
        page.importing.look.look.click()
    assert "aligned pictures of CelebA, 70 of 202,599" in page.importing.look.remark.text()
    page.importing.source.place.setText(str(save_pictures(tmp_path / "others", 70)))
    with qtbot.waitSignal(page.job.looked, timeout=PATIENCE_MS):
        page.importing.look.look.click()
    assert "not the aligned pictures of CelebA" in page.importing.look.remark.text()


def test_a_data_set_of_the_hub_is_fetched_and_its_token_asked_for(
    page: ImagesPage,
    taught: Lesson,
    web: WebServer,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(80):
            picture = io.BytesIO()
            Image.fromarray(draw_face(number, 40)).save(picture, "PNG")
            archive.writestr(f"{number}.png", picture.getvalue())
    web.add_repository("ana/faces", {"faces.zip": buffer.getvalue()})
    for prefix in ("/api/datasets/ana/faces", "/datasets/ana/faces"):
        web.secret[prefix] = "hf_right"
    monkeypatch.setenv("HF_ENDPOINT", web.url)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    page.show_import()
    source = page.importing.source
    source.choose_kind(HUB)
    source.hub.setText("ana/faces")
    with qtbot.waitSignal(page.job.failed, timeout=PATIENCE_MS):
        page.importing.look.look.click()
    assert "only with the access token" in page.importing.look.remark.text()
    source.token.setText("hf_right")
    with qtbot.waitSignal(page.job.looked, timeout=PATIENCE_MS):
        page.importing.look.look.click()
    import_looked_at(page, qtbot)
    assert taught.query("SELECT 1 FROM gan.datasets WHERE name = 'faces' AND num_images = 80")


def test_pictures_can_be_kept_on_a_web_server(
    page: ImagesPage, taught: Lesson, tmp_path: Path, qtbot: QtBot
) -> None:
    look_at(page, save_pictures(tmp_path / "photos", 70), qtbot)
    look = page.importing.look
    look.on_web.setChecked(True)
    look.store.click()
    assert not page.job.is_busy  # the folder and the address are missing
    look.folder.setText(str(tmp_path / "out"))
    look.url.setText("https://www.example.org/faces/")
    import_looked_at(page, qtbot)
    [row] = taught.query("SELECT url FROM gan.dataset_shards WHERE url IS NOT NULL")
    assert row.url.startswith("https://www.example.org/faces/")
    assert (tmp_path / "out" / row.url.rpartition("/")[2]).is_file()
    assert f"Now copy the files of {tmp_path / 'out'}" in page.result.words.text()


def test_terms_and_consent_stand_beside_the_choice(page: ImagesPage) -> None:
    source = page.importing.source
    source.choose_kind(CELEBA)
    assert "For research only" in source.terms.words and CELEBA_PAGE in source.terms.words
    for kind in (FILES, HUB):
        source.choose_kind(kind)
        assert "ask them, or their parents, first" in source.terms.words
    source.choose_kind(DRAWN)
    assert "Nobody has to be asked" in source.terms.words


def test_a_grid_shows_as_many_pictures_as_there_is_room_for(page: ImagesPage) -> None:
    grid = PictureGrid(page)
    png = io.BytesIO()
    Image.fromarray(draw_face(1, 32)).save(png, "PNG")
    grid.show_pictures([png.getvalue(), b"nothing", png.getvalue()])
    assert grid.num_pictures == 2
    grid.resize(400, 300)
    red = Image.new("RGB", (32, 32), "#ff0000")
    red.save(png := io.BytesIO(), "PNG")
    grid.show_pictures([png.getvalue()] * 3)
    assert grid.grab().toImage().pixelColor(5, 5).name() == "#ff0000"
