"""New faces: of a seed, changed, and from one to another; with the class and without."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from gan_desktop.database.address import Address
from gan_desktop.gui.class_reader import AverageAnswer, AverageWanted
from gan_desktop.gui.gallery_page import GalleryPage
from gan_desktop.gui.make_faces import NUM_FACES, NUM_FRAMES
from gan_desktop.gui.make_faces_view import MakeFacesView
from gan_desktop.gui.session import JoinedClass, Session
from gan_desktop.gui.snapshot import Average, ClassSnapshot
from gan_desktop.gui.studio import Network, OneAtATime, Studio
from gan_desktop.records import RunConfig
from gan_desktop.training.drawing import draw, latents, load_generator
from gan_desktop.training.networks import generator_shapes, network_fingerprint
from gan_desktop.training.payload import decode
from gan_desktop.training.picture_files import png
from tests.gui.conftest import PATIENCE_MS
from tests.gui.faces_class import (
    CONFIG,
    NEWEST,
    RUN_ID,
    average_of,
    folder_of,
    keep_class,
    module_folder,
    nowhere,
    size_of,
    trained,
    training_at,
)
from tests.integration.lesson import Lesson

__all__ = ["module_folder", "nowhere", "trained"]


@pytest.fixture
def page(session: Session, qtbot: QtBot) -> GalleryPage:
    page = GalleryPage(session)
    qtbot.addWidget(page)
    page.show()
    page.show_view(page.make_faces)
    return page


@pytest.fixture
def view(page: GalleryPage, session: Session, nowhere: Address, qtbot: QtBot) -> MakeFacesView:
    """The view with the generator of a class that has gone."""
    keep_class(folder_of(session, nowhere))
    session.join(JoinedClass(nowhere))
    made = page.make_faces
    qtbot.waitUntil(lambda: made.tray.isEnabled() and made._face_png != b"", timeout=PATIENCE_MS)
    return made


def seen(view: MakeFacesView) -> str:
    return "\n".join(label.text() for label in view.findChildren(QLabel) if label.isVisible())


def drawn_directly(config: RunConfig, average: Average, seed: str) -> tuple[bytes, ...]:
    tensors = decode(average.payload, shapes=generator_shapes(config), network=network_fingerprint(config))
    faces = draw(load_generator(config, tensors), latents(NUM_FACES, config.latent_size, seed))
    return tuple(png(face) for face in faces)


def change_seed(view: MakeFacesView, qtbot: QtBot, seed: str) -> tuple[bytes, ...]:
    before = view._pngs
    view.seed.clear()
    qtbot.keyClicks(view.seed, seed)
    qtbot.keyClick(view.seed, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: view._pngs != before, timeout=PATIENCE_MS)
    return view._pngs


# -- where the network comes from ---------------------------------------------------------------


def test_faces_are_drawn_with_the_real_class_s_network(
    trained: Lesson, page: GalleryPage, session: Session, qtbot: QtBot
) -> None:
    session.join(JoinedClass(trained.add_student("Ana")))
    view = page.make_faces
    qtbot.waitUntil(lambda: view.tray.isEnabled(), timeout=PATIENCE_MS)
    average, folder = view._maker.newest, session.class_folder
    assert average is not None
    assert folder is not None
    assert view._pngs == drawn_directly(trained.config, average, "1")
    # For the time when the class is not there.
    assert folder.average(trained.run_id) == average


def test_offline_the_network_fetched_last_draws(view: MakeFacesView, session: Session) -> None:
    assert session.link is None or not session.link.is_connected
    assert view._pngs == drawn_directly(CONFIG, average_of(NEWEST), "1")
    assert "the class's network of iteration 30" in seen(view)
    assert view.face.has_picture


def test_without_a_network_it_says_when_one_can_draw(
    page: GalleryPage, session: Session, nowhere: Address, qtbot: QtBot
) -> None:
    keep_class(folder_of(session, nowhere), with_generator=False)
    session.join(JoinedClass(nowhere))
    qtbot.waitUntil(lambda: "No connection to the class" in page.make_faces.face._words, timeout=PATIENCE_MS)
    assert not page.make_faces.save.isEnabled()


def test_newer_network_is_offered_and_does_not_change_the_faces(
    view: MakeFacesView, session: Session, qtbot: QtBot
) -> None:
    before = view._pngs
    session._take_snapshot(ClassSnapshot(training=training_at(40)))
    newer = average_of(40, seed=2)
    session.average_arrived.emit(AverageAnswer(AverageWanted(), newer))
    assert view._pngs == before
    assert view._use_newest.text() == "Draw with iteration 40"
    qtbot.mouseClick(view._use_newest, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view._pngs != before)
    assert view._pngs == drawn_directly(CONFIG, newer, "1")
    assert not view._use_newest.isVisible()


def test_damaged_network_is_told_and_fetched_anew_next_time(
    page: GalleryPage, session: Session, nowhere: Address, qtbot: QtBot
) -> None:
    folder = folder_of(session, nowhere)
    keep_class(folder)
    folder.keep_average(Average(RUN_ID, NEWEST, average_of(NEWEST).payload[:-9]))
    session.join(JoinedClass(nowhere))
    qtbot.waitUntil(lambda: "damaged" in page.make_faces.face._words, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: folder.average(RUN_ID) is None)
    assert not page.make_faces.tray.isEnabled()


def test_another_class_begins_with_nothing(view: MakeFacesView, session: Session) -> None:
    session._joined = None
    session.class_changed.emit(None)
    assert view.tray.count() == 0
    assert "Join a class" in view.face._words


# -- random faces -------------------------------------------------------------------------------


def test_seed_decides_the_faces_and_may_be_a_name(view: MakeFacesView, qtbot: QtBot) -> None:
    first = view._pngs
    assert len(set(first)) == NUM_FACES == view.tray.count()
    assert change_seed(view, qtbot, "Ana") != first
    assert change_seed(view, qtbot, "1") == first
    qtbot.mouseClick(view.dice, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view._pngs != first)
    assert view.seed.text() == view._maker.seed != "1"


def test_faces_stand_in_four_rows_whatever_the_window_s_shape(view: MakeFacesView, qtbot: QtBot) -> None:
    for size in ((900, 400), (700, 800), (761, 433), (1_400, 500)):
        view.window().resize(*size)
        qtbot.waitUntil(lambda size=size: view.window().width() == size[0])  # type: ignore[misc]
        tops = [view.tray.visualItemRect(view.tray.item(index)).top() for index in range(NUM_FACES)]
        assert [tops.count(top) for top in sorted(set(tops))] == [4, 4, 4, 4]
        assert view.tray.visualItemRect(view.tray.item(15)).bottom() <= view.tray.viewport().height()


def test_empty_seed_becomes_the_first(view: MakeFacesView, qtbot: QtBot) -> None:
    view.seed.clear()
    qtbot.keyClick(view.seed, Qt.Key.Key_Return)
    assert view.seed.text() == "1"


def test_faces_are_picked_by_keyboard_and_say_so(view: MakeFacesView, qtbot: QtBot) -> None:
    tray = view.tray
    tray.setFocus()
    tray.setCurrentRow(0)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Space):
        qtbot.keyClick(tray, key)
    assert (tray.first, tray.second) == (1, 6)
    role = Qt.ItemDataRole.AccessibleTextRole
    assert tray.item(6).data(role) == "Face 7, picked"
    qtbot.waitUntil(lambda: view._face_png == view._pngs[6])
    view.to_walk.click()
    assert tray.item(1).data(role) == "Face 2, where the walk begins"
    assert tray.item(6).data(role) == "Face 7, where the walk turns round"


# -- changing one -------------------------------------------------------------------------------


def test_sliders_move_the_face_and_lead_back(view: MakeFacesView, qtbot: QtBot) -> None:
    plain = view._pngs[view.tray.second]
    qtbot.waitUntil(lambda: view._face_png == plain)
    slider = view.sliders._sliders[0]
    qtbot.keyClick(slider, Qt.Key.Key_End)
    expected = Studio().moved_face(
        Network(CONFIG, average_of(NEWEST)), "1", view.tray.second, (4.0, 0, 0, 0, 0, 0)
    )
    qtbot.waitUntil(lambda: view._face_png == expected)
    assert expected != plain
    qtbot.mouseClick(view.sliders._reset, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: view._face_png == plain)


def test_another_face_begins_unchanged(view: MakeFacesView, qtbot: QtBot) -> None:
    view.sliders._sliders[2].setValue(15)
    view.tray.pick(9)
    assert not any(view.sliders.amounts)
    qtbot.waitUntil(lambda: view._face_png == view._pngs[9])


def test_of_many_wishes_the_last_is_fulfilled_and_most_are_left_out(
    view: MakeFacesView, qtbot: QtBot
) -> None:
    work = OneAtATime(view, lambda error: None)
    done: list[int] = []
    made: list[int] = []

    def make(number: int) -> int:
        made.append(number)
        return number

    for number in range(100):
        work.ask(partial(make, number), done.append)
    qtbot.waitUntil(lambda: done[-1:] == [99])
    assert done == made == [0, 99]


# -- from one to another ------------------------------------------------------------------------


def test_walk_plays_round_and_round_and_stops_by_space(view: MakeFacesView, qtbot: QtBot) -> None:
    view.to_walk.click()
    qtbot.waitUntil(lambda: view.walk.is_playing, timeout=PATIENCE_MS)
    assert len(view.walk._frames) == NUM_FRAMES
    assert view.walk._frames[0] == view._pngs[view.tray.first]
    assert view.walk._frames[NUM_FRAMES // 2] == view._pngs[view.tray.second]
    view.walk._slider.setValue(NUM_FRAMES - 1)
    view.walk._step()
    assert view.walk._slider.value() == 0
    qtbot.keyClick(view.walk._slider, Qt.Key.Key_Space)
    assert not view.walk.is_playing


def test_walk_waits_to_be_started_where_less_motion_is_wished(
    view: MakeFacesView, session: Session, qtbot: QtBot
) -> None:
    session.change_preferences(less_motion=True)
    view.to_walk.click()
    qtbot.waitUntil(lambda: len(view.walk._frames) == NUM_FRAMES, timeout=PATIENCE_MS)
    assert not view.walk.is_playing
    qtbot.mouseClick(view.walk._play, Qt.MouseButton.LeftButton)
    assert view.walk.is_playing
    view.to_change.click()
    assert not view.walk.is_playing


# -- saving -------------------------------------------------------------------------------------


def test_face_faces_and_walk_are_saved(view: MakeFacesView, qtbot: QtBot, tmp_path: Path) -> None:
    view.save_face(tmp_path / "face.png")
    qtbot.waitUntil(lambda: "Saved as face.png" in seen(view))
    assert size_of((tmp_path / "face.png").read_bytes()) == (512, 512)
    view.save_all(tmp_path / "all.png")
    qtbot.waitUntil(lambda: "Saved as all.png" in seen(view))
    assert size_of((tmp_path / "all.png").read_bytes())[0] > 900
    view.save_walk(tmp_path / "walk.gif")
    # It takes a second or two.
    assert "Making the film ..." in seen(view)
    qtbot.waitUntil(lambda: "Saved as walk.gif" in seen(view), timeout=PATIENCE_MS)
    with Image.open(tmp_path / "walk.gif") as film:
        assert film.n_frames > NUM_FRAMES // 2  # type: ignore[attr-defined]
        assert film.size == (384, 384)


def test_file_name_takes_what_file_systems_take_of_a_seed(view: MakeFacesView, qtbot: QtBot) -> None:
    change_seed(view, qtbot, "../Ä: b?")
    assert view._file_words() == "Äb"
    change_seed(view, qtbot, "???")
    assert view._file_words() == "1"
