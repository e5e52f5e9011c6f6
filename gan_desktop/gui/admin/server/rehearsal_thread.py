"""A rehearsal, or a drill, in a thread of the instructor's window."""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread, Signal

from gan_desktop.errors import GanDesktopError
from gan_desktop.rehearsal.plan import Drill, DrillResult, RehearsalPlan, RehearsalResult

if TYPE_CHECKING:
    from gan_desktop.database.address import Address

logger = logging.getLogger(__name__)


class RehearsalThread(QThread):
    """Plays one rehearsal or one drill, once. It ends when it is asked to, and leaves nothing in the class.

    Args:
        drill: None: how many students fit.

    Signals:
        moment_came: A `rehearsal.rehearse.Moment`, every second.
        told: A sentence of what is going on.
        ended: A `RehearsalResult`, a `DrillResult`, or the `GanDesktopError` that it ended with.
    """

    moment_came = Signal(object)
    told = Signal(str)
    ended = Signal(object)

    def __init__(
        self, address: Address, plan: RehearsalPlan, drill: Drill | None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.plan, self.drill = plan, drill
        self._address = address
        self._cancel = threading.Event()

    def cancel(self) -> None:
        """End it soon: virtual students and their training are removed first."""
        self._cancel.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether it was asked to end."""
        return self._cancel.is_set()

    def run(self) -> None:
        """The thread itself."""
        answer: RehearsalResult | DrillResult | GanDesktopError
        try:
            answer = self._play()
        except GanDesktopError as error:
            logger.info("The rehearsal ended: %s", error, exc_info=True)
            answer = error
        except Exception as error:
            sys.excepthook(type(error), error, error.__traceback__)
            answer = GanDesktopError("A mistake in the program ended it.", title="The rehearsal has failed")
        self.ended.emit(answer)

    def _play(self) -> RehearsalResult | DrillResult:
        # PyTorch takes seconds.
        from gan_desktop.rehearsal.drills import run_drill
        from gan_desktop.rehearsal.rehearse import rehearse

        if self.drill is not None:
            return run_drill(self._address, self.drill, self.plan, tell=self.told.emit, cancel=self._cancel)
        return rehearse(
            self._address,
            self.plan,
            on_moment=self.moment_came.emit,
            tell=self.told.emit,
            cancel=self._cancel,
        )
