"""What goes on with pictures: how far, how long still, and the way to stop it."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from gan_desktop.gui.admin.images.job import PicturesJob, Stage
from gan_desktop.gui.theme import em, set_role, use_tabular_digits
from gan_desktop.gui.words import duration, megabytes, number

STEPS = 1_000


class ProgressCard(QFrame):
    """Follows a job; hidden while nothing goes on."""

    def __init__(self, job: PicturesJob, parent: QWidget) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self.words = QLabel(self)
        use_tabular_digits(self.words)
        self.bar = QProgressBar(self, textVisible=False)
        set_role(self.bar, "thin")
        self.bar.setAccessibleName(self.tr("Progress"))
        self.cancel = QPushButton(self.tr("Cancel"), self)
        self.cancel.setToolTip(self.tr("Stop. Nothing half-done is left; what was downloaded is kept."))
        self.cancel.clicked.connect(lambda _checked=False: self._cancel(job))
        column = QVBoxLayout()
        column.setSpacing(em(self, 0.35))
        column.addWidget(self.words)
        column.addWidget(self.bar)
        row = QHBoxLayout(self)
        row.setContentsMargins(em(self, 0.9), em(self, 0.5), em(self, 0.6), em(self, 0.5))
        row.setSpacing(em(self))
        row.addLayout(column, 1)
        row.addWidget(self.cancel)
        job.stage_changed.connect(self._show)
        self._show(job.stage)

    def _cancel(self, job: PicturesJob) -> None:
        self.cancel.setEnabled(False)
        self.words.setText(self.tr("Stopping ..."))
        job.cancel()

    @Slot(object)
    def _show(self, stage: Stage | None) -> None:
        self.setVisible(stage is not None)
        if stage is None:
            self.cancel.setEnabled(True)
            return
        if not self.cancel.isEnabled():
            return
        self.words.setText(self._said(stage))
        self.bar.setRange(0, STEPS if stage.total else 0)
        if stage.total:
            self.bar.setValue(round(STEPS * min(1.0, stage.done / stage.total)))

    def _said(self, stage: Stage) -> str:
        left = stage.seconds_left
        match stage.name:
            case "finding":
                return self.tr("Looking where the pictures are ...")
            case "looking":
                return self.tr("Looking at some of them ...")
            case "downloading":
                words = self.tr("Fetching the pictures: {done} of {total}")
                said = words.format(done=megabytes(stage.done / 1e6), total=megabytes(stage.total / 1e6))
            case "unpacking":
                words = self.tr("Unpacking: {done} of {total} pictures")
                said = words.format(done=number(stage.done), total=number(stage.total))
            case "importing":
                words = self.tr("Importing: {done} of {total} pictures")
                said = words.format(done=number(stage.done), total=number(stage.total))
        if left is None:
            return said
        return self.tr("{what}, {time} left").format(what=said, time=duration(left))
