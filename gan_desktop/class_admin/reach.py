"""Whether others reach the class: who has come to its door, for how many there is room, how fast the way is.

On this computer the server's own log tells of everybody who knocks at the port, a browser too: that is the
door which firewalls and Wi-Fi keep shut. A server elsewhere tells only of those who log in.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

import psutil

from gan_desktop.class_admin.cards import addresses_of_this_computer
from gan_desktop.class_admin.login import APPLICATION, log_in, num_students_that_fit, room_on_server
from gan_desktop.database.address import LOOPBACK, Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.embedded import server_log
from gan_desktop.database.statistics import Room
from gan_desktop.database.visitors import Visitors, writes_visits_down
from gan_desktop.errors import GanDesktopError

LOOK_S = 0.2
# What a server may need to read its settings anew.
SETTINGS_S = 5.0
_KNOCK = re.compile(r"connection received: host=(\S+)")
# Enough for a slow line to be told from a fast one, and done in some seconds on either.
_FIRST_BYTES, _MOST_BYTES, _ENOUGH_S = 250_000, 16_000_000, 0.8


@dataclass(frozen=True)
class Visit:
    """Another computer was here: its address, where the server tells it, or the login it came with."""

    address: str
    login: str = ""


@dataclass(frozen=True)
class Network:
    """A network that this computer is in.

    Attributes:
        name: As the system calls the adapter.
        mbit_s: What the adapter says of itself; None: nothing. A Wi-Fi shares it among all who are in it.
    """

    name: str
    address: str
    mbit_s: int | None


@dataclass(frozen=True)
class Budget:
    """The connections of a server, and how many students' computers they are enough for."""

    room: Room
    num_students: int


class Door(Protocol):
    """Where visitors are noticed, between entry and exit."""

    def __enter__(self) -> Door:
        """Begin to look."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Look no longer."""
        ...

    def visits(self) -> list[Visit]:
        """Who has come since the last look."""
        ...


class HostedDoor:
    """The port of the server on this computer.

    Args:
        folder: The server's.
        administrator: Its superuser.
        own: Addresses that are this computer's own: whoever comes from them proves nothing.
    """

    def __init__(self, folder: Path, administrator: Address, own: Collection[str] | None = None) -> None:
        self._log = server_log(folder)
        self._administrator = administrator
        self._own = frozenset(own_addresses() if own is None else own)
        self._position = 0

    def __enter__(self) -> HostedDoor:
        """Let the server write down who knocks.

        Raises:
            GanDesktopError: It does not.
        """
        with Connection(self._administrator, APPLICATION) as connection:
            Visitors(connection).write_down()
        self._await_settings()
        self._position = self._log.stat().st_size
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The server may be gone; it writes down addresses until its next start then, and no more than that.
        with suppress(GanDesktopError), Connection(self._administrator, APPLICATION) as connection:
            Visitors(connection).forget()

    def visits(self) -> list[Visit]:
        """Other computers that have knocked since the last look, whatever became of it."""
        with self._log.open("rb") as file:
            file.seek(min(self._position, self._log.stat().st_size))
            lines = file.read()
        # The last line may not be whole yet.
        whole = lines[: lines.rfind(b"\n") + 1]
        self._position += len(whole)
        hosts = _KNOCK.findall(whole.decode("utf-8", errors="replace"))
        return [Visit(host) for host in dict.fromkeys(hosts) if host not in self._own]

    def _await_settings(self) -> None:
        give_up_at = time.monotonic() + SETTINGS_S
        while True:
            with Connection(self._administrator, APPLICATION) as connection:
                if writes_visits_down(connection):
                    return
            if time.monotonic() > give_up_at:
                raise GanDesktopError(
                    "The database on this computer does not tell who connects. Look at it from another"
                    " computer: its window shows whether it gets in.",
                    title="Nobody can be waited for",
                )
            time.sleep(LOOK_S / 2)


class LoginDoor:
    """The class on a server elsewhere: only those who log in are noticed."""

    def __init__(self, coordinator: Address) -> None:
        self._coordinator = coordinator
        self._known: set[int] = set()

    def __enter__(self) -> LoginDoor:
        """Connect, and remember who is there already.

        Raises:
            GanDesktopError: No connection.
        """
        self._connection = log_in(self._coordinator)
        self._visitors = Visitors(self._connection)
        self.visits()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def visits(self) -> list[Visit]:
        """Sessions of students that were not there at the last look."""
        sessions = self._visitors.sessions()
        new = [session for session in sessions if session.pid not in self._known]
        self._known = {session.pid for session in sessions}
        return [Visit(session.address or "", session.login) for session in new]


def await_visit(
    door: Door, should_stop: Callable[[], bool], *, wait: Callable[[float], object] = time.sleep
) -> Visit | None:
    """Wait until another computer has come to the door; None: stopped before.

    Args:
        wait: Lets so many seconds pass, or fewer where it is woken.

    Raises:
        GanDesktopError: Nobody can be waited for.
    """
    with door:
        while not should_stop():
            if visits := door.visits():
                return visits[0]
            wait(LOOK_S)
    return None


def listening(address: Address) -> str:
    """What the server of this computer listens at beside 127.0.0.1; 127.0.0.1: nothing.

    Raises:
        ConnectionFailed: No connection.
    """
    with Connection(address, APPLICATION) as connection:
        told = str(connection.query("SHOW listen_addresses")[0][0])
    others = [part.strip() for part in told.split(",") if part.strip() not in LOOPBACK | {""}]
    return others[0] if others else "127.0.0.1"


def budget(address: Address) -> Budget:
    """For how many students the server has connections.

    Raises:
        ConnectionFailed: No connection.
    """
    room = room_on_server(address)
    return Budget(room, num_students_that_fit(room))


def measure_link(address: Address) -> float:
    """How many Mbit/s come from the server to this computer, roughly: some hundred kilobytes to 16 MB.

    Raises:
        ConnectionFailed: No connection.
    """
    with Connection(address, APPLICATION) as connection:
        visitors, num_bytes = Visitors(connection), _FIRST_BYTES
        while True:
            began = time.monotonic()
            visitors.fetch(num_bytes)
            seconds = max(time.monotonic() - began, 1e-4)
            if seconds >= _ENOUGH_S or num_bytes >= _MOST_BYTES:
                return num_bytes * 8 / 1e6 / seconds
            num_bytes = min(_MOST_BYTES, num_bytes * 4)


def networks_of_this_computer() -> list[Network]:
    """The networks in which others may find this computer, the likeliest first."""
    wanted = addresses_of_this_computer()[:-1]
    stats, found = psutil.net_if_stats(), {}
    for name, addresses in psutil.net_if_addrs().items():
        for address in addresses:
            if address.family == socket.AF_INET and address.address in wanted:
                speed = stats[name].speed if name in stats else 0
                found[address.address] = Network(name, address.address, speed or None)
    return [found[address] for address in wanted if address in found]


def own_addresses() -> set[str]:
    """By which this computer is found by itself."""
    listed = {a.address.partition("%")[0] for found in psutil.net_if_addrs().values() for a in found}
    return LOOPBACK | {address for address in listed if _is_address(address)}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:  # a card's own number
        return False
    return True
