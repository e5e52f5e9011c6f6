"""A new training: what it learns from and begins with, for which occasion; beside it what it takes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.images.model import size_words
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.training.estimates import EstimatesCard
from gan_desktop.gui.admin.training.fields import ADVANCED, LENGTH, ConfigFields
from gan_desktop.gui.admin.training.start import StartChoice
from gan_desktop.gui.calm_fields import CalmComboBox
from gan_desktop.gui.theme import em, scale_font, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import number
from gan_desktop.records import RunConfig, RunStatus

if TYPE_CHECKING:
    from gan_desktop.class_admin.estimates import Preset
    from gan_desktop.database.address import Address

MOST_LETTERS = 80
# The discriminator soon knows each of fewer pictures, and what it calls real are these alone.
FEW_PICTURES = 1_000
# What weights to begin with decide.
_OF_THE_WEIGHTS = ("network", "feature_maps", "latent_size")


class TrainingForm(QWidget):
    """Everything that is written stays until a training was made of it.

    Signals:
        made: The number of the new training.
        left: Back to the trainings.
    """

    made = Signal(int)
    left = Signal()

    def __init__(self, session: TeachingSession, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._presets = _presets()
        self._is_forking = False
        self.back = QPushButton(self.tr("Back"), self)
        self.back.clicked.connect(lambda _checked=False: self.left.emit())
        self.name = QLineEdit(self)
        self.name.setMaxLength(MOST_LETTERS)
        self.pictures = CalmComboBox(self)
        # A long name must not make the whole card wider.
        self.pictures.setSizeAdjustPolicy(CalmComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.few_pictures = QLabel(self.tr("With so few pictures the network learns them by heart."), self)
        self.few_pictures.setWordWrap(True)
        set_role(self.few_pictures, "muted")
        self.start = StartChoice(session, self)
        self.preset_words = QLabel(self)
        self.preset_words.setWordWrap(True)
        set_role(self.preset_words, "muted")
        self._preset_group, presets = self._make_presets()
        self.fields = ConfigFields((LENGTH, *ADVANCED), self, fixed=("image_size",))
        self.estimates = EstimatesCard(session, self)
        self.told = QLabel(self)
        self.told.setWordWrap(True)
        self.told.setTextFormat(Qt.TextFormat.PlainText)
        set_role(self.told, "bad")
        self.make = QPushButton(self.tr("&Make it"), self)
        self.make_and_begin = QPushButton(self.tr("Make and &begin"), self)
        set_role(self.make_and_begin, "primary")
        self._lay_out(presets)
        self.name.textChanged.connect(lambda _text: self._follow())
        self.pictures.currentIndexChanged.connect(lambda _at: self._take_pictures())
        self._preset_group.idToggled.connect(lambda number, on: self._take_preset(number) if on else None)
        self.start.changed.connect(self._take_start)
        self.fields.changed.connect(self._follow)
        self.make.clicked.connect(lambda _checked=False: self.make_training(begin=False))
        self.make_and_begin.clicked.connect(lambda _checked=False: self.make_training(begin=True))
        session.snapshot_changed.connect(self._follow_class)
        self._take_preset(1)
        self._follow_class()

    # -- building -------------------------------------------------------------------------------

    def _make_presets(self) -> tuple[QButtonGroup, QHBoxLayout]:
        group, row = QButtonGroup(self), QHBoxLayout()
        row.setSpacing(0)
        for at, preset in enumerate(self._presets):
            button = QPushButton(engine_text(preset.title), self)
            button.setCheckable(True)
            set_role(button, "segment")
            group.addButton(button, at)
            row.addWidget(button)
        row.addStretch(1)
        group.button(1).setChecked(True)
        return group, row

    def _lay_out(self, presets: QHBoxLayout) -> None:
        heading = QLabel(self.tr("New training"), self)
        scale_font(heading, 1.3, bold=True)
        top = QHBoxLayout()
        top.setSpacing(em(self, 0.6))
        top.addWidget(self.back)
        top.addWidget(heading, 1)
        top.addWidget(self.make)
        top.addWidget(self.make_and_begin)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.6))
        column.addLayout(top)
        column.addWidget(self.told)
        row = QHBoxLayout()
        row.setSpacing(em(self, 0.7))
        row.addWidget(self._make_choices(presets), 1)
        row.addWidget(self.estimates, 1)
        column.addLayout(row, 1)

    def _make_choices(self, presets: QHBoxLayout) -> QFrame:
        """All that is chosen, in a card that scrolls."""
        choices = QWidget(self)
        inside = QVBoxLayout(choices)
        inside.setContentsMargins(0, 0, em(self, 0.5), 0)
        inside.setSpacing(em(self, 0.4))
        lines = QGridLayout()
        lines.setVerticalSpacing(em(self, 0.4))
        lines.setHorizontalSpacing(em(self, 0.6))
        for at, (title, widget) in enumerate(
            (
                (self.tr("Name"), self.name),
                (self.tr("Learns from"), self.pictures),
                (self.tr("Begins with"), self.start),
            )
        ):
            label = QLabel(title, self)
            label.setBuddy(widget if widget is not self.start else self.start.source)
            widget.setAccessibleName(title)
            lines.addWidget(label, at, 0, Qt.AlignmentFlag.AlignTop)
            lines.addWidget(widget, at, 1)
        inside.addLayout(lines)
        inside.addWidget(self.few_pictures)
        inside.addLayout(presets)
        inside.addWidget(self.preset_words)
        inside.addWidget(self.fields.widgets[LENGTH.key])
        self.advanced = QToolButton(self)
        self.advanced.setText(self.tr("Advanced"))
        self.advanced.setCheckable(True)
        self.advanced.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.advanced.setArrowType(Qt.ArrowType.RightArrow)
        self.advanced.setAutoRaise(True)
        inside.addWidget(self.advanced)
        for group in ADVANCED:
            inside.addWidget(self.fields.widgets[group.key])
        inside.addStretch(1)
        self.advanced.toggled.connect(self._unfold)
        self._unfold(False)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(choices)
        bar = scroll.verticalScrollBar().sizeHint().width()
        scroll.setMinimumWidth(choices.minimumSizeHint().width() + bar)
        # The card's colour, not a window's.
        choices.setAutoFillBackground(False)
        scroll.viewport().setAutoFillBackground(False)
        card = QFrame(self)
        set_role(card, "card")
        column = QVBoxLayout(card)
        margin = em(self, 0.7)
        column.setContentsMargins(margin, margin, margin // 2, margin)
        column.addWidget(scroll)
        return card

    @Slot(bool)
    def _unfold(self, is_open: bool) -> None:
        self.advanced.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        for group in ADVANCED:
            self.fields.widgets[group.key].setVisible(is_open)

    # -- the class ------------------------------------------------------------------------------

    @Slot()
    def _follow_class(self) -> None:
        status = self._session.snapshot.status
        if status is None:
            return
        self.start.show_runs(tuple(status.runs))
        chosen = self.pictures.currentData()
        self.pictures.blockSignals(True)
        known = [self.pictures.itemData(at) for at in range(self.pictures.count())]
        wanted = [(dataset.dataset_id, dataset.image_size) for dataset in reversed(status.datasets)]
        if known != wanted:
            self.pictures.clear()
            for dataset in reversed(status.datasets):
                words = self.tr("{name}: {number} of {size}").format(
                    name=dataset.name, number=number(dataset.num_images), size=size_words(dataset.image_size)
                )
                self.pictures.addItem(words, (dataset.dataset_id, dataset.image_size))
            self.pictures.setCurrentIndex(max(0, wanted.index(chosen) if chosen in wanted else 0))
        self.pictures.blockSignals(False)
        if known != wanted:
            self._take_pictures()
        if not self.name.text():
            self.name.setPlaceholderText(self._free_name())
        self._follow()

    def _free_name(self) -> str:
        status = self._session.snapshot.status
        taken = {run.name for run in status.runs} if status is not None else set()
        at, name = 1, ""
        while not name or name in taken:
            name, at = self.tr("Faces {number}").format(number=at), at + 1
        return name

    def fork(self, run_id: int, iteration: int) -> None:
        """Begin from an iteration of a training, with that training's settings and pictures."""
        self._is_forking = True
        status = self._session.snapshot.status
        for run in status.runs if status is not None else ():
            if run.run_id == run_id:
                ids = [self.pictures.itemData(at)[0] for at in range(self.pictures.count())]
                self.pictures.setCurrentIndex(ids.index(run.dataset_id) if run.dataset_id in ids else 0)
        self.start.choose(run_id, iteration)

    # -- choosing -------------------------------------------------------------------------------

    def _take_pictures(self) -> None:
        """Another size of pictures: the presets are made for it."""
        size = self._image_size()
        if size is None or size == self.fields.base.image_size:
            self._follow()
            return
        self._take_preset(self._preset_group.checkedId())

    def _image_size(self) -> int | None:
        chosen = self.pictures.currentData()
        return None if chosen is None else int(chosen[1])

    def _num_pictures(self) -> int:
        chosen, status = self.pictures.currentData(), self._session.snapshot.status
        if chosen is None or status is None:
            return 0
        return sum(dataset.num_images for dataset in status.datasets if dataset.dataset_id == chosen[0])

    def _take_preset(self, at: int) -> None:
        preset = self._presets[max(0, at)]
        self.preset_words.setText(engine_text(preset.words))
        config = preset.for_pictures(self._image_size() or RunConfig().image_size)
        self._show_config(config)

    def _take_start(self) -> None:
        """Weights to begin with bring their network along."""
        known = self.start.known
        if self._is_forking and known is not None:
            self._is_forking = False
            self._show_config(known)
            return
        self._show_config(self.fields.config() or self.fields.base)

    def _show_config(self, config: RunConfig) -> None:
        known = self.start.known
        if known is not None:
            config = replace(config, **{name: getattr(known, name) for name in _OF_THE_WEIGHTS})
        self.fields.show_config(config)
        self.fields.set_enabled(_OF_THE_WEIGHTS, known is None)
        self._follow()

    def _follow(self) -> None:
        config = self.fields.config()
        trouble = self._trouble()
        waits = self.tr("You can make it now, and begin it when the training in progress is over.")
        said = trouble or (waits if self._is_another_running() else "")
        self.few_pictures.setVisible(0 < self._num_pictures() < FEW_PICTURES)
        set_role(self.told, "bad" if trouble else "muted")
        self.told.setText(said)
        self.told.setVisible(bool(said))
        is_right = (
            config is not None and not trouble and self.start.is_ready and self._image_size() is not None
        )
        self.make.setEnabled(is_right)
        self.make_and_begin.setEnabled(is_right and not self._is_another_running())
        self.make_and_begin.setToolTip(
            self.tr("Another training is in progress: a class trains one network at a time.")
            if self._is_another_running()
            else ""
        )
        self.estimates.show_config(config)

    def _trouble(self) -> str:
        """What stands against it, beside the fields' own troubles."""
        if self._session.snapshot.status is not None and self._image_size() is None:
            return self.tr("The class has no pictures yet: import some on the page Images.")
        known, size = self.start.known, self._image_size()
        if known is not None and size is not None and known.image_size != size:
            words = self.tr("These weights draw {known}, the pictures have {size}. Choose others.")
            return words.format(known=size_words(known.image_size), size=size_words(size))
        status, name = self._session.snapshot.status, self.name.text().strip()
        if status is not None and any(run.name == name for run in status.runs):
            return self.tr("There is a training of this name. Choose another name.")
        return ""

    def _is_another_running(self) -> bool:
        status = self._session.snapshot.status
        active = (RunStatus.RUNNING, RunStatus.PAUSED)
        return status is not None and any(run.status in active for run in status.runs)

    # -- making ---------------------------------------------------------------------------------

    def make_training(self, *, begin: bool) -> None:
        """Write the training down.

        Args:
            begin: Run it in this window from now on.
        """
        config, chosen = self.fields.config(), self.pictures.currentData()
        if config is None or chosen is None:
            return
        name = self.name.text().strip() or self._free_name()
        dataset_id, load = int(chosen[0]), self.start.loader()

        def create(address: Address) -> int:
            from gan_desktop.class_admin.trainings import create_run

            return create_run(address, name, config, dataset_id, load(address) if load is not None else None)

        for button in (self.make, self.make_and_begin):
            button.setEnabled(False)
        self._session.change(create, partial(self._take_made, begin), owner=self, on_error=self._fail)

    def _take_made(self, begin: bool, run_id: int) -> None:
        self.name.clear()
        self.start.reset()
        self._take_preset(self._preset_group.checkedId())
        if begin:
            self._session.begin_training(run_id)
        self.made.emit(run_id)

    def _fail(self, error: GanDesktopError) -> None:
        self._follow()
        self._session.tell_trouble(error)


def _presets() -> tuple[Preset, ...]:
    from gan_desktop.class_admin.estimates import PRESETS

    return PRESETS
