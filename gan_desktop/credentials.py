"""Finding the database password without ever putting it on a command line or inventing encryption.

The order: --password-file or standard input, PGPASSWORD, PostgreSQL's own password file,
config.yaml, the file that `gan-desktop join --store-in-file` wrote, this computer's password store (keyring).
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.errors import CredentialsError
from gan_desktop.files import write_whole
from gan_desktop.settings import DatabaseSettings, HuggingFaceSettings

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SERVICE = "gan-desktop"
HUB_TOKEN = "huggingface.co"  # its name in the password store
STANDARD_INPUT = "-"

# Four fields that end in a colon, then the password. A backslash takes the next character as it is.
_PGPASS_LINE = re.compile(r"((?:\\.|[^:\\])*):" * 4)


@dataclass(frozen=True)
class Password:
    """A password and where it was found.

    Attributes:
        value: None: PostgreSQL's client library reads it from its own password file.
        source: The place, for the log.
        advice: A sentence for the person about a better place; mostly empty.
    """

    value: str | None = field(repr=False)
    source: str
    advice: str = ""


def find_password(
    database: DatabaseSettings, password_file: str | None = None, own_file: Path | None = None
) -> Password:
    """Return the password for this class from the first place that has one.

    Args:
        database: Whose password; `database.password` is what config.yaml says.
        password_file: What `--password-file` says: a path, `-` for standard input, None for neither.
        own_file: Where `write_password_file` has put it.

    Raises:
        CredentialsError: No place has one, or the named file is of no use.
    """
    if password_file == STANDARD_INPUT:
        return Password(_read_standard_input(), "standard input")
    if password_file is not None:
        return Password(_read_password_file(Path(password_file)), password_file)
    if value := os.environ.get("PGPASSWORD"):
        return Password(value, "PGPASSWORD")
    pgpass = find_pgpass_entry(database)
    if pgpass and not _is_open_to_others(pgpass):
        return Password(None, str(pgpass))
    if database.password and (value := database.password.get_secret_value()):
        return Password(value, "config.yaml", _advice_to_move(database))
    if stored := stored_password(database, own_file):
        return stored
    raise CredentialsError(_ways(database, ignored=pgpass))


def stored_password(database: DatabaseSettings, own_file: Path | None = None) -> Password | None:
    """The password as this program has kept it, whatever the environment says.

    Raises:
        CredentialsError: Others may read the file, so that it may not be secret any more.
    """
    if own_file is not None and own_file.exists():
        if _is_open_to_others(own_file):
            raise CredentialsError(
                f"Others can read your password in {own_file}. If nobody did: chmod 600 {own_file}. Else ask"
                " your instructor for a new card.",
                title="The password is open to others",
            )
        return Password(_read_password_file(own_file), str(own_file))
    value = _read_keyring(keyring_name(database))
    return Password(value, "this computer's password store") if value else None


def find_hub_token(hub: HuggingFaceSettings) -> str | None:
    """Return the access token of the Hugging Face Hub from the first place that has one; None: public only.

    The places: huggingface.token, HF_TOKEN, this computer's password store.
    """
    if hub.token and (value := hub.token.get_secret_value()):
        return value
    return os.environ.get("HF_TOKEN") or _read_keyring(HUB_TOKEN)


def store_hub_token(token: str) -> bool:
    """Put the Hub's access token into this computer's password store; False: it is not stored anywhere."""
    return _write_keyring(HUB_TOKEN, token)


def forget_hub_token() -> None:
    """Remove the Hub's access token from this computer's password store; none there is no error."""
    _delete_from_keyring(HUB_TOKEN)


def store_password(database: DatabaseSettings, password: str) -> bool:
    """Put the password into this computer's password store; False: it is not stored anywhere."""
    return _write_keyring(keyring_name(database), password)


def has_password_store() -> bool:
    """Whether this computer's password store keeps what it is given: asked while nothing can be lost."""
    probe = DatabaseSettings(user="probe")
    if not store_password(probe, "nothing secret"):
        return False
    forget_password(probe)
    return True


def forget_password(database: DatabaseSettings) -> None:
    """Remove the password from this computer's password store; one that is not there is no error."""
    _delete_from_keyring(keyring_name(database))


