"""The bandwidth limit: bytes are counted and slowed down; a download that nobody wants ends."""

from __future__ import annotations

import threading
import time

import pytest

from gan_desktop.worker.traffic import MIB, Rate, Traffic, TransferCancelled


def seconds_for(traffic: Traffic, num_pieces: int, num_bytes: int) -> float:
    began = time.monotonic()
    for _ in range(num_pieces):
        traffic.sent(num_bytes)
    return time.monotonic() - began


def test_without_a_limit_pieces_are_large_and_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    traffic = Traffic(lambda: False)
    assert traffic.piece_bytes == MIB
    slept = threading.Event()
    monkeypatch.setattr(time, "sleep", lambda _seconds: slept.set())
    for _ in range(1_000):
        traffic.sent(MIB)
    assert not slept.is_set()
    assert (traffic.num_sent, traffic.num_received) == (1_000 * MIB, 0)


def test_with_a_limit_bytes_take_their_time_in_small_pieces() -> None:
    traffic = Traffic(lambda: False)
    traffic.limit(8.0)  # a megabyte a second
    assert traffic.piece_bytes == 250_000
    # A busy computer can only make it slower.
    assert seconds_for(traffic, 4, 100_000) >= 0.39


def test_a_limit_that_is_lifted_lets_a_waiting_transfer_go_on() -> None:
    traffic = Traffic(lambda: False)
    traffic.limit(0.1)
    waiting = threading.Thread(target=traffic.sent, args=(MIB,), daemon=True)
    waiting.start()
    waiting.join(0.3)
    assert waiting.is_alive()
    traffic.limit(None)
    waiting.join(5.0)
    assert not waiting.is_alive()


def test_a_download_that_nobody_wants_ends_at_its_next_piece_even_while_it_waits() -> None:
    is_unwanted = threading.Event()
    traffic = Traffic(is_unwanted.is_set)
    traffic.limit(0.1)
    traffic.received(100)
    threading.Timer(0.2, is_unwanted.set).start()
    with pytest.raises(TransferCancelled):
        traffic.received(MIB)


def test_whoever_watches_is_told_of_each_piece() -> None:
    traffic = Traffic(lambda: False)
    told: list[int] = []
    traffic.sent(1)
    traffic.watch(told.append)
    traffic.sent(2)
    traffic.received(3)
    traffic.watch(None)
    traffic.sent(4)
    assert told == [2, 3]


def test_two_connections_stay_below_one_limit_together() -> None:
    rate = Rate()
    rate.limit(8.0)  # a megabyte a second
    one, other = Traffic(lambda: False, rate), Traffic(lambda: False, rate)
    began = time.monotonic()
    thread = threading.Thread(target=seconds_for, args=(one, 2, 100_000))
    thread.start()
    seconds_for(other, 2, 100_000)
    thread.join()
    assert time.monotonic() - began >= 0.39
    assert one.num_sent == other.num_sent == 200_000
