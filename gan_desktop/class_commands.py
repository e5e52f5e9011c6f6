"""The instructor's console: `gan-desktop class ...`, its options and what it prints.

Ways in are the lines of a config.yaml: printed, or written to a file that only its owner can read
(`class add-student Ana --save ana.yaml`).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.errors import ConnectionFailed, EmbeddedServerError, GanDesktopError
from gan_desktop.records import RunStatus

if TYPE_CHECKING:
    from gan_desktop.database.connection import Address
    from gan_desktop.database.embedded import EmbeddedPostgres
    from gan_desktop.settings import Settings

LogIn = Callable[[], tuple["Settings", "Address"]]

HOSTED_DATABASE = "gan_desktop"
_LOOK_S = 2.0
_STEERING = {
    "start": (RunStatus.RUNNING, "begin a training", "has begun"),
    "pause": (RunStatus.PAUSED, "let the workers wait", "is paused"),
    "resume": (RunStatus.RUNNING, "go on after a pause", "goes on"),
    "finish": (RunStatus.COMPLETE, "end a training for good", "is complete"),
}


def count(text: str) -> int:
    """An option's whole number above 0."""
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _port(text: str) -> int:
    if count(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: those end at 65535")
    return int(text)


def add_class_commands(parser: argparse.ArgumentParser, login: argparse.ArgumentParser) -> None:
    """Give the parser of `class` its subcommands; all that log in take the options of `login`."""
    commands = parser.add_subparsers(dest="class_command", metavar="COMMAND", required=True)

    def add(name: str, words: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=words, description=f"{words}.".capitalize(), parents=parents, allow_abbrev=False
        )

    server = argparse.ArgumentParser(add_help=False)
    server.add_argument("--server-folder", type=Path, metavar="DIR", help="where the hosted database lives")

    host = add("host", "run a database on this computer, for a class, until Ctrl+C", server)
    host.add_argument("--listen", metavar="ADDRESS", help="also for others, for example 0.0.0.0")
    host.add_argument("--port", type=_port, default=0, help="TCP port (default: the last one, or a free one)")
    host.add_argument("--students", type=count, default=30, metavar="N", help="how many may take part")

    init = add("init", "make a class in the empty database of config.yaml", login, server)
    init.add_argument("--title", default="Our class", help="what students read")
    init.add_argument("--save", type=Path, metavar="FILE", help="write the way in to a new file of yours")
    init.add_argument("--hosted", action="store_true", help="in the database of `class host` instead")

    student = add("add-student", "make a student's login", login)
    student.add_argument("student", metavar="NAME", help="how the class knows the student")
    student.add_argument("--save", type=Path, metavar="FILE", help="write the way in to a new file of yours")
    student.add_argument("--host", metavar="ADDRESS", help="address of the server for students, if not yours")
    student.add_argument(
        "--insecure", action="store_true", help="the server has no encryption, and others may read along"
    )

    pictures = add("import", "store pictures to learn from", login)
    source = pictures.add_mutually_exclusive_group(required=True)
    source.add_argument("source", nargs="?", type=Path, metavar="FOLDER_OR_ZIP", help="JPEG, PNG ...")
    source.add_argument("--drawn", type=count, metavar="N", help="N drawn faces instead")
    pictures.add_argument(
        "--size", type=int, choices=(32, 64, 128), help="edge in pixels (default: training.image_size)"
    )

    new_run = add("new-run", "write a training down, by the training section of config.yaml", login)
    new_run.add_argument("title", metavar="NAME", help="what it is called")
    new_run.add_argument(
        "--dataset", type=count, metavar="N", help="learn from this data set, not the newest"
    )

    for name, (_, words, _) in _STEERING.items():
        add(name, words, login).add_argument(
            "--run", dest="training", type=count, metavar="N", help="this one (default: the one in progress)"
        )
    add("status", "show trainings, workers and data sets", login)


def run_class_command(options: argparse.Namespace, log_in: LogIn) -> None:
    """Do what one `class` command says.

    Args:
        log_in: Reads the settings and finds the password; called by the commands that need them.
    """
    match options.class_command:
        case "host":
            _host(options)
        case "init":
            _init(options, log_in)
        case "add-student":
            _add_student(options, log_in)
        case "import":
            _import(options, log_in)
        case "new-run":
            _new_run(options, log_in)
        case "status":
            _status(log_in)
        case steering:
            _steer(steering, options, log_in)


# ---------------------------------------------------------------------------------------------
# The server and the class
# ---------------------------------------------------------------------------------------------


def _host(options: argparse.Namespace) -> None:
    from gan_desktop.database.embedded import EmbeddedPostgres

    server = EmbeddedPostgres(
        options.server_folder or EmbeddedPostgres.default_dir(),
        port=options.port,
        listen=options.listen or "127.0.0.1",
        max_connections=3 * options.students + 20,
    )
    try:
        with server:
            _say(f"The database runs at port {server.address.port}; it lives in {server.data_dir}.")
            _say("Ctrl+C stops it. To make a class in it, type in another window:")
            _say("  gan-desktop class init --hosted")
            _stay(server)
    except KeyboardInterrupt:
        _say("Stopped. The class is safe; the same command brings it back.")


def _stay(server: EmbeddedPostgres) -> None:
    """Wait for Ctrl+C as long as the server runs."""
    while server.is_running():
        time.sleep(_LOOK_S)
    raise EmbeddedServerError(f"The database in {server.data_dir} was stopped by somebody else.")


def _init(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin import make_class

    with _new_file(options.save) as write:
        administrator = _hosted_database(options.server_folder) if options.hosted else log_in()[1]
        coordinator = make_class(administrator, options.title)
        write("# The class is made. This is the instructor's config.yaml, the coordinator's way in; the")
        write("# password is shown this once. (It may stay out of the file: see README.md.)")
        write(_way_in(coordinator))


def _hosted_database(folder: Path | None) -> Address:
    from gan_desktop.database.connection import Connection
    from gan_desktop.database.databases import create_database
    from gan_desktop.database.embedded import EmbeddedPostgres

    server = EmbeddedPostgres(folder or EmbeddedPostgres.default_dir())
    administrator = server.running_address()
    if administrator is None:
        raise EmbeddedServerError(
            f"No database runs in {server.data_dir}. Start it in another window: gan-desktop class host",
            title="The database on this computer does not run",
        )
    hosted = replace(administrator, dbname=HOSTED_DATABASE)
    try:
        Connection(hosted).close()
    except ConnectionFailed as error:
        if error.cause != "database":
            raise
        create_database(administrator, HOSTED_DATABASE)
    return hosted


def _add_student(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin import add_student
    from gan_desktop.database.connection import LOOPBACK

    _, coordinator = log_in()
    with _new_file(options.save) as write:
        student = add_student(coordinator, options.student)
        host = options.host or student.host
        write("# The student's config.yaml; the password is shown this once. Start: gan-desktop --no-gui")
        if host in LOOPBACK:
            write(f"# {host} is this computer alone. For others name its address: add-student --host ADDRESS")
        insecure = options.insecure or student.insecure
        write(_way_in(replace(student, host=host, insecure=insecure), worker={"name": options.student}))


@contextmanager
def _new_file(path: Path | None) -> Iterator[Callable[[str], None]]:
    """Write lines to a file that nobody else may read and that was not there; None: print them.

    The file is opened before anything is made: a way in that cannot be written down is lost.
    """
    if path is None:
        yield _say
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise GanDesktopError(
            f"{path} is there already. Choose another name, or move it away first."
        ) from error
    except OSError as error:
        raise GanDesktopError(f"{path} cannot be written: {error.strerror}. Choose another place.") from error
    lines: list[str] = []
    try:
        yield lines.append
    finally:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        if not lines:
            path.unlink()
    _say(f"Written to {path}.")


def _way_in(address: Address, **sections: dict[str, str]) -> str:
    """An address as config.yaml."""
    import yaml

    database: dict[str, object] = {
        "host": address.host,
        "port": address.port,
        "database": address.dbname,
        "user": address.user,
        "password": address.password or "",
    }
    if address.insecure:
        database["insecure"] = True
    content = {"database": database, **sections}
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True).rstrip())


# ---------------------------------------------------------------------------------------------
# Pictures and trainings
# ---------------------------------------------------------------------------------------------


def _import(options: argparse.Namespace, log_in: LogIn) -> None:
    settings, coordinator = log_in()
    from rich.console import Console
    from rich.progress import Progress

    from gan_desktop.class_admin import import_pictures
    from gan_desktop.training.images import open_source

    size = options.size or settings.run_config().image_size
    with (
        open_source(options.source, options.drawn or 0) as source,
        Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar,
    ):
        task = bar.add_task("Preparing pictures", total=len(source))
        dataset_id, summary = import_pictures(
            coordinator, source, size, on_progress=lambda done, _: bar.update(task, completed=done)
        )
    for name, reason in summary.skipped:
        sys.stderr.write(f"skipped {name}: {reason}\n")
    _say(
        f"Data set {dataset_id}: {summary.num_images - summary.num_held_out:,} pictures to learn from,"
        f" {summary.num_held_out:,} kept for measuring, {summary.num_skipped:,} skipped."
    )


def _new_run(options: argparse.Namespace, log_in: LogIn) -> None:
    settings, coordinator = log_in()
    from gan_desktop.class_admin import create_run

    config = settings.run_config()
    run_id = create_run(coordinator, options.title, config, options.dataset)
    _say(
        f"Training {run_id} is ready: {config.target_iterations} iterations,"
        f" {config.image_size} x {config.image_size} pixels. It begins with the coordinator:"
    )
    _say("  gan-desktop --admin --no-gui")


def _steer(command: str, options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin import steer_run

    status, _, now = _STEERING[command]
    _say(f"Training {steer_run(log_in()[1], status, options.training)} {now}.")


def _status(log_in: LogIn) -> None:
    from gan_desktop.class_admin import class_status
    from gan_desktop.status_tables import print_status

    print_status(class_status(log_in()[1]))


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201
