"""Former starts of the program, read back from the log on the disk."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from PySide6.QtCore import QCoreApplication, QDate, QLocale

from gan_desktop.gui.log_file import BEGIN, END
from gan_desktop.gui.log_lines import Level, LogLine

MOST_FORMER = 500
_LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) ([-! <>]) (.*)")
_LEVELS = {"-": Level.DETAIL, "!": Level.PROBLEM}


def read_lines(kept: Iterable[str], began: float) -> list[LogLine]:
    """The file's lines as the page has them, with one where each start begins, this one at last.

    Args:
        kept: What `LogFile.former_lines` gives.
        began: When this start began, by `time.time()`.
    """
    lines: list[LogLine] = []
    # Of the first start only the end may be left, or it was written before ends were.
    is_open = False
    for found in filter(None, map(_LINE.fullmatch, kept)):
        mark, words = found[2], found[3]
        try:
            at = datetime.fromisoformat(found[1]).timestamp()
        except (ValueError, OSError, OverflowError):  # no day of any calendar: damaged
            continue
        if mark == END:
            is_open = False
            lines.append(LogLine(at, Level.EVENT, _tr("The program was closed.")))
        elif mark == BEGIN:
            lines += _crash(lines) if is_open else ()
            lines.append(_beginning(at))
            is_open = True
        else:
            lines.append(LogLine(at, _LEVELS.get(mark, Level.EVENT), words))
    if not lines:
        return []
    return [*lines, *(_crash(lines) if is_open else ()), _beginning(began)]


def _beginning(at: float) -> LogLine:
    began = datetime.fromtimestamp(at)
    day = QLocale().toString(QDate(began.year, began.month, began.day), QLocale.FormatType.LongFormat)
    return LogLine(at, Level.EVENT, _tr("──── The program was started: {day} ────").format(day=day))


def _crash(lines: list[LogLine]) -> list[LogLine]:
    words = _tr("Here the program ended without being closed: it crashed, or the computer was switched off.")
    return [LogLine(lines[-1].at, Level.PROBLEM, words)]


def _tr(text: str) -> str:
    return QCoreApplication.translate("log", text)
