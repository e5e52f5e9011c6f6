"""Work in the background: answers arrive in the window's thread, or nowhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import TracebackType

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.background import run_in_background, wait_for_background


def unwanted(_answer: object) -> None:
    raise AssertionError("this was not to be called")


def test_the_answer_comes_in_the_windows_thread(qtbot: QtBot) -> None:
    owner, answers = QObject(), list[object]()

    def work() -> threading.Thread:
        return threading.current_thread()

    run_in_background(work, lambda a: answers.extend((a, threading.current_thread())), unwanted, owner=owner)
    qtbot.waitUntil(lambda: bool(answers))
    worked_in, answered_in = answers
    assert worked_in is not threading.main_thread()
    assert answered_in is threading.main_thread()


def test_an_expected_error_comes_as_an_error(qtbot: QtBot) -> None:
    owner, errors = QObject(), list[GanDesktopError]()

    def work() -> None:
        raise GanDesktopError("no")

    run_in_background(work, unwanted, errors.append, owner=owner)
    qtbot.waitUntil(lambda: bool(errors))
    assert errors[0].message == "no"


def test_a_mistake_in_the_program_reaches_the_excepthook(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, caught = QObject(), list[BaseException]()

    def hook(_kind: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
        caught.append(error)

    monkeypatch.setattr(sys, "excepthook", hook)
    run_in_background(lambda: 1 // 0, unwanted, unwanted, owner=owner)
    qtbot.waitUntil(lambda: bool(caught))
    assert isinstance(caught[0], ZeroDivisionError)


def test_an_answer_for_a_closed_window_is_dropped(qtbot: QtBot) -> None:
    may_answer = threading.Event()
    owner = QObject()
    run_in_background(may_answer.wait, unwanted, unwanted, owner=owner)
    owner.deleteLater()
    with qtbot.waitSignal(owner.destroyed):
        pass
    may_answer.set()
    assert wait_for_background(5_000)
    answers: list[int] = []
    other = QObject()
    run_in_background(lambda: 2, answers.append, unwanted, owner=other)
    # Answers come in order: the dropped one is behind us when this one is there.
    qtbot.waitUntil(lambda: answers == [2])


def test_many_calls_at_once_all_get_their_own_answer(qtbot: QtBot) -> None:
    owner, answers = QObject(), list[int]()

    def square(number: int) -> Callable[[], int]:
        return lambda: number * number

    for number in range(200):
        run_in_background(square(number), answers.append, unwanted, owner=owner)
    qtbot.waitUntil(lambda: len(answers) == 200)
    assert sorted(answers) == [number * number for number in range(200)]


def test_gentle_work_goes_one_by_one_and_holds_up_nobody(qtbot: QtBot) -> None:
    owner, finished, release = QObject(), list[str](), threading.Event()

    def long_work() -> str:
        assert release.wait(10)
        return "long"

    for work in (long_work, lambda: "long too"):
        run_in_background(work, finished.append, unwanted, owner=owner, gently=True)
    run_in_background(lambda: "short", finished.append, unwanted, owner=owner)
    qtbot.waitUntil(lambda: finished == ["short"])
    assert not wait_for_background(0)
    release.set()
    assert wait_for_background(10_000)
    qtbot.waitUntil(lambda: finished == ["short", "long", "long too"])
