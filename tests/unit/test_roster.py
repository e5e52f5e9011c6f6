"""The instructor's list of people: read as spreadsheets and course systems write it, refused as a whole."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from gan_desktop.class_admin.roster import RosterError, read_roster
from gan_desktop.database.accounts import RosterEntry
from gan_desktop.names import name_key

PEOPLE = [
    RosterEntry("Zoë Ångström", "12", "zoe@school.example", "A"),
    RosterEntry("山田 太郎", None, None, "B"),
    RosterEntry("Müller, Jörg", "14", "joerg@school.example"),
]
LATIN = [PEOPLE[0], PEOPLE[2]]


def table(people: list[RosterEntry], delimiter: str = ",", end: str = "\r\n") -> str:
    rows = [["Name", "ID", "E-Mail", "Section"]]
    rows += [[p.name, p.student_id or "", p.email or "", p.section or ""] for p in people]
    return end.join(delimiter.join(f'"{c}"' if "," in c else c for c in row) for row in rows) + end


def write(folder: Path, content: str | bytes) -> Path:
    file = folder / "roster.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def refusal(folder: Path, content: str | bytes) -> str:
    with pytest.raises(RosterError) as refused:
        read_roster(write(folder, content))
    return refused.value.message


# -- what spreadsheets write ---------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_commas_semicolons_and_tabs_separate(tmp_path: Path, delimiter: str, end: str) -> None:
    assert read_roster(write(tmp_path, table(PEOPLE, delimiter, end))) == PEOPLE


@pytest.mark.parametrize(
    "header",
    [
        "Nachname;Vorname;Matrikelnummer;E-Mail-Adresse;Gruppe",
        "Name;Vorname;Matrikel-Nr.;E-Mail;Sektion",
        "Surname;First name;ID number;Email address;Groups",
    ],
)
def test_first_and_last_name_make_a_name_in_english_and_german_lists(tmp_path: Path, header: str) -> None:
    wanted = RosterEntry("Zoë Ångström", "12", "zoe@school.example", "A")
    assert read_roster(write(tmp_path, f"{header}\nÅngström;Zoë;12;zoe@school.example;A\n")) == [wanted]


def test_a_list_without_names_is_told_that_first_and_last_name_would_do(tmp_path: Path) -> None:
    assert "first name and last name" in refusal(tmp_path, "first name,id\nAna,1\n")


@pytest.mark.parametrize(
    "encoded",
    [
        table(PEOPLE).encode(),
        codecs.BOM_UTF8 + table(PEOPLE, ";").encode(),
        codecs.BOM_UTF16_LE + table(PEOPLE, "\t").encode("utf-16-le"),
        codecs.BOM_UTF16_BE + table(PEOPLE).encode("utf-16-be"),
    ],
)
def test_every_encoding_of_unicode_is_read(tmp_path: Path, encoded: bytes) -> None:
    assert read_roster(write(tmp_path, encoded)) == PEOPLE


def test_windows_latin_is_read(tmp_path: Path) -> None:
    assert read_roster(write(tmp_path, table(LATIN, ";").encode("cp1252"))) == LATIN


def test_excels_own_hint_is_no_line(tmp_path: Path) -> None:
    assert read_roster(write(tmp_path, "sep=;\r\n" + table(PEOPLE, ";"))) == PEOPLE
    assert "line 4: there is no name" in refusal(tmp_path, "sep=;\r\nname;id\r\nAna;1\r\n;2\r\n")


@pytest.mark.parametrize(
    "header",
    ["First name,Surname,ID number,Email address", "Given Name,Family_Name,Student ID,e-mail",
     "firstname,lastname,Matriculation number,Mail"],
)  # fmt: skip
def test_what_course_systems_call_the_columns_is_understood(tmp_path: Path, header: str) -> None:
    text = f"{header}\nAna,Silva,7,ana@school.example\n"
    assert read_roster(write(tmp_path, text)) == [RosterEntry("Ana Silva", "7", "ana@school.example")]


def test_a_list_of_names_alone_is_enough_and_empty_lines_are_no_people(tmp_path: Path) -> None:
    people = read_roster(write(tmp_path, "name\n\n  Ana  \n,,\nBen\n\n"))
    assert [person.name for person in people] == ["Ana", "Ben"]


def test_other_columns_and_short_lines_are_no_harm(tmp_path: Path) -> None:
    text = 'grade,name,remark,email\n1,Ana,"likes\ncats",ana@x\n2,Ben\n'
    assert read_roster(write(tmp_path, text)) == [RosterEntry("Ana", email="ana@x"), RosterEntry("Ben")]


# -- what is wrong -------------------------------------------------------------------------------


def test_every_wrong_line_is_named_by_its_number_in_the_file(tmp_path: Path) -> None:
    text = (
        "name,id,email\n"
        'Ana,1,"a\n@b"\n'  # lines 2 and 3
        "\n"
        ",5,x@y\n"
        "ANA,6,x@y\n"
        f"{'x' * 41},7,x@y\n"
        "in\u200bvisible,8,x@y\n"
        "Ben,1,x@y\n"
        "Eva,9,no address\n"
        f"Ida,{'9' * 81},x@y\n"
    )
    words = refusal(tmp_path, text)
    for expected in (
        "line 2: the e-mail address cannot be one",
        "line 5: there is no name",
        'line 6: "ANA" stands in line 2 too',
        "line 7: a name has at most 40 characters",
        "line 8: a name has at most 40 characters",
        "line 9: the id stands in line 2 too",
        "line 10: the e-mail address cannot be one",
        "line 11: an id and a group have at most 80",
    ):
        assert expected in words
    assert "nobody was admitted" in words


def test_of_hundreds_of_wrong_lines_the_first_are_told(tmp_path: Path) -> None:
    words = refusal(tmp_path, "name,id\n" + ",1\n" * 300)
    assert words.count("line ") < 45 and words.endswith("...")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("name,id\n", "nobody"),
        ("Ana\nBen\n", "no column is called name"),
        ("first name,id\nAna,1\n", "no column is called name"),
        ("name,full name\nAna,Ana\n", "two columns"),
        ('name\n"Ana\nBen\n', "quotation mark"),
        (b"PK\x03\x04 a spreadsheet", "Save it as CSV"),
        ("name\n" + "x\n" * 2_001, "at most 2,000"),
        (b"name\n" + b"x" * 6_000_000, "too large"),
    ],
)
def test_what_is_no_list_of_people_says_so(tmp_path: Path, content: str | bytes, words: str) -> None:
    assert words in refusal(tmp_path, content)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(RosterError, match="cannot be read"):
            read_roster(path)


def test_names_that_look_alike_are_one() -> None:
    assert name_key("Zoe\u0308 ") == name_key("ZOË") == name_key("zoë")
    assert name_key("Zoe") != name_key("Zoë")
