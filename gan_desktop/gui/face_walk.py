"""The walk from one face to another and back, as a film with a slider."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QVBoxLayout, QWidget

from gan_desktop.gui import icons
from gan_desktop.gui.make_faces import FRAME_MS, NUM_FRAMES
from gan_desktop.gui.theme import em, set_role


class FaceWalk(QWidget):
    """Plays frames into `show_picture`, round and round."""

    def __init__(self, show_picture: Callable[[bytes], None], parent: QWidget) -> None:
        super().__init__(parent)
        self._show_picture = show_picture
        self._frames: tuple[bytes, ...] = ()
        self._clock = QTimer(self, interval=FRAME_MS)
        self._clock.timeout.connect(self._step)
        self._play = QToolButton(self)
        self._play.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_role(self._play, "plain")
        self._play.clicked.connect(self.toggle)
        self._slider = QSlider(Qt.Orientation.Horizontal, self)
        self._slider.setRange(0, NUM_FRAMES - 1)
        self._slider.setAccessibleName(self.tr("Where on the walk"))
        self._slider.valueChanged.connect(self.show_frame)
        words = QLabel(self.tr("The two faces that you picked last: from the first to the second and back."))
        words.setWordWrap(True)
        set_role(words, "muted")
        row = QHBoxLayout()
        row.setSpacing(em(self, 0.6))
        row.addWidget(self._play)
        row.addWidget(self._slider, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.3))
        column.addLayout(row)
        column.addWidget(words)
        self._show_play()

    @property
    def is_playing(self) -> bool:
        """Whether it goes on by itself."""
        return self._clock.isActive()

    def take_frames(self, frames: Sequence[bytes], *, play: bool) -> None:
        """Another walk, from its beginning; played at once if `play`."""
        self._frames = tuple(frames)
        self._slider.setRange(0, len(frames) - 1)
        self._slider.setValue(0)
        self.show_frame()
        if play and self.isVisible():
            self._clock.start()
        self._show_play()

    @Slot()
    def show_frame(self) -> None:
        """Show where the slider stands."""
        if self._frames:
            self._show_picture(self._frames[self._slider.value()])

    @Slot()
    def toggle(self) -> None:
        """Play or stop."""
        if self.is_playing or not self._frames:
            self._clock.stop()
        else:
            self._clock.start()
        self._show_play()

    @Slot()
    def _step(self) -> None:
        self._slider.setValue((self._slider.value() + 1) % len(self._frames))

    def _show_play(self) -> None:
        icons.set_icon(self._play, "pause" if self.is_playing else "play")
        words = self.tr("Pause") if self.is_playing else self.tr("Play")
        self._play.setAccessibleName(words)
        self._play.setToolTip(self.tr("{action} (Space)").format(action=words))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Qt's name: Space, where the slider has the focus."""
        if event.key() == Qt.Key.Key_Space:
            self.toggle()
        else:
            super().keyPressEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Qt's name: nothing plays where nobody looks."""
        super().hideEvent(event)
        self._clock.stop()
        self._show_play()
