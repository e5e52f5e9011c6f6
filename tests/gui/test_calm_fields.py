"""The wheel turns pages; a value changes under it only in the field that has the focus."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QScrollArea,
    QScrollBar,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from gan_desktop.gui.admin.main_window import PAGES as TEACHING_PAGES
from gan_desktop.gui.admin.main_window import TeachingWindow
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.wizard.class_wizard import ClassWizard
from gan_desktop.gui.calm_fields import CalmComboBox, CalmSpinBox
from gan_desktop.gui.join_wizard import JoinWizard
from gan_desktop.gui.main_window import PAGES as STUDENTS_PAGES
from gan_desktop.gui.main_window import MainWindow
from gan_desktop.gui.session import Session
from tests.gui.admin.conftest import idle_teaching

__all__ = ["idle_teaching"]


def turn_wheel_over(field: QWidget) -> None:
    """As the system does it: the window hears of the wheel, and Qt finds who is meant."""
    window = field.window()
    where = QPointF(field.mapTo(window, field.rect().center()))
    QTest.wheelEvent(window.windowHandle(), where, QPoint(0, -120))


@pytest.fixture
def area(qtbot: QtBot) -> QScrollArea:
    area = QScrollArea(widgetResizable=True)
    inside = QWidget(area)
    inside.setMinimumHeight(2_000)
    column = QVBoxLayout(inside)
    column.addWidget(QLineEdit(inside))
    column.addWidget(CalmSpinBox(inside, maximum=100, value=85))
    choice = CalmComboBox(inside)
    choice.addItems(["a", "b", "c"])
    column.addWidget(choice)
    column.addStretch(1)
    area.setWidget(inside)
    qtbot.addWidget(area)
    area.resize(300, 400)
    area.show()
    qtbot.waitExposed(area)
    area.activateWindow()
    inside.findChildren(QLineEdit)[0].setFocus()
    return area


def test_wheel_passes_over_fields_and_changes_the_one_with_the_focus(area: QScrollArea) -> None:
    number, choice = area.findChildren(CalmSpinBox)[0], area.findChildren(CalmComboBox)[0]
    for field in (number, choice):
        area.verticalScrollBar().setValue(0)
        turn_wheel_over(field)
        assert area.verticalScrollBar().value() > 0
    assert (number.value(), choice.currentIndex()) == (85, 0)
    area.verticalScrollBar().setValue(0)
    number.setFocus()
    turn_wheel_over(number)
    assert number.value() == 84


def wild_fields(widget: QWidget) -> list[QWidget]:
    """Fields on pages that scroll which take focus and value from the wheel."""
    inside = [field for area in widget.findChildren(QScrollArea) for field in area.findChildren(QWidget)]
    return [
        field
        for field in inside
        if isinstance(field, QAbstractSpinBox | QComboBox | QAbstractSlider)
        and not isinstance(field, QScrollBar)
        and field.focusPolicy() is Qt.FocusPolicy.WheelFocus
    ]


def test_no_field_of_the_students_window_is_changed_in_passing(
    window: MainWindow, session: Session, qtbot: QtBot
) -> None:
    wizard = JoinWizard(session)
    qtbot.addWidget(wizard)
    pages = [window.page(entry.key) for entry in STUDENTS_PAGES]
    assert any(page.findChildren(CalmSpinBox) for page in pages)
    assert wizard.findChildren(CalmSpinBox)
    assert [field for page in (*pages, wizard) for field in wild_fields(page)] == []


def test_no_field_of_the_instructors_window_is_changed_in_passing(
    idle_teaching: TeachingSession, qtbot: QtBot
) -> None:
    window, wizard = TeachingWindow(idle_teaching), ClassWizard(idle_teaching)
    qtbot.addWidget(wizard)
    pages = [window.page(entry.key) for entry in TEACHING_PAGES]
    assert any(page.findChildren(CalmSpinBox) for page in pages)
    assert wizard.findChildren(CalmSpinBox)
    assert [field for page in (*pages, wizard) for field in wild_fields(page)] == []
    window.deleteLater()
