"""Kept iterations: listed, saved, gone back to while everybody works, begun from; trainings deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gan_desktop.class_admin.checkpoints import go_back, kept_iterations, load_checkpoint, save_checkpoint
from gan_desktop.class_admin.trainings import create_run, delete_run
from gan_desktop.cli import main
from gan_desktop.coordinator.loaded_run import LoadedRun
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import CoordinatorLease
from gan_desktop.database.credit import read_credit
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.errors import GanDesktopError, SettingsError
from gan_desktop.records import RunConfig, RunStatus, UnitStarted
from gan_desktop.training.checkpoint_file import read_checkpoint
from gan_desktop.training.outer import OuterState
from gan_desktop.training.shard_cache import ShardCache
from tests.integration.classroom import Classroom, counted
from tests.integration.conftest import superuser_address
from tests.integration.console import Answer, write_config
from tests.integration.lesson import LONG_UNITS, SHORT_UNITS, Lesson, lesson, worker_thread

KEEPING = replace(SHORT_UNITS, checkpoint_every=2, evaluate_every=100, sample_every=100)


@pytest.fixture
def held(server: EmbeddedPostgres, open_folder: Path) -> Iterator[Lesson]:
    with lesson(superuser_address(server), open_folder, KEEPING) as held:
        yield held


def loaded(held: Lesson) -> LoadedRun:
    """The run as a coordinator would load it now."""
    with Connection(held.coordinator) as connection:
        lease = CoordinatorLease(connection, held.run_id)
        return LoadedRun.load(connection, held.run_id, lease.token, ShardCache(held.folder / "look", 10**9))


# -- going back ----------------------------------------------------------------------------------


def test_a_class_at_work_goes_back_and_on(held: Lesson) -> None:
    with held.coordinating(), worker_thread(held), worker_thread(held) as (_, recorder):
        held.await_iteration(5)
        went = go_back(held.coordinator, 2)
        became = went.became
        assert became is not None and became > 5
        held.await_iteration(became + 3)
        # The workers went on with the new weights: no updates on what was left came after it.
        held.wait_until(
            lambda: any(r.unit.iteration >= became for r in recorder.of(UnitStarted)),
            "a unit on the new weights",
        )
    assert_nobody_learned_from_what_was_left(held, became)
    held.assert_nothing_lost_or_counted_twice()
    [event] = held.query("SELECT message, is_public FROM gan.events WHERE kind = 'went_back'")
    assert event.is_public and f"iteration {became} has the weights of 2" in event.message


def assert_nobody_learned_from_what_was_left(held: Lesson, became: int) -> None:
    stale = held.query(
        "SELECT status, merged_into FROM gan.updates WHERE iteration < %s AND merged_into >= %s"
        " AND status <> 'late'",
        became,
        became,
    )
    assert stale == []
    [row] = held.query("SELECT num_updates, num_images FROM gan.loss_history WHERE iteration = %s", became)
    assert (row.num_updates, row.num_images) == (0, 0)


def test_weights_that_come_back_are_exactly_those_that_were_kept(held: Lesson) -> None:
    with held.coordinating(), worker_thread(held):
        held.await_iteration(4)
    before = load_checkpoint(held.coordinator, 2)
    newest = held.iteration
    # Nobody is at work: the wish waits for the coordinator, and nothing can come in between.
    assert go_back_without_coordinator(held, 2) is None
    with held.coordinating():
        held.wait_until(lambda: held.iteration == newest + 1, "the return")
    state = loaded(held).state
    assert state.iteration == newest + 1
    changed = [name for name in before.weights if not torch.equal(state.weights[name], before.weights[name])]
    # BatchNorm's statistics of G are measured anew for every publication.
    assert all("running" in name for name in changed), changed
    assert all(torch.equal(state.ema[name], before.ema[name]) for name in state.ema if "running" not in name)


def go_back_without_coordinator(held: Lesson, iteration: int) -> int | None:
    held.superuser.execute("UPDATE gan.training_runs SET coordinator_seen_at = now() - interval '1 minute'")
    return go_back(held.coordinator, iteration).became


@pytest.mark.slow
def test_a_unit_in_work_is_credited_as_late_and_one_not_begun_is_given_out_again(
    server: EmbeddedPostgres, open_folder: Path
) -> None:
    config = replace(LONG_UNITS, checkpoint_every=1)
    with (
        lesson(superuser_address(server), open_folder, config) as held,
        held.coordinating(),
    ):
        program = held.start_worker()
        held.await_iteration(1)
        unit_id = held.await_unit_in_work(program)
        held.wait_until(
            lambda: held.query(
                "SELECT id FROM gan.work_units WHERE status = 'in_progress' AND num_images_done = 0"
            ),
            "a prefetched unit",
        )
        went = go_back(held.coordinator, 0)
        assert went.became is not None
        held.wait_until(
            lambda: held.query(
                "SELECT 1 FROM gan.updates WHERE unit_id = %s AND status <> 'handed_in'", unit_id
            ),
            "the decision about the unit",
        )
        assert held.update_of(unit_id).status == "late"
        # The next unit begins on the weights that came back, with fresh moments.
        held.wait_until(
            lambda: held.query("SELECT 1 FROM gan.updates WHERE iteration >= %s", went.became),
            "the next unit",
        )
        program.interrupt()
        program.interrupt()
        assert program.exit_code() == 0
        assert program.log.count("Loaded dataset with") == 2
        assert "went to another computer" not in program.log.partition(f"unit {unit_id} completed")[0]


@pytest.mark.parametrize("mode", ["local_steps", "gradient"])
def test_an_outer_optimizer_begins_anew_with_weights_that_are_given(mode: str) -> None:
    config = RunConfig(feature_maps=4, mode=mode, learning_rate=0.01)  # type: ignore[arg-type]
    state = OuterState.fresh(config)
    gradient = {name: torch.ones_like(tensor) for name, tensor in state.weights.items()}
    for _ in range(50):
        state.apply(gradient, 16, config)
    restarted = OuterState.from_weights(dict(state.weights), dict(state.ema), config)
    restarted.iteration = state.iteration + 1
    before = {name: tensor.clone() for name, tensor in restarted.weights.items()}
    restarted.apply(gradient, 16, config)
    name = min(restarted.parameters)
    step = float((restarted.weights[name] - before[name]).abs().max())
    # Adam's first step has the length of its rate, whatever the iteration's number.
    assert step == pytest.approx(0.01 if mode == "gradient" else 1.0, rel=1e-3)
    assert OuterState.from_bytes(restarted.to_bytes(), config).num_steps == restarted.num_steps


def test_going_back_twice_and_restarting_the_coordinator_keeps_all_numbers_rising(held: Lesson) -> None:
    with worker_thread(held):
        with held.coordinating():
            held.await_iteration(4)
            first = go_back(held.coordinator, 2).became
            assert first is not None
            held.await_iteration(first + 1)
        with held.coordinating():  # a new coordinator knows where the training went back
            held.await_iteration(held.iteration + 1)
            second = go_back(held.coordinator, 0).became
            assert second is not None and second > first
            held.await_iteration(second + 2)
    assert_nobody_learned_from_what_was_left(held, second)
    held.assert_nothing_lost_or_counted_twice()


def test_what_cannot_be_gone_back_to_is_said(held: Lesson) -> None:
    with pytest.raises(GanDesktopError, match="is not in progress"):
        go_back(held.coordinator, 0)
    with held.coordinating(), worker_thread(held):
        held.await_iteration(3)
        with pytest.raises(GanDesktopError, match=r"does not keep the weights of iteration 1. Kept are 0, 2"):
            go_back(held.coordinator, 1)
        held.set_status(RunStatus.PAUSED)
        held.wait_until(
            lambda: not held.query("SELECT 1 FROM gan.updates WHERE status = 'handed_in'"), "calm"
        )
        newest = held.iteration
        with pytest.raises(GanDesktopError, match="is the newest"):
            go_back(held.coordinator, newest)
        held.set_status(RunStatus.COMPLETE)
    with pytest.raises(GanDesktopError, match=f"new-run NAME --from {held.run_id}:2"):
        go_back(held.coordinator, 2)


def test_a_checkpoint_that_is_damaged_stops_nobody(held: Lesson) -> None:
    with held.coordinating(), worker_thread(held):
        held.await_iteration(3)
        held.superuser.execute(
            "UPDATE gan.model_weights SET payload = 'x' WHERE iteration = 2 AND kind = 'ema'"
        )
        with pytest.raises(GanDesktopError, match="did not go back"):
            go_back(held.coordinator, 2)
        held.await_iteration(held.iteration + 2)
    [event] = held.query("SELECT message FROM gan.events WHERE kind = 'went_back'")
    assert "damaged" in event.message


# -- files and new trainings ---------------------------------------------------------------------


def test_a_kept_iteration_becomes_a_file_and_the_beginning_of_another_training(
    held: Lesson, tmp_path: Path
) -> None:
    with held.coordinating(), worker_thread(held):
        held.await_iteration(3)
        held.set_status(RunStatus.COMPLETE)
    path = tmp_path / "faces.safetensors"
    save_checkpoint(held.coordinator, 2, path)
    saved = read_checkpoint(path)
    assert (saved.info.iteration, saved.info.name) == (2, "Faces")
    [row] = held.query("SELECT sum(num_images) AS num FROM gan.loss_history WHERE iteration <= 2")
    assert saved.info.num_images == row.num
    with pytest.raises(GanDesktopError, match="is there already"):
        save_checkpoint(held.coordinator, 0, path)

    first_run = held.run_id
    held.run_id = create_run(held.coordinator, "Again", held.config, None, saved)
    assert loaded(held).state.iteration == 0
    with held.coordinating(), worker_thread(held):
        held.wait_until(lambda: held.iteration >= 0, "iteration 0")
        begun = load_checkpoint(held.coordinator, 0)
        held.await_iteration(1)
    for name in (name for name in begun.weights if "running" not in name):
        assert torch.equal(begun.weights[name], saved.weights[name]), name
    other = replace(held.config, feature_maps=16)
    with pytest.raises(SettingsError, match=r"feature_maps: 8") as refused:
        create_run(held.coordinator, "Larger", other, None, load_checkpoint(held.coordinator, 2, first_run))
    assert refused.value.title == "Weights of another network"


ClassCommand = Callable[..., Answer]


@pytest.fixture
def class_command(
    classroom: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> ClassCommand:
    """Runs `gan-desktop class ...` in this process, with the coordinator's config.yaml in the folder."""
    write_config(tmp_path, classroom.coordinator_address)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Answer:
        code = main(["class", *map(str, arguments)])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return run


