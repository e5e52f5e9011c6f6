"""Writing files of which nobody ever meets half."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from gan_desktop.errors import GanDesktopError

# What carries the bytes until they are whole. A program that was killed leaves it behind.
UNFINISHED = ".part"


def write_whole(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write a file in one step: whoever reads it, whatever happens, has the old one or the new one.

    The bytes are on the disk before the file has its name. Without that a power cut could leave an empty
    file in the good one's place. It costs milliseconds, and no file here is written many times a second.

    Args:
        mode: The file's rights, such as 0o600 for a secret; None: as the system gives them to a new file.

    Raises:
        OSError: It cannot be written. The old file stays, and nothing else is left.
    """
    # A name of its own: two programs may write the same file at once.
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}{UNFINISHED}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(new, flags, 0o666 if mode is None else 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            new.chmod(mode)
        new.replace(path)
    except BaseException:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise


@contextmanager
def new_private_file(path: Path, *, keep_partly: bool = False) -> Iterator[BinaryIO]:
    """A file to write that nobody else may read and that was not there.

    What is left of it after an error is removed.

    Args:
        keep_partly: Unless something was written.

    Raises:
        GanDesktopError: It is there already, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except FileExistsError as error:
        raise GanDesktopError(
            f"{path} is there already. Choose another name, or move it away first.", title="Not overwritten"
        ) from error
    except OSError as error:
        raise GanDesktopError(
            f"{path} cannot be written: {error.strerror}. Choose another place.",
            title="No place for the file",
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:
        if not (keep_partly and path.stat().st_size):
            path.unlink()
        raise
