"""Into a class through the window: real cards of a real class, and everything that can be wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import keyring
import keyring.backends.fail
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from keyring.backend import KeyringBackend
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QLabel, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from gan_desktop.class_admin.cards import Entrance, enrol_card, entrance
from gan_desktop.class_admin.people import add_student, remove_student
from gan_desktop.class_code import shown_code
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.errors import CredentialsError
from gan_desktop.gui.autostart import DesktopEntry
from gan_desktop.gui.class_menu import ClassMenu
from gan_desktop.gui.faces_view import FacesView
from gan_desktop.gui.join_wizard import JoinWizard
from gan_desktop.gui.joining.card_page import CardPage
from gan_desktop.gui.joining.choose_page import ChoosePage
from gan_desktop.gui.joining.confirm_page import ConfirmPage
from gan_desktop.gui.joining.draft import Step
from gan_desktop.gui.joining.entrance import forget_person
from gan_desktop.gui.joining.first_unit_page import FirstUnitPage
from gan_desktop.gui.joining.ready_page import ReadyPage
from gan_desktop.gui.joining.typed_pages import AddressPage, ByHandPage, CodePage
from gan_desktop.gui.main_window import MainWindow
from gan_desktop.gui.session import Session
from gan_desktop.join_card import JoinCard
from gan_desktop.known_classes import KnownClasses
from gan_desktop.records import WorkerState
from gan_desktop.worker.options import WorkerOptions
from tests.gui.conftest import PATIENCE_MS
from tests.integration.conftest import superuser_address
from tests.integration.lesson import Lesson, lesson


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


@pytest.fixture
def store() -> Iterator[Store]:
    before = keyring.get_keyring()
    store = Store()
    keyring.set_keyring(store)
    yield store
    keyring.set_keyring(before)


@pytest.fixture
def no_store() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


def way_into(held: Lesson) -> Entrance:
    return entrance(held.coordinator, ["127.0.0.1"])


def card_for(held: Lesson, name: str = "Ana") -> JoinCard:
    student = add_student(held.coordinator, name)
    return way_into(held).card(student.user, student.password or "", name=name)


def class_card(held: Lesson) -> JoinCard:
    card, _ = enrol_card(held.coordinator, way_into(held), "class", 5, timedelta(hours=1))
    return card


# -- walking through the wizard --------------------------------------------------------------------


def wizard_of(window: MainWindow) -> JoinWizard:
    wizard = window.findChild(JoinWizard)
    assert isinstance(wizard, JoinWizard)
    return wizard


def opened(window: MainWindow, why: str = "another") -> JoinWizard:
    window.session.ask_to_join(why)
    return wizard_of(window)


def await_step(wizard: JoinWizard, qtbot: QtBot, step: Step) -> None:
    qtbot.waitUntil(lambda: wizard.step is step, timeout=PATIENCE_MS)
    assert wizard.page(step).isVisible()


def press(page: QWidget, qtbot: QtBot, text: str) -> None:
    """Press the one visible button of that text, once it can be pressed."""

    def found() -> list[QPushButton]:
        return [b for b in page.findChildren(QPushButton) if b.text() == text and b.isVisible()]

    qtbot.waitUntil(lambda: any(button.isEnabled() for button in found()), timeout=PATIENCE_MS)
    qtbot.mouseClick(found()[0], Qt.MouseButton.LeftButton)


def card_page(wizard: JoinWizard, qtbot: QtBot) -> CardPage:
    choose = wizard.page(Step.CHOOSE)
    assert isinstance(choose, ChoosePage)
    if wizard.step is Step.CHOOSE:
        qtbot.mouseClick(choose.join, Qt.MouseButton.LeftButton)
    page = wizard.page(Step.CARD)
    assert isinstance(page, CardPage)
    assert page.isVisible()
    return page


def confirm_page(wizard: JoinWizard, qtbot: QtBot) -> ConfirmPage:
    """The page with the card, as soon as one may join."""
    await_step(wizard, qtbot, Step.CONFIRM)
    page = wizard.page(Step.CONFIRM)
    assert isinstance(page, ConfirmPage)
    qtbot.waitUntil(page.join.isEnabled, timeout=PATIENCE_MS)
    return page


def words_on(widget: QWidget) -> str:
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisible())


def join_with(window: MainWindow, qtbot: QtBot, card: JoinCard, name: str = "") -> JoinWizard:
    """Paste a card and join; the wizard then looks at this computer."""
    wizard = opened(window)
    card_page(wizard, qtbot).take_text(card.to_link())
    page = confirm_page(wizard, qtbot)
    if name:
        page.name.setText(name)
    press(page, qtbot, page.join.text())
    await_step(wizard, qtbot, Step.READY)
    return wizard


def finish(wizard: JoinWizard, window: MainWindow, qtbot: QtBot) -> None:
    """Not now: into the class's pages without contributing."""
    press(wizard.page(Step.READY), qtbot, "Not now")
    qtbot.waitUntil(lambda: not window.session.is_contributing, timeout=PATIENCE_MS)


