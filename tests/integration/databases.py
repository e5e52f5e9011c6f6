"""Databases for tests end with all that is theirs."""

from __future__ import annotations

from dataclasses import replace

from psycopg2 import sql

from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.schema import ClassRoles

_ALL_LOGINS = """
SELECT login FROM gan.accounts UNION ALL SELECT login FROM gan.enrol_cards WHERE withdrawn_at IS NULL
"""


def drop_class_database(administrator: Address, name: str) -> None:
    """Drop a class's database with everything in it, and the logins of its people."""
    logins: list[str] = []
    with Connection(replace(administrator, dbname=name)) as connection:
        if connection.query("SELECT to_regclass('gan.class') AS is_there")[0].is_there:
            logins = [row.login for row in connection.query(_ALL_LOGINS)]
            for row in connection.query("SELECT class_id FROM gan.class"):
                roles = ClassRoles(row.class_id)
                logins += [roles.coordinator, roles.enrol, roles.registrar, roles.student, roles.owner]
    with Connection(administrator) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        for login in logins:
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(login)))
