"""What the limits look at, read from this very computer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from gan_desktop.worker.conditions import ComputerConditions
from gan_desktop.worker.foreign import ask, foreign_environment
from gan_desktop.worker.idle import idle_seconds
from gan_desktop.worker.keep_awake import KeepAwake
from gan_desktop.worker.limits import Limits, decide
from gan_desktop.worker.readings import HardwareReader

needs_x11 = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("Xvfb") is None, reason="needs a virtual X screen"
)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An X server of its own, whose screen nobody looks at."""
    read, write = os.pipe()
    server = subprocess.Popen(
        # Otherwise it begins anew, and answers nobody meanwhile, whenever its last client has gone.
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "640x480x24", "-noreset"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as told:
            display = f":{told.readline().strip()}"
        monkeypatch.setenv("DISPLAY", display)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        yield display
    finally:
        server.terminate()
        server.wait()


def test_this_computers_conditions_are_read_and_fit_the_limits() -> None:
    read = ComputerConditions(HardwareReader(), on_card=False)
    strict = Limits(
        only_when_idle_s=60, not_while_running=frozenset({"no such program"}), max_memory_gb=4_000
    )
    conditions = read(strict)
    assert conditions.gpu_temperature_c is None
    assert conditions.memory_gb and conditions.memory_gb > 0
    assert decide(Limits(battery_percent=None, only_unmetered=False), conditions).pause is None


def test_only_what_the_limits_look_at_is_read() -> None:
    read = ComputerConditions(HardwareReader(), on_card=False)
    assert not read(Limits()).running
    assert psutil.Process().name() in read(Limits(not_while_running=frozenset({"x"}))).running


@needs_x11
def test_nobody_has_touched_a_new_screen_for_as_long_as_it_is_there(screen: str) -> None:
    first = idle_seconds()
    assert first is not None and 0 <= first < 3_600
    while (later := idle_seconds()) is not None and later <= first:
        pass
    assert later is not None and later > first


def test_without_a_desktop_nobody_can_know_whether_it_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("every session has a desktop here")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert idle_seconds() is None
    monkeypatch.setenv("DISPLAY", ":987")
    assert idle_seconds() is None


def test_other_programs_answer_or_they_do_not() -> None:
    assert ask([sys.executable, "-c", "print('yes')"]) == "yes\n"
    assert ask([sys.executable, "-c", "raise SystemExit(1)"]) is None
    assert ask(["no-such-program"]) is None


def test_a_bundles_libraries_are_not_for_other_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/bundle")
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/usr/local/lib")
    assert foreign_environment()["LD_LIBRARY_PATH"] == "/bundle"
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert foreign_environment()["LD_LIBRARY_PATH"] == "/usr/local/lib"


def test_the_wish_to_stay_awake_leaves_no_process_behind() -> None:
    keep_awake = KeepAwake()
    before = set(psutil.Process().children(recursive=True))
    keep_awake.hold(True)
    keep_awake.hold(True)
    held = set(psutil.Process().children(recursive=True)) - before
    assert len(held) <= 2
    if sys.platform == "linux" and shutil.which("systemd-inhibit"):
        assert held
    keep_awake.hold(False)
    keep_awake.hold(False)
    _, alive = psutil.wait_procs(list(held), timeout=10)
    assert not alive
