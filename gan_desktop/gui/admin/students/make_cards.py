"""New cards for many: for whom, under which address, and what ends with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QRadioButton, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.sheet import Sheet
from gan_desktop.gui.admin.students.card_address import CardAddress, chosen_hosts
from gan_desktop.gui.joining.page import plain_label
from gan_desktop.gui.theme import em

if TYPE_CHECKING:
    from gan_desktop.class_admin.cards import Entrance, PersonsCard
    from gan_desktop.database.accounts import Student
    from gan_desktop.database.address import Address


class MakeCardsDialog(Sheet):
    """Asks for whom to make cards, and says what that ends.

    Args:
        chosen: Those selected in the table.

    Signals:
        made: A list of `PersonsCard`.
    """

    made = Signal(object)

    def __init__(self, session: TeachingSession, chosen: Sequence[Student], parent: QWidget) -> None:
        lead = parent.tr(
            "A card lets one person in: as a file, on paper with a QR code, or as a line to paste."
        )
        super().__init__(parent.tr("Make join cards"), lead, parent)
        self._session = session
        self.close_with_class(session)
        present = [student for student in session.snapshot.students if not student.is_withdrawn]
        waiting = [student for student in present if not student.has_joined]
        chosen = [student for student in chosen if not student.is_withdrawn]
        self._groups: list[Sequence[Student]] = []
        self.choices = QButtonGroup(self)
        self._offer(chosen, _words_for_chosen(self, chosen))
        self._offer(waiting, self.tr("For the %n who have not joined yet", None, len(waiting)))
        self._offer(present, self.tr("For all %n", None, len(present)))
        self.address = CardAddress(session, self)
        self.warning = plain_label("", self, role="bad")
        self.middle.addWidget(self.address)
        self.middle.addWidget(self.address.notes)
        self.middle.addWidget(self.warning)
        self.middle.addStretch(1)
        self.add_button(self.tr("Cancel"), self.reject)
        self.make = self.add_button(self.tr("Make cards"), self._make, is_primary=True)
        self.choices.idToggled.connect(self._show_consequence)
        self.address.changed.connect(self._look_at_entrance)
        if first := next((button for button in self.choices.buttons() if button.isEnabled()), None):
            first.setChecked(True)
            first.setFocus()
        self._show_consequence()
        self._look_at_entrance()
        self.setMinimumWidth(em(self, 30))

    def _offer(self, students: Sequence[Student], words: str) -> None:
        button = QRadioButton(words, self)
        button.setEnabled(bool(students))
        self.choices.addButton(button, len(self._groups))
        self._groups.append(students)
        self.middle.addWidget(button)

    def _students(self) -> Sequence[Student]:
        at = self.choices.checkedId()
        return self._groups[at] if at >= 0 else ()

    def _show_consequence(self) -> None:
        students = self._students()
        self.make.setEnabled(bool(students))
        num_joined = sum(student.has_joined for student in students)
        self.warning.setText(
            self.tr(
                "%n of them have joined already: their cards end, and their computers stop until they have"
                " the new ones.",
                None,
                num_joined,
            )
            if num_joined
            else ""
        )
        self.warning.setVisible(num_joined > 0)

    def _look_at_entrance(self) -> None:
        hosts = chosen_hosts(self._session)
        self.clear_error()
        self._session.ask(
            lambda address: look_at_entrance(address, hosts),
            self.address.show_entrance,
            owner=self,
            on_error=self._tell_no_entrance,
        )

    def _tell_no_entrance(self, error: GanDesktopError) -> None:
        # Cards that are being made meet the same trouble, and say so themselves.
        if not self.must_stay:
            self.show_error(error)

    def _make(self) -> None:
        self.address.keep()
        students, hosts = self._students(), chosen_hosts(self._session)
        self.clear_error()
        self.be_busy(self.tr("Making the cards ..."))
        self._session.change(
            lambda address: make_cards(address, hosts, students),
            self._take_cards,
            owner=self,
            on_error=self.show_error,
        )

    def _take_cards(self, cards: list[PersonsCard]) -> None:
        self.accept()
        self.made.emit(cards)


def look_at_entrance(address: Address, hosts: Sequence[str]) -> Entrance:
    """How others reach the class by its cards."""
    from gan_desktop.class_admin.cards import entrance

    return entrance(address, hosts)


def make_cards(address: Address, hosts: Sequence[str], students: Sequence[Student]) -> list[PersonsCard]:
    """New cards for these people, or for nobody; the former ones end."""
    from gan_desktop.class_admin.cards import entrance, renew_cards

    return renew_cards(address, entrance(address, hosts), students)


def _words_for_chosen(dialog: QWidget, chosen: Sequence[Student]) -> str:
    if len(chosen) == 1:
        return dialog.tr("For {name}").format(name=chosen[0].name)
    return dialog.tr("For the %n selected", None, len(chosen))
