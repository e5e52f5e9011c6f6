"""What the groups of `class` commands share: their options, their lines, files with a password in them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.errors import GanDesktopError

if TYPE_CHECKING:
    from gan_desktop.database.connection import Address
    from gan_desktop.settings import Settings

LogIn = Callable[[], tuple["Settings", "Address"]]
Run = Callable[[argparse.Namespace, LogIn], None]


class Commands:
    """The subcommands of `class`, each with the function that does it.

    Args:
        login: The options of every command that logs in.
    """

    def __init__(self, parser: argparse.ArgumentParser, login: argparse.ArgumentParser) -> None:
        self.login = login
        self._commands = parser.add_subparsers(dest="class_command", metavar="COMMAND", required=True)

    def add(
        self, name: str, words: str, run: Run, *parents: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        """Add a command; returns its parser, for its own options.

        Args:
            words: What it does, as the help shows it.
            run: Does it.
            parents: Parsers whose options it takes too, `login` among them if it logs in.
        """
        parser = self._commands.add_parser(
            name, help=words, description=f"{words}.".capitalize(), parents=parents, allow_abbrev=False
        )
        parser.set_defaults(run_command=run)
        return parser


def count(text: str) -> int:
    """An option's whole number above 0."""
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201


@contextmanager
def new_file(path: Path | None) -> Iterator[Callable[[str], None]]:
    """Write lines to a file that nobody else may read and that was not there; None: print them.

    The file is opened before anything is made: a way in that cannot be written down is lost.
    """
    if path is None:
        yield say
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise GanDesktopError(
            f"{path} is there already. Choose another name, or move it away first."
        ) from error
    except OSError as error:
        raise GanDesktopError(f"{path} cannot be written: {error.strerror}. Choose another place.") from error
    lines: list[str] = []
    try:
        yield lines.append
    finally:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        if not lines:
            path.unlink()
    say(f"Written to {path}.")
