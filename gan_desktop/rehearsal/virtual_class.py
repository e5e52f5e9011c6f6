"""A class of virtual students in one process: started, measured, stopped, and gone without a trace."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Sequence
from dataclasses import replace

from gan_desktop.database.accounts import Accounts
from gan_desktop.database.connection import Address, Connection
from gan_desktop.database.rehearsals import remove_rehearsal
from gan_desktop.records import Run
from gan_desktop.rehearsal.noise import NoiseUpdates
from gan_desktop.rehearsal.tally import RehearsalReport, Tally
from gan_desktop.rehearsal.virtual_student import Habits, VirtualStudent

logger = logging.getLogger(__name__)

# What marks everything of a rehearsal where people see it.
MARK = "Rehearsal"


def admit_students(coordinator: Address, num_students: int) -> list[Address]:
    """Make logins for virtual students, marked by their names; returns the ways in."""
    with Connection(coordinator, "gan-desktop rehearsal") as connection:
        accounts = Accounts(connection)
        logins = [accounts.add(f"{MARK} {number}", num_workers=1) for number in range(1, num_students + 1)]
    return [replace(coordinator, user=login.user, password=login.password) for login in logins]


def remove_traces(coordinator: Address, run_id: int, students: Sequence[Address]) -> None:
    """Remove a rehearsal's run and its students from the class, once both have ended.

    Raises:
        GanDesktopError: The run goes on.
    """
    with Connection(coordinator, "gan-desktop rehearsal") as connection:
        remove_rehearsal(connection, run_id, [student.user for student in students])


class VirtualClass:
    """Students that take part in whatever the class trains, each in a thread of its own.

    The coordinator is a real one, and not started here. The run's `audit_share` must be 0: nothing is
    computed, so no check figure is true.

    Args:
        students: Their logins (see `admit_students`).
        habits: How an average student's computer and link are.
        spread: How unequal the computers are: the quickest is this many times as quick as the slowest.
        seed: Decides who is quick, and the updates.
    """

    def __init__(
        self, students: Sequence[Address], habits: Habits, *, spread: float = 1.0, seed: int = 1
    ) -> None:
        self._stop = threading.Event()
        self._tally = Tally(len(students))
        self._noise: dict[int, NoiseUpdates] = {}
        self._noise_lock = threading.Lock()
        generator = random.Random(seed)
        self._threads = []
        for number, address in enumerate(students, start=1):
            speed = habits.images_per_second * spread ** (generator.random() - 0.5)
            student = VirtualStudent(
                address,
                f"{MARK} {number}",
                replace(habits, images_per_second=speed),
                self._updates,
                self._tally,
                self._stop,
                seed=generator.getrandbits(32),
            )
            self._threads.append(threading.Thread(target=student.run, name=f"{MARK} {number}"))

    def start(self) -> None:
        """Let all students join."""
        for thread in self._threads:
            thread.start()

    def report(self) -> RehearsalReport:
        """What was measured until now."""
        return self._tally.report()

    def stop(self) -> RehearsalReport:
        """Let all students leave, and wait for that; what they hold goes back to the class."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return self._tally.report()

    def _updates(self, run: Run) -> NoiseUpdates:
        """One pattern for all students: it is as large as an update."""
        with self._noise_lock:
            if run.run_id not in self._noise:
                self._noise[run.run_id] = NoiseUpdates(run)
            return self._noise[run.run_id]
