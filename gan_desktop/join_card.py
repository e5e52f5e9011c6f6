"""Join cards: the file, the link or the line of text that lets somebody into a class.

One record in three forms that say the same:

    ana.gandjoin                         a file with JSON in it
    gandesktop://join#eyJ2IjoxLC...      a link; what follows the # never reaches a web server
    eyJ2IjoxLC...                        the same without the front, to be pasted

A *personal card* is one account. A card with `enrol` is for many: its login may do nothing but make an
account (database/enrolment.py): a *class card*, which is a code on the projector as well (class_code.py), or
the *room card* of a lab.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from gan_desktop.errors import EXIT_USAGE, GanDesktopError
from gan_desktop.names import MAX_TITLE, is_name, is_plain_line

VERSION = 1
FILE_ENDING = ".gandjoin"
LINK = "gandesktop://join#"
MAX_BYTES = 64_000
MAX_HOSTS = 8
# A QR code of version 14: the largest that fits a terminal of 80 columns, and that a camera reads at once.
MAX_QR_CHARACTERS = 458

# Nothing that PostgreSQL's client library would take for a folder or a list.
_HOST = re.compile(r"[\w.:%-]{1,253}")
# Chat programs write the # as %23, browsers put a slash before it.
_ANY_LINK = re.compile(r"gandesktop://join/?(?:#|%23)", re.IGNORECASE)
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9_+/-]")


class CardProblem(StrEnum):
    """What is wrong with a card."""

    NOT_A_CARD = "not_a_card"
    CUT_OFF = "cut_off"
    TOO_LARGE = "too_large"
    TOO_NEW = "too_new"
    MISSING_KEY = "missing_key"
    WRONG_VALUE = "wrong_value"
    UNREADABLE = "unreadable"


class JoinCardError(GanDesktopError):
    """A join card that cannot be used; `problem` says in which way. Never holds any of the card's text."""

    default_title = "This join card cannot be used"
    exit_code = EXIT_USAGE

    def __init__(self, message: str, problem: CardProblem) -> None:
        super().__init__(message)
        self.problem = problem


