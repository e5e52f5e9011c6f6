"""Who takes part: people and their cards, the code for the room, room cards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QMessageBox,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.database.queries import load_queries
from gan_desktop.gui import icons
from gan_desktop.gui.admin.keyed_table import KeyedTableView, TableOrder
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.sql_dialog import SqlDialog
from gan_desktop.gui.admin.students.codes_view import CodesView
from gan_desktop.gui.admin.students.hand_out import show_cards
from gan_desktop.gui.admin.students.made_cards import made_cards
from gan_desktop.gui.admin.students.make_cards import MakeCardsDialog
from gan_desktop.gui.admin.students.model import EMAIL, NAME, OPTIONAL, StudentsTable, Whom
from gan_desktop.gui.admin.students.roster_dialog import RosterDialog
from gan_desktop.gui.admin.students.student_dialog import StudentDialog
from gan_desktop.gui.joining.page import link_button, plain_label, push_button
from gan_desktop.gui.theme import em, set_role

if TYPE_CHECKING:
    from gan_desktop.class_admin.cards import PersonsCard
    from gan_desktop.database.accounts import Student
    from gan_desktop.database.address import Address


class StudentsPage(QWidget):
    """Two views: the people, and the cards that many use."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.people = PeopleView(session, self)
        self.codes = CodesView(session, self)
        self._stack = QStackedWidget(self)
        segments = QHBoxLayout()
        segments.setSpacing(0)
        self._group = QButtonGroup(self)
        for at, (words, view) in enumerate(
            ((self.tr("People"), self.people), (self.tr("Class code and room cards"), self.codes))
        ):
            button = QPushButton(words, self)
            button.setCheckable(True)
            button.setAutoDefault(False)
            set_role(button, "segment")
            self._group.addButton(button, at)
            segments.addWidget(button)
            self._stack.addWidget(view)
        segments.addStretch(1)
        segments.addWidget(self.people.search)
        self._group.button(0).setChecked(True)
        self._group.idClicked.connect(self.show_view)
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self), em(self), em(self), em(self))
        column.setSpacing(em(self, 0.7))
        column.addLayout(segments)
        column.addWidget(self._stack, 1)

    def show_view(self, at: int) -> None:
        """Turn to the people (0) or to the cards for many (1)."""
        self._group.button(at).setChecked(True)
        self._stack.setCurrentIndex(at)
        self.people.search.setVisible(at == 0)


