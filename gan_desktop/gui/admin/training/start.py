"""What a new training begins with: nothing learned yet, a checkpoint file, or a kept iteration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.calm_fields import CalmComboBox
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import number
from gan_desktop.records import RunConfig

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.database.checkpoints import Checkpoint as KeptIteration
    from gan_desktop.database.statistics import RunSummary
    from gan_desktop.records import Run
    from gan_desktop.training.checkpoint_file import Checkpoint

_SCRATCH, _FILE = "scratch", "file"


class StartChoice(QWidget):
    """A list of trainings, then of the chosen one's kept iterations.

    Signals:
        changed: Another start; see `known`.
    """

    changed = Signal()

    def __init__(self, session: TeachingSession, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._runs: tuple[tuple[int, str], ...] = ()
        self._wanted: tuple[int, int | None] | None = None
        self._path: Path | None = None
        # The configuration of the weights to begin with, as soon as it is read.
        self.known: RunConfig | None = None
        self.source = CalmComboBox(self)
        self.source.setAccessibleName(self.tr("Begin with"))
        self.source.setSizeAdjustPolicy(CalmComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.iteration = CalmComboBox(self)
        self.iteration.setAccessibleName(self.tr("Iteration to begin with"))
        self.browse = QPushButton(self.tr("File ..."), self)
        self.told = QLabel(self)
        self.told.setWordWrap(True)
        self.told.setTextFormat(Qt.TextFormat.PlainText)
        line = QHBoxLayout()
        line.setSpacing(em(self, 0.4))
        line.addWidget(self.source, 1)
        line.addWidget(self.iteration)
        line.addWidget(self.browse)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(em(self, 0.2))
        column.addLayout(line)
        column.addWidget(self.told)
        self.browse.clicked.connect(lambda _checked=False: self._browse())
        self.source.currentIndexChanged.connect(lambda _at: self._take_source())
        self.show_runs(())

    # -- what there is --------------------------------------------------------------------------

    def show_runs(self, runs: tuple[RunSummary, ...]) -> None:
        """Offer the trainings that have something to begin with; what is chosen stays."""
        offered = tuple((run.run_id, run.name) for run in runs if run.iteration >= 0)
        if offered == self._runs and self.source.count():
            return
        self._runs = offered
        chosen = self.source.currentData()
        self.source.blockSignals(True)
        self.source.clear()
        self.source.addItem(self.tr("Nothing learned yet"), _SCRATCH)
        for run_id, name in offered:
            self.source.addItem(self.tr("The training {name}").format(name=name), run_id)
        self.source.addItem(self.tr("A checkpoint file"), _FILE)
        at = self.source.findData(chosen)
        self.source.setCurrentIndex(max(0, at))
        self.source.blockSignals(False)
        if at < 0:
            self._take_source()

    def choose(self, run_id: int, iteration: int) -> None:
        """Begin with an iteration of a training (a fork)."""
        self._wanted = (run_id, iteration)
        at = self.source.findData(run_id)
        if at == self.source.currentIndex():
            self._take_source()
        elif at >= 0:
            self.source.setCurrentIndex(at)

    def reset(self) -> None:
        """Begin with nothing."""
        self.source.setCurrentIndex(0)
        self._path = None

    @property
    def is_from_scratch(self) -> bool:
        """Whether no weights are wanted."""
        return bool(self.source.currentData() == _SCRATCH)

    @property
    def is_ready(self) -> bool:
        """Whether what is wanted is known."""
        return self.is_from_scratch or self.known is not None

    # -- choosing -------------------------------------------------------------------------------

    def _take_source(self) -> None:
        source = self.source.currentData()
        self.known = None
        self.iteration.setVisible(source not in (_SCRATCH, _FILE))
        self.browse.setVisible(source == _FILE)
        self._tell("")
        if source == _FILE:
            if self._path is not None:
                self.take_file(self._path)
            else:
                self._tell(self.tr("Choose a file of the kind .safetensors that this program wrote."))
        elif source != _SCRATCH:
            self._read_kept(int(source))
        self.changed.emit()

    def _read_kept(self, run_id: int) -> None:
        self.iteration.clear()

        def read(address: Address) -> tuple[Run, list[KeptIteration]]:
            from gan_desktop.class_admin.checkpoints import kept_iterations

            return kept_iterations(address, run_id)

        def take(found: tuple[Run, list[KeptIteration]]) -> None:
            run, kept = found
            if self.source.currentData() != run_id:
                return
            self.iteration.clear()
            for each in reversed(kept):
                self.iteration.addItem(number(each.iteration), each.iteration)
            if self._wanted is not None and self._wanted[0] == run_id:
                self.iteration.setCurrentIndex(max(0, self.iteration.findData(self._wanted[1])))
            self._wanted = None
            self.known = run.config if kept else None
            self._tell("" if kept else self.tr("It has kept no iteration."))
            self.changed.emit()

        self._session.ask(read, take, owner=self, on_error=self._fail)

    def _browse(self) -> None:
        dialog = QFileDialog(self, self.tr("Checkpoint file"))
        dialog.setNameFilter("*.safetensors")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(lambda name: self.take_file(Path(name)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def choose_file(self, path: Path) -> None:
        """Begin with a checkpoint file."""
        self._path = path
        at = self.source.findData(_FILE)
        if at == self.source.currentIndex():
            self.take_file(path)
        else:
            self.source.setCurrentIndex(at)

    def take_file(self, path: Path) -> None:
        """Look what a checkpoint file holds."""
        self._path = path
        self.known = None

        def read() -> RunConfig:
            from gan_desktop.training.checkpoint_file import read_checkpoint

            return read_checkpoint(path).info.config

        def take(config: RunConfig) -> None:
            if self._path == path and self.source.currentData() == _FILE:
                self.known = config
                self._tell(path.name)
                self.changed.emit()

        run_in_background(read, take, self._fail, owner=self)

    def loader(self) -> LoadStart | None:
        """How the weights are had when the training is made; None: there are none to begin with."""
        source = self.source.currentData()
        if source == _SCRATCH:
            return None
        if source == _FILE:
            return LoadStart(path=self._path)
        return LoadStart(run_id=int(source), iteration=int(self.iteration.currentData()))

    def _fail(self, error: GanDesktopError) -> None:
        self._tell(engine_text(error.message), is_bad=True)
        self.changed.emit()

    def _tell(self, words: str, *, is_bad: bool = False) -> None:
        set_role(self.told, "bad" if is_bad else "muted")
        self.told.setText(words)
        self.told.setVisible(bool(words))


class LoadStart:
    """Gets the weights that a training begins with; called away from the window's thread.

    Args:
        path: A checkpoint file; None: `iteration` of `run_id`.
    """

    def __init__(self, path: Path | None = None, run_id: int = 0, iteration: int = 0) -> None:
        self.path, self.run_id, self.iteration = path, run_id, iteration

    def __call__(self, address: Address) -> Checkpoint:
        """Fetch or read them."""
        if self.path is not None:
            from gan_desktop.training.checkpoint_file import read_checkpoint

            return read_checkpoint(self.path)
        from gan_desktop.class_admin.checkpoints import load_checkpoint

        return load_checkpoint(address, self.iteration, self.run_id)
