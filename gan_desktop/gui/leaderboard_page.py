"""The page of the class's people: the class in numbers, and one row for everybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui import icons
from gan_desktop.gui.class_now import class_now
from gan_desktop.gui.leaderboard_model import NAME, TIME, LeaderboardModel, LeaderboardOrder
from gan_desktop.gui.session import Session
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import clock, number
from gan_desktop.records import LeaderboardRow

OF_NOW = ("num_computers", "images_per_second")


class LeaderboardPage(QWidget):
    """Follows the session; rows that were read once are shown also while the class is away."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._is_working = False
        self.model = LeaderboardModel(self)
        self.order = LeaderboardOrder(self.model, self)
        self.table = self._make_table()
        self._standing = QLabel(self)
        set_role(self._standing, "muted")
        use_tabular_digits(self._standing)
        self.search = self._make_search()
        self._instead = _Instead(session.refresh, self)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.table)
        self._stack.addWidget(self._instead)
        self._lay_out()
        session.leaderboard_changed.connect(self._take_rows)
        session.state_changed.connect(self._show_own_state)
        for signal in (session.link_changed, session.totals_changed, session.class_changed):
            signal.connect(self._show_standing)
        self._take_rows(session.snapshot.leaderboard)

    # -- building -------------------------------------------------------------------------------

    def _make_table(self) -> QTableView:
        table = QTableView(self)
        table.setAccessibleName(self.tr("Leaderboard"))
        table.setModel(self.order)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setFrameShape(QFrame.Shape.NoFrame)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)
        table.verticalHeader().hide()
        # One height for all rows: nothing is measured while two hundred of them scroll by.
        table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        table.verticalHeader().setDefaultSectionSize(em(table, 1.75))
        use_tabular_digits(table)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(em(table, 4))
        table.sortByColumn(TIME, Qt.SortOrder.DescendingOrder)
        table.setSortingEnabled(True)
        copy = QAction(self.tr("Copy"), table, shortcut=QKeySequence(QKeySequence.StandardKey.Copy))
        copy.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        icons.set_icon(copy, "copy")
        copy.triggered.connect(self.copy)
        table.addAction(copy)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        return table

    def _make_search(self) -> QLineEdit:
        search = QLineEdit(self, clearButtonEnabled=True)
        search.setPlaceholderText(self.tr("Find a name"))
        search.setAccessibleName(self.tr("Find a name"))
        search.setMaximumWidth(em(self, 14))
        icons.set_icon(
            search.addAction(icons.icon("search"), QLineEdit.ActionPosition.LeadingPosition), "search"
        )
        search.textChanged.connect(self._filter)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(search.setFocus)
        return search

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setSpacing(em(self))
        line.addWidget(self.search)
        line.addStretch(1)
        line.addWidget(self._standing)
        card = QFrame(self)
        set_role(card, "card")
        inside = QVBoxLayout(card)
        margin = em(self, 0.6)
        inside.setContentsMargins(margin, margin, margin, margin)
        inside.setSpacing(em(self, 0.5))
        inside.addLayout(line)
        inside.addWidget(self._stack, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self), em(self), em(self), em(self))
        column.setSpacing(em(self))
        column.addWidget(ClassFigures(self._session, self))
        column.addWidget(card, 1)

    # -- showing --------------------------------------------------------------------------------

    @Slot(object)
    def _take_rows(self, rows: tuple[LeaderboardRow, ...]) -> None:
        chosen, scrolled = self._chosen_names(), self.table.verticalScrollBar().value()
        self._is_working = self._session.is_contributing
        # Of this computer one knows it before the class has heard of it.
        self.model.show_rows(
            tuple(replace(row, is_working=True) if row.is_me and self._is_working else row for row in rows)
        )
        self._choose(chosen)
        self.table.verticalScrollBar().setValue(scrolled)
        self._show_standing()

    @Slot()
    def _show_own_state(self) -> None:
        if self._session.is_contributing is not self._is_working:
            self._take_rows(self._session.snapshot.leaderboard)

    def _chosen_names(self) -> set[str]:
        return {str(index.data()) for index in self.table.selectionModel().selectedRows(NAME)}

    def _choose(self, names: set[str]) -> None:
        for row in range(self.order.rowCount()) if names else ():
            index = self.order.index(row, NAME)
            if index.data() in names:
                selection = self.table.selectionModel()
                selection.setCurrentIndex(
                    index, selection.SelectionFlag.Select | selection.SelectionFlag.Rows
                )

    @Slot(str)
    def _filter(self, text: str) -> None:
        self.order.setFilterFixedString(text.strip().casefold())
        self._show_standing()

    @Slot()
    def _show_standing(self) -> None:
        """Say whose rows these are and from when, or what is there instead of rows."""
        session, place = self._session, self.model.own_place()
        parts = []
        if place is not None:
            words = self.tr("You: place {place} of {people}")
            parts.append(words.format(place=number(place), people=number(len(self.model.rows))))
        read_at, link = session.snapshot.read_at, session.link
        if read_at is not None and (link is None or not link.is_connected):
            parts.append(self.tr("as of {time}, not connected").format(time=clock(read_at)))
        self._standing.setText(" · ".join(parts))
        self.search.setEnabled(bool(self.model.rows))
        if self.order.rowCount():
            self._stack.setCurrentWidget(self.table)
        else:
            self._instead.tell(*self._words_instead())
            self._stack.setCurrentWidget(self._instead)

    def _words_instead(self) -> tuple[str, bool]:
        """What to say where no row is shown, and whether trying again may help."""
        session = self._session
        if self.model.rows:
            return self.tr("Nobody here has such a name."), False
        if session.joined is None:
            return self.tr("When you have joined a class, its people stand here."), False
        link = session.link
        if link is not None and link.error is not None:
            return engine_text(link.error.message), True
        if session.snapshot.read_at is None:
            return self.tr("Reading the class ..."), False
        return self.tr("Nobody has contributed yet. The first to hand in a unit stands on top."), False

    @Slot()
    def copy(self) -> None:
        """Put the chosen rows on the clipboard, or all that are shown."""
        rows = sorted(index.row() for index in self.table.selectionModel().selectedRows())
        QGuiApplication.clipboard().setText(self.order.as_text(rows or list(range(self.order.rowCount()))))


