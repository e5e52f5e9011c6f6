"""A parser of options that answers a misspelt command or option with the likeliest right one."""

from __future__ import annotations

import argparse
import itertools
import re
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

_WRONG_CHOICE = re.compile(
    r"^(?P<what>.*)invalid choice: '(?P<wrong>[^']*)' \(choose from (?P<choices>.*)\)$"
)


class CommandsAction(argparse._SubParsersAction):  # type: ignore[type-arg]
    """Commands that may have options of the same names as those before them: these stay in `given_before`."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, *values: Any) -> None:
        """Keep what was given before the command, and parse the command."""
        namespace.given_before = argparse.Namespace(**vars(namespace))
        super().__call__(parser, namespace, *values)


class SuggestingParser(argparse.ArgumentParser):
    """Its subcommands' parsers do the same. (Python itself does so from 3.14 on.)"""

    _arguments: Sequence[str] = ()

    def error(self, message: str) -> NoReturn:
        """End the program with the usage, the trouble, and what was probably meant."""
        if found := _WRONG_CHOICE.match(message):
            # The value of a misspelt option looks like a command: the option is the trouble.
            before = itertools.takewhile(lambda argument: argument != found["wrong"], self._arguments)
            self._suggest_for(before)
            meant = get_close_matches(found["wrong"], re.findall(r"[\w-]+", found["choices"]), n=1)
            if meant:
                message = f"{found['what']}there is no '{found['wrong']}'. Did you mean '{meant[0]}'?"
        super().error(message)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and stop at the first option that is nearly one of ours."""
        self._arguments = sys.argv[1:] if args is None else list(args)
        parsed, rest = super().parse_known_args(args, namespace)
        self._suggest_for(rest)
        return parsed, rest

    def _suggest_for(self, arguments: Iterable[str]) -> None:
        """End the program at the first option that is not ours, and nearly one of ours."""
        # What a person can look up, not what is hidden from the help.
        known = set(re.findall(r"(?<![\w-])--[\w-]+", self.format_help()))
        for argument in arguments:
            name = argument.partition("=")[0]
            is_unknown = argument.startswith("--") and name not in self._option_string_actions
            if is_unknown and (meant := get_close_matches(name, known, n=1)):
                self.error(f"there is no {argument}. Did you mean {meant[0]}?")
