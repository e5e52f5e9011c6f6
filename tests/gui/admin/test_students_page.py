"""The page of the class's people, over a real class: admitted, found, changed, given cards, removed."""

from __future__ import annotations

import stat
import sys
import threading
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from PySide6.QtCore import QCoreApplication, QItemSelectionModel, QMimeData, QSize, Qt, QUrl
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QDialog,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMessageBox,
    QScrollArea,
    QTabBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from gan_desktop.class_admin.people import add_student, hide_student, remove_student, students
from gan_desktop.class_admin.roster import RosterLine, roster_lines
from gan_desktop.database.accounts import Accounts, Student
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.logins import Login, Logins
from gan_desktop.errors import ConnectionFailed
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.admin.sql_dialog import SqlDialog
from gan_desktop.gui.admin.students import make_cards
from gan_desktop.gui.admin.students.hand_out import HandOutDialog
from gan_desktop.gui.admin.students.made_cards import MadeCards, made_cards
from gan_desktop.gui.admin.students.make_cards import MakeCardsDialog
from gan_desktop.gui.admin.students.model import CARD, EMAIL, NAME, SECTION
from gan_desktop.gui.admin.students.new_card import NewCardDialog
from gan_desktop.gui.admin.students.page import StudentsPage
from gan_desktop.gui.admin.students.roster_dialog import BRIEF, RosterDialog, dropped_file
from gan_desktop.gui.admin.students.student_dialog import StudentDialog
from gan_desktop.gui.background import wait_for_background
from gan_desktop.gui.paged_window import LEAST_SIZE
from gan_desktop.gui.translation import install_translation
from gan_desktop.gui.words import clock
from gan_desktop.join_card import JoinCard, parse_card, read_card_file
from tests.gui.admin.conftest import PATIENCE_MS
from tests.gui.hands import Hand, Keyboard, Mouse
from tests.integration.lesson import Lesson

D = TypeVar("D", bound=QDialog)
# What the window of 960 x 560 leaves to a page below the strip and beside the side bar.
LEAST_PAGE = QSize(800, 440)


@pytest.fixture
def page(teaching: TeachingSession, taught: Lesson, qtbot: QtBot) -> Iterator[StudentsPage]:
    """The page over a class of three people."""
    add_student(taught.coordinator, "Ana Silva", student_id="12", email="ana@x.example", section="A")
    add_student(taught.coordinator, "Ben Okafor", student_id="13", section="B")
    add_student(taught.coordinator, "Zoë <b>Ångström</b>")
    made = StudentsPage(teaching)
    made.resize(LEAST_SIZE)
    made.show()
    qtbot.waitExposed(made)
    teaching.refresh()
    qtbot.waitUntil(lambda: made.people.order.rowCount() == 3, timeout=PATIENCE_MS)
    yield made
    made.hide()
    made.deleteLater()


@pytest.fixture(params=[Mouse, Keyboard])
def hand(request: pytest.FixtureRequest, qtbot: QtBot) -> Hand:
    made: Hand = request.param(qtbot)
    return made


def dialog(page: QWidget, kind: type[D], qtbot: QtBot) -> D:
    """The open dialog of that kind."""

    def found() -> list[D]:
        return [each for each in page.window().findChildren(kind) if each.isVisible()]

    qtbot.waitUntil(lambda: bool(found()), timeout=PATIENCE_MS)
    return found()[-1]


def shown(page: StudentsPage, column: int = NAME) -> list[str]:
    order = page.people.order
    return [str(order.index(row, column).data()) for row in range(order.rowCount())]


def choose(page: StudentsPage, *names: str) -> None:
    selection, order = page.people.table.selectionModel(), page.people.order
    selection.clear()
    for row, name in enumerate(shown(page)):
        if name in names:
            flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
            selection.setCurrentIndex(order.index(row, NAME), flags)


def in_class(taught: Lesson) -> dict[str, Student]:
    return {student.name: student for student in students(taught.coordinator)}


def nameless(page: QWidget) -> list[QWidget]:
    """What the keyboard leads to, and what a screen reader could not call by a name."""
    widgets = page.findChildren(QWidget)
    buddies = {widget.buddy() for widget in widgets if isinstance(widget, QLabel)}
    return [
        widget
        for widget in widgets
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.isVisible()
        and not widget.accessibleName()
        and widget not in buddies
        and not (isinstance(widget, QAbstractButton) and widget.text())
        # Parts of another widget, which has the name.
        and not isinstance(widget, QTabBar | QScrollArea)
        and not (isinstance(widget, QLineEdit) and isinstance(widget.parent(), QAbstractSpinBox))
    ]


