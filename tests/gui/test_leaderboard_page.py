from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from gan_desktop.database.address import Address
from gan_desktop.errors import ConnectionFailed
from gan_desktop.gui.class_reader import ClassLink
from gan_desktop.gui.leaderboard_model import IMAGES, NAME, NOW, TIME, LeaderboardModel
from gan_desktop.gui.leaderboard_page import LeaderboardPage
from gan_desktop.gui.session import JoinedClass, Session
from gan_desktop.gui.snapshot import ClassSnapshot
from gan_desktop.gui.translation import install_translation
from gan_desktop.records import ClassTotals, LeaderboardRow
from tests.gui.conftest import PATIENCE_MS
from tests.integration.lesson import Lesson

ANA = LeaderboardRow("Ana", 145, 296_960, 33_000.0, is_working=True, is_me=True)
BEN = LeaderboardRow("ben", 12, 400_000, 2_400.0, is_working=False, is_me=False)
EVA = LeaderboardRow("Eva", 900, 2_000, 33_000.0, is_working=True, is_me=False)
TOTALS = ClassTotals("Vision", 23, 30, 190.4, 1_296_960, 1_057)


@pytest.fixture
def page(session: Session, qtbot: QtBot) -> LeaderboardPage:
    page = LeaderboardPage(session)
    qtbot.addWidget(page)
    page.resize(800, 460)
    page.show()
    return page


def read(session: Session, *rows: LeaderboardRow) -> None:
    session._take_snapshot(ClassSnapshot(totals=TOTALS, leaderboard=rows, read_at=time.time()))


def join_nowhere(session: Session) -> None:
    session._joined = JoinedClass(Address("127.0.0.1", 1, "d", "u"))
    session.class_changed.emit(session._joined)


def away(session: Session) -> None:
    error = ConnectionFailed("No answer from there.", cause="unreachable")
    session._take_link(ClassLink(False, None, True, error, time.time()))


def names(page: LeaderboardPage) -> list[str]:
    return [page.order.index(row, NAME).data() for row in range(page.order.rowCount())]


def seen(page: LeaderboardPage) -> str:
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def test_people_stand_by_time_and_then_by_images(page: LeaderboardPage, session: Session) -> None:
    read(session, BEN, EVA, ANA)
    assert names(page) == ["Ana (you)", "Eva", "ben"]
    assert "You: place 1 of 3" in seen(page)


def test_click_on_a_header_sorts_and_another_one_turns_it_round(
    page: LeaderboardPage, session: Session, qtbot: QtBot
) -> None:
    read(session, ANA, BEN, EVA)
    header = page.table.horizontalHeader()

    def click(column: int) -> None:
        where = header.viewport().rect().topLeft()
        where.setX(header.sectionViewportPosition(column) + 5)
        where.setY(8)
        qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=where)

    click(IMAGES)
    assert names(page) == ["ben", "Ana (you)", "Eva"]
    click(IMAGES)
    assert names(page) == ["Eva", "Ana (you)", "ben"]
    click(NAME)
    assert names(page) == ["Ana (you)", "ben", "Eva"]
    click(NOW)
    assert names(page)[-1] == "ben"


def test_filter_shows_whose_name_holds_the_words(
    page: LeaderboardPage, session: Session, qtbot: QtBot
) -> None:
    read(session, ANA, BEN, EVA)
    qtbot.keyClicks(page.search, "BE")
    assert names(page) == ["ben"]
    qtbot.keyClicks(page.search, "x(")
    assert "Nobody here has such a name." in seen(page)
    page.search.clear()
    assert len(names(page)) == 3


def test_own_row_is_marked_by_words_and_weight(page: LeaderboardPage, session: Session) -> None:
    read(session, ANA, BEN)
    own, other = page.order.index(0, NAME), page.order.index(1, NAME)
    assert "(you)" in own.data()
    assert own.data(Qt.ItemDataRole.FontRole).bold() or own.data(Qt.ItemDataRole.FontRole).weight() >= 600
    assert own.data(Qt.ItemDataRole.BackgroundRole) is not None
    assert other.data(Qt.ItemDataRole.BackgroundRole) is None
    assert page.order.index(0, NOW).data() == "● working"
    assert page.order.index(1, NOW).data() == "○ not now"


