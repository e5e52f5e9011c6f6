"""What the training that is being made will take, followed as one chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.calm_fields import CalmSpinBox
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import duration, megabytes, number
from gan_desktop.records import RunConfig
from gan_desktop.sentences import about_time

if TYPE_CHECKING:
    from gan_desktop.class_admin.estimates import Crowd, Estimate, PayloadSizes
    from gan_desktop.database.address import Address

# What a classroom's Wi-Fi carries, until somebody knows better.
USUAL_MBIT_S = 20
MOST_COMPUTERS = 1_000
# What decides the bytes of weights and updates.
_SIZED_BY = ("network", "image_size", "latent_size", "feature_maps", "mode", "codec_down", "codec_up")


class EstimatesCard(QFrame):
    """Four figures, whom and what they are for, and where they come from."""

    def __init__(self, session: TeachingSession, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._config: RunConfig | None = None
        self._sizes: dict[tuple[object, ...], PayloadSizes] = {}
        self._wanted: tuple[object, ...] | None = None
        self._measured: float | None = None
        set_role(self, "card")
        self._figures: dict[str, QLabel] = {}
        self._details: dict[str, QLabel] = {}
        self.computers = self._number_field(self.tr("Computers"), 1, MOST_COMPUTERS, "")
        self.network = self._number_field(self.tr("Network"), 1, 100_000, self.tr(" Mbit/s"))
        self.measure = QPushButton(self.tr("Measure"), self)
        set_role(self.measure, "link")
        self.measure.setToolTip(self.tr("How fast pictures and weights come from the class's server"))
        self.measure.clicked.connect(lambda _checked=False: self._measure())
        self.warning, self.words = QLabel(self), QLabel(self)
        for label, role in ((self.warning, "bad"), (self.words, "muted")):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            set_role(label, role)
        self._lay_out()
        self.computers.valueChanged.connect(lambda _value: self._take_computers())
        self.network.valueChanged.connect(lambda _value: self._take_network())
        session.class_changed.connect(self._take_class)
        session.snapshot_changed.connect(self._follow_class)
        self._is_number_typed = False
        self._take_class()

    def _number_field(self, name: str, lowest: int, highest: int, suffix: str) -> CalmSpinBox:
        field = CalmSpinBox(self)
        field.setRange(lowest, highest)
        field.setSuffix(suffix)
        field.setAccessibleName(name)
        field.setKeyboardTracking(False)
        field.setFixedWidth(em(self, 4 if not suffix else 6.5))
        return field

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(em(self))
        grid.setVerticalSpacing(em(self, 0.4))
        for at, (key, title) in enumerate(
            (
                ("faces", self.tr("First faces after")),
                ("total", self.tr("In all")),
                ("traffic", self.tr("Traffic of the class")),
                ("storage", self.tr("Storage")),
            )
        ):
            grid.addLayout(self._figure(key, title), at // 2, at % 2)
            grid.setColumnStretch(at % 2, 1)
        line = QHBoxLayout()
        line.setSpacing(em(self, 0.4))
        line.addWidget(QLabel(self.tr("For"), self))
        line.addWidget(self.computers)
        line.addWidget(QLabel(self.tr("computers; network"), self))
        line.addWidget(self.network)
        line.addWidget(self.measure)
        line.addStretch(1)
        inside = QWidget(self)
        told = QVBoxLayout(inside)
        told.setContentsMargins(0, 0, 0, 0)
        told.setSpacing(em(self, 0.3))
        told.addWidget(self.warning)
        told.addWidget(self.words)
        told.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(inside)
        inside.setAutoFillBackground(False)
        scroll.viewport().setAutoFillBackground(False)
        column = QVBoxLayout(self)
        margin = em(self, 0.8)
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(em(self, 0.5))
        column.addLayout(grid)
        column.addLayout(line)
        column.addWidget(scroll, 1)

    def _figure(self, key: str, title: str) -> QVBoxLayout:
        value, label, detail = QLabel("-", self), QLabel(title, self), QLabel(self)
        scale_font(value, 1.3, bold=True)
        use_tabular_digits(value)
        value.setAccessibleName(title)
        for small in (label, detail):
            set_role(small, "muted")
        self._figures[key], self._details[key] = value, detail
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(label)
        column.addWidget(value)
        column.addWidget(detail)
        return column

    # -- what it is for -------------------------------------------------------------------------

    def show_config(self, config: RunConfig | None) -> None:
        """Estimate this training; None: something of it is wrong, and the figures go."""
        self._config = config
        if config is None:
            self._clear(self.tr("When everything at the left is right, the figures stand here."))
            return
        key = tuple(getattr(config, name) for name in _SIZED_BY)
        self._wanted = key
        if key in self._sizes:
            self._show()
            return

        def sizes() -> PayloadSizes:
            from gan_desktop.class_admin.estimates import payload_sizes

            return payload_sizes(config)

        def take(found: PayloadSizes) -> None:
            self._sizes[key] = found
            if key == self._wanted:
                self._show()

        def fail(error: GanDesktopError) -> None:
            self._clear(engine_text(error.message))

        run_in_background(sizes, take, fail, owner=self)

    @Slot()
    def _take_class(self) -> None:
        taught = self._session.taught
        self._is_number_typed = False
        self._measured = None
        self.measure.setVisible(taught is not None and taught.hosted_in is None)
        self.network.blockSignals(True)
        self.network.setValue(round(self._session.network_mbit_s or USUAL_MBIT_S))
        self.network.blockSignals(False)
        self.measure.setEnabled(True)
        self._follow_class()
        self._show()

    @Slot()
    def _follow_class(self) -> None:
        """Count on everybody in the class, until the person says another number."""
        snapshot = self._session.snapshot
        if snapshot.status is None or self._is_number_typed or self.computers.hasFocus():
            # In the field a number may be half typed.
            return
        from gan_desktop.class_admin.estimates import ASSUMED_COMPUTERS
        from gan_desktop.class_admin.status import num_expected

        expected = num_expected(snapshot.status, snapshot.students) or ASSUMED_COMPUTERS
        if expected != self.computers.value():
            self.computers.blockSignals(True)
            self.computers.setValue(expected)
            self.computers.blockSignals(False)
            self._show()

    def _take_computers(self) -> None:
        self._is_number_typed = True
        self._show()

    def _crowd(self) -> Crowd:
        from gan_desktop.class_admin.estimates import Crowd, count_on

        snapshot, count = self._session.snapshot, self.computers.value()
        if snapshot.status is None:
            return Crowd(count)
        trained = snapshot.training.run.config if snapshot.training is not None else None
        return count_on(snapshot.status.workers, trained, count)

    # -- the network ----------------------------------------------------------------------------

    def _take_network(self) -> None:
        self._session.set_network(self.network.value())
        self._show()

    def _measure(self) -> None:
        def measure(address: Address) -> float:
            from gan_desktop.class_admin.reach import measure_link

            return measure_link(address)

        def take(mbit_s: float) -> None:
            self.measure.setEnabled(True)
            self._measured = mbit_s
            self.network.setValue(max(1, round(mbit_s)))
            self._show()

        def fail(error: GanDesktopError) -> None:
            self.measure.setEnabled(True)
            self._session.tell_trouble(error)

        self.measure.setEnabled(False)
        self._session.ask(measure, take, owner=self, on_error=fail)

    # -- showing --------------------------------------------------------------------------------

    def _show(self) -> None:
        config = self._config
        sizes = self._sizes.get(self._wanted) if self._wanted is not None else None
        if config is None or sizes is None:
            return
        from gan_desktop.class_admin.estimates import estimate

        crowd = self._crowd()
        estimated = estimate(config, sizes, crowd)
        about = engine_text(about_time(estimated.faces_seconds)) if estimated.faces_seconds else "-"
        self._figures["faces"].setText(about)
        self._details["faces"].setText(self.tr("once everybody works"))
        self._figures["total"].setText(duration(estimated.total_seconds))
        iterations = self.tr("{number} iterations")
        self._details["total"].setText(iterations.format(number=number(config.target_iterations)))
        traffic = self.tr("{number} Mbit/s")
        decimals = 1 if estimated.mbit_s < 10 else 0
        self._figures["traffic"].setText(traffic.format(number=number(estimated.mbit_s, decimals)))
        each = self.tr("{size} an hour for each")
        per_hour = 3_600 * estimated.mbit_s / 8 / crowd.num_computers
        self._details["traffic"].setText(each.format(size=megabytes(per_hour)))
        self._figures["storage"].setText(megabytes(estimated.storage_mb))
        self._details["storage"].setText(self.tr("beside the pictures"))
        self._tell(config, estimated, crowd)

    def _tell(self, config: RunConfig, estimated: Estimate, crowd: Crowd) -> None:
        from gan_desktop.class_admin import estimates

        carries = float(self.network.value())
        is_measured = self._measured is not None and round(self._measured) == self.network.value()
        traffic = estimates.traffic_sentence(
            config, estimated, crowd.num_computers, carries, is_measured=is_measured
        )
        warnings: list[str] = []
        words = [engine_text(estimates.crowd_sentence(config, crowd))]
        (warnings if estimated.mbit_s > carries else words).append(engine_text(traffic))
        if estimated.ends_before_faces:
            warnings.append(self.tr("It ends before there are faces: choose more iterations."))
        if few_steps := estimates.steps_sentence(estimated):
            warnings.append(engine_text(few_steps))
        words.append(engine_text(estimates.faces_sentence(config, estimated, crowd)))
        self.warning.setText("\n".join(warnings))
        self.warning.setVisible(bool(warnings))
        self.words.setText("\n".join(words))

    def _clear(self, words: str) -> None:
        for label in self._figures.values():
            label.setText("-")
        for label in self._details.values():
            label.clear()
        self.warning.hide()
        self.words.setText(words)
