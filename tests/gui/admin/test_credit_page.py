"""The page of everybody's credit, over a class in which every fate of a unit occurs."""

from __future__ import annotations

import csv
import io
import stat
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QDate, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gan_desktop.class_admin.people import add_student
from gan_desktop.coordinator.audit import REFUSAL
from gan_desktop.database.connection import Connection
from gan_desktop.database.logins import Login
from gan_desktop.gui.admin.credit import page as credit_page
from gan_desktop.gui.admin.credit.model import ACTIVE, COUNTED, LATE, NAME, NOT_COUNTED, STUDENT_ID, WAITING
from gan_desktop.gui.admin.credit.page import CreditPage
from gan_desktop.gui.admin.credit.span import Days, Span
from gan_desktop.gui.admin.credit.units_dialog import FATE, REASON, UnitsDialog
from gan_desktop.gui.admin.credit.words import last_words
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.admin.sql_dialog import SqlDialog
from gan_desktop.gui.background import wait_for_background
from gan_desktop.gui.paged_window import LEAST_SIZE
from gan_desktop.gui.theme import em
from gan_desktop.gui.translation import Translator, install_translation
from tests.gui.admin.conftest import PATIENCE_MS
from tests.gui.admin.test_students_page import LEAST_PAGE, dialog, nameless, save_in
from tests.gui.hands import Hand, Keyboard, Mouse
from tests.integration.classroom import Classroom, Training, counted, late, refused
from tests.integration.conftest import classroom, shared_class

__all__ = ["classroom", "shared_class"]


@dataclass
class Course:
    """Ana met with every fate, Ben has handed in one unit, Cleo none."""

    classroom: Classroom
    training: Training

    def hand_in(self, login: Login, *decisions: object) -> None:
        worker = self.classroom.add_worker(login)
        for decide in decisions:
            update_id = self.training.hand_in(worker)
            if decide is not None:
                self.training.publish_next([decide(update_id)])  # type: ignore[operator]


@pytest.fixture
def course(classroom: Classroom) -> Course:
    made = Course(classroom, classroom.start_training((50, 37, 16, 900)))
    for name, student_id, decisions in (
        ("Ana", "0012", (counted, counted, late, refused, None)),
        ("Ben", "=1+1", (counted,)),
        ("Cleo", "0014", ()),
    ):
        way_in = add_student(
            classroom.coordinator_address, name, student_id=student_id, email=f"{name}@x.example"
        )
        made.hand_in(Login(way_in.user, way_in.password or ""), *decisions)
    return made


@pytest.fixture
def page(idle_teaching: TeachingSession, course: Course, qtbot: QtBot) -> Iterator[CreditPage]:
    # Nobody shall run the training meanwhile.
    course.classroom.superuser.execute("UPDATE gan.training_runs SET status = 'paused'")
    with qtbot.waitSignal(idle_teaching.snapshot_changed, timeout=PATIENCE_MS):
        idle_teaching.teach(TaughtClass(course.classroom.coordinator_address, "Vision"))
    made = CreditPage(idle_teaching)
    made.resize(LEAST_SIZE)
    made.show()
    qtbot.waitExposed(made)
    qtbot.waitUntil(lambda: made.order.rowCount() == 3, timeout=PATIENCE_MS)
    yield made
    made.hide()
    made.deleteLater()


@pytest.fixture(params=[Mouse, Keyboard])
def hand(request: pytest.FixtureRequest, qtbot: QtBot) -> Hand:
    made: Hand = request.param(qtbot)
    return made


def cells(page: CreditPage, row: int, *columns: int) -> list[str]:
    return [str(page.order.index(row, column).data()) for column in columns]


def total(page: CreditPage, *columns: int) -> list[str]:
    return [str(page.totals.model().index(0, column).data()) for column in columns]


def choose_days(page: CreditPage, days: Days) -> None:
    page.span.choice.setCurrentIndex(page.span.choice.findData(days.value))


FATES = (COUNTED, LATE, NOT_COUNTED, WAITING)


