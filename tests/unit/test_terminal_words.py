"""What strangers say is shown on a terminal, and never obeyed by it."""

from __future__ import annotations

import pytest

from gan_desktop.command_line import say
from gan_desktop.console import print_lines
from gan_desktop.errors import GanDesktopError
from gan_desktop.names import for_terminal

HOSTILE = "Vision\x1b]52;c;cm0gLXJmIH4=\x07\r\x9b2J\u202egnp.exe"


@pytest.mark.parametrize("words", ["Zoë 山田", "two\nlines\twith a tab", "👩\u200d👧 می\u200cرود", ""])
def test_what_people_write_stays_as_it_is(words: str) -> None:
    assert for_terminal(words) == words


def test_nothing_is_said_that_a_terminal_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE)
    print_lines(HOSTILE)
    said = capsys.readouterr().out
    assert said.count("Vision") == 2 and said.count("\n") == 2
    assert not any(character in said for character in "\x1b\x07\r\x9b\u202e")


def test_an_error_in_a_servers_words_is_told_without_its_commands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gan_desktop import cli

    def fail(_: object) -> int:
        raise GanDesktopError(HOSTILE, title=HOSTILE)

    monkeypatch.setattr("gan_desktop.join_commands.classes.run", fail)
    assert cli.main(["classes"]) == 1
    said = capsys.readouterr().err
    assert said.count("Vision") == 2 and "\x1b" not in said and "\r" not in said
