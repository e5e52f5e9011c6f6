"""Faces by iteration as a film: slider, arrow keys, Home and End, Space plays."""

from __future__ import annotations

from bisect import bisect_left

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui import icons
from gan_desktop.gui.fading_faces import FadingFacesView
from gan_desktop.gui.motion import is_motion_reduced
from gan_desktop.gui.picture_source import PictureSource
from gan_desktop.gui.session import Session
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.words import number

SPEEDS = (1, 3, 10)
# Up to this speed there is time for a fade between two pictures.
FASTEST_FADE = 1
# While it plays, the next ones are on their way already.
NUM_AHEAD = 3
# A picture that was asked for and has not come so long is asked for again.
PATIENCE_MS = 3_000


class IterationFilm(QWidget):
    """Shows a source's pictures one at a time; on the newest one it goes along with the class.

    Attributes:
        faces: What is shown.
        stage: Where `faces` stands, at row 1, column 1; there is room around it for others.

    Signals:
        shown: The picture of an iteration is on the screen.
        awaited: That of an iteration was chosen and is not here yet.
    """

    shown = Signal(int)
    awaited = Signal(int)

    def __init__(self, session: Session, source: PictureSource, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._source = session, source
        self._wanted: int | None = None
        self._on_screen: int | None = None
        self._is_following = True
        self.faces = FadingFacesView(self)
        self._clock = QTimer(self)
        self._clock.timeout.connect(self._play_on)
        self._again = QTimer(self, interval=PATIENCE_MS)
        self._again.timeout.connect(self._ask)
        self._build()
        source.iterations_changed.connect(self._fit)
        source.arrived.connect(self._take)
        self._fit()

    def _build(self) -> None:
        self._slider = QSlider(Qt.Orientation.Horizontal, self)
        self._slider.setAccessibleName(self.tr("Iteration"))
        self._slider.setToolTip(self.tr("Arrow keys step, Home and End go to the first and the newest."))
        self._slider.valueChanged.connect(self._choose)
        # Whoever clicks on the faces can step with the arrow keys.
        self.faces.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._play = QToolButton(self)
        self._play.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._play.clicked.connect(self.toggle)
        set_role(self._play, "plain")
        self._speed = QComboBox(self)
        for speed in SPEEDS:
            self._speed.addItem(self.tr("{number} a second").format(number=number(speed)), speed)
        self._speed.setCurrentIndex(1)
        self._speed.setAccessibleName(self.tr("Speed"))
        self._speed.setToolTip(self.tr("How fast it plays"))
        self._speed.currentIndexChanged.connect(self._set_pace)
        row = QHBoxLayout()
        row.setSpacing(em(self, 0.6))
        row.addWidget(self._play)
        row.addWidget(self._slider, 1)
        row.addWidget(self._speed)
        self.stage = QGridLayout()
        self.stage.setSpacing(em(self, 0.5))
        self.stage.setRowStretch(1, 1)
        self.stage.addWidget(self.faces, 1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.6))
        column.addLayout(self.stage, 1)
        column.addLayout(row)
        self._set_pace()
        self._show_play()

    # -- what is known --------------------------------------------------------------------------

    @property
    def iteration(self) -> int | None:
        """The one on the screen."""
        return self._on_screen

    @property
    def is_playing(self) -> bool:
        """Whether it goes on by itself."""
        return self._clock.isActive()

    # -- choosing -------------------------------------------------------------------------------

    def show_iteration(self, iteration: int) -> None:
        """Go to an iteration, or to the next one that there is a picture of."""
        there = self._source.iterations
        if there:
            self._slider.setValue(min(bisect_left(there, iteration), len(there) - 1))

    @Slot()
    def _fit(self) -> None:
        """Other iterations are there to choose from."""
        there = self._source.iterations
        before = self._wanted
        self._slider.blockSignals(True)
        self._slider.setRange(0, max(0, len(there) - 1))
        if there and self._is_following:
            self._slider.setValue(len(there) - 1)
        elif there and before is not None:
            self._slider.setValue(min(bisect_left(there, before), len(there) - 1))
        self._slider.blockSignals(False)
        for control in (self._slider, self._play, self._speed):
            control.setEnabled(len(there) > 1)
        if not there:
            self._stop()
            self._wanted = self._on_screen = None
            self._is_following = True
            self._again.stop()
        else:
            self._want(there[self._slider.value()])

    @Slot(int)
    def _choose(self, value: int) -> None:
        self._is_following = value == self._slider.maximum()
        self._want(self._source.iterations[value])

    def _want(self, iteration: int) -> None:
        if iteration == self._wanted and iteration == self._on_screen:
            return
        self._wanted = iteration
        if self._source.picture(iteration) is not None:
            self._show()
        else:
            self.awaited.emit(iteration)
            self._ask()
            self._again.start()

    @Slot()
    def _ask(self) -> None:
        if self._wanted is not None and self.isVisible():
            self._source.ask(self._wanted)

    @Slot(int)
    def _take(self, iteration: int) -> None:
        if iteration == self._wanted:
            self._show()

    def _show(self) -> None:
        assert self._wanted is not None
        png = self._source.picture(self._wanted)
        assert png is not None
        self._again.stop()
        self.faces.turn_to(png, fade=self._may_fade())
        self._on_screen = self._wanted
        self._slider.setAccessibleDescription(number(self._wanted))
        self.shown.emit(self._wanted)

    def _may_fade(self) -> bool:
        is_too_fast = self.is_playing and self._speed.currentData() > FASTEST_FADE
        is_new = self._on_screen is not None and self._on_screen != self._wanted
        if not is_new or is_too_fast or self._slider.isSliderDown():
            return False
        return not is_motion_reduced(self._session.preferences.less_motion)

    # -- playing --------------------------------------------------------------------------------

    @Slot()
    def toggle(self) -> None:
        """Play, from the beginning where it is at the end; or stop."""
        if self.is_playing or self._slider.maximum() < 1:
            self._stop()
            return
        if self._slider.value() == self._slider.maximum():
            self._slider.setValue(0)
        self._clock.start()
        self._show_play()

    def _stop(self) -> None:
        self._clock.stop()
        self._show_play()

    @Slot()
    def _play_on(self) -> None:
        if self._wanted != self._on_screen:
            return
        value = self._slider.value()
        if value == self._slider.maximum():
            self._stop()
            return
        for iteration in self._source.iterations[value + 2 : value + 2 + NUM_AHEAD]:
            if self._source.picture(iteration) is None:
                self._source.ask(iteration)
                break
        self._slider.setValue(value + 1)

    @Slot()
    def _set_pace(self) -> None:
        self._clock.setInterval(round(1_000 / self._speed.currentData()))

    def _show_play(self) -> None:
        icons.set_icon(self._play, "pause" if self.is_playing else "play")
        words = self.tr("Pause") if self.is_playing else self.tr("Play")
        self._play.setAccessibleName(words)
        self._play.setToolTip(self.tr("{action} (Space)").format(action=words))

    # -- Qt's own names -------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Keys that the focused part did not want."""
        if event.key() == Qt.Key.Key_Space:
            self.toggle()
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End):
            self._slider.setFocus()
            self._slider.event(QKeyEvent(event))
        else:
            super().keyPressEvent(event)

    def showEvent(self, event: object) -> None:  # noqa: N802
        """What was chosen meanwhile is asked for now that somebody sees it."""
        super().showEvent(event)  # type: ignore[arg-type]
        if self._wanted is not None and self._wanted != self._on_screen:
            self._ask()
            self._again.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Nothing plays and nothing is asked for where nobody looks."""
        super().hideEvent(event)
        self._stop()
        self._again.stop()
