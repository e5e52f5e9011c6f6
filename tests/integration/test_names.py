"""What people and computers may be called: one rule for the program, the class and the instructor."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest

from gan_desktop.database.accounts import Accounts
from gan_desktop.errors import GanDesktopError
from gan_desktop.names import is_name, name_key
from gan_desktop.settings.sections import WorkerSettings
from tests.integration.classroom import Classroom, hardware

# Each would stand beside "Ana" and look like it.
INVISIBLE = [
    "An\u200ba",
    "A\u00adna",
    "An\u200ea",
    "An\u2060a",
    "\ufeffAna",
    "Ana\u3164",
    "Ana\uffa0",
    "Ana\u034f",
    "Ana\U000e0041",
    "An\ue000a",
    "\u200d",
]


def require_in_sql(classroom: Classroom, name: str) -> str:
    [row] = classroom.coordinator.query("SELECT gan.require_name(%s) AS it", [name])
    return str(row.it)


@pytest.mark.parametrize("name", INVISIBLE)
def test_invisible_characters_are_refused_wherever_a_name_is_given(classroom: Classroom, name: str) -> None:
    worker = classroom.add_worker()
    accounts = Accounts(classroom.coordinator)
    ways: list[Callable[[], object]] = [
        lambda: worker.queue.register("another device", name, hardware("host")),
        lambda: Accounts(classroom.coordinator).add(name),
        lambda: accounts.rename(worker.login.user, name),
        lambda: require_in_sql(classroom, name),
    ]
    for give in ways:
        with pytest.raises(GanDesktopError, match="invisible"):
            give()
    with pytest.raises(ValueError, match="invisible"):
        WorkerSettings(name=name)
    assert not is_name(name)


def test_program_and_class_agree_on_every_character(classroom: Classroom) -> None:
    # Unassigned characters are left out: the two may know different versions of Unicode.
    characters = [
        character
        for character in map(chr, range(1, 0x110000))
        if unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp", "Zs", "Mn"} or ord(character) < 0x3400
        if unicodedata.category(character) != "Cn"
    ]
    refusing = """
    CREATE FUNCTION pg_temp.takes(the_name text) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
        RETURN gan.require_name(the_name) = the_name;
    EXCEPTION WHEN SQLSTATE 'GD002' THEN
        RETURN false;
    END $$
    """
    classroom.superuser.execute(refusing)
    rows = classroom.superuser.query(
        "SELECT word, pg_temp.takes(word) AS taken FROM unnest(%s) AS word", [[f"A{c}a" for c in characters]]
    )
    assert len(rows) > 10_000
    assert [row.word for row in rows if row.taken != is_name(row.word)] == []


@pytest.mark.parametrize(
    "name", ["Zoë", "山田", "محمد", "👩‍🔬 Ana", "葛\U000e0100城", "\u0645\u06cc\u200c\u062e", "x" * 40]
)
def test_names_of_all_scripts_are_taken_everywhere(classroom: Classroom, name: str) -> None:
    assert is_name(name)
    assert WorkerSettings(name=name).name == name
    assert require_in_sql(classroom, f" {name}\u3000") == name


@pytest.mark.parametrize(
    ("name", "lookalike"), [("Zoë", "Zoe\u0308 "), ("Ana", "A\u200dna"), ("Ana B", "ANA\u00a0\u00a0B")]
)
def test_program_and_class_agree_on_names_that_look_alike(
    classroom: Classroom, name: str, lookalike: str
) -> None:
    assert name_key(name) == name_key(lookalike) != name_key("Eva")
    [row] = classroom.superuser.query("SELECT gan.name_key(%s) = gan.name_key(%s) AS it", [name, lookalike])
    assert row.it
