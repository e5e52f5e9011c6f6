"""What everybody has contributed, by the record of each unit: to look at, look into, and take along."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings, Qt, QTimer, Slot
from PySide6.QtGui import QAction, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.database.queries import load_queries
from gan_desktop.errors import GanDesktopError
from gan_desktop.gui import icons
from gan_desktop.gui.admin.credit.model import NAME, CreditTable, TotalsRow
from gan_desktop.gui.admin.credit.span import Days, Span, SpanChooser
from gan_desktop.gui.admin.credit.units_dialog import UnitsDialog
from gan_desktop.gui.admin.keyed_table import KeyedTableView, TableOrder
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.sql_dialog import SqlDialog
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.joining.page import link_button, plain_label, push_button
from gan_desktop.gui.saving import ask_where
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.translation import engine_text

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.database.credit import CreditReport

# Counting thousands of units anew for each of them would be a burden on a lesson.
LOOK_MS = 15_000


class CreditPage(QWidget):
    """Counts while somebody looks, and at once when other days are asked for."""

    def __init__(self, session: TeachingSession, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._report: CreditReport | None = None
        self._trouble = ""
        self._settings = QSettings(
            str(session.places.config / "credit.ini"), QSettings.Format.IniFormat, self
        )
        self.model = CreditTable(self)
        self.order = TableOrder(self.model, self)
        self.table = KeyedTableView(self.order, self.tr("Credit"), NAME, self)
        # The rest is numbers, and a long name can be told by its beginning.
        self.table.widen(NAME, may_shrink=True)
        self.totals = TotalsRow(self.table, self.tr("Total"), self)
        self.span = SpanChooser(self)
        self.search = self._make_search()
        self.separator = self._make_separator()
        self._instead = plain_label("", self, role="muted")
        self._instead.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.standing = plain_label("", self, role="muted")
        self._stack = QStackedWidget(self)
        self._lay_out()
        units = QAction(self.tr("The units of this person ..."), self.table)
        units.triggered.connect(lambda _checked=False: self.show_units())
        icons.set_icon(units, "search")
        self.table.insertAction(self.table.copy_action, units)
        self.table.activated.connect(lambda _index: self.show_units())
        self.table.clicked.connect(self._take_click)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Refresh), self, self.refresh).setContext(
            Qt.ShortcutContext.WidgetWithChildrenShortcut
        )
        self._clock = QTimer(self, interval=LOOK_MS)
        self._clock.timeout.connect(self.refresh)
        self.span.changed.connect(self.refresh)
        session.class_changed.connect(self._begin_anew)
        self._show()

    # -- building -------------------------------------------------------------------------------

    def _make_search(self) -> QLineEdit:
        search = QLineEdit(self, clearButtonEnabled=True)
        search.setPlaceholderText(self.tr("Find a student"))
        search.setAccessibleName(self.tr("Find a student"))
        search.setMaximumWidth(em(self, 11))
        icons.set_icon(
            search.addAction(icons.icon("search"), QLineEdit.ActionPosition.LeadingPosition), "search"
        )
        search.textChanged.connect(lambda text: self.order.setFilterFixedString(text.strip()))
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(search.setFocus)
        return search

    def _make_separator(self) -> QComboBox:
        """What divides the columns of the file: spreadsheets of other countries want another one."""
        box = QComboBox(self)
        box.setAccessibleName(self.tr("Between the columns of the file"))
        box.setToolTip(box.accessibleName())
        for words, name in (
            (self.tr("Comma ,"), "comma"),
            (self.tr("Semicolon ;"), "semicolon"),
            (self.tr("Tab"), "tab"),
        ):
            box.addItem(words, name)
        # A comma in numbers leaves the semicolon for the columns.
        likely = "semicolon" if box.locale().decimalPoint() == "," else "comma"
        box.setCurrentIndex(box.findData(self._settings.value("separator", likely)))
        box.currentIndexChanged.connect(lambda _at: self._settings.setValue("separator", box.currentData()))
        return box

    def _lay_out(self) -> None:
        self.save_button = push_button(self.tr("Save as &CSV ..."), self.save, self)
        set_role(self.save_button, "primary")
        icons.set_icon(self.save_button, "save", "on_accent")
        self.refresh_button = push_button(self.tr("&Refresh"), self.refresh, self)
        icons.set_icon(self.refresh_button, "refresh")
        tools = QHBoxLayout()
        tools.setSpacing(em(self, 0.5))
        for part in (self.save_button, self.separator, self.refresh_button):
            tools.addWidget(part)
        tools.addStretch(1)
        tools.addWidget(self.search)
        days = QHBoxLayout()
        days.addWidget(self.span)
        days.addStretch(1)
        both, pages = QWidget(self), self._stack
        tables = QVBoxLayout(both)
        tables.setContentsMargins(0, 0, 0, 0)
        tables.setSpacing(0)
        tables.addWidget(self.table, 1)
        line = QFrame(both)
        set_role(line, "line")
        tables.addWidget(line)
        # As wide as the rows above, which may have a scroll bar beside them.
        row, beside, bar = QHBoxLayout(), QWidget(both), self.table.verticalScrollBar()
        row.setSpacing(0)
        row.addWidget(self.totals)
        row.addWidget(beside)
        beside.setFixedWidth(0)
        bar.rangeChanged.connect(
            lambda _least, most: beside.setFixedWidth(bar.sizeHint().width() if most else 0)
        )
        tables.addLayout(row)
        pages.addWidget(both)
        pages.addWidget(self._instead)
        words = plain_label(
            self.tr(
                "Counted: went into the class's network. Late: valid, full credit. Active: computing time"
                " of the units counted and late, never more than has passed between two hand-ins."
            ),
            self,
            role="muted",
        )
        card = QFrame(self)
        set_role(card, "card")
        inside = QVBoxLayout(card)
        margin = em(self, 0.6)
        inside.setContentsMargins(margin, margin, margin, margin)
        inside.setSpacing(em(self, 0.5))
        inside.addLayout(tools)
        inside.addLayout(days)
        inside.addWidget(self._stack, 1)
        foot = QHBoxLayout()
        foot.addWidget(self.standing, 1)
        foot.addWidget(link_button(self.tr("Show the SQL"), self.show_sql, self))
        inside.addWidget(words)
        inside.addLayout(foot)
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self), em(self), em(self), em(self))
        column.addWidget(card, 1)

    # -- reading --------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name. Counted only while somebody looks."""
        super().showEvent(event)
        self.refresh()
        self._clock.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """Qt's name."""
        super().hideEvent(event)
        self._clock.stop()

    @Slot()
    def _begin_anew(self) -> None:
        self._report, self._trouble = None, ""
        self.model.show_rows([])
        self._show()
        if self.isVisible():
            self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Count anew."""
        if self._session.taught is None:
            return
        status = self._session.snapshot.status
        if status is not None:
            self.span.set_today(status.server.at.date())
        span = self.span.span

        def take(report: CreditReport) -> None:
            if span == self.span.span:
                self._take(report)

        self._session.ask(
            lambda address: read_credit(address, span), take, owner=self, on_error=self._take_error
        )

    def _take(self, report: CreditReport) -> None:
        from gan_desktop.class_admin.credit import total

        self._report, self._trouble = report, ""
        self.model.show_rows(report.people)
        unused = self.model.unused()
        for column in range(len(self.model.columns)):
            self.table.setColumnHidden(column, column in unused)
        self.table.fit()
        self.totals.show_total(total(report.people))
        self._show()

    def _take_error(self, error: GanDesktopError) -> None:
        # Said on the page: the window's banner tells of a lost connection already.
        self._trouble = engine_text(error.message)
        self._show()

    def _show(self) -> None:
        report = self._report
        self.save_button.setEnabled(report is not None and bool(report.people))
        set_role(self.standing, "bad" if self._trouble else "muted")
        self.standing.setText(self._trouble or self._standing_words())
        has_rows = report is not None and bool(report.people)
        self._stack.setCurrentIndex(0 if has_rows else 1)
        if self._session.taught is None:
            self._instead.setText(self.tr("When there is a class, its credit stands here."))
        elif report is None:
            self._instead.setText(self.tr("Counting ..."))
        else:
            self._instead.setText(self.tr("Nobody takes part yet."))

    def _standing_words(self) -> str:
        report = self._report
        if report is None:
            return ""
        words = [
            self.tr("Days begin at midnight of {zone}").format(zone=report.time_zone),
            self.tr("as of {time}").format(time=f"{datetime.now():%H:%M}"),
        ]
        if waiting := sum(person.num_waiting for person in report.people):
            words.append(self.tr("%n unit(s) not looked at yet", None, waiting))
        return " · ".join(words)

    # -- doing ----------------------------------------------------------------------------------

    def _take_click(self) -> None:
        """A click on a name leads to the person's units; elsewhere it selects."""
        if self.table.currentIndex().column() == NAME and len(self.table.chosen()) == 1:
            self.show_units()

    def show_units(self) -> None:
        """Show what became of each unit of the one who is chosen."""
        if len(chosen := self.table.chosen()) == 1:
            UnitsDialog(self._session, chosen[0], self.span.span, self).open()

    def save(self) -> None:
        """Ask for a place for the table."""
        report = self._report
        if report is None:
            return
        separator = self.separator.currentData()
        ask_where(
            self,
            self.tr("Save the credit table"),
            f"{self._file_stem()}.csv",
            lambda path: self._write(path, report, separator),
        )

    def _write(self, path: Path, report: CreditReport, separator: str) -> None:
        run_in_background(
            lambda: write(path, report, separator), self._say_written, self._session.tell_trouble, owner=self
        )

    def _say_written(self, path: Path) -> None:
        self.standing.setText(self.tr("Saved: {path}").format(path=path))

    def _file_stem(self) -> str:
        title = "".join(c for c in self._session.title if c.isalnum() or c in " -_").strip()
        span = self.span.span
        parts = [self.tr("Credit"), title]
        if self.span.days is Days.FINAL:
            parts.append(self.tr("as of {day}").format(day=span.until))
        elif span != Span():
            parts.append(f"{span.since}" if span.since == span.until else f"{span.since}_{span.until}")
        return " ".join(filter(None, parts))

    def show_sql(self) -> None:
        """Show what was asked for this table, and what the guide asks."""
        statement = self._report.statement if self._report else load_queries("credit")["credit"]
        statements = (
            (self.tr("This table"), statement),
            (self.tr("As in the guide"), load_queries("credit")["guide"]),
        )
        SqlDialog(statements, self).open()


def read_credit(address: Address, span: Span) -> CreditReport:
    """Everybody's credit of these days."""
    from gan_desktop.class_admin.credit import credit

    return credit(address, span.since, span.until)


def write(path: Path, report: CreditReport, separator: str) -> Path:
    """Write the table to a file that its owner alone can read: it holds names and addresses."""
    import io

    from gan_desktop.class_admin.card_files import save_private
    from gan_desktop.class_admin.credit import SEPARATORS, write_csv

    table = io.BytesIO()
    write_csv(report, table, SEPARATORS[separator])
    return save_private(path, table.getvalue())
