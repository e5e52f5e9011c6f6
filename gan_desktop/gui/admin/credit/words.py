"""How credit is put into words: the same ones as on the student's screen."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QCoreApplication, QDate, QDateTime, QLocale


def status_words(status: str) -> str:
    """What became of a unit."""
    return {
        "counted": _tr("counted"),
        "late": _tr("came late, counts for the person"),
        "not_counted": _tr("not counted"),
        "handed_in": _tr("not yet counted"),
    }[status]


def last_words(moment: datetime | None) -> str:
    """A moment as briefly as a narrow column has it, by the server's clock: 07:10 today, 23 Nov, 11/23/25."""
    if moment is None:
        return "-"
    today, day = datetime.now(moment.tzinfo).date(), QDate(moment.year, moment.month, moment.day)
    if moment.date() == today:
        return f"{moment:%H:%M}"
    if moment.year == today.year:
        return QLocale().toString(day, "d MMM")
    return QLocale().toString(day, QLocale.FormatType.ShortFormat)


def when_words(moment: datetime | None) -> str:
    """A moment as the server's clock has it, by which days are divided."""
    if moment is None:
        return "-"
    plain = QDateTime(moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    return QLocale().toString(plain, QLocale.FormatType.ShortFormat)


def _tr(text: str) -> str:
    return QCoreApplication.translate("credit", text)
