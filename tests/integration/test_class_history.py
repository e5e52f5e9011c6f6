from __future__ import annotations

import pytest

from gan_desktop.database.class_view import ClassView
from gan_desktop.database.logins import Login
from tests.integration.classroom import Classroom, Training, Worker, counted


@pytest.fixture
def training(classroom: Classroom) -> Training:
    return classroom.start_training()


def contribute(training: Training, worker: Worker) -> None:
    training.publish_next([counted(training.hand_in(worker))])


def test_history_counts_who_joined_before_each_iteration(classroom: Classroom, training: Training) -> None:
    ana = classroom.add_student("Ana", num_workers=2)
    first = classroom.add_worker(ana)
    contribute(training, first)
    contribute(training, first)
    classroom.add_worker(ana, hostname="laptop")
    classroom.add_worker(classroom.add_student("Ben"))
    contribute(training, first)

    history = ClassView(first.connection).history(training.run_id)
    assert [(row.iteration, row.num_joined) for row in history] == [(0, 0), (1, 1), (2, 0), (3, 2)]
    assert [row.total_images - history[0].total_images for row in history] == [0, 100, 200, 300]
    assert (history[1].loss_g, history[1].loss_d) == (1.5, 0.5)


def test_history_from_an_iteration_on_has_the_same_rows(classroom: Classroom, training: Training) -> None:
    worker = classroom.add_worker()
    for _ in range(4):
        contribute(training, worker)
    view = ClassView(worker.connection)
    assert view.history(training.run_id, first=3) == view.history(training.run_id)[3:]


def test_computer_that_starts_again_has_not_joined_again(classroom: Classroom, training: Training) -> None:
    worker = classroom.add_worker()
    contribute(training, worker)
    worker.restart()
    contribute(training, worker)
    history = ClassView(worker.connection).history(training.run_id)
    assert [row.num_joined for row in history] == [0, 1, 0]


def test_virtual_computers_have_not_joined_the_class(classroom: Classroom, training: Training) -> None:
    worker = classroom.add_worker()
    virtual = classroom.add_student("Virtual student 1")
    classroom.add_worker(virtual, hostname="virtual")
    classroom.superuser.execute(
        "UPDATE gan.accounts SET is_rehearsal = true WHERE login = %s", [virtual.user]
    )
    contribute(training, worker)
    history = ClassView(worker.connection).history(training.run_id)
    assert [row.num_joined for row in history] == [0, 1]


def test_a_rehearsals_curves_weights_and_faces_are_seen_by_virtual_students_alone(
    classroom: Classroom, training: Training
) -> None:
    ana, virtual = classroom.add_student("Ana"), classroom.add_student("Virtual student 1")
    training.coordination.add_sample(0, b"png")
    views = ("training_runs", "loss_history", "model_weights", "samples")

    def seen(login: Login) -> set[str]:
        connection = classroom.log_in(login)
        return {view for view in views if connection.query(f"SELECT 1 FROM {view}")}

    assert seen(ana) == set(views)
    classroom.superuser.execute("UPDATE gan.training_runs SET is_rehearsal = true")
    classroom.superuser.execute(
        "UPDATE gan.accounts SET is_rehearsal = true WHERE login = %s", [virtual.user]
    )
    assert seen(ana) == set()
    assert seen(virtual) == set(views)
