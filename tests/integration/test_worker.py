"""What a worker does when it is asked to stop, to wait, or is pushed aside."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from gan_desktop.database.accounts import Accounts
from gan_desktop.database.connection import Connection
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.errors import Refused
from gan_desktop.records import (
    Joined,
    UnitDelivered,
    UnitProgress,
    UnitStarted,
    WorkerState,
)
from tests.integration.lesson import LONG_UNITS, SHORT_UNITS, Lesson, lesson, locked, worker_thread
from tests.integration.programs import Program, wait_until
from tests.integration.slow_link import bad_line, slow_link

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def long_units(server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lesson]:
    """A class whose units take seconds, with its coordinator."""
    folder = tmp_path_factory.mktemp("long-units")
    with lesson(server.address, folder, LONG_UNITS, num_faces=1_000) as held, held.coordinating():
        yield held


@pytest.fixture(scope="module")
def short_units(server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lesson]:
    """A class whose units take tenths of a second, with its coordinator."""
    folder = tmp_path_factory.mktemp("short-units")
    with lesson(server.address, folder, SHORT_UNITS) as held, held.coordinating():
        yield held


# -- asked to stop ------------------------------------------------------------------------------


def test_asked_once_to_stop_it_finishes_the_unit_and_hands_it_in(long_units: Lesson) -> None:
    # Ctrl+C, and what a shutdown sends.
    asked = {name: long_units.start_worker() for name in ("SIGINT", "SIGTERM")}
    for signal_name, program in asked.items():
        unit_id = long_units.await_unit_in_work(program)
        program.ask_to_end(signal_name)
        program.await_line(f"Finishing work unit {unit_id} (")
        assert program.exit_code() == 0
        assert "Press Ctrl+C again to hand in what is done and stop now." in program.log
        assert re.search(r"Stopped\. Your (unit is|\d units are) safe\.\n$", program.log)
        update = long_units.update_of(unit_id)
        assert not update.stopped_early
        assert update.num_images == long_units.unit(unit_id).num_images
        assert_holds_nothing(long_units, program)


def test_ctrl_c_twice_hands_in_what_is_done_and_the_rest_becomes_a_unit(long_units: Lesson) -> None:
    program = long_units.start_worker()
    unit_id = long_units.await_unit_in_work(program)
    long_units.wait_until(lambda: long_units.unit(unit_id).num_images_done >= 128, "a fifth of the unit")
    program.interrupt()
    program.await_line(f"Finishing work unit {unit_id} (")
    program.interrupt()
    assert program.exit_code() == 0
    assert "Handing in what is done and stopping." in program.log
    assert f"Work unit {unit_id} completed successfully!" in program.log
    update, unit = long_units.update_of(unit_id), long_units.unit(unit_id)
    assert update.stopped_early
    assert update.num_images == unit.num_images < LONG_UNITS.max_unit_images
    [rest] = long_units.query("SELECT num_images FROM gan.work_units WHERE rest_of = %s", unit_id)
    assert unit.num_images + rest.num_images == LONG_UNITS.max_unit_images
    assert_holds_nothing(long_units, program)


def test_ctrl_c_while_it_waits_ends_it_at_once(server: EmbeddedPostgres, tmp_path: Path) -> None:
    # No coordinator: the training never begins.
    with lesson(server.address, tmp_path) as held:
        program = held.start_worker()
        program.await_line("Your instructor has not started the training yet.")
        program.interrupt()
        assert program.exit_code(seconds=10) == 0
        assert program.log.endswith("Stopping.\nStopped. Your units are safe.\n")
        assert held.worker_of(program.user).state == "stopped"


def assert_holds_nothing(held: Lesson, program: Program) -> None:
    worker = held.worker_of(program.user)
    assert worker.state == "stopped"
    assert not held.query(
        "SELECT id FROM gan.work_units WHERE worker_id = %s AND status = 'in_progress'", worker.worker_id
    )


def test_it_stops_after_as_many_units_as_it_was_told(short_units: Lesson) -> None:
    with worker_thread(short_units, max_units=3) as (_, recorder):
        wait_until(lambda: recorder.state is WorkerState.STOPPED, "the worker's end")
    assert len(recorder.of(UnitStarted)) == len(recorder.of(UnitDelivered)) == 3


# -- pushed aside -------------------------------------------------------------------------------


def test_a_killed_workers_unit_goes_to_another_one_and_its_identity_stays(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    config = replace(LONG_UNITS, lease_seconds=3.0)
    with lesson(server.address, tmp_path, config, num_faces=1_000) as held, held.coordinating():
        student = held.add_student("Ana")
        victim = held.start_worker(student, home="ana")
        unit_id = held.await_unit_in_work(victim)
        victim.kill()
        first = held.worker_of(victim.user)
        held.wait_until(
            lambda: held.query(
                "SELECT 1 FROM gan.work_units WHERE id = %s AND lease_expires_at < now()", unit_id
            ),
            "the end of its lease",
        )
        # Another student's computer gets the unit as it is.
        with worker_thread(held, held.add_student("Ben")) as (_, other):
            wait_until(lambda: held.unit(unit_id).status == "completed", "the unit")
        [joined] = other.of(Joined)
        unit = held.unit(unit_id)
        assert unit.worker_id == joined.worker_id != first.worker_id
        assert (unit.num_attempts, unit.num_images) == (2, LONG_UNITS.max_unit_images)
        again = held.start_worker(student, home="ana")
        again.await_line(f"Worker {first.worker_id} initialized")
        assert held.worker_of(victim.user).worker_id == first.worker_id
        held.assert_nothing_lost_or_counted_twice()


def test_an_update_in_the_outbox_is_delivered_at_the_next_start(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    with lesson(server.address, tmp_path, LONG_UNITS, num_faces=1_000) as held, held.coordinating():
        student = held.add_student()
        program = held.start_worker(student, home="ana")
        unit_id = held.await_unit_in_work(program)
        with locked(held, f"SELECT 1 FROM gan.work_units WHERE id = {unit_id} FOR UPDATE"):
            # The unit is done and on the disk; its delivery cannot get through.
            outbox = wait_until(
                lambda: list((held.folder / "ana").rglob(f"{unit_id}.update")), "the finished update"
            )
            program.kill()
        again = held.start_worker(student, home="ana")
        again.await_line(f"Unit {unit_id}, finished by an earlier start, is handed in.")
        wait_until(lambda: not outbox[0].exists(), "the empty outbox")
        assert held.update_of(unit_id).num_images == LONG_UNITS.max_unit_images
        assert held.unit(unit_id).num_attempts == 1


def test_the_same_folder_started_twice_makes_two_workers(short_units: Lesson) -> None:
    student = short_units.add_student()
    both = [short_units.start_worker(student, "--max-units=2", home="shared") for _ in range(2)]
    assert [program.exit_code() for program in both] == [0, 0]
    ids = {re.search("Worker ([0-9a-f]{8}) initialized", program.log)[1] for program in both}  # type: ignore[index]
    assert len(ids) == 2


def test_the_older_start_of_one_identity_ends_in_plain_words(short_units: Lesson) -> None:
    student = short_units.add_student()
    device_id = str(uuid.uuid4())
    with (
        pytest.raises(Refused, match="started a second time"),
        worker_thread(short_units, student, home="original", device_id=device_id) as (_, older),
    ):
        wait_until(lambda: older.of(UnitDelivered), "the older start's first unit")
        with worker_thread(short_units, student, home="twin", device_id=device_id) as (_, newer):
            wait_until(lambda: len(newer.of(UnitDelivered)) > 1, "the newer start's second unit")
            wait_until(lambda: older.state is WorkerState.STOPPED, "the older start's end")
            num_delivered = len(newer.of(UnitDelivered))
            wait_until(lambda: len(newer.of(UnitDelivered)) > num_delivered, "more units of the newer one")


def test_a_login_withdrawn_in_mid_unit_ends_the_worker_with_words_and_keeps_its_work(
    long_units: Lesson,
) -> None:
    student = long_units.add_student()
    program = long_units.start_worker(student, home="withdrawn")
    unit_id = long_units.await_unit_in_work(program)
    with Connection(long_units.coordinator) as connection:
        assert Accounts(connection).withdraw(student.user)
    assert program.exit_code() == 3
    assert "ask your instructor for a new card" in program.log
    assert "Traceback" not in program.log
    assert list((long_units.folder / "withdrawn").rglob(f"{unit_id}.update"))
    assert "1 finished unit(s) are kept here and handed in at the next start." in program.log


# -- asked to wait ------------------------------------------------------------------------------


def test_pause_hands_in_what_is_done_and_resume_goes_on(long_units: Lesson) -> None:
    with worker_thread(long_units) as (worker, recorder):
        wait_until(
            lambda: any(report.num_images_done >= 128 for report in recorder.of(UnitProgress)),
            "a fifth of the unit",
        )
        worker.pause()
        wait_until(lambda: recorder.state is WorkerState.PAUSED, "the pause")
        [delivered] = recorder.of(UnitDelivered)
        assert 128 <= delivered.result.num_images < LONG_UNITS.max_unit_images
        assert delivered.result.stopped_early
        assert not long_units.query(
            "SELECT 1 FROM gan.work_units WHERE status = 'in_progress' AND worker_id ="
            " (SELECT worker_id FROM gan.work_units WHERE id = %s)",
            delivered.unit.unit_id,
        )
        worker.resume()
        wait_until(lambda: len(recorder.of(UnitStarted)) == 2, "the next unit")


def test_a_pause_right_after_the_start_of_a_unit_gives_it_back(long_units: Lesson) -> None:
    with worker_thread(long_units) as (worker, recorder):
        wait_until(lambda: recorder.of(UnitProgress), "the first batch")
        worker.pause()
        wait_until(lambda: recorder.state is WorkerState.PAUSED, "the pause")
        [started] = recorder.of(UnitStarted)
        assert not recorder.of(UnitDelivered)
        unit_id = started.unit.unit_id
        assert long_units.unit(unit_id).status == "pending"
        assert f"Too little of unit {unit_id} was done to be worth sending" in recorder.sentence


# -- the next unit, and slow links --------------------------------------------------------------


def test_the_next_units_pictures_come_while_this_one_is_computed(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    # Each shard is a unit of its own.
    config = replace(LONG_UNITS, first_unit_images=272, min_unit_images=272, max_unit_images=272)
    with (
        lesson(server.address, tmp_path, config, num_faces=300, num_imports=4) as held,
        held.coordinating(),
        worker_thread(held, home="thread") as (_, recorder),
    ):
        wait_until(lambda: recorder.of(UnitProgress), "the first batch")
        shards = held.folder / "thread" / "shards"
        wait_until(lambda: len(list(shards.glob("*.tar"))) == 2, "the second shard")
        latest = recorder.of(UnitProgress)[-1]
        assert len(recorder.of(UnitStarted)) == 1
        assert latest.num_images_done < latest.num_images


def test_on_a_slow_link_a_unit_is_handed_in_while_the_next_one_is_computed(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    with (
        lesson(server.address, tmp_path, LONG_UNITS, num_faces=1_000) as held,
        slow_link(held.administrator, 3_000_000) as entrance,
        held.coordinating(),
        worker_thread(held, replace(held.add_student(), port=entrance.port)) as (_, recorder),
    ):
        # Weights and update take some 1.5 s together, computing a unit twice as long.
        wait_until(lambda: len(recorder.of(UnitDelivered)) == 3, "the third unit")
        told = [
            (type(report), report.unit.unit_id)
            for report in recorder.reports
            if isinstance(report, UnitStarted | UnitDelivered)
        ]
        delivered = [unit_id for kind, unit_id in told if kind is UnitDelivered]
        overlapped = [
            unit_id
            for unit_id, following in pairwise(delivered)
            if told.index((UnitStarted, following)) < told.index((UnitDelivered, unit_id))
        ]
        assert overlapped
        held.assert_nothing_lost_or_counted_twice()
        assert not held.query("SELECT 1 FROM gan.work_units WHERE num_attempts > 1 AND status = 'completed'")
        # The price: updates start from weights that are an iteration older, and still count.
        updates = held.query("SELECT merged_into - 1 - iteration AS staleness, status FROM gan.updates")
        counted = [row.staleness for row in updates if row.status == "counted"]
        assert counted[0] == 0 and 1 in counted and max(counted) <= LONG_UNITS.max_staleness


def test_a_link_that_breaks_while_pictures_come_costs_no_further_unit(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    with (
        lesson(server.address, tmp_path) as held,
        held.coordinating(),
        bad_line(held.administrator, 100_000) as line,
        worker_thread(held, replace(held.add_student(), port=line.port)) as (worker, recorder),
    ):
        for _ in range(2):
            wait_until(lambda: recorder.state is WorkerState.LOADING, "the pictures' turn")
            line.cut_after(30_000)  # in the middle of the pictures
            wait_until(lambda: recorder.state is WorkerState.RETRYING, "another try")
            worker.try_now()
        [started] = wait_until(lambda: recorder.of(UnitStarted), "the first unit")
        claimed = held.query("SELECT id, num_attempts FROM gan.work_units ORDER BY id")
        # The second one is the next, which is fetched while the first one is computed.
        assert [(row.id, row.num_attempts) for row in claimed[:1]] == [(started.unit.unit_id, 1)]
        assert len(claimed) <= 2


def test_a_short_lease_is_kept_whatever_interval_the_settings_ask_for(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    # On a quick computer too the unit takes several leases.
    config = replace(
        LONG_UNITS, lease_seconds=1.0, first_unit_images=2_048, min_unit_images=2_048, max_unit_images=2_048
    )
    with (
        lesson(server.address, tmp_path, config, num_faces=2_500) as held,
        held.coordinating(),
        worker_thread(held, heartbeat_interval_s=3_600.0) as (_, recorder),
    ):
        delivered = wait_until(lambda: recorder.of(UnitDelivered), "the first unit")
        assert delivered[0].seconds > 2 * config.lease_seconds
        assert held.unit(delivered[0].unit.unit_id).num_attempts == 1


def test_a_broken_computation_gives_the_unit_back_and_ends_with_its_error(
    short_units: Lesson, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("gan_desktop.worker.studio.Studio.train", fail)
    with pytest.raises(ZeroDivisionError), worker_thread(short_units) as (_, recorder):
        wait_until(lambda: recorder.state is WorkerState.STOPPED, "the worker's end")
    [started] = recorder.of(UnitStarted)
    assert short_units.unit(started.unit.unit_id).status == "pending"
