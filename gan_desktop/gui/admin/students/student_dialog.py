"""One person of the class: to be admitted, or known otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QFormLayout, QLineEdit, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.sheet import Sheet
from gan_desktop.gui.admin.students.card_address import chosen_hosts
from gan_desktop.gui.theme import em
from gan_desktop.names import MAX_NAME

if TYPE_CHECKING:
    from gan_desktop.class_admin.cards import PersonsCard
    from gan_desktop.database.accounts import RosterEntry, Student
    from gan_desktop.database.address import Address


class StudentDialog(Sheet):
    """Name, id, e-mail address and group. Whatever goes wrong, what was typed stays.

    Args:
        student: Whom to change; None: somebody new.

    Signals:
        admitted: The `PersonsCard` of somebody new.
    """

    admitted = Signal(object)

    def __init__(self, session: TeachingSession, student: Student | None, parent: QWidget) -> None:
        title = parent.tr("Add a student") if student is None else parent.tr("Change a student")
        lead = parent.tr("The class sees the name; everything else is for you alone, in the credit table.")
        super().__init__(title, lead, parent)
        self._session, self._student = session, student
        self.close_with_class(session)
        self.name = QLineEdit(self)
        self.name.setMaxLength(MAX_NAME)
        self.student_id, self.email, self.section = QLineEdit(self), QLineEdit(self), QLineEdit(self)
        form = QFormLayout()
        form.setSpacing(em(self, 0.6))
        for words, field in (
            (self.tr("&Name"), self.name),
            (self.tr("&ID"), self.student_id),
            (self.tr("&E-mail"), self.email),
            (self.tr("&Group"), self.section),
        ):
            field.setMinimumWidth(em(self, 16))
            field.setAccessibleName(words.replace("&", ""))
            form.addRow(words, field)
        self.same_name = QCheckBox(self.tr("It is another person of that name"), self)
        self.same_name.hide()
        self.middle.addLayout(form)
        self.middle.addWidget(self.same_name)
        self.middle.addStretch(1)
        self.add_button(self.tr("Cancel"), self.reject)
        words = self.tr("Add and make a card") if student is None else self.tr("Save")
        self.save = self.add_button(words, self._save, is_primary=True)
        self.name.textChanged.connect(self._take_name)
        if student is not None:
            self._fill(student)
        self._take_name()

    def _fill(self, student: Student) -> None:
        self.name.setText(student.name)
        self.student_id.setText(student.student_id or "")
        self.email.setText(student.email or "")
        self.section.setText(student.section or "")
        self.name.selectAll()

    def _take_name(self) -> None:
        self.save.setEnabled(bool(self.name.text().strip()))
        self.same_name.hide()
        self.same_name.setChecked(False)

    def _save(self) -> None:
        self.clear_error()
        from gan_desktop.database.accounts import RosterEntry

        entry = RosterEntry(self.name.text().strip(), *(f.text().strip() or None for f in self._details()))
        same_name, hosts = self.same_name.isChecked(), chosen_hosts(self._session)
        self.be_busy(self.tr("Writing to the class ..."))
        if self._student is None:
            self._session.change(
                lambda address: admit(address, entry, hosts, same_name=same_name),
                self._take_card,
                owner=self,
                on_error=self._take_error,
            )
        else:
            user = self._student.user
            self._session.change(
                lambda address: change(address, user, entry, same_name=same_name),
                lambda _before: self.accept(),
                owner=self,
                on_error=self._take_error,
            )

    def _details(self) -> tuple[QLineEdit, ...]:
        return self.student_id, self.email, self.section

    def _take_card(self, card: PersonsCard) -> None:
        self.accept()
        self.admitted.emit(card)

    def _take_error(self, error: GanDesktopError) -> None:
        from gan_desktop.class_admin.people import NameTaken

        if not isinstance(error, NameTaken):
            self.show_error(error)
        else:
            words = (
                "Somebody of this name takes part already. Choose another name, or say that it is somebody"
                " else."
            )
            self.show_error(NameTaken(words))
            self.same_name.show()
            self.same_name.setFocus()


def admit(address: Address, entry: RosterEntry, hosts: Sequence[str], *, same_name: bool) -> PersonsCard:
    """Admit one person; returns the card, which names `hosts` as the server's addresses (empty: its own)."""
    from gan_desktop.class_admin.cards import PersonsCard, entrance
    from gan_desktop.class_admin.people import add_student

    # First, for it fails where no card can be made.
    way = entrance(address, hosts)
    login = add_student(
        address,
        entry.name,
        student_id=entry.student_id,
        email=entry.email,
        section=entry.section,
        same_name=same_name,
    )
    return PersonsCard(entry, way.card(login.user, login.password or "", name=entry.name))


def change(address: Address, user: str, entry: RosterEntry, *, same_name: bool) -> Student:
    """Let the class know somebody by other words; returns how it was."""
    from gan_desktop.class_admin.people import edit_student

    return edit_student(address, user, entry, same_name=same_name)
