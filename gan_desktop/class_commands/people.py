"""Who takes part: `class add-student`.

Ways in are the lines of a config.yaml: printed, or written to a file that only its owner can read
(`class add-student Ana --save ana.yaml`).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gan_desktop.class_commands.command import Commands, LogIn, new_file

if TYPE_CHECKING:
    from gan_desktop.database.connection import Address


def add_commands(commands: Commands) -> None:
    """Add this group's commands."""
    student = commands.add("add-student", "make a student's login", _add_student, commands.login)
    student.add_argument("student", metavar="NAME", help="how the class knows the student")
    student.add_argument("--save", type=Path, metavar="FILE", help="write the way in to a new file of yours")
    student.add_argument("--host", metavar="ADDRESS", help="address of the server for students, if not yours")
    student.add_argument(
        "--insecure", action="store_true", help="the server has no encryption, and others may read along"
    )


def _add_student(options: argparse.Namespace, log_in: LogIn) -> None:
    from gan_desktop.class_admin.people import add_student
    from gan_desktop.database.connection import LOOPBACK

    _, coordinator = log_in()
    with new_file(options.save) as write:
        student = add_student(coordinator, options.student)
        host = options.host or student.host
        write("# The student's config.yaml; the password is shown this once. Start: gan-desktop --no-gui")
        if host in LOOPBACK:
            write(f"# {host} is this computer alone. For others name its address: add-student --host ADDRESS")
        insecure = options.insecure or student.insecure
        write(way_in(replace(student, host=host, insecure=insecure), worker={"name": options.student}))


def way_in(address: Address, **sections: dict[str, str]) -> str:
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
