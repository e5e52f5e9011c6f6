"""The kept iterations of a training: the faces of each, the way back to it, a file or a new training."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMessageBox, QPushButton, QVBoxLayout, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui import icons
from gan_desktop.gui.admin.keyed_table import Column, KeyedTable, KeyedTableView, TableOrder
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.faces_view import FacesView
from gan_desktop.gui.saving import ask_where
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import ago, number
from gan_desktop.records import RunStatus

if TYPE_CHECKING:
    from gan_desktop.class_admin.checkpoints import WentBack
    from gan_desktop.database.address import Address
    from gan_desktop.database.checkpoints import Checkpoint as KeptIteration
    from gan_desktop.database.statistics import RunSummary
    from gan_desktop.records import Run, SampleDrawn

ITERATION, DISTANCE, WHEN = range(3)


class KeptView(QWidget):
    """Shows one training's.

    Signals:
        fork_wanted: Begin a new training from (training, iteration).
        told: A sentence about what was done.
    """

    fork_wanted = Signal(int, int)
    told = Signal(str)

    def __init__(self, session: TeachingSession, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._run: RunSummary | None = None
        self.box: QMessageBox | None = None
        # Iterations without faces have no bytes; those under way are not here yet.
        self._faces: dict[tuple[int, int], bytes] = {}
        self._wanted: set[tuple[int, int]] = set()
        self._read_for: tuple[int, int] | None = None
        # None: nothing was read yet.
        self._instead: str | None = None
        self.model = _kept_table(self)
        self.order = TableOrder(self.model, self)
        self.table: KeyedTableView[KeptIteration] = KeyedTableView(
            self.order, self.tr("Kept iterations"), WHEN, self
        )
        self.table.sortByColumn(ITERATION, Qt.SortOrder.DescendingOrder)
        self.faces = FacesView(self, least_em=5.0)
        self.go_back = QPushButton(self.tr("Go back to it ..."), self)
        self.go_back.setToolTip(self.tr("Let the training go on from these weights"))
        self.fork = QPushButton(self.tr("New training from it ..."), self)
        self.save = QPushButton(self.tr("Save as a file ..."), self)
        icons.set_icon(self.save, "save")
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        set_role(self.words, "muted")
        self._lay_out()
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_chosen())
        self.go_back.clicked.connect(lambda _checked=False: self.ask_to_go_back())
        self.fork.clicked.connect(lambda _checked=False: self._fork())
        self.save.clicked.connect(lambda _checked=False: self._ask_where())

    def _lay_out(self) -> None:
        buttons = QVBoxLayout()
        buttons.setSpacing(em(self, 0.3))
        for button in (self.go_back, self.fork, self.save):
            buttons.addWidget(button)
        buttons.addStretch(1)
        row = QHBoxLayout()
        row.setSpacing(em(self, 0.6))
        row.addWidget(self.faces, 1)
        row.addLayout(buttons)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.5))
        column.addWidget(self.words)
        column.addWidget(self.table, 3)
        column.addLayout(row, 2)

    # -- showing --------------------------------------------------------------------------------

    def show_run(self, run: RunSummary | None) -> None:
        """Show a training's; read anew when it has come further, as long as somebody looks."""
        before, self._run = self._run, run
        if run is None or (before is not None and before.run_id != run.run_id):
            self.model.show_rows(())
            self._instead = None
        if self.isVisible():
            self._read_news()
            self._show_chosen()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name."""
        super().showEvent(event)
        self._read_news()
        self._show_chosen()

    def _read_news(self) -> None:
        run = self._run
        if run is not None and self._read_for != (run.run_id, run.iteration):
            self._read_for = (run.run_id, run.iteration)
            self._read(run.run_id)

    def _read(self, run_id: int) -> None:
        def read(address: Address) -> tuple[Run, list[KeptIteration]]:
            from gan_desktop.class_admin.checkpoints import kept_iterations

            return kept_iterations(address, run_id)

        def take(found: tuple[Run, list[KeptIteration]]) -> None:
            if self._run is None or self._run.run_id != run_id:
                return
            self.model.show_rows(found[1])
            self._instead = self.tr("No iteration is kept yet.")
            if found[1] and not self.table.selectionModel().hasSelection():
                self.table.selectRow(0)
            self._show_chosen()

        def miss(error: GanDesktopError) -> None:
            if self._run is not None and self._run.run_id == run_id:
                # The next look at the class asks again.
                self._read_for = None
                self._instead = engine_text(error.message)
                self._show_chosen()

        self._session.ask(read, take, owner=self, on_error=miss)

    @property
    def chosen(self) -> KeptIteration | None:
        """The iteration that the buttons are about."""
        rows = self.table.chosen()
        return rows[0] if len(rows) == 1 else None

    def _show_chosen(self) -> None:
        run, chosen = self._run, self.chosen
        is_chosen = run is not None and chosen is not None
        can_go_back = (
            run is not None
            and chosen is not None
            and run.status in (RunStatus.RUNNING, RunStatus.PAUSED)
            and chosen.iteration < run.iteration
        )
        self.go_back.setEnabled(can_go_back)
        self.fork.setEnabled(is_chosen)
        self.save.setEnabled(is_chosen)
        words = "" if self.model.rows else self._instead or ""
        self.words.setText(words)
        self.words.setVisible(bool(words))
        if run is not None and chosen is not None:
            self._show_faces(run.run_id, chosen.iteration)
        else:
            self.faces.show_words("")

    def _show_faces(self, run_id: int, iteration: int) -> None:
        key = (run_id, iteration)
        if key in self._faces:
            self.faces.show_words(self.tr("No faces were drawn of it."))
            self.faces.show_picture(self._faces[key])
            return
        if key in self._wanted:
            return
        self._wanted.add(key)

        def fetch(address: Address) -> SampleDrawn | None:
            from gan_desktop.class_admin.checkpoints import faces_of

            return faces_of(address, run_id, iteration)

        def take(sample: SampleDrawn | None) -> None:
            self._wanted.discard(key)
            self._faces[key] = sample.png if sample is not None else b""
            self._show_chosen()

        self._session.ask(fetch, take, owner=self, on_error=lambda _error: self._wanted.discard(key))

    def forget(self) -> None:
        """Another class."""
        if self.box is not None:
            self.box.reject()
        self._faces.clear()
        self._wanted.clear()
        self._read_for = None
        self.show_run(None)

    # -- doing ----------------------------------------------------------------------------------

    def ask_to_go_back(self) -> None:
        """Ask first: what is computed at this moment changes nothing any more."""
        run, chosen = self._run, self.chosen
        if run is None or chosen is None or self.box is not None:
            return
        box = self.box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setTextFormat(Qt.TextFormat.PlainText)
        words = self.tr(
            "Go back from iteration {now} to the weights of {wanted}? Curves and credit stay; what is"
            " computed at this moment is credited as late work."
        )
        box.setText(words.format(now=number(run.iteration), wanted=number(chosen.iteration)))
        go_back = box.addButton(self.tr("Go back"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        go_back.clicked.connect(partial(self._go_back, run.run_id, chosen.iteration))
        box.finished.connect(self._drop_box)
        box.open()

    def _drop_box(self) -> None:
        if self.box is not None:
            self.box.deleteLater()
            self.box = None

    def _go_back(self, run_id: int, iteration: int, _checked: bool = False) -> None:
        def go_back(address: Address) -> WentBack:
            from gan_desktop.class_admin.checkpoints import go_back

            return go_back(address, iteration, run_id)

        self.told.emit(self.tr("Going back ..."))
        self._session.change(go_back, self._tell_gone, owner=self)

    def _tell_gone(self, went: WentBack) -> None:
        if went.became is None:
            words = self.tr("It goes back to iteration {wanted} as soon as somebody runs it.")
            self.told.emit(words.format(wanted=number(went.wanted)))
        else:
            words = self.tr(
                "Iteration {became} has the weights of iteration {wanted}; everybody goes on from it."
            )
            self.told.emit(words.format(became=number(went.became), wanted=number(went.wanted)))

    def _fork(self) -> None:
        run, chosen = self._run, self.chosen
        if run is not None and chosen is not None:
            self.fork_wanted.emit(run.run_id, chosen.iteration)

    def _ask_where(self) -> None:
        run, chosen = self._run, self.chosen
        if run is None or chosen is None:
            return
        name = "".join(letter if letter.isalnum() else "-" for letter in run.name)
        # The newest is replaced while the dialog asks where to: then the newest of that time is meant.
        iteration = chosen.iteration if chosen.is_checkpoint else None
        if iteration is not None:
            name = f"{name}-{iteration}"
        save = partial(self.save_to, run.run_id, iteration)
        ask_where(self, self.tr("Save the network"), f"{name}.safetensors", save)

    def save_to(self, run_id: int, iteration: int | None, path: Path) -> None:
        """Write a kept iteration (None: the newest) to a file; the dialog has asked whether to overwrite."""

        def save(address: Address) -> int:
            from gan_desktop.class_admin.portrait import load_with_figures
            from gan_desktop.training.checkpoint_file import write_checkpoint

            figures, checkpoint = load_with_figures(address, iteration, run_id)
            write_checkpoint(path, checkpoint)
            return figures.iteration

        def tell(saved: int) -> None:
            words = self.tr("Iteration {number} is saved as {file}.")
            self.told.emit(words.format(number=number(saved), file=path.name))

        self._session.ask(save, tell, owner=self)


def _kept_table(view: KeptView) -> KeyedTable[KeptIteration]:
    parent: QObject = view
    columns: list[Column[KeptIteration]] = [
        Column(
            view.tr("Iteration"), lambda row: number(row.iteration), lambda row: row.iteration, is_number=True
        ),
        Column(
            view.tr("Distance"),
            lambda row: "-" if row.distance is None else number(row.distance),
            lambda row: float("inf") if row.distance is None else row.distance,
            is_number=True,
        ),
        Column(
            view.tr("When"),
            lambda row: ago(row.created_at.timestamp()),
            lambda row: row.created_at.timestamp(),
            tip=view.tr("The newest is kept until the next one comes"),
            tone=lambda row: None if row.is_checkpoint else "muted",
        ),
    ]
    return KeyedTable(columns, lambda row: row.iteration, parent)
