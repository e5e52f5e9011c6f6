"""The command line: reads options and settings, wires the parts, gives the exit code.

Exit codes:
    0    The training is complete, or a worker or coordinator was asked to stop.
    1    An error on the way.
    2    A wrong option, a wrong setting, or pictures that cannot be used.
    3    The class cannot be joined: connection, login, version.
    130  Ended before the end by Ctrl+C (or SIGTERM), or because nobody reads the output any more.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_desktop import __version__
from gan_desktop.class_commands import add_class_commands, run_class_command
from gan_desktop.class_commands.command import count
from gan_desktop.errors import (
    ConnectionFailed,
    CredentialsError,
    DeviceError,
    GanDesktopError,
    ImageSetError,
    SchemaError,
    SettingsError,
)

if TYPE_CHECKING:
    from gan_desktop.database.connection import Address
    from gan_desktop.settings import Settings

EXIT_ERROR, EXIT_USAGE, EXIT_NO_CLASS, EXIT_INTERRUPTED = 1, 2, 3, 130
MAX_DEMO_WORKERS = 16

# What each role looks at: any other option would be passed over in silence.
_JOINING = {"config", "password_file"}
_OPTIONS = {
    "a worker": _JOINING | {"folder", "name", "device", "threads", "max_units"},
    "--admin": _JOINING | {"folder", "run", "output"},
    "--demo": {"iterations", "data", "output", "workers"},
    "class": _JOINING,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # an old console shows a ? for what it lacks
            stream.reconfigure(errors="replace")
    try:
        try:
            return _run(arguments)
        finally:
            sys.stdout.flush()
    except OSError as error:
        # Nobody reads any more (| head), or the disk is full. Python would stumble over it again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return EXIT_INTERRUPTED
        return _tell_unexpected(error)


def _run(arguments: Sequence[str] | None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    _require_fitting_options(parser, options)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # SIGTERM ends as Ctrl+C does; worker and coordinator put their own handlers in its place.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _dispatch(options)
    except (ConnectionFailed, CredentialsError, SchemaError) as error:
        return _tell(error, EXIT_NO_CLASS)
    except (SettingsError, ImageSetError, DeviceError) as error:
        return _tell(error, EXIT_USAGE)
    except GanDesktopError as error:
        return _tell(error, EXIT_ERROR)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        return _tell_unexpected(error)


def _dispatch(options: argparse.Namespace) -> int:
    if options.guard:
        from gan_desktop.demo_guard import guard

        guard(options.guard)
        return 0
    if options.command == "class":
        run_class_command(options, lambda: _log_in(options))
        return 0
    if not options.no_gui:
        sys.stderr.write("The window is not there yet: going on on the console, as with --no-gui.\n")
    if options.demo:
        return _demo(options)
    return _coordinator(options) if options.admin else _worker(options)


# ---------------------------------------------------------------------------------------------
# Options
# ---------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gan-desktop",
        usage="%(prog)s [--no-gui] [--admin | --demo] [options]\n       %(prog)s class COMMAND [options]",
        description="A class trains one image GAN together, on everybody's computers.",
        epilog="Exit codes: 0 complete or asked to stop, 1 an error on the way, 2 a wrong option, setting or"
        " set of pictures, 3 the class cannot be joined, 130 stopped by Ctrl+C before the end.",
        # An abbreviation that works today means something else when an option is added.
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"GAN Desktop {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="write a detailed log to stderr")
    parser.add_argument("--no-gui", action="store_true", help="work on the console (the window is to come)")
    role = parser.add_mutually_exclusive_group()
    role.add_argument("--admin", action="store_true", help="coordinate the class's training")
    role.add_argument(
        "--demo", action="store_true", help="a whole class on this computer: database, coordinator, workers"
    )
    # For the demo itself: see demo_guard.py.
    role.add_argument("--guard", type=Path, help=argparse.SUPPRESS)
    _add_login_options(parser)
    parser.add_argument("--run", type=count, metavar="N", help="with --admin: coordinate this training")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="keep state and pictures here")

    worker = parser.add_argument_group("this worker")
    worker.add_argument("--name", help="how the class sees this computer (default: the host name)")
    worker.add_argument("--device", help="auto, cpu, cuda:0, mps ...")
    worker.add_argument("--threads", type=count, metavar="N", help="processor threads to compute with")
    worker.add_argument("--max-units", type=count, metavar="N", help="stop after N work units")

    demo = parser.add_argument_group("the demo")
    demo.add_argument("--iterations", type=count, metavar="N", help="how long to train (default: 40)")
    demo.add_argument("--data", type=Path, metavar="FOLDER_OR_ZIP", help="train on these pictures")
    demo.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where the results go (those of an earlier demo are replaced); with --admin: the faces",
    )
    demo.add_argument("--workers", type=count, metavar="M", help="computers of the demo class (default: 1)")

    login = argparse.ArgumentParser(add_help=False)
    _add_login_options(login, default=argparse.SUPPRESS)
    commands = parser.add_subparsers(
        dest="command", metavar="class", prog=parser.prog, help="make and run a class"
    )
    words = "Make and run a class, as its instructor."
    instructor = commands.add_parser("class", description=words, parents=[login], allow_abbrev=False)
    add_class_commands(instructor, login)
    return parser


def _add_login_options(parser: argparse.ArgumentParser, default: Any = None) -> None:
    group = parser.add_argument_group("the class")
    group.add_argument(
        "--config", type=Path, metavar="FILE", help="settings (default: ./config.yaml)", default=default
    )
    group.add_argument(
        "--password-file",
        metavar="FILE",
        help="read the database password from a file, or - for stdin",
        default=default,
    )
    group.add_argument(
        "--password", nargs="?", action=_RefusePassword, help=argparse.SUPPRESS, default=default
    )


class _RefusePassword(argparse.Action):
    """Says what to do instead of giving a password as an argument, and does not repeat it."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        parser.error(
            "everybody on this computer can read an argument. Give the password with --password-file FILE"
            " (- for standard input) or in the environment variable PGPASSWORD."
        )


