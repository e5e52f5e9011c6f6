"""What the person at this computer decides: before the start, and while it works."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from gan_desktop.worker.courtesy import Pace


@dataclass(frozen=True)
class WorkerOptions:
    """Chosen before the start.

    Attributes:
        name: How the class sees this computer; empty: its host name.
        batch_size: The most images put through the device at once.
        poll_interval_s: Seconds between two questions for work where there was none.
        heartbeat_interval_s: Seconds between two signs of life, at most: a short lease asks for more.
        device: `auto`, `cpu`, `cuda:0`, `mps` ...
        num_threads: Processor threads for PyTorch; None: all but one.
        max_units: Stop after so many units; None: never.
        unit_timeout_s: Hand in what is done of a unit after this time.
    """

    name: str
    batch_size: int = 32
    poll_interval_s: float = 5.0
    heartbeat_interval_s: float = 5.0
    device: str | None = None
    num_threads: int | None = None
    pace: Pace = Pace.FULL
    max_units: int | None = None
    unit_timeout_s: float | None = None


class Wishes:
    """Asked for while it works: set from any thread, looked at after every batch.

    Attributes:
        finish: End after the unit in work; nothing new is begun or waited for.
        hand_in: End now with what is done; set together with `finish`.
        paused: Hand in what is done, and wait until it is cleared.
    """

    def __init__(self) -> None:
        self.finish = threading.Event()
        self.hand_in = threading.Event()
        self.paused = threading.Event()
