"""Looking at the class: `class status` and `class events`."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from gan_desktop.class_commands.command import Commands, LogIn, printable
from gan_desktop.command_line import count, say
from gan_desktop.errors import ConnectionFailed

if TYPE_CHECKING:
    from rich.live import Live

    from gan_desktop.class_admin.status import ClassStatus
    from gan_desktop.database.address import Address

REFRESH_S = 2.0


def add_commands(commands: Commands) -> None:
    """Add this group's commands."""
    status = commands.add("status", "show trainings, workers and data sets", _status, commands.login)
    status.epilog = (
        "On a terminal the tables are renewed every 2 s until Ctrl+C; into a file or pipe they go once."
        " At the front of a line: ! somebody needs help, > at work."
    )
    status.add_argument("--once", action="store_true", help="show it once")
    status.add_argument("--json", action="store_true", help="once, as JSON for other programs")
    events = commands.add("events", "list what happened in the class", _events, commands.login)
    events.add_argument("--count", type=count, default=50, metavar="N", help="the newest N (default: 50)")


def _status(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.status import class_status
    from gan_desktop.status_tables import print_status, status_json

    coordinator = log_in()[1]
    if options.json:
        say(status_json(class_status(coordinator)))
    elif options.once or not sys.stdout.isatty():
        print_status(class_status(coordinator))
    else:
        _watch(coordinator)


def _watch(coordinator: Address) -> None:
    """Show the class until Ctrl+C, also while the database is away for a while."""
    from rich.console import Console
    from rich.live import Live

    from gan_desktop.class_admin.login import log_in
    from gan_desktop.class_admin.status import class_status, read_status

    # Before the screen is taken: what is wrong from the start is said in plain words.
    status = class_status(coordinator)
    try:
        with Live(console=Console(highlight=False), auto_refresh=False) as live:
            while True:
                try:
                    with log_in(coordinator) as connection:
                        while True:
                            status = read_status(connection)
                            _show(live, status, None)
                except ConnectionFailed as error:
                    if not error.is_passing:
                        raise
                    _show(live, status, f"No connection; the tables are as they were. {error.message}")
    except KeyboardInterrupt:
        return


def _show(live: Live, status: ClassStatus, footer: str | None) -> None:
    from gan_desktop.status_tables import status_view

    live.update(status_view(status, footer), refresh=True)
    time.sleep(REFRESH_S)


def _events(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.notices import events

    found = events(log_in()[1], options.count)
    if not found:
        say("Nothing has happened yet.")
    for event in reversed(found):
        who = f" ({printable(event.worker_name)})" if event.worker_name else ""
        say(f"{event.created_at:%Y-%m-%d %H:%M:%S} {printable(event.message)}{who}")