def answer(page: StudentsPage, text: str, qtbot: QtBot) -> None:
    """Press a button of the question that is asked."""
    question = dialog(page, QMessageBox, qtbot)
    [button] = [b for b in question.buttons() if b.text() == text]
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def save_in(owner: QWidget, path: Path, qtbot: QtBot) -> None:
    """Answer the question for a place."""
    asking = dialog(owner, QFileDialog, qtbot)
    asking.setDirectory(str(path.parent))
    asking.selectFile(path.name)
    asking.accept()
    qtbot.waitUntil(path.exists, timeout=PATIENCE_MS)


# -- the table -----------------------------------------------------------------------------------


def test_the_table_tells_of_everybody_in_the_class(page: StudentsPage) -> None:
    assert shown(page) == ["Ana Silva", "Ben Okafor", "Zoë <b>Ångström</b>"]
    assert shown(page, EMAIL) == ["ana@x.example", "", ""]
    assert shown(page, CARD) == ["not joined yet"] * 3
    assert page.people._standing.text() == "3 students · 0 joined · 3 not yet"
    tip = page.people.order.index(2, NAME).data(Qt.ItemDataRole.ToolTipRole)
    assert "<b>" not in tip


def test_who_has_joined_stands_there_within_a_look(page: StudentsPage, taught: Lesson, qtbot: QtBot) -> None:
    user = in_class(taught)["Ana Silva"].user
    taught.superuser.execute(
        "INSERT INTO gan.workers (worker_id, account_id, device_id, session_id, name)"
        " SELECT 'w1', account_id, 'd1', gen_random_uuid(), 'PC' FROM gan.accounts WHERE login = %s",
        [user],
    )
    page.people._session.refresh()
    qtbot.waitUntil(lambda: shown(page, CARD)[0] == "joined", timeout=PATIENCE_MS)
    assert page.people._standing.text() == "3 students · 1 joined · 2 not yet"


def test_selection_and_order_outlive_what_others_change(
    page: StudentsPage, taught: Lesson, qtbot: QtBot
) -> None:
    page.people.table.sortByColumn(NAME, Qt.SortOrder.DescendingOrder)
    choose(page, "Ana Silva", "Ben Okafor")
    add_student(taught.coordinator, "Cleo")
    remove_student(taught.coordinator, "Ben Okafor")
    page.people._session.refresh()
    qtbot.waitUntil(lambda: "Cleo" in shown(page) and "Ben Okafor" not in shown(page), timeout=PATIENCE_MS)
    assert shown(page) == ["Zoë <b>Ångström</b>", "Cleo", "Ana Silva"]
    assert [student.name for student in page.people.chosen()] == ["Ana Silva"]


