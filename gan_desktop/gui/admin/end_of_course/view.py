"""The end of a course: its steps as a list with ticks; beside it moving the class, and a new one after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QDate, QDateTime, QLocale, QStandardPaths, Qt, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.end_of_course import jobs
from gan_desktop.gui.admin.end_of_course.delete import DeleteSheet
from gan_desktop.gui.admin.end_of_course.jobs import Seen
from gan_desktop.gui.admin.end_of_course.move import MoveSheet, NewClassSheet
from gan_desktop.gui.admin.end_of_course.sheets import EraseQuestion, ask_first
from gan_desktop.gui.admin.end_of_course.step import StepRow
from gan_desktop.gui.admin.end_of_course.work import Told, Work
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.calm_fields import CalmDateEdit
from gan_desktop.gui.joining.page import link_button, plain_label
from gan_desktop.gui.theme import em, scale_font, set_role
from gan_desktop.gui.translation import engine_text, language_in_force
from gan_desktop.gui.trouble import Trouble

if TYPE_CHECKING:
    from gan_desktop.class_admin.closing import Progress, Step
    from gan_desktop.database.address import Address
    from gan_desktop.database.erasure import Trace

T = TypeVar("T")

# What a spreadsheet of the country takes for the end of a cell.
_SEPARATORS = {"de": ";"}


class EndOfCourseView(QWidget):
    """What an instructor does in the last week of a term, in its order.

    Attributes:
        folder: Where files go; the instructor may choose another.
        rows: The steps by the engine's names; `delete` is beside them.
    """

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._seen: Seen | None = None
        self._is_asking = False
        self._busy_row: StepRow | None = None
        self.folder = _documents()
        self.work = Work(session, self)
        self.rows: dict[str, StepRow] = {}
        self._make_rows()
        self._lay_out()
        self._acts: dict[str, Callable[[], None]] = {
            "end": self._ask_end,
            "credit": self._write_credit,
            "results": self._write_results,
            "archive": self._write_archive,
            "logins": self._ask_logins,
            "erase": self._ask_erase,
        }
        for name, row in self.rows.items():
            row.wanted.connect(self._acts[name])
        self.work.busy_changed.connect(self._show)
        self.work.told.connect(self._show_progress)
        session.class_changed.connect(self._take_class)
        session.snapshot_changed.connect(self._look_if_visible)
        self._show()

    # -- building -------------------------------------------------------------------------------

    def _make_rows(self) -> None:
        steps = (
            ("end", self.tr("End the class"), self.tr("End the class ...")),
            ("credit", self.tr("Final credit"), self.tr("Write the table")),
            ("results", self.tr("Results"), self.tr("Write the folder")),
            ("archive", self.tr("Archive"), self.tr("Write the file")),
            ("logins", self.tr("Close all logins"), self.tr("Close them ...")),
            ("erase", self.tr("Erase personal data"), self.tr("Erase ...")),
        )
        for position, (name, title, verb) in enumerate(steps, start=1):
            self.rows[name] = StepRow(position, title, verb, self)
        self.until = CalmDateEdit(QDate.currentDate(), self)
        self.until.setCalendarPopup(True)
        self.until.setMaximumDate(QDate.currentDate())
        self.until.setAccessibleName(self.tr("Credit up to and with this day"))
        label = QLabel(self.tr("&Up to and with"), self)
        label.setBuddy(self.until)
        self.rows["credit"].add_choices(label, self.until)
        self.with_pictures = QCheckBox(self.tr("with the &pictures it learned from"), self)
        self.with_pictures.setChecked(True)
        self.rows["archive"].add_choices(self.with_pictures)
        self.delete = StepRow(0, self.tr("Delete the whole class"), self.tr("Delete ..."), self)
        self.delete.consequence.setText(
            self.tr("Removes the class with its pictures, weights and record from its server, for good.")
        )
        self.delete.wanted.connect(self._ask_delete)
        self.open_again = link_button(self.tr("Let the class go on after all"), self._open_again, self)
        self.open_again.hide()
        buttons = [row.button for row in (*self.rows.values(), self.delete)]
        width = max(button.sizeHint().width() for button in buttons)
        for button in buttons:
            button.setFixedWidth(width)

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(em(self, 0.8))
        row.addWidget(self._make_list(), 1)
        row.addWidget(self._make_side())

    def _make_list(self) -> QWidget:
        card = QFrame(self)
        set_role(card, "card")
        self._place = QLabel(card)
        self._place.setTextFormat(Qt.TextFormat.PlainText)
        self._place.setSizePolicy(
            self._place.sizePolicy().Policy.Ignored, self._place.sizePolicy().verticalPolicy()
        )
        set_role(self._place, "muted")
        choose = link_button(self.tr("&Choose ..."), self._choose_folder, card)
        choose.setAccessibleName(self.tr("Choose the folder for files"))
        top = QHBoxLayout()
        top.addWidget(self._place, 1)
        top.addWidget(choose)
        inner = QWidget(card)
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, em(self, 0.8), 0)
        column.setSpacing(0)
        for at, step in enumerate((*self.rows.values(), self.delete)):
            if at:
                line = QFrame(inner)
                set_role(line, "line")
                column.addWidget(line)
            column.addWidget(step)
        column.addStretch(1)
        scroll = QScrollArea(card, widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        # The card's colour behind the steps, not the window's.
        scroll.viewport().setAutoFillBackground(False)
        inner.setAutoFillBackground(False)
        whole = QVBoxLayout(card)
        margin = em(self, 0.9)
        whole.setContentsMargins(margin, em(self, 0.6), em(self, 0.3), em(self, 0.6))
        whole.setSpacing(em(self, 0.3))
        whole.addLayout(top)
        whole.addWidget(scroll, 1)
        return card

    def _make_side(self) -> QWidget:
        side = QWidget(self)
        side.setFixedWidth(em(self, 13.5))
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.8))
        self.move_button = QPushButton(self.tr("&Move the class ..."), side)
        self.move_button.clicked.connect(lambda _checked=False: self._ask_move())
        self.new_button = QPushButton(self.tr("&New class ..."), side)
        self.new_button.clicked.connect(lambda _checked=False: self._ask_new())
        moving = self.tr(
            "From this computer to a server, or to another one: everything goes along, and everybody gets a"
            " new card."
        )
        anew = self.tr("With the settings of this one; its pictures and its people too, if you like.")
        column.addWidget(self._side_card(self.tr("Somewhere else"), moving, self.move_button, side))
        column.addWidget(self._side_card(self.tr("Next term"), anew, self.new_button, side))
        column.addWidget(self.open_again, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        return side

    def _side_card(self, title: str, words: str, button: QPushButton, parent: QWidget) -> QWidget:
        card = QFrame(parent)
        set_role(card, "card")
        head = plain_label(title, card)
        scale_font(head, 1.08, bold=True)
        column = QVBoxLayout(card)
        margin = em(self, 0.8)
        column.setContentsMargins(margin, em(self, 0.6), margin, margin)
        column.setSpacing(em(self, 0.4))
        column.addWidget(head)
        column.addWidget(plain_label(words, card, role="muted"))
        column.addWidget(button)
        return card

    # -- looking --------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Look anew: another window may have done something."""
        super().showEvent(event)
        self.until.setMaximumDate(QDate.currentDate())
        self.look()

    @Slot()
    def _look_if_visible(self) -> None:
        if self.isVisible() and not self.work.is_busy:
            self.look()

    @Slot(object)
    def _take_class(self) -> None:
        self._seen, self._is_asking = None, False
        self.folder = _documents()
        self._show()
        for row in (*self.rows.values(), self.delete):
            row.forget_height()
        self._look_if_visible()

    def look(self) -> None:
        """Ask how far the class is from its end."""
        taught = self._session.taught
        if self._is_asking or taught is None:
            return
        self._is_asking = True

        def take(seen: Seen) -> None:
            # An answer about a class that was left meanwhile is no news.
            if self._session.taught is taught:
                self._is_asking = False
                self._seen = seen
                self._show()

        self._session.ask(jobs.look, take, owner=self, on_error=self._fail_to_look)

    def _fail_to_look(self, _error: GanDesktopError) -> None:
        # That the class is away is said by the window's strip.
        self._is_asking = False

    # -- showing --------------------------------------------------------------------------------

    @Slot()
    def _show(self) -> None:
        words = self.tr("Files go to {folder}").format(folder=self.folder)
        self._place.setText(words)
        self._place.setToolTip(str(self.folder))
        seen, is_busy = self._seen, self.work.is_busy
        for name, row in self.rows.items():
            row.button.setEnabled(seen is not None and not is_busy)
            if seen is not None:
                self._show_step(name, row, seen)
            if not is_busy:
                row.end_progress()
        if not is_busy:
            self.delete.end_progress()
        is_known = seen is not None and not is_busy
        for button in (self.delete.button, self.move_button, self.new_button):
            button.setEnabled(is_known)
        can_open = seen is not None and seen.closing.has_ended and "erase" not in seen.closing.done
        self.open_again.setVisible(can_open)
        self.open_again.setEnabled(not is_busy)

    def _show_step(self, name: str, row: StepRow, seen: Seen) -> None:
        from gan_desktop.class_admin.closing import Step

        step = Step(name)
        done = seen.closing.done.get(step)
        row.set_done(done is not None)
        row.consequence.setText(engine_text(seen.closing.consequence(step)))
        if done is None:
            row.tell_outcome("")
        else:
            when = QLocale().toString(
                QDateTime.fromSecsSinceEpoch(round(done.done_at.timestamp())), QLocale.FormatType.ShortFormat
            )
            name_of_file = Path(done.place).name if done.place else ""
            told = self.tr("Done on {when}: {name}") if name_of_file else self.tr("Done on {when}")
            row.tell_outcome(
                told.format(when=when, name=name_of_file), done.place, is_here=done.place in seen.here
            )
        note, is_bad, is_possible = self._note(step, seen)
        row.tell_note(note, is_bad=is_bad)
        if not is_possible:
            row.button.setEnabled(False)
        row.button.setVisible(done is None or step in (Step.CREDIT, Step.RESULTS, Step.ARCHIVE) or is_bad)

    def _note(self, step: Step, seen: Seen) -> tuple[str, bool, bool]:
        """What to know before a step, whether it is a trouble, and whether the step is possible."""
        from gan_desktop.class_admin.closing import Step

        done, facts = seen.closing.done, seen.closing.facts
        if step in (Step.CREDIT, Step.ARCHIVE) and Step.ERASE in done:
            written = done.get(step)
            if written is not None and written.done_at < done[Step.ERASE].done_at:
                words = self.tr(
                    "Written before the names were erased: this file still holds them. Delete it, or keep it"
                    " locked away."
                )
                return words, True, True
            return self.tr("Personal data was erased: names are not in it any more."), False, True
        if step is Step.CREDIT and facts.num_waiting:
            return (
                self.tr(
                    "%n unit(s) handed in wait to be looked at, and are not in it yet.",
                    None,
                    facts.num_waiting,
                ),
                True,
                True,
            )
        if step is Step.LOGINS and not seen.closing.has_ended:
            return self.tr("First end the class: students' programs have to hear of it."), False, False
        if step is Step.LOGINS and Step.LOGINS in done and facts.num_open_logins:
            words = self.tr("%n login(s) are open again.", None, facts.num_open_logins)
            return words, True, True
        if step is Step.ERASE and Step.LOGINS not in done:
            return self.tr("First close all logins."), False, False
        return "", False, True

    @Slot(object)
    def _show_progress(self, told: Told) -> None:
        row = self._busy_row
        if row is not None:
            row.show_progress(told.done, told.total)
            if told.what:
                row.tell_note(engine_text(f"{told.what} ..."))

    # -- doing ----------------------------------------------------------------------------------

    def _begin(
        self,
        name: str,
        words: str,
        function: Callable[[Address, Progress], T],
        on_done: Callable[[T], None] = lambda _answer: None,
    ) -> None:
        """Do a step away from the window's thread, and look anew afterwards.

        Args:
            words: What goes on, as a sentence.
        """
        taught = self._session.taught
        if taught is None:
            return
        self._busy_row = self.rows[name]
        self._busy_row.show_progress(0, 0)
        self._session.dismiss_trouble()

        def finish(answer: T) -> None:
            self._busy_row = None
            on_done(answer)
            self._session.refresh()
            self.look()

        self.work.begin(words, partial(function, taught.address), finish, self._fail)

    def _fail(self, error: GanDesktopError) -> None:
        self._busy_row = None
        self._session.tell_trouble(error)
        self.look()

    def _ask_end(self) -> None:
        consequence = self.tr("Trainings in progress end for good, and students read that the class is over.")
        ask_first(self, self.tr("End the class?"), consequence, self.tr("End the class"), self._end)

    def _ask_logins(self) -> None:
        consequence = self.tr("From then on no student comes in, whatever card or code he has.")
        verb = self.tr("Close the logins")
        ask_first(self, self.tr("Close all logins?"), consequence, verb, self._close_logins)

    def _end(self) -> None:
        self._begin("end", self.tr("The class is being ended."), jobs.end)

    def _write_credit(self) -> None:
        chosen, separator = self.until.date(), _SEPARATORS.get(language_in_force(), ",")
        until = date(chosen.year(), chosen.month(), chosen.day())
        work = partial(jobs.write_credit, folder=self.folder, until=until, separator=separator)
        self._begin("credit", self.tr("The final credit is being written."), work)

    def _write_results(self) -> None:
        words = self.tr("The results are being written.")
        self._begin("results", words, partial(jobs.write_results, folder=self.folder))

    def _write_archive(self) -> None:
        with_pictures = self.with_pictures.isChecked()
        work = partial(jobs.write_archive, folder=self.folder, with_pictures=with_pictures)
        self._begin("archive", self.tr("The archive is being written."), work)

    def _close_logins(self) -> None:
        self._begin("logins", self.tr("The logins are being closed."), jobs.close_logins)

    def _ask_erase(self) -> None:
        if self._seen is not None:
            EraseQuestion(self._erase_words(self._seen), self._title(), self._erase, self).open()

    def _erase_words(self, seen: Seen) -> str:
        from gan_desktop.class_admin.closing import Step

        words = engine_text(seen.closing.consequence(Step.ERASE))
        missing = [
            title
            for step, title in (
                (Step.CREDIT, self.tr("the final credit")),
                (Step.ARCHIVE, self.tr("an archive")),
            )
            if step not in seen.closing.done
        ]
        if missing:
            warning = self.tr("Not written yet, and impossible with names afterwards: {files}.")
            words = f"{words}\n\n{warning.format(files=', '.join(missing))}"
        return words

    def _erase(self, keep_numbers: bool) -> None:
        if (taught := self._session.taught) is not None:
            work = partial(jobs.erase, taught=taught, keep_numbers=keep_numbers)
            self._begin("erase", self.tr("Personal data is being erased."), work, self._take_traces)

    def _take_traces(self, traces: list[Trace]) -> None:
        if traces:
            words = self.tr(
                "Nothing else personal is left, but in words of yours somebody's name still stands: {words}."
                " Rename what it stands in, if it is meant."
            )
            found = ", ".join(dict.fromkeys(trace.word for trace in traces))
            trouble = Trouble(self.tr("Look at your own words"), words.format(words=found), is_warning=True)
            self._session.tell_trouble(trouble)

    def _open_again(self) -> None:
        ask_first(
            self,
            self.tr("Let the class go on?"),
            self.tr(
                "Everybody's personal card works again. Trainings that have ended stay so; begin a new one"
                " from their weights. Class and room cards have to be made anew."
            ),
            self.tr("Let it go on"),
            partial(self._begin, "end", self.tr("The class is being opened again."), jobs.open_again),
        )

    def _ask_delete(self) -> None:
        DeleteSheet(self._session, self._title(), self).open()

    def _ask_move(self) -> None:
        MoveSheet(self._session, self._title(), self.folder, self).open()

    def _ask_new(self) -> None:
        NewClassSheet(self._session, self._title(), self.folder, self).open()

    # -- the folder -----------------------------------------------------------------------------

    def _title(self) -> str:
        return self._seen.closing.facts.title if self._seen is not None else self._session.title

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, self.tr("Folder for the files"), str(self.folder))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self._take_folder)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str)
    def _take_folder(self, folder: str) -> None:
        self.folder = Path(folder)
        self._show()


def _documents() -> Path:
    """Where people look for what they have made."""
    place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    return Path(place) / "GAN Desktop"
