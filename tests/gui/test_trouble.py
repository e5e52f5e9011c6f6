"""The banner for an error: its words, and whether they are German where the window is."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from gan_desktop.database.connection_errors import _CAUSES
from gan_desktop.errors import ConnectionFailed
from gan_desktop.gui.translation import install_translation
from gan_desktop.gui.trouble import Trouble
from tests.gui.test_translation import ENGLISH

PLACE = {"host": "db.school.example", "port": 5432, "user": "s_1", "dbname": "faces", "detail": "expired"}


def test_a_blocked_connection_says_who_can_open_it() -> None:
    words = next(words for pattern, _, words in _CAUSES if pattern == "Connection refused")
    trouble = Trouble.of(ConnectionFailed(words.format(**PLACE), cause="refused"))
    assert trouble.title == "The connection is blocked"
    assert trouble.message.endswith("a firewall is likely: your instructor or IT can open it.")


@pytest.mark.parametrize(("cause", "words"), [(cause, words.format(**PLACE)) for _, cause, words in _CAUSES])
def test_what_kept_us_from_the_class_is_told_in_german(
    cause: str, words: str, application: QApplication
) -> None:
    german = install_translation(application, "de")
    told = german.engine_text(Trouble.of(ConnectionFailed(words, cause=cause)).message)
    assert not ENGLISH.search(told), told
