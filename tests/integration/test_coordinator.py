"""What happens when the coordinator is killed, asleep, doubled, paused or away."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gan_desktop.database.coordination import LEASE_SECONDS
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.errors import CoordinatorReplaced, GanDesktopError
from gan_desktop.records import (
    IterationPublished,
    Notice,
    RunStatus,
    StateChanged,
    UnitDelivered,
    UnitProgress,
    WorkerState,
)
from tests.integration.lesson import LONG_UNITS, SHORT_UNITS, Lesson, lesson, locked, worker_thread
from tests.integration.programs import Recorder, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def held(server: EmbeddedPostgres, tmp_path: Path) -> Iterator[Lesson]:
    """A class with short units and nobody at work yet."""
    with lesson(server.address, tmp_path, SHORT_UNITS) as held:
        yield held


def test_a_coordinator_killed_in_mid_merge_has_published_nothing_and_the_next_one_goes_on(
    held: Lesson,
) -> None:
    first = held.start_coordinator()
    with worker_thread(held):
        held.await_iteration(2)
        # It stands still when all is written and only the fence is missing: mid-transaction.
        with locked(held, "SELECT 1 FROM gan.training_runs FOR NO KEY UPDATE"):
            before = held.iteration
            held.wait_until(lambda: sessions(held, "wait_event_type = 'Lock'"), "the merge that waits")
            first.kill()
        held.wait_until(lambda: not sessions(held), "the end of its session")
        assert held.iteration == before
        held.assert_nothing_lost_or_counted_twice()
        held.end_coordinators_lease()
        with held.coordinating():
            held.await_iteration(before + 2)
    held.assert_nothing_lost_or_counted_twice()


def test_a_coordinator_whose_training_is_deleted_ends_with_the_reason(held: Lesson) -> None:
    with (
        pytest.raises(GanDesktopError, match=r"nothing left to merge|taken this training over"),
        held.coordinating(),
    ):
        held.superuser.execute("DELETE FROM gan.training_runs WHERE run_id = %s", [held.run_id])
        held.wait_until(lambda: not sessions(held), "the coordinator's end")


def sessions(held: Lesson, condition: str = "true") -> list[Any]:
    """The coordinator's sessions that the server knows."""
    return held.query(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        f" AND application_name = 'gan-desktop coordinator' AND {condition}"
    )


def test_killed_again_and_again_at_any_moment_no_update_is_lost_or_counted_twice(held: Lesson) -> None:
    moments = random.Random(1)
    with worker_thread(held, home="ana"), worker_thread(held, home="ben"):
        for _ in range(2):
            program = held.start_coordinator()
            goal = held.iteration + moments.randint(1, 3)
            held.await_iteration(goal)
            held.wait_until(lambda: moments.random() < 0.2, "a moment")
            program.kill()
            held.end_coordinators_lease()
        with held.coordinating():
            held.await_iteration(held.iteration + 2)
    held.assert_nothing_lost_or_counted_twice()


def test_a_second_coordinator_ends_in_plain_words_and_the_first_one_goes_on(held: Lesson) -> None:
    first, recorder = held.start_coordinator(), Recorder()
    with worker_thread(held):
        held.await_iteration(1)
        with pytest.raises(CoordinatorReplaced, match="Stop it first, or let it go on"):
            held.make_coordinator(recorder, held.run_id).run()
        held.await_iteration(held.iteration + 1)
    assert [notice.text for notice in recorder.of(Notice)] == [
        f"Waiting up to {LEASE_SECONDS:.0f} s for the last coordinator's lease to end."
    ]
    first.interrupt()
    assert first.exit_code() == 0
    assert "Stopping. The workers wait, and go on with the next start.\n" in first.log


def test_a_stopped_coordinator_leaves_the_run_to_the_next_one_at_once(held: Lesson) -> None:
    with held.coordinating():
        pass
    with held.coordinating() as recorder:
        wait_until(lambda: held.status is RunStatus.RUNNING, "the second one's begin", seconds=5)
    assert not [notice for notice in recorder.of(Notice) if "Waiting" in notice.text]


def test_a_coordinator_that_slept_through_its_lease_publishes_nothing_more_and_ends(held: Lesson) -> None:
    sleeper = held.start_coordinator()
    with worker_thread(held):
        held.await_iteration(2)
        sleeper.process.send_signal(signal.SIGSTOP)
        held.end_coordinators_lease()
        with held.coordinating():
            taken_over_at = held.iteration
            held.await_iteration(taken_over_at + 2)
            sleeper.process.send_signal(signal.SIGCONT)
            assert sleeper.exit_code() == 1
            woke_at = held.iteration
            held.await_iteration(woke_at + 2)
    assert sleeper.log.splitlines()[-1].startswith("Another coordinator runs this training: ")
    assert f"Iteration {taken_over_at + 1}:" not in sleeper.log
    held.assert_nothing_lost_or_counted_twice()


