"""What a student's login can do: nothing but what api/grants.sql lists, whatever he tries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import psycopg2
import psycopg2.errors
import pytest
from psycopg2 import sql

from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.schema import ClassRoles, init_class
from gan_desktop.errors import ConnectionFailed, GanDesktopError, LeaseLost, Refused
from gan_desktop.records import WorkerState
from tests.integration.classroom import Classroom, Worker, finished

READ_ONLY_VIEWS = {
    "workers", "leaderboard", "work_units", "gradients", "model_weights", "training_runs", "training_state",
    "loss_history", "datasets", "dataset_shards", "shard_payloads", "samples", "events", "class_info",
    "class_totals", "messages",
}  # fmt: skip
# Every right of a student on a relation. A new table or view belongs here only with a grant.
STUDENT_RELATIONS = {f"public.{view}": {"SELECT"} for view in READ_ONLY_VIEWS} | {
    "public.submissions": {"INSERT"}
}
STUDENT_FUNCTIONS = {
    "register_worker", "claim_work_unit", "release_work_unit", "heartbeat", "leave",
    "is_instructor", "own_account_id", "schema_version",
}  # fmt: skip

# What PostgreSQL answers when a relation, or a computed column, can never be changed that way.
_IMPOSSIBLE = (
    psycopg2.errors.WrongObjectType,
    psycopg2.errors.ObjectNotInPrerequisiteState,
    psycopg2.errors.GeneratedAlways,
    psycopg2.errors.FeatureNotSupported,
)


def relations(classroom: Classroom) -> dict[str, list[str]]:
    """Every table, view and sequence of the class with its columns, from the catalogue."""
    rows = classroom.superuser.query(
        """
        SELECT format('%I.%I', n.nspname, c.relname) AS name, ARRAY(SELECT attname::text FROM pg_attribute
               WHERE attrelid = c.oid AND attnum > 0) AS columns
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('gan', 'public') AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        """
    )
    return {row.name: row.columns for row in rows}


def is_allowed(connection: Connection, statement: str) -> bool:
    """Whether a login gets past the permission checks; what the statement did is undone."""
    connection.execute("BEGIN")
    try:
        connection.execute(statement)
    except Refused:  # by our own rules (a submission without a unit): the door itself is open
        return True
    except GanDesktopError as error:
        assert isinstance(error.__cause__, psycopg2.errors.InsufficientPrivilege)
        return False
    except _IMPOSSIBLE:
        return False
    finally:
        connection.execute("ROLLBACK")
    return True


def what_is_allowed(connection: Connection, statements: Iterable[str]) -> list[str]:
    return [statement for statement in statements if is_allowed(connection, statement)]


def rights(connection: Connection, relation: str, columns: list[str]) -> set[str]:
    attempts = [
        ("SELECT", f"SELECT * FROM {relation} LIMIT 1"),
        ("INSERT", f"INSERT INTO {relation} DEFAULT VALUES"),
        ("DELETE", f"DELETE FROM {relation}"),
        ("TRUNCATE", f"TRUNCATE {relation}"),
        *(("UPDATE", f"UPDATE {relation} SET {column} = DEFAULT") for column in columns),
    ]
    return {right for right, statement in attempts if is_allowed(connection, statement)}


def test_a_student_can_do_to_every_relation_only_what_is_granted(classroom: Classroom) -> None:
    classroom.start_training()
    student = classroom.log_in(classroom.add_student())

    found = {name: rights(student, name, columns) for name, columns in relations(classroom).items()}

    assert len(found) > 30
    assert {name: allowed for name, allowed in found.items() if allowed} == STUDENT_RELATIONS


def test_the_catalogue_knows_of_no_further_right_on_a_relation(classroom: Classroom) -> None:
    login = classroom.add_student()
    rows = classroom.superuser.query(
        """
        SELECT format('%%I.%%I', n.nspname, c.relname) AS name, array_agg(privilege) AS rights
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace,
             unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
             AS privilege
        WHERE n.nspname IN ('gan', 'public') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
          AND (has_table_privilege(%(login)s, c.oid, privilege)
               OR privilege <> ALL (ARRAY['DELETE', 'TRUNCATE', 'TRIGGER'])
                  AND has_any_column_privilege(%(login)s, c.oid, privilege))
        GROUP BY 1
        """,
        {"login": login.user},
    )
    assert {row.name: set(row.rights) for row in rows} == STUDENT_RELATIONS


def test_a_student_can_call_only_the_listed_functions(classroom: Classroom) -> None:
    login = classroom.add_student()
    rows = classroom.superuser.query(
        """
        SELECT p.proname AS name, n.nspname AS schema
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname IN ('gan', 'public') AND has_function_privilege(%(login)s, p.oid, 'EXECUTE')
        """,
        {"login": login.user},
    )
    assert {(row.schema, row.name) for row in rows} == {("public", name) for name in STUDENT_FUNCTIONS}


def test_a_student_has_no_right_on_a_sequence(classroom: Classroom) -> None:
    student = classroom.log_in(classroom.add_student())
    sequences = [name for name in relations(classroom) if name.endswith("_seq")]
    assert sequences
    attempts = [
        call.format(name)
        for name in sequences
        for call in ("SELECT nextval('{}')", "SELECT setval('{}', 1)", "SELECT last_value FROM {}")
    ]
    assert what_is_allowed(student, attempts) == []


def test_a_student_cannot_reach_files_programs_or_other_roles(classroom: Classroom) -> None:
    login, other = classroom.add_student("Ana"), classroom.add_student("Ben")
    student = classroom.log_in(login)
    roles = ClassRoles(classroom.new_class.class_id)
    coordinator_pid = classroom.coordinator.query("SELECT pg_backend_pid()")[0][0]
    attempts = [
        # Files and programs of the server
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "COPY (SELECT 1) TO '/tmp/written-by-a-student'",
        "COPY submissions FROM PROGRAM 'cat /etc/passwd'",
        "COPY submissions FROM '/etc/passwd'",
        "COPY gan.accounts TO '/tmp/written-by-a-student'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_read_binary_file('/etc/passwd')",
        "SELECT pg_stat_file('/etc/passwd')",
        "SELECT pg_ls_dir('/')",
        "SELECT pg_ls_logdir()",
        "SELECT lo_import('/etc/passwd')",
        "SELECT lo_export(1, '/tmp/written-by-a-student')",
        # The disk
        "SELECT lo_create(0)",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT lo_put(1, 0, 'x')",
        "SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000))",
        "SET temp_file_limit = -1",
        "CREATE TABLE public.mine (a integer)",
        "CREATE TEMPORARY TABLE mine (a integer)",
        "CREATE SCHEMA mine",
        # Locks that others wait for
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_try_advisory_xact_lock(1)",
        "LOCK TABLE workers IN ACCESS EXCLUSIVE MODE",
        "LOCK TABLE gan.workers IN ACCESS SHARE MODE",
        # Code that others would run
        "CREATE FUNCTION pg_temp.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE OPERATOR public.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)",
        "CREATE VIEW public.mine AS SELECT 1",
        "CREATE OR REPLACE VIEW workers AS SELECT 1",
        "CREATE RULE mine AS ON INSERT TO submissions DO INSTEAD NOTHING",
        "CREATE TRIGGER mine INSTEAD OF INSERT ON submissions FOR EACH ROW EXECUTE FUNCTION f()",
        "ALTER VIEW workers SET (security_barrier = false)",
        "DROP VIEW workers",
        "CREATE EXTENSION hstore",
        "LOAD 'auto_explain'",
        # Other roles
        f"SET ROLE {roles.owner}",
        f"SET ROLE {roles.coordinator}",
        f"SET ROLE {other.user}",
        "SET ROLE postgres",
        f"SET SESSION AUTHORIZATION {other.user}",
        "SET SESSION AUTHORIZATION postgres",
        f"GRANT {roles.coordinator} TO {login.user}",
        f"GRANT {roles.student} TO {roles.coordinator}",
        f"GRANT {other.user} TO {login.user}",
        f"ALTER ROLE {login.user} CONNECTION LIMIT -1",
        f"ALTER ROLE {login.user} CREATEROLE",
        f"ALTER ROLE {login.user} SUPERUSER",
        f"ALTER ROLE {login.user} VALID UNTIL 'infinity'",
        f"ALTER ROLE {other.user} PASSWORD 'mine'",
        f"ALTER ROLE {other.user} SET statement_timeout = 1",
        f"ALTER ROLE {roles.student} SET search_path = pg_temp",
        "CREATE ROLE mine",
        "SELECT * FROM pg_authid",
        "SELECT * FROM pg_shadow",
        "SELECT * FROM pg_statistic",
        # The server
        f"SELECT pg_terminate_backend({coordinator_pid})",
        f"SELECT pg_cancel_backend({coordinator_pid})",
        f"ALTER DATABASE {classroom.administrator.dbname} SET search_path = pg_temp",
        "SET session_replication_role = replica",
        "CHECKPOINT",
        "SELECT pg_reload_conf()",
        "SELECT pg_switch_wal()",
        "SELECT pg_stat_reset()",
        # Around the functions
        "INSERT INTO submissions (unit_id) VALUES (1) RETURNING payload",
        "SELECT gan.require_account()",
        "SELECT gan.return_unit(1)",
        "SELECT gan.split_unit(1, 1)",
    ]  # fmt: skip
    assert what_is_allowed(student, attempts) == []


def test_a_student_cannot_change_the_servers_settings(classroom: Classroom) -> None:
    student = classroom.log_in(classroom.add_student())
    # This statement is refused in a transaction whoever asks, hence not in the list above.
    with pytest.raises(GanDesktopError, match="permission denied"):
        student.execute("ALTER SYSTEM SET work_mem = '1GB'")


def test_a_student_gains_nothing_by_acting_as_the_group_of_students(classroom: Classroom) -> None:
    classroom.start_training()
    ana, ben = classroom.add_worker(), classroom.add_worker()
    ana.connection.execute(f"SET ROLE {ClassRoles(classroom.new_class.class_id).student}")
    assert [row.worker_id for row in ana.connection.query("SELECT worker_id FROM workers")] == [ana.worker_id]
    with pytest.raises(Refused, match="not registered under this login"):
        ana.queue.claim(ben.worker_id, [])
    ana.claim()


def test_a_student_cannot_loosen_what_his_calls_look_up(classroom: Classroom) -> None:
    worker = classroom.add_worker()
    worker.connection.execute(f"ALTER ROLE {worker.login.user} SET search_path = pg_temp, public")
    worker.connection.execute("SET search_path = pg_temp, public")
    assert not worker.connection.query("SELECT public.is_instructor() AS it")[0].it


# -- other people's things -----------------------------------------------------------------------


@pytest.fixture
def ana_and_ben(classroom: Classroom) -> tuple[Worker, Worker]:
    """Two students at work; Ben's computer has told things that concern nobody else."""
    classroom.start_training()
    ben = classroom.add_worker(classroom.add_student("Ben"), hostname="bens-secret-host")
    return classroom.add_worker(), ben


