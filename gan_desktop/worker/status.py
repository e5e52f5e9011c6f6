"""What the worker says of itself, and what the class last told it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from gan_desktop.database.coordination import COORDINATOR_AWAY_S
from gan_desktop.database.work_queue import Directives
from gan_desktop.errors import GanDesktopError
from gan_desktop.records import (
    Notice,
    Report,
    Reporter,
    RunStatus,
    StateChanged,
    UnitDropped,
    WorkerState,
    WorkUnit,
)
from gan_desktop.worker.heartbeat import Pulse

# A unit's first batches are slow, and say little about the rest.
ESTIMATE_AFTER_S = 3.0
ON_HOLD = (
    "This computer's results are on hold: after the unit in work it gets no more until your instructor has"
    " looked at them."
)
OFF_HOLD = "Your instructor has looked at this computer's results: it goes on."


class Status:
    """The meeting place of the worker's threads; every method may be called from any of them.

    Args:
        reporter: Told every change.
        last_message: Number of the newest message that was shown here.
        on_message: Told the number of each message that was shown.
    """

    def __init__(
        self,
        reporter: Reporter,
        last_message: int = 0,
        on_message: Callable[[int], None] = lambda message_id: None,
    ) -> None:
        self._reporter = reporter
        self._last_message = last_message
        self._on_message = on_message
        # Keeps state, units and progress of one pulse together.
        self._lock = threading.Lock()
        self._state = StateChanged(WorkerState.STOPPED)
        self._held: list[WorkUnit] = []
        self._in_work: int | None = None
        self._images_done = 0
        self._error: str | None = None
        self._directives: Directives | None = None
        self._dismissal: GanDesktopError | None = None
        self._news = threading.Event()

    # -- what we say ----------------------------------------------------------------------------

    @property
    def state(self) -> WorkerState:
        """The state that was reported last."""
        return self._state.state

    def change(self, state: WorkerState, detail: Mapping[str, Any] | None = None) -> None:
        """Be in a state; reported if it is another one, or if its figures are."""
        changed = StateChanged(state, detail or {})
        with self._lock:
            is_new, self._state = changed != self._state, changed
        if is_new:
            self.report(changed)

    def progress(self, unit: WorkUnit, num_done: int, seconds: float, *, is_last: bool) -> None:
        """Be computing a unit, `num_done` of its images after `seconds`."""
        is_known = num_done > 0 and seconds >= ESTIMATE_AFTER_S
        left = seconds * (unit.num_images - num_done) / num_done if is_known else None
        with self._lock:
            self._in_work, self._images_done = unit.unit_id, num_done
        self.change(
            WorkerState.FINISHING if is_last else WorkerState.COMPUTING,
            {
                "unit_id": unit.unit_id,
                "num_done": num_done,
                "num_images": unit.num_images,
                "seconds_left": None if left is None else round(left),
            },
        )

    def drop(self, unit_id: int, reason: str) -> None:
        """Tell here and in the class why a unit's work does not count."""
        with self._lock:
            self._error = reason
        self.report(UnitDropped(unit_id, reason))

    def forget_error(self) -> None:
        """Things go well again."""
        with self._lock:
            self._error = None

    def notice(self, text: str) -> None:
        """A sentence for the person at the screen."""
        self.report(Notice(text))

    def report(self, report: Report) -> None:
        """Anything else for the screen."""
        self._reporter.report(report)

    # -- the units we hold ----------------------------------------------------------------------

    def hold(self, unit: WorkUnit) -> None:
        """Keep this unit's lease from now on."""
        with self._lock:
            self._held.append(unit)

    def let_go(self, unit_id: int) -> None:
        """The unit is handed in, given back or lost."""
        with self._lock:
            self._held = [unit for unit in self._held if unit.unit_id != unit_id]
            if unit_id == self._in_work:
                self._in_work, self._images_done = None, 0

    def is_held(self, unit_id: int) -> bool:
        """False once the class has given the unit to somebody else."""
        with self._lock:
            return any(unit.unit_id == unit_id for unit in self._held)

    # -- the heartbeat --------------------------------------------------------------------------

    def pulse(self) -> Pulse:
        """What the next sign of life says."""
        with self._lock:
            units = sorted(self._held, key=lambda unit: unit.unit_id != self._in_work)
            return Pulse(
                state=self._state.state,
                detail=self._state.detail,
                unit_ids=tuple(unit.unit_id for unit in units),
                images_done=self._images_done,
                error=self._error,
                lease_seconds=min((unit.lease_seconds for unit in units), default=None),
                last_message=self._last_message,
            )

    def hear(self, directives: Directives) -> None:
        """Take in what a heartbeat brought back."""
        with self._lock:
            self._held = [unit for unit in self._held if unit.unit_id not in directives.lost_units]
            known, self._directives = self._directives, directives
        if known is not None and known.is_on_hold != directives.is_on_hold:
            self.notice(ON_HOLD if directives.is_on_hold else OFF_HOLD)
        for message_id, text in directives.messages:
            self.notice(f"Message from your instructor: {text}")
            self._last_message = message_id
            self._on_message(message_id)
        if known is None or _what_matters(known) != _what_matters(directives) or directives.lost_units:
            self._news.set()

    def dismiss(self, error: GanDesktopError) -> None:
        """The class does not know us any more: the worker ends with this error."""
        self._dismissal = error
        self._news.set()

    # -- what the class told --------------------------------------------------------------------

    @property
    def dismissal(self) -> GanDesktopError | None:
        """Why the class does not know us any more; None while it does."""
        return self._dismissal

    @property
    def is_on_hold(self) -> bool:
        """Whether the instructor wants to look at our results before we get more units."""
        return self._directives is not None and self._directives.is_on_hold

    @property
    def is_coordinator_away(self) -> bool:
        """Whether the class would give no units out, because its main computer is silent."""
        return (self.coordinator_silent_s or 0.0) > COORDINATOR_AWAY_S

    @property
    def coordinator_silent_s(self) -> float | None:
        """Seconds since the class's main computer was last heard of."""
        return self._directives.coordinator_silent_s if self._directives else None

    def newest_iteration(self, run_id: int) -> int:
        """The newest iteration of a run that we have heard of; -1 before the first news."""
        directives = self._directives
        return directives.iteration if directives and directives.run_id == run_id else -1

    def run_is(self, run_id: int, *statuses: RunStatus) -> bool:
        """Whether the run is known to be in one of these states."""
        directives = self._directives
        return directives is not None and directives.run_id == run_id and directives.run_status in statuses

    def wake(self) -> None:
        """End a wait for news: there is some."""
        self._news.set()

    def wait_for_news(self, seconds: float) -> None:
        """Sleep until something may have changed, or the time is up. Look again in any case."""
        self._news.wait(seconds)
        self._news.clear()


def _what_matters(directives: Directives) -> tuple[object, ...]:
    return directives.run_id, directives.run_status, directives.iteration, directives.is_on_hold
