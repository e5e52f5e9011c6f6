"""`gan-desktop classes`: which classes this computer knows."""

from __future__ import annotations

import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def run(_: argparse.Namespace) -> int:
    """List the classes, the newest first: that is the one in which a plain start contributes."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from gan_desktop.admission import protection
    from gan_desktop.known_classes import KnownClasses

    console = Console(highlight=False)
    classes = KnownClasses().all()
    if not classes:
        console.print("No class was joined on this computer yet. With a card: gan-desktop join CARD")
        return 0
    table = Table("Class", "As", "Server", "Connection")
    for known in classes:
        server = known.answering_host or known.hosts[0]
        table.add_row(
            Text(known.name), Text(known.person), Text(f"{server}:{known.port}"), protection(known).value
        )
    console.print(table)
    if len(classes) > 1:
        console.print('The first one is meant where none is named. Another: gan-desktop --class "NAME"')
    return 0