class PeopleView(QFrame):
    """The table of people, and all one can do with those chosen."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self._session = session
        self.model = StudentsTable(self)
        self.order = TableOrder(self.model, self)
        self.order.show_only(Whom.PRESENT.has)
        self.table = KeyedTableView(self.order, self.tr("Students"), NAME, self)
        self.search = self._make_search()
        self.whom = QComboBox(self)
        self.whom.setAccessibleName(self.tr("Which students"))
        self.whom.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        for whom in Whom:
            self.whom.addItem(self.tr(whom.value), whom)
        self.whom.currentIndexChanged.connect(self._choose_whom)
        self._instead = plain_label("", self, role="muted")
        self._instead.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._standing = QLabel(self)
        self._standing.setTextFormat(Qt.TextFormat.PlainText)
        set_role(self._standing, "muted")
        self._unused: set[int] | None = None
        self._actions = self._make_actions()
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.table)
        self._stack.addWidget(self._instead)
        self._lay_out()
        self.table.selectionModel().selectionChanged.connect(self._show_standing)
        self.table.doubleClicked.connect(lambda _index: self.edit())
        session.snapshot_changed.connect(self._take)
        session.class_changed.connect(self._take)
        self._take()

    # -- building -------------------------------------------------------------------------------

    def _make_search(self) -> QLineEdit:
        search = QLineEdit(self, clearButtonEnabled=True)
        search.setPlaceholderText(self.tr("Find a student"))
        search.setAccessibleName(self.tr("Find a student"))
        search.setMaximumWidth(em(self, 14))
        icons.set_icon(
            search.addAction(icons.icon("search"), QLineEdit.ActionPosition.LeadingPosition), "search"
        )
        search.textChanged.connect(self._filter)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(search.setFocus)
        return search

    def _make_actions(self) -> dict[str, QAction]:
        """What can be done with those chosen: in the menu of the button and of the table."""
        actions = {}
        for key, words, icon, shortcut, act in (
            ("edit", self.tr("Rename or change ..."), "person", "F2", self.edit),
            ("card", self.tr("New card ..."), "card", "", self.make_cards),
            (
                "hide",
                self.tr("Hide from the leaderboard"),
                "leaderboard",
                "",
                partial(self.hide_chosen, True),
            ),
            ("show", self.tr("Show on the leaderboard"), "leaderboard", "", partial(self.hide_chosen, False)),
            ("remove", self.tr("Remove from the class ..."), "leave", "Del", self.remove),
        ):
            action = QAction(words, self.table)
            icons.set_icon(action, icon)
            if shortcut:
                action.setShortcut(QKeySequence(shortcut))
                action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(lambda _checked=False, act=act: act())
            self.table.addAction(action)
            actions[key] = action
        return actions

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(em(self, 0.5))
        self.buttons: dict[str, QPushButton] = {}
        for key, words, icon, act in (
            ("add", self.tr("&Add ..."), "person", self.add),
            ("roster", self.tr("Admit a &list ..."), "people", self.admit_list),
            ("cards", self.tr("Make &cards ..."), "card", self.make_cards),
        ):
            button = self.buttons[key] = push_button(words, act, self)
            icons.set_icon(button, icon)
            tools.addWidget(button)
        set_role(self.buttons["add"], "primary")
        icons.set_icon(self.buttons["add"], "person", "on_accent")
        tools.addWidget(self._make_menu())
        tools.addStretch(1)
        tools.addWidget(self.whom)
        foot = QHBoxLayout()
        foot.addWidget(self._standing, 1)
        foot.addWidget(link_button(self.tr("Show the SQL"), self.show_sql, self))
        column = QVBoxLayout(self)
        margin = em(self, 0.6)
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(em(self, 0.5))
        column.addLayout(tools)
        column.addWidget(self._stack, 1)
        column.addLayout(foot)

    def _make_menu(self) -> QToolButton:
        button = self.chosen_button = QToolButton(self)
        button.setText(self.tr("With the &chosen"))
        set_role(button, "plain")
        menu = QMenu(button)
        menu.addActions(list(self._actions.values()))
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        return button

    # -- showing --------------------------------------------------------------------------------

    @Slot()
    def _take(self) -> None:
        self.model.show_rows(self._session.snapshot.students)
        self._leave_out(self.model.unused())
        has_class = self._session.taught is not None
        for button in self.buttons.values():
            button.setEnabled(has_class)
        self._show_standing()

    def _leave_out(self, unused: set[int]) -> None:
        if unused == self._unused:
            return
        self._unused = unused
        for column in OPTIONAL:
            self.table.setColumnHidden(column, column in unused)
        # Addresses are long, and can be told by their beginning; names cannot.
        self.table.widen(NAME if EMAIL in unused else EMAIL, may_shrink=EMAIL not in unused)

    @Slot(int)
    def _choose_whom(self) -> None:
        self.order.show_only(Whom(self.whom.currentData()).has)
        self._show_standing()

    @Slot(str)
    def _filter(self, text: str) -> None:
        self.order.setFilterFixedString(text.strip())
        self._show_standing()

    @Slot()
    def _show_standing(self) -> None:
        chosen = self.table.chosen()
        present = [student for student in self.model.rows if not student.is_withdrawn]
        joined = sum(student.has_joined for student in present)
        words = [self.tr("%n student(s)", None, len(present)), self.tr("%n joined", None, joined)]
        if waiting := len(present) - joined:
            words.append(self.tr("%n not yet", None, waiting))
        if chosen:
            words.append(self.tr("%n chosen", None, len(chosen)))
        self._standing.setText(" · ".join(words))
        self._show_what_can_be_done(chosen)
        is_empty = not self.order.rowCount()
        if is_empty:
            self._instead.setText(self._words_instead())
        self._stack.setCurrentIndex(int(is_empty))

    def _show_what_can_be_done(self, chosen: Sequence[Student]) -> None:
        present = [student for student in chosen if not student.is_withdrawn]
        self.chosen_button.setEnabled(bool(present))
        self._actions["edit"].setEnabled(len(present) == 1)
        self._actions["card"].setEnabled(bool(present))
        self._actions["hide"].setEnabled(any(not student.is_hidden for student in present))
        self._actions["show"].setEnabled(any(student.is_hidden for student in present))
        self._actions["remove"].setEnabled(bool(present))

    def _words_instead(self) -> str:
        """What to say where there are no rows."""
        if self._session.taught is None:
            return self.tr("When there is a class, its people stand here.")
        if not self._session.snapshot.read_at:
            return self.tr("Reading the class ...")
        if self.search.text().strip() or self.whom.currentIndex():
            return self.tr("Nobody of these is in the class.")
        return self.tr(
            "Nobody takes part yet. Admit a list of people, or make a class code that everybody in the"
            " room uses."
        )

    # -- doing ----------------------------------------------------------------------------------

    def chosen(self) -> list[Student]:
        """Those selected who take part."""
        return [student for student in self.table.chosen() if not student.is_withdrawn]

    def add(self) -> None:
        """Ask for one person."""
        dialog = StudentDialog(self._session, None, self)
        dialog.admitted.connect(lambda card: self._take_new([card]))
        dialog.open()

    def admit_list(self) -> None:
        """Ask for a list."""
        dialog = RosterDialog(self._session, self)
        dialog.admitted.connect(self._take_new)
        dialog.open()

    def make_cards(self) -> None:
        """Ask for whom to make cards."""
        MakeCardsDialog(self._session, self.chosen(), self).open()

    @Slot(object)
    def _take_new(self, cards: list[PersonsCard]) -> None:
        """People were admitted just now."""
        made = made_cards(self._session)
        made.keep(cards)
        made.note_given(cards)
        show_cards(self._session, cards, self)

    def edit(self) -> None:
        """Change the one who is chosen."""
        if len(chosen := self.chosen()) == 1:
            StudentDialog(self._session, chosen[0], self).open()

    def hide_chosen(self, is_hidden: bool) -> None:
        """Keep those chosen off the leaderboard, or let them be there again."""
        users = [student.user for student in self.chosen()]

        def hide(address: Address) -> None:
            from gan_desktop.class_admin.people import hide_students

            hide_students(address, users, is_hidden=is_hidden)

        self._session.change(hide, owner=self)

    def remove(self) -> None:
        """End the logins of those chosen, if that is meant."""
        chosen = self.chosen()
        if not chosen:
            return
        users = [student.user for student in chosen]

        def remove(address: Address) -> None:
            from gan_desktop.class_admin.people import remove_students

            remove_students(address, users)

        words = (
            self.tr("{name} will not get in any more; computers at work stop. Units and credit stay.").format(
                name=chosen[0].name
            )
            if len(chosen) == 1
            else self.tr(
                "%n people will not get in any more; their computers stop. Units and credit stay.",
                None,
                len(chosen),
            )
        )
        self._ask(
            self.tr("Remove from the class"),
            words,
            self.tr("Remove"),
            lambda: self._session.change(remove, owner=self),
        )

    def _ask(self, title: str, words: str, yes: str, act: Callable[[], None]) -> None:
        question = QMessageBox(
            QMessageBox.Icon.Question, title, words, QMessageBox.StandardButton.Cancel, self
        )
        question.setTextFormat(Qt.TextFormat.PlainText)
        question.addButton(yes, QMessageBox.ButtonRole.DestructiveRole).clicked.connect(lambda: act())
        question.finished.connect(question.deleteLater)
        question.open()

    def show_sql(self) -> None:
        """Show what is asked for this table, and what the guide asks."""
        statements = (
            (self.tr("This table"), load_queries("accounts")["students"]),
            (self.tr("As in the guide"), load_queries("credit")["guide"]),
        )
        SqlDialog(statements, self).open()
