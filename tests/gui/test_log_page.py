from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from gan_desktop.database.address import Address
from gan_desktop.errors import ConnectionFailed
from gan_desktop.gui.class_reader import ClassLink
from gan_desktop.gui.log_former import MOST_FORMER
from gan_desktop.gui.log_lines import MOST_LINES, Level
from gan_desktop.gui.log_page import LogPage
from gan_desktop.gui.session import JoinedClass, Session
from gan_desktop.gui.snapshot import ClassSnapshot
from gan_desktop.records import (
    ClassEvent,
    ClassMessage,
    Hardware,
    Joined,
    LeaderboardRow,
    Notice,
    Report,
    StateChanged,
    UnitDropped,
    UnitProgress,
    WorkerState,
)
from gan_desktop.worker.options import WorkerOptions
from tests.gui.conftest import PATIENCE_MS
from tests.integration.lesson import Lesson


@pytest.fixture
def page(session: Session, qtbot: QtBot) -> LogPage:
    page = LogPage(session)
    qtbot.addWidget(page)
    page.resize(800, 460)
    page.show()
    return page


def report(session: Session, *reports: Report) -> None:
    for one in reports:
        session._take_report(one)


def show(page: LogPage, level: Level) -> str:
    page.level.setCurrentIndex(page.level.findData(level.value))
    return page.text.toPlainText()


def test_reports_notices_and_errors_are_lines_with_their_time(page: LogPage, session: Session) -> None:
    report(session, Notice("Batch size halved."), UnitDropped(7, "The unit went to another computer."))
    session.tell_trouble(ConnectionFailed("No answer.", cause="lost"))
    lines = show(page, Level.EVENT).splitlines()
    assert [line.split(" ", 1)[1].strip() for line in lines] == [
        "Batch size halved.",
        "! Unit 7: The unit went to another computer.",
        "! The class cannot be reached: No answer.",
    ]
    assert all(time.strptime(line[:8], "%H:%M:%S") for line in lines)


def test_levels_hide_what_matters_less(page: LogPage, session: Session) -> None:
    report(session, StateChanged(WorkerState.CLAIMING), Notice("Told."), UnitDropped(7, "Lost."))
    assert show(page, Level.DETAIL).count("\n") == 2
    assert "Getting a unit" not in show(page, Level.EVENT)
    assert show(page, Level.PROBLEM).count("\n") == 0
    report(session, Notice("Hidden."), UnitDropped(8, "Lost too."))
    assert "Hidden." not in page.text.toPlainText()
    assert "Unit 8" in page.text.toPlainText()


def test_progress_and_countdowns_are_no_lines(page: LogPage, session: Session) -> None:
    for done in range(100):
        detail = {"unit_id": 42, "num_done": done, "num_images": 2_048}
        report(
            session,
            StateChanged(WorkerState.COMPUTING, detail),
            UnitProgress(42, done, 2_048, 1.0, 1.0, 0.9, 0.9),
        )
    for seconds in range(20, 0, -1):
        report(session, StateChanged(WorkerState.RETRYING, {"seconds": seconds}))
    assert len(page.log.lines) == 2


def test_lines_are_bounded(page: LogPage, session: Session) -> None:
    for number in range(MOST_LINES + 50):
        report(session, Notice(f"Line {number}."))
    assert len(page.log.lines) == MOST_LINES
    assert page.text.blockCount() == MOST_LINES
    assert "Line 49." not in page.text.toPlainText()
    assert f"Line {MOST_LINES + 49}." in page.text.toPlainText()


def test_text_of_others_stays_plain(page: LogPage, session: Session) -> None:
    report(session, Notice("<b>bold</b>\nsecond line"))
    assert page.text.toPlainText().endswith("<b>bold</b> · second line")


def test_warnings_of_the_program_arrive_from_any_thread(page: LogPage, qtbot: QtBot) -> None:
    warn = threading.Thread(target=lambda: logging.getLogger("gan_desktop.x").warning("Odd: %d", 3))
    warn.start()
    warn.join()
    qtbot.waitUntil(lambda: "gan_desktop.x: Odd: 3" in show(page, Level.DETAIL))


