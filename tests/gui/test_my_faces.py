"""One's own nine faces: drawn here, kept, before and after, and the picture to remember the class by."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.downloads import Downloads
from gan_desktop.gui.class_reader import ClassLink
from gan_desktop.gui.faces_album import MOST_KEPT, FacesAlbum, presented, single_faces
from gan_desktop.gui.gallery_page import GalleryPage
from gan_desktop.gui.keepsake import keepsake_line
from gan_desktop.gui.main_window import MainWindow
from gan_desktop.gui.my_faces import SHORTEST_PAUSE_S
from gan_desktop.gui.session import JoinedClass, Session
from gan_desktop.gui.snapshot import Average, ClassSnapshot
from gan_desktop.gui.strip import Strip
from gan_desktop.gui.studio import Network, Studio
from gan_desktop.gui.translation import install_translation
from gan_desktop.records import ClassTotals, StateChanged, WorkerState
from gan_desktop.training.picture_files import Pixels, png
from tests.gui.conftest import PATIENCE_MS
from tests.gui.faces_class import (
    CONFIG,
    CREDIT,
    ITERATIONS,
    NEWEST,
    RUN_ID,
    TOTALS,
    average_of,
    folder_of,
    keep_class,
    keep_my_faces,
    module_folder,
    nowhere,
    size_of,
    trained,
    training_at,
)
from tests.integration.lesson import Lesson

__all__ = ["module_folder", "nowhere", "trained"]

CONNECTED = ClassLink(True, True, False, None, 0.0)


@pytest.fixture
def page(session: Session, qtbot: QtBot) -> GalleryPage:
    page = GalleryPage(session)
    qtbot.addWidget(page)
    page.show()
    page.show_view(page.my_faces)
    return page


@pytest.fixture
def kept(page: GalleryPage, session: Session, nowhere: Address, qtbot: QtBot) -> GalleryPage:
    """The page of a class that has gone; the account's faces were drawn up to iteration 30."""
    folder = folder_of(session, nowhere)
    keep_class(folder)
    keep_my_faces(folder)
    session.join(JoinedClass(nowhere, title="Vision 2026"))
    qtbot.waitUntil(lambda: page.my_faces.film.iteration == NEWEST)
    qtbot.waitUntil(lambda: page.my_faces._first is not None)
    qtbot.waitUntil(lambda: session.link is not None)
    return page


def seen(page: QWidget) -> str:
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def newest_average(held: Lesson) -> Average:
    with Connection(held.administrator) as connection:
        weights = Downloads(connection).newest_weights(held.run_id, "ema")
    assert weights is not None
    return Average(weights.run_id, weights.iteration, weights.payload)


def faces_of(account: str) -> Pixels:
    return Studio().my_faces(Network(CONFIG, average_of(NEWEST)), account)


# -- which faces --------------------------------------------------------------------------------


def test_account_s_faces_are_the_same_for_ever_and_nobody_else_s() -> None:
    mine = faces_of("vision/ana")
    assert mine.shape == (9, 32, 32, 3)
    assert np.array_equal(mine, faces_of("vision/ana"))
    assert not np.array_equal(mine, faces_of("vision/ben"))
    assert not np.array_equal(mine, faces_of("other/ana"))


def test_faces_of_the_first_and_the_newest_iteration_are_drawn_and_kept(
    trained: Lesson, page: GalleryPage, session: Session, qtbot: QtBot
) -> None:
    student = trained.add_student("Ana")
    session.join(JoinedClass(student))
    newest = newest_average(trained)
    qtbot.waitUntil(lambda: page.mine.iterations == (0, newest.iteration), timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: page.my_faces._newest is not None)
    drawn = Studio().my_faces(Network(trained.config, newest), JoinedClass(student).account)
    assert session.my_faces == tuple(png(face) for face in drawn)
    assert "Before: iteration 0" in seen(page)
    assert f"Now: iteration {newest.iteration}" in seen(page)
    folder = session.class_folder
    assert folder is not None
    album = FacesAlbum(folder.folder / "my-faces" / str(trained.run_id))
    assert album.iterations() == (0, newest.iteration)
    before = album.sheet(0)
    assert before is not None
    assert single_faces(before) != session.my_faces
    # They wait for their time before the next ones are drawn.
    page.mine._consider()
    assert page.mine._wanted is None


def test_album_begins_later_where_the_class_has_not_kept_the_beginning(
    trained: Lesson, page: GalleryPage, session: Session, qtbot: QtBot
) -> None:
    with Connection(trained.administrator) as connection:
        [row] = connection.query(
            "DELETE FROM gan.model_weights WHERE iteration = 0 AND kind = 'ema' RETURNING *"
        )
        try:
            session.join(JoinedClass(trained.add_student("Ben")))
            newest = newest_average(trained).iteration
            qtbot.waitUntil(lambda: page.mine.iterations == (newest,), timeout=PATIENCE_MS)
        finally:
            columns = ", ".join(row._fields)
            gaps = ", ".join(["%s"] * len(row))
            connection.execute(f"INSERT INTO gan.model_weights ({columns}) VALUES ({gaps})", list(row))
    assert len(session.my_faces) == 9


