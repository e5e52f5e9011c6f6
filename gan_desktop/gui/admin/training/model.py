"""The trainings as a table: name with some faces, state, how far, how good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtGui import QPixmap

from gan_desktop.gui.admin.keyed_table import Column, Index, KeyedTable, Role
from gan_desktop.gui.admin.snapshot import Coordination
from gan_desktop.gui.words import number
from gan_desktop.records import RunStatus

if TYPE_CHECKING:
    from gan_desktop.database.statistics import RunSummary

NAME, STATE, ITERATION, IMAGES, DISTANCE = range(5)
# Of a grid of 8 x 8 the first 2 x 2: what can be seen in a table.
SHARE_SHOWN = 4
_ORDER = (RunStatus.RUNNING, RunStatus.PAUSED, RunStatus.CREATED, RunStatus.COMPLETE)


class TrainingsTable(KeyedTable["RunSummary"]):
    """One row for each training; `coordination` decides how a running one's state is called."""

    def __init__(self, edge: int, parent: QObject) -> None:
        self._coordination = Coordination()
        self._edge = edge
        self._faces: dict[int, QPixmap] = {}
        self._pngs: dict[int, bytes] = {}
        columns: list[Column[RunSummary]] = [
            Column(_tr("Training"), lambda row: row.name),
            Column(
                _tr("State"),
                lambda row: state_words(row, self._coordination),
                lambda row: _ORDER.index(row.status),
                tone=lambda row: "good" if row.status is RunStatus.RUNNING else None,
            ),
            Column(_tr("Iteration"), _iteration, lambda row: row.iteration, is_number=True),
            Column(
                _tr("Images"),
                lambda row: number(row.total_images),
                lambda row: row.total_images,
                is_number=True,
            ),
            Column(
                _tr("Distance"),
                lambda row: "-" if row.distance is None else number(row.distance),
                lambda row: float("inf") if row.distance is None else row.distance,
                tip=_tr("To real pictures: lower is better"),
                is_number=True,
            ),
        ]
        super().__init__(columns, lambda row: row.run_id, parent)

    def show_coordination(self, coordination: Coordination) -> None:
        """Somebody else runs the training now."""
        self._coordination = coordination
        self._tell_changed(STATE, Role.DisplayRole)

    def show_faces(self, run_id: int, png: bytes) -> None:
        """Give a training the newest of its faces."""
        picture = QPixmap()
        if picture.loadFromData(png):
            edge = max(1, picture.width() // SHARE_SHOWN)
            self._faces[run_id] = picture.copy(0, 0, edge, edge)
            self._pngs[run_id] = png
            self._tell_changed(NAME, Role.DecorationRole)

    def png_of(self, run_id: int) -> bytes | None:
        """The newest faces of a training, whole."""
        return self._pngs.get(run_id)

    def forget_faces(self) -> None:
        """Those of another class."""
        self._faces.clear()
        self._pngs.clear()

    def _tell_changed(self, column: int, role: int) -> None:
        if self.rows:
            self.dataChanged.emit(self.index(0, column), self.index(len(self.rows) - 1, column), [role])

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        """Beside what all tables have: faces before the name."""
        if role == Role.DecorationRole and index.column() == NAME:
            faces = self._faces.get(self.rows[index.row()].run_id)
            return None if faces is None else faces.scaledToHeight(self._edge)
        return super().data(index, role)


def state_words(run: RunSummary, coordination: Coordination) -> str:
    """What a training is doing."""
    if run.status is RunStatus.RUNNING:
        if coordination.run_id != run.run_id:
            return _tr("running")
        return {
            "here": _tr("runs here"),
            "elsewhere": _tr("runs elsewhere"),
            "nobody": _tr("waits: nobody runs it"),
        }[coordination.place]
    if run.status is RunStatus.COMPLETE and run.iteration < run.target_iterations:
        return _tr("ended early")
    return {
        RunStatus.CREATED: _tr("not begun"),
        RunStatus.PAUSED: _tr("paused"),
        RunStatus.COMPLETE: _tr("complete"),
    }[run.status]


def _iteration(run: RunSummary) -> str:
    words = _tr("{iteration} / {target}")
    return words.format(iteration=number(max(0, run.iteration)), target=number(run.target_iterations))


def _tr(text: str) -> str:
    return QCoreApplication.translate("training", text)
