"""The instructor's people: admitted by hand and by list, given cards, renamed, removed."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gan_desktop.class_admin.cards import addresses_of_this_computer, entrance
from gan_desktop.class_admin.people import import_roster
from gan_desktop.class_admin.roster import read_roster
from gan_desktop.class_commands.cards import until
from gan_desktop.cli import main
from gan_desktop.database.connection import Connection
from gan_desktop.database.databases import create_database
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.database.schema import init_class
from gan_desktop.errors import ConnectionFailed, GanDesktopError
from gan_desktop.join_card import JoinCard, parse_card, read_card_file
from tests.integration.classroom import Classroom
from tests.integration.console import Answer, write_config

ClassCommand = Callable[..., Answer]


@pytest.fixture
def class_command(
    classroom: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> ClassCommand:
    """Runs `gan-desktop class ...` in this process, with the coordinator's config.yaml in the folder."""
    write_config(tmp_path, classroom.coordinator_address, password=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("PGPASSWORD", classroom.coordinator_address.password or "")

    def run(*arguments: object) -> Answer:
        code = main(["class", *map(str, arguments)])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return run


def enter(classroom: Classroom, card: JoinCard) -> Connection:
    return classroom.connect(classroom.address(card.user, card.password))


def link_in(answer: Answer) -> JoinCard:
    [line] = [line for line in answer.stdout.splitlines() if "gandesktop://" in line]
    return parse_card(line)


def names_in_class(classroom: Classroom) -> list[str]:
    rows = classroom.superuser.query("SELECT display_name AS name FROM gan.accounts ORDER BY account_id")
    return [row.name for row in rows]


# -- one by one ----------------------------------------------------------------------------------


def test_a_new_students_card_leads_into_the_class(
    class_command: ClassCommand, classroom: Classroom, tmp_path: Path
) -> None:
    answer = class_command(
        "add-student", "Zoë", "--card", "zoe.gandjoin", "--id", "17", "--email", "z@x.example"
    )
    assert answer.code == 0, answer.stderr
    assert "password" not in answer.stdout
    card = read_card_file(tmp_path / "zoe.gandjoin")
    assert (card.class_name, card.name, card.enrol) == ("Vision", "Zoë", None)
    assert (tmp_path / "zoe.gandjoin").stat().st_mode & 0o077 == 0 or os.name == "nt"
    enter(classroom, card)
    [row] = classroom.superuser.query("SELECT student_id, email, section FROM gan.roster")
    assert tuple(row) == ("17", "z@x.example", None)


def test_without_a_file_a_config_and_a_link_are_printed_that_are_the_same_login(
    class_command: ClassCommand, classroom: Classroom
) -> None:
    answer = class_command("add-student", "Ana")
    card = link_in(answer)
    assert f"user: {card.user}" in answer.stdout
    enter(classroom, card)


def test_a_name_that_is_taken_is_asked_about(class_command: ClassCommand, classroom: Classroom) -> None:
    class_command("add-student", "Ana")
    refused = class_command("add-student", "ANA", "--card", "ana.gandjoin")
    assert refused.code == 1
    assert "takes part already" in refused.stderr and "--same-name" in refused.stderr
    assert not Path("ana.gandjoin").exists()
    assert class_command("add-student", "ANA", "--same-name").code == 0
    assert names_in_class(classroom) == ["Ana", "ANA"]
    ambiguous = class_command("card", "ana", "--yes")
    assert ambiguous.code == 2 and "2 people" in ambiguous.stderr and "s_" in ambiguous.stderr


def test_a_card_that_cannot_be_written_makes_no_login(
    class_command: ClassCommand, classroom: Classroom
) -> None:
    Path("there.gandjoin").write_text("mine")
    for place in ("there.gandjoin", "missing/ana.gandjoin"):
        assert class_command("add-student", "Ana", "--card", place).code == 1
    assert names_in_class(classroom) == []
    assert Path("there.gandjoin").read_text() == "mine"


def test_ids_and_addresses_are_the_instructors_alone(
    class_command: ClassCommand, classroom: Classroom
) -> None:
    class_command("add-student", "Ana", "--card", "ana.gandjoin", "--id", "17", "--email", "ana@x.example")
    student = enter(classroom, read_card_file(Path("ana.gandjoin")))
    with pytest.raises(GanDesktopError, match="permission denied"):
        student.query("SELECT * FROM gan.roster")
    seen = str(
        student.query("SELECT l::text FROM leaderboard AS l") + student.query("SELECT * FROM class_info")
    )
    assert "17" not in seen and "ana@x.example" not in seen
    table = class_command("students").stdout
    assert "ana@x.example" in table and "17" in table


def test_a_new_card_ends_the_former_one(class_command: ClassCommand, classroom: Classroom) -> None:
    class_command("add-student", "Ana", "--card", "ana.gandjoin")
    former = read_card_file(Path("ana.gandjoin"))
    session = enter(classroom, former)
    unsure = class_command("card", "Ana")
    assert unsure.code == 1 and "--yes" in unsure.stderr
    assert session.query("SELECT 1 AS one")[0].one == 1

    answer = class_command("card", "ana", "--yes", "--save", "new.gandjoin")
    assert answer.code == 0, answer.stderr
    with pytest.raises(ConnectionFailed):
        session.query("SELECT 1")
    with pytest.raises(ConnectionFailed):
        enter(classroom, former)
    new = read_card_file(Path("new.gandjoin"))
    assert (new.user, new.name) == (former.user, "Ana")
    enter(classroom, new)
    assert link_in(class_command("card", new.user, "--yes")).user == new.user


def test_a_removed_student_is_out_and_the_record_stays(
    class_command: ClassCommand, classroom: Classroom
) -> None:
    worker = classroom.add_worker(classroom.add_student("Ana"))
    unsure = class_command("remove-student", "Ana")
    assert unsure.code == 1
    answer = class_command("remove-student", "Ana", "--yes")
    assert answer.code == 0 and "takes part no more" in answer.stdout
    with pytest.raises(ConnectionFailed):
        worker.connection.query("SELECT 1")
    assert "removed" in class_command("students").stdout
    assert len(classroom.superuser.query("SELECT 1 FROM gan.workers")) == 1
    again = class_command("remove-student", "Ana", "--yes")
    assert again.code == 2 and "was removed" in again.stderr
    assert "Nobody in the class" in class_command("remove-student", "Ben", "--yes").stderr
    # The code on the wall would let the same person in again.
    class_command("card", "--class")
    class_command("add-student", "Eva")
    assert "can come in anew" in class_command("remove-student", "Eva", "--yes").stdout


def test_a_student_is_renamed(class_command: ClassCommand, classroom: Classroom) -> None:
    class_command("add-student", "Ana")
    class_command("add-student", "Ben")
    assert class_command("rename-student", "Ana", "Anna-Maria").code == 0
    assert class_command("rename-student", "anna-maria", "Anna-maria").code == 0
    taken = class_command("rename-student", "Ben", "ANNA-MARIA")
    assert taken.code == 1 and "--same-name" in taken.stderr
    assert class_command("rename-student", "Ben", "x" * 41).code == 2
    assert names_in_class(classroom) == ["Anna-maria", "Ben"]


def test_students_are_listed_with_what_is_known_of_them(
    class_command: ClassCommand, classroom: Classroom
) -> None:
    assert "Nobody takes part yet" in class_command("students").stdout
    worker = classroom.add_worker(classroom.add_student("[red]Bo[/red]"))
    classroom.add_student("Ana")
    told = class_command("students").stdout
    assert "[red]Bo[/red]" in told and worker.login.user in told
    assert "now" in told and "not yet" in told
    assert "2 take part; 1 of them have not contributed yet." in told


def test_a_name_that_hides_something_is_refused_and_one_that_did_before_still_gets_a_card(
    class_command: ClassCommand, classroom: Classroom
) -> None:
    class_command("add-student", "Ben")
    for command in (["add-student", "An\u200ba"], ["rename-student", "Ben", "\ufeffBen"]):
        refused = class_command(*command)
        assert refused.code == 2 and "invisible" in refused.stderr
    # As a class of version 1 may hold one.
    login = classroom.add_student("Ana")
    classroom.superuser.execute(
        "UPDATE gan.accounts SET display_name = 'An\u200ba' WHERE display_name = 'Ana'"
    )
    assert link_in(class_command("card", login.user, "--yes")).name is None
    assert class_command("add-student", "  Eva ").code == 0
    assert names_in_class(classroom) == ["Ben", "An\u200ba", "Eva"]


# -- a list --------------------------------------------------------------------------------------


ROSTER = "name;id;e-mail\nZoë Ångström;1;zoe@x.example\n=cmd();2;\n山田;;\nCON;;\n"


def test_a_list_is_admitted_with_cards_and_links(class_command: ClassCommand, classroom: Classroom) -> None:
    Path("roster.csv").write_bytes(ROSTER.encode("utf-8-sig"))
    answer = class_command("import-roster", "roster.csv", "--cards", "cards")
    assert answer.code == 0, answer.stderr
    assert "4 admitted." in answer.stdout
    assert names_in_class(classroom) == ["Zoë Ångström", "=cmd()", "山田", "CON"]
    files = {path.name for path in Path("cards").iterdir()}
    assert files == {"Zoë Ångström.gandjoin", "cmd.gandjoin", "山田.gandjoin", "CON 2.gandjoin", "links.csv"}
    card = read_card_file(Path("cards") / "Zoë Ångström.gandjoin")
    assert card.name == "Zoë Ångström"
    enter(classroom, card)
    rows = list(csv.reader(io.StringIO(Path("cards/links.csv").read_bytes().decode("utf-8-sig"))))
    assert rows[0] == ["name", "id", "email", "link"]
    assert rows[1][:3] == ["Zoë Ångström", "1", "zoe@x.example"] and parse_card(rows[1][3]) == card
    assert rows[2][0] == "'=cmd()"
    # A spreadsheet may divide at another character.
    assert all(line.startswith('"') for line in Path("cards/links.csv").read_text("utf-8-sig").splitlines())
    if os.name != "nt":
        assert all(path.stat().st_mode & 0o077 == 0 for path in [Path("cards"), *Path("cards").iterdir()])


def test_a_later_list_gets_a_table_of_links_of_its_own(class_command: ClassCommand) -> None:
    Path("roster.csv").write_text("name\nAna\n")
    class_command("import-roster", "roster.csv", "--cards", "cards")
    first = Path("cards/links.csv").read_bytes()
    Path("roster.csv").write_text("name\nAna\nBen\n")
    again = class_command("import-roster", "roster.csv", "--only-new", "--cards", "cards")
    assert again.code == 0 and "links-2.csv" in again.stdout
    assert Path("cards/links.csv").read_bytes() == first
    assert b'"Ben"' in Path("cards/links-2.csv").read_bytes()
    class_command("import-roster", "roster.csv", "--only-new", "--cards", "cards")
    assert not Path("cards/links-3.csv").exists()


def test_a_list_with_one_wrong_line_admits_nobody(class_command: ClassCommand, classroom: Classroom) -> None:
    Path("roster.csv").write_text("name\nAna\nana\n")
    answer = class_command("import-roster", "roster.csv", "--cards", "cards")
    assert answer.code == 2
    assert "line 3" in answer.stderr
    assert names_in_class(classroom) == [] and not Path("cards").exists()


def test_a_list_with_people_who_are_there_is_refused_unless_only_the_new_are_meant(
    class_command: ClassCommand, classroom: Classroom
) -> None:
    class_command("add-student", "Ana", "--id", "1")
    Path("roster.csv").write_text("name,id\nAna Silva,1\nBen,2\n")
    refused = class_command("import-roster", "roster.csv")
    assert refused.code == 2
    assert "1 of 2 take part already: Ana Silva" in refused.stderr and "--only-new" in refused.stderr
    assert names_in_class(classroom) == ["Ana"]
    assert (
        "1 admitted, 1 were there already"
        in class_command("import-roster", "roster.csv", "--only-new").stdout
    )
    assert "0 admitted, 2 were there" in class_command("import-roster", "roster.csv", "--only-new").stdout
    assert names_in_class(classroom) == ["Ana", "Ben"]


def test_cards_that_cannot_be_written_admit_nobody(class_command: ClassCommand, classroom: Classroom) -> None:
    Path("roster.csv").write_text("name\nAna\nBen\nEva\n")
    Path("cards").mkdir()
    Path("cards/Eva.gandjoin").write_text("somebody else's")
    before = classroom.superuser.query("SELECT rolname FROM pg_roles")
    answer = class_command("import-roster", "roster.csv", "--cards", "cards")
    assert answer.code == 1 and "is there already" in answer.stderr
    assert [path.name for path in Path("cards").iterdir()] == ["Eva.gandjoin"]
    assert classroom.superuser.query("SELECT rolname FROM pg_roles") == before
    Path("file").write_text("")
    assert class_command("import-roster", "roster.csv", "--cards", "file/cards").code == 1
    assert names_in_class(classroom) == []


def test_a_list_of_two_hundred_is_admitted_at_once(classroom: Classroom, tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_text("name\n" + "".join(f"Student {n}\n" for n in range(200)))
    kept: list[str] = []
    num_new, num_known = import_roster(
        classroom.coordinator_address,
        read_roster(file),
        lambda _, logins: kept.extend(login.user for login in logins),
    )
    assert (num_new, num_known, len(set(kept))) == (200, 0, 200)


# -- cards for many ----------------------------------------------------------------------------------


def test_a_class_card_is_a_code_and_an_address(class_command: ClassCommand, classroom: Classroom) -> None:
    answer = class_command(
        "card", "--class", "--uses", "3", "--until", "90min", "--save", "class.gandjoin", "--link"
    )
    assert answer.code == 0, answer.stderr
    card = read_card_file(Path("class.gandjoin"))
    assert link_in(answer) == card
    assert (card.enrol, card.class_name) == ("class", "Vision")
    [code] = re.findall(r"Code +(\S+)", answer.stdout)
    assert code.replace("-", "") == card.password
    assert f"127.0.0.1:{classroom.administrator.port}/{classroom.administrator.dbname}" in answer.stdout
    assert "up to 3 people" in answer.stdout
    enter(classroom, card)
    listed = class_command("cards").stdout
    assert "0 of 3" in listed and card.password[:2] in listed and card.password not in listed


def test_a_room_card_is_a_file_and_is_withdrawn_by_its_number(
    class_command: ClassCommand, classroom: Classroom
) -> None:
    assert "No class card" in class_command("cards").stdout
    answer = class_command("card", "--room", "--save", "room.gandjoin")
    assert "up to 40 computers" in answer.stdout and "gan-desktop join room.gandjoin" in answer.stdout
    card = read_card_file(Path("room.gandjoin"))
    assert card.enrol == "room" and len(card.password) >= 32
    session = enter(classroom, card)
    assert class_command("withdraw-card", "1").code == 0
    with pytest.raises(ConnectionFailed):
        session.query("SELECT 1")
    again = class_command("withdraw-card", "1")
    assert again.code == 1 and "no card number 1" in again.stderr


def test_a_card_as_a_qr_code_fills_half_a_screen(class_command: ClassCommand) -> None:
    class_command("add-student", "Ana")
    answer = class_command("card", "Ana", "--yes", "--qr")
    assert answer.code == 0
    assert answer.stdout.count("█") > 100 and "gandesktop" not in answer.stdout
    assert max(len(line) for line in re.sub(r"\x1b\[[0-9;]*m", "", answer.stdout).splitlines()) <= 80


@pytest.mark.parametrize(
    "options",
    [["card"], ["card", "Ana", "--class"], ["card", "--class", "--room"], ["card", "--class", "--uses", "0"],
     ["card", "--class", "--until", "soon"], ["card", "--class", "--until", "2020-13-01"]],
)  # fmt: skip
def test_options_that_make_no_card_are_refused(
    class_command: ClassCommand, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        class_command(*options)
    assert ended.value.code == 2


def test_a_personal_card_has_no_uses_and_a_past_time_makes_no_card(class_command: ClassCommand) -> None:
    class_command("add-student", "Ana")
    assert "for class cards" in class_command("card", "Ana", "--uses", "3").stderr
    answer = class_command("card", "--class", "--until", "2020-01-01", "--save", "c.gandjoin")
    assert answer.code == 2 and "over already" in answer.stderr
    assert not Path("c.gandjoin").exists()


def test_times_are_written_as_people_write_them() -> None:
    assert until("90min") == timedelta(minutes=90)
    assert until(" 14d") == timedelta(days=14)
    for text in ("00:00", f"{datetime.now():%H:%M}", "23:59"):
        before = datetime.now().astimezone()
        moment = until(text)
        after = datetime.now().astimezone()
        assert isinstance(moment, datetime)
        assert before < moment <= after + timedelta(days=1) and f"{moment:%H:%M}" == text
    assert until("2027-01-31 18:30") == datetime(2027, 1, 31, 18, 30).astimezone()
    assert until("2027-01-31") == datetime(2027, 2, 1).astimezone()


# -- by which address ----------------------------------------------------------------------------


def test_given_addresses_stand_in_the_card_in_their_order(
    class_command: ClassCommand, classroom: Classroom
) -> None:
    answer = class_command(
        "add-student",
        "Ana",
        "--card",
        "ana.gandjoin",
        "--host",
        "10.0.0.5",
        "--host",
        "db.x.example",
        "--insecure",
    )
    assert answer.code == 0, answer.stderr
    card = read_card_file(Path("ana.gandjoin"))
    assert (card.hosts, card.insecure) == (("10.0.0.5", "db.x.example"), True)
    wrong = class_command("add-student", "Ben", "--card", "ben.gandjoin", "--host", "a b")
    assert wrong.code == 2 and "a b" in wrong.stderr
    assert not Path("ben.gandjoin").exists()
    assert names_in_class(classroom) == ["Ana"]


def test_a_server_that_only_this_computer_reaches_is_warned_about(class_command: ClassCommand) -> None:
    answer = class_command("card", "--room", "--save", "room.gandjoin")
    assert "--listen 0.0.0.0" in answer.stderr
    assert read_card_file(Path("room.gandjoin")).hosts == ("127.0.0.1",)


def test_a_class_hosted_here_for_others_is_found_by_this_computers_addresses(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder / "postgres", listen="0.0.0.0", settings={"fsync": "off"}) as server:
        administrator = create_database(server.address, "class")
        made = init_class(administrator, "Vision")
        coordinator = replace(administrator, user=made.coordinator_user, password=made.coordinator_password)
        way = entrance(coordinator)
        assert list(way.hosts) == list(dict.fromkeys(addresses_of_this_computer()))
        assert not set(way.hosts) & {"127.0.0.1", "localhost", "::1"}
        assert way.insecure and any("no encryption" in note for note in way.notes)
        given = entrance(coordinator, ["127.0.0.1"])
        assert not given.insecure


def test_another_computers_server_is_named_as_we_reach_it_ourselves(
    class_command: ClassCommand, classroom: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    coordinator = classroom.coordinator_address
    remote = replace(coordinator, ca_pem=None, insecure=True)
    monkeypatch.setattr("gan_desktop.class_admin.cards.LOOPBACK", set())
    way = entrance(remote)
    assert (way.hosts, way.insecure, way.port) == ((coordinator.host,), True, coordinator.port)
    assert not way.notes