@dataclass(frozen=True)
class JoinCard:
    """The way into a class.

    Attributes:
        class_name: What the class is called, for people.
        hosts: Addresses of its server, tried in turn.
        password: Of `user`; for a class card it is the code.
        ca_pem: The one certificate to trust, PEM text; None: the public authorities.
        insecure: The server may be used without encryption.
        enrol: `class` or `room`: the login only makes accounts. None: a personal card.
        name: Whose card it is, where that is known.
    """

    class_name: str
    hosts: tuple[str, ...]
    port: int
    dbname: str
    user: str
    password: str = field(repr=False)
    ca_pem: str | None = field(default=None, repr=False)
    insecure: bool = False
    enrol: Literal["class", "room"] | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        _check(self)

    # -- writing -----------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """The card's fields under their short names, without those that say nothing."""
        values: dict[str, Any] = {
            "v": VERSION,
            "class": self.class_name,
            "hosts": list(self.hosts),
            "port": self.port,
            "dbname": self.dbname,
            "user": self.user,
            "password": self.password,
            "ca_pem": self.ca_pem,
            "insecure": self.insecure or None,
            "enrol": self.enrol,
            "name": self.name,
        }
        return {key: value for key, value in values.items() if value is not None}

    def to_file_text(self) -> str:
        """What a .gandjoin file holds."""
        return json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n"

    def to_line(self) -> str:
        """One line without spaces, to be pasted."""
        text = json.dumps(self.to_json(), separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def to_link(self) -> str:
        """A link that opens the program."""
        return LINK + self.to_line()

    @property
    def fits_a_qr_code(self) -> bool:
        """Whether the link makes a QR code that fits a screen (one with a certificate does not)."""
        return len(self.to_link()) <= MAX_QR_CHARACTERS


# ---------------------------------------------------------------------------------------------
# Reading
# ---------------------------------------------------------------------------------------------


def read_card_file(path: Path) -> JoinCard:
    """Read a .gandjoin file.

    Raises:
        JoinCardError: It cannot be read, or holds no card.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise JoinCardError(
            f"The card {path} cannot be read: {error.strerror}.", CardProblem.UNREADABLE
        ) from error
    if len(content) > MAX_BYTES:
        raise _too_large()
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return parse_card(content.decode(encoding))
    except UnicodeDecodeError:  # not kept as the cause: it holds the content
        raise _not_a_card("is no text") from None


def parse_card(text: str) -> JoinCard:
    """Read a card from a file's text, a link, or a pasted line, however a mail program has broken it.

    Raises:
        JoinCardError: In which way it is wrong.
    """
    if len(text) > MAX_BYTES:
        raise _too_large()
    text = text.strip().lstrip("\ufeff")
    link = _ANY_LINK.search(text)
    if link is None and text.startswith("{"):
        return _from_json(text, is_whole=True)
    if link is None:
        _refuse_other_files(text)
    return _from_json(_decoded(text[link.end() :] if link else text), is_whole=False)


# ---------------------------------------------------------------------------------------------
# From text to checked values
# ---------------------------------------------------------------------------------------------


def _refuse_other_files(text: str) -> None:
    """Name what people take for a card."""
    if not text:
        raise _not_a_card("is empty")
    if text.startswith("<"):
        raise _not_a_card(
            "is a web page: the download did not bring the card, perhaps because you have to log in there"
        )
    if re.search(r"^\s*(database|worker):\s*$", text, re.MULTILINE):
        raise _not_a_card("is a config.yaml: put it into a folder of that name, and start gan-desktop there")


def _decoded(text: str) -> str:
    """JSON from a pasted line: spaces, line breaks, quoting marks and what follows the card are no harm."""
    letters = _NOT_BASE64.sub("", text).replace("+", "-").replace("/", "_")
    if not letters.startswith("ey"):  # how every card begins: {"
        raise _not_a_card("is something else")
    # Four letters are three bytes; that the end is missing shows in what they say.
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    try:
        content = base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4))
    except binascii.Error:
        raise _not_a_card("is something else") from None
    return content.decode("utf-8", errors="replace")


def _from_json(text: str, *, is_whole: bool) -> JoinCard:
    """A card from JSON. `is_whole`: nothing may follow it; a pasted one may have a signature below."""
    try:
        values, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):  # also a number too long; not kept as the cause: it holds the text
        if "}" not in text:
            raise JoinCardError(
                "The card is not whole: its end is missing. Copy all of it, or save the file again.",
                CardProblem.CUT_OFF,
            ) from None
        raise _not_a_card("is damaged or something else") from None
    if not isinstance(values, dict) or "v" not in values or (is_whole and text[end:].strip()):
        raise _not_a_card("is something else")
    version = values["v"]
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise _wrong("v", "a whole number")
    if version > VERSION:
        raise JoinCardError(
            f"The card is of a newer kind ({version}) than this program knows ({VERSION})."
            " Get the newest version of the program.",
            CardProblem.TOO_NEW,
        )
    return _from_values(values)


def _from_values(values: dict[str, Any]) -> JoinCard:
    for key in ("class", "hosts", "port", "dbname", "user", "password"):
        if key not in values:
            raise JoinCardError(
                f"The card has no {key}. Ask your instructor for a new one.", CardProblem.MISSING_KEY
            )
    hosts = values["hosts"]
    if not isinstance(hosts, list):
        raise _wrong("hosts", "a list of addresses")
    return JoinCard(
        class_name=values["class"],
        hosts=tuple(hosts),
        port=values["port"],
        dbname=values["dbname"],
        user=values["user"],
        password=values["password"],
        ca_pem=values.get("ca_pem"),
        insecure=values.get("insecure", False),
        enrol=values.get("enrol"),
        name=values.get("name"),
    )


def _check(card: JoinCard) -> None:
    """Raise `JoinCardError` where a value cannot be one, whatever type it has."""
    checks: tuple[tuple[str, Callable[[], bool], str], ...] = (
        (
            "class",
            lambda: is_plain_line(card.class_name, MAX_TITLE),
            f"a name of 1 to {MAX_TITLE} visible characters",
        ),
        ("hosts", lambda: 1 <= len(card.hosts) <= MAX_HOSTS, f"1 to {MAX_HOSTS} addresses"),
        ("hosts", lambda: all(_is_host(host) for host in card.hosts), "names or numbers of computers"),
        ("port", lambda: type(card.port) is int and 1 <= card.port <= 65_535, "a whole number up to 65535"),
        ("dbname", lambda: is_plain_line(card.dbname, 63), "the name of a database"),
        ("user", lambda: is_plain_line(card.user, 63), "the name of a login"),
        ("password", lambda: is_plain_line(card.password, 200), "a password of 1 to 200 visible characters"),
        ("ca_pem", lambda: card.ca_pem is None or is_certificate(card.ca_pem), "a certificate in PEM form"),
        ("insecure", lambda: isinstance(card.insecure, bool), "true or false"),
        ("enrol", lambda: card.enrol in (None, "class", "room"), "class or room"),
        ("name", lambda: card.name is None or is_name(card.name), "a person's name"),
    )
    for key, is_right, wanted in checks:
        if not is_right():
            raise _wrong(key, wanted)


def _is_host(host: object) -> bool:
    return isinstance(host, str) and _HOST.fullmatch(host) is not None and is_plain_line(host, 253)


def is_certificate(pem: object) -> bool:
    """Whether a text holds certificates in PEM form, and no private key."""
    if not isinstance(pem, str) or "PRIVATE KEY" in pem:
        return False
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError):
        return False
    return True


def _wrong(key: str, wanted: str) -> JoinCardError:
    return JoinCardError(
        f"The card's {key} is not {wanted}. Ask your instructor for a new one.", CardProblem.WRONG_VALUE
    )


def _not_a_card(what: str) -> JoinCardError:
    return JoinCardError(
        f"This is no join card: it {what}. A card is a file that ends in {FILE_ENDING}, or a line that begins"
        f" with {LINK}",
        CardProblem.NOT_A_CARD,
    )


def _too_large() -> JoinCardError:
    return JoinCardError(
        f"This is no join card: it is over {MAX_BYTES // 1000} kB. A card's file ends in {FILE_ENDING}.",
        CardProblem.TOO_LARGE,
    )
