"""The credit table: counted from each unit's own record, safe in every spreadsheet."""

from __future__ import annotations

import csv
import io
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from gan_desktop.class_admin.credit import credit, harmless, write_csv
from gan_desktop.cli import main
from gan_desktop.database.accounts import Accounts
from gan_desktop.database.connection import Connection
from gan_desktop.database.credit import CreditReport, PersonsCredit
from gan_desktop.errors import SettingsError
from gan_desktop.records import UpdateDecision
from tests.integration.classroom import Classroom, Training, counted, finished
from tests.integration.console import Answer, write_config

ClassCommand = Callable[..., Answer]


@dataclass
class Course:
    """A training in which every fate of a unit occurs."""

    classroom: Classroom
    training: Training

    def decide(self, update_id: int, status: str) -> None:
        decision = counted(update_id)
        if status != "counted":
            decision = UpdateDecision(update_id, status, "why", False, None, 0.0)  # type: ignore[arg-type]
        self.training.publish_next([decision])

    def person(self, name: str, *fates: str) -> None:
        worker = self.classroom.add_worker(self.classroom.add_student(name))
        for fate in fates:
            update_id = self.training.hand_in(worker)
            if fate != "waits":
                self.decide(update_id, fate)

    def set_day(self, day: str) -> None:
        """All units so far came in at noon of this day, by the server's clock."""
        self.classroom.superuser.execute(
            "UPDATE gan.updates SET submitted_at = %s::timestamp + interval '12 hours'"
            " WHERE submitted_at > now() - interval '1 hour'",
            [day],
        )

    def report(self, since: str = "", until: str = "") -> dict[str, PersonsCredit]:
        found = credit(
            self.classroom.coordinator_address,
            date.fromisoformat(since) if since else None,
            date.fromisoformat(until) if until else None,
        )
        return {person.name: person for person in found.people}


@pytest.fixture
def course(classroom: Classroom) -> Course:
    return Course(classroom, classroom.start_training((50, 37, 16, 900)))


def test_every_fate_of_a_unit_has_a_column(course: Course) -> None:
    course.person("Ana", "counted", "counted", "late", "not_counted", "waits")
    course.person("Ben")
    ana, ben = course.report()["Ana"], course.report()["Ben"]
    assert (ana.num_counted, ana.num_late, ana.num_not_counted, ana.num_waiting) == (2, 1, 1, 1)
    assert ana.images_counted > 0 and ana.images_late > 0
    assert (ben.num_counted, ben.images_counted, ben.active_hours, ben.first_at) == (0, 0, 0.0, None)


def test_the_table_says_what_the_students_see(course: Course) -> None:
    course.person("Ana", "counted", "late", "counted", "not_counted")
    course.person("Ben", "counted")
    seen = course.classroom.coordinator.query("SELECT name, units, images, seconds FROM leaderboard")
    report = course.report()
    for row in seen:
        person = report[row.name]
        assert person.num_counted + person.num_late == row.units
        assert person.images_counted + person.images_late == row.images
        assert person.active_hours * 3600 == pytest.approx(row.seconds)


def test_no_more_time_is_credited_than_has_passed(course: Course) -> None:
    worker = course.classroom.add_worker(course.classroom.add_student("Ana"))
    worker.queue.submit(finished(worker.claim(), compute_seconds=90_000.0))
    [update] = course.training.coordination.pending_updates()
    course.decide(update.update_id, "counted")
    assert course.report()["Ana"].active_hours < 0.1


def test_a_unit_belongs_to_the_day_on_which_it_came_in(course: Course) -> None:
    course.person("Ana", "counted")
    course.set_day("2026-03-01")
    course.person("Ben", "counted")
    course.set_day("2026-03-02")
    assert course.report("2026-03-01", "2026-03-01")["Ana"].num_counted == 1
    assert course.report("2026-03-01", "2026-03-01")["Ben"].num_counted == 0
    assert course.report("2026-03-02")["Ana"].num_counted == 0
    assert course.report(until="2026-03-02")["Ben"].num_counted == 1
    with pytest.raises(SettingsError, match="before the first"):
        course.report("2026-03-02", "2026-03-01")


