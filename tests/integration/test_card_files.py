"""Cards for many at once: made anew for all or for nobody, and written for their owner alone to read."""

from __future__ import annotations

import csv
import io
import os
import stat
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from gan_desktop.class_admin.card_files import (
    LINKS_FILE,
    cards_zip,
    file_names,
    save_folder,
    save_private,
)
from gan_desktop.class_admin.cards import Entrance, PersonsCard, entrance, persons_cards, renew_cards
from gan_desktop.class_admin.people import import_roster, remove_student, students
from gan_desktop.cli import main
from gan_desktop.database.accounts import Accounts, Login, RosterEntry, Student
from gan_desktop.errors import ConnectionFailed, GanDesktopError, SaveFailed
from gan_desktop.join_card import JoinCard, parse_card, read_card_file
from tests.integration.classroom import Classroom
from tests.integration.console import Answer, write_config

PEOPLE = [
    RosterEntry("Ana Silva", "12", "ana@x.example", "A"),
    RosterEntry("Jörg/Müller"),
    RosterEntry("nul"),
    RosterEntry("=1+1", "13"),
]


@pytest.fixture
def way(classroom: Classroom) -> Entrance:
    return entrance(classroom.coordinator_address)


@pytest.fixture
def admitted(classroom: Classroom, way: Entrance) -> list[PersonsCard]:
    """Everybody's first card."""
    cards: list[PersonsCard] = []

    def keep(new: list[RosterEntry], logins: list[Login]) -> None:
        cards.extend(persons_cards(way, new, logins))

    import_roster(classroom.coordinator_address, PEOPLE, keep)
    return cards


def lets_in(classroom: Classroom, card: JoinCard) -> bool:
    try:
        classroom.connect(classroom.address(card.user, card.password))
    except ConnectionFailed as error:
        assert error.cause == "login"
        return False
    return True


def class_list(classroom: Classroom) -> list[Student]:
    return students(classroom.coordinator_address)


# -- made anew -----------------------------------------------------------------------------------


def test_new_cards_let_in_and_the_former_ones_do_not(
    classroom: Classroom, way: Entrance, admitted: list[PersonsCard]
) -> None:
    wanted = [student for student in class_list(classroom) if student.name != "nul"]
    renewed = renew_cards(classroom.coordinator_address, way, wanted)
    assert [card.person.name for card in renewed] == [student.name for student in wanted]
    assert all(lets_in(classroom, card.card) for card in renewed)
    former = {card.person.name: card.card for card in admitted}
    assert not any(lets_in(classroom, former[student.name]) for student in wanted)
    assert lets_in(classroom, former["nul"])


def test_sessions_with_the_former_cards_end(
    classroom: Classroom, way: Entrance, admitted: list[PersonsCard]
) -> None:
    at_work = [classroom.connect(classroom.address(c.card.user, c.card.password)) for c in admitted]
    renew_cards(classroom.coordinator_address, way, class_list(classroom))
    for connection in at_work:
        with pytest.raises(ConnectionFailed):
            connection.query("SELECT 1")


def test_one_who_was_removed_meanwhile_leaves_all_cards_as_they_were(
    classroom: Classroom, way: Entrance, admitted: list[PersonsCard]
) -> None:
    known = class_list(classroom)
    remove_student(classroom.coordinator_address, known[-1].user)
    with pytest.raises(GanDesktopError, match="has no login"):
        renew_cards(classroom.coordinator_address, way, known)
    removed = known[-1].user
    assert all(lets_in(classroom, c.card) for c in admitted if c.card.user != removed)


# -- written -------------------------------------------------------------------------------------


def test_names_are_ones_that_every_system_takes_for_a_files(admitted: list[PersonsCard]) -> None:
    assert file_names(admitted) == [
        "Ana Silva.gandjoin",
        "JörgMüller.gandjoin",
        "nul 2.gandjoin",
        "11.gandjoin",
    ]
    twice = [admitted[0], admitted[0]]
    assert file_names(twice) == ["Ana Silva.gandjoin", "Ana Silva 2.gandjoin"]


