"""What the class trains: `class new-run`, `start`, `pause`, `finish`, `change-run` and the like."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.class_commands.command import Commands, LogIn, confirm
from gan_desktop.command_line import count, say
from gan_desktop.records import RunConfig, RunStatus

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.training.checkpoint_file import Checkpoint

COORDINATOR = "gan-desktop --admin --no-gui"

_STEERING = {
    "start": (RunStatus.RUNNING, "begin a training"),
    "pause": (RunStatus.PAUSED, "let the workers wait"),
    "resume": (RunStatus.RUNNING, "go on after a pause"),
    "finish": (RunStatus.COMPLETE, "end a training for good"),
}


def add_commands(commands: Commands) -> None:
    """Add this group's commands."""
    new_run = commands.add(
        "new-run", "write a training down, by the training section of config.yaml", _new_run, commands.login
    )
    new_run.add_argument("title", metavar="NAME", help="what it is called")
    new_run.add_argument(
        "--dataset", type=count, metavar="N", help="learn from this data set, not the newest"
    )
    new_run.add_argument(
        "--from",
        dest="start",
        metavar="WEIGHTS",
        help="begin with these: a checkpoint file, or RUN:ITERATION of a kept one (see `class checkpoints`)",
    )

    for name, (_, words) in _STEERING.items():
        steering = commands.add(name, words, _steer, commands.login)
        steering.add_argument(
            "--run", dest="training", type=count, metavar="N", help="this one (default: the one in progress)"
        )
        if name == "finish":
            steering.add_argument("--yes", action="store_true", help="do not ask")

    change = commands.add(
        "change-run", "change settings of a training while it goes on", _change, commands.login
    )
    change.add_argument(
        "changes",
        nargs="+",
        type=_setting,
        metavar="SETTING=VALUE",
        help="such as quorum=5 unit_seconds=90 (docs/settings.md lists them)",
    )
    change.add_argument(
        "--run", dest="training", type=count, metavar="N", help="this one (default: the one in progress)"
    )

    delete = commands.add(
        "delete-run", "delete a training's weights, faces and curves; credit stays", _delete, commands.login
    )
    delete.add_argument("training", type=count, metavar="N", help="its number, as `class status` shows it")
    delete.add_argument("--yes", action="store_true", help="do not ask")


def _new_run(options: argparse.Namespace, log_in: LogIn) -> None:
    settings, coordinator = log_in()
    from gan_desktop.class_admin.trainings import create_run

    config = settings.run_config()
    start = None if options.start is None else _weights(coordinator, options.start)
    run_id = create_run(coordinator, options.title, config, options.dataset, start)
    say(
        f"Training {run_id} is ready: {config.target_iterations} iterations,"
        f" {config.image_size} x {config.image_size} pixels. It begins with the coordinator:"
    )
    say(f"  {COORDINATOR}")


def _weights(coordinator: Address, named: str) -> Checkpoint:
    """A checkpoint file, or a kept iteration of one of the class's trainings."""
    from gan_desktop.class_admin.checkpoints import load_checkpoint
    from gan_desktop.training.checkpoint_file import read_checkpoint

    kept = re.fullmatch(r"(\d{1,9}):(\d{1,9})", named)
    if kept and not Path(named).exists():
        return load_checkpoint(coordinator, int(kept[2]), int(kept[1]))
    return read_checkpoint(Path(named))


def _steer(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.status import class_status, lacks_coordinator
    from gan_desktop.class_admin.trainings import run_to_steer, steer_run, what_happened

    status, _ = _STEERING[options.class_command]
    coordinator = log_in()[1]
    run = run_to_steer(coordinator, options.training)
    if status is RunStatus.COMPLETE and run.status is not status:
        confirm(
            f'End training {run.run_id}, "{run.name}", for good at iteration {max(0, run.iteration)} of'
            f" {run.config.target_iterations}? It cannot go on later (for that: class pause).",
            is_sure=options.yes,
        )
    run_id = steer_run(coordinator, status, run.run_id)
    say(f"Training {run_id} {what_happened(run.status, status)}.")
    if any(run.run_id == run_id and lacks_coordinator(run) for run in class_status(coordinator).runs):
        say(f"Its coordinator is not at work, and the workers wait for it: {COORDINATOR}")


def _setting(text: str) -> tuple[str, str | int | float]:
    """`quorum=5` as a name and its value; what is no such value stays a text, and is refused by its name."""
    name, equals, written = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is no change: write SETTING=VALUE, such as quorum=5")
    known = getattr(RunConfig(), name, None)
    try:
        return name, type(known)(written) if isinstance(known, int | float) else written
    except ValueError:
        return name, written


def _change(options: argparse.Namespace, log_in: LogIn) -> None:
    coordinator = log_in()[1]
    from gan_desktop.class_admin.trainings import change_run, run_to_steer

    run = run_to_steer(coordinator, options.training)
    made = change_run(coordinator, run.run_id, **dict(options.changes))
    if not made:
        say(f'Training {run.run_id}, "{run.name}", has these settings already.')
        return
    for change in made:
        say(f"Training {run.run_id}: {change}")
    say("It holds from the next round and each computer's next unit on; nobody has to start anew.")


def _delete(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.checkpoints import kept_iterations
    from gan_desktop.class_admin.trainings import delete_run, require_over

    coordinator = log_in()[1]
    run, kept = kept_iterations(coordinator, options.training)
    require_over(run)
    confirm(
        f'Delete training {run.run_id}, "{run.name}", for good: the weights of {len(kept)} iterations, its'
        " faces and curves? (Save what you want to keep: class checkpoints --save.)",
        is_sure=options.yes,
    )
    delete_run(coordinator, run.run_id)
    say(f"Training {run.run_id} is deleted. What students did for it stays in their credit.")
