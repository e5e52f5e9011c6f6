"""What a student, or somebody with a class card, tries against the class with an SQL client of his own."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gan_desktop.database.accounts import CONNECTIONS_BY_CARD, Accounts
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.coordination import CoordinatorLease
from gan_desktop.database.databases import create_database
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.database.enrolment import EnrolCards, Enrolment
from gan_desktop.database.schema import init_class, upgrade_class
from gan_desktop.database.statistics import Statistics
from gan_desktop.errors import ConnectionFailed
from gan_desktop.records import WorkerState
from gan_desktop.status_tables import worker_sentence
from tests.integration.classroom import Classroom, Worker

VERIFIER = "SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$" + "A" * 43 + "=:" + "A" * 43 + "="


def card_session(classroom: Classroom, kind: str = "class") -> Connection:
    card = EnrolCards(classroom.coordinator).make(kind, 5, timedelta(days=1))  # type: ignore[arg-type]
    return classroom.connect(classroom.address(card.card.login, card.password))


# -- filling the server ------------------------------------------------------------------------------


@pytest.fixture
def small_class(open_folder: Path) -> Iterator[tuple[Address, Classroom]]:
    """A class on a server of twenty connections: three of them the superuser's, six coordinators'."""
    with EmbeddedPostgres(
        open_folder / "postgres",
        max_connections=20,
        settings={"fsync": "off", "reserved_connections": "6"},
    ) as server:
        administrator = create_database(server.address, "class")
        classroom = Classroom(administrator, init_class(administrator, "Vision"))
        yield administrator, classroom
        classroom.close()


@pytest.mark.parametrize("is_upgraded", [False, True])
def test_whoever_fills_the_server_does_not_lock_the_coordinator_out(
    small_class: tuple[Address, Classroom], is_upgraded: bool
) -> None:
    administrator, classroom = small_class
    if is_upgraded:  # as a class that was made before there was such a right
        classroom.superuser.execute(
            f"REVOKE pg_use_reserved_connections FROM {classroom.new_class.coordinator_user}"
        )
        upgrade_class(administrator)
    logins = [classroom.add_student(f"Student {number}") for number in range(4)]
    with contextlib.ExitStack() as sessions:
        with pytest.raises(ConnectionFailed) as full:
            for login in logins:
                for _ in range(6):
                    sessions.enter_context(Connection(classroom.address(login.user, login.password)))
        assert full.value.cause == "too_many"
        for _ in range(4):
            sessions.enter_context(Connection(classroom.coordinator_address))


@pytest.mark.parametrize(("kind", "allowed"), [("class", CONNECTIONS_BY_CARD), ("room", 6)])
def test_an_account_made_with_a_card_has_the_connections_of_one_computer(
    classroom: Classroom, kind: str, allowed: int
) -> None:
    enrolment = Enrolment("Ana")
    login = enrolment.ask(card_session(classroom, kind))
    address = classroom.address(login, enrolment.password)
    for _ in range(allowed):
        classroom.connect(address)
    with pytest.raises(ConnectionFailed) as failed:
        classroom.connect(address)
    assert failed.value.cause == "too_many"


def test_a_session_whose_link_has_died_is_noticed_within_a_minute(classroom: Classroom) -> None:
    session = classroom.log_in(classroom.add_student())
    idle, interval, count = (
        int(session.query(f"SHOW tcp_keepalives_{name}")[0][0]) for name in ("idle", "interval", "count")
    )
    assert 0 < idle + interval * count <= 60


# -- standing in the way of others' enrolment --------------------------------------------------------


@pytest.fixture
def open_enrolment(classroom: Classroom) -> Connection:
    """A card's session that has made an account and does not end its transaction."""
    session = card_session(classroom)
    session.execute("SET idle_in_transaction_session_timeout = 0")
    session.execute("BEGIN")
    session.query("SELECT enrol('Mallory', %s)", [VERIFIER])
    return session


