"""The first question, its three answers, and the cards that the program is started with."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from gan_desktop.cli import _take_card, parse
from gan_desktop.database.address import Address
from gan_desktop.errors import GanDesktopError, SettingsError
from gan_desktop.gui import app
from gan_desktop.gui.banner import Banner
from gan_desktop.gui.demo_host import DemoHost
from gan_desktop.gui.join_wizard import JoinWizard
from gan_desktop.gui.joining.choose_page import ChoosePage, teaching_program
from gan_desktop.gui.joining.draft import Draft, Step, load_draft
from gan_desktop.gui.joining.what_leaves import WhatLeavesDialog
from gan_desktop.gui.main_window import MainWindow
from gan_desktop.gui.paged_window import LEAST_SIZE
from gan_desktop.gui.session import JoinedClass, Session
from gan_desktop.gui.single_instance import SingleInstance
from gan_desktop.gui.strip import Strip
from gan_desktop.gui.window_session import Places
from gan_desktop.join_card import JoinCard
from tests.gui.conftest import PATIENCE_MS
from tests.gui.texts import FOLDER

CARD = JoinCard("Vision 2026", ("192.0.2.7",), 5432, "gan_desktop", "s_1", "hunter2-Pferd", name="Ana")


def no_class() -> JoinedClass:
    raise GanDesktopError("none", title=app.NO_CLASS_YET)


def opened(window: MainWindow) -> JoinWizard:
    window.session.ask_to_join()
    wizard = window.findChild(JoinWizard)
    assert isinstance(wizard, JoinWizard)
    return wizard


def step_of(wizard: JoinWizard) -> Step:
    return wizard.step


def button(wizard: JoinWizard, step: Step, text: str) -> QPushButton:
    [found] = [
        b for b in wizard.page(step).findChildren(QPushButton) if text in (b.text(), b.accessibleName())
    ]
    return found


def test_the_first_question_is_answered_by_keyboard_and_escape_leads_back(
    window: MainWindow, qtbot: QtBot
) -> None:
    wizard = opened(window)
    page = wizard.page(Step.CHOOSE)
    assert isinstance(page, ChoosePage)
    strip = window.findChild(Strip)
    assert isinstance(strip, Strip)
    assert not strip.isVisible()
    qtbot.waitUntil(page.join.hasFocus)
    assert page.back.isHidden()
    qtbot.keyClick(page.join, Qt.Key.Key_Return)
    assert step_of(wizard) is Step.CARD
    qtbot.keyClick(wizard.page(Step.CARD), Qt.Key.Key_Escape)
    assert step_of(wizard) is Step.CHOOSE


def test_who_teaches_gets_the_instructors_window_as_a_program_of_its_own(
    window: MainWindow, session: Session, qtbot: QtBot
) -> None:
    wizard = opened(window)
    button(wizard, Step.CHOOSE, "Teach a class").click()
    assert step_of(wizard) is Step.TEACH
    assert wizard.page(Step.TEACH).trouble is None
    started: list[psutil.Process] = []
    try:
        qtbot.waitUntil(lambda: bool(_teaching(session.places.config, started)), timeout=PATIENCE_MS)
    finally:
        for process in started:
            process.kill()
            psutil.wait_procs([process], timeout=10)
    with qtbot.waitSignal(window.ended, timeout=PATIENCE_MS):
        button(wizard, Step.TEACH, "Close this window").click()


def _teaching(folder: Path, found: list[psutil.Process]) -> list[psutil.Process]:
    """Programs that were started to teach from a folder."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            if "--admin" in words and f"--folder={folder}" in words and process not in found:
                found.append(process)
    return found


def test_what_is_started_for_teaching_is_an_order_that_exists(tmp_path: Path) -> None:
    places = Places.below(tmp_path)
    options = parse([word for word in teaching_program(places) if word.startswith("--")])
    assert options.admin
    assert options.folder == tmp_path
    usual = Places(tmp_path / "data", tmp_path / "cache", tmp_path / "config")
    assert not any(word.startswith("--folder") for word in teaching_program(usual))


def test_trying_can_be_cancelled_and_leaves_nothing_running(
    session: Session, window: MainWindow, qtbot: QtBot
) -> None:
    wizard = opened(window)
    button(wizard, Step.CHOOSE, "Try it on this computer").click()
    assert step_of(wizard) is Step.TRY
    button(wizard, Step.TRY, "Cancel").click()
    assert step_of(wizard) is Step.CHOOSE
    qtbot.waitUntil(lambda: not session.findChildren(DemoHost), timeout=PATIENCE_MS)
    assert session.joined is None


@pytest.mark.slow
def test_trying_joins_a_demo_that_ends_when_it_is_left(
    session: Session, window: MainWindow, qtbot: QtBot
) -> None:
    wizard = opened(window)
    button(wizard, Step.CHOOSE, "Try it on this computer").click()
    qtbot.waitUntil(lambda: session.is_contributing, timeout=2 * PATIENCE_MS)
    assert session.joined is not None
    assert session.joined.is_demo
    assert window.page("contribute").isVisible()
    session.switch(None)
    qtbot.waitUntil(lambda: not session.findChildren(DemoHost), timeout=PATIENCE_MS)


def test_every_page_fits_into_the_least_window(window: MainWindow) -> None:
    wizard = opened(window)
    for step in Step:
        assert wizard.page(step).minimumSizeHint().width() <= LEAST_SIZE.width()
        assert wizard.page(step).minimumSizeHint().height() <= LEAST_SIZE.height() - 40
    assert window.minimumSizeHint().width() <= LEAST_SIZE.width()


