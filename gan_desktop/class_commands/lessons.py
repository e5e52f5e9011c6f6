"""The end of a lesson: `class end-lesson`."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from gan_desktop.class_commands.command import Commands, LogIn, printable
from gan_desktop.command_line import say

if TYPE_CHECKING:
    from gan_desktop.database.lessons import HandingIn

LOOK_S = 1.0


def add_commands(commands: Commands) -> None:
    """Add this group's commands."""
    end = commands.add(
        "end-lesson",
        "let everybody hand in what is done, and pause the training",
        _end_lesson,
        commands.login,
    )
    end.epilog = "It waits for everybody; Ctrl+C goes on without those who are missing."
    end.add_argument("--message", default="", metavar="TEXT", help="show this on students' screens")


def _end_lesson(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.lessons import end_lesson, handing_in

    coordinator = log_in()[1]
    end = end_lesson(coordinator, options.message)
    state, told = handing_in(coordinator, end), ""
    try:
        while state.missing:
            if (words := _standing(state)) != told:
                say(words)
                told = words
            time.sleep(LOOK_S)
            state = handing_in(coordinator, end)
    except KeyboardInterrupt:
        pass
    say(f"{_standing(state)} Laptops may be closed. Go on next time with: gan-desktop class resume")
    for person in (*state.missing, *state.lost):
        say(f"  {printable(person.name)} has not handed in; others get the unit next time.")


def _standing(state: HandingIn) -> str:
    return f"{state.num_handed_in} of {len(state.people)} handed in."
