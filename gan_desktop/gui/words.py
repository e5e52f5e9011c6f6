"""Numbers and times as people write them, in the language of the window."""

from __future__ import annotations

import time
from datetime import datetime

from PySide6.QtCore import QCoreApplication, QDate, QLocale

# Above this a time of day says more than so many minutes ago.
LONGEST_AGO_S = 5_400.0


def number(value: float, decimals: int = 0) -> str:
    """A number with the language's separators: 296,960 or 296.960."""
    return QLocale().toString(float(value), "f", decimals)


def percent(share: float) -> str:
    """A share of 0 to 1: 81 % or 81%."""
    return _tr("{number}%").format(number=number(100 * share))


def duration(seconds: float) -> str:
    """How long something took in all: 40 s, 38 min, 9 h 10."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return _tr("{number} s").format(number=number(seconds))
    if minutes < 60:
        return _tr("{number} min").format(number=number(minutes))
    return _tr("{hours} h {minutes}").format(hours=number(minutes // 60), minutes=f"{minutes % 60:02}")


def ago(moment: float) -> str:
    """How long ago a moment (`time.time()`) was: 20 s ago, at 22:14, on 3 May."""
    seconds = max(0.0, time.time() - moment)
    if seconds < 5:
        return _tr("just now")
    if seconds < LONGEST_AGO_S:
        return _tr("{duration} ago").format(duration=duration(seconds))
    then, locale = datetime.fromtimestamp(moment), QLocale()
    if then.date() == datetime.now().date():
        return _tr("at {time}").format(time=f"{then:%H:%M}")
    day = locale.toString(QDate(then.year, then.month, then.day), QLocale.FormatType.ShortFormat)
    return _tr("on {day}").format(day=day)


def clock(moment: float) -> str:
    """A moment (`time.time()`) as a time of day: 20:14; with the date if it is not of today."""
    then, locale = datetime.fromtimestamp(moment), QLocale()
    time_of_day = f"{then:%H:%M}"
    if then.date() == datetime.now().date():
        return time_of_day
    day = locale.toString(QDate(then.year, then.month, then.day), QLocale.FormatType.ShortFormat)
    return f"{day}, {time_of_day}"


def megabytes(num_mb: float) -> str:
    """A rough amount of data: 300 MB, 1.2 GB."""
    if num_mb >= 1_000:
        return _tr("{number} GB").format(number=number(num_mb / 1_000, 1))
    # Two digits are all that such an estimate is worth.
    step = 10 ** max(0, len(str(int(num_mb))) - 2)
    return _tr("{number} MB").format(number=number(max(1, round(num_mb / step) * step)))


def _tr(text: str) -> str:
    return QCoreApplication.translate("words", text)
