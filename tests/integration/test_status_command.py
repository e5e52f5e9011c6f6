"""What the instructor sees of the class: `gan-desktop class status` and `class events`."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gan_desktop.class_admin.people import remove_student
from gan_desktop.class_admin.status import (
    ClassStatus,
    Standing,
    class_status,
    images_per_second,
    lacks_coordinator,
    standing,
)
from gan_desktop.cli import main
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import Coordination
from gan_desktop.database.statistics import Queue, RunSummary, Server, WorkerSummary
from gan_desktop.records import RunStatus
from gan_desktop.status_tables import print_status, status_json, worker_sentence
from tests.integration.classroom import Classroom
from tests.integration.console import Answer, command, people_environment, write_config
from tests.integration.programs import wait_until

ClassCommand = Callable[..., Answer]
SERVER = Server(datetime(2026, 11, 23, 9, 30, tzinfo=UTC), 123_000_000)


@pytest.fixture
def class_command(
    classroom: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> ClassCommand:
    """Runs `gan-desktop class ...` in this process, with the coordinator's config.yaml in the folder."""
    write_config(tmp_path, classroom.coordinator_address)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> Answer:
        code = main(["class", *map(str, arguments)])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return run


def computer(**changes: Any) -> WorkerSummary:
    values: dict[str, Any] = {
        "worker_id": "abc123", "name": "Ana's laptop", "owner": "Ana", "hostname": "ana-pc", "gpu_name": None,
        "state": "computing", "num_units": 3, "num_images": 4_096, "images_per_second": 90.0,
        "on_hold_reason": None, "last_error": None, "program_version": "0.2.0", "silent_s": 2.0,
        "state_detail": {"unit_id": 42, "num_done": 1_216, "num_images": 2_048, "seconds_left": 9},
    }  # fmt: skip
    return WorkerSummary(**{**values, **changes})


def training(**changes: Any) -> RunSummary:
    run = RunSummary(1, "Faces", RunStatus.RUNNING, 1, 212, 400, 296_960, 71.6, 2.0)
    return replace(run, **changes)


def shown(*workers: WorkerSummary, runs: tuple[RunSummary, ...] = ()) -> str:
    screen = io.StringIO()
    queue = Queue(num_units_out=2, num_units_returned=1, num_updates_waiting=3) if runs else None
    status = ClassStatus("Vision", [], list(runs), queue, list(workers), SERVER)
    print_status(status, Console(file=screen, width=200, force_terminal=True, no_color=True))
    return screen.getvalue()


# -- who needs help ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Standing.WORKING),
        ({"state": "waiting_none_free"}, Standing.WAITING),
        ({"state": "stopped", "silent_s": 90_000.0}, Standing.GONE),
        ({"silent_s": 120.0}, Standing.NEEDS_HELP),
        ({"silent_s": 7_200.0}, Standing.GONE),
        ({"last_error": "The update was damaged on its way here."}, Standing.NEEDS_HELP),
        ({"state": "retrying"}, Standing.NEEDS_HELP),
        ({"state": "stopped", "on_hold_reason": "too large"}, Standing.NEEDS_HELP),
        ({"is_withdrawn": True}, Standing.GONE),
        ({"is_withdrawn": True, "silent_s": 120.0, "on_hold_reason": "too large"}, Standing.GONE),
    ],
)
def test_who_needs_help_is_told_from_who_works_waits_or_has_gone(
    changes: dict[str, Any], expected: Standing
) -> None:
    assert standing(computer(**changes)) is expected


def test_those_who_need_help_come_first(classroom: Classroom) -> None:
    for name in ("works", "helpless", "waits"):
        classroom.add_worker(hostname=name)
    classroom.superuser.execute("UPDATE gan.workers SET state = 'computing' WHERE hostname = 'works'")
    classroom.superuser.execute("UPDATE gan.workers SET last_error = 'no' WHERE hostname = 'helpless'")
    workers = class_status(classroom.coordinator_address).workers
    assert [worker.hostname for worker in workers] == ["helpless", "works", "waits"]


def test_who_was_removed_needs_no_help_and_works_no_more(classroom: Classroom) -> None:
    login = classroom.add_student("Ana")
    worker = classroom.add_worker(login)
    worker.beat()
    remove_student(classroom.coordinator_address, login.user)
    [gone] = class_status(classroom.coordinator_address).workers
    assert (gone.is_withdrawn, gone.state, standing(gone)) == (True, "stopped", Standing.GONE)
    assert worker_sentence(gone) == "Removed from the class."


