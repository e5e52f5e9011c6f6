"""The worker's side of the queue: what is given out, and how long a sign of life keeps it."""

from __future__ import annotations

import pytest

from gan_desktop.database.coordination import COORDINATOR_AWAY_S, Runs
from gan_desktop.errors import LeaseLost, Refused
from gan_desktop.records import RunStatus, ShardRange, WorkerState, WorkUnit
from tests.integration.classroom import CONFIG, MAX_UPDATE_BYTES, Classroom, Worker, finished


def set_speed(classroom: Classroom, worker: Worker, images_per_second: float) -> None:
    classroom.superuser.execute(
        "UPDATE gan.workers SET images_per_second = %s WHERE worker_id = %s",
        [images_per_second, worker.worker_id],
    )


def num_images_of(ranges: tuple[ShardRange, ...]) -> int:
    return sum(part.count for part in ranges)


def seconds_left(classroom: Classroom, unit: WorkUnit) -> tuple[float, float]:
    """Until the lease ends, and until it ends for good."""
    [row] = classroom.superuser.query(
        "SELECT extract(epoch FROM lease_expires_at - now())::float8 AS lease,"
        " extract(epoch FROM lease_hard_end - now())::float8 AS hard FROM gan.work_units WHERE id = %s",
        [unit.unit_id],
    )
    return row.lease, row.hard


# -- what is given out ---------------------------------------------------------------------------


def test_a_new_workers_first_unit_is_small(classroom: Classroom) -> None:
    classroom.start_training()
    unit = classroom.add_worker().claim()
    assert unit.num_images == num_images_of(unit.ranges) == CONFIG.first_unit_images


@pytest.mark.parametrize(
    ("images_per_second", "num_images"), [(0.01, 8), (0.9, 8), (3.0, 28), (5.2, 52), (1e6, 64)]
)
def test_a_unit_is_about_ten_seconds_of_the_workers_speed_in_whole_steps(
    classroom: Classroom, images_per_second: float, num_images: int
) -> None:
    classroom.start_training([500])
    worker = classroom.add_worker()
    set_speed(classroom, worker, images_per_second)
    assert worker.claim().num_images == num_images


def test_the_measured_speed_is_half_the_newest_units(classroom: Classroom) -> None:
    classroom.start_training([500])
    worker = classroom.add_worker()
    worker.queue.submit(finished(worker.claim(), compute_seconds=8.0))  # 16 images: 2 a second
    second = worker.claim()
    assert second.num_images == 20
    assert second.expected_seconds == pytest.approx(10.0)
    worker.queue.submit(finished(second, compute_seconds=5.0))  # 4 a second
    assert worker.claim().num_images == 28  # 3 a second, in whole steps


def test_a_unit_of_a_fast_worker_reaches_over_several_shards(classroom: Classroom) -> None:
    classroom.start_training([20, 20, 20, 20])
    worker = classroom.add_worker()
    set_speed(classroom, worker, 1000.0)
    unit = worker.claim()
    assert [part.count for part in unit.ranges] == [20, 20, 20, 4]
    assert len({part.shard_id for part in unit.ranges}) == 4


def test_a_small_set_comes_round_within_one_unit_each_image_once_an_epoch(classroom: Classroom) -> None:
    classroom.start_training([10, 10])
    worker = classroom.add_worker()
    set_speed(classroom, worker, 1000.0)
    unit = worker.claim()
    assert [(part.epoch, part.first, part.count) for part in unit.ranges] == [
        (0, 0, 10), (0, 0, 10), (1, 0, 10), (1, 0, 10), (2, 0, 10), (2, 0, 10), (3, 0, 4)
    ]  # fmt: skip
    assert {part.shard_id for part in unit.ranges if part.epoch == 0} == {1, 2}


def test_a_rest_too_small_for_a_step_goes_along(classroom: Classroom) -> None:
    classroom.start_training([18])
    assert classroom.add_worker().claim().num_images == 18


