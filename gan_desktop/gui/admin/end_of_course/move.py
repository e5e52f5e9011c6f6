"""Moving a class to a server, and making the next one after it: from the question to the new cards."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QCheckBox, QRadioButton, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.end_of_course import jobs
from gan_desktop.gui.admin.end_of_course.jobs import Arrived
from gan_desktop.gui.admin.end_of_course.place import PlaceForm
from gan_desktop.gui.admin.end_of_course.work import Told, Work
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.sheet import Sheet
from gan_desktop.gui.admin.wizard.page import add_line, make_form
from gan_desktop.gui.joining.page import plain_label
from gan_desktop.gui.theme import em
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import percent
from gan_desktop.names import MAX_TITLE


class _NewPlaceSheet(Sheet):
    """What both have in common: a place, work that takes its time, and a class at its end."""

    def __init__(
        self, session: TeachingSession, title: str, lead: str, verb: str, folder: Path, parent: QWidget
    ):
        super().__init__(title, lead, parent)
        self._session, self._folder = session, folder
        self._arrived: Arrived | None = None
        self.work = Work(session, self)
        self.work.told.connect(self._tell)
        self.place = PlaceForm(self)
        self._fill()
        self.outcome = plain_label("", self)
        self.outcome.hide()
        self.middle.addWidget(self.outcome)
        self.middle.addStretch(1)
        self.show_cards = self.add_button(self.tr("Show the cards"), self._show_cards, is_link=True)
        self.show_cards.hide()
        self.cancel = self.add_button(self.tr("Cancel"), self.reject)
        self.do = self.add_button(verb, self._begin, is_primary=True)
        self.setMinimumWidth(em(self, 34))

    def _fill(self) -> None:
        raise NotImplementedError

    def _begin(self) -> None:
        raise NotImplementedError

    @Slot(object)
    def _tell(self, told: Told) -> None:
        share = f" {percent(told.done / told.total)}" if told.total else ""
        self.be_busy(f"{engine_text(f'{told.what} ...')}{share}" if told.what else self.tr("Working ..."))

    def _fail(self, error: GanDesktopError) -> None:
        self.show_error(error)
        self.place.look_at(error)

    def _arrive(self, arrived: Arrived) -> None:
        """Say where the class is, and what is to be done next."""
        self.be_busy("")
        self.clear_error()
        self._arrived = arrived
        for at in range(self.middle.count()):
            item = self.middle.itemAt(at)
            if item is not None and (widget := item.widget()) is not None:
                widget.setVisible(widget is self.outcome)
        self.lead.setText(self._arrived_words(arrived))
        lines = []
        if arrived.cards is not None:
            words = self.tr("The new cards of %n student(s) are in one file:", None, arrived.num_students)
            lines.append(f"{words} {arrived.cards}")
        if arrived.is_paused:
            lines.append(self.tr("The training waits there. Let it go on when the cards are handed out."))
        if arrived.trouble is not None:
            lines.append(f"{engine_text(arrived.trouble.title)}. {engine_text(arrived.trouble.message)}")
        self.outcome.setText("\n\n".join(lines))
        self.outcome.setVisible(bool(lines))
        self.show_cards.setVisible(arrived.cards is not None)
        self.cancel.setText(self.tr("Stay here"))
        self.do.setText(self.tr("Go to the new class"))
        self.do.setFocus()
        self.adjustSize()

    def _arrived_words(self, arrived: Arrived) -> str:
        raise NotImplementedError

    def _press_after(self) -> bool:
        """Whether the work is done: then the button leads to the class."""
        if self._arrived is None:
            return False
        self.accept()
        self._session.teach(self._arrived.taught)
        self._session.show_page("today")
        return True

    def _show_cards(self) -> None:
        if self._arrived is not None and self._arrived.cards is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._arrived.cards.parent)))


class MoveSheet(_NewPlaceSheet):
    """Lets the class go on at another place."""

    def __init__(self, session: TeachingSession, name: str, folder: Path, parent: QWidget) -> None:
        super().__init__(
            session,
            parent.tr("Move the class"),
            parent.tr(
                'The training pauses, "{name}" is written to a file, and goes on in the empty database below.'
                " Everybody gets a new card; the old ones lead here, where students read that the class has"
                " moved. If anything fails, the class stays as it is."
            ).format(name=name),
            parent.tr("Move the class"),
            folder,
            parent,
        )

    def _fill(self) -> None:
        self.middle.addWidget(self.place)
        words = self.tr("The archive and the cards go to {folder}").format(folder=self._folder)
        self.middle.addWidget(plain_label(words, self, role="muted"))
        self.place.host.setFocus()

    def _begin(self) -> None:
        if self._press_after() or (taught := self._session.taught) is None:
            return
        self.clear_error()
        try:
            there = self.place.login()
        except GanDesktopError as error:
            self._fail(error)
            return
        self.be_busy(self.tr("Working ..."))
        work = partial(jobs.move, taught.address, self._session.places, there, self._folder)
        self.work.begin(self.tr("The class is being moved."), work, self._arrive, self._fail)

    def _arrived_words(self, arrived: Arrived) -> str:
        words = self.tr('"{name}" lives at {host} now. What is here stays until you delete it.')
        return words.format(name=arrived.taught.title, host=arrived.taught.address.host)


class NewClassSheet(_NewPlaceSheet):
    """Makes the next class with the settings of this one."""

    def __init__(self, session: TeachingSession, name: str, folder: Path, parent: QWidget) -> None:
        self._name = name
        super().__init__(
            session,
            parent.tr("New class with the same settings"),
            parent.tr(
                "The newest training's settings are written down anew, ready to begin. This class"
                " stays as it is."
            ),
            parent.tr("Make the class"),
            folder,
            parent,
        )

    def _fill(self) -> None:
        frame, form = make_form(self)
        self.title = add_line(form, self.tr("Name of the class"))
        self.title.setMaxLength(MAX_TITLE)
        self.title.setText(_next_name(self._name))
        self.pictures = QCheckBox(self.tr("take the &pictures along"), self)
        self.pictures.setChecked(True)
        self.people = QCheckBox(self.tr("take the p&eople along, with new cards"), self)
        form.addRow("", self.pictures)
        form.addRow("", self.people)
        self.middle.addWidget(frame)
        taught = self._session.taught
        is_hosted = taught is not None and taught.hosted_in is not None
        self.here = QRadioButton(self.tr("on &this computer, beside this one"), self)
        self.there = QRadioButton(self.tr("on a &server, in an empty database"), self)
        for choice in (self.here, self.there):
            choice.setVisible(is_hosted)
            self.middle.addWidget(choice)
        self.middle.addWidget(self.place)
        self.there.toggled.connect(self.place.setVisible)
        (self.here if is_hosted else self.there).setChecked(True)
        self.place.setVisible(not is_hosted)
        self.title.selectAll()
        self.title.setFocus()

    def _begin(self) -> None:
        if self._press_after() or (taught := self._session.taught) is None:
            return
        self.clear_error()
        try:
            there = self.place.login() if self.there.isChecked() else None
        except GanDesktopError as error:
            self._fail(error)
            return
        self.be_busy(self.tr("Working ..."))
        title, places, folder = self.title.text().strip(), self._session.places, self._folder
        people, pictures = self.people.isChecked(), self.pictures.isChecked()
        self.work.begin(
            self.tr("The new class is being made."),
            lambda progress: jobs.begin_anew(
                taught, places, there, title, folder, people=people, pictures=pictures, progress=progress
            ),
            self._arrive,
            self._fail,
        )

    def _arrived_words(self, arrived: Arrived) -> str:
        return self.tr('"{name}" is made.').format(name=arrived.taught.title)


def _next_name(name: str) -> str:
    """Next year's name where a year ends it: Vision 2026 is followed by Vision 2027."""
    stem, _, last = name.rpartition(" ")
    if stem and last.isdecimal() and len(last) == 4:
        return f"{stem} {int(last) + 1}"
    return f"{name} 2"[:MAX_TITLE]
