from __future__ import annotations

import socket
from datetime import date
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from gan_desktop.gui.hardware_monitor import HardwareMonitor, Reading
from gan_desktop.gui.hardware_page import HardwarePage
from gan_desktop.gui.main_window import MainWindow
from gan_desktop.gui.meter import SHOWN_S, Meter
from gan_desktop.gui.network_today import NetworkSum, NetworkToday
from gan_desktop.gui.paged_window import LEAST_SIZE
from gan_desktop.gui.plot import LineLook
from gan_desktop.gui.session import Session
from gan_desktop.records import Hardware, Joined, Readings
from gan_desktop.worker.readings import Card, HardwareReader

MONDAY, TUESDAY = date(2026, 5, 4), date(2026, 5, 5)
CARD = Card("NVIDIA GeForce RTX 3060", "535.183.01")
BUSY = Readings(
    cpu_percent=31.0,
    memory_used_gb=12.5,
    memory_total_gb=31.7,
    gpu_percent=92.0,
    vram_used_gb=3.2,
    vram_total_gb=6.0,
    gpu_temperature_c=78.0,
    network_received_bytes=5_000_000,
    network_sent_bytes=1_000_000,
)


@pytest.fixture
def page(session: Session, qtbot: QtBot) -> HardwarePage:
    page = HardwarePage(session)
    qtbot.addWidget(page)
    page.resize(LEAST_SIZE.width() - 150, LEAST_SIZE.height() - 95)
    page.show()
    return page


def seen(page: QWidget) -> str:
    return "\n".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())


def traffic(received: int, sent: int) -> Readings:
    return Readings(network_received_bytes=received, network_sent_bytes=sent)


# -- readings -----------------------------------------------------------------------------------


def test_this_computer_is_read_away_from_the_window(qtbot: QtBot, page: HardwarePage) -> None:
    memory = page._meters["memory_used_gb"]
    qtbot.waitUntil(lambda: bool(memory._value.text()), timeout=10_000)
    assert " of " in memory._value.text()
    # A computer has a card with a driver, or is told why none is read.
    assert "driver" in seen(page)


def test_monitor_goes_on_once_a_second(qtbot: QtBot) -> None:
    monitor = HardwareMonitor()
    readings: list[Reading] = []
    monitor.read.connect(readings.append)
    qtbot.waitUntil(lambda: len(readings) >= 2, timeout=10_000)
    assert readings[1].readings.cpu_percent is not None
    monitor.deleteLater()


def test_busy_computer_s_values_are_written(page: HardwarePage) -> None:
    page._take(Reading(CARD, BUSY))
    told = seen(page)
    for words in ("31%", "12.5 of 31.7 GB", "92%", "3.2 of 6.0 GB", "78 °C", "RTX 3060, driver 535.183.01"):
        assert words in told


def test_what_cannot_be_read_is_named_with_the_reason(page: HardwarePage) -> None:
    reason = "No NVIDIA driver was found on this computer."
    missing = dict.fromkeys(("gpu_percent", "vram_used_gb", "gpu_temperature_c"), reason)
    readings = Readings(cpu_percent=5.0, missing={**missing, "network_received_bytes": "Not counted."})
    page._take(Reading(Card(why_none=reason), readings))
    told = seen(page)
    # The line of the card, and one for the three meters.
    assert told.count(reason) == 2
    assert f"Not measured here: Graphics card, Graphics memory, Temperature. {reason}" in told
    assert "Not measured here: Network. Not counted." in told
    assert [name for name, meter in page._meters.items() if meter.isVisible()] == [
        "cpu_percent",
        "memory_used_gb",
    ]


def test_meter_that_was_read_before_stays_and_says_why_it_is_silent(page: HardwarePage) -> None:
    page._take(Reading(CARD, BUSY))
    page._take(Reading(CARD, Readings(missing={"gpu_percent": "Busy."})))
    assert page._meters["gpu_percent"].isVisible()
    assert "Busy." in seen(page)
    assert "Not measured" not in seen(page)


def test_reading_that_comes_back_replaces_the_reason(page: HardwarePage) -> None:
    page._take(Reading(CARD, Readings(missing={"gpu_percent": "Busy."})))
    assert "Busy." in seen(page)
    page._take(Reading(CARD, BUSY))
    assert "Busy." not in seen(page)


def test_device_and_its_reason_are_told_once_it_is_chosen(page: HardwarePage, session: Session) -> None:
    assert "Not chosen yet" in seen(page)
    session._take_report(
        Joined("abc", "Ana", Hardware("h", None, 4, 15.6, None), "The CPU computes.", 16, 900)
    )
    assert "Processor (4 cores, 15.6 GB)" in seen(page)
    assert "The CPU computes." in seen(page)