def test_damaged_network_is_told_and_the_window_goes_on(
    trained: Lesson, page: GalleryPage, session: Session, qtbot: QtBot
) -> None:
    damage = "UPDATE gan.model_weights SET payload = payload || %s WHERE kind = 'ema' AND iteration > 0"
    mend = damage.replace("payload || %s", "substr(payload, 1, num_bytes)")
    trained.superuser.execute(damage, [b"x"])
    try:
        session.join(JoinedClass(trained.add_student("Cem")))
        qtbot.waitUntil(
            lambda: "The weights were damaged on the way here." in seen(page), timeout=PATIENCE_MS
        )
        assert page.mine.iterations == (0,)
        assert session.link is not None
        assert session.link.is_connected
    finally:
        trained.superuser.execute(mend)


# -- when they are drawn ------------------------------------------------------------------------


def test_nothing_is_fetched_while_the_window_is_not_seen(
    trained: Lesson, page: GalleryPage, session: Session, qtbot: QtBot
) -> None:
    page.hide()
    session.join(JoinedClass(trained.add_student("Dana")))
    qtbot.waitUntil(lambda: session.snapshot.training is not None and page.mine._is_read, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: session.link is not None and session.link.is_connected)
    page.mine._consider()
    assert page.mine._wanted is None
    page.show()
    page.mine._consider()
    assert page.mine._wanted is not None
    qtbot.waitUntil(lambda: len(page.mine.iterations) == 2, timeout=PATIENCE_MS)


def test_next_faces_wait_for_their_time(kept: GalleryPage, session: Session) -> None:
    mine = kept.mine
    session._take_link(CONNECTED)
    assert mine._wanted is None
    mine._fetched_at = time.monotonic()
    session._take_snapshot(ClassSnapshot(training=training_at(31)))
    assert mine._wanted is None
    assert mine._later.isActive()
    mine._later.stop()
    mine._fetched_at = float("-inf")
    session._take_snapshot(ClassSnapshot(training=training_at(32)))
    assert mine._wanted is not None
    assert SHORTEST_PAUSE_S >= 20


# -- offline ------------------------------------------------------------------------------------


def test_offline_the_faces_drawn_before_are_there(kept: GalleryPage, session: Session, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: len(session.my_faces) == 9)
    assert {size_of(face) for face in session.my_faces} == {(32, 32)}
    assert "Not connected: these were drawn before." in seen(kept)
    assert kept.my_faces.before.has_picture
    kept.my_faces.film.show_iteration(10)
    qtbot.waitUntil(lambda: kept.my_faces.film.iteration == 10)
    assert "Before: iteration 0\nIteration 10\n" in seen(kept)
    # Grey by iteration, see `keep_my_faces`.
    assert kept.my_faces.film.faces._new.toImage().pixelColor(60, 60).red() == 20


def test_leaving_a_class_takes_its_faces_away(kept: GalleryPage, session: Session, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: len(session.my_faces) == 9)
    session._joined = None
    session._take_snapshot(ClassSnapshot())
    session.class_changed.emit(None)
    assert session.my_faces == ()
    assert kept.mine.iterations == ()
    assert "Join a class" in kept.my_faces.film.faces._words


# -- from one training to the next --------------------------------------------------------------


def begin_next_training(session: Session) -> None:
    before = training_at(0)
    next_run = replace(before.run, run_id=RUN_ID + 1)
    session._take_snapshot(ClassSnapshot(training=replace(before, run=next_run)))