# -- search -------------------------------------------------------------------------------------


def where(page: LogPage) -> str:
    assert page.text.textCursor().hasSelection()
    return page.text.textCursor().block().text()


def test_search_goes_back_from_the_newest_and_round(page: LogPage, session: Session, qtbot: QtBot) -> None:
    report(session, Notice("First pear."), Notice("An apple."), Notice("Second PEAR."))
    qtbot.keyClicks(page.search, "pear")
    assert "Second" in where(page)
    page.find_previous()
    assert "First" in where(page)
    page.find_previous()
    assert "Second" in where(page)
    qtbot.keyClick(page.search, Qt.Key.Key_Return)
    assert "First" in where(page)


def test_what_is_nowhere_is_said_so(page: LogPage, session: Session, qtbot: QtBot) -> None:
    report(session, Notice("An apple."))
    qtbot.keyClicks(page.search, "plum")
    assert "No line contains this." in [label.text() for label in page.findChildren(QLabel)]
    assert not page.text.textCursor().hasSelection()


# -- reports ------------------------------------------------------------------------------------

SECRETS = ("s_0a1b2c", "Secret+Word 9", "db.school.example", "10.1.2.3", "Ana Silva", "Ben", "anas-laptop")


def join_school(session: Session) -> None:
    address = Address(
        "db.school.example", 5432, "vision", "s_0a1b2c", "Secret+Word 9", other_hosts=("10.1.2.3",)
    )
    session._joined = JoinedClass(address, title="Vision", options=WorkerOptions(name="Ana Silva"))
    rows = (
        LeaderboardRow("Ana Silva", 1, 1, 1.0, is_working=True, is_me=True),
        LeaderboardRow("Ben", 1, 1, 1.0, is_working=True, is_me=False),
    )
    session._take_snapshot(ClassSnapshot(leaderboard=rows))


def test_report_has_neither_secrets_nor_names(page: LogPage, session: Session) -> None:
    join_school(session)
    hardware = Hardware("anas-laptop", None, 4, 15.6, None)
    report(
        session,
        Joined("abc", "Ana Silva", hardware, "The CPU computes.", 16, 900),
        Notice(f"Pictures cannot be stored in {Path.home()}/pictures (no space)."),
        Notice('Login "S_0A1B2C" at DB.school.example:5432 with Secret+Word 9 was refused for ana silva.'),
        Notice("postgresql://s_0a1b2c:other@10.1.2.3/vision is anas-laptop. Benches are no Ben."),
    )
    page.copy()
    copied = QGuiApplication.clipboard().text()
    for secret in (*SECRETS, str(Path.home()), "other", "Vision"):
        assert secret.casefold() not in copied.casefold().replace("benches", ""), secret
    assert "Benches are no <somebody>." in copied
    assert 'Login "<login>" at <host>:5432 with *** was refused for <me>.' in copied
    assert "<home>/pictures (no space)" in copied
    assert copied.startswith("GAN Desktop ")


def test_words_of_the_instructor_are_shown_but_not_passed_on(page: LogPage, session: Session) -> None:
    said = ClassMessage(3, "Well done, Eva!", time.time() + 1, is_for_me_alone=True)
    session._take_snapshot(ClassSnapshot(messages=(said,)))
    session._take_snapshot(ClassSnapshot(messages=(ClassMessage(4, "Bye.", time.time() + 2, False), said)))
    assert page.text.toPlainText().count("Well done, Eva!") == 1
    assert "Well done" not in page.log.report()


def test_lines_are_on_the_disk_too(session: Session, page: LogPage, qtbot: QtBot) -> None:
    report(session, Notice("Kept for tomorrow, gandesktop://join#eyJ2Ijo1."))
    file = session.places.data / "log" / "window.log"
    qtbot.waitUntil(lambda: file.exists() and "Kept for tomorrow" in file.read_text("utf-8"))
    assert "eyJ2" not in file.read_text("utf-8")


