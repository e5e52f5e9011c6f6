"""What holds for every test: a home folder of its own, no window system, no thread left behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

# Before any Qt module is imported: without a display Qt would end the whole run.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Before torch is imported: threads that spin while they wait make a busy computer ten times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest

hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")

THREAD_GRACE_S = 5.0


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder, and none of the person's own settings, passwords or servers."""
    home = tmp_path_factory.mktemp("home")
    for variable in list(os.environ):
        if variable.upper().startswith(("GAN_DESKTOP_", "PG", "HF_")):
            monkeypatch.delenv(variable)
    for variable in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA"):
        monkeypatch.setenv(variable, str(home))
    for name in ("CONFIG", "DATA", "CACHE", "STATE", "RUNTIME"):
        suffix = "DIR" if name == "RUNTIME" else "HOME"
        monkeypatch.setenv(f"XDG_{name}_{suffix}", str(home / name.lower()))
    # The computer's real password store must neither be read nor written.
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    return home


@pytest.fixture(autouse=True)
def no_thread_stays_behind() -> Iterator[None]:
    """Fail a test whose threads still run after it; daemon threads end with the process."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if not thread.daemon:
            thread.join(THREAD_GRACE_S)
            assert not thread.is_alive(), f"thread {thread.name} still runs after the test"
