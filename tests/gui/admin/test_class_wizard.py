"""To a class of one's own through the window: on real servers, with everything that can be wrong there."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as FailingStore
from psycopg2 import sql
from PySide6.QtCore import QDate, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from gan_desktop.class_admin.people import students
from gan_desktop.class_admin.reach import LOOK_S
from gan_desktop.class_admin.status import class_status
from gan_desktop.class_code import code_login
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.gui.admin import entrance
from gan_desktop.gui.admin.class_menu import TeachingMenu
from gan_desktop.gui.admin.images.page import ImagesPage
from gan_desktop.gui.admin.main_window import TeachingWindow
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.students.class_codes import ClassCodes, class_codes
from gan_desktop.gui.admin.students.codes_view import when
from gan_desktop.gui.admin.students.hand_out import HandOutDialog
from gan_desktop.gui.admin.students.made_cards import made_cards
from gan_desktop.gui.admin.training.form import TrainingForm
from gan_desktop.gui.admin.wizard.class_wizard import ClassWizard
from gan_desktop.gui.admin.wizard.draft import FILE, ClassDraft, Step, load_draft
from gan_desktop.gui.admin.wizard.here_page import HERE_ALONE, HerePage
from gan_desktop.gui.admin.wizard.people_page import PeoplePage
from gan_desktop.gui.admin.wizard.pictures_page import PicturesPage
from gan_desktop.gui.admin.wizard.reach_page import ReachPage
from gan_desktop.gui.admin.wizard.ready_page import ReadyPage
from gan_desktop.gui.admin.wizard.server_page import LoginPage, ServerPage
from gan_desktop.gui.admin.wizard.upgrade_page import UpgradePage
from gan_desktop.gui.admin.wizard.where_page import OpenPage
from gan_desktop.gui.background import wait_for_background
from gan_desktop.gui.paged_window import LEAST_SIZE
from gan_desktop.gui.translation import install_translation
from gan_desktop.gui.window_session import Places
from gan_desktop.records import RunStatus
from gan_desktop.training import shards
from tests.gui.admin.conftest import PATIENCE_MS
from tests.gui.admin.empty_class import classroom, new_database
from tests.integration import version_1
from tests.integration.classroom import Classroom
from tests.integration.console import write_config

__all__ = ["classroom", "new_database"]

P = TypeVar("P", bound=QWidget)

# Another address of this computer, which no network card has: for the server it is somebody else's.
ELSEWHERE = "127.0.0.2"


class Store(KeyringBackend):
    """A password store that works."""

    priority = 1

    def __init__(self) -> None:
        self.passwords: dict[str, str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.passwords.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self.passwords[username] = password

    def delete_password(self, service: str, username: str) -> None:
        self.passwords.pop(username, None)


@pytest.fixture(autouse=True)
def store() -> Iterator[Store]:
    before, store = keyring.get_keyring(), Store()
    keyring.set_keyring(store)
    yield store
    keyring.set_keyring(before)


@pytest.fixture
def wizard(idle_teaching: TeachingSession, qtbot: QtBot) -> Iterator[ClassWizard]:
    """The wizard of somebody who has no class yet."""
    made = shown_wizard(idle_teaching, qtbot)
    yield made
    made.hide()
    made.deleteLater()


def shown_wizard(session: TeachingSession, qtbot: QtBot, why: str = "") -> ClassWizard:
    made = ClassWizard(session)
    made.resize(LEAST_SIZE)
    made.show()
    qtbot.waitExposed(made)
    made.begin(why)
    return made


# -- walking through the wizard --------------------------------------------------------------------


def await_step(wizard: ClassWizard, qtbot: QtBot, step: Step) -> None:
    qtbot.waitUntil(lambda: wizard.step is step, timeout=PATIENCE_MS)
    assert wizard.page(step).isVisible()


def press(wizard: ClassWizard, qtbot: QtBot, text: str) -> None:
    """Press the one visible button of that text, once it can be pressed."""

    def found() -> list[QPushButton]:
        return [
            b
            for b in wizard.page(wizard.step).findChildren(QPushButton)
            if text in (b.text(), b.accessibleName()) and b.isVisible()
        ]

    qtbot.waitUntil(lambda: any(button.isEnabled() for button in found()), timeout=PATIENCE_MS)
    qtbot.mouseClick(found()[0], Qt.MouseButton.LeftButton)


def words_on(widget: QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def await_words(widget: QWidget, qtbot: QtBot, words: str) -> None:
    try:
        qtbot.waitUntil(lambda: words in words_on(widget), timeout=PATIENCE_MS)
    except Exception as error:
        raise AssertionError(f"{words!r} is not in\n{words_on(widget)}") from error


def page_of(wizard: QWidget, kind: type[P]) -> P:
    page = wizard.findChild(kind)
    assert isinstance(page, kind)
    return page


def make_here(
    wizard: ClassWizard, qtbot: QtBot, folder: Path, title: str = "Vision 2026", listen: str = "0.0.0.0"
) -> None:
    """Make a class on this computer, up to the question whether others reach it."""
    press(wizard, qtbot, "On this computer")
    page = page_of(wizard, HerePage)
    page.title.setText(title)
    page.folder.setText(str(folder))
    page.listen.choose(listen)
    page.students.setValue(12)
    press(wizard, qtbot, "Make the class")


def knock(port: int) -> None:
    """What the browser of another computer does."""
    with socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(ELSEWHERE, 0)) as browser:
        browser.sendall(b"GET / HTTP/1.1\r\nHost: class\r\n\r\n")
        browser.recv(100)


def fill_in(page: LoginPage, address: Address, password: str | None = None) -> None:
    page.host.setText(address.host)
    page.port.setValue(address.port)
    page.dbname.setText(address.dbname)
    page.user.setText(address.user)
    page.password.setText(address.password or "" if password is None else password)


# -- a class on this computer ----------------------------------------------------------------------


def test_a_class_is_made_on_this_computer_and_trains(
    wizard: ClassWizard, idle_teaching: TeachingSession, open_folder: Path, qtbot: QtBot
) -> None:
    make_here(wizard, qtbot, open_folder / "class")
    await_step(wizard, qtbot, Step.REACH)
    taught = idle_teaching.taught
    assert taught is not None
    assert taught.hosted_in == open_folder / "class"
    reach = page_of(wizard, ReachPage)
    qtbot.waitUntil(lambda: f":{taught.address.port}" in reach.address.text(), timeout=PATIENCE_MS)

    press(wizard, qtbot, "Let another computer connect now")
    assert reach.is_waiting

    def knocked() -> bool:
        knock(taught.address.port)
        return not reach.is_waiting

    qtbot.waitUntil(knocked, timeout=PATIENCE_MS)
    assert f"It works: {ELSEWHERE} has come through." in words_on(reach)
    press(wizard, qtbot, "Go on")

    await_step(wizard, qtbot, Step.PEOPLE)
    people = page_of(wizard, PeoplePage)
    assert people.uses.value() == 12
    press(wizard, qtbot, "Make the code")
    qtbot.waitUntil(lambda: len(people.code.text()) == 11, timeout=PATIENCE_MS)
    press(wizard, qtbot, "Go on")

    await_step(wizard, qtbot, Step.PICTURES)
    page_of(wizard, PicturesPage).count.setValue(300)
    press(wizard, qtbot, "Import and go on")

    await_step(wizard, qtbot, Step.READY)
    ready = page_of(wizard, ReadyPage)
    await_words(ready, qtbot, "300 pictures to learn from.")
    assert people.code.text() in words_on(ready)
    assert ELSEWHERE in words_on(ready)
    with qtbot.waitSignal(wizard.left, timeout=PATIENCE_MS):
        press(wizard, qtbot, 'Start "Lesson" now')
    assert idle_teaching.coordination.place == "here"
    qtbot.waitUntil(
        lambda: (
            idle_teaching.snapshot.training is not None and idle_teaching.snapshot.training.run.iteration >= 0
        ),
        timeout=PATIENCE_MS,
    )
    assert not (idle_teaching.places.config / FILE).exists()


def test_who_stops_half_way_goes_on_at_the_same_page_and_no_password_is_in_the_draft(
    tmp_path: Path, open_folder: Path, qtbot: QtBot
) -> None:
    places = Places.below(tmp_path / "teacher")
    session = TeachingSession(places)
    wizard = shown_wizard(session, qtbot)
    make_here(wizard, qtbot, open_folder / "class")
    await_step(wizard, qtbot, Step.REACH)
    press(wizard, qtbot, "Go on")
    await_step(wizard, qtbot, Step.PEOPLE)
    press(wizard, qtbot, "A list of students")
    qtbot.waitUntil(lambda: load_draft(places.config).step is Step.PEOPLE, timeout=PATIENCE_MS)
    assert session.taught is not None
    password = session.taught.address.password
    assert password
    assert password not in (places.config / FILE).read_text("utf-8")
    end(session, wizard, qtbot)

    assert entrance.is_begun(places)
    found = entrance.find_taught(places)
    assert found is not None
    again = TeachingSession(places)
    again.teach(found)
    resumed = shown_wizard(again, qtbot, "go_on")
    await_step(resumed, qtbot, Step.PEOPLE)
    qtbot.waitUntil(lambda: again.taught is not None, timeout=PATIENCE_MS)
    press(resumed, qtbot, "Make the code")
    await_words(resumed, qtbot, "Address: ")
    press(resumed, qtbot, "Back")
    await_step(resumed, qtbot, Step.REACH)
    end(again, resumed, qtbot)


def end(session: TeachingSession, wizard: ClassWizard, qtbot: QtBot) -> None:
    """Close the window in the middle."""
    wizard.hide()
    wizard.deleteLater()
    with qtbot.waitSignal(session.shut_down_done, timeout=PATIENCE_MS):
        session.shut_down()
    session.deleteLater()


def test_a_class_that_listens_for_nobody_else_is_opened_to_the_network(
    wizard: ClassWizard, idle_teaching: TeachingSession, open_folder: Path, qtbot: QtBot
) -> None:
    make_here(wizard, qtbot, open_folder / "class", listen=HERE_ALONE)
    await_step(wizard, qtbot, Step.REACH)
    await_words(wizard, qtbot, "The class listens for this computer alone.")
    taught = idle_teaching.taught
    assert taught is not None
    reach = page_of(wizard, ReachPage)
    assert not reach.test.isEnabled()
    reach.listen.setCurrentIndex(0)
    reach.listen.activated.emit(0)
    qtbot.waitUntil(reach.test.isEnabled, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: idle_teaching.taught is not None, timeout=PATIENCE_MS)
    with Connection(taught.address) as connection:
        assert connection.query("SHOW listen_addresses")[0][0] == "0.0.0.0"


def test_an_address_that_cannot_be_listened_at_leaves_the_class_as_it_was(
    wizard: ClassWizard, idle_teaching: TeachingSession, open_folder: Path, qtbot: QtBot
) -> None:
    make_here(wizard, qtbot, open_folder / "class")
    await_step(wizard, qtbot, Step.REACH)
    taught = idle_teaching.taught
    assert taught is not None
    reach = page_of(wizard, ReachPage)
    qtbot.waitUntil(lambda: reach.around is not None, timeout=PATIENCE_MS)
    reach.listen.choose("192.0.2.1")
    reach.listen.activated.emit(reach.listen.currentIndex())
    await_words(reach, qtbot, "Not an address of this computer")
    qtbot.waitUntil(lambda: idle_teaching.taught is not None, timeout=PATIENCE_MS)
    with Connection(taught.address) as connection:
        assert connection.query("SHOW listen_addresses")[0][0] == "0.0.0.0"


def test_a_window_that_is_closed_waits_for_no_other_computer(
    tmp_path: Path, open_folder: Path, qtbot: QtBot
) -> None:
    session = TeachingSession(Places.below(tmp_path / "teacher"))
    wizard = shown_wizard(session, qtbot)
    make_here(wizard, qtbot, open_folder / "class")
    await_step(wizard, qtbot, Step.REACH)
    press(wizard, qtbot, "Let another computer connect now")
    end(session, wizard, qtbot)
    assert wait_for_background(10_000)


def test_a_window_that_is_closed_while_the_server_starts_leaves_none(
    tmp_path: Path, open_folder: Path, qtbot: QtBot
) -> None:
    session = TeachingSession(Places.below(tmp_path / "teacher"))
    wizard = shown_wizard(session, qtbot)
    make_here(wizard, qtbot, open_folder / "class")
    end(session, wizard, qtbot)
    assert not EmbeddedPostgres(open_folder / "class").is_running()


def test_a_class_in_another_folder_takes_the_place_of_the_one_before(
    wizard: ClassWizard, idle_teaching: TeachingSession, open_folder: Path, qtbot: QtBot
) -> None:
    make_here(wizard, qtbot, open_folder / "first")
    await_step(wizard, qtbot, Step.REACH)
    wizard.begin("another")
    make_here(wizard, qtbot, open_folder / "second", "Sounds")
    await_step(wizard, qtbot, Step.REACH)
    await_title(idle_teaching, qtbot, "Sounds")
    assert not EmbeddedPostgres(open_folder / "first").is_running()
    assert EmbeddedPostgres(open_folder / "second").is_running()


def test_a_folder_with_a_class_asks_whether_to_open_it(
    wizard: ClassWizard, idle_teaching: TeachingSession, open_folder: Path, store: Store, qtbot: QtBot
) -> None:
    make_here(wizard, qtbot, open_folder / "class")
    await_step(wizard, qtbot, Step.REACH)
    wizard.begin("another")
    make_here(wizard, qtbot, open_folder / "class", "Sounds")
    await_words(wizard, qtbot, "There is a class already")
    press(wizard, qtbot, "Make one more class")
    await_step(wizard, qtbot, Step.REACH)
    await_title(idle_teaching, qtbot, "Sounds")
    assert len(entrance.known_classes(idle_teaching.places)) == 2

    # Without its password the class gets a new one, from the server's own administrator.
    store.passwords.clear()
    wizard.begin("another")
    make_here(wizard, qtbot, open_folder / "class", "Again")
    press(wizard, qtbot, 'Open "Vision 2026"')
    await_title(idle_teaching, qtbot, "Vision 2026")


def await_title(session: TeachingSession, qtbot: QtBot, title: str) -> None:
    qtbot.waitUntil(
        lambda: session.snapshot.status is not None and session.title == title, timeout=PATIENCE_MS
    )


def test_a_class_is_opened_from_its_folder(
    tmp_path: Path, open_folder: Path, store: Store, qtbot: QtBot
) -> None:
    first = TeachingSession(Places.below(tmp_path / "teacher"))
    wizard = shown_wizard(first, qtbot)
    make_here(wizard, qtbot, open_folder / "class")
    await_step(wizard, qtbot, Step.REACH)
    end(first, wizard, qtbot)
    store.passwords.clear()

    # Another account of this computer, or another computer to which the folder was copied.
    second = TeachingSession(Places.below(tmp_path / "colleague"))
    wizard = shown_wizard(second, qtbot)
    press(wizard, qtbot, "Open a class that exists already")
    opening = page_of(wizard, OpenPage)
    with qtbot.waitSignal(wizard.left, timeout=PATIENCE_MS):
        opening.folder_chosen.emit(open_folder / "class")
    await_title(second, qtbot, "Vision 2026")
    end(second, wizard, qtbot)


def test_a_name_is_asked_before_anything_is_made(
    wizard: ClassWizard, idle_teaching: TeachingSession, open_folder: Path, qtbot: QtBot
) -> None:
    make_here(wizard, qtbot, open_folder / "class", title="  ")
    assert "Give the class a name" in words_on(wizard)
    assert wizard.step is Step.HERE
    assert not (open_folder / "class").exists()


def test_an_address_that_this_computer_does_not_have_is_refused(
    wizard: ClassWizard, open_folder: Path, qtbot: QtBot
) -> None:
    make_here(wizard, qtbot, open_folder / "class", listen="192.0.2.1")
    await_words(wizard, qtbot, "Not an address of this computer")
    assert wizard.step is Step.HERE


# -- a class on a server ---------------------------------------------------------------------------


@pytest.fixture
def teacher(new_database: Callable[[], Address]) -> Iterator[tuple[Address, Address]]:
    """A login that owns its database but may not make roles, and the superuser there."""
    superuser = new_database()
    login = replace(superuser, user=f"teacher_{superuser.dbname}", password="secret-of-the-teacher")
    role = sql.Identifier(login.user)
    with Connection(superuser) as connection:
        verifier = sql.Literal(connection.password_verifier(login.user, login.password or ""))
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, verifier))
        database = sql.Identifier(login.dbname)
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, role))
    yield login, superuser


def test_a_server_is_tested_and_its_administrator_gets_the_sql(
    wizard: ClassWizard,
    idle_teaching: TeachingSession,
    teacher: tuple[Address, Address],
    qtbot: QtBot,
) -> None:
    login, superuser = teacher
    press(wizard, qtbot, "On a PostgreSQL server")
    page = page_of(wizard, ServerPage)
    page.title.setText("Vision 2026")
    fill_in(page, login)
    press(wizard, qtbot, "Test the connection")
    await_words(wizard, qtbot, "The login lacks a right")
    press(wizard, qtbot, "Copy for the administrator")
    copied = QGuiApplication.clipboard().text()
    assert copied == f'ALTER ROLE "{login.user}" CREATEROLE;\n'
    with Connection(superuser) as connection:
        connection.execute(copied)
    press(wizard, qtbot, "Test the connection")
    await_words(wizard, qtbot, "The login may make a class.")
    press(wizard, qtbot, "Make the class")
    await_step(wizard, qtbot, Step.REACH)
    taught = idle_teaching.taught
    assert taught is not None
    assert taught.hosted_in is None
    assert taught.address.user.startswith("gan_coordinator_")
    config = idle_teaching.places.config
    qtbot.waitUntil(lambda: load_draft(config).step is Step.REACH, timeout=PATIENCE_MS)
    draft = (config / FILE).read_text("utf-8")
    assert login.user in draft
    assert "secret-of-the-teacher" not in draft
    # The server's own administrator may go: the class does not need that login.
    await_words(wizard, qtbot, "Measured from here")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"password": "wrong"}, "The login was refused"),
        ({"dbname": "nowhere"}, "No such database"),
        ({"port": 1}, "No database answers there"),
        ({"host": "no-such-host.invalid"}, "There is no such server"),
    ],
)
def test_what_keeps_one_from_a_server_is_named(
    wizard: ClassWizard,
    teacher: tuple[Address, Address],
    change: dict[str, object],
    told: str,
    qtbot: QtBot,
) -> None:
    press(wizard, qtbot, "On a PostgreSQL server")
    page = page_of(wizard, ServerPage)
    fill_in(page, replace(teacher[0], **change))  # type: ignore[arg-type]
    press(wizard, qtbot, "Test the connection")
    await_words(wizard, qtbot, told)
    assert page.premises is None


def test_another_computers_visit_to_a_server_elsewhere_is_noticed(
    wizard: ClassWizard,
    idle_teaching: TeachingSession,
    new_database: Callable[[], Address],
    qtbot: QtBot,
) -> None:
    press(wizard, qtbot, "On a PostgreSQL server")
    page = page_of(wizard, ServerPage)
    page.title.setText("Vision 2026")
    fill_in(page, new_database())
    press(wizard, qtbot, "Test the connection")
    press(wizard, qtbot, "Make the class")
    await_step(wizard, qtbot, Step.REACH)
    press(wizard, qtbot, "Let another computer connect now")
    reach = page_of(wizard, ReachPage)
    qtbot.waitUntil(reach.to_type.isVisible, timeout=PATIENCE_MS)
    code = reach.to_type.text().split()[-1]
    assert idle_teaching.taught is not None
    address = idle_teaching.taught.address
    plain = code.replace("-", "")

    def come() -> bool:
        # As a joining program does, and again where it came before somebody looked.
        with Connection(replace(address, user=code_login(plain), password=plain)):
            qtbot.wait(round(3_000 * LOOK_S))
        return not reach.is_waiting

    qtbot.waitUntil(come, timeout=PATIENCE_MS)
    assert "has come through" in words_on(reach)


# -- a class that exists ---------------------------------------------------------------------------


def test_a_class_is_opened_with_its_login_and_found_at_the_next_start(
    wizard: ClassWizard, idle_teaching: TeachingSession, classroom: Classroom, qtbot: QtBot
) -> None:
    press(wizard, qtbot, "Open a class that exists already")
    press(wizard, qtbot, "With the instructor's login")
    page = wizard.page(Step.LOGIN)
    assert isinstance(page, LoginPage)
    student = classroom.add_student()
    fill_in(page, classroom.address(student.user, student.password))
    press(wizard, qtbot, "Open")
    await_words(wizard, qtbot, "Only the instructor may do this")
    fill_in(page, classroom.coordinator_address)
    with qtbot.waitSignal(wizard.left, timeout=PATIENCE_MS):
        press(wizard, qtbot, "Open")
    found = entrance.find_taught(idle_teaching.places)
    assert found is not None
    assert found.address == classroom.coordinator_address
    assert found.title == "Vision"


def test_a_config_file_of_class_init_is_picked_up(
    wizard: ClassWizard, idle_teaching: TeachingSession, classroom: Classroom, tmp_path: Path, qtbot: QtBot
) -> None:
    file = write_config(tmp_path, classroom.coordinator_address)
    press(wizard, qtbot, "Open a class that exists already")
    with qtbot.waitSignal(wizard.left, timeout=PATIENCE_MS):
        page_of(wizard, OpenPage).file_chosen.emit(file)
    [known] = entrance.known_classes(idle_teaching.places)
    assert known.user == classroom.new_class.coordinator_user


def test_a_class_of_the_list_opens_or_is_taken_off(
    wizard: ClassWizard, idle_teaching: TeachingSession, classroom: Classroom, store: Store, qtbot: QtBot
) -> None:
    entrance.keep_taught(classroom.coordinator_address, idle_teaching.places)
    press(wizard, qtbot, "Open a class that exists already")
    opening = page_of(wizard, OpenPage)
    qtbot.waitUntil(lambda: opening.known.count() == 1, timeout=PATIENCE_MS)
    store.passwords.clear()
    press(wizard, qtbot, "Open")
    await_words(wizard, qtbot, "No password found")
    press(wizard, qtbot, "Enter the login")
    page = wizard.page(Step.LOGIN)
    assert isinstance(page, LoginPage)
    assert page.user.text() == classroom.new_class.coordinator_user
    press(wizard, qtbot, "Back")
    press(wizard, qtbot, "Take off the list")
    qtbot.waitUntil(lambda: opening.known.count() == 0, timeout=PATIENCE_MS)
    assert entrance.known_classes(idle_teaching.places) == []


def test_an_older_class_is_brought_up_to_date(
    wizard: ClassWizard,
    idle_teaching: TeachingSession,
    new_database: Callable[[], Address],
    qtbot: QtBot,
) -> None:
    administrator = new_database()
    made = version_1.make_class(administrator, "Old")
    coordinator = replace(administrator, user=made.coordinator_user, password=made.coordinator_password)
    press(wizard, qtbot, "Open a class that exists already")
    press(wizard, qtbot, "With the instructor's login")
    page = wizard.page(Step.LOGIN)
    assert isinstance(page, LoginPage)
    fill_in(page, coordinator)
    press(wizard, qtbot, "Open")
    press(wizard, qtbot, "Bring it up to date ...")
    await_step(wizard, qtbot, Step.UPGRADE)
    upgrade = page_of(wizard, UpgradePage)
    upgrade.user.setText(coordinator.user)
    upgrade.password.setText(coordinator.password or "")
    press(wizard, qtbot, "Look what changes")
    await_words(wizard, qtbot, "Only the class's maker may do this")
    upgrade.user.setText(administrator.user)
    upgrade.password.setText(administrator.password or "")
    press(wizard, qtbot, "Look what changes")
    await_words(wizard, qtbot, "goes from version 1 to 2")
    await_words(upgrade, qtbot, "Join cards for a whole class")
    with qtbot.waitSignal(wizard.left, timeout=PATIENCE_MS):
        press(wizard, qtbot, "Bring it up to date")
    await_title(idle_teaching, qtbot, "Old")


# -- who takes part --------------------------------------------------------------------------------


@pytest.fixture
def furnishing(
    wizard: ClassWizard, idle_teaching: TeachingSession, classroom: Classroom, qtbot: QtBot
) -> ClassWizard:
    """The wizard after the class was made."""
    with qtbot.waitSignal(idle_teaching.snapshot_changed, timeout=PATIENCE_MS):
        idle_teaching.teach(entrance.keep_taught(classroom.coordinator_address, idle_teaching.places))
    return wizard


def test_a_list_is_shown_with_what_is_wrong_and_admitted_when_it_is_mended(
    furnishing: ClassWizard, classroom: Classroom, tmp_path: Path, qtbot: QtBot
) -> None:
    furnishing.show_step(Step.PEOPLE)
    press(furnishing, qtbot, "A list of students")
    people = page_of(furnishing, PeoplePage)
    people.text.setPlainText("name,section\nAna,A\nBen,B\nAna,A\n")
    await_words(people, qtbot, "Mend 1 line first: it is in red.")
    assert not people.admit.isEnabled()
    assert "Ana B." in people.model.index(0, 1).data()
    people.text.setPlainText("name,section\nAna,A\nBen,B\nAna B.,A\n")
    await_words(people, qtbot, "3 students, A: 2, B: 1")
    press(furnishing, qtbot, "Admit them")
    await_words(people, qtbot, "3 students admitted.")
    assert {(s.name, s.section) for s in students(classroom.coordinator_address)} == {
        ("Ana", "A"),
        ("Ben", "B"),
        ("Ana B.", "A"),
    }
    # Whose cards are still to be saved stands there, and cannot be admitted twice.
    assert [people.model.index(row, 0).data() for row in range(3)] == ["Ana", "Ben", "Ana B."]
    assert not people.admit.isEnabled()
    unsaved = (None, "To come: their cards are not saved yet (Students, Make cards).")
    furnishing.show_step(Step.READY)
    ready = page_of(furnishing, ReadyPage)
    qtbot.waitUntil(lambda: unsaved in ready.facts.lines, timeout=PATIENCE_MS)
    assert not any(is_good and "have a login" in words for is_good, words in ready.facts.lines)
    # One invitation that was copied leaves the others to be saved.
    people.hand_out.click()
    [cards] = people.findChildren(HandOutDialog)
    cards.copy_invitation()
    cards.reject()
    qtbot.waitUntil(lambda: not people.findChildren(HandOutDialog), timeout=PATIENCE_MS)
    ready._show()
    assert unsaved in ready.facts.lines
    press(furnishing, qtbot, "Back")
    target = tmp_path / "cards.zip"
    save_cards(people, target, qtbot)
    # Make cards on the Students page offers them once more.
    made = made_cards(people._session)
    users = [student.user for student in students(classroom.coordinator_address)]
    assert all(made.password(user) and made.made_at(user) for user in users)
    furnishing.show_step(Step.READY)
    qtbot.waitUntil(lambda: unsaved not in ready.facts.lines, timeout=PATIENCE_MS)
    assert target.read_bytes()[:2] == b"PK"
    assert target.stat().st_mode & 0o077 == 0


def save_cards(people: PeoplePage, target: Path, qtbot: QtBot) -> None:
    """Save the cards that were just made as one zip."""
    people.hand_out.click()
    [cards] = people.findChildren(HandOutDialog)
    assert "Save &PDF ..." in [way.text() for way in cards.ways]
    cards.save_zip()
    [asking] = cards.findChildren(QFileDialog)
    asking.setDirectory(str(target.parent))
    asking.selectFile(target.name)
    asking.accept()
    qtbot.waitUntil(lambda: cards.done_words.isVisible(), timeout=PATIENCE_MS)
    cards.accept()
    await_words(people, qtbot, "handed out.")
    # Keys go to the window again: without a screen nobody gives it back what its dialogs had.
    people.window().activateWindow()


def test_a_list_that_was_not_admitted_is_not_passed_over(
    furnishing: ClassWizard, classroom: Classroom, qtbot: QtBot
) -> None:
    furnishing.show_step(Step.PEOPLE)
    people = page_of(furnishing, PeoplePage)
    press(furnishing, qtbot, "A list of students")
    people.text.setPlainText("Ana\nBen\n")
    qtbot.waitUntil(people.admit.isEnabled, timeout=PATIENCE_MS)
    press(furnishing, qtbot, "A code for everybody")
    press(furnishing, qtbot, "Go on")
    assert furnishing.step is Step.PEOPLE and people.text.isVisible()
    assert people.trouble is not None and people.trouble.title == "2 names are not admitted yet"
    press(furnishing, qtbot, "Admit them")
    await_words(people, qtbot, "2 students admitted.")
    assert len(students(classroom.coordinator_address)) == 2
    people.text.setPlainText("Cleo\n")
    press(furnishing, qtbot, "Go on")
    press(furnishing, qtbot, "Go on without them")
    await_step(furnishing, qtbot, Step.PICTURES)
    assert len(students(classroom.coordinator_address)) == 2


def test_who_leaves_half_way_finds_the_way_back_in_the_classs_menu(
    furnishing: ClassWizard, idle_teaching: TeachingSession, qtbot: QtBot
) -> None:
    places = idle_teaching.places
    furnishing.begin("set_up")
    await_step(furnishing, qtbot, Step.REACH)
    press(furnishing, qtbot, "Go on")
    qtbot.keyClick(furnishing.page(Step.PEOPLE), Qt.Key.Key_Escape)
    assert furnishing.step is Step.REACH
    qtbot.keyClick(furnishing.page(Step.REACH), Qt.Key.Key_Escape)
    [question] = furnishing.findChildren(QMessageBox)
    with qtbot.assertNotEmitted(furnishing.left):
        question.reject()
    press(furnishing, qtbot, "Go on")
    qtbot.waitUntil(lambda: load_draft(places.config).step is Step.PEOPLE, timeout=PATIENCE_MS)
    press(furnishing, qtbot, "Back")
    press(furnishing, qtbot, "Leave ...")
    question = furnishing.findChildren(QMessageBox)[-1]
    with qtbot.waitSignal(furnishing.left, timeout=PATIENCE_MS):
        next(button for button in question.buttons() if button.text() == "Leave for now").click()
    qtbot.waitUntil(lambda: load_draft(places.config).is_left, timeout=PATIENCE_MS)
    # The next start shows the class; its menu leads back.
    assert not entrance.is_begun(places)
    menu = TeachingMenu(idle_teaching)
    with qtbot.waitSignal(idle_teaching.begin_wanted) as wanted:
        next(action for action in menu.menu().actions() if action.text() == "Set up this class ...").trigger()
    again = shown_wizard(idle_teaching, qtbot, *wanted.args)
    await_step(again, qtbot, Step.REACH)
    # What the pages asked for is over before their class goes.
    wait_for_background(PATIENCE_MS)
    for widget in (again, menu):
        widget.hide()
        widget.deleteLater()


def leave_for_now(wizard: ClassWizard, qtbot: QtBot) -> None:
    press(wizard, qtbot, "Leave ...")
    question = wizard.findChildren(QMessageBox)[-1]
    with qtbot.waitSignal(wizard.left, timeout=PATIENCE_MS):
        next(button for button in question.buttons() if button.text() == "Leave for now").click()


def test_who_leaves_from_a_later_page_goes_on_there_also_after_a_look_at_another_class(
    furnishing: ClassWizard,
    idle_teaching: TeachingSession,
    classroom: Classroom,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    places = idle_teaching.places
    furnishing.begin("set_up")
    await_step(furnishing, qtbot, Step.REACH)
    press(furnishing, qtbot, "Go on")
    leave_for_now(furnishing, qtbot)
    qtbot.waitUntil(lambda: load_draft(places.config).is_left, timeout=PATIENCE_MS)
    other = shown_wizard(idle_teaching, qtbot, "another")
    press(other, qtbot, "Open a class that exists already")
    with qtbot.waitSignal(other.left, timeout=PATIENCE_MS):
        page_of(other, OpenPage).file_chosen.emit(write_config(tmp_path, classroom.coordinator_address))
    wait_for_background(PATIENCE_MS)
    assert load_draft(places.config).step is Step.PEOPLE and load_draft(places.config).is_left
    with qtbot.waitSignal(idle_teaching.class_changed, timeout=PATIENCE_MS):
        idle_teaching.teach(entrance.keep_taught(classroom.coordinator_address, places))
    again = shown_wizard(idle_teaching, qtbot, "set_up")
    await_step(again, qtbot, Step.PEOPLE)
    press(again, qtbot, "Back")
    await_step(again, qtbot, Step.REACH)
    wait_for_background(PATIENCE_MS)
    for widget in (again, other):
        widget.hide()
        widget.deleteLater()


def test_a_class_that_was_left_and_is_gone_is_not_in_the_way_of_the_next_one(
    wizard: ClassWizard, idle_teaching: TeachingSession, open_folder: Path, qtbot: QtBot
) -> None:
    config = idle_teaching.places.config
    typed = {f"{Step.HERE}.title": "Old", f"{Step.READY}.preset": "overnight"}
    config.mkdir(parents=True, exist_ok=True)
    draft = ClassDraft(Step.READY, "gone", typed=typed, is_left=True)
    (config / FILE).write_text(json.dumps(asdict(draft)), "utf-8")
    wizard.begin("")
    wait_for_background(PATIENCE_MS)
    qtbot.wait(50)
    assert wizard.step is Step.WHERE
    assert page_of(wizard, HerePage).title.text() != "Old"
    make_here(wizard, qtbot, open_folder / "class")
    await_step(wizard, qtbot, Step.REACH)
    press(wizard, qtbot, "Go on")
    qtbot.waitUntil(lambda: load_draft(config).step is Step.PEOPLE, timeout=PATIENCE_MS)
    assert entrance.is_begun(idle_teaching.places)
    assert page_of(wizard, ReadyPage).typed() == {"preset": "lesson"}


def test_a_training_without_pictures_is_not_promised_and_its_choice_is_kept(
    furnishing: ClassWizard, idle_teaching: TeachingSession, qtbot: QtBot
) -> None:
    furnishing.show_step(Step.READY)
    press(furnishing, qtbot, "Overnight")
    ready = page_of(furnishing, ReadyPage)
    assert "as soon as the pictures are there" in words_on(ready)
    assert "leaves the training ready" not in words_on(ready)
    with qtbot.waitSignal(furnishing.left, timeout=PATIENCE_MS):
        press(furnishing, qtbot, "To the class")
    config = idle_teaching.places.config
    qtbot.waitUntil(lambda: load_draft(config).is_left, timeout=PATIENCE_MS)
    assert load_draft(config).typed[f"{Step.READY}.preset"] == "overnight"


def test_the_first_training_is_estimated_for_the_classs_pictures_and_people(
    furnishing: ClassWizard, idle_teaching: TeachingSession, classroom: Classroom, qtbot: QtBot
) -> None:
    furnishing.show_step(Step.READY)
    first = page_of(furnishing, ReadyPage).first
    await_words(first, qtbot, "if 30 laptops are as fast")
    classroom.add_student()
    classroom.add_student()
    idle_teaching.refresh()
    await_words(first, qtbot, "if 2 laptops are as fast")
    small = first.words.text()
    first.estimate_for(2, 64)
    qtbot.waitUntil(lambda: first.words.text() != small, timeout=PATIENCE_MS)


def test_the_first_training_is_chosen_and_may_be_none(
    furnishing: ClassWizard, classroom: Classroom, qtbot: QtBot
) -> None:
    furnishing.show_step(Step.PICTURES)
    page_of(furnishing, PicturesPage).count.setValue(300)
    press(furnishing, qtbot, "Import and go on")
    await_words(furnishing, qtbot, "300 pictures to learn from.")
    ready = page_of(furnishing, ReadyPage)
    await_words(ready, qtbot, "75 iterations: ")
    press(furnishing, qtbot, "Quick look")
    await_words(ready, qtbot, "40 iterations: ")
    assert ready.start.text() == 'Start "Quick look" now' and ready.start.isEnabled()
    press(furnishing, qtbot, "None yet")
    assert not ready.start.isEnabled()
    with qtbot.waitSignal(furnishing.left, timeout=PATIENCE_MS):
        press(furnishing, qtbot, "To the class")
    assert not class_status(classroom.coordinator_address).runs


def test_a_code_made_without_a_password_store_is_known_to_the_window_and_after_a_restart(
    wizard: ClassWizard, idle_teaching: TeachingSession, classroom: Classroom, qtbot: QtBot
) -> None:
    keyring.set_keyring(FailingStore())  # type: ignore[no-untyped-call]
    in_file = entrance.keep_taught(classroom.coordinator_address, idle_teaching.places, in_file=True)
    with qtbot.waitSignal(idle_teaching.snapshot_changed, timeout=PATIENCE_MS):
        idle_teaching.teach(in_file)
    wizard.show_step(Step.PEOPLE)
    press(wizard, qtbot, "Make the code")
    codes, people = class_codes(idle_teaching), page_of(wizard, PeoplePage)
    qtbot.waitUntil(lambda: codes.now is not None and codes.now.code != "", timeout=PATIENCE_MS)
    assert codes.now is not None and codes.now.code == people.code.text()
    assert codes.now.on_show is not None
    left = codes.now.on_show.valid_until - datetime.now().astimezone()
    assert timedelta(days=6) < left < timedelta(days=8)
    wizard.show_step(Step.READY)
    await_words(wizard, qtbot, f"(valid until {when(codes.now.on_show.valid_until)})")

    kept = [file for file in (idle_teaching.places.config / "passwords").glob("*/*") if file.is_file()]
    assert [file.stat().st_mode & 0o777 for file in kept] == [0o600]
    again = ClassCodes(idle_teaching)
    with qtbot.waitSignal(again.changed, timeout=PATIENCE_MS):
        again.look()
    assert again.now is not None and again.now.code == people.code.text()
    again.withdraw(codes.now.on_show)
    qtbot.waitUntil(lambda: not kept[0].exists(), timeout=PATIENCE_MS)


def test_who_goes_to_the_class_finds_the_announced_training_ready_to_be_started(
    furnishing: ClassWizard, idle_teaching: TeachingSession, qtbot: QtBot
) -> None:
    furnishing.show_step(Step.PICTURES)
    page_of(furnishing, PicturesPage).count.setValue(300)
    press(furnishing, qtbot, "Import and go on")
    await_words(furnishing, qtbot, "300 pictures to learn from.")
    ready = page_of(furnishing, ReadyPage)
    assert '"To the class" leaves the training ready' in words_on(ready)
    qtbot.waitUntil(ready.start.isEnabled, timeout=PATIENCE_MS)
    with qtbot.waitSignal(furnishing.left, timeout=PATIENCE_MS):
        ready.later.click()
        # It is being made: who went back now could make a second one.
        qtbot.keyClick(ready, Qt.Key.Key_Escape)
        assert furnishing.step is Step.READY
        assert not ready.back.isEnabled() and not ready.way_out.isEnabled()

    def runs() -> list[RunStatus]:
        status = idle_teaching.snapshot.status
        return [run.status for run in status.runs] if status is not None else []

    qtbot.waitUntil(lambda: runs() == [RunStatus.CREATED], timeout=PATIENCE_MS)
    status = idle_teaching.snapshot.status
    # Its folder of results is called so, too: a date that sorts, and that a file's name keeps.
    assert status is not None
    assert status.runs[0].name == f"Lesson of {QDate.currentDate().toString(Qt.DateFormat.ISODate)}"
    assert idle_teaching.coordination.place == "nobody"


def test_a_list_that_cannot_be_understood_is_kept_on_the_page(furnishing: ClassWizard, qtbot: QtBot) -> None:
    furnishing.show_step(Step.PEOPLE)
    press(furnishing, qtbot, "A list of students")
    people = page_of(furnishing, PeoplePage)
    text = "email,section\nana@school.example,A\n"
    people.text.setPlainText(text)
    await_words(people, qtbot, "no column is called name")
    assert people.text.toPlainText() == text


def test_pictures_that_cannot_be_used_are_named(
    furnishing: ClassWizard, tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "empty").mkdir()
    furnishing.show_step(Step.PICTURES)
    page = page_of(furnishing, PicturesPage)
    page.take_place(tmp_path / "empty")
    await_words(page, qtbot, "These pictures cannot be used")


def test_an_import_goes_on_behind_the_page_and_can_be_stopped(
    furnishing: ClassWizard, idle_teaching: TeachingSession, qtbot: QtBot
) -> None:
    furnishing.show_step(Step.PICTURES)
    page = page_of(furnishing, PicturesPage)
    page.count.setValue(50_000)
    press(furnishing, qtbot, "Import and go on")
    await_words(furnishing, qtbot, "Pictures are being imported")
    press(furnishing, qtbot, "Back")
    press(furnishing, qtbot, "Stop the import")
    await_words(furnishing, qtbot, "Stopped: nothing was imported.")
    assert idle_teaching.snapshot.status is not None
    assert not idle_teaching.snapshot.status.datasets


def test_the_window_closes_during_the_wizards_import_and_nothing_of_it_is_left(
    furnishing: ClassWizard,
    idle_teaching: TeachingSession,
    classroom: Classroom,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    def num_datasets() -> int:
        return len(classroom.superuser.query("SELECT 1 FROM gan.datasets"))

    # Small files: some of them are stored already when it is cancelled.
    monkeypatch.setattr(shards, "MAX_SHARD_IMAGES", 64)
    furnishing.show_step(Step.PICTURES)
    page_of(furnishing, PicturesPage).count.setValue(50_000)
    press(furnishing, qtbot, "Import and go on")
    qtbot.waitUntil(lambda: num_datasets() == 1, timeout=PATIENCE_MS)
    with qtbot.waitSignal(idle_teaching.class_changed, timeout=PATIENCE_MS):
        idle_teaching.leave()
    assert num_datasets() == 0


# -- in the window ---------------------------------------------------------------------------------


def test_the_window_shows_the_wizard_and_then_its_pages(
    idle_teaching: TeachingSession, classroom: Classroom, tmp_path: Path, qtbot: QtBot
) -> None:
    window = TeachingWindow(idle_teaching)
    window.show()
    qtbot.waitExposed(window)
    idle_teaching.ask_to_begin("")
    wizard = page_of(window, ClassWizard)
    press(wizard, qtbot, "Open a class that exists already")
    page_of(wizard, OpenPage).file_chosen.emit(write_config(tmp_path, classroom.coordinator_address))
    qtbot.waitUntil(lambda: window.findChild(ClassWizard) is None, timeout=PATIENCE_MS)
    await_title(idle_teaching, qtbot, "Vision")
    assert window.windowTitle() == "GAN Desktop Teaching: Vision"
    window.hide()
    window.deleteLater()


def test_a_page_that_is_asked_for_comes_in_front_of_the_wizard(
    idle_teaching: TeachingSession, classroom: Classroom, qtbot: QtBot
) -> None:
    places = idle_teaching.places
    window = TeachingWindow(idle_teaching)
    window.show()
    qtbot.waitExposed(window)
    with qtbot.waitSignal(idle_teaching.snapshot_changed, timeout=PATIENCE_MS):
        idle_teaching.teach(entrance.keep_taught(classroom.coordinator_address, places))
    idle_teaching.ask_to_begin("set_up")
    wizard = page_of(window, ClassWizard)
    await_step(wizard, qtbot, Step.REACH)
    press(wizard, qtbot, "Go on")
    qtbot.mouseClick(window.strip.button, Qt.MouseButton.LeftButton)
    # The page did not exist when it was asked for a part of itself.
    images = page_of(window, ImagesPage)
    assert images.isVisible() and images.views.currentWidget() is images.importing
    qtbot.waitUntil(lambda: window.findChild(ClassWizard) is None, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: load_draft(places.config).is_left, timeout=PATIENCE_MS)
    assert load_draft(places.config).step is Step.PEOPLE
    idle_teaching.show_page("training/new")
    assert page_of(window, TrainingForm).isVisible()
    wait_for_background(PATIENCE_MS)
    window.hide()
    window.deleteLater()


# -- how it looks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_page_fits_into_the_least_window(
    idle_teaching: TeachingSession, application: QApplication, language: str, qtbot: QtBot
) -> None:
    install_translation(application, language)
    wizard = shown_wizard(idle_teaching, qtbot)
    for step in Step:
        assert wizard.page(step).minimumSizeHint().width() <= LEAST_SIZE.width()
        assert wizard.page(step).minimumSizeHint().height() <= LEAST_SIZE.height() - 40
    wizard.hide()
    wizard.deleteLater()


def test_a_damaged_draft_begins_at_the_beginning(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{", "utf-8")
    assert load_draft(tmp_path).step is Step.WHERE
    (tmp_path / FILE).write_text(
        json.dumps({"step": "upgrade", "class_id": "", "visit": "", "typed": {}}), "utf-8"
    )
    assert load_draft(tmp_path).step is Step.WHERE