def test_who_joins_another_class_is_told_whose_the_line_on_top_is(
    window: MainWindow, session: Session, qtbot: QtBot
) -> None:
    wizard = opened(window)
    assert not wizard._strip_note.isVisible()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        session.join(
            JoinedClass(Address("127.0.0.1", silent.getsockname()[1], "c", "s"), title="Vision 2026")
        )
        session.ask_to_join("another")
        wizard = window.findChildren(JoinWizard)[-1]
        qtbot.waitUntil(wizard._strip_note.isVisible)
        assert "“Vision 2026”" in wizard._strip_note.text()
        assert window.strip.isVisible()
        session.ask_to_join("go_on")
        assert not wizard._strip_note.isVisible()


def test_teaching_is_told_step_by_step_as_the_other_window_asks(window: MainWindow) -> None:
    wizard = opened(window)
    told = [label.text() for label in wizard.page(Step.TEACH).findChildren(QLabel)]
    asked = (FOLDER / "admin" / "wizard").glob("*_page.py")
    code = "".join(file.read_text("utf-8") for file in asked)
    titles = [text for text in told if f'set_title(self.tr("{text}"))' in code]
    assert len(titles) == 5


def test_what_leaves_the_computer_is_told_on_request(window: MainWindow, qtbot: QtBot) -> None:
    wizard = opened(window)
    button(wizard, Step.CONFIRM, "What leaves my computer?").click()
    dialog = wizard.findChild(WhatLeavesDialog)
    assert isinstance(dialog, WhatLeavesDialog)
    qtbot.waitUntil(dialog.isActiveWindow)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: wizard.findChild(WhatLeavesDialog) is None)


def test_a_damaged_draft_is_an_empty_one(tmp_path: Path) -> None:
    for content in ("", "[]", '{"step": "nowhere"}', '{"step": "card", "typed": 3}'):
        (tmp_path / "joining.json").write_text(content, "utf-8")
        assert load_draft(tmp_path) == Draft()


# -- cards that the program is started with --------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "rest", "card"),
    [
        ([], [], ""),
        (["--demo"], ["--demo"], ""),
        ([CARD.to_link()], [], CARD.to_link()),
        (["ana.gandjoin", "-v"], ["-v"], str(Path("ana.gandjoin").absolute())),
        (["join", "ana.gandjoin"], ["join", "ana.gandjoin"], ""),
    ],
)
def test_a_card_is_told_from_commands_and_options(arguments: list[str], rest: list[str], card: str) -> None:
    assert _take_card(arguments) == (rest, card)


def test_a_card_given_at_the_start_is_on_the_page(session: Session, window: MainWindow, qtbot: QtBot) -> None:
    app._find_class(app.Start(no_class, card=CARD.to_link()), session, window)
    session.look_for_class()
    qtbot.waitUntil(lambda: window.findChild(JoinWizard) is not None, timeout=PATIENCE_MS)
    wizard = window.findChild(JoinWizard)
    assert isinstance(wizard, JoinWizard)
    qtbot.waitUntil(lambda: step_of(wizard) is Step.CONFIRM, timeout=PATIENCE_MS)


@pytest.fixture
def unpainted(session: Session) -> Iterator[MainWindow]:
    made = MainWindow(session)
    yield made
    made.hide()
    made.deleteLater()


def test_no_page_is_shown_before_it_is_known_whose(
    session: Session, unpainted: MainWindow, qtbot: QtBot
) -> None:
    window = unpainted
    app._find_class(app.Start(no_class), session, window)
    window.show()
    assert not window.page("contribute").isVisible()
    assert any("Looking for your class" in label.text() for label in window.strip.findChildren(QLabel))
    qtbot.waitUntil(lambda: window.findChild(JoinWizard) is not None, timeout=PATIENCE_MS)
    assert not window.page("contribute").isVisible()
    session.join(JoinedClass(Address("127.0.0.1", 1, "d", "u")))
    assert window.page("contribute").isVisible()


def test_config_yaml_is_named_only_to_whose_is_damaged(
    session: Session, unpainted: MainWindow, qtbot: QtBot
) -> None:
    damaged = ["config.yaml"]

    def find_class() -> JoinedClass:
        if damaged:
            raise SettingsError("config.yaml, line 3: a key must be plain text.")
        return no_class()

    app._find_class(app.Start(find_class), session, unpainted)
    unpainted.show()
    qtbot.waitUntil(lambda: unpainted.findChild(JoinWizard) is not None, timeout=PATIENCE_MS)
    wizard = unpainted.findChild(JoinWizard)
    assert isinstance(wizard, JoinWizard)
    link = button(wizard, Step.CHOOSE, "Look again for my config.yaml")
    assert link.isVisible()
    # The banner's button looks too.
    damaged.clear()
    [banner] = unpainted.findChildren(Banner)
    [again] = [b for b in banner.findChildren(QPushButton) if b.text() == "Try again"]
    again.click()
    qtbot.waitUntil(lambda: not link.isVisible(), timeout=PATIENCE_MS)


def test_a_second_start_hands_its_card_to_the_first(
    session: Session, window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    file = tmp_path / "ana.gandjoin"
    file.write_text(CARD.to_file_text(), "utf-8")
    first, second = SingleInstance(str(tmp_path)), SingleInstance(str(tmp_path))
    assert first.is_first()
    with qtbot.waitSignal(first.started_again, timeout=PATIENCE_MS) as heard:
        assert not second.is_first(str(file))
    app._come_forward(window, heard.args[0])
    wizard = window.findChild(JoinWizard)
    assert isinstance(wizard, JoinWizard)
    qtbot.waitUntil(lambda: step_of(wizard) is Step.CONFIRM, timeout=PATIENCE_MS)
