"""The command line: reads options and settings, wires the parts, gives the exit code.

Exit codes:
    0    The training is complete, or a worker or coordinator was asked to stop.
    1    An error on the way.
    2    A wrong option, a wrong setting, or pictures or a checkpoint that cannot be used.
    3    The class cannot be joined: connection, login, version.
    130  Ended before the end by Ctrl+C (or SIGTERM), or because nobody reads the output any more.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gan_desktop import __version__, worker_command
from gan_desktop.class_commands import add_class_commands, run_class_command
from gan_desktop.class_commands.suggestions import CommandsAction, SuggestingParser
from gan_desktop.command_line import count
from gan_desktop.errors import (
    ConnectionFailed,
    GanDesktopError,
    SettingsError,
)
from gan_desktop.join_commands import classes, join, leave
from gan_desktop.local_commands import cache, faces, train
from gan_desktop.names import for_terminal

if TYPE_CHECKING:
    from gan_desktop.database.address import Address
    from gan_desktop.demo_class import DemoOptions
    from gan_desktop.settings import Settings
    from gan_desktop.worker.options import WorkerOptions

EXIT_ERROR, EXIT_USAGE, EXIT_NO_CLASS, EXIT_INTERRUPTED = 1, 2, 3, 130
MAX_DEMO_WORKERS = 16

# What each role looks at: any other option would be passed over in silence.
_JOINING = {"config", "password_file"}
_OPTIONS = {
    "a worker": _JOINING | worker_command.OPTIONS,
    "--admin": _JOINING | {"folder", "run", "output"},
    "--demo": {"iterations", "data", "output", "workers"},
    "class": _JOINING,
    "train": set(),
    "faces": set(),
    "cache": {"config", "folder"},
    "join": set(),
    "classes": set(),
    "leave": set(),
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
    options = parse(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # SIGTERM ends as Ctrl+C does; worker and coordinator put their own handlers in its place.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _dispatch(options)
    except GanDesktopError as error:
        return _tell(error)
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        return _tell_unexpected(error)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read a command line; ends the program with the usage where one contradicts itself."""
    arguments, card = _take_card(arguments)
    parser = _parser()
    options = parser.parse_args(arguments, argparse.Namespace(card_to_open=card))
    _require_fitting_options(parser, options)
    return options


def _dispatch(options: argparse.Namespace) -> int:
    if options.guard:
        from gan_desktop.demo_guard import guard

        guard(options.guard)
        return 0
    if options.command == "class":
        run_class_command(options, lambda: _log_in(options))
        return 0
    if options.command == "train":
        return train.run(options)
    if options.command == "faces":
        return faces.run(options)
    if options.command == "cache":
        return cache.run(options)
    if options.command == "join":
        code = join.run(options)
        return _worker(options) if options.start else code
    if options.command == "classes":
        return classes.run(options)
    if options.command == "leave":
        return leave.run(options)
    if not options.no_gui and _can_open_window():
        return _teaching_window(options) if options.admin else _window(options)
    if options.card_to_open:
        raise SettingsError("Without a window a card is added with: gan-desktop join CARD")
    if options.demo:
        return _demo(options)
    return _coordinator(options) if options.admin else _worker(options)


# ---------------------------------------------------------------------------------------------
# Options
# ---------------------------------------------------------------------------------------------


def _take_card(arguments: Sequence[str]) -> tuple[Sequence[str], str]:
    """Take a join card out of the arguments: a double click on one starts `gan-desktop FILE.gandjoin`."""
    first, *others = arguments or [""]
    if first.lower().startswith("gandesktop:"):
        return others, first
    if first.endswith(".gandjoin") and not first.startswith("-"):
        return others, str(Path(first).absolute())
    return arguments, ""


