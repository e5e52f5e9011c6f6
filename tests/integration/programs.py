"""Real programs and loops for tests: started, asked, waited for."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from gan_desktop.records import Report, StateChanged, WorkerState
from gan_desktop.sentences import sentence

T = TypeVar("T")

PATIENCE_S = 90.0
LOOK_S = 0.05


def wait_until(condition: Callable[[], T], what: str, *, seconds: float = PATIENCE_S) -> T:
    """Ask again and again until the answer is true; returns it. Fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(LOOK_S)
    return answer


@dataclass
class Program:
    """One running `gan-desktop` with what it has written so far."""

    process: subprocess.Popen[bytes]
    log_file: Path
    user: str
    end_is_known: bool = False

    @property
    def log(self) -> str:
        return self.log_file.read_text("utf-8", errors="replace")

    def await_line(self, text: str, *, times: int = 1, seconds: float = PATIENCE_S) -> None:
        """Wait until the log holds `text` so many times."""

        def is_there() -> bool:
            if self.log.count(text) >= times:
                return True
            assert self.process.poll() is None, f"ended before {text!r}:\n{self.log}"
            return False

        try:
            wait_until(is_there, repr(text), seconds=seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log}") from None

    def interrupt(self) -> None:
        """Ctrl+C."""
        self.ask_to_end("SIGINT")

    def ask_to_end(self, signal_name: str) -> None:
        """Ctrl+C (SIGINT), or what a shutdown sends (SIGTERM)."""
        self.process.send_signal(signal.Signals[signal_name])

    def kill(self) -> None:
        """End it without a word, as a power cut does."""
        self.end_is_known = True
        self.process.kill()
        self.process.wait()

    def exit_code(self, *, seconds: float = PATIENCE_S) -> int:
        """Wait for its end."""
        self.end_is_known = True
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still runs after {seconds:.0f} s:\n{self.log}") from None


@dataclass
class Recorder:
    """A reporter that keeps everything."""

    reports: list[Report] = field(default_factory=list)

    def report(self, report: Report) -> None:
        self.reports.append(report)

    def of(self, kind: type[T]) -> list[T]:
        return [report for report in self.reports if isinstance(report, kind)]

    @property
    def state(self) -> WorkerState | None:
        """A worker's newest state."""
        changes = self.of(StateChanged)
        return changes[-1].state if changes else None

    @property
    def sentence(self) -> str:
        """What a worker's newest state reads like."""
        newest = self.of(StateChanged)[-1]
        return sentence(newest.state, newest.detail)


@contextmanager
def running(run: Callable[[], object], stop: Callable[[], None]) -> Iterator[None]:
    """Run a loop in a thread; `stop` it at the end, and let its exception be the test's."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        outcome = thread.submit(run)
        try:
            yield
        finally:
            stop()
            # The test's own failure comes first; the loop's must not hide it.
            with contextlib.suppress(Exception) if sys.exc_info()[0] else contextlib.nullcontext():
                outcome.result(timeout=PATIENCE_S)
