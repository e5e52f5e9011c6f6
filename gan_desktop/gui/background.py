"""Work away from the window's thread: a file, the password store, one question to the class."""

from __future__ import annotations

import functools
import gc
import itertools
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import shiboken6
from PySide6.QtCore import QCoreApplication, QObject, QThreadPool, Signal, Slot

from gan_desktop.errors import GanDesktopError

logger = logging.getLogger(__name__)

T = TypeVar("T")


@functools.cache
def spare_imports() -> None:
    """Take what is here now out of the garbage collector's rounds; to be called when PyTorch was imported.

    A full round over the hundreds of thousands of objects that come with it stops all threads, the window's
    among them, for 160 ms: and nearly all of them stay until the end. Once: later there is real garbage too.
    """
    gc.freeze()


def run_in_background(
    function: Callable[[], T],
    on_done: Callable[[T], None],
    on_error: Callable[[GanDesktopError], None],
    *,
    owner: QObject,
    gently: bool = False,
    is_long: bool = False,
) -> None:
    """Call `function` in a pool thread, then `on_done` or `on_error` in the window's thread.

    Call it from the window's thread. An error that is not ours is a mistake in the program and ends in
    `sys.excepthook`, as everywhere.

    Args:
        owner: The widget that asked: once it is gone, the answer is dropped.
        gently: It takes long and nobody waits for it: one such call at a time, at low priority.
        is_long: It may take minutes: short calls do not queue behind it.
    """
    desk = _desk()
    number = desk.expect(_Expected(on_done, on_error, owner))

    def work() -> None:
        if gently:
            _step_back()
        answer: object
        try:
            answer, is_done = function(), True
        except Exception as error:
            logger.debug("In the background", exc_info=error)
            answer, is_done = error, False
        # The program may have ended meanwhile.
        if shiboken6.isValid(desk):
            (desk.done if is_done else desk.failed).emit(number, answer)

    (desk.gentle if gently else desk.long if is_long else desk.short).start(work)


def wait_for_background(milliseconds: int) -> bool:
    """Let calls that are under way come to their end; False: some did not."""
    until = time.monotonic() + milliseconds / 1_000
    for pool in (_desk().short, _desk().long, _desk().gentle):
        if not pool.waitForDone(max(0, round(1_000 * (until - time.monotonic())))):
            return False
    return True


def _step_back() -> None:
    """Leave the processor to others: on Linux, where a thread has a priority of its own."""
    if sys.platform == "linux":
        from gan_desktop.worker.courtesy import lower_priority

        lower_priority()


@dataclass(frozen=True)
class _Expected:
    on_done: Callable[[Any], None]
    on_error: Callable[[GanDesktopError], None]
    owner: QObject


class _Desk(QObject):
    """Where the pool's answers arrive: one object, in the window's thread as long as the program runs."""

    done = Signal(int, object)
    failed = Signal(int, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._numbers = itertools.count(1)
        self._expected: dict[int, _Expected] = {}
        # They wait for disk and network rather than compute: more than there are cores.
        self.short, self.long, self.gentle = (QThreadPool(self) for _ in range(3))
        self.short.setMaxThreadCount(8)
        self.long.setMaxThreadCount(8)
        self.gentle.setMaxThreadCount(1)
        self.done.connect(self._take_answer)
        self.failed.connect(self._take_error)

    def expect(self, expected: _Expected) -> int:
        number = next(self._numbers)
        self._expected[number] = expected
        return number

    @Slot(int, object)
    def _take_answer(self, number: int, answer: object) -> None:
        expected = self._expected.pop(number)
        if shiboken6.isValid(expected.owner):
            expected.on_done(answer)

    @Slot(int, object)
    def _take_error(self, number: int, error: Exception) -> None:
        expected = self._expected.pop(number)
        if not isinstance(error, GanDesktopError):
            sys.excepthook(type(error), error, error.__traceback__)
        elif shiboken6.isValid(expected.owner):
            expected.on_error(error)


def _desk() -> _Desk:
    application = QCoreApplication.instance()
    assert application is not None
    desk = application.findChild(_Desk)
    return desk if isinstance(desk, _Desk) else _Desk(application)
