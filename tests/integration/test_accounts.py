"""Students' logins: made, renewed and withdrawn by the coordinator's role."""

from __future__ import annotations

import pytest

from gan_desktop.database.accounts import Accounts
from gan_desktop.database.connection import Connection
from gan_desktop.errors import ConnectionFailed, GanDesktopError
from tests.integration.classroom import Classroom


def test_a_logins_role_tells_nothing_of_its_person(classroom: Classroom) -> None:
    login = classroom.add_student("Ana")
    assert login.user.startswith("s_")
    assert "ana" not in login.user.lower()
    assert login.password not in repr(login)
    [row] = classroom.superuser.query(
        "SELECT rolpassword, rolconnlimit, rolcreaterole, rolcreatedb, rolsuper FROM pg_authid"
        " WHERE rolname = %s",
        [login.user],
    )
    assert row.rolpassword.startswith("SCRAM-SHA-256$")
    assert tuple(row)[1:] == (6, False, False, False)


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "two\nlines", "\u202edlrow", "\x9b31m"])
def test_a_name_that_cannot_be_shown_makes_no_login(classroom: Classroom, name: str) -> None:
    before = classroom.superuser.query("SELECT rolname FROM pg_roles")
    with pytest.raises(GanDesktopError, match="1 to 40 characters"):
        classroom.add_student(name)
    assert classroom.superuser.query("SELECT rolname FROM pg_roles") == before
    ana = classroom.add_student("Ana")
    with pytest.raises(GanDesktopError, match="1 to 40 characters"):
        Accounts(classroom.coordinator).rename(ana.user, name)


def test_a_renewed_card_replaces_the_old_password_and_ends_its_sessions(classroom: Classroom) -> None:
    login = classroom.add_student()
    session = classroom.log_in(login)
    renewed = Accounts(classroom.coordinator).renew(login.user)
    assert renewed.user == login.user
    with pytest.raises(ConnectionFailed):
        session.query("SELECT 1")
    with pytest.raises(ConnectionFailed) as failed:
        classroom.log_in(login)
    assert failed.value.cause == "login"
    classroom.log_in(renewed)


def test_a_withdrawn_login_is_closed_for_good_and_its_record_stays(classroom: Classroom) -> None:
    worker = classroom.add_worker()
    accounts = Accounts(classroom.coordinator)
    assert accounts.withdraw(worker.login.user)
    with pytest.raises(ConnectionFailed):
        worker.connection.query("SELECT 1")
    with pytest.raises(ConnectionFailed) as failed:
        classroom.log_in(worker.login)
    assert failed.value.cause == "login"
    assert not failed.value.is_passing

    assert not accounts.withdraw(worker.login.user)
    with pytest.raises(GanDesktopError, match="has no login"):
        accounts.renew(worker.login.user)
    assert len(classroom.coordinator.query("SELECT 1 FROM workers")) == 1


def test_other_students_sessions_go_on(classroom: Classroom) -> None:
    ana, ben = classroom.add_worker(), classroom.add_worker()
    Accounts(classroom.coordinator).withdraw(ana.login.user)
    assert ben.connection.query("SELECT 1 AS one")[0].one == 1


def test_a_login_that_is_none_of_the_class_is_not_touched(classroom: Classroom) -> None:
    accounts = Accounts(classroom.coordinator)
    for user in ("nobody", "postgres", classroom.new_class.coordinator_user):
        assert not accounts.withdraw(user)
        with pytest.raises(GanDesktopError, match="has no login"):
            accounts.renew(user)
    Connection(classroom.coordinator_address).close()


def test_a_student_makes_no_logins(classroom: Classroom) -> None:
    with pytest.raises(GanDesktopError, match="permission denied"):
        Accounts(classroom.log_in(classroom.add_student())).add("Mine")
