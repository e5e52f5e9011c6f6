"""Who takes part: `class add-student`, `import-roster`, `students`, and what changes one of them.

A way in is a join card, or the lines of a config.yaml: printed, or written to a file that only its owner can
read (`class add-student Ana --card ana.gandjoin`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.class_commands.command import Commands, LogIn, confirm, new_file
from gan_desktop.command_line import say

if TYPE_CHECKING:
    from gan_desktop.class_admin.cards import Entrance
    from gan_desktop.database.accounts import Login, RosterEntry
    from gan_desktop.database.address import Address
    from gan_desktop.join_card import JoinCard


def add_commands(commands: Commands) -> None:
    """Add this group's commands."""
    door = entrance_options()
    student = commands.add("add-student", "make a student's login", _add_student, commands.login, door)
    student.add_argument("student", metavar="NAME", help="how the class knows the student")
    student.add_argument("--card", type=Path, metavar="FILE", help="write a join card to a new file of yours")
    student.add_argument(
        "--save", type=Path, metavar="FILE", help="write a config.yaml to a new file of yours"
    )
    student.add_argument(
        "--id", dest="student_id", metavar="ID", help="for your credit table; only you see it"
    )
    student.add_argument("--email", metavar="ADDRESS", help="for your credit table; only you see it")
    _add_same_name(student)

    roster = commands.add(
        "import-roster", "make the logins of everybody on a list (CSV)", _import_roster, commands.login, door
    )
    roster.add_argument("roster", type=Path, metavar="FILE.csv", help="columns: name, and if there id, email,"
                        " section")  # fmt: skip
    roster.add_argument(
        "--cards",
        type=Path,
        metavar="DIR",
        help="write everybody's join card, and their links, to this folder",
    )
    roster.add_argument("--only-new", action="store_true", help="pass over those who take part already")

    commands.add("students", "list who takes part", _students, commands.login)

    remove = commands.add(
        "remove-student", "end a student's login; what was contributed stays", _remove, commands.login
    )
    remove.add_argument("student", metavar="NAME", help="name or login")
    remove.add_argument("--yes", action="store_true", help="do not ask")

    rename = commands.add("rename-student", "let a student have another name", _rename, commands.login)
    rename.add_argument("student", metavar="NAME", help="name or login")
    rename.add_argument("new_name", metavar="NEW_NAME", help="how the class knows the student from now on")
    _add_same_name(rename)

    hide = commands.add("hide-student", "keep a student off the leaderboard", _hide, commands.login)
    hide.add_argument("student", metavar="NAME", help="name or login")
    hide.add_argument("--show", action="store_true", help="be there again")


