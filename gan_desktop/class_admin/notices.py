"""Talking to the class, and looking at what happened in it."""

from __future__ import annotations

from gan_desktop.class_admin.login import log_in
from gan_desktop.class_admin.people import find_student
from gan_desktop.database.accounts import Accounts
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.notices import Event, Evidence, Notices, WorkerOnRecord
from gan_desktop.errors import GanDesktopError

LONGEST_MESSAGE = 500


def send_message(coordinator: Address, text: str, to: str | None = None) -> int:
    """Show a message on students' screens; returns how many people are there to read it now.

    Whoever joins within the hour reads it too.

    Args:
        to: Name (or login) of one person; None: everybody.

    Raises:
        GanDesktopError: The text cannot be shown, or nobody, or more than one, has this name.
    """
    if not 1 <= len(text) <= LONGEST_MESSAGE or not text.isprintable() or not text.strip():
        raise GanDesktopError(
            f"A message has 1 to {LONGEST_MESSAGE} characters on one line. Shorten it, or send two.",
            title="Not sent",
        )
    student = None if to is None else find_student(coordinator, to)
    with log_in(coordinator) as connection:
        notices = Notices(connection)
        num_there = notices.send(text, student.user if student else None)
        notices.add_event("message", f'Message to {student.name if student else "everybody"}: "{text}"')
    return num_there


def events(coordinator: Address, count: int = 50) -> list[Event]:
    """The newest events of the class, the newest first. It keeps 10,000."""
    with log_in(coordinator) as connection:
        return Notices(connection).events(count)


def look_at_worker(coordinator: Address, named: str) -> tuple[WorkerOnRecord, Evidence]:
    """A computer of the class and its record.

    Args:
        named: Its number, its name, or its owner's if it is the only one.

    Raises:
        GanDesktopError: No computer is meant, or more than one.
    """
    with log_in(coordinator) as connection:
        worker = _worker(connection, named)
        return worker, Notices(connection).evidence(worker.worker_id)


def hold_worker(coordinator: Address, named: str, reason: str) -> WorkerOnRecord:
    """Give a computer's owner no more units until `release_worker`; the student reads that, not the reason.

    Raises:
        GanDesktopError: No computer is meant, or more than one.
    """
    with log_in(coordinator) as connection:
        worker = _worker(connection, named)
        Accounts(connection).hold(worker.worker_id, reason)
        words = f"The instructor put {worker.owner} on hold: {reason}"
        Notices(connection).add_event("held", words, worker_id=worker.worker_id)
        return worker


def release_worker(coordinator: Address, named: str) -> WorkerOnRecord:
    """Let a computer on hold go on; what spoke against it is forgotten.

    Raises:
        GanDesktopError: No computer is meant, or more than one, or it is not on hold.
    """
    with log_in(coordinator) as connection:
        worker = _worker(connection, named)
        if worker.on_hold_reason is None:
            raise GanDesktopError(f'"{worker.name}" is not on hold.', title="Nothing to release")
        Accounts(connection).release(worker.worker_id)
        words = f"The instructor let {worker.owner} go on."
        Notices(connection).add_event("released", words, worker_id=worker.worker_id)
        return worker


def _worker(connection: Connection, named: str) -> WorkerOnRecord:
    found = Notices(connection).find_workers(named)
    if len(found) == 1:
        return found[0]
    if not found:
        raise GanDesktopError(
            f'The class has no computer "{named}", and nobody of that name with one. They are listed by:'
            " gan-desktop class status",
            title="No such computer",
        )
    choice = "; ".join(f"{worker.worker_id} ({worker.name} of {worker.owner})" for worker in found)
    raise GanDesktopError(f'"{named}" may be: {choice}. Name one by its number.', title="Which computer?")
