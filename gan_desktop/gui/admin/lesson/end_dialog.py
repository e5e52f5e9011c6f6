"""The end of a lesson: everybody is asked to hand in, and one sees who still has something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QLabel,
    QListWidget,
    QPlainTextEdit,
    QProgressBar,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.sheet import Sheet
from gan_desktop.gui.admin.today.message import LONGEST
from gan_desktop.gui.joining.page import plain_label
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.words import duration, number
from gan_desktop.records import RunStatus

if TYPE_CHECKING:
    from gan_desktop.class_admin.lessons import LessonEnd
    from gan_desktop.database.address import Address
    from gan_desktop.database.lessons import HandingIn, HandingInPerson

LOOK_MS = 1_000
# A computer that was silent for so long may be closed already.
SILENT_S = 15.0


class LessonEndDialog(Sheet):
    """Two pages: whether to end the lesson, and how far its end has come. It does not stand in the way.

    Signals:
        changed: `standing_words` are others.
        over: The lesson has ended: all have handed in, or nobody is waited for any more.
    """

    changed = Signal()
    over = Signal()

    def __init__(self, session: TeachingSession, parent: QWidget) -> None:
        super().__init__(parent.tr("End of the lesson"), "", parent)
        self._session = session
        self.close_with_class(session)
        self._end: LessonEnd | None = None
        self._state: HandingIn | None = None
        self._is_waiting = self._is_asking = False
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self._make_question())
        self._stack.addWidget(self._make_progress())
        self.middle.addWidget(self._stack)
        self._make_buttons()
        self.setMinimumWidth(em(self, 32))
        self._clock = QTimer(self, interval=LOOK_MS)
        self._clock.timeout.connect(self._look)

    # -- building -------------------------------------------------------------------------------

    def _make_question(self) -> QWidget:
        page = QWidget(self)
        head = plain_label(self.tr("End the lesson?"), page)
        scale_font(head, 1.25, bold=True)
        words = plain_label(
            self.tr(
                "Every computer hands in what it has done, the last iteration comes out, and the training is"
                " paused. Nothing is lost: next time it goes on from there."
            ),
            page,
        )
        label = QLabel(self.tr("&Message to all"), page)
        self.message = QPlainTextEdit(self._first_words(), page)
        self.message.setTabChangesFocus(True)
        self.message.setFixedHeight(em(self, 4.4))
        label.setBuddy(self.message)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.5))
        for widget in (head, words, label, self.message):
            column.addWidget(widget)
        column.addStretch(1)
        return page

    def _first_words(self) -> str:
        return self.tr(
            "The lesson is over. This computer now hands in what it has done. As soon as it says that the"
            " training is paused, you may close it."
        )

    def _make_progress(self) -> QWidget:
        page = QWidget(self)
        self.count, self.advice = plain_label("", page), plain_label("", page)
        self.iteration = plain_label("", page, role="muted")
        scale_font(self.count, 1.6, bold=True)
        use_tabular_digits(self.count)
        scale_font(self.advice, 1.15)
        self._bar = QProgressBar(page, textVisible=False)
        self._bar.setAccessibleName(self.tr("Who has handed in"))
        set_role(self._bar, "thin")
        self.missing = QListWidget(page)
        self.missing.setAccessibleName(self.tr("Who is still missing"))
        self.missing.setFixedHeight(em(self, 7))
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.5))
        for widget in (self.count, self._bar, self.advice, self.missing, self.iteration):
            column.addWidget(widget)
        column.addStretch(1)
        return page

    def _make_buttons(self) -> None:
        self.resume_button = self.add_button(self.tr("&Resume the training"), self.resume, is_link=True)
        self.cancel_button = self.add_button(self.tr("Cancel"), self.reject)
        self.end_button = self.add_button(self.tr("&End the lesson"), self.begin, is_primary=True)
        self.go_on_button = self.add_button(self.tr("&Go on anyway"), self.go_on_anyway)
        self.go_on_button.setToolTip(
            self.tr("End the lesson without them. Others get their units next time.")
        )
        self.close_button = self.add_button(self.tr("Close"), self.accept)
        for button in (self.go_on_button, self.close_button, self.resume_button):
            button.hide()

    # -- acting ---------------------------------------------------------------------------------

    @Slot()
    def begin(self) -> None:
        """Ask everybody to hand in."""
        if self._is_asking or self._end is not None:
            return
        self._is_asking = True
        self.clear_error()
        self.be_busy(self.tr("Asking everybody to hand in ..."))
        message = " ".join(self.message.toPlainText().split())[:LONGEST]

        def work(address: Address) -> LessonEnd:
            from gan_desktop.class_admin.lessons import end_lesson

            return end_lesson(address, message)

        self._session.change(work, self._take_begun, owner=self, on_error=self._tell_error)

    def _take_begun(self, end: LessonEnd) -> None:
        self._is_asking, self._end, self._is_waiting = False, end, True
        self.be_busy("")
        self._stack.setCurrentIndex(1)
        for button in (self.end_button, self.cancel_button):
            button.hide()
        for button in (self.go_on_button, self.resume_button):
            button.show()
        self._clock.start()
        self._look()

    @Slot()
    def _look(self) -> None:
        end = self._end
        if end is None or self._is_asking:
            return
        self._is_asking = True

        def work(address: Address) -> HandingIn:
            from gan_desktop.class_admin.lessons import handing_in

            return handing_in(address, end)

        self._session.ask(work, self._take_state, owner=self, on_error=self._tell_error)

    @Slot()
    def go_on_anyway(self) -> None:
        """Wait for nobody any more."""
        self._is_waiting = False
        self._show()
        self.over.emit()

    @Slot()
    def resume(self) -> None:
        """Take it back: the training goes on, and the lesson."""
        self._session.set_lesson_end(None)
        self._session.steer(RunStatus.RUNNING)
        self.accept()

    # -- showing --------------------------------------------------------------------------------

    @property
    def has_begun(self) -> bool:
        """Whether everybody was asked to hand in."""
        return self._end is not None

    @property
    def standing_words(self) -> str:
        """How many have handed in, for the strip; empty before anybody was asked."""
        state = self._state
        if state is None:
            return ""
        words = self.tr("{done} of {all} handed in.")
        return words.format(done=number(state.num_handed_in), all=number(len(state.people)))

    def _take_state(self, state: HandingIn) -> None:
        self._is_asking = False
        self.clear_error()
        is_over_now = self._is_waiting and not state.missing
        self._state = state
        if is_over_now:
            self._is_waiting = False
        self._show()
        if is_over_now:
            self.over.emit()
        if not self._is_waiting and not state.missing and not state.num_waiting:
            self._clock.stop()

    def _show(self) -> None:
        state = self._state
        if state is None:
            return
        self.count.setText(self.standing_words)
        self._bar.setRange(0, max(1, len(state.people)))
        self._bar.setValue(state.num_handed_in if state.people else 1)
        self.advice.setText(self._advice(state))
        self.missing.clear()
        self.missing.addItems([self._missing_words(person) for person in (*state.missing, *state.lost)])
        self.missing.setVisible(self.missing.count() > 0)
        self.iteration.setText(self._iteration_words(state))
        self.go_on_button.setVisible(self._is_waiting)
        self.close_button.setVisible(not self._is_waiting)
        self.close_button.setDefault(not self._is_waiting)
        self.changed.emit()

    def _advice(self, state: HandingIn) -> str:
        if self._is_waiting:
            return self.tr("Please leave the laptops open. Still missing:")
        words = self.tr("Laptops may be closed.")
        if state.missing or state.lost:
            return f"{words} {self.tr('Others get the units of these next time:')}"
        return words

    def _missing_words(self, person: HandingInPerson) -> str:
        if person.num_open == 0:
            return self.tr("{name}: not heard of any more").format(name=person.name)
        if person.silent_s > SILENT_S:
            silent = duration(person.silent_s)
            return self.tr("{name}: not heard of for {time}").format(name=person.name, time=silent)
        return self.tr("{name}: is handing in").format(name=person.name)

    def _iteration_words(self, state: HandingIn) -> str:
        if state.num_waiting:
            return self.tr("%n unit(s) wait to be merged. Leave this computer on.", None, state.num_waiting)
        iteration = number(state.iteration)
        return self.tr("Iteration {number} is out; all that was handed in is merged.").format(
            number=iteration
        )

    def _tell_error(self, error: GanDesktopError) -> None:
        self._is_asking = False
        self.show_error(error)
