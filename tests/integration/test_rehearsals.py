"""A rehearsal in a class's own database: what it finds, that it disturbs nobody and leaves nothing."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gan_desktop.class_admin.credit import credit
from gan_desktop.class_admin.hosting import Host, require_hosted, send_away
from gan_desktop.class_admin.login import make_class
from gan_desktop.class_admin.people import students
from gan_desktop.class_admin.status import class_status
from gan_desktop.class_admin.trainings import run_to_steer, steer_run
from gan_desktop.database.class_view import ClassView
from gan_desktop.database.connection import Connection
from gan_desktop.database.databases import create_database
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.database.shards import ShardStore
from gan_desktop.database.work_queue import WorkQueue
from gan_desktop.errors import EmbeddedServerError, GanDesktopError
from gan_desktop.records import Hardware, RunConfig, RunStatus, WorkerState
from gan_desktop.rehearsal.drills import run_drill
from gan_desktop.rehearsal.habits import Habits
from gan_desktop.rehearsal.plan import RehearsalPlan
from gan_desktop.rehearsal.rehearse import Moment, rehearse
from gan_desktop.rehearsal.stage import RehearsalCancelled
from gan_desktop.rehearsal.traces import find_traces, remove_traces
from tests.integration.console import gan_desktop, start
from tests.integration.lesson import Lesson, drawn_faces, lesson

CONFIG = RunConfig(
    feature_maps=8,
    unit_seconds=0.5,
    first_unit_images=64,
    min_unit_images=64,
    max_unit_images=256,
    lease_seconds=3.0,
    checkpoint_every=1,
)
HABITS = Habits(images_per_second=200.0, heartbeat_interval_s=0.3, poll_interval_s=0.2, start_s=0.5)
PLAN = RehearsalPlan(6, minutes=0.1, config=CONFIG, habits=HABITS)
LONG = replace(PLAN, minutes=10.0)


@pytest.fixture
def held(server: EmbeddedPostgres, open_folder: Path) -> Iterator[Lesson]:
    with lesson(server.address, open_folder / "lesson", CONFIG, num_faces=200) as made:
        yield made


@contextmanager
def rehearsing(held: Lesson) -> Iterator[ThreadPoolExecutor]:
    """A rehearsal in a thread, at work, cancelled at the end if it still goes on."""
    cancel, is_on = threading.Event(), threading.Event()

    def note(moment: Moment) -> None:
        if moment.report.num_units:
            is_on.set()

    with ThreadPoolExecutor(max_workers=1) as thread:
        outcome = thread.submit(rehearse, held.coordinator, LONG, on_moment=note, cancel=cancel)
        try:
            held.wait_until(lambda: is_on.is_set() or outcome.done(), "virtual students at work")
            yield thread
        finally:
            cancel.set()
            assert outcome.done() or outcome.result(timeout=60).was_cancelled


def assert_nothing_left(held: Lesson) -> None:
    assert find_traces(held.coordinator) is None
    for table in ("work_units", "updates", "update_payloads", "model_weights", "samples", "workers"):
        assert not held.query(f"SELECT 1 FROM gan.{table}"), table
    assert not held.query("SELECT 1 FROM gan.events WHERE run_id <> %s", held.run_id)
    assert [row.run_id for row in held.query("SELECT run_id FROM gan.training_runs")] == [held.run_id]
    logins = {row.login for row in held.query("SELECT login FROM gan.accounts")}
    roles = held.query(
        "SELECT r.rolname FROM pg_roles AS r JOIN pg_auth_members AS m ON m.member = r.oid"
        " JOIN pg_roles AS g ON g.oid = m.roleid, gan.class AS c"
        " WHERE g.rolname = 'gan_student_' || c.class_id AND r.rolname ~ '^s_'"
    )
    assert {row.rolname for row in roles} == logins


def way_in_of(held: Lesson) -> tuple[str, dict[str, str]]:
    """The option and the environment with which the console comes to a class."""
    known, file = held.coordinator, held.folder / "instructor.yaml"
    file.write_text(
        f"database: {{host: {known.host}, port: {known.port}, database: {known.dbname},"
        f" user: {known.user}}}\n",
        "utf-8",
    )
    return f"--config={file}", {"PGPASSWORD": known.password or ""}


def test_the_students_that_were_asked_for_fit_and_leave_nothing(held: Lesson) -> None:
    moments: list[Moment] = []
    told: list[str] = []
    result = rehearse(held.coordinator, PLAN, on_moment=moments.append, tell=told.append)
    assert [step.num_students for step in result.steps] == [5, 6]
    assert (result.num_fitting, result.limited_by, result.was_cancelled) == (6, (), False)
    last = result.steps[-1]
    assert last.num_connections == 12
    assert last.report.num_units > 6 and last.report.num_failed == last.report.num_refused == 0
    assert last.num_iterations >= 1 and last.report.mbit_s > 0
    assert result.sentences()[0] == "All 6 students fit."
    assert {moment.num_students for moment in moments} == {5, 6}
    assert [m.seconds_left for m in moments] == sorted((m.seconds_left for m in moments), reverse=True)
    assert len(told) == 2
    assert_nothing_left(held)


def test_a_network_that_is_too_slow_ends_the_rehearsal_at_the_step_that_is_too_much(held: Lesson) -> None:
    result = rehearse(held.coordinator, replace(PLAN, network_mbit_s=0.001))
    assert [limit.kind for limit in result.limited_by] == ["network"]
    assert [step.num_students for step in result.steps] == [5] and result.num_fitting == 0
    assert_nothing_left(held)


def test_the_servers_connections_limit_without_being_used_up(held: Lesson) -> None:
    name = held.administrator.dbname
    [room] = held.query("SELECT current_setting('superuser_reserved_connections')::integer AS kept")
    others = held.query("SELECT count(*) AS n FROM pg_stat_activity WHERE datname <> current_database()")
    allowed = room.kept + others[0].n + 4 + 2 * 3 + 2
    held.superuser.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT {allowed}')
    result = rehearse(held.coordinator, PLAN)
    assert [limit.kind for limit in result.limited_by] == ["connections"]
    assert result.num_fitting == 2 and f"allows {allowed} connections" in result.limited_by[0].words
    assert_nothing_left(held)


def test_the_class_sees_nothing_of_a_rehearsal_and_no_student_is_given_its_units(held: Lesson) -> None:
    student = held.add_student("Ana")
    with rehearsing(held):
        status = class_status(held.coordinator)
        assert [run.run_id for run in status.runs] == [held.run_id] and status.workers == []
        assert [known.name for known in students(held.coordinator)] == ["Ana"]
        assert [row.name for row in credit(held.coordinator).people] == ["Ana"]
        assert run_to_steer(held.coordinator).run_id == held.run_id
        with Connection(student) as connection:
            queue = WorkQueue(connection, "11111111-1111-1111-1111-111111111111")
            worker_id = queue.register("device", "Ana's", Hardware("host", None, 2, 8.0, None))
            assert queue.claim(worker_id, []).waiting is WorkerState.WAITING_NO_TRAINING
            assert queue.heartbeat(worker_id, WorkerState.COMPUTING, {}, [], 0, None).run_id is None
            assert queue.current_run() is None
            view = ClassView(connection)
            assert view.training() is None and [row.name for row in view.leaderboard()] == ["Ana"]
            assert view.totals().num_computers == 1
            assert view.events() == ()


def test_a_training_that_begins_ends_the_rehearsal(held: Lesson) -> None:
    cancel = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as thread:
        outcome = thread.submit(rehearse, held.coordinator, LONG, cancel=cancel)
        try:
            held.wait_until(lambda: held.query("SELECT 1 FROM gan.updates"), "virtual students at work")
            steer_run(held.coordinator, RunStatus.RUNNING)
            with pytest.raises(RehearsalCancelled, match='"Faces" has begun'):
                outcome.result(timeout=60)
        finally:
            cancel.set()
    assert held.status is RunStatus.RUNNING
    assert_nothing_left(held)


def test_no_rehearsal_begins_while_a_training_runs_but_beside_a_paused_one_it_may(held: Lesson) -> None:
    steer_run(held.coordinator, RunStatus.RUNNING)
    with pytest.raises(GanDesktopError, match='"Faces" goes on'):
        rehearse(held.coordinator, PLAN)
    assert_nothing_left(held)
    steer_run(held.coordinator, RunStatus.PAUSED)
    with rehearsing(held):
        assert held.status is RunStatus.PAUSED
    assert_nothing_left(held)


def test_a_cancelled_rehearsal_leaves_nothing(held: Lesson) -> None:
    cancel = threading.Event()
    result = rehearse(held.coordinator, LONG, on_moment=lambda _moment: cancel.set(), cancel=cancel)
    assert result.was_cancelled and result.steps == ()
    assert_nothing_left(held)


def test_what_a_killed_rehearsal_has_left_is_found_and_removed(held: Lesson) -> None:
    way_in, password = way_in_of(held)
    with start("class", "rehearse", "--students", "3", way_in, environment=password) as process:
        held.wait_until(lambda: held.query("SELECT 1 FROM gan.updates"), "virtual students at work")
        process.kill()
    left = find_traces(held.coordinator)
    assert left is not None and (left.num_students, left.num_runs) == (3, 1)
    # It may still be at work: nobody removes it under its hands.
    with pytest.raises(GanDesktopError, match="3 virtual students at this moment"):
        remove_traces(held.coordinator)
    held.superuser.execute(
        "UPDATE gan.training_runs SET coordinator_seen_at = now() - interval '1 minute' WHERE is_rehearsal"
    )
    assert remove_traces(held.coordinator) == 3
    assert_nothing_left(held)


def test_the_console_says_how_many_fit_and_what_sets_the_limit(held: Lesson) -> None:
    way_in, password = way_in_of(held)
    wishes = ("--students", 2, "--minutes", 0.1, "--network", 0.001)
    answer = gan_desktop("class", "rehearse", *wishes, way_in, PGPASSWORD=password["PGPASSWORD"])
    assert answer.code == 0, answer.said
    assert "   2 students: " in answer.stdout
    assert "Not even the first few students fit.\nWith 2 students, " in answer.stdout
    assert gan_desktop("class", "rehearse", "--clean", way_in, PGPASSWORD=password["PGPASSWORD"]).stdout == (
        "Nothing was left of a rehearsal.\n"
    )
    refused = gan_desktop("class", "rehearse", "--drill", "away", way_in, PGPASSWORD=password["PGPASSWORD"])
    assert refused.code == 1 and "only where it lives on this computer" in refused.stderr
    assert_nothing_left(held)


# -- drills ---------------------------------------------------------------------------------------


def test_ten_students_leave_at_once_and_others_get_their_units(held: Lesson) -> None:
    result = run_drill(held.coordinator, "leave", PLAN)
    assert result.passed, result.sentences
    # Not before their leases ran out.
    assert CONFIG.lease_seconds - 1 < result.seconds < 60
    assert result.sentences[0].startswith("Nothing was lost: the last of their")
    assert_nothing_left(held)


def test_garbage_is_refused_and_its_computer_put_on_hold(held: Lesson) -> None:
    result = run_drill(held.coordinator, "garbage", PLAN)
    assert result.passed, result.sentences
    # Three at least: more where several were merged in one round.
    assert re.match(r"The garbage did no harm: [3-9] units were refused", result.sentences[0])
    assert result.sentences[1] == "The others went on."
    assert_nothing_left(held)


def test_a_database_that_is_away_for_a_while_costs_nothing(open_folder: Path) -> None:
    folder = open_folder / "host"
    is_over = threading.Event()
    with Host(folder) as host, ThreadPoolExecutor(max_workers=1) as thread:
        coordinator = make_class(create_database(host.address, "gan_desktop"), "Vision")
        with Connection(coordinator) as connection:
            store = ShardStore(connection)
            store.finish(store.store("Faces", 32, drawn_faces(200, 32, 1)), "faces")

        def tend() -> int:
            num_mended = 0
            while not is_over.wait(0.2):
                num_mended += host.tend()
            return num_mended

        tending = thread.submit(tend)
        try:
            told: list[str] = []
            plan = replace(PLAN, hosted_in=folder)
            result = run_drill(coordinator, "away", plan, tell=told.append, away_s=3.0)
        finally:
            is_over.set()
        assert tending.result() == 1
        assert result.passed, result.sentences
        assert "The database is away for 3 s ..." in told and result.seconds > 3.0
        assert result.sentences[0].startswith("Nothing was lost: all ")
        assert find_traces(coordinator) is None


def test_only_a_hosted_database_can_be_sent_away(held: Lesson, open_folder: Path) -> None:
    with pytest.raises(GanDesktopError, match="only where it lives on this computer"):
        run_drill(held.coordinator, "away", PLAN)
    (open_folder / "nobodys").mkdir()
    with pytest.raises(EmbeddedServerError, match="No program hosts"):
        send_away(open_folder / "nobodys", 1.0)
    with pytest.raises(EmbeddedServerError):
        require_hosted(open_folder / "nobodys")
    assert_nothing_left(held)
