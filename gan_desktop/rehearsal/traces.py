"""What a rehearsal leaves in a class when its program is killed, and whether one may begin."""

from __future__ import annotations

from gan_desktop.class_admin.login import log_in
from gan_desktop.database.address import Address
from gan_desktop.database.rehearsals import Rehearsals, Traces
from gan_desktop.errors import GanDesktopError


def find_traces(coordinator: Address) -> Traces | None:
    """What there is of a rehearsal in the class, going on or left by a killed program; None: nothing."""
    with log_in(coordinator) as connection:
        return Rehearsals(connection).traces()


def remove_traces(coordinator: Address) -> int:
    """Remove what a killed program has left of a rehearsal; returns how many virtual students went.

    Raises:
        GanDesktopError: The rehearsal goes on.
    """
    with log_in(coordinator) as connection:
        rehearsals = Rehearsals(connection)
        require_none_going_on(rehearsals.traces())
        return rehearsals.remove()


def require_no_training(rehearsals: Rehearsals) -> None:
    """Pass only while no training of the class runs.

    Raises:
        GanDesktopError: One does.
    """
    name = rehearsals.training_in_progress()
    if name is not None:
        raise GanDesktopError(
            f'The training "{name}" goes on, and a rehearsal would disturb it. Pause it, or rehearse before'
            " the lesson.",
            title="Not during a training",
        )


def require_none_going_on(traces: Traces | None) -> None:
    """Pass only where no program is at work with a rehearsal.

    Raises:
        GanDesktopError: One is.
    """
    if traces is not None and traces.is_going_on:
        raise GanDesktopError(
            f"Another window rehearses with {traces.num_students:,} virtual students at this moment. Wait"
            " until it is done, or half a minute if it was just closed.",
            title="A rehearsal goes on already",
        )
