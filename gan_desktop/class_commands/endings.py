"""The end of a course: `class close`, `reopen`, `erase`, `delete`, and `move` to another server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.class_commands.command import Commands, LogIn, confirm, new_file, printable
from gan_desktop.class_commands.hosting import administrator_of, hosted_options, say_next_step
from gan_desktop.class_commands.people import way_in
from gan_desktop.class_commands.records import SEPARATORS, day, progress_bar
from gan_desktop.command_line import say
from gan_desktop.errors import GanDesktopError

if TYPE_CHECKING:
    from gan_desktop.class_admin.closing import Closing
    from gan_desktop.database.address import Address

# In the order in which `close` does them; without the database's driver they are known, too.
_STEPS = ("end", "credit", "results", "archive", "logins")
# These change what students see; the others only write files.
_ASKED = ("end", "logins")


def add_commands(commands: Commands) -> None:
    """Add this group's commands."""
    close = commands.add("close", "end the course: step by step, or all of it", _close, commands.login)
    close.epilog = (
        "Without a folder it only shows what is done and what each step would do. Every step may be done"
        " again. `erase` and `delete` are commands of their own."
    )
    close.add_argument(
        "folder", nargs="?", type=Path, metavar="DIR", help="where credit, results and archive go"
    )
    close.add_argument(
        "--step", action="append", choices=_STEPS, dest="steps", help="only this one (more than once: these)"
    )
    close.add_argument(
        "--to", dest="last_day", type=day, metavar="YYYY-MM-DD", help="last day of the credit (today)"
    )
    close.add_argument("--separator", choices=SEPARATORS, default="comma", help="of the credit table")
    close.add_argument("--without-pictures", action="store_true", help="leave them out of the archive")
    close.add_argument("--yes", action="store_true", help="do not ask")

    commands.add("reopen", "let a class that was ended go on: its cards work again", _reopen, commands.login)

    erase = commands.add(
        "erase", "remove all personal data of a class that has ended, for good", _erase, commands.login
    )
    erase.epilog = (
        "Logins that are still open are closed first. Weights, faces and curves stay. A check looks for every"
        " name in all that is left."
    )
    erase.add_argument(
        "--credit",
        choices=("numbers", "none"),
        default="numbers",
        help="what each has done stays as numbers without names (the default), or not at all",
    )
    erase.add_argument("--yes", action="store_true", help="do not ask")

    server = argparse.ArgumentParser(add_help=False)
    server.add_argument("--server-folder", type=Path, metavar="DIR", help="where the hosted database lives")
    maker = hosted_options(server)
    delete = commands.add(
        "delete", "remove a class from its server, for good", _delete, commands.login, maker
    )
    delete.epilog = (
        "Also a class that has not ended; not while a training is in progress. Needs the login that made the"
        " class: --maker FILE, or --hosted on this computer."
    )
    delete.add_argument("--maker", type=Path, metavar="FILE", help="its config.yaml")
    delete.add_argument("--yes", action="store_true", help="do not ask")

    move = commands.add(
        "move", "let the class go on in another server's empty database", _move, commands.login, maker
    )
    move.epilog = (
        "The training pauses, everything goes along, everybody gets a new card. If anything fails, the class"
        " stays as it is."
    )
    move.add_argument("--maker", type=Path, metavar="FILE", help="config.yaml of the empty database there")
    move.add_argument(
        "--folder", type=Path, required=True, metavar="DIR", help="for the archive and the cards"
    )
    move.add_argument("--save", type=Path, metavar="FILE", help="write the new way in to a new file of yours")
    move.add_argument("--yes", action="store_true", help="do not ask")


