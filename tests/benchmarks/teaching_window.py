"""How late the instructor's event loop comes while 200 computers of a class change every second.

Every 5 ms a timer is due; how much later it comes is how long a click would have waited. The goal is 33 ms
for the 99th percentile. The class is a real one in PostgreSQL: once a second all its computers' rows are
written, and the window reads them. The last row is a rehearsal that is held in the window itself.

    python -m tests.benchmarks.teaching_window [--quick]
"""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# isort: off
import gan_desktop.settings  # noqa: F401  # before PySide6, as in cli.py

# isort: on
from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtWidgets import QApplication

from gan_desktop.database.connection import Connection
from gan_desktop.gui.admin.main_window import TeachingWindow
from gan_desktop.gui.admin.server.page import ServerPage
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.theme import follow_theme
from gan_desktop.gui.window_session import Places
from gan_desktop.records import RunConfig
from tests.benchmarks.report import is_quick, print_report, tell
from tests.benchmarks.stage import class_on_stage
from tests.integration.lesson import Lesson

TICK_MS, CHANGE_S = 5, 1.0
WINDOW = (1_250, 806)
CONFIG = RunConfig(feature_maps=8)
NUM_ITERATIONS = 400
PATIENCE_S = 60.0
# The pages are made one by one, and some load their libraries, while the person sees the window already.
SETTLE_MS = 5_000

PEOPLE = """
WITH people AS (
    INSERT INTO gan.accounts (login, display_name)
    SELECT 's_benchmark_' || n, 'Student ' || n FROM generate_series(1, %(number)s) AS n
    RETURNING account_id),
computers AS (
    INSERT INTO gan.workers (worker_id, account_id, device_id, session_id, name, hostname, gpu_name,
                             program_version)
    SELECT left(md5(account_id::text), 8), account_id, 'device', gen_random_uuid(), 'Computer ' || account_id,
           'host', CASE WHEN account_id < 100 THEN 'NVIDIA GeForce RTX 3060' END, '0.2.0' FROM people
    RETURNING worker_id, account_id)
INSERT INTO gan.worker_totals (worker_id, account_id) SELECT worker_id, account_id FROM computers
"""
HISTORY = """
INSERT INTO gan.loss_history (run_id, iteration, epoch, num_updates, num_images, generator_loss,
                              discriminator_loss, d_real, d_fake, distance)
SELECT %(run_id)s, n, 0, 20, 20000, 1 + random(), random(), random(), random(), 100 * random()
FROM generate_series(0, %(number)s) AS n
"""
RUNNING = """
UPDATE gan.training_runs SET status = 'running', current_iteration = %(number)s, started_at = now()
WHERE run_id = %(run_id)s
"""
# Somebody else runs the training; every computer is a little further, some wait, some say why they cannot.
CHANGE = """
UPDATE gan.training_runs SET coordinator_seen_at = now() WHERE status = 'running';
UPDATE gan.worker_totals SET total_images = total_images + (random() * 50)::integer;
UPDATE gan.workers SET last_heartbeat = now(), images_per_second = 5 + 20 * random(),
    state = CASE WHEN random() < 0.9 THEN 'computing' ELSE 'waiting_none_free' END,
    last_error = CASE WHEN random() < 0.05 THEN 'The update was damaged on its way here.' END,
    state_detail = jsonb_build_object('unit_id', (random() * 1000)::integer, 'num_images', 2048,
                                      'num_done', (random() * 2048)::integer, 'seconds_left', 60)
"""


@dataclass(frozen=True)
class Setting:
    num_computers: int
    seconds: float
    num_virtual: int


FULL = Setting(200, 20.0, 50)
QUICK = Setting(10, 2.0, 3)


