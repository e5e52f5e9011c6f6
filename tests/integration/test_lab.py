"""Workers as a lab's administrator starts them: services, logs, several on one computer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest

from gan_desktop.database.embedded import EmbeddedPostgres
from tests.integration.lesson import LONG_UNITS, SHORT_UNITS, Lesson, lesson
from tests.integration.programs import Program, wait_until

pytestmark = pytest.mark.slow

# As on a computer with two graphics cards.
TWO_CARDS = """
import sys
from gan_desktop import all_devices, cli
all_devices.graphics_cards = lambda: (["cpu", "cpu"], "")
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def short_units(server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lesson]:
    """A class whose units take tenths of a second, with its coordinator."""
    folder = tmp_path_factory.mktemp("short-units")
    with lesson(server.address, folder, SHORT_UNITS) as held, held.coordinating():
        yield held


def worker_ids(program: Program) -> list[str]:
    return re.findall("Worker ([0-9a-f]{8}) initialized", program.log)


# -- what it writes ---------------------------------------------------------------------------------


def test_every_line_is_an_event_and_the_file_has_them_all(short_units: Lesson) -> None:
    log_file = short_units.folder / "logs" / "worker.log"
    program = short_units.start_worker(
        None, "--log-format=json", f"--log-file={log_file}", "--max-units=2", "--device=cpu"
    )
    assert program.exit_code() == 0
    lines = program.log.splitlines()
    assert log_file.read_text("utf-8").splitlines() == lines
    events = [json.loads(line) for line in lines]
    assert {event["device"] for event in events} == {"cpu"}
    names = [event["event"] for event in events]
    assert [names[0], names.count("joined"), names.count("ready")] == ["starting", 1, 1]
    assert [names.count(name) for name in ("unit_started", "unit_computed", "unit_delivered")] == [2, 2, 2]
    assert (events[-1]["state"], events[-1]["sentence"]) == ("stopped", "Stopped. Your 2 units are safe.")
    [joined] = [event for event in events if event["event"] == "joined"]
    assert joined["worker_id"] == short_units.worker_of(program.user).worker_id


def test_why_it_could_not_join_stands_in_the_log_file_too(short_units: Lesson) -> None:
    student = short_units.add_student()
    short_units.superuser.execute(
        "UPDATE gan.accounts SET withdrawn_at = now() WHERE login = %s", [student.user]
    )
    log_file = short_units.folder / "refused.log"
    program = short_units.start_worker(student, f"--log-file={log_file}")
    assert program.exit_code() == 3
    assert "The class refused this: This login takes no part in the class any more." in program.log
    assert "takes no part in the class any more" in log_file.read_text("utf-8")
    assert "Traceback" not in program.log


def test_outside_its_hours_it_waits_and_says_until_when(short_units: Lesson) -> None:
    later = datetime.now() + timedelta(hours=2)
    hours = f"{later:%H:%M}-{later + timedelta(hours=1):%H:%M}"
    program = short_units.start_worker(None, f"--hours={hours}")
    program.await_line(f"Paused: until {later:%H:%M}, as set by you.")
    program.interrupt()
    assert program.exit_code() == 0
    assert "Processing work unit" not in program.log


# -- several on one computer ------------------------------------------------------------------------


def test_two_starts_of_one_worker_notice_each_other(short_units: Lesson) -> None:
    student = short_units.add_student()
    first = short_units.start_worker(student, "--instance=2", home="shared")
    first.await_line("initialized successfully!")
    second = short_units.start_worker(student, "--instance=2", home="shared")
    assert second.exit_code() == 1
    assert "Started twice: Worker 2 of this login runs on this computer already." in second.log
    [worker_id] = worker_ids(first)
    first.interrupt()
    assert first.exit_code() == 0
    again = short_units.start_worker(student, "--instance=2", "--max-units=1", home="shared")
    assert again.exit_code() == 0
    assert worker_ids(again) == [worker_id]


