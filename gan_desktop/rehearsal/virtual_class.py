"""A class of virtual students in one process: started, measured, stopped."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import replace

from gan_desktop.database.address import Address
from gan_desktop.records import Run
from gan_desktop.rehearsal.habits import Habits
from gan_desktop.rehearsal.noise import NoiseUpdates
from gan_desktop.rehearsal.tally import RehearsalReport, Tally
from gan_desktop.rehearsal.virtual_student import VirtualStudent

# What marks everything of a rehearsal where people see it.
MARK = "Rehearsal"


class VirtualClass:
    """Students that take part in whatever the class trains, each in a thread of its own.

    The coordinator is a real one, and not started here. The run's `audit_share` must be 0: nothing is
    computed, so no check figure is true.

    Args:
        students: Their logins; more may be added later.
        habits: How an average student's computer and link are.
        spread: How unequal the computers are: the quickest is this many times as quick as the slowest.
        seed: Decides who is quick, and the updates.
    """

    def __init__(
        self, students: Sequence[Address], habits: Habits, *, spread: float = 1.0, seed: int = 1
    ) -> None:
        self._habits, self._spread = habits, spread
        self._random = random.Random(seed)
        self._tally = Tally(0)
        self._noise: dict[int, NoiseUpdates] = {}
        self._noise_lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self.students: list[VirtualStudent] = []
        self.add(students)

    def add(self, students: Sequence[Address]) -> None:
        """Let more students take part from the next `start` on."""
        for number, address in enumerate(students, start=len(self.students) + 1):
            speed = self._habits.images_per_second * self._spread ** (self._random.random() - 0.5)
            self.students.append(
                VirtualStudent(
                    address,
                    f"{MARK} {number}",
                    replace(self._habits, images_per_second=speed),
                    self._updates,
                    self._tally,
                    seed=self._random.getrandbits(32),
                )
            )

    def start(self) -> None:
        """Let all students join that have not yet, and measure anew."""
        self.measure_anew()
        for number, student in enumerate(self.students[len(self._threads) :], start=len(self._threads) + 1):
            self._threads.append(threading.Thread(target=student.run, name=f"{MARK} {number}"))
            self._threads[-1].start()

    def measure_anew(self) -> None:
        """Forget what was measured until now."""
        self._tally.restart(len(self.students))

    def report(self) -> RehearsalReport:
        """What was measured until now."""
        return self._tally.report()

    def stop(self) -> RehearsalReport:
        """Let all students leave, and wait for that; what they hold goes back to the class."""
        for student in self.students:
            student.stop()
        for thread in self._threads:
            thread.join()
        return self._tally.report()

    def _updates(self, run: Run) -> NoiseUpdates:
        """One pattern for all students: it is as large as an update."""
        with self._noise_lock:
            if run.run_id not in self._noise:
                self._noise[run.run_id] = NoiseUpdates(run)
            return self._noise[run.run_id]