def test_nobody_works_in_the_name_of_another_ones_worker(ana_and_ben: tuple[Worker, Worker]) -> None:
    ana, ben = ana_and_ben
    stolen = Worker(ana.login, ana.connection, ben.device_id, ben.hostname, ben.queue, ben.worker_id)
    # Ben's own session id, as though Ana had seen it.
    stolen.queue = type(ben.queue)(ana.connection, ben.queue._session_id)
    for call in (
        lambda: stolen.queue.claim(ben.worker_id, []),
        lambda: stolen.queue.heartbeat(ben.worker_id, WorkerState.COMPUTING, {}, [], 0, None),
        lambda: stolen.queue.leave(ben.worker_id),
    ):
        with pytest.raises(Refused) as refused:
            call()
        assert refused.value.code == "GD001"


def test_another_ones_device_id_makes_a_worker_of_ones_own(ana_and_ben: tuple[Worker, Worker]) -> None:
    ana, ben = ana_and_ben
    ana.device_id = ben.device_id
    ana.restart()
    assert ana.worker_id != ben.worker_id


def test_another_ones_unit_cannot_be_given_back_renewed_or_handed_in(
    classroom: Classroom, ana_and_ben: tuple[Worker, Worker]
) -> None:
    ana, ben = ana_and_ben
    unit = ben.claim()
    before = classroom.superuser.query("SELECT * FROM gan.work_units")

    assert not ana.queue.release(unit)
    directives = ana.queue.heartbeat(ana.worker_id, WorkerState.COMPUTING, {}, [unit.unit_id], 5, None)
    assert directives.lost_units == (unit.unit_id,)
    with pytest.raises(LeaseLost):
        ana.queue.submit(finished(unit))

    assert classroom.superuser.query("SELECT * FROM gan.work_units") == before
    ben.queue.submit(finished(unit))


