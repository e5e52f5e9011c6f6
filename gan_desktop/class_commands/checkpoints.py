"""Kept iterations: `class checkpoints` and `class rollback`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.class_commands.command import Commands, LogIn, confirm
from gan_desktop.class_commands.trainings import COORDINATOR
from gan_desktop.command_line import count, say

if TYPE_CHECKING:
    from gan_desktop.database.checkpoints import Checkpoint


def add_commands(commands: Commands) -> None:
    """Add this group's commands."""
    which = argparse.ArgumentParser(add_help=False)
    which.add_argument(
        "--run", dest="training", type=count, metavar="N", help="of this training (default: in progress)"
    )
    kept = commands.add(
        "checkpoints", "list the iterations that are kept, or save one", _checkpoints, commands.login, which
    )
    kept.add_argument(
        "--save",
        nargs=2,
        metavar=("ITERATION", "FILE"),
        help="write an iteration's weights to a new safetensors file",
    )
    back = commands.add(
        "rollback", "let the training go on from an earlier iteration", _rollback, commands.login, which
    )
    back.epilog = (
        "The old weights come back as the next iteration: numbers never fall, and curves keep what happened."
        " What students compute at this moment is credited as late work. Everybody may go on working."
    )
    back.add_argument("iteration", type=iteration, metavar="ITERATION", help="one that is kept")
    back.add_argument("--yes", action="store_true", help="do not ask")


def iteration(text: str) -> int:
    """An iteration's number: 0 are the first weights."""
    if not (text.isascii() and text.isdecimal()) or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is no iteration: a whole number from 0")
    return int(text)


def _checkpoints(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.checkpoints import kept_iterations, save_checkpoint
    from gan_desktop.errors import SettingsError

    if options.save is not None:
        wanted, path = options.save
        try:
            number = iteration(wanted)
        except argparse.ArgumentTypeError as error:
            raise SettingsError(f"--save ITERATION FILE: {error}.", title="Which iteration?") from error
        save_checkpoint(log_in()[1], number, Path(path), options.training)
        say(f"Iteration {number} is written to {path}. Draw from it: gan-desktop faces --checkpoint {path}")
        return
    run, kept = kept_iterations(log_in()[1], options.training)
    say(f'Training {run.run_id}, "{run.name}", {run.status.value}:')
    if not kept:
        say("  No iteration is published yet.")
    for checkpoint in kept:
        say(f"  {_line(checkpoint)}")


def _line(kept: Checkpoint) -> str:
    parts = [
        f"iteration {kept.iteration:>5}",
        f"{kept.created_at:%Y-%m-%d %H:%M}",
        f"{kept.num_bytes / 1e6:.1f} MB",
    ]
    if kept.distance is not None:
        parts.append(f"distance {kept.distance:.0f}")
    if not kept.is_checkpoint:
        parts.append("the newest; kept until the next one")
    return ", ".join(parts)


def _rollback(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.checkpoints import go_back, require_way_back

    coordinator = log_in()[1]
    run = require_way_back(coordinator, options.iteration, options.training)
    confirm(
        f'Training {run.run_id}, "{run.name}", goes back from iteration {run.iteration} to the weights of'
        f" {options.iteration}. Go on?",
        is_sure=options.yes,
    )
    went = go_back(coordinator, options.iteration, run.run_id)
    if went.became is None:
        say(f"Its coordinator is not at work; it goes back as soon as it is: {COORDINATOR}")
        return
    left = max(0, run.config.target_iterations - went.became)
    say(f"Iteration {went.became} has the weights of iteration {options.iteration}; workers go on from it.")
    say(f"The training still ends at iteration {run.config.target_iterations}: {left} more.")
