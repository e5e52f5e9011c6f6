"""`gan-desktop join`: from a card to a class that this computer knows."""

from __future__ import annotations

import argparse
import re
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.command_line import say
from gan_desktop.errors import ConnectionFailed, SettingsError
from gan_desktop.names import MAX_NAME

if TYPE_CHECKING:
    from gan_desktop.join_card import JoinCard


# What a person may have meant as a code; cards are far longer.
_CODE_LIKE = re.compile(r"[\w\s\u2010-\u2015-]{1,24}")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give the parser of `join` its options."""
    parser.add_argument(
        "card",
        nargs="?",
        metavar="CARD",
        help="a .gandjoin file, a link, a pasted line or a code; - or nothing: paste it (others on this"
        " computer can read what stands in a command)",
    )
    parser.add_argument(
        "--name",
        dest="person",
        metavar="NAME",
        help="as whom (in a lab: which computer; default: its host name)",
    )
    parser.add_argument("--host", metavar="ADDRESS", help="with a code: the address shown beside it")
    parser.add_argument(
        "--insecure",
        action="store_true",
        help="with a code: the server has no encryption, and your instructor says that this is meant",
    )
    parser.add_argument(
        "--store-in-file",
        action="store_true",
        help="keep the password in a file that only you can read (servers, labs, notebooks)",
    )
    parser.add_argument("--start", action="store_true", help="contribute at once")


def run(options: argparse.Namespace) -> int:
    """Join; the option `class` is then the class's name on this computer.

    Raises:
        GanDesktopError: The card cannot be used, or the class cannot be joined; nothing has changed then.
    """
    from gan_desktop.admission import Protection, admit, protection
    from gan_desktop.known_classes import KnownClasses

    card = _card(options)
    say(f"Class: {card.class_name}")
    say(f"Server: {', '.join(card.hosts)}, port {card.port}")
    kind = protection(card)
    # Not known before there is a connection.
    say(f"Connection: {'only if it is ' if kind is Protection.PUBLIC else ''}{kind.value}")
    person = (options.person or _default_person(card)).strip()
    try:
        known = admit(card, person, KnownClasses(), in_file=options.store_in_file, say=say)
    except ConnectionFailed as error:
        if error.cause != "tls" or card.ca_pem or not options.host:
            raise
        raise ConnectionFailed(
            f"No encrypted connection to {card.hosts[0]}. If your instructor says that this class has none,"
            f" add --insecure: others in the same network can read along then. ({error.message})",
            cause=error.cause,
            title="No encryption",
        ) from error
    say(f'This computer takes part in "{known.name}"{f" as {known.person}" if known.person else ""}.')
    setattr(options, "class", known.name)
    if not options.start:
        say("To contribute: gan-desktop, or without a window: gan-desktop --no-gui")
    return 0


def _card(options: argparse.Namespace) -> JoinCard:
    from gan_desktop.class_code import card_of_code, is_code
    from gan_desktop.join_card import parse_card, read_card_file

    text = options.card if options.card not in (None, "-") else _pasted()
    if is_code(text):
        if not options.host:
            raise SettingsError("A code needs the address shown beside it: --host ADDRESS")
        return card_of_code(text, options.host, insecure=options.insecure)
    is_meant = options.host or any(character.isdigit() for character in text)
    if is_meant and _CODE_LIKE.fullmatch(text.strip()) and not _is_file(text):
        # Mistyped: it says how a code looks.
        return card_of_code(text, options.host or "")
    if options.host or options.insecure:
        raise SettingsError("--host and --insecure are for codes; a card says by itself where the class is.")
    return read_card_file(Path(text)) if _is_file(text) else parse_card(text)


def _pasted() -> str:
    """A card from standard input: at a terminal one line, else all there is."""
    if not sys.stdin.isatty():
        return sys.stdin.read()
    return input("Paste your card or code: ")


def _is_file(text: str) -> bool:
    from gan_desktop.join_card import FILE_ENDING

    try:
        return text.endswith(FILE_ENDING) or Path(text).is_file()
    except (OSError, ValueError):  # longer than a file's name may be, or with a NUL
        return False


def _default_person(card: JoinCard) -> str:
    """As whom, where nobody said it; a person is asked."""
    if card.enrol is None:
        return ""
    if card.enrol == "room":
        return socket.gethostname()[:MAX_NAME]
    if not sys.stdin.isatty():
        return ""
    return input("Your name, as the class will see it: ")