def trouble_on(page: QWidget, qtbot: QtBot) -> str:
    """The title of what is wrong, as soon as something is."""
    qtbot.waitUntil(lambda: page.trouble is not None, timeout=PATIENCE_MS)  # type: ignore[attr-defined]
    return str(page.trouble.title)  # type: ignore[attr-defined]


# -- from a card to a unit -------------------------------------------------------------------------


def test_from_a_card_s_file_to_the_first_unit(
    held_lesson: Lesson, session: Session, window: MainWindow, store: Store, qtbot: QtBot, tmp_path: Path
) -> None:
    card = card_for(held_lesson)
    file = tmp_path / "ana.gandjoin"
    file.write_text(card.to_file_text(), "utf-8")
    with held_lesson.coordinating():
        wizard = opened(window)
        card_page(wizard, qtbot).take_file(file)
        page = confirm_page(wizard, qtbot)
        shown = words_on(page)
        assert 'Join "Vision" as Ana?' in shown
        assert f"127.0.0.1, port {card.port}" in shown
        assert "stays on this computer" in shown
        assert "this computer's password store" in shown
        assert session.joined is None

        press(page, qtbot, "Join")
        await_step(wizard, qtbot, Step.READY)
        ready = wizard.page(Step.READY)
        assert isinstance(ready, ReadyPage)
        qtbot.waitUntil(lambda: ready.go_on.text() == "Start contributing", timeout=PATIENCE_MS)
        assert "images a second" in ready.speed.text()
        assert "an hour" in ready.units.text()
        assert "B an hour" in ready.network.text()
        qtbot.waitUntil(lambda: session.state.state is WorkerState.PAUSED, timeout=PATIENCE_MS)
        assert store.passwords

        press(ready, qtbot, "Start contributing")
        first = wizard.page(Step.FIRST_UNIT)
        assert isinstance(first, FirstUnitPage)
        assert first.finish.isEnabled()
        qtbot.waitUntil(lambda: "handed in" in first.outcome.text(), timeout=PATIENCE_MS)
        qtbot.waitUntil(lambda: "is counted" in first.outcome.text(), timeout=PATIENCE_MS)
        qtbot.waitUntil(lambda: first.findChildren(FacesView)[0].has_picture, timeout=PATIENCE_MS)
        press(first, qtbot, "Finish")
        assert window.page("contribute").isVisible()
        assert session.is_contributing
        qtbot.waitUntil(lambda: not (session.places.config / "joining.json").exists(), timeout=PATIENCE_MS)


