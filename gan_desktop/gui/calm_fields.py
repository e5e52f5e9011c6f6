"""Fields for pages that scroll: the wheel turns the page, not the value that it passes over."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QComboBox, QDateEdit, QDoubleSpinBox, QSpinBox, QTimeEdit


class _Calm:
    """Mixed into Qt's fields: only the one with the focus listens to the wheel."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Qt's own policy gives a field the focus for the wheel, before the field is asked.
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # type: ignore[attr-defined]

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Qt's name."""
        if self.hasFocus():  # type: ignore[attr-defined]
            super().wheelEvent(event)  # type: ignore[misc]
        else:
            event.ignore()


class CalmSpinBox(_Calm, QSpinBox):
    """For whole numbers."""


class CalmDoubleSpinBox(_Calm, QDoubleSpinBox):
    """For other numbers."""


class CalmTimeEdit(_Calm, QTimeEdit):
    """For times of day."""


class CalmDateEdit(_Calm, QDateEdit):
    """For days."""


class CalmComboBox(_Calm, QComboBox):
    """For choices."""
