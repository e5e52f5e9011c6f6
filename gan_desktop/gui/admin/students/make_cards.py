"""New cards for many: for whom, under which address, and what ends with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QButtonGroup, QRadioButton, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.sheet import Sheet
from gan_desktop.gui.admin.students.card_address import CardAddress, chosen_hosts
from gan_desktop.gui.admin.students.hand_out import show_cards
from gan_desktop.gui.admin.students.made_cards import made_cards
from gan_desktop.gui.joining.page import plain_label
from gan_desktop.gui.theme import em
from gan_desktop.gui.words import clock

if TYPE_CHECKING:
    from gan_desktop.class_admin.cards import Entrance, PersonsCard
    from gan_desktop.database.accounts import Student
    from gan_desktop.database.address import Address

MOST_TIMES = 3  # that are named in a sentence
MOST_NAMES = 5


@dataclass(frozen=True)
class Choice:
    """Some people, and whether they get new cards or those that this window made once more."""

    students: Sequence[Student]
    is_again: bool = False


@dataclass(frozen=True)
class Prepared:
    """Cards to be handed out.

    Attributes:
        ended: The people whose cards were to be shown again, and let nobody in any more.
    """

    cards: list[PersonsCard]
    ended: Sequence[Student] = ()


class MakeCardsDialog(Sheet):
    """Asks for whom to make cards, says which cards end with that, and opens the cards' own dialog.

    Args:
        chosen: Those selected in the table.
    """

    def __init__(self, session: TeachingSession, chosen: Sequence[Student], parent: QWidget) -> None:
        lead = parent.tr(
            "A card lets one person in: as a file, on paper with a QR code, or as a line to paste. A new card"
            " ends the one before."
        )
        super().__init__(parent.tr("Make join cards"), lead, parent)
        self._session, self._made, self._page = session, made_cards(session), parent
        self.close_with_class(session)
        self._offered: list[Choice] = []
        self.choices = QButtonGroup(self)
        usual = self._offer_all([student for student in chosen if not student.is_withdrawn])
        self.address = CardAddress(session, self)
        self.warning = plain_label("", self, role="bad")
        self.maybe = plain_label("", self, role="muted")
        self.middle.addWidget(self.address)
        self.middle.addWidget(self.address.notes)
        self.middle.addWidget(self.warning)
        self.middle.addWidget(self.maybe)
        self.middle.addStretch(1)
        self.add_button(self.tr("Cancel"), self.reject)
        self.make = self.add_button(self.tr("Make cards"), self._make, is_primary=True)
        self.choices.idToggled.connect(self._show_consequence)
        self.address.changed.connect(self._look_at_entrance)
        if usual is not None:
            usual.setChecked(True)
            usual.setFocus()
        self._show_consequence()
        self._look_at_entrance()
        self.setMinimumWidth(em(self, 32))

    # -- for whom -------------------------------------------------------------------------------

    def _offer_all(self, chosen: Sequence[Student]) -> QRadioButton | None:
        """Offer what there is, what ends nothing first; returns what is chosen if nobody says otherwise.

        None: every choice ends cards that people may have, which nobody shall do by a mere Return.
        """
        present = [student for student in self._session.snapshot.students if not student.is_withdrawn]
        waiting = [student for student in present if not student.has_joined]
        again = [student for student in chosen or waiting if self._made.password(student.user) is not None]
        without = [student for student in waiting if self._made.made_at(student.user) is None]
        usual = None
        if again:
            words = self.tr("The %n card(s) of {times} once more: they stay valid", None, len(again))
            usual = self._offer(again, words.format(times=self._times(again)), is_again=True)
        if chosen:
            one = self._offer(chosen, _words_for_chosen(self, chosen))
            ends_cards = any(s.has_joined or self._made.made_at(s.user) is not None for s in chosen)
            usual = usual or (None if ends_cards else one)
        if without and len(without) < len(waiting):
            some = self._offer(without, self.tr("For the %n who have no card yet", None, len(without)))
            usual = usual or (None if chosen else some)
        rest = self._offer(waiting, self.tr("For the %n who have not joined yet", None, len(waiting)))
        if waiting and not chosen and len(without) == len(waiting):
            usual = usual or rest
        self._offer(present, self.tr("For all %n", None, len(present)))
        return usual

    def _offer(self, students: Sequence[Student], words: str, *, is_again: bool = False) -> QRadioButton:
        button = QRadioButton(words, self)
        button.setEnabled(bool(students))
        self.choices.addButton(button, len(self._offered))
        self._offered.append(Choice(students, is_again))
        self.middle.addWidget(button)
        return button

    def _choice(self) -> Choice:
        at = self.choices.checkedId()
        return self._offered[at] if at >= 0 else Choice(())

    # -- what ends ------------------------------------------------------------------------------

    def _show_consequence(self) -> None:
        choice = self._choice()
        self.make.setEnabled(bool(choice.students))
        self.make.setText(self.tr("Show the cards") if choice.is_again else self.tr("Make cards"))
        renewed = () if choice.is_again else choice.students
        joined = [student for student in renewed if student.has_joined]
        waiting = [student for student in renewed if not student.has_joined]
        given = [student for student in waiting if self._made.made_at(student.user) is not None]
        warnings = []
        if joined:
            words = self.tr(
                "%n of them have joined already: their cards end, and their computers stop until they have"
                " the new ones.",
                None,
                len(joined),
            )
            warnings.append(words)
        if given:
            words = self.tr(
                "The cards made before for %n of them stop working: those of {times}.", None, len(given)
            )
            warnings.append(words.format(times=self._times(given)))
        self.warning.setText("\n".join(warnings))
        self.warning.setVisible(bool(warnings))
        is_unsure = len(given) < len(waiting)
        self.maybe.setText(
            self.tr("Cards that were made for them on another computer or in a terminal stop working.")
            if is_unsure
            else ""
        )
        self.maybe.setVisible(is_unsure)

    def _times(self, students: Sequence[Student]) -> str:
        """When these people's cards were made, as the person remembers it."""
        moments = sorted(filter(None, (self._made.made_at(student.user) for student in students)))
        told = list(dict.fromkeys(map(clock, moments)))
        return ", ".join([*told[:MOST_TIMES], *(["..."] if len(told) > MOST_TIMES else [])])

    # -- making ---------------------------------------------------------------------------------

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
        choice, hosts = self._choice(), chosen_hosts(self._session)
        students = choice.students
        passwords = [self._made.password(student.user) or "" for student in students]
        self.clear_error()
        if choice.is_again:
            self.be_busy(self.tr("Trying the cards ..."))
        else:
            self.be_busy(self.tr("Making the cards ..."))
            # They end even where the answer is lost on its way.
            self._forget(students)
        self._session.change(
            lambda address: (
                cards_again(address, hosts, students, passwords)
                if choice.is_again
                else Prepared(make_cards(address, hosts, students))
            ),
            partial(self._take_cards, choice),
            owner=self,
            on_error=self.show_error,
        )

    def _take_cards(self, choice: Choice, prepared: Prepared) -> None:
        cards, left_out = prepared.cards, ""
        if not choice.is_again:
            self._made.keep(cards)
            self._made.note_given(cards)
        if prepared.ended:
            left_out = self._words_for_ended(prepared.ended)
            self._forget(prepared.ended)
        if not cards:
            self.show_error(GanDesktopError(left_out, title=self.tr("No card to show")))
            self.make.setEnabled(False)
            return
        self.accept()
        show_cards(self._session, cards, self._page, is_again=choice.is_again, left_out=left_out)

    def _forget(self, students: Sequence[Student]) -> None:
        """These people's cards are not to be shown once more, in this dialog neither."""
        self._made.forget([student.user for student in students])
        for at, choice in enumerate(self._offered):
            if choice.is_again and any(self._made.password(s.user) is None for s in choice.students):
                self.choices.button(at).setEnabled(False)

    def _words_for_ended(self, ended: Sequence[Student]) -> str:
        names = [student.name for student in ended]
        told = ", ".join([*names[:MOST_NAMES], *(["..."] if len(names) > MOST_NAMES else [])])
        words = self.tr("%n of these cards let nobody in any more: {names}. Make new ones.", None, len(ended))
        return words.format(names=told)


