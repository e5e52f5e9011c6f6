"""Join cards: who may come in, and by which address."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import psutil

from gan_desktop.class_admin.login import APPLICATION, log_in
from gan_desktop.class_admin.people import find_student
from gan_desktop.database.accounts import Accounts, Login, RosterEntry, Student
from gan_desktop.database.address import LOOPBACK, Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.enrolment import CardKind, EnrolCard, EnrolCards
from gan_desktop.database.statistics import Statistics
from gan_desktop.errors import ConnectionFailed, GanDesktopError, SettingsError
from gan_desktop.join_card import MAX_HOSTS, JoinCard, JoinCardError
from gan_desktop.names import is_name

# Reached by nobody: only asked by which way one would go there (RFC 5737).
_FAR_AWAY = ("192.0.2.1", 9)


@dataclass(frozen=True)
class Entrance:
    """What all cards of a class have in common.

    Attributes:
        notes: What the instructor should know before handing cards out, as sentences.
    """

    class_name: str
    hosts: tuple[str, ...]
    port: int
    dbname: str
    ca_pem: str | None
    insecure: bool
    notes: tuple[str, ...]

    @property
    def is_for_here_alone(self) -> bool:
        """Whether cards lead nowhere on other computers."""
        return set(self.hosts) <= LOOPBACK

    def card(
        self,
        user: str,
        password: str,
        *,
        name: str | None = None,
        enrol: Literal["class", "room"] | None = None,
    ) -> JoinCard:
        """A card for one login."""
        return JoinCard(
            class_name=self.class_name,
            hosts=self.hosts,
            port=self.port,
            dbname=self.dbname,
            user=user,
            password=password,
            ca_pem=self.ca_pem,
            insecure=self.insecure,
            enrol=enrol,
            # People's names come from many places; a card without one is still a card.
            name=name if is_name(name) else None,
        )


@dataclass(frozen=True)
class PersonsCard:
    """A personal card, and what the instructor's list says of whose it is."""

    person: RosterEntry
    card: JoinCard


def entrance(coordinator: Address, hosts: Sequence[str] = (), *, insecure: bool = False) -> Entrance:
    """How others reach the class.

    Args:
        hosts: The server's addresses; empty: the one we use ourselves, or, where it runs on this computer,
            this computer's addresses.
        insecure: The server has no encryption, and the instructor accepts it.

    Raises:
        SettingsError: An address cannot be one, or there are too many.
    """
    if len(hosts) > MAX_HOSTS:
        raise SettingsError(f"A card holds at most {MAX_HOSTS} addresses.")
    with log_in(coordinator) as connection:
        notes: list[str] = []
        is_here = connection.address.host in LOOPBACK
        if not hosts:
            hosts = _hosts_of_this_computer(connection, notes) if is_here else connection.address.hosts
        is_open = is_here and not _is_ssl_on(connection) and not set(hosts) <= LOOPBACK
        if is_open:
            notes.append(
                "The database on this computer has no encryption: others in the same network can read along"
                " (not the passwords, which never travel). The card says so to those who join."
            )
        way = Entrance(
            class_name=Statistics(connection).title().strip(),
            hosts=tuple(dict.fromkeys(hosts)),
            port=coordinator.port,
            dbname=coordinator.dbname,
            ca_pem=coordinator.ca_pem,
            insecure=insecure or is_open or coordinator.insecure,
            notes=tuple(notes),
        )
    _require_cards(way)
    return way


def _require_cards(way: Entrance) -> None:
    """Fail before anybody is admitted whose card could not be made."""
    try:
        way.card("login", "password")
    except JoinCardError as error:
        raise SettingsError(
            f'No card can be made for "{way.class_name}" at {", ".join(way.hosts)}: title and addresses have'
            " visible characters only, and an address no spaces and commas.",
            title="No cards",
        ) from error


def renew_card(coordinator: Address, way: Entrance, who: str) -> JoinCard:
    """A new personal card for a student; the former one, and sessions with it, end.

    Raises:
        GanDesktopError: Nobody has that name or login, or several have.
    """
    student = find_student(coordinator, who)
    [card] = renew_cards(coordinator, way, [student])
    return card.card


def renew_cards(coordinator: Address, way: Entrance, students: Sequence[Student]) -> list[PersonsCard]:
    """New personal cards, for all of these students or, if anything fails, for none.

    The former ones end, and the sessions with them.

    Raises:
        GanDesktopError: Somebody was removed from the class.
    """
    with log_in(coordinator) as connection:
        logins = Accounts(connection).renew_all([student.user for student in students])
    entries = [RosterEntry(s.name, s.student_id, s.email, s.section) for s in students]
    return persons_cards(way, entries, logins)


