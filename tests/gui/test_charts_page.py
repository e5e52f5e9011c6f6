from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from gan_desktop.database.address import Address
from gan_desktop.errors import ConnectionFailed
from gan_desktop.gui.chart_span import Span
from gan_desktop.gui.charts_page import ChartsPage
from gan_desktop.gui.class_reader import ClassLink
from gan_desktop.gui.course import ClassCourse, ComputerCourse
from gan_desktop.gui.main_window import MainWindow
from gan_desktop.gui.paged_window import LEAST_SIZE
from gan_desktop.gui.session import JoinedClass, Session
from gan_desktop.gui.snapshot import ClassSnapshot
from gan_desktop.records import (
    Hardware,
    Joined,
    Progress,
    Report,
    Run,
    RunConfig,
    RunStatus,
    TrainingNow,
    UnitProgress,
    UnitStarted,
    WorkUnit,
)

CONNECTED = ClassLink(True, True, False, None, 0.0)
AWAY = ClassLink(False, None, False, ConnectionFailed("Away.", cause="unreachable"), 0.0)
TRAINING = TrainingNow(Run(1, "faces", RunStatus.RUNNING, 0, 0, 1, RunConfig()), 0, None, None)
HISTORY = tuple(
    Progress(number, 1_500 * number, 1.25, 0.5, 0.8, 0.9, 700.0 / number if number % 5 == 0 else None)
    for number in range(1, 41)
)
JOINED = Joined("abc", "Ana", Hardware("h", None, 4, 16.0, None), "The CPU computes.", 16, 900)


@pytest.fixture
def page(session: Session, qtbot: QtBot) -> ChartsPage:
    """The page in the room that it has in the smallest window."""
    page = ChartsPage(session)
    qtbot.addWidget(page)
    page.resize(LEAST_SIZE.width() - 150, LEAST_SIZE.height() - 95)
    page.show()
    return page


def tell(session: Session, *reports: Report) -> None:
    for report in reports:
        session._take_report(report)


def learn(session: Session, num_batches: int = 8) -> None:
    tell(session, JOINED, UnitStarted(WorkUnit(41, 1, 7, 0, 1, (), 512, "token", 60.0, 60.0)))
    for done in range(1, num_batches + 1):
        tell(session, UnitProgress(41, 16 * done, 512, 1.5, 0.75, 0.8, 0.9))


def seen(page: QWidget) -> str:
    """All words that somebody sees now."""
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def join_nobody(session: Session) -> None:
    """As after `join`, but with no reader at work."""
    session._joined = JoinedClass(Address("class.invalid", 5432, "gan", "ana", "secret"))


def button(page: ChartsPage, text: str) -> QPushButton:
    [found] = [button for button in page.findChildren(QPushButton) if button.text() == text]
    return found


# -- states -------------------------------------------------------------------------------------


def test_without_a_class_the_page_says_when_curves_come(page: ChartsPage) -> None:
    assert "Join a class" in seen(page)
    assert not page.charts.isVisible()


def test_each_empty_state_has_its_own_words(page: ChartsPage, session: Session) -> None:
    join_nobody(session)
    session.class_changed.emit(session.joined)
    assert "Getting the class's curves" in seen(page)
    session._take_link(CONNECTED)
    assert "has not started the training" in seen(page)
    session._take_link(AWAY)
    assert "No connection to the class" in seen(page)
    session._take_snapshot(ClassSnapshot(training=TRAINING))
    session._take_link(CONNECTED)
    assert "The class has no iteration yet." in seen(page)
    session._take_snapshot(ClassSnapshot(training=TRAINING, history=HISTORY))
    assert page.charts.isVisible()
    assert page.charts.values()[0] == 1.25


def test_curves_seen_last_are_shown_as_such_while_the_class_is_away(
    page: ChartsPage, session: Session
) -> None:
    join_nobody(session)
    session._take_snapshot(ClassSnapshot(training=TRAINING, history=HISTORY))
    session._take_link(AWAY)
    assert page.charts.isVisible()
    assert "These are the iterations seen last." in seen(page)
    session._take_link(CONNECTED)
    assert "seen last" not in seen(page)