def test_checkpoints_are_listed(class_command: ClassCommand, classroom: Classroom) -> None:
    assert "The class has no training yet" in class_command("checkpoints").stderr
    training = classroom.start_training()
    training.publish_next(is_checkpoint=True)
    training.coordination.set_distance(1, 71.6)
    training.publish_next()
    listed = class_command("checkpoints")
    assert listed.code == 0
    lines = listed.stdout.splitlines()
    assert lines[0] == 'Training 1, "Faces", running:'
    assert "iteration     1" in lines[1] and "distance 72" in lines[1]
    assert "iteration     2" in lines[2] and "the newest" in lines[2]
    missing = class_command("checkpoints", "--save", "7", "seven.safetensors")
    assert missing.code == 1
    assert "Kept are 1, 2." in missing.stderr
    assert "is no iteration" in class_command("checkpoints", "--save", "two", "2.safetensors").stderr
    assert "no training number 9" in class_command("checkpoints", "--run", 9).stderr


def test_nothing_changes_unless_the_person_is_sure(class_command: ClassCommand, classroom: Classroom) -> None:
    training = classroom.start_training()
    training.publish_next(is_checkpoint=True)
    training.publish_next()
    unsure = class_command("rollback", 1)
    assert unsure.code == 1 and "add --yes" in unsure.stderr
    # Nobody is asked about what cannot be.
    running = class_command("delete-run", 1)
    assert running.code == 1 and "is in progress" in running.stderr and "--yes" not in running.stderr
    [row] = classroom.superuser.query("SELECT go_back_to, deleted_at FROM gan.training_runs")
    assert (row.go_back_to, row.deleted_at) == (None, None)


