"""Joining the class: names, identities, and how many computers a login may have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gan_desktop.errors import LeaseLost, Refused
from tests.integration.classroom import Classroom, finished, hardware


def test_a_computer_keeps_its_worker_id_over_restarts(classroom: Classroom) -> None:
    worker = classroom.add_worker()
    first_id = worker.worker_id
    worker.restart()
    assert worker.worker_id == first_id


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "x" * 41,
        "two\nlines",
        "\x1b[31mred",
        "c1\x9b31m",
        "\u202edlrow olleh",
        "\u2066hidden\u2069",
    ],
)
def test_a_name_that_cannot_be_shown_is_refused(classroom: Classroom, name: str) -> None:
    worker = classroom.add_worker()
    with pytest.raises(Refused) as refused:
        worker.queue.register("another device", name, hardware("host"))
    assert refused.value.code == "GD002"


@pytest.mark.parametrize("name", ["x" * 40, "Zoë", "山田", "محمد", "👩‍🔬 Ana"])
def test_names_of_all_scripts_are_welcome(classroom: Classroom, name: str) -> None:
    worker = classroom.add_worker()
    worker.queue.register(worker.device_id, name, hardware(worker.hostname))
    assert worker.connection.query("SELECT name FROM workers")[0].name == name


def test_what_a_program_says_of_its_computer_is_kept_as_far_as_it_can_be_shown(classroom: Classroom) -> None:
    worker = classroom.add_worker()
    [made] = worker.connection.query(
        "SELECT register_worker('another', gen_random_uuid(), 'PC', %s, %s, 4, 8, 10, %s) AS worker_id",
        ["\n" * 300 + "lab\x9b-\u202e7", "\x07" * 9, "1.0" + "\n" * 37],
    )
    [row] = worker.connection.query(
        "SELECT hostname, gpu_name, program_version FROM workers WHERE worker_id = %s", [made.worker_id]
    )
    assert tuple(row) == ("lab-7", None, "1.0")


def test_a_withdrawn_login_takes_no_part_even_in_a_session_that_still_runs(classroom: Classroom) -> None:
    classroom.start_training()
    worker = classroom.add_worker()
    unit = worker.claim()
    classroom.superuser.execute("UPDATE gan.accounts SET withdrawn_at = now()")
    for call in (
        lambda: worker.restart(),
        lambda: worker.claim(),
        lambda: worker.beat(unit),
        lambda: worker.queue.submit(finished(unit)),
        lambda: worker.queue.release(unit),
    ):
        with pytest.raises(Refused) as refused:
            call()
        assert refused.value.code == "GD001"


def test_eight_workers_of_a_login_are_alive_at_most(classroom: Classroom) -> None:
    login = classroom.add_student(num_workers=8)
    workers = [classroom.add_worker(login) for _ in range(8)]
    with pytest.raises(Refused) as refused:
        classroom.add_worker(login)
    assert refused.value.code == "GD003"

    workers[0].queue.leave(workers[0].worker_id)
    classroom.add_worker(login)
    # The one that left has been here before, but there is no room for it now.
    with pytest.raises(Refused) as refused:
        workers[0].restart()
    assert refused.value.code == "GD003"
    workers[1].restart()


def test_workers_that_fell_silent_make_room(classroom: Classroom) -> None:
    login = classroom.add_student(num_workers=8)
    for _ in range(8):
        classroom.add_worker(login)
    classroom.superuser.execute("UPDATE gan.workers SET last_heartbeat = now() - interval '3 minutes'")
    classroom.add_worker(login)


def test_a_login_does_not_fill_the_class_with_computers(classroom: Classroom) -> None:
    worker = classroom.add_worker()
    classroom.superuser.execute(
        "INSERT INTO gan.workers (worker_id, account_id, device_id, session_id, name, state)"
        " SELECT 'w' || n, (SELECT account_id FROM gan.accounts), 'd' || n, gen_random_uuid(), 'x', 'stopped'"
        " FROM generate_series(1, 63) AS n"
    )
    with pytest.raises(Refused) as refused:
        worker.queue.register("the 65th", "Ana", hardware("host"))
    assert refused.value.code == "GD003"


def test_the_earlier_start_of_a_worker_ends_and_its_units_go_back(classroom: Classroom) -> None:
    training = classroom.start_training()
    worker = classroom.add_worker()
    unit = worker.claim()
    earlier = replace(worker)
    worker.restart()

    for call in (lambda: earlier.claim(), lambda: earlier.beat(unit)):
        with pytest.raises(Refused) as refused:
            call()
        assert refused.value.code == "GD005"
    with pytest.raises(LeaseLost):
        earlier.queue.submit(finished(unit))
    assert [row.status for row in training.units()] == ["pending"]
    assert worker.claim().unit_id == unit.unit_id


def test_a_start_without_a_session_is_nobodys(classroom: Classroom) -> None:
    worker = classroom.add_worker()
    with pytest.raises(Refused) as refused:
        worker.connection.query("SELECT * FROM claim_work_unit(%s, NULL, '{}')", [worker.worker_id])
    assert refused.value.code == "GD005"


def test_a_copied_disk_is_noticed_while_the_original_works(classroom: Classroom) -> None:
    original = classroom.add_worker()
    clone = replace(original, connection=classroom.log_in(original.login), hostname="another-host")
    with pytest.raises(Refused) as refused:
        clone.restart()
    assert refused.value.code == "GD004"

    classroom.superuser.execute("UPDATE gan.workers SET last_heartbeat = now() - interval '21 seconds'")
    clone.restart()
    assert clone.worker_id == original.worker_id


def test_a_worker_that_leaves_gives_its_units_back_and_shows_as_offline(classroom: Classroom) -> None:
    training = classroom.start_training()
    worker = classroom.add_worker()
    worker.claim()
    worker.claim()
    worker.queue.leave(worker.worker_id)
    assert [row.status for row in training.units()] == ["pending", "pending"]
    assert worker.connection.query("SELECT status FROM workers")[0].status == "offline"