def test_this_computer_s_batches_appear_as_they_are_learned(
    qtbot: QtBot, page: ChartsPage, session: Session
) -> None:
    join_nobody(session)
    qtbot.mouseClick(button(page, "This computer"), Qt.MouseButton.LeftButton)
    assert "Press Start contributing" in seen(page)
    learn(session)
    assert page.charts.isVisible()
    assert page.charts.course.buffer.x.tolist() == [16.0 * done for done in range(1, 9)]
    assert page.charts.course.iteration_at(40) == 7
    assert [mark.x for mark in page.charts.course.joins] == [0]


def test_batches_are_collected_while_the_class_is_looked_at(page: ChartsPage, session: Session) -> None:
    session._take_snapshot(ClassSnapshot(history=HISTORY))
    learn(session)
    assert isinstance(page.charts.course, ClassCourse)
    page.show_source(is_class=False)
    assert isinstance(page.charts.course, ComputerCourse)
    assert len(page.charts.course.buffer) == 8


def test_another_class_begins_with_empty_curves(page: ChartsPage, session: Session) -> None:
    session._take_snapshot(ClassSnapshot(history=HISTORY))
    learn(session)
    session._take_snapshot(ClassSnapshot())
    session.class_changed.emit(None)
    assert not page.charts.isVisible()
    page.show_source(is_class=False)
    assert not page.charts.isVisible()


def test_words_on_screen_are_those_of_the_students_table(page: ChartsPage, session: Session) -> None:
    session._take_snapshot(ClassSnapshot(history=HISTORY))
    told = seen(page)
    for words in ("Real pictures recognised", "D_real", "Fakes caught", "D_fake", "lower is better"):
        assert words in told
    for inside in ("coordinator", "gate", "payload", "shard", "epoch"):
        assert inside not in told.lower()


# -- guide --------------------------------------------------------------------------------------


def test_guide_is_there_where_it_has_room_and_else_on_demand(qtbot: QtBot, page: ChartsPage) -> None:
    assert not page._guide.isVisible()
    button(page, "How to read this").click()
    assert page._guide.isVisible()
    assert "a low loss is no success" in seen(page)
    button(page, "How to read this").click()
    page.resize(1_400, 800)
    # Who has folded it away does not get it back by a larger window.
    assert not page._guide.isVisible()


def test_large_window_shows_the_guide_at_once(page: ChartsPage) -> None:
    page.resize(1_250, 800)
    assert page._guide.isVisible()


# -- saving -------------------------------------------------------------------------------------


def test_table_holds_the_points_in_view_in_every_language(
    qtbot: QtBot, page: ChartsPage, session: Session, tmp_path: Path
) -> None:
    session._take_snapshot(ClassSnapshot(history=HISTORY))
    page.charts.look_at(Span(9.5, 20.5))
    path = tmp_path / "course.csv"
    page.save_table(path)
    qtbot.waitUntil(lambda: "Saved as" in seen(page))
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    assert [row["iteration"] for row in rows] == [str(number) for number in range(10, 21)]
    assert rows[0] == {
        "iteration": "10",
        "images": "15000",
        "g_loss": "1.25",
        "d_loss": "0.5",
        "d_real_percent": "80",
        "d_fake_percent": "90",
        "distance": "70",
    }
    assert rows[1]["distance"] == ""
    for cell in (cell for row in rows for cell in row.values()):
        assert cell == "" or cell[0].isdigit()


def test_table_of_this_computer_has_no_distance(
    qtbot: QtBot, page: ChartsPage, session: Session, tmp_path: Path
) -> None:
    learn(session)
    page.show_source(is_class=False)
    path = tmp_path / "batches.csv"
    page.save_table(path)
    qtbot.waitUntil(lambda: "Saved as" in seen(page))
    lines = path.read_text("utf-8").splitlines()
    assert lines[0] == "images,iteration,g_loss,d_loss,d_real_percent,d_fake_percent"
    assert lines[1] == "16,7,1.5,0.75,80,90"
    assert len(lines) == 9


