"""The code for the room and the cards of labs: made, shown large, counted, withdrawn."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import keyring
import pytest
from PySide6.QtCore import QDateTime, Qt
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from gan_desktop.class_admin.cards import enrol_cards
from gan_desktop.class_admin.codes import code_on_show
from gan_desktop.class_code import shown_code
from gan_desktop.database.connection import Connection
from gan_desktop.database.enrolment import Enrolment
from gan_desktop.database.logins import Login
from gan_desktop.errors import ConnectionFailed
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.students.class_codes import ClassCodes, class_codes
from gan_desktop.gui.admin.students.hand_out import HandOutDialog
from gan_desktop.gui.admin.students.new_card import NewCardDialog
from gan_desktop.gui.admin.students.page import StudentsPage
from gan_desktop.gui.paged_window import LEAST_SIZE
from gan_desktop.join_card import read_card_file
from tests.gui.admin.conftest import PATIENCE_MS
from tests.gui.admin.test_students_page import answer, dialog, save_in
from tests.gui.hands import Hand, Keyboard, Mouse
from tests.gui.test_join_wizard import Store
from tests.integration.lesson import Lesson


@pytest.fixture
def page(teaching: TeachingSession, qtbot: QtBot) -> Iterator[StudentsPage]:
    """The page with the cards for many in front."""
    made = StudentsPage(teaching)
    made.resize(LEAST_SIZE)
    made.show()
    qtbot.waitExposed(made)
    made.show_view(1)
    qtbot.waitUntil(lambda: class_codes(teaching).now is not None, timeout=PATIENCE_MS)
    yield made
    made.hide()
    made.deleteLater()


@pytest.fixture(params=[Mouse, Keyboard])
def hand(request: pytest.FixtureRequest, qtbot: QtBot) -> Hand:
    made: Hand = request.param(qtbot)
    return made


@pytest.fixture
def store() -> Iterator[Store]:
    """A password store that works."""
    before, store = keyring.get_keyring(), Store()
    keyring.set_keyring(store)
    yield store
    keyring.set_keyring(before)


def make_code(page: StudentsPage, hand: Hand, qtbot: QtBot, uses: int = 40) -> str:
    """Make a class code; returns it as it is shown."""
    hand.press(page, "New class &code ...")
    asking = dialog(page, NewCardDialog, qtbot)
    asking.uses.setValue(uses)
    before = page.codes.shown.code.text()
    hand.press(asking, "Make a code")
    qtbot.waitUntil(lambda: page.codes.shown.code.text() not in ("", before), timeout=PATIENCE_MS)
    return page.codes.shown.code.text()


def enrol(taught: Lesson, code: str, name: str) -> None:
    password = code.replace("-", "")
    [login] = [card.login for card in enrol_cards(taught.coordinator) if card.kind == "class"][:1]
    with Connection(taught.address_of(Login(login, password))) as connection:
        Enrolment(name).ask(connection)


def rows(page: StudentsPage) -> list[list[str]]:
    order = page.codes.table.model()
    return [
        [str(order.index(row, column).data()) for column in range(order.columnCount())]
        for row in range(order.rowCount())
    ]


def test_a_code_is_made_shown_large_and_lets_in(
    page: StudentsPage, taught: Lesson, hand: Hand, qtbot: QtBot
) -> None:
    assert "Make one below" in page.codes.shown.words.text()
    code = make_code(page, hand, qtbot, uses=2)
    assert page.codes.shown.code.font().pointSizeF() > 2 * QApplication.font().pointSizeF()
    address = taught.coordinator
    assert page.codes.shown.address.text() == f"127.0.0.1:{address.port}/{address.dbname}"
    enrol(taught, code, "Cleo")
    page.codes._codes.look()
    qtbot.waitUntil(lambda: page.codes.shown.words.text().startswith("1 used, 1 left"), timeout=PATIENCE_MS)
    [row] = rows(page)
    assert row[1:4] == [f"Class code, begins with {code[:2]}", "1", "1"]
    enrol(taught, code, "Dan")
    page.codes._codes.look()
    # A code that is used up stands on no projector.
    qtbot.waitUntil(lambda: not page.codes.shown.code.isVisible(), timeout=PATIENCE_MS)
    assert rows(page)[0][2:4] == ["2", "0"]


def test_a_former_classs_code_is_shown_no_more(
    page: StudentsPage, teaching: TeachingSession, qtbot: QtBot
) -> None:
    make_code(page, Mouse(qtbot), qtbot)
    with qtbot.waitSignal(teaching.class_changed, timeout=PATIENCE_MS):
        teaching.leave()
    assert page.codes.shown.code.text() == page.codes.shown.address.text() == ""
    assert not rows(page)


def test_the_invitation_has_all_one_needs(page: StudentsPage, qtbot: QtBot) -> None:
    code = make_code(page, Mouse(qtbot), qtbot, uses=5)
    Mouse(qtbot).press(page, "Copy the in&vitation")
    text = QApplication.clipboard().text()
    assert f"Code: {code}" in text and page.codes.shown.address.text() in text
    assert 'Join "Vision"' in text and "good for 5 people" in text


def test_withdrawing_a_code_asks_first(page: StudentsPage, taught: Lesson, qtbot: QtBot) -> None:
    code = make_code(page, Mouse(qtbot), qtbot)
    page.codes.table.selectRow(0)
    page.activateWindow()
    page.codes.table.setFocus()
    qtbot.waitUntil(page.codes.table.hasFocus, timeout=PATIENCE_MS)
    qtbot.keyClick(page.codes.table, Qt.Key.Key_Delete)
    dialog(page, QMessageBox, qtbot).reject()
    assert enrol_cards(taught.coordinator)
    Mouse(qtbot).press(page, "&Withdraw ...")
    answer(page, "Withdraw", qtbot)
    qtbot.waitUntil(lambda: not rows(page), timeout=PATIENCE_MS)
    assert not page.codes.shown.code.isVisible()
    login = Login(f"gan_card_{code[:2].lower()}", code.replace("-", ""))
    with pytest.raises(ConnectionFailed):
        Connection(taught.address_of(login))


def test_a_time_that_is_over_is_refused_and_nothing_typed_is_lost(page: StudentsPage, qtbot: QtBot) -> None:
    page.codes.make("class")
    asking = dialog(page, NewCardDialog, qtbot)
    asking.uses.setValue(7)
    asking.ends.setDateTime(QDateTime.fromSecsSinceEpoch(0))
    asking.make.click()
    qtbot.waitUntil(lambda: asking.trouble is not None, timeout=PATIENCE_MS)
    assert asking.trouble is not None and "over already" in asking.trouble.message
    assert asking.isVisible() and asking.uses.value() == 7
    asking.reject()


def test_a_lab_gets_a_file_and_the_command_for_it(
    page: StudentsPage, taught: Lesson, hand: Hand, qtbot: QtBot, tmp_path: Path
) -> None:
    hand.press(page, "New &room card ...")
    asking = dialog(page, NewCardDialog, qtbot)
    asking.uses.setValue(20)
    hand.press(asking, "Make a room card")
    cards = dialog(page, HandOutDialog, qtbot)
    assert 'gan-desktop join "Room card.gandjoin" --store-in-file' in cards.invitation.toPlainText()
    hand.press(cards, "Save the &file ...")
    save_in(cards, tmp_path / "room.gandjoin", qtbot)
    card = read_card_file(tmp_path / "room.gandjoin")
    assert card.enrol == "room"
    Connection(taught.address_of(Login(card.user, card.password))).close()
    qtbot.waitUntil(lambda: bool(rows(page)), timeout=PATIENCE_MS)
    assert rows(page)[0][1:4] == ["Room card", "0", "20"]
    [made] = enrol_cards(taught.coordinator)
    assert made.valid_until - datetime.now().astimezone() > timedelta(days=170)
    qtbot.waitUntil(lambda: cards.done_words.isVisible())
    cards.reject()


def test_a_code_is_known_after_a_restart_where_passwords_are_kept(
    page: StudentsPage, taught: Lesson, teaching: TeachingSession, store: Store, qtbot: QtBot
) -> None:
    code = make_code(page, Mouse(qtbot), qtbot)
    found = code_on_show(taught.coordinator)
    assert found is not None and shown_code(found[1]) == code
    again = ClassCodes(teaching)
    with qtbot.waitSignal(again.changed, timeout=PATIENCE_MS):
        again.look()
    assert again.now is not None and again.now.code == code
    page.codes.table.selectRow(0)
    page.codes.withdraw()
    answer(page, "Withdraw", qtbot)
    qtbot.waitUntil(lambda: not store.passwords, timeout=PATIENCE_MS)


def test_without_a_password_store_a_code_is_known_to_this_window_alone(
    page: StudentsPage, taught: Lesson, teaching: TeachingSession, qtbot: QtBot
) -> None:
    make_code(page, Mouse(qtbot), qtbot)
    assert code_on_show(taught.coordinator) is None
    again = ClassCodes(teaching)
    with qtbot.waitSignal(again.changed, timeout=PATIENCE_MS):
        again.look()
    assert again.now is not None and again.now.on_show is None
    page.codes.shown.show_cards(again.now)
    assert "this computer does not know it any more" in page.codes.shown.words.text()
