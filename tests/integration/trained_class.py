"""A class that has trained a little, for tests of what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from gan_desktop.database.address import Address
from tests.integration.lesson import SHORT_UNITS, Lesson, lesson, worker_thread

PEOPLE = ("Zebedee", "Philomena")
KEEPING = replace(SHORT_UNITS, checkpoint_every=2, evaluate_every=2)


@contextmanager
def trained_class(server: Address, folder: Path) -> Iterator[Lesson]:
    """Two people came to iteration 4 or a little further; nothing works in it any more."""
    with lesson(server, folder, KEEPING) as held:
        ana, ben = (held.add_student(name) for name in PEOPLE)
        with held.coordinating(), worker_thread(held, ana), worker_thread(held, ben):
            held.await_iteration(4)
        yield held
