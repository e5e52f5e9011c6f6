"""The page of the hardware: what computes and why, and how busy this computer is."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from gan_desktop.gui.hardware_monitor import HardwareMonitor, Reading
from gan_desktop.gui.meter import Meter
from gan_desktop.gui.network_today import NetworkToday
from gan_desktop.gui.plot import LineLook
from gan_desktop.gui.session import Session
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.translation import engine_text
from gan_desktop.gui.words import megabytes, number, percent
from gan_desktop.records import Joined, Readings

if TYPE_CHECKING:
    from gan_desktop.worker.readings import Card, HardwareReader

SAVE_EVERY_S = 60.0
HOTTEST_C = 100.0
COLUMNS = 3
# Of `Readings`, where a meter is called otherwise.
_FIELDS = {"network": "network_received_bytes"}
_DASHED = LineLook(1, Qt.PenStyle.DashLine)


class HardwarePage(QWidget):
    """Facts above, meters of the last ten minutes below.

    Args:
        reader: What reads the computer; None: made when it is first needed.
    """

    def __init__(
        self, session: Session, parent: QWidget | None = None, reader: HardwareReader | None = None
    ) -> None:
        super().__init__(parent)
        self._network = NetworkToday(session.places.data / "network-today.json")
        self._saved_at = self._read_at = time.monotonic()
        self._facts = HardwareFacts(session, self)
        self._meters = self._make_meters()
        # Of what was never read, the reasons.
        self._missing: dict[str, str] = {}
        self._lay_out()
        self._monitor = HardwareMonitor(reader, self)
        self._monitor.read.connect(self._take)
        session.joined_as.connect(self._watch_card)
        self._watch_card(session.joined_as_now)
        self._monitor.look()
        session.shut_down_done.connect(self._network.save)

    def _make_meters(self) -> dict[str, Meter]:
        one = (LineLook(0),)

        def write_percent(value: float, _decimals: int) -> str:
            return percent(value / 100)

        return {
            "cpu_percent": Meter(self.tr("Processor"), one, self, highest=100.0, write_y=write_percent),
            "memory_used_gb": Meter(self.tr("Memory"), one, self, write_y=_write_amount),
            "network": Meter(
                self.tr("Network"),
                (LineLook(0), _DASHED),
                self,
                names=(self.tr("received"), self.tr("sent")),
                least_top=1.0,
                write_y=_write_amount,
            ),
            "gpu_percent": Meter(self.tr("Graphics card"), one, self, highest=100.0, write_y=write_percent),
            "vram_used_gb": Meter(self.tr("Graphics memory"), one, self, write_y=_write_amount),
            "gpu_temperature_c": Meter(self.tr("Temperature"), one, self, highest=HOTTEST_C),
        }

    def _lay_out(self) -> None:
        self._grid = grid = QGridLayout()
        grid.setSpacing(em(self, 0.6))
        for line in range(COLUMNS):
            grid.setColumnStretch(line, 1)
        self._place_meters()
        self._unread = QLabel(self)
        self._unread.setTextFormat(Qt.TextFormat.PlainText)
        self._unread.setWordWrap(True)
        self._unread.hide()
        set_role(self._unread, "muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self), em(self), em(self), em(self))
        column.setSpacing(em(self, 0.7))
        column.addWidget(self._facts)
        column.addLayout(grid, 1)
        column.addWidget(self._unread)

    def _place_meters(self) -> None:
        for meter in self._meters.values():
            self._grid.removeWidget(meter)
        shown = [meter for name, meter in self._meters.items() if name not in self._missing]
        for at, meter in enumerate(shown):
            self._grid.addWidget(meter, at // COLUMNS, at % COLUMNS)

    # -- what arrives ---------------------------------------------------------------------------

    @Slot(object)
    def _watch_card(self, joined: Joined | None) -> None:
        """Of several cards the one that computes is read."""
        if joined is not None and joined.card_uuid is not None:
            self._monitor.watch(joined.card_uuid)

    @Slot(object)
    def _take(self, reading: Reading) -> None:
        now_s, readings = time.monotonic(), reading.readings
        seconds, self._read_at = now_s - self._read_at, now_s
        self._facts.show_card(reading.card)
        for name, total in (
            ("memory_used_gb", readings.memory_total_gb),
            ("vram_used_gb", readings.vram_total_gb),
        ):
            if total:
                self._meters[name].set_highest(total)
        for name, meter in self._meters.items():
            if name != "network":
                self._show(meter, name, readings, now_s)
        self._show_network(readings, now_s, seconds)
        self._name_unread(readings)

    def _name_unread(self, readings: Readings) -> None:
        """What was never read takes no room: one line names it and says why."""
        missing = {
            name: reason
            for name, meter in self._meters.items()
            if meter.is_empty and (reason := readings.missing.get(_FIELDS.get(name, name)))
        }
        if missing == self._missing:
            return
        self._missing = missing
        titles: dict[str, list[str]] = {}
        for name, meter in self._meters.items():
            meter.setHidden(name in missing)
            if name in missing:
                titles.setdefault(engine_text(missing[name]), []).append(meter.title)
        self._place_meters()
        words = self.tr("Not measured here: {readings}. {reason}")
        told = (words.format(readings=", ".join(what), reason=why) for why, what in titles.items())
        self._unread.setText("\n".join(told))
        self._unread.setVisible(bool(titles))

    def _show(self, meter: Meter, name: str, readings: Readings, now_s: float) -> None:
        value = getattr(readings, name)
        if value is not None:
            meter.add(now_s, (value,), self._written(name, value, readings))
        elif reason := readings.missing.get(name):
            meter.tell_why_none(engine_text(reason))

    def _written(self, name: str, value: float, readings: Readings) -> str:
        if name.endswith("percent"):
            return percent(value / 100)
        if name == "gpu_temperature_c":
            return self.tr("{number} °C").format(number=number(value))
        total = readings.memory_total_gb if name == "memory_used_gb" else readings.vram_total_gb
        words = self.tr("{used} of {total} GB")
        return words.format(used=number(value, 1), total=number(total or 0, 1))

    def _show_network(self, readings: Readings, now_s: float, seconds: float) -> None:
        meter, grown = self._meters["network"], self._network.add(readings, date.today())
        if reason := readings.missing.get(_FIELDS["network"]):
            meter.tell_why_none(engine_text(reason))
        elif grown is not None and seconds > 0:
            received, sent = (8 * count / 1e6 / seconds for count in grown)
            words = self.tr("{received} / {sent} Mbit/s")
            written = words.format(received=number(received, 1), sent=number(sent, 1))
            meter.add(now_s, (received, sent), written)
        self._facts.show_network(self._network.sum.received / 1e6, self._network.sum.sent / 1e6)
        if now_s - self._saved_at >= SAVE_EVERY_S:
            self._saved_at = now_s
            self._network.save()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name: the curves went on while nobody looked."""
        super().showEvent(event)
        for meter in self._meters.values():
            meter.redraw(self._read_at)