def test_no_view_shows_another_ones_secrets(classroom: Classroom, ana_and_ben: tuple[Worker, Worker]) -> None:
    ana, ben = ana_and_ben
    held, handed_in = ben.claim(), ben.claim()
    ben.queue.submit(finished(handed_in))
    ben.queue.heartbeat(ben.worker_id, WorkerState.COMPUTING, {"what": "bens-detail"}, [], 0, "bens-error")
    classroom.coordinator.execute(
        "INSERT INTO gan.events (kind, message, worker_id, is_public)"
        " VALUES ('on_hold', 'bens-event', %(ben)s, false), ('joined', 'Welcome', %(ben)s, true)",
        {"ben": ben.worker_id},
    )
    seen = "\n".join(
        str(row)
        for view in READ_ONLY_VIEWS
        for row in ana.connection.query(f"SELECT v::text FROM {view} AS v")
    )

    for secret in (ben.hostname, ben.worker_id, ben.device_id, ben.login.user, "bens-detail", "bens-error",
                   "bens-event", held.lease_token, handed_in.lease_token, finished(handed_in).payload.hex(),
                   b"state of iteration".hex()):  # fmt: skip
        assert secret not in seen
    assert "Ben" in seen  # the leaderboard names everybody
    assert "Welcome" in seen


