"""Long work of a page: the class is not left, nor the window closed unasked, in the middle of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import shiboken6
from PySide6.QtCore import QObject, QThread, Signal, Slot

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.session import TeachingSession

T = TypeVar("T")


def run_as_guest(
    session: TeachingSession,
    words: str,
    function: Callable[[], T],
    on_done: Callable[[T], None],
    on_error: Callable[[GanDesktopError], None],
    *,
    owner: QObject,
) -> None:
    """Call `function` in a thread of its own, then `on_done` or `on_error` in the window's thread.

    Args:
        words: What goes on, as a sentence: a window that is to be closed meanwhile asks with it.
        owner: Who asked: once it is gone, the answer is dropped; the work goes on.
    """
    thread = _GuestThread(session, words, function, on_done, on_error, owner)
    session.work_begins(words)
    session.keep_open_for(thread)
    thread.start()


class _GuestThread(QThread):
    _done = Signal(object)
    _failed = Signal(object)

    def __init__(
        self,
        session: TeachingSession,
        words: str,
        function: Callable[[], Any],
        on_done: Callable[[Any], None],
        on_error: Callable[[GanDesktopError], None],
        owner: QObject,
    ) -> None:
        # Its child: the session waits for its threads before it ends.
        super().__init__(session)
        self._session, self._words = session, words
        self._function, self._owner = function, owner
        self._on_done, self._on_error = on_done, on_error
        self._done.connect(self._take_answer)
        self._failed.connect(self._take_error)
        self.finished.connect(self._end)

    def run(self) -> None:
        """The thread itself."""
        try:
            answer = self._function()
        except GanDesktopError as error:
            self._failed.emit(error)
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)
            self._failed.emit(GanDesktopError("A mistake in the program stopped this.", title="Not finished"))
        else:
            self._done.emit(answer)

    @Slot(object)
    def _take_answer(self, answer: object) -> None:
        if shiboken6.isValid(self._owner):
            self._on_done(answer)

    @Slot(object)
    def _take_error(self, error: GanDesktopError) -> None:
        if shiboken6.isValid(self._owner):
            self._on_error(error)

    @Slot()
    def _end(self) -> None:
        self._session.work_ends(self._words)
        self.deleteLater()
