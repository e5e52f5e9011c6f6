"""The end of a course in the instructor's window, and what a student's window says of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from gan_desktop.class_admin import closing as closing_module
from gan_desktop.class_admin.closing import Step, close_logins, closing, end_class, record_step
from gan_desktop.class_admin.hosting import Host, hosted_administrator
from gan_desktop.class_admin.login import make_class
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.databases import create_database
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.errors import CredentialsError
from gan_desktop.gui.admin import entrance
from gan_desktop.gui.admin.end_of_course.delete import DeleteSheet
from gan_desktop.gui.admin.end_of_course.move import MoveSheet, NewClassSheet
from gan_desktop.gui.admin.end_of_course.sheets import QUESTION_EM, EraseQuestion
from gan_desktop.gui.admin.end_of_course.view import EndOfCourseView
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.session import JoinedClass, Session
from gan_desktop.gui.strip import Strip
from gan_desktop.gui.strip_look import Action
from gan_desktop.gui.theme import em
from gan_desktop.gui.window_session import Places
from gan_desktop.known_classes import KnownClass
from gan_desktop.records import WorkerState
from tests.integration.conftest import superuser_address
from tests.integration.databases import drop_class_database
from tests.integration.lesson import Lesson, worker_thread

PATIENCE_MS = 60_000


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No program has to hear of the end."""
    monkeypatch.setattr(closing_module, "FAREWELL_S", 0.0)


@pytest.fixture
def view(teaching: TeachingSession, tmp_path: Path, qtbot: QtBot) -> Iterator[EndOfCourseView]:
    """The view over a class with one student, as it has looked at it."""
    made = EndOfCourseView(teaching)
    made.resize(790, 400)
    made.folder = tmp_path / "files"
    made.show()
    qtbot.waitExposed(made)
    qtbot.waitUntil(lambda: bool(made.rows["end"].consequence.text()), timeout=PATIENCE_MS)
    yield made
    qtbot.waitUntil(lambda: not made.work.is_busy, timeout=PATIENCE_MS)
    made.hide()
    made.deleteLater()


def press(name: str, view: EndOfCourseView, qtbot: QtBot) -> None:
    """Press a step's button and wait until it is done."""
    row = view.rows[name]
    qtbot.waitUntil(row.button.isEnabled, timeout=PATIENCE_MS)
    row.button.click()
    qtbot.waitUntil(lambda: row.is_done, timeout=PATIENCE_MS)


def press_and_agree(name: str, view: EndOfCourseView, qtbot: QtBot) -> None:
    """The same for a step that asks first."""
    row = view.rows[name]
    qtbot.waitUntil(row.button.isEnabled, timeout=PATIENCE_MS)
    row.button.click()
    answer(view, agree=True)
    qtbot.waitUntil(lambda: row.is_done, timeout=PATIENCE_MS)


def answer(view: EndOfCourseView, *, agree: bool) -> QMessageBox:
    [box] = [box for box in view.findChildren(QMessageBox) if box.isVisible()]
    kind = QMessageBox.ButtonRole.DestructiveRole if agree else QMessageBox.ButtonRole.RejectRole
    [button] = [b for b in box.buttons() if box.buttonRole(b) is kind]
    button.click()
    return box


def steps(taught: Lesson) -> set[Step]:
    return set(closing(taught.coordinator).done)


# -- the steps -----------------------------------------------------------------------------------


def test_every_step_says_what_it_will_do(view: EndOfCourseView) -> None:
    assert all(row.consequence.text().endswith(".") for row in view.rows.values())
    assert not any(row.is_done for row in view.rows.values())
    # What would come too early cannot be pressed, and says what comes first.
    assert not view.rows["logins"].button.isEnabled()
    assert "First end the class" in view.rows["logins"].note.text()
    assert not view.rows["erase"].button.isEnabled()
    assert view.rows["archive"].button.isEnabled()


def test_the_end_is_asked_first_and_can_be_left(view: EndOfCourseView, taught: Lesson, qtbot: QtBot) -> None:
    view.rows["end"].button.click()
    box = answer(view, agree=False)
    assert "students read that the class is over" in box.informativeText()
    assert box.width() >= em(box, QUESTION_EM)
    assert steps(taught) == set()
    places = [row.geometry() for row in view.rows.values()]
    press_and_agree("end", view, qtbot)
    assert [row.geometry() for row in view.rows.values()] == places
    assert steps(taught) == {Step.END}
    assert "Done on" in view.rows["end"].outcome.text()
    assert view.open_again.isVisible()


