"""A worker's folder on this disk: who it is, that it runs only once, and what waits to be handed in."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import logging
import shutil
import uuid
from pathlib import Path
from typing import Any, Protocol

import platformdirs
from filelock import FileLock, Timeout

from gan_desktop.errors import GanDesktopError
from gan_desktop.files import write_whole
from gan_desktop.records import CheckFigures, UnitResult, Update

logger = logging.getLogger(__name__)

# Workers of one account on one computer; the class allows no more (api/functions.sql).
MAX_WORKERS = 8
_DEVICE_ID = "device_id"
_LAST_MESSAGE = "last_message"


def workers_folder(chosen: Path | None = None) -> Path:
    """Where workers keep their identity and finished units.

    Not in the system's cache folder: cleaning that must lose nobody's work.

    Args:
        chosen: The folder for everything (`--folder`); None: this user's own for data.
    """
    return (chosen or platformdirs.user_data_path("gan-desktop", appauthor=False)) / "workers"


def account_of(login: Login) -> str:
    """What tells accounts apart on this computer.

    Without the host: the class's server may move, and this computer is still the same worker.
    """
    return f"{login.dbname}/{login.user}"


class Login(Protocol):
    """What `account_of` must know: an address has it, and a class that was joined."""

    @property
    def dbname(self) -> str: ...  # noqa: D102
    @property
    def user(self) -> str: ...  # noqa: D102


class WorkerHome:
    """The folder of one worker: locked while it runs, the same identity at every start.

    Several workers of one account on one computer get folders worker-1, worker-2 ...
    """

    def __init__(self, folder: Path, lock: FileLock) -> None:
        self.folder = folder
        self._lock = lock
        self.outbox = Outbox(folder / "outbox")

    @classmethod
    def open(cls, state_dir: Path, account: str, number: int | None = None) -> WorkerHome:
        """Take a worker folder of an account.

        Args:
            state_dir: `workers_folder`.
            account: `account_of` its login.
            number: From 1 to `MAX_WORKERS`; None: the first one that is free.

        Raises:
            GanDesktopError: It is in use, or all are, or the folder cannot be written.
        """
        root = _folder_of(state_dir, account)
        try:
            for candidate in range(1, MAX_WORKERS + 1) if number is None else (number,):
                folder = root / f"worker-{candidate}"
                folder.mkdir(parents=True, exist_ok=True)
                lock = FileLock(folder / "lock")
                with contextlib.suppress(Timeout):
                    lock.acquire(timeout=0)
                    return cls._with_identity(folder, lock)
        except OSError as error:
            raise GanDesktopError(
                f"The folder {root} cannot be written ({error.strerror}). Free some space or mend its"
                " rights.",
                title="No place for the work",
            ) from error
        if number is not None:
            raise GanDesktopError(
                f"Worker {number} of this login runs on this computer already. Stop it, or start this one"
                " with another --instance number.",
                title="Started twice",
            )
        raise GanDesktopError(
            f"{MAX_WORKERS} workers of this login run on this computer already. Stop one.",
            title="Too many workers",
        )

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
        write_whole(self.folder / _DEVICE_ID, str(uuid.uuid4()).encode())

    @property
    def last_message(self) -> int:
        """Number of the instructor's newest message that was shown on this computer; 0: none was."""
        try:
            return int((self.folder / _LAST_MESSAGE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0

    def remember_message(self, message_id: int) -> None:
        """Do not show this message, and older ones, at the next start."""
        # On a full disk it is shown twice: that harms nobody.
        with contextlib.suppress(OSError):
            write_whole(self.folder / _LAST_MESSAGE, str(message_id).encode())

    def close(self) -> None:
        """Let another start use the folder."""
        self._lock.release()


def num_waiting_updates(state_dir: Path, account: str) -> int:
    """How many finished units of an account wait on this computer to be handed in."""
    return sum(len(Outbox(folder / "outbox")) for folder in _folder_of(state_dir, account).glob("worker-*"))


def forget_account(state_dir: Path, account: str) -> None:
    """Remove all that an account's workers keep on this computer, finished units too.

    Raises:
        GanDesktopError: One of them runs.
    """
    root = _folder_of(state_dir, account)
    for folder in root.glob("worker-*"):
        lock = FileLock(folder / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise GanDesktopError(
                "A worker of this class runs on this computer. Stop it first.", title="A worker is at work"
            ) from error
        lock.release()
    shutil.rmtree(root, ignore_errors=True)


def _folder_of(state_dir: Path, account: str) -> Path:
    return state_dir / hashlib.sha256(account.encode()).hexdigest()[:12]


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
        write_whole(self._path(update.unit_id), header + b"\n" + update.payload)

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
