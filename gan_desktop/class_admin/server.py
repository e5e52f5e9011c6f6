"""Where the class lives: its server, the addresses that students use, what its room is used for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gan_desktop.class_admin.cards import hosts_of_class
from gan_desktop.class_admin.login import log_in, num_students_that_fit
from gan_desktop.database.address import LOOPBACK, Address
from gan_desktop.database.server_facts import ServerFacts, read_server_facts
from gan_desktop.database.statistics import Room, room_for_connections

Use = Literal["pictures", "updates", "weights", "training", "faces", "record", "people", "postgresql"]

# What takes the room, by table. Whatever is in none of them is PostgreSQL's own.
USES: Mapping[Use, tuple[str, ...]] = {
    "pictures": ("datasets", "dataset_shards", "shard_payloads"),
    "updates": ("update_payloads",),
    "weights": ("model_weights",),
    "training": ("optimizer_state",),
    "faces": ("samples",),
    "record": ("training_runs", "work_units", "updates", "epoch_cursors", "worker_totals", "loss_history"),
    "people": ("class", "accounts", "roster", "enrol_cards", "workers", "messages", "events"),
}


@dataclass(frozen=True)
class ClassServer:
    """The server at one moment.

    Attributes:
        hosts: By which students find it; empty: nobody but this computer does.
        port: At each of them.
        is_here: It runs on this computer.
        num_students: That the server has connections for.
        uses: What takes the database's room, in bytes, the largest first.
    """

    facts: ServerFacts
    room: Room
    hosts: tuple[str, ...]
    port: int
    is_here: bool
    num_students: int
    uses: tuple[tuple[Use, int], ...]


def look_at_server(coordinator: Address) -> ClassServer:
    """Look at the class's server once."""
    with log_in(coordinator) as connection:
        facts, room = read_server_facts(connection), room_for_connections(connection)
        hosts = tuple(host for host in hosts_of_class(connection) if host not in LOOPBACK)
        return ClassServer(
            facts=facts,
            room=room,
            hosts=hosts,
            port=coordinator.port,
            is_here=connection.address.host in LOOPBACK,
            num_students=num_students_that_fit(room),
            uses=_uses(facts),
        )


def _uses(facts: ServerFacts) -> tuple[tuple[Use, int], ...]:
    sizes: dict[Use, int] = {
        use: sum(facts.table_bytes.get(table, 0) for table in tables) for use, tables in USES.items()
    }
    sizes["postgresql"] = max(0, facts.num_bytes - sum(sizes.values()))
    return tuple(sorted(sizes.items(), key=lambda pair: -pair[1]))