def test_every_fate_of_a_unit_has_a_column_and_a_sum(page: CreditPage) -> None:
    assert cells(page, 0, NAME, STUDENT_ID, *FATES) == ["Ana", "0012", "2", "1", "1", "1"]
    assert cells(page, 1, NAME, *FATES) == ["Ben", "1", "0", "0", "0"]
    assert cells(page, 2, NAME, *FATES) == ["Cleo", "0", "0", "0", "0"]
    assert total(page, NAME, *FATES) == ["Total", "3", "1", "1", "1"]
    assert "1 unit not looked at yet" in page.standing.text()


def test_numbers_are_sorted_as_numbers(page: CreditPage, course: Course, qtbot: QtBot) -> None:
    course.classroom.superuser.execute("UPDATE gan.updates SET num_images = 1000000 WHERE status = 'counted'")
    page.table.sortByColumn(COUNTED, Qt.SortOrder.DescendingOrder)
    assert cells(page, 0, NAME) == ["Ana"]
    page.table.sortByColumn(ACTIVE, Qt.SortOrder.AscendingOrder)
    assert cells(page, 0, NAME) == ["Cleo"]


def test_the_sums_stay_below_their_columns(page: CreditPage, qtbot: QtBot) -> None:
    for width in (700, 1_100, 560):
        page.resize(width, 500)
        qtbot.waitUntil(
            lambda: all(
                page.totals.columnViewportPosition(column) == page.table.columnViewportPosition(column)
                for column in FATES
            )
        )
    page.table.horizontalScrollBar().setValue(page.table.horizontalScrollBar().maximum())
    assert page.table.horizontalScrollBar().value() > 0
    assert page.totals.columnViewportPosition(LATE) == page.table.columnViewportPosition(LATE)


def test_a_click_on_a_name_shows_the_persons_units_with_the_reasons(page: CreditPage, qtbot: QtBot) -> None:
    where = page.table.visualRect(page.order.index(0, NAME)).center()
    qtbot.mouseClick(page.table.viewport(), Qt.MouseButton.LeftButton, pos=where)
    units = dialog(page, UnitsDialog, qtbot)
    qtbot.waitUntil(lambda: units.order.rowCount() == 5, timeout=PATIENCE_MS)
    seen = {units.order.index(row, FATE).data(): units.order.index(row, REASON).data() for row in range(5)}
    assert seen == {
        "not yet counted": "",
        "not counted": "Its figures are not finite.",
        "came late, counts for the person": "It came too late.",
        "counted": "",
    }
    units.fates.setCurrentIndex(units.fates.findData("not_counted"))
    assert units.order.rowCount() == 1
    units.accept()


