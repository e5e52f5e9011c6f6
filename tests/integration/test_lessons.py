"""A lesson's end over real coordinators and workers, and what an instructor sees of units on their way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from gan_desktop.class_admin.lessons import end_lesson, handing_in, merged_people
from gan_desktop.class_admin.notices import events
from gan_desktop.class_admin.people import hide_student
from gan_desktop.class_admin.status import Standing, class_status, standing
from gan_desktop.class_admin.trainings import steer_run
from gan_desktop.cli import main
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.database.lessons import Lessons, UnitFlow
from gan_desktop.errors import GanDesktopError
from gan_desktop.records import Notice, RunStatus, UnitDelivered, UnitDropped, UnitProgress, WorkerState
from tests.integration.classroom import Classroom, counted, finished, late, refused
from tests.integration.conftest import superuser_address
from tests.integration.console import write_config
from tests.integration.lesson import LONG_UNITS, Lesson, lesson, worker_thread
from tests.integration.programs import Recorder, wait_until

A_FIFTH = LONG_UNITS.max_unit_images // 5


@pytest.fixture
def long_units(server: EmbeddedPostgres, open_folder: Path) -> Iterator[Lesson]:
    with lesson(superuser_address(server), open_folder / "lesson", LONG_UNITS) as held:
        yield held


def await_progress(recorder: Recorder, num_images: int) -> None:
    wait_until(
        lambda: any(report.num_images_done >= num_images for report in recorder.of(UnitProgress)),
        f"{num_images} images",
    )


def test_at_a_lessons_end_everybody_hands_in_and_the_last_iteration_comes_out(long_units: Lesson) -> None:
    held = long_units
    with held.coordinating(), ExitStack() as stack:
        recorders = [
            stack.enter_context(worker_thread(held, held.add_student(name)))[1] for name in ("Ana", "Ben")
        ]
        for recorder in recorders:
            await_progress(recorder, A_FIFTH)
        before = held.iteration
        end = end_lesson(held.coordinator, "The bell rings.")
        assert end.run_id == held.run_id
        assert held.status is RunStatus.PAUSED

        def state_at_the_end() -> bool:
            state = handing_in(held.coordinator, end)
            return not state.missing and state.num_waiting == 0

        held.wait_until(state_at_the_end, "everybody's hand-in")
        state = handing_in(held.coordinator, end)
        assert [person.name for person in state.people] == ["Ana", "Ben"]
        assert (state.num_handed_in, state.lost) == (2, ())
        assert state.iteration == held.iteration > before
        assert not held.query("SELECT 1 FROM gan.work_units WHERE status = 'in_progress'")
        for recorder in recorders:
            # What was done of the unit in work counts; nobody computed it to its end.
            newest = recorder.of(UnitDelivered)[-1].result
            assert newest.stopped_early and A_FIFTH <= newest.num_images < LONG_UNITS.max_unit_images
        said = Notice("Message from your instructor: The bell rings.")
        wait_until(lambda: all(said in recorder.reports for recorder in recorders), "the message")
        resting = WorkerState.WAITING_PAUSED
        wait_until(lambda: all(recorder.state is resting for recorder in recorders), "the rest")
    assert "lesson" in [event.kind for event in events(held.coordinator)]
    held.assert_nothing_lost_or_counted_twice()


def test_the_next_lesson_goes_on_with_what_the_last_one_left(long_units: Lesson) -> None:
    held = long_units
    with held.coordinating(), worker_thread(held) as (_, recorder):
        await_progress(recorder, A_FIFTH)
        end = end_lesson(held.coordinator)
        held.wait_until(lambda: not handing_in(held.coordinator, end).missing, "the hand-in")
        [rest] = held.query("SELECT id FROM gan.work_units WHERE status = 'pending' AND rest_of IS NOT NULL")
        steer_run(held.coordinator, RunStatus.RUNNING)
        done = "SELECT 1 FROM gan.work_units WHERE id = %s AND status = 'completed'"
        held.wait_until(lambda: held.query(done, rest.id), "the rest of the unit")


def test_a_closed_laptop_is_missing_until_its_lease_has_run_out_and_lost_then(long_units: Lesson) -> None:
    held = long_units
    with held.coordinating():
        program = held.start_worker(held.add_student("Ben"))
        unit_id = held.await_unit_in_work(program)
        program.kill()
        end = end_lesson(held.coordinator)
        state = handing_in(held.coordinator, end)
        assert [person.name for person in state.missing] == ["Ben"]
        assert (state.num_handed_in, len(state.people)) == (0, 1)
        held.superuser.execute(
            "UPDATE gan.work_units SET lease_expires_at = now() WHERE worker_id IS NOT NULL"
        )
        state = handing_in(held.coordinator, end)
        assert (state.missing, [person.name for person in state.lost]) == ((), ["Ben"])
        assert state.num_handed_in == 0
        # The next lesson gives it to somebody else.
        steer_run(held.coordinator, RunStatus.RUNNING)
        with worker_thread(held):
            held.wait_until(lambda: held.unit(unit_id).status == "completed", "the lost unit")


def test_who_has_begun_a_moment_ago_gives_the_unit_back_and_needs_no_help(
    server: EmbeddedPostgres, open_folder: Path
) -> None:
    # A tenth of it is ten seconds' work.
    large = replace(LONG_UNITS, first_unit_images=8_192, min_unit_images=8_192, max_unit_images=8_192)
    with (
        lesson(superuser_address(server), open_folder / "lesson", large) as held,
        held.coordinating(),
        worker_thread(held) as (_, recorder),
    ):
        await_progress(recorder, 1)
        end = end_lesson(held.coordinator)
        held.wait_until(lambda: not handing_in(held.coordinator, end).missing, "the end")
        assert handing_in(held.coordinator, end).num_handed_in == 1
        [dropped] = recorder.of(UnitDropped)
        assert "Too little of it was done" in dropped.reason

        def waits() -> bool:
            [worker] = class_status(held.coordinator).workers
            assert worker.last_error is None
            return standing(worker) is Standing.WAITING

        held.wait_until(waits, "the rest")
        held.assert_nothing_lost_or_counted_twice()


def test_without_a_training_no_lesson_ends(classroom: Classroom) -> None:
    with pytest.raises(GanDesktopError, match="no training in progress"):
        end_lesson(classroom.coordinator_address)


def test_whoever_left_before_the_end_was_asked_for_is_not_counted(classroom: Classroom) -> None:
    classroom.start_training()
    stays, leaves = (classroom.add_worker(classroom.add_student(name)) for name in ("Ana", "Ben"))
    stays.beat()
    leaves.beat()
    leaves.queue.leave(leaves.worker_id)
    unit = stays.claim()
    end = end_lesson(classroom.coordinator_address)
    state = handing_in(classroom.coordinator_address, end)
    assert [person.name for person in state.missing] == ["Ana"]
    assert len(state.people) == 1
    stays.queue.submit(finished(unit))
    state = handing_in(classroom.coordinator_address, end)
    assert (state.missing, state.num_handed_in, state.num_waiting) == ((), 1, 1)


def test_the_console_ends_a_lesson_too(
    long_units: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config(tmp_path, long_units.coordinator)
    monkeypatch.chdir(tmp_path)
    with long_units.coordinating(), worker_thread(long_units) as (_, recorder):
        await_progress(recorder, A_FIFTH)
        assert main(["class", "end-lesson", "--message", "See you on Monday."]) == 0
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.startswith("1 of 1 handed in. Laptops may be closed.")
        assert long_units.status is RunStatus.PAUSED


# -- units on their way --------------------------------------------------------------------------


def flow_of(classroom: Classroom) -> UnitFlow:
    flow = class_status(classroom.coordinator_address).flow
    assert flow is not None
    return flow


def test_every_unit_is_somewhere_between_a_students_hands_and_the_iteration(classroom: Classroom) -> None:
    training = classroom.start_training()
    ana, ben, eva = (classroom.add_worker(classroom.add_student(name)) for name in ("Ana", "Ben", "Eva"))
    merged = training.hand_in(ana)
    training.publish_next([counted(merged)])
    training.hand_in(ben)
    unit = eva.claim()
    eva.queue.heartbeat(eva.worker_id, WorkerState.COMPUTING, {}, [unit.unit_id], 3, None)
    flow = flow_of(classroom)
    assert [(unit.name, unit.stage) for unit in flow.units] == [
        ("Ana", "merged"),
        ("Ben", "handed_in"),
        ("Eva", "in_work"),
    ]
    assert flow.units[2].num_done == 3
    assert flow.units[2].user == eva.login.user
    assert 0 < flow.share_given_out < 1


def test_a_class_without_a_training_has_no_units_on_their_way(classroom: Classroom) -> None:
    assert class_status(classroom.coordinator_address).flow is None


def test_an_iteration_names_those_whose_work_it_holds_in_the_order_of_merging(classroom: Classroom) -> None:
    training, address = classroom.start_training(), classroom.coordinator_address
    names = ("Eva", "Ana", "Late", "Refused", "Hidden")
    workers = [classroom.add_worker(classroom.add_student(name)) for name in names]
    eva, ana, too_late, wrong, hidden = (training.hand_in(worker) for worker in workers)
    again = training.hand_in(workers[0])
    hide_student(address, "Hidden")
    decisions = [counted(eva), counted(ana), late(too_late), refused(wrong), counted(hidden), counted(again)]
    iteration = training.publish_next(decisions)
    assert merged_people(address, training.run_id, iteration) == ("Eva", "Ana")
    assert merged_people(address, training.run_id, iteration - 1) == ()


def test_virtual_students_are_not_waited_for_at_a_lessons_end(classroom: Classroom) -> None:
    training = classroom.start_training()
    for name in ("Ana", "Virtual student 1"):
        classroom.add_worker(classroom.add_student(name), hostname=name)
    classroom.superuser.execute("UPDATE gan.accounts SET is_rehearsal = true WHERE display_name ~ 'Virtual'")
    [row] = classroom.superuser.query("SELECT now() AS at")
    state = Lessons(classroom.coordinator).handing_in(training.run_id, row.at)
    assert [person.name for person in state.people] == ["Ana"]
