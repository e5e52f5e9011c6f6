"""Making a class, upgrading it, and noticing that program and class do not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from psycopg2 import sql

from gan_desktop.database import schema
from gan_desktop.database.accounts import Accounts
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.enrolment import EnrolCards, Enrolment
from gan_desktop.database.schema import (
    SCHEMA_VERSION,
    ClassRoles,
    init_class,
    require_fitting_schema,
    schema_version,
    upgrade_class,
)
from gan_desktop.errors import ConnectionFailed, SchemaError, SettingsError
from tests.integration.classroom import Classroom, counted, finished

NewDatabase = Callable[[], Address]

# Every character that means something in a connection string.
PASSWORD = "p@ss/w:rd%20#?&'\\ "


@dataclass
class Owner:
    """An ordinary login that owns the one database it was given."""

    address: Address
    superuser: Address

    def let(self, statement: str) -> None:
        """Have the server's administrator run a statement on the login (`{}`)."""
        with Connection(self.superuser) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(self.address.user)))


@pytest.fixture
def owner(new_database: NewDatabase) -> Iterator[Owner]:
    """As a hosting service gives it: a database of one's own, a login that may make others."""
    superuser = new_database()
    name = f"owner_of_{superuser.dbname}"
    owner = Owner(replace(superuser, user=name, password=PASSWORD), superuser)
    with Connection(superuser) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(
                sql.Identifier(name), sql.Literal(PASSWORD)
            )
        )
        connection.execute(
            sql.SQL("ALTER DATABASE {} OWNER TO {}").format(
                sql.Identifier(superuser.dbname), sql.Identifier(name)
            )
        )
    yield owner
    with Connection(superuser) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} OWNER TO postgres").format(sql.Identifier(superuser.dbname))
        )
        # What it granted, too: a role whose grants are in force cannot be dropped.
        connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(name)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def set_version(address: Address, version: int) -> None:
    """Let a class's database say that it is of another program version."""
    with Connection(address) as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION schema_version() RETURNS integer LANGUAGE sql IMMUTABLE"
            f" AS 'SELECT {version}'"
        )


def one_unit_travels(classroom: Classroom) -> None:
    """The whole way of a unit: given out, handed in, merged, credited."""
    training = classroom.start_training()
    worker = classroom.add_worker()
    unit = worker.claim()
    worker.queue.submit(finished(unit))
    [update] = training.coordination.pending_updates()
    training.publish_next([counted(update.update_id)])
    [row] = worker.connection.query("SELECT total_images FROM workers")
    assert row.total_images == unit.num_images
    assert training.lease.end_stuck_sessions() == []


def test_a_new_class_fits_this_program(classroom: Classroom) -> None:
    student = classroom.log_in(classroom.add_student())
    assert schema_version(student) == SCHEMA_VERSION
    require_fitting_schema(student)
    require_fitting_schema(classroom.coordinator)
    assert student.query("SELECT title FROM class_info")[0].title == "Vision"


def test_the_owner_of_a_database_makes_a_class_without_a_superuser(owner: Owner) -> None:
    classroom = Classroom(owner.superuser, init_class(owner.address, "Vision"))
    try:
        one_unit_travels(classroom)
        [row] = classroom.superuser.query("SELECT to_regclass('public.workers') IS NOT NULL AS is_public")
        assert row.is_public
    finally:
        classroom.close()


def test_people_enrol_in_a_class_that_no_superuser_made(owner: Owner) -> None:
    classroom = Classroom(owner.superuser, init_class(owner.address, "Vision"))
    try:
        # The second time the registrar's function is there already, and belongs to somebody else.
        upgrade_class(owner.address)
        new = EnrolCards(classroom.coordinator).make("class", 1, timedelta(hours=1))
        card = classroom.connect(classroom.address(new.card.login, new.password))
        enrolment = Enrolment("Ana")
        login = enrolment.ask(card)
        student = classroom.connect(classroom.address(login, enrolment.password))
        assert Accounts(classroom.coordinator).withdraw(login)
        with pytest.raises(ConnectionFailed):
            student.query("SELECT 1")
    finally:
        classroom.close()


