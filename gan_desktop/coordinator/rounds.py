"""One round: when the next iteration is due, and what becomes of each update."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from gan_desktop.records import PendingUpdate, RunConfig, Situation, UpdateDecision
from gan_desktop.training.gate import Verdict
from gan_desktop.training.merge import Candidate

# A round that misses its quorum (somebody has gone without a word) is published after this many
# median unit times all the same.
PATIENCE_UNITS = 3.0
SHORTEST_PATIENCE_S = 10.0


def quorum(config: RunConfig, num_contributors: int) -> int:
    """Updates from distinct accounts that the next iteration needs; never more than there are people."""
    wanted = config.quorum or math.ceil(config.quorum_share * num_contributors)
    return max(1, min(wanted, num_contributors))


def is_due(updates: Sequence[PendingUpdate], situation: Situation, config: RunConfig) -> bool:
    """Whether to publish now.

    Yes when everybody who contributes has handed in; a grace after the quorum was met; or when the
    oldest update has waited for too long.

    Args:
        updates: The updates that may take part in the round.
    """
    if not updates:
        return False
    waited = _longest_wait_by_account(updates)
    if len(waited) >= situation.num_contributors:
        return True
    median = situation.median_unit_seconds or config.unit_seconds
    needed = quorum(config, situation.num_contributors)
    if len(waited) >= needed:
        # The quorum was met when the last account that it needed handed in.
        return waited[needed - 1] >= config.grace_share * median
    # Quick units of a few must not make the class lose patience with the others.
    return waited[0] >= max(SHORTEST_PATIENCE_S, PATIENCE_UNITS * max(median, config.unit_seconds))


def _longest_wait_by_account(updates: Iterable[PendingUpdate]) -> list[float]:
    """Seconds since each account's first update, longest first."""
    waited: dict[int, float] = {}
    for update in updates:
        waited[update.account_id] = max(update.waited_seconds, waited.get(update.account_id, 0.0))
    return sorted(waited.values(), reverse=True)


def candidate(update: PendingUpdate, iteration: int) -> Candidate:
    """An update as the merge sees it."""
    return Candidate(
        update_id=update.update_id,
        account_id=update.account_id,
        worker_id=update.worker_id,
        num_images=update.result.num_images,
        num_steps=update.result.num_steps,
        staleness=iteration - update.iteration,
        stopped_early=update.result.stopped_early,
    )


def decision(verdict: Verdict) -> UpdateDecision:
    """What the gate found, as it is written down."""
    return UpdateDecision(
        update_id=verdict.update_id,
        status="counted" if verdict.counted else "not_counted",
        reason=verdict.reason or None,
        is_strike=verdict.is_strike,
        norm=verdict.norm if math.isfinite(verdict.norm) else None,
        weight=verdict.weight,
    )


def late(verdict: Verdict) -> UpdateDecision:
    """Valid work that came too late for the network still counts for its people."""
    if not verdict.counted:
        return decision(verdict)
    return UpdateDecision(verdict.update_id, "late", "It came after its iteration's time.", False, None, 0.0)


def refused(update: PendingUpdate, reason: str) -> UpdateDecision:
    """An update that contradicts itself: no unit that was merely stopped early does."""
    return UpdateDecision(update.update_id, "not_counted", reason, True, None, 0.0)


def mean_figures(updates: Iterable[PendingUpdate]) -> dict[str, float | None]:
    """loss_g, loss_d, d_real and d_fake of a round: means over all images."""
    results = [update.result for update in updates]
    total = sum(result.num_images for result in results)
    return {
        name: sum(getattr(r, name) * r.num_images for r in results) / total if total else None
        for name in ("loss_g", "loss_d", "d_real", "d_fake")
    }
