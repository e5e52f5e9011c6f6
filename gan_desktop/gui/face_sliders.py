"""Sliders along the directions that change a face most."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QSlider, QWidget

from gan_desktop.gui.studio import NUM_DIRECTIONS
from gan_desktop.gui.theme import em, set_role

# Steps of a tenth; an amount of 3 is about as far as random faces are from each other.
STEPS, FURTHEST = 10, 4


class FaceSliders(QWidget):
    """What each slider does nobody has decided: the network found it by itself.

    Signals:
        moved: `amounts` are others than before.
    """

    moved = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._sliders = [QSlider(Qt.Orientation.Horizontal, self) for _ in range(NUM_DIRECTIONS)]
        self._reset = QPushButton(self.tr("Back to the face as it was"), self)
        set_role(self._reset, "link")
        self._reset.clicked.connect(self.reset)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(em(self, 0.6))
        grid.setVerticalSpacing(em(self, 0.3))
        words = self.tr("Slider {number}")
        rows = (NUM_DIRECTIONS + 1) // 2
        for index, slider in enumerate(self._sliders):
            slider.setRange(-FURTHEST * STEPS, FURTHEST * STEPS)
            slider.setPageStep(STEPS)
            slider.setAccessibleName(words.format(number=index + 1))
            slider.valueChanged.connect(self._tell)
            label = QLabel(words.format(number=index + 1), self)
            label.setBuddy(slider)
            row, column = index % rows, 2 * (index // rows)
            grid.addWidget(label, row, column)
            grid.addWidget(slider, row, column + 1)
            grid.setColumnStretch(column + 1, 1)
        note = QLabel(
            self.tr("What each slider changes nobody has decided: the network found it by itself. Try them."),
            self,
        )
        note.setWordWrap(True)
        set_role(note, "muted")
        grid.addWidget(note, rows, 0, 1, 4)
        grid.addWidget(self._reset, rows + 1, 0, 1, 4, Qt.AlignmentFlag.AlignLeft)
        self._reset.setEnabled(False)

    @property
    def amounts(self) -> tuple[float, ...]:
        """How far along each direction."""
        return tuple(slider.value() / STEPS for slider in self._sliders)

    @Slot()
    def reset(self) -> None:
        """All back to the middle; `moved` is told once."""
        if any(self.amounts):
            for slider in self._sliders:
                slider.blockSignals(True)
                slider.setValue(0)
                slider.blockSignals(False)
            self._tell()

    @Slot()
    def _tell(self) -> None:
        self._reset.setEnabled(any(self.amounts))
        self.moved.emit()