def _parser() -> argparse.ArgumentParser:
    parser = SuggestingParser(
        prog="gan-desktop",
        usage="%(prog)s [--no-gui] [--admin | --demo] [options]\n       %(prog)s class COMMAND [options]\n"
        "       %(prog)s train [options]\n       %(prog)s faces --checkpoint FILE [options]\n"
        "       %(prog)s cache [options]\n       %(prog)s join CARD | classes | leave CLASS",
        description="A class trains one image GAN together, on everybody's computers.",
        epilog="Exit codes: 0 complete or asked to stop, 1 an error on the way, 2 a wrong option, setting or"
        " set of pictures, 3 the class cannot be joined, 130 stopped by Ctrl+C before the end.",
        # An abbreviation that works today means something else when an option is added.
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"GAN Desktop {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="write a detailed log to stderr")
    parser.add_argument(
        "--in-tray",
        action="store_true",
        help="contribute at once without showing the window: for the start with the computer",
    )
    parser.add_argument("--no-gui", action="store_true", help="work on the console, without a window")
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

    worker_command.add_options(parser)

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

    login = SuggestingParser(add_help=False)
    _add_login_options(login, default=argparse.SUPPRESS)
    commands = parser.add_subparsers(
        action=CommandsAction, dest="command", metavar="COMMAND", prog=parser.prog, title="commands"
    )
    words = "Make and run a class, as its instructor."
    instructor = commands.add_parser(
        "class", description=words, help="make and run a class", parents=[login], allow_abbrev=False
    )
    add_class_commands(instructor, login)
    for name, module, words in (
        ("train", train, "train on this computer alone, without a class"),
        ("faces", faces, "draw faces from a checkpoint"),
        ("cache", cache, "show, check or remove the pictures kept on this computer"),
        ("join", join, "join a class with the card from your instructor"),
        ("classes", classes, "list the classes joined on this computer"),
        ("leave", leave, "forget a class, its password and what it left here"),
    ):
        alone = commands.add_parser(
            name, description=f"{words}.".capitalize(), help=words, allow_abbrev=False
        )
        module.add_options(alone)
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
    # A command may have an option of the same name, such as the day `class export --to`.
    given = options.given_before if options.command else options
    for name in sorted(set().union(*_OPTIONS.values()) - _OPTIONS[role]):
        if getattr(given, name) is not None:
            owners = " or ".join(owner for owner, names in _OPTIONS.items() if name in names)
            parser.error(f"--{name.replace('_', '-')} is for {owners}, not for {role}")
    if options.command and (options.demo or options.admin):
        parser.error(f"{role} is a command of its own; leave out --admin and --demo")
    worker_command.require_fitting_options(parser, given)
    if options.admin and not options.no_gui and (options.run is not None or options.output is not None):
        parser.error("--run and --output are for --admin --no-gui; in the window you choose them there")
    if options.demo and (options.workers or 1) > MAX_DEMO_WORKERS:
        parser.error(f"--workers {options.workers}: a demo class has at most {MAX_DEMO_WORKERS}")


# ---------------------------------------------------------------------------------------------
# The four roles
# ---------------------------------------------------------------------------------------------


def _can_open_window() -> bool:
    """Whether there are a screen and PySide6; where not, says so: the console goes on."""
    has_screen = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
    if sys.platform.startswith("linux") and not has_screen:
        sys.stderr.write("There is no screen here: going on on the console, as with --no-gui.\n")
        return False
    if importlib.util.find_spec("PySide6") is None:
        sys.stderr.write(
            "The window needs PySide6, which is not installed: pip install 'gan-desktop[gui]'."
            " Going on on the console, as with --no-gui.\n"
        )
        return False
    return True


def _load_before_qt() -> None:
    """What cannot be imported once PySide6 is there.

    PySide6 looks into every module that is imported after it, and pydantic's answer is to import parts of
    itself that are only half there. On Windows PyTorch would find the wrong one of two libraries.
    """
    import gan_desktop.settings  # noqa: F401

    if sys.platform == "win32":
        sys.stderr.write("Loading, the window comes in some seconds ...\n")
        import torch  # noqa: F401


def _window(options: argparse.Namespace) -> int:
    _load_before_qt()
    from gan_desktop.gui.app import Start, run_window
    from gan_desktop.gui.session import JoinedClass
    from gan_desktop.gui.window_session import Places

    def read_options() -> WorkerOptions:
        from gan_desktop.settings import load_settings

        return worker_command.worker_options(options, load_settings(options.config, **_named(options)))

    def find_class() -> JoinedClass:
        from gan_desktop.gui.joining.entrance import known_at
        from gan_desktop.known_classes import KnownClasses

        settings, address = _log_in(options)
        known = known_at(address, KnownClasses())
        wishes = worker_command.worker_options(options, settings)
        return JoinedClass(address, known.name if known else "", options=wishes, known=known)

    return run_window(
        Start(
            find_class,
            read_options,
            choose_demo=(lambda: _demo_options(options)) if options.demo else None,
            places=Places.below(options.folder) if options.folder else None,
            card=options.card_to_open,
            in_tray=options.in_tray,
        )
    )


def _teaching_window(options: argparse.Namespace) -> int:
    _load_before_qt()
    from gan_desktop.gui.admin.app import TeachingStart, run_teaching_window
    from gan_desktop.gui.admin.entrance import find_taught
    from gan_desktop.gui.window_session import Places

    return run_teaching_window(
        TeachingStart(
            lambda places: find_taught(places, options.config, options.password_file),
            places=Places.below(options.folder) if options.folder else None,
        )
    )


def _demo(options: argparse.Namespace) -> int:
    from gan_desktop.demo import run_demo

    return 0 if run_demo(_demo_options(options)) else EXIT_INTERRUPTED


def _demo_options(options: argparse.Namespace) -> DemoOptions:
    from gan_desktop.demo_class import DemoOptions

    return DemoOptions(
        num_iterations=options.iterations,
        data=options.data,
        output=options.output,
        num_workers=options.workers or 1,
    )


def _coordinator(options: argparse.Namespace) -> int:
    settings, address = _log_in(options)
    from gan_desktop.class_admin.login import require_coordinator

    _look_once(require_coordinator, address)
    from gan_desktop.headless import run_coordinator

    run_coordinator(address, options.run, options.folder, options.output, settings.data, settings.huggingface)
    return 0


def _worker(options: argparse.Namespace) -> int:
    settings, address = _log_in(options)
    return worker_command.run(options, settings, address, lambda way: _look_once(_require_student, way))


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
    from gan_desktop.database.address import Address
    from gan_desktop.settings import load_settings

    settings = load_settings(options.config, **_named(options))
    if known := _joined_class(options, settings):
        return known
    if not settings.database.host:
        _require_config_file(options)
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
        ca_pem=_read_certificate(database.ca_file),
        insecure=database.insecure,
    )