def test_what_the_instructor_does_is_among_the_events(
    class_command: ClassCommand, classroom: Classroom
) -> None:
    training = classroom.start_training()
    worker = classroom.add_worker(classroom.add_student("Ana"))
    for arguments in (
        ("pause",), ("resume",), ("message", "Five", "minutes", "left."), ("message", "Hello", "--to", "Ana"),
        ("hold", worker.worker_id, "--reason", "odd"), ("release", worker.worker_id, "--yes"),
        ("remove-student", "Ana", "--yes"), ("finish", "--yes"),
    ):  # fmt: skip
        assert class_command(*arguments).code == 0
    said = class_command("events").stdout
    name = classroom.superuser.query("SELECT name FROM gan.training_runs")[0].name
    for words in (
        f'Training {training.run_id}, "{name}", is paused.', f'"{name}", goes on.', f'"{name}", was ended.',
        'Message to everybody: "Five minutes left."', 'Message to Ana: "Hello"',
        "put Ana on hold: odd", "let Ana go on", '"Ana" was removed',
    ):  # fmt: skip
        assert words in said
    assert classroom.superuser.query("SELECT 1 FROM gan.events WHERE is_public") == []


def test_a_training_that_has_not_begun_has_no_iteration_for_other_programs() -> None:
    status = ClassStatus("Vision", [], [training(iteration=-1)], None, [], SERVER)
    [run] = json.loads(status_json(status))["trainings"]
    assert run["iteration"] is None


def test_only_those_at_work_make_the_speed_of_the_class() -> None:
    away = [computer(silent_s=90.0), computer(state="waiting_paused"), computer(is_withdrawn=True)]
    workers = [computer(), *away, computer()]
    assert images_per_second(workers) == 180.0


def test_instructor_reads_the_very_sentence_of_the_student() -> None:
    words = shown(computer())
    assert "Learning from unit 42: 1,216 of 2,048 images, " in words
    assert "Ana's laptop (Ana)" in words
    assert "No sign of life for about 2 h." in shown(computer(silent_s=7_200.0))
    assert worker_sentence(computer(state="stopped", silent_s=90_000.0)).startswith("Stopped.")
    assert "On hold: too large" in worker_sentence(computer(on_hold_reason="too large"))


def test_students_words_cannot_harm_the_instructors_screen() -> None:
    words = shown(
        computer(name="[red]Bo[/red]", hostname="pc\x1b]0;owned\x07\n\n"),
        computer(state="computing", state_detail={}),
        computer(state="computing", state_detail={"unit_id": "\x1b[2J", "num_done": "x", "num_images": None}),
        computer(state="uploading", state_detail={"unit_id": [1], "num_bytes": "many"}),
        computer(state="a state of tomorrow", last_error="\x1b[2J"),
    )
    assert "\x1b]0" not in words and "\x1b[2J" not in words and "\x07" not in words
    assert "[red]Bo[/red]" in words
    assert "a state of tomorrow" in words


# -- the training --------------------------------------------------------------------------------


def test_training_queue_and_size_are_shown() -> None:
    words = shown(computer(), runs=(training(),))
    for expected in ("1 Faces", "running", "212 of 400", "296,960", "90", "72", "123 MB", "09:30:00"):
        assert expected in words
    assert "2 units given out, 1 to be given out again, 3 updates waiting" in words
    assert "Start the coordinator" not in words


@pytest.mark.parametrize("silent_s", [None, 200.0])
def test_a_training_that_runs_without_a_coordinator_is_said_to_wait(silent_s: float | None) -> None:
    run = training(coordinator_silent_s=silent_s)
    assert lacks_coordinator(run)
    words = shown(runs=(run,))
    assert "Nobody merges what training 1 has learned" in words
    assert "gan-desktop --admin --no-gui" in words
    assert not lacks_coordinator(training(status=RunStatus.PAUSED, coordinator_silent_s=silent_s))


def test_json_holds_what_the_tables_hold() -> None:
    status = ClassStatus("Vision", [], [training()], Queue(1, 2, 3), [computer(on_hold_reason="x")], SERVER)
    content = json.loads(status_json(status))
    assert content["trainings"][0]["iteration"] == 212
    assert content["trainings"][0]["lacks_coordinator"] is False
    assert content["workers"][0]["standing"] == "needs_help"
    assert content["workers"][0]["sentence"].startswith("Learning from unit 42")
    assert content["queue"] == {"num_units_out": 1, "num_units_returned": 2, "num_updates_waiting": 3}
    assert (content["at"], content["database_bytes"]) == ("2026-11-23T09:30:00+00:00", 123_000_000)


# -- the command ---------------------------------------------------------------------------------


