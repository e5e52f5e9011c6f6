"""Asking for units where the class does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gan_desktop.database.address import Address
from gan_desktop.errors import ConnectionFailed
from gan_desktop.training.device import choose_device
from gan_desktop.training.shard_cache import ShardCache
from gan_desktop.worker.claims import Claims
from gan_desktop.worker.hardware import read_hardware
from gan_desktop.worker.joining import Membership
from gan_desktop.worker.local_copy import LocalCopy
from gan_desktop.worker.options import Wishes
from gan_desktop.worker.status import Status
from gan_desktop.worker.traffic import Traffic
from gan_desktop.worker.transfers import Transfers
from tests.integration.programs import Recorder

# No program listens at the lowest port.
NOBODY = Address("127.0.0.1", 1, "class", "student", "password")


@pytest.fixture
def transfers() -> Iterator[Transfers]:
    made = Transfers(NOBODY, lambda _error, _seconds: None, Traffic(lambda: False))
    yield made
    made.close()


def test_a_prefetch_that_failed_is_told_once(transfers: Transfers, tmp_path: Path) -> None:
    device, wishes, status = choose_device("cpu"), Wishes(), Status(Recorder())
    wishes.finish.set()  # one try each
    cache = ShardCache(tmp_path, 10**6)
    member = Membership("worker", "session", "A name", read_hardware(device), device)
    local_copy = LocalCopy(None, cache, status.notice)
    claims = Claims(transfers, status, wishes, member, cache, 32, local_copy)
    claims.prefetch()
    with pytest.raises(ConnectionFailed) as first:
        claims.next()
    with pytest.raises(ConnectionFailed) as second:
        claims.next()
    assert second.value is not first.value
