from __future__ import annotations

import time

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from gan_desktop.errors import ConnectionFailed
from gan_desktop.gui.class_reader import ClassLink
from gan_desktop.gui.leaderboard_page import ClassFigures
from gan_desktop.gui.session import Session
from gan_desktop.gui.snapshot import ClassSnapshot
from gan_desktop.gui.status_line import StatusLine
from gan_desktop.records import ClassTotals, StateChanged, WorkerState


@pytest.fixture
def line(session: Session, qtbot: QtBot) -> StatusLine:
    line = StatusLine(session)
    qtbot.addWidget(line)
    return line


@pytest.fixture
def figures(session: Session, qtbot: QtBot) -> ClassFigures:
    figures = ClassFigures(session)
    qtbot.addWidget(figures)
    return figures


def told(line: StatusLine) -> str:
    return line.findChildren(QLabel)[0].text()


def now(figures: ClassFigures) -> tuple[str, str]:
    return figures._values["num_computers"].text(), figures._values["images_per_second"].text()


def totals(num_computers: int, images_per_second: float) -> ClassSnapshot:
    return ClassSnapshot(totals=ClassTotals("Vision", num_computers, 1, images_per_second, 0, 0))


def connect(session: Session) -> None:
    session._take_link(ClassLink(True, True, False, None, time.time()))


def be(session: Session, state: WorkerState) -> None:
    session._state = StateChanged(state)
    session.state_changed.emit(session._state)


@pytest.fixture
def contributing(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "is_contributing", property(lambda _session: True))


@pytest.mark.usefixtures("contributing")
def test_this_computer_counts_before_the_class_has_heard_of_it(
    line: StatusLine, figures: ClassFigures, session: Session
) -> None:
    connect(session)
    session._take_snapshot(totals(0, 0.0))
    be(session, WorkerState.CHECKING)
    assert told(line) == "0 computers"
    be(session, WorkerState.COMPUTING)
    assert told(line) == "1 computer"
    assert now(figures) == ("1", "-")
    session._take_snapshot(totals(2, 8.36))
    assert told(line) == "2 computers · 8.4 images/s"
    session._take_snapshot(totals(23, 190.2))
    assert told(line) == "23 computers · 190 images/s"
    assert now(figures) == ("23", "190")


def test_who_does_not_contribute_sees_that_nobody_does(
    line: StatusLine, figures: ClassFigures, session: Session
) -> None:
    connect(session)
    session._take_snapshot(totals(0, 0.0))
    assert told(line) == "0 computers"
    assert now(figures) == ("0", "0.0")


def test_who_is_at_work_now_is_said_only_while_connected(
    line: StatusLine, figures: ClassFigures, session: Session
) -> None:
    session._take_snapshot(totals(23, 190.2))
    assert (told(line), now(figures)) == ("", ("-", "-"))
    connect(session)
    assert (told(line), now(figures)) == ("23 computers · 190 images/s", ("23", "190"))
    error = ConnectionFailed("The login was refused.", cause="login")
    session._take_link(ClassLink(False, None, False, error, time.time()))
    assert (told(line), now(figures)) == ("", ("-", "-"))
