"""What a worker's log holds: the lines of the screen with their time, or one JSON object per event."""

from __future__ import annotations

import io
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gan_desktop import console
from gan_desktop.console import JsonConsole, LogFile, LogOptions, open_console
from gan_desktop.errors import ConnectionFailed, SettingsError
from gan_desktop.records import (
    CheckFigures,
    Hardware,
    Joined,
    Notice,
    ReadyCheck,
    ShardRange,
    StateChanged,
    UnitComputed,
    UnitDelivered,
    UnitDropped,
    UnitProgress,
    UnitResult,
    UnitStarted,
    WorkerState,
    WorkUnit,
)

RESULT = UnitResult(320, 10, 2.345, 1.234, 0.85, 0.8, CheckFigures(1, 1, 1, 1, 16), 20.0)
UNIT = WorkUnit(42, 1, 5, 0, 1, (ShardRange(1, 0, 0, 320),), 320, "token", 60.0, 60.0)
JOINED = Joined("abc123", "Alice", Hardware("host", None, 8, 16.0, None), "It passed.", 32, 202599)

READY = ReadyCheck("CPU", "Because.", 1, {1: 20.0, 2: 3.0}, 20.0, 24.0, None, 20.0, 5.0, 60.0)


def json_console(**common: object) -> tuple[JsonConsole, list[str]]:
    lines: list[str] = []
    return JsonConsole(lines.append, common), lines


def objects(lines: list[str]) -> list[dict[str, Any]]:
    """Each without the time, which has a zone."""
    read = [json.loads(line) for line in lines]
    for entry in read:
        assert datetime.fromisoformat(entry.pop("time")).tzinfo is not None
    return read


def test_each_event_is_one_object_with_the_fields_of_the_manual() -> None:
    shown, lines = json_console(device="cuda:1")
    shown.say_starting()
    shown.report(JOINED)
    shown.report(READY)
    shown.report(UnitStarted(UNIT))
    shown.report(UnitProgress(42, 160, 320, 1, 1, 1, 1))
    shown.report(UnitComputed(UNIT, RESULT))
    shown.report(UnitDelivered(UNIT, RESULT, 21.4, 1000, 12, 3840))
    shown.report(UnitDropped(43, "The unit went to another computer."))
    shown.report(Notice("A sentence."))
    shown.say_stopping()
    shown.say_failed(ConnectionFailed("No answer.", cause="unreachable"))
    told = objects(lines)
    assert all(entry.pop("device") == "cuda:1" for entry in told)
    assert all(entry.pop("worker_id") == "abc123" for entry in told[1:])
    manual = (Path(__file__).parents[2] / "docs" / "lab.md").read_text("utf-8")
    for entry in told:
        described = re.search(rf"^\| `{entry['event']}` \| (.*) \|$", manual, re.MULTILINE)
        assert described, entry["event"]
        fields = set(re.findall(r"`(\w+)`", described[1]))
        assert fields == set(entry) - {"event"}, entry["event"]
    by_event = {entry["event"]: entry for entry in told}
    assert by_event["unit_delivered"]["total_images"] == 3840
    assert by_event["error"]["exit_code"] == 3


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads give way to one another as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def in_threads(work: Callable[[int], None], num_threads: int = 6) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(num_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.usefixtures("hasty_threads")
def test_no_line_is_torn_by_another_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As `python -u` has it: each write goes out at once.
    raw = (tmp_path / "screen").open("wb", buffering=0)
    with io.TextIOWrapper(raw, "utf-8", write_through=True) as screen:
        monkeypatch.setattr(sys, "stdout", screen)

        def talk(number: int) -> None:
            for _ in range(2_000):
                console.print_lines(f"{number}" * 40)

        in_threads(talk)
    lines = (tmp_path / "screen").read_text("utf-8").splitlines()
    assert sorted(lines) == sorted(f"{number}" * 40 for number in range(6) for _ in range(2_000))


@pytest.mark.usefixtures("hasty_threads")
def test_screen_and_log_file_have_the_same_lines_in_the_same_order() -> None:
    screen: list[str] = []
    file: list[str] = []
    write = console.both(screen.append, file.append)

    def talk(number: int) -> None:
        for count in range(2_000):
            write(f"{number} {count}")

    in_threads(talk)
    assert screen == file


@pytest.mark.usefixtures("hasty_threads")
def test_a_console_writes_one_object_at_a_time() -> None:
    at_work = threading.Lock()
    num_written = 0

    def write(_line: str) -> None:
        nonlocal num_written
        assert at_work.acquire(blocking=False), "two threads write"
        num_written += 1
        time.sleep(0)  # the others' turn
        at_work.release()

    shown = JsonConsole(write)

    def talk(_number: int) -> None:
        for _ in range(100):
            shown.report(Notice("A sentence."))
            shown.say_stopping()

    in_threads(talk)
    assert num_written == 6 * 200


def test_a_state_is_told_once_with_its_sentence_and_the_speed_with_its_numbers() -> None:
    shown, lines = json_console()
    for percent in (39, 38):
        shown.report(StateChanged(WorkerState.PAUSED_BATTERY, {"percent": percent}))
    shown.report(StateChanged(WorkerState.STOPPED, {"total_units": 2}))
    shown.report(READY)
    paused, stopped, ready = objects(lines)
    assert paused == {
        "event": "state",
        "state": "paused_battery",
        "sentence": "Paused: on battery, 39%. Goes on when plugged in.",
        "detail": {"percent": 39},
    }
    assert stopped["sentence"] == "Stopped. Your 2 units are safe."
    assert ready["processor"] == "CPU"
    assert ready["thread_speeds"] == {"1": 20.0, "2": 3.0}


def test_the_log_file_keeps_what_is_on_the_screen_and_the_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "logs" / "worker.log"
    with open_console(LogOptions(path)) as shown:
        shown.report(UnitStarted(UNIT))
        shown.say_failed(ConnectionFailed("No answer.", cause="unreachable"))
    lines = path.read_text("utf-8").splitlines()
    assert [line[20:] for line in lines] == [
        "Processing work unit 42 (iteration 5)",
        "Number of images: 320",
        "The class cannot be reached: No answer.",
    ]
    assert all(datetime.fromisoformat(line[:19]) for line in lines)
    assert capsys.readouterr().out.splitlines()[1:] == [line[20:] for line in lines[:2]]


def test_a_full_log_file_is_renamed_and_the_oldest_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "LOG_FILE_BYTES", 1_000)
    log_file = LogFile(tmp_path / "worker.log", stamped=False)
    for number in range(1_000):
        log_file.write(f"line {number}")
    log_file.close()
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["worker.log", *(f"worker.log.{number}" for number in range(1, 6))]
    assert all(path.stat().st_size <= 1_000 for path in tmp_path.iterdir())
    assert (tmp_path / "worker.log").read_text("utf-8").endswith("line 999\n")


def test_a_log_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(SettingsError, match="Choose another with --log-file"),
        open_console(LogOptions(tmp_path / "file" / "log")),
    ):
        pass


def test_the_manual_knows_every_state() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "lab.md").read_text("utf-8")
    assert [state for state in WorkerState if f"`{state}`" not in manual] == []
