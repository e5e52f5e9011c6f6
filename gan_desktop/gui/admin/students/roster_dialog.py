"""A list of people, pasted or of a file: seen before anybody is admitted, mended where it is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QPlainTextEdit,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui import icons
from gan_desktop.gui.admin.keyed_table import Column, KeyedTable, KeyedTableView, TableOrder
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.sheet import Sheet
from gan_desktop.gui.admin.students.card_address import chosen_hosts
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.joining.page import plain_label, push_button
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.names import name_key

if TYPE_CHECKING:
    from gan_desktop.class_admin.cards import PersonsCard
    from gan_desktop.class_admin.roster import RosterLine
    from gan_desktop.database.accounts import Login, RosterEntry
    from gan_desktop.database.address import Address

# After the last key: a list of 200 is not read anew for every letter.
READ_AFTER_MS = 250
# A longer text, hundreds of people, is read without the window waiting for it.
BRIEF = 20_000


class RosterDialog(Sheet):
    """Left the list as text, right who that is. Admits all of them, or nobody.

    Signals:
        admitted: A list of `PersonsCard`: those of the new people.
    """

    admitted = Signal(object)

    def __init__(self, session: TeachingSession, parent: QWidget) -> None:
        lead = parent.tr(
            "Paste names, a table from a spreadsheet or a list of e-mail addresses, or open the CSV file"
            " of your course system. A first line like name, id, e-mail, group (or section) names the"
            " columns."
        )
        super().__init__(parent.tr("Admit a list of people"), lead, parent)
        self._session = session
        self.close_with_class(session)
        self._lines: list[RosterLine] = []
        self.setAcceptDrops(True)
        self.text = _DroppingText(self)
        self.text.setAccessibleName(self.tr("The list as text"))
        self.text.setPlaceholderText("Ana Silva\nBen Okafor\n...")
        self.text.setTabChangesFocus(True)
        self.text.file_dropped.connect(self.read_file)
        self._table: KeyedTable[RosterLine] = KeyedTable(
            self._columns(), lambda line: (line.number, line.entry.name, line.entry.email), self
        )
        self._order = TableOrder(self._table, self)
        self.table = KeyedTableView(self._order, self.tr("Who that is"), 2, self)
        self.table.widen(2, may_shrink=True)
        self.verdict = plain_label("", self)
        self._lay_out()
        self.add_button(self.tr("Cancel"), self.reject)
        self.admit = self.add_button(self.tr("Admit"), self._admit, is_primary=True)
        self._soon = QTimer(self, interval=READ_AFTER_MS, singleShot=True)
        self._soon.timeout.connect(self._read)
        self.text.textChanged.connect(self._soon.start)
        self._read()
        self.text.setFocus()
        self.resize(em(self, 62), em(self, 30))

    def _columns(self) -> Sequence[Column[RosterLine]]:
        return (
            Column(self.tr("Line"), lambda line: str(line.number), lambda line: line.number, is_number=True),
            Column(self.tr("Name"), lambda line: line.entry.name, detail=lambda line: line.entry.name),
            Column(self.tr("Status"), self._standing, detail=self._standing, tone=self._tone),
            Column(self.tr("ID"), lambda line: line.entry.student_id or ""),
            Column(self.tr("E-mail"), lambda line: line.entry.email or ""),
            Column(self.tr("Group"), lambda line: line.entry.section or ""),
        )

    def _lay_out(self) -> None:
        open_file = push_button(self.tr("&Open a file ..."), self.ask_for_file, self)
        icons.set_icon(open_file, "folder")
        left, right = QWidget(self), QWidget(self)
        for side, parts in ((left, (open_file, self.text)), (right, (self.verdict, self.table))):
            column = QVBoxLayout(side)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(em(self, 0.4))
            for part in parts:
                column.addWidget(part, int(part in (self.text, self.table)))
        halves = QSplitter(Qt.Orientation.Horizontal, self, childrenCollapsible=False)
        halves.addWidget(left)
        halves.addWidget(right)
        halves.setSizes([em(self, 18), em(self, 44)])
        self.middle.addWidget(halves, 1)

    # -- reading --------------------------------------------------------------------------------

    def ask_for_file(self) -> None:
        """Ask for a CSV file."""
        dialog = QFileDialog(self, self.tr("A list of people"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.setNameFilters([self.tr("Lists (*.csv *.tsv *.txt)"), self.tr("All files (*)")])
        dialog.fileSelected.connect(lambda name: self.read_file(Path(name)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def read_file(self, path: Path) -> None:
        """Put a file's list where it can be seen and mended."""
        from gan_desktop.class_admin.roster import roster_text

        self.clear_error()
        run_in_background(lambda: roster_text(path), self.text.setPlainText, self.show_error, owner=self)

    def _read(self) -> None:
        text, source = self.text.toPlainText(), self.tr("The list")
        revision = self.text.document().revision()
        if len(text) <= BRIEF:
            try:
                self._take_lines(revision, _lines_of(text, source))
            except GanDesktopError as error:
                self._take_lines(revision, [], error)
            return
        # What is shown is no longer what the text says.
        self.admit.setEnabled(False)
        run_in_background(
            lambda: _lines_of(text, source),
            lambda lines: self._take_lines(revision, lines),
            lambda error: self._take_lines(revision, [], error),
            owner=self,
        )

    def _take_lines(
        self, revision: int, lines: list[RosterLine], error: GanDesktopError | None = None
    ) -> None:
        if revision != self.text.document().revision():
            return
        self._lines = lines
        self.clear_error()
        if error is not None:
            self.show_error(error)
        # What is wrong comes first, as far as the person has chosen no other order.
        self._table.show_rows(self._lines)
        self._show_verdict()

    def _show_verdict(self) -> None:
        wrong = sum(bool(line.problems) for line in self._lines)
        new = len(self._new())
        self.admit.setEnabled(bool(new) and not wrong)
        self.admit.setText(self.tr("Admit %n people", None, new) if new else self.tr("Admit"))
        set_role(self.verdict, "bad" if wrong else "muted")
        if wrong:
            words = self.tr("%n line(s) need mending first; correct them at the left.", None, wrong)
        elif known := len(self._lines) - new:
            words = self.tr("%n take part already and are passed over.", None, known)
        elif self._lines:
            words = self.tr("Nothing is wrong with this list.")
        else:
            words = self.tr("Here you see who would be admitted.")
        self.verdict.setText(words)

    def _new(self) -> list[RosterEntry]:
        return [line.entry for line in self._lines if not self._is_known(line.entry)]

    def _is_known(self, entry: RosterEntry) -> bool:
        students = [student for student in self._session.snapshot.students if not student.is_withdrawn]
        names = {name_key(student.name) for student in students}
        ids = {student.student_id for student in students if student.student_id}
        return name_key(entry.name) in names or entry.student_id in ids

    def _standing(self, line: RosterLine) -> str:
        from gan_desktop.class_admin.roster import as_sentence

        if line.problems:
            return " ".join(engine_text(as_sentence(problem)) for problem in line.problems)
        return self.tr("takes part already") if self._is_known(line.entry) else self.tr("new")

    def _tone(self, line: RosterLine) -> str | None:
        return "bad" if line.problems else "muted" if self._is_known(line.entry) else None

    # -- dropping a file ------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Qt's name: a file may be dropped anywhere."""
        if dropped_file(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Qt's name."""
        if path := dropped_file(event.mimeData()):
            self.read_file(path)

    # -- admitting ------------------------------------------------------------------------------

    def _admit(self) -> None:
        if self._soon.isActive():
            # What was typed last counts too.
            self._soon.stop()
            self._read()
            if not self.admit.isEnabled():
                return
        entries, hosts = [line.entry for line in self._lines], chosen_hosts(self._session)
        self.clear_error()
        self.be_busy(self.tr("Admitting ..."))
        self._session.change(
            lambda address: admit_all(address, entries, hosts),
            self._take_cards,
            owner=self,
            on_error=self.show_error,
        )

    def _take_cards(self, cards: list[PersonsCard]) -> None:
        self.accept()
        if cards:
            self.admitted.emit(cards)


class _DroppingText(QPlainTextEdit):
    """A text field that a file can be dropped on: what counts is in it, not its name."""

    file_dropped = Signal(object)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:  # noqa: N802
        """Qt's name."""
        return dropped_file(source) is not None or super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:  # noqa: N802
        """Qt's name."""
        if path := dropped_file(source):
            self.file_dropped.emit(path)
        else:
            self.insertPlainText(source.text())


def dropped_file(data: QMimeData) -> Path | None:
    """The file that is carried; None: something else is."""
    paths = [url.toLocalFile() for url in data.urls() if url.isLocalFile()]
    return Path(paths[0]) if paths else None


def _lines_of(text: str, source: str) -> list[RosterLine]:
    from gan_desktop.class_admin.roster import roster_lines

    return roster_lines(text, source, is_pasted=True) if text.strip() else []


def admit_all(address: Address, entries: Sequence[RosterEntry], hosts: Sequence[str]) -> list[PersonsCard]:
    """Admit everybody who does not take part yet; returns their cards."""
    from gan_desktop.class_admin.cards import entrance, persons_cards
    from gan_desktop.class_admin.people import import_roster

    way = entrance(address, hosts)
    made: list[PersonsCard] = []

    def keep(new: list[RosterEntry], logins: list[Login]) -> None:
        made[:] = persons_cards(way, new, logins)

    import_roster(address, entries, keep, only_new=True)
    return made