def test_a_count_of_the_former_class_is_neither_shown_nor_saved(
    page: CreditPage, idle_teaching: TeachingSession, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    read_credit, release = credit_page.read_credit, threading.Event()
    monkeypatch.setattr(credit_page, "read_credit", lambda *args: release.wait(30) and read_credit(*args))
    page.refresh()
    with qtbot.waitSignal(idle_teaching.class_changed, timeout=PATIENCE_MS):
        idle_teaching.leave()
    release.set()
    assert wait_for_background(PATIENCE_MS)
    # The answer is told in the window's thread.
    qtbot.wait(1)
    assert not page.model.rows and not page.save_button.isEnabled()
    assert page.standing.text() == ""


def test_return_shows_the_units_too(page: CreditPage, qtbot: QtBot) -> None:
    page.table.selectRow(1)
    page.activateWindow()
    page.table.setFocus()
    qtbot.waitUntil(page.table.hasFocus, timeout=PATIENCE_MS)
    qtbot.keyClick(page.table, Qt.Key.Key_Return)
    units = dialog(page, UnitsDialog, qtbot)
    assert units.windowTitle() == "The units of Ben"
    qtbot.waitUntil(lambda: units.order.rowCount() == 1, timeout=PATIENCE_MS)
    Mouse(qtbot).press(units, "Show the SQL")
    sql = dialog(page, SqlDialog, qtbot)
    sql.copy()
    assert "FROM gan.updates" in QApplication.clipboard().text()
    sql.accept()
    units.accept()


def test_days_are_counted_by_the_servers_clock(page: CreditPage, course: Course, qtbot: QtBot) -> None:
    course.classroom.superuser.execute(
        "UPDATE gan.updates SET submitted_at = '2026-03-01 12:00' WHERE status = 'counted'"
    )
    choose_days(page, Days.TODAY)
    qtbot.waitUntil(lambda: total(page, COUNTED, LATE) == ["0", "1"], timeout=PATIENCE_MS)
    choose_days(page, Days.CHOSEN)
    page.span.first.setDate(QDate(2026, 3, 1))
    page.span.last.setDate(QDate(2026, 3, 1))
    qtbot.waitUntil(lambda: total(page, COUNTED, LATE) == ["3", "0"], timeout=PATIENCE_MS)
    # The units of a person are those of the same days.
    page.table.selectRow(0)
    page.show_units()
    units = dialog(page, UnitsDialog, qtbot)
    qtbot.waitUntil(lambda: units.order.rowCount() == 2, timeout=PATIENCE_MS)
    units.accept()
    page.span.last.setDate(QDate(2026, 2, 1))
    qtbot.waitUntil(lambda: "is before the first" in page.standing.text(), timeout=PATIENCE_MS)
    page.span.last.setDate(QDate(2026, 3, 2))
    qtbot.waitUntil(lambda: "before" not in page.standing.text(), timeout=PATIENCE_MS)


def test_the_days_that_are_meant() -> None:
    wednesday, first, last = date(2026, 11, 25), date(2026, 11, 1), date(2026, 11, 20)
    assert Days.ALL.span(wednesday, first, last) == Span()
    assert Days.TODAY.span(wednesday, first, last) == Span(wednesday, wednesday)
    assert Days.WEEK.span(wednesday, first, last) == Span(date(2026, 11, 23), wednesday)
    assert Days.CHOSEN.span(wednesday, first, last) == Span(first, last)
    assert Days.FINAL.span(wednesday, first, last) == Span(None, last)


def test_new_work_is_counted_on_request(page: CreditPage, course: Course, hand: Hand, qtbot: QtBot) -> None:
    course.classroom.superuser.execute("UPDATE gan.updates SET status = 'counted' WHERE status = 'late'")
    hand.press(page, "&Refresh")
    qtbot.waitUntil(lambda: total(page, COUNTED, LATE) == ["4", "0"], timeout=PATIENCE_MS)


def test_the_table_is_saved_for_a_spreadsheet(
    page: CreditPage, hand: Hand, qtbot: QtBot, tmp_path: Path
) -> None:
    page.separator.setCurrentIndex(page.separator.findData("semicolon"))
    hand.press(page, "Save as &CSV ...")
    path = tmp_path / "credit.csv"
    save_in(page, path, qtbot)
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    [ana, ben, _] = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";")
    assert (ana["Student ID"], ana["E-mail"], ana["Units counted"]) == ("0012", "Ana@x.example", "2")
    assert ben["Student ID"] == "'=1+1"
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    qtbot.waitUntil(lambda: page.standing.text() == f"Saved: {path}", timeout=PATIENCE_MS)


def test_the_name_of_the_file_says_from_which_days_it_is(page: CreditPage, qtbot: QtBot) -> None:
    assert page._file_stem() == "Credit Vision"
    choose_days(page, Days.FINAL)
    page.span.last.setDate(QDate(2026, 11, 30))
    assert page._file_stem() == "Credit Vision as of 2026-11-30"
    qtbot.waitUntil(
        lambda: "2026-11-30" in (page._report.statement if page._report else ""), timeout=PATIENCE_MS
    )


