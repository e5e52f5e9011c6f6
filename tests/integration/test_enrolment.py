"""Class cards and room cards: who gets an account with them, and what else one can do with them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg2.errors
import pytest

from gan_desktop.database.accounts import Accounts, Login
from gan_desktop.database.connection import Connection
from gan_desktop.database.enrolment import CardKind, EnrolCards, Enrolment, NewEnrolCard
from gan_desktop.database.schema import ClassRoles
from gan_desktop.errors import ConnectionFailed, GanDesktopError, Refused
from tests.integration.classroom import Classroom, Worker
from tests.integration.test_roles import relations, rights, what_is_allowed

DAY = timedelta(days=1)


def make_card(
    classroom: Classroom, kind: CardKind = "class", *, uses: int = 5, valid: timedelta | datetime = DAY
) -> NewEnrolCard:
    return EnrolCards(classroom.coordinator).make(kind, uses, valid)


def card_session(classroom: Classroom, card: NewEnrolCard) -> Connection:
    return classroom.connect(classroom.address(card.card.login, card.password))


def come_in(classroom: Classroom, card: NewEnrolCard, name: str) -> tuple[str, str]:
    """Enrol under a name; returns login and password."""
    enrolment = Enrolment(name)
    with Connection(classroom.address(card.card.login, card.password)) as connection:
        return enrolment.ask(connection), enrolment.password


def refusal(classroom: Classroom, card: NewEnrolCard, name: str) -> Refused:
    with pytest.raises(Refused) as refused:
        come_in(classroom, card, name)
    return refused.value


# -- coming in -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["class", "room"])
def test_whoever_enrols_is_a_student_like_any_other(classroom: Classroom, kind: CardKind) -> None:
    classroom.start_training()
    login, password = come_in(classroom, make_card(classroom, kind), "Zoë 山田")
    [made] = Accounts(classroom.coordinator).students()
    assert (made.user, made.name, made.card_kind) == (login, "Zoë 山田", kind)
    student = classroom.connect(classroom.address(login, password))
    assert student.query("SELECT own_account_id() AS id")[0].id is not None
    by_hand = classroom.add_student("Ben")
    attributes = "rolinherit, rolcreaterole, rolcreatedb, rolsuper, rolcanlogin"
    [enrolled, other] = [
        classroom.superuser.query(f"SELECT {attributes} FROM pg_roles WHERE rolname = %s", [user])[0]
        for user in (login, by_hand.user)
    ]
    assert enrolled == other


def test_the_server_never_sees_the_password(classroom: Classroom) -> None:
    login, password = come_in(classroom, make_card(classroom), "Ana")
    [row] = classroom.superuser.query("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [login])
    assert row.rolpassword.startswith("SCRAM-SHA-256$")
    everything = str(classroom.superuser.query("SELECT a::text FROM gan.accounts AS a"))
    assert row.rolpassword not in everything and password not in everything


def test_a_question_whose_answer_was_lost_makes_no_second_account(classroom: Classroom) -> None:
    card = make_card(classroom, uses=1)
    enrolment = Enrolment("Ana")
    logins = set()
    for _ in range(3):
        with Connection(classroom.address(card.card.login, card.password)) as connection:
            logins.add(enrolment.ask(connection))
    assert len(logins) == 1
    assert len(Accounts(classroom.coordinator).students()) == 1


def test_thirty_people_at_once_all_come_in_and_no_more_than_the_card_allows(classroom: Classroom) -> None:
    card = make_card(classroom, uses=25)

    def try_to_come_in(number: int) -> str:
        try:
            return come_in(classroom, card, f"Student {number}")[0]
        except (Refused, ConnectionFailed) as error:
            return "" if isinstance(error, Refused) else try_to_come_in(number)

    with ThreadPoolExecutor(10) as people:
        logins = [login for login in people.map(try_to_come_in, range(30)) if login]
    assert len(logins) == len(set(logins)) == 25
    assert EnrolCards(classroom.coordinator).in_use()[0].num_uses == 25


@pytest.mark.parametrize(
    "name",
    ["", "  ", "x" * 41, "two\nlines", "\u202edlrow", "\x9b31m", "An\u200ba", "\ufeffAna", "A\u00adna"],
)
def test_a_name_that_cannot_be_shown_is_refused(classroom: Classroom, name: str) -> None:
    error = refusal(classroom, make_card(classroom), name)
    assert error.code == "GD002"
    assert Accounts(classroom.coordinator).students() == []


def test_a_name_that_is_taken_is_refused_on_a_class_card(classroom: Classroom) -> None:
    classroom.add_student("Ana")
    card = make_card(classroom)
    error = refusal(classroom, card, "ANA")
    assert error.code == "GD007" and '"ANA" takes part already' in error.message
    assert refusal(classroom, card, " Ana ").code == "GD007"
    come_in(classroom, card, "Ana B")


@pytest.mark.parametrize("name", ["An\u200da", "Ana\ufe0f", "\uff21na", "Ana\U000e0101", "A\u200cNA\u3000"])
def test_nobody_can_bear_a_name_that_looks_like_anothers(classroom: Classroom, name: str) -> None:
    classroom.add_student("Ana")
    assert refusal(classroom, make_card(classroom), name).code == "GD007"


def test_a_removed_persons_name_is_free_again(classroom: Classroom) -> None:
    card = make_card(classroom)
    login, _ = come_in(classroom, card, "Ana")
    Accounts(classroom.coordinator).withdraw(login)
    assert come_in(classroom, card, "Ana")[0] != login


def test_a_card_that_is_used_up_says_so(classroom: Classroom) -> None:
    card = make_card(classroom, uses=1)
    come_in(classroom, card, "Ana")
    error = refusal(classroom, card, "Ben")
    assert error.code == "GD006" and "used 1 times" in error.message


def test_a_card_whose_time_is_over_says_so(classroom: Classroom) -> None:
    card = make_card(classroom)
    classroom.superuser.execute("UPDATE gan.enrol_cards SET valid_until = now() - interval '1 second'")
    error = refusal(classroom, card, "Ana")
    assert error.code == "GD006" and "time of this card is over" in error.message
    assert not EnrolCards(classroom.coordinator).in_use()[0].is_in_time


def test_a_card_for_a_time_that_is_over_is_not_made(classroom: Classroom) -> None:
    before = classroom.superuser.query("SELECT rolname FROM pg_roles")
    for valid in (timedelta(seconds=-1), datetime.now(UTC) - DAY):
        with pytest.raises(GanDesktopError, match="over already"):
            make_card(classroom, valid=valid)
    for uses in (0, 1001):
        with pytest.raises(GanDesktopError, match="1 to 1000"):
            make_card(classroom, uses=uses)
    assert classroom.superuser.query("SELECT rolname FROM pg_roles") == before


@pytest.mark.parametrize(
    "verifier",
    [
        "a plain password",
        "md5" + "0" * 32,
        "",
        "SCRAM-SHA-256$4096:c2FsdA==$stored:server",
        "SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$" + "A" * 43 + "=:" + "A" * 43 + "='; DROP ROLE x; --",
        None,
    ],
)
def test_nothing_but_a_verifier_becomes_a_password(classroom: Classroom, verifier: str | None) -> None:
    session = card_session(classroom, make_card(classroom))
    with pytest.raises(Refused) as refused:
        session.query("SELECT enrol('Ana', %s)", [verifier])
    assert refused.value.code == "GD002"
    assert Accounts(classroom.coordinator).students() == []


# -- the computers of a lab --------------------------------------------------------------------------


def test_a_computer_of_a_lab_that_lost_its_disk_is_itself_again(classroom: Classroom) -> None:
    card = make_card(classroom, "room", uses=1)
    first, former_password = come_in(classroom, card, "PC-17")
    again, password = come_in(classroom, card, "pc-17")
    assert again == first
    classroom.connect(classroom.address(first, password))
    with pytest.raises(ConnectionFailed) as failed:
        classroom.connect(classroom.address(first, former_password))
    assert failed.value.cause == "login"
    assert EnrolCards(classroom.coordinator).in_use()[0].num_uses == 1


def test_a_computer_at_work_is_not_replaced_by_another_of_its_name(classroom: Classroom) -> None:
    card = make_card(classroom, "room")
    login, password = come_in(classroom, card, "PC-17")
    worker = Worker(
        Login(login, password),
        classroom.connect(classroom.address(login, password)),
        "device-17", "pc-17", classroom.add_worker().queue, "",
    )  # fmt: skip
    worker.restart()
    error = refusal(classroom, card, "PC-17")
    assert error.code == "GD007" and "at work at this moment" in error.message
    classroom.superuser.execute("UPDATE gan.workers SET last_heartbeat = now() - interval '2 minutes'")
    assert come_in(classroom, card, "PC-17")[0] == login


def test_a_room_card_does_not_lead_into_other_peoples_accounts(classroom: Classroom) -> None:
    card, other = make_card(classroom, "room"), make_card(classroom, "room")
    classroom.add_student("Ana")
    come_in(classroom, other, "PC-1")
    for name in ("Ana", "PC-1"):
        assert refusal(classroom, card, name).code == "GD007"


# -- withdrawing -------------------------------------------------------------------------------------


def test_a_withdrawn_card_lets_nobody_in_and_its_sessions_end_but_people_stay(classroom: Classroom) -> None:
    card = make_card(classroom)
    login, password = come_in(classroom, card, "Ana")
    session = card_session(classroom, card)
    cards = EnrolCards(classroom.coordinator)
    assert cards.withdraw(card.card.card_id)
    with pytest.raises(ConnectionFailed):
        session.query("SELECT 1")
    with pytest.raises(ConnectionFailed) as failed:
        card_session(classroom, card)
    assert failed.value.cause == "login"
    assert cards.in_use() == []
    assert not cards.withdraw(card.card.card_id)
    classroom.connect(classroom.address(login, password))
    [roles] = classroom.superuser.query(
        "SELECT count(*) AS num FROM pg_roles WHERE rolname = %s", [card.card.login]
    )
    assert roles.num == 0


def test_an_enrolled_student_is_renewed_and_withdrawn_like_any_other(classroom: Classroom) -> None:
    login, password = come_in(classroom, make_card(classroom), "Ana")
    accounts = Accounts(classroom.coordinator)
    session = classroom.connect(classroom.address(login, password))
    renewed = accounts.renew(login)
    with pytest.raises(ConnectionFailed):
        session.query("SELECT 1")
    session = classroom.log_in(renewed)
    assert accounts.withdraw(login)
    with pytest.raises(ConnectionFailed):
        session.query("SELECT 1")
    with pytest.raises(ConnectionFailed):
        classroom.log_in(renewed)


def test_a_card_is_withdrawn_even_while_somebody_tries_to_prevent_it(classroom: Classroom) -> None:
    card = make_card(classroom)
    session = card_session(classroom, card)
    session.execute("BEGIN")
    session.execute(f"ALTER ROLE {card.card.login} SET work_mem = '1MB'")
    assert EnrolCards(classroom.coordinator).withdraw(card.card.card_id)


# -- what else a card can do ---------------------------------------------------------------------


def test_a_cards_login_can_do_nothing_but_enrol(classroom: Classroom) -> None:
    classroom.start_training()
    student = classroom.add_student()
    card = make_card(classroom)
    session = card_session(classroom, card)
    found = {name: rights(session, name, columns) for name, columns in relations(classroom).items()}
    assert {name: allowed for name, allowed in found.items() if allowed} == {}
    rows = classroom.superuser.query(
        "SELECT n.nspname || '.' || p.proname AS name FROM pg_proc AS p"
        " JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname IN ('gan', 'public')"
        " AND has_function_privilege(%s, p.oid, 'EXECUTE')",
        [card.card.login],
    )
    assert {row.name for row in rows} == {"public.enrol", "public.schema_version"}
    roles = ClassRoles(classroom.new_class.class_id)
    attempts = [
        "SELECT gan.make_login('postgres', 'x', 'y', 1)",
        f"SELECT gan.make_login('{student.user}', 'x', '{roles.class_id}', 1)",
        "CREATE TEMPORARY TABLE mine (a integer)",
        "CREATE TABLE public.mine (a integer)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE ROLE mine",
        f"ALTER ROLE {card.card.login} CONNECTION LIMIT -1",
        f"ALTER ROLE {card.card.login} VALID UNTIL 'infinity'",
        f"ALTER ROLE {roles.enrol} SET search_path = pg_temp",
        f"ALTER ROLE {student.user} PASSWORD 'mine'",
        *(
            f"SET ROLE {role}"
            for role in (roles.owner, roles.coordinator, roles.student, roles.registrar, student.user)
        ),
        f"GRANT {roles.student} TO {card.card.login}",
        f"GRANT {roles.registrar} TO {card.card.login}",
        "SELECT * FROM pg_authid",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT pg_advisory_lock(1)",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ]
    assert what_is_allowed(session, attempts) == []


def test_a_student_cannot_enrol_others(classroom: Classroom) -> None:
    student = classroom.log_in(classroom.add_student())
    with pytest.raises(GanDesktopError, match="permission denied"):
        student.query("SELECT enrol('Ben', 'x')")


def test_the_registrar_makes_students_and_has_no_other_right(classroom: Classroom) -> None:
    roles = ClassRoles(classroom.new_class.class_id)
    [row] = classroom.superuser.query(
        "SELECT rolcanlogin, rolsuper, rolcreatedb, rolbypassrls, rolreplication, rolcreaterole FROM pg_roles"
        " WHERE rolname = %s",
        [roles.registrar],
    )
    assert tuple(row) == (False, False, False, False, False, True)
    owned = classroom.superuser.query(
        "SELECT p.oid::regprocedure::text AS name FROM pg_proc AS p WHERE pg_get_userbyid(proowner) = %s",
        [roles.registrar],
    )
    assert [row.name for row in owned] == ["gan.make_login(name,text,text,integer)"]
    assert not classroom.superuser.query(
        "SELECT 1 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'gan' AND c.relkind IN ('r', 'v')"
        " AND has_table_privilege(%s, c.oid, 'SELECT, INSERT, UPDATE, DELETE')",
        [roles.registrar],
    )
    assert not classroom.superuser.query(
        "SELECT 1 WHERE has_schema_privilege(%s, 'gan', 'CREATE')", [roles.registrar]
    )


def test_nobody_but_enrol_makes_logins_through_the_registrar(classroom: Classroom) -> None:
    statement = "SELECT gan.make_login('s_mine', 'SCRAM-SHA-256$...', 'x', 1)"
    for connection in (classroom.coordinator, classroom.log_in(classroom.add_student())):
        with pytest.raises((psycopg2.errors.InsufficientPrivilege, GanDesktopError)):
            connection.query(statement)


def test_two_class_cards_of_one_server_have_logins_of_their_own(classroom: Classroom) -> None:
    cards = [make_card(classroom) for _ in range(40)]
    assert len({card.card.login for card in cards}) == 40
    assert all(card.card.login == f"gan_card_{card.password[:2].lower()}" for card in cards)
    assert all(card.password not in repr(card) for card in cards)
