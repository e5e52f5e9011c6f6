"""A list as people paste it: names, addresses of an e-mail program, cells of a spreadsheet."""

from __future__ import annotations

import time

import pytest

from gan_desktop.class_admin.roster import RosterError, RosterLine, roster_lines
from gan_desktop.database.accounts import RosterEntry


def pasted(text: str) -> list[RosterLine]:
    return roster_lines(text, "The list", is_pasted=True)


def entries(text: str) -> list[RosterEntry]:
    return [line.entry for line in pasted(text)]


def test_plain_names_are_people() -> None:
    assert entries("Ana Silva\n\n  Ben Okafor \nSilva, Mia\nTeam 4\n") == [
        RosterEntry("Ana Silva"),
        RosterEntry("Ben Okafor"),
        RosterEntry("Silva, Mia"),
        RosterEntry("Team 4"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Ana Silva <ana@x.example>; Ben Okafor <ben@x.example>;",
        '"Ana Silva" <ana@x.example>, Ben Okafor <ben@x.example>',
        "Ana Silva <ana@x.example>\nBen Okafor <ben@x.example>",
    ],
)
def test_addresses_of_an_e_mail_program_bring_name_and_address(text: str) -> None:
    assert entries(text) == [
        RosterEntry("Ana Silva", None, "ana@x.example"),
        RosterEntry("Ben Okafor", None, "ben@x.example"),
    ]


@pytest.mark.parametrize("delimiter", ["\t", ";", ","])
def test_cells_without_a_headline_are_told_by_what_they_hold(delimiter: str) -> None:
    text = delimiter.join(["4711", "Ana Silva", "ana@x.example", "B"])
    assert entries(text) == [RosterEntry("Ana Silva", "4711", "ana@x.example", "B")]


@pytest.mark.parametrize("headline", ["Name\tID", "sep=;\nName;ID", "\nNachname;Vorname;Matrikelnummer"])
def test_a_headline_is_no_person(headline: str) -> None:
    divider = "\t" if "\t" in headline else ";"
    cells = ["Silva", "Ana", "12"] if "Vorname" in headline else ["Ana Silva", "12"]
    assert entries(f"{headline}\n{divider.join(cells)}") == [RosterEntry("Ana Silva", "12")]


def test_each_line_tells_its_own_problems_and_keeps_what_is_right() -> None:
    lines = pasted("name;id;email\nAna;1;ana@x.example\nANA;1;nowhere\n;2;\n")
    assert [line.number for line in lines] == [2, 3, 4]
    assert lines[0].problems == ()
    assert [problem.split(";")[0] for problem in lines[1].problems] == [
        '"ANA" stands in line 2 too',
        "the id stands in line 2 too",
        "the e-mail address cannot be one",
    ]
    assert lines[2].problems == ("there is no name",)


def test_two_of_one_name_in_a_row_of_addresses_are_told_apart() -> None:
    lines = pasted("Ana <a@x.example>; Ana <b@x.example>")
    assert [bool(line.problems) for line in lines] == [False, True]


def test_a_headline_without_a_name_is_explained() -> None:
    with pytest.raises(RosterError, match="no column is called name"):
        pasted("id;email\n1;a@x.example\n")


@pytest.mark.parametrize(
    "text", ["Ana <" + "@" * 40_000, "a <" + "b@c;" * 20_000, "a <" + "b@c" * 20_000 + ">", "x" * 3_000_000]
)
def test_a_line_that_is_no_person_is_named_at_once(text: str) -> None:
    began = time.perf_counter()
    [bad, good] = pasted(f"{text}\nBen Okafor")
    assert bad.problems == ("the line has more than 500 characters: write one person a line",)
    assert (good.entry, good.problems) == (RosterEntry("Ben Okafor"), ())
    assert time.perf_counter() - began < 1.0


def test_a_long_row_of_addresses_is_no_long_line() -> None:
    lines = pasted("; ".join(f"Person {number} <p{number}@school.example>" for number in range(200)))
    assert len(lines) == 200 and not any(line.problems for line in lines)


@pytest.mark.parametrize(
    "hint", ["sep=", "sep=\n", "sep=\nname;id\nAna;1", 'sep="\nname;id', "sep=a\nnameaid"]
)
def test_a_hint_that_names_no_divider_is_explained(hint: str) -> None:
    with pytest.raises(RosterError, match="after sep= comes the character"):
        pasted(hint)


def test_a_text_of_many_megabytes_is_no_list() -> None:
    with pytest.raises(RosterError, match="too large for a list of people"):
        pasted("Ana\n" * 2_000_000)
