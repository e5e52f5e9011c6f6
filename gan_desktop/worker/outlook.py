"""Whether the worker goes on: what its person, its owner's limits, the class and its options say together."""

from __future__ import annotations

import time

from gan_desktop.records import Run, RunStatus, WorkUnit
from gan_desktop.worker.courtesy import Courtesy
from gan_desktop.worker.options import Wishes, WorkerOptions
from gan_desktop.worker.status import Status


class Outlook:
    """Answers from one moment to the next.

    Attributes:
        num_begun: Units that were begun since the start.
    """

    def __init__(self, wishes: Wishes, status: Status, courtesy: Courtesy, options: WorkerOptions) -> None:
        self._wishes = wishes
        self._status = status
        self._courtesy = courtesy
        self._options = options
        self.num_begun = 0

    def is_over(self) -> bool:
        """Whether no other unit is begun."""
        most = self._options.max_units
        return (
            self._wishes.finish.is_set()
            or self._status.dismissal is not None
            or (most is not None and self.num_begun >= most)
        )

    def is_paused(self) -> bool:
        """Whether nothing is computed for a while."""
        return self._courtesy.pause is not None

    def is_resting(self) -> bool:
        """Whether there is nothing to wait for in the class: it is over, or paused."""
        return self.is_over() or self.is_paused()

    def is_complete(self, run: Run) -> bool:
        """Whether a training is known to be complete."""
        return self._status.run_is(run.run_id, RunStatus.COMPLETE)

    def is_ending(self, run: Run) -> bool:
        """Whether the last iteration is out: the training will be complete in a moment."""
        is_last_out = self._status.newest_iteration(run.run_id) >= run.config.target_iterations
        return is_last_out and not self.is_complete(run)

    def is_unwanted(self, unit: WorkUnit, run: Run) -> bool:
        """Whether to give a claimed unit back instead of beginning it."""
        return (
            self._wishes.finish.is_set()
            or self.is_paused()
            or self._status.dismissal is not None
            or not self._status.is_held(unit.unit_id)
            or self._status.is_on_hold
            or self._status.run_is(run.run_id, RunStatus.PAUSED, RunStatus.COMPLETE)
            or self.is_ending(run)
        )

    def should_hand_in(self, unit: WorkUnit, run: Run, began: float) -> bool:
        """Whether to hand in what is done of the unit in work, begun at `began` by `time.monotonic`."""
        timeout = self._options.unit_timeout_s
        return (
            self._wishes.hand_in.is_set()
            or self.is_paused()
            or self._status.dismissal is not None
            or not self._status.is_held(unit.unit_id)
            or self._status.run_is(run.run_id, RunStatus.PAUSED, RunStatus.COMPLETE)
            or (timeout is not None and time.monotonic() - began > timeout)
        )
