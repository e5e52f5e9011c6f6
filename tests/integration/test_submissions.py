"""Handing in: an update is stored once and whole, or refused with nothing changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gan_desktop.errors import LeaseLost, Refused
from gan_desktop.records import RunStatus, ShardRange, Update, WorkUnit
from tests.integration.classroom import (
    MAX_UPDATE_BYTES,
    Classroom,
    Training,
    Worker,
    finished,
)


def with_payload(update: Update, payload: bytes) -> Update:
    return replace(update, payload=payload, sha256=hashlib.sha256(payload).hexdigest())


def with_check(update: Update, **changes: Any) -> Update:
    check = replace(update.result.check, **changes)
    return replace(update, result=replace(update.result, check=check))


REFUSED: dict[str, tuple[str, Callable[[WorkUnit], Update]]] = {
    "empty": ("GD011", lambda unit: with_payload(finished(unit), b"")),
    "oversized": ("GD011", lambda unit: with_payload(finished(unit), bytes(MAX_UPDATE_BYTES + 1))),
    "damaged": ("GD011", lambda unit: replace(finished(unit), payload=b"other bytes")),
    "checksum of another length": ("GD011", lambda unit: replace(finished(unit), sha256="00")),
    "unknown codec": ("GD012", lambda unit: replace(finished(unit), codec="pickle")),  # type: ignore[arg-type]
    "of weights to come": ("GD012", lambda unit: replace(finished(unit), iteration=1)),
    "of no weights": ("GD012", lambda unit: replace(finished(unit), iteration=-1)),
    "more images than given": ("GD012", lambda unit: finished(unit, unit.num_images + 1)),
    "no image": ("GD012", lambda unit: finished(unit, 0)),
    "no step": ("GD012", lambda unit: finished(unit, num_steps=0)),
    "more steps than images": ("GD012", lambda unit: finished(unit, num_steps=unit.num_images + 1)),
    "loss not a number": ("GD012", lambda unit: finished(unit, loss_g=float("nan"))),
    "infinite loss": ("GD012", lambda unit: finished(unit, loss_d=float("-inf"))),
    "share above one": ("GD012", lambda unit: finished(unit, d_real=1.01)),
    "share not a number": ("GD012", lambda unit: finished(unit, d_fake=float("nan"))),
    "time before the start": ("GD012", lambda unit: finished(unit, compute_seconds=-1.0)),
    "time not a number": ("GD012", lambda unit: finished(unit, compute_seconds=float("nan"))),
    "check loss not a number": ("GD012", lambda unit: with_check(finished(unit), loss_d=float("nan"))),
    "infinite check norm": ("GD012", lambda unit: with_check(finished(unit), norm_g=float("inf"))),
    "check of too many images": ("GD012", lambda unit: with_check(finished(unit), num_images=17)),
}


@pytest.fixture
def training(classroom: Classroom) -> Training:
    return classroom.start_training()


@pytest.fixture
def worker(classroom: Classroom, training: Training) -> Worker:
    return classroom.add_worker()


def contents(classroom: Classroom) -> list[tuple[str, ...]]:
    """All that a submission could have changed."""
    tables = ("work_units", "updates", "update_payloads", "workers", "epoch_cursors")
    return [
        tuple(r.text for r in classroom.superuser.query(f"SELECT t::text AS text FROM gan.{table} AS t"))
        for table in tables
    ]


@pytest.mark.parametrize("what", REFUSED)
def test_a_refused_update_changes_nothing(
    classroom: Classroom, training: Training, worker: Worker, what: str
) -> None:
    code, spoilt = REFUSED[what]
    unit = worker.claim()
    before = contents(classroom)
    with pytest.raises(Refused) as refused:
        worker.queue.submit(spoilt(unit))
    assert refused.value.code == code
    assert contents(classroom) == before
    worker.queue.submit(finished(unit))


@pytest.mark.parametrize(
    "column", ["payload", "sha256", "num_images", "num_steps", "loss_g", "compute_seconds", "stopped_early",
               "iteration", "codec", "check_num_images", "d_real"]
)  # fmt: skip
def test_an_update_with_a_figure_left_out_is_refused(training: Training, worker: Worker, column: str) -> None:
    unit = worker.claim()
    payload = b"x"
    values = {
        "unit_id": unit.unit_id, "lease_token": unit.lease_token, "iteration": 0, "codec": "int8",
        "sha256": hashlib.sha256(payload).digest(), "payload": payload, "num_images": 16, "num_steps": 4,
        "loss_g": 1.0, "loss_d": 1.0, "d_real": 0.5, "d_fake": 0.5, "check_loss_d": 1.0, "check_loss_g": 1.0,
        "check_norm_d": 1.0, "check_norm_g": 1.0, "check_num_images": 4, "compute_seconds": 1.0,
        "stopped_early": False,
    }  # fmt: skip
    left_out = {name: value for name, value in values.items() if name != column}
    insert = "INSERT INTO submissions ({}) VALUES ({})"
    with pytest.raises(Refused):
        worker.connection.execute(
            insert.format(", ".join(left_out), ", ".join(f"%({name})s" for name in left_out)), left_out
        )
    worker.connection.execute(
        insert.format(", ".join(values), ", ".join(f"%({name})s" for name in values)), values
    )


def test_an_update_arrives_as_it_was_sent(classroom: Classroom, training: Training, worker: Worker) -> None:
    unit = worker.claim()
    update = with_payload(finished(unit), bytes(range(256)) * 39)
    worker.queue.submit(update)
    [pending] = training.coordination.pending_updates()
    assert pending.result == update.result
    assert (pending.unit_id, pending.worker_id, pending.iteration) == (unit.unit_id, worker.worker_id, 0)
    assert training.coordination.update_payload(pending.update_id) == update.payload
    assert training.coordination.unit_of_update(pending.update_id) == (unit.seed, unit.ranges)


def test_an_update_of_the_largest_size_is_taken(training: Training, worker: Worker) -> None:
    worker.queue.submit(with_payload(finished(worker.claim()), bytes(MAX_UPDATE_BYTES)))


def test_handing_in_twice_changes_nothing(classroom: Classroom, training: Training, worker: Worker) -> None:
    update = finished(worker.claim(), 8)
    worker.queue.submit(update)
    before = contents(classroom)
    worker.queue.submit(update)
    assert contents(classroom) == before
    # Nor after it was merged, its bytes dropped.
    [pending] = training.coordination.pending_updates()
    training.publish_next()
    worker.queue.submit(update)
    assert [p.update_id for p in training.coordination.pending_updates()] == [pending.update_id]


def test_another_update_for_a_unit_that_is_handed_in_is_refused(training: Training, worker: Worker) -> None:
    unit = worker.claim()
    worker.queue.submit(finished(unit))
    with pytest.raises(LeaseLost):
        worker.queue.submit(with_payload(finished(unit), b"second thoughts"))


def test_an_old_token_is_refused_even_for_the_same_worker(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    unit = worker.claim()
    classroom.let_lease_end_for_good(unit)
    again = worker.claim()
    assert again.unit_id == unit.unit_id
    with pytest.raises(LeaseLost):
        worker.queue.submit(finished(unit))
    worker.queue.submit(finished(again))


def test_a_worker_is_not_offered_the_unit_it_may_be_computing(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    unit = worker.claim()
    classroom.let_lease_expire(unit)
    assert worker.claim().unit_id != unit.unit_id
    worker.queue.submit(finished(unit))


def test_a_unit_that_nobody_can_do_is_given_up_in_the_end(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    first = worker.claim()
    worker.queue.release(first)
    for _ in range(19):
        other = classroom.add_worker()
        unit = other.claim()
        assert unit.unit_id == first.unit_id
        other.queue.release(unit)
    assert worker.claim().unit_id != first.unit_id
    assert {row.id: row.status for row in training.units()}[first.unit_id] == "failed"


def test_another_account_cannot_hand_in_even_with_the_token(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    unit = worker.claim()
    other = classroom.add_worker(classroom.add_student("Ben"))
    before = contents(classroom)
    with pytest.raises(LeaseLost):
        other.queue.submit(finished(unit))
    assert contents(classroom) == before
    # Nor does a repetition by somebody else look like success.
    worker.queue.submit(finished(unit))
    with pytest.raises(LeaseLost):
        other.queue.submit(finished(unit))


def test_a_unit_that_nobody_took_in_the_meantime_counts_after_its_lease_ran_out(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    unit = worker.claim()
    classroom.let_lease_end_for_good(unit)
    worker.queue.submit(finished(unit))
    assert [row.status for row in training.units()] == ["completed"]


def test_a_unit_that_does_not_exist_is_refused(training: Training, worker: Worker) -> None:
    unit = worker.claim()
    with pytest.raises(LeaseLost):
        worker.queue.submit(replace(finished(unit), unit_id=10**9))


def test_the_rest_of_a_partly_done_unit_is_a_unit_of_its_own(classroom: Classroom) -> None:
    training = classroom.start_training([10, 10, 10])
    worker = classroom.add_worker()
    unit = worker.claim()
    first, second = unit.ranges
    assert (first.count, second.count) == (10, 6)

    worker.queue.submit(finished(unit, 12))

    done, rest = training.units()
    assert (done.status, done.num_images, done.num_images_done) == ("completed", 12, 12)
    assert [(r["shard_id"], r["first"], r["count"]) for r in done.ranges] == [
        (first.shard_id, 0, 10),
        (second.shard_id, 0, 2),
    ]
    assert (rest.status, rest.num_images, rest.rest_of) == ("pending", 4, unit.unit_id)
    assert worker.claim().ranges == (ShardRange(second.shard_id, 0, 2, 4),)


def test_work_counts_while_the_training_is_paused_or_has_just_become_complete(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    first, second = worker.claim(), worker.claim()
    other = classroom.add_worker()
    third = other.claim()
    training.runs.set_status(training.run_id, RunStatus.PAUSED)
    worker.queue.submit(finished(first))
    training.runs.set_status(training.run_id, RunStatus.COMPLETE)
    worker.queue.submit(finished(second))
    classroom.superuser.execute("UPDATE gan.training_runs SET finished_at = now() - interval '11 minutes'")
    with pytest.raises(Refused) as refused:
        other.queue.submit(finished(third))
    assert refused.value.code == "GD013"


def test_rows_that_come_together_are_taken_together_or_not_at_all(training: Training, worker: Worker) -> None:
    """A student may send anything: here a good row and a bad one in one statement."""
    unit = worker.claim()
    row = (
        f"({{unit}}, '{unit.lease_token}', 0, 'int8', sha256('x'), 'x'::bytea, 16, 4, 1, 1, 0.5, 0.5,"
        " 1, 1, 1, 1, 4, 1, false)"
    )
    with pytest.raises(LeaseLost):
        worker.connection.execute(
            f"INSERT INTO submissions VALUES {row.format(unit=unit.unit_id)}, {row.format(unit=10**9)}"
        )
    assert training.coordination.pending_updates() == []