def test_next_training_s_noise_does_not_take_the_faces_away(
    kept: GalleryPage, session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    begin_next_training(session)
    assert kept.my_faces.film.iteration is None
    qtbot.waitUntil(lambda: kept.my_faces.film.iteration == NEWEST)
    qtbot.waitUntil(lambda: kept.my_faces._first is not None)
    noise = np.full((9, 32, 32, 3), 200, np.uint8)
    album = kept.mine._album
    assert album is not None
    kept.mine._take_drawn(0, presented(album.keep(0, noise)), (b"noise",) * 9)
    assert kept.mine.iterations == ITERATIONS
    assert len(session.my_faces) == 9
    assert b"noise" not in session.my_faces
    assert f"At the end: iteration {NEWEST}" in seen(kept)
    assert "These are of the training before." in seen(kept)
    kept.my_faces.save_keepsake(tmp_path / "mine.png")
    qtbot.waitUntil(lambda: "Saved as mine.png" in seen(kept))
    picture = QImage(str(tmp_path / "mine.png"))
    assert picture.pixelColor(3 * picture.width() // 4, picture.height() // 2).red() == 2 * NEWEST

    # Its first iteration does, with the noise that it began with.
    white = album.keep(1, noise + np.uint8(50))
    kept.mine._take_drawn(1, presented(white), (b"face",) * 9)
    assert session.my_faces == (b"face",) * 9
    qtbot.waitUntil(lambda: kept.my_faces.film.iteration == 1)
    qtbot.waitUntil(lambda: "Before: iteration 0" in seen(kept))
    assert list(kept.mine.iterations) == [0, 1]
    assert kept.my_faces._first == (0, presented(album.sheet(0) or b""))
    assert "These are of the training before." not in seen(kept)


# -- the album ----------------------------------------------------------------------------------


def test_sheet_gives_back_the_faces_it_was_made_of(tmp_path: Path) -> None:
    faces = np.random.default_rng(1).integers(0, 256, (9, 32, 32, 3), np.uint8)
    album = FacesAlbum(tmp_path)
    sheet = album.keep(3, faces)
    assert album.sheet(3) == sheet
    assert single_faces(sheet) == tuple(png(face) for face in faces)
    large = presented(sheet)
    assert large is not None
    assert size_of(large)[0] > 3 * 128
    assert presented(b"no picture") is None
    assert album.sheet(4) is None


def test_album_of_a_very_long_training_keeps_its_ends_and_does_not_grow(tmp_path: Path) -> None:
    album = FacesAlbum(tmp_path)
    for iteration in range(MOST_KEPT):
        (tmp_path / f"{iteration}.png").touch()
    faces = np.zeros((9, 32, 32, 3), np.uint8)
    for iteration in (MOST_KEPT, MOST_KEPT + 7):
        album.keep(iteration, faces)
    kept = album.iterations()
    assert len(kept) <= MOST_KEPT
    assert (kept[0], kept[-1]) == (0, MOST_KEPT + 7)


def test_full_disk_costs_only_the_album(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    album = FacesAlbum(tmp_path / "file" / "my-faces")
    sheet = album.keep(3, np.zeros((9, 32, 32, 3), np.uint8))
    assert len(single_faces(sheet)) == 9


# -- the picture to remember --------------------------------------------------------------------


def test_keepsake_has_both_sets_of_faces(kept: GalleryPage, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "my-faces.png"
    kept.my_faces.save_keepsake(path)
    qtbot.waitUntil(lambda: "Saved as my-faces.png" in seen(kept))
    picture = QImage(str(path))
    middle = picture.height() // 2
    assert picture.pixelColor(picture.width() // 4, middle).red() == 2 * ITERATIONS[0]
    assert picture.pixelColor(3 * picture.width() // 4, middle).red() == 2 * NEWEST
    assert picture.pixelColor(5, 5).red() == 255


def test_keepsake_tells_what_one_has_done(application: QApplication) -> None:
    snapshot = ClassSnapshot(totals=TOTALS, credit=CREDIT)
    assert keepsake_line(snapshot, 0, 412) == "296,960 images, iterations 0 to 412, with 29 others"
    assert keepsake_line(ClassSnapshot(), 0, 5) == "iterations 0 to 5"
    two = ClassTotals("Vision 2026", 2, 2, 1.0, 1, 1)
    assert keepsake_line(ClassSnapshot(totals=two, credit=CREDIT), 0, 5).endswith("with one other")
    install_translation(application, "de")
    assert keepsake_line(snapshot, 0, 412) == "296.960 Bilder, Iterationen 0 bis 412, mit 29 anderen"


def test_completed_training_offers_the_picture(
    window: MainWindow, session: Session, nowhere: Address, qtbot: QtBot
) -> None:
    folder = folder_of(session, nowhere)
    keep_class(folder)
    keep_my_faces(folder)
    page, strip = window.page("gallery"), window.findChild(Strip)
    assert isinstance(page, GalleryPage)
    assert isinstance(strip, Strip)
    session.join(JoinedClass(nowhere))
    qtbot.waitUntil(lambda: page.my_faces._newest is not None and page.my_faces._first is not None)
    session._state = StateChanged(WorkerState.COMPLETE)
    session.state_changed.emit(session.state)
    [link] = [button for button in strip.findChildren(QToolButton) if button.text() == "Save my picture"]
    link.click()
    assert page.my_faces.isVisible()
    [dialog] = page.findChildren(QFileDialog)
    dialog.reject()


def test_picture_that_is_not_drawn_yet_is_promised(page: GalleryPage, session: Session) -> None:
    session.save_my_picture()
    assert "as soon as your faces are drawn" in seen(page)
    assert not page.findChildren(QFileDialog)


def test_nine_faces_and_their_film_are_saved(kept: GalleryPage, qtbot: QtBot, tmp_path: Path) -> None:
    kept.my_faces.save_faces(NEWEST, tmp_path / "nine.png")
    qtbot.waitUntil(lambda: "Saved as nine.png" in seen(kept))
    kept.my_faces.save_film(tmp_path / "nine.gif")
    qtbot.waitUntil(lambda: "Saved as nine.gif" in seen(kept), timeout=PATIENCE_MS)
    assert size_of((tmp_path / "nine.gif").read_bytes())[0] == 540