def test_a_name_is_taken_once(class_command: ClassCommand, classroom: Classroom) -> None:
    classroom.start_training()
    again = class_command("new-run", "Faces")
    assert again.code == 1
    assert 'Training 1 is called "Faces" already' in again.stderr


# -- deleting ------------------------------------------------------------------------------------


def test_a_deleted_training_is_gone_and_its_credit_stays(
    class_command: ClassCommand, classroom: Classroom
) -> None:
    training = classroom.start_training()
    worker = classroom.add_worker()
    update_id = training.hand_in(worker)
    training.publish_next([counted(update_id)], is_checkpoint=True)
    training.coordination.add_sample(1, b"png")
    before = read_credit(classroom.coordinator)
    in_progress = class_command("delete-run", 1, "--yes")
    assert in_progress.code == 1
    assert "class finish --run 1" in in_progress.stderr

    training.runs.set_status(1, RunStatus.COMPLETE)
    training.lease.drop()
    deleted = class_command("delete-run", 1, "--yes")
    assert (deleted.code, deleted.stderr) == (0, "")
    assert read_credit(classroom.coordinator) == before
    for table in ("model_weights", "optimizer_state", "samples", "loss_history", "epoch_cursors"):
        assert classroom.superuser.query(f"SELECT 1 FROM gan.{table}") == [], table
    student = classroom.log_in(worker.login)
    assert student.query("SELECT * FROM training_runs") == []
    assert student.query("SELECT * FROM training_state") == []
    assert student.query("SELECT status FROM gradients")[0].status == "counted"
    assert "no training number 1" in class_command("delete-run", 1, "--yes").stderr
    assert "No training yet" in class_command("status").stdout
    # Its name is free again.
    assert classroom.start_training().run_id == 2


def test_a_training_that_nobody_worked_for_goes_whole(classroom: Classroom) -> None:
    training = classroom.start_training()
    training.runs.set_status(training.run_id, RunStatus.COMPLETE)
    training.lease.drop()
    delete_run(classroom.coordinator_address, training.run_id)
    assert classroom.superuser.query("SELECT * FROM gan.training_runs") == []
    with pytest.raises(GanDesktopError, match="no training number"):
        kept_iterations(classroom.coordinator_address, training.run_id)
