"""Databases of a server of our own."""

from __future__ import annotations

from dataclasses import replace

from psycopg2 import sql

from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection


def create_database(administrator: Address, name: str) -> Address:
    """Make an empty database; returns the way into it."""
    with Connection(administrator) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return replace(administrator, dbname=name)


def drop_database(administrator: Address, name: str) -> None:
    """Remove a database with all that is in it, and whoever is in it.

    Args:
        administrator: The superuser's way into another database.
    """
    with Connection(administrator) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
