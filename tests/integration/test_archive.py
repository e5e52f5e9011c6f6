"""A class becomes one file, and the file a class on another server, where the training goes on."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_desktop.class_admin.archive import RestoredClass, archive_class, restore_class
from gan_desktop.class_admin.checkpoints import load_checkpoint
from gan_desktop.class_admin.credit import credit
from gan_desktop.database.accounts import Accounts
from gan_desktop.database.address import Address
from gan_desktop.database.archive import read_manifest, verify
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import Runs
from gan_desktop.database.credit import PersonsCredit
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.database.enrolment import EnrolCards
from gan_desktop.database.logins import Logins
from gan_desktop.database.notices import Notices
from gan_desktop.database.schema import SCHEMA_VERSION, schema_version
from gan_desktop.errors import ArchiveError, SchemaError
from gan_desktop.records import IterationPublished, RunStatus
from tests.integration.classroom import CONFIG, Classroom, counted
from tests.integration.conftest import superuser_address
from tests.integration.console import gan_desktop, write_config
from tests.integration.lesson import SHORT_UNITS, Lesson, lesson, worker_thread

NewDatabase = Callable[[], Address]
KEEPING = replace(SHORT_UNITS, checkpoint_every=2)


@pytest.fixture(scope="module")
def other_server(module_folder: Path) -> Iterator[EmbeddedPostgres]:
    """Where archived classes move to."""
    with EmbeddedPostgres(module_folder / "other", settings={"fsync": "off"}) as server:
        yield server


@pytest.fixture
def taught(classroom: Classroom) -> Classroom:
    """A class with everything in it that a class can have."""
    training = classroom.start_training()
    worker = classroom.add_worker()
    update_id = training.hand_in(worker)
    training.publish_next([counted(update_id)], is_checkpoint=True)
    training.hand_in(worker)  # waits
    worker.claim()  # in work
    training.coordination.add_sample(1, b"png")
    training.coordination.add_event("note", "Something happened.", worker_id=worker.worker_id)
    gone = classroom.add_student("Gone")
    Accounts(classroom.coordinator).withdraw(gone.user)
    EnrolCards(classroom.coordinator).make("class", 30, timedelta(hours=1))
    classroom.superuser.execute(
        "INSERT INTO gan.roster (account_id, email)"
        " SELECT account_id, 'a@school.example' FROM gan.accounts LIMIT 1"
    )
    classroom.superuser.execute("INSERT INTO gan.messages (text) VALUES ('Well done.')")
    return classroom


def archived(coordinator: Address, path: Path, **options: Any) -> Path:
    with path.open("xb") as file:
        archive_class(coordinator, file, **options)
    return path


def rows(address: Address, statement: str) -> list[Any]:
    with Connection(address) as connection:
        return connection.query(statement)


def content_of(address: Address, *, without: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """All rows of all tables as text, but what is not to be the same in a copy."""
    changed = {
        "class": ("class_id",),
        "accounts": ("login", "enrol_key"),
        "enrol_cards": ("withdrawn_at",),
        "workers": ("state", "state_detail"),
        "work_units": (
            "status",
            "worker_id",
            "lease_token",
            "given_back_by",
            "given_back_at",
            "lease_expires_at",
            "lease_hard_end",
            "num_images_done",
        ),
        "training_runs": ("coordinator_token", "coordinator_lease_end", "coordinator_seen_at"),
    }
    with Connection(address) as connection:
        names = connection.query(
            "SELECT tablename AS name FROM pg_tables"
            " WHERE schemaname = 'gan' AND tablename !~ 'yoyo' ORDER BY 1"
        )
        return {
            row.name: [
                r.text
                for r in connection.query(
                    f"SELECT (to_jsonb(t) - %s::text[])::text AS text FROM gan.{row.name} AS t"
                    + (" WHERE kind <> 'restored'" if row.name == "events" else ""),
                    [list(changed.get(row.name, ()))],
                )
            ]
            for row in names
            if row.name not in without
        }


def credit_of(coordinator: Address) -> list[PersonsCredit]:
    """Everybody's credit, but for the logins, which belong to a server."""
    return [replace(person, user="") for person in credit(coordinator).people]


