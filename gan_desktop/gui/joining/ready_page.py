"""Is this computer ready? The worker joins, measures for some seconds, and waits for the word to begin."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFormLayout, QFrame, QLabel, QWidget

from gan_desktop.gui.joining.page import WizardPage, plain_label
from gan_desktop.gui.joining.what_leaves import show_what_leaves
from gan_desktop.gui.session import Session
from gan_desktop.gui.theme import em, set_role, use_tabular_digits
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import megabytes, number
from gan_desktop.records import Joined, ReadyCheck, WorkerState
from gan_desktop.sentences import sentence


class ReadyPage(WizardPage):
    """Device and why, memory, speed, and what it means for an hour.

    The worker is the real one, told to pause before it begins: what it has measured need not be measured
    again, and nothing is claimed before the person has said so.

    Signals:
        go_on_wanted: Begin.
        later_wanted: Not now; the class stays joined.
    """

    go_on_wanted = Signal()
    later_wanted = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._is_checked = False
        self.set_title(self.tr("Is this computer ready?"))
        self.back.hide()
        frame = QFrame(self)
        set_role(frame, "card")
        self._form = QFormLayout(frame)
        self._form.setContentsMargins(em(self, 1.0), em(self, 0.8), em(self, 1.0), em(self, 0.8))
        self._form.setVerticalSpacing(em(self, 0.5))
        self._form.setHorizontalSpacing(em(self, 1.4))
        self.device, self._why = self._row(self.tr("Computes with")), self._row("")
        set_role(self._why, "muted")
        self.memory = self._row(self.tr("Memory"))
        self.speed = self._row(self.tr("Speed"))
        self.units = self._row(self.tr("Units"))
        self.network = self._row(self.tr("Network"))
        self.middle.addWidget(frame)
        self.add_link(self.tr("What leaves my computer?"), lambda: show_what_leaves(self))
        self.later = self.add_button(self.tr("Not now"), self.later_wanted.emit)
        self.go_on = self.add_button(self.tr("Start contributing"), self.go_on_wanted.emit, is_primary=True)
        session.ready_checked.connect(self._take_check)
        session.joined_as.connect(self._take_joined)
        session.state_changed.connect(self._show_state)
        session.preparing_changed.connect(self._show_state)

    def _row(self, key: str) -> QLabel:
        label, value = QLabel(key, self), plain_label("", self)
        set_role(label, "muted")
        value.setAccessibleName(key)
        use_tabular_digits(value)
        self._form.addRow(label, value)
        return value

    def enter(self) -> None:
        """Start the worker, held back until the person says so."""
        self._is_checked = False
        title = self._session.title
        words = self.tr('You are in "{title}". Now this computer is measured: about ten seconds.')
        self.set_lead(words.format(title=title))
        for value in (self.device, self.memory, self.speed, self.units, self.network):
            value.setText("-")
        self._form.setRowVisible(self._why, False)
        self.go_on.setText(self.tr("Skip the check"))
        set_role(self.go_on, "second")
        self._session.start()
        self._session.pause()
        self._show_state()
        self.go_on.setFocus()

    @Slot()
    def _show_state(self) -> None:
        session = self._session
        if self.isHidden():
            return
        if self._is_checked or not session.is_contributing:
            self.show_busy("")
            return
        state = session.state
        is_quiet = state.state in (WorkerState.STOPPED, WorkerState.PAUSED)
        now = "" if is_quiet else engine_text(sentence(state.state, state.detail))
        self.show_busy(session.preparing or now or self.tr("One moment ..."))

    @Slot(object)
    def _take_check(self, check: ReadyCheck) -> None:
        if self.isHidden():
            return
        self.device.setText(self.tr("Processor") if check.device == "CPU" else check.device)
        self._why.setText(engine_text(check.device_reason))
        self._form.setRowVisible(self._why, bool(check.device_reason))
        memory = self.tr("{free} of {total} GB free").format(
            free=number(check.memory_free_gb, 1), total=number(check.memory_total_gb, 1)
        )
        if check.vram_gb is not None:
            memory += self.tr(", graphics card {vram} GB").format(vram=number(check.vram_gb, 1))
        self.memory.setText(memory)
        digits = 1 if check.images_per_second < 10 else 0
        self.speed.setText(
            self.tr("{number} images a second").format(number=number(check.images_per_second, digits))
        )
        self.units.setText(
            self.tr("about {number} an hour").format(number=number(max(1.0, check.units_per_hour)))
        )
        # With the pictures, which come only once.
        words = self.tr("about {amount} an hour at first (estimated)")
        self.network.setText(words.format(amount=megabytes(check.mb_per_hour)))
        self._end(self.tr("It is ready."))

    @Slot(object)
    def _take_joined(self, joined: Joined) -> None:
        if self.isHidden() or self._is_checked:
            return
        hardware = joined.hardware
        self.device.setText(hardware.gpu_name or self.tr("Processor"))
        self._why.setText(engine_text(joined.device_reason))
        self._form.setRowVisible(self._why, bool(joined.device_reason))
        self.memory.setText(self.tr("{total} GB").format(total=number(hardware.ram_gb, 1)))
        self._end(self.tr("There is no training yet. What this computer can do is measured when it begins."))

    def _end(self, words: str) -> None:
        self._is_checked = True
        self.set_lead(words)
        self.go_on.setText(self.tr("Start contributing"))
        set_role(self.go_on, "primary")
        self._show_state()
