"""At the same moment: nobody waits for ever, loses a unit to a latecomer, or holds up the others."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from gan_desktop.database import coordination
from gan_desktop.database.coordination import CoordinatorLease
from gan_desktop.database.queries import load_queries
from gan_desktop.database.work_queue import WorkQueue
from gan_desktop.errors import ConnectionFailed
from gan_desktop.records import WorkerState
from tests.integration.classroom import Classroom, Training, Worker, counted, finished, hardware, refused


@pytest.fixture
def training(classroom: Classroom) -> Training:
    return classroom.start_training()


@pytest.fixture
def worker(classroom: Classroom, training: Training) -> Worker:
    return classroom.add_worker()


def test_a_submit_and_a_heartbeat_of_one_worker_do_not_wait_for_each_other_for_ever(
    classroom: Classroom,
) -> None:
    classroom.start_training()
    worker = classroom.add_worker()
    unit = worker.claim()
    heart = replace(worker, queue=WorkQueue(classroom.log_in(worker.login), worker.queue._session_id))
    with ThreadPoolExecutor(2) as pool:
        with classroom.superuser.transaction():
            # Holds the submit up in its middle, when it has taken its locks.
            classroom.superuser.execute("LOCK TABLE gan.update_payloads IN SHARE MODE")
            submit = pool.submit(worker.queue.submit, finished(unit))
            classroom.wait_until_blocked(1)
            heartbeat = pool.submit(heart.beat, unit)
            classroom.wait_until_blocked(2)
        submit.result()
        assert heartbeat.result() == (unit.unit_id,)  # it is handed in: no lease any more


def test_a_new_start_and_the_old_ones_submit_do_not_wait_for_each_other_for_ever(
    classroom: Classroom,
) -> None:
    training = classroom.start_training()
    worker = classroom.add_worker()
    unit = worker.claim()
    again = replace(worker, connection=classroom.log_in(worker.login))
    with ThreadPoolExecutor(2) as pool:
        with classroom.superuser.transaction():
            classroom.superuser.execute("LOCK TABLE gan.updates IN SHARE MODE")
            submit = pool.submit(worker.queue.submit, finished(unit))
            classroom.wait_until_blocked(1)
            restart = pool.submit(again.restart)
            classroom.wait_until_blocked(2)
        submit.result()
        restart.result()
    assert [row.status for row in training.units()] == ["completed"]


@pytest.mark.parametrize("how", ["release", "leave", "restart"])
def test_giving_back_does_not_take_a_unit_from_the_one_who_just_got_it(
    classroom: Classroom, how: str
) -> None:
    training = classroom.start_training()
    ana, ben = classroom.add_worker(), classroom.add_worker()
    unit = ana.claim()
    classroom.let_lease_expire(unit)
    give_back = {
        "release": lambda: ana.queue.release(unit),
        "leave": lambda: ana.queue.leave(ana.worker_id),
        "restart": lambda: ana.restart(),
    }[how]
    with ThreadPoolExecutor(1) as pool:
        with ben.connection.transaction():
            assert ben.claim().unit_id == unit.unit_id
            late = pool.submit(give_back)
            classroom.wait_until_blocked(1)
        assert not late.result()
    [row] = training.units()
    assert (row.status, row.worker_id) == ("in_progress", ben.worker_id)


def test_two_first_starts_of_one_device_at_once_make_one_worker(classroom: Classroom) -> None:
    login = classroom.add_student()
    starts = [WorkQueue(classroom.log_in(login), str(uuid.uuid4())) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(lambda queue: queue.register("device", "Ana", hardware("host")), starts))
    assert len(ids) == 1


# -- sessions that hold things up ------------------------------------------------------------------


def test_a_student_idle_in_a_transaction_is_sent_away_and_nobody_else(
    classroom: Classroom, training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle, listening = classroom.add_worker(), classroom.add_worker()
    listening.connection.listen("gan_desktop")
    idle.connection.execute("SET idle_in_transaction_session_timeout = 0")
    idle.connection.execute("BEGIN")
    idle.connection.query("SELECT * FROM class_info")
    assert not classroom.coordinator.query("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")[
        0
    ].rolsuper
    assert training.lease.end_stuck_sessions() == []

    monkeypatch.setattr(coordination, "IDLE_IN_TRANSACTION_S", 0.0)
    assert training.lease.end_stuck_sessions() == [idle.login.user]
    with pytest.raises(ConnectionFailed):
        idle.connection.query("SELECT 1")
    listening.claim()


def test_a_student_in_an_old_transaction_is_sent_away_even_while_busy(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    """Shown on the statement's own words, because nobody can turn a transaction's clock back."""
    ends = load_queries("coordinator")["end_stuck_sessions"]
    assert "interval '15 minutes'" in ends
    with ThreadPoolExecutor(1) as pool:
        sleeping = pool.submit(worker.connection.query, "SELECT pg_sleep(60)")
        classroom.wait_for(
            "SELECT 1 FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep' AND state = 'active'"
        )
        rows = classroom.coordinator.query(
            ends.replace("interval '15 minutes'", "interval '0'"), {"idle_seconds": 60}
        )
        assert [row.login for row in rows if row.ended] == [worker.login.user]
        with pytest.raises(ConnectionFailed):
            sleeping.result()


def test_a_student_who_holds_his_rows_locked_does_not_stop_the_training(
    classroom: Classroom, training: Training, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordination, "WRITING_S", 0.0)
    classroom.coordinator.execute("SET lock_timeout = '1 s'")
    update, bad = training.hand_in(worker), training.hand_in(worker)
    worker.connection.execute("BEGIN")
    worker.queue.heartbeat(worker.worker_id, WorkerState.COMPUTING, {}, [], 0, None)
    watching = CoordinatorLease(
        classroom.connect(classroom.coordinator_address), training.run_id, training.lease.token
    )
    # Credit and strikes stand in a table that no student's call locks: nothing has to wait.
    assert training.publish_next([counted(update), refused(bad, is_strike=True)]) == 1
    watching.renew()
    assert watching.end_stuck_sessions() == [worker.login.user]


def test_a_call_that_is_just_at_work_is_not_ended(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    worker.connection.execute("BEGIN")
    worker.claim()
    assert training.lease.end_stuck_sessions() == []
    worker.connection.execute("COMMIT")
    assert training.lease._writing_since
    worker.connection.execute("BEGIN")
    worker.claim()
    assert training.lease.end_stuck_sessions() == []
    assert len(training.lease._writing_since) == 1  # the earlier one is forgotten