def test_without_the_right_to_make_roles_the_sql_for_the_administrator_is_shown(owner: Owner) -> None:
    owner.let("ALTER ROLE {} NOCREATEROLE")
    with pytest.raises(SchemaError) as error:
        init_class(owner.address, "Vision")
    statement = f'ALTER ROLE "{owner.address.user}" CREATEROLE;'
    assert statement in error.value.message
    assert PASSWORD not in error.value.message

    with Connection(owner.superuser) as connection:
        connection.execute(statement)
    init_class(owner.address, "Vision")


def test_without_owning_the_database_the_sql_for_the_administrator_is_shown(owner: Owner) -> None:
    with Connection(owner.superuser) as connection:
        connection.execute(f"ALTER DATABASE {owner.superuser.dbname} OWNER TO postgres")
    with pytest.raises(SchemaError) as error:
        init_class(owner.address, "Vision")
    statement = f'ALTER DATABASE "{owner.address.dbname}" OWNER TO "{owner.address.user}";'
    assert statement in error.value.message

    with Connection(owner.superuser) as connection:
        connection.execute(statement)
    init_class(owner.address, "Vision")


def test_where_public_belongs_to_somebody_else_the_views_get_a_schema_of_their_own(owner: Owner) -> None:
    with Connection(owner.superuser) as connection:
        connection.execute("ALTER SCHEMA public OWNER TO postgres")
        connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    classroom = Classroom(owner.superuser, init_class(owner.address, "Vision"))
    try:
        one_unit_travels(classroom)
        classroom.close()
        # Whoever upgrades, even one who owns public as well, keeps the views where they are.
        upgrade_class(owner.superuser)
        with Connection(owner.superuser) as connection:
            assert schema_version(connection) == SCHEMA_VERSION
            assert connection.query("SELECT to_regclass('workers') = to_regclass('gan_api.workers') AS it")[
                0
            ].it
            assert connection.query("SELECT to_regclass('public.workers') IS NULL AS it")[0].it
    finally:
        classroom.close()


def test_a_second_class_in_the_same_database_is_refused(classroom: Classroom) -> None:
    with pytest.raises(SchemaError, match="holds a class already"):
        init_class(classroom.administrator, "Vision again")


@pytest.mark.parametrize("title", ["", "x" * 81])
def test_a_title_that_cannot_be_shown_is_refused_before_anything_is_made(
    new_database: NewDatabase, title: str
) -> None:
    address = new_database()
    with pytest.raises(SettingsError, match="1 to 80 characters"):
        init_class(address, title)
    with Connection(address) as connection:
        assert not connection.query("SELECT 1 FROM pg_namespace WHERE nspname = 'gan'")