def test_a_dropped_file_a_link_on_the_clipboard_and_a_line_lead_to_the_same_page(
    held_lesson: Lesson, window: MainWindow, store: Store, qtbot: QtBot, tmp_path: Path
) -> None:
    card = card_for(held_lesson)
    file = tmp_path / "ana.gandjoin"
    file.write_text(card.to_file_text(), "utf-8")
    wizard = opened(window)
    page = card_page(wizard, qtbot)

    dropped = QMimeData()
    dropped.setUrls([QUrl.fromLocalFile(str(file))])
    copy, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    page.dropEvent(QDropEvent(QPointF(QPoint(9, 9)), copy, dropped, left, Qt.KeyboardModifier.NoModifier))
    assert confirm_page(wizard, qtbot).card == card

    wizard.page(Step.CONFIRM).back.click()
    assert wizard.step is Step.CARD
    QGuiApplication.clipboard().setText(f"Hello Ana,\n{card.to_link()}")
    press(page, qtbot, "Paste")
    assert confirm_page(wizard, qtbot).card == card

    wizard.page(Step.CONFIRM).back.click()
    page.line.setFocus()
    page.line.setText(card.to_line())
    qtbot.keyClick(page.line, Qt.Key.Key_Return)
    assert confirm_page(wizard, qtbot).card == card
    assert not page.line.text()