def write_password_file(file: Path, password: str) -> None:
    """Keep a password in a file that only its owner may read, for computers without a password store.

    Raises:
        CredentialsError: It cannot be written.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(file, f"{password}\n".encode(), mode=0o600)
    except OSError as error:
        raise CredentialsError(
            f"The password cannot be kept in {file}: {error.strerror}.", title="The password cannot be stored"
        ) from error


def keyring_name(database: DatabaseSettings) -> str:
    """Return the user name under which the password store keeps the password of one login."""
    return f"{database.user}@{database.host}:{database.port}/{database.database}"


# ---------------------------------------------------------------------------------------------
# --password-file and standard input
# ---------------------------------------------------------------------------------------------


def _read_standard_input() -> str:
    if sys.stdin.isatty():
        return _first_line(getpass.getpass("Password: ").encode(), "The answer")
    return _first_line(sys.stdin.buffer.readline(), "Standard input")


def _read_password_file(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise CredentialsError(f"The password file {file} cannot be read: {error.strerror}.") from error
    return _first_line(content, f"The password file {file}")


def _first_line(content: bytes, place: str) -> str:
    try:
        password = content.decode("utf-8-sig").partition("\n")[0].rstrip("\r")
    except UnicodeDecodeError:  # not kept as the cause: it holds the content
        raise CredentialsError(f"{place} is not UTF-8 text. Save the password again as UTF-8.") from None
    if not password or "\0" in password:
        raise CredentialsError(f"{place} holds no password. It must be alone on the first line.")
    return password


# ---------------------------------------------------------------------------------------------
# PostgreSQL's own password file (https://www.postgresql.org/docs/current/libpq-pgpass.html)
# ---------------------------------------------------------------------------------------------


def find_pgpass_entry(database: DatabaseSettings) -> Path | None:
    """Return the password file of PostgreSQL's client library if a line in it is for this login."""
    wanted = (database.host, str(database.port), database.database, database.user)
    file = _pgpass_path()
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:  # mostly: there is none
        return None
    return file if any(_matches(line, wanted) for line in lines) else None


def _pgpass_path() -> Path:
    if named := os.environ.get("PGPASSFILE"):
        return Path(named)
    if os.name == "nt":
        return Path(os.environ.get("APPDATA", "")) / "postgresql" / "pgpass.conf"
    return Path(os.path.expanduser("~/.pgpass"))  # noqa: PTH111 (Path.home() raises without a home)


def _matches(line: str, wanted: tuple[str, ...]) -> bool:
    entry = _PGPASS_LINE.match(line)
    if entry is None or line.startswith("#"):
        return False
    return all(
        written == "*" or re.sub(r"\\(.)", r"\1", written) == value
        for written, value in zip(entry.groups(), wanted, strict=True)
    )


def _is_open_to_others(file: Path) -> bool:
    """Whether others may read the file: then PostgreSQL's client library passes over it, and so do we."""
    return os.name != "nt" and bool(file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


# ---------------------------------------------------------------------------------------------
# The computer's password store
# ---------------------------------------------------------------------------------------------


def _backends() -> Iterator[KeyringBackend]:
    import keyring

    chosen = keyring.get_keyring()
    for backend in getattr(chosen, "backends", [chosen]):
        # keyrings.alt asks for a password of its own on the console, unasked.
        if not type(backend).__module__.startswith("keyrings.alt"):
            yield backend


def _read_keyring(name: str) -> str | None:
    import keyring.errors

    for backend in _backends():
        try:
            if password := backend.get_password(SERVICE, name):
                return password
        except keyring.errors.KeyringError:  # no store on this computer, or locked
            continue
    return None


def _write_keyring(name: str, secret: str) -> bool:
    import keyring.errors

    for backend in _backends():
        try:
            backend.set_password(SERVICE, name, secret)
            # Reading back, because keyring's null backend takes everything and keeps nothing.
            if backend.get_password(SERVICE, name) == secret:
                return True
        except keyring.errors.KeyringError:
            continue
    return False


def _delete_from_keyring(name: str) -> None:
    import keyring.errors

    for backend in _backends():
        with contextlib.suppress(keyring.errors.KeyringError):
            backend.delete_password(SERVICE, name)


# ---------------------------------------------------------------------------------------------
# Words
# ---------------------------------------------------------------------------------------------


def _advice_to_move(database: DatabaseSettings) -> str:
    return (
        "The password stands readable in config.yaml. It works; safer is this computer's password store: "
        f"type `keyring set {SERVICE} {keyring_name(database)}` and delete the line."
    )


def _ways(database: DatabaseSettings, *, ignored: Path | None) -> str:
    lines = [
        f'There is no password for "{database.user}" at {database.host}. Give it in one of these ways:',
        "  --password-file FILE (its first line), or --password-file - for standard input",
        "  the environment variable PGPASSWORD",
        "  a line in PostgreSQL's password file (~/.pgpass, on Windows %APPDATA%\\postgresql\\pgpass.conf)",
        f"  this computer's password store: keyring set {SERVICE} {keyring_name(database)}",
    ]
    if ignored:
        lines.append(f"{ignored} has one but is passed over, as others may read it: chmod 600 {ignored}")
    return "\n".join(lines)
