"""Where the class lives: `class host`, `class init` and `class upgrade`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.class_commands.command import Commands, LogIn, confirm, new_file, printable
from gan_desktop.class_commands.people import way_in
from gan_desktop.command_line import count, say

if TYPE_CHECKING:
    from gan_desktop.class_admin.hosting import Host
    from gan_desktop.database.address import Address

_LOOK_S = 2.0
SETTINGS_PAGE = "docs/settings.md"
_NEEDS = (
    "Needs PostgreSQL 14 or newer, an empty database of the login's own, and CREATEROLE for the login"
    " (students' logins are made with it). What is missing is named, with the SQL for the server's"
    " administrator."
)


def add_commands(commands: Commands) -> None:
    """Add this group's commands."""
    server = argparse.ArgumentParser(add_help=False)
    server.add_argument("--server-folder", type=Path, metavar="DIR", help="where the hosted database lives")

    host = commands.add("host", "run a database on this computer, for a class, until Ctrl+C", _host, server)
    host.add_argument(
        "--listen", metavar="ADDRESS", help="also for others: 0.0.0.0 (default: as last time, or not)"
    )
    host.add_argument("--port", type=_port, default=0, help="TCP port (default: the last one, or a free one)")
    host.add_argument(
        "--students", type=count, metavar="N", help="how many may take part (default: as last time, or 30)"
    )

    hosted = hosted_options(server)
    init = commands.add(
        "init", "make a class in the empty database of config.yaml", _init, commands.login, hosted
    )
    init.epilog = _NEEDS
    init.add_argument("--title", default="Our class", help="what students read")
    init.add_argument("--save", type=Path, metavar="FILE", help="write the way in to a new file of yours")

    upgrade = commands.add(
        "upgrade", "bring a class of an older program up to date", _upgrade, commands.login, hosted
    )
    upgrade.epilog = "Needs the login that made the class. Nothing of the class is lost."
    upgrade.add_argument("--yes", action="store_true", help="do not ask")


def hosted_options(*parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """The options of commands that work in a database as its administrator."""
    parser = argparse.ArgumentParser(add_help=False, parents=parents)
    parser.add_argument("--hosted", action="store_true", help="in the database of `class host` instead")
    parser.add_argument(
        "--database", metavar="NAME", help="with --hosted: another one than gan_desktop, for a further class"
    )
    return parser


def administrator_of(options: argparse.Namespace, log_in: LogIn) -> Address:
    """Whoever makes classes: the hosted server's superuser, or the login of config.yaml."""
    from gan_desktop.class_admin.hosting import DATABASE, hosted_administrator

    if options.hosted:
        return hosted_administrator(options.server_folder, options.database or DATABASE)
    return log_in()[1]


def _port(text: str) -> int:
    if count(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: those end at 65535")
    return int(text)


def _host(options: argparse.Namespace, _: LogIn) -> None:
    from gan_desktop.class_admin.hosting import AlreadyHosted, Host

    host = Host(
        options.server_folder, listen=options.listen, port=options.port, num_students=options.students
    )
    try:
        with host:
            _say_how_to_go_on(host)
            while True:
                time.sleep(_LOOK_S)
                if host.tend():
                    say("The database had stopped; it runs again. Nothing is lost.")
    except AlreadyHosted as error:
        # What was asked for is so: no error, and the other window keeps its server.
        say(f"{error.title}. {error.message}")
    except KeyboardInterrupt:
        say("Stopped. The class is safe; the same command brings it back.")


def _say_how_to_go_on(host: Host) -> None:
    from gan_desktop.class_admin.cards import addresses_of_this_computer

    say(f"The database runs at port {host.address.port}; it lives in {host.folder}.")
    if host.settings.is_for_others:
        settings = host.settings
        places = addresses_of_this_computer() if settings.is_everywhere else [settings.listen]
        say(f"Others in this network find it at {', '.join(places)}.")
    else:
        say("It is for this computer alone. For others, start it with --listen 0.0.0.0")
    title = host.class_title()
    if title is None:
        say("Ctrl+C stops it. To make a class in it, type in another window:")
        say("  gan-desktop class init --hosted")
    else:
        say(f'The class "{title}" is in it. Ctrl+C stops it. To let people in, type in another window:')
        say("  gan-desktop class add-student NAME, or gan-desktop class card --class")


def _init(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.login import make_class

    with new_file(options.save) as write:
        administrator = administrator_of(options, log_in)
        coordinator = make_class(administrator, options.title)
        write("# The class is made. This is the instructor's config.yaml, the coordinator's way in; the")
        write(
            "# password is shown this once. (It may stay out of the file, and the training is set in it, too:"
        )
        write(f"# {SETTINGS_PAGE})")
        room = room_words(coordinator)
        write(f"# {room}")
        write(way_in(coordinator))
    if options.save:
        say(room)
        say_next_step(options.save)


def say_next_step(saved: Path) -> None:
    """How to go on with the coordinator's way in."""
    is_found = saved.absolute() == Path.cwd() / "config.yaml"
    words = "Next, let people in" if is_found else "Next, work with it as config.yaml in your folder, or"
    option = "" if is_found else f" --config {saved}"
    say(f"{words}: gan-desktop class add-student NAME{option}")
    say(f"To set up the training: {SETTINGS_PAGE}")


def room_words(address: Address) -> str:
    """How many students the server has room for."""
    from gan_desktop.class_admin.login import num_students_that_fit, room_on_server

    room = room_on_server(address)
    return (
        f"This server allows {room.allowed} connections ({room.reserved + room.used_by_others} are taken):"
        f" room for about {num_students_that_fit(room)} students at work."
    )


def _upgrade(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.upgrade import plan_upgrade, upgrade

    administrator = administrator_of(options, log_in)
    plan = plan_upgrade(administrator)
    if not plan.is_needed:
        say(f'The class "{plan.title}" is up to date (version {plan.to_version}). Nothing to do.')
        return
    say(f'The class "{plan.title}" goes from version {plan.from_version} to {plan.to_version}:')
    for change in plan.changes:
        say(f"  - {change}")
    say(f"Programs older than {plan.minimum_program} cannot take part any more; they are told what to get.")
    say(
        f"That concerns {len(plan.too_old)} of {len(plan.programs)} computers that were here in the last four"
        " weeks."
    )
    for program in plan.too_old:
        version = printable(program.program_version or "an unknown version")
        say(f"  {printable(program.owner)}: {printable(program.name)} has {version}")
    confirm("Upgrade now?", is_sure=options.yes)
    upgrade(administrator)
    say(f'The class "{plan.title}" is up to date. Nothing was lost; all rights were made anew.')
