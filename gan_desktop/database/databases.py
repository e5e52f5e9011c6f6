"""Databases of a server of our own: made for a class, and dropped with all its logins."""

from __future__ import annotations

from dataclasses import replace

from psycopg2 import sql

from gan_desktop.database.connection import Address, Connection
from gan_desktop.database.schema import ClassRoles


def create_database(administrator: Address, name: str) -> Address:
    """Make an empty database; returns the way into it."""
    with Connection(administrator) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return replace(administrator, dbname=name)


def drop_class_database(administrator: Address, name: str) -> None:
    """Drop a class's database with everything in it, and the logins of its people."""
    logins: list[str] = []
    with Connection(replace(administrator, dbname=name)) as connection:
        if connection.query("SELECT to_regclass('gan.class') AS is_there")[0].is_there:
            logins = [row.login for row in connection.query("SELECT login FROM gan.accounts")]
            for row in connection.query("SELECT class_id FROM gan.class"):
                roles = ClassRoles(row.class_id)
                logins += [roles.coordinator, roles.student, roles.owner]
    with Connection(administrator) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        for login in logins:
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(login)))