def test_workers_with_folders_of_their_own_work_side_by_side(short_units: Lesson) -> None:
    student = short_units.add_student()
    programs = [short_units.start_worker(student, "--max-units=2", home=f"room-{n}") for n in range(2)]
    assert [program.exit_code() for program in programs] == [0, 0]
    assert len({worker_id for program in programs for worker_id in worker_ids(program)}) == 2
    assert all(program.log.count("completed successfully!") == 2 for program in programs)


def test_without_a_card_all_devices_are_the_cpu_and_it_says_so(short_units: Lesson) -> None:
    program = short_units.start_worker(None, "--all-devices", "--max-units=1")
    assert program.exit_code() == 0
    first, *others = program.log.splitlines()
    assert "One worker computes with the CPU." in first
    assert all(line.startswith("[cpu]") for line in others)
    assert "[cpu] Device: Chosen by the device setting (cpu). With 1 thread" in program.log


@contextmanager
def two_cards(held: Lesson, *options: str) -> Iterator[Program]:
    """A worker for each of two cards, under one parent."""
    (held.folder / "two_cards.py").write_text(TWO_CARDS, "utf-8")
    program = held.start_worker(None, "--all-devices", *options, entry=[str(held.folder / "two_cards.py")])
    try:
        yield program
    finally:
        # A parent that is killed takes its workers with it: nobody reads what they write.
        held.wait_until(lambda: program.process.poll() is not None, "the parent's end")


def children(program: Program) -> list[psutil.Process]:
    return psutil.Process(program.process.pid).children()


def test_each_card_has_a_worker_of_its_own_and_ctrl_c_reaches_all(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    with (
        lesson(server.address, tmp_path, LONG_UNITS, num_faces=1_500) as held,
        held.coordinating(),
        two_cards(held) as program,
    ):
        program.await_line("Processing work unit", times=2)
        assert "Starting 2 workers: cpu, cpu." in program.log
        program.interrupt()
        program.await_line("Press Ctrl+C again", times=2)
        assert program.exit_code() == 0
        assert len(set(worker_ids(program))) == 2
        assert program.log.count("[cpu] Stopped.") == 2
        # Once: each unit is whole.
        assert not held.query("SELECT 1 FROM gan.updates WHERE stopped_early")


def test_a_worker_that_ends_is_told_and_not_started_again_and_its_code_counts(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    with (
        lesson(server.address, tmp_path, SHORT_UNITS) as held,
        held.coordinating(),
        two_cards(held, "--max-units=20") as program,
    ):
        program.await_line("initialized successfully!", times=2)
        killed, other = children(program)
        killed.kill()
        program.await_line("The worker of cpu has ended with exit code -9. It is not started again.")
        num_done = program.log.count("completed successfully!")
        wait_until(lambda: program.log.count("completed successfully!") > num_done, "the other one's units")
        assert children(program) == [other]
        assert program.exit_code() == 1


# -- a class that is not there ----------------------------------------------------------------------


def test_only_one_that_was_told_to_wait_waits_for_a_class_that_is_away(
    open_folder: Path, tmp_path: Path
) -> None:
    own_server = EmbeddedPostgres(open_folder / "postgres", settings={"fsync": "off"})
    with own_server, lesson(own_server.address, tmp_path) as held:
        student = held.add_student()
        own_server.stop()
        hasty = held.start_worker(student)
        assert hasty.exit_code() == 3
        assert "does not answer. The database may be off" in hasty.log
        patient = held.start_worker(student, "--wait")
        patient.await_line("No connection to the class.")
        own_server.start()
        held.reconnect()
        patient.await_line("initialized successfully!")
        patient.interrupt()
        assert patient.exit_code() == 0


def test_waiting_does_not_help_against_a_wrong_password(short_units: Lesson) -> None:
    program = short_units.start_worker(replace(short_units.add_student(), password="wrong"), "--wait")
    assert program.exit_code() == 3
    assert "The class refused the login" in program.log
