"""The head of the side bar: which class this is, the way to others, language and theme."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QAction, QActionGroup, QResizeEvent
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolButton, QWidget

from gan_desktop.gui import icons
from gan_desktop.gui.admin import entrance
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.preferences import Preferences
from gan_desktop.gui.theme import choose_theme, em, set_role

if TYPE_CHECKING:
    from gan_desktop.known_classes import KnownClass


class TeachingMenu(QToolButton):
    """Shows the class's name; its menu has all classes taught from here, and how the window looks."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._known: list[KnownClass] = []
        self._text = ""
        set_role(self, "class")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        icons.set_icon(self, "people", "accent")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._menu = QMenu(self)
        self.setMenu(self._menu)
        session.class_changed.connect(self._look)
        session.snapshot_changed.connect(self._show_title)
        session.preferences_changed.connect(self._fill)
        self._look()

    @Slot()
    def _look(self) -> None:
        places = self._session.places
        run_in_background(lambda: entrance.known_classes(places), self._take, lambda _e: None, owner=self)
        self._show_title()
        self._fill()

    def _take(self, known: list[KnownClass]) -> None:
        self._known = known
        self._fill()

    @Slot()
    def _show_title(self) -> None:
        text = self._session.title or self.tr("No class yet")
        if text != self._text:
            self._text = text
            self._elide()
            self.setToolTip(text)
            self.setAccessibleName(self.tr("Class: {name}").format(name=text))

    @Slot()
    def _fill(self) -> None:
        menu, taught = self._menu, self._session.taught
        menu.clear()
        group = QActionGroup(menu)
        for known in sorted(self._known, key=lambda known: known.name.casefold()):
            # A name may hold an &, which would underline what follows.
            entry = QAction(known.name.replace("&", "&&"), menu, checkable=True)
            entry.setChecked(taught is not None and taught.known == known)
            entry.triggered.connect(partial(self._switch_to, known))
            group.addAction(entry)
            menu.addAction(entry)
        if self._known:
            menu.addSeparator()
        another = menu.addAction(self.tr("Teach another class ..."))
        icons.set_icon(another, "people")
        another.triggered.connect(lambda _checked=False: self._session.ask_to_begin("another"))
        menu.addSeparator()
        self._add_choices(
            menu.addMenu(self.tr("Language")),
            "language",
            {"": self.tr("As the system"), "en": "English", "de": "Deutsch"},
        )
        self._add_choices(
            menu.addMenu(self.tr("Theme")),
            "theme",
            {"system": self.tr("As the system"), "light": self.tr("Light"), "dark": self.tr("Dark")},
        )

    def _add_choices(self, menu: QMenu, field: str, choices: dict[str, str]) -> None:
        likes: Preferences = self._session.preferences
        group = QActionGroup(menu)
        for value, words in choices.items():
            entry = QAction(words, menu, checkable=True)
            entry.setChecked(getattr(likes, field) == value)
            entry.triggered.connect(partial(self._choose, field, value))
            group.addAction(entry)
            menu.addAction(entry)
        if field == "language":
            menu.addSeparator()
            menu.addAction(self.tr("From the next start on")).setEnabled(False)

    def _choose(self, field: str, value: str, _checked: bool = True) -> None:
        self._session.change_preferences(**{field: value})
        if field == "theme":
            choose_theme(self._session.preferences.theme)

    def _switch_to(self, known: KnownClass, _checked: bool = True) -> None:
        session = self._session
        if session.taught is not None and session.taught.known == known:
            return
        run_in_background(
            lambda: entrance.open_known(known, session.places),
            session.teach,
            session.tell_trouble,
            owner=self,
        )

    def _elide(self) -> None:
        # Less the icon, the little arrow and the edges.
        room = self.width() - self.iconSize().width() - em(self, 2.6)
        elided = self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, max(room, 1))
        self.setText(elided.replace("&", "&&"))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Qt's name."""
        super().resizeEvent(event)
        self._elide()
