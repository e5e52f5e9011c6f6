"""The steps of a rehearsal as a table: with so many students, what they waited for and how it went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QWidget

from gan_desktop.gui.admin.keyed_table import Column, KeyedTable, KeyedTableView, TableOrder
from gan_desktop.gui.chart_legend import NOTHING
from gan_desktop.gui.words import number
from gan_desktop.rehearsal.plan import Kind, Step
from gan_desktop.rehearsal.tally import RehearsalReport

if TYPE_CHECKING:
    from gan_desktop.rehearsal.rehearse import Moment


@dataclass(frozen=True)
class StepRow:
    """One step, or the one that goes on. `limits` is None while nothing is decided."""

    num_students: int
    report: RehearsalReport
    num_connections: int
    num_waiting: int
    limits: tuple[Kind, ...] | None = None

    @classmethod
    def of(cls, step: Step) -> StepRow:
        """A step that is over."""
        kinds = tuple(limit.kind for limit in step.limits)
        return cls(step.num_students, step.report, step.num_connections, step.num_waiting, kinds)

    @classmethod
    def now(cls, moment: Moment) -> StepRow:
        """The step that goes on."""
        look = moment.look
        return cls(moment.num_students, moment.report, look.num_connections, look.num_waiting)


class StepsTable(KeyedTableView[StepRow]):
    """The table; `show_steps` fills it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._table: KeyedTable[StepRow] = KeyedTable(_columns(), lambda row: row.num_students)
        order = TableOrder(self._table)
        super().__init__(order, _tr("Steps of the rehearsal"), wide=6, parent=parent)
        self._table.setParent(self)
        order.setParent(self)
        self.setSortingEnabled(False)
        self.sortByColumn(0, Qt.SortOrder.AscendingOrder)

    def show_steps(self, steps: tuple[StepRow, ...]) -> None:
        """Show these; the selection stays."""
        self._table.show_rows(steps)

    @property
    def rows(self) -> list[StepRow]:
        """What is shown."""
        return sorted(self._table.rows, key=lambda row: row.num_students)


def _columns() -> tuple[Column[StepRow], ...]:
    return (
        Column(
            _tr("Students"),
            lambda row: number(row.num_students),
            lambda row: row.num_students,
            is_number=True,
        ),
        Column(
            _tr("Units"),
            lambda row: number(row.report.num_units),
            lambda row: row.report.num_units,
            _tr("Handed in and taken"),
            is_number=True,
        ),
        Column(
            _tr("A unit after"),
            lambda row: _measured(_tr("{number} ms"), row.report.claim_ms[0], 0),
            lambda row: row.report.claim_ms[0],
            _tr("From asking for a unit to its answer: half of them were quicker"),
            is_number=True,
        ),
        Column(
            _tr("Handed in within"),
            lambda row: _hand_in(row.report.submit_s[0]),
            lambda row: row.report.submit_s[0],
            _tr("Half of them were quicker"),
            is_number=True,
        ),
        Column(
            _tr("Mbit/s"),
            lambda row: number(row.report.mbit_s, 1),
            lambda row: row.report.mbit_s,
            _tr("Weights, pictures and updates, both directions together"),
            is_number=True,
        ),
        Column(
            _tr("Waiting"),
            lambda row: number(row.num_waiting),
            lambda row: row.num_waiting,
            _tr("Units handed in that were not merged yet"),
            is_number=True,
        ),
        Column(_tr("How it went"), _verdict, tone=_tone),
    )


def _measured(words: str, value: float, decimals: int) -> str:
    """A time; a dash while there was none."""
    return words.format(number=number(value, decimals)) if value else NOTHING


def _hand_in(seconds: float) -> str:
    if 0 < seconds < 0.05:
        return _tr("less than {number} s").format(number=number(0.1, 1))
    return _measured(_tr("{number} s"), seconds, 1)


def _verdict(row: StepRow) -> str:
    if row.limits is None:
        return _tr("goes on ...")
    if not row.limits:
        return _tr("well")
    return _tr("too much for {what}").format(what=", ".join(limit_words(kind) for kind in row.limits))


def _tone(row: StepRow) -> str | None:
    if row.limits is None:
        return "muted"
    return "bad" if row.limits else "good"


def limit_words(kind: Kind) -> str:
    """What sets a limit, in a word or two."""
    words: dict[Kind, str] = {
        "connections": _tr("the server's connections"),
        "claims": _tr("the queue of units"),
        "hand_in": _tr("the hand-ins"),
        "coordinator": _tr("merging"),
        "network": _tr("the network"),
        "disk": _tr("the disk"),
        "students": _tr("the students' connections"),
    }
    return words[kind]


def _tr(text: str) -> str:
    return QCoreApplication.translate("rehearsal", text)
