from __future__ import annotations

import pytest

from gan_desktop.coordinator.rounds import (
    PATIENCE_UNITS,
    candidate,
    decision,
    is_due,
    late,
    mean_figures,
    quorum,
    refused,
)
from gan_desktop.records import (
    CheckFigures,
    PendingUpdate,
    RunConfig,
    RunStatus,
    Situation,
    UnitResult,
)
from gan_desktop.training.gate import Verdict

CONFIG = RunConfig(unit_seconds=100.0)


def update(
    account: int, waited: float = 0.0, *, images: int = 320, iteration: int = 5, early: bool = False
) -> PendingUpdate:
    result = UnitResult(
        images, images // 16, 2.0 * account, 1.0, 0.5, 0.75, CheckFigures(1, 1, 1, 1, 16), 10.0, early
    )
    return PendingUpdate(account, account, f"w{account}", account, iteration, "00", 9, result, 10.0, waited)


def situation(num_contributors: int, median: float | None = 100.0) -> Situation:
    return Situation(RunStatus.RUNNING, 5, num_contributors, median)


@pytest.mark.parametrize(("num_people", "needed"), [(0, 1), (1, 1), (2, 2), (3, 2), (5, 3), (30, 18)])
def test_quorum_is_sixty_percent_of_the_contributors(num_people: int, needed: int) -> None:
    assert quorum(CONFIG, num_people) == needed


def test_configured_quorum_never_exceeds_the_people_there_are() -> None:
    config = RunConfig(quorum=4)
    assert quorum(config, 10) == 4
    assert quorum(config, 2) == 2


def test_nothing_is_due_without_updates() -> None:
    assert not is_due([], situation(0), CONFIG)


def test_everybody_in_publishes_at_once() -> None:
    assert is_due([update(1), update(2)], situation(2), CONFIG)


def test_quorum_waits_for_the_grace_of_the_account_that_met_it() -> None:
    # Two of three are needed; the second one handed in 19 s ago, a fifth of the median is 20 s.
    assert not is_due([update(1, 60.0), update(2, 19.0)], situation(3), CONFIG)
    assert is_due([update(1, 60.0), update(2, 20.0)], situation(3), CONFIG)


def test_two_updates_of_one_account_are_no_quorum() -> None:
    twice = [update(1, 50.0), update(1, 40.0)]
    assert not is_due(twice, situation(3), CONFIG)


def test_a_round_that_misses_its_quorum_is_published_in_the_end() -> None:
    assert not is_due([update(1, PATIENCE_UNITS * 100 - 1)], situation(5), CONFIG)
    assert is_due([update(1, PATIENCE_UNITS * 100)], situation(5), CONFIG)


def test_first_round_without_a_median_goes_by_the_unit_time() -> None:
    assert not is_due([update(1, 19.0), update(2, 19.0)], situation(3, None), CONFIG)
    assert is_due([update(1, 20.0), update(2, 20.0)], situation(3, None), CONFIG)


def test_staleness_counts_iterations_since_the_updates_weights() -> None:
    assert candidate(update(1, iteration=5), 7).staleness == 2


def test_refused_verdict_becomes_a_decision_without_a_norm_that_is_no_number() -> None:
    made = decision(Verdict(3, False, "It is damaged.", True, float("nan"), 1.0, 0.0))
    assert (made.status, made.reason, made.is_strike, made.norm) == (
        "not_counted",
        "It is damaged.",
        True,
        None,
    )


def test_late_work_is_credited_without_weight() -> None:
    made = late(Verdict(3, True, "", False, 1.0, 1.0, 1.0))
    assert (made.status, made.weight, made.is_strike) == ("late", 0.0, False)


def test_late_work_that_is_none_is_refused_like_any_other() -> None:
    made = late(Verdict(3, False, "It changes nothing.", True, 0.0, 1.0, 0.0))
    assert (made.status, made.reason, made.is_strike) == ("not_counted", "It changes nothing.", True)


def test_wrong_check_figures_are_a_strike_however_little_was_done() -> None:
    assert refused(update(1), "no").is_strike
    assert refused(update(1, early=True), "no").is_strike


def test_figures_are_means_over_images_not_over_updates() -> None:
    figures = mean_figures([update(1, images=300), update(2, images=100)])
    assert figures["loss_g"] == pytest.approx((2.0 * 300 + 4.0 * 100) / 400)
    assert mean_figures([])["loss_g"] is None