def _close(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.closing import closing

    coordinator = log_in()[1]
    if options.folder is None and options.steps is None:
        _show(closing(coordinator))
        return
    steps = [step for step in _STEPS if step in (options.steps or _STEPS)]
    if options.folder is None and set(steps) - set(_ASKED):
        raise GanDesktopError(
            "Name a folder for the files: gan-desktop class close FOLDER", title="No place for the files"
        )
    _ask(closing(coordinator), steps, is_sure=options.yes)
    for step in steps:
        _do(step, coordinator, options)


def _show(now: Closing) -> None:
    from gan_desktop.class_admin.closing import STEPS

    say(f'The end of "{printable(now.facts.title)}":')
    for number, step in enumerate(STEPS, start=1):
        done = now.done.get(step)
        mark = "x" if done else " "
        say(f"[{mark}] {number}. {step.value}: {now.consequence(step)}")
        if done:
            place = f": {done.place}" if done.place else ""
            say(f"       done on {done.done_at.astimezone():%Y-%m-%d %H:%M}{place}")
    say("Do it all but the last: gan-desktop class close FOLDER")


def _ask(now: Closing, steps: Sequence[str], *, is_sure: bool) -> None:
    from gan_desktop.class_admin.closing import Step

    asked = [Step(step) for step in steps if step in _ASKED and Step(step) not in now.done]
    if asked:
        for step in asked:
            say(now.consequence(step))
        confirm("Go on?", is_sure=is_sure)


def _do(step: str, coordinator: Address, options: argparse.Namespace) -> None:
    from gan_desktop.class_admin import closing
    from gan_desktop.class_admin.credit import SEPARATORS as CHARACTERS

    match step:
        case "end":
            closing.end_class(coordinator)
            words = "The class has ended; students see it."
        case "credit":
            until = options.last_day or date.today()
            path = closing.save_credit(coordinator, options.folder, until, CHARACTERS[options.separator])
            words = f"The credit up to and with {until} is written to {path}."
            if waiting := closing.closing(coordinator).facts.num_waiting:
                words += f" {waiting} units handed in were not looked at yet; they are not in it."
        case "results":
            try:
                words = f"The results are in {closing.save_results(coordinator, options.folder)}."
            except closing.NoResults as error:
                words = error.message
        case "archive":
            with progress_bar() as on_progress:
                path = closing.save_archive(
                    coordinator,
                    options.folder,
                    with_pictures=not options.without_pictures,
                    on_progress=on_progress,
                )
            words = f"The whole class is written to {path}: keep it as you keep grades."
        case _:
            number = closing.close_logins(coordinator)
            words = f"{number} logins are closed; nobody comes in any more."
    say(words)


def _reopen(_: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.closing import open_again

    open_again(log_in()[1])
    say("The class goes on. Everybody's card works again; make class and room cards anew.")


def _erase(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.closing import Step, closing
    from gan_desktop.class_admin.erasing import erase

    coordinator = log_in()[1]
    now = closing(coordinator)
    say(now.consequence(Step.ERASE))
    for step, words in ((Step.CREDIT, "final credit"), (Step.ARCHIVE, "archive")):
        if step not in now.done:
            say(f"There is no {words} yet, and afterwards none with names can be written.")
    confirm("Erase it now?", is_sure=options.yes)
    traces = erase(coordinator, keep_numbers=options.credit == "numbers")
    say("Nobody's data is left.")
    for trace in traces:
        say(f'But "{printable(trace.word)}" stands in what you wrote: {trace.table}.{trace.column}')


def _delete(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.closing import closing
    from gan_desktop.class_admin.erasing import delete_class

    coordinator = log_in()[1]
    administrator = _maker(options, log_in)
    title = printable(closing(coordinator).facts.title)
    confirm(
        f'Delete "{title}" with its pictures, weights, faces, curves and everybody\'s record, for good?',
        is_sure=options.yes,
    )
    delete_class(coordinator, administrator, is_hosted=options.hosted)
    say(f'"{title}" is deleted. Files that you have written stay.')


def _move(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.moving import move_class

    coordinator = log_in()[1]
    administrator = _maker(options, log_in)
    confirm(
        f"Move the class to {administrator.host}? Its training pauses, and everybody needs a new card.",
        is_sure=options.yes,
    )
    with new_file(options.save) as write:
        with progress_bar() as on_progress:
            moved = move_class(coordinator, administrator, options.folder, on_progress)
        write("# The class lives here now. This is the instructor's config.yaml, the coordinator's way in;")
        write("# the password is shown this once.")
        write(way_in(moved.coordinator))
    say(f"The class has moved. The archive it travelled as: {moved.archive}")
    if moved.cards is not None:
        say(f"The new cards of its {moved.num_students} students: {moved.cards}")
    if moved.is_paused:
        say("Its training waits there: gan-desktop class resume")
    if options.save:
        say_next_step(options.save)
    if moved.trouble is not None:
        sys.stderr.write(f"{moved.trouble.title}. {moved.trouble.message}\n")


def _maker(options: argparse.Namespace, log_in: LogIn) -> Address:
    """Who makes classes: of this computer's server, or as a file of one's own says."""
    if options.hosted:
        return administrator_of(options, log_in)
    if options.maker is None:
        raise GanDesktopError(
            "Name the login that makes classes there: --maker FILE (its config.yaml), or --hosted.",
            title="Whose database?",
        )
    from gan_desktop.credentials import find_password
    from gan_desktop.database.address import Address
    from gan_desktop.settings import load_settings

    database = load_settings(options.maker).require_database()
    return Address(
        host=database.host,
        port=database.port,
        dbname=database.database,
        user=database.user,
        password=find_password(database).value,
        ca_pem=None if database.ca_file is None else database.ca_file.read_text("ascii"),
        insecure=database.insecure,
    )
