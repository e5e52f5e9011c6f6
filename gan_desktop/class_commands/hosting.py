"""Where the class lives: `class host` and `class init`."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.class_commands.command import Commands, LogIn, count, new_file, say
from gan_desktop.class_commands.people import way_in
from gan_desktop.errors import ConnectionFailed, EmbeddedServerError

if TYPE_CHECKING:
    from gan_desktop.database.connection import Address
    from gan_desktop.database.embedded import EmbeddedPostgres

HOSTED_DATABASE = "gan_desktop"
_LOOK_S = 2.0


def add_commands(commands: Commands) -> None:
    """Add this group's commands."""
    server = argparse.ArgumentParser(add_help=False)
    server.add_argument("--server-folder", type=Path, metavar="DIR", help="where the hosted database lives")

    host = commands.add("host", "run a database on this computer, for a class, until Ctrl+C", _host, server)
    host.add_argument("--listen", metavar="ADDRESS", help="also for others, for example 0.0.0.0")
    host.add_argument("--port", type=_port, default=0, help="TCP port (default: the last one, or a free one)")
    host.add_argument("--students", type=count, default=30, metavar="N", help="how many may take part")

    init = commands.add(
        "init", "make a class in the empty database of config.yaml", _init, commands.login, server
    )
    init.add_argument("--title", default="Our class", help="what students read")
    init.add_argument("--save", type=Path, metavar="FILE", help="write the way in to a new file of yours")
    init.add_argument("--hosted", action="store_true", help="in the database of `class host` instead")


def _port(text: str) -> int:
    if count(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: those end at 65535")
    return int(text)


def _host(options: argparse.Namespace, _: LogIn) -> None:
    from gan_desktop.database.embedded import EmbeddedPostgres

    server = EmbeddedPostgres(
        options.server_folder or EmbeddedPostgres.default_dir(),
        port=options.port,
        listen=options.listen or "127.0.0.1",
        max_connections=3 * options.students + 20,
    )
    try:
        with server:
            say(f"The database runs at port {server.address.port}; it lives in {server.data_dir}.")
            say("Ctrl+C stops it. To make a class in it, type in another window:")
            say("  gan-desktop class init --hosted")
            _stay(server)
    except KeyboardInterrupt:
        say("Stopped. The class is safe; the same command brings it back.")


def _stay(server: EmbeddedPostgres) -> None:
    """Wait for Ctrl+C as long as the server runs."""
    while server.is_running():
        time.sleep(_LOOK_S)
    raise EmbeddedServerError(f"The database in {server.data_dir} was stopped by somebody else.")


def _init(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.login import make_class

    with new_file(options.save) as write:
        administrator = _hosted_database(options.server_folder) if options.hosted else log_in()[1]
        coordinator = make_class(administrator, options.title)
        write("# The class is made. This is the instructor's config.yaml, the coordinator's way in; the")
        write("# password is shown this once. (It may stay out of the file: see README.md.)")
        write(way_in(coordinator))


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
