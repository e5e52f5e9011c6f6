"""The instructor talks to the class: messages, and computers put on hold and released."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gan_desktop.class_admin.notices import send_message
from gan_desktop.cli import main
from gan_desktop.database.connection import Connection
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.errors import GanDesktopError
from gan_desktop.records import Notice, UpdateDecision, WorkerState
from tests.integration.classroom import Classroom, Worker
from tests.integration.conftest import superuser_address
from tests.integration.console import Answer, write_config
from tests.integration.lesson import lesson, worker_thread

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


def messages_of(worker: Worker) -> list[str]:
    directives = worker.queue.heartbeat(worker.worker_id, WorkerState.CLAIMING, {}, [], 0, None)
    return [text for _, text in directives.messages]


# -- messages ------------------------------------------------------------------------------------


def test_a_message_comes_with_the_next_sign_of_life(
    class_command: ClassCommand, classroom: Classroom
) -> None:
    ana = classroom.add_worker(classroom.add_student("Ana"))
    ben = classroom.add_worker(classroom.add_student("Ben"))
    assert messages_of(ana) == []
    said = class_command("message", "Five minutes left.")
    assert said.code == 0 and "2 people are there to read it now" in said.stdout
    assert (messages_of(ana), messages_of(ben)) == (["Five minutes left."], ["Five minutes left."])
    said = class_command("message", "Plug in your laptop.", "--to", "ana")
    assert "1 person is there" in said.stdout
    assert messages_of(ana) == ["Five minutes left.", "Plug in your laptop."]
    assert messages_of(ben) == ["Five minutes left."]


def test_a_message_stands_on_the_students_screen(server: EmbeddedPostgres, open_folder: Path) -> None:
    with lesson(superuser_address(server), open_folder) as held, worker_thread(held) as (_, recorder):
        held.wait_until(lambda: held.query("SELECT 1 FROM gan.workers"), "the worker")
        send_message(held.coordinator, "Look at the projector.")
        words = "Message from your instructor: Look at the projector."
        held.wait_until(lambda: words in [notice.text for notice in recorder.of(Notice)], "the message")


@pytest.mark.parametrize("text", ["", "   ", "x" * 501, "two\nlines", "clear\x1b[2J"])
def test_a_message_that_cannot_be_shown_is_not_sent(classroom: Classroom, text: str) -> None:
    with pytest.raises(GanDesktopError, match="1 to 500 characters"):
        send_message(classroom.coordinator_address, text)
    assert classroom.superuser.query("SELECT * FROM gan.messages") == []


def test_a_message_to_nobody_or_to_one_of_two_namesakes_is_not_sent(
    class_command: ClassCommand, classroom: Classroom
) -> None:
    logins = [classroom.add_student("Ana").user for _ in range(2)]
    both = class_command("message", "Hello", "--to", "Ana")
    assert both.code == 2
    assert all(login in both.stderr for login in logins)
    assert class_command("message", "Hello", "--to", "Zoë").code == 2
    assert classroom.superuser.query("SELECT * FROM gan.messages") == []
    assert class_command("message", "Hello", "--to", logins[1]).code == 0


# -- on hold -------------------------------------------------------------------------------------


def test_a_computer_on_hold_gets_no_unit_until_it_is_released(
    class_command: ClassCommand, classroom: Classroom
) -> None:
    training = classroom.start_training()
    worker = classroom.add_worker(classroom.add_student("Ana"))
    update_id = training.hand_in(worker)
    refusal = UpdateDecision(update_id, "not_counted", "It is ten times too large.", True, 12.5, 0.0)
    training.publish_next([refusal])

    held = class_command("hold", worker.worker_id, "--reason", "odd")
    assert held.code == 0
    assert "0 units accepted, 1 refused" in held.stdout
    assert "norm 12.5" in held.stdout and "It is ten times too large." in held.stdout
    assert worker.queue.claim(worker.worker_id, []).waiting is WorkerState.WAITING_ON_HOLD

    unsure = class_command("release", "Ana")
    assert unsure.code == 1
    assert "On hold: odd" in unsure.stdout and "add --yes" in unsure.stderr
    assert worker.queue.claim(worker.worker_id, []).waiting is WorkerState.WAITING_ON_HOLD
    assert class_command("release", "Ana", "--yes").code == 0
    worker.claim()
    again = class_command("release", "Ana", "--yes")
    assert again.code == 1 and "is not on hold" in again.stderr


def test_a_name_that_means_several_computers_is_asked_back(
    class_command: ClassCommand, classroom: Classroom
) -> None:
    login = classroom.add_student("Ana")
    workers = [classroom.add_worker(login) for _ in range(2)]
    both = class_command("hold", "Ana")
    assert both.code == 1
    assert all(worker.worker_id in both.stderr for worker in workers)
    nobody = class_command("hold", "Ben")
    assert nobody.code == 1 and "no computer" in nobody.stderr
    with Connection(classroom.coordinator_address) as connection:
        assert not connection.query("SELECT 1 FROM gan.worker_totals WHERE on_hold_reason IS NOT NULL")
