"""The command line as a person meets it: exit codes, and words that say what happened and what to do."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from gan_desktop import cli
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.database.schema import SCHEMA_VERSION, init_class
from tests.integration.classroom import Classroom
from tests.integration.conftest import superuser_address
from tests.integration.console import finish, gan_desktop, people_environment, read_until, start, write_config

HEAVY = {"torch", "torchvision", "PySide6"}


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """People start the program where their config.yaml is, or is not."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def student(classroom: Classroom) -> Address:
    login = classroom.add_student("Ana")
    return classroom.address(login.user, login.password)


@pytest.fixture
def free_port() -> Iterator[int]:
    """A port at which nobody answers: it is bound, but nobody listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


# -- help, options -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["class", "--help"],
        ["class", "init", "--help"],
        ["train", "--help"],
        ["faces", "--help"],
    ],
)
def test_help_imports_nothing_slow(arguments: list[str]) -> None:
    program = [sys.executable, "-X", "importtime", "-m", "gan_desktop", *arguments]
    before = psutil.Process().cpu_times()
    answer = subprocess.run(program, capture_output=True, text=True)
    after = psutil.Process().cpu_times()
    assert answer.returncode == 0
    assert answer.stdout
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in answer.stderr.splitlines()}
    assert "argparse" in imported
    assert not imported & (HEAVY | {"psycopg2", "pydantic", "rich", "numpy", "PIL"})
    user_s = after.children_user - before.children_user
    assert user_s + after.children_system - before.children_system < 1.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--demos"], "there is no --demos. Did you mean --demo?"),
        (["--dem"], "there is no --dem. Did you mean --demo?"),
        (["teach"], "there is no 'teach'"),
        (["train", "--size", "33"], "choose from 32, 64, 128"),
        (["train", "--data", "folder", "--drawn", "9"], "not allowed with"),
        (["--data", "folder", "train"], "--data is for --demo, not for train"),
        (["--demo", "train"], "leave out --admin and --demo"),
        (["faces"], "required: --checkpoint"),
        (["faces", "--checkpoint", "a", "--grid", "--interpolate"], "not allowed with"),
        (["--demo", "--admin"], "not allowed with"),
        (["--demo", "--iterations", "0"], "not a whole number above 0"),
        (["--demo", "--iterations", "many"], "not a whole number above 0"),
        (["--demo", "--workers", "17"], "at most 16"),
        (["--no-gui", "--iterations", "2"], "--iterations is for --demo"),
        (["--demo", "--folder", "here"], "--folder is for a worker or --admin or cache, not for --demo"),
        (["--admin", "--max-units", "1"], "--max-units is for a worker"),
        (["--run", "1", "class", "status"], "--run is for --admin"),
        (["--admin", "class", "status"], "leave out --admin"),
        (["class"], "required: COMMAND"),
        (["class", "import"], "required"),
        (["class", "import", "folder", "--drawn", "9"], "not allowed with"),
        (["class", "import", "--drawn", "100", "--size", "33"], "choose from 32, 64, 128"),
        (["class", "host", "--students", "0"], "not a whole number above 0"),
    ],
)
def test_wrong_option_is_named(arguments: list[str], words: str) -> None:
    answer = gan_desktop(*arguments)
    assert answer.code == 2
    assert words in answer.stderr
    assert answer.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--password", "hunter2"],
        ["--password=hunter2"],
        ["class", "--password", "hunter2", "status"],
        ["class", "status", "--password", "hunter2"],
    ],
)
def test_password_as_an_argument_is_refused_and_not_repeated(arguments: list[str]) -> None:
    answer = gan_desktop(*arguments)
    assert answer.code == 2
    assert "--password-file" in answer.stderr
    assert "hunter2" not in answer.said


def test_without_a_screen_one_line_says_that_the_console_goes_on() -> None:
    plain = gan_desktop(DISPLAY="", WAYLAND_DISPLAY="", QT_QPA_PLATFORM="")
    console = gan_desktop("--no-gui")
    assert plain.code == console.code == 2
    first, _, rest = plain.stderr.partition("\n")
    assert "There is no screen here" in first
    assert rest == console.stderr


def test_closed_output_ends_the_program_quietly() -> None:
    for arguments in (["--help"], ["class", "--help"]):
        with start(*arguments) as process:
            assert process.stdout is not None and process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == ""
        assert process.returncode == 130


# -- config.yaml ---------------------------------------------------------------------------------


def test_without_config_file_the_template_and_the_demo_are_named(tmp_path: Path) -> None:
    answer = gan_desktop("--no-gui")
    assert answer.code == 2
    assert f"There is no config.yaml in {tmp_path}" in answer.stderr
    assert "config.yaml.template" in answer.stderr
    assert "--demo" in answer.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("database:\n  host: h\n  database: d\n  user: u\n  port: many\n", "database.port is 'many'"),
        ("worker:\n  nmae: Ana\n", "worker.nmae is not a setting. Did you mean name?"),
        ("wroker:\n  name: Ana\n", "wroker is not a section. Did you mean worker?"),
        ("database:\n\thost: h\n", "line 2 begins with a tab"),
        ("database: {host: h, database: d, user: YOUR_USERNAME}\n", "still says YOUR_USERNAME"),
        ("", "database.host is not set"),
    ],
)
def test_wrong_setting_is_named_with_its_mend(content: str, words: str) -> None:
    Path("config.yaml").write_text(content, encoding="utf-8")
    answer = gan_desktop("--no-gui")
    assert answer.code == 2
    assert words in answer.stderr
    assert "Write " in answer.stderr or "Did you mean" in answer.stderr


def test_config_file_that_is_named_must_be_there() -> None:
    answer = gan_desktop("--no-gui", "--config", "other.yaml")
    assert answer.code == 2
    assert "other.yaml does not exist" in answer.stderr


# -- where the password comes from ---------------------------------------------------------------


def test_without_a_password_all_ways_to_give_one_are_named(student: Address, tmp_path: Path) -> None:
    write_config(tmp_path, student, password=False)
    answer = gan_desktop("--no-gui")
    assert answer.code == 3
    for way in ("--password-file", "standard input", "PGPASSWORD", ".pgpass", "keyring set"):
        assert way in answer.stderr


def test_password_is_taken_from_every_place(classroom: Classroom, tmp_path: Path, home: Path) -> None:
    address = classroom.coordinator_address
    password = address.password or ""
    write_config(tmp_path, address, password=False)
    file = tmp_path / "password.txt"
    file.write_text(f"{password}\n")
    pgpass = home / ".pgpass"
    pgpass.write_text(f"*:*:*:{address.user}:{password}\n")
    pgpass.chmod(0o600)
    by_pgpass = gan_desktop("class", "status")
    pgpass.unlink()
    for answer in (
        by_pgpass,
        gan_desktop("class", "status", "--password-file", file),
        gan_desktop("--password-file", file, "class", "status"),
        gan_desktop("class", "status", "--password-file", "-", stdin=f"{password}\n"),
        gan_desktop("class", "status", PGPASSWORD=password),
    ):
        assert answer.code == 0, answer.stderr
        assert "Vision" in answer.stdout
        assert answer.stderr == ""


def test_password_in_config_file_works_with_the_advice_to_move_it(
    classroom: Classroom, tmp_path: Path
) -> None:
    write_config(tmp_path, classroom.coordinator_address)
    assert "The password stands readable in config.yaml" in gan_desktop("--admin", "--no-gui").stderr
    command = gan_desktop("class", "status")
    assert (command.code, command.stderr) == (0, "")


def test_password_file_that_is_missing_is_named(student: Address, tmp_path: Path) -> None:
    write_config(tmp_path, student, password=False)
    answer = gan_desktop("--no-gui", "--password-file", "missing.txt")
    assert answer.code == 3
    assert "missing.txt cannot be read" in answer.stderr


# -- joining -------------------------------------------------------------------------------------


def refusal(tmp_path: Path, address: Address, *arguments: str) -> str:
    """What a worker says that cannot join; its exit code is checked, and that it keeps the secret."""
    write_config(tmp_path, address, password=False)
    answer = gan_desktop(*(arguments or ["--no-gui"]), PGPASSWORD=address.password or "")
    assert answer.code == 3
    assert answer.stdout == ""
    assert address.password and address.password not in answer.stderr
    return answer.stderr


def test_wrong_host_and_port_are_told_at_once(student: Address, tmp_path: Path, free_port: int) -> None:
    unknown = refusal(tmp_path, replace(student, host="no-such-computer.invalid"))
    assert 'There is no computer called "no-such-computer.invalid"' in unknown
    nobody = refusal(tmp_path, replace(student, port=free_port))
    assert f"port {free_port} does not answer" in nobody


def test_wrong_login_is_told_at_once(student: Address, tmp_path: Path) -> None:
    words = "The class refused the login"
    assert words in refusal(tmp_path, replace(student, password="another-password"))
    assert words in refusal(tmp_path, replace(student, user="nobody-at-all"))
    assert words in refusal(tmp_path, replace(student, password="another-password"), "class", "status")


def test_wrong_database_is_told_at_once(
    student: Address, tmp_path: Path, new_database: Callable[[], Address]
) -> None:
    assert '"nowhere"' in refusal(tmp_path, replace(student, dbname="nowhere"))
    foreign = new_database()
    init_class(foreign, "Another class")
    words = refusal(tmp_path, replace(student, dbname=foreign.dbname))
    assert f'may not use the database "{foreign.dbname}"' in words


def test_database_without_a_class_is_told(server: EmbeddedPostgres, tmp_path: Path) -> None:
    for arguments in (["--no-gui"], ["--admin", "--no-gui"], ["class", "status"]):
        words = refusal(tmp_path, superuser_address(server), *arguments)
        assert 'The database "postgres" holds no class yet' in words


@pytest.mark.parametrize(
    ("difference", "words"), [(-1, "Ask your instructor to upgrade"), (+1, "Get the newest version")]
)
def test_class_of_another_version_is_told(
    new_database: Callable[[], Address], tmp_path: Path, difference: int, words: str
) -> None:
    administrator = new_database()
    made = init_class(administrator, "Another time")
    with Connection(administrator) as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION schema_version() RETURNS integer LANGUAGE sql IMMUTABLE"
            f" AS $$ SELECT {SCHEMA_VERSION + difference} $$"
        )
    coordinator = replace(administrator, user=made.coordinator_user, password=made.coordinator_password)
    assert words in refusal(tmp_path, coordinator)
    assert words in refusal(tmp_path, coordinator, "--admin", "--no-gui")


def test_each_login_is_kept_to_its_role(classroom: Classroom, student: Address, tmp_path: Path) -> None:
    assert "class add-student" in refusal(tmp_path, classroom.coordinator_address)
    for arguments in (["--admin", "--no-gui"], ["class", "status"], ["class", "add-student", "Bo"]):
        assert "is a student's login" in refusal(tmp_path, student, *arguments)


def test_class_without_a_training_is_told_to_its_coordinator(classroom: Classroom, tmp_path: Path) -> None:
    write_config(tmp_path, classroom.coordinator_address)
    answer = gan_desktop("--admin", "--no-gui")
    assert answer.code == 1
    assert "gan-desktop class new-run" in answer.stderr


def test_device_that_is_not_there_is_told(student: Address, tmp_path: Path) -> None:
    write_config(tmp_path, student)
    answer = gan_desktop("--no-gui", "--device", "cuda:7")
    assert answer.code == 2
    assert "no device 'cuda:7'" in answer.stderr


def test_worker_whose_output_nobody_reads_stops(student: Address, tmp_path: Path) -> None:
    write_config(tmp_path, student)
    with start("--no-gui", "--name", "Zoë") as process:
        read_until(process, "Initializing worker")
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        words = process.stderr.read()
    assert "Traceback" not in words
    assert process.returncode == 0


def test_worker_waits_for_a_training_and_stops_at_sigterm(student: Address, tmp_path: Path) -> None:
    write_config(tmp_path, student)
    with start("--no-gui", "--name", "Zoë", environment={"PYTHONIOENCODING": "ascii"}) as process:
        said = read_until(process, "has not started the training yet")
        process.terminate()
        answer = finish(process)
    assert "Name: Zo?" in said
    assert answer.code == 0


# -- what nobody expected ------------------------------------------------------------------------


def test_unexpected_error_is_a_sentence_and_a_file_without_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    def worker_with_a_mistake(options: object) -> int:
        raise KeyError("postgresql://ana:secret-1@db.school.example/gan and secret-2")

    monkeypatch.setenv("PGPASSWORD", "secret-2")
    monkeypatch.setattr(cli, "_worker", worker_with_a_mistake)
    assert cli.main(["--no-gui"]) == 1
    words = capsys.readouterr().err
    assert "mistake in the program, not yours (KeyError)" in words
    assert "Traceback" not in words
    report = Path(words.splitlines()[-1].strip())
    assert report.is_relative_to(home)
    content = report.read_text("utf-8")
    assert "worker_with_a_mistake" in content and "db.school.example" in content
    assert "secret" not in content.replace("without_secrets", "")


def test_unexpected_error_is_shown_where_no_file_can_be_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    def worker_with_a_mistake(options: object) -> int:
        raise KeyError("gone")

    monkeypatch.setattr(cli, "_worker", worker_with_a_mistake)
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        (home / name).write_text("a file where a folder should be")
        monkeypatch.setenv(name, str(home / name))
    assert cli.main(["--no-gui"]) == 1
    words = capsys.readouterr().err
    assert "worker_with_a_mistake" in words
    assert "mistake in the program" in words.splitlines()[-1]


def test_interrupt_is_no_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_worker", interrupted)
    assert cli.main(["--no-gui"]) == 130
    assert capsys.readouterr().err == "Stopped.\n"


def test_full_disk_is_told_as_the_computers_trouble() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs a device that is always full")
    with Path("/dev/full").open("w") as full:
        answer = subprocess.run(
            [sys.executable, "-m", "gan_desktop", "--version"],
            env=people_environment({}),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert answer.returncode == 1
    assert "No space left on device" in answer.stderr
    assert "Traceback" not in answer.stderr
