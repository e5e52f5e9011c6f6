"""The head of the side bar of both windows: the class's name, with a menu of the classes known here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QResizeEvent
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolButton, QWidget

from gan_desktop.gui import icons
from gan_desktop.gui.theme import em, set_role

if TYPE_CHECKING:
    from gan_desktop.known_classes import KnownClass


class ClassButton(QToolButton):
    """Shows a class's name in the room there is. A subclass fills `_menu` and says what is known."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
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

    def _show_name(self, title: str, person: str = "") -> None:
        """Show a class's name (empty: there is no class yet), and as whom one is in it in the tooltip."""
        text = title or self.tr("No class yet")
        if text != self._text:
            self._text = text
            self._elide()
            self.setAccessibleName(self.tr("Class: {name}").format(name=text))
        you = self.tr("You: {name}").format(name=person)
        self.setToolTip(f"{text}\n{you}" if person else text)

    def _add_classes(self, here: KnownClass | None) -> None:
        """Add the known classes to the menu, the one that is open ticked."""
        group, names = QActionGroup(self._menu), shown_names(self._known)
        for known in sorted(self._known, key=lambda known: names[known.key].casefold()):
            # A name may hold an &, which would underline what follows.
            entry = QAction(names[known.key].replace("&", "&&"), self._menu, checkable=True)
            entry.setChecked(here is not None and here.key == known.key)
            entry.triggered.connect(partial(self._choose_class, known))
            group.addAction(entry)
            self._menu.addAction(entry)
        if self._known:
            self._menu.addSeparator()

    def _choose_class(self, known: KnownClass, _checked: bool = True) -> None:
        raise NotImplementedError

    def _elide(self) -> None:
        # Less the icon, the little arrow and the edges.
        room = self.width() - self.iconSize().width() - em(self, 2.6)
        elided = self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, max(room, 1))
        self.setText(elided.replace("&", "&&"))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Qt's name."""
        super().resizeEvent(event)
        self._elide()


def shown_names(classes: Sequence[KnownClass]) -> dict[tuple[str, str], str]:
    """What to call classes where one of them is chosen, by their keys.

    Several logins of the same class are told apart by the person, not by a number.
    """
    names = {}
    for known in classes:
        logins = [other for other in classes if other.class_id == known.class_id]
        persons = {other.person for other in logins if other.person}
        if len(persons) == len(logins) > 1:
            # The first of them has the class's name without a number.
            title = min((other.name for other in logins), key=len)
            names[known.key] = f"{title} · {known.person}"
        else:
            names[known.key] = known.name
    return names
