"""What the class does: `class new-run`, `start`, `pause`, `resume`, `finish` and `status`."""

from __future__ import annotations

import argparse

from gan_desktop.class_commands.command import Commands, LogIn, count, say
from gan_desktop.records import RunStatus

_STEERING = {
    "start": (RunStatus.RUNNING, "begin a training", "has begun"),
    "pause": (RunStatus.PAUSED, "let the workers wait", "is paused"),
    "resume": (RunStatus.RUNNING, "go on after a pause", "goes on"),
    "finish": (RunStatus.COMPLETE, "end a training for good", "is complete"),
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

    for name, (_, words, _) in _STEERING.items():
        commands.add(name, words, _steer, commands.login).add_argument(
            "--run", dest="training", type=count, metavar="N", help="this one (default: the one in progress)"
        )
    commands.add("status", "show trainings, workers and data sets", _status, commands.login)


def _new_run(options: argparse.Namespace, log_in: LogIn) -> None:
    settings, coordinator = log_in()
    from gan_desktop.class_admin.trainings import create_run

    config = settings.run_config()
    run_id = create_run(coordinator, options.title, config, options.dataset)
    say(
        f"Training {run_id} is ready: {config.target_iterations} iterations,"
        f" {config.image_size} x {config.image_size} pixels. It begins with the coordinator:"
    )
    say("  gan-desktop --admin --no-gui")


def _steer(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.trainings import steer_run

    status, _, now = _STEERING[options.class_command]
    say(f"Training {steer_run(log_in()[1], status, options.training)} {now}.")


def _status(_: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.status import class_status
    from gan_desktop.status_tables import print_status

    print_status(class_status(log_in()[1]))
