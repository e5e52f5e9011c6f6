"""One row per student for the instructor: how he stands, and what his own screen says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from gan_desktop.gui.translation import engine_text
from gan_desktop.records import WorkerState
from gan_desktop.sentences import about_time

if TYPE_CHECKING:
    from gan_desktop.class_admin.status import ClassStatus
    from gan_desktop.database.accounts import Student
    from gan_desktop.database.statistics import WorkerSummary


class Presence(IntEnum):
    """How a student stands; who needs help comes first."""

    NEEDS_HELP = 0
    WORKING = 1
    WAITING = 2
    NOT_JOINED = 3
    GONE = 4


# Whoever works now and waits a second later keeps his place among the others.
RANKS = {
    Presence.NEEDS_HELP: 0,
    Presence.WORKING: 1,
    Presence.WAITING: 1,
    Presence.NOT_JOINED: 2,
    Presence.GONE: 3,
}
# An icon's shape says the same as its colour, a field of `theme.Colours`.
MARKS = {
    Presence.NEEDS_HELP: ("warning", "bad"),
    Presence.WORKING: ("play", "good"),
    Presence.WAITING: ("clock", "muted"),
    Presence.NOT_JOINED: ("card", "muted"),
    Presence.GONE: ("leave", "muted"),
}


@dataclass(frozen=True)
class PersonToday:
    """A student with all computers.

    Attributes:
        user: The login: tells namesakes apart.
        workers: The one that needs help first, else the one heard of last.
        has_card_in_use: Whether it has joined, if no computer of it has started yet.
    """

    user: str
    name: str
    presence: Presence
    workers: tuple[WorkerSummary, ...] = ()
    has_card_in_use: bool = False

    @property
    def images_per_second(self) -> float:
        """By the computers that are at work."""
        from gan_desktop.class_admin.status import images_per_second

        return images_per_second(self.workers)

    @property
    def num_present(self) -> int:
        """Computers that take part now."""
        from gan_desktop.class_admin.status import Standing, standing

        return sum(standing(worker) is not Standing.GONE for worker in self.workers)


def people_today(students: Iterable[Student], status: ClassStatus | None) -> tuple[PersonToday, ...]:
    """Everybody who may take part, in the order of `students`."""
    # The first snapshot comes from a database: what reads them is loaded by then.
    from gan_desktop.class_admin.status import Standing, standing

    presence = {
        Standing.NEEDS_HELP: Presence.NEEDS_HELP,
        Standing.WORKING: Presence.WORKING,
        Standing.WAITING: Presence.WAITING,
        Standing.GONE: Presence.GONE,
    }
    computers: defaultdict[str, list[WorkerSummary]] = defaultdict(list)
    for worker in status.workers if status is not None else ():
        computers[worker.user].append(worker)
    people = []
    for student in students:
        if student.is_withdrawn:
            continue
        workers = sorted(computers[student.user], key=lambda worker: (standing(worker), worker.silent_s))
        stands = presence[standing(workers[0])] if workers else Presence.NOT_JOINED
        people.append(PersonToday(student.user, student.name, stands, tuple(workers), student.has_joined))
    return tuple(people)


def sentence_of(person: PersonToday) -> str:
    """What the student reads at this moment; in its place what we know where nothing was heard lately."""
    if not person.workers:
        if person.has_card_in_use:
            return _tr("Has joined, and has not started yet.")
        return _tr("Has not joined yet.")
    from gan_desktop.class_admin.status import SILENT_S, seen_sentence

    worker = person.workers[0]
    if worker.state != WorkerState.STOPPED and worker.silent_s >= SILENT_S:
        return _tr("No sign of life for {time}.").format(time=engine_text(about_time(worker.silent_s)))
    return engine_text(seen_sentence(worker))


def trouble_of(person: PersonToday) -> str:
    """What the student's sentence does not say, and why he is on top; empty: nothing."""
    for worker in person.workers:
        if worker.on_hold_reason:
            return _tr("On hold: {reason}").format(reason=engine_text(worker.on_hold_reason))
    for worker in person.workers:
        if worker.last_error:
            reason = engine_text(worker.last_error)
            return _tr("The last unit came to nothing: {reason}").format(reason=reason)
    return ""


def count_words(people: Sequence[PersonToday]) -> str:
    """The class in one line: how many work, wait, need help, have not come."""
    translate = QCoreApplication.translate
    counts = {kind: sum(person.presence is kind for person in people) for kind in Presence}
    students = translate("today", "%n student(s)", None, len(people))
    parts = [
        translate("today", "%n working", None, counts[Presence.WORKING]),
        translate("today", "%n waiting", None, counts[Presence.WAITING]),
        translate("today", "%n need help", None, counts[Presence.NEEDS_HELP]),
        translate("today", "%n not joined", None, counts[Presence.NOT_JOINED]),
    ]
    if counts[Presence.GONE]:
        parts.append(translate("today", "%n gone", None, counts[Presence.GONE]))
    return f"{students}: {', '.join(parts)}"


def name_of_presence(presence: Presence) -> str:
    """A student's standing in one or two words."""
    return {
        Presence.NEEDS_HELP: _tr("needs help"),
        Presence.WORKING: _tr("working"),
        Presence.WAITING: _tr("waiting"),
        Presence.NOT_JOINED: _tr("not joined"),
        Presence.GONE: _tr("gone"),
    }[presence]


def _tr(text: str) -> str:
    return QCoreApplication.translate("today", text)
