"""What the integration tests share: a real PostgreSQL, and folders that its account can enter."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from psycopg2 import sql

from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.databases import create_database
from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.database.schema import NewClass, init_class
from tests.integration.classroom import Classroom
from tests.integration.databases import drop_class_database


def superuser_address(server: EmbeddedPostgres, dbname: str = "postgres") -> Address:
    """The way into any database of the server, with all rights."""
    return replace(server.address, dbname=dbname)


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    """One PostgreSQL for the whole session; a test that needs a database creates its own in it.

    POSTGRES_BIN_DIR names the programs of another version to test against, such as
    /usr/lib/postgresql/15/bin.
    """
    bin_dir = Path(os.environ["POSTGRES_BIN_DIR"]) if "POSTGRES_BIN_DIR" in os.environ else None
    with _open_folder(_memory()) as folder:
        # Nothing here has to survive a power cut.
        embedded = EmbeddedPostgres(
            folder / "postgres", bin_dir=bin_dir, max_connections=100, settings={"fsync": "off"}
        )
        with embedded:
            yield embedded


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder every account may enter, which pytest's own tmp_path is not; its servers end with the test."""
    with _open_folder(_memory()) as folder:
        yield folder


@pytest.fixture(scope="module")
def module_folder() -> Iterator[Path]:
    """Like `open_folder`, for all tests of a module."""
    with _open_folder(_memory()) as folder:
        yield folder


@pytest.fixture
def disk_folder() -> Iterator[Path]:
    """Like `open_folder`, and programs may be run from it."""
    with _open_folder(None) as folder:
        yield folder


def _memory() -> Path | None:
    """Linux's file system in memory if it is roomy: a busy disk makes a new database ten times slower."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > 2e9 else None


@contextmanager
def _open_folder(parent: Path | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gan-desktop-test-", dir=parent))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        _end_servers(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _end_servers(folder: Path) -> None:
    """Kill the servers that a failed test has left, known by the data folder that they name."""
    for pid_file in folder.rglob("postmaster.pid"):
        # A test may have put another pid there, or none.
        with contextlib.suppress(psutil.NoSuchProcess, ValueError):
            pid, data_folder, *_ = pid_file.read_text("utf-8").splitlines()
            process = psutil.Process(int(pid))
            if Path(data_folder).is_relative_to(folder) and process.name().startswith("postgres"):
                process.kill()
                process.wait(timeout=30)


@pytest.fixture
def new_database(server: EmbeddedPostgres) -> Iterator[Callable[[], Address]]:
    """Makes empty databases; each is dropped after the test, with all logins of its class."""
    made: list[str] = []

    def make() -> Address:
        made.append(f"scratch_{secrets.token_hex(4)}")
        return create_database(superuser_address(server), made[-1])

    yield make
    for name in made:
        drop_class_database(superuser_address(server), name)


@pytest.fixture(scope="session")
def shared_class(server: EmbeddedPostgres) -> tuple[Address, NewClass]:
    """A class without people and pictures: made once, because that takes half a second."""
    address = create_database(superuser_address(server), "shared_class")
    return address, init_class(address, "Vision")


@pytest.fixture
def classroom(shared_class: tuple[Address, NewClass]) -> Iterator[Classroom]:
    """A class that nobody has joined yet; all that a test does in it is gone after the test."""
    classroom = Classroom(*shared_class)
    yield classroom
    classroom.close()
    empty_class(shared_class[0])


def empty_class(administrator: Address) -> None:
    """End the sessions in a class's database, empty its tables and drop its students' logins."""
    with Connection(administrator) as connection:
        connection.query(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        logins = connection.query(
            "SELECT login FROM gan.accounts"
            " UNION ALL SELECT login FROM gan.enrol_cards WHERE withdrawn_at IS NULL"
        )
        connection.execute(
            "TRUNCATE gan.accounts, gan.enrol_cards, gan.workers, gan.datasets, gan.messages,"
            " gan.training_runs, gan.events, gan.closing_steps RESTART IDENTITY CASCADE"
        )
        for row in logins:
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(row.login)))
