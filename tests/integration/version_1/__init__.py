"""A class as program version 0.1 made it: its migrations, functions, views, grants and roles, never changed.

`make_class` does what that version's `class init` did, as a superuser.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from urllib.parse import quote, urlencode

from psycopg2 import sql
from yoyo import get_backend, read_migrations

from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.queries import named_statements
from gan_desktop.database.schema import ClassRoles, NewClass

HERE = Path(__file__).parent
ROLES = (
    "create_owner",
    "create_coordinator",
    "create_students",
    "become_owner",
    "let_coordinator_admit",
    "close_database",
    "create_schema",
    "no_execute_by_default",
    "close_public",
    "open_public_for_owner",
    "superuser_hardening",
    "limit_temporary_files",
    "quiet_log",
)


def make_class(administrator: Address, title: str) -> NewClass:
    """Make an empty database the home of a class of schema version 1."""
    class_id = secrets.token_hex(4)
    roles = ClassRoles(class_id)
    made = NewClass(class_id, roles.coordinator, secrets.token_urlsafe(24))
    with Connection(administrator) as connection:
        verifier = connection.password_verifier(made.coordinator_user, made.coordinator_password)
        names = {
            "owner": sql.Identifier(roles.owner),
            "coordinator": sql.Identifier(roles.coordinator),
            "student": sql.Identifier(roles.student),
            "database": sql.Identifier(administrator.dbname),
            "api": sql.Identifier("public"),
            "verifier": sql.Literal(verifier),
        }
        statements = named_statements(_text("queries/roles.sql"))
        with connection.transaction():
            for name in ROLES:
                # This one has braces of its own, and no names.
                is_plain = name == "superuser_hardening"
                connection.execute(
                    statements[name] if is_plain else sql.SQL(statements[name]).format(**names)
                )
        _migrate(administrator, roles)
        with connection.transaction():
            connection.execute("SET LOCAL ROLE " + roles.owner)
            connection.execute("INSERT INTO gan.class (class_id, title) VALUES (%s, %s)", (class_id, title))
            connection.execute("SET LOCAL search_path = public, pg_temp")
            connection.execute(_text("api/functions.sql"))
            connection.execute(_text("api/views.sql"))
            connection.execute(sql.SQL(_text("api/grants.sql")).format(**names))
    return made


def _migrate(administrator: Address, roles: ClassRoles) -> None:
    options = urlencode({"schema": "gan", "options": f"-c role={roles.owner}"})
    login = f"{quote(administrator.user)}:{quote(administrator.password or '', safe='')}"
    place = f"{administrator.host}:{administrator.port}/{administrator.dbname}"
    backend = get_backend(f"postgresql://{login}@{place}?{options}")
    try:
        with backend.lock():
            backend.apply_migrations(backend.to_apply(read_migrations(str(HERE / "migrations"))))
    finally:
        backend.connection.close()


def _text(path: str) -> str:
    return (HERE / path).read_text("utf-8")
