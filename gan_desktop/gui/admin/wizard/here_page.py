"""A class on this computer: what it is called, for how many, who may reach it, where it lies."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QLineEdit, QWidget

from gan_desktop.gui.admin.entrance import usual_folder
from gan_desktop.gui.admin.wizard import jobs
from gan_desktop.gui.admin.wizard.jobs import HostWish
from gan_desktop.gui.admin.wizard.page import ClassPage, add_line, make_form, side_by_side
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.calm_fields import CalmComboBox, CalmSpinBox
from gan_desktop.gui.joining.page import link_button, plain_label, push_button
from gan_desktop.gui.theme import em
from gan_desktop.gui.window_session import Places
from gan_desktop.names import MAX_TITLE, is_plain_line

EVERYWHERE, HERE_ALONE = "0.0.0.0", "127.0.0.1"
USUAL_STUDENTS, MOST_STUDENTS = 30, 300
_MOST_PORT = 65_535


class HerePage(ClassPage):
    """Asks how the class is to live on this computer.

    Signals:
        wanted: A `HostWish` and the class's title.
    """

    wanted = Signal(object, str)

    def __init__(self, places: Places, parent: QWidget | None = None) -> None:
        super().__init__(1, parent)
        self.set_title(self.tr("A class on this computer"))
        self.set_lead(
            self.tr(
                "Its database starts with this window and stops with it. Students find it while this"
                " computer is on and in the same network as they."
            )
        )
        frame, form = make_form(self)
        self.title = add_line(form, self.tr("Name of the class"), "Vision 2026")
        self.title.setMaxLength(MAX_TITLE)
        self.title.returnPressed.connect(self._go_on)
        self.students = CalmSpinBox(frame, minimum=1, maximum=MOST_STUDENTS, value=USUAL_STUDENTS)
        self.students.setMinimumHeight(em(self, 1.9))
        self.students.setAccessibleName(self.tr("Students"))
        form.addRow(self.tr("Students"), self.students)
        self.listen = ListenChoice(frame)
        form.addRow(self.tr("Reached by"), self.listen)
        self._more = link_button(self.tr("Folder and port ..."), self._unfold, self)
        form.addRow("", self._more)
        self.folder = QLineEdit(frame)
        self.folder.setText(str(usual_folder(places)))
        self.folder.setMinimumHeight(em(self, 1.9))
        self.folder.setAccessibleName(self.tr("Folder"))
        choose = push_button(self.tr("Choose ..."), self._choose_folder, self)
        self._folder_row = side_by_side(frame, self.folder, choose)
        form.addRow(self.tr("Folder"), self._folder_row)
        self.port = CalmSpinBox(frame, minimum=0, maximum=_MOST_PORT, value=0)
        self.port.setMinimumHeight(em(self, 1.9))
        self.port.setSpecialValueText(self.tr("chosen by itself"))
        self.port.setAccessibleName(self.tr("Port"))
        form.addRow(self.tr("Port"), self.port)
        self._frame, self._form = frame, form
        self._fold()
        self.middle.addWidget(frame)
        self.place = plain_label("", self, role="muted")
        self.middle.addWidget(self.place)
        self.go_on = self.add_button(self.tr("Make the class"), self._go_on, is_primary=True)

    def enter(self) -> None:
        """What is asked first has the focus."""
        self.clear_trouble()
        run_in_background(jobs.has_password_store, self._show_place, self.tell, owner=self)
        (self.go_on if self.title.text() else self.title).setFocus()

    def typed(self) -> dict[str, str]:
        """All of it."""
        return {
            "title": self.title.text(),
            "students": str(self.students.value()),
            "listen": self.listen.address,
            "folder": self.folder.text(),
            "port": str(self.port.value()),
        }

    def type_again(self, typed: dict[str, str]) -> None:
        """As it was."""
        self.title.setText(typed.get("title", ""))
        if folder := typed.get("folder", ""):
            self.folder.setText(folder)
        for field in ("students", "port"):
            if (number := typed.get(field, "")).isdecimal():
                getattr(self, field).setValue(int(number))
        self.listen.choose(typed.get("listen", EVERYWHERE))

    def set_waiting(self, is_waiting: bool) -> None:
        """As in the base class."""
        self.go_on.setEnabled(not is_waiting)
        self._frame.setEnabled(not is_waiting)

    def _fold(self) -> None:
        for field in (self._folder_row, self.port):
            self._form.setRowVisible(field, False)

    def _unfold(self) -> None:
        for field in (self._folder_row, self.port):
            self._form.setRowVisible(field, True)
        self._form.setRowVisible(self._more, False)
        self.folder.setFocus()

    def _show_place(self, has_store: bool) -> None:
        self.place.setText(place_of_password(self, has_store))

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, self.tr("Folder for the class's database"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.folder.setText)
        dialog.open()

    def _go_on(self) -> None:
        title = self.title.text().strip()
        if not require_title(self, title):
            self.title.setFocus()
            return
        if not self.folder.text().strip():
            self._unfold()
            self.tell_missing(self.folder, self.tr("Name a folder for the class's database."))
            return
        folder = Path(self.folder.text().strip()).expanduser().absolute()
        wish = HostWish(folder, self.listen.address, self.port.value(), self.students.value())
        self.wanted.emit(wish, title)


class ListenChoice(CalmComboBox):
    """By which of its addresses this computer lets others in."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Reached by"))
        self.setMinimumHeight(em(self, 1.9))
        self.addItem(self.tr("everybody in this computer's networks"), EVERYWHERE)
        self.addItem(self.tr("nobody else yet: only this computer"), HERE_ALONE)

    @property
    def address(self) -> str:
        """What to listen at."""
        return str(self.currentData())

    def choose(self, address: str) -> None:
        """Choose one; an address that is not in the list is added."""
        position = self.findData(address)
        if position < 0 and address:
            self.add_network(address, address)
            position = self.findData(address)
        self.setCurrentIndex(max(0, position))

    def add_network(self, name: str, address: str) -> None:
        """One more choice: a single network of this computer."""
        if self.findData(address) < 0:
            words = self.tr("only the network {name} ({address})").format(name=name, address=address)
            self.addItem(words, address)


def require_title(page: ClassPage, title: str) -> bool:
    """Say so where a class cannot be called that."""
    if not title:
        page.tell_missing(page, page.tr("Give the class a name: students read it."))
        return False
    if not is_plain_line(title, MAX_TITLE):
        words = page.tr("A name has at most {count} characters, all of them visible.")
        page.tell_missing(page, words.format(count=MAX_TITLE))
        return False
    return True


def place_of_password(page: QWidget, has_store: bool) -> str:
    """Where the class's password will be kept."""
    if has_store:
        return page.tr(
            "The instructor's password is made up for you, and kept in this computer's password store."
        )
    return page.tr(
        "The instructor's password is made up for you. This computer has no password store, so it is kept in"
        " a file that only you can read."
    )
