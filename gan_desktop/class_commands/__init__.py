"""The instructor's console: `gan-desktop class ...`. One module for each group of commands."""

from __future__ import annotations

import argparse

from gan_desktop.class_commands import (
    cards,
    checkpoints,
    contact,
    endings,
    hosting,
    lessons,
    people,
    pictures,
    reaching,
    records,
    rehearsing,
    results,
    trainings,
    watching,
)
from gan_desktop.class_commands.command import Commands, LogIn


def add_class_commands(parser: argparse.ArgumentParser, login: argparse.ArgumentParser) -> None:
    """Give the parser of `class` its subcommands; all that log in take the options of `login`."""
    commands = Commands(parser, login)
    for group in (
        hosting,
        reaching,
        people,
        cards,
        pictures,
        trainings,
        checkpoints,
        results,
        watching,
        lessons,
        contact,
        records,
        rehearsing,
        endings,
    ):
        group.add_commands(commands)


def run_class_command(options: argparse.Namespace, log_in: LogIn) -> None:
    """Do what one `class` command says.

    Args:
        log_in: Reads the settings and finds the password; called by the commands that need them.
    """
    options.run_command(options, log_in)
