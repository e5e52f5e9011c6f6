"""The page of the class's trainings: what each is doing, its faces, kept iterations, settings; a new one."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.training.form import TrainingForm
from gan_desktop.gui.admin.training.overview import TrainingsView
from gan_desktop.gui.theme import em


class TrainingPage(QWidget):
    """Two views: the trainings, and the making of a new one."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.trainings = TrainingsView(session, self)
        self.form = TrainingForm(session, self)
        self.views = QStackedWidget(self)
        self.views.addWidget(self.trainings)
        self.views.addWidget(self.form)
        column = QVBoxLayout(self)
        margin = em(self)
        column.setContentsMargins(margin, margin, margin, margin)
        column.addWidget(self.views)
        self.trainings.new.clicked.connect(lambda _checked=False: self.show_form())
        self.trainings.kept.fork_wanted.connect(self._fork)
        self.form.left.connect(self.show_trainings)
        self.form.made.connect(self._take_made)
        session.class_changed.connect(self.show_trainings)

    def turn_to(self, part: str) -> None:
        """Show a part of the page: `new`."""
        if part == "new":
            self.show_form()

    @Slot()
    def show_form(self) -> None:
        """Turn to the making of a training."""
        self.views.setCurrentWidget(self.form)
        self.form.name.setFocus()

    @Slot()
    def show_trainings(self) -> None:
        """Turn to the trainings."""
        self.views.setCurrentWidget(self.trainings)

    @Slot(int, int)
    def _fork(self, run_id: int, iteration: int) -> None:
        self.show_form()
        self.form.fork(run_id, iteration)

    @Slot(int)
    def _take_made(self, run_id: int) -> None:
        self.trainings.choose_when_there(run_id)
        self.show_trainings()
