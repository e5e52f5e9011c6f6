"""Asks when the lesson ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from PySide6.QtCore import QTime, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QTimeEdit, QWidget

from gan_desktop.gui.admin.sheet import Sheet
from gan_desktop.gui.joining.page import push_button
from gan_desktop.gui.theme import set_role
from gan_desktop.gui.words import duration

# Lengths of lessons, from now on.
MINUTES = (30, 45, 60, 90)
A_NIGHT = timedelta(hours=12)


def is_tomorrow(moment: datetime) -> bool:
    """Whether a lesson's end is on another day; one in the night that has begun is not."""
    now = datetime.now()
    return moment.date() != now.date() and moment - now > A_NIGHT


class LessonTimeDialog(Sheet):
    """One time of day; lengths from now on are a click.

    Args:
        ends_at: As it is set now, by `time.time()`.

    Signals:
        chosen: When the lesson ends, by `time.time()`; None: no end.
    """

    chosen = Signal(object)

    def __init__(self, ends_at: float | None, parent: QWidget) -> None:
        lead = parent.tr(
            "Two minutes before, everybody hands in what is done, and the last iteration comes out."
        )
        super().__init__(parent.tr("End of the lesson"), lead, parent)
        label = QLabel(self.tr("The lesson &ends at"), self)
        self.time = QTimeEdit(self)
        self.time.setDisplayFormat("HH:mm")
        label.setBuddy(self.time)
        self.left = QLabel(self)
        row, presets = QHBoxLayout(), QHBoxLayout()
        for widget in (label, self.time, self.left):
            row.addWidget(widget)
        row.addStretch(1)
        for minutes in MINUTES:
            button = push_button(
                self.tr("In %n minutes", None, minutes), partial(self.set_minutes, minutes), self
            )
            presets.addWidget(button)
        presets.addStretch(1)
        self.middle.addLayout(row)
        self.middle.addLayout(presets)
        self.add_button(self.tr("&No end"), lambda: self._choose(None), is_link=True)
        self.add_button(self.tr("Cancel"), self.reject)
        self.add_button(self.tr("Set"), lambda: self._choose(self.moment().timestamp()), is_primary=True)
        self.time.timeChanged.connect(self._show_left)
        if ends_at is None or ends_at < datetime.now().timestamp():
            self.set_minutes(MINUTES[1])
        else:
            self._set(datetime.fromtimestamp(ends_at))
        self._show_left()

    def set_minutes(self, minutes: int) -> None:
        """So many minutes from now."""
        self._set(datetime.now() + timedelta(minutes=minutes))

    def moment(self) -> datetime:
        """The next moment with this time of day."""
        chosen, now = self.time.time(), datetime.now()
        moment = now.replace(hour=chosen.hour(), minute=chosen.minute(), second=0, microsecond=0)
        return moment if moment > now else moment + timedelta(days=1)

    def _set(self, moment: datetime) -> None:
        self.time.setTime(QTime(moment.hour, moment.minute))

    @Slot()
    def _show_left(self) -> None:
        moment = self.moment()
        # Whoever types a time that has passed hardly means a lesson that lasts until tomorrow.
        is_late = is_tomorrow(moment)
        words = self.tr("tomorrow at {time}, in {duration}") if is_late else self.tr("in {duration}")
        left = duration((moment - datetime.now()).total_seconds())
        set_role(self.left, "bad" if is_late else "muted")
        self.left.setText(words.format(time=f"{moment:%H:%M}", duration=left))

    def _choose(self, moment: float | None) -> None:
        self.chosen.emit(moment)
        self.accept()
