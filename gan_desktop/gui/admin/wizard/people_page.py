"""Who takes part: a code for everybody in the room, a list of students, or later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QPlainTextEdit,
    QPushButton,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.admin.students.class_codes import folder_of_codes
from gan_desktop.gui.admin.students.hand_out import show_cards
from gan_desktop.gui.admin.students.made_cards import made_cards
from gan_desktop.gui.admin.wizard.here_page import USUAL_STUDENTS
from gan_desktop.gui.admin.wizard.page import ClassPage, make_form
from gan_desktop.gui.admin.wizard.roster_model import RosterModel
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.calm_fields import CalmComboBox, CalmSpinBox
from gan_desktop.gui.joining.page import plain_label, push_button
from gan_desktop.gui.joining.trouble_panel import Mend
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.trouble import Trouble
from gan_desktop.gui.words import number

if TYPE_CHECKING:
    from gan_desktop.class_admin.cards import PersonsCard
    from gan_desktop.class_admin.roster import RosterLine

# A list is read again when the person has stopped typing for so long.
QUIET_MS = 250
MOST_USES = 1_000
# The place of the list among the ways.
LIST = 1
MOST_GROUPS = 4  # that are named below a list


@dataclass(frozen=True)
class ClassCode:
    """What people type to come in. The code is a password: it is shown, and in no draft.

    Attributes:
        login: Of its card.
        is_open: The connection is not encrypted: who joins is asked about that.
    """

    code: str = field(repr=False)
    address: str
    login: str
    valid_until: datetime
    notes: tuple[str, ...] = ()
    is_open: bool = False


@dataclass(frozen=True)
class Admitted:
    """The people of a list who take part now, with the cards that were just made for the new ones."""

    num_new: int
    num_known: int
    cards: tuple[PersonsCard, ...] = field(repr=False)


class PeoplePage(ClassPage):
    """Asks who takes part.

    Signals:
        code_made: A `ClassCode`.
        admitted: How many people were admitted by a list.
        go_on_wanted: The next page.
    """

    code_made = Signal(object)
    admitted = Signal(int)
    go_on_wanted = Signal()

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(3, parent, fills=True)
        self._session = session
        self._taught: TaughtClass | None = None
        self._cards: tuple[PersonsCard, ...] = ()
        self.set_title(self.tr("Who takes part?"))
        self._stack = QStackedWidget(self)
        self._ways = QButtonGroup(self)
        row = QHBoxLayout()
        row.setSpacing(0)
        for position, words in enumerate(
            (self.tr("A code for everybody"), self.tr("A list of students"), self.tr("Later"))
        ):
            button = QPushButton(words, self)
            button.setCheckable(True)
            set_role(button, "segment")
            self._ways.addButton(button, position)
            row.addWidget(button)
        row.addStretch(1)
        self.middle.addLayout(row)
        for way in (self._make_code_way(), self._make_list_way(), self._make_later_way()):
            self._stack.addWidget(way)
        self.middle.addWidget(self._stack, 1)
        self._ways.idClicked.connect(self._stack.setCurrentIndex)
        self._ways.button(0).setChecked(True)
        self.go_on = self.add_button(self.tr("Go on"), self._go_on, is_primary=True)
        self._quiet = QTimer(self, singleShot=True, interval=QUIET_MS)
        self._quiet.timeout.connect(self._read)

    # -- a code ---------------------------------------------------------------------------------

    def _make_code_way(self) -> QWidget:
        way = QWidget(self)
        frame, form = make_form(way)
        self.uses = CalmSpinBox(frame, minimum=1, maximum=MOST_USES, value=USUAL_STUDENTS)
        self.uses.setMinimumHeight(em(self, 1.9))
        self.uses.setAccessibleName(self.tr("How many may use it"))
        form.addRow(self.tr("How many may use it"), self.uses)
        self.valid = CalmComboBox(frame)
        self.valid.setMinimumHeight(em(self, 1.9))
        self.valid.setAccessibleName(self.tr("Valid"))
        for words, hours in (
            (self.tr("for this lesson (3 hours)"), 3),
            (self.tr("for today (12 hours)"), 12),
            (self.tr("for a week"), 7 * 24),
        ):
            self.valid.addItem(words, hours)
        # Who makes a class in the evening teaches on another day.
        self.valid.setCurrentIndex(2)
        form.addRow(self.tr("Valid"), self.valid)
        self.code = plain_label("", frame)
        scale_font(self.code, 2.0, bold=True)
        use_tabular_digits(self.code)
        self.code.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.code_place = plain_label("", frame)
        self.make_code = push_button(self.tr("Make the code"), self._ask_code, way)
        set_role(self.make_code, "primary")
        column = QVBoxLayout(way)
        column.setContentsMargins(0, em(self, 0.4), 0, 0)
        column.setSpacing(em(self, 0.6))
        column.addWidget(
            plain_label(
                self.tr(
                    "Everybody in the room types the code that the projector shows, and a name. Quickest for"
                    " a first lesson: nothing has to be handed out."
                ),
                way,
                role="muted",
            )
        )
        column.addWidget(frame)
        column.addWidget(self.make_code, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.code)
        column.addWidget(self.code_place)
        column.addStretch(1)
        return way

    def _ask_code(self) -> None:
        taught = self._taught
        if taught is None:
            return
        uses, hours = self.uses.value(), int(self.valid.currentData())
        folder = folder_of_codes(taught, self._session.places)
        self.ask(
            lambda: _make_code(taught, uses, timedelta(hours=hours), folder),
            self._take_code,
            self.tr("Making the code ..."),
        )

    def _take_code(self, made: ClassCode) -> None:
        self.show_code(made)
        self.code_made.emit(made)
        words = " ".join(engine_text(note) for note in made.notes)
        if made.is_open:
            words = self.tr(
                "The connection is not encrypted. Students are asked whether they trust this network: let"
                " them say yes."
            )
        if words:
            self.show_trouble(Trouble(self.tr("Good to know"), words, is_warning=True))
        self.go_on.setFocus()

    def show_code(self, made: ClassCode) -> None:
        """Show a code; another one may be made beside it."""
        self.code.setText(made.code)
        words = self.tr("Address: {address}. The projector shows both; students choose Join a class.")
        self.code_place.setText(words.format(address=made.address))
        self.make_code.setText(self.tr("Make another code"))
        set_role(self.make_code, "second")

    # -- a list ---------------------------------------------------------------------------------

    def _make_list_way(self) -> QWidget:
        way = QWidget(self)
        self.text = QPlainTextEdit(way)
        self.text.setAccessibleName(self.tr("List of students"))
        self.text.setPlaceholderText(
            self.tr(
                "Paste here: names, one a line, or a table with the columns name, id, email, group"
                " (or section) from a spreadsheet or course system"
            )
        )
        self.text.setTabChangesFocus(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.textChanged.connect(lambda: self._quiet.start())
        self.model = RosterModel(self)
        self.table = QTableView(way)
        self.table.setModel(self.model)
        self.table.setAccessibleName(self.tr("Preview"))
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        # What is wrong takes the room there is, in several lines; the other columns what they need.
        self.table.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.summary = plain_label("", way)
        self.open = push_button(self.tr("Open a file ..."), self._choose_file, way)
        self.admit = push_button(self.tr("Admit them"), self._admit, way)
        self.hand_out = push_button(self.tr("Save or print their cards ..."), self._hand_out, way)
        self.hand_out.hide()
        self.admit.setEnabled(False)
        buttons = QHBoxLayout()
        buttons.setSpacing(em(self, 0.5))
        buttons.addWidget(self.open)
        buttons.addWidget(self.admit)
        buttons.addWidget(self.hand_out)
        buttons.addWidget(self.summary, 1)
        views = QHBoxLayout()
        views.setSpacing(em(self, 0.7))
        views.addWidget(self.text, 2)
        views.addWidget(self.table, 3)
        column = QVBoxLayout(way)
        column.setContentsMargins(0, em(self, 0.4), 0, 0)
        column.setSpacing(em(self, 0.5))
        column.addLayout(views, 1)
        column.addLayout(buttons)
        return way

    def _read(self) -> None:
        text = self.text.toPlainText()
        if not text.strip():
            self._show_lines([])
            return
        run_in_background(
            lambda: _read_list(text, self.tr("The list")), self._show_lines, self._tell_list, owner=self
        )

    def _show_lines(self, lines: list[RosterLine]) -> None:
        self.clear_trouble()
        self.model.show_lines(lines)
        for column, is_needed in enumerate(self.model.needed_columns()):
            self.table.setColumnHidden(column, not is_needed)
        for row in range(self.model.num_wrong):
            self.table.resizeRowToContents(row)
        num_wrong, groups = self.model.num_wrong, self.model.groups()
        told = self.tr("%n student(s)", None, len(lines)) if lines else ""
        if groups:
            named = [f"{name}: {number(count)}" for name, count in groups.items()]
            told = ", ".join([told, *named[:MOST_GROUPS], *(["..."] if len(named) > MOST_GROUPS else [])])
        if num_wrong:
            told += ". " + self.tr("Mend %n line(s) first: they are in red.", None, num_wrong)
        self.summary.setText(told)
        set_role(self.summary, "bad" if num_wrong else "")
        self.admit.setEnabled(self._can_admit)
        set_role(self.admit, "primary" if self.admit.isEnabled() else "second")

    def _tell_list(self, error: GanDesktopError) -> None:
        self._show_lines([])
        self.tell(error)

    def _choose_file(self) -> None:
        dialog = QFileDialog(self, self.tr("Open a list of students"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        tables = self.tr("Tables ({pattern})").format(pattern="*.csv *.tsv *.txt")
        dialog.setNameFilters([tables, self.tr("All files (*)")])
        dialog.fileSelected.connect(lambda name: self.take_file(Path(name)))
        dialog.open()

    def take_file(self, path: Path) -> None:
        """Put a file's text into the field, where it can be mended."""
        self.ask(lambda: _read_text(path), self.text.setPlainText, self.tr("Reading the list ..."))

    def _admit(self) -> None:
        taught, lines = self._taught, list(self.model.lines)
        if taught is None or not lines:
            return
        self.ask(lambda: _admit(taught, lines), self._take_admitted, self.tr("Making their logins ..."))

    def _take_admitted(self, admitted: Admitted) -> None:
        made = made_cards(self._session)
        made.keep(admitted.cards)
        made.note_unsaved(admitted.cards)
        self._cards = admitted.cards
        self.hand_out.setVisible(bool(admitted.cards))
        told = self.tr("%n student(s) admitted.", None, admitted.num_new)
        if admitted.num_known:
            told += " " + self.tr("%n took part already.", None, admitted.num_known)
        if admitted.num_new:
            told += " " + self.tr("Save or print their cards now.")
        # Their names stay to be seen, but are not admitted twice.
        self.text.clear()
        self._quiet.stop()
        self.admit.setEnabled(False)
        set_role(self.admit, "second")
        self.summary.setText(told)
        set_role(self.summary, "good")
        self.admitted.emit(admitted.num_new + admitted.num_known)
        (self.hand_out if admitted.cards else self.go_on).setFocus()

    def _hand_out(self) -> None:
        """Let the new people's cards be saved, printed and copied."""
        made = made_cards(self._session)
        is_again = any(not made.is_unsaved(card.card.user) for card in self._cards)
        dialog = show_cards(self._session, self._cards, self, is_again=is_again)
        dialog.handed_out.connect(self._take_handed_out)

    def _take_handed_out(self, cards: Sequence[PersonsCard]) -> None:
        self.summary.setText(self.tr("%n card(s) handed out.", None, len(cards)))
        self.go_on.setFocus()

    # -- later ----------------------------------------------------------------------------------

    def _make_later_way(self) -> QWidget:
        way = QWidget(self)
        column = QVBoxLayout(way)
        column.setContentsMargins(0, em(self, 0.4), 0, 0)
        column.addWidget(
            plain_label(
                self.tr(
                    "Nobody can join yet. Cards, codes and lists are made on the Students page whenever you"
                    " like."
                ),
                way,
                role="muted",
            )
        )
        column.addStretch(1)
        return way

    # -- for the wizard -------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Turn the page, unless a list was written and not admitted: that is asked."""
        if not self.text.toPlainText().strip():
            self.go_on_wanted.emit()
            return
        num_names = len(self.model.lines)
        words = self.tr("%n name(s) are not admitted yet", None, num_names)
        title = words if num_names else self.tr("The list is not admitted yet")
        mends: list[Mend] = [(self.tr("Go on without them"), self.go_on_wanted.emit)]
        if self._can_admit:
            mends.insert(0, (self.tr("Admit them"), self._admit))
        self.show_way(LIST)
        told = self.tr("Nobody of a list can join before it is admitted.")
        self.show_trouble(Trouble(title, told, is_warning=True), mends)

    def show_class(self, taught: TaughtClass, num_students: int) -> None:
        """Ask for a class; `num_students` are expected."""
        if self._taught is None or self._taught.address != taught.address:
            if self._taught is not None:
                self._forget_people()
            self.uses.setValue(num_students)
            folder = folder_of_codes(taught, self._session.places)
            run_in_background(
                lambda: _find_code(taught, folder), self._take_known, lambda _error: None, owner=self
            )
        self._taught = taught

    def _forget_people(self) -> None:
        """It is another class now: no card or code of the former one is offered for it."""
        self._cards = ()
        self.hand_out.hide()
        self._show_lines([])
        self.code.clear()
        self.code_place.clear()

    @property
    def _can_admit(self) -> bool:
        return bool(self.model.lines) and not self.model.num_wrong and bool(self.text.toPlainText().strip())

    def _take_known(self, known: ClassCode | None) -> None:
        if known is not None and not self.code.text():
            self.show_code(known)
            self.code_made.emit(known)

    def show_way(self, position: int) -> None:
        """Turn to one of the three ways."""
        self._ways.button(position).setChecked(True)
        self._stack.setCurrentIndex(position)

    def enter(self) -> None:
        """The chosen way has the focus."""
        self.clear_trouble()
        self._ways.button(self._ways.checkedId()).setFocus()

    def set_waiting(self, is_waiting: bool) -> None:
        """As in the base class."""
        for widget in (self.make_code, self.open, self.hand_out, self.go_on):
            widget.setEnabled(not is_waiting)
        self.admit.setEnabled(not is_waiting and self._can_admit)

    def typed(self) -> dict[str, str]:
        """Which way; a list of people is not kept."""
        return {"way": str(self._ways.checkedId())}

    def type_again(self, typed: dict[str, str]) -> None:
        """As it was."""
        if (way := typed.get("way", "")) in ("0", "1", "2"):
            self.show_way(int(way))


