"""The end of a course: every step, what students see of it, and that nobody's name outlives an erasure."""

from __future__ import annotations

import csv
import io
import random
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from gan_desktop.class_admin import closing as closing_module
from gan_desktop.class_admin.archive import restore_class
from gan_desktop.class_admin.closing import (
    Step,
    close_logins,
    closing,
    end_class,
    open_again,
    record_step,
    save_archive,
    save_credit,
)
from gan_desktop.class_admin.credit import credit
from gan_desktop.class_admin.erasing import delete_class, erase
from gan_desktop.class_admin.moving import MoveFailed, TakenAlong, move_class, new_class_like, newest_run
from gan_desktop.class_admin.people import students
from gan_desktop.class_admin.trainings import create_run, steer_run
from gan_desktop.database.address import Address
from gan_desktop.database.class_view import ClassView
from gan_desktop.database.connection import Connection
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.database.enrolment import EnrolCards, Enrolment
from gan_desktop.database.notices import Notices
from gan_desktop.database.schema import ClassRoles, init_class
from gan_desktop.errors import ConnectionFailed, GanDesktopError, Refused, SaveFailed
from gan_desktop.join_card import parse_card
from gan_desktop.records import RunConfig, RunStatus, WorkerState
from tests.integration.classroom import CONFIG as CLASSROOM_CONFIG
from tests.integration.classroom import Classroom, Training, counted, finished
from tests.integration.conftest import superuser_address
from tests.integration.console import gan_desktop, write_config

NewDatabase = Callable[[], Address]
# A network that is quickly described; its updates are the test's own bytes.
CONFIG = replace(CLASSROOM_CONFIG, feature_maps=8)
SECRETS = ("Ana Silva", "ana@school.example", "m-20417", "anas-laptop", "RTX 3080 of Ana", "Well done, Ana")


class Course:
    """A class with one of everything that is somebody's."""

    def __init__(self, administrator: Address) -> None:
        self.administrator = administrator
        self.room = Classroom(administrator, init_class(administrator, "Vision 2026"))
        self.training = Training(self.room, self.room.add_dataset((50, 37), num_held_out=1), CONFIG)
        self.ana = self.room.add_student("Ana Silva")
        self.worker = self.room.add_worker(self.ana, hostname="anas-laptop")
        update_id = self.training.hand_in(self.worker)
        self.training.publish_next([counted(update_id)], is_checkpoint=True)
        self.training.coordination.add_sample(1, b"png")
        self._leave_traces()

    def _leave_traces(self) -> None:
        room = self.room
        room.superuser.execute(
            "INSERT INTO gan.roster (account_id, student_id, email, section)"
            " SELECT account_id, 'm-20417', 'ana@school.example', 'Group 3' FROM gan.accounts"
        )
        room.superuser.execute("UPDATE gan.workers SET gpu_name = 'RTX 3080 of Ana'")
        notices = Notices(room.coordinator)
        notices.send("Well done, Ana", self.ana.user)
        notices.add_event("held", "The instructor put Ana Silva on hold.", worker_id=self.worker.worker_id)
        self.code = EnrolCards(room.coordinator).make("class", 30, timedelta(hours=1))

    @property
    def address(self) -> Address:
        return self.room.coordinator_address

    @property
    def anas_way(self) -> Address:
        return self.room.address(self.ana.user, self.ana.password)

    def rows(self, statement: str) -> list[Any]:
        return self.room.superuser.query(statement)

    def steps(self) -> set[Step]:
        return set(closing(self.address).done)


