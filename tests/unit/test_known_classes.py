"""The classes joined on this computer: kept without passwords, found again, forgotten whole."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import keyring
import keyring.backends.fail
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from gan_desktop.errors import CredentialsError, SettingsError
from gan_desktop.known_classes import KnownClass, KnownClasses, require_place_for_password

SECRET = "hunter2-Pferd"
VISION = KnownClass("Vision", "abcd1234", ("10.0.0.1", "laptop.local"), 5432, "gan", "s_1", "Ana")


class Store(KeyringBackend):
    """A password store that works."""

    priority = 1

    def __init__(self) -> None:
        self.passwords: dict[str, str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.passwords.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self.passwords[username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.passwords.pop(username, None) is None:
            raise PasswordDeleteError(username)


@pytest.fixture
def store() -> Iterator[Store]:
    before = keyring.get_keyring()
    store = Store()
    keyring.set_keyring(store)
    yield store
    keyring.set_keyring(before)


@pytest.fixture
def classes(tmp_path: Path, store: Store) -> KnownClasses:
    return KnownClasses(tmp_path / "config")


def test_a_class_is_found_again_with_its_password(classes: KnownClasses, tmp_path: Path) -> None:
    known = classes.keep(VISION, SECRET)
    again = KnownClasses(tmp_path / "config")
    assert again.all() == [known]
    assert again.find(" vision") == known
    assert again.password(known).value == again.stored_password(known) == SECRET
    assert SECRET not in (tmp_path / "config" / "classes.json").read_text("utf-8")


def test_the_newest_class_comes_first_and_no_two_are_called_alike(classes: KnownClasses) -> None:
    classes.keep(VISION, "one")
    classes.keep(replace(VISION, class_id="other", name="VISION"), "two")
    classes.keep(replace(VISION, class_id="third"), "three")
    assert [known.name for known in classes.all()] == ["Vision (3)", "VISION (2)", "Vision"]
    again = classes.keep(replace(VISION, person="Ana B"), "new")
    assert (again.name, len(classes.all())) == ("Vision", 3)
    assert classes.all()[0] == again


def test_a_class_that_is_unknown_is_named_with_those_there_are(classes: KnownClasses) -> None:
    with pytest.raises(SettingsError, match="gan-desktop join CARD"):
        classes.find("Vision")
    classes.keep(VISION, SECRET)
    with pytest.raises(SettingsError, match='There are: "Vision"'):
        classes.find("Visions")


def test_a_forgotten_class_leaves_no_password(classes: KnownClasses, store: Store, tmp_path: Path) -> None:
    classes.forget(classes.keep(VISION, SECRET))
    in_file = classes.keep(replace(VISION, password_in_file=True), SECRET)
    classes.forget(in_file)
    assert classes.all() == []
    assert store.passwords == {}
    assert SECRET not in "".join(p.read_text("utf-8") for p in tmp_path.rglob("*") if p.is_file())


def test_a_password_file_that_cannot_be_removed_is_named(tmp_path: Path) -> None:
    classes = KnownClasses(tmp_path / "config")
    known = classes.keep(replace(VISION, password_in_file=True), SECRET)
    [file] = (tmp_path / "config" / "passwords").iterdir()
    file.unlink()
    file.mkdir()  # not even the administrator unlinks a folder
    with pytest.raises(CredentialsError, match=f"{file.name} holds your password"):
        classes.forget(known)
    assert classes.all() == []


def test_a_class_that_moved_leaves_no_password_under_its_former_address(
    classes: KnownClasses, store: Store
) -> None:
    classes.keep(VISION, SECRET)
    moved = classes.keep(replace(VISION, hosts=("10.0.0.2",)), SECRET)
    assert len(store.passwords) == 1
    assert classes.stored_password(moved) == SECRET


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_a_password_in_a_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    classes = KnownClasses(tmp_path / "config")
    known = classes.keep(replace(VISION, password_in_file=True), SECRET)
    [file] = (tmp_path / "config" / "passwords").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    assert (tmp_path / "config" / "classes.json").stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0
    assert classes.password(known).value == SECRET
    file.chmod(0o644)
    with pytest.raises(CredentialsError, match="chmod 600") as refused:
        classes.password(known)
    assert SECRET not in refused.value.message


def test_a_computer_without_a_password_store_is_told_the_way_out_beforehand(store: Store) -> None:
    require_place_for_password(in_file=False)
    assert store.passwords == {}
    keyring.set_keyring(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]
    require_place_for_password(in_file=True)
    with pytest.raises(CredentialsError, match="--store-in-file"):
        require_place_for_password(in_file=False)


def test_the_documented_places_come_before_the_stored_password(
    classes: KnownClasses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = classes.keep(VISION, SECRET)
    monkeypatch.setenv("PGPASSWORD", "from environment")
    assert classes.password(known).value == "from environment"
    assert classes.stored_password(known) == SECRET
    file = tmp_path / "password"
    file.write_text("from file\n")
    assert classes.password(known, str(file)).value == "from file"


def test_a_damaged_list_is_named_and_left_alone(classes: KnownClasses, tmp_path: Path) -> None:
    file = tmp_path / "config" / "classes.json"
    classes.keep(VISION, SECRET)
    for damage in ("{", "[]", '{"classes": [{}]}', '{"classes": 5}'):
        file.write_text(damage)
        for use in (classes.all, lambda: classes.keep(VISION, SECRET)):
            with pytest.raises(SettingsError, match=r"classes\.json.*damaged"):
                use()
        assert file.read_text() == damage


def test_what_a_later_program_has_added_is_passed_over(classes: KnownClasses, tmp_path: Path) -> None:
    known = classes.keep(VISION, SECRET)
    file = tmp_path / "config" / "classes.json"
    content = json.loads(file.read_text("utf-8"))
    content["classes"][0]["colour"] = "green"
    file.write_text(json.dumps(content))
    assert classes.all() == [known]


def test_two_programs_that_join_at_once_lose_nothing(classes: KnownClasses, tmp_path: Path) -> None:
    def join(number: int) -> None:
        KnownClasses(tmp_path / "config").keep(replace(VISION, class_id=f"class{number}"), SECRET)

    with ThreadPoolExecutor(8) as programs:
        list(programs.map(join, range(24)))
    assert len(classes.all()) == len({known.name for known in classes.all()}) == 24


def test_the_address_that_answered_is_remembered(classes: KnownClasses) -> None:
    known = classes.keep(VISION, SECRET)
    changed = classes.remember(known, answering_host="laptop.local")
    assert classes.all() == [changed]
    assert (changed.answering_host, changed.hosts) == ("laptop.local", VISION.hosts)