def test_numbers_are_of_the_locale_and_to_the_right(
    page: LeaderboardPage, session: Session, application: QApplication
) -> None:
    read(session, ANA)
    assert page.order.index(0, IMAGES).data() == "296,960"
    assert page.order.index(0, TIME).data() == "9 h 10"
    assert page.order.index(0, IMAGES).data(Qt.ItemDataRole.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight
    install_translation(application, "de")
    assert page.order.index(0, IMAGES).data() == "296.960"
    assert page.order.index(0, NAME).data() == "Ana (du)"
    QLocale.setDefault(QLocale("en"))


def test_class_is_told_in_numbers(page: LeaderboardPage, session: Session) -> None:
    session._take_link(ClassLink(True, True, False, None, time.time()))
    read(session, ANA)
    for words in ("23", "190", "1,296,960", "1,057", "Computers now"):
        assert words in seen(page)


def test_who_has_just_begun_is_at_work_before_the_class_has_heard_of_it(
    page: LeaderboardPage, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(session, replace(ANA, is_working=False), BEN)
    assert page.order.index(0, NOW).data() == "○ not now"
    monkeypatch.setattr(Session, "is_contributing", property(lambda _session: True))
    session.state_changed.emit(session.state)
    assert [page.order.index(row, NOW).data() for row in (0, 1)] == ["● working", "○ not now"]
    monkeypatch.undo()
    session.state_changed.emit(session.state)
    assert page.order.index(0, NOW).data() == "○ not now"


def test_without_a_class_while_reading_and_with_nobody_it_says_so(
    page: LeaderboardPage, session: Session
) -> None:
    assert "When you have joined a class" in seen(page)
    join_nowhere(session)
    assert "Reading the class" in seen(page)
    read(session)
    assert "Nobody has contributed yet" in seen(page)


def test_class_that_never_answered_is_told_with_a_way_to_try_again(
    page: LeaderboardPage, session: Session
) -> None:
    join_nowhere(session)
    away(session)
    assert "No answer from there." in seen(page)
    assert page.findChildren(QPushButton)[-1].isVisible()


def test_old_rows_say_of_when_they_are(page: LeaderboardPage, session: Session) -> None:
    join_nowhere(session)
    read(session, ANA)
    away(session)
    told = f"as of {time.strftime('%H:%M', time.localtime(session.snapshot.read_at))}, not connected"
    assert told in seen(page)
    assert names(page) == ["Ana (you)"]


def test_chosen_rows_are_copied_as_a_table_that_no_spreadsheet_runs(
    page: LeaderboardPage, session: Session, qtbot: QtBot
) -> None:
    read(session, ANA, replace(BEN, name='=cmd("x")'))
    page.table.selectRow(1)
    page.table.setFocus()
    with qtbot.waitActive(page):
        page.activateWindow()
    qtbot.keyClick(page.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert [line.split("\t")[1] for line in lines] == ["Name", '\'=cmd("x")']


def test_person_stays_chosen_when_others_overtake(page: LeaderboardPage, session: Session) -> None:
    read(session, ANA, BEN, EVA)
    page.table.selectRow(2)
    read(session, ANA, replace(BEN, seconds=99_000.0), EVA)
    assert page._chosen_names() == {"ben"}
    assert names(page)[0] == "ben"


def test_two_hundred_people_are_shown_in_a_moment(page: LeaderboardPage, session: Session) -> None:
    many = tuple(replace(BEN, name=f"Person {at}", seconds=float(at)) for at in range(200))
    began = time.perf_counter()
    read(session, *many)
    page.grab()
    # A slow computer needs a tenth of this: it is the bound of what one would notice as a stall.
    assert time.perf_counter() - began < 1.0
    assert page.order.rowCount() == 200


def test_the_model_keeps_qts_rules(qtmodeltester: object) -> None:
    model = LeaderboardModel()
    model.show_rows((ANA, BEN, EVA))
    qtmodeltester.check(model)  # type: ignore[attr-defined]


def test_real_class_is_shown(
    held_lesson: Lesson,
    session: Session,
    join: Callable[[Address], None],
    page: LeaderboardPage,
    qtbot: QtBot,
) -> None:
    with held_lesson.coordinating():
        join(held_lesson.add_student("Ana"))
        session.start()
        qtbot.waitUntil(lambda: "Ana (you)" in names(page), timeout=PATIENCE_MS)
        qtbot.waitUntil(lambda: page.order.index(0, NOW).data() == "● working", timeout=PATIENCE_MS)
        session.stop_now()
        qtbot.waitUntil(lambda: not session.is_contributing, timeout=PATIENCE_MS)
