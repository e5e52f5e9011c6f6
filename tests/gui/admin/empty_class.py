"""A class without people and pictures for one test, on the session's server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from gan_desktop.database.address import Address
from gan_desktop.database.schema import init_class
from tests.integration.classroom import Classroom
from tests.integration.conftest import new_database

__all__ = ["classroom", "new_database"]


@pytest.fixture
def classroom(new_database: Callable[[], Address]) -> Iterator[Classroom]:
    """Its instructor, and whoever joins."""
    administrator = new_database()
    made = Classroom(administrator, init_class(administrator, "Vision"))
    yield made
    made.close()
