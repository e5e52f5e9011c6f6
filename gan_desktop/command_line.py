"""What all commands of the console share: a line of output, a number among the options."""

from __future__ import annotations

import argparse

from gan_desktop.names import for_terminal


def count(text: str) -> int:
    """An option's whole number above 0."""
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def say(text: str) -> None:
    """Print a line at once, without what a terminal would obey."""
    print(for_terminal(text), flush=True)  # noqa: T201
