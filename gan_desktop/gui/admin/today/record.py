"""What speaks for and against a student's computer: shown before it is put on hold or let go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QLabel, QLineEdit, QPlainTextEdit, QWidget

from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.sheet import Sheet
from gan_desktop.gui.joining.page import plain_label
from gan_desktop.gui.theme import em, scale_font
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import clock, number

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.database.notices import Evidence, RefusedUnit, WorkerOnRecord
    from gan_desktop.database.statistics import WorkerSummary

Record = tuple["WorkerOnRecord", "Evidence"]


class RecordDialog(Sheet):
    """The record of one computer, in plain words; at its foot the button for what can be done.

    Signals:
        decided: A sentence of what was done.
    """

    decided = Signal(str)

    def __init__(self, session: TeachingSession, worker: WorkerSummary, parent: QWidget) -> None:
        name = worker.owner if worker.name == worker.owner else f"{worker.owner}: {worker.name}"
        super().__init__(parent.tr("Results of a computer"), name, parent)
        self._session, self._worker = session, worker
        self.close_with_class(session)
        self._is_held = bool(worker.on_hold_reason)
        scale_font(self.lead, 1.15, bold=True)
        self.standing = plain_label("", self)
        self.standing.setMinimumWidth(em(self, 32))
        self.units = QPlainTextEdit(self, readOnly=True)
        self.units.setTabChangesFocus(True)
        self.units.setAccessibleName(self.tr("Units that did not count"))
        self.units.setFixedHeight(em(self, 8))
        self.units.hide()
        self.meaning = plain_label("", self, role="muted")
        self.reason = QLineEdit(self, maxLength=200)
        self._why = QLabel(self.tr("&Why? Only instructors read this."), self)
        self._why.setBuddy(self.reason)
        for widget in (self.standing, self.units, self.meaning, self._why, self.reason):
            self.middle.addWidget(widget)
        self.add_button(self.tr("Close"), self.reject)
        self.decide_button = self.add_button("", self.decide, is_primary=True)
        self._show_choice()
        self._ask()

    def _show_choice(self) -> None:
        for widget in (self._why, self.reason):
            widget.setVisible(not self._is_held)
        if self._is_held:
            self.decide_button.setText(self.tr("&Let it go on"))
            self.meaning.setText(
                self.tr(
                    "Usual causes are a graphics card that is too hot or broken, and a program that was"
                    " changed. If the computer goes on, it gets units again, and what spoke against it is"
                    " forgotten."
                )
            )
        else:
            self.decide_button.setText(self.tr("&Put on hold"))
            self.meaning.setText(
                self.tr(
                    "On hold, no computer of this student gets units until you let it go on. The student"
                    " reads that the results wait for you, not why."
                )
            )

    def _ask(self) -> None:
        worker_id = self._worker.worker_id

        def look(address: Address) -> Record:
            from gan_desktop.class_admin.notices import look_at_worker

            return look_at_worker(address, worker_id)

        self.be_busy(self.tr("Reading what it has handed in ..."), may_close=True)
        self._session.ask(look, self._show_record, owner=self, on_error=self.show_error)

    def _show_record(self, record: Record) -> None:
        worker, evidence = record
        self.be_busy("")
        self._is_held = worker.on_hold_reason is not None
        self._show_choice()
        self.standing.setText("\n".join(self._standing_words(worker, evidence)))
        self.units.setPlainText("\n".join(self._unit_words(unit) for unit in evidence.refused))
        self.units.setVisible(bool(evidence.refused))

    def _standing_words(self, worker: WorkerOnRecord, evidence: Evidence) -> list[str]:
        lines = []
        if worker.on_hold_reason:
            reason = engine_text(worker.on_hold_reason)
            lines.append(self.tr("On hold: {reason}").format(reason=reason))
        good, bad = evidence.num_accepted, evidence.num_refused
        if not good and not bad:
            lines.append(self.tr("It has not handed in any unit yet."))
        elif not bad:
            lines.append(self.tr("All %n unit(s) that it handed in count.", None, good))
        else:
            words = self.tr("{good} of its units count, {bad} do not. The newest that do not:")
            lines.append(words.format(good=number(good), bad=number(bad)))
        return lines

    def _unit_words(self, unit: RefusedUnit) -> str:
        reason = engine_text(unit.reason) if unit.reason else self.tr("no reason is known")
        return self.tr("{time}, unit {unit}, {images} images: {reason}").format(
            time=clock(unit.at.timestamp()),
            unit=unit.unit_id,
            images=number(unit.num_images),
            reason=reason,
        )

    @Slot()
    def decide(self) -> None:
        """Put it on hold, or let it go on."""
        worker_id, is_held = self._worker.worker_id, self._is_held
        reason = self.reason.text().strip() or "The instructor wants to look at its results."
        self.be_busy(self.tr("Telling the class ..."))

        def work(address: Address) -> None:
            from gan_desktop.class_admin.notices import hold_worker, release_worker

            if is_held:
                release_worker(address, worker_id)
            else:
                hold_worker(address, worker_id, reason)

        self._session.change(work, self._tell_done, owner=self, on_error=self.show_error)

    def _tell_done(self, _nothing: None) -> None:
        words = self.tr("{name} goes on.") if self._is_held else self.tr("{name} is on hold.")
        self.decided.emit(words.format(name=self._worker.owner))
        self.accept()