def _named(options: argparse.Namespace) -> dict[str, Any]:
    """The worker's --name as a setting; `class` commands have a --name for other things."""
    is_named = options.command is None and options.name is not None
    return {"worker": {"name": options.name}} if is_named else {}


def _read_certificate(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no certificate in PEM form"
        raise SettingsError(f"database.ca_file: {file} cannot be read: {reason}.") from error


def _joined_class(options: argparse.Namespace, settings: Settings) -> tuple[Settings, Address] | None:
    """The class that a worker means: the one named, or where no config.yaml names one the newest joined."""
    name = getattr(options, "class")
    is_worker = options.command in (None, "join") and not options.admin
    if not is_worker or (settings.database.host and name is None):
        return None
    from gan_desktop.admission import open_class
    from gan_desktop.known_classes import KnownClasses

    classes = KnownClasses()
    known = classes.find(name) if name is not None else next(iter(classes.all()), None)
    if known is None:
        return None
    worker = settings.worker.model_copy(update={"name": settings.worker.name or known.person})
    return settings.model_copy(update={"worker": worker}), open_class(classes, known, options.password_file)


def _require_config_file(options: argparse.Namespace) -> None:
    from gan_desktop.settings.config_file import find_config_file

    if options.config is not None or find_config_file() is not None:
        return
    if options.admin or options.command == "class":
        raise SettingsError(
            f"There is no config.yaml in {Path.cwd()}. If the class is made, go to the folder of its"
            " config.yaml, or name the file: --config FILE. To make one on this computer: gan-desktop class"
            " host, and in another window gan-desktop class init --hosted --save config.yaml",
            title="No class here",
        )
    raise SettingsError(
        f"There is no config.yaml in {Path.cwd()}, and no class was joined on this computer. With the"
        " card from your instructor: gan-desktop join CARD. With a host name and a password: copy"
        " config.yaml.template there as config.yaml and fill in what your instructor gave you. To see a"
        " whole class on this computer: gan-desktop --demo",
        title="No class yet",
    )


def _tell_unexpected(error: Exception) -> int:
    from gan_desktop.error_report import tell_unexpected

    tell_unexpected(error)
    return EXIT_ERROR


def _tell(error: GanDesktopError) -> int:
    """Show an expected trouble: what happened and what to do."""
    sys.stderr.write(for_terminal(f"{error.title}: {error.message}\n"))
    return error.exit_code