def _require_fitting_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End with the usage where an option would change nothing."""
    role = options.command or ("--demo" if options.demo else "--admin" if options.admin else "a worker")
    for name in sorted(set().union(*_OPTIONS.values()) - _OPTIONS[role]):
        if getattr(options, name) is not None:
            owners = " or ".join(owner for owner, names in _OPTIONS.items() if name in names)
            parser.error(f"--{name.replace('_', '-')} is for {owners}, not for {role}")
    if role == "class" and (options.demo or options.admin):
        parser.error("class makes and runs a class; leave out --admin and --demo")
    if options.demo and (options.workers or 1) > MAX_DEMO_WORKERS:
        parser.error(f"--workers {options.workers}: a demo class has at most {MAX_DEMO_WORKERS}")


# ---------------------------------------------------------------------------------------------
# The four roles
# ---------------------------------------------------------------------------------------------


def _demo(options: argparse.Namespace) -> int:
    from gan_desktop.demo import DemoOptions, run_demo

    is_complete = run_demo(
        DemoOptions(
            num_iterations=options.iterations,
            data=options.data,
            output=options.output,
            num_workers=options.workers or 1,
        )
    )
    return 0 if is_complete else EXIT_INTERRUPTED


def _coordinator(options: argparse.Namespace) -> int:
    _, address = _log_in(options)
    from gan_desktop.class_admin.login import require_coordinator

    _look_once(require_coordinator, address)
    from gan_desktop.headless import run_coordinator

    run_coordinator(address, options.run, options.folder, options.output)
    return 0


def _worker(options: argparse.Namespace) -> int:
    settings, address = _log_in(options)
    _look_once(_require_student, address)
    from gan_desktop.headless import run_worker
    from gan_desktop.worker.options import WorkerOptions

    run_worker(
        address,
        WorkerOptions(
            name=settings.worker.name,
            batch_size=settings.worker.batch_size,
            poll_interval_s=settings.worker.poll_interval,
            heartbeat_interval_s=settings.worker.heartbeat_interval,
            unit_timeout_s=settings.worker.work_unit_timeout,
            device=options.device,
            num_threads=options.threads,
            max_units=options.max_units,
        ),
        options.folder,
    )
    return 0


def _look_once(require_role: Callable[[Address], None], address: Address) -> None:
    """Look whether the class can be joined, before PyTorch takes its seconds.

    The loops themselves wait for a class that is away: right in mid-training, but with a misspelt host
    name nobody would ever learn what is wrong.
    """
    try:
        require_role(address)
    except ConnectionFailed as error:
        # The database is there; what keeps it from answering passes by itself.
        if error.cause not in {"starting", "too_many"}:
            raise


def _require_student(address: Address) -> None:
    from gan_desktop.database.connection import Connection
    from gan_desktop.database.schema import require_fitting_schema
    from gan_desktop.database.statistics import Statistics

    with Connection(address) as connection:
        require_fitting_schema(connection)
        if Statistics(connection).is_instructor():
            raise ConnectionFailed(
                f"{address.user} is the instructor's login, and cannot be a worker's. Make one for this"
                " computer: gan-desktop class add-student NAME",
                cause="login",
                title="Not a student's login",
            )


def _log_in(options: argparse.Namespace) -> tuple[Settings, Address]:
    """The settings, and where the class is with the password from the first place that has one."""
    from gan_desktop.credentials import find_password
    from gan_desktop.database.connection import Address
    from gan_desktop.settings import load_settings

    named = {} if options.name is None else {"worker": {"name": options.name}}
    settings = load_settings(options.config, **named)
    if not settings.database.host:
        _require_config_file(options.config)
    database = settings.require_database()
    password = find_password(database, options.password_file)
    # Once at the start of something long, not with each of an instructor's commands.
    if password.advice and options.command is None:
        sys.stderr.write(f"{password.advice}\n")
    return settings, Address(
        host=database.host,
        port=database.port,
        dbname=database.database,
        user=database.user,
        password=password.value,
        insecure=database.insecure,
    )


def _require_config_file(named: Path | None) -> None:
    from gan_desktop.settings.config_file import find_config_file

    if named is None and find_config_file() is None:
        raise SettingsError(
            f"There is no config.yaml in {Path.cwd()}. Copy config.yaml.template there as config.yaml and"
            " fill in what your instructor gave you. To see a whole class on this computer:"
            " gan-desktop --demo",
            title="No class yet",
        )


def _tell_unexpected(error: Exception) -> int:
    from gan_desktop.error_report import tell_unexpected

    tell_unexpected(error)
    return EXIT_ERROR


def _tell(error: GanDesktopError, code: int) -> int:
    """Show an expected trouble: what happened and what to do."""
    sys.stderr.write(f"{error.title}: {error.message}\n")
    return code
