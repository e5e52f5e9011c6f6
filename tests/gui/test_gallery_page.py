"""The Gallery: the class's faces from iteration to iteration, fetched when they are looked at."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QLineEdit, QListView, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from gan_desktop.database.address import Address
from gan_desktop.errors import ConnectionFailed
from gan_desktop.gui.class_faces_view import ClassFacesView
from gan_desktop.gui.class_reader import ClassLink
from gan_desktop.gui.gallery_page import GalleryPage
from gan_desktop.gui.gallery_save import SaveButton
from gan_desktop.gui.iteration_film import IterationFilm
from gan_desktop.gui.main_window import MainWindow
from gan_desktop.gui.paged_window import LEAST_SIZE
from gan_desktop.gui.picture_source import PictureSource
from gan_desktop.gui.session import JoinedClass, Session
from gan_desktop.gui.snapshot import ClassSnapshot
from gan_desktop.gui.translation import install_translation
from gan_desktop.records import SampleDrawn
from gan_desktop.training.film import ENDS_MS, FRAME_MS, MAX_FRAMES, evenly
from tests.gui.conftest import PATIENCE_MS
from tests.gui.faces_class import (
    ITERATIONS,
    NEWEST,
    RUN_ID,
    folder_of,
    keep_class,
    keep_my_faces,
    module_folder,
    nowhere,
    picture_of,
    size_of,
    trained,
    training_at,
)
from tests.integration.lesson import Lesson

__all__ = ["module_folder", "nowhere", "trained"]

CONNECTED = ClassLink(True, True, False, None, 0.0)
AWAY = ClassLink(False, None, False, ConnectionFailed("Away.", cause="unreachable"), 0.0)


@pytest.fixture
def page(session: Session, qtbot: QtBot) -> GalleryPage:
    """The page in the room that it has in the smallest window."""
    page = GalleryPage(session)
    qtbot.addWidget(page)
    page.resize(LEAST_SIZE.width() - 150, LEAST_SIZE.height() - 95)
    page.show()
    return page


@pytest.fixture
def view(page: GalleryPage) -> ClassFacesView:
    return page.class_faces


@pytest.fixture
def kept(page: GalleryPage, session: Session, nowhere: Address, qtbot: QtBot) -> GalleryPage:
    """The page of a class that has gone, of which four iterations were fetched."""
    folder = folder_of(session, nowhere)
    keep_class(folder)
    keep_my_faces(folder)
    session.join(JoinedClass(nowhere, title="Vision 2026"))
    qtbot.waitUntil(lambda: page.class_faces.pictures.iterations == ITERATIONS)
    qtbot.waitUntil(lambda: page.class_faces.film.iteration == NEWEST)
    qtbot.waitUntil(lambda: session.link is not None)
    return page


def seen(page: QWidget) -> str:
    """All words that somebody sees now."""
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def _is_said(words: str, page: QWidget) -> bool:
    return words in seen(page)


def press(qtbot: QtBot, film: IterationFilm, key: Qt.Key, iteration: int) -> None:
    """Press a key where the focus is, and wait for what it brings."""
    qtbot.keyClick(film._slider, key)
    qtbot.waitUntil(lambda: film.iteration == iteration)


# -- states -------------------------------------------------------------------------------------


def test_without_a_class_every_view_says_what_would_be_there(page: GalleryPage) -> None:
    assert "Join a class" in page.class_faces.film.faces._words
    assert "Join a class" in page.my_faces.film.faces._words
    assert "Join a class" in page.make_faces.face._words
    assert not page.class_faces.save.isEnabled()


def test_each_empty_state_has_its_own_words(view: ClassFacesView, session: Session) -> None:
    session._joined = JoinedClass(Address("class.invalid", 5432, "gan", "ana", "secret"))
    session.class_changed.emit(session.joined)
    assert "Getting the faces" in view.film.faces._words
    session._take_link(AWAY)
    assert "No connection to the class" in view.film.faces._words
    session._take_link(CONNECTED)
    assert "when the training has begun" in view.film.faces._words


def test_offline_what_was_fetched_is_there_and_said_to_be_so(kept: GalleryPage) -> None:
    assert "Iteration 30 of 400" in seen(kept)
    assert "these are the iterations that were fetched" in seen(kept)
    assert kept.class_faces.film.faces.has_picture


def test_iteration_0_is_explained(kept: GalleryPage, qtbot: QtBot) -> None:
    press(qtbot, kept.class_faces.film, Qt.Key.Key_Home, 0)
    assert "Iteration 0 of 400" in seen(kept)
    assert "before it has learned anything. Watch this square." in seen(kept)


def test_another_class_begins_empty(kept: GalleryPage, session: Session) -> None:
    session._joined = None
    session._take_snapshot(ClassSnapshot())
    session.class_changed.emit(None)
    assert kept.class_faces.film.iteration is None
    assert not kept.class_faces.film.faces.has_picture
    assert "Join a class" in kept.class_faces.film.faces._words


# -- going through the iterations ---------------------------------------------------------------


def test_arrow_keys_home_and_end_step_through_what_is_there(kept: GalleryPage, qtbot: QtBot) -> None:
    film = kept.class_faces.film
    press(qtbot, film, Qt.Key.Key_Left, 20)
    press(qtbot, film, Qt.Key.Key_Left, 10)
    press(qtbot, film, Qt.Key.Key_Right, 20)
    press(qtbot, film, Qt.Key.Key_Home, 0)
    press(qtbot, film, Qt.Key.Key_End, 30)


def test_keys_reach_the_slider_from_the_whole_film(kept: GalleryPage, qtbot: QtBot) -> None:
    film = kept.class_faces.film
    qtbot.keyClick(film, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: film.iteration == 20)
    qtbot.mouseClick(film.faces, Qt.MouseButton.LeftButton)
    qtbot.keyClick(film.faces, Qt.Key.Key_Left)
    qtbot.waitUntil(lambda: film.iteration == 10)


def test_space_plays_to_the_end_and_begins_anew_from_there(kept: GalleryPage, qtbot: QtBot) -> None:
    film = kept.class_faces.film
    film._speed.setCurrentIndex(2)
    visited: list[int] = []
    film.shown.connect(visited.append)
    qtbot.keyClick(film._slider, Qt.Key.Key_Space)
    assert film.is_playing
    qtbot.waitUntil(lambda: not film.is_playing)
    assert visited == list(ITERATIONS)
    qtbot.keyClick(film._slider, Qt.Key.Key_Space)
    qtbot.keyClick(film._slider, Qt.Key.Key_Space)
    assert not film.is_playing


def test_nothing_plays_where_nobody_looks(kept: GalleryPage) -> None:
    film = kept.class_faces.film
    film.toggle()
    assert film.is_playing
    kept.show_view(kept.make_faces)
    assert not film.is_playing


def test_newest_faces_are_followed_until_somebody_looks_back(
    view: ClassFacesView, session: Session, qtbot: QtBot
) -> None:
    session._take_link(CONNECTED)
    for iteration in (1, 2):
        session._take_snapshot(ClassSnapshot(training=training_at(iteration), sample_iterations=(1, 2)))
        session._take_sample(SampleDrawn(iteration, picture_of(iteration)))
    assert view.film.iteration == 2
    press(qtbot, view.film, Qt.Key.Key_Home, 1)
    session._take_sample(SampleDrawn(3, picture_of(3)))
    assert view.film.iteration == 1
    press(qtbot, view.film, Qt.Key.Key_End, 3)
    session._take_sample(SampleDrawn(4, picture_of(4)))
    assert view.film.iteration == 4


def test_steps_fade_unless_less_motion_is_wished(kept: GalleryPage, session: Session, qtbot: QtBot) -> None:
    film = kept.class_faces.film
    press(qtbot, film, Qt.Key.Key_Home, 0)
    assert film.faces._fade.state() is film.faces._fade.State.Running
    qtbot.waitUntil(lambda: film.faces._fade.state() is film.faces._fade.State.Stopped)
    session.change_preferences(less_motion=True)
    press(qtbot, film, Qt.Key.Key_End, NEWEST)
    assert film.faces._fade.state() is film.faces._fade.State.Stopped
    assert film.faces._picture.toImage().pixelColor(5, 5).red() == 24


# -- the real class -----------------------------------------------------------------------------


def test_grids_are_fetched_when_they_are_looked_at_and_kept(
    trained: Lesson, page: GalleryPage, session: Session, qtbot: QtBot
) -> None:
    session.join(JoinedClass(trained.add_student("Ana")))
    film, pictures = page.class_faces.film, page.class_faces.pictures
    qtbot.waitUntil(lambda: film.iteration is not None and len(pictures.iterations) > 3, timeout=PATIENCE_MS)
    folder = session.class_folder
    assert folder is not None
    assert folder.sample(trained.run_id, 1) is None
    film.show_iteration(1)
    qtbot.waitUntil(lambda: film.iteration == 1, timeout=PATIENCE_MS)
    assert folder.sample(trained.run_id, 1) is not None
    assert "Iteration 1 of 10,000" in seen(page)
    assert "after" in seen(page)


# -- saving -------------------------------------------------------------------------------------


def test_picture_is_saved_large(kept: GalleryPage, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "grid.png"
    kept.class_faces.save_picture(NEWEST, path)
    qtbot.waitUntil(lambda: "Saved as grid.png" in seen(kept))
    width, height = size_of(path.read_bytes())
    assert width == height
    assert 900 < width < 1_100


def test_film_has_every_iteration_also_those_that_were_not_looked_at(
    kept: GalleryPage, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "faces.gif"
    assert kept.class_faces.pictures.picture(10) is None
    kept.class_faces.save_film(path)
    qtbot.waitUntil(lambda: "Saved as faces.gif" in seen(kept), timeout=PATIENCE_MS)
    with Image.open(path) as film:
        assert film.n_frames == len(ITERATIONS)  # type: ignore[attr-defined]
        assert film.info["duration"] == ENDS_MS
        film.seek(1)
        assert film.info["duration"] == FRAME_MS
        # Iteration 10, and below it its name.
        assert film.convert("RGB").getpixel((100, 100)) == (8, 8, 8)
        words = np.asarray(film.convert("L"))[-30:]
        assert words.min() < 100 < words.max()
    assert kept.class_faces.save._button.isEnabled()


def test_long_training_becomes_a_film_of_a_hundred_frames() -> None:
    chosen = evenly(range(1_000), MAX_FRAMES)
    assert len(chosen) == len(set(chosen)) == MAX_FRAMES
    assert (chosen[0], chosen[-1]) == (0, 999)
    assert evenly((3, 5), MAX_FRAMES) == (3, 5)


class SlowPictures(PictureSource):
    """Has iterations, and brings nothing."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._offer((1, 2))

    def ask(self, iteration: int) -> None:
        """Nothing comes."""


