"""From a join card to a stored way into the class, and from there to the class's address.

Every front end joins through `admit`. Nothing is used up by a failure: the password of an account to come
is kept before it is asked for, and a question whose answer was lost, or could not be written down, is asked
again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from gan_desktop.database.address import LOOPBACK, Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.enrolment import Enrolment
from gan_desktop.database.schema import require_fitting_schema
from gan_desktop.database.statistics import Statistics
from gan_desktop.errors import ConnectionFailed, GanDesktopError, Refused, SchemaError
from gan_desktop.join_card import JoinCard
from gan_desktop.known_classes import KnownClass, KnownClasses, require_place_for_password
from gan_desktop.names import MAX_TITLE, is_plain_line

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Thirty laptops use one class card at the same moment, and its login has ten connections.
PATIENCE_S = 60.0
_WORTH_WAITING = {"too_many", "starting", "busy", "lost"}


class Protection(StrEnum):
    """How the connection to a class is protected. The values are what people read."""

    LOCAL = "stays on this computer"
    PUBLIC = "encrypted, the server's certificate is checked"
    PINNED = "encrypted, the server must have the certificate in the card"
    NONE = "NOT encrypted: others in the network can read along, or pose as the server"


def protection(where: JoinCard | KnownClass) -> Protection:
    """How the connection will be protected, known before there is one."""
    if where.ca_pem:
        return Protection.PINNED
    if all(host in LOOPBACK for host in where.hosts):
        return Protection.LOCAL
    return Protection.NONE if where.insecure else Protection.PUBLIC


def admit(
    card: JoinCard,
    person: str,
    classes: KnownClasses,
    *,
    in_file: bool = False,
    in_memory: bool = False,
    say: Callable[[str], None] = lambda words: None,
) -> KnownClass:
    """Join the class of a card and keep the way in.

    The same class card or room card again, for the same person, leads back to the account that it made.

    Args:
        person: As whom; for a room card the computer's name. Empty: as before, or as the card says.
        in_file: Keep the password in a file of ours instead of the computer's password store.
        in_memory: Keep it nowhere: only `classes` itself knows it, as long as the program runs.
        say: Told what happens, a sentence at a time.

    Raises:
        GanDesktopError: No connection, no class there, the card is used up, the name is taken, or the
            password cannot be kept. The same card leads in when that is mended, as if it had not been used.
    """
    place = {"password_in_file": in_file, "password_in_memory": in_memory}
    if not in_memory:
        require_place_for_password(in_file)
    if card.enrol is not None and (known := _returning(card, person, classes, say)):
        return known
    if card.enrol is None:
        return _keep(card, address_of(card, card.password), person or card.name or "", classes, place)
    if not person:
        raise GanDesktopError("Say who you are: the class shows a name.", title="A name is missing")
    wish = _wish(card, person, place)
    enrolment = Enrolment(person, classes.stored_password(wish))
    user = _patiently(lambda: _ask(card, enrolment, wish, classes))
    account = replace(address_of(card, ""), user=user, password=enrolment.password)
    known = _patiently(lambda: _keep(card, account, person, classes, place, origin=_origin(card)))
    classes.forget_password(wish)
    return known


def address_of(where: JoinCard | KnownClass, password: str | None) -> Address:
    """A card's, or a known class's, address for the database layer."""
    host, *others = where.hosts
    address = Address(
        host=host,
        port=where.port,
        dbname=where.dbname,
        user=where.user,
        password=password,
        ca_pem=where.ca_pem,
        insecure=where.insecure,
        other_hosts=tuple(others),
    )
    answering = where.answering_host if isinstance(where, KnownClass) else ""
    return address.at(answering) if answering in where.hosts else address


def open_class(classes: KnownClasses, known: KnownClass, password_file: str | None = None) -> Address:
    """The address of a joined class with its password; of several hosts the one first that answers now.

    Raises:
        CredentialsError: The password is nowhere.
    """
    address = address_of(known, classes.password(known, password_file).value)
    if address.other_hosts:
        try:
            with Connection(address) as connection:
                address = connection.address
        except ConnectionFailed as error:  # the worker itself says so, or waits
            logger.debug("None of the addresses answers: %s", error)
        else:
            classes.remember(known, answering_host=address.host)
    return address


def try_card(card: JoinCard) -> bool:
    """Look whether a card's server answers and lets it in; nothing is used up. True: encrypted.

    Raises:
        GanDesktopError: As `admit`.
    """
    try:
        with Connection(address_of(card, card.password), "gan-desktop join") as connection:
            require_fitting_schema(connection)
            return connection.is_encrypted
    except ConnectionFailed as error:
        raise _about_card(card, error) from error


def move_class(classes: KnownClasses, known: KnownClass, host: str, port: int) -> KnownClass:
    """Find a class at the new address of its server, and keep that one.

    Raises:
        GanDesktopError: It cannot be reached there, or another class is there; nothing has changed then.
    """
    moved = replace(known, hosts=(host,), port=port, answering_host="")
    password = classes.password(known).value
    with Connection(address_of(moved, password), "gan-desktop join") as connection:
        require_fitting_schema(connection)
        [row] = connection.query("SELECT class_id, title FROM class_info")
    if row.class_id != known.class_id:
        raise SchemaError(
            f'At {host} is another class, "{row.title}". Compare the address with what your instructor'
            " shows.",
            title="Another class",
        )
    return classes.keep(moved, password) if password is not None else classes.remember(moved)


def _returning(
    card: JoinCard, person: str, classes: KnownClasses, say: Callable[[str], None]
) -> KnownClass | None:
    """The class as this computer joined it with the same card, if that login still works."""
    origin = _origin(card)
    for known in classes.all():
        if known.origin != origin or person not in ("", known.person):
            continue
        password = classes.stored_password(known)
        try:
            if password is not None:
                return _return(known, password, card, classes)
        except ConnectionFailed as error:
            if error.cause != "login":
                raise
        say(f"This computer joined before as {known.person}, but may not any more. Joining anew.")
    return None


def _return(known: KnownClass, password: str, card: JoinCard, classes: KnownClasses) -> KnownClass:
    """Come in as before: at the addresses of that time, and where these lead nowhere at the card's.

    Anybody can write a card with our code and his own server in it. So a password of before is shown only to
    whom the class as it was joined would trust, whatever certificate this card brings.
    """
    moved = replace(known, hosts=_new_hosts(card, known), port=card.port, answering_host="")
    try:
        return classes.remember(known, answering_host=_answering_host(known, password))
    except ConnectionFailed as error:
        is_elsewhere = (moved.hosts, moved.port) != (known.hosts, known.port)
        if error.cause in {"login", *_WORTH_WAITING} or not (moved.hosts and is_elsewhere):
            raise
        logger.info("The class is not where it was: %s", error)
    try:
        answering = _answering_host(moved, password)
    except ConnectionFailed as error:
        if error.cause != "tls":
            raise
        raise ConnectionFailed(
            f"{error.message} The card names another server than the one this computer has joined. If your"
            f' instructor says that it is right: gan-desktop leave "{known.name}", then join again.',
            cause=error.cause,
            title="The card is for another server",
        ) from error
    # The server has moved: the password is kept under its new address.
    return classes.keep(replace(moved, answering_host=answering), password)


def _new_hosts(card: JoinCard, known: KnownClass) -> tuple[str, ...]:
    """The card's addresses, without those that would be believed with less proof than the class's."""
    is_public = protection(known) is Protection.PUBLIC
    return tuple(host for host in card.hosts if not (is_public and host in LOOPBACK))


def _answering_host(known: KnownClass, password: str) -> str:
    with Connection(address_of(known, password), "gan-desktop join") as connection:
        return connection.address.host


def _wish(card: JoinCard, person: str, place: Mapping[str, bool]) -> KnownClass:
    """Under what the password of an account to come is kept until the class has told its login."""
    origin = _origin(card)
    user = f"new-{hashlib.sha256(person.encode()).hexdigest()[:12]}"
    return KnownClass(
        name="",
        class_id=origin,
        hosts=card.hosts,
        port=card.port,
        dbname=card.dbname,
        user=user,
        person=person,
        password_in_file=place["password_in_file"],
        password_in_memory=place["password_in_memory"],
    )


def _ask(card: JoinCard, enrolment: Enrolment, wish: KnownClass, classes: KnownClasses) -> str:
    """Make the account with the card's login, after its password is kept."""
    try:
        # Whoever has used the card before may have left settings with its login.
        with Connection(
            address_of(card, card.password), "gan-desktop join", {"default_transaction_read_only": "off"}
        ) as connection:
            require_fitting_schema(connection)
            classes.keep_password(wish, enrolment.secret(connection))
            return enrolment.ask(connection)
    except Refused:  # there is no account, and will be none
        classes.forget_password(wish)
        raise
    except ConnectionFailed as error:
        raise _about_card(card, error) from error


