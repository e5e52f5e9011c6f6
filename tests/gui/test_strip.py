"""The strip: every state has its look; keys and menu do what they say; short states are not shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QLabel, QToolButton
from pytestqt.qtbot import QtBot

from gan_desktop.gui.paged_window import LEAST_SIZE
from gan_desktop.gui.session import Session
from gan_desktop.gui.strip import SHORTEST_SHOWN_MS, Strip
from gan_desktop.gui.strip_look import FIND_CAUSE_S, Action, Situation, icon_of, label_of, look_of
from gan_desktop.gui.theme import DARK
from gan_desktop.gui.translation import LANGUAGES, install_translation
from gan_desktop.records import StateChanged, WorkerState
from tests.gui.test_translation import DETAILS

# The column "button" of the table of states.
BUTTONS = {
    WorkerState.JOINING: Action.CANCEL,
    WorkerState.CHECKING: Action.CANCEL,
    WorkerState.PAUSED: Action.RESUME,
    WorkerState.PAUSED_HOT: Action.RESUME,
    WorkerState.PAUSED_BATTERY: Action.ANYWAY,
    WorkerState.PAUSED_IN_USE: Action.ANYWAY,
    WorkerState.PAUSED_HOURS: Action.ANYWAY,
    WorkerState.PAUSED_PROGRAM: Action.ANYWAY,
    WorkerState.PAUSED_METERED: Action.ANYWAY,
    WorkerState.PAUSED_MEMORY: Action.ANYWAY,
    WorkerState.FINISHING: Action.KEEP_GOING,
    WorkerState.STOPPED: Action.START,
    WorkerState.RETRYING: Action.TRY_NOW,
    WorkerState.COMPLETE: Action.SEE_FACES,
}


def changed(state: WorkerState) -> StateChanged:
    return StateChanged(state, DETAILS.get(state, [{}])[-1])


@pytest.mark.parametrize("state", WorkerState)
def test_every_state_has_sentence_icon_and_button(state: WorkerState) -> None:
    look = look_of(Situation(changed(state), is_contributing=state is not WorkerState.STOPPED))
    assert look.button is BUTTONS.get(state, Action.PAUSE)
    assert look.sentence.endswith((".", "..."))
    assert label_of(look.button)
    assert icon_of(look.button)
    assert getattr(DARK, look.colour)


def test_a_unit_in_work_shows_its_share() -> None:
    detail = {"unit_id": 1, "num_done": 512, "num_images": 2_048, "seconds_left": 90}
    assert look_of(Situation(StateChanged(WorkerState.COMPUTING, detail))).progress == 0.25


def test_cooling_down_cannot_be_overridden_and_a_battery_only_while_it_lasts() -> None:
    assert not look_of(Situation(changed(WorkerState.PAUSED_HOT))).is_enabled
    for can_override in (True, False):
        detail = {"percent": 30, "can_override": can_override}
        look = look_of(Situation(StateChanged(WorkerState.PAUSED_BATTERY, detail)))
        assert look.is_enabled is can_override


def test_the_cause_is_offered_only_after_a_while_without_connection() -> None:
    state = changed(WorkerState.RETRYING)
    assert look_of(Situation(state, retrying_s=5)).link is None
    assert look_of(Situation(state, retrying_s=FIND_CAUSE_S + 1)).link is Action.FIND_CAUSE


def test_without_a_class_the_button_leads_to_one() -> None:
    now = Situation(StateChanged(WorkerState.STOPPED), has_class=False, is_contributing=False)
    assert look_of(now).button is Action.JOIN


@pytest.fixture
def strip(session: Session, qtbot: QtBot) -> Iterator[Strip]:
    made = Strip(session)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.deleteLater()


def sentence_of(strip: Strip) -> str:
    return next(label.text() for label in strip.findChildren(QLabel) if label.accessibleName() == "State")


def entries_of(strip: Strip) -> dict[str, QAction]:
    menu = next(menu for b in strip.findChildren(QToolButton) if (menu := b.menu()) is not None)
    return {entry.text(): entry for entry in menu.actions() if entry.text()}


def test_what_is_not_possible_stays_in_the_menu_but_is_disabled(strip: Strip) -> None:
    entries = entries_of(strip)
    assert {"Pause 15 minutes", "Pause 60 minutes", "Finish this unit, then stop", "Stop now"} <= set(entries)
    assert not any(entry.isEnabled() for entry in entries.values())


def test_a_pause_can_be_made_longer_and_only_a_unit_in_work_be_finished(
    strip: Strip, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "is_contributing", property(lambda _session: True))
    session._joined = object()  # type: ignore[assignment]
    entries = entries_of(strip)

    def offered_in(state: WorkerState) -> tuple[bool, bool]:
        session._state = changed(state)
        session.state_changed.emit(session.state)
        return entries["Pause 60 minutes"].isEnabled(), entries["Finish this unit, then stop"].isEnabled()

    assert offered_in(WorkerState.COMPUTING) == (True, True)
    assert offered_in(WorkerState.PAUSED) == (True, False)
    assert offered_in(WorkerState.WAITING_NO_TRAINING) == (True, False)
    assert offered_in(WorkerState.FINISHING) == (False, False)
    assert offered_in(WorkerState.STOPPED) == (False, False)


def test_a_passing_state_is_shown_only_when_it_lasts(strip: Strip, session: Session, qtbot: QtBot) -> None:
    session._joined = object()  # type: ignore[assignment]
    before = sentence_of(strip)
    session._state = changed(WorkerState.LOADING)
    session.state_changed.emit(session.state)
    assert sentence_of(strip) == before
    session._state = changed(WorkerState.COMPUTING)
    session.state_changed.emit(session.state)
    assert sentence_of(strip).startswith("Learning from unit 42")
    session._state = changed(WorkerState.LOADING)
    session.state_changed.emit(session.state)
    qtbot.waitUntil(lambda: "Getting pictures" in sentence_of(strip), timeout=5 * SHORTEST_SHOWN_MS)


def test_the_strip_keeps_its_height_whatever_it_says(strip: Strip, session: Session, qtbot: QtBot) -> None:
    session._joined = object()  # type: ignore[assignment]
    strip.resize(960, strip.sizeHint().height())
    layout = strip.layout()
    assert layout is not None
    heights = set()
    for state in WorkerState:
        session._state = changed(state)
        session.state_changed.emit(session.state)
        strip._show_newest()
        heights.add(max(strip.minimumSizeHint().height(), layout.heightForWidth(960)))
    assert len(heights) == 1


def test_f5_opens_nothing_where_there_is_no_class(strip: Strip, session: Session, qtbot: QtBot) -> None:
    qtbot.keyClick(strip, Qt.Key.Key_F5)
    assert not session.is_contributing


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_fits_into_its_two_lines_in_the_smallest_window(
    language: str, application: QApplication, session: Session, qtbot: QtBot
) -> None:
    install_translation(application, language)
    strip = Strip(session)
    qtbot.addWidget(strip)
    strip.resize(LEAST_SIZE.width(), strip.sizeHint().height())
    strip.show()
    qtbot.waitExposed(strip)
    session._joined = object()  # type: ignore[assignment]
    sentence = next(label for label in strip.findChildren(QLabel) if label.minimumHeight() > 2)
    for state in WorkerState:
        for detail in DETAILS.get(state, [{}]):
            session._state = StateChanged(state, detail)
            strip._show_newest()
            layout = strip.layout()
            assert layout is not None
            layout.activate()
            assert sentence.heightForWidth(sentence.width()) <= sentence.height(), sentence.text()
            for button in strip.findChildren(QToolButton):
                if button.isVisible():
                    assert button.width() >= button.sizeHint().width(), button.text()
