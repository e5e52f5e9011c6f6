"""How a virtual student's computer behaves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Habits:
    """How a virtual student's computer and link are.

    Attributes:
        images_per_second: What its computer would train.
        link_bytes_per_second: What its link carries, in each direction; None: no limit.
        heartbeat_interval_s, poll_interval_s: As of a real worker.
        unevenness: By what share of its average a unit's time differs at most: other programs run too.
        start_s: Within so many seconds everybody has pressed Start.
    """

    images_per_second: float
    link_bytes_per_second: float | None = None
    heartbeat_interval_s: float = 5.0
    poll_interval_s: float = 5.0
    unevenness: float = 0.1
    start_s: float = 10.0