def entrance_options() -> argparse.ArgumentParser:
    """The options of all commands that write cards."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--host",
        action="append",
        metavar="ADDRESS",
        help="address of the server for students, if not yours; more than one are tried in turn",
    )
    parser.add_argument(
        "--insecure", action="store_true", help="the server has no encryption, and others may read along"
    )
    return parser


def entrance_of(options: argparse.Namespace, coordinator: Address) -> Entrance:
    """How others reach the class, as the options say; what speaks against it is said first."""
    from gan_desktop.class_admin.cards import entrance

    way = entrance(coordinator, options.host or (), insecure=options.insecure)
    for note in way.notes:
        sys.stderr.write(f"{note}\n")
    return way


def _add_same_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--same-name", action="store_true", help="another person of a name that is there already"
    )


def _add_student(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.people import NameTaken, add_student

    _, coordinator = log_in()
    way = entrance_of(options, coordinator)
    with ExitStack() as files:
        # Opened before the login is made: a way in that cannot be written down is lost.
        write_card = files.enter_context(new_file(options.card)) if options.card else None
        write_config = (
            files.enter_context(new_file(options.save)) if options.save or not options.card else None
        )
        try:
            student = add_student(
                coordinator,
                options.student,
                student_id=options.student_id,
                email=options.email,
                same_name=options.same_name,
            )
        except NameTaken as error:
            raise NameTaken(
                f"{error.message} For another person of that name add --same-name; for a new card of the same"
                f' person: gan-desktop class card "{options.student}"'
            ) from error
        card = way.card(student.user, student.password or "", name=options.student)
        if write_card is not None:
            write_card(card.to_file_text().rstrip())
        if write_config is not None:
            _write_config(write_config, replace(student, host=way.hosts[0], insecure=way.insecure), card)


def _write_config(write: Callable[[str], None], student: Address, card: JoinCard) -> None:
    from gan_desktop.database.address import LOOPBACK

    write("# The student's config.yaml; the password is shown this once. Start: gan-desktop --no-gui")
    write("# Or, with nothing to write by hand, as a join card:")
    write(f"#   gan-desktop join {card.to_link()}")
    if student.host in LOOPBACK:
        write(f"# {student.host} is this computer alone. For others name its address: --host ADDRESS")
    write(way_in(student, worker={"name": card.name or ""}))


def _import_roster(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.card_files import save_folder
    from gan_desktop.class_admin.cards import persons_cards
    from gan_desktop.class_admin.people import import_roster
    from gan_desktop.class_admin.roster import RosterError, read_roster

    entries = read_roster(options.roster)
    _, coordinator = log_in()
    way = entrance_of(options, coordinator)

    links: list[Path] = []

    def keep(new: list[RosterEntry], logins: list[Login]) -> None:
        if options.cards is not None and new:
            links[:] = [save_folder(options.cards, persons_cards(way, new, logins))]

    try:
        num_new, num_known = import_roster(coordinator, entries, keep, only_new=options.only_new)
    except RosterError as error:
        raise RosterError(f"{error.message} To admit only the others, add --only-new.") from error
    say(f"{num_new} admitted" + (f", {num_known} were there already." if num_known else "."))
    if links:
        say(f"Their cards are in {options.cards}; {links[0].name} there has their links, for a mail merge.")
    elif num_new:
        say('Make a card for one of them: gan-desktop class card "NAME" --save FILE')


def _students(_: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.people import students
    from gan_desktop.people_tables import print_students

    print_students(students(log_in()[1]))


def _remove(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.cards import enrol_cards
    from gan_desktop.class_admin.people import find_student, remove_student

    _, coordinator = log_in()
    student = find_student(coordinator, options.student)
    confirm(
        f"End the login of {student.name} ({student.user}) for good? What was contributed stays.",
        is_sure=options.yes,
    )
    remove_student(coordinator, student.user)
    say(f"{student.name} takes part no more. What was contributed stays, with its credit.")
    if any(card.is_in_time for card in enrol_cards(coordinator)):
        say("Whoever has the code of a class card can come in anew: gan-desktop class cards")


def _rename(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.people import NameTaken, rename_student

    try:
        former = rename_student(log_in()[1], options.student, options.new_name, same_name=options.same_name)
    except NameTaken as error:
        raise NameTaken(f"{error.message} If it is another person, add --same-name.") from error
    say(f"{former.name} is called {options.new_name} from now on.")


def _hide(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.people import hide_student

    student = hide_student(log_in()[1], options.student, is_hidden=not options.show)
    if options.show:
        say(f"{student.name} is on the leaderboard again.")
    else:
        say(f"Classmates do not see {student.name} on the leaderboard. Work and credit count as before.")


def way_in(address: Address, **sections: dict[str, str]) -> str:
    """An address as config.yaml."""
    import yaml

    database: dict[str, object] = {
        "host": address.host,
        "port": address.port,
        "database": address.dbname,
        "user": address.user,
        "password": address.password or "",
    }
    if address.insecure:
        database["insecure"] = True
    content = {"database": database, **sections}
    lines = str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True).rstrip())
    if address.ca_pem:
        lines += "\n# Add below `database:` the line ca_file with the path of the server's certificate."
    return lines