@pytest.fixture
def course(new_database: NewDatabase) -> Iterator[Course]:
    made = Course(new_database())
    yield made
    made.room.close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No program has to hear of the end."""
    monkeypatch.setattr(closing_module, "FAREWELL_S", 0.0)


@pytest.fixture(scope="module")
def other_server(module_folder: Path) -> Iterator[EmbeddedPostgres]:
    """Where classes move to."""
    with EmbeddedPostgres(module_folder / "other", settings={"fsync": "off"}) as server:
        yield server


def dump(address: Address) -> str:
    """All that stands in the class's tables, as text."""
    with Connection(address) as connection:
        tables = connection.query("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'gan'")
        texts = []
        for table in tables:
            content = io.BytesIO()
            connection.copy_to(f"COPY gan.{table.name} TO STDOUT", content)
            texts.append(content.getvalue().decode())
        return "\n".join(texts)


def is_empty(address: Address) -> bool:
    with Connection(address) as connection:
        [row] = connection.query(
            "SELECT NOT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'gan') AND NOT EXISTS"
            " (SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace) AS it"
        )
        return bool(row.it)


def roles_on(address: Address) -> set[str]:
    with Connection(address) as connection:
        return {row.rolname for row in connection.query("SELECT rolname FROM pg_roles")}


# -- the end, as students see it -----------------------------------------------------------------


def test_at_the_end_trainings_are_over_and_students_see_it(course: Course) -> None:
    view = ClassView(course.worker.connection)
    assert view.totals().ended_at is None
    end_class(course.address)
    assert [run.status for run in course.rows("SELECT status FROM gan.training_runs")] == ["complete"]
    assert view.totals().ended_at is not None and not view.totals().has_moved
    # Until the logins are closed all is there to be looked at, and nothing to be done.
    assert view.credit().units == 1
    assert course.worker.queue.claim(course.worker.worker_id, ()).waiting is WorkerState.COMPLETE


def test_a_class_without_a_training_ends_for_its_workers_too(new_database: NewDatabase) -> None:
    administrator = new_database()
    room = Classroom(administrator, init_class(administrator, "Vision"))
    worker = room.add_worker()
    assert worker.queue.claim(worker.worker_id, ()).waiting is WorkerState.WAITING_NO_TRAINING
    end_class(room.coordinator_address)
    assert worker.queue.claim(worker.worker_id, ()).waiting is WorkerState.COMPLETE
    room.close()


def test_nobody_joins_a_class_that_has_ended(course: Course) -> None:
    code = course.code
    with Connection(course.room.address(code.card.login, code.password)) as door:
        Enrolment("Ben").ask(door)
        end_class(course.address)
        with pytest.raises(Refused, match="has ended"):
            Enrolment("Eva").ask(door)


@pytest.mark.parametrize("step", [Step.END, Step.MOVE])
def test_no_training_starts_in_a_class_that_is_over(course: Course, step: Step) -> None:
    steer_run(course.address, RunStatus.PAUSED)
    record_step(course.address, step, "db.school.example")
    with pytest.raises(GanDesktopError, match="gan-desktop class reopen"):
        steer_run(course.address, RunStatus.RUNNING)
    open_again(course.address)
    steer_run(course.address, RunStatus.RUNNING)


def test_ending_twice_is_ending_once(course: Course) -> None:
    end_class(course.address)
    first = closing(course.address).done[Step.END]
    end_class(course.address)
    assert closing(course.address).done[Step.END] == first


# -- logins --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("hasty")
def test_closed_logins_let_nobody_in_and_say_why(course: Course) -> None:
    end_class(course.address)
    assert close_logins(course.address) == 1
    with pytest.raises(ConnectionFailed, match="the class has ended") as failure:
        Connection(course.anas_way)
    assert failure.value.cause == "login" and not failure.value.is_passing
    with pytest.raises(ConnectionFailed):
        Connection(course.room.address(course.code.card.login, course.code.password))
    facts = closing(course.address).facts
    assert (facts.num_students, facts.num_open_logins, facts.num_cards) == (1, 0, 0)
    assert close_logins(course.address) == 1


@pytest.mark.usefixtures("hasty")
def test_a_session_that_is_open_ends_with_its_login(course: Course) -> None:
    end_class(course.address)
    close_logins(course.address)
    with pytest.raises(ConnectionFailed):
        course.worker.connection.query("SELECT 1")