def test_into_a_pipe_the_status_goes_once(class_command: ClassCommand, classroom: Classroom) -> None:
    classroom.start_training()
    classroom.add_worker(hostname="ana-pc")
    for answer in (class_command("status"), class_command("status", "--once")):
        assert (answer.code, answer.stderr) == (0, "")
        assert "Vision: 0 working, 1 waiting" in answer.stdout and "ana-pc" in answer.stdout
    assert (
        json.loads(class_command("status", "--once", "--json").stdout).keys()
        == (content := json.loads(class_command("status", "--json").stdout)).keys()
    )
    assert [worker["hostname"] for worker in content["workers"]] == ["ana-pc"]
    assert content["trainings"][0]["name"] == "Faces"


def test_on_a_terminal_the_status_follows_the_class_until_ctrl_c(
    classroom: Classroom, tmp_path: Path
) -> None:
    write_config(tmp_path, classroom.coordinator_address)
    screen, terminal = pty.openpty()
    environment = people_environment({"COLUMNS": "200", "LINES": "50", "TERM": "xterm"})
    process = subprocess.Popen(
        command("class", "status"),
        cwd=tmp_path,
        stdin=terminal,
        stdout=terminal,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
    )
    os.close(terminal)
    os.set_blocking(screen, False)
    seen = ""

    def has_shown(words: str) -> bool:
        nonlocal seen
        try:
            seen += os.read(screen, 1 << 16).decode(errors="replace")
        except BlockingIOError:
            assert process.poll() is None, seen
        return words in seen

    try:
        wait_until(lambda: has_shown("No computer has joined yet."), "the empty class")
        classroom.add_worker(hostname="late-comer")
        wait_until(lambda: has_shown("late-comer"), "the new computer")
        # The connection is lost for a moment: the tables stay, and say so.
        with Connection(classroom.administrator) as connection:
            connection.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'gan-desktop class'"
            )
        wait_until(lambda: has_shown("No connection; the tables are as they were."), "the loss")
        classroom.superuser.execute("UPDATE gan.workers SET hostname = 'here-again'")
        wait_until(lambda: has_shown("here-again"), "the return")
        process.send_signal(signal.SIGINT)
        wait_until(lambda: process.poll() is not None, "the end")
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
        os.close(screen)


def test_events_are_listed_and_the_newest_ten_thousand_kept(
    class_command: ClassCommand, classroom: Classroom
) -> None:
    assert class_command("events").stdout == "Nothing has happened yet.\n"
    training = classroom.start_training()
    worker = classroom.add_worker()
    classroom.superuser.execute("UPDATE gan.workers SET name = 'Ana' || chr(8203)")
    coordination: Coordination = training.coordination
    coordination.add_event("first", "It began.", worker_id=worker.worker_id)
    classroom.superuser.execute(
        "INSERT INTO gan.events (kind, message)"
        " SELECT 'more', 'event ' || n FROM generate_series(1, 10000) AS n"
    )
    coordination.add_event("last", "It ended.")
    [row] = classroom.superuser.query("SELECT count(*) AS num FROM gan.events")
    assert row.num == 10_000
    lines = class_command("events", "--count", 3).stdout.splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == ["event 9999", "event 10000", "It ended."]
    classroom.superuser.execute(
        "INSERT INTO gan.events (kind, message, worker_id) VALUES ('x', 'See', %s)", [worker.worker_id]
    )
    assert class_command("events", "--count", 1).stdout.endswith("See (Ana\ufffd)\n")


def test_misspelt_commands_and_options_are_answered_with_the_right_ones(
    class_command: ClassCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, words in (
        (["statsu"], "there is no 'statsu'. Did you mean 'status'?"),
        (["status", "--jason"], "there is no --jason. Did you mean --json?"),
        (["new-run", "Faces", "--datset=3"], "there is no --datset=3. Did you mean --dataset?"),
        (["xyzzy"], "invalid choice: 'xyzzy'"),
        (["status", "--xyzzy"], "unrecognized arguments: --xyzzy"),
    ):
        with pytest.raises(SystemExit) as ended:
            class_command(*arguments)
        assert ended.value.code == 2
        assert words in capsys.readouterr().err


def test_queue_and_flow_are_of_the_training_in_progress(classroom: Classroom) -> None:
    training = classroom.start_training()
    worker = classroom.add_worker()
    training.hand_in(worker)
    worker.claim()
    training.runs.create("The next one", training.dataset_id, training.config, 10_000)
    status = class_status(classroom.coordinator_address)
    assert (status.runs[0].name, status.queue) == ("The next one", Queue(1, 0, 1))
    assert status.flow is not None
