"""What a student's window reads of the class, with a student's rights."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from gan_desktop.database.class_view import ClassView
from gan_desktop.records import UpdateDecision
from tests.integration.classroom import Classroom, finished


def test_a_class_without_a_training_has_a_title_and_nothing_else(classroom: Classroom) -> None:
    view = ClassView(classroom.log_in(classroom.add_student()))
    totals = view.totals()
    assert (totals.title, totals.num_computers, totals.num_images, totals.images_per_second) == (
        "Vision",
        0,
        0,
        0,
    )
    assert view.training() is None
    assert [*view.units(), *view.leaderboard(), *view.events(), *view.messages()] == []
    assert view.credit().units == 0


def test_the_training_tells_when_its_newest_iteration_came_out(classroom: Classroom) -> None:
    training = classroom.start_training()
    now = ClassView(classroom.log_in(classroom.add_student())).training()
    assert now is not None
    assert (now.run.run_id, now.run.iteration, now.run.config) == (training.run_id, 0, training.config)
    assert now.published_at is not None
    assert abs(now.published_at - time.time()) < 30


def test_a_unit_waits_then_counts_and_is_credited_to_its_owner_alone(classroom: Classroom) -> None:
    training = classroom.start_training()
    ana, ben = (
        classroom.add_worker(classroom.add_student("Ana")),
        classroom.add_worker(classroom.add_student("Ben")),
    )
    unit = ana.claim()
    ana.queue.submit(finished(unit))
    view = ClassView(ana.connection)
    assert (view.credit().num_waiting, view.credit().units) == (1, 0)
    assert [known.status for known in view.units()] == ["handed_in"]

    [pending] = training.coordination.pending_updates()
    counted = UpdateDecision(pending.update_id, "counted", None, False, 1.0, 1.0)
    training.coordination.publish(training.publication(1, [counted]))

    credit = view.credit()
    assert (credit.num_waiting, credit.units, credit.units_today) == (0, 1, 1)
    assert credit.images == credit.images_today == unit.num_images
    rows = {row.name: row for row in view.leaderboard()}
    assert rows["Ana"].is_me
    assert rows["Ana"].num_images == unit.num_images
    assert not rows["Ben"].is_me
    assert ClassView(ben.connection).credit().units == 0
    assert ClassView(ben.connection).units() == ()
    assert view.totals().num_images == unit.num_images


def test_units_of_yesterday_are_in_all_but_not_of_today(classroom: Classroom) -> None:
    training = classroom.start_training()
    ana = classroom.add_worker()
    ana.queue.submit(finished(ana.claim()))
    [pending] = training.coordination.pending_updates()
    counted = UpdateDecision(pending.update_id, "counted", None, False, 1.0, 1.0)
    training.coordination.publish(training.publication(1, [counted]))
    classroom.superuser.execute("UPDATE gan.updates SET submitted_at = now() - interval '25 hours'")
    credit = ClassView(ana.connection).credit()
    assert (credit.units, credit.units_today, credit.seconds_today) == (1, 0, 0)


def test_the_history_can_be_read_on_from_an_iteration(classroom: Classroom) -> None:
    training = classroom.start_training()
    for iteration in (1, 2, 3):
        training.coordination.publish(training.publication(iteration))
    view = ClassView(classroom.log_in(classroom.add_student()))
    history = view.history(training.run_id)
    assert [row.iteration for row in history] == [0, 1, 2, 3]
    assert view.history(training.run_id, first=2) == history[2:]


def test_faces_are_fetched_by_iteration(classroom: Classroom) -> None:
    training = classroom.start_training()
    for iteration in (0, 5):
        classroom.superuser.execute(
            "INSERT INTO gan.samples (run_id, iteration, png) VALUES (%s, %s, %s)",
            [training.run_id, iteration, f"png {iteration}".encode()],
        )
    view = ClassView(classroom.log_in(classroom.add_student()))
    assert view.sample_iterations(training.run_id) == (0, 5)
    sample = view.sample(training.run_id, 5)
    assert sample is not None
    assert sample.png == b"png 5"
    assert view.sample(training.run_id, 3) is None


@pytest.mark.parametrize(
    ("state", "is_counted"), [("computing", True), ("paused", False), ("stopped", False)]
)
def test_only_computers_that_take_part_are_counted(
    state: str, is_counted: bool, classroom: Classroom
) -> None:
    ana = classroom.add_worker()
    classroom.superuser.execute("UPDATE gan.workers SET state = %s, images_per_second = 8", [state])
    totals = ClassView(ana.connection).totals()
    assert (totals.num_computers, totals.images_per_second) == ((1, 8.0) if is_counted else (0, 0.0))


def test_messages_to_one_person_are_read_by_that_person_alone(classroom: Classroom) -> None:
    ana, ben = classroom.add_student("Ana"), classroom.add_student("Ben")
    classroom.superuser.execute(
        "INSERT INTO gan.messages (account_id, text) SELECT account_id, 'Well done' FROM gan.accounts"
        " WHERE login = %s",
        [ana.user],
    )
    classroom.superuser.execute("INSERT INTO gan.messages (text) VALUES ('We stop at ten')")

    def texts(connection: Callable[[], ClassView]) -> list[tuple[str, bool]]:
        return [(message.text, message.is_for_me_alone) for message in connection().messages()]

    assert texts(lambda: ClassView(classroom.log_in(ana))) == [("We stop at ten", False), ("Well done", True)]
    assert texts(lambda: ClassView(classroom.log_in(ben))) == [("We stop at ten", False)]
