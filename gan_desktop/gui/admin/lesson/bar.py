"""The lesson's clock: when it ends, its end, the projector. A second row of the strip."""

from __future__ import annotations

import time
from datetime import datetime

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from gan_desktop.gui import icons
from gan_desktop.gui.admin.lesson.end_dialog import LessonEndDialog
from gan_desktop.gui.admin.lesson.time_dialog import LessonTimeDialog, is_tomorrow
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.theme import em, set_role, use_tabular_digits
from gan_desktop.gui.words import clock, duration
from gan_desktop.records import RunStatus

TICK_MS = 1_000
# The instructor hears of the end so long before it.
WARNING_S = 300.0
# Everybody is asked to hand in so long before it: thirty uploads over a classroom's Wi-Fi take a while, and
# the last iteration is to be out when the bell rings.
HAND_IN_S = 120.0
# A lesson whose end the window has slept through is over without a word.
FORGOTTEN_S = 600.0


class LessonBar(QFrame):
    """Shows the session's lesson; asks everybody to hand in when its time has come."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._has_warned = False
        self._end: LessonEndDialog | None = None
        self._icon, self._words = QLabel(self), QLabel(self)
        self._words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._words.setAccessibleName(self.tr("Lesson"))
        use_tabular_digits(self._words)
        self.set_button = QPushButton(self.tr("&Set ..."), self)
        self.set_button.setToolTip(self.tr("Say when the lesson ends"))
        self.end_button = QPushButton(self.tr("&End lesson ..."), self)
        self.end_button.setToolTip(self.tr("Let everybody hand in what is done"))
        self.projector_button = QPushButton(self.tr("Projector"), self)
        self.projector_button.setToolTip(self.tr("The faces on the whole screen (F11)"))
        icons.set_icon(self.projector_button, "gallery")
        self._lay_out()
        self.set_button.clicked.connect(self.ask_time)
        self.end_button.clicked.connect(self.ask_to_end)
        self.projector_button.clicked.connect(session.show_projector)
        self._tick = QTimer(self, interval=TICK_MS)
        self._tick.timeout.connect(self._look_at_clock)
        session.class_changed.connect(self._take_class)
        session.lesson_changed.connect(self._take_end)
        session.snapshot_changed.connect(self._show)
        self._take_end()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(em(self, 0.5))
        row.addWidget(self._icon)
        row.addWidget(self._words, 1)
        for button in (self.set_button, self.end_button, self.projector_button):
            button.setAutoDefault(False)
            row.addWidget(button)

    @Slot(object)
    def _take_class(self) -> None:
        """The former class's end is none of this one; its dialog closes itself."""
        self._end = None
        self._show()

    # -- the clock ------------------------------------------------------------------------------

    @Slot()
    def _take_end(self) -> None:
        self._has_warned = False
        if self._session.lesson_ends_at is None:
            self._tick.stop()
        else:
            self._tick.start()
        self._show()

    @Slot()
    def _look_at_clock(self) -> None:
        left = self._left()
        if left is None:
            return
        if left < -FORGOTTEN_S:
            self._session.set_lesson_end(None)
        elif left <= HAND_IN_S and self._is_running() and self._end is None:
            self._begin_end(is_asked_first=False)
        elif left <= WARNING_S and not self._has_warned:
            self._has_warned = True
            QApplication.alert(self.window())
        self._show()

    def _left(self) -> float | None:
        """Seconds until the lesson ends; None: nobody has said when."""
        ends_at = self._session.lesson_ends_at
        return None if ends_at is None else ends_at - time.time()

    def _is_running(self) -> bool:
        training = self._session.snapshot.training
        return training is not None and training.run.status is RunStatus.RUNNING

    # -- showing --------------------------------------------------------------------------------

    @Slot()
    def _show(self) -> None:
        has_class = self._session.taught is not None
        self.setVisible(has_class)
        self.end_button.setEnabled(self._is_running() or self._end is not None)
        left = self._left()
        is_near = left is not None and left <= WARNING_S
        self._words.setText(self._sentence(left))
        set_role(self._words, "bad" if is_near else "")
        name, colour = ("warning", "bad") if is_near else ("clock", "muted")
        self._icon.setPixmap(icons.pixmap(name, em(self, 1.2), colour, self.devicePixelRatioF()))

    def _sentence(self, left: float | None) -> str:
        ends_at = self._session.lesson_ends_at
        if self._end is not None and (standing := self._end.standing_words):
            return standing
        if left is None or ends_at is None:
            return self.tr("No end of the lesson is set.")
        if left <= 0:
            return self.tr("The lesson was to end at {time}.").format(time=clock(ends_at))
        if left <= WARNING_S and self._is_running():
            words = self.tr("Lesson ends {time} ({left}). At {hand_in} everybody hands in.")
            hand_in = clock(ends_at - HAND_IN_S)
            return words.format(time=clock(ends_at), left=duration(left), hand_in=hand_in)
        moment = datetime.fromtimestamp(ends_at)
        words = self.tr("Lesson ends {time} ({left})")
        if is_tomorrow(moment):
            words = self.tr("Lesson ends tomorrow at {time} ({left})")
        return words.format(time=f"{moment:%H:%M}", left=duration(left))

    # -- acting ---------------------------------------------------------------------------------

    @Slot()
    def ask_time(self) -> None:
        """Ask when the lesson ends."""
        dialog = LessonTimeDialog(self._session.lesson_ends_at, self.window())
        dialog.chosen.connect(self._session.set_lesson_end)
        dialog.open()

    @Slot()
    def ask_to_end(self) -> None:
        """Ask whether to end the lesson; where its end is under way already, show how far it has come."""
        if self._end is not None:
            self._end.show()
            self._end.raise_()
            self._end.activateWindow()
        else:
            self._begin_end(is_asked_first=True)

    def _begin_end(self, *, is_asked_first: bool) -> None:
        end = self._end = LessonEndDialog(self._session, self.window())
        end.changed.connect(self._show)
        end.over.connect(self._take_over)
        end.finished.connect(self._forget_end)
        end.show()
        if not is_asked_first:
            end.begin()

    @Slot()
    def _take_over(self) -> None:
        self._session.set_lesson_end(None)

    @Slot()
    def _forget_end(self) -> None:
        end, self._end = self._end, None
        if end is not None and end.has_begun:
            self._session.set_lesson_end(None)
        self._show()
