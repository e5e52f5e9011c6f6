"""A lesson: its end, when everybody hands in and laptops may be closed; what the projector tells the room."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gan_desktop.class_admin.login import log_in
from gan_desktop.class_admin.notices import send_message
from gan_desktop.class_admin.trainings import steer_run
from gan_desktop.database.address import Address
from gan_desktop.database.lessons import HandingIn, Lessons
from gan_desktop.database.notices import Notices
from gan_desktop.records import RunStatus


@dataclass(frozen=True)
class LessonEnd:
    """A lesson's end, asked for at a moment of the server's clock."""

    run_id: int
    asked_at: datetime


def end_lesson(coordinator: Address, message: str = "") -> LessonEnd:
    """Let everybody hand in what is done, and pause the training.

    A worker that hears of the pause ends its batch, hands in what it has of its unit, and gives the rest
    back; whoever coordinates merges it. `handing_in` tells how far this has come.

    Args:
        message: Shown on everybody's screen; empty: none.

    Raises:
        GanDesktopError: No training is in progress, or the message cannot be shown.
    """
    with log_in(coordinator) as connection:
        asked_at = Lessons(connection).clock()
    run_id = steer_run(coordinator, RunStatus.PAUSED)
    if message:
        send_message(coordinator, message)
    with log_in(coordinator) as connection:
        words = "The lesson has ended: everybody hands in what is done."
        Notices(connection).add_event("lesson", words, run_id=run_id)
    return LessonEnd(run_id, asked_at)


def handing_in(coordinator: Address, end: LessonEnd) -> HandingIn:
    """How far a lesson's end has come."""
    with log_in(coordinator) as connection:
        return Lessons(connection).handing_in(end.run_id, end.asked_at)


def merged_people(coordinator: Address, run_id: int, iteration: int) -> tuple[str, ...]:
    """Names of those whose work an iteration holds, in the order in which it was merged.

    People who are hidden from the leaderboard are not named here either.
    """
    with log_in(coordinator) as connection:
        return Lessons(connection).merged_people(run_id, iteration)