class HardwareFacts(QFrame):
    """What computes, why, the card with its driver, and the day's traffic."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        set_role(self, "card")
        self._device, self._why, self._card, self._traffic = (QLabel(self) for _ in range(4))
        grid = QGridLayout(self)
        grid.setContentsMargins(em(self, 0.9), em(self, 0.6), em(self, 0.9), em(self, 0.6))
        grid.setHorizontalSpacing(em(self, 1.2))
        grid.setVerticalSpacing(em(self, 0.25))
        grid.setColumnStretch(1, 1)
        for row, (title, label) in enumerate(
            (
                (self.tr("Computes with"), self._device),
                (self.tr("Why"), self._why),
                (self.tr("Graphics card"), self._card),
                (self.tr("Network today"), self._traffic),
            )
        ):
            name = QLabel(title, self)
            set_role(name, "muted")
            label.setAccessibleName(title)
            # What a driver or a system calls itself is somebody else's text.
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(label, row, 1)
        scale_font(self._device, 1.05, bold=True)
        use_tabular_digits(self._traffic)
        self._card.setText(self.tr("Looking ..."))
        session.joined_as.connect(self._show_device)
        session.class_changed.connect(self._show_device)
        self._show_device()

    @Slot()
    def _show_device(self) -> None:
        joined = self._session.joined_as_now
        if joined is None:
            self._device.setText(self.tr("Not chosen yet"))
            self._why.setText(self.tr("It is chosen and tried when this computer starts contributing."))
            return
        hardware = joined.hardware
        cores = self.tr("%n core(s)", None, hardware.cpu_cores)
        memory = self.tr("{number} GB").format(number=number(hardware.ram_gb, 1))
        device = hardware.gpu_name or self.tr("Processor")
        self._device.setText(f"{device} ({cores}, {memory})" if hardware.gpu_name is None else device)
        self._why.setText(engine_text(joined.device_reason))

    def show_card(self, card: Card) -> None:
        """Name the card and its driver, or say why there is none."""
        if card.why_none:
            self._card.setText(engine_text(card.why_none))
        else:
            words = self.tr("{name}, driver {version}")
            self._card.setText(words.format(name=card.name, version=card.driver or "?"))

    def show_network(self, received_mb: float, sent_mb: float) -> None:
        """Say what went over the network today."""
        words = self.tr("{received} received, {sent} sent by all programs, while this window was open")
        self._traffic.setText(words.format(received=megabytes(received_mb), sent=megabytes(sent_mb)))


def _write_amount(value: float, decimals: int) -> str:
    return number(value, min(decimals, 1))
