"""Which training a new class begins with: one of the presets, with what it takes in a line, or none yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.joining.page import plain_label
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import duration, number

if TYPE_CHECKING:
    from gan_desktop.class_admin.estimates import Estimate, Preset

LESSON = "lesson"
NONE_YET = ""


class FirstTraining(QFrame):
    """A row of presets. `preset` is the one that is chosen; None: no training yet.

    Signals:
        changed: Another one is chosen.
    """

    changed = Signal()

    def __init__(self, parent: QWidget) -> None:
        from gan_desktop.class_admin.estimates import PRESETS

        super().__init__(parent)
        self._presets: dict[str, Preset] = {preset.key: preset for preset in PRESETS}
        self._estimates: dict[str, Estimate] = {}
        self._wanted: tuple[int, int | None] | None = None
        self._num_students = 0
        set_role(self, "card")
        self._group = QButtonGroup(self)
        self._buttons: dict[str, QPushButton] = {}
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(plain_label(self.tr("The first training"), self))
        row.addSpacing(em(self, 0.8))
        titles = {key: engine_text(preset.title) for key, preset in self._presets.items()}
        for key, title in {**titles, NONE_YET: self.tr("None yet")}.items():
            button = self._buttons[key] = QPushButton(title, self)
            button.setCheckable(True)
            set_role(button, "segment")
            self._group.addButton(button)
            row.addWidget(button)
        row.addStretch(1)
        self.words = plain_label("", self, role="muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self, 1.0), em(self, 0.7), em(self, 1.0), em(self, 0.7))
        column.setSpacing(em(self, 0.4))
        column.addLayout(row)
        column.addWidget(self.words)
        self._buttons[LESSON].setChecked(True)
        self._group.buttonClicked.connect(self._take)
        self._show()

    @property
    def preset(self) -> Preset | None:
        """What is chosen; None: no training yet."""
        return self._presets.get(self._key)

    @property
    def _key(self) -> str:
        return next(key for key, button in self._buttons.items() if button.isChecked())

    def choose(self, key: str) -> None:
        """Choose a preset by its key; empty: none."""
        if key in self._buttons:
            self._buttons[key].setChecked(True)
            self._take()

    def estimate_for(self, num_students: int, image_size: int | None = None) -> None:
        """Say what each takes with so many laptops.

        Args:
            image_size: Of the pictures, in pixels; None: there are none yet.
        """
        wanted = (num_students, image_size)
        if wanted == self._wanted:
            return
        self._wanted = wanted

        def take(estimates: dict[str, Estimate]) -> None:
            if wanted == self._wanted:
                self._estimates, self._num_students = estimates, num_students
                self._show()

        run_in_background(lambda: _estimates(num_students, image_size), take, lambda _error: None, owner=self)

    def _take(self) -> None:
        self._show()
        self.changed.emit()

    def _show(self) -> None:
        preset = self.preset
        if preset is None:
            self.words.setText(self.tr("Nothing is made: the Training page makes one whenever you like."))
            return
        told = [engine_text(preset.words)]
        if (estimate := self._estimates.get(preset.key)) is not None:
            told.append(self._words_for(preset, estimate))
        self.words.setText(" ".join(told))

    def _words_for(self, preset: Preset, estimate: Estimate) -> str:
        words = self.tr(
            "{iterations} iterations: {total} if {count} laptops are as fast as assumed, drawn faces after"
            " about {faces}."
        )
        if estimate.faces_seconds is None:
            words = self.tr("{iterations} iterations: {total} if {count} laptops are as fast as assumed.")
        return words.format(
            iterations=number(preset.config.target_iterations),
            total=duration(max(60.0, estimate.total_seconds)),
            count=number(self._num_students),
            faces=duration(max(60.0, estimate.faces_seconds or 0.0)),
        )


def lesson_preset() -> Preset:
    """The training for a first lesson."""
    from gan_desktop.class_admin.estimates import PRESETS

    return next(preset for preset in PRESETS if preset.key == LESSON)


def _estimates(num_students: int, image_size: int | None) -> dict[str, Estimate]:
    """What each preset takes; runs in the background."""
    from gan_desktop.class_admin.estimates import PRESETS, Crowd, estimate, payload_sizes

    crowd = Crowd(max(1, num_students))
    configs = {preset.key: preset.for_pictures(image_size or preset.config.image_size) for preset in PRESETS}
    return {key: estimate(config, payload_sizes(config), crowd) for key, config in configs.items()}