# -- there and back ------------------------------------------------------------------------------


def test_a_class_moves_to_another_server_whole(
    taught: Classroom, other_server: EmbeddedPostgres, new_database: NewDatabase, tmp_path: Path
) -> None:
    path = archived(taught.coordinator_address, tmp_path / "class.zip")
    for text in (taught.new_class.coordinator_password, "SCRAM"):
        assert text.encode() not in path.read_bytes()
    administrator = replace(superuser_address(other_server), dbname="moved_here")
    rows_before = content_of(taught.administrator)
    credit_before = credit_of(taught.coordinator_address)
    with Connection(superuser_address(other_server)) as connection:
        connection.execute("CREATE DATABASE moved_here")

    restored = restore_class(administrator, path)

    assert content_of(administrator) == rows_before
    assert credit_of(restored.coordinator) == credit_before
    assert restored.num_students == 1 and restored.missing_pictures == ()
    [run] = rows(administrator, "SELECT coordinator_token FROM gan.training_runs")
    assert run.coordinator_token is None
    statuses = {row.status for row in rows(administrator, "SELECT status FROM gan.work_units")}
    assert "in_progress" not in statuses and "pending" in statuses
    # Numbers go on after the highest: nothing new collides.
    with Connection(restored.coordinator) as connection:
        Accounts(connection).add("New")


def test_a_copy_on_the_same_server_shares_no_login_with_the_class(
    taught: Classroom, new_database: NewDatabase, tmp_path: Path
) -> None:
    path = archived(taught.coordinator_address, tmp_path / "class.zip")
    restored = restore_class(new_database(), path)
    here = {row.login for row in rows(taught.administrator, "SELECT login FROM gan.accounts")}
    with Connection(restored.coordinator) as connection:
        there = {row.login for row in connection.query("SELECT login FROM gan.accounts")}
        assert not here & there
        [student] = [s for s in Accounts(connection).students() if not s.is_withdrawn]
        # A new card is all a student needs.
        login = Accounts(connection).renew(student.user)
        assert EnrolCards(connection).in_use() == []
    address = replace(restored.coordinator, user=login.user, password=login.password)
    [row] = rows(address, "SELECT images, is_me FROM leaderboard WHERE is_me")
    assert row.images > 0


def test_what_a_rehearsal_has_left_stays_behind(
    taught: Classroom, new_database: NewDatabase, tmp_path: Path
) -> None:
    before = content_of(taught.coordinator_address)
    virtual = taught.add_worker(taught.add_student("Virtual student 1"), hostname="virtual")
    taught.superuser.execute("UPDATE gan.accounts SET is_rehearsal = true WHERE display_name ~ 'Virtual'")
    [run] = taught.superuser.query("SELECT dataset_id FROM gan.training_runs")
    runs = Runs(taught.coordinator)
    run_id = runs.create("Rehearsal", run.dataset_id, CONFIG, 10_000, is_rehearsal=True)
    assert runs.set_status(run_id, RunStatus.RUNNING)
    Notices(taught.coordinator).add_event("joined", "A computer joined.", worker_id=virtual.worker_id)
    archive = archived(taught.coordinator_address, tmp_path / "class.gandclass")
    restored = restore_class(new_database(), archive)
    after = content_of(restored.coordinator, without=("class",))
    for table in ("accounts", "workers", "training_runs", "epoch_cursors", "events"):
        assert after[table] == before[table], table


def test_the_training_goes_on_from_its_last_iteration(
    server: EmbeddedPostgres, open_folder: Path, new_database: NewDatabase, tmp_path: Path
) -> None:
    with lesson(superuser_address(server), open_folder, KEEPING) as held:
        with held.coordinating(), worker_thread(held):
            held.await_iteration(3)
        last, newest = held.iteration, load_checkpoint(held.coordinator, held.iteration)
        path = archived(held.coordinator, tmp_path / "class.zip")
        administrator = new_database()
        restored = restore_class(administrator, path)
        come = load_checkpoint(restored.coordinator, last)
        assert come.info == newest.info
        assert all(torch.equal(come.weights[name], newest.weights[name]) for name in newest.weights)

        with moved_to(held, restored, administrator):
            with held.coordinating() as recorder, worker_thread(held):
                held.await_iteration(last + 2)
            published = [report.iteration for report in recorder.of(IterationPublished)]
            assert published[:2] == [last + 1, last + 2]
            held.assert_nothing_lost_or_counted_twice()


