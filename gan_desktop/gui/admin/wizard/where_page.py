"""Where shall the class live? And the way back into one that exists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QListWidget, QListWidgetItem, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.entrance import forget_taught, taught_classes
from gan_desktop.gui.admin.wizard.page import ClassPage
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.joining.choose_page import ChoiceButton
from gan_desktop.gui.joining.page import plain_label
from gan_desktop.gui.theme import em
from gan_desktop.gui.trouble import Trouble
from gan_desktop.gui.window_session import Places

if TYPE_CHECKING:
    from gan_desktop.known_classes import KnownClass


class WherePage(ClassPage):
    """Three ways to go.

    Signals:
        here_wanted, server_wanted, open_wanted: The way that was chosen.
    """

    here_wanted = Signal()
    server_wanted = Signal()
    open_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(1, parent)
        self.set_title(self.tr("Where shall the class live?"))
        self.set_lead(
            self.tr(
                "A class lives in one place that all its computers can reach: there are the network, the"
                " pictures to learn from and everybody's credit."
            )
        )
        self.here = ChoiceButton(
            "hardware",
            self.tr("On this computer"),
            self.tr(
                "For a lesson in one room: it works while this computer is on and in the same network as the"
                " students. Nothing has to be installed. It can move to a server later."
            ),
            self,
        )
        self.server = ChoiceButton(
            "upload",
            self.tr("On a PostgreSQL server"),
            self.tr(
                "For weeks, and from home too. You need an empty database and a login for it from whoever"
                " looks after the server."
            ),
            self,
        )
        self.existing = ChoiceButton(
            "folder",
            self.tr("Open a class that exists already"),
            self.tr("One that you taught here before, or whose config.yaml or login you have."),
            self,
        )
        for choice, signal in (
            (self.here, self.here_wanted),
            (self.server, self.server_wanted),
            (self.existing, self.open_wanted),
        ):
            choice.clicked.connect(lambda _checked=False, signal=signal: signal.emit())
            self.middle.addWidget(choice)

    def enter(self) -> None:
        """The likeliest choice has the focus."""
        self.clear_trouble()
        self.here.setFocus()


class OpenPage(ClassPage):
    """Ways into a class that exists.

    Signals:
        known_chosen: A `KnownClass`.
        file_chosen, folder_chosen: Where a config.yaml, or a hosted class, lies.
        login_wanted: By hand.
    """

    known_chosen = Signal(object)
    file_chosen = Signal(object)
    folder_chosen = Signal(object)
    login_wanted = Signal()

    def __init__(self, places: Places, parent: QWidget | None = None) -> None:
        super().__init__(1, parent)
        self._places = places
        self.set_title(self.tr("Open a class"))
        self._known_label = plain_label(self.tr("Classes that you teach from this computer:"), self)
        self.known = QListWidget(self)
        self.known.setAccessibleName(self.tr("Your classes"))
        self.known.setMaximumHeight(em(self, 8))
        self.known.itemActivated.connect(self._open_known)
        self.middle.addWidget(self._known_label)
        self.middle.addWidget(self.known)
        self.file = ChoiceButton(
            "log",
            self.tr("With its config.yaml"),
            self.tr("The file that was written when the class was made."),
            self,
        )
        self.folder = ChoiceButton(
            "folder",
            self.tr("From a folder of this computer"),
            self.tr("The class lived on this computer, or its folder was copied here."),
            self,
        )
        self.login = ChoiceButton(
            "person",
            self.tr("With the instructor's login"),
            self.tr("Type server, database, login and password by hand."),
            self,
        )
        for choice, act in (
            (self.file, self._choose_file),
            (self.folder, self._choose_folder),
            (self.login, self.login_wanted.emit),
        ):
            choice.clicked.connect(lambda _checked=False, act=act: act())
            self.middle.addWidget(choice)
        self.forget = self.add_button(self.tr("Take off the list"), self._forget)
        self.open = self.add_button(self.tr("Open"), self._open_known, is_primary=True)
        self.known.currentRowChanged.connect(self._show_buttons)
        self._show([])

    def enter(self) -> None:
        """Look anew which classes there are."""
        self.clear_trouble()
        places = self._places
        run_in_background(lambda: taught_classes(places).all(), self._show, self.tell, owner=self)
        self.file.setFocus()

    def set_waiting(self, is_waiting: bool) -> None:
        """As in the base class."""
        for widget in (self.file, self.folder, self.login, self.known, self.open, self.forget):
            widget.setEnabled(not is_waiting)

    def _show(self, classes: list[KnownClass]) -> None:
        self.known.clear()
        for known in classes:
            place = self.tr("this computer") if known.hosted_in else known.hosts[0]
            item = QListWidgetItem(f"{known.name}  ({place})", self.known)
            item.setData(Qt.ItemDataRole.UserRole, known)
        has_some = bool(classes)
        for widget in (self._known_label, self.known, self.open, self.forget):
            widget.setVisible(has_some)
        if has_some:
            self.known.setCurrentRow(0)
            rows = min(len(classes), 4)
            self.known.setFixedHeight(rows * self.known.sizeHintForRow(0) + em(self, 0.5))
            if self.isVisible():
                self.known.setFocus()

    def _show_buttons(self) -> None:
        for button in (self.open, self.forget):
            button.setEnabled(self.known.currentItem() is not None)

    def _open_known(self) -> None:
        if (item := self.known.currentItem()) is not None:
            self.known_chosen.emit(item.data(Qt.ItemDataRole.UserRole))

    def _forget(self) -> None:
        if (item := self.known.currentItem()) is None:
            return
        known: KnownClass = item.data(Qt.ItemDataRole.UserRole)
        if known.hosted_in:
            words = self.tr(
                '"{name}" is off the list. Its database stays in {folder}: open it from there again.'
            )
        else:
            words = self.tr('"{name}" is off the list. The class stays on its server.')
        told = Trouble(
            self.tr("Taken off the list"),
            words.format(name=known.name, folder=known.hosted_in),
            is_warning=True,
        )
        places = self._places

        def done(_: None) -> None:
            self.enter()
            self.show_trouble(told)

        run_in_background(lambda: forget_taught(known, places), done, self._tell_kept, owner=self)

    def _tell_kept(self, error: GanDesktopError) -> None:
        self.enter()
        self.tell(error)

    def _choose_file(self) -> None:
        dialog = QFileDialog(self, self.tr("Open a config.yaml"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        settings = self.tr("Settings ({pattern})").format(pattern="*.yaml *.yml")
        dialog.setNameFilters([settings, self.tr("All files (*)")])
        dialog.fileSelected.connect(lambda name: self.file_chosen.emit(Path(name)))
        dialog.open()

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, self.tr("Open the folder of a class"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(lambda name: self.folder_chosen.emit(Path(name)))
        dialog.open()