def test_the_room_of_the_former_classs_words_is_given_back(view: EndOfCourseView, qtbot: QtBot) -> None:
    row = view.rows["end"]
    row.tell_note("\n".join(["A note."] * 9))
    qtbot.waitUntil(lambda: row.height() > 9 * row.fontMetrics().height(), timeout=PATIENCE_MS)
    tall = row.height()
    row.tell_note("")
    assert row.minimumHeight() == tall
    view._take_class()
    qtbot.waitUntil(lambda: row.height() < tall, timeout=PATIENCE_MS)


@pytest.mark.usefixtures("hasty")
def test_a_course_is_ended_from_the_first_step_to_the_last(
    view: EndOfCourseView, taught: Lesson, qtbot: QtBot
) -> None:
    ana = taught.add_student("Ana Silva")
    with taught.coordinating():
        with worker_thread(taught, ana):
            taught.await_iteration(1)
            press_and_agree("end", view, qtbot)
        # Erasing is refused while the last units are being credited.
        taught.wait_until(lambda: not closing(taught.coordinator).facts.num_waiting, "the last units' credit")
    for name in ("credit", "results", "archive"):
        press(name, view, qtbot)
    press_and_agree("logins", view, qtbot)
    view.rows["erase"].button.click()
    [question] = view.findChildren(EraseQuestion)
    assert not question.do.isEnabled()
    question.typed.setText("vision")
    question.do.click()
    qtbot.waitUntil(lambda: view.rows["erase"].is_done, timeout=PATIENCE_MS)

    files = sorted(path.name for path in view.folder.iterdir())
    assert len(files) == 3 and files[0].startswith("vision-archive-")
    assert view.rows["credit"].outcome.text().endswith(files[1])
    assert view.rows["archive"].show_place.isVisible()
    [row] = taught.query("SELECT name, images FROM leaderboard")
    assert row.name == "Student 1" and row.images > 0
    assert not view.open_again.isVisible()


def test_files_from_before_the_erasure_are_said_to_hold_names(
    view: EndOfCourseView, taught: Lesson, qtbot: QtBot
) -> None:
    record_step(taught.coordinator, Step.CREDIT, "vision-credit.csv")
    record_step(taught.coordinator, Step.ERASE)
    record_step(taught.coordinator, Step.ARCHIVE, "vision.zip")
    view.look()
    qtbot.waitUntil(lambda: view.rows["archive"].is_done, timeout=PATIENCE_MS)
    assert "this file still holds them" in view.rows["credit"].note.text()
    assert view.rows["archive"].note.text() == "Personal data was erased: names are not in it any more."


def test_a_file_that_cannot_be_written_is_a_banner_and_no_tick(
    view: EndOfCourseView, teaching: TeachingSession, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "in-the-way").write_text("")
    view.folder = tmp_path / "in-the-way"
    view.rows["credit"].button.click()
    qtbot.waitUntil(lambda: teaching.trouble is not None, timeout=PATIENCE_MS)
    assert teaching.trouble is not None and "Choose another folder" in teaching.trouble.message
    qtbot.waitUntil(view.rows["credit"].button.isEnabled, timeout=PATIENCE_MS)
    assert not view.rows["credit"].is_done


def test_a_class_may_go_on_after_all(view: EndOfCourseView, taught: Lesson, qtbot: QtBot) -> None:
    press_and_agree("end", view, qtbot)
    qtbot.waitUntil(view.open_again.isVisible, timeout=PATIENCE_MS)
    view.open_again.click()
    answer(view, agree=True)
    qtbot.waitUntil(lambda: not view.rows["end"].is_done, timeout=PATIENCE_MS)
    assert steps(taught) == set()


def test_what_another_window_has_done_is_seen_with_its_time(
    view: EndOfCourseView, taught: Lesson, qtbot: QtBot
) -> None:
    record_step(taught.coordinator, Step.ARCHIVE, "C:\\Users\\teacher\\vision.zip")
    view.look()
    qtbot.waitUntil(lambda: view.rows["archive"].is_done, timeout=PATIENCE_MS)
    # The file is on that computer.
    assert not view.rows["archive"].show_place.isVisible()


# -- moving and beginning anew -------------------------------------------------------------------


@pytest.fixture
def empty_place(server: EmbeddedPostgres) -> Iterator[Address]:
    made = create_database(superuser_address(server), "an_empty_place")
    yield made
    drop_class_database(superuser_address(server), "an_empty_place")


