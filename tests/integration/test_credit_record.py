"""One person's units with their reasons, and the SQL that was asked: it gives the same when asked again."""

from __future__ import annotations

from datetime import date

import pytest

from gan_desktop.class_admin.credit import credit, total, units
from gan_desktop.database.class_view import ClassView
from gan_desktop.database.connection import Connection
from gan_desktop.database.queries import load_queries
from gan_desktop.errors import SettingsError
from tests.integration.classroom import Classroom, Training, Worker, counted, late, refused


@pytest.fixture
def training(classroom: Classroom) -> Training:
    return classroom.start_training((50, 37, 16, 900))


@pytest.fixture
def ana(classroom: Classroom, training: Training) -> Worker:
    """One who met with every fate."""
    worker = classroom.add_worker(classroom.add_student("Ana"))
    for decide in (counted, late, refused):
        training.publish_next([decide(training.hand_in(worker))])
    training.hand_in(worker)
    return worker


def test_a_units_fate_and_reason_are_what_the_student_reads(classroom: Classroom, ana: Worker) -> None:
    report = units(classroom.coordinator_address, ana.login.user)
    seen = ClassView(ana.connection).units()
    assert [(u.unit_id, u.status, u.reason, u.num_images) for u in report.units] == [
        (u.unit_id, u.status, u.reason, u.num_images) for u in seen
    ]
    assert [u.status for u in report.units] == ["handed_in", "not_counted", "late", "counted"]
    assert report.units[1].reason == "Its figures are not finite."
    assert [u.credited_seconds is None for u in report.units] == [True, True, False, False]
    assert {(u.training, u.computer) for u in report.units} == {("Faces", "A name")}


def test_units_of_other_people_and_other_days_are_not_among_them(
    classroom: Classroom, training: Training, ana: Worker
) -> None:
    ben = classroom.add_worker(classroom.add_student("Ben"))
    training.hand_in(ben)
    assert len(units(classroom.coordinator_address, ben.login.user).units) == 1
    classroom.superuser.execute("UPDATE gan.updates SET submitted_at = '2026-03-01 12:00'")
    day, next_day = date(2026, 3, 1), date(2026, 3, 2)
    assert len(units(classroom.coordinator_address, ana.login.user, day, day).units) == 4
    assert not units(classroom.coordinator_address, ana.login.user, next_day).units
    with pytest.raises(SettingsError, match="before the first"):
        units(classroom.coordinator_address, ana.login.user, next_day, day)


def test_the_total_is_the_sum_of_all_rows(classroom: Classroom, training: Training, ana: Worker) -> None:
    ben = classroom.add_worker(classroom.add_student("Ben"))
    training.publish_next([counted(training.hand_in(ben))])
    people = credit(classroom.coordinator_address).people
    together = total(people)
    assert (together.num_counted, together.num_late, together.num_not_counted, together.num_waiting) == (
        2,
        1,
        1,
        1,
    )
    assert together.images_counted == sum(person.images_counted for person in people)
    assert together.active_hours == pytest.approx(sum(person.active_hours for person in people))
    assert together.first_at == min(person.first_at for person in people if person.first_at)
    assert total([]).first_at is None


def test_the_sql_that_is_shown_gives_the_same_rows_when_it_is_asked_again(
    classroom: Classroom, ana: Worker
) -> None:
    report = credit(classroom.coordinator_address, date(2026, 1, 1))
    assert "'2026-01-01'::date" in report.statement
    with Connection(classroom.coordinator_address) as connection:
        rows = connection.query(report.statement)
        assert [row.name for row in rows] == [person.name for person in report.people]
        assert rows[0].num_counted == report.people[0].num_counted == 1
        theirs = units(classroom.coordinator_address, ana.login.user)
        assert [row.unit_id for row in connection.query(theirs.statement)] == [
            unit.unit_id for unit in theirs.units
        ]


def test_the_guides_question_is_answered_to_instructor_and_student(classroom: Classroom, ana: Worker) -> None:
    statement = load_queries("credit")["guide"].replace("...", ana.worker_id)
    for connection in (classroom.coordinator, ana.connection):
        [row] = connection.query(statement)
        assert row.worker_id == ana.worker_id and row.total_work_units == 2
