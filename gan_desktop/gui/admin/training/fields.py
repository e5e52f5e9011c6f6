"""A training's settings as fields: what each does in a line, what is allowed, and what is wrong beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QCoreApplication, QLocale, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from gan_desktop.errors import SettingsError
from gan_desktop.gui.calm_fields import CalmComboBox
from gan_desktop.gui.theme import em, scale_font, set_role
from gan_desktop.gui.translation import engine_text, mark
from gan_desktop.records import CODECS, RunConfig

# Between two strokes of a key nothing is worked out.
TELL_MS = 150


@dataclass(frozen=True)
class Field:
    """One of `RunConfig`'s: what people call it, and what it does. `choices`: one of these values."""

    name: str
    title: str
    words: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Fields below one headline."""

    key: str
    title: str
    fields: tuple[Field, ...]


LENGTH = Group(
    "length",
    "",
    (
        Field("target_iterations", mark("Iterations"), mark("The training is complete after so many.")),
        Field(
            "unit_seconds",
            mark("Seconds of a unit"),
            mark("So long a computer works before it hands in. Longer: less to send, fewer new faces."),
        ),
    ),
)
NETWORK = Group(
    "network",
    mark("The network"),
    (
        Field(
            "network",
            mark("Kind"),
            mark("dcgan-sn has faces sooner, dcgan better ones in the end."),
            ("dcgan", "dcgan-sn"),
        ),
        Field(
            "feature_maps",
            mark("Width"),
            mark("Channels of the widest layer. Twice as wide: four times the work."),
        ),
        Field("latent_size", mark("Length of z"), mark("The random numbers that a face is drawn from.")),
        Field(
            "seed", mark("Seed"), mark("Decides the first weights, the order of the pictures and the noise.")
        ),
    ),
)
STEPS = Group(
    "steps",
    mark("How it learns"),
    (
        Field(
            "mode",
            mark("Way of learning"),
            mark("local_steps: many steps in a unit. gradient: one averaged step an iteration, as in books."),
            ("local_steps", "gradient"),
        ),
        Field(
            "step_batch", mark("Pictures of a step"), mark("Small ones learn more from the same pictures.")
        ),
        Field("learning_rate", mark("Learning rate"), mark("How far Adam moves the weights in a step.")),
        Field("beta1", mark("Adam's beta 1"), mark("How long the direction of earlier steps is kept.")),
        Field("beta2", mark("Adam's beta 2"), mark("How long the size of earlier steps is kept.")),
    ),
)
DUE = Group(
    "due",
    mark("When the next iteration comes"),
    (
        Field(
            "quorum",
            mark("People needed"),
            mark("So many must have handed in. 0: by the share below."),
        ),
        Field("quorum_share", mark("Share of people needed"), mark("Of those at work now; 0.6 are 60%.")),
        Field(
            "grace_share",
            mark("Patience with the others"),
            mark("How long to wait for them then, in lengths of a unit."),
        ),
        Field(
            "max_staleness",
            mark("Iterations of delay"),
            mark("Work that is later still is credited, but changes nothing."),
        ),
    ),
)
MOVES = Group(
    "moves",
    mark("How far an iteration goes"),
    (
        Field(
            "outer_rate",
            mark("Part of the change"),
            mark("1: the mean of all changes. Less: slower, calmer."),
        ),
        Field(
            "ema_half_life_images",
            mark("Memory of the faces shown"),
            mark("Pictures after which an old network weighs half in the average that draws them."),
        ),
    ),
)
TRAVELS = Group(
    "travels",
    mark("What travels"),
    (
        Field(
            "codec_down",
            mark("The network"),
            mark("fp16: half precision. int8: half as much, rougher."),
            CODECS,
        ),
        Field(
            "codec_up",
            mark("What is handed in"),
            mark("int8 learns as well as fp32, in a quarter of the bytes."),
            CODECS,
        ),
    ),
)
UNITS = Group(
    "units",
    mark("Size of units"),
    (
        Field(
            "first_unit_images", mark("First unit, pictures"), mark("While a computer's speed is not known.")
        ),
        Field("min_unit_images", mark("Smallest unit, pictures"), mark("For slow computers.")),
        Field("max_unit_images", mark("Largest unit, pictures"), mark("For fast computers.")),
        Field(
            "lease_seconds",
            mark("Silence allowed, seconds"),
            mark("Then a unit goes to another computer."),
        ),
    ),
)
LOOKS = Group(
    "looks",
    mark("What is kept and looked at"),
    (
        Field(
            "checkpoint_every",
            mark("Keep every ... iteration"),
            mark("One can go back to it, or begin from it."),
        ),
        Field(
            "sample_every",
            mark("Draw faces every ... iteration"),
            mark("For the gallery and the time-lapse."),
        ),
        Field(
            "evaluate_every",
            mark("Measure every ... iteration"),
            mark("The distance to real pictures: some seconds each time."),
        ),
        Field(
            "audit_share", mark("Share of work checked"), mark("The class's main computer computes it again.")
        ),
    ),
)
# Limits that name another field.
_IN_WORDS = {
    "step_batch or more": mark("as many as a step has, or more"),
    "min_unit_images or more": mark("as many as the smallest unit has, or more"),
    "0 (by the number of workers) or more": mark("0 or more"),
}
# What the fold hides, in its order.
ADVANCED = (NETWORK, STEPS, DUE, MOVES, TRAVELS, UNITS, LOOKS)
# What people call each of `RunConfig`'s, to be translated.
TITLES = {field.name: field.title for group in (LENGTH, *ADVANCED) for field in group.fields}


class ConfigFields(QObject):
    """Fields over one configuration; a widget for each group, to be laid out by who uses them.

    Args:
        groups: Which fields there are.
        fixed: Names of fields that cannot be changed; they are left out.

    Signals:
        changed: What is written is another configuration, or none (see `config`).
    """

    changed = Signal()

    def __init__(self, groups: Collection[Group], parent: QWidget, *, fixed: Collection[str] = ()) -> None:
        super().__init__(parent)
        self._base = RunConfig()
        self._editors: dict[str, FieldRow] = {}
        self._is_showing = False
        self._tell = QTimer(self, interval=TELL_MS, singleShot=True)
        self._tell.timeout.connect(self.changed)
        self.widgets: dict[str, QWidget] = {}
        for group in groups:
            fields = [field for field in group.fields if field.name not in fixed]
            if fields:
                self.widgets[group.key] = self._make_group(group.title, fields, parent)

    def _make_group(self, title: str, fields: list[Field], parent: QWidget) -> QWidget:
        widget = QWidget(parent)
        column = QVBoxLayout(widget)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(widget, 0.35))
        if title:
            heading = QLabel(_tr(title), widget)
            scale_font(heading, 1.0, bold=True)
            column.addSpacing(em(widget, 0.4))
            column.addWidget(heading)
        for field in fields:
            row = FieldRow(field, self._take_change, widget)
            self._editors[field.name] = row
            column.addWidget(row)
        return widget

    # -- values ---------------------------------------------------------------------------------

    def show_config(self, config: RunConfig) -> None:
        """Show a configuration; what was written before is gone."""
        self._base = config
        self._is_showing = True
        for name, row in self._editors.items():
            row.show_value(getattr(config, name), _allowed(config, name))
        self._is_showing = False
        self.check()
        self.changed.emit()

    @property
    def base(self) -> RunConfig:
        """What was shown last."""
        return self._base

    def config(self) -> RunConfig | None:
        """What is written; None: something of it cannot be (it is said beside the field)."""
        return self.check()

    def changes(self) -> dict[str, Any]:
        """The fields that differ from what was shown, where all of them are right."""
        config = self.config()
        if config is None:
            return {}
        return {
            name: value
            for name in self._editors
            if (value := getattr(config, name)) != getattr(self._base, name)
        }

    def set_enabled(self, names: Collection[str], is_enabled: bool) -> None:
        """Let some fields be changed, or not."""
        for name in names:
            if name in self._editors:
                self._editors[name].setEnabled(is_enabled)

    def row(self, name: str) -> FieldRow:
        """The row of a field."""
        return self._editors[name]

    def _take_change(self) -> None:
        if not self._is_showing:
            self.check()
            self._tell.start()

    def check(self) -> RunConfig | None:
        """Say beside each field what is wrong with it; returns the configuration if nothing is."""
        values: dict[str, Any] = {}
        wrong: dict[str, str] = {}
        for name, row in self._editors.items():
            try:
                values[name] = row.value(type(getattr(self._base, name)))
            except ValueError:
                wrong[name] = _allowed(self._base, name)
        config = self._checked(values, wrong)
        for name, row in self._editors.items():
            row.tell_wrong(wrong.get(name, ""))
        return None if wrong else config

    def _checked(self, values: dict[str, Any], wrong: dict[str, str]) -> RunConfig | None:
        """Take wrong values out until the rest fits together; each is named in `wrong`."""
        while True:
            try:
                return dataclasses.replace(self._base, **values)
            except SettingsError as error:
                # RunConfig's own words: "NAME is VALUE. Write WHAT."
                name, mend = error.message.partition(" ")[0], error.message.rpartition("Write ")[2]
                shown = name if name in self._editors else next(iter(values), "")
                if not shown:
                    return None
                wrong[shown] = _plain(mend.removesuffix("."))
                values.pop(shown, None)


class FieldRow(QWidget):
    """Title and editor in a line; below it what the field does, and what is wrong."""

    def __init__(self, field: Field, on_change: Callable[[], None], parent: QWidget) -> None:
        super().__init__(parent)
        self._field = field
        title = QLabel(_tr(field.title), self)
        title.setBuddy(self._make_editor(field, on_change))
        self.editor.setAccessibleName(_tr(field.title))
        self._words = QLabel(self)
        self._words.setWordWrap(True)
        set_role(self._words, "muted")
        self._wrong = QLabel(self)
        self._wrong.setWordWrap(True)
        self._wrong.hide()
        set_role(self._wrong, "bad")
        line = QHBoxLayout()
        line.addWidget(title, 1)
        line.addWidget(self.editor)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.1))
        column.addLayout(line)
        column.addWidget(self._wrong)
        column.addWidget(self._words)

    def _make_editor(self, field: Field, on_change: Callable[[], None]) -> QWidget:
        self.editor: QLineEdit | QComboBox
        if field.choices:
            combo = CalmComboBox(self)
            combo.addItems(list(field.choices))
            combo.currentIndexChanged.connect(lambda _at: on_change())
            self.editor = combo
        else:
            line = QLineEdit(self)
            line.setAlignment(Qt.AlignmentFlag.AlignRight)
            line.textChanged.connect(lambda _text: on_change())
            self.editor = line
        self.editor.setFixedWidth(em(self, 6.5))
        return self.editor

    def show_value(self, value: Any, allowed: str) -> None:
        """Show a value, and in a word what else it could be."""
        words = _tr(self._field.words)
        if isinstance(self.editor, QComboBox):
            self.editor.setCurrentText(str(value))
        else:
            self.editor.setText(_written(value))
            words = _tr("{words} Allowed: {allowed}.").format(words=words, allowed=engine_text(allowed))
        self._words.setText(words)
        self.editor.setAccessibleDescription(words)

    def value(self, kind: type) -> Any:
        """What is written.

        Raises:
            ValueError: It is no number.
        """
        return kind(self.text.strip().replace(QLocale().decimalPoint(), "."))

    def set_text(self, text: str) -> None:
        """Write something, as a person would."""
        if isinstance(self.editor, QComboBox):
            self.editor.setCurrentText(text)
        else:
            self.editor.setText(text)

    @property
    def text(self) -> str:
        """What is written, as it is written."""
        return self.editor.currentText() if isinstance(self.editor, QComboBox) else self.editor.text()

    @property
    def wrong(self) -> str:
        """What is said to be wrong; empty: nothing."""
        return self._wrong.text() if self._wrong.isVisibleTo(self) else ""

    def tell_wrong(self, allowed: str) -> None:
        """Say what to write instead; empty: it is right."""
        self._wrong.setVisible(bool(allowed))
        self._wrong.setText(_tr("Write {allowed}.").format(allowed=engine_text(allowed)) if allowed else "")


def _allowed(config: RunConfig, name: str) -> str:
    """What a field may be, in RunConfig's own words."""
    return _plain(next((mend for field, _, mend in config.limits() if field == name), ""))


def _plain(allowed: str) -> str:
    """The same without the names that only the program knows."""
    return _IN_WORDS.get(allowed, allowed)


def _written(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.8g}".replace(".", QLocale().decimalPoint())


def _tr(text: str) -> str:
    return QCoreApplication.translate("training", text)
