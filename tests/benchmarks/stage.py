"""What the benchmarks share: an embedded PostgreSQL as the program starts it, and a class in it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gan_desktop.database.embedded import EmbeddedPostgres
from gan_desktop.records import RunConfig
from tests.integration.lesson import Lesson, lesson


@contextmanager
def class_on_stage(
    config: RunConfig,
    *,
    num_faces: int,
    max_connections: int = 60,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Lesson]:
    """A class in a server of its own, on the disk and with every write synchronised, gone afterwards.

    Args:
        num_faces: Drawn faces that the class learns from.
        settings: PostgreSQL settings that the benchmark needs other than usual.
    """
    # In /var/tmp: on many computers /tmp lies in memory, where nothing has to be synchronised.
    folder = Path(tempfile.mkdtemp(prefix="gan-desktop-benchmark-", dir="/var/tmp"))
    # The server runs under an account of its own where we are root.
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder / "postgres", max_connections=max_connections, settings=settings)
    try:
        with server, lesson(server.address, folder / "class", config, num_faces=num_faces) as held:
            yield held
    finally:
        shutil.rmtree(folder, ignore_errors=True)
