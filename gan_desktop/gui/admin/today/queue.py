"""The queue as a picture: each dot is a unit, on its way from the pictures into the next iteration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.today.queue_picture import QueuePicture
from gan_desktop.gui.joining.page import plain_label
from gan_desktop.gui.motion import is_motion_reduced
from gan_desktop.gui.theme import em, set_role, use_tabular_digits
from gan_desktop.gui.words import number

if TYPE_CHECKING:
    from gan_desktop.database.lessons import UnitOnItsWay


class QueueView(QFrame):
    """What the picture means, the picture, and the chosen dot in words."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        set_role(self, "card")
        self.meaning = plain_label("", self, role="muted")
        self.picture = QueuePicture(self)
        self.chosen = plain_label("", self)
        self.chosen.setWordWrap(False)
        self.chosen.setAlignment(Qt.AlignmentFlag.AlignCenter)
        use_tabular_digits(self.chosen)
        self.setFocusProxy(self.picture)
        column = QVBoxLayout(self)
        margin = em(self, 0.8)
        column.setContentsMargins(margin, margin, margin, em(self, 0.5))
        column.setSpacing(em(self, 0.5))
        column.addWidget(self.meaning)
        column.addWidget(self.picture, 1)
        column.addWidget(self.chosen)
        self.picture.chosen_changed.connect(self._show_chosen)
        session.class_changed.connect(self._show)
        session.snapshot_changed.connect(self._show)
        self._show()

    @Slot()
    def _show(self) -> None:
        status, training = self._session.snapshot.status, self._session.snapshot.training
        flow = status.flow if status is not None else None
        if not self.isVisible():
            return
        self.picture.setVisible(flow is not None)
        if flow is None:
            self.meaning.setText(self.tr("Units appear here when the training has begun."))
        else:
            self.meaning.setText(
                self.tr(
                    "Each dot is a unit: pictures that one student's computer learns from. What is handed in"
                    " waits until enough has come; together it makes the next iteration. After each pass"
                    " every picture has been given out once more."
                )
            )
            self.picture.show_flow(
                flow,
                iteration=training.run.iteration if training is not None else 0,
                animated=not is_motion_reduced(self._session.preferences.less_motion),
            )
        self._show_chosen(self.picture.chosen)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name: nothing is drawn where nobody looks."""
        super().showEvent(event)
        self._show()

    @Slot(object)
    def _show_chosen(self, unit: UnitOnItsWay | None) -> None:
        self.chosen.setText(self._unit_words(unit) if unit is not None else "")

    def _unit_words(self, unit: UnitOnItsWay) -> str:
        if unit.stage == "in_work":
            words = self.tr("{name}: unit {unit}, {done} of {all} images learned from")
        elif unit.stage == "handed_in":
            words = self.tr("{name}: unit {unit}, {all} images, handed in")
        else:
            words = self.tr("{name}: unit {unit}, {all} images, merged")
        return words.format(
            name=unit.name, unit=unit.unit_id, done=number(unit.num_done), all=number(unit.num_images)
        )
