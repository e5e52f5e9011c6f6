"""What a rehearsal tries, what it takes for too much, and how it says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gan_desktop.errors import SettingsError
from gan_desktop.rehearsal.plan import Limit, RehearsalPlan, RehearsalResult, Step, find_limits
from gan_desktop.rehearsal.tally import RehearsalReport

REPORT = RehearsalReport(
    seconds=60.0,
    num_units=20,
    num_images=20_000,
    num_refused=0,
    num_lost_connections=0,
    num_failed=0,
    bytes_up=30_000_000,
    bytes_down=45_000_000,
    claim_ms=(12.0, 80.0),
    submit_s=(0.4, 1.2),
    weights_s=(0.2, 0.9),
    computing_share=0.8,
)
STEP = Step(20, REPORT, 40, 3, 5, 200_000_000, 35.0)
PLAN = RehearsalPlan(40)


@pytest.mark.parametrize(
    ("num_students", "steps"),
    [
        (1, (1,)),
        (5, (5,)),
        (6, (5, 6)),
        (30, (5, 10, 20, 30)),
        (40, (5, 10, 20, 40)),
        (41, (5, 10, 20, 40, 41)),
    ],
)
def test_each_step_has_twice_as_many_students_until_all_are_there(
    num_students: int, steps: tuple[int, ...]
) -> None:
    assert RehearsalPlan(num_students).steps() == steps


@pytest.mark.parametrize("wishes", [{"num_students": 0}, {"num_students": 501}, {"minutes": 0}])
def test_a_plan_out_of_bounds_is_refused(wishes: dict[str, int]) -> None:
    with pytest.raises(SettingsError):
        RehearsalPlan(**wishes)  # type: ignore[arg-type]


def test_a_step_that_goes_well_sets_no_limit() -> None:
    assert find_limits(STEP, replace(PLAN, network_mbit_s=10.1), 60.0, 20_000_000_000) == []


@pytest.mark.parametrize(
    ("step", "network", "free", "kind", "words"),
    [
        (replace(STEP, report=replace(REPORT, claim_ms=(300.0, 1_250.0))), None, None, "claims", "1,250 ms"),
        (replace(STEP, report=replace(REPORT, submit_s=(9.0, 31.5))), None, None, "hand_in", "31.5 s"),
        (replace(STEP, report=replace(REPORT, num_failed=2)), None, None, "students", "2 could not go on"),
        (
            replace(STEP, report=replace(REPORT, num_lost_connections=11)),
            None,
            None,
            "students",
            "lost 11 times",
        ),
        (replace(STEP, num_waiting=35), None, None, "coordinator", "35 units waited"),
        (STEP, 9.0, None, "network", "10.0 Mbit/s went over the network, more than the 9.0 Mbit/s"),
        (STEP, None, 400_000_000, "disk", "its disk has 400 MB left"),
    ],
)
def test_each_limit_is_found_and_named_with_its_figures(
    step: Step, network: float | None, free: int | None, kind: str, words: str
) -> None:
    [limit] = find_limits(step, replace(PLAN, network_mbit_s=network), 60.0, free)
    assert limit.kind == kind and words in limit.words and "With 20 students" in limit.words


def test_the_result_says_first_how_many_fit() -> None:
    fits = RehearsalResult(RehearsalPlan(20), (replace(STEP, num_students=10), STEP))
    assert fits.num_fitting == 20
    assert fits.sentences() == (
        "All 20 students fit.",
        "With 20 of them: a unit after 12 ms, handed in within 0.4 s, 10.0 Mbit/s, 40 connections.",
    )


def test_what_limits_comes_right_after_it() -> None:
    limit = Limit("claims", "With 40 students, asking took long.")
    steps = (STEP, replace(STEP, num_students=40, limits=(limit,)))
    result = RehearsalResult(PLAN, steps, (limit,))
    assert result.num_fitting == 20
    assert result.sentences()[:2] == ("20 students fit.", limit.words)
    none = RehearsalResult(PLAN, (steps[1],), (limit,))
    assert none.num_fitting == 0 and none.sentences()[0] == "Not even the first few students fit."


def test_a_computer_that_is_busy_with_playing_students_says_that_more_may_fit() -> None:
    limit = Limit("claims", "With 20 students, asking took long.")
    busy = RehearsalResult(PLAN, (replace(STEP, busy_percent=97.0, limits=(limit,)),), (limit,))
    assert "busy at 97%" in busy.sentences()[-1] and "more may fit" in busy.sentences()[-1]


def test_a_cancelled_rehearsal_tells_what_was_found_until_then() -> None:
    cancelled = RehearsalResult(PLAN, (STEP,), was_cancelled=True)
    assert cancelled.sentences()[0] == "Cancelled. Until then 20 students were no trouble."
    assert RehearsalResult(PLAN, (), was_cancelled=True).sentences() == ("Cancelled.",)
