"""A student contributes: the window over the real worker, coordinator and database."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QRadioButton, QToolButton
from pytestqt.qtbot import QtBot

from gan_desktop.database.address import Address
from gan_desktop.gui import session as session_module
from gan_desktop.gui.contribute_page import ContributePage
from gan_desktop.gui.faces_view import FacesView
from gan_desktop.gui.main_window import MainWindow
from gan_desktop.gui.session import SHORTEST_TRAFFIC_S, JoinedClass, Session
from gan_desktop.gui.strip import Strip
from gan_desktop.gui.trouble import Remedy
from gan_desktop.gui.window_session import Places
from gan_desktop.records import Hardware, Joined, ReadyCheck, UnitDelivered, WorkerState
from tests.gui.conftest import PATIENCE_MS, WORKING
from tests.gui.hands import Mouse
from tests.integration.lesson import Lesson

Join = Callable[[Address], None]


def texts_of(widget: ContributePage | Strip) -> set[str]:
    return {label.text() for label in widget.findChildren(QLabel)}


def press(window: MainWindow, qtbot: QtBot, text: str) -> None:
    """Press the main button, which must offer just this."""
    strip = window.findChild(Strip)
    assert isinstance(strip, Strip)
    qtbot.waitUntil(
        lambda: any(b.text() == text for b in strip.findChildren(QToolButton)), timeout=PATIENCE_MS
    )
    button = next(b for b in strip.findChildren(QToolButton) if b.text() == text)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def await_state(session: Session, qtbot: QtBot, *states: WorkerState) -> None:
    qtbot.waitUntil(lambda: session.state.state in states, timeout=PATIENCE_MS)


def test_join_contribute_pause_resume_and_stop_with_the_mouse(
    held_lesson: Lesson, session: Session, window: MainWindow, join: Join, qtbot: QtBot
) -> None:
    with held_lesson.coordinating():
        join(held_lesson.add_student("Ana"))
        with qtbot.waitSignal(session.sample_arrived, timeout=PATIENCE_MS):
            pass
        page = window.page("contribute")
        assert isinstance(page, ContributePage)
        assert page.findChildren(FacesView)[0].has_picture
        assert window.windowTitle() == "GAN Desktop: Vision"

        press(window, qtbot, "Start contributing")
        with qtbot.waitSignal(session.unit_delivered, timeout=PATIENCE_MS) as delivered:
            pass
        assert isinstance(delivered.args[0], UnitDelivered)
        qtbot.waitUntil(
            lambda: session.snapshot.credit is not None and session.snapshot.credit.units > 0,
            timeout=PATIENCE_MS,
        )
        assert [row.name for row in session.snapshot.leaderboard if row.is_me] == ["Ana"]
        await_state(session, qtbot, *WORKING)
        press(window, qtbot, "Pause")
        await_state(session, qtbot, WorkerState.PAUSED)
        press(window, qtbot, "Resume")
        await_state(session, qtbot, *WORKING)

        session.stop_now()
        qtbot.waitUntil(lambda: not session.is_contributing, timeout=PATIENCE_MS)
        assert session.state.state is WorkerState.STOPPED
        press(window, qtbot, "Start contributing")
        await_state(session, qtbot, *WORKING)
        session.finish_unit()
        qtbot.waitUntil(lambda: not session.is_contributing, timeout=PATIENCE_MS)


def test_pause_and_start_by_keyboard(
    held_lesson: Lesson, session: Session, window: MainWindow, join: Join, qtbot: QtBot
) -> None:
    with held_lesson.coordinating():
        join(held_lesson.add_student())
        qtbot.keyClick(window, Qt.Key.Key_F5)
        await_state(session, qtbot, WorkerState.COMPUTING)
        qtbot.keyClick(window, Qt.Key.Key_F6)
        await_state(session, qtbot, WorkerState.PAUSED)
        qtbot.keyClick(window, Qt.Key.Key_F5)
        await_state(session, qtbot, *WORKING)


def test_a_pause_is_made_longer_while_it_lasts(
    held_lesson: Lesson, session: Session, join: Callable[[Address], None], qtbot: QtBot
) -> None:
    join(held_lesson.add_student("Ana"))
    session.start()
    session.pause(time.time() + 15 * 60)

    def minutes_left() -> int:
        return int(session.state.detail.get("minutes_left", 0))

    qtbot.waitUntil(lambda: 0 < minutes_left() <= 15, timeout=PATIENCE_MS)
    session.pause(time.time() + 60 * 60)
    qtbot.waitUntil(lambda: 15 < minutes_left() <= 60, timeout=PATIENCE_MS)
    assert session.state.state is WorkerState.PAUSED
    session.pause()
    qtbot.waitUntil(lambda: minutes_left() == 0, timeout=PATIENCE_MS)
    assert session.state.state is WorkerState.PAUSED


def test_the_pace_acts_at_once_and_is_remembered(
    session: Session, window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    quiet = next(button for button in window.findChildren(QRadioButton) if button.text() == "Quiet")
    qtbot.mouseClick(quiet, Qt.MouseButton.LeftButton)
    assert session.preferences.pace == "quiet"
    assert Session(Places.below(tmp_path)).preferences.pace == "quiet"


def test_a_class_that_is_away_is_shown_as_it_was_last(
    held_lesson: Lesson, session: Session, join: Join, qtbot: QtBot
) -> None:
    student = held_lesson.add_student()
    with held_lesson.coordinating():
        join(student)
        with qtbot.waitSignal(session.sample_arrived, timeout=PATIENCE_MS):
            pass
        qtbot.waitUntil(lambda: session.snapshot.read_at is not None, timeout=PATIENCE_MS)
        seen = session.snapshot

    # The same account at another port, where nobody answers.
    away = type(student)("127.0.0.1", 1, student.dbname, student.user, student.password)
    with qtbot.waitSignals([session.sample_arrived, session.link_changed], timeout=PATIENCE_MS):
        join(away)
    assert session.link is not None
    assert not session.link.is_connected
    assert session.snapshot.totals == seen.totals
    assert session.snapshot.training == seen.training
    assert session.newest_sample is not None


def test_a_refused_login_becomes_a_banner_that_says_what_to_do(
    held_lesson: Lesson, session: Session, window: MainWindow, join: Join, qtbot: QtBot
) -> None:
    student = held_lesson.add_student()
    join(type(student)(student.host, student.port, student.dbname, student.user, "wrong"))
    with qtbot.waitSignal(session.trouble_changed, timeout=PATIENCE_MS, check_params_cb=bool):
        session.start()
    assert session.trouble is not None
    assert session.trouble.title == "Your card is no longer valid"
    assert session.trouble.remedies == (Remedy.NEW_CARD,)
    qtbot.waitUntil(lambda: not session.is_contributing, timeout=PATIENCE_MS)


def test_quitting_in_mid_unit_hands_in_and_ends_all_threads(
    held_lesson: Lesson, session: Session, window: MainWindow, join: Join, qtbot: QtBot
) -> None:
    with held_lesson.coordinating():
        student = held_lesson.add_student()
        join(student)
        session.start()
        await_state(session, qtbot, WorkerState.COMPUTING)
        with qtbot.waitSignal(session.shut_down_done, timeout=PATIENCE_MS):
            window.close()
        qtbot.waitUntil(lambda: not window.isVisible())
        assert not session.is_contributing
        assert held_lesson.worker_of(student.user).state == "stopped"


@pytest.mark.parametrize("moment", ["before", "while"])
def test_quitting_before_or_while_the_worker_loads_waits_for_nothing(
    moment: str, held_lesson: Lesson, session: Session, window: MainWindow, join: Join, qtbot: QtBot
) -> None:
    if moment == "while":
        join(held_lesson.add_student())
        session.start()
    with qtbot.waitSignal(session.shut_down_done, timeout=PATIENCE_MS):
        window.close()
    qtbot.waitUntil(lambda: not window.isVisible())


def test_traffic_is_what_the_worker_s_connection_has_carried(
    held_lesson: Lesson,
    session: Session,
    window: MainWindow,
    join: Join,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert session.measured_mb_per_hour is None
    page = window.page("contribute")
    assert isinstance(page, ContributePage)
    assert "Network: measured with the first unit" in texts_of(page)
    with held_lesson.coordinating():
        join(held_lesson.add_student())
        checked: list[ReadyCheck] = []
        session.ready_checked.connect(checked.append)
        with qtbot.waitSignal(session.unit_delivered, timeout=PATIENCE_MS) as delivered:
            session.start()
        # What comes only once is not yet told from what comes all the time.
        assert session.measured_mb_per_hour is None
        assert session.expected_mb_per_hour == checked[0].mb_per_hour
        assert any("an hour, estimated" in text for text in texts_of(page))
        monkeypatch.setattr(session_module, "MEASURED_AFTER_S", 0.0)
        carried = delivered.args[0]
        assert isinstance(carried, UnitDelivered)
        # Pictures and weights came, an update went.
        assert carried.total_bytes > 2 * carried.num_bytes_up
        shown = session.measured_mb_per_hour
        assert shown is not None
        assert 0 < shown <= carried.total_bytes / 1e6 * 3_600 / SHORTEST_TRAFFIC_S
        with qtbot.waitSignal(session.unit_delivered, timeout=PATIENCE_MS):
            pass
        assert any("an hour, measured" in text for text in texts_of(page))


def test_the_limit_on_the_network_holds_for_the_gallery_s_downloads_too(
    held_lesson: Lesson, session: Session, join: Join, qtbot: QtBot
) -> None:
    slow_mbit_s = 0.5
    session.change_preferences(max_mbit_s=slow_mbit_s)
    with held_lesson.coordinating():
        session.join(JoinedClass(held_lesson.add_student()))
        with qtbot.waitSignal(session.sample_arrived, timeout=PATIENCE_MS):
            pass
        began = time.monotonic()
        with qtbot.waitSignal(session.average_arrived, timeout=PATIENCE_MS) as arrived:
            session.request_average()
        average = arrived.args[0].average
        assert time.monotonic() - began >= 0.9 * len(average.payload) * 8 / (1e6 * slow_mbit_s)
        session.change_preferences(max_mbit_s=None)


def test_a_graphics_card_that_is_not_used_is_told_once(
    session: Session, window: MainWindow, qtbot: QtBot
) -> None:
    reason = (
        "The graphics card cannot be used: The NVIDIA driver on your system is too old. The CPU computes."
    )
    without_card = Joined("w", "Ana", Hardware("host", None, 4, 8.0, None), reason, 32, 0)
    session._take_report(without_card)
    assert session.trouble is not None
    assert session.trouble.title == "The graphics card is not used"
    assert session.trouble.remedies == (Remedy.GO_ON, Remedy.UPDATE_DRIVER)
    Mouse(qtbot).press(window, "Go on")
    assert session.trouble is None
    session._take_report(without_card)
    assert session.trouble is None


def test_a_computer_without_a_graphics_card_misses_none(session: Session) -> None:
    reason = "No graphics card that PyTorch can use was found. The CPU computes."
    session._take_report(Joined("w", "Ana", Hardware("host", None, 4, 8.0, None), reason, 32, 0))
    assert session.trouble is None
