"""The instructor's list put right: names and details changed, people hidden from the leaderboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gan_desktop.class_admin import people
from gan_desktop.class_admin.login import log_in
from gan_desktop.class_admin.people import (
    NameTaken,
    add_student,
    edit_student,
    hide_student,
    hide_students,
    remove_students,
    rename_student,
    students,
)
from gan_desktop.class_admin.roster import RosterError
from gan_desktop.cli import main
from gan_desktop.database.accounts import RosterEntry, Student
from gan_desktop.database.address import Address
from gan_desktop.database.class_view import ClassView
from gan_desktop.database.connection import Connection
from gan_desktop.errors import ConnectionFailed, GanDesktopError, SettingsError
from tests.integration.classroom import Classroom, counted
from tests.integration.console import Answer, write_config


def who(classroom: Classroom, name: str) -> Student:
    [student] = [s for s in students(classroom.coordinator_address) if s.name == name]
    return student


def test_all_that_the_list_says_of_somebody_can_be_changed(classroom: Classroom) -> None:
    user = classroom.add_student("Ana").user
    edit_student(classroom.coordinator_address, user, RosterEntry(" Ana B. ", "7", "a@x.example", "B"))
    ana = who(classroom, "Ana B.")
    assert (ana.student_id, ana.email, ana.section) == ("7", "a@x.example", "B")
    edit_student(classroom.coordinator_address, user, RosterEntry("Ana B."))
    assert (who(classroom, "Ana B.").student_id, who(classroom, "Ana B.").email) == (None, None)


def test_renaming_keeps_what_the_list_says(classroom: Classroom) -> None:
    add_student(classroom.coordinator_address, "Ana", student_id="7", section="B")
    rename_student(classroom.coordinator_address, "Ana", "Zoë")
    assert (who(classroom, "Zoë").student_id, who(classroom, "Zoë").section) == ("7", "B")


def test_a_name_of_somebody_else_wants_to_be_confirmed(classroom: Classroom) -> None:
    classroom.add_student("Ana")
    ben = classroom.add_student("Ben").user
    with pytest.raises(NameTaken):
        edit_student(classroom.coordinator_address, ben, RosterEntry("ANA", "7"))
    assert who(classroom, "Ben").student_id is None
    edit_student(classroom.coordinator_address, ben, RosterEntry("Ana", "7"), same_name=True)
    # Two of one name: what else is changed of one of them needs no leave again.
    edit_student(classroom.coordinator_address, ben, RosterEntry("Ana", "8"))


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (RosterEntry("Ben", "7"), 'The id is that of "Ana"'),
        (RosterEntry("Ben", "x" * 81), "at most 80 characters"),
        (RosterEntry("Ben", None, "nowhere"), "e-mail address cannot be one"),
    ],
)
def test_details_that_cannot_be_are_named_and_nothing_is_changed(
    classroom: Classroom, entry: RosterEntry, problem: str
) -> None:
    add_student(classroom.coordinator_address, "Ana", student_id="7")
    ben = classroom.add_student("Ben").user
    with pytest.raises(RosterError, match=problem):
        edit_student(classroom.coordinator_address, ben, entry)
    with pytest.raises(RosterError, match=problem):
        add_student(classroom.coordinator_address, "Cleo", student_id=entry.student_id, email=entry.email)
    assert [(s.name, s.student_id) for s in students(classroom.coordinator_address)] == [
        ("Ana", "7"),
        ("Ben", None),
    ]


def test_a_name_that_cannot_be_shown_is_refused(classroom: Classroom) -> None:
    user = classroom.add_student("Ana").user
    with pytest.raises(SettingsError, match="1 to 40 characters"):
        edit_student(classroom.coordinator_address, user, RosterEntry("\u200b"))


# -- the leaderboard -----------------------------------------------------------------------------


def leaderboard(classroom: Classroom, login: object) -> set[str]:
    return {row.name for row in ClassView(classroom.log_in(login)).leaderboard()}  # type: ignore[arg-type]


def test_whoever_is_hidden_is_seen_on_the_leaderboard_by_nobody_else(classroom: Classroom) -> None:
    training = classroom.start_training((50, 37, 16, 900))
    ana, ben = classroom.add_worker(classroom.add_student("Ana")), classroom.add_student("Ben")
    classroom.add_worker(ben)
    training.publish_next([counted(training.hand_in(ana))])
    assert leaderboard(classroom, ben) == {"Ana", "Ben"}
    hide_student(classroom.coordinator_address, "Ana")
    assert who(classroom, "Ana").is_hidden
    assert leaderboard(classroom, ben) == {"Ben"}
    assert leaderboard(classroom, ana.login) == {"Ana", "Ben"}
    assert {row.name for row in ClassView(classroom.coordinator).leaderboard()} == {"Ben"}
    hide_student(classroom.coordinator_address, "Ana", is_hidden=False)
    assert leaderboard(classroom, ben) == {"Ana", "Ben"}


def test_a_hidden_students_work_counts_for_the_class(classroom: Classroom) -> None:
    training = classroom.start_training((50, 37, 16, 900))
    worker = classroom.add_worker(classroom.add_student("Ana"))
    hide_student(classroom.coordinator_address, "Ana")
    training.publish_next([counted(training.hand_in(worker))])
    totals = ClassView(worker.connection).totals()
    assert (totals.num_people, totals.num_units) == (1, 1)
    assert ClassView(worker.connection).credit().units == 1


def test_the_console_hides_and_shows(
    classroom: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_config(tmp_path, classroom.coordinator_address)
    monkeypatch.chdir(tmp_path)
    classroom.add_student("Ana")
    run: Callable[..., int] = lambda *words: main(["class", "hide-student", *words])  # noqa: E731
    assert run("Ana") == 0
    assert who(classroom, "Ana").is_hidden
    assert run("Ana", "--show") == 0
    assert not who(classroom, "Ana").is_hidden
    answer = Answer(run("Ben"), *capsys.readouterr())
    assert answer.code == 2 and "Nobody in the class" in answer.said


# -- many at once --------------------------------------------------------------------------------


@pytest.fixture
def num_logins(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often the functions for people have logged in."""
    made: list[Address] = []

    def counting(coordinator: Address) -> Connection:
        made.append(coordinator)
        return log_in(coordinator)

    monkeypatch.setattr(people, "log_in", counting)
    return lambda: len(made)


def test_thirty_people_are_hidden_and_removed_over_one_connection_each(
    classroom: Classroom, num_logins: Callable[[], int]
) -> None:
    logins = [classroom.add_student(f"Student {number}") for number in range(30)]
    users = [login.user for login in logins]
    hide_students(classroom.coordinator_address, users)
    assert num_logins() == 1
    assert all(student.is_hidden for student in students(classroom.coordinator_address))
    before = num_logins()
    remove_students(classroom.coordinator_address, users)
    assert num_logins() == before + 1
    assert all(student.is_withdrawn for student in students(classroom.coordinator_address))
    with pytest.raises(ConnectionFailed):
        classroom.log_in(logins[29])


def test_with_one_who_was_removed_before_nobody_is_removed(classroom: Classroom) -> None:
    ana, ben = classroom.add_student("Ana"), classroom.add_student("Ben")
    remove_students(classroom.coordinator_address, [ana.user])
    with pytest.raises(GanDesktopError, match="removed before"):
        remove_students(classroom.coordinator_address, [ben.user, ana.user])
    assert not who(classroom, "Ben").is_withdrawn
    classroom.log_in(ben)