def test_a_wrong_line_does_not_stay_as_dots_when_a_file_is_chosen(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    page = card_page(opened(window), qtbot)
    page.line.setText("no card at all")
    qtbot.keyClick(page.line, Qt.Key.Key_Return)
    assert trouble_on(page, qtbot)
    assert page.line.text() == "no card at all"
    page.take_file(tmp_path / "missing.gandjoin")
    assert not page.line.text()


def test_closing_before_anything_was_begun_asks_nothing(
    held_lesson: Lesson, session: Session, window: MainWindow, store: Store, qtbot: QtBot
) -> None:
    join_with(window, qtbot, card_for(held_lesson))
    assert session.is_contributing
    with qtbot.waitSignal(window.ended, timeout=PATIENCE_MS):
        window.close()
    assert window.findChild(QMessageBox) is None


def test_the_connection_is_tested_without_using_the_card_up(
    held_lesson: Lesson, session: Session, window: MainWindow, store: Store, qtbot: QtBot
) -> None:
    wizard = opened(window)
    card_page(wizard, qtbot).take_text(class_card(held_lesson).to_link())
    page = confirm_page(wizard, qtbot)
    press(page, qtbot, "Test the connection")
    qtbot.waitUntil(lambda: "The class answers." in words_on(page), timeout=PATIENCE_MS)
    [row] = held_lesson.query("SELECT count(*) AS num FROM gan.accounts WHERE card_id IS NOT NULL")
    assert row.num == 0
    assert session.joined is None


def test_a_code_asks_for_a_name_and_leads_back_to_the_same_account(
    held_lesson: Lesson, session: Session, window: MainWindow, store: Store, qtbot: QtBot
) -> None:
    card = class_card(held_lesson)
    wizard = opened(window)
    page = card_page(wizard, qtbot)
    page.take_text(shown_code(card.password))
    code = wizard.page(Step.CODE)
    assert isinstance(code, CodePage)
    assert code.isVisible()
    code.address.setText(f"127.0.0.1:{card.port}/{card.dbname}")
    qtbot.keyClick(code.address, Qt.Key.Key_Return)
    confirm = confirm_page(wizard, qtbot)
    press(confirm, qtbot, "Join")
    assert trouble_on(confirm, qtbot) == "A name is missing"

    confirm.name.setText("Ana")
    qtbot.keyClick(confirm.name, Qt.Key.Key_Return)
    await_step(wizard, qtbot, Step.READY)
    [row] = held_lesson.query("SELECT login FROM gan.accounts WHERE display_name = 'Ana'")
    assert session.joined is not None
    assert session.joined.address.user == row.login
    assert session.joined.options.name == "Ana"
    finish(wizard, window, qtbot)

    finish(join_with(window, qtbot, card, "Ana"), window, qtbot)
    assert session.joined.address.user == row.login


def test_a_name_that_is_taken_is_chosen_anew(
    held_lesson: Lesson, window: MainWindow, store: Store, qtbot: QtBot
) -> None:
    add_student(held_lesson.coordinator, "Ana")
    wizard = opened(window)
    card_page(wizard, qtbot).take_text(class_card(held_lesson).to_link())
    page = confirm_page(wizard, qtbot)
    page.name.setText("Ana")
    press(page, qtbot, "Join")
    assert trouble_on(page, qtbot) == "Choose another name"
    assert '"Ana" takes part already.' in words_on(page)
    qtbot.waitUntil(page.name.hasFocus)
    page.name.setText("Ana B")
    press(page, qtbot, "Join")
    await_step(wizard, qtbot, Step.READY)
    finish(wizard, window, qtbot)


def test_by_hand_a_wrong_password_is_typed_again(
    held_lesson: Lesson, session: Session, window: MainWindow, store: Store, qtbot: QtBot
) -> None:
    card = card_for(held_lesson)
    wizard = opened(window)
    press(card_page(wizard, qtbot), qtbot, "I have no card, only a host name and password")
    page = wizard.page(Step.BY_HAND)
    assert isinstance(page, ByHandPage)
    qtbot.keyClick(page.host, Qt.Key.Key_Return)
    assert trouble_on(page, qtbot) == "Something is missing"
    page.host.setText("127.0.0.1")
    page.port.setValue(card.port)
    page.dbname.setText(card.dbname)
    page.user.setText(card.user)
    page.password.setText("wrong")
    qtbot.keyClick(page.password, Qt.Key.Key_Return)
    confirm = confirm_page(wizard, qtbot)
    press(confirm, qtbot, "Join")
    assert trouble_on(confirm, qtbot) == "The login was refused"
    press(confirm, qtbot, "Change what I typed")
    assert wizard.step is Step.BY_HAND
    page.password.setText(card.password)
    press(page, qtbot, "Go on")
    press(confirm_page(wizard, qtbot), qtbot, "Join")
    await_step(wizard, qtbot, Step.READY)
    assert session.joined is not None
    finish(wizard, window, qtbot)


def test_by_hand_a_certificate_of_one_s_own_is_asked_for_and_looked_at(
    window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    wizard = opened(window)
    press(card_page(wizard, qtbot), qtbot, "I have no card, only a host name and password")
    page = wizard.page(Step.BY_HAND)
    assert isinstance(page, ByHandPage)
    for field in (page.host, page.user, page.password):
        field.setText("db.school.example")
    wrong = tmp_path / "ca.pem"
    for content in (None, "no certificate"):
        if content is not None:
            wrong.write_text(content)
        page.ca_file.setText(str(wrong))
        press(page, qtbot, "Go on")
        assert trouble_on(page, qtbot) == "This certificate cannot be used"
        page.clear_trouble()
        assert wizard.step is Step.BY_HAND
    wrong.write_bytes(authority())
    press(page, qtbot, "Go on")
    card = confirm_page(wizard, qtbot).card
    assert card is not None
    assert card.ca_pem is not None
    assert card.ca_pem.encode() == authority()
    assert "certificate in the card" in words_on(wizard.page(Step.CONFIRM))


@cache
def authority() -> bytes:
    """A certificate that may stand for a school's own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A school")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def test_options_of_the_command_line_hold_for_a_class_that_is_joined_later(
    held_lesson: Lesson, session: Session, window: MainWindow, store: Store, qtbot: QtBot
) -> None:
    session.read_options = lambda: WorkerOptions(name="lab-7", device="cpu", num_threads=1, max_units=3)
    finish(join_with(window, qtbot, card_for(held_lesson)), window, qtbot)
    assert session.joined is not None
    options = session.joined.options
    assert (options.device, options.num_threads, options.max_units) == ("cpu", 1, 3)
    assert options.name == "lab-7"
    assert options.class_title == "Vision"


# -- what can be wrong with a card -----------------------------------------------------------------


def test_what_is_no_card_is_named(window: MainWindow, qtbot: QtBot, tmp_path: Path) -> None:
    wizard = opened(window)
    page = card_page(wizard, qtbot)
    page.take_text("<!doctype html>")
    assert trouble_on(page, qtbot) == "This join card cannot be used"
    assert "web page" in words_on(page)
    page.take_file(tmp_path / "missing.gandjoin")
    qtbot.waitUntil(lambda: "cannot be read" in words_on(page), timeout=PATIENCE_MS)
    assert wizard.step is Step.CARD


def test_a_withdrawn_card_asks_for_a_new_one(
    held_lesson: Lesson, window: MainWindow, store: Store, qtbot: QtBot
) -> None:
    card = card_for(held_lesson)
    remove_student(held_lesson.coordinator, "Ana")
    wizard = opened(window)
    card_page(wizard, qtbot).take_text(card.to_link())
    page = confirm_page(wizard, qtbot)
    press(page, qtbot, "Join")
    assert trouble_on(page, qtbot) == "Your card is no longer valid"
    press(page, qtbot, "Add a new card")
    assert wizard.step is Step.CARD
    assert not store.passwords
    assert KnownClasses().all() == []


def test_a_class_that_does_not_answer_is_found_at_its_new_address(
    held_lesson: Lesson, session: Session, window: MainWindow, store: Store, qtbot: QtBot
) -> None:
    card = replace(card_for(held_lesson), port=1)
    wizard = opened(window)
    card_page(wizard, qtbot).take_text(card.to_link())
    page = confirm_page(wizard, qtbot)
    press(page, qtbot, "Join")
    assert trouble_on(page, qtbot) == "The connection is blocked"
    press(page, qtbot, "Copy message for IT")
    assert "port 1" in QGuiApplication.clipboard().text()
    assert card.password not in QGuiApplication.clipboard().text()

    page.address_wanted.emit()
    address = wizard.page(Step.ADDRESS)
    assert isinstance(address, AddressPage)
    address.address.setText(f"127.0.0.1:{held_lesson.coordinator.port}")
    qtbot.keyClick(address.address, Qt.Key.Key_Return)
    press(confirm_page(wizard, qtbot), qtbot, "Join")
    await_step(wizard, qtbot, Step.READY)
    finish(wizard, window, qtbot)


def test_a_class_that_has_moved_is_kept_under_its_new_address(
    held_lesson: Lesson, session: Session, window: MainWindow, store: Store, qtbot: QtBot
) -> None:
    finish(join_with(window, qtbot, card_for(held_lesson)), window, qtbot)
    before = KnownClasses().all()[0]
    wizard = opened(window, "address")
    page = wizard.page(Step.ADDRESS)
    assert isinstance(page, AddressPage)
    page.address.setText("localhost")
    with qtbot.waitSignal(session.class_changed, timeout=PATIENCE_MS):
        qtbot.keyClick(page.address, Qt.Key.Key_Return)
    [moved] = KnownClasses().all()
    assert (moved.hosts, moved.port, moved.user) == (("localhost",), before.port, before.user)
    assert session.joined is not None
    assert session.joined.address.host == "localhost"
    assert window.page("contribute").isVisible()


# -- where the password goes -----------------------------------------------------------------------


def test_without_a_password_store_it_is_said_and_the_card_is_needed_again(
    held_lesson: Lesson, session: Session, window: MainWindow, no_store: None, qtbot: QtBot
) -> None:
    card = card_for(held_lesson)
    wizard = opened(window)
    card_page(wizard, qtbot).take_text(card.to_link())
    page = confirm_page(wizard, qtbot)
    assert "your password is not stored" in words_on(page)
    press(page, qtbot, "Join")
    await_step(wizard, qtbot, Step.READY)
    finish(wizard, window, qtbot)
    [known] = KnownClasses().all()
    assert session.classes.password(known).value == card.password
    with pytest.raises(CredentialsError, match="Add your card once more"):
        KnownClasses().password(known)


def test_without_a_password_store_a_file_can_be_chosen(
    held_lesson: Lesson, session: Session, window: MainWindow, no_store: None, qtbot: QtBot
) -> None:
    card = card_for(held_lesson)
    wizard = opened(window)
    card_page(wizard, qtbot).take_text(card.to_link())
    page = confirm_page(wizard, qtbot)
    page.in_file.setChecked(True)
    assert "a file of your own" in words_on(page)
    press(page, qtbot, "Join")
    await_step(wizard, qtbot, Step.READY)
    finish(wizard, window, qtbot)
    classes = KnownClasses()
    assert classes.password(classes.all()[0]).value == card.password


def test_a_shared_computer_forgets_the_person(
    held_lesson: Lesson, session: Session, window: MainWindow, store: Store, qtbot: QtBot, tmp_path: Path
) -> None:
    wizard = opened(window)
    card_page(wizard, qtbot).take_text(card_for(held_lesson).to_link())
    page = confirm_page(wizard, qtbot)
    page.forget_me.setChecked(True)
    press(page, qtbot, "Join")
    await_step(wizard, qtbot, Step.READY)
    finish(wizard, window, qtbot)
    assert not store.passwords
    assert session.preferences.forget_me
    autostart = DesktopEntry(tmp_path / "autostart")
    autostart.turn(True)
    # As at the program's end.
    with qtbot.waitSignal(session.shut_down_done, timeout=PATIENCE_MS):
        session.shut_down()
    forget_person(session.classes, session.places, session.preferences, autostart)
    assert not autostart.is_on()
    assert KnownClasses().all() == []
    left = [path for path in session.places.data.rglob("*") if path.is_file()]
    assert [path.name for path in left if "class" in path.name or path.suffix == ".png"] == []
    assert not (session.places.config / "preferences.json").exists()


# -- half-way --------------------------------------------------------------------------------------


def test_who_stops_half_way_comes_back_to_the_same_page_without_secrets(
    held_lesson: Lesson, session: Session, window: MainWindow, store: Store, qtbot: QtBot, tmp_path: Path
) -> None:
    card = card_for(held_lesson)
    draft = session.places.config / "joining.json"
    wizard = opened(window)
    card_page(wizard, qtbot).take_text(card.to_link())
    confirm_page(wizard, qtbot)
    qtbot.waitUntil(lambda: draft.exists() and "confirm" in draft.read_text("utf-8"))
    assert card.password not in draft.read_text("utf-8")

    again = JoinWizard(session)
    qtbot.addWidget(again)
    again.show()
    again.begin()
    await_step(again, qtbot, Step.CARD)
    assert 'You were about to join "Vision".' in words_on(again.page(Step.CARD))

    file = tmp_path / "ana.gandjoin"
    file.write_text(card.to_file_text(), "utf-8")
    again.page(Step.CARD).take_file(file)  # type: ignore[attr-defined]
    await_step(again, qtbot, Step.CONFIRM)
    qtbot.waitUntil(lambda: json.loads(draft.read_text("utf-8"))["card_file"] == str(file))
    once_more = JoinWizard(session)
    qtbot.addWidget(once_more)
    once_more.show()
    once_more.begin()
    assert confirm_page(once_more, qtbot).card == card


# -- several classes -------------------------------------------------------------------------------


def test_two_classes_are_switched_and_one_is_left(
    server: EmbeddedPostgres,
    held_lesson: Lesson,
    session: Session,
    window: MainWindow,
    store: Store,
    qtbot: QtBot,
    open_folder: Path,
) -> None:
    with lesson(superuser_address(server), open_folder / "other") as other:
        finish(join_with(window, qtbot, card_for(held_lesson, "Ana")), window, qtbot)
        wizard = join_with(window, qtbot, card_for(other, "Ben"))
        assert session.joined is not None
        assert session.joined.title == "Vision (2)"
        finish(wizard, window, qtbot)
        [menu] = window.findChildren(ClassMenu)

        def entries() -> list[str]:
            return [action.text() for action in menu.menu().actions() if action.isCheckable()]

        qtbot.waitUntil(lambda: entries() == ["Vision", "Vision (2)"], timeout=PATIENCE_MS)
        with qtbot.waitSignal(session.class_changed, timeout=PATIENCE_MS):
            menu.menu().actions()[0].trigger()
        assert session.joined is not None
        assert session.joined.options.name == "Ana"
        assert [known.name for known in KnownClasses().all()] == ["Vision", "Vision (2)"]

        menu.leave()
        qtbot.waitUntil(lambda: window.findChild(QMessageBox) is not None, timeout=PATIENCE_MS)
        question = window.findChild(QMessageBox)
        assert isinstance(question, QMessageBox)
        assert question.text() == 'Leave "Vision"?'
        assert "You take part as Ana." in question.informativeText()
        assert "Your credit stays" in question.informativeText()
        press(question, qtbot, "Leave class")
        # The other class is what is left.
        qtbot.waitUntil(
            lambda: session.joined is not None and session.joined.options.name == "Ben", timeout=PATIENCE_MS
        )
        assert [known.name for known in KnownClasses().all()] == ["Vision (2)"]
        assert len(store.passwords) == 1
        # Nobody has chosen it, so it is said.
        qtbot.waitUntil(lambda: session.trouble is not None, timeout=PATIENCE_MS)
        assert session.trouble is not None
        assert session.trouble.title == 'You have left "Vision"'
        assert 'Now "Vision (2)" is open, where you are Ben.' in session.trouble.message


def test_two_persons_in_one_class_on_one_computer_are_told_apart(
    held_lesson: Lesson, session: Session, window: MainWindow, store: Store, qtbot: QtBot
) -> None:
    finish(join_with(window, qtbot, card_for(held_lesson, "Mia")), window, qtbot)
    [menu] = window.findChildren(ClassMenu)
    qtbot.waitUntil(lambda: menu.toolTip() == "Vision\nYou: Mia", timeout=PATIENCE_MS)
    assert menu.text() == "Vision"

    wizard = opened(window)
    card_page(wizard, qtbot).take_text(card_for(held_lesson, "Ben").to_link())
    page = confirm_page(wizard, qtbot)
    assert 'You are in "Vision" already, as Mia. This card is for Ben.' in words_on(page)
    press(page, qtbot, page.join.text())
    await_step(wizard, qtbot, Step.READY)
    finish(wizard, window, qtbot)

    qtbot.waitUntil(lambda: menu.accessibleName() == "Class: Vision · Ben", timeout=PATIENCE_MS)
    entries = [action.text() for action in menu.menu().actions() if action.isCheckable()]
    assert entries == ["Vision · Ben", "Vision · Mia"]
    menu.leave()
    qtbot.waitUntil(lambda: window.findChild(QMessageBox) is not None, timeout=PATIENCE_MS)
    question = window.findChild(QMessageBox)
    assert isinstance(question, QMessageBox)
    assert question.text() == 'Leave "Vision · Ben"?'
    press(question, qtbot, "Leave class")
    qtbot.waitUntil(lambda: [known.person for known in KnownClasses().all()] == ["Mia"], timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: menu.toolTip() == "Vision\nYou: Mia", timeout=PATIENCE_MS)


def test_leaving_the_only_class_leads_to_the_first_question(
    held_lesson: Lesson, session: Session, window: MainWindow, store: Store, qtbot: QtBot
) -> None:
    finish(join_with(window, qtbot, card_for(held_lesson)), window, qtbot)
    [menu] = window.findChildren(ClassMenu)
    menu.leave()
    qtbot.waitUntil(lambda: window.findChild(QMessageBox) is not None, timeout=PATIENCE_MS)
    question = window.findChild(QMessageBox)
    assert isinstance(question, QMessageBox)
    press(question, qtbot, "Leave class")
    qtbot.waitUntil(lambda: window.findChild(JoinWizard) is not None, timeout=PATIENCE_MS)
    await_step(wizard_of(window), qtbot, Step.CHOOSE)
    assert session.joined is None
    assert not store.passwords
