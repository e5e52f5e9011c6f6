"""`gan-desktop --no-gui`: the options of a worker, and how it is run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.command_line import count
from gan_desktop.errors import ConnectionFailed

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.settings import Settings
    from gan_desktop.worker.options import WorkerOptions

# As worker/home.py has it, which imports more than `--help` needs.
MAX_INSTANCES = 8

# Options that every worker of `--all-devices` gets as they are.
_SHARED = ("class", "config", "folder", "name", "threads", "max_units", "pace", "log_format")
_SHARED_SWITCHES = ("exit_when_done", "keep_waiting", "wait", "no_limits")

OPTIONS = {
    *_SHARED,
    *_SHARED_SWITCHES,
    "all_devices",
    "device",
    "hours",
    "instance",
    "log_file",
    "password_file",
    "until",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add a worker's own options, each None where it is not given."""
    worker = parser.add_argument_group("this worker")
    worker.add_argument(
        "--class", metavar="CLASS", help="one of the joined classes (default: config.yaml's, or the newest)"
    )
    worker.add_argument("--name", help="how the class sees this computer (default: the host name)")
    worker.add_argument("--device", help="auto, cpu, cuda:0, mps ...")
    _add_switch(worker, "--all-devices", "a worker for each graphics card")
    worker.add_argument(
        "--instance", type=count, metavar="N", help="which of this login's workers on this computer, 1 to 8"
    )
    worker.add_argument(
        "--threads",
        type=count,
        metavar="N",
        help="processor threads to compute with (default: what is fastest in a short measurement)",
    )
    worker.add_argument("--log-file", type=Path, metavar="FILE", help="keep the lines in a file, too")
    worker.add_argument("--log-format", choices=("text", "json"), help="json: an object per line")

    when = parser.add_argument_group("when and how hard it works")
    when.add_argument("--max-units", type=count, metavar="N", help="stop after N work units")
    when.add_argument(
        "--until", type=_time_of_day, metavar="HH:MM", help="finish the unit that is in work then, and stop"
    )
    end = when.add_mutually_exclusive_group()
    _add_switch(end, "--exit-when-done", "stop when this training is complete, even if another is planned")
    _add_switch(end, "--keep-waiting", "after each training wait for another one")
    _add_switch(when, "--wait", "wait for a class that cannot be reached at the start")
    when.add_argument("--pace", choices=("quiet", "balanced", "full"), help="how hard (default: full)")
    when.add_argument(
        "--hours", type=_span_of_day, metavar="FROM-TO", help="work only then, such as 20:00-07:30"
    )
    _add_switch(when, "--no-limits", "do not pause on battery, in heat or on a metered connection")


def require_fitting_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End with the usage where options contradict each other."""
    if options.all_devices and (options.device or options.instance):
        parser.error("--all-devices uses every graphics card; leave out --device and --instance")
    if (options.instance or 1) > MAX_INSTANCES:
        parser.error(f"--instance {options.instance}: a login has at most {MAX_INSTANCES} workers here")


def worker_options(options: argparse.Namespace, settings: Settings) -> WorkerOptions:
    """What command line and settings say of the worker."""
    from gan_desktop.worker.limits import NO_LIMITS, Limits, Pace
    from gan_desktop.worker.options import AtCompletion, WorkerOptions

    limits = NO_LIMITS if options.no_limits else Limits()
    at_completion = AtCompletion.END_AFTER_WORK
    if options.exit_when_done or options.keep_waiting:
        at_completion = AtCompletion.END if options.exit_when_done else AtCompletion.WAIT
    return WorkerOptions(
        name=settings.worker.name,
        batch_size=settings.worker.batch_size,
        poll_interval_s=settings.worker.poll_interval,
        heartbeat_interval_s=settings.worker.heartbeat_interval,
        unit_timeout_s=settings.worker.work_unit_timeout,
        dataset_path=settings.data.dataset_path,
        device=options.device,
        num_threads=_threads_there(options.threads),
        limits=replace(limits, hours=options.hours, pace=Pace[(options.pace or "full").upper()]),
        max_units=options.max_units,
        until=None if options.until is None else next_moment(options.until, datetime.now()),
        at_completion=at_completion,
    )


def _threads_there(wanted: int | None) -> int | None:
    """As many threads as this computer has cores for: more would only wait for each other, for minutes."""
    num_cores = os.cpu_count() or 1
    if wanted is None or wanted <= num_cores:
        return wanted
    sys.stderr.write(f"--threads {wanted}: this computer has {num_cores} cores, so it uses {num_cores}.\n")
    return num_cores


def run(
    options: argparse.Namespace, settings: Settings, address: Address, look: Callable[[Address], None]
) -> int:
    """Run a worker, or one for each graphics card; returns the exit code.

    Args:
        look: Fails where the class cannot be joined.
    """
    try:
        look(address)
    except ConnectionFailed as error:
        if not (options.wait and error.is_passing):
            raise
    from gan_desktop.console import LogOptions

    log = LogOptions(options.log_file, as_json=options.log_format == "json")
    if options.all_devices:
        from gan_desktop.all_devices import run_all_devices

        return run_all_devices(shared_arguments(options), address.password, log)
    from gan_desktop.headless import run_worker

    wishes = worker_options(options, settings)
    run_worker(address, wishes, options.folder, settings.data, log=log, number=options.instance)
    return 0


def shared_arguments(options: argparse.Namespace) -> list[str]:
    """The command line that says to each of several workers what was said to all."""
    arguments = [
        f"--{name.replace('_', '-')}={getattr(options, name)}"
        for name in _SHARED
        if getattr(options, name) is not None
    ]
    arguments += [f"--{name.replace('_', '-')}" for name in _SHARED_SWITCHES if getattr(options, name)]
    if options.until is not None:
        arguments.append(f"--until={options.until:%H:%M}")
    if options.hours is not None:
        first, last = options.hours
        arguments.append(f"--hours={first:%H:%M}-{last:%H:%M}")
    return [*arguments, *(["--verbose"] if options.verbose else [])]


def next_moment(wanted: time, now: datetime) -> datetime:
    """The next time that a clock shows this: today, or tomorrow if it is past."""
    today = datetime.combine(now.date(), wanted)
    return today if today > now else today + timedelta(days=1)


def _add_switch(group: argparse._ActionsContainer, name: str, words: str) -> None:
    # None where it is not given, as with every other option: then it can be told where it has no effect.
    group.add_argument(name, action="store_const", const=True, help=words)


def _time_of_day(text: str) -> time:
    hours, separator, minutes = text.partition(":")
    if not (separator and hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2):
        raise argparse.ArgumentTypeError(f"{text!r} is not a time of day such as 17:30")
    try:
        return time(int(hours), int(minutes))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time of day such as 17:30") from None


def _span_of_day(text: str) -> tuple[time, time]:
    first, separator, last = text.partition("-")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not a span such as 20:00-07:30")
    return _time_of_day(first), _time_of_day(last)
