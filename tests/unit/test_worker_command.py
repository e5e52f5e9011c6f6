from __future__ import annotations

import argparse
from datetime import datetime, time

import pytest

from gan_desktop.errors import ConnectionFailed, DeviceError, GanDesktopError, Refused, SchemaError
from gan_desktop.settings import Settings
from gan_desktop.worker.limits import NO_LIMITS, Pace
from gan_desktop.worker.options import AtCompletion
from gan_desktop.worker_command import add_options, next_moment, shared_arguments, worker_options


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ("--config", "--folder"):
        parser.add_argument(name)
    parser.add_argument("--verbose", action="store_true")
    add_options(parser)
    return parser.parse_args(arguments)


def test_options_reach_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    wishes = worker_options(
        parse("--pace=quiet", "--hours=20:00-7:30", "--until=23:59", "--keep-waiting", "--threads=3"),
        Settings(),
    )
    assert wishes.limits.pace is Pace.QUIET
    assert wishes.limits.hours == (time(20), time(7, 30))
    assert wishes.limits.battery_percent == 40
    assert wishes.until is not None and (wishes.until.hour, wishes.until.minute) == (23, 59)
    assert (wishes.at_completion, wishes.num_threads) == (AtCompletion.WAIT, 3)


def test_more_threads_than_cores_are_as_many_as_cores(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert worker_options(parse("--threads=4"), Settings()).num_threads == 4
    assert capsys.readouterr().err == ""
    assert worker_options(parse("--threads=99"), Settings()).num_threads == 4
    assert "--threads 99: this computer has 4 cores" in capsys.readouterr().err


def test_without_limits_nothing_pauses_by_itself() -> None:
    assert worker_options(parse("--no-limits"), Settings()).limits == NO_LIMITS


def test_several_workers_get_what_was_said_to_all_of_them() -> None:
    said = ["--config=a b.yaml", "--folder=here", "--name=Lab", "--max-units=3", "--pace=quiet"]
    said += ["--log-format=json", "--keep-waiting", "--wait", "--until=17:05", "--hours=20:00-07:30"]
    own = ["--all-devices", "--log-file=worker.log"]
    assert shared_arguments(parse(*said, *own, "--verbose")) == [*said, "--verbose"]


@pytest.mark.parametrize(
    ("now", "moment"),
    [
        ("2026-11-20T17:29", "2026-11-20T17:30"),
        ("2026-11-20T17:30", "2026-11-21T17:30"),
        ("2026-12-31T23:00", "2027-01-01T17:30"),
    ],
)
def test_a_time_that_is_past_means_tomorrows(now: str, moment: str) -> None:
    assert next_moment(time(17, 30), datetime.fromisoformat(now)) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    "argument", ["--until=25:00", "--until=17", "--until=17:5", "--until=noon", "--hours=8:00", "--hours=8-9"]
)
def test_a_time_that_is_none_is_answered_with_an_example(
    argument: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(argument)
    assert "such as" in capsys.readouterr().err


def test_to_end_with_the_training_and_to_stay_exclude_each_other() -> None:
    with pytest.raises(SystemExit):
        parse("--exit-when-done", "--keep-waiting")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("No account.", code="GD001"), 3),
        (Refused("Started twice.", code="GD005"), 3),
        (Refused("Damaged.", code="GD011"), 1),
        (ConnectionFailed("Wrong password.", cause="login"), 3),
        (SchemaError("Too old."), 3),
        (DeviceError("None."), 2),
        (GanDesktopError("Something."), 1),
    ],
)
def test_exit_codes_tell_who_has_to_do_something(error: GanDesktopError, code: int) -> None:
    assert error.exit_code == code
