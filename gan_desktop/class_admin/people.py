"""Who takes part in the class."""

from __future__ import annotations

from dataclasses import replace

from gan_desktop.class_admin.login import log_in
from gan_desktop.database.accounts import Accounts
from gan_desktop.database.connection import Address


def add_student(coordinator: Address, name: str) -> Address:
    """Make a login for a student; returns the way in. The password is stored nowhere.

    Raises:
        GanDesktopError: The name cannot be shown.
    """
    with log_in(coordinator) as connection:
        login = Accounts(connection).add(name)
    return replace(coordinator, user=login.user, password=login.password)
