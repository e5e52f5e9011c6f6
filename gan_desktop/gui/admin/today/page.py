"""During a lesson one page is enough: the people first, who needs help on top; the faces beside them.

Its second view shows the queue as a picture: where each unit is.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.students.make_cards import MakeCardsDialog
from gan_desktop.gui.admin.students.student_dialog import StudentDialog
from gan_desktop.gui.admin.today.message import MessageDialog
from gan_desktop.gui.admin.today.people import PersonToday, Presence, people_today
from gan_desktop.gui.admin.today.queue import QueueView
from gan_desktop.gui.admin.today.record import RecordDialog
from gan_desktop.gui.admin.today.side import TodaySide
from gan_desktop.gui.admin.today.table import TodayTable
from gan_desktop.gui.joining.page import plain_label
from gan_desktop.gui.theme import em, set_role

if TYPE_CHECKING:
    from gan_desktop.database.accounts import Student
    from gan_desktop.database.address import Address
    from gan_desktop.database.statistics import WorkerSummary

NOTE_MS = 8_000


class TodayPage(QWidget):
    """Follows the session; the two views are a button apart."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.table, self.side = TodayTable(self), TodaySide(session, self)
        self.queue = QueueView(session, self)
        self._instead = plain_label("", self, role="muted")
        self._note = QLabel(self)
        self._note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        set_role(self._note, "good")
        self._note_over = QTimer(self, singleShot=True, interval=NOTE_MS)
        self._note_over.timeout.connect(self._note.clear)
        self._make_bar()
        self._lay_out()
        self._connect()
        self._take_snapshot()

    # -- building -------------------------------------------------------------------------------

    def _make_bar(self) -> None:
        self.search = QLineEdit(self, clearButtonEnabled=True)
        self.search.setPlaceholderText(self.tr("Find a name"))
        self.search.setAccessibleName(self.tr("Find a name"))
        self.search.setFixedWidth(em(self, 9))
        self.filter = QComboBox(self)
        self.filter.setAccessibleName(self.tr("Who is shown"))
        for words, presence in (
            (self.tr("Everybody"), None),
            (self.tr("Who needs help"), Presence.NEEDS_HELP),
            (self.tr("Who works"), Presence.WORKING),
            (self.tr("Who waits"), Presence.WAITING),
            (self.tr("Who has not joined"), Presence.NOT_JOINED),
            (self.tr("Who has gone"), Presence.GONE),
        ):
            self.filter.addItem(words, presence)
        self._group = QButtonGroup(self)
        self._stack = QStackedWidget(self)

    def _lay_out(self) -> None:
        people = QWidget(self)
        row = QHBoxLayout(people)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(em(self, 0.8))
        row.addWidget(self.table, 1)
        row.addWidget(self.side)
        bar = QHBoxLayout()
        bar.setSpacing(0)
        for words, view in ((self.tr("People"), people), (self.tr("Queue"), self.queue)):
            button = QPushButton(words, self)
            button.setCheckable(True)
            set_role(button, "segment")
            self._group.addButton(button, self._stack.addWidget(view))
            bar.addWidget(button)
        bar.addSpacing(em(self, 0.8))
        bar.addWidget(self._note, 1)
        bar.addWidget(self.search)
        bar.addSpacing(em(self, 0.5))
        bar.addWidget(self.filter)
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self), em(self, 0.7), em(self), em(self, 0.7))
        column.setSpacing(em(self, 0.6))
        column.addLayout(bar)
        column.addWidget(self._instead)
        column.addWidget(self._stack, 1)
        self._group.button(0).setChecked(True)

    def _connect(self) -> None:
        session, table = self._session, self.table
        self._group.idClicked.connect(self.show_view)
        self.search.textChanged.connect(self._filter)
        self.filter.currentIndexChanged.connect(self._filter)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.activated.connect(self.search.setFocus)
        table.message_wanted.connect(self.ask_message)
        table.record_wanted.connect(self.show_record)
        table.rename_wanted.connect(self.ask_name)
        table.card_wanted.connect(self.ask_card)
        table.withdraw_wanted.connect(self.ask_to_withdraw)
        self.side.message_wanted.connect(lambda: self.ask_message(None))
        session.class_changed.connect(self._take_snapshot)
        session.snapshot_changed.connect(self._take_snapshot)

    # -- showing --------------------------------------------------------------------------------

    @Slot(int)
    def show_view(self, number: int) -> None:
        """0: people; 1: the queue."""
        self._stack.setCurrentIndex(number)
        self._group.button(number).setChecked(True)
        for widget in (self.search, self.filter):
            widget.setVisible(number == 0)

    @Slot()
    def _take_snapshot(self) -> None:
        snapshot = self._session.snapshot
        people = people_today(snapshot.students, snapshot.status) if snapshot.status is not None else ()
        self.table.show_people(people)
        words = self._words_instead(bool(people))
        self._instead.setVisible(bool(words))
        self._instead.setText(words)

    def _words_instead(self, has_people: bool) -> str:
        if has_people:
            return ""
        if self._session.taught is None:
            return self.tr("Here you see your class as soon as there is one.")
        if self._session.snapshot.status is None:
            return self.tr("Reading the class ...")
        totals = self._session.snapshot.totals
        if totals is not None and totals.has_moved:
            return self.tr("The class has moved to another server.")
        if totals is not None and totals.ended_at is not None:
            return self.tr("The class has ended.")
        return self.tr("Nobody takes part yet. Admit people, or make a class code, on the page Students.")

    @Slot()
    def _filter(self) -> None:
        self.table.show_only(self.filter.currentData(), self.search.text())

    def tell(self, words: str) -> None:
        """Say for some seconds what was done."""
        self._note.setText(words)
        self._note_over.start()

    # -- acting ---------------------------------------------------------------------------------

    def ask_message(self, person: PersonToday | None) -> None:
        """Ask for words to one student, or to everybody (None), and send them."""
        dialog = MessageDialog(self._session, person, self)
        dialog.sent.connect(partial(self._tell_sent, person))
        dialog.open()

    def _tell_sent(self, person: PersonToday | None, num_there: int) -> None:
        if num_there:
            words = self.tr("Sent: %n people are there to read it.", None, num_there)
        elif person is None:
            words = self.tr("Sent. Nobody is there now; who joins within the hour reads it.")
        else:
            words = self.tr("Sent. {name} is not there now; it waits for an hour.").format(name=person.name)
        self.tell(words)

    @Slot(object)
    def show_record(self, worker: WorkerSummary) -> None:
        """Show what speaks for and against a computer, to hold it or let it go on."""
        dialog = RecordDialog(self._session, worker, self)
        dialog.decided.connect(self.tell)
        dialog.open()

    @Slot(object)
    def ask_name(self, person: PersonToday) -> None:
        """Ask how else a student is called."""
        if (student := self._student(person)) is not None:
            StudentDialog(self._session, student, self).open()

    @Slot(object)
    def ask_card(self, person: PersonToday) -> None:
        """Make a new card, whose former one ends, and hand it out."""
        if (student := self._student(person)) is not None:
            MakeCardsDialog(self._session, [student], self).open()

    def _student(self, person: PersonToday) -> Student | None:
        students = self._session.snapshot.students
        return next((student for student in students if student.user == person.user), None)

    @Slot(object)
    def ask_to_withdraw(self, person: PersonToday) -> None:
        """Withdraw a student's card, if the instructor means it."""
        box = QMessageBox(self.window())
        box.setWindowTitle("GAN Desktop Teaching")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(self.tr('Withdraw the card of "{name}"?').format(name=person.name))
        box.setInformativeText(
            self.tr(
                "It lets nobody in any more, at once and for good. Work that was handed in stays counted."
            )
        )
        withdraw = box.addButton(self.tr("Withdraw"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        withdraw.clicked.connect(lambda: self._withdraw(person))
        box.finished.connect(box.deleteLater)
        box.open()

    def _withdraw(self, person: PersonToday) -> None:
        def work(address: Address) -> None:
            from gan_desktop.class_admin.people import remove_student

            remove_student(address, person.user)

        words = self.tr("The card of {name} is withdrawn.").format(name=person.name)
        self._session.change(work, lambda _nothing: self.tell(words), owner=self)
