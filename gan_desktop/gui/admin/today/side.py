"""Beside the people: what the class's network draws, how the two networks stand, how far it has come."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gan_desktop.gui import icons
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.curve_buffer import CurveBuffer
from gan_desktop.gui.fading_faces import FadingFacesView
from gan_desktop.gui.motion import is_motion_reduced
from gan_desktop.gui.plot import LineLook, Plot
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.words import number, percent
from gan_desktop.records import Progress, SampleDrawn

SIDE_EM = 15
MOST_POINTS = 200
# The figures are means over so many iterations: a single one goes up and down.
MEAN_OVER = 3


class TodaySide(QFrame):
    """Faces, two shares, one small curve, and the message to all.

    Signals:
        message_wanted: To everybody.
    """

    message_wanted = Signal()

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._shown: int | None = None
        self._history: tuple[Progress, ...] = ()
        set_role(self, "card")
        self.setFixedWidth(em(self, SIDE_EM))
        self.faces = FadingFacesView(self, least_em=6)
        self.faces.setAccessibleName(self.tr("Newest faces of the class"))
        self._caption = QLabel(self)
        set_role(self._caption, "muted")
        self._fake, self._real, self._distance = (QLabel(self) for _ in range(3))
        self._buffer = CurveBuffer(1)
        self.curve = Plot((LineLook(0),), self)
        self._keep_curve_plain()
        self.message_button = QPushButton(self.tr("&Message to all ..."), self)
        icons.set_icon(self.message_button, "message")
        self.message_button.clicked.connect(self.message_wanted)
        self._lay_out()
        session.class_changed.connect(self._show)
        session.snapshot_changed.connect(self._show)
        session.sample_arrived.connect(self._take_sample)
        self._show()
        if session.newest_sample is not None:
            self._take_sample(session.newest_sample)

    def _keep_curve_plain(self) -> None:
        self.curve.setAccessibleName(self.tr("Distance to real pictures, over the iterations"))
        self.curve.keep_still()
        for side in ("left", "bottom"):
            self.curve.hideAxis(side)
        self.curve.setFixedHeight(em(self, 2.6))
        self.curve.setMinimumWidth(em(self, 4))
        # A row of the page, not a chart: it passes the wheel on.
        self.curve.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        margin = em(self, 0.7)
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(em(self, 0.3))
        column.addWidget(self.faces, 1)
        column.addWidget(self._caption)
        figures = QGridLayout()
        self._titles: dict[QLabel, QLabel] = {}
        figures.setVerticalSpacing(em(self, 0.1))
        figures.setColumnStretch(0, 1)
        for row, (title, tip, value) in enumerate(
            (
                (
                    self.tr("Fakes caught"),
                    self.tr("How many of the drawn faces the discriminator sees through (D_fake)"),
                    self._fake,
                ),
                (
                    self.tr("Real pictures recognised"),
                    self.tr("How many of the real pictures the discriminator takes for real (D_real)"),
                    self._real,
                ),
                (
                    self.tr("Distance"),
                    self.tr("Lower is better: how far the drawn faces are from the pictures"),
                    self._distance,
                ),
            )
        ):
            label = QLabel(title, self)
            for part in (label, value):
                part.setToolTip(tip)
            value.setAccessibleName(title)
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            use_tabular_digits(value)
            scale_font(value, 1.0, bold=True)
            figures.addWidget(label, row, 0)
            self._titles[value] = label
            figures.addWidget(value, row, 1)
        column.addLayout(figures)
        column.addWidget(self.curve)
        column.addWidget(self.message_button)

    # -- showing --------------------------------------------------------------------------------

    @Slot()
    def _show(self) -> None:
        snapshot = self._session.snapshot
        has_class = self._session.taught is not None
        self.message_button.setEnabled(has_class)
        if snapshot.training is None or not snapshot.sample_iterations:
            self._shown = None
            self.faces.show_words(self.tr("The first faces come when the training has begun."))
            self._caption.setText("")
        if snapshot.history != self._history or not snapshot.history:
            self._history = snapshot.history
            self._show_figures(snapshot.history)

    def _show_figures(self, history: tuple[Progress, ...]) -> None:
        self._fake.setText(_share([row.d_fake for row in history]))
        self._real.setText(_share([row.d_real for row in history]))
        points = [(row.iteration, row.distance) for row in history if row.distance is not None]
        self._distance.setText(number(points[-1][1]) if points else "-")
        # It is measured now and then: what stands here may be older than the faces above.
        title = self.tr("Distance (iteration {number})") if points else self.tr("Distance")
        title = title.format(number=number(points[-1][0])) if points else title
        self._titles[self._distance].setText(title)
        self._distance.setAccessibleName(title)
        self.curve.setVisible(len(points) > 1)
        if len(points) > 1:
            self._buffer.replace(points)
            first, last = float(points[0][0]), float(points[-1][0])
            self.curve.setXRange(first, last, padding=0.01)
            self.curve.show_curves(self._buffer.thinned(first, np.nextafter(last, np.inf), MOST_POINTS))

    @Slot(object)
    def _take_sample(self, sample: SampleDrawn) -> None:
        newest = self._session.newest_sample
        if newest is None or sample.iteration != newest.iteration or sample.iteration == self._shown:
            return
        fade = self._shown is not None and not is_motion_reduced(self._session.preferences.less_motion)
        self._shown = sample.iteration
        self.faces.turn_to(sample.png, fade=fade)
        self._caption.setText(self.tr("Iteration {number}").format(number=number(sample.iteration)))


def _share(values: list[float | None]) -> str:
    """A share of the newest iterations, as a percentage."""
    measured = [value for value in values[-MEAN_OVER:] if value is not None]
    return percent(sum(measured) / len(measured)) if measured else "-"