@contextmanager
def moved_to(held: Lesson, restored: RestoredClass, administrator: Address) -> Iterator[None]:
    """The lesson as it goes on in the restored class."""
    former = held.administrator, held.coordinator
    held.administrator, held.coordinator = administrator, restored.coordinator
    held.reconnect()
    try:
        yield
    finally:
        held.administrator, held.coordinator = former
        held.reconnect()


def test_without_pictures_the_same_ones_can_be_imported_again(
    taught: Classroom, new_database: NewDatabase, tmp_path: Path
) -> None:
    path = archived(taught.coordinator_address, tmp_path / "class.zip", with_pictures=False)
    assert not read_manifest(path).has_pictures
    administrator = new_database()
    restored = restore_class(administrator, path)
    assert restored.missing_pictures == ("Faces",)
    assert rows(administrator, "SELECT * FROM gan.shard_payloads") == []
    assert content_of(administrator, without=("shard_payloads",)) == content_of(
        taught.administrator, without=("shard_payloads",)
    )


def test_an_archive_of_one_moment_is_made_while_the_class_goes_on(
    taught: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_database: NewDatabase
) -> None:
    before = content_of(taught.administrator)

    def meanwhile(*_: object) -> None:
        taught.superuser.execute("INSERT INTO gan.messages (text) VALUES ('later')")

    path = archived(taught.coordinator_address, tmp_path / "class.zip", on_progress=meanwhile)
    administrator = new_database()
    restore_class(administrator, path)
    assert content_of(administrator) == before


# -- what cannot be restored ---------------------------------------------------------------------


@pytest.fixture
def archive(taught: Classroom, tmp_path: Path) -> Path:
    return archived(taught.coordinator_address, tmp_path / "class.zip")


def is_empty(address: Address) -> bool:
    with Connection(address) as connection:
        [row] = connection.query(
            "SELECT NOT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'gan') AND NOT EXISTS"
            " (SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace) AS it"
        )
        return bool(row.it)


def roles_on(address: Address) -> set[str]:
    return {row.rolname for row in rows(address, "SELECT rolname FROM pg_roles")}


@pytest.mark.parametrize("kept_share", [0.0, 0.3, 0.97, 0.999])
def test_an_archive_that_was_cut_off_is_refused_before_anything_is_made(
    archive: Path, new_database: NewDatabase, kept_share: float
) -> None:
    address = new_database()
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * kept_share)])
    with pytest.raises(ArchiveError, match="no archive of a class, or only a part of one"):
        restore_class(address, archive)
    assert is_empty(address)


def begin_of_data(content: bytearray, info: zipfile.ZipInfo) -> int:
    """Where a member's bytes begin: behind its name and what else its own header holds."""
    len_name, len_extra = struct.unpack_from("<HH", content, info.header_offset + 26)
    return info.header_offset + 30 + int(len_name) + int(len_extra)


