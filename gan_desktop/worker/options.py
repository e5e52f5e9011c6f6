"""What the person at this computer decides: before the start, and while it works."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from gan_desktop.worker.limits import Limits

DEFAULT_BATCH_SIZE = 32
DEFAULT_LIMITS = Limits()


class AtCompletion(Enum):
    """What a worker does when the training is complete."""

    # Ends, unless the instructor has written the next training down already: for that it waits.
    END_WITHOUT_NEXT = "end_without_next"
    # The same, once it has done a unit: whoever comes between two trainings waits for the next.
    END_AFTER_WORK = "end_after_work"
    END = "end"
    WAIT = "wait"


@dataclass(frozen=True)
class WorkerOptions:
    """Chosen before the start.

    Attributes:
        name: How the class sees this computer; empty: its host name.
        batch_size: The most images put through the device at once.
        poll_interval_s: Seconds between two questions for work where there was none.
        heartbeat_interval_s: Seconds between two signs of life, at most: a short lease asks for more.
        device: `auto`, `cpu`, `cuda:0`, `mps` ...
        num_threads: Processor threads for PyTorch; None: what is fastest in a short measurement.
        limits: When and how hard to contribute; may be replaced while it works.
        max_units: Stop after so many units; None: never.
        until: Finish the unit that is in work at this local time, then stop; None: never.
        unit_timeout_s: Hand in what is done of a unit after this time.
        dataset_path: The class's pictures, where this computer has them already: a folder or a zip.
        class_title: What the class is called, where it is known before it is reached (a join card).
    """

    name: str
    batch_size: int = DEFAULT_BATCH_SIZE
    poll_interval_s: float = 5.0
    heartbeat_interval_s: float = 5.0
    device: str | None = None
    num_threads: int | None = None
    limits: Limits = DEFAULT_LIMITS
    max_units: int | None = None
    until: datetime | None = None
    at_completion: AtCompletion = AtCompletion.END_WITHOUT_NEXT
    unit_timeout_s: float | None = None
    dataset_path: Path | None = None
    class_title: str = ""


class Wishes:
    """Asked for while it works: set from any thread, looked at after every batch.

    Attributes:
        finish: End after the unit in work; nothing new is begun or waited for.
        hand_in: End now with what is done; set together with `finish`.
    """

    def __init__(self) -> None:
        self.finish = threading.Event()
        self.hand_in = threading.Event()