def test_not_even_the_owner_of_a_lease_can_read_its_token(ana_and_ben: tuple[Worker, Worker]) -> None:
    ana, _ = ana_and_ben
    unit = ana.claim()
    seen = "\n".join(
        str(row)
        for view in READ_ONLY_VIEWS
        for row in ana.connection.query(f"SELECT v::text FROM {view} AS v")
    )
    assert unit.lease_token not in seen


def test_hidden_rows_do_not_leak_into_functions_of_the_askers_choice(
    classroom: Classroom, ana_and_ben: tuple[Worker, Worker]
) -> None:
    ana, ben = ana_and_ben
    ben.queue.submit(finished(ben.claim()))
    # No student can make one. So cheap that the planner runs it first, were there no security barrier.
    classroom.superuser.execute(
        "CREATE FUNCTION public.tell(t text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001"
        " AS $$ BEGIN RAISE NOTICE 'told: %', t; RETURN true; END $$"
    )
    try:
        classroom.superuser.execute("GRANT EXECUTE ON FUNCTION public.tell TO PUBLIC")
        ana.connection.query("SELECT 1 FROM workers WHERE tell(hostname)")
        ana.connection.query("SELECT 1 FROM work_units WHERE tell(worker_id)")
        ana.connection.query("SELECT 1 FROM gradients WHERE tell(worker_id)")
    finally:
        classroom.superuser.execute("DROP FUNCTION public.tell")
    told = "".join(ana.connection._connection.notices)
    assert ana.hostname in told
    assert ben.hostname not in told
    assert ben.worker_id not in told


def test_the_text_of_others_statements_is_hidden(classroom: Classroom) -> None:
    student = classroom.log_in(classroom.add_student())
    rows = student.query("SELECT DISTINCT query FROM pg_stat_activity WHERE usename <> current_user")
    assert [row.query for row in rows] == ["<insufficient privilege>"]


# -- limits and doors ----------------------------------------------------------------------------


def test_a_login_has_no_more_connections_than_its_workers_need(classroom: Classroom) -> None:
    login = classroom.add_student(num_workers=1)
    for _ in range(3):
        classroom.log_in(login)
    with pytest.raises(ConnectionFailed) as failed:
        classroom.log_in(login)
    assert failed.value.cause == "too_many"


def test_a_student_of_one_class_cannot_enter_another(
    classroom: Classroom, new_database: Callable[[], Address]
) -> None:
    other_class = new_database()
    init_class(other_class, "Another class")
    login = classroom.add_student()
    for dbname in (other_class.dbname, "postgres", "template1"):
        with pytest.raises(ConnectionFailed) as failed:
            Connection(replace(classroom.address(login.user, login.password), dbname=dbname))
        assert failed.value.cause in {"database", "forbidden"}


def test_the_group_of_students_and_the_owner_cannot_log_in(classroom: Classroom) -> None:
    roles = ClassRoles(classroom.new_class.class_id)
    for role in (roles.student, roles.owner):
        [row] = classroom.superuser.query(
            "SELECT rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls FROM pg_roles"
            " WHERE rolname = %s",
            [role],
        )
        assert not any(row)


# -- the coordinator -----------------------------------------------------------------------------