def test_a_zip_holds_every_card_and_a_table_of_links(
    classroom: Classroom, admitted: list[PersonsCard], tmp_path: Path
) -> None:
    path = save_private(tmp_path / "cards.zip", cards_zip(admitted))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {*file_names(admitted), LINKS_FILE}
        assert all(entry.external_attr >> 16 == 0o600 for entry in archive.infolist())
        cards = [parse_card(archive.read(name).decode()) for name in file_names(admitted)]
        links = archive.read(LINKS_FILE).decode("utf-8-sig")
    assert cards == [made.card for made in admitted]
    assert all(lets_in(classroom, card) for card in cards)
    rows = list(csv.DictReader(io.StringIO(links, newline="")))
    assert [parse_card(row["link"]) for row in rows] == cards
    assert [row["name"] for row in rows] == ["Ana Silva", "Jörg/Müller", "nul", "'=1+1"]
    assert (rows[0]["id"], rows[0]["email"]) == ("12", "ana@x.example")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_what_is_written_can_be_read_by_its_owner_alone(admitted: list[PersonsCard], tmp_path: Path) -> None:
    open_to_all = tmp_path / "cards.zip"
    open_to_all.write_text("an older file of that name")
    open_to_all.chmod(0o644)
    save_private(open_to_all, cards_zip(admitted))
    save_folder(tmp_path / "cards", admitted)
    written = [open_to_all, *(tmp_path / "cards").iterdir()]
    assert len(written) == len(PEOPLE) + 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}


def test_a_folder_has_all_cards_or_none(admitted: list[PersonsCard], tmp_path: Path) -> None:
    folder = tmp_path / "cards"
    links = save_folder(folder, admitted)
    assert [read_card_file(folder / name) for name in file_names(admitted)] == [c.card for c in admitted]
    before = sorted(folder.iterdir())
    newcomer = PersonsCard(RosterEntry("Zoë"), admitted[0].card)
    with pytest.raises(GanDesktopError, match="is there already"):
        save_folder(folder, [newcomer, admitted[0]])
    assert sorted(folder.iterdir()) == before
    # What was written before stays, also the table.
    assert save_folder(folder, [newcomer]).name == "links-2.csv"
    assert links.exists()


def test_a_place_that_cannot_be_written_is_named(admitted: list[PersonsCard], tmp_path: Path) -> None:
    with pytest.raises(SaveFailed, match=r"cards\.zip could not be saved.*Choose another folder"):
        save_private(tmp_path / "missing" / "cards.zip", cards_zip(admitted))
    (tmp_path / "file").touch()
    with pytest.raises(GanDesktopError, match="cannot be made"):
        save_folder(tmp_path / "file" / "cards", admitted)


# -- the command ---------------------------------------------------------------------------------


@pytest.fixture
def class_command(
    classroom: Classroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    write_config(tmp_path, classroom.coordinator_address)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Answer:
        code = main(["class", *map(str, arguments)])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return run


def names_in(path: Path) -> Sequence[str]:
    with zipfile.ZipFile(path) as archive:
        return sorted(name for name in archive.namelist() if name != LINKS_FILE)


def test_new_cards_are_for_those_who_have_not_joined(
    class_command: Callable[..., Answer], classroom: Classroom, tmp_path: Path
) -> None:
    ana = classroom.add_student("Ana")
    classroom.add_student("Ben")
    classroom.add_worker(ana)
    answer = class_command("new-cards", "--zip", "cards.zip")
    assert answer.code == 0, answer.stderr
    assert "cards of 1 people" in answer.stdout
    assert names_in(tmp_path / "cards.zip") == ["Ben.gandjoin"]
    # Nothing is taken from those who are at work, unless that is said.
    refused = class_command("new-cards", "--zip", "all.zip", "--everybody")
    assert refused.code == 1 and "--yes" in refused.stderr
    assert not (tmp_path / "all.zip").exists()
    assert class_command("new-cards", "--zip", "all.zip", "--everybody", "--yes").code == 0
    assert names_in(tmp_path / "all.zip") == ["Ana.gandjoin", "Ben.gandjoin"]
    with pytest.raises(ConnectionFailed):
        classroom.log_in(ana)


def test_no_card_ends_where_the_zip_cannot_be_written(
    class_command: Callable[..., Answer], classroom: Classroom, tmp_path: Path
) -> None:
    ana = classroom.add_student("Ana")
    (tmp_path / "cards.zip").write_text("something dear")
    answer = class_command("new-cards", "--zip", "cards.zip")
    assert answer.code == 1 and "is there already" in answer.stderr
    assert (tmp_path / "cards.zip").read_text() == "something dear"
    classroom.log_in(ana)


def test_a_class_without_newcomers_needs_no_cards(
    class_command: Callable[..., Answer], classroom: Classroom
) -> None:
    classroom.add_worker(classroom.add_student("Ana"))
    answer = class_command("new-cards", "--zip", "cards.zip")
    assert answer.code == 1 and "--everybody" in answer.stderr


def test_a_room_cards_computers_count_as_joined(classroom: Classroom) -> None:
    ana = classroom.add_student("Ana")
    [student] = Accounts(classroom.coordinator).students()
    assert not student.has_joined
    classroom.add_worker(ana)
    [student] = Accounts(classroom.coordinator).students()
    assert student.has_joined