@pytest.mark.parametrize("stage", ["_migrate", "_make_api"])
def test_an_init_that_was_cut_short_is_finished_by_the_next(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    address = new_database()

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut, pytest.raises(KeyboardInterrupt):
        cut.setattr(schema, stage, die)
        init_class(address, "Vision")
    with Connection(address) as connection:
        with pytest.raises(SchemaError, match="holds no class yet"):
            require_fitting_schema(connection)
        with pytest.raises(SchemaError, match="make one first"):
            upgrade_class(address)

    classroom = Classroom(address, init_class(address, "Vision"))
    try:
        one_unit_travels(classroom)
    finally:
        classroom.close()


def test_a_schema_of_another_program_is_left_alone(new_database: NewDatabase) -> None:
    address = new_database()
    with Connection(address) as connection:
        connection.execute("CREATE SCHEMA gan")
    with pytest.raises(SchemaError, match="of another program"):
        init_class(address, "Vision")


def test_a_table_in_the_way_is_named_and_init_goes_on_without_it(new_database: NewDatabase) -> None:
    address = new_database()
    with Connection(address) as connection:
        connection.execute("CREATE TABLE workers (name text)")
        with pytest.raises(SchemaError, match='relation "workers" already exists'):
            init_class(address, "Vision")
        connection.execute("DROP TABLE workers")
    init_class(address, "Vision")


def test_tables_that_another_program_is_changing_are_left_alone(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = new_database()
    init_class(address, "Vision")
    monkeypatch.setattr(schema, "MIGRATION_LOCK_S", 0.2)
    with Connection(address) as connection:
        connection.execute("INSERT INTO gan.yoyo_lock (ctime, pid) VALUES (now(), 1)")
        with pytest.raises(SchemaError) as error:
            upgrade_class(address)
        # The way out that the error names.
        connection.execute(error.value.message.splitlines()[-1])
    upgrade_class(address)


def test_a_database_without_a_class_is_named(new_database: NewDatabase) -> None:
    address = new_database()
    with Connection(address) as connection:
        assert schema_version(connection) is None
        with pytest.raises(SchemaError, match=f'"{address.dbname}" holds no class yet'):
            require_fitting_schema(connection)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (SCHEMA_VERSION - 1, "Ask your instructor to upgrade the class"),
        (SCHEMA_VERSION + 1, "Get the newest version of the program"),
    ],
)
def test_a_class_of_another_version_says_who_has_to_do_what(
    new_database: NewDatabase, version: int, words: str
) -> None:
    address = new_database()
    init_class(address, "Vision")
    set_version(address, version)
    with Connection(address) as connection, pytest.raises(SchemaError, match=words):
        require_fitting_schema(connection)


def test_an_upgrade_keeps_everything_and_everybody(new_database: NewDatabase) -> None:
    address = new_database()
    classroom = Classroom(address, init_class(address, "Vision"))
    try:
        one_unit_travels(classroom)
        worker = classroom.add_worker()
        unit = worker.claim()
        before = everything_in(classroom)
        set_version(address, SCHEMA_VERSION - 1)

        upgrade_class(address)

        assert everything_in(classroom) == before
        assert schema_version(worker.connection) == SCHEMA_VERSION
        worker.queue.submit(finished(unit))
    finally:
        classroom.close()


def everything_in(classroom: Classroom) -> dict[str, list[str]]:
    """All rows of all tables as text."""
    names = classroom.superuser.query(
        "SELECT format('gan.%I', tablename) AS name FROM pg_tables"
        " WHERE schemaname = 'gan' AND tablename !~ 'yoyo'"
    )
    return {
        row.name: [r.text for r in classroom.superuser.query(f"SELECT t::text AS text FROM {row.name} AS t")]
        for row in names
    }


def test_a_class_of_a_newer_program_is_not_downgraded(new_database: NewDatabase) -> None:
    address = new_database()
    init_class(address, "Vision")
    set_version(address, SCHEMA_VERSION + 1)
    with pytest.raises(SchemaError, match="newer than this program"):
        upgrade_class(address)


def test_the_coordinators_password_never_reaches_the_server_as_text(classroom: Classroom) -> None:
    [row] = classroom.superuser.query(
        "SELECT rolpassword FROM pg_authid WHERE rolname = %s", [classroom.new_class.coordinator_user]
    )
    assert row.rolpassword.startswith("SCRAM-SHA-256$")
    assert classroom.new_class.coordinator_password not in repr(classroom.new_class)


def test_everybodys_rights_on_the_database_are_taken_away(classroom: Classroom) -> None:
    [row] = classroom.superuser.query(
        "SELECT datacl::text AS rights FROM pg_database WHERE datname = current_database()"
    )
    roles = ClassRoles(classroom.new_class.class_id)
    granted = dict(entry.split("/")[0].split("=") for entry in row.rights.strip("{}").split(","))
    assert granted == {
        "postgres": "CTc",
        roles.owner: "C",
        roles.coordinator: "c",
        roles.student: "c",
        roles.enrol: "c",
    }
