"""What stays of a course: `class export`, `class archive` and `class restore`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from gan_desktop.class_commands.command import Commands, LogIn, new_file
from gan_desktop.class_commands.hosting import (
    SETTINGS_PAGE,
    administrator_of,
    hosted_options,
    room_words,
    say_next_step,
)
from gan_desktop.class_commands.people import way_in
from gan_desktop.command_line import say
from gan_desktop.files import new_private_file

_NEW_CARDS = "gan-desktop class new-cards --everybody --zip cards.zip"
# Without the database's driver the choices are known too.
SEPARATORS = ("comma", "semicolon", "tab")


def add_commands(commands: Commands) -> None:
    """Add this group's commands."""
    export = commands.add("export", "write everybody's credit as a table (CSV)", _export, commands.login)
    export.epilog = (
        "Active hours are the computing time of the units that were credited (counted and late), never more"
        " than has passed between two hand-ins. Days begin at midnight of the server's time zone."
    )
    export.add_argument("file", type=Path, metavar="FILE.csv", help="a new file")
    export.add_argument("--from", dest="since", type=day, metavar="YYYY-MM-DD", help="first day")
    export.add_argument("--to", dest="until", type=day, metavar="YYYY-MM-DD", help="last day")
    export.add_argument(
        "--separator", choices=SEPARATORS, default="comma", help="between columns (default: comma)"
    )

    archive = commands.add(
        "archive", "write the whole class to one file, without passwords", _archive, commands.login
    )
    archive.epilog = "It holds names and e-mail addresses: keep it as you keep grades."
    archive.add_argument("file", type=Path, metavar="FILE", help="a new file")
    archive.add_argument(
        "--without-pictures", action="store_true", help="they are kept elsewhere, to be imported again"
    )

    server = argparse.ArgumentParser(add_help=False)
    server.add_argument("--server-folder", type=Path, metavar="DIR", help="where the hosted database lives")
    restore = commands.add(
        "restore",
        "make a class of an archive in the empty database of config.yaml",
        _restore,
        commands.login,
        hosted_options(server),
    )
    restore.epilog = (
        "All of it comes back, or nothing. It goes on from its last iteration; students need new cards."
    )
    restore.add_argument("file", type=Path, metavar="FILE", help="the archive")
    restore.add_argument("--save", type=Path, metavar="FILE", help="write the way in to a new file of yours")


def day(text: str) -> date:
    """An option's day."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write it as 2026-11-30") from error


def _export(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.credit import SEPARATORS as CHARACTERS
    from gan_desktop.class_admin.credit import credit, write_csv

    report = credit(log_in()[1], options.since, options.until)
    with new_private_file(options.file) as file:
        write_csv(report, file, CHARACTERS[options.separator])
    say(f"The credit of {len(report.people)} people is written to {options.file}.")
    say(f"Times and days are those of the server's time zone, {report.time_zone}.")
    if waiting := sum(person.num_waiting for person in report.people):
        say(f"{waiting} units handed in were not looked at yet; they are not in it.")


def _archive(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.archive import archive_class

    coordinator = log_in()[1]
    with new_private_file(options.file) as file, progress_bar() as on_progress:
        manifest = archive_class(
            coordinator, file, with_pictures=not options.without_pictures, on_progress=on_progress
        )
    size = options.file.stat().st_size / 1e6
    say(f'The class "{manifest.title}" is written to {options.file} ({size:,.1f} MB).')
    say("It holds names and e-mail addresses, and no password: keep it as you keep grades.")


def _restore(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.archive import restore_class

    with new_file(options.save) as write:
        administrator = administrator_of(options, log_in)
        with progress_bar() as on_progress:
            restored = restore_class(administrator, options.file, on_progress)
        write(
            f'# The class "{restored.manifest.title}" is restored. This is the instructor\'s config.yaml, the'
        )
        write("# coordinator's way in; the password is shown this once.")
        write(f"# The training is set in this file, too: {SETTINGS_PAGE}")
        room = room_words(restored.coordinator)
        write(f"# {room}")
        if restored.num_students:
            write(
                f"# Its {restored.num_students} students keep their credit and need new cards, in one file:"
            )
            write(f"#   {_NEW_CARDS}")
        for name in restored.missing_pictures:
            write(f"# The archive was made without the pictures of {name!r}: import the same ones again.")
        write(way_in(restored.coordinator))
    if options.save:
        say(room)
        if restored.num_students:
            say(f"Its {restored.num_students} students need new cards: {_NEW_CARDS}")
        say_next_step(options.save)


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar of bytes on a terminal, and nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn()
    is_seen = sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not is_seen) as progress:
        tasks = {}

        def on_progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

        yield on_progress
