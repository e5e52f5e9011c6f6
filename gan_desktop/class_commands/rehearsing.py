"""Trying the class out with virtual students: `class rehearse`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.class_commands.command import Commands, LogIn
from gan_desktop.command_line import count, say

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.rehearsal.plan import RehearsalPlan
    from gan_desktop.rehearsal.rehearse import Moment

_TELL_EVERY_S = 10.0


def add_commands(commands: Commands) -> None:
    """Add this group's commands."""
    rehearse = commands.add(
        "rehearse", "try with virtual students how many fit, and what happens if", _rehearse, commands.login
    )
    rehearse.epilog = (
        "Virtual students speak to the class's own database as real ones do, and compute nothing. Nobody"
        " else sees them, and nothing is left of them. Not while a training is running; Ctrl+C ends it."
    )
    rehearse.add_argument("--students", type=count, default=30, metavar="N", help="at most (default: 30)")
    rehearse.add_argument(
        "--minutes", type=_minutes, default=5.0, metavar="M", help="for all steps together (default: 5)"
    )
    rehearse.add_argument(
        "--network", type=_minutes, metavar="MBIT", help="what the room's network carries, in Mbit/s"
    )
    rehearse.add_argument(
        "--drill",
        choices=("leave", "garbage", "away"),
        help="instead: ten leave at once; one hands in garbage; the database, hosted on this computer, is"
        " away for 30 s",
    )
    rehearse.add_argument(
        "--server-folder", type=Path, metavar="DIR", help="where the hosted database lives, if elsewhere"
    )
    rehearse.add_argument(
        "--clean", action="store_true", help="instead: remove what a killed rehearsal has left"
    )


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def _rehearse(options: argparse.Namespace, log_in: LogIn) -> None:
    coordinator = log_in()[1]
    from gan_desktop.rehearsal.plan import RehearsalPlan
    from gan_desktop.rehearsal.rehearse import rehearse
    from gan_desktop.rehearsal.traces import remove_traces

    if options.clean:
        num = remove_traces(coordinator)
        say(f"{num} virtual students were removed." if num else "Nothing was left of a rehearsal.")
        return
    plan = RehearsalPlan(
        options.students,
        options.minutes,
        network_mbit_s=options.network,
        hosted_in=_hosted_in(coordinator, options.server_folder),
    )
    if options.drill:
        _play(coordinator, options, plan)
        return
    result = rehearse(coordinator, plan, on_moment=_Teller().tell, tell=say)
    for sentence in result.sentences():
        say(sentence)


def _play(coordinator: Address, options: argparse.Namespace, plan: RehearsalPlan) -> None:
    from gan_desktop.errors import GanDesktopError
    from gan_desktop.rehearsal.drills import run_drill

    result = run_drill(coordinator, options.drill, plan, tell=say)
    for sentence in result.sentences:
        say(sentence)
    if not result.passed:
        raise GanDesktopError(
            "The class did not take it as it should. docs/instructor-console.md says what to look at.",
            title="Drill not passed",
        )


def _hosted_in(coordinator: Address, folder: Path | None) -> Path | None:
    """The folder of the database, if it is the one that this computer hosts."""
    from gan_desktop.database.address import LOOPBACK
    from gan_desktop.database.embedded import EmbeddedPostgres

    place = folder or EmbeddedPostgres.default_dir()
    if coordinator.host not in LOOPBACK or not place.exists():
        return None
    running = EmbeddedPostgres(place).running_address()
    return place if running is not None and running.port == coordinator.port else None


class _Teller:
    """Prints a line at the beginning of each step, and one every ten seconds."""

    def __init__(self) -> None:
        self._told_s = -_TELL_EVERY_S

    def tell(self, moment: Moment) -> None:
        report = moment.report
        # With each step the time begins anew.
        if 0 <= report.seconds - self._told_s < _TELL_EVERY_S:
            return
        self._told_s = report.seconds
        say(
            f"{moment.num_students:4d} students: {report.num_units} units handed in, a unit after"
            f" {report.claim_ms[0]:.0f} ms, handed in within {report.submit_s[0]:.1f} s, {report.mbit_s:.1f}"
            f" Mbit/s, {moment.look.num_connections} connections, {moment.look.num_waiting} updates wait;"
            f" about {moment.seconds_left / 60:.0f} min left"
        )