def test_programs_get_time_to_hear_of_the_end(course: Course) -> None:
    end_class(course.address)
    course.room.superuser.execute("UPDATE gan.closing_steps SET done_at = now() - interval '18.5 s'")
    told: list[str] = []
    close_logins(course.address, lambda what, done, total: told.append(what))
    assert set(told) == {"Letting students' programs hear of it"}


def test_logins_of_a_class_that_goes_on_stay_open(course: Course) -> None:
    with pytest.raises(GanDesktopError, match="End the class first"):
        close_logins(course.address)
    Connection(course.anas_way).close()


@pytest.mark.usefixtures("hasty")
def test_a_class_can_go_on_after_all_with_the_same_cards(course: Course) -> None:
    end_class(course.address)
    close_logins(course.address)
    open_again(course.address)
    with Connection(course.anas_way) as connection:
        assert ClassView(connection).totals().ended_at is None
    assert course.steps() == set()


# -- files ---------------------------------------------------------------------------------------


def test_the_final_credit_is_a_table_with_its_date(course: Course, tmp_path: Path) -> None:
    path = save_credit(course.address, tmp_path / "new" / "folder", date.today())
    assert path.name == f"vision-2026-credit-{date.today()}.csv"
    [row] = csv.DictReader(path.read_text("utf-8-sig").splitlines())
    assert row["Name"] == "Ana Silva" and row["Units counted"] == "1"
    assert closing(course.address).done[Step.CREDIT].place == str(path)
    # A second one leaves the first alone.
    assert save_credit(course.address, path.parent, date.today()).name.endswith("-2.csv")


def test_a_folder_that_cannot_be_made_is_said(course: Course, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SaveFailed, match="Choose another folder"):
        save_credit(course.address, tmp_path / "file" / "folder", date.today())
    assert course.steps() == set()


@pytest.mark.usefixtures("hasty")
def test_the_archive_of_an_ended_class_is_restored_as_one_that_goes_on(
    course: Course, new_database: NewDatabase, tmp_path: Path
) -> None:
    end_class(course.address)
    close_logins(course.address)
    path = save_archive(course.address, tmp_path)
    assert closing(course.address).done[Step.ARCHIVE].place == str(path)
    restored = restore_class(new_database(), path)
    assert closing(restored.coordinator).done == {}
    assert [student.name for student in students(restored.coordinator)] == ["Ana Silva"]
    assert closing(restored.coordinator).facts.num_open_logins == 1


# -- erasing -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("keep_numbers", [True, False])
def test_nothing_personal_is_left(course: Course, keep_numbers: bool) -> None:
    with Connection(course.room.address(course.code.card.login, course.code.password)) as door:
        bens_login = Enrolment("Ben Okafor").ask(door)
    known = (*SECRETS, "Ben Okafor", course.ana.user, bens_login, course.worker.worker_id, "device-")
    before = dump(course.administrator)
    assert all(word in before for word in known)
    faces = course.rows("SELECT * FROM gan.samples"), course.rows("SELECT * FROM gan.loss_history")
    weights = course.rows("SELECT sha256 FROM gan.model_weights ORDER BY 1")
    images = ClassView(course.room.coordinator).totals().num_images

    end_class(course.address)
    assert erase(course.address, keep_numbers=keep_numbers, host=course.administrator) == []

    after = dump(course.administrator)
    assert [word for word in known if word.casefold() in after.casefold()] == []
    assert (course.rows("SELECT * FROM gan.samples"), course.rows("SELECT * FROM gan.loss_history")) == faces
    assert course.rows("SELECT sha256 FROM gan.model_weights ORDER BY 1") == weights
    totals = ClassView(course.room.coordinator).totals()
    assert totals.num_images == (images if keep_numbers else 0)
    names = [row.name for row in course.rows("SELECT name FROM leaderboard")]
    assert names == (["Student 1"] if keep_numbers else [])
    # The server keeps no login of theirs either.
    assert not roles_on(course.administrator) & {course.ana.user, bens_login, course.code.card.login}
    assert course.steps() >= {Step.END, Step.LOGINS, Step.ERASE}