def test_film_that_waits_for_pictures_can_be_given_up(qtbot: QtBot, tmp_path: Path) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    save = SaveButton(parent)
    parent.show()
    save.make_film(SlowPictures(parent), tmp_path / "faces.gif")
    assert "Getting the faces: 0 of 2" in seen(parent)
    qtbot.mouseClick(save._cancel, Qt.MouseButton.LeftButton)
    assert seen(parent) == ""
    assert save._button.isVisible()
    assert not list(tmp_path.iterdir())


def test_disk_that_takes_nothing_is_named(kept: GalleryPage, qtbot: QtBot, tmp_path: Path) -> None:
    for name, save in (("a.gif", kept.class_faces.save_film), ("b.png", kept.my_faces.save_keepsake)):
        kept.show_view(kept.class_faces if name == "a.gif" else kept.my_faces)
        qtbot.waitUntil(lambda: kept.my_faces._newest is not None)
        save(tmp_path / "no such folder" / name)
        complaint = f"{name} could not be saved"
        qtbot.waitUntil(partial(_is_said, complaint, kept), timeout=PATIENCE_MS)
        assert "Choose another folder." in seen(kept)


def test_save_asks_for_a_file_and_adds_the_ending(kept: GalleryPage, qtbot: QtBot, tmp_path: Path) -> None:
    kept.class_faces.ask_to_save_picture()
    [dialog] = kept.findChildren(QFileDialog)
    assert dialog.selectedFiles()[0].endswith("faces-iteration-30.png")
    dialog.setDirectory(str(tmp_path))
    dialog.selectFile("mine")
    dialog.accept()
    qtbot.waitUntil(lambda: (tmp_path / "mine.png").exists())