def _make_code(taught: TaughtClass, uses: int, valid: timedelta, folder: Path | None) -> ClassCode:
    """Runs in the background."""
    from gan_desktop.class_admin.cards import enrol_card, entrance
    from gan_desktop.class_admin.codes import keep_code
    from gan_desktop.class_code import shown_address, shown_code

    way = entrance(taught.address)
    card, made = enrol_card(taught.address, way, "class", uses, valid)
    keep_code(taught.address, made, card.password, folder)
    place = shown_address(way.hosts[0], way.port, way.dbname)
    return ClassCode(
        shown_code(card.password),
        place,
        made.login,
        made.valid_until,
        way.notes,
        is_open=way.insecure and not way.is_for_here_alone,
    )


def _find_code(taught: TaughtClass, folder: Path | None) -> ClassCode | None:
    """The code that was made before and still lets people in; runs in the background."""
    from gan_desktop.class_admin.cards import entrance
    from gan_desktop.class_admin.codes import code_on_show
    from gan_desktop.class_code import shown_address, shown_code

    found = code_on_show(taught.address, folder)
    if found is None:
        return None
    card, code = found
    way = entrance(taught.address)
    place = shown_address(way.hosts[0], way.port, way.dbname)
    return ClassCode(shown_code(code), place, card.login, card.valid_until)


def _read_list(text: str, source: str) -> list[RosterLine]:
    from gan_desktop.class_admin.roster import roster_lines

    return roster_lines(text, source, is_pasted=True)


def _read_text(path: Path) -> str:
    from gan_desktop.class_admin.roster import roster_text

    return roster_text(path)


def _admit(taught: TaughtClass, lines: list[RosterLine]) -> Admitted:
    from gan_desktop.class_admin.cards import entrance, persons_cards
    from gan_desktop.class_admin.people import import_roster
    from gan_desktop.database.accounts import Login, RosterEntry

    way = entrance(taught.address)
    cards: list[PersonsCard] = []

    def keep(new: list[RosterEntry], logins: list[Login]) -> None:
        cards[:] = persons_cards(way, new, logins)

    entries = [line.entry for line in lines]
    num_new, num_known = import_roster(taught.address, entries, keep, only_new=True)
    return Admitted(num_new, num_known, tuple(cards))
