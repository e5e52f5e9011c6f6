"""What happens if: failures played on virtual students, with a verdict from what was measured."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from gan_desktop.class_admin.hosting import require_hosted, send_away
from gan_desktop.database.address import Address
from gan_desktop.errors import GanDesktopError
from gan_desktop.rehearsal.plan import Drill, DrillResult, RehearsalPlan
from gan_desktop.rehearsal.stage import Stage, Tell

NUM_LEAVING, NUM_STAYING = 10, 4
NUM_STUDENTS = 6
AWAY_S = 30.0
# Short units, so that the others come round soon; leases and everything else are the class's own.
UNIT_SECONDS = 10.0
PATIENCE_S = 300.0


def run_drill(
    coordinator: Address,
    drill: Drill,
    plan: RehearsalPlan,
    *,
    tell: Tell = lambda sentence: None,
    cancel: threading.Event | None = None,
    away_s: float = AWAY_S,
) -> DrillResult:
    """Play one failure; nothing is left of it in the class.

    Args:
        plan: Its `hosted_in` is needed for `away`; students and minutes are the drill's own.
        tell: Told in a sentence what is going on.
        cancel: Ends it early.
        away_s: How long the database stays away.

    Raises:
        GanDesktopError: A training or another rehearsal goes on; the database does not live on this computer.
        RehearsalCancelled: `cancel` was set.
    """
    play: dict[Drill, Callable[[Stage], DrillResult]] = {
        "leave": lambda stage: _leave(stage, tell),
        "garbage": lambda stage: _garbage(stage, tell),
        "away": lambda stage: _away(stage, tell, _hosted_in(plan), away_s),
    }
    if drill == "away":
        require_hosted(_hosted_in(plan))
    stop = cancel or threading.Event()
    with Stage(coordinator, plan, stop, tell, longest_unit_s=UNIT_SECONDS) as stage:
        return play[drill](stage)


def _leave(stage: Stage, tell: Tell) -> DrillResult:
    """Ten students' computers go off at once, in the middle of a unit."""
    stage.bring(NUM_LEAVING + NUM_STAYING)
    tell("The virtual students take units ...")
    held: dict[str, list[int]] = {}

    def have_units() -> bool:
        nonlocal held
        with stage.asking() as rehearsals:
            held = rehearsals.units_held(stage.run_id)
        return len(held) >= NUM_LEAVING

    _require(stage.wait_until(have_units, PATIENCE_S), "The virtual students got no units to leave with.")
    leaving = [student for student in stage.virtual.students if student.login in held][:NUM_LEAVING]
    gone = [student.login for student in leaving]
    unit_ids = [unit for login in gone for unit in held[login]]
    for student in leaving:
        student.vanish()
    began = time.monotonic()
    tell(f"{NUM_LEAVING} students have left. Their units wait for others ...")

    def num_missing() -> int:
        with stage.asking() as rehearsals:
            return rehearsals.num_units_missing(unit_ids, gone)

    patience = 2 * stage.config.lease_seconds + PATIENCE_S
    is_well = stage.wait_until(lambda: num_missing() == 0, patience)
    seconds = time.monotonic() - began
    if is_well:
        words = (
            f"Nothing was lost: the last of their {len(unit_ids)} units was with somebody else after"
            f" {seconds:.0f} s."
        )
    else:
        words = f"{num_missing()} of their {len(unit_ids)} units were with nobody after {seconds:.0f} s."
    told = f"{NUM_LEAVING} of {NUM_LEAVING + NUM_STAYING} students left without a word."
    lease = (
        f"A unit whose computer is silent waits {stage.config.lease_seconds:.0f} s before it is given away."
    )
    return DrillResult("leave", is_well, (words, told, lease), seconds)


def _garbage(stage: Stage, tell: Tell) -> DrillResult:
    """One student's computer hands in bytes that nobody computed."""
    stage.bring(NUM_STUDENTS)
    tell("The virtual students hand in their first units ...")
    spoilt = stage.virtual.students[0]

    def record_of_spoilt() -> tuple[bool, int, int]:
        with stage.asking() as rehearsals:
            record = rehearsals.record_of(spoilt.login)
        return record.on_hold_reason is not None, record.num_refused, record.num_accepted

    _require(
        stage.wait_until(lambda: stage.look().iteration >= 1 and record_of_spoilt()[2] > 0, PATIENCE_S),
        "No unit of the virtual students was counted.",
    )
    spoilt.spoil()
    began = time.monotonic()
    tell("One of them hands in garbage from now on ...")
    is_held = stage.wait_until(lambda: record_of_spoilt()[0], PATIENCE_S)
    seconds = time.monotonic() - began
    _, num_refused, _ = record_of_spoilt()
    went_on_from = stage.look().iteration
    goes_on = stage.wait_until(lambda: stage.look().iteration > went_on_from, PATIENCE_S)
    if is_held:
        words = (
            f"The garbage did no harm: {num_refused} units were refused, and after {seconds:.0f} s the"
            " computer was on hold."
        )
    else:
        words = f"{num_refused} units were refused, but the computer is not on hold after {seconds:.0f} s."
    others = "The others went on." if goes_on else "The others did not go on."
    return DrillResult("garbage", is_held and goes_on, (words, others), seconds)


def _away(stage: Stage, tell: Tell, folder: Path, away_s: float) -> DrillResult:
    """The database's server is stopped for a while, as by a pulled plug, and comes back."""
    stage.bring(NUM_STUDENTS)
    tell("The virtual students hand in their first units ...")
    _require(
        stage.wait_until(lambda: stage.look().iteration >= 1, PATIENCE_S),
        "No unit of the virtual students was counted.",
    )
    num_before = stage.virtual.report().num_units
    began = time.monotonic()
    tell(f"The database is away for {away_s:.0f} s ...")
    send_away(folder, away_s)
    iteration = -1

    def is_back() -> bool:
        nonlocal iteration
        iteration = stage.look().iteration
        return True

    _require(stage.wait_until(is_back, away_s + PATIENCE_S), "The database did not come back.")
    was_away_s = time.monotonic() - began
    num_handed_in = stage.virtual.report().num_units
    tell("The database is back. Waiting for the next iteration ...")
    goes_on = stage.wait_until(
        lambda: stage.look().iteration > iteration and stage.virtual.report().num_units > num_handed_in,
        PATIENCE_S,
    )
    back_s = time.monotonic() - began - was_away_s
    # What the students were told is handed in must be there; a hand-in whose answer was lost may be, too.
    num_units = stage.virtual.report().num_units
    look = stage.look()
    num_lost = max(0, num_units - look.num_updates)
    is_well = goes_on and not num_lost and not look.num_given_up
    if is_well:
        words = f"Nothing was lost: all {num_units} units that were handed in are there."
    elif goes_on:
        words = f"{num_lost + look.num_given_up} of {num_units} units were lost."
    else:
        words = f"Work did not go on within {back_s:.0f} s after the database was back."
    told = (
        f"The database was away for {was_away_s:.0f} s, with {num_before} units handed in before; work went"
        f" on {back_s:.0f} s after it was back."
    )
    return DrillResult("away", is_well, (words, told), was_away_s + back_s)


def _hosted_in(plan: RehearsalPlan) -> Path:
    if plan.hosted_in is None:
        raise GanDesktopError(
            "The database can be sent away only where it lives on this computer: nobody pulls the plug of"
            " another server.",
            title="Not with this database",
        )
    return plan.hosted_in


def _require(has_come: bool, words: str) -> None:
    if not has_come:
        raise GanDesktopError(f"{words} The drill was ended.", title="The drill could not be played")