def main(arguments: Sequence[str] | None = None) -> None:
    setting = QUICK if is_quick(__doc__ or "", arguments) else FULL
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    follow_theme(application)
    connections = 3 * setting.num_virtual + 40
    with (
        tempfile.TemporaryDirectory() as folder,
        class_on_stage(CONFIG, num_faces=300, max_connections=connections) as held,
    ):
        _fill(held, setting.num_computers)
        session = TeachingSession(Places.below(Path(folder)))
        window = TeachingWindow(session)
        window.resize(*WINDOW)
        window.show()
        window.make_pages()
        with _changing(held):
            session.teach(TaughtClass(held.coordinator, "Benchmark"))
            _wait(lambda: session.snapshot.status is not None, "the class to be read")
            _rest(SETTLE_MS)
            rows = [
                (
                    "Today, read every two seconds as usual",
                    *_lateness(session, setting.seconds, is_reading=False),
                ),
                *_pages(window, session, setting),
            ]
        rows.append(_rehearsing(held, window, session, setting))
        session.shut_down_done.connect(window.deleteLater)
        gone: list[bool] = []
        session.shut_down_done.connect(lambda: gone.append(True))
        session.shut_down()
        _wait(lambda: bool(gone), "the session to end")
    print_report(
        ("case", "p50 ms", "p99 ms", "max ms"),
        rows,
        f"Window of {WINDOW[0]} x {WINDOW[1]}, a timer every {TICK_MS} ms for {setting.seconds:.0f} s;"
        f" {setting.num_computers} computers, {NUM_ITERATIONS} iterations of curves; PostgreSQL on the same"
        f" computer. The rehearsal: {setting.num_virtual} virtual students and their coordinator in this"
        " process.",
    )


def _pages(window: TeachingWindow, session: TeachingSession, setting: Setting) -> list[tuple[str, ...]]:
    rows = []
    for key, name in (
        ("today", "Today"),
        ("students", "Students"),
        ("credit", "Credit"),
        ("server", "Server"),
    ):
        tell(name)
        window.show_page(key)
        rows.append((f"{name}, every row changes each second", *_lateness(session, setting.seconds)))
    return rows


def _rehearsing(
    held: Lesson, window: TeachingWindow, session: TeachingSession, setting: Setting
) -> tuple[str, ...]:
    """A rehearsal that is held in this window."""
    tell("Rehearsal")
    held.query("UPDATE gan.training_runs SET status = 'complete', finished_at = now()")
    window.show_page("server")
    page = window.findChild(ServerPage)
    assert page is not None
    page.show_part(1)
    page.rehearsal.students.setValue(setting.num_virtual)
    page.rehearsal.start()
    _wait(
        lambda: bool(page.rehearsal.table.rows) and page.rehearsal.table.rows[-1].report.num_units > 0,
        "virtual students at work",
    )
    row = (f"A rehearsal of up to {setting.num_virtual}", *_lateness(session, setting.seconds))
    page.rehearsal.cancel()
    _wait(lambda: not page.rehearsal.is_playing, "the rehearsal to end")
    return row


def _fill(held: Lesson, num_computers: int) -> None:
    for statement, number in ((PEOPLE, num_computers), (HISTORY, NUM_ITERATIONS), (RUNNING, NUM_ITERATIONS)):
        held.superuser.execute(statement, {"number": number, "run_id": held.run_id})


@contextmanager
def _changing(held: Lesson) -> Iterator[None]:
    """Every second all computers of the class have something new to tell."""
    is_over = threading.Event()

    def change() -> None:
        with Connection(held.administrator) as connection:
            while True:
                connection.execute(CHANGE)
                if is_over.wait(CHANGE_S):
                    return

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _lateness(session: TeachingSession, seconds: float, *, is_reading: bool = True) -> tuple[str, ...]:
    """Median, 99th percentile and maximum of how late a timer comes."""
    late_ms: list[float] = []
    loop = QEventLoop()
    clock = QTimer(interval=TICK_MS, timerType=Qt.TimerType.PreciseTimer)
    due = time.perf_counter() + TICK_MS / 1_000

    def tick() -> None:
        nonlocal due
        now = time.perf_counter()
        late_ms.append(max(0.0, 1_000 * (now - due)))
        due = now + TICK_MS / 1_000

    clock.timeout.connect(tick)
    reading = QTimer(interval=round(1_000 * CHANGE_S))
    reading.timeout.connect(session.refresh)
    # The first second belongs to the page's first drawing.
    QTimer.singleShot(1_000, late_ms.clear)
    QTimer.singleShot(round(1_000 * (seconds + 1)), loop.quit)
    clock.start()
    if is_reading:
        reading.start()
    loop.exec()
    clock.stop()
    reading.stop()
    return tuple(f"{value:.1f}" for value in (*np.percentile(late_ms, (50, 99)), max(late_ms)))


def _wait(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited for {what}.")
        _rest(50)


def _rest(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


if __name__ == "__main__":
    main()
