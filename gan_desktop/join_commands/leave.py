"""`gan-desktop leave`: a class, its password and what it left on this computer are forgotten."""

from __future__ import annotations

import argparse
import shutil

from gan_desktop.command_line import say
from gan_desktop.errors import GanDesktopError


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser of `leave` its options."""
    parser.add_argument("joined_class", metavar="CLASS", help="its name, as `gan-desktop classes` shows it")
    parser.add_argument("--yes", action="store_true", help="also where finished units were not handed in")


def run(options: argparse.Namespace) -> int:
    """Forget a class. The class keeps the record, and the card still works.

    Raises:
        GanDesktopError: No such class, it is at work, or units wait to be handed in.
    """
    from gan_desktop.known_classes import KnownClasses
    from gan_desktop.settings import load_settings
    from gan_desktop.worker.home import account_of, forget_account, num_waiting_updates, workers_folder

    classes = KnownClasses()
    known = classes.find(options.joined_class)
    workers, account = workers_folder(), account_of(known)
    waiting = num_waiting_updates(workers, account)
    if waiting and not options.yes:
        raise GanDesktopError(
            f"Finished units that were not handed in yet, and would be lost: {waiting}. Start the program"
            " once more while the class is there, or add --yes.",
            title="Not left yet",
        )
    forget_account(workers, account)
    classes.forget(known)
    if not classes.all():
        shutil.rmtree(load_settings().data.cache_place / "shards", ignore_errors=True)
    say(f'This computer takes part in "{known.name}" no more.')
    return 0