class ClassFigures(QFrame):
    """The whole class in five numbers."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        set_role(self, "card")
        row = QHBoxLayout(self)
        row.setContentsMargins(em(self, 0.9), em(self, 0.6), em(self, 0.9), em(self, 0.6))
        row.setSpacing(em(self))
        self._values: dict[str, QLabel] = {}
        for name, title in (
            ("num_computers", self.tr("Computers now")),
            ("images_per_second", self.tr("Images a second")),
            ("num_images", self.tr("Images in all")),
            ("num_units", self.tr("Units in all")),
            ("iteration", self.tr("Iteration")),
        ):
            row.addLayout(self._figure(name, title), 1)
        for signal in (
            session.totals_changed,
            session.training_changed,
            session.state_changed,
            session.link_changed,
            session.class_changed,
        ):
            signal.connect(self._show)
        self._show()

    def _figure(self, name: str, title: str) -> QVBoxLayout:
        value, label = QLabel(self), QLabel(title, self)
        scale_font(value, 1.5, bold=True)
        use_tabular_digits(value)
        value.setAccessibleName(title)
        label.setWordWrap(True)
        set_role(label, "muted")
        self._values[name] = value
        column = QVBoxLayout()
        column.setSpacing(em(self, 0.1))
        column.addWidget(value)
        column.addWidget(label)
        return column

    @Slot()
    def _show(self) -> None:
        totals, training = self._session.snapshot.totals, self._session.snapshot.training
        now = class_now(self._session)
        for name, label in self._values.items():
            if name == "iteration":
                value = training.run.iteration if training is not None else None
            else:
                value = getattr(now if name in OF_NOW else totals, name, None)
            # Slow computers make less than ten images a second: a tenth is news.
            decimals = 1 if name == "images_per_second" and value is not None and value < 10 else 0
            label.setText("-" if value is None else number(value, decimals))


class _Instead(QWidget):
    """A sentence where there are no rows."""

    def __init__(self, try_again: Callable[[], None], parent: QWidget) -> None:
        super().__init__(parent)
        self._words = QLabel(self)
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self._words.setWordWrap(True)
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        set_role(self._words, "muted")
        self._again = QPushButton(self.tr("Try again"), self)
        self._again.clicked.connect(lambda _checked=False: try_again())
        column = QVBoxLayout(self)
        column.setSpacing(em(self, 0.8))
        column.addStretch(1)
        column.addWidget(self._words)
        column.addWidget(self._again, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)

    def tell(self, words: str, can_try_again: bool) -> None:
        """Say why there are none."""
        self._words.setText(words)
        self._again.setVisible(can_try_again)
