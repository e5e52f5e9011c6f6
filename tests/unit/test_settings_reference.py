"""docs/settings.md is what the settings' classes say."""

from __future__ import annotations

from pathlib import Path

import pytest

from gan_desktop.settings.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"
ROWS = [line.strip("|").split(" | ") for line in reference().splitlines() if line.startswith("| `")]


def test_the_page_in_the_docs_is_the_newest() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "python -m gan_desktop.settings.reference > docs/settings.md"
    )


@pytest.mark.parametrize("row", [row for row in ROWS if len(row) == 4], ids=lambda row: row[0].strip(" `"))
def test_every_setting_says_what_to_write_and_what_it_is(row: list[str]) -> None:
    _, _, advice, meaning = (cell.strip() for cell in row)
    assert advice
    assert meaning