def test_shards_on_the_workers_disk_come_first(classroom: Classroom) -> None:
    training = classroom.start_training([40, 40, 40, 40])
    shards = [row.shard_id for row in classroom.superuser.query("SELECT shard_id FROM gan.dataset_shards")]
    worker = classroom.add_worker()
    for shard in reversed(shards):
        unit = worker.claim([shard])
        assert [part.shard_id for part in unit.ranges] == [shard]
        worker.queue.submit(finished(unit, compute_seconds=10.0))
    assert {part["epoch"] for row in training.units() for part in row.ranges} == {0}


def test_held_out_pictures_are_never_given_out(classroom: Classroom) -> None:
    dataset = classroom.add_dataset([16, 16, 16], num_held_out=1)
    [held_out] = classroom.superuser.query("SELECT shard_id FROM gan.dataset_shards WHERE is_held_out")
    runs = Runs(classroom.coordinator)
    run = runs.create("Faces", dataset, CONFIG, 1000)
    cursors = classroom.superuser.query("SELECT shard_id FROM gan.epoch_cursors WHERE run_id = %s", [run])
    assert len(cursors) == 2
    assert held_out.shard_id not in {row.shard_id for row in cursors}


def test_a_unit_given_back_comes_again_with_the_same_pictures(classroom: Classroom) -> None:
    classroom.start_training()
    ana, ben = classroom.add_worker(), classroom.add_worker()
    unit = ana.claim()
    assert ana.queue.release(unit)
    assert not ana.queue.release(unit)
    again = ben.claim()
    assert (again.unit_id, again.ranges, again.seed) == (unit.unit_id, unit.ranges, unit.seed)
    assert again.lease_token != unit.lease_token


def test_a_large_unit_that_came_back_is_cut_for_a_slow_worker(classroom: Classroom) -> None:
    classroom.start_training([500])
    fast, slow = classroom.add_worker(), classroom.add_worker()
    set_speed(classroom, fast, 1000.0)
    set_speed(classroom, slow, 1.2)
    large = fast.claim()
    fast.queue.release(large)

    parts = [slow.claim(), slow.claim()]
    fast_rest = fast.claim()

    assert [part.num_images for part in parts] == [12, 12]
    positions = sorted(
        position
        for part in [*parts, fast_rest]
        for r in part.ranges
        for position in range(r.first, r.first + r.count)
    )
    assert positions == list(range(64))


def test_an_expired_lease_is_offered_again_and_its_old_token_is_worth_nothing(classroom: Classroom) -> None:
    classroom.start_training()
    ana, ben = classroom.add_worker(), classroom.add_worker()
    unit = ana.claim()
    classroom.let_lease_expire(unit)
    again = ben.claim()
    assert again.unit_id == unit.unit_id

    assert not ana.queue.release(unit)
    assert ana.beat(unit) == (unit.unit_id,)
    with pytest.raises(LeaseLost):
        ana.queue.submit(finished(unit))
    ben.queue.submit(finished(again))


def test_a_worker_holds_two_leases_at_most(classroom: Classroom) -> None:
    classroom.start_training()
    worker = classroom.add_worker()
    worker.claim()
    second = worker.claim()
    assert worker.queue.claim(worker.worker_id, []).waiting == WorkerState.WAITING_NONE_FREE
    worker.queue.submit(finished(second))
    worker.claim()


def test_a_login_holds_sixteen_leases_at_most_however_its_computers_come_and_go(
    classroom: Classroom,
) -> None:
    classroom.start_training([5000])
    login = classroom.add_student(num_workers=8)
    for _ in range(8):
        worker = classroom.add_worker(login)
        worker.claim()
        worker.claim()
    classroom.superuser.execute("UPDATE gan.workers SET last_heartbeat = now() - interval '3 minutes'")
    ninth = classroom.add_worker(login)
    assert ninth.queue.claim(ninth.worker_id, []).waiting == WorkerState.WAITING_NONE_FREE