def test_picture_shows_plots_and_legends_finer_than_the_screen(
    qtbot: QtBot, page: ChartsPage, session: Session, tmp_path: Path
) -> None:
    session._take_snapshot(ClassSnapshot(history=HISTORY))
    path = tmp_path / "course.png"
    page.save_picture(path)
    qtbot.waitUntil(lambda: "Saved as" in seen(page))
    picture = QImage(str(path))
    assert picture.width() == 2 * page.charts.width()
    # The dashed curve has gaps.
    colours = {
        picture.pixelColor(x, y).name()
        for x in range(100, picture.width(), 7)
        for y in range(picture.height() // 3)
    }
    looks = page.charts._rows[0].plot.looks
    assert {look.colour().name() for look in looks} <= colours


def test_disk_that_takes_nothing_is_named(
    qtbot: QtBot, page: ChartsPage, session: Session, tmp_path: Path
) -> None:
    session._take_snapshot(ClassSnapshot(history=HISTORY))
    for save in (page.save_table, page.save_picture):
        save(tmp_path / "no such folder" / "course.csv")
        qtbot.waitUntil(lambda: "course.csv could not be saved" in seen(page))
        assert "Choose another folder." in seen(page)
        page._be_silent()


def test_save_asks_for_a_file_and_adds_the_ending(
    qtbot: QtBot, page: ChartsPage, session: Session, tmp_path: Path
) -> None:
    session._take_snapshot(ClassSnapshot(history=HISTORY))
    page.ask_where_to_save_table()
    [dialog] = page.findChildren(QFileDialog)
    dialog.setDirectory(str(tmp_path))
    dialog.selectFile("mine")
    dialog.accept()
    qtbot.waitUntil(lambda: (tmp_path / "mine.csv").exists())


# -- keyboard, size -----------------------------------------------------------------------------


def test_everything_is_reached_by_keyboard_and_has_a_name(
    qtbot: QtBot, page: ChartsPage, session: Session
) -> None:
    session._take_snapshot(ClassSnapshot(history=HISTORY))
    page._class_button.setFocus()
    reached = set()
    for _ in range(20):
        widget = page.focusWidget()
        reached.add(widget)
        qtbot.keyClick(widget, Qt.Key.Key_Tab)
    assert {page._save_button, page._guide_button, page.charts} <= reached
    assert page.charts.accessibleName()
    for row in page.charts._rows:
        assert row.plot.accessibleName()
        assert row.plot.focusPolicy() is Qt.FocusPolicy.NoFocus


def test_show_all_is_enabled_only_where_a_part_is_shown(page: ChartsPage, session: Session) -> None:
    session._take_snapshot(ClassSnapshot(history=HISTORY))
    show_all = button(page, "Show all")
    assert not show_all.isEnabled()
    page.charts.zoom(2)
    assert show_all.isEnabled()
    show_all.click()
    assert not show_all.isEnabled()
    assert not page.charts.is_part_shown


def test_nothing_is_cut_in_the_smallest_window(window: MainWindow, session: Session, qtbot: QtBot) -> None:
    window.resize(LEAST_SIZE)
    window.show_page("charts")
    page = window.page("charts")
    assert isinstance(page, ChartsPage)
    session._take_snapshot(ClassSnapshot(history=HISTORY))
    button(page, "How to read this").setChecked(True)
    qtbot.waitUntil(lambda: page._guide.isVisible() and page.charts.isVisible())
    assert window.size() == LEAST_SIZE
    inside = page.rect()
    for widget in page.findChildren(QWidget):
        if not widget.isVisible() or page._guide.isAncestorOf(widget):
            continue
        assert inside.contains(widget.mapTo(page, QPoint(0, 0)))
        if isinstance(widget, QLabel):
            assert widget.height() >= widget.heightForWidth(widget.width())
            assert widget.width() >= widget.minimumSizeHint().width()
    for row in page.charts._rows:
        assert row.plot.getViewBox().height() > 40
