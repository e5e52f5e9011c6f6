"""The students of today: who needs help on top, and what can be done for each."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtGui import QAction, QFontMetrics, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QFrame, QHeaderView, QMenu, QVBoxLayout, QWidget

from gan_desktop.gui import icons
from gan_desktop.gui.admin.keyed_table import KeyedTableView, TableOrder
from gan_desktop.gui.admin.today.model import NAME, SEES, SPEED, TodayModel
from gan_desktop.gui.admin.today.people import PersonToday, Presence, count_words, trouble_of
from gan_desktop.gui.joining.page import plain_label
from gan_desktop.gui.theme import em, scale_font, set_role
from gan_desktop.gui.words import duration, number

# Lines that tell more of the chosen student, below the table.
DETAIL_LINES = 3
MOST_COMPUTERS_TOLD = 4
NAME_EM, NAME_SHARE = 13, 0.26


class TodayView(KeyedTableView[PersonToday]):
    """Its widths are those of no sentence: none of two hundred is measured while they change."""

    # As wide as the names were made here; the person may have made them otherwise since.
    _name_width: int | None = None

    def fit(self) -> None:
        """The sentences take what names and speeds leave."""
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(SEES, QHeaderView.ResizeMode.Stretch)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Qt's name: in a small window the sentences matter more than long names."""
        super().resizeEvent(event)
        is_wider_or_narrower = event.oldSize().width() != event.size().width()
        if is_wider_or_narrower and self._name_width in (None, self.columnWidth(NAME)):
            self.setColumnWidth(NAME, min(em(self, NAME_EM), round(NAME_SHARE * event.size().width())))
            self._name_width = self.columnWidth(NAME)


class TodayTable(QFrame):
    """Shows people; what is wanted for one of them is asked for by signals.

    Signals:
        message_wanted, rename_wanted, card_wanted, withdraw_wanted: For a `PersonToday`.
        record_wanted: Of one `WorkerSummary`.
    """

    message_wanted = Signal(object)
    rename_wanted = Signal(object)
    card_wanted = Signal(object)
    withdraw_wanted = Signal(object)
    record_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self.model = TodayModel(self)
        self.order = TableOrder[PersonToday](self.model, self)
        # A text is looked for in the names only: sentences change all the time.
        self.order.setFilterKeyColumn(NAME)
        self.headline = plain_label("", self)
        scale_font(self.headline, 1.1, bold=True)
        self.view = self._make_view()
        self._detail = plain_label("", self, role="muted")
        self._detail.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._detail.setFixedHeight(QFontMetrics(self.font()).lineSpacing() * DETAIL_LINES)
        self._detail.setAccessibleName(self.tr("More of the chosen student"))
        self._make_actions()
        column = QVBoxLayout(self)
        margin = em(self, 0.7)
        column.setContentsMargins(margin, margin, margin, em(self, 0.4))
        column.setSpacing(em(self, 0.4))
        column.addWidget(self.headline)
        column.addWidget(self.view, 1)
        column.addWidget(self._detail)

    def _make_view(self) -> TodayView:
        view = TodayView(self.order, self.tr("Students"), SEES, self)
        view.setSelectionMode(view.SelectionMode.SingleSelection)
        view.setColumnWidth(SPEED, max(em(self, 4), view.horizontalHeader().sectionSizeHint(SPEED)))
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._show_menu)
        view.selectionModel().currentRowChanged.connect(self._show_detail)
        return view

    def _make_actions(self) -> None:
        self.message = self._action(self.tr("Message ..."), "message", "Return", self.message_wanted.emit)
        self.rename = self._action(self.tr("Rename ..."), "person", "F2", self.rename_wanted.emit)
        self.card = self._action(self.tr("New card ..."), "card", "Ctrl+K", self.card_wanted.emit)
        self.withdraw = self._action(
            self.tr("Withdraw the card ..."), "lock", "Delete", self.withdraw_wanted.emit
        )
        self.record = self._action(
            self.tr("Results, hold or release ..."), "hand", "Ctrl+H", self._ask_for_record
        )

    def _action(self, text: str, icon: str, key: str, act: Callable[[PersonToday], None]) -> QAction:
        action = QAction(text, self.view, shortcut=QKeySequence(key))
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        icons.set_icon(action, icon)

        def trigger() -> None:
            if (person := self.current) is not None:
                act(person)

        action.triggered.connect(lambda _checked=False: trigger())
        self.view.addAction(action)
        return action

    # -- showing --------------------------------------------------------------------------------

    def show_people(self, people: tuple[PersonToday, ...]) -> None:
        """Show these; choice, order and scroll bar stay."""
        self.model.show_rows(people)
        words = count_words(people)
        if words != self.headline.text():
            self.headline.setText(words)
        self._show_detail()

    def show_only(self, presence: Presence | None, name: str) -> None:
        """Show those who stand so (None: however they stand) and whose name holds these letters."""
        self.order.setFilterFixedString(name.strip())
        self.order.show_only(lambda person: presence is None or person.presence is presence)
        self._show_detail()

    @property
    def current(self) -> PersonToday | None:
        """The chosen student."""
        index = self.view.currentIndex()
        return self.order.row_at(index) if index.isValid() else None

    @Slot()
    def _show_detail(self) -> None:
        person = self.current
        words = "\n".join(self._detail_words(person)) if person is not None else ""
        if words != self._detail.text():
            self._detail.setText(words)

    def _detail_words(self, person: PersonToday) -> list[str]:
        lines = [f"{person.name}: {self.model.sentence(person)}"]
        if trouble := trouble_of(person):
            lines.append(trouble)
        computers = []
        for worker in person.workers[:MOST_COMPUTERS_TOLD]:
            device = worker.gpu_name or self.tr("processor")
            heard = self.tr("heard of {time} ago").format(time=duration(worker.silent_s))
            computers.append(f"{worker.hostname or worker.name} ({device}, {heard})")
        more = len(person.workers) - len(computers)
        lines.append("; ".join(computers) + (f" + {number(more)}" if more > 0 else ""))
        return [line for line in lines if line]

    # -- acting ---------------------------------------------------------------------------------

    def menu(self, person: PersonToday) -> QMenu:
        """What can be done for a student; of several computers each has its own record."""
        menu = QMenu(self.view)
        menu.addAction(self.message)
        menu.addSeparator()
        if len(person.workers) > 1:
            for worker in person.workers:
                words = self.tr("Results of {computer} ...").format(computer=worker.hostname or worker.name)
                entry = menu.addAction(words.replace("&", "&&"))
                icons.set_icon(entry, "hand")
                entry.triggered.connect(lambda _checked=False, w=worker: self.record_wanted.emit(w))
        else:
            menu.addAction(self.record)
        menu.addSeparator()
        menu.addActions([self.rename, self.card, self.withdraw])
        menu.addSeparator()
        menu.addAction(self.view.copy_action)
        return menu

    def _ask_for_record(self, person: PersonToday) -> None:
        # Of several the one that needs help.
        if person.workers:
            self.record_wanted.emit(person.workers[0])

    @Slot(QPoint)
    def _show_menu(self, where: QPoint) -> None:
        person = self.current
        if person is None:
            return
        self.record.setEnabled(bool(person.workers))
        menu = self.menu(person)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.view.viewport().mapToGlobal(where))