def test_every_damaged_byte_of_a_table_is_noticed(archive: Path, new_database: NewDatabase) -> None:
    address = new_database()
    before = roles_on(address)
    content = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as opened:
        places = [begin_of_data(content, info) + info.compress_size // 2 for info in opened.infolist()]
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        archive.write_bytes(damaged)
        with pytest.raises(ArchiveError):
            restore_class(address, archive)
    assert is_empty(address)
    assert roles_on(address) == before


def rewritten(archive: Path, changes: Callable[[dict[str, Any], dict[str, bytes]], None]) -> Path:
    """The archive with another manifest, or with tables that fit to it."""
    with zipfile.ZipFile(archive) as opened:
        members = {name: opened.read(name) for name in opened.namelist()}
    manifest = json.loads(members.pop("manifest.json"))
    changes(manifest, members)
    path = archive.with_name("rewritten.zip")
    with zipfile.ZipFile(path, "w") as written:
        for name, content in members.items():
            written.writestr(name, content)
        written.writestr("manifest.json", json.dumps(manifest))
    return path


def test_an_archive_of_a_newer_program_is_refused_with_words(
    archive: Path, new_database: NewDatabase
) -> None:
    address = new_database()
    for key in ("version", "schema_version"):

        def newer(manifest: dict[str, Any], _: dict[str, bytes], key: str = key) -> None:
            manifest[key] += 1
            manifest["program"] = "9.9"

        with pytest.raises(ArchiveError, match=r"program version 9.9.*Get the newest") as refused:
            restore_class(address, rewritten(archive, newer))
        assert refused.value.title == "The archive is newer than this program"
    assert is_empty(address)


def test_an_archive_of_an_older_program_is_upgraded_by_its_restore(
    archive: Path, new_database: NewDatabase, taught: Classroom
) -> None:
    """As if this program had added a column and a table since."""

    def older(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
        manifest["schema_version"] = SCHEMA_VERSION - 1
        manifest["tables"] = [table for table in manifest["tables"] if table["name"] != "roster"]
        [runs] = [table for table in manifest["tables"] if table["name"] == "training_runs"]
        del runs["columns"]["restarted_at"]
        columns = ", ".join(f'"{name}"' for name in runs["columns"])
        content = io.BytesIO()
        taught.superuser.copy_to(f"COPY gan.training_runs ({columns}) TO STDOUT (FORMAT binary)", content)
        members["tables/training_runs.copy"] = content.getvalue()
        runs["num_bytes"] = len(content.getvalue())
        runs["sha256"] = hashlib.sha256(content.getvalue()).hexdigest()

    address = new_database()
    restore_class(address, rewritten(archive, older))
    [run] = rows(address, "SELECT restarted_at, name FROM gan.training_runs")
    assert (run.restarted_at, run.name) == (0, "Faces")
    with Connection(address) as connection:
        assert schema_version(connection) == SCHEMA_VERSION


def test_columns_that_this_program_does_not_know_are_named(archive: Path, new_database: NewDatabase) -> None:
    def strange(manifest: dict[str, Any], _: dict[str, bytes]) -> None:
        [runs] = [table for table in manifest["tables"] if table["name"] == "training_runs"]
        runs["columns"] = {
            "colour" if name == "name" else name: kind for name, kind in runs["columns"].items()
        }

    address = new_database()
    before = roles_on(address)
    with pytest.raises(ArchiveError, match=r"training_runs has a column colour \(text\)"):
        restore_class(address, rewritten(archive, strange))
    assert is_empty(address)
    assert roles_on(address) == before


def test_content_that_contradicts_itself_leaves_nothing_behind(
    archive: Path, new_database: NewDatabase
) -> None:
    def without_people(manifest: dict[str, Any], _: dict[str, bytes]) -> None:
        manifest["schema_version"] = SCHEMA_VERSION - 1  # of this one it would be missed before
        manifest["tables"] = [table for table in manifest["tables"] if table["name"] != "accounts"]

    address = new_database()
    before = roles_on(address)
    with pytest.raises(ArchiveError, match="contradicts itself"):
        restore_class(address, rewritten(archive, without_people))
    assert is_empty(address)
    assert roles_on(address) == before


Change = Callable[[dict[str, Any], dict[str, bytes]], None]


def in_manifest(**values: Any) -> Change:
    return lambda manifest, _: manifest.update(values)


def in_first_table(**values: Any) -> Change:
    return lambda manifest, _: manifest["tables"][0].update(values)


DAMAGED_MANIFESTS: list[Change] = [
    in_manifest(version="1"),
    in_manifest(version=10**400),
    in_manifest(schema_version=None),
    in_manifest(title=["Vision"]),
    in_manifest(title="\x1b]52;c;cm0=\x07"),
    in_manifest(title="Vision\ndatabase: {host: elsewhere}"),
    in_manifest(made_at=5),
    in_manifest(has_pictures="yes"),
    in_manifest(has_pictures=False),
    in_manifest(tables={"class": 1}),
    in_manifest(tables=[[]]),
    lambda manifest, _: manifest["tables"].append(manifest["tables"][0]),
    lambda manifest, _: manifest["tables"].pop(),
    in_first_table(name=5),
    in_first_table(columns=[]),
    in_first_table(columns={}),
    in_first_table(columns={"title": 5}),
    in_first_table(num_rows="3"),
    in_first_table(num_bytes=-1),
    in_first_table(sha256=None),
    in_first_table(colour="green"),
]


@pytest.mark.parametrize("change", DAMAGED_MANIFESTS)
def test_a_manifest_that_somebody_made_up_is_named_and_leaves_nothing_behind(
    archive: Path, new_database: NewDatabase, change: Change
) -> None:
    address = new_database()
    before = roles_on(address)
    with pytest.raises(ArchiveError):
        restore_class(address, rewritten(archive, change))
    assert is_empty(address)
    assert roles_on(address) == before


@pytest.mark.parametrize("text", ["[" * 100_000, f'{{"version": {"9" * 5_000}}}', "\ud800", "[]"])
def test_a_manifest_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "class.zip"
    with zipfile.ZipFile(path, "w") as written:
        written.writestr("manifest.json", text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ArchiveError, match="no archive of a class"):
        read_manifest(path)


def with_rows(taught: Classroom, table: str, columns: str) -> Change:
    """The archive with other rows in a table: `columns` is what a SELECT gives for them."""

    def change(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
        [record] = [record for record in manifest["tables"] if record["name"] == table]
        content = io.BytesIO()
        record["num_rows"] = taught.superuser.copy_to(
            f"COPY (SELECT {columns} FROM gan.{table}) TO STDOUT (FORMAT binary)", content
        )
        members[f"tables/{table}.copy"] = content.getvalue()
        record["num_bytes"] = len(content.getvalue())
        record["sha256"] = hashlib.sha256(content.getvalue()).hexdigest()

    return change


@pytest.mark.parametrize(
    ("table", "column", "value", "words"),
    [
        ("training_runs", "config", """'{"image_size": 33}'::jsonb""", "settings this program cannot use"),
        (
            "training_runs",
            "config",
            """'{"step_batch": "many"}'::jsonb""",
            "settings this program cannot use",
        ),
        ("training_runs", "config", "'[]'::jsonb", "settings this program cannot use"),
        ("training_runs", "name", "repeat('x', 3)::text, 5", "contradicts itself"),
        ("class", "title", r"E'\x1b[2J'::text", "one class with a title"),
    ],
)
def test_rows_that_somebody_made_up_are_named_and_leave_nothing_behind(
    archive: Path,
    taught: Classroom,
    new_database: NewDatabase,
    table: str,
    column: str,
    value: str,
    words: str,
) -> None:
    names = [
        row.attname
        for row in taught.superuser.query(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped ORDER BY attnum",
            [f"gan.{table}"],
        )
    ]
    columns = ", ".join(value if name == column else f'"{name}"' for name in names)
    address = new_database()
    before = roles_on(address)
    with pytest.raises(ArchiveError, match=words):
        restore_class(address, rewritten(archive, with_rows(taught, table, columns)))
    assert is_empty(address)
    assert roles_on(address) == before


def test_a_table_that_unpacks_to_more_than_it_should_is_left_at_once(archive: Path) -> None:
    manifest = read_manifest(archive)
    bomb = archive.with_name("bomb.zip")
    with zipfile.ZipFile(archive) as opened, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as written:
        for name in opened.namelist():
            is_first = name == manifest.tables[0].member
            written.writestr(name, bytes(50_000_000) if is_first else opened.read(name))
    told: list[int] = []
    with pytest.raises(ArchiveError, match="is damaged"):
        verify(bomb, manifest, lambda done, total: told.append(done))
    assert max(told) <= manifest.tables[0].num_bytes + 1


def test_a_restore_that_fails_at_its_end_leaves_nothing_behind(
    archive: Path, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = new_database()
    before = roles_on(address)

    make = Logins.make

    def make_and_fail(*arguments: Any) -> None:
        make(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(Logins, "make", make_and_fail)
    with pytest.raises(KeyboardInterrupt):
        restore_class(address, archive)
    assert is_empty(address)
    assert roles_on(address) == before
    monkeypatch.undo()
    assert restore_class(address, archive).num_students == 1


def test_whoever_owns_the_database_restores_a_class_without_a_superuser(
    archive: Path, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    superuser = new_database()
    owner = replace(superuser, user=f"owner_of_{superuser.dbname}", password="of-the-department")
    with Connection(superuser) as connection:
        connection.execute(f"CREATE ROLE {owner.user} LOGIN CREATEROLE PASSWORD 'of-the-department'")
        connection.execute(f"ALTER DATABASE {owner.dbname} OWNER TO {owner.user}")
    try:
        before = roles_on(superuser)
        with monkeypatch.context() as failing:
            failing.setattr("gan_desktop.class_admin.archive.datasets_without_pictures", None)
            with pytest.raises(TypeError):
                restore_class(owner, archive)
        assert is_empty(superuser)
        assert roles_on(superuser) == before
        restored = restore_class(owner, archive)
        with Connection(restored.coordinator) as connection:
            [student] = [s for s in Accounts(connection).students() if not s.is_withdrawn]
            Accounts(connection).renew(student.user)
    finally:
        with Connection(superuser) as connection:
            connection.execute(f"ALTER DATABASE {owner.dbname} OWNER TO postgres")
            connection.execute(f"DROP OWNED BY {owner.user} CASCADE")
            connection.execute(f"DROP ROLE {owner.user}")


def test_a_class_is_not_restored_over_another(archive: Path, taught: Classroom) -> None:
    before = content_of(taught.administrator)
    with pytest.raises(SchemaError, match="holds a class already"):
        restore_class(taught.administrator, archive)
    assert content_of(taught.administrator) == before


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip at all"])
def test_other_files_are_no_archives(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.zip"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match="no archive"):
        read_manifest(path)
    with zipfile.ZipFile(path, "w") as written:
        written.writestr("manifest.json", '{"format": "holiday pictures"}')
    with pytest.raises(ArchiveError, match="is a zip file, but no archive"):
        read_manifest(path)
    with pytest.raises(ArchiveError, match="cannot be read"):
        read_manifest(tmp_path / "missing.zip")


def test_a_full_disk_leaves_no_half_archive(taught: Classroom) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any, /) -> int:
            if self.tell() > 2_000:
                raise OSError(28, "No space left on device")
            return super().write(data)

    with pytest.raises(OSError, match="No space left"):
        archive_class(taught.coordinator_address, Full())


# -- the commands --------------------------------------------------------------------------------


def test_from_laptop_to_server_by_commands(
    taught: Classroom, new_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_config(tmp_path, taught.coordinator_address)
    made = gan_desktop("class", "archive", "vision.zip")
    assert (made.code, made.stderr) == (0, "")
    assert "names and e-mail addresses" in made.stdout
    again = gan_desktop("class", "archive", "vision.zip")
    assert again.code == 1 and "is there already" in again.stderr

    write_config(tmp_path / "server", new_database())
    shutil.copy("vision.zip", tmp_path / "server")
    restored = gan_desktop("class", "restore", "vision.zip", cwd=tmp_path / "server")
    assert (restored.code, restored.stderr) == (0, "")
    assert "Its 1 students keep their credit and need new cards" in restored.stdout
    (tmp_path / "server" / "config.yaml").write_text(restored.stdout, "utf-8")
    status = gan_desktop("class", "status", "--once", cwd=tmp_path / "server")
    assert status.code == 0 and "Faces" in status.stdout
    damaged = tmp_path / "server" / "damaged.zip"
    damaged.write_bytes((tmp_path / "vision.zip").read_bytes()[:-100])
    write_config(tmp_path / "third", new_database())
    refused = gan_desktop("class", "restore", damaged, cwd=tmp_path / "third")
    assert refused.code == 2
    assert refused.stderr.startswith("This archive cannot be used: ")
