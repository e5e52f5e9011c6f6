"""The real window with a probe inside: walks it through its situations and writes down how late it came.

    python -m tests.benchmarks.probed_window FILE STARTED_AT SECONDS [options of gan-desktop]

For window.py. FILE takes the figures as JSON; STARTED_AT is when this program was started (`time.time()`);
with SECONDS of 0 it only opens the window. Nothing heavy may be imported before the first paint.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

# isort: off
import gan_desktop.settings  # noqa: F401  # before PySide6, as in cli.py

# isort: on
from PySide6.QtCore import QObject, QTimer

from gan_desktop import cli
from gan_desktop.gui import app
from gan_desktop.gui.main_window import MainWindow
from gan_desktop.records import Notice, StateChanged, UnitDelivered, WorkerState
from tests.benchmarks.lateness import Delays, LateTimer

LOOK_MS = 20
# What was just shown is drawn before it is measured.
SETTLE_S = 1.0
NUM_POINTS = 100_000
NUM_REPORTS = 10_000
# As many of them as one unit of some 2,048 images has.
REPORTS_PER_UNIT = 128


class Probe(QObject):
    """Steps through the situations, one look of the event loop at a time."""

    def __init__(self, window: MainWindow, file: Path, started_at: float, seconds: float) -> None:
        super().__init__(window)
        self._window, self._session = window, window.session
        self._file, self._seconds = file, seconds
        self._found: dict[str, Any] = {}
        self._act: Callable[[int], None] = _do_nothing
        self._late = LateTimer(lambda tick: self._act(tick), self)
        self._steps = self._walk() if seconds else iter(())
        self._clock = QTimer(self, interval=LOOK_MS)
        self._clock.timeout.connect(self._step)
        window.painted.connect(lambda: self._begin(started_at))

    def _begin(self, started_at: float) -> None:
        self._found["first_window_s"] = time.time() - started_at
        self._clock.start()

    def _step(self) -> None:
        if next(self._steps, None) is None:
            self._clock.stop()
            self._file.write_text(json.dumps(self._found), "utf-8")
            self._window.quit()

    # -- the situations -------------------------------------------------------------------------

    def _walk(self) -> Iterator[bool]:
        """Each step waits for something; what is measured in between is named."""
        session = self._session
        # The gallery draws the person's own faces first, which brings PyTorch along.
        while session.newest_sample is None or not session.my_faces:
            yield True
        yield from self._measure("idle, joined")
        self._late.begin()
        session.start()
        yield from self._await(WorkerState.COMPUTING)
        self._note("from Start to the first unit", self._late.end())
        yield from self._measure("training on all cores, newest faces shown")
        page = self._show_charts()
        yield from self._measure("training on all cores, charts shown")
        self._fill(page)
        yield from self._measure("training on all cores, charts with 100,000 points")
        session.pause()
        yield from self._await(WorkerState.PAUSED)
        yield from self._measure("charts with 100,000 points")
        self._act = self._point_and_zoom(page)
        yield from self._measure("charts with 100,000 points, cursor and zoom")
        self._act = _do_nothing
        yield from self._measure_memory()

    def _measure(self, name: str) -> Iterator[bool]:
        yield from self._wait(SETTLE_S)
        self._late.begin()
        yield from self._wait(self._seconds)
        self._note(name, self._late.end())

    def _note(self, name: str, delays: Delays) -> None:
        self._found.setdefault("delays", {})[name] = asdict(delays)

    def _wait(self, seconds: float) -> Iterator[bool]:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            yield True

    def _await(self, state: WorkerState) -> Iterator[bool]:
        while self._session.state.state is not state:
            yield True

    def _show_charts(self) -> Any:
        page: Any = self._window.page("charts")
        self._session.show_page("charts")
        page.show_source(is_class=False)
        return page

    def _fill(self, page: Any) -> None:
        from tests.benchmarks.charts import fill

        fill(page, NUM_POINTS)
        page.charts.show_whole()

    def _point_and_zoom(self, page: Any) -> Any:
        charts = page.charts

        def act(tick: int) -> None:
            if tick % 3 == 0:
                view = charts.view
                charts.move_cursor(view.low + (tick % 600) / 600 * view.width)
            if tick % 60 == 0:
                charts.zoom(1.3 if tick % 1_200 < 600 else 1 / 1.3)

        return act

    # -- memory ---------------------------------------------------------------------------------

    def _measure_memory(self) -> Iterator[bool]:
        """10,000 reports of a worker, as fast as the window takes them."""
        session = self._session
        session.stop_now()
        while session.is_contributing:
            yield True
        yield from self._wait(SETTLE_S)
        before = _memory_mb()
        began = time.monotonic()
        for number in range(NUM_REPORTS):
            for report in _reports(number):
                session._take_report(report)
            if number % 100 == 99:
                yield True
        yield from self._wait(SETTLE_S)
        self._found["memory_mb"] = before
        self._found["memory_grown_mb"] = _memory_mb() - before
        self._found["reports_s"] = time.monotonic() - began - SETTLE_S


def _do_nothing(_tick: int) -> None:
    pass


def _reports(number: int) -> Iterator[Any]:
    """The figures of one batch, and at the end of each unit all that is said then."""
    from gan_desktop.records import CheckFigures, UnitResult
    from tests.benchmarks.charts import STEP_IMAGES, batch, unit

    unit_id, at = divmod(number, REPORTS_PER_UNIT)
    started = unit(10**6 + unit_id)
    if at == 0:
        yield started
        yield Notice(f"Unit {unit_id} begins.")
    done = (at + 1) * STEP_IMAGES
    yield batch(started.unit.unit_id, done, [0.1, -0.1, 0.2, -0.2])
    detail = {"unit_id": unit_id, "num_done": done, "num_images": 2_048, "seconds_left": 60}
    yield StateChanged(WorkerState.COMPUTING, detail)
    if at == REPORTS_PER_UNIT - 1:
        check = CheckFigures(1.0, 1.0, 1.0, 1.0, 16)
        result = UnitResult(2_048, REPORTS_PER_UNIT, 1.0, 1.0, 0.8, 0.8, check, 60.0)
        yield UnitDelivered(started.unit, result, 60.0, 10**6, unit_id + 1, 2_048 * (unit_id + 1))


def _memory_mb() -> float:
    import gc

    import psutil

    gc.collect()
    return float(psutil.Process().memory_info().rss / 1e6)


def main() -> int:
    """Run the program as from its command line, with the probe in its window."""
    file, started_at, seconds, *arguments = sys.argv[1:]
    run_window = app.run_window
    probes: list[Probe] = []

    def probe(window: MainWindow) -> None:
        probes.append(Probe(window, Path(file), float(started_at), float(seconds)))

    def run_probed(start: app.Start) -> int:
        return run_window(start, probe)

    app.run_window = run_probed  # type: ignore[assignment]
    return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
