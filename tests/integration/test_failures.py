"""The database goes away and comes back, and clocks are wrong: nobody loses anything."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.records import Joined, RunStatus, StateChanged, WorkerState
from gan_desktop.sentences import sentence
from tests.integration.lesson import LONG_UNITS, SHORT_UNITS, Lesson, lesson, worker_thread
from tests.integration.programs import wait_until

pytestmark = pytest.mark.slow

# A clock that is wrong for everything in the process, whatever asks.
WRONG_CLOCK = """
    import datetime, os, time

    shift = float(os.environ["CLOCK_IS_WRONG_BY"])
    true_time, true_time_ns, true_datetime = time.time, time.time_ns, datetime.datetime
    time.time = lambda: true_time() + shift
    time.time_ns = lambda: true_time_ns() + int(shift * 1e9)

    class Datetime(true_datetime):
        @classmethod
        def now(cls, tz=None):
            return true_datetime.now(tz) + datetime.timedelta(seconds=shift)

        @classmethod
        def utcnow(cls):
            return true_datetime.utcnow() + datetime.timedelta(seconds=shift)

    datetime.datetime = Datetime
"""


@pytest.fixture
def own_server(open_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server that a test may stop."""
    server = EmbeddedPostgres(open_folder / "postgres", settings={"fsync": "off"})
    with server:
        yield server


@pytest.fixture
def held(own_server: EmbeddedPostgres, tmp_path: Path) -> Iterator[Lesson]:
    """A class with long units on a server of its own."""
    with lesson(own_server.address, tmp_path, LONG_UNITS, num_faces=1_000) as held:
        yield held
        own_server.start()


def test_the_database_restarts_in_mid_unit_and_crashes_in_the_next_and_nothing_is_lost(
    own_server: EmbeddedPostgres, held: Lesson
) -> None:
    coordinator, program = held.start_coordinator(), held.start_worker()
    for times, mode in enumerate(("fast", "immediate"), start=1):
        unit_id = held.await_unit_in_work(program)
        own_server.stop(mode)  # type: ignore[arg-type]
        coordinator.await_line("The database is away:", times=times)
        own_server.start()
        held.reconnect()
        program.await_line(f"Work unit {unit_id} completed successfully!")
        assert held.unit(unit_id).num_attempts == 1
    before = held.iteration
    held.await_iteration(before + 1)
    held.set_status(RunStatus.COMPLETE)
    assert [p.exit_code() for p in held.programs] == [0, 0]
    held.assert_nothing_lost_or_counted_twice()


def test_ctrl_c_twice_while_the_database_is_away_keeps_the_finished_unit(
    own_server: EmbeddedPostgres, held: Lesson
) -> None:
    student = held.add_student()
    with held.coordinating():
        program = held.start_worker(student, home="ana")
        unit_id = held.await_unit_in_work(program)
        own_server.stop()
        program.await_line("No connection to the class. Your finished unit is kept here.")
        program.interrupt()
        program.await_line("Stopping.")
        # Once: it still wants to hand the unit in. Twice: it goes.
        program.interrupt()
        assert program.exit_code(seconds=30) == 0
        assert program.log.endswith(
            "1 finished unit(s) are kept here and handed in at the next start.\n"
            "Stopped. Your units are safe.\n"
        )
        assert "Traceback" not in program.log
        [kept] = (held.folder / "ana").rglob("*.update")
        assert kept.stem == str(unit_id)
        own_server.start()
        held.reconnect()
        again = held.start_worker(student, home="ana")
        again.await_line(f"Unit {unit_id}, finished by an earlier start, is handed in.")
        wait_until(lambda: not kept.exists(), "the empty outbox")


def test_a_worker_started_before_the_database_waits_for_it_and_says_why(
    own_server: EmbeddedPostgres, held: Lesson
) -> None:
    student = held.add_student()
    own_server.stop()
    with worker_thread(held, student) as (_, recorder):
        wait_until(lambda: recorder.state is WorkerState.RETRYING, "the trouble")
        told = recorder.of(StateChanged)[-1]
        assert "does not answer. The database may be off" in sentence(told.state, told.detail)
        own_server.start()
        held.reconnect()
        wait_until(lambda: recorder.of(Joined), "the worker in the class")


def test_clocks_an_hour_wrong_change_nothing(server: EmbeddedPostgres, tmp_path: Path) -> None:
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(textwrap.dedent(WRONG_CLOCK), "utf-8")

    def wrong_by(seconds: int) -> dict[str, str]:
        return {"PYTHONPATH": str(tmp_path / "clock"), "CLOCK_IS_WRONG_BY": str(seconds)}

    config = replace(SHORT_UNITS, target_iterations=4, lease_seconds=3.0)
    with lesson(server.address, tmp_path, config) as held:
        with held.coordinating():
            held.start_worker(environment=wrong_by(3_600))
            held.start_worker(environment=wrong_by(-3_600))
            assert [program.exit_code() for program in held.programs] == [0, 0]
        assert held.iteration == 4
        # Nobody took a lease for run out, or a unit for his own that was another's.
        assert not held.query("SELECT 1 FROM gan.work_units WHERE status = 'completed' AND num_attempts > 1")
        assert len(held.query("SELECT DISTINCT worker_id FROM gan.updates WHERE status = 'counted'")) == 2
        held.assert_nothing_lost_or_counted_twice()
