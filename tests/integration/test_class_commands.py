"""The instructor's console: a class is made, joined, taught and looked at with `gan-desktop class`."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from PIL import Image
from psycopg2 import sql

from gan_desktop.cli import main
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.training.faces import draw_face
from tests.integration.classroom import Classroom
from tests.integration.console import Answer, finish, gan_desktop, read_until, start, write_config

# A training that is over in seconds.
TRAINING = {
    "target_iterations": 2,
    "first_unit_images": 64,
    "min_unit_images": 64,
    "feature_maps": 8,
    "evaluate_every": 1,
}

ClassCommand = Callable[..., Answer]


@pytest.fixture
def class_command(
    classroom: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> ClassCommand:
    """Runs `gan-desktop class ...` in this process, with the coordinator's config.yaml in the folder."""
    write_config(tmp_path, classroom.coordinator_address, password=False, training=TRAINING)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("PGPASSWORD", classroom.coordinator_address.password or "")

    def run(*arguments: object) -> Answer:
        code = main(["class", *map(str, arguments)])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return run


# -- a whole class -------------------------------------------------------------------------------


def test_class_on_a_hosted_database_from_the_first_command_to_the_last(
    open_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = open_folder / "server"
    instructor, student = tmp_path / "instructor", tmp_path / "student"
    for folder in (instructor, student):
        folder.mkdir()
    monkeypatch.chdir(instructor)
    before = gan_desktop("class", "init", "--hosted", "--server-folder", server)
    assert before.code == 1
    assert "gan-desktop class host" in before.stderr

    with start("class", "host", "--server-folder", server) as host:
        read_until(host, "gan-desktop class init --hosted")
        made = gan_desktop("class", "init", "--hosted", "--server-folder", server, "--title", "Vision")
        assert (made.code, made.stderr) == (0, "")
        config = instructor / "config.yaml"
        config.write_text(made.stdout + yaml.safe_dump({"training": TRAINING}), encoding="utf-8")
        admitted = gan_desktop("class", "add-student", "Zoë: 'one'")
        (student / "config.yaml").write_text(admitted.stdout, encoding="utf-8")
        imported = gan_desktop("class", "import", "--drawn", "100", "--size", "32")
        assert "Data set 1: 95 pictures to learn from, 5 kept for measuring, 0 skipped." in imported.stdout
        assert "Training 1 is ready" in gan_desktop("class", "new-run", "Faces").stdout

        with (
            start("--admin", "--no-gui", "--folder", instructor, cwd=instructor) as coordinator,
            start("--no-gui", "--folder", student, cwd=student) as worker,
        ):
            answers = finish(coordinator), finish(worker)
        assert [answer.code for answer in answers] == [0, 0], answers
        assert "Name: Zoë: 'one'" in answers[1].stdout
        assert "Work unit 1 completed successfully!" in answers[1].stdout

        status = gan_desktop("class", "status", COLUMNS="200")
        for words in ("Vision", "1 Faces", "complete", "2 of 2", "Zoë: 'one'", "Stopped."):
            assert words in status.stdout
        host.send_signal(signal.SIGINT)
        assert finish(host).code == 0
    after = gan_desktop("class", "status")
    assert after.code == 3
    assert "does not answer. The database may be off" in after.stderr


def test_class_in_a_given_database_needs_no_superuser(
    new_database: Callable[[], Address], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = new_database()
    administrator = replace(database, user=f"admin_{database.dbname}", password="of-the-department")
    names = {"role": sql.Identifier(administrator.user), "database": sql.Identifier(database.dbname)}
    with Connection(database) as connection:
        connection.execute(sql.SQL("CREATE ROLE {role} LOGIN PASSWORD 'of-the-department'").format(**names))
    monkeypatch.chdir(tmp_path)
    write_config(tmp_path, administrator)
    refused = gan_desktop("class", "init")
    assert refused.code == 3
    for words in ("CREATEROLE;", "OWNER TO"):
        assert words in refused.stderr
        [statement] = [line for line in refused.stderr.splitlines() if words in line]
        with Connection(database) as connection:
            connection.execute(statement)

    made = gan_desktop("class", "init")
    assert made.code == 0, made.stderr
    (tmp_path / "config.yaml").write_text(made.stdout, encoding="utf-8")
    assert gan_desktop("class", "status").code == 0
    again = gan_desktop("class", "init")
    assert again.code == 3
    assert "holds a class already" in again.stderr

    with Connection(database) as connection:
        connection.execute(sql.SQL("REASSIGN OWNED BY {role} TO CURRENT_USER").format(**names))
        connection.execute(sql.SQL("DROP OWNED BY {role}").format(**names))
        connection.execute(sql.SQL("DROP ROLE {role}").format(**names))


# -- people --------------------------------------------------------------------------------------


def test_students_lines_are_a_config_file(class_command: ClassCommand, classroom: Classroom) -> None:
    answer = class_command("add-student", "Ana")
    assert answer.code == 0
    config = yaml.safe_load(answer.stdout)
    assert config["worker"] == {"name": "Ana"}
    database = config["database"]
    assert "insecure" not in database
    address = replace(classroom.administrator, user=database["user"], password=database["password"])
    with Connection(address) as connection:
        assert connection.query("SELECT own_account_id() IS NOT NULL AS is_student")[0].is_student


def test_a_way_in_is_saved_where_only_its_owner_reads_it_and_nothing_is_overwritten(
    class_command: ClassCommand, tmp_path: Path
) -> None:
    file = tmp_path / "ana.yaml"
    answer = class_command("add-student", "Ana", "--save", str(file))
    assert (answer.code, answer.stdout) == (0, f"Written to {file}.\n")
    saved = file.read_text("utf-8")
    assert yaml.safe_load(saved)["worker"] == {"name": "Ana"}
    assert file.stat().st_mode & 0o077 == 0
    again = class_command("add-student", "Ana", "--save", str(file))
    assert again.code == 1 and "is there already" in again.stderr
    assert file.read_text("utf-8") == saved
    refused = class_command("add-student", "x" * 41, "--save", str(tmp_path / "new.yaml"))
    assert refused.code != 0 and not (tmp_path / "new.yaml").exists()


def test_students_elsewhere_get_another_address(class_command: ClassCommand) -> None:
    here = class_command("add-student", "Ana")
    assert "127.0.0.1 is this computer alone" in here.stdout
    elsewhere = class_command("add-student", "Bo", "--host", "192.168.1.20", "--insecure")
    assert "this computer alone" not in elsewhere.stdout
    database = yaml.safe_load(elsewhere.stdout)["database"]
    assert (database["host"], database["insecure"]) == ("192.168.1.20", True)


@pytest.mark.parametrize("name", ["", "x" * 41, "two\nlines", "\x1b[31mred"])
def test_name_that_cannot_be_shown_is_refused(class_command: ClassCommand, name: str) -> None:
    answer = class_command("add-student", name)
    assert answer.code == 2
    assert "A name has 1 to 40 characters" in answer.stderr
    assert "password" not in answer.stdout


# -- pictures and trainings ----------------------------------------------------------------------


def save_pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        Image.fromarray(draw_face(number, 40)).save(folder / f"{number:03d}.png")
    return folder


def test_imported_pictures_are_learned_from_and_damaged_ones_named(
    class_command: ClassCommand, tmp_path: Path
) -> None:
    folder = save_pictures(tmp_path / "pictures", 70)
    (folder / "broken.png").write_bytes(b"\x89PNG and nothing more")
    answer = class_command("import", folder)
    assert answer.code == 0
    assert "66 pictures to learn from, 4 kept for measuring, 1 skipped" in answer.stdout
    assert "skipped broken.png: " in answer.stderr
    assert "pictures, 70 pictures of 32 x 32 pixels" in class_command("status").stdout


def test_pictures_that_cannot_be_used_leave_nothing(
    class_command: ClassCommand, classroom: Classroom, tmp_path: Path
) -> None:
    missing = class_command("import", tmp_path / "missing")
    assert (missing.code, missing.stdout) == (2, "")
    assert "There is no folder or zip file" in missing.stderr
    few = class_command("import", save_pictures(tmp_path / "few", 10))
    assert (few.code, few.stdout) == (2, "")
    assert "training needs at least 64" in few.stderr
    assert class_command("import", "--drawn", "10").code == 2
    assert classroom.superuser.query("SELECT * FROM gan.datasets") == []


def test_training_must_fit_its_pictures(class_command: ClassCommand) -> None:
    without = class_command("new-run", "Faces")
    assert without.code == 1
    assert "gan-desktop class import" in without.stderr
    assert class_command("import", "--drawn", "64", "--size", "64").code == 0
    wrong_size = class_command("new-run", "Faces")
    assert wrong_size.code == 2
    assert "training.image_size is 32" in wrong_size.stderr
    wrong_number = class_command("new-run", "Faces", "--dataset", "77")
    assert wrong_number.code == 1
    assert "no data set number 77. There are:" in wrong_number.stderr
    assert class_command("import", "--drawn", "64").code == 0
    assert class_command("new-run", "two\nlines").code == 1
    assert class_command("new-run", "Faces").code == 0


def test_an_instructor_without_a_way_in_is_told_what_instructors_do(
    classroom: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in (["class", "status"], ["--admin", "--no-gui"]):
        lost = gan_desktop(*arguments)
        assert lost.code == 2 and "gan-desktop class host" in lost.stderr
        assert "from your instructor" not in lost.stderr
    way = classroom.coordinator_address
    write_config(tmp_path, replace(way, password="wrong"))
    refused = gan_desktop("class", "status")
    assert refused.code == 3 and "`gan-desktop class init` wrote" in refused.stderr
    assert "sk your instructor" not in refused.stderr
    write_config(tmp_path, replace(way, port=1))
    away = gan_desktop("class", "status")
    assert away.code == 3 and "gan-desktop class host" in away.stderr


def test_training_is_steered_to_its_end(class_command: ClassCommand) -> None:
    def told(*arguments: object) -> str:
        return class_command(*arguments).said

    assert "no training in progress" in told("start")
    class_command("import", "--drawn", "64")
    class_command("new-run", "First")
    assert "has not started yet" in told("pause")
    assert "Training 1 has begun." in told("start")
    assert "waits for its coordinator" in told("status")
    assert "Training 1 is paused." in told("pause")
    class_command("new-run", "Second")
    assert "Another training is in progress" in told("start", "--run", "2")
    assert "Training 1 goes on." in told("start")
    assert "Training 1 is running already." in told("resume")
    unsure = class_command("finish")
    assert unsure.code == 1 and "add --yes" in unsure.stderr
    running = class_command("delete-run", 1)
    assert "is in progress" in running.stderr and "add --yes" not in running.stderr
    assert "is in progress. End it first" in running.stderr
    not_kept = class_command("rollback", 5)
    assert "does not keep" in not_kept.stderr and "add --yes" not in not_kept.stderr
    assert "Training 1 was ended." in told("finish", "--yes")
    assert "add --yes" in told("delete-run", 1)
    assert "Training 1 is complete. Make a new one" in told("pause", "--run", "1")
    assert "no training number 9" in told("finish", "--run", "9")
    assert "Training 2 has begun." in told("resume")