def test_the_search_looks_into_every_column(page: StudentsPage, qtbot: QtBot) -> None:
    page.setFocus()
    qtbot.keyClick(page, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    for words, found in (
        ("ångs", ["Zoë <b>Ångström</b>"]),
        ("X.EXAMPLE", ["Ana Silva"]),
        ("13", ["Ben Okafor"]),
    ):
        page.people.search.clear()
        qtbot.keyClicks(page.people.search, words)
        assert shown(page) == found
    qtbot.keyClicks(page.people.search, "nobody")
    assert (
        page.people._instead.isVisible() and page.people._instead.text() == "Nobody of these is in the class."
    )


def test_columns_in_which_nobody_has_anything_are_left_out(
    page: StudentsPage, taught: Lesson, qtbot: QtBot
) -> None:
    assert not page.people.table.isColumnHidden(SECTION)
    taught.superuser.execute("UPDATE gan.roster SET section = NULL")
    page.people._session.refresh()
    qtbot.waitUntil(lambda: page.people.table.isColumnHidden(SECTION), timeout=PATIENCE_MS)


def test_the_sql_is_that_of_the_query_file(page: StudentsPage, taught: Lesson, qtbot: QtBot) -> None:
    Mouse(qtbot).press(page, "Show the SQL")
    shown_sql = dialog(page, SqlDialog, qtbot)
    Mouse(qtbot).press(shown_sql, "Copy")
    with Connection(taught.coordinator) as connection:
        rows = connection.query(QApplication.clipboard().text())
    assert [row.name for row in rows] == ["Ana Silva", "Ben Okafor", "Zoë <b>Ångström</b>"]
    shown_sql.tabs.setCurrentIndex(1)
    shown_sql.copy()
    assert "FROM workers WHERE worker_id" in QApplication.clipboard().text()


# -- one person ----------------------------------------------------------------------------------


def test_somebody_is_added_and_gets_a_card(
    page: StudentsPage, taught: Lesson, hand: Hand, qtbot: QtBot, tmp_path: Path
) -> None:
    hand.press(page, "&Add ...")
    form = dialog(page, StudentDialog, qtbot)
    qtbot.keyClicks(form.name, "Cleo")
    qtbot.keyClicks(form.section, "B")
    hand.press(form, "Add and make a card")
    cards = dialog(page, HandOutDialog, qtbot)
    assert "Cleo" in cards.windowTitle()
    assert in_class(taught)["Cleo"].section == "B"
    hand.press(cards, "Save the &file ...")
    path = tmp_path / "cleo.gandjoin"
    save_in(cards, path, qtbot)
    card = read_card_file(path)
    Connection(taught.address_of(_login(card.user, card.password))).close()
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    qtbot.waitUntil(lambda: "cleo.gandjoin" in cards.done_words.text())
    hand.press(cards, "Close")
    qtbot.waitUntil(lambda: not page.findChildren(HandOutDialog), timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: "Cleo" in shown(page), timeout=PATIENCE_MS)


def test_a_name_that_is_there_asks_whether_it_is_somebody_else(
    page: StudentsPage, taught: Lesson, qtbot: QtBot
) -> None:
    page.people.add()
    form = dialog(page, StudentDialog, qtbot)
    qtbot.keyClicks(form.name, "ana silva")
    qtbot.keyClick(form.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: form.trouble is not None, timeout=PATIENCE_MS)
    assert form.isVisible() and form.name.text() == "ana silva"
    assert form.same_name.isVisible() and form.same_name.hasFocus()
    qtbot.keyClick(form.same_name, Qt.Key.Key_Space)
    qtbot.keyClick(form.same_name, Qt.Key.Key_Return)
    dialog(page, HandOutDialog, qtbot).accept()
    assert len(students(taught.coordinator)) == 4


def test_somebody_is_renamed_by_f2(page: StudentsPage, taught: Lesson, qtbot: QtBot) -> None:
    choose(page, "Ben Okafor")
    page.people.table.setFocus()
    qtbot.keyClick(page.people.table, Qt.Key.Key_F2)
    form = dialog(page, StudentDialog, qtbot)
    assert (form.name.text(), form.student_id.text()) == ("Ben Okafor", "13")
    qtbot.keyClicks(form.name, "Benjamin")
    form.student_id.setText("12")
    qtbot.keyClick(form.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: form.trouble is not None, timeout=PATIENCE_MS)
    assert form.trouble is not None and 'The id is that of "Ana Silva"' in form.trouble.message
    form.student_id.setText("14")
    qtbot.keyClick(form.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "Benjamin" in shown(page), timeout=PATIENCE_MS)
    assert in_class(taught)["Benjamin"].student_id == "14"


# -- what is done with those chosen --------------------------------------------------------------


def test_people_are_hidden_and_shown_again(
    page: StudentsPage, taught: Lesson, hand: Hand, qtbot: QtBot
) -> None:
    choose(page, "Ana Silva", "Ben Okafor")
    hand.choose(page.people.chosen_button, "Hide from the leaderboard")
    qtbot.waitUntil(
        lambda: shown(page)[:2] == ["Ana Silva (hidden)", "Ben Okafor (hidden)"], timeout=PATIENCE_MS
    )
    assert in_class(taught)["Ana Silva"].is_hidden
    page.people.whom.setCurrentIndex(page.people.whom.findText("Not on the leaderboard"))
    assert len(shown(page)) == 2
    choose(page, "Ana Silva (hidden)")
    hand.choose(page.people.chosen_button, "Show on the leaderboard")
    qtbot.waitUntil(lambda: shown(page) == ["Ben Okafor (hidden)"], timeout=PATIENCE_MS)


def test_removing_asks_first_and_names_the_consequence(
    page: StudentsPage, taught: Lesson, qtbot: QtBot
) -> None:
    choose(page, "Ana Silva")
    page.people.table.setFocus()
    qtbot.keyClick(page.people.table, Qt.Key.Key_Delete)
    question = dialog(page, QMessageBox, qtbot)
    assert question.text() == (
        "Ana Silva will not get in any more; computers at work stop. Units and credit stay."
    )
    question.reject()
    assert not in_class(taught)["Ana Silva"].is_withdrawn
    page.people.remove()
    answer(page, "Remove", qtbot)
    qtbot.waitUntil(lambda: "Ana Silva" not in shown(page), timeout=PATIENCE_MS)
    assert in_class(taught)["Ana Silva"].is_withdrawn
    page.people.whom.setCurrentIndex(page.people.whom.findText("Removed"))
    assert shown(page) == ["Ana Silva"]
    choose(page, "Ana Silva")
    assert page.people.chosen() == [] and not page.people.chosen_button.isEnabled()


def test_with_nobody_chosen_nothing_can_be_done_to_them(page: StudentsPage, qtbot: QtBot) -> None:
    page.people.table.clearSelection()
    assert not page.people.chosen_button.isEnabled()
    page.people.remove()
    page.people.edit()
    assert not page.findChildren(QDialog)


# -- cards ---------------------------------------------------------------------------------------


def test_making_cards_says_whose_computers_it_stops(page: StudentsPage, taught: Lesson, qtbot: QtBot) -> None:
    user = in_class(taught)["Ana Silva"].user
    taught.superuser.execute(
        "INSERT INTO gan.workers (worker_id, account_id, device_id, session_id, name)"
        " SELECT 'w1', account_id, 'd1', gen_random_uuid(), 'PC' FROM gan.accounts WHERE login = %s",
        [user],
    )
    page.people._session.refresh()
    qtbot.waitUntil(lambda: shown(page, CARD)[0] == "joined", timeout=PATIENCE_MS)
    choose(page, "Ana Silva")
    page.people.make_cards()
    asking = dialog(page, MakeCardsDialog, qtbot)
    texts = [button.text() for button in asking.choices.buttons()]
    assert texts == ["For Ana Silva", "For the 2 who have not joined yet", "For all 3"]
    # A mere Return ends nobody's card.
    assert asking.choices.checkedId() == -1 and not asking.make.isEnabled()
    asking.choices.buttons()[0].click()
    assert asking.warning.text().startswith("One of them has joined already: that card ends")
    asking.choices.buttons()[1].click()
    assert not asking.warning.isVisible()
    qtbot.waitUntil(lambda: asking.address.notes.isVisible(), timeout=PATIENCE_MS)
    assert "Only programs on this computer" in asking.address.notes.text()
    asking.reject()


def test_cards_that_people_have_are_shown_once_more_and_end_only_when_that_is_chosen(
    page: StudentsPage, teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    page.people.table.clearSelection()
    page.people.make_cards()
    asking = dialog(page, MakeCardsDialog, qtbot)
    assert "on another computer" in asking.maybe.text() and not asking.warning.isVisible()
    asking.make.click()
    cards = dialog(page, HandOutDialog, qtbot)
    first = [made.card for made in cards._cards]
    cards.copy_invitation()
    cards.reject()
    add_student(taught.coordinator, "Cleo")
    teaching.refresh()
    qtbot.waitUntil(lambda: len(shown(page)) == 4, timeout=PATIENCE_MS)

    page.people.make_cards()
    again = dialog(page, MakeCardsDialog, qtbot)
    texts = [button.text() for button in again.choices.buttons()]
    time_of_day = clock(made_cards(teaching).made_at(first[0].user) or 0)
    assert texts == [
        f"The 3 cards of {time_of_day} once more: they stay valid",
        "For the one who has no card yet",
        "For the 4 who have not joined yet",
        "For all 4",
    ]
    assert again.choices.checkedId() == 0 and again.make.text() == "Show the cards"
    again.choices.buttons()[2].click()
    assert again.warning.text() == (
        f"The cards made before for 3 of them stop working: those of {time_of_day}."
    )
    again.choices.buttons()[0].click()
    assert not again.warning.isVisible() and not again.maybe.isVisible()
    again.address.field.setText("school.example")
    again.make.click()
    cards = dialog(page, HandOutDialog, qtbot)
    second = [made.card for made in cards._cards]
    assert [(card.user, card.password) for card in second] == [(card.user, card.password) for card in first]
    assert {card.hosts for card in second} == {("school.example",)}
    for card in second:
        Connection(taught.address_of(_login(card.user, card.password))).close()
    cards.accept()


def make_cards_for_all(page: StudentsPage, qtbot: QtBot) -> list[JoinCard]:
    """Make cards for the three, save nothing, and put them away."""
    page.people.table.clearSelection()
    page.people.make_cards()
    dialog(page, MakeCardsDialog, qtbot).make.click()
    cards = dialog(page, HandOutDialog, qtbot)
    assert cards.windowTitle() == "3 cards"
    cards.accept()
    qtbot.waitUntil(lambda: not page.findChildren(HandOutDialog), timeout=PATIENCE_MS)
    return [made.card for made in cards._cards]


def show_once_more(page: StudentsPage, qtbot: QtBot) -> MakeCardsDialog:
    """Ask for the cards that were made before, which is what is chosen if nobody says otherwise."""
    page.people.make_cards()
    asking = dialog(page, MakeCardsDialog, qtbot)
    assert asking.choices.checkedId() == 0 and asking.make.text() == "Show the cards"
    asking.make.click()
    return asking


def test_a_mere_look_at_cards_takes_them_from_nobody(
    page: StudentsPage, teaching: TeachingSession, qtbot: QtBot
) -> None:
    given = make_cards_for_all(page, qtbot)
    show_once_more(page, qtbot)
    qtbot.keyClick(dialog(page, HandOutDialog, qtbot), Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not page.findChildren(HandOutDialog), timeout=PATIENCE_MS)
    assert not page.findChildren(QMessageBox)
    # Another window, later: nothing that ends them is chosen, for those selected neither.
    later = MadeCards(teaching)
    assert all(later.made_at(card.user) is not None for card in given)
    made_cards(teaching).forget([card.user for card in given])
    for names in ((), ("Ana Silva",), ("Ana Silva", "Ben Okafor", "Zoë <b>Ångström</b>")):
        choose(page, *names)
        page.people.make_cards()
        asking = dialog(page, MakeCardsDialog, qtbot)
        assert asking.choices.checkedId() == -1 and not asking.make.isEnabled()
        asking.reject()


def test_cards_that_ended_elsewhere_are_named_and_left_out(
    page: StudentsPage, teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    first, *others = make_cards_for_all(page, qtbot)
    with Connection(taught.coordinator) as connection:
        Accounts(connection).renew(first.user)
    show_once_more(page, qtbot)
    cards = dialog(page, HandOutDialog, qtbot)
    assert [made.card.user for made in cards._cards] == [card.user for card in others]
    told = [label.text() for label in cards.findChildren(QLabel)]
    assert "One of these cards lets nobody in any more, that of Ana Silva. Make a new one." in told
    cards.accept()
    with Connection(taught.coordinator) as connection:
        Logins(connection).close_all([card.user for card in others])
    asking = show_once_more(page, qtbot)
    qtbot.waitUntil(lambda: asking.trouble is not None, timeout=PATIENCE_MS)
    assert asking.trouble is not None and asking.trouble.message.startswith("2 of these cards let nobody in")
    assert not asking.make.isEnabled()
    asking.reject()


def test_cards_whose_renewal_was_not_answered_are_not_shown_as_valid(
    page: StudentsPage, teaching: TeachingSession, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    given = make_cards_for_all(page, qtbot)
    made = make_cards.make_cards

    def lose_answer(address: Address, hosts: Sequence[str], students: Sequence[Student]) -> None:
        made(address, hosts, students)
        raise ConnectionFailed("The connection was lost.", cause="lost")

    monkeypatch.setattr(make_cards, "make_cards", lose_answer)
    page.people.make_cards()
    asking = dialog(page, MakeCardsDialog, qtbot)
    asking.choices.buttons()[-1].click()
    asking.make.click()
    qtbot.waitUntil(lambda: asking.trouble is not None, timeout=PATIENCE_MS)
    assert not asking.choices.buttons()[0].isEnabled() and asking.make.isEnabled()
    asking.reject()
    known = made_cards(teaching)
    assert [known.password(card.user) for card in given] == [None] * 3
    assert all(known.made_at(card.user) is not None for card in given)


def test_this_window_knows_the_cards_after_another_class_and_puts_the_open_ones_away(
    page: StudentsPage, teaching: TeachingSession, taught: Lesson, qtbot: QtBot
) -> None:
    page.people.make_cards()
    dialog(page, MakeCardsDialog, qtbot).make.click()
    cards = dialog(page, HandOutDialog, qtbot)
    made, known = [each.card for each in cards._cards], made_cards(teaching)
    with qtbot.waitSignal(teaching.class_changed, timeout=PATIENCE_MS):
        teaching.leave()
    assert not cards.isVisible() and not page.findChildren(QMessageBox)
    assert [known.password(card.user) for card in made] == [None] * 3
    with qtbot.waitSignal(teaching.class_changed, timeout=PATIENCE_MS):
        teaching.teach(TaughtClass(taught.coordinator, "Vision"))
    assert [known.password(card.user) for card in made] == [card.password for card in made]


def test_a_damaged_note_of_a_card_is_none(teaching: TeachingSession, taught: Lesson) -> None:
    known = made_cards(teaching)
    known._settings.setValue(known._key("s_1"), "10 o'clock, or so")
    assert known.made_at("s_1") is None and not known.is_unsaved("s_1")


def test_a_new_window_knows_who_has_a_card_but_no_password(
    page: StudentsPage, teaching: TeachingSession, qtbot: QtBot
) -> None:
    page.people.make_cards()
    dialog(page, MakeCardsDialog, qtbot).make.click()
    cards = dialog(page, HandOutDialog, qtbot)
    kept = cards._cards
    cards.accept()
    page.people.add()
    form = dialog(page, StudentDialog, qtbot)
    form.name.setText("Cleo")
    form.save.click()
    qtbot.waitUntil(lambda: not cards.isVisible() and bool(page.findChildren(HandOutDialog)))
    closed_unsaved = dialog(page, HandOutDialog, qtbot)
    lost = closed_unsaved._cards
    closed_unsaved.reject()
    answer(page, "Close without saving", qtbot)

    after_restart = MadeCards(teaching)
    assert [after_restart.made_at(made.card.user) is not None for made in kept] == [True] * 3
    assert [after_restart.made_at(made.card.user) for made in lost] == [None]
    assert [after_restart.password(made.card.user) for made in kept] == [None] * 3
    folder = teaching.places.config
    written = "".join(file.read_text("utf-8") for file in folder.glob("*.ini"))
    assert not any(made.card.password in written for made in kept)


def test_all_cards_go_into_one_zip_and_let_in(
    page: StudentsPage, taught: Lesson, hand: Hand, qtbot: QtBot, tmp_path: Path
) -> None:
    page.people.table.clearSelection()
    hand.press(page, "Make &cards ...")
    asking = dialog(page, MakeCardsDialog, qtbot)
    asking.address.field.setText("school.example, 192.168.1.20")
    hand.press(asking, "Make cards")
    cards = dialog(page, HandOutDialog, qtbot)
    assert cards.windowTitle() == "3 cards"
    hand.press(cards, "Save as one &ZIP ...")
    path = tmp_path / "cards.zip"
    save_in(cards, path, qtbot)
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".gandjoin"))
        made = [parse_card(archive.read(name).decode()) for name in names]
    assert [card.name for card in made] == ["Ana Silva", "Ben Okafor", "Zoë <b>Ångström</b>"]
    assert made[0].hosts == ("school.example", "192.168.1.20")
    for card in made:
        Connection(taught.address_of(_login(card.user, card.password))).close()
    qtbot.waitUntil(lambda: cards.done_words.isVisible())
    # The addresses are kept for the next time.
    page.people.make_cards()
    again = dialog(page, MakeCardsDialog, qtbot)
    assert again.address.field.text() == "school.example, 192.168.1.20"
    again.reject()
    cards.reject()


@pytest.fixture
def held_cards(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Lets the making of cards wait until it is set, over a network that takes its time."""
    release = threading.Event()

    made = make_cards.make_cards
    monkeypatch.setattr(make_cards, "make_cards", lambda *args: release.wait(30) and made(*args))
    yield release
    release.set()


@pytest.mark.parametrize("close", ["Esc", "the window's button"])
def test_cards_on_their_way_are_not_lost_by_closing(
    page: StudentsPage, taught: Lesson, held_cards: threading.Event, close: str, qtbot: QtBot
) -> None:
    page.people.make_cards()
    asking = dialog(page, MakeCardsDialog, qtbot)
    asking.make.click()
    if close == "Esc":
        qtbot.keyClick(asking, Qt.Key.Key_Escape)
    else:
        asking.close()
    assert asking.isVisible() and asking.must_stay
    held_cards.set()
    cards = dialog(page, HandOutDialog, qtbot)
    assert cards.windowTitle() == "3 cards"
    cards.accept()


def test_a_sheet_that_waits_closes_with_its_class(
    page: StudentsPage, teaching: TeachingSession, held_cards: threading.Event, qtbot: QtBot
) -> None:
    page.people.make_cards()
    asking = dialog(page, MakeCardsDialog, qtbot)
    asking.make.click()
    with qtbot.waitSignal(teaching.class_changed, timeout=PATIENCE_MS):
        teaching.leave()
    assert not asking.isVisible()


def test_a_list_that_waits_cannot_be_changed_or_admitted_twice(page: StudentsPage, qtbot: QtBot) -> None:
    page.people.admit_list()
    form = dialog(page, RosterDialog, qtbot)
    form.text.setPlainText("Cleo")
    qtbot.waitUntil(form.admit.isEnabled)
    form.text.setPlainText("Cleo\nDora")
    form.admit.click()
    assert form.must_stay and not form.text.isEnabled() and not form.admit.isEnabled()
    cards = dialog(page, HandOutDialog, qtbot)
    assert cards.windowTitle() == "2 cards"
    cards.accept()


def test_cards_that_nobody_has_are_not_closed_by_mistake(page: StudentsPage, qtbot: QtBot) -> None:
    page.people.make_cards()
    asking = dialog(page, MakeCardsDialog, qtbot)
    asking.make.click()
    cards = dialog(page, HandOutDialog, qtbot)
    qtbot.keyClick(cards, Qt.Key.Key_Escape)
    answer(page, "Back", qtbot)
    assert cards.isVisible()
    Mouse(qtbot).press(cards, "&Copy the invitation")
    assert "gandesktop://join#" in QApplication.clipboard().text()
    assert "Hello Ana Silva," in QApplication.clipboard().text()
    qtbot.keyClick(cards, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not page.findChildren(HandOutDialog), timeout=PATIENCE_MS)


def test_a_full_disk_loses_no_card(page: StudentsPage, qtbot: QtBot, tmp_path: Path) -> None:
    page.people.make_cards()
    dialog(page, MakeCardsDialog, qtbot).make.click()
    cards = dialog(page, HandOutDialog, qtbot)
    cards._write(lambda: _refuse(tmp_path))
    qtbot.waitUntil(lambda: cards.trouble is not None, timeout=PATIENCE_MS)
    assert cards.trouble is not None and "Choose another folder" in cards.trouble.message
    cards.save_pdf()
    save_in(cards, tmp_path / "cards.pdf", qtbot)
    assert (tmp_path / "cards.pdf").read_bytes().startswith(b"%PDF")
    qtbot.waitUntil(lambda: cards.done_words.isVisible())
    assert cards.trouble is None
    cards.reject()


def _refuse(folder: Path) -> Path:
    from gan_desktop.class_admin.card_files import save_private

    return save_private(folder / "missing" / "cards.zip", b"")


# -- a list --------------------------------------------------------------------------------------

LIST = "Name;Matrikelnummer;E-Mail\nAna Silva;12;ana@x.example\nCleo;20;cleo@x.example\nDan;20;\n"


def test_a_list_is_mended_where_it_is_wrong_and_then_admitted(
    page: StudentsPage, taught: Lesson, hand: Hand, qtbot: QtBot, tmp_path: Path
) -> None:
    hand.press(page, "Admit a &list ...")
    asking = dialog(page, RosterDialog, qtbot)
    (tmp_path / "course.csv").write_text(LIST, "utf-8")
    asking.read_file(tmp_path / "course.csv")
    qtbot.waitUntil(lambda: asking._table.rowCount() == 3, timeout=PATIENCE_MS)
    states = [asking._table.index(row, 2).data() for row in range(3)]
    assert states == ["takes part already", "new", "The id stands in line 3 too."]
    assert asking.verdict.text() == "1 line needs mending first; correct it at the left."
    assert not asking.admit.isEnabled()
    asking.text.setPlainText(LIST.replace("Dan;20", "Dan;21"))
    qtbot.waitUntil(asking.admit.isEnabled, timeout=PATIENCE_MS)
    assert asking.verdict.text() == "1 takes part already and is passed over."
    hand.press(asking, "Admit 2 people")
    cards = dialog(page, HandOutDialog, qtbot)
    assert [made.person.name for made in cards._cards] == ["Cleo", "Dan"]
    assert in_class(taught)["Cleo"].email == "cleo@x.example"
    cards.accept()
    qtbot.waitUntil(lambda: "Dan" in shown(page), timeout=PATIENCE_MS)


def test_a_list_that_is_none_says_why_and_stays(page: StudentsPage, qtbot: QtBot) -> None:
    page.people.admit_list()
    asking = dialog(page, RosterDialog, qtbot)
    asking.text.setPlainText("id;email\n1;a@x.example")
    qtbot.waitUntil(lambda: asking.trouble is not None, timeout=PATIENCE_MS)
    assert asking.trouble is not None and "no column is called name" in asking.trouble.message
    assert asking.text.toPlainText() and not asking.admit.isEnabled()
    asking.text.setPlainText("Cleo\nDan")
    qtbot.waitUntil(asking.admit.isEnabled, timeout=PATIENCE_MS)
    assert asking.trouble is None
    asking.reject()


def test_a_long_list_is_read_in_the_background_and_only_the_newest_text_counts(
    page: StudentsPage, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.people.admit_list()
    asking = dialog(page, RosterDialog, qtbot)
    may_go_on, threads = threading.Event(), list[threading.Thread]()

    def slow(text: str, source: str, *, is_pasted: bool) -> list[RosterLine]:
        threads.append(threading.current_thread())
        if len(text) > BRIEF:
            may_go_on.wait(PATIENCE_MS / 1_000)
        return roster_lines(text, source, is_pasted=is_pasted)

    monkeypatch.setattr("gan_desktop.class_admin.roster.roster_lines", slow)
    asking.text.setPlainText("Cleo\n" * BRIEF)
    qtbot.waitUntil(lambda: len(threads) == 1, timeout=PATIENCE_MS)
    assert threads[0] is not threading.main_thread() and not asking.admit.isEnabled()
    asking.text.setPlainText("Dan\nEve")
    qtbot.waitUntil(asking.admit.isEnabled, timeout=PATIENCE_MS)
    may_go_on.set()
    assert wait_for_background(PATIENCE_MS)
    QCoreApplication.processEvents()
    assert asking.admit.text() == "Admit 2 people"
    asking.reject()


def test_a_file_may_be_dropped_on_the_list(page: StudentsPage, qtbot: QtBot, tmp_path: Path) -> None:
    page.people.admit_list()
    asking = dialog(page, RosterDialog, qtbot)
    (tmp_path / "course.csv").write_text("name\nCleo\n", "utf-8")
    dropped = QMimeData()
    dropped.setUrls([QUrl.fromLocalFile(str(tmp_path / "course.csv"))])
    assert dropped_file(dropped) == tmp_path / "course.csv"
    asking.text.insertFromMimeData(dropped)
    qtbot.waitUntil(lambda: asking.text.toPlainText() == "name\nCleo\n", timeout=PATIENCE_MS)
    asking.reject()


# -- looks and languages -------------------------------------------------------------------------


def test_everything_that_takes_the_focus_has_a_name(page: StudentsPage, qtbot: QtBot) -> None:
    people = page.people
    people.add()
    people.admit_list()
    people.make_cards()
    people.show_sql()
    NewCardDialog(people._session, "class", page).open()
    dialog(page, MakeCardsDialog, qtbot).make.click()
    dialog(page, HandOutDialog, qtbot)
    assert nameless(page) == []


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_page_fits_the_smallest_window(
    teaching: TeachingSession, application: QApplication, language: str
) -> None:
    install_translation(application, language)
    made = StudentsPage(teaching)
    assert made.minimumSizeHint().width() <= LEAST_PAGE.width()
    assert made.minimumSizeHint().height() <= LEAST_PAGE.height()
    made.deleteLater()


def test_two_hundred_people_are_shown_and_sorted(page: StudentsPage, taught: Lesson, qtbot: QtBot) -> None:
    with Connection(taught.coordinator) as connection:
        accounts = Accounts(connection)
        for number in range(197):
            accounts.add(f"Student {number:03}")
    page.people._session.refresh()
    qtbot.waitUntil(lambda: page.people.order.rowCount() == 200, timeout=PATIENCE_MS)
    assert shown(page) == sorted(shown(page), key=str.casefold)
    assert page.people._standing.text().startswith("200 students")


def test_the_page_speaks_german(teaching: TeachingSession, application: QApplication, qtbot: QtBot) -> None:
    install_translation(application, "de")
    made = StudentsPage(teaching)
    made.show()
    texts = {button.text() for button in made.findChildren(QAbstractButton)}
    assert {
        "&Hinzufügen ...",
        "&Liste aufnehmen ...",
        "&Karten machen ...",
        "Kurscode und Raumkarten",
    } <= texts
    assert made.people.order.headerData(CARD, Qt.Orientation.Horizontal) == "Karte"
    made.hide()
    made.deleteLater()


def _login(user: str, password: str) -> Login:

    return Login(user, password)


def test_a_student_hidden_elsewhere_is_marked(page: StudentsPage, taught: Lesson, qtbot: QtBot) -> None:
    hide_student(taught.coordinator, "Ana Silva")
    page.people._session.refresh()
    qtbot.waitUntil(lambda: shown(page)[0] == "Ana Silva (hidden)", timeout=PATIENCE_MS)


def test_the_table_is_sorted_by_the_keyboard_too(page: StudentsPage, qtbot: QtBot) -> None:
    table, control = page.people.table, Qt.KeyboardModifier.ControlModifier
    before = shown(page)
    qtbot.keyClick(table, Qt.Key.Key_Down, control)
    assert shown(page) == list(reversed(before))
    qtbot.keyClick(table, Qt.Key.Key_Right, control)
    assert table.horizontalHeader().sortIndicatorSection() != NAME
    qtbot.keyClick(table, Qt.Key.Key_Left, control)
    assert table.horizontalHeader().sortIndicatorSection() == NAME