def fill_in(sheet: MoveSheet | NewClassSheet, place: Address) -> None:
    form = sheet.place
    form.host.setText(place.host)
    form.port.setValue(place.port)
    form.dbname.setText(place.dbname)
    form.user.setText(place.user)
    form.password.setText(place.password or "")


def test_a_class_is_moved_from_the_window(
    view: EndOfCourseView, teaching: TeachingSession, taught: Lesson, empty_place: Address, qtbot: QtBot
) -> None:
    taught.add_student("Ana")
    view.move_button.click()
    [sheet] = view.findChildren(MoveSheet)
    fill_in(sheet, empty_place)
    sheet.do.click()
    qtbot.waitUntil(lambda: sheet.do.text() == "Go to the new class", timeout=PATIENCE_MS)
    assert "cards.zip" in sheet.outcome.text()
    with qtbot.waitSignal(teaching.snapshot_changed, timeout=PATIENCE_MS):
        sheet.do.click()
    assert teaching.taught is not None and teaching.taught.address.dbname == empty_place.dbname
    assert [student.name for student in teaching.snapshot.students] == ["Ana"]
    # It is kept: the next start opens it.
    assert teaching.taught.known is not None
    assert Step.MOVE in steps(taught)


def test_a_place_that_holds_a_class_is_refused_in_the_sheet(
    view: EndOfCourseView, taught: Lesson, qtbot: QtBot
) -> None:
    view.move_button.click()
    [sheet] = view.findChildren(MoveSheet)
    sheet.do.click()
    assert sheet.trouble is not None and "Please fill in" in sheet.trouble.message
    fill_in(sheet, taught.administrator)
    sheet.do.click()
    qtbot.waitUntil(
        lambda: sheet.trouble is not None and "holds a class" in sheet.trouble.message, timeout=PATIENCE_MS
    )
    assert sheet.do.isEnabled() and sheet.place.host.text() == taught.administrator.host
    sheet.reject()
    assert steps(taught) == set()


def test_next_terms_class_has_the_settings_of_this_one(
    view: EndOfCourseView, teaching: TeachingSession, taught: Lesson, empty_place: Address, qtbot: QtBot
) -> None:
    view.new_button.click()
    [sheet] = view.findChildren(NewClassSheet)
    sheet.title.setText("Vision 2027")
    fill_in(sheet, empty_place)
    sheet.do.click()
    qtbot.waitUntil(lambda: sheet.do.text() == "Go to the new class", timeout=PATIENCE_MS)
    pages: list[str] = []
    teaching.page_wanted.connect(pages.append)
    with qtbot.waitSignal(teaching.snapshot_changed, timeout=PATIENCE_MS):
        sheet.do.click()
    assert pages == ["today"]
    assert teaching.title == "Vision 2027"
    assert teaching.snapshot.status is not None
    assert [run.name for run in teaching.snapshot.status.runs] == ["Faces"]
    assert len(teaching.snapshot.status.datasets) == 1


# -- deleting ------------------------------------------------------------------------------------


