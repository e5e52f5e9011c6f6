"""Talking to students and to their computers: `class message`, `class hold`, `class release`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gan_desktop.class_commands.command import Commands, LogIn, confirm, printable
from gan_desktop.command_line import say

if TYPE_CHECKING:
    from gan_desktop.database.notices import Evidence, RefusedUnit, WorkerOnRecord


def add_commands(commands: Commands) -> None:
    """Add this group's commands."""
    message = commands.add("message", "show a message on students' screens", _message, commands.login)
    message.add_argument(
        "text", nargs="+", metavar="TEXT", help="one line of at most 500 characters, with or without quotes"
    )
    message.add_argument("--to", metavar="NAME", help="only this student (default: everybody)")

    hold = commands.add("hold", "give a computer no more units", _hold, commands.login)
    hold.add_argument("worker", metavar="WORKER", help="its number or name, or its owner's")
    hold.add_argument(
        "--reason",
        default="The instructor wants to look at its results.",
        metavar="TEXT",
        help="for your own record",
    )

    release = commands.add(
        "release", "show what speaks against a computer on hold, and let it go on", _release, commands.login
    )
    release.add_argument("worker", metavar="WORKER", help="its number or name, or its owner's")
    release.add_argument("--yes", action="store_true", help="do not ask")


def _message(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.notices import send_message

    num_there = send_message(log_in()[1], " ".join(options.text), options.to)
    people = "nobody is" if not num_there else "1 person is" if num_there == 1 else f"{num_there} people are"
    say(f"Sent; {people} there to read it now. Who joins within the hour reads it too.")


def _hold(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.notices import hold_worker, look_at_worker

    coordinator = log_in()[1]
    worker, evidence = look_at_worker(coordinator, options.worker)
    _say_evidence(worker, evidence)
    hold_worker(coordinator, worker.worker_id, options.reason)
    say(f"All computers of {printable(worker.owner)} get no more units, until: gan-desktop class release")
    say(f"  {worker.worker_id}")


def _release(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.notices import look_at_worker, release_worker

    coordinator = log_in()[1]
    worker, evidence = look_at_worker(coordinator, options.worker)
    if worker.on_hold_reason is not None:
        _say_evidence(worker, evidence)
        confirm("Let it go on?", is_sure=options.yes)
    release_worker(coordinator, worker.worker_id)
    say(f"{printable(worker.name)} goes on.")


def _say_evidence(worker: WorkerOnRecord, evidence: Evidence) -> None:
    say(
        f"{worker.worker_id}, {printable(worker.name)} of {printable(worker.owner)}:"
        f" {evidence.num_accepted} units accepted, {evidence.num_refused} refused."
    )
    if worker.on_hold_reason:
        say(f"On hold: {printable(worker.on_hold_reason)}")
    for unit in evidence.refused:
        say(f"  {_line(unit)}")


def _line(unit: RefusedUnit) -> str:
    early = ", stopped early" if unit.stopped_early else ""
    norm = "could not be measured" if unit.norm is None else f"{unit.norm:.3g}"
    return (
        f"{unit.at:%Y-%m-%d %H:%M} unit {unit.unit_id} from iteration {unit.iteration}:"
        f" {unit.num_images} images in {unit.num_steps} steps{early}; norm {norm},"
        f" G_loss {unit.loss_g:.2f}, D_loss {unit.loss_d:.2f}."
        f" {printable(unit.reason or 'No reason was written down.')}"
    )
