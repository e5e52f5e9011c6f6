"""Who takes part in the class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gan_desktop.class_admin.login import log_in
from gan_desktop.class_admin.roster import RosterError, as_sentence, entry_problems
from gan_desktop.database.accounts import Accounts, Login, RosterEntry, Student
from gan_desktop.database.address import Address
from gan_desktop.database.notices import Notices
from gan_desktop.errors import GanDesktopError, SettingsError
from gan_desktop.names import MAX_NAME, is_name, name_key


class NameTaken(GanDesktopError):
    """Somebody of that name takes part already."""

    default_title = "That name is taken"


def add_student(
    coordinator: Address,
    name: str,
    *,
    student_id: str | None = None,
    email: str | None = None,
    section: str | None = None,
    same_name: bool = False,
) -> Address:
    """Make a login for a student; returns the way in. The password is stored nowhere.

    Args:
        student_id, email, section: For the instructor's credit table; nobody else sees them.
        same_name: Another person of a name that is there already.

    Raises:
        NameTaken: Somebody of that name takes part, and `same_name` was not said.
        RosterError: Id, e-mail address or section cannot be one, or the id is somebody else's.
        GanDesktopError: The name cannot be shown.
    """
    entry = RosterEntry(_require_name(name), student_id, email, section)
    with log_in(coordinator) as connection:
        accounts = Accounts(connection)
        others = [student for student in accounts.students() if not student.is_withdrawn]
        _require_fitting(entry, others)
        if not same_name and (namesakes := _called(entry.name, others)):
            raise NameTaken(f'"{entry.name}" takes part already ({namesakes[0].user}).')
        [login] = accounts.add_all([entry], keep=lambda logins: None)
    return replace(coordinator, user=login.user, password=login.password)


def import_roster(
    coordinator: Address,
    entries: Sequence[RosterEntry],
    keep: Callable[[list[RosterEntry], list[Login]], None],
    *,
    only_new: bool = False,
) -> tuple[int, int]:
    """Admit all people of a list, or nobody; returns how many are new and how many were there already.

    Args:
        keep: Puts the new people's logins where they are safe. If it raises, nobody is admitted.
        only_new: Pass over those who take part already, instead of refusing the list.

    Raises:
        RosterError: People of the list take part already.
    """
    with log_in(coordinator) as connection:
        accounts = Accounts(connection)
        students = [student for student in accounts.students() if not student.is_withdrawn]
        names = {name_key(student.name) for student in students}
        ids = {student.student_id for student in students if student.student_id}
        known = [entry for entry in entries if entry.student_id in ids or name_key(entry.name) in names]
        if known and not only_new:
            raise RosterError(
                f"{len(known)} of {len(entries)} take part already: {_listed(known)}. Nobody was admitted."
            )
        new = [entry for entry in entries if entry not in known]
        accounts.add_all(new, keep=lambda logins: keep(new, logins))
    return len(new), len(known)


def students(coordinator: Address) -> list[Student]:
    """Everybody who takes or took part, by name."""
    with log_in(coordinator) as connection:
        return Accounts(connection).students()


def find_student(coordinator: Address, who: str) -> Student:
    """The one who takes part under that name or login.

    Raises:
        SettingsError: Nobody, or several; the message names their logins.
    """
    everybody = students(coordinator)
    for student in everybody:
        if student.user == who:
            return student
    found = _called(who, everybody)
    if len(found) == 1:
        return found[0]
    if found:
        logins = ", ".join(student.user for student in found)
        raise SettingsError(
            f'{len(found)} people are called "{who}". Name one by login: {logins}',
            title="More than one of that name",
        )
    if any(name_key(student.name) == name_key(who) for student in everybody):
        raise SettingsError(
            f'"{who}" was removed from the class. Admit them anew: class add-student',
            title="No longer in the class",
        )
    raise SettingsError(
        f'Nobody in the class is called "{who}". Look at: gan-desktop class students',
        title="Nobody of that name",
    )


def remove_student(coordinator: Address, who: str) -> Student:
    """End a student's login and its sessions; what was contributed stays and keeps its credit."""
    student = find_student(coordinator, who)
    remove_students(coordinator, [student.user])
    return student


