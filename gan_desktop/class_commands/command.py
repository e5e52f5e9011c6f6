"""What the groups of `class` commands share: their options, their lines, files with a password in them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.command_line import say
from gan_desktop.errors import GanDesktopError
from gan_desktop.files import new_private_file

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
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
            name,
            help=words,
            description=f"{words[0].upper()}{words[1:]}.",
            parents=parents,
            allow_abbrev=False,
        )
        parser.set_defaults(run_command=run)
        return parser


def printable(words: str) -> str:
    """A student's words, with nothing that a terminal would obey."""
    return "".join(character if character.isprintable() else "\ufffd" for character in words)


def confirm(question: str, *, is_sure: bool) -> None:
    """Go on only if the person at the terminal says so, or has said so beforehand.

    Raises:
        GanDesktopError: No, or nobody is there to be asked.
    """
    if is_sure:
        return
    if not sys.stdin.isatty():
        raise GanDesktopError(
            "Nothing was changed. To go on without being asked, add --yes.", title="Not sure"
        )
    if input(f"{question} [y/N] ").strip().lower() not in {"y", "yes"}:
        raise GanDesktopError("Nothing was changed.", title="Left as it was")


@contextmanager
def new_file(path: Path | None) -> Iterator[Callable[[str], None]]:
    """Write lines to a file that nobody else may read and that was not there; None: print them.

    The file is opened before anything is made: a way in that cannot be written down is lost.
    """
    if path is None:
        yield say
        return
    lines: list[str] = []
    with new_private_file(path, keep_partly=True) as file:
        try:
            yield lines.append
        finally:
            file.writelines(f"{line}\n".encode() for line in lines)
    say(f"Written to {path}.")
