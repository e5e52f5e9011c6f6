"""The command line: reads options and settings, wires the parts, gives the exit code.

Exit codes: 0 the training is complete or a stop was asked for; 1 an error on the way; 2 a wrong
option or setting; 3 the class cannot be joined (connection, login, version).
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop import __version__
from gan_desktop.errors import (
    ConnectionFailed,
    CredentialsError,
    GanDesktopError,
    SchemaError,
    SettingsError,
)

if TYPE_CHECKING:
    from gan_desktop.database.connection import Address
    from gan_desktop.settings import Settings

EXIT_ERROR, EXIT_USAGE, EXIT_NO_CLASS = 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    try:
        if options.demo:
            return _demo(options)
        if options.admin:
            return _coordinator(options)
        return _worker(options)
    except (ConnectionFailed, CredentialsError, SchemaError) as error:
        return _tell(error, EXIT_NO_CLASS)
    except SettingsError as error:
        return _tell(error, EXIT_USAGE)
    except GanDesktopError as error:
        return _tell(error, EXIT_ERROR)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gan-desktop",
        description="A class trains one image GAN together, on everybody's computers.",
    )
    parser.add_argument("--version", action="version", version=f"GAN Desktop {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="write a detailed log to stderr")
    parser.add_argument("--no-gui", action="store_true", help="work on the console (the window is to come)")
    role = parser.add_mutually_exclusive_group()
    role.add_argument("--admin", action="store_true", help="coordinate the class's training")
    role.add_argument(
        "--demo", action="store_true", help="a whole class on this computer: database, coordinator, workers"
    )

    joined = parser.add_argument_group("joining a class")
    joined.add_argument("--config", type=Path, metavar="FILE", help="settings (default: ./config.yaml)")
    joined.add_argument(
        "--password-file", metavar="FILE", help="read the database password from a file, or - for stdin"
    )
    joined.add_argument("--folder", type=Path, metavar="DIR", help="keep state and pictures here")
    joined.add_argument("--run", type=int, metavar="N", help="with --admin: coordinate this training")

    worker = parser.add_argument_group("this worker")
    worker.add_argument("--name", help="how the class sees this computer (default: the host name)")
    worker.add_argument("--device", help="auto, cpu, cuda:0, mps ...")
    worker.add_argument("--threads", type=_count, metavar="N", help="processor threads to compute with")
    worker.add_argument("--max-units", type=_count, metavar="N", help="stop after N work units")

    demo = parser.add_argument_group("the demo")
    demo.add_argument("--iterations", type=_count, metavar="N", help="how long to train")
    demo.add_argument("--data", type=Path, metavar="FOLDER_OR_ZIP", help="train on these pictures")
    demo.add_argument("--output", type=Path, metavar="DIR", help="where the results go")
    demo.add_argument("--workers", type=_count, metavar="M", default=1, help="computers of the demo class")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _demo(options: argparse.Namespace) -> int:
    from gan_desktop.demo import DemoOptions, run_demo

    run_demo(
        DemoOptions(
            num_iterations=options.iterations,
            data=options.data,
            output=options.output,
            num_workers=options.workers,
        )
    )
    return 0


def _coordinator(options: argparse.Namespace) -> int:
    settings = _load_settings(options)
    address = _address(settings, options.password_file)
    from gan_desktop.headless import run_coordinator

    run_coordinator(address, options.run, options.folder)
    return 0


def _worker(options: argparse.Namespace) -> int:
    settings = _load_settings(options)
    address = _address(settings, options.password_file)
    from gan_desktop.headless import run_worker
    from gan_desktop.worker.loop import WorkerOptions

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


def _load_settings(options: argparse.Namespace) -> Settings:
    from gan_desktop.settings import load_settings

    if options.name is not None:
        return load_settings(options.config, worker={"name": options.name})
    return load_settings(options.config)


def _address(settings: Settings, password_file: str | None) -> Address:
    """Where the class is, with the password from the first place that has one."""
    from gan_desktop.credentials import find_password
    from gan_desktop.database.connection import Address

    database = settings.require_database()
    password = find_password(database, password_file)
    if password.advice:
        sys.stderr.write(f"{password.advice}\n")
    return Address(
        host=database.host,
        port=database.port,
        dbname=database.database,
        user=database.user,
        password=password.value,
        insecure=database.insecure,
    )


def _tell(error: GanDesktopError, code: int) -> int:
    """Show an expected trouble: what happened and what to do."""
    sys.stderr.write(f"{error.title}: {error.message}\n")
    return code