def test_a_coordinator_that_finds_an_iteration_it_did_not_publish_ends(held: Lesson) -> None:
    with pytest.raises(CoordinatorReplaced, match="has published while this one"), held.coordinating():
        held.superuser.execute("UPDATE gan.training_runs SET current_iteration = current_iteration + 1")
        token = "SELECT 1 FROM gan.training_runs WHERE coordinator_token IS NULL"
        held.wait_until(lambda: held.query(token), "the coordinator's end")


def test_workers_wait_while_the_instructor_has_paused_and_go_on_afterwards(held: Lesson) -> None:
    with held.coordinating():
        program = held.start_worker()
        held.await_iteration(1)
        held.set_status(RunStatus.PAUSED)
        program.await_line("Your instructor has paused the training. Nothing to do for you.")
        assert not held.query(OPEN_LEASES)
        num_units = program.log.count("Processing work unit")
        held.set_status(RunStatus.RUNNING)
        program.await_line("Processing work unit", times=num_units + 1)
        held.set_status(RunStatus.COMPLETE)
        assert program.exit_code() == 0
    assert program.log.rstrip().rpartition("\n")[2].startswith("The training is complete: ")
    held.assert_nothing_lost_or_counted_twice()


OPEN_LEASES = "SELECT 1 FROM gan.work_units WHERE status = 'in_progress'"


def test_when_the_instructor_finishes_the_units_in_work_are_handed_in_and_credited(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    with lesson(server.address, tmp_path, LONG_UNITS, num_faces=1_000) as held:
        with held.coordinating(), worker_thread(held) as (_, recorder):
            wait_until(
                lambda: any(report.num_images_done >= 128 for report in recorder.of(UnitProgress)),
                "a fifth of the unit",
            )
            held.set_status(RunStatus.COMPLETE)
            wait_until(lambda: recorder.state is WorkerState.COMPLETE, "the worker's end")
        [delivered] = recorder.of(UnitDelivered)
        assert delivered.result.stopped_early
        [worker] = held.query("SELECT total_images FROM gan.worker_totals")
        assert worker.total_images == delivered.result.num_images
        assert held.update_of(delivered.unit.unit_id).status == "late"


def test_workers_say_that_the_main_computer_is_away_and_go_on_when_it_returns(held: Lesson) -> None:
    with held.coordinating():
        held.await_training()
    # Not heard of for ten minutes.
    held.superuser.execute("UPDATE gan.training_runs SET coordinator_seen_at = now() - interval '10 minutes'")
    with worker_thread(held) as (_, recorder):
        wait_until(lambda: recorder.state is WorkerState.WAITING_COORDINATOR_AWAY, "the wait")
        away = recorder.of(StateChanged)[-1]
        assert away.detail["coordinator_silent_s"] >= 600
        with held.coordinating() as coordinator:
            wait_until(lambda: len(recorder.of(UnitDelivered)) > 1, "units after the return")
            wait_until(lambda: len(coordinator.of(IterationPublished)) > 1, "iterations after the return")


def test_a_second_training_does_not_begin_while_the_first_one_goes_on(held: Lesson) -> None:
    with held.coordinating(), pytest.raises(GanDesktopError, match="Another training of this class"):
        held.make_coordinator(Recorder(), held.add_run()).run()


def test_a_coordinator_finds_what_a_crash_after_the_last_iteration_left_undone(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    config = replace(SHORT_UNITS, target_iterations=1)
    with lesson(server.address, tmp_path, config) as held:
        # As if killed between the publication and the look at it.
        with held.coordinating(), worker_thread(held) as (_, recorder):
            wait_until(lambda: recorder.state is WorkerState.COMPLETE, "the training's end")
        held.superuser.execute("DELETE FROM gan.samples WHERE iteration = 1")
        held.superuser.execute("UPDATE gan.loss_history SET distance = NULL")
        held.superuser.execute("UPDATE gan.training_runs SET status = 'running', finished_at = NULL")
        with held.coordinating():
            held.wait_until(lambda: held.status is RunStatus.COMPLETE, "the training's end once more")
        assert held.query("SELECT 1 FROM gan.samples WHERE iteration = 1")
        assert held.query("SELECT 1 FROM gan.loss_history WHERE iteration = 1 AND distance IS NOT NULL")