def remove_students(coordinator: Address, users: Sequence[str]) -> None:
    """The same for many logins, for all of them or, if anything fails, for none.

    Raises:
        GanDesktopError: Somebody was removed before.
    """
    with log_in(coordinator) as connection:
        accounts = Accounts(connection)
        students = [student for student in accounts.students() if student.user in users]
        for student in students:
            if student.is_withdrawn:
                raise GanDesktopError(
                    f'"{student.name}" ({student.user}) was removed before.', title="Removed before"
                )
        accounts.withdraw_all([student.user for student in students])
        for student in students:
            Notices(connection).add_event("removed", f'"{student.name}" was removed from the class.')


def rename_student(coordinator: Address, who: str, name: str, *, same_name: bool = False) -> Student:
    """Let the class know a student by another name; returns how it was.

    Raises:
        NameTaken: Somebody else has that name, and `same_name` was not said.
    """
    student = find_student(coordinator, who)
    entry = RosterEntry(name, student.student_id, student.email, student.section)
    return edit_student(coordinator, student.user, entry, same_name=same_name)


def edit_student(coordinator: Address, user: str, entry: RosterEntry, *, same_name: bool = False) -> Student:
    """Change a student's name and what the instructor's list says beside it; returns how it was.

    Raises:
        NameTaken: Somebody else has that name, and `same_name` was not said.
        RosterError: Id, e-mail address or section cannot be one, or the id is somebody else's.
    """
    entry = replace(entry, name=_require_name(entry.name))
    student = find_student(coordinator, user)
    with log_in(coordinator) as connection:
        accounts = Accounts(connection)
        others = [s for s in accounts.students() if s.user != student.user and not s.is_withdrawn]
        _require_fitting(entry, others)
        # A name that stays needs no leave: two people of one name may be there already.
        if entry.name != student.name and not same_name and (namesakes := _called(entry.name, others)):
            raise NameTaken(f'"{entry.name}" takes part already ({namesakes[0].user}).')
        accounts.rename(student.user, entry.name)
        accounts.change_roster(student.user, entry)
    return student


def hide_student(coordinator: Address, who: str, *, is_hidden: bool = True) -> Student:
    """Keep a student off the leaderboard that classmates see, or let them be there again.

    Work and credit are counted as before, and the student's own program shows them as before.
    """
    student = find_student(coordinator, who)
    hide_students(coordinator, [student.user], is_hidden=is_hidden)
    return student


def hide_students(coordinator: Address, users: Sequence[str], *, is_hidden: bool = True) -> None:
    """The same for many logins, for all of them or for none."""
    with log_in(coordinator) as connection:
        Accounts(connection).hide_all(users, is_hidden=is_hidden)


def _require_fitting(entry: RosterEntry, others: Sequence[Student]) -> None:
    """Pass only with an id, an address and a section that can be such.

    Raises:
        RosterError: One cannot, or the id is that of one of the others.
    """
    problems = list(entry_problems(entry))
    same_id = [s for s in others if entry.student_id and _same(s.student_id, entry.student_id)]
    if same_id:
        problems.append(f'the id is that of "{same_id[0].name}"')
    if problems:
        raise RosterError(" ".join(map(as_sentence, problems)), title="Not changed")


def _require_name(name: str) -> str:
    """The name without spaces around it, if people can see all of it."""
    if not is_name(name.strip()):
        raise SettingsError(
            f"A name has 1 to {MAX_NAME} characters, none of them control characters or invisible."
            " Choose another name.",
            title="Not a name for the class",
        )
    return name.strip()


def _same(one: str | None, other: str) -> bool:
    return one is not None and one.casefold() == other.casefold()


def _called(name: str, everybody: Sequence[Student]) -> list[Student]:
    return [s for s in everybody if not s.is_withdrawn and name_key(s.name) == name_key(name)]


def _listed(entries: Sequence[RosterEntry], most: int = 5) -> str:
    words = ", ".join(entry.name for entry in entries[:most])
    return f"{words} ..." if len(entries) > most else words