@pytest.mark.usefixtures("hasty")
def test_erasing_twice_keeps_the_numbers(course: Course) -> None:
    end_class(course.address)
    erase(course.address)
    images = ClassView(course.room.coordinator).totals().num_images
    erase(course.address)
    assert images > 0
    assert ClassView(course.room.coordinator).totals().num_images == images


@pytest.mark.usefixtures("hasty")
def test_a_name_in_the_instructors_own_words_is_pointed_out(course: Course) -> None:
    course.room.superuser.execute("UPDATE gan.training_runs SET name = 'Faces of ANA SILVA'")
    end_class(course.address)
    [trace] = erase(course.address)
    assert (trace.table, trace.column, trace.word) == ("training_runs", "name", "Ana Silva")


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("place", ["class_id", "minimum_program", "codec", "fingerprint", "sha256"])
def test_nobody_blocks_the_erasure_with_a_word_that_the_program_writes(course: Course, place: str) -> None:
    table = {"codec": "model_weights", "fingerprint": "datasets", "sha256": "dataset_shards"}.get(
        place, "class"
    )
    course.room.superuser.execute(
        f"UPDATE gan.workers SET hostname = (SELECT {place} FROM gan.{table} LIMIT 1)"
    )
    end_class(course.address)
    assert erase(course.address) == []


@pytest.mark.usefixtures("hasty")
def test_a_name_in_an_address_of_pictures_is_pointed_out(course: Course) -> None:
    course.room.superuser.execute("UPDATE gan.dataset_shards SET url = 'https://school.example/ana/1.tar'")
    course.room.superuser.execute("UPDATE gan.accounts SET display_name = 'Ana'")
    end_class(course.address)
    [trace] = erase(course.address)
    assert (trace.table, trace.column, trace.word) == ("dataset_shards", "url", "Ana")


@pytest.mark.usefixtures("hasty")
def test_a_name_in_any_other_place_stops_the_erasure(course: Course) -> None:
    course.room.superuser.execute("ALTER TABLE gan.samples ADD note text DEFAULT 'By Ana Silva'")
    end_class(course.address)
    with pytest.raises(GanDesktopError, match=r"would still stand in samples\.note"):
        erase(course.address)
    assert "Ana Silva" in dump(course.administrator)


@pytest.mark.usefixtures("hasty")
def test_the_longest_names_of_many_computers_are_looked_for(course: Course) -> None:
    letters = random.Random(1)
    course.room.superuser.execute("UPDATE gan.training_runs SET name = 'Faces of Ana Silva'")
    for number in range(64):
        hostname = "".join(chr(letters.randrange(0x4E00, 0x9FFF)) for _ in range(255))
        course.room.superuser.execute(
            "INSERT INTO gan.workers (worker_id, account_id, device_id, session_id, name, hostname)"
            " SELECT %(id)s, account_id, %(id)s, gen_random_uuid(), 'PC', %(hostname)s FROM gan.accounts",
            {"id": f"worker-{number}", "hostname": hostname},
        )
    end_class(course.address)
    [trace] = erase(course.address)
    assert trace.word == "Ana Silva"


@pytest.mark.usefixtures("hasty")
def test_a_name_that_is_also_a_word_of_the_programs_does_not_stop_the_erasure(course: Course) -> None:
    # Ema is a name, and a kind of weights.
    course.room.superuser.execute("UPDATE gan.accounts SET display_name = 'Ema'")
    end_class(course.address)
    assert erase(course.address) == []


def test_people_of_a_class_that_goes_on_are_not_erased(course: Course) -> None:
    with pytest.raises(GanDesktopError, match="End the course first"):
        erase(course.address)
    assert "Ana Silva" in dump(course.administrator)


