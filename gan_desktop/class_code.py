"""A class card as people read it from the projector: an address and a code.

    192.168.1.20:23456    K7PF2-QXM3A

The code is the password of the card's login, and its first two letters name that login, so that nothing else
has to be typed.
"""

from __future__ import annotations

import re
import secrets
from datetime import timedelta

from gan_desktop.join_card import CardProblem, JoinCard, JoinCardError

DEFAULT_PORT = 5432
# The database that `class init --hosted` makes: whoever types an address need not name it.
DEFAULT_DATABASE = "gan_desktop"

# No 0, O, 1 or I, which look alike on a projector. Five bits each; the first two are no secret, 40 bits are:
# a server that answers 500 logins a second would have to be asked for decades.
CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH = 10
# How many may come in with a card, unless the instructor says otherwise.
DEFAULT_USES = 40
# A class card is for a lesson and stands on a wall; a room card stays in a lab for a term.
DEFAULT_TIME = {"class": timedelta(hours=12), "room": timedelta(days=180)}
_NAME_LENGTH = 2
_ADDRESS = re.compile(
    r"\[(?P<v6>[^\]]+)\](:(?P<v6_port>\d{1,9}))?|(?P<bare_v6>[^\[\]]*:[^\[\]]*:[^\[\]]*)"
    r"|(?P<name>[^:]+)(:(?P<port>\d{1,9}))?"
)


def is_code(text: str) -> bool:
    """Whether a text is a class card's code, however it is written."""
    code = _plain_code(text)
    return len(code) == CODE_LENGTH and set(code) <= set(CODE_LETTERS)


def card_of_code(code: str, address: str, *, insecure: bool = False) -> JoinCard:
    """The class card that a code and an address stand for: what one types from the projector.

    Args:
        address: `host`, `host:port` or `host:port/database`.
        insecure: The person accepts a server without encryption.

    Raises:
        JoinCardError: The code or the address cannot be one.
    """
    if not is_code(code):
        raise JoinCardError(
            f"A code has {CODE_LENGTH} letters and figures, as in {shown_code('K7PF2QXM3A')};"
            " 0, O, 1 and I are not among them.",
            CardProblem.WRONG_VALUE,
        )
    host, port, dbname = parse_address(address)
    plain = _plain_code(code)
    return JoinCard(
        class_name=dbname if dbname != DEFAULT_DATABASE else host,
        hosts=(host,),
        port=port,
        dbname=dbname,
        user=code_login(plain),
        password=plain,
        insecure=insecure,
        enrol="class",
    )


def new_code() -> str:
    """A code for a new class card."""
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))


def code_login(code: str) -> str:
    """The login of a class card, from its code: its first two letters."""
    return f"gan_card_{code[:_NAME_LENGTH].lower()}"


def shown_code(code: str) -> str:
    """A code as people read it: K7PF2-QXM3A."""
    half = CODE_LENGTH // 2
    return f"{code[:half]}-{code[half:]}"


def shown_address(host: str, port: int, dbname: str) -> str:
    """The address that people type together with a code; what everybody has is left out."""
    place = f"[{host}]" if ":" in host else host
    return (
        place
        + (f":{port}" if port != DEFAULT_PORT else "")
        + (f"/{dbname}" if dbname != DEFAULT_DATABASE else "")
    )


def _plain_code(text: str) -> str:
    return re.sub(r"[\s\u2010-\u2015-]", "", text).upper()


def parse_address(
    address: str, port: int = DEFAULT_PORT, dbname: str = DEFAULT_DATABASE
) -> tuple[str, int, str]:
    """Host, port and database of an address as people type it.

    Args:
        port, dbname: Where it names none.

    Raises:
        JoinCardError: It cannot be one.
    """
    place, _, named = address.strip().partition("/")
    match = _ADDRESS.fullmatch(place)
    if match is None:
        raise JoinCardError(
            "Write the address as your instructor shows it, for example 192.168.1.20:23456.",
            CardProblem.WRONG_VALUE,
        )
    host = match["v6"] or match["bare_v6"] or match["name"]
    return host, int(match["v6_port"] or match["port"] or port), named or dbname
