"""Where the database password is looked for, in which order, and what is said when it is nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backends.chainer
import keyring.backends.fail
import keyring.backends.null
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked
from pydantic import SecretStr

from gan_desktop.credentials import (
    Password,
    find_password,
    find_pgpass_entry,
    keyring_name,
    store_password,
)
from gan_desktop.errors import CredentialsError
from gan_desktop.settings import DatabaseSettings

SECRET = "hunter2-Pferd"
CLASS = DatabaseSettings(host="db.school.example", database="gan", user="alice")
POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")


class MemoryKeyring(KeyringBackend):
    """A password store that works and forgets at the end of the test."""

    priority = 1

    def __init__(self) -> None:
        self.passwords: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.passwords[service, username] = password


class LockedKeyring(MemoryKeyring):
    """A password store whose owner does not unlock it."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("locked")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked("locked")


class AskingKeyring(MemoryKeyring):
    """Like keyrings.alt, which asks for a password of its own on the console."""

    __module__ = "keyrings.alt.file"

    def get_password(self, service: str, username: str) -> str | None:
        raise AssertionError("asked on the console")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise AssertionError("asked on the console")


@pytest.fixture(autouse=True)
def no_password_store() -> Iterator[None]:
    """A computer without a secret service, as a server or a container is."""
    before = keyring.get_keyring()
    keyring.set_keyring(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


def write_pgpass(file: Path, *lines: str, mode: int = 0o600) -> Path:
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    file.chmod(mode)
    return file


# --- the order ---


def test_places_are_asked_in_the_documented_order(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_config = CLASS.model_copy(update={"password": SecretStr("from config")})
    keyring.set_keyring(MemoryKeyring())
    store_password(CLASS, "from keyring")
    assert find_password(CLASS) == Password("from keyring", "this computer's password store")

    assert find_password(in_config).value == "from config"

    pgpass = write_pgpass(home / ".pgpass", "*:*:*:alice:from pgpass")
    monkeypatch.setenv("PGPASSFILE", str(pgpass))
    assert find_password(in_config) == Password(None, str(pgpass))

    monkeypatch.setenv("PGPASSWORD", "from environment")
    assert find_password(in_config) == Password("from environment", "PGPASSWORD")

    file = tmp_path / "password"
    file.write_text("from file\n", encoding="utf-8")
    assert find_password(in_config, str(file)) == Password("from file", str(file))


def test_nowhere_is_an_error_that_names_every_way() -> None:
    with pytest.raises(CredentialsError) as caught:
        find_password(CLASS)
    for way in ("alice", "--password-file", "PGPASSWORD", ".pgpass", "pgpass.conf", keyring_name(CLASS)):
        assert way in caught.value.message


def test_password_in_the_config_file_works_with_the_offer_to_move_it() -> None:
    found = find_password(CLASS.model_copy(update={"password": SecretStr(SECRET)}))
    assert found.value == SECRET
    assert "keyring set gan-desktop alice@db.school.example:5432/gan" in found.advice
    assert SECRET not in found.advice + repr(found)


def test_empty_passwords_count_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "")
    with pytest.raises(CredentialsError):
        find_password(CLASS.model_copy(update={"password": SecretStr("")}))


# --- --password-file and standard input ---


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (b"plain", "plain"),
        (b"line end\n", "line end"),
        (b"windows\r\n", "windows"),
        (b"first\nsecond\n", "first"),
        (b"\xef\xbb\xbfmark\n", "mark"),
        (b"  spaces stay  \n", "  spaces stay  "),
        ("Zoë#:\\'\n".encode(), "Zoë#:\\'"),
    ],
)
def test_first_line_of_the_file_is_the_password(tmp_path: Path, content: bytes, password: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    assert find_password(CLASS, str(file)).value == password


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\r\nsecond", SECRET.encode() + b"\0", SECRET.encode() + b"\xff"]
)
def test_file_without_a_usable_password_is_an_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    with pytest.raises(CredentialsError, match="The password file") as caught:
        find_password(CLASS, str(file))
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_named_file_that_is_absent_or_a_folder_is_an_error(tmp_path: Path) -> None:
    for name in (tmp_path / "absent", tmp_path):
        with pytest.raises(CredentialsError, match="cannot be read"):
            find_password(CLASS, str(name))


