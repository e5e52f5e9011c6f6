"""Runs `gan-desktop` as it is, and writes down when each step of its start was over.

Started by the benchmark `start`, as a program of its own:

    python -m tests.benchmarks.timed_start FILE BEGAN [OPTIONS OF gan-desktop]

BEGAN is when the benchmark started it, in seconds as `time.time` tells them.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

IMPORTED, PYTORCH, CONNECTED, REGISTERED = "program", "PyTorch", "connected", "registered"
READY, CLAIMED, SHARD, WEIGHTS = "ready", "claimed", "first shard", "weights"
STARTED, TRAINED = "pictures decoded, weights loaded", "first images trained"

_BEGAN = float(sys.argv[2]) if __name__ == "__main__" else 0.0
_moments: dict[str, tuple[float, float]] = {}


def note(what: str) -> None:
    """Remember when something was over for the first time: seconds since the program's start, and of
    processor time that it had taken until then."""
    _moments.setdefault(what, (time.time() - _BEGAN, time.process_time()))


def note_returns(what: str, holder: type, name: str) -> None:
    """Let a method note when it returns."""
    method: Callable[..., Any] = getattr(holder, name)

    @functools.wraps(method)
    def noted(*arguments: Any, **named: Any) -> Any:
        answer = method(*arguments, **named)
        note(what)
        return answer

    setattr(holder, name, noted)


class _PyTorchWatcher(importlib.abc.MetaPathFinder):
    """Notes when `import torch` is over, wherever it happens."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec("torch")
        assert spec is not None and spec.loader is not None
        load = spec.loader.exec_module

        def load_and_note(module: ModuleType) -> None:
            load(module)
            note(PYTORCH)

        spec.loader.exec_module = load_and_note  # type: ignore[method-assign]
        return spec


def main() -> int:
    """Run the program with the options that follow the file's name; returns its exit code."""
    file, options = Path(sys.argv[1]), sys.argv[3:]
    sys.meta_path.insert(0, _PyTorchWatcher())
    from gan_desktop import cli
    from gan_desktop.database.connection import Connection
    from gan_desktop.database.downloads import Downloads
    from gan_desktop.database.work_queue import WorkQueue
    from gan_desktop.records import Joined, Report, UnitProgress, UnitStarted
    from gan_desktop.worker.status import Status

    note(IMPORTED)
    note_returns(CONNECTED, Connection, "__init__")
    note_returns(REGISTERED, WorkQueue, "register")
    note_returns(CLAIMED, WorkQueue, "claim")
    note_returns(SHARD, Downloads, "shard")
    note_returns(WEIGHTS, Downloads, "newest_weights")
    tell = Status.report

    def note_report(self: Status, report: Report) -> None:
        for kind, what in ((Joined, READY), (UnitStarted, STARTED), (UnitProgress, TRAINED)):
            if isinstance(report, kind):
                note(what)
        tell(self, report)

    Status.report = note_report  # type: ignore[method-assign]
    code = cli.main(options)
    file.write_text(json.dumps(_moments), "utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
