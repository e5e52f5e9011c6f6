"""A worker's folder on this disk: who it is, that it runs only once, and what waits to be handed in."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import uuid
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from gan_desktop.errors import GanDesktopError
from gan_desktop.records import CheckFigures, UnitResult, Update

logger = logging.getLogger(__name__)

# Workers of one account on one computer; the class allows no more (api/functions.sql).
MAX_WORKERS = 8
_DEVICE_ID = "device_id"


class WorkerHome:
    """The folder of one worker: locked while it runs, the same identity at every start.

    Several workers of one account on one computer get folders worker-1, worker-2 ...
    """

    def __init__(self, folder: Path, lock: FileLock) -> None:
        self.folder = folder
        self._lock = lock
        self.outbox = Outbox(folder / "outbox")

    @classmethod
    def open(cls, state_dir: Path, account: str) -> WorkerHome:
        """Take the first free worker folder of an account.

        Args:
            state_dir: Where programs of this user keep their state.
            account: Tells accounts of different classes apart, and stays the same when the class's
                server gets another address.

        Raises:
            GanDesktopError: All are in use, or the folder cannot be written.
        """
        root = state_dir / hashlib.sha256(account.encode()).hexdigest()[:12]
        try:
            for number in range(1, MAX_WORKERS + 1):
                folder = root / f"worker-{number}"
                folder.mkdir(parents=True, exist_ok=True)
                lock = FileLock(folder / "lock")
                with contextlib.suppress(Timeout):
                    lock.acquire(timeout=0)
                    return cls._with_identity(folder, lock)
        except OSError as error:
            raise GanDesktopError(
                f"The folder {root} cannot be written ({error.strerror}). Free some space or mend its rights."
            ) from error
        raise GanDesktopError(f"{MAX_WORKERS} workers of this login run on this computer already. Stop one.")

    @classmethod
    def _with_identity(cls, folder: Path, lock: FileLock) -> WorkerHome:
        home = cls(folder, lock)
        try:
            if not (folder / _DEVICE_ID).exists():
                home.renew_device_id()
        except OSError:
            home.close()
            raise
        return home

    @property
    def device_id(self) -> str:
        """This device's own name towards the class; made at the first start."""
        return (self.folder / _DEVICE_ID).read_text(encoding="utf-8").strip()

    def renew_device_id(self) -> None:
        """Take a new identity: this disk was copied from a computer that is at work elsewhere."""
        _write_whole(self.folder / _DEVICE_ID, str(uuid.uuid4()).encode())

    def close(self) -> None:
        """Let another start use the folder."""
        self._lock.release()


class Outbox:
    """Finished updates: on disk until the class has taken or refused them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, update: Update) -> None:
        """Keep an update.

        Raises:
            OSError: The disk is full; the update exists only in memory then.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        fields = {f.name: getattr(update, f.name) for f in dataclasses.fields(update) if f.name != "payload"}
        header = json.dumps({**fields, "result": dataclasses.asdict(update.result)}).encode()
        _write_whole(self._path(update.unit_id), header + b"\n" + update.payload)

    def remove(self, unit_id: int) -> None:
        """Forget an update: it was delivered or refused."""
        self._path(unit_id).unlink(missing_ok=True)

    def updates(self) -> list[Update]:
        """What waits, oldest first. A damaged file is removed with a line in the log."""
        waiting = []
        for path in sorted(self._folder.glob("*.update"), key=lambda p: p.stat().st_mtime):
            try:
                waiting.append(_read(path.read_bytes()))
            except (ValueError, TypeError, KeyError) as error:
                logger.warning("A finished unit on the disk (%s) is damaged and was dropped: %s", path, error)
                path.unlink(missing_ok=True)
        return waiting

    def __len__(self) -> int:
        return sum(1 for _ in self._folder.glob("*.update"))

    def _path(self, unit_id: int) -> Path:
        return self._folder / f"{unit_id}.update"


def _read(data: bytes) -> Update:
    header, separator, payload = data.partition(b"\n")
    fields: dict[str, Any] = json.loads(header)
    if not separator or hashlib.sha256(payload).hexdigest() != fields["sha256"]:
        raise ValueError("the bytes do not match their checksum")
    result = dict(fields.pop("result"))
    check = CheckFigures(**result.pop("check"))
    return Update(**fields, payload=payload, result=UnitResult(**result, check=check))


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a crash leaves the old one or the new one, never half of it."""
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