def test_standard_input_gives_its_first_line() -> None:
    program = (
        "from gan_desktop.credentials import find_password\n"
        "from gan_desktop.settings import DatabaseSettings\n"
        "print(ascii(find_password(DatabaseSettings(), '-').value))"
    )
    given = subprocess.run(
        [sys.executable, "-c", program], input="Zoë \r\nmore\n".encode(), capture_output=True, check=True
    )
    assert given.stdout.decode().strip() == ascii("Zoë ")
    nothing = subprocess.run([sys.executable, "-c", program], stdin=subprocess.DEVNULL, capture_output=True)
    assert b"Standard input holds no password" in nothing.stderr


# --- PostgreSQL's own password file ---


@pytest.mark.parametrize(
    ("line", "matches"),
    [
        ("db.school.example:5432:gan:alice:secret", True),
        ("*:*:*:*:secret", True),
        ("db.school.example:5432:*:alice:", True),
        ("db.school.example:5433:gan:alice:secret", False),
        ("db.school.example:5432:gan:bob:secret", False),
        ("db.school.exampl:5432:gan:alice:secret", False),
        ("db.school.*:5432:gan:alice:secret", False),
        (r"db.school.example:5432:gan:\*:secret", False),
        (r"db\.school.example:5432:g\an:alice:se:cr\:et", True),
        ("#db.school.example:5432:gan:alice:secret", False),
        ("db.school.example:5432:gan", False),
        ("db.school.example:5432:gan:alice", False),
        ("", False),
        ("\\", False),
    ],
)
def test_lines_match_as_the_manual_says(
    home: Path, monkeypatch: pytest.MonkeyPatch, line: str, matches: bool
) -> None:
    pgpass = write_pgpass(home / "mine", "# hostname:port:database:username:password", line)
    monkeypatch.setenv("PGPASSFILE", str(pgpass))
    assert find_pgpass_entry(CLASS) == (pgpass if matches else None)


fields = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=12)


@given(host=fields, database=fields, user=fields)
def test_escaped_names_are_found_again(host: str, database: str, user: str) -> None:
    login = DatabaseSettings(host=host, database=database, user=user)
    escaped = [
        field.replace("\\", "\\\\").replace(":", "\\:") for field in (login.host, login.database, login.user)
    ]
    line = f"{escaped[0]}:5432:{escaped[1]}:{escaped[2]}:secret"
    file = write_pgpass(Path(os.environ["HOME"]) / "mine", line)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSFILE", str(file))
        assert (find_pgpass_entry(login) == file) is not line.startswith("#")


@POSIX_ONLY
def test_password_file_is_the_one_in_the_home_folder(home: Path) -> None:
    assert find_pgpass_entry(CLASS) is None
    write_pgpass(home / ".pgpass", "*:*:*:*:secret")
    assert find_password(CLASS) == Password(None, str(home / ".pgpass"))


@POSIX_ONLY
def test_password_file_that_others_may_read_is_passed_over_and_named(home: Path) -> None:
    write_pgpass(home / ".pgpass", f"*:*:*:*:{SECRET}", mode=0o640)
    with pytest.raises(CredentialsError, match=r"chmod 600 .*\.pgpass") as caught:
        find_password(CLASS)
    assert SECRET not in caught.value.message


# --- the computer's password store ---


def test_stored_password_is_found_again_for_this_login_only() -> None:
    keyring.set_keyring(MemoryKeyring())
    assert store_password(CLASS, SECRET)
    assert find_password(CLASS).value == SECRET
    with pytest.raises(CredentialsError):
        find_password(CLASS.model_copy(update={"port": 5433}))


@pytest.mark.parametrize(
    "backend", [keyring.backends.fail.Keyring, keyring.backends.null.Keyring, LockedKeyring, AskingKeyring]
)
def test_store_that_keeps_nothing_is_told_and_treated_as_none(backend: type[KeyringBackend]) -> None:
    keyring.set_keyring(backend())
    assert not store_password(CLASS, SECRET)
    with pytest.raises(CredentialsError, match="--password-file"):
        find_password(CLASS)


def test_asking_store_in_a_chain_is_left_out() -> None:
    memory = MemoryKeyring()

    class Chain(keyring.backends.chainer.ChainerBackend):
        backends = (AskingKeyring(), LockedKeyring(), memory)

    keyring.set_keyring(Chain())  # type: ignore[no-untyped-call]
    assert store_password(CLASS, SECRET)
    assert memory.get_password("gan-desktop", keyring_name(CLASS)) == SECRET
    assert find_password(CLASS).value == SECRET


def test_importing_credentials_does_not_import_keyring() -> None:
    program = "import sys, gan_desktop.credentials; sys.exit('keyring' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