def _about_card(card: JoinCard, error: ConnectionFailed) -> ConnectionFailed:
    """The same trouble, in other words where the refused login is that of a card for many."""
    if card.enrol is None or error.cause != "login":
        return error
    return ConnectionFailed(
        "The class does not know this card: the code or the address is wrong, or the card was withdrawn."
        " Compare both with what your instructor shows.",
        cause="login",
        title="The card is not accepted",
    )


def _keep(
    card: JoinCard,
    account: Address,
    person: str,
    classes: KnownClasses,
    place: Mapping[str, bool],
    origin: str = "",
) -> KnownClass:
    with Connection(account, "gan-desktop join") as connection:
        require_fitting_schema(connection)
        if Statistics(connection).is_instructor():
            raise SchemaError(
                f"{account.user} is the instructor's login, and no computer can contribute with it. Make a"
                " student's card: gan-desktop class card NAME",
                title="Not a student's card",
            )
        [row] = connection.query("SELECT class_id, title FROM class_info")
        known = KnownClass(
            name=_shown(row.title),
            class_id=str(row.class_id),
            hosts=card.hosts,
            port=card.port,
            dbname=card.dbname,
            user=account.user,
            person=person,
            ca_pem=card.ca_pem,
            insecure=card.insecure,
            origin=origin,
            answering_host=connection.address.host,
            password_in_file=place["password_in_file"],
            password_in_memory=place["password_in_memory"],
        )
    classes.require_same_server(known, account.password or "")
    return classes.keep(known, account.password or "")


def _shown(title: object) -> str:
    """A class's title, which its server chooses, as something that may stand on our screen."""
    title = str(title).strip()
    if not is_plain_line(title, MAX_TITLE):
        raise SchemaError(
            "The class's title is too long or holds control or invisible characters. Ask your instructor to"
            " give it another one.",
            title="The class has no proper title",
        )
    return title


def _patiently(ask: Callable[[], T]) -> T:
    """Ask again where the answer may be another in a moment."""

    def is_passing(error: BaseException) -> bool:
        return isinstance(error, ConnectionFailed) and error.cause in _WORTH_WAITING

    retrying = Retrying(
        retry=retry_if_exception(is_passing),
        stop=stop_after_delay(PATIENCE_S),
        wait=wait_random_exponential(multiplier=0.3, max=5),
        reraise=True,
    )
    return retrying(ask)


def _origin(card: JoinCard) -> str:
    """What tells a class card or room card from all others, without telling its password.

    Slow on purpose: a code could otherwise be found by trying.
    """
    salt = f"{card.user}@{card.dbname}".encode()
    return hashlib.pbkdf2_hmac("sha256", card.password.encode(), salt, 200_000).hex()[:16]
