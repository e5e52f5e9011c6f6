"""How late the event loop comes while the charts hold 100,000 points and ten reports a second arrive.

Every 5 ms a timer is due; how much later it comes is how long a click would have waited. The goal is 33 ms
for the 99th percentile. Without a screen (offscreen) Qt draws by the processor, as it does on screens.

    python -m tests.benchmarks.charts [--quick]
"""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from gan_desktop.gui.charts_page import ChartsPage
from gan_desktop.gui.course import ComputerCourse
from gan_desktop.gui.session import Session
from gan_desktop.gui.theme import follow_theme
from gan_desktop.gui.window_session import Places
from gan_desktop.records import UnitProgress, UnitStarted, WorkUnit
from tests.benchmarks.lateness import TICK_MS, LateTimer
from tests.benchmarks.report import is_quick, print_report, tell

REPORT_EVERY_MS = 100
STEP_IMAGES = 16
WINDOW = (1_250, 806)


def main() -> None:
    """Measure each case for some seconds and print the table."""
    quick = is_quick("Event-loop lateness of the charts.", None)
    seconds = 2.0 if quick else 20.0
    application = QApplication([])
    follow_theme(application)
    with tempfile.TemporaryDirectory() as folder:
        page = ChartsPage(Session(Places.below(Path(folder))))
        page.resize(*WINDOW)
        page.show_source(is_class=False)
        rows = []
        for name, num_points, act in _cases(page):
            tell(name)
            fill(page, num_points)
            page.charts.show_whole()
            page.show()
            rows.append((name, *_lateness(page, seconds, act)))
    print_report(
        ("case", "p50 ms", "p99 ms", "max ms"),
        rows,
        f"Window of {WINDOW[0]} x {WINDOW[1]}, a timer every {TICK_MS} ms for {seconds:.0f} s, 10 reports/s.",
    )


def _cases(page: ChartsPage) -> tuple[tuple[str, int, Callable[[int], None]], ...]:
    charts = page.charts

    def do_nothing(_tick: int) -> None:
        pass

    def move_cursor(tick: int) -> None:
        view = charts.view
        charts.move_cursor(view.low + (tick % 200) / 200 * view.width)

    def zoom(tick: int) -> None:
        if tick % 20 == 0:
            charts.zoom(1.3 if (tick // 20) % 20 < 10 else 1 / 1.3)

    return (
        ("1,000 points", 1_000, do_nothing),
        ("100,000 points", 100_000, do_nothing),
        ("100,000 points, cursor moving 60 times a second", 100_000, move_cursor),
        ("100,000 points, zooming 10 times a second", 100_000, zoom),
    )


def fill(page: ChartsPage, num_points: int) -> None:
    """Show a course of so many batches of this computer."""
    course = page.charts.course
    assert isinstance(course, ComputerCourse)
    course.clear()
    random = np.random.default_rng(1)
    per_unit = 128
    for first in range(0, num_points, per_unit):
        course.begin_unit(unit(first // per_unit))
        noise = random.normal(size=(per_unit, 4))
        for at in range(min(per_unit, num_points - first)):
            course.add(batch(first // per_unit, (at + 1) * STEP_IMAGES, noise[at].tolist()))
    page._show_state()


def _lateness(page: ChartsPage, seconds: float, act: Callable[[int], None]) -> tuple[str, ...]:
    loop = QEventLoop()
    num_reports = 0

    def tick(number: int) -> None:
        if number % 3 == 0:
            act(number // 3)

    def report() -> None:
        nonlocal num_reports
        num_reports += 1
        page._take_progress(batch(10**6, num_reports * STEP_IMAGES, [math.sin(num_reports), 0, 0, 0]))

    page._take_unit(unit(10**6))
    late = LateTimer(tick)
    late.begin()
    reports = QTimer(interval=REPORT_EVERY_MS)
    reports.timeout.connect(report)
    # The first second belongs to the window's first drawing.
    QTimer.singleShot(1_000, late.begin)
    QTimer.singleShot(round(1_000 * (seconds + 1)), loop.quit)
    reports.start()
    loop.exec()
    reports.stop()
    delays = late.end()
    return tuple(f"{value:.1f}" for value in (delays.p50, delays.p99, delays.longest))


def unit(number: int) -> UnitStarted:
    """A unit begins."""
    return UnitStarted(WorkUnit(number, 1, number, 0, 1, (), 2_048, "token", 60.0, 60.0))


def batch(unit_id: int, num_done: int, noise: list[float]) -> UnitProgress:
    """The figures of a batch, as a healthy training has them."""
    return UnitProgress(
        unit_id,
        num_done,
        2_048,
        loss_g=max(0.1, 1.8 + 0.4 * noise[0]),
        loss_d=max(0.1, 0.9 + 0.2 * noise[1]),
        d_real=min(1.0, max(0.0, 0.83 + 0.08 * noise[2])),
        d_fake=min(1.0, max(0.0, 0.85 + 0.08 * noise[3])),
    )


if __name__ == "__main__":
    main()
