"""The class's faces on the whole screen of a lecture room, read from eight metres away.

At most four numbers, no text smaller than a twenty-fifth of the height; no devices, no times, nothing
refused. Space freezes, left and right step through the iterations, Home is the noise of the beginning, End
the newest.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Slot
from PySide6.QtGui import (
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPixmap,
    QResizeEvent,
    QScreen,
    QShowEvent,
)
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from gan_desktop.gui import icons
from gan_desktop.gui.admin.projector.names import NamesLine
from gan_desktop.gui.admin.projector.pictures import TaughtPictures
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.students.class_codes import class_codes
from gan_desktop.gui.fading_faces import FadingFacesView
from gan_desktop.gui.motion import is_motion_reduced
from gan_desktop.gui.theme import set_role, use_tabular_digits
from gan_desktop.gui.words import number

if TYPE_CHECKING:
    from gan_desktop.database.address import Address

# The numbers have at least so much room beside the faces, in heights of the smallest letters.
LEAST_SIDE = 12
# No text is smaller than this share of the screen's height.
TEXT_SHARE = 1 / 25
FADE_MS = 900
FACES_IN_GRID, FACES_SHOWN = 8, 4
# Names are asked for when the slider rests.
REST_MS = 200
# A mouse that rests so long does not point at anything.
POINTER_MS = 3_000
# How often the way in is looked up: codes end or are used up, and addresses change.
CODES_MS = 30_000


class FewFacesView(FadingFacesView):
    """The first four by four of a grid of eight by eight faces: these are large enough for a room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, least_em=4)
        self._fade.setDuration(FADE_MS)

    def show_picture(self, png: bytes) -> None:
        """Show them at once."""
        super().show_picture(png)
        self._picture = first_faces(self._picture)


def first_faces(grid: QPixmap) -> QPixmap:
    """The corner of a grid of faces (see `training.picture_files.grid`); another picture stays as it is."""
    gap = 2
    cell, rest = divmod(grid.width() - gap, FACES_IN_GRID)
    if rest or cell <= gap or grid.height() != grid.width():
        return grid
    return grid.copy(0, 0, FACES_SHOWN * cell + gap, FACES_SHOWN * cell + gap)


