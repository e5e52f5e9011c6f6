"""The head of the side bar: which class this is, and the way to others and out of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QMessageBox, QWidget

from gan_desktop.gui import icons
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.class_button import ClassButton, shown_names
from gan_desktop.gui.joining import entrance
from gan_desktop.gui.session import JoinedClass, Session
from gan_desktop.gui.trouble import Trouble

if TYPE_CHECKING:
    from gan_desktop.known_classes import KnownClass


class ClassMenu(ClassButton):
    """Shows the class's name; its menu has all classes joined here, another one, and leaving."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        session.class_changed.connect(self._look)
        session.totals_changed.connect(self._show)
        self._show()

    # -- what there is --------------------------------------------------------------------------

    @Slot()
    def _look(self) -> None:
        session = self._session
        self._show()
        run_in_background(lambda: session.classes.all(), self._take, lambda _error: None, owner=self)

    def _take(self, known: list[KnownClass]) -> None:
        self._known = known
        self._show()

    @Slot()
    def _show(self) -> None:
        joined = self._session.joined
        self._show_name(self._name_here(), _person(joined) if joined is not None else "")
        self._fill()

    def _name_here(self) -> str:
        """The class that is open, as its entry in the menu calls it."""
        joined, title = self._session.joined, self._session.title
        known = joined.known if joined is not None else None
        if known is None:
            return title
        name = shown_names(self._known).get(known.key, known.name)
        # Where the instructor has given the class another title since, that one holds.
        return name if title == known.name or name.startswith(title) else title

    def _fill(self) -> None:
        menu, joined = self._menu, self._session.joined
        menu.clear()
        self._add_classes(joined.known if joined is not None else None)
        another = menu.addAction(self.tr("Join another class ..."))
        icons.set_icon(another, "people")
        another.triggered.connect(lambda _checked=False: self._session.ask_to_join("another"))
        leave = menu.addAction(self.tr("Leave this class ..."))
        icons.set_icon(leave, "leave")
        leave.setEnabled(joined is not None and (joined.is_demo or joined.known is not None))
        leave.triggered.connect(lambda _checked=False: self.leave())

    # -- other classes --------------------------------------------------------------------------

    def _choose_class(self, known: KnownClass, _checked: bool = True) -> None:
        session = self._session
        here = session.joined.known if session.joined is not None else None
        if here is not None and here.key == known.key:
            return
        run_in_background(
            lambda: entrance.open_known(known, session.classes, session.read_options),
            session.switch,
            session.tell_trouble,
            owner=self,
        )

    # -- leaving --------------------------------------------------------------------------------

    def leave(self) -> None:
        """Ask, then leave the class that is joined; of the demo nothing is worth a question."""
        session, joined = self._session, self._session.joined
        if joined is None:
            return
        if joined.is_demo:
            self._leave(joined)
            return
        run_in_background(
            lambda: entrance.num_waiting(joined, joined.places or session.places),
            partial(self._ask, joined),
            session.tell_trouble,
            owner=self,
        )

    def _ask(self, joined: JoinedClass, num_waiting: int) -> None:
        dialog = QMessageBox(self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setIcon(QMessageBox.Icon.Question)
        dialog.setTextFormat(Qt.TextFormat.PlainText)
        dialog.setText(self.tr('Leave "{name}"?').format(name=self._name_here()))
        words = ""
        if person := _person(joined):
            words = self.tr("You take part as {person}.").format(person=person) + " "
        words += self.tr(
            "The password, the faces and the pictures of this class are removed from this computer. Your"
            " credit stays with the class, and your card still works."
        )
        if num_waiting:
            words += " " + self.tr(
                "%n finished unit(s) were not handed in yet and would be lost.", None, num_waiting
            )
        dialog.setInformativeText(words)
        leave = dialog.addButton(self.tr("Leave class"), QMessageBox.ButtonRole.DestructiveRole)
        dialog.setDefaultButton(dialog.addButton(QMessageBox.StandardButton.Cancel))
        leave.clicked.connect(lambda _checked=False: self._leave(joined))
        dialog.open()

    def _leave(self, joined: JoinedClass) -> None:
        session, left = self._session, self._name_here()

        def forget(now: JoinedClass | None) -> None:
            if now is not None:
                return
            session.class_changed.disconnect(forget)
            run_in_background(
                lambda: self._forget(joined),
                partial(self._join_next, left),
                self._tell_not_forgotten,
                owner=self,
            )

        # The worker hands in and ends first.
        session.class_changed.connect(forget)
        session.switch(None)

    def _forget(self, joined: JoinedClass) -> JoinedClass | None:
        """Runs in the background; returns the class that comes next."""
        session = self._session
        if joined.known is not None:
            places = joined.places or session.places
            pictures = entrance.pictures_folder(places, session.preferences)
            entrance.forget_class(joined.known, session.classes, places, pictures)
        known = next(iter(session.classes.all()), None)
        if known is None:
            return None
        return entrance.open_known(known, session.classes, session.read_options)

    def _join_next(self, left: str, joined: JoinedClass | None) -> None:
        if joined is not None:
            self._session.switch(joined)
            self._tell_next(left, joined)
        else:
            self._look()
            self._session.ask_to_join()

    def _tell_next(self, left: str, joined: JoinedClass) -> None:
        """Say which class is open now: it was not chosen."""
        if person := _person(joined):
            words = self.tr('Now "{name}" is open, where you are {person}.')
        else:
            words = self.tr('Now "{name}" is open.')
        words = words.format(name=joined.title, person=person)
        words += " " + self.tr("Press Start contributing to take part here.")
        title = self.tr('You have left "{name}"').format(name=left)
        self._session.tell_trouble(Trouble(title, words, is_warning=True))

    def _tell_not_forgotten(self, error: object) -> None:
        self._session.tell_trouble(error)  # type: ignore[arg-type]
        self._session.ask_to_join()


def _person(joined: JoinedClass) -> str:
    """As whom one is in a class; empty: not known, or of no interest in the demo."""
    return joined.known.person if joined.known is not None else ""
