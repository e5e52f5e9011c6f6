"""Trying the class out before the lesson: how many students fit, and what happens if."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui import icons
from gan_desktop.gui.admin.server.rehearsal_table import StepRow, StepsTable
from gan_desktop.gui.admin.server.rehearsal_thread import RehearsalThread
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.calm_fields import CalmDoubleSpinBox, CalmSpinBox
from gan_desktop.gui.joining.page import plain_label, push_button
from gan_desktop.gui.meter import Meter
from gan_desktop.gui.plot import LineLook
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import duration, number
from gan_desktop.rehearsal.plan import MOST_STUDENTS, Drill, DrillResult, RehearsalPlan, RehearsalResult

if TYPE_CHECKING:
    from gan_desktop.database.rehearsals import Traces
    from gan_desktop.rehearsal.rehearse import Moment

USUAL_STUDENTS, USUAL_MINUTES = 30, 5
LONGEST_MINUTES = 60


class RehearsalView(QWidget):
    """Wishes on top, the answer below them, the steps and two curves, the drills at the side."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._thread: RehearsalThread | None = None
        self._began = 0.0
        self._build_wishes()
        self._build_answer()
        self._build_left_over()
        self.table = StepsTable(self)
        self._meters = {
            "mbit_s": Meter(self.tr("Network, Mbit/s"), (LineLook(0),), self, write_y=_write_number),
            "waiting": Meter(self.tr("Units waiting"), (LineLook(1),), self, write_y=_write_number),
        }
        self._build_drills()
        self._lay_out()
        session.class_changed.connect(self._take_class)
        session.leaving.connect(self.cancel)
        self._show_state()

    # -- building -------------------------------------------------------------------------------

    def _build_wishes(self) -> None:
        self.students = CalmSpinBox(self, minimum=1, maximum=MOST_STUDENTS, value=USUAL_STUDENTS)
        self.minutes = CalmSpinBox(self, minimum=1, maximum=LONGEST_MINUTES, value=USUAL_MINUTES)
        self.minutes.setSuffix(self.tr(" min"))
        self.network = CalmDoubleSpinBox(self, minimum=0.0, maximum=10_000.0, decimals=0)
        self._is_network_typed = False
        self.network.valueChanged.connect(self._keep_network)
        self._is_number_typed = False
        self.students.valueChanged.connect(self._keep_number)
        self._session.class_changed.connect(self._forget_wishes)
        self._session.snapshot_changed.connect(self._count_students)
        self.network.setSpecialValueText(self.tr("not known"))
        self.network.setSuffix(self.tr(" Mbit/s"))
        self.network.setToolTip(self.tr("What the room's network carries, if you know it"))
        self.start_button = push_button(self.tr("&Start rehearsal"), self.start, self)
        set_role(self.start_button, "primary")
        icons.set_icon(self.start_button, "play", "on_accent")
        self.cancel_button = push_button(self.tr("&Cancel"), self.cancel, self)

    @Slot()
    def _keep_network(self) -> None:
        self._is_network_typed = True

    @Slot()
    def _keep_number(self) -> None:
        self._is_number_typed = True

    @Slot()
    def _count_students(self) -> None:
        """Rehearse with as many as are expected, unless the person has said another number here."""
        snapshot = self._session.snapshot
        if self._is_number_typed or self._thread is not None or snapshot.status is None:
            return
        from gan_desktop.class_admin.status import num_expected

        self.students.blockSignals(True)
        self.students.setValue(num_expected(snapshot.status, snapshot.students) or USUAL_STUDENTS)
        self.students.blockSignals(False)

    @Slot()
    def _forget_wishes(self) -> None:
        self._is_network_typed = self._is_number_typed = False
        self._take_network()
        self._count_students()

    def _take_network(self) -> None:
        """Show what is known of the network, unless the person has said another number here."""
        if not self._is_network_typed:
            self.network.blockSignals(True)
            self.network.setValue(self._session.network_mbit_s or 0.0)
            self.network.blockSignals(False)

    def _build_answer(self) -> None:
        self.answer = plain_label("", self)
        scale_font(self.answer, 1.15, bold=True)
        self.answer.setAccessibleName(self.tr("What the rehearsal found"))
        self.details = plain_label("", self, role="muted")
        use_tabular_digits(self.details)
        self._progress = QProgressBar(self, maximum=1_000, textVisible=False)
        self._progress.setAccessibleName(self.tr("Progress of the rehearsal"))
        set_role(self._progress, "thin")

    def _build_left_over(self) -> None:
        self.left_over = QFrame(self)
        set_role(self.left_over, "warning")
        self._left_words = plain_label("", self.left_over)
        self.remove_button = push_button(self.tr("&Remove them"), self._remove_left_over, self.left_over)
        row = QHBoxLayout(self.left_over)
        row.setContentsMargins(em(self, 0.8), em(self, 0.4), em(self, 0.8), em(self, 0.4))
        row.addWidget(self._left_words, 1)
        row.addWidget(self.remove_button)
        self.left_over.hide()

    def _build_drills(self) -> None:
        self._drills = QFrame(self)
        set_role(self._drills, "card")
        title = QLabel(self.tr("What happens if ..."), self._drills)
        scale_font(title, 1.05, bold=True)
        names: dict[Drill, str] = {
            "leave": self.tr("ten students leave at once?"),
            "garbage": self.tr("one computer hands in garbage?"),
            "away": self.tr("the database is away for 30 s?"),
        }
        self.drill_buttons: dict[Drill, QPushButton] = {
            drill: push_button(words, partial(self.play, drill), self._drills)
            for drill, words in names.items()
        }
        column = QVBoxLayout(self._drills)
        column.setContentsMargins(em(self, 0.8), em(self, 0.5), em(self, 0.8), em(self, 0.6))
        column.setSpacing(em(self, 0.35))
        column.addWidget(title)
        for button in self.drill_buttons.values():
            column.addWidget(button)
        column.addStretch(1)

    def _lay_out(self) -> None:
        wishes = QHBoxLayout()
        wishes.setSpacing(em(self, 0.5))
        for words, field in (
            (self.tr("Students up &to"), self.students),
            (self.tr("wit&hin"), self.minutes),
            (self.tr("Network carries"), self.network),
        ):
            label = QLabel(words, self)
            label.setBuddy(field)
            field.setAccessibleName(words.replace("&", ""))
            wishes.addWidget(label)
            wishes.addWidget(field)
        wishes.addStretch(1)
        wishes.addWidget(self.cancel_button)
        wishes.addWidget(self.start_button)
        table = QFrame(self)
        set_role(table, "card")
        inside = QVBoxLayout(table)
        inside.setContentsMargins(em(self, 0.3), em(self, 0.2), em(self, 0.3), em(self, 0.3))
        inside.addWidget(self.table)
        low = QHBoxLayout()
        low.setSpacing(em(self, 0.7))
        for meter in self._meters.values():
            low.addWidget(meter, 3)
        low.addWidget(self._drills, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.5))
        column.addWidget(self.left_over)
        column.addLayout(wishes)
        column.addWidget(self._progress)
        column.addWidget(self.answer)
        column.addWidget(self.details)
        column.addWidget(table, 3)
        column.addLayout(low, 3)

    # -- beginning and ending -------------------------------------------------------------------

    @property
    def is_playing(self) -> bool:
        """Whether a rehearsal or a drill goes on in this window."""
        return self._thread is not None

    @Slot()
    def start(self) -> None:
        """See how many students fit."""
        self.table.show_steps(())
        self._play(None)

    def play(self, drill: Drill) -> None:
        """Play a failure; the one that concerns everybody asks first."""
        if drill != "away":
            self._play(drill)
            return
        box = QMessageBox(self.window())
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.tr("Send the database away?"))
        box.setText(
            self.tr("For half a minute nobody reaches the class, neither you nor students who are there.")
        )
        yes = box.addButton(self.tr("Send it away for 30 s"), QMessageBox.ButtonRole.AcceptRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        yes.clicked.connect(lambda: self._play("away"))
        box.finished.connect(box.deleteLater)
        box.open()

    @Slot()
    def cancel(self) -> None:
        """End what goes on; its students are removed."""
        if self._thread is not None:
            self._thread.cancel()
            self._show_state()

    def _play(self, drill: Drill | None) -> None:
        taught = self._session.taught
        if taught is None or self._thread is not None:
            return
        plan = RehearsalPlan(
            self.students.value(),
            float(self.minutes.value()),
            network_mbit_s=self.network.value() or None,
            hosted_in=taught.hosted_in,
        )
        thread = self._thread = RehearsalThread(taught.address, plan, drill, self._session)
        thread.told.connect(self._tell)
        thread.moment_came.connect(self._take_moment)
        thread.ended.connect(self._take_end)
        thread.finished.connect(self._drop_thread)
        self._session.keep_open_for(thread)
        self._began = time.monotonic()
        self.left_over.hide()
        self.answer.setText(self.tr("Trying ...") if drill is None else self.drill_buttons[drill].text())
        self.details.setText("")
        self._progress.setMaximum(1_000 if drill is None else 0)
        self._progress.setValue(0)
        thread.start()
        self._show_state()

    @Slot()
    def _drop_thread(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.deleteLater()
        self._show_state()
        self._session.refresh()

    # -- what it tells --------------------------------------------------------------------------

    @Slot(str)
    def _tell(self, sentence: str) -> None:
        self.details.setText(engine_text(sentence))

    @Slot(object)
    def _take_moment(self, moment: Moment) -> None:
        now_s = time.monotonic()
        self.table.show_steps((*map(StepRow.of, moment.steps), StepRow.now(moment)))
        self._meters["mbit_s"].add(now_s, (moment.mbit_s,), number(moment.mbit_s, 1))
        waiting = moment.look.num_waiting
        self._meters["waiting"].add(now_s, (float(waiting),), number(waiting))
        done_s = now_s - self._began
        self._progress.setValue(round(1_000 * done_s / max(1.0, done_s + moment.seconds_left)))
        words = self.tr("{number} virtual students at work, {connections} connections; about {left} left")
        self.details.setText(
            words.format(
                number=number(moment.num_students),
                connections=number(moment.look.num_connections),
                left=duration(moment.seconds_left),
            )
        )

    @Slot(object)
    def _take_end(self, answer: RehearsalResult | DrillResult | GanDesktopError) -> None:
        self._progress.setMaximum(1_000)
        self._progress.setValue(0)
        if isinstance(answer, RehearsalResult):
            self.table.show_steps(tuple(map(StepRow.of, answer.steps)))
            self._say(answer.sentences(), is_good=not answer.limited_by and not answer.was_cancelled)
            self.details.setText(f"{self.details.text()} {self._wifi_words()}".strip())
        elif isinstance(answer, DrillResult):
            self._say(answer.sentences, is_good=answer.passed)
        elif self._thread is not None and self._thread.is_cancelled:
            self._say(("Cancelled.", "Nothing of it is left in the class."), is_good=False)
        else:
            self._say((answer.title, answer.message), is_good=False)

    def _say(self, sentences: tuple[str, ...], *, is_good: bool) -> None:
        set_role(self.answer, "good" if is_good else "")
        self.answer.setText(engine_text(sentences[0]))
        self.details.setText(" ".join(engine_text(sentence) for sentence in sentences[1:]))

    # -- how it stands --------------------------------------------------------------------------

    @Slot(object)
    def _take_class(self) -> None:
        """What was found out is none of this class's."""
        self.table.show_steps(())
        self.left_over.hide()
        self.remove_button.setEnabled(True)
        set_role(self.answer, "")
        self.answer.setText("")
        for meter in self._meters.values():
            meter.clear(time.monotonic())
        self._show_state()
        if self.isVisible():
            self._look_for_left_over()

    def _show_state(self) -> None:
        taught = self._session.taught
        can_play = taught is not None and self._thread is None
        for field in (self.students, self.minutes, self.network, self.start_button):
            field.setEnabled(can_play)
        self.cancel_button.setVisible(self._thread is not None)
        self.cancel_button.setEnabled(self._thread is not None and not self._thread.is_cancelled)
        self._progress.setVisible(self._thread is not None)
        for drill, button in self.drill_buttons.items():
            is_possible = drill != "away" or (taught is not None and taught.hosted_in is not None)
            button.setEnabled(can_play and is_possible)
            reason = self.tr("Only where the class's database runs on this computer")
            button.setToolTip("" if is_possible else reason)
        if self._thread is None and not self.answer.text():
            self.answer.setText(self.tr("How many students fit, and what sets the limit?"))
            words = self.tr(
                "Virtual students speak to your class's own database as real ones do, and compute"
                " nothing. Nobody else sees them, and nothing is left of them. Not while a training is"
                " running."
            )
            self.details.setText(f"{words} {self._wifi_words()}")

    def _wifi_words(self) -> str:
        return self.tr("A rehearsal does not test the room's Wi-Fi.")

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name: what is known by now, what an earlier rehearsal has left, and the curves."""
        super().showEvent(event)
        self._take_network()
        self._count_students()
        for meter in self._meters.values():
            meter.redraw(time.monotonic())
        self._look_for_left_over()

    def _look_for_left_over(self) -> None:
        def look(address: object) -> Traces | None:
            from gan_desktop.rehearsal.traces import find_traces

            return find_traces(address)  # type: ignore[arg-type]

        if self._thread is None:
            self._session.ask(look, self._show_left_over, owner=self, on_error=lambda _error: None)

    def _show_left_over(self, traces: Traces | None) -> None:
        is_left = traces is not None and self._thread is None
        self.left_over.setVisible(is_left)
        if traces is None or not is_left:
            return
        self.remove_button.setVisible(not traces.is_going_on)
        num = traces.num_students
        if traces.is_going_on:
            words = self.tr("Another window rehearses with %n virtual student(s).", None, num)
        else:
            words = self.tr("A rehearsal was cut short: %n virtual student(s) are left.", None, num)
        self._left_words.setText(words)

    @Slot()
    def _remove_left_over(self) -> None:
        def remove(address: object) -> int:
            from gan_desktop.rehearsal.traces import remove_traces

            return remove_traces(address)  # type: ignore[arg-type]

        self.remove_button.setEnabled(False)

        def done(_num: int) -> None:
            self.remove_button.setEnabled(True)
            self.left_over.hide()

        def failed(error: GanDesktopError) -> None:
            self.remove_button.setEnabled(True)
            self._session.tell_trouble(error)

        self._session.change(remove, done, owner=self, on_error=failed)


def _write_number(value: float, decimals: int) -> str:
    return number(value, min(decimals, 1))
