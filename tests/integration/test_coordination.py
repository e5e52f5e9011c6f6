"""The coordinator's side: one iteration is written whole and by one, and credit follows what counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from gan_desktop.database.accounts import Accounts
from gan_desktop.database.coordination import Coordination, CoordinatorLease, Runs
from gan_desktop.database.queries import load_queries
from gan_desktop.errors import ConnectionFailed, CoordinatorReplaced, GanDesktopError, ImageSetError
from gan_desktop.records import RunStatus, UpdateDecision, WorkerState
from tests.integration.classroom import CONFIG, Classroom, Training, Worker, counted, finished, late, refused

# What a publication touches; a failed one must leave it as it was.
TABLES = ("training_runs", "updates", "update_payloads", "workers", "model_weights", "optimizer_state",
          "loss_history", "events")  # fmt: skip


@pytest.fixture
def training(classroom: Classroom) -> Training:
    return classroom.start_training()


@pytest.fixture
def worker(classroom: Classroom, training: Training) -> Worker:
    return classroom.add_worker()


def contents(classroom: Classroom) -> dict[str, list[str]]:
    return {
        table: [
            row.text for row in classroom.superuser.query(f"SELECT t::text AS text FROM gan.{table} AS t")
        ]
        for table in TABLES
    }


def another_coordinator(classroom: Classroom, training: Training) -> CoordinatorLease:
    return CoordinatorLease(classroom.connect(classroom.coordinator_address), training.run_id)


def let_coordinator_lease_expire(classroom: Classroom) -> None:
    classroom.superuser.execute(
        "UPDATE gan.training_runs SET coordinator_lease_end = now() - interval '1 second'"
    )


# -- one iteration -------------------------------------------------------------------------------


def test_a_publication_is_seen_whole(classroom: Classroom, training: Training, worker: Worker) -> None:
    first, second, third = (training.hand_in(worker) for _ in range(3))
    training.publish_next([counted(first), late(second), refused(third)])

    student = worker.connection
    [state] = student.query("SELECT * FROM training_state")
    assert (state.current_iteration, state.generator_loss, state.training_active) == (1, 1.5, True)
    [history] = student.query("SELECT * FROM loss_history WHERE iteration = 1")
    assert (history.num_updates, history.num_images, history.discriminator_loss) == (1, 100, 0.5)
    updates = student.query("SELECT update_id, status, merged_into FROM gradients ORDER BY update_id")
    assert [(u.update_id, u.status, u.merged_into) for u in updates] == [
        (first, "counted", 1),
        (second, "late", 1),
        (third, "not_counted", 1),
    ]
    assert training.coordination.state() == b"state of iteration 1"
    assert training.coordination.pending_updates() == []
    assert training.coordination.norm_history() == [(4, 1.0)]


@pytest.mark.parametrize("iteration", [0, 2, 7])
def test_an_iteration_out_of_turn_is_not_written_at_all(
    classroom: Classroom, training: Training, worker: Worker, iteration: int
) -> None:
    update = training.hand_in(worker)
    before = contents(classroom)
    with pytest.raises(CoordinatorReplaced):
        training.coordination.publish(training.publication(iteration, [counted(update)]))
    assert contents(classroom) == before
    training.publish_next([counted(update)])


def test_only_one_coordinator_holds_a_run(classroom: Classroom, training: Training) -> None:
    other = another_coordinator(classroom, training)
    assert not other.take()
    training.lease.renew()
    assert training.lease.take()  # one's own lease may be taken again, after a lost connection
    training.lease.drop()
    assert other.take()


def test_a_coordinator_whose_lease_was_taken_writes_nothing_more(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    update = training.hand_in(worker)
    let_coordinator_lease_expire(classroom)
    other = another_coordinator(classroom, training)
    assert other.take()
    before = contents(classroom)

    for attempt in (
        training.lease.renew,
        lambda: training.publish_next([counted(update)]),
        lambda: training.coordination.credit_only([counted(update)], 0),
    ):
        with pytest.raises(CoordinatorReplaced):
            attempt()
    training.lease.drop()

    assert contents(classroom) == before
    successor = Coordination(classroom.coordinator, training.run_id, other.token)
    successor.publish(training.publication(1, [counted(update)]))


def test_a_lease_taken_in_the_middle_of_a_publication_stops_it(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    update = training.hand_in(worker)
    with ThreadPoolExecutor(1) as pool:
        with classroom.superuser.transaction():
            # Holds the publication up when its transfers are over.
            classroom.superuser.execute("LOCK TABLE gan.loss_history IN SHARE MODE")
            publishing = pool.submit(training.publish_next, [counted(update)])
            classroom.wait_until_blocked(1)
            elsewhere = classroom.connect(classroom.administrator)
            elsewhere.execute("UPDATE gan.training_runs SET coordinator_token = gen_random_uuid()")
            before = contents(classroom)
        with pytest.raises(CoordinatorReplaced):
            publishing.result()
    assert contents(classroom) == before


def test_of_two_publications_of_one_iteration_one_is_written(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    update = training.hand_in(worker)
    twin = Coordination(
        classroom.connect(classroom.coordinator_address), training.run_id, training.lease.token
    )
    with ThreadPoolExecutor(2) as pool:
        with classroom.superuser.transaction():
            classroom.superuser.execute("LOCK TABLE gan.loss_history IN SHARE MODE")
            first = pool.submit(training.publish_next, [counted(update)])
            classroom.wait_until_blocked(1)
            second = pool.submit(twin.publish, training.publication(1, [counted(update)]))
            classroom.wait_until_blocked(2)
        assert first.result() == 1
        with pytest.raises(CoordinatorReplaced):
            second.result()
    [row] = worker.connection.query("SELECT total_work_units FROM workers")
    assert row.total_work_units == 1


def test_a_coordinator_killed_in_the_middle_leaves_the_last_iteration_whole(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    update = training.hand_in(worker)
    before = contents(classroom)
    [backend] = classroom.coordinator.query("SELECT pg_backend_pid() AS pid")
    with ThreadPoolExecutor(1) as pool:
        with classroom.superuser.transaction():
            classroom.superuser.execute("LOCK TABLE gan.loss_history IN SHARE MODE")
            publishing = pool.submit(training.publish_next, [counted(update)])
            classroom.wait_until_blocked(1)
            classroom.superuser.query("SELECT pg_terminate_backend(%s, 5000)", [backend.pid])
        with pytest.raises(ConnectionFailed):
            publishing.result()
    assert contents(classroom) == before

    let_coordinator_lease_expire(classroom)
    successor = classroom.connect(classroom.coordinator_address)
    lease = CoordinatorLease(successor, training.run_id)
    assert lease.take()
    resumed = Coordination(successor, training.run_id, lease.token)
    assert Runs(successor).unfinished() == training.run_id
    assert resumed.state() == b"state of iteration 0"
    assert [pending.update_id for pending in resumed.pending_updates()] == [update]
    resumed.publish(training.publication(1, [counted(update)]))


def test_signs_of_life_go_on_while_a_publication_is_transferred(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    update = training.hand_in(worker)
    second_connection = classroom.connect(classroom.coordinator_address)
    lease = CoordinatorLease(second_connection, training.run_id, training.lease.token)
    for connection in (second_connection, worker.connection):
        connection.execute("SET lock_timeout = '5 s'")
    with ThreadPoolExecutor(1) as pool:
        with classroom.superuser.transaction():
            # As though the last of the bytes were still on their way.
            classroom.superuser.execute("LOCK TABLE gan.optimizer_state IN SHARE MODE")
            publishing = pool.submit(training.publish_next, [counted(update)])
            classroom.wait_until_blocked(1)
            lease.renew()
            worker.queue.heartbeat(worker.worker_id, WorkerState.COMPUTING, {}, [], 0, None)
            worker.queue.submit(finished(worker.claim()))
        publishing.result()


# -- credit and strikes --------------------------------------------------------------------------


def test_credit_is_given_for_what_was_accepted_and_for_nothing_else(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    updates = [training.hand_in(worker, num_images) for num_images in (16, 8, 4)]
    # A minute for each unit: time is credited from one hand-in to the next.
    classroom.superuser.execute("UPDATE gan.work_units SET claimed_at = now() - interval '1 hour'")
    classroom.superuser.execute(
        "UPDATE gan.updates SET submitted_at = submitted_at + (update_id - %s) * interval '1 minute'",
        [updates[0]],
    )
    training.publish_next([counted(updates[0]), late(updates[1]), refused(updates[2])])
    [row] = worker.connection.query(
        "SELECT total_images, total_work_units, total_batches, total_seconds FROM workers"
    )
    assert tuple(row) == (16 + 8, 2, 4 + 2, pytest.approx(2.0 + 2.0))
    [person] = worker.connection.query("SELECT name, images, is_me FROM leaderboard")
    assert tuple(person) == ("Ana", 24, True)


def test_nobody_is_credited_more_time_than_has_passed_on_the_servers_clock(
    training: Training, worker: Worker
) -> None:
    worker.queue.submit(finished(worker.claim(), compute_seconds=800_000.0))
    [pending] = training.coordination.pending_updates()
    training.publish_next([counted(pending.update_id)])
    assert worker.connection.query("SELECT total_seconds FROM workers")[0].total_seconds < 60


def test_an_update_is_decided_once(training: Training, worker: Worker) -> None:
    update = training.hand_in(worker)
    training.publish_next([counted(update)])
    training.publish_next([counted(update)])
    training.coordination.credit_only([late(update)], 2)
    assert worker.connection.query("SELECT total_work_units FROM workers")[0].total_work_units == 1
    [row] = worker.connection.query("SELECT status, merged_into FROM gradients")
    assert tuple(row) == ("counted", 1)


def test_work_that_is_delivered_after_the_end_gets_its_credit(training: Training, worker: Worker) -> None:
    update = training.hand_in(worker)
    training.runs.set_status(training.run_id, RunStatus.COMPLETE)
    training.coordination.credit_only([late(update)], 0)
    assert worker.connection.query("SELECT total_images FROM workers")[0].total_images == 16
    assert training.coordination.update_payload(update) == b""


def strike(training: Training, worker: Worker) -> None:
    training.publish_next([refused(training.hand_in(worker), is_strike=True)])


def test_three_strikes_in_a_row_put_a_worker_on_hold_until_the_instructor_releases_it(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    strike(training, worker)
    strike(training, worker)
    assert worker.queue.claim(worker.worker_id, []).unit is not None
    worker.queue.leave(worker.worker_id)
    strike(training, worker)

    assert worker.queue.claim(worker.worker_id, []).waiting == WorkerState.WAITING_ON_HOLD
    directives = worker.queue.heartbeat(worker.worker_id, WorkerState.WAITING_ON_HOLD, {}, [], 0, None)
    assert directives.is_on_hold
    [event] = classroom.coordinator.query("SELECT kind, message, worker_id FROM events")
    assert (event.kind, event.worker_id) == ("on_hold", worker.worker_id)
    assert "not finite" in event.message
    assert worker.connection.query("SELECT * FROM events") == []

    Accounts(classroom.coordinator).release(worker.worker_id)
    strike(training, worker)
    assert worker.queue.claim(worker.worker_id, []).unit is not None


def test_an_update_that_counts_ends_a_series_of_strikes(training: Training, worker: Worker) -> None:
    for accept in (counted, late):
        strike(training, worker)
        strike(training, worker)
        training.publish_next([accept(training.hand_in(worker))])
        assert worker.connection.query("SELECT num_strikes FROM workers")[0].num_strikes == 0


def test_a_unit_that_was_stopped_early_neither_strikes_nor_forgives(
    training: Training, worker: Worker
) -> None:
    strike(training, worker)
    strike(training, worker)
    training.publish_next([refused(training.hand_in(worker, num_images=1))])
    training.publish_next([counted(training.hand_in(worker, num_images=1))])
    [row] = worker.connection.query("SELECT num_strikes, on_hold_reason FROM workers")
    assert tuple(row) == (2, None)


# -- what stays ----------------------------------------------------------------------------------


def test_old_weights_states_and_payloads_go_and_checkpoints_stay(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    for iteration in range(1, 6):
        update = training.hand_in(worker)
        training.publish_next([counted(update)], is_checkpoint=iteration == 2)
        assert training.coordination.update_payload(update) == b""
    kept = classroom.superuser.query("SELECT iteration, kind FROM gan.model_weights ORDER BY 1, 2")
    assert [tuple(row) for row in kept] == [(2, "ema"), (2, "live"), (5, "ema"), (5, "live")]
    [state] = classroom.superuser.query("SELECT iteration FROM gan.optimizer_state")
    assert state.iteration == 5
    assert classroom.superuser.query("SELECT 1 FROM gan.update_payloads") == []


def test_updates_that_nobody_will_merge_lose_their_bytes(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    update = training.hand_in(worker)
    training.coordination.drop_stale_payloads()
    assert training.coordination.update_payload(update)
    training.runs.set_status(training.run_id, RunStatus.COMPLETE)
    classroom.superuser.execute("UPDATE gan.training_runs SET finished_at = now() - interval '2 hours'")
    training.coordination.drop_stale_payloads()
    assert training.coordination.update_payload(update) == b""


def test_all_first_and_all_newest_grids_stay_and_fewer_and_fewer_in_between(
    classroom: Classroom, training: Training
) -> None:
    for iteration in range(301):
        training.coordination.add_sample(iteration, b"png of %d" % iteration)
    training.coordination.add_sample(300, b"drawn again")
    rows = classroom.coordinator.query("SELECT iteration, png FROM samples ORDER BY iteration")
    first, newest = range(32), range(251, 301)
    between = [*range(32, 64, 2), *range(64, 128, 4), *range(128, 251, 8)]
    assert [row.iteration for row in rows] == [*first, *between, *newest]
    assert bytes(rows[-1].png) == b"drawn again"


# -- waking up, reading ---------------------------------------------------------------------------


def test_a_publication_wakes_whoever_listens(training: Training, worker: Worker) -> None:
    worker.connection.listen("gan_desktop")
    assert not worker.connection.wait(0)
    training.publish_next()
    training.runs.wake_workers()
    assert worker.connection.wait(10)
    assert not worker.connection.wait(0)
    training.runs.set_status(training.run_id, RunStatus.PAUSED)
    assert worker.connection.wait(10)


def test_a_notification_that_cannot_be_sent_does_not_stop_the_training(
    classroom: Classroom, training: Training
) -> None:
    classroom.coordinator.close()
    training.runs.wake_workers()


def test_a_training_that_was_deleted_is_told(classroom: Classroom, training: Training) -> None:
    classroom.superuser.execute("DELETE FROM gan.training_runs WHERE run_id = %s", [training.run_id])
    with pytest.raises(GanDesktopError, match="nothing left to merge") as told:
        training.coordination.situation()
    assert told.value.title == "The training was deleted"


def test_the_situation_counts_the_people_who_contribute_now(classroom: Classroom, training: Training) -> None:
    ana = classroom.add_student("Ana")
    workers = [classroom.add_worker(ana), classroom.add_worker(ana)]
    workers += [classroom.add_worker(classroom.add_student(name)) for name in ("Ben", "Cleo", "Dev", "Eli")]
    states = [WorkerState.COMPUTING, WorkerState.UPLOADING, WorkerState.WAITING_NONE_FREE, WorkerState.PAUSED,
              WorkerState.COMPUTING, WorkerState.COMPUTING]  # fmt: skip
    for worker, state in zip(workers, states, strict=True):
        worker.queue.heartbeat(worker.worker_id, state, {}, [], 0, None)
    Accounts(classroom.coordinator).hold(workers[4].worker_id, "Ask me.")
    classroom.superuser.execute(
        "UPDATE gan.workers SET last_heartbeat = now() - interval '2 minutes' WHERE worker_id = %s",
        [workers[5].worker_id],
    )
    assert training.coordination.situation().num_contributors == 2  # Ana once, and Ben


def test_the_median_unit_time_is_the_servers(classroom: Classroom, training: Training) -> None:
    assert training.coordination.situation().median_unit_seconds is None
    # A worker's second unit is measured from its first one's hand-in: hence three workers.
    for seconds in (30, 10, 20):
        training.hand_in(classroom.add_worker())
        classroom.superuser.execute(
            "UPDATE gan.work_units SET claimed_at = now() - %s * interval '1 second'"
            " WHERE id = (SELECT max(id) FROM gan.work_units)",
            [seconds],
        )
    assert training.coordination.situation().median_unit_seconds == pytest.approx(20, abs=2)
    assert training.coordination.num_open_leases() == 0
    classroom.add_worker().claim()
    assert training.coordination.num_open_leases() == 1


COPIED = ("run_id", "worker_id", "account_id", "iteration", "num_images", "num_steps", "codec", "num_bytes",
          "sha256", "loss_g", "loss_d", "d_real", "d_fake", "check_loss_d", "check_loss_g", "check_norm_d",
          "check_norm_g", "check_num_images", "compute_seconds", "stopped_early")  # fmt: skip


def rows_read(plan: dict[str, Any], table: str) -> int:
    """Rows of a table that a query has looked at."""
    own = 0
    if plan.get("Relation Name") == table:
        looked_at = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        own = round(looked_at * plan["Actual Loops"])
    return own + sum(rows_read(part, table) for part in plan.get("Plans", []))


def test_the_situation_is_as_quickly_known_after_20_000_updates(
    classroom: Classroom, training: Training, worker: Worker
) -> None:
    training.hand_in(worker)
    classroom.superuser.execute("""
        INSERT INTO gan.work_units (run_id, iteration, epoch, status, seed, ranges, num_images, claimed_at)
        SELECT run_id, iteration, epoch, status, seed, ranges, num_images, claimed_at
        FROM gan.work_units, generate_series(2, 20000)""")
    copied = ", ".join(f"n.{name}" for name in COPIED)
    classroom.superuser.execute(f"""
        INSERT INTO gan.updates (unit_id, submitted_at, status, {", ".join(COPIED)})
        SELECT u.id, n.submitted_at + (u.id - n.unit_id) * interval '3 seconds', 'counted', {copied}
        FROM gan.updates AS n JOIN gan.work_units AS u USING (run_id) WHERE u.id > n.unit_id""")
    classroom.superuser.execute("ANALYZE gan.updates, gan.work_units")
    assert training.coordination.situation().median_unit_seconds == pytest.approx(3)
    [row] = classroom.superuser.query(
        "EXPLAIN (ANALYZE, FORMAT JSON) " + load_queries("coordinator")["situation"],
        {"run_id": training.run_id},
    )
    [explained] = row[0]
    assert 0 < rows_read(explained["Plan"], "updates") <= 400
    assert 0 < rows_read(explained["Plan"], "work_units") <= 400


def test_a_distance_is_written_beside_its_iteration(training: Training, worker: Worker) -> None:
    training.publish_next()
    training.coordination.set_distance(1, 83.5)
    rows = worker.connection.query("SELECT iteration, distance FROM loss_history ORDER BY iteration")
    assert [tuple(row) for row in rows] == [(0, None), (1, 83.5)]


# -- runs ----------------------------------------------------------------------------------------


def test_a_class_trains_one_network_at_a_time(classroom: Classroom, training: Training) -> None:
    second = training.runs.create("Second", training.dataset_id, CONFIG, 1000)
    assert training.runs.unfinished() == training.run_id
    for status in (RunStatus.RUNNING, RunStatus.PAUSED):
        assert training.runs.set_status(training.run_id, status)
        assert not training.runs.set_status(second, RunStatus.RUNNING)
    assert training.runs.set_status(training.run_id, RunStatus.COMPLETE)
    assert training.runs.unfinished() == second
    assert training.runs.set_status(second, RunStatus.RUNNING)


def test_a_complete_training_stays_complete(classroom: Classroom, training: Training) -> None:
    run = training.run_id
    assert training.runs.set_status(run, RunStatus.COMPLETE)
    classroom.superuser.execute("UPDATE gan.training_runs SET finished_at = now() - interval '1 hour'")
    assert not training.runs.set_status(run, RunStatus.RUNNING)
    assert not training.runs.set_status(run, RunStatus.PAUSED)
    assert training.runs.set_status(run, RunStatus.COMPLETE)  # said twice: it ended when it ended
    [row] = classroom.superuser.query(
        "SELECT finished_at < now() - interval '50 minutes' AS it FROM gan.training_runs"
    )
    assert row.it


def test_a_run_remembers_its_configuration(training: Training, worker: Worker) -> None:
    run = training.runs.get(training.run_id)
    assert (run.config, run.status, run.iteration) == (CONFIG, RunStatus.RUNNING, 0)
    assert worker.queue.current_run() == run


def test_a_run_that_does_not_exist_is_named(training: Training) -> None:
    with pytest.raises(GanDesktopError, match="no training number 99"):
        training.runs.get(99)


def test_a_run_needs_pictures_to_learn_from(classroom: Classroom) -> None:
    only_held_out = classroom.add_dataset([16], num_held_out=1)
    with pytest.raises(ImageSetError):
        Runs(classroom.coordinator).create("Faces", only_held_out, CONFIG, 1000)
    assert classroom.superuser.query("SELECT 1 FROM gan.training_runs") == []


def test_a_student_cannot_publish_even_with_the_token(training: Training, worker: Worker) -> None:
    as_student = Coordination(worker.connection, training.run_id, training.lease.token)
    with pytest.raises(GanDesktopError, match="permission denied"):
        as_student.publish(training.publication(1))
    with pytest.raises(GanDesktopError, match="permission denied"):
        CoordinatorLease(worker.connection, training.run_id).take()


def test_the_weight_and_norm_of_an_update_are_written_down(training: Training, worker: Worker) -> None:
    decision = UpdateDecision(training.hand_in(worker), "counted", None, False, norm=2.5, weight=0.25)
    training.publish_next([replace(decision, reason="It was clipped.")])
    [row] = worker.connection.query("SELECT weight, reason FROM gradients")
    assert tuple(row) == (0.25, "It was clipped.")
    assert training.coordination.norm_history() == [(4, 2.5)]
