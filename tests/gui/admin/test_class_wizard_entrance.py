"""The class with which the instructor's window begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keyring
import keyring.backends.fail
import pytest

from gan_desktop.class_admin.hosting import Host, hosted_administrator
from gan_desktop.class_admin.login import make_class
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.errors import ConnectionFailed, CredentialsError, GanDesktopError
from gan_desktop.gui.admin import entrance
from gan_desktop.gui.window_session import Places
from tests.gui.admin.empty_class import classroom, new_database
from tests.integration.classroom import Classroom
from tests.integration.console import write_config

__all__ = ["classroom", "new_database"]


@pytest.fixture(autouse=True)
def no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No password store, and a folder without a config.yaml."""
    before = keyring.get_keyring()
    keyring.set_keyring(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    yield
    keyring.set_keyring(before)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places.below(tmp_path / "teacher")


def test_without_a_class_the_wizard_asks(places: Places) -> None:
    assert entrance.find_taught(places) is None
    assert not entrance.is_begun(places)


def test_the_class_taught_last_is_the_one_that_is_meant(places: Places, classroom: Classroom) -> None:
    first = entrance.keep_taught(classroom.coordinator_address, places, in_file=True)
    assert first.known is not None
    assert first.known.password_in_file
    found = entrance.find_taught(places)
    assert found is not None
    assert found.address == classroom.coordinator_address
    assert found.title == "Vision"
    entrance.forget_taught(first.known, places)
    assert entrance.find_taught(places) is None
    assert not list((places.config / "teaching" / "passwords").iterdir())


def test_a_students_login_is_never_kept_as_an_instructors(places: Places, classroom: Classroom) -> None:
    student = classroom.add_student()
    with pytest.raises(ConnectionFailed, match="student's login"):
        entrance.keep_taught(classroom.address(student.user, student.password), places, in_file=True)
    assert entrance.known_classes(places) == []


def test_a_config_file_of_the_folder_comes_first_if_it_is_an_instructors(
    places: Places, classroom: Classroom, tmp_path: Path
) -> None:
    entrance.keep_taught(replace(classroom.coordinator_address, host="localhost"), places, in_file=True)
    student = classroom.add_student()
    folder = tmp_path / "empty"
    write_config(folder, classroom.address(student.user, student.password))
    found = entrance.find_taught(places)
    assert found is not None
    assert found.known is not None
    (folder / "config.yaml").unlink()
    write_config(folder, classroom.coordinator_address)
    named = entrance.find_taught(places)
    assert named is not None
    assert named.known is None
    assert named.address == classroom.coordinator_address


def test_a_named_config_file_is_taken_whatever_it_says(
    places: Places, classroom: Classroom, tmp_path: Path
) -> None:
    config = write_config(tmp_path, classroom.coordinator_address, password=False)
    with pytest.raises(CredentialsError):
        entrance.find_taught(places, config)
    secret = tmp_path / "password"
    secret.write_text(classroom.new_class.coordinator_password, "utf-8")
    found = entrance.find_taught(places, config, str(secret))
    assert found is not None
    assert found.address == classroom.coordinator_address
    with pytest.raises(GanDesktopError, match="does not exist"):
        entrance.find_taught(places, tmp_path / "missing.yaml")


def test_a_config_file_of_this_computers_own_server_starts_it(open_folder: Path) -> None:
    places = Places.below(open_folder)
    # As `class host` without an option has it.
    assert entrance.usual_folder(Places.of_this_user()) == EmbeddedPostgres.default_dir().absolute()
    with Host(entrance.usual_folder(places)) as host:
        coordinator = make_class(hosted_administrator(host.folder), "Vision")
    config = write_config(open_folder, coordinator)
    found = entrance.find_taught(places, config)
    assert found is not None
    assert found.hosted_in == entrance.usual_folder(places)
    (open_folder / "elsewhere").mkdir()
    elsewhere = write_config(open_folder / "elsewhere", replace(coordinator, port=coordinator.port + 1))
    other = entrance.find_taught(places, elsewhere)
    assert other is not None
    assert other.hosted_in is None


def test_a_class_on_this_computer_is_found_without_its_server(places: Places, open_folder: Path) -> None:
    with Host(open_folder / "postgres") as host:
        coordinator = make_class(hosted_administrator(host.folder), "Vision")
        entrance.keep_taught(coordinator, places, hosted_in=host.folder, in_file=True)
    found = entrance.find_taught(places)
    assert found is not None
    assert found.hosted_in == open_folder / "postgres"
    assert found.address.password == coordinator.password
