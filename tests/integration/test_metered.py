"""Payloads that are carried in pieces: the same bytes, each piece told."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from gan_desktop.database.connection import Connection
from gan_desktop.database.embedded import EmbeddedPostgres

PIECE = 1_000


@dataclass
class Meter:
    """Keeps the sizes of the pieces."""

    piece_bytes: int = PIECE
    pieces_received: list[int] = field(default_factory=list)
    pieces_sent: list[int] = field(default_factory=list)

    def received(self, num_bytes: int) -> None:
        self.pieces_received.append(num_bytes)

    def sent(self, num_bytes: int) -> None:
        self.pieces_sent.append(num_bytes)


@pytest.mark.parametrize("num_bytes", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_a_value_comes_whole_in_pieces_of_the_size_asked_for(
    server: EmbeddedPostgres, num_bytes: int
) -> None:
    payload, meter = random.Random(num_bytes).randbytes(num_bytes), Meter()
    with Connection(server.address, meter=meter) as connection:
        came = connection.download("SELECT %(payload)s::bytea AS payload", {"payload": payload})
    assert came == payload
    assert sum(meter.pieces_received) == num_bytes
    assert max(meter.pieces_received) <= PIECE


def test_a_value_that_is_not_there_is_none_in_pieces_too(server: EmbeddedPostgres) -> None:
    with Connection(server.address, meter=Meter()) as connection:
        assert connection.download("SELECT 'x'::bytea AS payload WHERE %(no)s", {"no": False}) is None


def test_what_is_sent_is_told_in_pieces(server: EmbeddedPostgres) -> None:
    payload, meter = random.Random(1).randbytes(10 * PIECE), Meter()
    with Connection(server.address, meter=meter) as connection:
        connection.execute("CREATE TEMPORARY TABLE sent (payload bytea)")
        connection.upload("sent", {"payload": payload})
        [row] = connection.query("SELECT payload FROM sent")
    assert bytes(row.payload) == payload
    assert sum(meter.pieces_sent) >= len(payload)
    assert max(meter.pieces_sent) <= PIECE
