"""Can others reach the class, and can its instructor: `class reach`, `class renew-login`."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.class_commands.command import Commands, LogIn, confirm, new_file
from gan_desktop.class_commands.hosting import administrator_of, hosted_options, room_words
from gan_desktop.class_commands.people import way_in
from gan_desktop.command_line import count, say
from gan_desktop.errors import GanDesktopError

if TYPE_CHECKING:
    from gan_desktop.class_admin.reach import Door
    from gan_desktop.database.address import Address

USUAL_WAIT_S = 120


def add_commands(commands: Commands) -> None:
    """Add this group's commands."""
    server = argparse.ArgumentParser(add_help=False)
    server.add_argument("--server-folder", type=Path, metavar="DIR", help="where the hosted database lives")
    hosted = hosted_options(server)
    reach = commands.add(
        "reach", "wait for another computer: can it get through?", _reach, commands.login, hosted
    )
    reach.add_argument(
        "--wait",
        type=count,
        default=USUAL_WAIT_S,
        metavar="SECONDS",
        help=f"how long (default: {USUAL_WAIT_S})",
    )
    renew = commands.add(
        "renew-login",
        "a new password for the instructor's login, where it is lost",
        _renew,
        commands.login,
        hosted,
    )
    renew.epilog = "Needs the login that made the class, or --hosted. The former password ends."
    renew.add_argument("--save", type=Path, metavar="FILE", help="write the way in to a new file of yours")
    renew.add_argument("--yes", action="store_true", help="do not ask")


def _reach(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.reach import await_visit

    address = administrator_of(options, log_in)
    say(room_words(address))
    give_up_at = time.monotonic() + options.wait
    visit = await_visit(_door(options, address), lambda: time.monotonic() > give_up_at)
    if visit is None:
        raise GanDesktopError(
            "No other computer has come. Likely: this computer's firewall, a network that its system takes"
            " for a public one, or a Wi-Fi that keeps its guests apart.",
            title="Nobody came",
        )
    say(f"It works: {visit.address or visit.login} has come through.")


def _door(options: argparse.Namespace, address: Address) -> Door:
    """Where to wait; says what to do on the other computer."""
    from gan_desktop.class_admin.cards import addresses_of_this_computer
    from gan_desktop.class_admin.reach import HostedDoor, LoginDoor, listening
    from gan_desktop.database.embedded import EmbeddedPostgres

    if not options.hosted:
        say(f"Waiting {options.wait} s. On another computer join with a card: gan-desktop class card --class")
        return LoginDoor(address)
    listens_at = listening(address)
    if listens_at == "127.0.0.1":
        raise GanDesktopError(
            "The database is for this computer alone. Stop it, and start it again with:"
            " gan-desktop class host --listen 0.0.0.0",
            title="Nobody else can reach it",
        )
    place = addresses_of_this_computer()[0] if listens_at in ("*", "0.0.0.0") else listens_at
    say(f"Waiting {options.wait} s. On another computer, or a phone, open http://{place}:{address.port} in a")
    say("browser: the page stays empty, but it is noticed here.")
    return HostedDoor(options.server_folder or EmbeddedPostgres.default_dir(), address)


def _renew(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.login import renew_login

    administrator = administrator_of(options, log_in)
    confirm("Give the instructor's login a new password? The former one ends.", is_sure=options.yes)
    with new_file(options.save) as write:
        coordinator = renew_login(administrator)
        write("# The instructor's config.yaml, the coordinator's way in; the password is shown this once.")
        write(way_in(coordinator))
