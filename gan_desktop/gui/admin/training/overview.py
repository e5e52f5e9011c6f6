"""The trainings of the class: steered in a line of buttons, listed at the left, looked into at the right."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.gui import icons
from gan_desktop.gui.admin.keyed_table import KeyedTableView, TableOrder
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.training.kept import KeptView
from gan_desktop.gui.admin.training.model import DISTANCE, IMAGES, NAME, STATE, TrainingsTable, state_words
from gan_desktop.gui.admin.training.settings import SettingsView
from gan_desktop.gui.faces_view import FacesView
from gan_desktop.gui.theme import em, scale_font, set_role
from gan_desktop.gui.words import number
from gan_desktop.records import RunStatus, SampleDrawn

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.database.statistics import RunSummary

FACES, KEPT, SETTINGS = range(3)
ROW_EM = 2.4
_ACTIVE = (RunStatus.RUNNING, RunStatus.PAUSED)


class TrainingsView(QWidget):
    """The table at the left, the chosen one at the right."""

    def __init__(self, session: TeachingSession, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self.box: QMessageBox | None = None
        self._wanted: int | None = None
        # What the large picture shows: it is decoded once.
        self._shown: bytes | None = None
        # The iteration that each training's faces in the table are of.
        self._drawn: dict[int, int] = {}
        self.model = TrainingsTable(em(self, 0.8 * ROW_EM), self)
        self.order = TableOrder(self.model, self)
        self.table: KeyedTableView[RunSummary] = KeyedTableView(self.order, self.tr("Trainings"), NAME, self)
        self.table.do_without(IMAGES, DISTANCE)
        self.table.verticalHeader().setDefaultSectionSize(em(self, ROW_EM))
        self.table.sortByColumn(STATE, Qt.SortOrder.AscendingOrder)
        self.new = QPushButton(self.tr("&New training ..."), self)
        set_role(self.new, "primary")
        self.steer = QPushButton(self)
        self.finish = QPushButton(self.tr("&Finish ..."), self)
        self.delete = QPushButton(self.tr("&Delete ..."), self)
        self.title, self.caption = QLabel(self), QLabel(self)
        self.faces = FacesView(self, least_em=8.0)
        self.kept = KeptView(session, self)
        self.settings = SettingsView(session, self)
        self.told = _Told(self)
        self.empty = QLabel(self)
        self._lay_out()
        self._connect()
        self._follow_class()

    # -- building -------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(em(self, 0.6))
        for button in (self.new, self.steer, self.finish, self.delete):
            top.addWidget(button)
        top.addStretch(1)
        left = QFrame(self)
        set_role(left, "card")
        inside = QVBoxLayout(left)
        margin = em(self, 0.5)
        inside.setContentsMargins(margin, margin, margin, margin)
        self.empty.setWordWrap(True)
        set_role(self.empty, "muted")
        inside.addWidget(self.empty)
        inside.addWidget(self.table, 1)
        row = QHBoxLayout()
        row.setSpacing(em(self, 0.7))
        row.addWidget(left, 3)
        row.addWidget(self._make_details(), 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.6))
        column.addLayout(top)
        column.addWidget(self.told)
        column.addLayout(row, 1)

    def _make_details(self) -> QFrame:
        card = QFrame(self)
        set_role(card, "card")
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        scale_font(self.title, 1.15, bold=True)
        set_role(self.caption, "muted")
        segments = QHBoxLayout()
        segments.setSpacing(0)
        self.segments = QButtonGroup(self)
        for at, words in enumerate((self.tr("Faces"), self.tr("Kept"), self.tr("Settings"))):
            button = QPushButton(words, card)
            button.setCheckable(True)
            set_role(button, "segment")
            self.segments.addButton(button, at)
            segments.addWidget(button)
        segments.addStretch(1)
        self.segments.button(FACES).setChecked(True)
        faces = QWidget(card)
        shown = QVBoxLayout(faces)
        shown.setContentsMargins(0, 0, 0, 0)
        shown.addWidget(self.faces, 1)
        shown.addWidget(self.caption)
        self.stack = QStackedWidget(card)
        for widget in (faces, self.kept, self.settings):
            self.stack.addWidget(widget)
        self.segments.idToggled.connect(lambda at, on: self.stack.setCurrentIndex(at) if on else None)
        column = QVBoxLayout(card)
        margin = em(self, 0.8)
        column.setContentsMargins(margin, margin, margin, margin)
        column.setSpacing(em(self, 0.5))
        column.addWidget(self.title)
        column.addLayout(segments)
        column.addWidget(self.stack, 1)
        return card

    def _connect(self) -> None:
        session = self._session
        session.snapshot_changed.connect(self._follow_class)
        session.coordination_changed.connect(self._follow_coordination)
        session.sample_arrived.connect(self._take_sample)
        session.class_changed.connect(self._take_class)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_chosen())
        self.steer.clicked.connect(lambda _checked=False: self.steer_chosen())
        self.finish.clicked.connect(lambda _checked=False: self.ask_to_finish())
        self.delete.clicked.connect(lambda _checked=False: self.ask_to_delete())
        shortcut = QShortcut(QKeySequence(QKeySequence.StandardKey.Delete), self.table)
        shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(self.ask_to_delete)
        self.kept.told.connect(self.told.tell)
        self.settings.told.connect(self.told.tell)

    # -- following ------------------------------------------------------------------------------

    @Slot()
    def _take_class(self) -> None:
        if self.box is not None:
            self.box.reject()
        self._wanted = None
        self._drawn.clear()
        self.model.forget_faces()
        self.model.show_rows(())
        self.kept.forget()
        self.told.hide()
        self._follow_class()

    @Slot()
    def _follow_class(self) -> None:
        status = self._session.snapshot.status
        self.model.show_rows(status.runs if status is not None else ())
        self.model.show_coordination(self._session.coordination)
        self.empty.setVisible(not self.model.rows and status is not None)
        has_pictures = status is not None and bool(status.datasets)
        self.empty.setText(
            self.tr("No training yet.")
            if has_pictures
            else self.tr("No training yet. Make one: pictures must be there first.")
        )
        if self._wanted is not None and self._choose(self._wanted):
            self._wanted = None
        if self.model.rows and not self.table.selectionModel().hasSelection():
            self.table.selectRow(0)
        for run in self.model.rows:
            self._fetch_faces(run)
        self._show_chosen()

    @Slot()
    def _follow_coordination(self) -> None:
        self.model.show_coordination(self._session.coordination)
        self._show_chosen()

    def choose_when_there(self, run_id: int) -> None:
        """Select a training as soon as the class tells of it."""
        if not self._choose(run_id):
            self._wanted = run_id

    def _choose(self, run_id: int) -> bool:
        for row in range(self.order.rowCount()):
            if self.order.row_at(self.order.index(row, 0)).run_id == run_id:
                self.table.selectRow(row)
                return True
        return False

    @property
    def chosen(self) -> RunSummary | None:
        """The training that the buttons are about."""
        rows = self.table.chosen()
        return rows[0] if len(rows) == 1 else None

    def _show_chosen(self) -> None:
        chosen = self.chosen
        self._show_steering(chosen)
        self.finish.setEnabled(chosen is not None and chosen.status in _ACTIVE)
        self.delete.setEnabled(chosen is not None and chosen.status not in _ACTIVE)
        self.title.setText(chosen.name if chosen is not None else "")
        self.kept.show_run(chosen)
        self.settings.show_run(chosen)
        for button in self.segments.buttons():
            button.setEnabled(chosen is not None)
        if chosen is None:
            self.caption.clear()
            self.faces.show_words(self.tr("Faces stand here as soon as a training draws some."))
            self._shown = None
            return
        words = self.tr("Iteration {iteration} of {target}, {state}")
        self.caption.setText(
            words.format(
                iteration=number(max(0, chosen.iteration)),
                target=number(chosen.target_iterations),
                state=state_words(chosen, self._session.coordination),
            )
        )
        self._show_picture(self.model.png_of(chosen.run_id))

    def _show_picture(self, png: bytes | None) -> None:
        if png is None:
            self.faces.show_words(self.tr("No faces yet: the first are drawn when it begins."))
        elif png is not self._shown:
            self.faces.show_picture(png)
        self._shown = png

    def _show_steering(self, chosen: RunSummary | None) -> None:
        """One button for start, pause and resume, whichever is possible."""
        words, icon, is_possible = self.tr("&Begin"), "play", False
        if chosen is not None:
            match chosen.status:
                case RunStatus.CREATED:
                    is_possible = not self._is_another_active(chosen)
                case RunStatus.RUNNING if self._is_run_by_nobody(chosen):
                    words, is_possible = self.tr("&Run it here"), True
                case RunStatus.RUNNING:
                    words, icon, is_possible = self.tr("&Pause"), "pause", True
                case RunStatus.PAUSED:
                    words, is_possible = self.tr("&Resume"), True
        self.steer.setText(words)
        icons.set_icon(self.steer, icon)
        self.steer.setEnabled(is_possible)
        waits = chosen is not None and chosen.status is RunStatus.CREATED and not is_possible
        tip = self.tr("Another training is in progress: a class trains one network at a time.")
        self.steer.setToolTip(tip if waits else "")

    def _is_another_active(self, chosen: RunSummary) -> bool:
        return any(run.status in _ACTIVE and run.run_id != chosen.run_id for run in self.model.rows)

    def _is_run_by_nobody(self, chosen: RunSummary) -> bool:
        coordination = self._session.coordination
        return coordination.run_id == chosen.run_id and coordination.place == "nobody"

    # -- faces ----------------------------------------------------------------------------------

    @Slot(object)
    def _take_sample(self, sample: SampleDrawn) -> None:
        training = self._session.snapshot.training
        if training is None:
            return
        run_id = training.run.run_id
        if sample.iteration >= self._drawn.get(run_id, -1):
            self._show_faces(run_id, sample)

    def _fetch_faces(self, run: RunSummary) -> None:
        """Those of a training that the session does not bring by itself."""
        training = self._session.snapshot.training
        is_brought = training is not None and training.run.run_id == run.run_id
        newest = self._session.newest_sample
        if is_brought and newest is not None:
            self._take_sample(newest)
        if is_brought or run.iteration < 0 or run.run_id in self._drawn:
            return
        self._drawn[run.run_id] = -1
        run_id = run.run_id

        def fetch(address: Address) -> SampleDrawn | None:
            from gan_desktop.class_admin.checkpoints import faces_of

            return faces_of(address, run_id)

        def take(sample: SampleDrawn | None) -> None:
            if sample is not None:
                self._show_faces(run_id, sample)

        def miss() -> None:
            # The next look at the class asks again.
            if self._drawn.get(run_id) == -1:
                del self._drawn[run_id]

        self._session.ask(fetch, take, owner=self, on_error=lambda _error: miss())

    def _show_faces(self, run_id: int, sample: SampleDrawn) -> None:
        self._drawn[run_id] = sample.iteration
        self.model.show_faces(run_id, sample.png)
        chosen = self.chosen
        if chosen is not None and chosen.run_id == run_id:
            self._show_picture(sample.png)

    # -- doing ----------------------------------------------------------------------------------

    @Slot()
    def steer_chosen(self) -> None:
        """Begin, pause or go on with the chosen training."""
        chosen = self.chosen
        if chosen is None:
            return
        if chosen.status is RunStatus.CREATED or (
            chosen.status is RunStatus.RUNNING and self._is_run_by_nobody(chosen)
        ):
            self._session.begin_training(chosen.run_id)
        elif chosen.status is RunStatus.RUNNING:
            self._session.steer(RunStatus.PAUSED, chosen.run_id)
        elif chosen.status is RunStatus.PAUSED:
            self._session.steer(RunStatus.RUNNING, chosen.run_id)

    @Slot()
    def ask_to_finish(self) -> None:
        """Ask first: it cannot go on later."""
        chosen = self.chosen
        if chosen is None or chosen.status not in _ACTIVE:
            return
        words = self.tr(
            'End the training "{name}" for good at iteration {iteration} of {target}? It cannot go on later;'
            " to interrupt it, pause it."
        ).format(
            name=chosen.name,
            iteration=number(max(0, chosen.iteration)),
            target=number(chosen.target_iterations),
        )
        self._ask(words, self.tr("End it"), partial(self._session.steer, RunStatus.COMPLETE, chosen.run_id))

    @Slot()
    def ask_to_delete(self) -> None:
        """Ask first: it is for good."""
        chosen = self.chosen
        if chosen is None or chosen.status in _ACTIVE:
            return
        words = self.tr(
            'Delete the training "{name}" for good: its weights, faces and curves? Its students keep their'
            " credit."
        )
        self._ask(words.format(name=chosen.name), self.tr("Delete"), partial(self._delete, chosen))

    def _ask(self, words: str, yes: str, act: partial[None]) -> None:
        if self.box is not None:
            return
        box = self.box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(words)
        button = box.addButton(yes, QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        button.clicked.connect(lambda _checked=False: act())
        box.finished.connect(self._drop_box)
        box.open()

    def _drop_box(self) -> None:
        if self.box is not None:
            self.box.deleteLater()
            self.box = None

    def _delete(self, chosen: RunSummary) -> None:
        def delete(address: Address) -> None:
            from gan_desktop.class_admin.trainings import delete_run

            delete_run(address, chosen.run_id)

        words = self.tr('The training "{name}" is deleted.').format(name=chosen.name)
        self._session.change(delete, lambda _nothing: self.told.tell(words), owner=self)


class _Told(QFrame):
    """A sentence about what was done; it can be closed."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        set_role(self, "card")
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        close = QToolButton(self, autoRaise=True)
        close.setAccessibleName(self.tr("Close"))
        icons.set_icon(close, "close")
        close.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(em(self, 0.9), em(self, 0.3), em(self, 0.4), em(self, 0.3))
        row.addWidget(self.words, 1)
        row.addWidget(close)
        self.hide()

    @Slot(str)
    def tell(self, words: str) -> None:
        """Say it."""
        self.words.setText(words)
        self.setVisible(bool(words))