def test_connection_is_told_when_it_changes(page: LogPage, session: Session) -> None:
    error = ConnectionFailed("No answer.", cause="unreachable")
    for link in (
        ClassLink(True, True, False, None, 0.0),
        ClassLink(True, True, False, None, 0.0),
        ClassLink(False, None, False, error, 0.0),
        ClassLink(False, None, False, error, 0.0),
    ):
        session._take_link(link)
    assert [line.text for line in page.log.lines] == [
        "Connected to the class.",
        "No connection to the class. No answer.",
    ]


def test_real_unit_is_told_from_its_beginning_to_its_end(
    held_lesson: Lesson, session: Session, join: Callable[[Address], None], page: LogPage, qtbot: QtBot
) -> None:
    with held_lesson.coordinating():
        session.change_preferences(name="Ana's laptop")
        join(held_lesson.add_student("Ana"))
        with qtbot.waitSignal(session.unit_delivered, timeout=PATIENCE_MS):
            session.start()
        session.stop_now()
        qtbot.waitUntil(lambda: not session.is_contributing, timeout=PATIENCE_MS)
    told = show(page, Level.DETAIL)
    for words in (
        "takes part as “Ana's laptop”",
        " begins: ",
        " is computed: loss of G",
        " is handed in: ",
        "Stopped.",
    ):
        assert words in told, told
    assert "Ana" not in page.log.report()


# -- former starts ------------------------------------------------------------------------------


def begin_again(session: Session, qtbot: QtBot) -> LogPage:
    """A page as the next start of the program has it."""
    page = LogPage(session)
    qtbot.addWidget(page)
    qtbot.waitUntil(lambda: "The program was started" in page.text.toPlainText())
    return page


def test_former_start_stands_before_this_one(session: Session, page: LogPage, qtbot: QtBot) -> None:
    assert page.text.toPlainText() == ""
    report(session, Notice("Of yesterday."), UnitDropped(7, "Lost."), StateChanged(WorkerState.CLAIMING))
    page._file.close()
    again = begin_again(session, qtbot)
    report(session, Notice("Of today."))
    told = [line.split(" ", 1)[1].strip() for line in again.text.toPlainText().splitlines()]
    assert [line for line in told if "started" not in line] == [
        "Of yesterday.",
        "! Unit 7: Lost.",
        "The program was closed.",
        "Of today.",
    ]
    assert ["started" in line for line in told] == [True, False, False, False, True, False]
    assert "Getting a unit" in show(again, Level.DETAIL)
    assert show(again, Level.PROBLEM).count("\n") == 0
    assert "Of yesterday." in again.log.report()


def test_start_that_crashed_is_told(session: Session, page: LogPage, qtbot: QtBot) -> None:
    report(session, Notice("The last words."))
    file = session.places.data / "log" / "window.log"
    qtbot.waitUntil(lambda: file.exists() and "The last words." in file.read_text("utf-8"))
    again = begin_again(session, qtbot)
    told = show(again, Level.PROBLEM)
    assert told.splitlines()[-1].endswith("it crashed, or the computer was switched off.")
    assert "The last words." in show(again, Level.EVENT)


def test_of_many_former_lines_the_newest_are_shown(session: Session, page: LogPage, qtbot: QtBot) -> None:
    for number in range(MOST_FORMER + 50):
        report(session, Notice(f"Line {number}."))
    page._file.close()
    again = begin_again(session, qtbot)
    told = again.text.toPlainText()
    assert f"Line {MOST_FORMER + 49}." in told
    assert "Line 40." not in told


def test_message_stands_once_and_where_it_was_sent(page: LogPage, session: Session) -> None:
    sent_at = time.time()
    report(session, Notice("After it."))
    event = ClassEvent(9, "message", 'Message to everybody: "Five minutes left."', sent_at)
    other = ClassEvent(10, "paused", "The training is paused.", sent_at)
    message = ClassMessage(3, "Five minutes left.", sent_at, is_for_me_alone=False)
    session._take_snapshot(ClassSnapshot(events=(other, event), messages=(message,)))
    told = [line.split(" ", 1)[1].strip() for line in page.text.toPlainText().splitlines()]
    assert sorted(told[:2]) == ["The training is paused.", "Your instructor: Five minutes left."]
    assert told[2:] == ["After it."]
