"""A file on its way here: how it is known to be right, what has arrived of it, the disk it grows on."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Never

from gan_desktop.errors import DownloadFailed

CHUNK_BYTES = 64 * 1024  # what a drop may cost
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}

OnBytes = Callable[[int], None]


@dataclass(frozen=True)
class RemoteFile:
    """A file on a web server, and how we know that what came is it.

    Attributes:
        name: What people know it by.
        sha256: Of the content, in hexadecimal digits; empty: `git_sha1` is known instead.
        git_sha1: Git's name for the content, as repositories give it for small files.
    """

    url: str
    name: str
    num_bytes: int
    sha256: str = ""
    git_sha1: str = ""

    def is_right(self, content: BinaryIO) -> bool:
        """Whether this is the file's content, from the first byte to the last."""
        content.seek(0)
        digest = hashlib.sha256() if self.sha256 else hashlib.sha1(b"blob %d\0" % self.num_bytes)
        while chunk := content.read(CHUNK_BYTES):
            digest.update(chunk)
        return content.tell() == self.num_bytes and digest.hexdigest() == (self.sha256 or self.git_sha1)


class Arrived:
    """What has arrived of a file, on the disk or in memory.

    Args:
        content: At the call, what an earlier one has brought.
    """

    def __init__(self, content: BinaryIO, on_bytes: OnBytes) -> None:
        self.content = content
        self._on_bytes = on_bytes
        self._etag = ""
        on_bytes(self.length)

    @property
    def length(self) -> int:
        """Bytes that are here."""
        return self.content.seek(0, io.SEEK_END)

    def append(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self.content.write(chunk)
        self._on_bytes(len(chunk))

    def restart(self, etag: str = "") -> None:
        """Begin at the first byte of the version that the server marks with `etag`."""
        if length := self.length:
            self._on_bytes(-length)
            self.content.truncate(0)
        # A weak mark does not promise the same bytes (RFC 9110, section 13.1.5).
        self._etag = "" if etag.startswith("W/") else etag

    def range_headers(self) -> dict[str, str]:
        """Ask for the rest; for the whole, should it be another version by now."""
        if not self.length:
            return {}
        version = {"If-Range": self._etag} if self._etag else {}
        return {"Range": f"bytes={self.length}-", **version}


def require_space(folder: Path, num_bytes: int) -> None:
    """Fail before the first byte rather than at the last one.

    Raises:
        OSError: The disk has no room for that much.
    """
    if shutil.disk_usage(folder).free < num_bytes:
        raise OSError(errno.ENOSPC, f"{num_bytes / 1e6:,.0f} MB more are needed")


@contextlib.contextmanager
def naming_disk_trouble(folder: Path) -> Iterator[None]:
    """Turn what the disk of `folder` refuses into a DownloadFailed."""
    try:
        yield
    except OSError as error:
        _raise_disk_trouble(error, folder)


def _raise_disk_trouble(error: OSError, folder: Path) -> Never:
    if error.errno in _DISK_FULL:
        raise DownloadFailed(
            f"The disk of {folder} is full ({error.strerror}). Free some space and try again; what has"
            " arrived so far is kept.",
            cause="disk",
            title="The disk is full",
        ) from error
    raise DownloadFailed(f"{folder} cannot be written: {error.strerror}.", cause="disk") from error