def test_a_worker_is_told_why_there_is_no_unit(classroom: Classroom) -> None:
    worker = classroom.add_worker()

    def waiting() -> WorkerState | None:
        return worker.queue.claim(worker.worker_id, []).waiting

    assert waiting() == WorkerState.WAITING_NO_TRAINING
    training = classroom.start_training([20])
    run = training.run_id
    training.runs.set_status(run, RunStatus.PAUSED)
    assert waiting() == WorkerState.WAITING_PAUSED
    training.runs.set_status(run, RunStatus.RUNNING)
    classroom.superuser.execute("UPDATE gan.worker_totals SET on_hold_reason = 'Ask me.'")
    assert waiting() == WorkerState.WAITING_ON_HOLD
    classroom.superuser.execute("UPDATE gan.worker_totals SET on_hold_reason = NULL")
    silence = "UPDATE gan.training_runs SET coordinator_seen_at = now() - %s * interval '1 second'"
    classroom.superuser.execute(silence, [COORDINATOR_AWAY_S + 1])
    assert waiting() == WorkerState.WAITING_COORDINATOR_AWAY
    classroom.superuser.execute(silence, [COORDINATOR_AWAY_S - 5])
    assert waiting() is None
    training.lease.renew()
    # Somebody holds the only shard in a transaction that he leaves open: nobody waits for him for long.
    with classroom.superuser.transaction():
        classroom.superuser.execute("SELECT FROM gan.epoch_cursors FOR UPDATE")
        assert waiting() == WorkerState.WAITING_NONE_FREE
    worker.claim()
    training.runs.set_status(run, RunStatus.COMPLETE)
    assert waiting() == WorkerState.COMPLETE
    # The next training is written down: nobody is sent home before the instructor starts it.
    training.runs.create("The next", training.dataset_id, CONFIG, MAX_UPDATE_BYTES)
    assert waiting() == WorkerState.WAITING_NO_TRAINING


def test_a_run_without_weights_gives_nothing_out(classroom: Classroom) -> None:
    runs = Runs(classroom.coordinator)
    run = runs.create("Faces", classroom.add_dataset([50]), CONFIG, 1000)
    runs.set_status(run, RunStatus.RUNNING)
    worker = classroom.add_worker()
    assert worker.queue.claim(worker.worker_id, []).waiting == WorkerState.WAITING_NO_TRAINING


# -- signs of life -------------------------------------------------------------------------------


def test_a_heartbeat_renews_the_lease(classroom: Classroom) -> None:
    classroom.start_training()
    worker = classroom.add_worker()
    unit = worker.claim()
    classroom.let_lease_expire(unit)  # late, but nobody has taken it in the meantime
    assert worker.beat(unit, images_done=12) == ()
    lease, _ = seconds_left(classroom, unit)
    assert lease == pytest.approx(CONFIG.lease_seconds, abs=5)
    assert worker.connection.query("SELECT num_images_done FROM work_units")[0].num_images_done == 12


def test_a_heartbeat_reports_no_more_images_than_the_unit_has(classroom: Classroom) -> None:
    classroom.start_training()
    worker = classroom.add_worker()
    unit = worker.claim()
    for told, stored in ((10**9, unit.num_images), (-5, 0)):
        worker.beat(unit, images_done=told)
        assert worker.connection.query("SELECT num_images_done FROM work_units")[0].num_images_done == stored


def test_a_lease_ends_at_four_times_its_expected_time_whatever_the_heartbeat_says(
    classroom: Classroom,
) -> None:
    classroom.start_training()
    worker = classroom.add_worker()
    first, second = worker.claim(), worker.claim()
    # Two minutes for downloads, and for the second unit also the time of the first.
    assert seconds_left(classroom, first)[1] == pytest.approx(120 + 4 * 10, abs=5)
    assert seconds_left(classroom, second)[1] == pytest.approx(120 + 4 * 20, abs=5)

    classroom.superuser.execute("UPDATE gan.work_units SET lease_hard_end = now() + interval '7 seconds'")
    assert worker.beat(first, second) == ()
    assert seconds_left(classroom, first)[0] <= 7
    classroom.let_lease_end_for_good(first)
    assert worker.beat(first, second) == (first.unit_id,)
    assert classroom.add_worker().claim().unit_id == first.unit_id


