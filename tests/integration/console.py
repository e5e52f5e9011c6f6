"""The program as a person starts it: a process of its own, with what it said and its exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from gan_desktop.database.address import Address
from tests.integration.test_embedded import wait_until

TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Answer:
    """How a process of ours ended; `said` is everything that stood on the screen."""

    code: int
    stdout: str
    stderr: str

    @property
    def said(self) -> str:
        return self.stdout + self.stderr


def gan_desktop(*arguments: object, stdin: str = "", cwd: Path | None = None, **environment: str) -> Answer:
    """Run the program to its end. No answer of it ever shows a traceback."""
    done = subprocess.run(
        command(*arguments),
        input=stdin,
        cwd=cwd,
        env=people_environment(environment),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    answer = Answer(done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in answer.said, answer.said
    return answer


@contextmanager
def start(
    *arguments: object,
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[subprocess.Popen[str]]:
    """Start the program; its lines can be read while it runs. What a failed test leaves running is killed."""
    # A shell that started the tests in the background made them, and all they start, deaf to Ctrl+C.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        [python, *command(*arguments)[1:]],
        env=people_environment(environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    ) as process:
        try:
            yield process
            process.wait(TIMEOUT_S)
        finally:
            process.kill()


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "gan_desktop", *map(str, arguments)]


def people_environment(changes: Mapping[str, str]) -> dict[str, str]:
    """This environment without what testers set: people's output is buffered."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return {**kept, **changes}


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """The process's lines up to the one that holds `words`."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return "".join(lines)
    raise AssertionError(f"It ended without {words!r}: {''.join(lines)}{process.communicate()[1]}")


def finish(process: subprocess.Popen[str], timeout_s: float = TIMEOUT_S) -> Answer:
    """Wait for the end; the rest of what it said."""
    stdout, stderr = process.communicate(timeout=timeout_s)
    assert "Traceback" not in stdout + stderr, stdout + stderr
    return Answer(process.returncode, stdout, stderr)


def write_config(folder: Path, address: Address, *, password: bool = True, **sections: Any) -> Path:
    """A config.yaml as a person would have it."""
    database: dict[str, Any] = {
        "host": address.host,
        "port": address.port,
        "database": address.dbname,
        "user": address.user,
    }
    if password:
        database["password"] = address.password
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({"database": database, **sections}), encoding="utf-8")
    return path


def processes_of(folder: Path) -> list[psutil.Process]:
    """The processes that name a folder in their command line, or work in it."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            places = [*process.cmdline(), process.cwd()]
            if any(str(folder) in place for place in places):
                found.append(process)
    return found


def require_nothing_left(folder: Path, timeout_s: float = 30.0) -> None:
    """Wait until a temporary folder is empty and nobody works there any more."""
    try:
        wait_until(lambda: not any(folder.iterdir()) and not processes_of(folder), timeout_s)
    except AssertionError:
        raise AssertionError(f"left: {[*folder.iterdir(), *processes_of(folder)]}") from None
