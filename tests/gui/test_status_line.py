from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from gan_desktop.gui.leaderboard_page import ClassFigures
from gan_desktop.gui.session import Session
from gan_desktop.gui.snapshot import ClassSnapshot
from gan_desktop.gui.status_line import StatusLine
from gan_desktop.records import ClassTotals


@pytest.fixture
def line(session: Session, qtbot: QtBot) -> StatusLine:
    line = StatusLine(session)
    qtbot.addWidget(line)
    return line


def told(line: StatusLine) -> str:
    return line.findChildren(QLabel)[0].text()


def totals(num_computers: int, images_per_second: float) -> ClassSnapshot:
    return ClassSnapshot(totals=ClassTotals("Vision", num_computers, 1, images_per_second, 0, 0))


@pytest.fixture
def contributing(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "is_contributing", property(lambda _session: True))


@pytest.mark.usefixtures("contributing")
def test_nothing_is_said_until_the_class_has_heard_of_this_computer(
    line: StatusLine, session: Session, qtbot: QtBot
) -> None:
    figures = ClassFigures(session)
    qtbot.addWidget(figures)
    session._take_snapshot(totals(0, 0.0))
    assert told(line) == ""
    assert figures._values["num_computers"].text() == figures._values["images_per_second"].text() == "-"
    session._take_snapshot(totals(1, 0.0))
    assert told(line) == "1 computer"
    session._take_snapshot(totals(2, 8.36))
    assert told(line) == "2 computers · 8.4 images/s"
    session._take_snapshot(totals(23, 190.2))
    assert told(line) == "23 computers · 190 images/s"


def test_who_does_not_contribute_sees_that_nobody_does(line: StatusLine, session: Session) -> None:
    session._take_snapshot(totals(0, 0.0))
    assert told(line) == "0 computers"