# -- keyboard, size, start ----------------------------------------------------------------------


def test_everything_that_takes_the_focus_has_a_name(kept: GalleryPage) -> None:
    buddies = {label.buddy() for label in kept.findChildren(QLabel)}
    for widget in kept.findChildren(QWidget):
        takes_focus = widget.focusPolicy() & Qt.FocusPolicy.TabFocus and not widget.isHidden()
        if (takes_focus and not isinstance(widget, QListView)) or widget is kept.make_faces.tray:
            text = widget.text() if isinstance(widget, QPushButton) else ""
            assert widget.accessibleName() or text or widget in buddies, widget


def test_views_are_turned_by_keyboard(kept: GalleryPage, qtbot: QtBot) -> None:
    first = kept._group.button(0)
    first.setFocus()
    qtbot.keyClick(first, Qt.Key.Key_Right)
    qtbot.keyClick(kept._group.button(1), Qt.Key.Key_Space)
    assert kept.my_faces.isVisible()


@pytest.mark.parametrize("language", ["en", "de"])
def test_nothing_is_cut_in_the_smallest_window(
    application: QApplication, session: Session, nowhere: Address, qtbot: QtBot, language: str
) -> None:
    install_translation(application, language)
    folder = folder_of(session, nowhere)
    keep_class(folder)
    keep_my_faces(folder)
    window = MainWindow(session)
    window.resize(LEAST_SIZE)
    window.show()
    window.make_pages()
    session.join(JoinedClass(nowhere))
    window.show_page("gallery")
    page = window.page("gallery")
    assert isinstance(page, GalleryPage)
    qtbot.waitUntil(lambda: page.class_faces.film.iteration == NEWEST)
    for view in (page.class_faces, page.my_faces, page.make_faces):
        page.show_view(view)
        qtbot.waitUntil(lambda: page.my_faces.film.iteration == NEWEST or not page.my_faces.isVisible())
        qtbot.waitUntil(lambda: page.make_faces.tray.isEnabled() or not page.make_faces.isVisible())
        assert window.size() == LEAST_SIZE
        for widget in page.findChildren(QWidget):
            if not widget.isVisible() or page.make_faces.tray.isAncestorOf(widget):
                continue
            assert page.rect().contains(widget.mapTo(page, QPoint(0, 0))), widget
            if isinstance(widget, QLabel | QPushButton) and not isinstance(widget.parent(), QLineEdit):
                assert widget.width() >= widget.minimumSizeHint().width(), widget
            if isinstance(widget, QLabel):
                assert widget.height() >= widget.heightForWidth(widget.width()), widget.text()
    # Not closed, which would end the session.
    window.hide()
    window.deleteLater()