class ProjectorWindow(QWidget):
    """One full screen; closes with Escape or F11."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self._session = session
        self._is_following = True
        self._wanted: int | None = None
        self._on_screen: int | None = None
        self.setWindowIcon(icons.application_icon())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.pictures = TaughtPictures(session, self)
        self.faces = FewFacesView(self)
        self.faces.setAccessibleName(self.tr("Faces of the class"))
        self._iteration, self._computers, self._together, self._one = (QLabel(self) for _ in range(4))
        self._state, self._first, self._last, self._join = (QLabel(self) for _ in range(4))
        self.names = NamesLine(self)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setAccessibleName(self.tr("Iteration"))
        self.slider.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._lay_out()
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._ask_names)
        self._pointer_rest = QTimer(self, singleShot=True, interval=POINTER_MS)
        self._pointer_rest.timeout.connect(lambda: self.setCursor(Qt.CursorShape.BlankCursor))
        # Also over its parts: moves without a button pressed are told only to whom asks for them.
        for part in (self, *self.findChildren(QWidget)):
            part.setMouseTracking(True)
        self._codes, self._join_words = class_codes(session), ("", "")
        self._codes.changed.connect(self._show_join_line)
        self._codes_again = QTimer(self, interval=CODES_MS)
        self._codes_again.timeout.connect(self._codes.look)
        self.slider.valueChanged.connect(self._choose)
        self.pictures.iterations_changed.connect(self._fit)
        self.pictures.arrived.connect(self._take)
        session.class_changed.connect(self._show_numbers)
        session.snapshot_changed.connect(self._show_numbers)
        self._show_numbers()
        self._fit()
        self._show_join_line()
        self._codes.look()
        self._codes_again.start()

    def _lay_out(self) -> None:
        for label in (self._state, self._first, self._last):
            set_role(label, "muted")
        for label in self._labels():
            label.setTextFormat(Qt.TextFormat.PlainText)
            use_tabular_digits(label)
        for label in (self._join, self._state):
            label.setWordWrap(True)
        scale = QHBoxLayout()
        scale.addWidget(self._first)
        scale.addWidget(self.slider, 1)
        scale.addWidget(self._last)
        self._side = side = QVBoxLayout()
        for label in (self._iteration, self._computers, self._together, self._one):
            side.addWidget(label)
        side.addStretch(1)
        side.addWidget(self._state)
        side.addLayout(scale)
        self._grid = grid = QGridLayout(self)
        grid.addWidget(self.faces, 0, 0)
        grid.addLayout(side, 0, 1)
        grid.addWidget(self.names, 1, 0, 1, 2)
        grid.addWidget(self._join, 2, 0, 1, 2)
        grid.setRowStretch(0, 1)
        grid.setColumnStretch(1, 1)

    def _labels(self) -> tuple[QLabel, ...]:
        return (
            self._iteration,
            self._computers,
            self._together,
            self._one,
            self._state,
            self._first,
            self._last,
            self._join,
        )

    # -- coming and going -----------------------------------------------------------------------

    def show_on(self, window_screen: QScreen | None) -> None:
        """Fill a screen: another one than the window's where there is one."""
        others = [screen for screen in QGuiApplication.screens() if screen is not window_screen]
        chosen = others[0] if others else window_screen
        if chosen is not None:
            self.setScreen(chosen)
            self.setGeometry(chosen.geometry())
        self.showFullScreen()
        self.activateWindow()
        self.setFocus()

    @property
    def iteration(self) -> int | None:
        """The one on the screen."""
        return self._on_screen

    @property
    def is_frozen(self) -> bool:
        """Whether a new iteration changes nothing here."""
        return not self._is_following

    # -- stepping -------------------------------------------------------------------------------

    def step(self, by: int) -> None:
        """Go so many iterations on or back."""
        self.slider.setValue(self.slider.value() + by)

    def show_first(self) -> None:
        """The noise of the beginning."""
        self.slider.setValue(self.slider.minimum())

    def show_newest(self) -> None:
        """Go along with the class again."""
        self._is_following = True
        self._fit()
        self._show_state()

    def toggle_frozen(self) -> None:
        """Hold the picture, or go along with the class again."""
        if self._is_following:
            self._is_following = False
            self._show_state()
        else:
            self.show_newest()

    @Slot(int)
    def _choose(self, place: int) -> None:
        there = self.pictures.iterations
        if there:
            # Whoever looks at an earlier one is not torn away from it.
            self._is_following = place == len(there) - 1
            self._want(there[place])
        self._show_state()

    @Slot()
    def _fit(self) -> None:
        """Other iterations are there."""
        there = self.pictures.iterations
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, len(there) - 1))
        if there and (self._is_following or self._wanted is None):
            self.slider.setValue(len(there) - 1)
        elif there and self._wanted is not None:
            self.slider.setValue(min(bisect_left(there, self._wanted), len(there) - 1))
        self.slider.blockSignals(False)
        self._first.setText(number(there[0]) if there else "")
        self._last.setText(number(there[-1]) if there else "")
        if there:
            self._want(there[self.slider.value()])
        else:
            self._wanted = self._on_screen = None
            self.faces.show_words(self.tr("The first faces come when the training has begun."))
            self._show_iteration()
        self._show_state()

    def _want(self, iteration: int) -> None:
        self._wanted = iteration
        if iteration == self._on_screen:
            return
        if self.pictures.picture(iteration) is not None:
            self._take(iteration)
        else:
            self.pictures.ask(iteration)

    @Slot(int)
    def _take(self, iteration: int) -> None:
        png = self.pictures.picture(iteration)
        if png is None or iteration != self._wanted or iteration == self._on_screen:
            return
        is_next = self._is_following and self._on_screen is not None
        fade = is_next and not is_motion_reduced(self._session.preferences.less_motion)
        self._on_screen = iteration
        self.faces.turn_to(png, fade=fade)
        self._show_iteration()
        self._rest.start()

    # -- words ----------------------------------------------------------------------------------

    @Slot()
    def _show_numbers(self) -> None:
        self.setWindowTitle(self._session.title)
        status = self._session.snapshot.status
        if status is None:
            for label in (self._computers, self._together, self._one):
                label.setText("")
            return
        from gan_desktop.class_admin.status import Standing, images_per_second, standing

        present = [w for w in status.workers if standing(w) in (Standing.WORKING, Standing.WAITING)]
        speeds = [w.images_per_second for w in present if w.images_per_second > 0]
        self._computers.setText(self.tr("%n computer(s)", None, len(present)))
        together = images_per_second(status.workers)
        self._together.setText(self.tr("{number} images/s").format(number=_rate(together)))
        one = (
            self.tr("one laptop: {number}").format(number=_rate(statistics.median(speeds))) if speeds else ""
        )
        self._one.setText(one)

    def _show_iteration(self) -> None:
        shown = self._on_screen
        self._iteration.setText(
            "" if shown is None else self.tr("Iteration {number}").format(number=number(shown))
        )
        if shown == 0:
            self.names.show_words(
                self.tr("This is what the network draws before it has learned anything. Watch this square.")
            )
        else:
            self.names.show_words("")
        self._fit_to_screen(self.size())

    @Slot()
    def _show_state(self) -> None:
        self._state.setText("" if self._is_following else self.tr("Frozen. Space goes on."))

    @Slot()
    def _ask_names(self) -> None:
        training, iteration = self._session.snapshot.training, self._on_screen
        if training is None or not iteration:
            return
        run_id = training.run.run_id

        def look(address: Address) -> tuple[str, ...]:
            from gan_desktop.class_admin.lessons import merged_people

            return merged_people(address, run_id, iteration)

        def show(names: tuple[str, ...]) -> None:
            now = self._session.snapshot.training
            if iteration == self._on_screen and now is not None and now.run.run_id == run_id:
                self.names.show_names(self.tr("In this iteration:"), names)

        # Without a connection the room needs no banner: the window has one.
        self._session.ask(look, show, owner=self, on_error=lambda _error: None)

    @Slot()
    def _show_join_line(self) -> None:
        codes = self._codes.now
        self._join_words = ("", "")
        if codes is not None and not codes.way.is_for_here_alone:
            if codes.code:
                where = self.tr("address {address}, code {code}")
                self._join_words = (
                    self.tr('Join: start GAN Desktop, "Join a class",'),
                    where.format(address=codes.address, code=codes.code),
                )
            else:
                # A card holds the address, and without one it opens nothing.
                self._join_words = (
                    self.tr('Join: start GAN Desktop, "Join a class",'),
                    self.tr("with your card"),
                )
        self._join.setVisible(any(self._join_words))
        self._fit_to_screen(self.size())

    # -- Qt's own names -------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name."""
        super().showEvent(event)
        self._pointer_rest.start()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Qt's name: the pointer is seen while the mouse is moved."""
        super().mouseMoveEvent(event)
        self.unsetCursor()
        self._pointer_rest.start()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Qt's name."""
        acts = {
            Qt.Key.Key_Escape: self.close,
            Qt.Key.Key_F11: self.close,
            Qt.Key.Key_Space: self.toggle_frozen,
            Qt.Key.Key_Left: lambda: self.step(-1),
            Qt.Key.Key_Right: lambda: self.step(1),
            Qt.Key.Key_PageUp: lambda: self.step(-10),
            Qt.Key.Key_PageDown: lambda: self.step(10),
            Qt.Key.Key_Home: self.show_first,
            Qt.Key.Key_End: self.show_newest,
        }
        act = acts.get(Qt.Key(event.key()))
        if act is None:
            super().keyPressEvent(event)
        else:
            act()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Qt's name: letters grow with the screen."""
        super().resizeEvent(event)
        self._fit_to_screen(event.size())

    def _fit_to_screen(self, size: QSize) -> None:
        """Make the faces as large as their words leave room for, and the numbers as large as fit beside."""
        smallest = max(8, math.ceil(size.height() * TEXT_SHARE))
        for label in (self._state, self._first, self._last, self._join, self.faces):
            _set_letters(label, smallest)
        self.names.set_letters(smallest)
        self.slider.setMinimumHeight(smallest)
        margin, gap = smallest, round(0.4 * smallest)
        self._grid.setContentsMargins(margin, margin, margin, round(0.7 * margin))
        self._grid.setHorizontalSpacing(round(1.4 * margin))
        self._grid.setVerticalSpacing(gap)
        self._side.setSpacing(round(0.35 * margin))
        inside = size.width() - 2 * margin
        # What is to be typed stands on a line of its own, where one is too short for all.
        in_one = " ".join(self._join_words)
        has_room = self._join.fontMetrics().horizontalAdvance(in_one) <= inside
        self._join.setText(in_one if has_room else "\n".join(self._join_words))
        # Not `isVisible`: that is false before the window is shown.
        join = 0 if self._join.isHidden() else self._join.heightForWidth(inside) + gap
        height = size.height() - round(1.7 * margin) - self.names.sizeHint().height() - gap - join
        side = max(inside - round(1.4 * margin) - height, LEAST_SIDE * smallest)
        self.faces.setFixedWidth(inside - round(1.4 * margin) - side)
        self._fit_numbers(smallest, side)

    def _fit_numbers(self, smallest: int, side: int) -> None:
        lines = (self._computers, self._together, self._one)
        fitting = min(_fitting_letters(label, side) for label in lines)
        for label in lines:
            _set_letters(label, max(smallest, min(round(1.7 * smallest), fitting)))
        fitting = _fitting_letters(self._iteration, side, bold=True)
        _set_letters(self._iteration, max(smallest, min(round(2.4 * smallest), fitting)), bold=True)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Qt's name: the theme may have changed."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.update()


def _fitting_letters(label: QLabel, width: int, *, bold: bool = False) -> int:
    """The height of letters in which a label's words are so wide, with room for another digit."""
    font = QFont(label.font())
    font.setPixelSize(100)
    font.setBold(bold)
    return int(100 * width / max(1.0, QFontMetricsF(font).horizontalAdvance(f"{label.text()}0")))


def _set_letters(label: QWidget, pixels: int, *, bold: bool = False) -> None:
    font = label.font()
    font.setPixelSize(pixels)
    font.setBold(bold)
    label.setFont(font)


def _rate(images_per_second: float) -> str:
    # Right after a pause nobody has told a speed yet.
    if images_per_second <= 0:
        return "-"
    return number(images_per_second, 0 if images_per_second >= 10 else 1)
