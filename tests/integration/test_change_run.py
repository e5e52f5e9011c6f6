"""Settings of a training that change while it goes on; pictures that are listed and deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gan_desktop.class_admin.checkpoints import faces_of
from gan_desktop.class_admin.pictures import delete_pictures, look_at_stored, stored_pictures
from gan_desktop.class_admin.trainings import CHANGEABLE, Change, change_run, delete_run, find_run
from gan_desktop.cli import main
from gan_desktop.database.connection import Connection
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.errors import GanDesktopError, SettingsError
from gan_desktop.records import RunConfig, RunStatus, WorkerState
from tests.integration.classroom import Classroom, counted
from tests.integration.conftest import superuser_address
from tests.integration.console import Answer, write_config
from tests.integration.lesson import SHORT_UNITS, Lesson, lesson, worker_thread

ClassCommand = Callable[..., Answer]
CALM = replace(SHORT_UNITS, checkpoint_every=1_000, evaluate_every=1_000, sample_every=1_000)


@pytest.fixture
def held(server: EmbeddedPostgres, open_folder: Path) -> Iterator[Lesson]:
    with lesson(superuser_address(server), open_folder, CALM) as held:
        yield held


@pytest.fixture
def class_command(
    classroom: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> ClassCommand:
    write_config(tmp_path, classroom.coordinator_address)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Answer:
        code = main(["class", *map(str, arguments)])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return run


# -- the training takes it up ----------------------------------------------------------------------


def test_a_training_at_work_goes_by_what_was_changed_and_nobody_starts_anew(held: Lesson) -> None:
    with held.coordinating(), worker_thread(held) as (_, recorder):
        held.await_iteration(2)
        before = held.iteration
        change_run(
            held.coordinator,
            held.run_id,
            min_unit_images=128,
            max_unit_images=128,
            codec_down="fp32",
            codec_up="fp16",
            checkpoint_every=1,
            sample_every=1,
            evaluate_every=1,
        )
        # Units that were cut before go on; so the first one or two are still the old ones.
        held.wait_until(
            lambda: held.query(
                "SELECT 1 FROM gan.updates WHERE num_images = 128 AND codec = 'fp16' AND status = 'counted'"
            ),
            "a counted unit of the new size and coding",
        )
        held.wait_until(
            lambda: kept_with_figures(held, before), "a kept, drawn and measured iteration in the new coding"
        )
        assert not [state for state in recorder.reports if "restart" in str(state)]
        change_run(held.coordinator, held.run_id, target_iterations=held.iteration + 5)
        held.wait_until(lambda: held.status is RunStatus.COMPLETE, "the new end")
    target = find_run(held.coordinator, held.run_id).config.target_iterations
    assert held.iteration == target < CALM.target_iterations
    held.assert_nothing_lost_or_counted_twice()


def kept_with_figures(held: Lesson, after: int) -> list[Any]:
    return held.query(
        "SELECT iteration FROM gan.model_weights JOIN gan.samples USING (run_id, iteration)"
        " JOIN gan.loss_history USING (run_id, iteration)"
        " WHERE kind = 'live' AND codec = 'fp32' AND is_checkpoint AND distance IS NOT NULL"
        " AND iteration > %s",
        after,
    )


def test_how_many_must_hand_in_is_asked_anew_in_each_round(held: Lesson) -> None:
    """Ana is always the first; with a long patience one account alone makes no iteration."""
    change_run(held.coordinator, held.run_id, quorum=2, unit_seconds=3_600.0, max_unit_images=64)
    with held.coordinating(), worker_thread(held):
        held.superuser.execute(
            # Somebody is at work who never hands in.
            "INSERT INTO gan.workers"
            " (worker_id, account_id, device_id, session_id, name, state, last_heartbeat)"
            " SELECT 'idle', %s, 'idle', gen_random_uuid(), 'Idle', 'computing', now() + interval '1 hour'",
            [account_of(held)],
        )
        held.superuser.execute(
            "INSERT INTO gan.worker_totals (worker_id, account_id) SELECT 'idle', account_id"
            " FROM gan.workers WHERE worker_id = 'idle'"
        )
        waiting = (
            "SELECT 1 FROM gan.updates WHERE status = 'handed_in' AND submitted_at < now() - interval '2 s'"
        )
        held.wait_until(lambda: held.query(waiting), "an update that waits for another person's")
        stuck_at = held.iteration
        change_run(held.coordinator, held.run_id, quorum=1, grace_share=0.0)
        held.await_iteration(stuck_at + 2)


def account_of(held: Lesson) -> int:
    student = held.add_student("Idle")
    [row] = held.query("SELECT account_id FROM gan.accounts WHERE login = %s", student.user)
    return int(row.account_id)


def test_a_worker_that_takes_the_training_for_over_goes_on_when_the_end_is_put_off(held: Lesson) -> None:
    with worker_thread(held) as (_, recorder):
        with held.coordinating():
            held.await_iteration(2)
        # No coordinator is there to end the training: only the worker believes that it is over.
        held.superuser.execute("UPDATE gan.training_runs SET config = config || '{\"target_iterations\": 1}'")
        held.wait_until(lambda: recorder.state is WorkerState.WAITING_NONE_FREE, "the worker's waiting")
        reached = held.iteration
        change_run(held.coordinator, held.run_id, target_iterations=reached + 1_000)
        with held.coordinating():
            held.await_iteration(reached + 2)


# -- what is written, what is refused --------------------------------------------------------------


def test_changes_are_written_with_who_what_and_how_it_was(classroom: Classroom) -> None:
    training = classroom.start_training(config=RunConfig())
    address = classroom.coordinator_address
    made = change_run(address, training.run_id, quorum=5, unit_seconds=90, max_staleness=2)
    # max_staleness was 2 before.
    assert made == (Change("quorum", 0, 5), Change("unit_seconds", 60.0, 90))
    config = find_run(address, training.run_id).config
    assert config == replace(RunConfig(), quorum=5, unit_seconds=90)
    assert training.coordination.situation().config == config
    [event] = classroom.superuser.query("SELECT * FROM gan.events WHERE kind = 'changed'")
    assert "quorum 0 -> 5, unit_seconds 60.0 -> 90. Changed by " in event.message
    assert event.run_id == training.run_id and not event.is_public
    assert change_run(address, training.run_id, quorum=5) == ()
    assert len(classroom.superuser.query("SELECT 1 FROM gan.events WHERE kind = 'changed'")) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network": "dcgan-sn"}, "network stays as it was"),
        ({"step_batch": 32}, "step_batch stays as it was"),
        ({"quorums": 1}, "quorums is no setting of a training"),
        ({"quorum": "five"}, "quorum is 'five'. Write a whole number."),
        ({"quorum": 2.5}, "quorum is 2.5. Write a whole number."),
        ({"quorum": True}, "quorum is True. Write a whole number."),
        ({"codec_up": 8}, "codec_up is 8. Write fp32, fp16 or int8."),
        ({"grace_share": float("nan")}, "grace_share is nan. Write 0 to 2."),
        ({"max_unit_images": 100}, "max_unit_images is 100. Write min_unit_images or more."),
        ({"quorum": 7, "quorum_share": 0.0}, "quorum_share is 0.0. Write above 0, at most 1."),
        (
            {"target_iterations": 3},
            "the training is at iteration 3. Write 4 or more; to end it now, finish it.",
        ),
    ],
)
def test_what_cannot_change_is_named_and_nothing_is_changed(
    classroom: Classroom, changes: dict[str, Any], words: str
) -> None:
    training = classroom.start_training(config=RunConfig())
    for _ in range(3):
        training.publish_next()
    with pytest.raises(SettingsError) as refused:
        change_run(classroom.coordinator_address, training.run_id, **changes)
    assert words in refused.value.message
    assert training.coordination.situation().config == RunConfig()
    assert not classroom.superuser.query("SELECT 1 FROM gan.events WHERE kind = 'changed'")


def test_everything_that_may_change_can_be_changed(classroom: Classroom) -> None:
    training = classroom.start_training(config=RunConfig())
    wanted = {name: another(getattr(RunConfig(), name)) for name in CHANGEABLE}
    made = change_run(classroom.coordinator_address, training.run_id, **wanted)
    assert {change.name: change.new for change in made} == wanted
    # Updates may become larger with another coding, and those on their way stay allowed.
    [row] = classroom.superuser.query("SELECT max_update_bytes AS most FROM gan.training_runs")
    assert row.most > 4 * 330_000
    change_run(classroom.coordinator_address, training.run_id, codec_up="int8")
    [kept] = classroom.superuser.query("SELECT max_update_bytes AS most FROM gan.training_runs")
    assert kept.most == row.most


def another(value: Any) -> Any:
    """A value that is as good."""
    if isinstance(value, str):
        return {"fp16": "int8", "int8": "fp32"}[value]
    return value + 1 if isinstance(value, int) else value / 2


def test_a_complete_training_stays_as_it_was(classroom: Classroom) -> None:
    training = classroom.start_training()
    assert training.runs.set_status(training.run_id, RunStatus.COMPLETE)
    with pytest.raises(GanDesktopError, match="is complete: nothing of it can change"):
        change_run(classroom.coordinator_address, training.run_id, quorum=1)
    with pytest.raises(GanDesktopError, match="no training number 99"):
        change_run(classroom.coordinator_address, 99, quorum=1)


def test_the_console_changes_settings_too(class_command: ClassCommand, classroom: Classroom) -> None:
    training = classroom.start_training(config=RunConfig())
    answer = class_command("change-run", "quorum=5", "outer_rate=0.5", "codec_up=fp16")
    assert answer.code == 0
    assert "Training 1: quorum 0 -> 5\n" in answer.stdout
    assert "Training 1: outer_rate 1.0 -> 0.5\n" in answer.stdout
    assert "nobody has to start anew" in answer.stdout
    config = training.coordination.situation().config
    assert (config.quorum, config.outer_rate, config.codec_up) == (5, 0.5, "fp16")
    assert "has these settings already" in class_command("change-run", "quorum=5").stdout
    wrong = class_command("change-run", "quorum=many")
    assert wrong.code == 2
    assert "quorum is 'many'. Write a whole number." in wrong.stderr
    with pytest.raises(SystemExit):
        class_command("change-run", "quorum")


# -- faces of any training -------------------------------------------------------------------------


def test_faces_of_kept_iterations_stay_when_the_others_are_thinned_out(classroom: Classroom) -> None:
    training = classroom.start_training()
    for iteration in range(1, 141):
        training.publish_next(is_checkpoint=iteration == 37)
        training.coordination.add_sample(iteration, f"faces {iteration}".encode())
    address = classroom.coordinator_address
    kept = faces_of(address, training.run_id, 37)
    assert kept is not None and kept.png == b"faces 37"
    assert faces_of(address, training.run_id, 35) is None
    newest = faces_of(address, training.run_id)
    assert newest is not None and newest.iteration == 140
    assert faces_of(address, 99) is None


# -- the stored pictures ---------------------------------------------------------------------------


def test_stored_pictures_are_listed_with_their_room_and_who_needs_them(classroom: Classroom) -> None:
    address = classroom.coordinator_address
    assert stored_pictures(address) == ()
    unused = classroom.add_dataset([50, 20], num_held_out=1)
    training = classroom.start_training((10, 30))
    first, second = stored_pictures(address)
    assert (first.dataset_id, first.num_images, first.num_held_out, first.image_size) == (unused, 70, 20, 32)
    # Two shards of 200 bytes each (classroom.new_shard).
    assert (first.num_bytes, first.num_bytes_elsewhere, first.uses) == (400, 0, ())
    assert [(use.run_id, use.name, use.status) for use in second.uses] == [
        (training.run_id, "Faces", RunStatus.RUNNING)
    ]


def test_pictures_that_a_training_needs_are_kept_until_it_is_gone(classroom: Classroom) -> None:
    address, training = classroom.coordinator_address, classroom.start_training()
    with pytest.raises(GanDesktopError, match='needed by training 1, "Faces"'):
        delete_pictures(address, training.dataset_id)
    worker = classroom.add_worker()
    training.publish_next([counted(training.hand_in(worker))])
    assert training.runs.set_status(training.run_id, RunStatus.COMPLETE)
    training.lease.drop()
    delete_run(address, training.run_id)
    delete_pictures(address, training.dataset_id)
    assert stored_pictures(address) == ()
    assert not classroom.superuser.query("SELECT 1 FROM gan.dataset_shards")
    assert not classroom.superuser.query("SELECT 1 FROM gan.shard_payloads")
    # What students did stays, and with it the row that it hangs on; students do not see it.
    assert classroom.superuser.query("SELECT 1 FROM gan.updates WHERE status = 'counted'")
    assert not worker.connection.query("SELECT 1 FROM datasets")
    with pytest.raises(GanDesktopError, match="no data set number"):
        delete_pictures(address, training.dataset_id)


def test_unused_pictures_go_whole_and_may_come_again(held: Lesson) -> None:
    delete_run(held.coordinator, held.run_id)
    [stored] = stored_pictures(held.coordinator)
    assert len(look_at_stored(held.coordinator, stored.dataset_id, 5)) == 5
    assert look_at_stored(held.coordinator, stored.dataset_id, 1)[0].startswith(b"\x89PNG")
    delete_pictures(held.coordinator, stored.dataset_id)
    assert not held.query("SELECT 1 FROM gan.datasets")
    with pytest.raises(GanDesktopError, match="no data set number"):
        look_at_stored(held.coordinator, stored.dataset_id)
    from gan_desktop.class_admin.pictures import import_pictures
    from gan_desktop.training.images import DrawnFaces

    again, _ = import_pictures(held.coordinator, DrawnFaces(100), 32)
    assert [each.dataset_id for each in stored_pictures(held.coordinator)] == [again]


def test_the_console_lists_and_deletes_pictures(class_command: ClassCommand, classroom: Classroom) -> None:
    assert "no pictures yet" in class_command("pictures").stdout
    dataset_id = classroom.add_dataset([50])
    assert class_command("pictures").stdout == f"{dataset_id}: Faces, 50 of 32 pixels, 0.0 MB, not used\n"
    unsure = class_command("delete-pictures", dataset_id)
    assert unsure.code == 1 and "--yes" in unsure.stderr
    assert class_command("delete-pictures", dataset_id, "--yes").code == 0
    with Connection(classroom.coordinator_address) as connection:
        assert not connection.query("SELECT 1 FROM gan.datasets")