@pytest.mark.usefixtures("hasty")
def test_after_an_erasure_nobody_can_come_back(course: Course) -> None:
    end_class(course.address)
    erase(course.address)
    with pytest.raises(GanDesktopError, match="Restore its archive"):
        open_again(course.address)


@pytest.mark.usefixtures("hasty")
def test_people_that_are_gone_are_written_down_as_gone_although_the_disk_could_not_be_cleaned(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(host: Address) -> None:
        raise GanDesktopError("The disk is full.")

    monkeypatch.setattr("gan_desktop.class_admin.erasing.clean_disk", full_disk)
    end_class(course.address)
    with pytest.raises(GanDesktopError, match="disk is full"):
        erase(course.address, host=course.administrator)
    assert "Ana Silva" not in dump(course.administrator)
    assert Step.ERASE in course.steps()


# -- deleting ------------------------------------------------------------------------------------


def test_a_deleted_class_leaves_an_empty_database_and_no_roles(course: Course) -> None:
    end_class(course.address)
    class_id = course.room.new_class.class_id
    course.room.close()
    assert delete_class(course.address, course.administrator) == ()
    assert is_empty(course.administrator)
    roles = roles_on(course.administrator)
    assert not roles & {ClassRoles(class_id).coordinator, ClassRoles(class_id).student, course.ana.user}
    # And the place is free for another class.
    init_class(course.administrator, "The next one")


def test_only_its_maker_deletes_a_class(course: Course) -> None:
    end_class(course.address)
    with pytest.raises(GanDesktopError, match="did not make this class"):
        delete_class(course.address, course.address)
    assert "Ana Silva" in dump(course.administrator)
    Connection(course.anas_way).close()


def test_a_hosted_class_is_deleted_with_its_database(other_server: EmbeddedPostgres) -> None:
    server = superuser_address(other_server)
    with Connection(server) as connection:
        for name in ("first", "second"):
            connection.execute(f"CREATE DATABASE {name}")
    first, second = (Course(replace(server, dbname=name)) for name in ("first", "second"))
    with Connection(first.anas_way) as connection:
        # Her role is tied to this as long as the database is there.
        connection.execute("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC")
    for one in (first, second):
        end_class(one.address)
        one.room.close()
    assert delete_class(first.address, first.administrator, is_hosted=True) == ("Vision 2026",)
    with pytest.raises(ConnectionFailed, match="no database"):
        Connection(first.administrator)
    assert first.ana.user not in roles_on(server)
    assert delete_class(second.address, second.administrator, is_hosted=True) == ()


# -- moving and beginning anew -------------------------------------------------------------------


@pytest.fixture
def new_place(other_server: EmbeddedPostgres) -> Iterator[Address]:
    server = superuser_address(other_server)
    with Connection(server) as connection:
        connection.execute("CREATE DATABASE new_place")
    yield replace(server, dbname="new_place")
    with Connection(server) as connection:
        connection.execute("DROP DATABASE new_place WITH (FORCE)")


def test_a_class_moves_with_new_cards_for_everybody(
    course: Course, new_place: Address, tmp_path: Path
) -> None:
    [before] = credit(course.address).people
    moved = move_class(course.address, new_place, tmp_path)
    [after] = credit(moved.coordinator).people
    # Another server, another login.
    assert replace(after, user=before.user) == before and after.user != before.user
    assert moved.trouble is None and moved.is_paused and moved.num_students == 1
    # Its students read it at the old place, and are let in at the new one.
    totals = ClassView(course.worker.connection).totals()
    assert totals.has_moved and totals.ended_at is not None
    assert course.worker.queue.claim(course.worker.worker_id, ()).waiting is WorkerState.WAITING_PAUSED
    assert moved.cards is not None and moved.cards.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(moved.cards) as archive:
        card = parse_card(archive.read("Ana Silva.gandjoin").decode())
    with Connection(replace(moved.coordinator, user=card.user, password=card.password)) as connection:
        assert ClassView(connection).credit().units == 1
        # The training waits there until the instructor lets it go on.
        training = ClassView(connection).training()
        assert training is not None and training.run.status is RunStatus.PAUSED


def test_units_in_work_are_waited_for_before_a_move(
    course: Course, new_place: Address, tmp_path: Path
) -> None:
    unit = course.worker.claim()
    told: list[str] = []

    def hand_in(what: str, done: int, total: int) -> None:
        if what == "Waiting until all have handed in" and what not in told:
            course.worker.queue.submit(finished(unit))
        told.append(what)

    moved = move_class(course.address, new_place, tmp_path, hand_in)
    assert "Waiting until all have handed in" in told
    with Connection(moved.coordinator) as connection:
        updates = connection.query("SELECT unit_id, status FROM gan.updates ORDER BY update_id")
        assert (updates[-1].unit_id, updates[-1].status) == (unit.unit_id, "handed_in")
        # Its bytes have come along: the coordinator there merges it.
        assert len(connection.query("SELECT 1 FROM gan.update_payloads")) == 1


def test_a_move_to_a_taken_place_changes_nothing(course: Course, tmp_path: Path) -> None:
    with pytest.raises(MoveFailed, match="holds a class already") as failure:
        move_class(course.address, course.administrator, tmp_path)
    assert "is where it was" in failure.value.message
    assert [run.status for run in course.rows("SELECT status FROM gan.training_runs")] == ["running"]
    assert course.steps() == set() and list(tmp_path.iterdir()) == []


def test_a_move_to_a_server_that_is_too_old_pauses_nothing(
    course: Course, new_place: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if a class needed the PostgreSQL of ten years from now.
    for module in ("class_admin.premises", "class_admin.moving"):
        monkeypatch.setattr(f"gan_desktop.{module}.OLDEST_POSTGRESQL", 28)
    monkeypatch.setattr("gan_desktop.class_admin.moving.steer_run", lambda *_: pytest.fail("paused"))
    with pytest.raises(MoveFailed, match="a class needs 28 or newer"):
        move_class(course.address, new_place, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_move_that_fails_on_the_way_lets_the_training_go_on(
    course: Course, new_place: Address, tmp_path: Path
) -> None:
    with Connection(new_place) as connection:
        # Nothing that a look from outside would see, and the new tables cannot be made.
        connection.execute("CREATE VIEW public.workers AS SELECT 1")
    with pytest.raises(MoveFailed) as failure:
        move_class(course.address, new_place, tmp_path)
    assert failure.value.title == "Not moved: the class could not be restored there"
    assert [run.status for run in course.rows("SELECT status FROM gan.training_runs")] == ["running"]
    assert Step.MOVE not in course.steps()


def test_a_new_class_begins_with_the_settings_of_the_former(
    course: Course, new_place: Address, tmp_path: Path
) -> None:
    made = new_class_like(
        course.address, new_place, "Vision 2027", tmp_path, TakenAlong(people=True, pictures=True)
    )
    with Connection(made.coordinator) as connection:
        [run] = connection.query("SELECT name, status, config, dataset_id FROM gan.training_runs")
        assert (run.name, run.status) == ("Faces", "created")
        assert RunConfig.from_json(run.config) == CONFIG
        shards = connection.query("SELECT sha256, is_held_out FROM gan.dataset_shards ORDER BY position")
        assert shards == course.rows("SELECT sha256, is_held_out FROM gan.dataset_shards ORDER BY position")
        assert len(connection.query("SELECT 1 FROM gan.shard_payloads")) == len(shards)
        assert connection.query("SELECT 1 FROM gan.updates") == []
    [student] = students(made.coordinator)
    assert (student.name, student.email) == ("Ana Silva", "ana@school.example")
    assert student.user != course.ana.user and made.cards is not None
    assert closing(made.coordinator).facts.title == "Vision 2027"


def test_a_new_class_takes_the_newest_training_that_ran(course: Course) -> None:
    ran = newest_run(course.address)
    assert ran is not None
    newer = create_run(course.address, "Only tried out", CONFIG, ran.dataset_id)
    assert newer > ran.run_id
    assert newest_run(course.address) == ran


def test_a_new_class_without_people_has_none(course: Course, new_place: Address, tmp_path: Path) -> None:
    made = new_class_like(course.address, new_place, "Vision 2027", tmp_path, TakenAlong(pictures=False))
    assert (made.num_students, made.num_datasets, made.run_id, made.cards) == (0, 0, None, None)
    assert list(tmp_path.iterdir()) == []


def test_a_new_class_that_cannot_be_made_leaves_the_place_empty(
    course: Course, new_place: Address, tmp_path: Path
) -> None:
    # Its pictures are damaged: that is seen only on the way.
    course.room.superuser.execute("UPDATE gan.shard_payloads SET payload = 'damaged'")
    before = roles_on(new_place)
    with pytest.raises(GanDesktopError):
        new_class_like(course.address, new_place, "Vision 2027", tmp_path, TakenAlong(people=True))
    assert is_empty(new_place)
    assert roles_on(new_place) == before


# -- on the console ------------------------------------------------------------------------------


def test_a_course_is_ended_on_the_console(course: Course, tmp_path: Path) -> None:
    config = write_config(tmp_path, course.address)

    def run(*arguments: object) -> str:
        answer = gan_desktop("class", *arguments, f"--config={config}", cwd=tmp_path)
        assert answer.code == 0, answer.said
        return answer.said

    assert "[ ] 1. end: The training in progress ends for good; the class itself" in run("close")
    # What students notice is asked first, and nobody is there to be asked.
    refused = gan_desktop("class", "close", "files", f"--config={config}", cwd=tmp_path)
    assert refused.code == 1 and "--yes" in refused.said and course.steps() == set()

    run("close", "--step", "end", "--yes")
    # Programs have heard of it long ago.
    course.room.superuser.execute("UPDATE gan.closing_steps SET done_at = now() - interval '1 hour'")
    said = run("close", "files", "--step=credit", "--step=archive", "--step=logins", "--yes")
    written = sorted(path.name for path in (tmp_path / "files").iterdir())
    assert len(written) == 2 and all(name in said for name in written)
    assert "[x] 4. archive" in run("close")
    assert "goes on" in run("reopen")
    Connection(course.anas_way).close()

    run("close", "--step=end", "--yes")
    course.room.superuser.execute("UPDATE gan.closing_steps SET done_at = now() - interval '1 hour'")
    assert "Nobody's data is left." in run("erase", "--yes")
    assert "Ana Silva" not in dump(course.administrator)


def test_a_class_is_moved_and_deleted_on_the_console(
    course: Course, new_place: Address, tmp_path: Path
) -> None:
    config = write_config(tmp_path / "here", course.address)
    there = write_config(tmp_path / "there", new_place)
    moved = gan_desktop(
        "class", "move", f"--config={config}", f"--maker={there}", f"--folder={tmp_path / 'moved'}",
        f"--save={tmp_path / 'new.yaml'}", "--yes",
    )  # fmt: skip
    assert moved.code == 0 and "cards.zip" in moved.said, moved.said
    status = gan_desktop("class", "students", f"--config={tmp_path / 'new.yaml'}")
    assert status.code == 0 and "Ana Silva" in status.said

    makers = write_config(tmp_path / "maker", course.administrator)
    course.room.close()
    deleted = gan_desktop("class", "delete", f"--config={config}", f"--maker={makers}", "--yes")
    assert deleted.code == 1 and "goes on. End the course first" in deleted.said
    assert gan_desktop("class", "finish", f"--config={config}", "--yes").code == 0
    deleted = gan_desktop("class", "delete", f"--config={config}", f"--maker={makers}", "--yes")
    assert deleted.code == 0, deleted.said
    assert is_empty(course.administrator)
