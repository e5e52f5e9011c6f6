"""Every command that the guides show is one that the program understands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from gan_desktop.cli import parse

DOCS = Path(__file__).parents[2] / "docs"
# An explanation follows after several spaces, or as a shell's comment.
_EXPLANATION = re.compile(r"\s{3,}.*$|\s+#\s.*$")


def documented_commands() -> list[str]:
    """The indented lines of the guides that begin with the program's name."""
    lines = [line for page in sorted(DOCS.glob("*.md")) for line in page.read_text("utf-8").splitlines()]
    commands = [line.strip() for line in lines if line.startswith("    gan-desktop ")]
    return sorted({_EXPLANATION.sub("", command) for command in commands})


@pytest.mark.parametrize("command", documented_commands())
def test_a_documented_command_is_understood(command: str) -> None:
    try:
        parse(shlex.split(command)[1:])
    except SystemExit as end:  # --help and --version
        assert end.code == 0


def test_the_guides_show_commands() -> None:
    shown = [command for command in documented_commands() if command.startswith("gan-desktop class ")]
    assert len(shown) > 25


def test_an_option_of_a_command_may_be_called_as_a_workers() -> None:
    options = parse(["class", "export", "credit.csv", "--from", "2026-11-01", "--to", "2026-11-30"])
    assert f"{options.until:%d}" == "30"


def test_a_workers_option_before_a_command_is_still_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(["--until", "17:30", "class", "export", "credit.csv", "--to", "2026-11-30"])
    assert end.value.code == 2
    assert "--until is for a worker, not for class" in capsys.readouterr().err


def test_the_value_of_a_misspelt_option_is_not_taken_for_a_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        parse(["--nam", "Zoe"])
    assert "there is no --nam. Did you mean --name?" in capsys.readouterr().err