def test_the_sql_shown_is_the_one_that_ran(page: CreditPage, course: Course, qtbot: QtBot) -> None:
    Mouse(qtbot).press(page, "Show the SQL")
    sql = dialog(page, SqlDialog, qtbot)
    sql.copy()
    with Connection(course.classroom.coordinator_address) as connection:
        rows = connection.query(QApplication.clipboard().text())
    assert [(row.name, row.num_counted) for row in rows] == [("Ana", 2), ("Ben", 1), ("Cleo", 0)]
    sql.accept()


def test_the_page_speaks_german(page: CreditPage, application: QApplication, qtbot: QtBot) -> None:
    install_translation(application, "de")
    german = CreditPage(page._session)
    german.show()
    qtbot.waitUntil(lambda: german.order.rowCount() == 3, timeout=PATIENCE_MS)
    assert german.save_button.text() == "Als &CSV speichern ..."
    assert german.separator.currentData() == "semicolon"
    assert german.totals.model().index(0, NAME).data() == "Summe"
    german.table.selectRow(0)
    german.show_units()
    units = dialog(german, UnitsDialog, qtbot)
    qtbot.waitUntil(lambda: units.order.rowCount() == 5, timeout=PATIENCE_MS)
    assert "nicht gezählt" in {units.order.index(row, FATE).data() for row in range(5)}
    units.accept()
    german.hide()
    german.deleteLater()


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_page_fits_the_smallest_window(
    idle_teaching: TeachingSession, application: QApplication, language: str
) -> None:
    install_translation(application, language)
    made = CreditPage(idle_teaching)
    choose_days(made, Days.CHOSEN)
    assert made.minimumSizeHint().width() <= LEAST_PAGE.width()
    assert made.minimumSizeHint().height() <= LEAST_PAGE.height()
    made.deleteLater()


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_column_is_seen_in_the_smallest_window(
    page: CreditPage, application: QApplication, language: str, qtbot: QtBot
) -> None:
    install_translation(application, language)
    shown = CreditPage(page._session)
    shown.resize(LEAST_PAGE)
    shown.show()
    qtbot.waitUntil(lambda: shown.order.rowCount() == 3, timeout=PATIENCE_MS)
    shown._clock.stop()
    assert shown._report is not None
    people = [
        replace(
            person,
            name=f"{person.name} Abramowitsch-Wiesengrund",
            student_id="12345678",
            section="A",
            num_counted=1_234,
            num_waiting=2,
            images_counted=296_960,
            active_hours=9.2,
        )
        for person in shown._report.people
    ]
    shown._take(replace(shown._report, people=people))
    assert not any(shown.table.isColumnHidden(column) for column in range(len(shown.model.columns)))
    assert shown.table.horizontalHeader().length() <= shown.table.viewport().width()
    assert shown.table.columnWidth(NAME) > em(shown, 6)
    shown.hide()
    shown.deleteLater()


def test_the_last_units_time_is_as_brief_as_it_can_be() -> None:
    now = datetime.now(UTC)
    assert last_words(now) == f"{now:%H:%M}"
    assert last_words(now.replace(year=now.year - 1, month=11, day=23)) == f"11/23/{(now.year - 1) % 100:02}"
    assert last_words(None) == "-"


def test_everything_that_takes_the_focus_has_a_name(page: CreditPage, qtbot: QtBot) -> None:
    choose_days(page, Days.CHOSEN)
    page.table.selectRow(0)
    page.show_units()
    page.show_sql()
    dialog(page, SqlDialog, qtbot)
    assert nameless(page) == []


def test_every_reason_of_the_coordinator_has_its_german() -> None:
    german = Translator("de")
    for reason in (
        "It came after its iteration's time.",
        "It is 31 times as large as usual.",
        "It changes next to nothing.",
        "It is a copy of another account's update 17.",
        "It pulls against the others of its round (cosine -0.42).",
        "It holds values that are no finite numbers.",
        "It changes nothing.",
        "It is larger than its number of steps allows.",
        "Its BatchNorm statistics are beyond all measure.",
        REFUSAL,
    ):
        assert german.engine_text(reason) != reason
