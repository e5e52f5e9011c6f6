"""Everything that can be clicked can be reached with the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QHeaderView,
    QLineEdit,
    QScrollBar,
    QTextEdit,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from gan_desktop.database.address import Address
from gan_desktop.gui.gallery_page import GalleryPage
from gan_desktop.gui.join_wizard import JoinWizard
from gan_desktop.gui.joining.draft import Step
from gan_desktop.gui.main_window import PAGES, MainWindow
from gan_desktop.gui.session import JoinedClass, Session
from gan_desktop.records import StateChanged, WorkerState
from tests.gui.conftest import PATIENCE_MS
from tests.gui.faces_class import folder_of, keep_class, keep_my_faces, module_folder, nowhere, trained

__all__ = ["module_folder", "nowhere", "trained"]

CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QTextEdit,
)
MOST_TABS = 200


@pytest.fixture
def kept(window: MainWindow, session: Session, nowhere: Address, qtbot: QtBot) -> MainWindow:
    """The window over a class that is away, with all that was fetched of it."""
    folder = folder_of(session, nowhere)
    keep_class(folder)
    keep_my_faces(folder)
    session.join(JoinedClass(nowhere))
    qtbot.waitUntil(lambda: session.newest_sample is not None, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: bool(session.my_faces), timeout=PATIENCE_MS)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=PATIENCE_MS)
    return window


def visited(window: QWidget, qtbot: QtBot) -> set[QWidget]:
    """Where Tab leads, once round."""
    seen: list[QWidget] = []
    for _ in range(MOST_TABS):
        focused = QApplication.focusWidget() or window
        # A text with links keeps the focus for a while.
        if seen and focused is not seen[-1] and focused in seen and focused is not window:
            return set(seen)
        seen.append(focused)
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    return set(seen)


def missed(window: QWidget, seen: set[QWidget]) -> list[str]:
    """Visible controls where the focus never was, nor at one that the arrow keys lead from."""

    def is_seen(widget: QWidget) -> bool:
        if widget in seen or (widget.focusProxy() is not None and widget.focusProxy() in seen):
            return True
        if isinstance(widget, QAbstractButton):
            group = widget.group()
            family = (
                group.buttons() if group is not None else widget.parentWidget().findChildren(type(widget))
            )
            is_one_of = group is not None or widget.autoExclusive()
            return is_one_of and any(other in seen for other in family)
        return False

    return [
        f"{type(widget).__name__} {widget.text() if isinstance(widget, QAbstractButton) else ''}"
        f" {widget.accessibleName()} in {type(widget.parentWidget()).__name__}"
        for kind in CONTROLS
        for widget in window.findChildren(kind)
        if widget.isVisible() and widget.isEnabled() and not _is_a_part(widget) and not is_seen(widget)
    ]


def _is_a_part(widget: QWidget) -> bool:
    """Of another control, or what only scrolls and sorts what its keys scroll and sort anyway."""
    is_inner = isinstance(widget.parentWidget(), QAbstractSpinBox | QComboBox | QLineEdit)
    is_picture = widget.testAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
    return (
        isinstance(widget, QScrollBar | QHeaderView)
        or is_inner
        or is_picture
        or type(widget).__name__ == "QTableCornerButton"
    )


@pytest.mark.parametrize("key", [page.key for page in PAGES])
def test_tab_leads_to_everything_on_a_page(
    key: str, kept: MainWindow, session: Session, qtbot: QtBot
) -> None:
    session._state = StateChanged(WorkerState.WAITING_ON_HOLD)
    kept.strip._show_newest()
    kept.show_page(key)
    views: list[Callable[[], None]] = [lambda: None]
    page = kept.page(key)
    if isinstance(page, GalleryPage):
        views = [
            lambda view=view: page.show_view(view)  # type: ignore[misc]
            for view in (page.class_faces, page.my_faces, page.make_faces)
        ]
    for show in views:
        show()
        qtbot.wait(50)
        assert missed(kept, visited(kept, qtbot)) == []


@pytest.mark.parametrize("step", [step for step in Step if step is not Step.TRY])
def test_tab_leads_to_everything_of_the_way_into_a_class(
    step: Step, window: MainWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    window.session.ask_to_join("another")
    wizard = window.findChild(JoinWizard)
    assert isinstance(wizard, JoinWizard)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=PATIENCE_MS)
    wizard.show_step(step)
    qtbot.wait(50)
    assert missed(window, visited(window, qtbot)) == []


def test_a_tool_button_that_only_shows_a_picture_has_a_name(kept: MainWindow) -> None:
    nameless = [
        button
        for button in kept.findChildren(QToolButton)
        if button.isVisible() and not button.text() and not button.accessibleName()
    ]
    assert nameless == []
