"""The head of the side bar: which class this is, the way to others, language and theme."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from gan_desktop.gui import icons
from gan_desktop.gui.admin import entrance
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.class_button import ClassButton
from gan_desktop.gui.preferences import Preferences
from gan_desktop.gui.theme import choose_theme

if TYPE_CHECKING:
    from gan_desktop.known_classes import KnownClass


class TeachingMenu(ClassButton):
    """Shows the class's name; its menu has all classes taught from here, and how the window looks."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
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
        self._show_name(self._session.title)

    @Slot()
    def _fill(self) -> None:
        menu, taught = self._menu, self._session.taught
        menu.clear()
        self._add_classes(taught.known if taught is not None else None)
        if taught is not None:
            set_up = menu.addAction(self.tr("Set up this class ..."))
            icons.set_icon(set_up, "check")
            set_up.triggered.connect(lambda _checked=False: self._session.ask_to_begin("set_up"))
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

    def _choose_class(self, known: KnownClass, _checked: bool = True) -> None:
        session = self._session
        if session.taught is not None and session.taught.known == known:
            return
        run_in_background(
            lambda: entrance.open_known(known, session.places),
            session.teach,
            session.tell_trouble,
            owner=self,
        )
