"""A rehearsal's own training in the class's database: a real coordinator, virtual students, no trace left."""

from __future__ import annotations

import contextlib
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

from gan_desktop.class_admin.login import log_in
from gan_desktop.coordinator.loop import Coordinator
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import Runs
from gan_desktop.database.rehearsals import Look, Rehearsals
from gan_desktop.database.shards import choose_dataset
from gan_desktop.database.statistics import Statistics
from gan_desktop.errors import ConnectionFailed, GanDesktopError
from gan_desktop.records import Notice, Report, RunConfig
from gan_desktop.rehearsal.habits import Habits
from gan_desktop.rehearsal.plan import RehearsalPlan
from gan_desktop.rehearsal.traces import require_no_training, require_none_going_on
from gan_desktop.rehearsal.virtual_class import MARK, VirtualClass
from gan_desktop.training.merge import UpdateFormat
from gan_desktop.training.payload import max_payload_bytes
from gan_desktop.training.shard_cache import ShardCache

logger = logging.getLogger(__name__)

# Images that a usual laptop trains in a second, by the edge of its pictures.
USUAL_SPEED = {32: 200.0, 64: 25.0, 128: 6.0}
# The quickest computer of a class is about this many times as quick as the slowest.
SPREAD = 2.0
LOOK_S = 0.5
START_S = 120.0
# A database that is away is waited for, so that nothing of the rehearsal stays in it.
REMOVE_S = 90.0

Tell = Callable[[str], None]


class RehearsalCancelled(GanDesktopError):
    """Somebody, or something that goes first, ended the rehearsal."""

    default_title = "The rehearsal was cancelled"