def test_page_needs_no_pytorch_to_be_made() -> None:
    script = (
        "import sys; from pathlib import Path; from PySide6.QtWidgets import QApplication;"
        "from gan_desktop.gui.session import Session;"
        "from gan_desktop.gui.window_session import Places;"
        "from gan_desktop.gui.gallery_page import GalleryPage;"
        "app = QApplication([]); session = Session(Places.below(Path('unused')));"
        "page = GalleryPage(session); print({'torch', 'psycopg2', 'PIL'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# -- former trainings ---------------------------------------------------------------------------


def test_a_single_training_is_nothing_to_choose_from(kept: GalleryPage) -> None:
    assert not kept.class_faces.training.isVisible()


def test_former_training_s_faces_can_be_chosen(
    page: GalleryPage, session: Session, nowhere: Address, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = folder_of(session, nowhere)
    keep_class(folder)
    for iteration in (0, 40, 70):
        folder.keep_sample(RUN_ID - 2, SampleDrawn(iteration, picture_of(iteration)))
    session.join(JoinedClass(nowhere))
    view = page.class_faces
    qtbot.waitUntil(lambda: view.film.iteration == NEWEST)
    qtbot.waitUntil(view.training.isVisible)
    choices = [view.training.itemText(index) for index in range(view.training.count())]
    assert (choices, view.training.currentText()) == (
        [f"Training {RUN_ID}", f"Training {RUN_ID - 2}"],
        choices[0],
    )
    view.training.setFocus()
    qtbot.keyClick(view.training, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: view.film.iteration == 70)
    assert view.pictures.iterations == (0, 40, 70)
    assert view.pictures.picture(70) == picture_of(70)
    assert view.training.currentText() == f"Training {RUN_ID - 2}"
    # What the class tells meanwhile is of its own training.
    session.sample_arrived.emit(SampleDrawn(NEWEST, picture_of(NEWEST)))
    session._take_link(CONNECTED)
    assert view.pictures.iterations == (0, 40, 70)
    view.save_film(tmp_path / "former.gif")
    qtbot.waitUntil((tmp_path / "former.gif").exists, timeout=PATIENCE_MS)
    qtbot.keyClick(view.training, Qt.Key.Key_Up)
    qtbot.waitUntil(lambda: view.film.iteration == NEWEST)
