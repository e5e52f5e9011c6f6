"""The settings of a training that may change while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.training.fields import ADVANCED, LENGTH, ConfigFields, Group
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import number
from gan_desktop.records import RunConfig, RunStatus

if TYPE_CHECKING:
    from gan_desktop.class_admin.trainings import Change
    from gan_desktop.database.address import Address
    from gan_desktop.database.statistics import RunSummary
    from gan_desktop.records import Run

# Of what may change (class_admin.trainings.CHANGEABLE) these groups hold everything.
_FIXED = ("network", "steps")
GROUPS: tuple[Group, ...] = (LENGTH, *(group for group in ADVANCED if group.key not in _FIXED))


class SettingsView(QWidget):
    """Follows the training that is chosen; what is written and not applied yet stays.

    Signals:
        told: A sentence about what was done.
    """

    told = Signal(str)

    def __init__(self, session: TeachingSession, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._run: RunSummary | None = None
        self._is_shown = False
        # Which training's are being read.
        self._reading: int | None = None
        self.fields = ConfigFields(GROUPS, self)
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        set_role(self.words, "muted")
        self.apply = QPushButton(self.tr("&Apply"), self)
        set_role(self.apply, "primary")
        self.undo = QPushButton(self.tr("As it is"), self)
        self._lay_out()
        self.fields.changed.connect(self._follow)
        self.apply.clicked.connect(lambda _checked=False: self.apply_changes())
        self.undo.clicked.connect(lambda _checked=False: self.fields.show_config(self.fields.base))

    def _lay_out(self) -> None:
        inside = QWidget(self)
        fields = QVBoxLayout(inside)
        fields.setContentsMargins(0, 0, em(self, 0.6), 0)
        fields.setSpacing(em(self, 0.4))
        for group in GROUPS:
            fields.addWidget(self.fields.widgets[group.key])
        fields.addStretch(1)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        # The card's colour, not a window's.
        scroll.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        buttons = QHBoxLayout()
        buttons.setSpacing(em(self, 0.5))
        buttons.addStretch(1)
        buttons.addWidget(self.undo)
        buttons.addWidget(self.apply)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.5))
        column.addWidget(scroll, 1)
        column.addWidget(self.words)
        column.addLayout(buttons)

    def show_run(self, run: RunSummary | None) -> None:
        """Show a training's; what is being written is left alone."""
        before, self._run = self._run, run
        if before is None or run is None or before.run_id != run.run_id:
            self._is_shown, self._reading = False, None
            self.fields.show_config(RunConfig())
        training = self._session.snapshot.training
        if run is not None and training is not None and training.run.run_id == run.run_id:
            self._show_config(training.run.config)
        if run is not None and not self._is_shown and self._reading is None:
            self._read(run.run_id)
        self._follow()

    @property
    def has_changes(self) -> bool:
        """Whether something is written that is not applied yet."""
        return self._is_shown and (self.fields.config() is None or bool(self.fields.changes()))

    def _read(self, run_id: int) -> None:
        def read(address: Address) -> Run:
            from gan_desktop.class_admin.trainings import find_run

            return find_run(address, run_id)

        def take(run: Run) -> None:
            if self._reading == run_id:
                self._reading = None
                self._show_config(run.config)
                self._follow()

        def miss() -> None:
            # The next look at the class asks again.
            if self._reading == run_id:
                self._reading = None

        self._reading = run_id
        self._session.ask(read, take, owner=self, on_error=lambda _error: miss())

    def _show_config(self, config: RunConfig) -> None:
        if not self.has_changes and (not self._is_shown or config != self.fields.base):
            self._is_shown = True
            self.fields.show_config(config)

    def _follow(self) -> None:
        run = self._run
        can_change = run is not None and self._is_shown and run.status is not RunStatus.COMPLETE
        for group in GROUPS:
            self.fields.set_enabled([field.name for field in group.fields], can_change)
        config, changes = self.fields.config(), self.fields.changes()
        is_passed = run is not None and changes.get("target_iterations", run.iteration + 1) <= run.iteration
        self.apply.setEnabled(can_change and config is not None and bool(changes) and not is_passed)
        self.undo.setEnabled(can_change and self.has_changes)
        if run is not None and is_passed:
            allowed = self.tr("{least} or more: the training is at iteration {now}")
            words = allowed.format(least=number(run.iteration + 1), now=number(run.iteration))
            self.fields.row("target_iterations").tell_wrong(words)
        if run is not None and run.status is RunStatus.COMPLETE:
            self.words.setText(self.tr("It is over: nothing of it can change any more."))
        else:
            self.words.setText(self.tr("Holds from the next round on; everybody goes on working."))

    def apply_changes(self) -> None:
        """Write the changes down; the training takes them up by itself."""
        run, changes = self._run, self.fields.changes()
        if run is None or not changes:
            return
        run_id = run.run_id

        def change(address: Address) -> tuple[Change, ...]:
            from gan_desktop.class_admin.trainings import change_run

            return change_run(address, run_id, **changes)

        self.apply.setEnabled(False)
        self._session.change(change, self._take_made, owner=self, on_error=self._fail)

    def _take_made(self, made: tuple[Change, ...]) -> None:
        self._is_shown = False
        if self._run is not None:
            self._read(self._run.run_id)
        titles = {field.name: field.title for group in GROUPS for field in group.fields}
        words = self.tr("{what}: {old} becomes {new}")
        self.told.emit(
            "; ".join(
                words.format(what=engine_text(titles[each.name]), old=each.old, new=each.new) for each in made
            )
        )

    def _fail(self, error: GanDesktopError) -> None:
        self._follow()
        self._session.tell_trouble(error)
