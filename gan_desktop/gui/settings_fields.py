"""The parts of the settings page: each field shows one preference, changes it at once, and follows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QTime, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QTimeEdit,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui.calm_fields import CalmComboBox, CalmDoubleSpinBox, CalmSpinBox, CalmTimeEdit
from gan_desktop.gui.preferences import Preferences
from gan_desktop.gui.session import Session
from gan_desktop.gui.theme import em, scale_font, set_role


class SettingsCard(QFrame):
    """A group of settings below a title."""

    def __init__(self, title: str, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.title = title
        self._fields: list[Callable[[Preferences], object]] = []
        session.preferences_changed.connect(self._follow_all)
        set_role(self, "card")
        self._column = QVBoxLayout(self)
        margin = em(self, 0.9)
        self._column.setContentsMargins(margin, margin, margin, margin)
        self._column.setSpacing(em(self, 0.45))
        heading = QLabel(title, self)
        scale_font(heading, 1.15, bold=True)
        self._column.addWidget(heading)

    def add(self, *parts: QWidget | str) -> None:
        """Add a line of widgets and words; words belong to the widget that follows them."""
        line = QHBoxLayout()
        line.setSpacing(em(self, 0.6))
        waiting: QLabel | None = None
        for part in parts:
            if isinstance(part, str):
                waiting = QLabel(part, self)
                line.addWidget(waiting)
                continue
            if waiting is not None:
                waiting.setBuddy(part)
                if not part.accessibleName():
                    part.setAccessibleName(waiting.text())
                waiting = None
            # Rows of one height, which fingers can hit too.
            part.setMinimumHeight(em(self, 1.6))
            line.addWidget(part)
        line.addStretch(1)
        self._column.addLayout(line)

    def add_wide(self, widget: QWidget) -> None:
        """Add a widget over the whole width."""
        self._column.addWidget(widget)

    def add_note(self, words: str = "") -> QLabel:
        """Add a small explanation; without words it is hidden until `tell`."""
        note = QLabel(words, self)
        note.setWordWrap(True)
        note.setIndent(em(self, 1.4))
        set_role(note, "muted")
        note.setVisible(bool(words))
        self._column.addWidget(note)
        return note

    # -- fields ---------------------------------------------------------------------------------

    def switch(self, words: str, name: str) -> QCheckBox:
        """A preference that is on or off."""
        box = QCheckBox(words, self)
        box.toggled.connect(lambda on: self._session.change_preferences(**{name: on}))
        self._follow(name, box.setChecked)
        return box

    def whole_number(self, name: str, lowest: int, highest: int, unit: str) -> QSpinBox:
        """A preference that is a number of something."""
        field = CalmSpinBox(self)
        field.setRange(lowest, highest)
        field.setSuffix(f" {unit}")
        field.setKeyboardTracking(False)
        field.valueChanged.connect(lambda value: self._session.change_preferences(**{name: value}))
        self._follow(name, field.setValue)
        return field

    def number(self, name: str, lowest: float, highest: float, unit: str) -> QDoubleSpinBox:
        """The same with a decimal."""
        field = self._decimal(lowest, highest, unit)
        field.valueChanged.connect(lambda value: self._session.change_preferences(**{name: value}))
        self._follow(name, field.setValue)
        return field

    def cap(
        self, words: str, name: str, first: float, highest: float, unit: str
    ) -> tuple[QCheckBox, QDoubleSpinBox]:
        """A preference that is a number or, switched off, no limit at all.

        Args:
            first: What stands there when it is switched on for the first time.
        """
        box = QCheckBox(words, self)
        field = self._decimal(0.5, highest, unit)
        field.setValue(first)
        field.setAccessibleName(words)

        def change() -> None:
            self._session.change_preferences(**{name: field.value() if box.isChecked() else None})

        def show(value: float | None) -> None:
            field.setEnabled(value is not None)
            if value is not None:
                field.setValue(value)
            box.setChecked(value is not None)

        self._follow(name, show)
        box.toggled.connect(lambda _on: change())
        field.valueChanged.connect(lambda _value: change())
        return box, field

    def time_of_day(self, name: str) -> QTimeEdit:
        """A preference that is a time, kept as `HH:MM`."""
        field = CalmTimeEdit(self)
        field.setDisplayFormat("HH:mm")
        field.setKeyboardTracking(False)
        field.timeChanged.connect(
            lambda time: self._session.change_preferences(**{name: time.toString("HH:mm")})
        )
        self._follow(name, lambda text: field.setTime(QTime.fromString(text, "HH:mm")))
        return field

    def line(
        self,
        name: str,
        read: Callable[[str], Any] = str.strip,
        write: Callable[[Any], str] = str,
    ) -> QLineEdit:
        """A preference that is a text, or (`read`, `write`) can be written as one."""
        field = QLineEdit(self)
        field.editingFinished.connect(lambda: self._session.change_preferences(**{name: read(field.text())}))
        self._follow(name, lambda value: field.setText(write(value)))
        return field

    def choice(self, name: str, choices: dict[str, str]) -> QComboBox:
        """A preference that is one of some values, with the words for each."""
        field = CalmComboBox(self)
        for value, words in choices.items():
            field.addItem(words, value)
        field.currentIndexChanged.connect(
            lambda _at: self._session.change_preferences(**{name: field.currentData()})
        )
        self._follow(name, lambda value: field.setCurrentIndex(max(0, field.findData(value))))
        return field

    def _decimal(self, lowest: float, highest: float, unit: str) -> QDoubleSpinBox:
        field = CalmDoubleSpinBox(self)
        field.setDecimals(1)
        field.setRange(lowest, highest)
        field.setSuffix(f" {unit}")
        # A number is changed when it is complete, not with each of its digits.
        field.setKeyboardTracking(False)
        return field

    def _follow(self, name: str, show: Callable[[Any], object]) -> None:
        """Show a preference now and whenever it was changed, also by another page."""

        def follow(likes: Preferences) -> None:
            show(getattr(likes, name))

        show(getattr(self._session.preferences, name))
        self._fields.append(follow)

    @Slot(object)
    def _follow_all(self, likes: Preferences) -> None:
        for follow in self._fields:
            follow(likes)


def tell(note: QLabel, words: str) -> None:
    """Let a note say something, or vanish."""
    note.setText(words)
    note.setVisible(bool(words))