def look_at_entrance(address: Address, hosts: Sequence[str]) -> Entrance:
    """How others reach the class by its cards."""
    from gan_desktop.class_admin.cards import entrance

    return entrance(address, hosts)


def make_cards(address: Address, hosts: Sequence[str], students: Sequence[Student]) -> list[PersonsCard]:
    """New cards for these people, or for nobody; the former ones end."""
    from gan_desktop.class_admin.cards import entrance, renew_cards

    return renew_cards(address, entrance(address, hosts), students)


def cards_again(
    address: Address, hosts: Sequence[str], students: Sequence[Student], passwords: Sequence[str]
) -> Prepared:
    """The cards that these people have already, with the addresses and names of now; each login is tried."""
    from gan_desktop.class_admin.cards import entrance, persons_cards, refused_logins
    from gan_desktop.database.accounts import RosterEntry
    from gan_desktop.database.logins import Login

    logins = [Login(s.user, password) for s, password in zip(students, passwords, strict=True)]
    refused = refused_logins(address, logins)
    valid = [login for login in logins if login.user not in refused]
    entries = [
        RosterEntry(s.name, s.student_id, s.email, s.section) for s in students if s.user not in refused
    ]
    cards = persons_cards(entrance(address, hosts), entries, valid)
    return Prepared(cards, [student for student in students if student.user in refused])


def _words_for_chosen(dialog: QWidget, chosen: Sequence[Student]) -> str:
    if len(chosen) == 1:
        return dialog.tr("For {name}").format(name=chosen[0].name)
    return dialog.tr("For the %n selected", None, len(chosen))