def test_foreign_names_are_plain_text(page: HardwarePage) -> None:
    page._take(Reading(Card("<b>Card</b>", "1"), BUSY))
    assert "<b>Card</b>, driver 1" in seen(page)
    assert page._facts._card.textFormat().name == "PlainText"


# -- meters -------------------------------------------------------------------------------------


def test_meter_shows_the_last_ten_minutes(qtbot: QtBot) -> None:
    meter = Meter("Processor", (LineLook(0),), highest=100.0)
    qtbot.addWidget(meter)
    meter.show()
    for second in range(2_000):
        meter._buffer.append(second, (second % 100,))
    meter.redraw(1_999.0)
    x = meter._plot._curves[0]._line.xData
    assert len(x) <= 102
    assert x[-1] == pytest.approx(0.0, abs=0.2)
    # Readings before are not kept for long.
    assert len(meter._buffer) * 1.0 < 1.3 * SHOWN_S
    assert meter._plot.viewRange()[0] == pytest.approx([-10, 0], abs=0.2)


def test_hidden_page_goes_on_reading_and_shows_it_later(page: HardwarePage) -> None:
    page.hide()
    page._take(Reading(CARD, BUSY))
    page._take(Reading(CARD, BUSY))
    page.show()
    drawn = page._meters["gpu_percent"]._plot._curves[0]._line.yData
    assert drawn.tolist() == [92, 92]


# -- network ------------------------------------------------------------------------------------


def test_network_of_the_day_is_summed_and_kept(tmp_path: Path) -> None:
    network = NetworkToday(tmp_path / "network.json")
    assert network.add(traffic(1_000, 100), MONDAY) is None
    assert network.add(traffic(1_500, 120), MONDAY) == (500, 20)
    network.save()
    again = NetworkToday(tmp_path / "network.json")
    # What went over the network while the window was closed is not known to be of today.
    assert again.add(traffic(9_000, 900), MONDAY) is None
    again.add(traffic(9_010, 901), MONDAY)
    assert again.sum == NetworkSum("2026-05-04", 510, 21)


def test_programs_of_this_computer_talking_to_each_other_are_no_network() -> None:
    before = HardwareReader().read()
    listener = socket.create_server(("127.0.0.1", 0))
    with (
        listener,
        socket.create_connection(listener.getsockname()) as sender,
        listener.accept()[0] as receiver,
    ):
        for _ in range(400):
            sender.sendall(bytes(100_000))
            receiver.recv(100_000, socket.MSG_WAITALL)
    after = HardwareReader().read()
    assert before.network_sent_bytes is not None
    assert after.network_sent_bytes is not None
    assert after.network_sent_bytes - before.network_sent_bytes < 20_000_000


def test_new_day_begins_at_nothing(tmp_path: Path) -> None:
    network = NetworkToday(tmp_path / "network.json")
    network.add(traffic(0, 0), MONDAY)
    network.add(traffic(10, 5), MONDAY)
    network.add(traffic(30, 6), TUESDAY)
    assert network.sum == NetworkSum("2026-05-05", 20, 1)


def test_counters_that_begin_anew_are_no_negative_traffic(tmp_path: Path) -> None:
    network = NetworkToday(tmp_path / "network.json")
    network.add(traffic(1_000, 1_000), MONDAY)
    assert network.add(traffic(50, 60), MONDAY) is None
    assert network.add(traffic(70, 60), MONDAY) == (20, 0)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"day": 3}', '{"day": "x", "received": "?", "sent": 1}'])
def test_damaged_file_costs_only_the_figure(tmp_path: Path, text: str) -> None:
    path = tmp_path / "network.json"
    path.write_text(text)
    assert NetworkToday(path).sum.received == 0


# -- size ---------------------------------------------------------------------------------------


def test_nothing_is_cut_in_the_smallest_window(application: QApplication, window: MainWindow) -> None:
    window.resize(LEAST_SIZE)
    window.show_page("hardware")
    page = window.page("hardware")
    assert isinstance(page, HardwarePage)
    page._take(Reading(CARD, BUSY))
    application.processEvents()
    assert window.size() == LEAST_SIZE
    for label in page.findChildren(QLabel):
        if label.isVisible():
            assert page.rect().contains(label.mapTo(page, QPoint(0, 0)))
            assert label.height() >= label.heightForWidth(label.width())
            assert label.width() >= label.minimumSizeHint().width()
    for meter in page._meters.values():
        assert meter.height() > 90
        assert meter._plot.accessibleName()
