"""Every benchmark still runs, at its smallest setting; what it measures there says nothing."""

from __future__ import annotations

import pytest

from tests.benchmarks import claims, efficiency, growth, merge, rehearsal, start, traffic

MODULES = {
    "claims": claims, "efficiency": efficiency, "growth": growth, "merge": merge, "rehearsal": rehearsal,
    "start": start, "traffic": traffic,
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [name if name in {"claims", "merge"} else pytest.param(name, marks=pytest.mark.slow) for name in MODULES],
)
def test_the_smallest_setting_prints_a_table(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    MODULES[name].main(["--quick"])
    headers, line, *rows = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert line == "|" + "---|" * (headers.count("|") - 1)
    assert rows and all(row.count("|") == headers.count("|") for row in rows)