def persons_cards(
    way: Entrance, entries: Sequence[RosterEntry], logins: Sequence[Login]
) -> list[PersonsCard]:
    """The cards of people whose logins were just made, in the same order."""
    return [
        PersonsCard(entry, way.card(login.user, login.password, name=entry.name))
        for entry, login in zip(entries, logins, strict=True)
    ]


def refused_logins(coordinator: Address, logins: Sequence[Login]) -> set[str]:
    """Whom of these the class lets in no more: renewed, withdrawn or closed since.

    One is tried after the other, by the way that the coordinator gets in.

    Raises:
        ConnectionFailed: The class cannot be reached.
    """
    with log_in(coordinator) as connection:
        way_in = connection.address
    return {
        login.user
        for login in logins
        if not _lets_in(replace(way_in, user=login.user, password=login.password))
    }


def _lets_in(address: Address) -> bool:
    try:
        Connection(address, APPLICATION).close()
    except ConnectionFailed as error:
        # Whoever has as many connections as a login may have has shown the right password.
        if error.cause not in {"login", "forbidden", "too_many"}:
            raise
        return error.cause == "too_many"
    return True


def enrol_card(
    coordinator: Address, way: Entrance, kind: CardKind, max_uses: int, valid: timedelta | datetime
) -> tuple[JoinCard, EnrolCard]:
    """A card for many: `class` (its password is the code) or `room` (the computers of a lab).

    Args:
        valid: For how long, or until when.

    Raises:
        GanDesktopError: The time is over, or the number is out of bounds.
    """
    with log_in(coordinator) as connection:
        new = EnrolCards(connection).make(kind, max_uses, valid)
    return way.card(new.card.login, new.password, enrol=kind), new.card


def enrol_cards(coordinator: Address) -> list[EnrolCard]:
    """The class cards and room cards that were not withdrawn, newest first."""
    with log_in(coordinator) as connection:
        return EnrolCards(connection).in_use()


def withdraw_enrol_card(coordinator: Address, card_id: int) -> None:
    """End a class card or room card; who has come in with it stays.

    Raises:
        GanDesktopError: There is no such card.
    """
    with log_in(coordinator) as connection:
        if not EnrolCards(connection).withdraw(card_id):
            raise GanDesktopError(
                f"The class has no card number {card_id}. Look at: gan-desktop class cards",
                title="No such card",
            )


def addresses_of_this_computer() -> list[str]:
    """By which others in the network may find this computer: the likeliest first, its name last."""
    outward = _outward_address()
    found = [outward] if outward else []
    stats = psutil.net_if_stats()
    for interface, addresses in psutil.net_if_addrs().items():
        if interface in stats and not stats[interface].isup:
            continue
        found += [a.address for a in addresses if a.family == socket.AF_INET and _is_of_a_network(a.address)]
    return [*list(dict.fromkeys(found))[: MAX_HOSTS - 1], socket.gethostname()]


def hosts_of_class(connection: Connection) -> Sequence[str]:
    """By which a card made now would let others find the class; 127.0.0.1: nobody else does."""
    if connection.address.host in LOOPBACK:
        return _hosts_of_this_computer(connection, [])
    return connection.address.hosts


def _hosts_of_this_computer(connection: Connection, notes: list[str]) -> Sequence[str]:
    listening = {part.strip() for part in connection.query("SHOW listen_addresses")[0][0].split(",")}
    if listening <= LOOPBACK | {""}:
        notes.append(
            "The database listens for this computer alone, and the card leads nowhere else. For others, stop"
            " it and start it again with: gan-desktop class host --listen 0.0.0.0"
        )
        return ["127.0.0.1"]
    here = addresses_of_this_computer()
    if listening & {"*", "0.0.0.0"}:
        return here
    return [host for host in here if host in listening] or sorted(listening - LOOPBACK)


def _is_ssl_on(connection: Connection) -> bool:
    return str(connection.query("SHOW ssl")[0][0]) == "on"


def _outward_address() -> str:
    """The address of this computer in the network that leads outside; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_FAR_AWAY)
            address = str(probe.getsockname()[0])
        except OSError:
            return ""
    return address if _is_of_a_network(address) else ""


def _is_of_a_network(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    return not (ip.is_loopback or ip.is_link_local or ip.is_unspecified)