def test_the_coordinator_cannot_become_more_than_it_is(
    classroom: Classroom, new_database: Callable[[], Address]
) -> None:
    other = init_class(new_database(), "Another class")
    mine, others = ClassRoles(classroom.new_class.class_id), ClassRoles(other.class_id)
    attempts = [
        "CREATE ROLE mine SUPERUSER",
        "CREATE ROLE mine REPLICATION",
        "CREATE ROLE mine BYPASSRLS",
        "CREATE ROLE mine CREATEDB",
        f"CREATE ROLE mine IN ROLE {mine.owner}",
        "CREATE ROLE mine IN ROLE pg_execute_server_program",
        "ALTER ROLE postgres PASSWORD 'mine'",
        f"ALTER ROLE {mine.coordinator} SUPERUSER",
        f"ALTER ROLE {mine.owner} LOGIN",
        f"ALTER ROLE {others.coordinator} PASSWORD 'mine'",
        f"GRANT {mine.owner} TO {mine.coordinator}",
        f"GRANT {others.coordinator} TO {mine.coordinator}",
        f"GRANT {others.student} TO {mine.coordinator}",
        f"GRANT pg_read_server_files TO {mine.coordinator}",
        f"GRANT pg_execute_server_program TO {mine.coordinator}",
        f"GRANT pg_write_all_data TO {mine.coordinator}",
        f"SET ROLE {mine.owner}",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres",
        f"DROP ROLE {mine.owner}",
        "CREATE TABLE gan.mine (a integer)",
        "CREATE TABLE public.mine (a integer)",
        "ALTER TABLE gan.workers DISABLE TRIGGER ALL",
        "ALTER FUNCTION is_instructor() RENAME TO mine",
        "DROP SCHEMA gan CASCADE",
        "TRUNCATE gan.workers CASCADE",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ]
    assert what_is_allowed(classroom.coordinator, attempts) == []


def test_the_coordinator_cannot_pass_rights_on_tables_to_students(classroom: Classroom) -> None:
    login = classroom.add_student()
    # Without the right to grant, PostgreSQL only warns.
    classroom.coordinator.execute(f"GRANT ALL ON gan.workers TO {login.user}")
    [row] = classroom.superuser.query(
        "SELECT has_table_privilege(%s, 'gan.workers', 'SELECT') AS may", [login.user]
    )
    assert not row.may


def test_instructor_and_student_read_the_workers_by_the_names_of_the_guide(
    classroom: Classroom, ana_and_ben: tuple[Worker, Worker]
) -> None:
    ana, ben = ana_and_ben
    guide = (
        "SELECT worker_id, total_images, total_work_units, last_heartbeat FROM workers WHERE worker_id = %s"
    )
    assert len(ana.connection.query(guide, [ana.worker_id])) == 1
    assert len(ana.connection.query(guide, [ben.worker_id])) == 0
    assert len(classroom.coordinator.query(guide, [ben.worker_id])) == 1
    assert classroom.coordinator.query("SELECT iteration FROM optimizer_state")[0].iteration == 0


def test_every_privileged_function_looks_names_up_in_its_own_schema(classroom: Classroom) -> None:
    rows = classroom.superuser.query(
        """
        SELECT p.proname AS name, p.proconfig AS settings FROM pg_proc AS p
        JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname IN ('gan', 'public') AND p.prosecdef
        """
    )
    assert len(rows) >= 8
    assert {row.name for row in rows if row.settings != ["search_path=gan, pg_temp"]} == set()


def test_every_view_is_a_barrier_and_asks_with_its_owners_rights(classroom: Classroom) -> None:
    rows = classroom.superuser.query(
        """
        SELECT c.relname AS name, coalesce(c.reloptions, '{}') AS options FROM pg_class AS c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'v' AND c.relname <> 'submissions'
        """
    )
    assert {row.name for row in rows} == READ_ONLY_VIEWS | {"optimizer_state"}
    assert all(row.options == ["security_barrier=true"] for row in rows)


def test_no_call_of_a_worker_takes_a_time_of_its_own_clock(classroom: Classroom) -> None:
    """All times are the server's: a worker's clock may be hours wrong."""
    rows = classroom.superuser.query(
        """
        SELECT p.proname AS name, t.typname AS type FROM pg_proc AS p, unnest(p.proargtypes) AS a
        JOIN pg_type AS t ON t.oid = a WHERE p.pronamespace = 'public'::regnamespace
        UNION ALL
        SELECT 'submissions', t.typname FROM pg_attribute JOIN pg_type AS t ON t.oid = atttypid
        WHERE attrelid = 'submissions'::regclass AND attnum > 0
        """
    )
    assert {row.type for row in rows} == {
        "text", "uuid", "int4", "int8", "float4", "float8", "jsonb", "bytea", "bool", "_int4", "_int8",
    }  # fmt: skip


def test_identifiers_are_quoted_wherever_a_login_is_named(classroom: Classroom) -> None:
    login = classroom.add_student('Robert"; DROP ROLE postgres; --')
    rows = classroom.superuser.query(
        sql.SQL("SELECT display_name FROM gan.accounts WHERE login = {}").format(sql.Literal(login.user))
    )
    assert rows[0].display_name == 'Robert"; DROP ROLE postgres; --'