def test_the_coordinator_ends_an_enrolment_that_is_kept_open(
    classroom: Classroom, open_enrolment: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = classroom.start_training()
    monkeypatch.setattr("gan_desktop.database.coordination.WRITING_S", 0.0)
    lease = CoordinatorLease(classroom.coordinator, training.run_id, training.lease.token)
    [login] = lease.end_stuck_sessions()
    assert login.startswith("gan_card_")
    with pytest.raises(ConnectionFailed):
        open_enrolment.query("SELECT 1")


@pytest.mark.parametrize(
    "make",
    [
        lambda accounts, cards: accounts.add("Ben"),
        lambda accounts, cards: cards.make("class", 5, timedelta(days=1)),
    ],
    ids=["a student", "a card"],
)
def test_an_enrolment_kept_open_does_not_keep_the_instructor_from_making_logins(
    classroom: Classroom,
    open_enrolment: Connection,
    make: Callable[[Accounts, EnrolCards], object],
) -> None:
    classroom.wait_for(
        "SELECT 1 FROM pg_stat_activity WHERE backend_xid IS NOT NULL"
        " AND usename LIKE 'gan_card_%' AND xact_start < now() - interval '1.1 seconds'"
    )
    make(Accounts(classroom.coordinator), EnrolCards(classroom.coordinator))
    [students] = classroom.superuser.query(
        "SELECT count(*) FILTER (WHERE display_name = 'Mallory') AS of_mallory FROM gan.accounts"
    )
    assert students.of_mallory == 0
    assert classroom.coordinator.query("SHOW lock_timeout")[0][0] == "0"


def test_a_card_is_withdrawn_though_somebody_has_hung_privileges_on_its_login(classroom: Classroom) -> None:
    cards = EnrolCards(classroom.coordinator)
    card = cards.make("class", 5, timedelta(days=1))
    session = classroom.connect(classroom.address(card.card.login, card.password))
    session.execute("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC")
    try:
        assert cards.withdraw(card.card.card_id)
        assert cards.in_use() == []
        with pytest.raises(ConnectionFailed) as failed:
            classroom.connect(classroom.address(card.card.login, card.password))
        assert failed.value.cause == "login"
        cards.make("class", 5, timedelta(days=1))
    finally:
        classroom.superuser.execute(f"DROP OWNED BY {card.card.login}")
        classroom.superuser.execute(f"DROP ROLE {card.card.login}")


# -- saying what others cannot read ------------------------------------------------------------------

DEEP = '{"a": ' + "[" * 990 + "]" * 990 + "}"
# More characters than readings may have, and a number that no float holds.
LARGE = '{"a": 1e1990}'
BEAT = "SELECT * FROM heartbeat(%s, %s, 'computing', %s::jsonb, '{}', 0, NULL, %s::jsonb)"


@pytest.mark.parametrize(
    "told",
    [
        DEEP,
        "[" * 900 + "]" * 900,
        '{"a": [1]}',
        '{"a": {"b": 1}}',
        "[]",
        "3",
        '"x"',
        "null",
        LARGE,
        None,
    ],
)
def test_only_plain_values_are_kept_of_what_a_worker_tells(classroom: Classroom, told: str | None) -> None:
    worker = classroom.add_worker()
    session = classroom.superuser.query("SELECT session_id::text FROM gan.workers")[0][0]
    worker.connection.query(BEAT, [worker.worker_id, session, told, told])
    [kept] = classroom.superuser.query("SELECT state_detail::text AS d, readings::text AS r FROM gan.workers")
    assert kept.r == "{}"
    assert kept.d == "{}" or told == LARGE
    [summary] = Statistics(classroom.coordinator).workers()
    assert worker_sentence(summary) == "computing"


def test_what_honest_workers_tell_is_kept(classroom: Classroom) -> None:
    worker = classroom.add_worker()
    detail = {"unit_id": 3, "num_done": 4, "num_images": 16, "seconds_left": None, "title": "Zoë", "x": True}
    readings = {"cpu_percent": 12.5, "network_sent_bytes": 10**12}
    worker.queue.heartbeat(worker.worker_id, WorkerState.COMPUTING, detail, [], 0, None, readings)
    [kept] = classroom.superuser.query("SELECT state_detail AS d, readings AS r FROM gan.workers")
    assert (kept.d, kept.r) == (detail, readings)


def test_a_class_of_version_1_may_hold_details_nobody_can_read(classroom: Classroom) -> None:
    classroom.add_worker()
    classroom.superuser.execute("UPDATE gan.workers SET state_detail = %s", [DEEP])
    with pytest.raises(RecursionError):
        json.loads(DEEP)
    [summary] = Statistics(classroom.coordinator).workers()
    assert summary.state_detail == {}


# -- guessing what others' rows hold -----------------------------------------------------------------


def test_the_planner_does_not_tell_what_hidden_rows_hold(classroom: Classroom) -> None:
    for _ in range(10):
        classroom.add_worker()
    classroom.superuser.execute("UPDATE gan.workers SET hostname = 'alices-laptop'")
    student = classroom.log_in(classroom.add_student("Mallory"))
    classroom.superuser.execute("ANALYZE gan.workers, gan.worker_totals, gan.events, gan.messages")

    def estimates(host: str) -> str:
        return str(student.query("EXPLAIN SELECT * FROM workers WHERE hostname = %s", [host])).replace(
            host, ""
        )

    assert estimates("alices-laptop") == estimates("nobodys-laptop")
    known = classroom.superuser.query(
        "SELECT tablename || '.' || attname AS name FROM pg_stats WHERE schemaname = 'gan'"
    )
    hidden = {
        f"workers.{name}"
        for name in ("name", "hostname", "gpu_name", "last_error", "state_detail", "readings")
    }
    hidden |= {"worker_totals.on_hold_reason", "events.message", "messages.text"}
    assert not hidden & {row.name for row in known}


def test_an_upgrade_forgets_what_the_planner_knew(new_database: Callable[[], Address]) -> None:
    address = new_database()
    classroom = Classroom(address, init_class(address, "Vision"))
    try:
        classroom.add_worker()
        for change in ("-1", "0"):  # as version 1 left it: gathered, whatever the target is now
            classroom.superuser.execute(f"ALTER TABLE gan.workers ALTER hostname SET STATISTICS {change}")
            classroom.superuser.execute("ANALYZE gan.workers")
        known = "SELECT 1 FROM pg_stats WHERE schemaname = 'gan' AND attname = 'hostname'"
        assert classroom.superuser.query(known)
        upgrade_class(address)
        assert not classroom.superuser.query(known)
    finally:
        classroom.close()


# -- taking units and giving them back ---------------------------------------------------------------


def give_up(how: str, worker: Worker) -> None:
    unit = worker.claim()
    if how == "release":
        worker.queue.release(unit)
    elif how == "leave":
        worker.queue.leave(worker.worker_id)
    else:
        worker.restart()


@pytest.mark.parametrize("how", ["release", "leave", "restart"])
def test_nobody_uses_up_units_by_giving_them_back_in_a_loop(classroom: Classroom, how: str) -> None:
    training = classroom.start_training()
    worker = classroom.add_worker()
    for _ in range(50):
        give_up(how, worker)
    [unit] = training.units()
    assert (unit.status, unit.num_attempts, len(unit.given_back_by)) == ("pending", 1, 1)


def test_a_unit_that_comes_back_for_minutes_is_given_up(classroom: Classroom) -> None:
    training = classroom.start_training()
    worker = classroom.add_worker()
    for _ in range(20):
        give_up("release", worker)
        classroom.superuser.execute("UPDATE gan.work_units SET given_back_at = now() - interval '31 seconds'")
    assert [unit.status for unit in training.units()] == ["failed"]
