"""What went over this computer's network today, as long as the window was open; kept on the disk."""

from __future__ import annotations

import dataclasses
import json
import logging
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gan_desktop.records import Readings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class NetworkSum:
    """Bytes of one day, given as YYYY-MM-DD."""

    day: str
    received: int = 0
    sent: int = 0


class NetworkToday:
    """Adds up what the system's counters grow by from one reading to the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sum = _load(path)
        self._counters: tuple[int, int] | None = None

    @property
    def sum(self) -> NetworkSum:
        """Today so far."""
        return self._sum

    def add(self, readings: Readings, today: date) -> tuple[int, int] | None:
        """Take a reading; returns the bytes received and sent since the one before, None: not known."""
        if self._sum.day != today.isoformat():
            self._sum = NetworkSum(today.isoformat())
        if readings.network_received_bytes is None or readings.network_sent_bytes is None:
            return None
        before, self._counters = (
            self._counters,
            (readings.network_received_bytes, readings.network_sent_bytes),
        )
        # The counters of an adapter that was unplugged are gone from the sum.
        if before is None or self._counters[0] < before[0] or self._counters[1] < before[1]:
            return None
        received, sent = self._counters[0] - before[0], self._counters[1] - before[1]
        self._sum = NetworkSum(self._sum.day, self._sum.received + received, self._sum.sent + sent)
        return received, sent

    def save(self) -> None:
        """Write it down; a full disk costs a figure, nothing else."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps(dataclasses.asdict(self._sum)), "utf-8")
        except OSError as error:
            logger.warning("%s could not be written: %s", self._path, error)


def _load(path: Path) -> NetworkSum:
    try:
        values = json.loads(path.read_text("utf-8"))
        return NetworkSum(str(values["day"]), int(values["received"]), int(values["sent"]))
    except FileNotFoundError:
        return NetworkSum("")
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("%s could not be read: %s", path, error)
        return NetworkSum("")