def test_days_and_times_are_those_of_the_server(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    database = course.classroom.administrator.dbname
    course.classroom.superuser.execute(f"ALTER DATABASE {database} SET TimeZone = 'Asia/Tokyo'")
    try:
        course.person("Ana", "counted")
        # 20:00 in London is 5:00 of the next day in Tokyo.
        course.classroom.superuser.execute("UPDATE gan.updates SET submitted_at = '2026-03-01 20:00+00'")
        found = credit(course.classroom.coordinator_address, date(2026, 3, 2), date(2026, 3, 2))
    finally:
        course.classroom.superuser.execute(f"ALTER DATABASE {database} RESET TimeZone")
    assert found.time_zone == "Asia/Tokyo"
    assert found.people[0].num_counted == 1
    [titles, cells] = rows_of(found)
    assert titles[-2:] == ["First unit (Asia/Tokyo)", "Last unit (Asia/Tokyo)"]
    assert cells[-1] == "2026-03-02 05:00:00"


def test_what_the_list_knows_of_a_student_stands_beside_the_credit(course: Course) -> None:
    course.person("Ana", "counted")
    course.classroom.superuser.execute(
        "INSERT INTO gan.roster (account_id, student_id, email, section)"
        " SELECT account_id, '0042', 'ana@school.example', 'B' FROM gan.accounts"
    )
    ana = course.report()["Ana"]
    assert (ana.student_id, ana.email, ana.section) == ("0042", "ana@school.example", "B")


def test_whoever_has_left_keeps_the_credit(course: Course) -> None:
    course.person("Ana", "counted")
    course.person("Ben")
    for row in course.classroom.superuser.query("SELECT login FROM gan.accounts"):
        Accounts(course.classroom.coordinator).withdraw(row.login)
    report = course.report()
    assert report["Ana"].has_left and report["Ana"].num_counted == 1
    assert "Ben" not in report  # nothing to tell of


# -- the file ------------------------------------------------------------------------------------


def rows_of(report: CreditReport, separator: str = ",") -> list[list[str]]:
    file = io.BytesIO()
    write_csv(report, file, separator)
    text = file.getvalue()
    assert text.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""), delimiter=separator))


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "=cmd|' /C calc'!A0",
        " =1+1",
        "\u3000\uff1d1+1",
        "\ufe62SUM(A1)",
        "\uff20A",
    ],
)
def test_what_looks_like_a_formula_is_made_harmless(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    person = PersonsCredit(cell, cell, cell, cell, False, 1, 2, 3, 4, 5, 6, 0.5, None, None)
    for separator in (",", ";", "\t"):
        [_, cells] = rows_of(CreditReport([person], "Etc/UTC"), separator)
        active = "0,50" if separator == ";" else "0.50"
        assert cells == [f"'{cell}"] * 4 + ["1", "2", "3", "4", "5", active, "", ""]


@pytest.mark.parametrize("word", ["Ana;=1+1", 'Ana";=1+1', "Ana,=1+1", "Ana\t=1+1", "Ana\n=1+1"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_spreadsheet_that_divides_at_another_character_finds_no_formula(word: str, separator: str) -> None:
    person = PersonsCredit(word, word, word, word, False, 1, 2, 3, 4, 5, 6, 0.5, None, None)
    file = io.BytesIO()
    write_csv(CreditReport([person], "Etc/UTC"), file, separator)
    text = file.getvalue().decode("utf-8-sig")
    for other in (",", ";", "\t"):
        cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=other) for cell in row]
        assert not any(cell.startswith("=") for cell in cells)


@pytest.mark.parametrize("cell", ["Ana", "0042", "Zoë, 'one'; \"two\"", "a=b"])
def test_other_words_stay_as_they_are(cell: str) -> None:
    assert harmless(cell) == cell
    person = PersonsCredit(cell, None, None, None, False, 1, 2, 3, 4, 5, 6, 0.5, None, None)
    assert rows_of(CreditReport([person], "Etc/UTC"), ";")[1][0] == cell


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


def test_the_table_is_written_once_for_its_owner_alone(
    course: Course, class_command: ClassCommand, tmp_path: Path
) -> None:
    course.person("Ana", "counted", "waits")
    path = tmp_path / "credit.csv"
    written = class_command("export", path, "--separator", "semicolon")
    assert written.code == 0
    assert "credit of 1 people" in written.stdout and "1 units handed in were not looked at" in written.stdout
    [zone] = course.classroom.coordinator.query("SHOW TimeZone")
    assert zone[0] in written.stdout
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text("utf-8-sig").splitlines()[1].startswith('"Ana";"";"";"";"1";')
    again = class_command("export", path)
    assert again.code == 1
    assert "is there already" in again.stderr
    with pytest.raises(SystemExit):
        class_command("export", tmp_path / "other.csv", "--from", "1.3.2026")


def test_a_database_that_is_away_leaves_no_file(
    classroom: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Connection(classroom.coordinator_address):
        pass
    write_config(tmp_path, classroom.address("nobody", "wrong"))
    monkeypatch.chdir(tmp_path)
    assert main(["class", "export", "credit.csv"]) == 3
    assert not (tmp_path / "credit.csv").exists()
