"""One worker per graphics card: what becomes of the others when one cannot be started."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence

import pytest

from gan_desktop import all_devices
from gan_desktop.console import LogOptions


def test_where_one_cannot_be_started_the_others_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[str]] = []

    def start(_arguments: Sequence[str], _environment: Mapping[str, str]) -> subprocess.Popen[str]:
        if started:
            raise OSError("no more processes")
        endless = "import time\nwhile True: print('x' * 1_000, flush=True); time.sleep(0.001)"
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", endless],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                start_new_session=True,
            )
        )
        return started[0]

    monkeypatch.setattr(all_devices, "graphics_cards", lambda: (["cuda:0", "cuda:1"], ""))
    monkeypatch.setattr(all_devices, "_start", start)
    with pytest.raises(OSError, match="no more processes"):
        all_devices.run_all_devices([], None, LogOptions())
    assert started[0].poll() is not None