def test_a_worker_that_tells_of_a_tiny_speed_does_not_keep_a_unit_for_days(classroom: Classroom) -> None:
    classroom.start_training()
    worker = classroom.add_worker()
    set_speed(classroom, worker, 0.001)
    assert seconds_left(classroom, worker.claim())[1] <= 120 + 4 * 1800


def test_a_heartbeat_brings_the_state_of_the_class(classroom: Classroom) -> None:
    worker = classroom.add_worker()
    queue, worker_id = worker.queue, worker.worker_id
    directives = queue.heartbeat(worker_id, WorkerState.WAITING_NO_TRAINING, {}, [], 0, None)
    assert (directives.run_id, directives.run_status, directives.iteration) == (None, None, -1)

    training = classroom.start_training()
    training.publish_next()
    classroom.superuser.execute("UPDATE gan.training_runs SET coordinator_seen_at = now() - interval '50 s'")
    directives = queue.heartbeat(worker_id, WorkerState.COMPUTING, {"unit": 3}, [], 0, "No space left")
    assert directives.run_id == training.run_id
    assert (directives.run_status, directives.iteration) == (RunStatus.RUNNING, 1)
    assert directives.coordinator_silent_s == pytest.approx(50, abs=5)
    [row] = worker.connection.query("SELECT state, state_detail, last_error FROM workers")
    assert (row.state, row.state_detail, row.last_error) == ("computing", {"unit": 3}, "No space left")


def test_messages_reach_those_they_are_meant_for(classroom: Classroom) -> None:
    ana, ben = classroom.add_worker(), classroom.add_worker()
    send = (
        "INSERT INTO gan.messages (account_id, text)"
        " SELECT account_id, %s FROM gan.workers WHERE worker_id = %s"
    )

    def messages(worker: Worker, last: int = 0) -> list[str]:
        directives = worker.queue.heartbeat(
            worker.worker_id, WorkerState.WAITING_NO_TRAINING, {}, [], 0, None, last_message=last
        )
        return [text for _, text in directives.messages]

    classroom.coordinator.execute("INSERT INTO gan.messages (text) VALUES ('To all')")
    classroom.coordinator.execute(send, ["To Ana", ana.worker_id])
    assert (messages(ana), messages(ben)) == (["To all", "To Ana"], ["To all"])
    assert (messages(ana, last=1), messages(ana, last=2)) == (["To Ana"], [])
    classroom.superuser.execute("UPDATE gan.messages SET sent_at = now() - interval '2 hours'")
    assert (messages(ana), messages(ben)) == ([], [])


@pytest.mark.parametrize("state", ["", "Computing", "\x1b[31m", "x" * 41, None])
def test_a_state_is_one_word(classroom: Classroom, state: str | None) -> None:
    worker = classroom.add_worker()
    with pytest.raises(Refused) as refused:
        worker.connection.query(
            "SELECT * FROM heartbeat(%s, %s, %s, '{}', '{}', 0, NULL)",
            [worker.worker_id, worker.queue._session_id, state],
        )
    assert refused.value.code == "GD002"


def test_words_beyond_measure_are_cut_not_stored(classroom: Classroom) -> None:
    worker = classroom.add_worker()
    worker.queue.heartbeat(
        worker.worker_id, WorkerState.COMPUTING, {"long": "x" * 3000}, list(range(1000)), 0, "y" * 10_000
    )
    [row] = worker.connection.query("SELECT state_detail, last_error FROM workers")
    assert (row.state_detail, row.last_error) == ({}, "y" * 500)
