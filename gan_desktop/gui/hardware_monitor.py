"""Reads the computer's load once a second, away from the window's thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.background import run_in_background
from gan_desktop.records import Readings

if TYPE_CHECKING:
    from gan_desktop.worker.readings import Card, HardwareReader

EVERY_MS = 1_000


@dataclass(frozen=True)
class Reading:
    """One look at the computer."""

    card: Card
    readings: Readings


class HardwareMonitor(QObject):
    """Goes on as long as it lives; a look that takes longer than a second delays the next one.

    Signals:
        read: A `Reading`.
    """

    read = Signal(object)

    def __init__(self, reader: HardwareReader | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._reader = reader
        self._is_reading = False
        self._card = ""
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def watch(self, uuid: str) -> None:
        """Read this graphics card from the next look on."""
        self._card = uuid

    def look(self) -> None:
        """Read now; `read` follows."""
        if not self._is_reading:
            self._is_reading = True
            run_in_background(self._look, self._take, self._give_up, owner=self)

    def _look(self) -> Reading:
        # Opening a card's library may take a moment.
        if self._reader is None:
            from gan_desktop.worker.readings import HardwareReader

            self._reader = HardwareReader()
        if self._card:
            self._reader.watch(self._card)
        return Reading(self._reader.card(), self._reader.read())

    def _take(self, reading: Reading) -> None:
        self._is_reading = False
        self.read.emit(reading)

    def _give_up(self, _error: GanDesktopError) -> None:
        self._is_reading = False