class Stage:
    """A training of virtual students, from entry to exit.

    Args:
        cancel: Ends it; every wait here heeds it.
        tell: Told in a sentence what is going on.
        longest_unit_s: Units are made no longer than this.

    Attributes:
        config: What is trained, known inside.
        virtual: The students, known inside; `bring` lets them come.
    """

    config: RunConfig
    virtual: VirtualClass

    def __init__(
        self,
        coordinator: Address,
        plan: RehearsalPlan,
        cancel: threading.Event,
        tell: Tell,
        *,
        longest_unit_s: float | None = None,
    ) -> None:
        self._address = coordinator
        self._plan, self._cancel, self._tell = plan, cancel, tell
        self._longest_unit_s = longest_unit_s
        self._looking: Connection | None = None
        self._ended: GanDesktopError | None = None
        self.run_id = 0

    # -- beginning and end ----------------------------------------------------------------------

    def __enter__(self) -> Stage:
        """Write the training down and start its coordinator.

        Raises:
            GanDesktopError: A training or another rehearsal goes on, or the class has no pictures.
            RehearsalCancelled: It was cancelled meanwhile.
        """
        self._tell("The rehearsal's training is being prepared ...")
        with log_in(self._address) as connection:
            rehearsals = Rehearsals(connection)
            require_no_training(rehearsals)
            require_none_going_on(rehearsals.traces())
            rehearsals.remove()
            self._write_down(connection)
        self._folder = tempfile.TemporaryDirectory(prefix="gan-desktop-rehearsal-")
        cache = ShardCache(Path(self._folder.name), 10**9, logger.info)
        self._main = Coordinator(self._address, self.run_id, cache, self)
        self._thread = threading.Thread(target=self._coordinate, name="rehearsal coordinator")
        self._thread.start()
        try:
            if not self.wait_until(lambda: self.look().is_running, START_S):
                raise GanDesktopError(
                    f"Its training had not begun after {START_S:.0f} s. Is this computer very busy?",
                    title="The rehearsal did not begin",
                )
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let everybody leave, end the coordinator, and remove the training and its students."""
        self._tell("The rehearsal is being removed ...")
        self.virtual.stop()
        self._main.stop()
        self._thread.join()
        if self._looking is not None:
            self._looking.close()
        self._folder.cleanup()
        deadline = time.monotonic() + REMOVE_S
        while True:
            try:
                with log_in(self._address) as connection:
                    Rehearsals(connection).remove()
                return
            except ConnectionFailed as error:
                if not error.is_passing or time.monotonic() > deadline:
                    raise
                time.sleep(1.0)

    def _write_down(self, connection: Connection) -> None:
        """Make the training: as the class's newest one, or as its next one might be."""
        statistics, runs = Statistics(connection), Runs(connection)
        known = statistics.runs()
        newest = runs.get(known[0].run_id) if known else None
        dataset = choose_dataset(statistics.datasets(), newest.dataset_id if newest else None)
        config = self._plan.config or (newest.config if newest else RunConfig(image_size=dataset.image_size))
        habits = self._plan.habits or _habits(statistics, config)
        if self._longest_unit_s is not None:
            config = _with_short_units(config, self._longest_unit_s, habits.images_per_second)
        # Nothing is computed, so that no check figure is true; and it ends when we say so.
        self.config = replace(config, audit_share=0.0, target_iterations=10**6)
        self.virtual = VirtualClass([], habits, spread=SPREAD)
        max_bytes = max_payload_bytes(UpdateFormat.of(config).shapes, config.codec_up)
        self.run_id = runs.create(MARK, dataset.dataset_id, self.config, max_bytes, is_rehearsal=True)

    def _coordinate(self) -> None:
        try:
            self._main.run()
        except GanDesktopError as error:
            self._ended = error
        except Exception as error:
            logger.exception("The rehearsal's coordinator has failed")
            self._ended = GanDesktopError(f"The rehearsal's coordinator has failed: {error}")

    def report(self, report: Report) -> None:
        """The coordinator's reporter."""
        if isinstance(report, Notice):
            logger.info("Rehearsal: %s", report.text)

    # -- on the stage ---------------------------------------------------------------------------

    def bring(self, num_students: int) -> None:
        """Let students join until there are so many, and measure anew."""
        there = len(self.virtual.students)
        if num_students > there:
            with log_in(self._address) as connection:
                names = [f"{MARK} {number}" for number in range(there + 1, num_students + 1)]
                logins = Rehearsals(connection).admit(names)
            self.virtual.add(
                [replace(self._address, user=login.user, password=login.password) for login in logins]
            )
        self.virtual.start()

    def look(self) -> Look:
        """The training now.

        Raises:
            RehearsalCancelled: The class's own training has begun: that goes first.
            GanDesktopError: The coordinator has failed.
        """
        if self._ended is not None:
            raise self._ended
        with self.asking() as rehearsals:
            look = rehearsals.look(self.run_id)
        if look.other_training is not None:
            raise RehearsalCancelled(
                f'The training "{look.other_training}" has begun. It goes first: the rehearsal was ended.'
            )
        return look

    @contextmanager
    def asking(self) -> Iterator[Rehearsals]:
        """The class's tables, over one connection that is made anew when it was lost."""
        try:
            if self._looking is None:
                self._looking = log_in(self._address)
            yield Rehearsals(self._looking)
        except ConnectionFailed:
            if self._looking is not None:
                self._looking.close()
                self._looking = None
            raise

    def wait_until(self, is_so: Callable[[], bool], seconds: float) -> bool:
        """Wait for a condition at most so long; False: it did not come. A database that is away is no no.

        Raises:
            RehearsalCancelled: It was cancelled meanwhile.
        """
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(ConnectionFailed):
                if is_so():
                    return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.rest(min(left, LOOK_S))

    def rest(self, seconds: float) -> None:
        """Wait.

        Raises:
            RehearsalCancelled: It was cancelled meanwhile.
        """
        if self._cancel.wait(seconds):
            raise RehearsalCancelled("The rehearsal was cancelled. Nothing of it is left in the class.")


def _with_short_units(config: RunConfig, seconds: float, images_per_second: float) -> RunConfig:
    seconds = min(config.unit_seconds, seconds)
    size = max(config.step_batch, int(seconds * images_per_second))
    return replace(
        config,
        unit_seconds=seconds,
        first_unit_images=min(config.first_unit_images, size),
        min_unit_images=min(config.min_unit_images, size),
    )


def _habits(statistics: Statistics, config: RunConfig) -> Habits:
    """As the class's own computers were, where enough of them are known."""
    known = [worker.images_per_second for worker in statistics.workers() if worker.images_per_second > 0]
    return Habits(median(known) if len(known) >= 3 else USUAL_SPEED[config.image_size])