def test_deleting_needs_the_name_and_the_makers_login(
    view: EndOfCourseView, teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    end_class(taught.coordinator)
    view.delete.button.click()
    [sheet] = view.findChildren(DeleteSheet)
    assert sheet.user is not None and sheet.password is not None
    assert not sheet.do.isEnabled()
    sheet.typed.setText("Vision")
    sheet.user.setText(taught.coordinator.user)
    sheet.password.setText(taught.coordinator.password or "")
    sheet.do.click()
    qtbot.waitUntil(lambda: sheet.trouble is not None, timeout=PATIENCE_MS)
    assert taught.query("SELECT count(*) AS n FROM gan.class")[0].n == 1
    sheet.user.setText(taught.administrator.user)
    sheet.password.setText(taught.administrator.password or "")
    with qtbot.waitSignal(teaching.begin_wanted, timeout=PATIENCE_MS):
        sheet.do.click()
    assert teaching.taught is None
    with Connection(taught.administrator) as connection:
        assert not connection.query("SELECT 1 FROM pg_namespace WHERE nspname = 'gan'")


def test_a_way_to_a_deleted_class_that_cannot_be_forgotten_is_told_as_a_warning(
    teaching: TeachingSession, taught: Lesson, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    def fail(*_: object) -> None:
        raise CredentialsError("The file with the password cannot be removed.")

    monkeypatch.setattr(entrance, "forget_taught", fail)
    known = KnownClass("Vision", "1", ("localhost",), 1, "gan", "teacher")
    with qtbot.waitSignal(teaching.snapshot_changed, timeout=PATIENCE_MS):
        teaching.teach(TaughtClass(taught.coordinator, "Vision", known=known))
    view = shown(teaching, qtbot)
    view.delete.button.click()
    [sheet] = view.findChildren(DeleteSheet)
    assert sheet.user is not None and sheet.password is not None
    sheet.typed.setText("Vision")
    sheet.user.setText(taught.administrator.user)
    sheet.password.setText(taught.administrator.password or "")
    with qtbot.waitSignal(teaching.begin_wanted, timeout=PATIENCE_MS):
        sheet.do.click()
    assert teaching.taught is None
    trouble = teaching.trouble
    assert trouble is not None and trouble.is_warning and "cannot be removed" in trouble.message
    view.hide()
    view.deleteLater()


def test_the_class_is_left_when_a_step_has_come_to_its_end(
    view: EndOfCourseView, teaching: TeachingSession, qtbot: QtBot
) -> None:
    may_end = threading.Event()
    told: list[str] = []

    def write(_progress: object) -> str:
        assert may_end.wait(PATIENCE_MS / 1_000)
        return "written"

    view.work.begin("The archive is being written.", write, told.append, lambda _error: None)
    assert teaching.works == ("The archive is being written.",)
    # One thing at a time.
    view.work.begin("Something else.", write, told.append, lambda _error: None)
    assert len(teaching.works) == 1
    with qtbot.assertNotEmitted(teaching.class_changed, wait=300):
        teaching.leave()
    with qtbot.waitSignal(teaching.class_changed, timeout=PATIENCE_MS):
        may_end.set()
    assert told == ["written"] and not teaching.works
    assert not view.work.is_busy


@pytest.fixture
def hosted(idle_teaching: TeachingSession, open_folder: Path, qtbot: QtBot) -> TeachingSession:
    """A session that teaches a class in a server of this computer, which it has started itself."""
    folder = open_folder / "hosted"
    with Host(folder):
        coordinator = make_class(hosted_administrator(folder), "Vision")
    with qtbot.waitSignal(idle_teaching.snapshot_changed, timeout=PATIENCE_MS):
        idle_teaching.teach(TaughtClass(coordinator, "Vision", folder))
    return idle_teaching


def shown(session: TeachingSession, qtbot: QtBot) -> EndOfCourseView:
    view = EndOfCourseView(session)
    view.show()
    qtbot.waitUntil(view.delete.button.isEnabled, timeout=PATIENCE_MS)
    return view


def test_next_terms_class_lives_beside_this_one_on_this_computer(
    hosted: TeachingSession, tmp_path: Path, qtbot: QtBot
) -> None:
    view = shown(hosted, qtbot)
    view.folder = tmp_path
    view.new_button.click()
    [sheet] = view.findChildren(NewClassSheet)
    assert sheet.here.isChecked() and not sheet.place.isVisible()
    sheet.title.setText("Vision 2027")
    sheet.do.click()
    qtbot.waitUntil(lambda: sheet.do.text() == "Go to the new class", timeout=PATIENCE_MS)
    with qtbot.waitSignal(hosted.snapshot_changed, timeout=PATIENCE_MS):
        sheet.do.click()
    assert hosted.title == "Vision 2027" and hosted.is_hosting
    view.hide()
    view.deleteLater()


def test_the_last_class_of_this_computer_is_deleted_with_its_server(
    hosted: TeachingSession, qtbot: QtBot
) -> None:
    assert hosted.taught is not None and hosted.taught.hosted_in is not None
    folder = hosted.taught.hosted_in
    (folder / "mine.txt").write_text("not the server's")
    view = shown(hosted, qtbot)
    view.delete.button.click()
    [sheet] = view.findChildren(DeleteSheet)
    assert sheet.user is None
    sheet.typed.setText("Vision")
    with qtbot.waitSignal(hosted.begin_wanted, timeout=PATIENCE_MS):
        sheet.do.click()
    assert hosted.taught is None and not hosted.is_hosting
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    view.hide()
    view.deleteLater()


# -- the student's window ------------------------------------------------------------------------


@pytest.fixture
def student(tmp_path: Path, qtbot: QtBot) -> Iterator[Session]:
    """A student's session; ended after the test."""
    made = Session(Places.below(tmp_path / "student"))
    yield made
    with qtbot.waitSignal(made.shut_down_done, timeout=PATIENCE_MS):
        made.shut_down()
    made.deleteLater()


@pytest.mark.usefixtures("hasty")
def test_a_student_reads_that_the_class_has_ended_and_keeps_what_there_is(
    student: Session, taught: Lesson, tmp_path: Path, qtbot: QtBot
) -> None:
    ana = taught.add_student("Ana")
    strip = Strip(student)
    with taught.coordinating(), worker_thread(taught, ana):
        taught.await_iteration(1)
        student.join(JoinedClass(ana, title="Vision"))
        qtbot.waitUntil(lambda: bool(student.snapshot.sample_iterations), timeout=PATIENCE_MS)
        assert not student.has_ended
        qtbot.waitUntil(
            lambda: student.snapshot.credit is not None and student.snapshot.credit.units > 0,
            timeout=PATIENCE_MS,
        )
        end_class(taught.coordinator)
        qtbot.waitUntil(lambda: student.has_ended, timeout=PATIENCE_MS)
    credit = student.snapshot.credit
    assert credit is not None and credit.units > 0
    folder = student.class_folder
    training = student.snapshot.training
    assert folder is not None and training is not None
    qtbot.waitUntil(lambda: folder.average(training.run.run_id) is not None, timeout=PATIENCE_MS)

    close_logins(taught.coordinator)
    student.refresh()
    qtbot.waitUntil(lambda: student.link is not None and not student.link.is_connected, timeout=PATIENCE_MS)
    assert strip.look is not None
    assert "The class has ended" in strip.look.sentence and strip.look.button is Action.SEE_FACES
    # An impatient start is no error either.
    student.start()
    qtbot.waitUntil(lambda: not student.is_contributing, timeout=PATIENCE_MS)
    assert student.trouble is None and student.state.state is WorkerState.STOPPED
    strip.deleteLater()


@pytest.mark.usefixtures("hasty")
def test_after_the_end_the_next_start_shows_what_there_was(
    student: Session, taught: Lesson, tmp_path: Path, qtbot: QtBot
) -> None:
    ana = taught.add_student("Ana")
    end_class(taught.coordinator)
    student.join(JoinedClass(ana, title="Vision"))
    qtbot.waitUntil(lambda: student.has_ended, timeout=PATIENCE_MS)
    folder = student.class_folder
    assert folder is not None
    qtbot.waitUntil(lambda: folder.load().totals is not None, timeout=PATIENCE_MS)
    close_logins(taught.coordinator)
    student.switch(None)
    assert not student.has_ended
    student.join(JoinedClass(ana, title="Vision"))
    qtbot.waitUntil(lambda: student.has_ended, timeout=PATIENCE_MS)
    strip = Strip(student)
    assert strip.look is not None and "The class has ended" in strip.look.sentence
    strip.deleteLater()


def test_a_server_that_is_gone_is_not_waited_for_after_the_end(
    student: Session, taught: Lesson, qtbot: QtBot
) -> None:
    ana = taught.add_student("Ana")
    end_class(taught.coordinator)
    student.join(JoinedClass(ana, title="Vision"))
    qtbot.waitUntil(lambda: student.has_ended, timeout=PATIENCE_MS)
    folder = student.class_folder
    assert folder is not None
    qtbot.waitUntil(lambda: folder.load().totals is not None, timeout=PATIENCE_MS)
    student.switch(None)
    # Nothing answers at this port; a program that starts with the computer tries all the same.
    student.join(JoinedClass(replace(ana, port=1), title="Vision"))
    student.start()
    qtbot.waitUntil(lambda: student.has_ended and not student.is_contributing, timeout=PATIENCE_MS)
    assert student.trouble is None


def test_a_student_of_a_class_that_has_moved_reads_it(student: Session, taught: Lesson, qtbot: QtBot) -> None:
    ana = taught.add_student("Ana")
    strip = Strip(student)
    record_step(taught.coordinator, Step.MOVE, "db.school.example")
    student.join(JoinedClass(ana, title="Vision"))
    qtbot.waitUntil(lambda: student.has_moved, timeout=PATIENCE_MS)
    assert strip.look is not None and "moved to another server" in strip.look.sentence
    with qtbot.waitSignal(student.join_wanted) as wanted:
        strip.press()
    assert wanted.args == ["card"]
    strip.deleteLater()
