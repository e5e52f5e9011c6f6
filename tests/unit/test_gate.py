"""The gate lets every honest update pass and stops what would spoil everybody's work."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from gan_desktop.records import CheckFigures, Mode, RunConfig
from gan_desktop.training.faces import draw_face
from gan_desktop.training.gate import NormRecord, Verdict, check_figures_agree, usual_norm
from gan_desktop.training.losses import check_figures
from gan_desktop.training.merge import Candidate, MergeResult, UpdateFormat, judge_updates, merge_updates
from gan_desktop.training.networks import Tensors, build_gan, load_tensors
from gan_desktop.training.outer import OuterState
from gan_desktop.training.payload import PayloadInfo, encode
from gan_desktop.training.steps import UnitTrainer

CONFIG = RunConfig(feature_maps=4, latent_size=8)
FORMAT = UpdateFormat.of(CONFIG)
NUM_WORKERS = 5


def some_update(seed: int, common: float = 1.0, own: float = 1.0) -> Tensors:
    """Noise of its own on top of a direction that all updates share."""
    mine, ours = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(0)
    return {
        name: 1e-3 * (common * torch.randn(shape, generator=ours) + own * torch.randn(shape, generator=mine))
        for name, shape in FORMAT.shapes.items()
    }


def times(update: Tensors, factor: float) -> Tensors:
    return {name: factor * tensor for name, tensor in update.items()}


def norm_of(update: Tensors) -> float:
    return math.hypot(*(float(update[name].norm()) for name in FORMAT.parameters))


USUAL = norm_of(some_update(1))
HISTORY: list[NormRecord] = [(20, USUAL)] * 10


def judged(
    updates: dict[int, Tensors],
    history: list[NormRecord] | None = None,
    changes: dict[int, dict[str, int | bool]] | None = None,
    config: RunConfig = CONFIG,
) -> MergeResult:
    """Merge updates of an account each, as their workers would have sent them."""
    kind = FORMAT.kind if config.mode == "local_steps" else "gradient"
    info = PayloadInfo(kind, 1, 0, "int8", FORMAT.network)
    payloads = {number: encode(update, info, seed=number) for number, update in updates.items()}
    candidates = []
    for number in updates:
        plain = Candidate(number, account_id=number, worker_id=f"w{number}", num_images=320, num_steps=20)
        candidates.append(dataclasses.replace(plain, **(changes or {}).get(number, {})))  # type: ignore[arg-type]
    update_format = dataclasses.replace(FORMAT, kind=kind)
    return merge_updates(candidates, payloads.__getitem__, update_format, config, history or [])


def refused(result: MergeResult) -> set[int]:
    return {verdict.update_id for verdict in result.verdicts if not verdict.counted}


def verdict_of(result: MergeResult, update_id: int) -> Verdict:
    return next(verdict for verdict in result.verdicts if verdict.update_id == update_id)


# ---------------------------------------------------------------------------------------------
# Alone
# ---------------------------------------------------------------------------------------------


def test_ordinary_updates_count_as_they_are() -> None:
    result = judged({number: some_update(number) for number in range(1, 6)}, HISTORY)
    assert refused(result) == set()
    assert all(v.scale == 1 and v.reason == "" and not v.is_strike for v in result.verdicts)
    assert verdict_of(result, 1).norm == pytest.approx(USUAL, rel=0.02)


def test_an_update_of_zeros_is_refused() -> None:
    result = judged({1: some_update(1), 2: times(some_update(2), 0)})
    assert refused(result) == {2}
    assert verdict_of(result, 2).is_strike and "changes nothing" in verdict_of(result, 2).reason


def test_an_update_ten_times_too_large_is_refused_with_a_strike() -> None:
    result = judged({1: some_update(1), 2: times(some_update(2), 11)}, HISTORY)
    assert refused(result) == {2}
    assert verdict_of(result, 2).is_strike and "times as large as usual" in verdict_of(result, 2).reason


def test_an_update_five_times_too_large_is_scaled_down_without_a_strike() -> None:
    updates = {1: some_update(1), 2: times(some_update(2), 5)}
    result = judged(updates, HISTORY)
    verdict = verdict_of(result, 2)
    assert verdict.counted and not verdict.is_strike and "scaled down" in verdict.reason
    assert verdict.scale * verdict.norm == pytest.approx(3 * USUAL)
    assert result.mean is not None
    name = max(FORMAT.parameters, key=lambda name: FORMAT.shapes[name].numel())
    expected = (updates[1][name] + updates[2][name] * verdict.scale) / 2
    assert (result.mean[name] - expected).norm() < 0.02 * expected.norm()


def test_norms_are_compared_only_after_the_first_ten() -> None:
    updates = {1: some_update(1), 2: times(some_update(2), 11)}
    assert refused(judged(updates, HISTORY[:9])) == set()


def test_without_history_adams_own_bound_holds() -> None:
    assert refused(judged({1: some_update(1), 2: times(some_update(2), 1e4)})) == {2}
    gradient = dataclasses.replace(CONFIG, mode="gradient")
    assert refused(judged({1: some_update(1), 2: times(some_update(2), 1e9)}, config=gradient)) == {2}


def test_statistics_that_aim_at_overflow_are_refused() -> None:
    name = next(name for name in FORMAT.shapes if name.endswith("running_var"))
    poisoned = some_update(2) | {name: torch.full(FORMAT.shapes[name], 1e37)}
    assert refused(judged({1: some_update(1), 2: poisoned})) == {2}


def test_large_statistics_do_not_count_as_a_large_norm() -> None:
    name = next(name for name in FORMAT.shapes if name.endswith("running_var"))
    moved = some_update(2) | {name: torch.full(FORMAT.shapes[name], 100.0)}
    verdict = verdict_of(judged({1: some_update(1), 2: moved}, HISTORY), 2)
    assert verdict.scale == 1 and verdict.norm < 2 * USUAL


def test_longer_units_may_move_further_and_are_compared_with_their_like() -> None:
    # 400 steps go 20 times as far as 20 steps at most.
    assert usual_norm(400, HISTORY) == pytest.approx(20 * USUAL)
    mixed = HISTORY + [(400, 5 * USUAL)] * 20
    assert usual_norm(400, mixed) == pytest.approx(5 * USUAL)
    assert usual_norm(20, [(20, USUAL)] * 20 + [(400, 5 * USUAL)] * 20) == pytest.approx(USUAL)


def test_a_unit_that_was_stopped_early_is_no_strike() -> None:
    updates = {1: some_update(1), 2: times(some_update(2), 11)}
    verdict = verdict_of(judged(updates, HISTORY, {2: {"stopped_early": True}}), 2)
    assert not verdict.counted and not verdict.is_strike


# ---------------------------------------------------------------------------------------------
# Together
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_the_later_of_two_copies_is_refused(factor: float) -> None:
    result = judged({1: some_update(1), 2: some_update(2), 3: times(some_update(1), factor)})
    assert refused(result) == {3}
    assert verdict_of(result, 3).is_strike and "copy" in verdict_of(result, 3).reason


def test_of_updates_that_came_late_the_later_of_two_copies_is_refused_too() -> None:
    # The fourth one pulls against the others, which may belong to another iteration: no offence here.
    updates = {1: some_update(1), 2: some_update(2), 3: some_update(1), 4: times(some_update(4), -1)}
    info = PayloadInfo("weight_change", 1, 0, "fp32", FORMAT.network)
    payloads = {n: encode(update, info, seed=0) for n, update in updates.items()}
    candidates = [Candidate(n, account_id=n, worker_id="w", num_images=320, num_steps=20) for n in payloads]
    verdicts = judge_updates(reversed(candidates), payloads.__getitem__, FORMAT, CONFIG)
    assert [(v.update_id, v.counted) for v in verdicts] == [(1, True), (2, True), (3, False), (4, True)]
    assert verdicts[2].is_strike and "copy" in verdicts[2].reason


def test_in_gradient_mode_near_gradients_are_no_copies_but_equal_ones_are() -> None:
    config = dataclasses.replace(CONFIG, mode="gradient")
    near = {number: some_update(number, common=1.0, own=0.02) for number in (1, 2, 3)}
    assert refused(judged(near, config=config)) == set()
    info = PayloadInfo("gradient", 1, 0, "fp32", FORMAT.network)
    payloads = {n: encode(u, info, seed=0) for n, u in {1: near[1], 2: near[2], 3: near[1]}.items()}
    candidates = [Candidate(n, account_id=n, worker_id="w", num_images=320, num_steps=20) for n in payloads]
    gradients = dataclasses.replace(FORMAT, kind="gradient")
    assert refused(merge_updates(candidates, payloads.__getitem__, gradients, config)) == {3}


def test_a_repeated_update_of_the_same_account_is_not_called_a_copy_of_another() -> None:
    result = judged({1: some_update(1), 2: some_update(1)}, changes={2: {"account_id": 1}})
    assert refused(result) == set()


def test_a_reversed_update_is_refused_when_four_accounts_take_part() -> None:
    updates = {number: some_update(number) for number in range(1, 6)} | {6: times(some_update(6), -1)}
    result = judged(updates)
    assert refused(result) == {6}
    assert verdict_of(result, 6).is_strike and "against the others" in verdict_of(result, 6).reason
    assert sum(v.weight for v in result.verdicts) == pytest.approx(1)


def test_two_reversed_updates_do_not_drag_honest_ones_out() -> None:
    updates = {number: some_update(number) for number in range(1, 6)}
    updates |= {number: times(some_update(number), -1) for number in (6, 7)}
    assert refused(judged(updates)) == {6, 7}


def test_three_accounts_are_too_few_to_outvote_one() -> None:
    updates = {1: some_update(1), 2: some_update(2), 3: times(some_update(3), -1)}
    assert refused(judged(updates)) == set()


def test_many_updates_of_one_account_do_not_outvote_the_others() -> None:
    updates = {number: some_update(number) for number in range(1, 5)}
    updates |= {number: times(some_update(number), -1) for number in range(5, 15)}
    changes: dict[int, dict[str, int | bool]] = {number: {"account_id": 5} for number in range(5, 15)}
    assert refused(judged(updates, changes=changes)) == set(range(5, 15))


# ---------------------------------------------------------------------------------------------
# Honest training
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["local_steps", "gradient"])
def test_honest_updates_are_never_refused(mode: Mode) -> None:
    """Workers of unequal speed, one of them always two iterations behind, one with fresh moments."""
    config = RunConfig(feature_maps=8, mode=mode)
    update_format = UpdateFormat.of(config)
    drawn = np.stack([draw_face(index, 32) for index in range(512)])
    faces = torch.from_numpy(drawn).permute(0, 3, 1, 2).contiguous()
    random = torch.Generator().manual_seed(1)
    state = OuterState.fresh(config)
    cpu = torch.device("cpu")
    trainers = [
        UnitTrainer(build_gan(config), config, device=cpu, micro_batch=16) for _ in range(NUM_WORKERS)
    ]
    sizes = (96, 96, 96, 32, 192)
    published: list[Tensors] = []
    history: list[NormRecord] = []
    for iteration in range(8):
        published.append({name: tensor.clone() for name, tensor in state.weights.items()})
        candidates, payloads = [], {}
        for worker, trainer in enumerate(trainers):
            staleness = min(2, iteration) if worker == 1 else 0
            trainer.load_weights(published[-1 - staleness])
            chosen = faces[torch.randint(512, (sizes[worker],), generator=random)]
            number = 10 * iteration + worker
            outcome = trainer.run_unit(chosen, seed=number, fresh_moments=worker == 2)
            info = PayloadInfo(update_format.kind, 1, iteration, "int8", update_format.network)
            payloads[number] = encode(outcome.update, info, seed=number)
            num_steps = outcome.result.num_steps
            candidates.append(
                Candidate(number, worker, f"w{worker}", sizes[worker], num_steps, staleness=staleness)
            )
        result = merge_updates(candidates, payloads.__getitem__, update_format, config, history)
        assert [v.reason for v in result.verdicts] == [""] * NUM_WORKERS
        history[:0] = [(c.num_steps, v.norm) for c, v in zip(candidates, result.verdicts, strict=True)]
        assert result.mean is not None
        state.apply(result.mean, result.num_images, config)


# ---------------------------------------------------------------------------------------------
# Check figures
# ---------------------------------------------------------------------------------------------

FIGURES = CheckFigures(loss_d=0.39, loss_g=1.43, norm_d=5.5, norm_g=18.4, num_images=16)


def test_another_devices_rounding_agrees() -> None:
    rounded = CheckFigures(loss_d=0.391, loss_g=1.428, norm_d=5.53, norm_g=18.36, num_images=16)
    assert check_figures_agree(FIGURES, FIGURES) and check_figures_agree(rounded, FIGURES)


@pytest.mark.parametrize("figure", ["loss_d", "loss_g", "norm_d", "norm_g"])
@pytest.mark.parametrize("factor", [1.05, 0.95, -1.0, math.nan, math.inf])
def test_one_wrong_figure_does_not_agree(figure: str, factor: float) -> None:
    wrong = dataclasses.replace(FIGURES, **{figure: getattr(FIGURES, figure) * factor})
    assert not check_figures_agree(wrong, FIGURES)


def test_figures_of_other_images_do_not_agree() -> None:
    assert not check_figures_agree(dataclasses.replace(FIGURES, num_images=8), FIGURES)


def test_figures_tell_the_weights_of_one_unit_later_apart() -> None:
    config = RunConfig(feature_maps=8)
    drawn = np.stack([draw_face(index, 32) for index in range(160)])
    faces = torch.from_numpy(drawn).permute(0, 3, 1, 2).contiguous()
    gan = build_gan(config)
    before = check_figures(gan, faces[:16], seed=1, config=config)
    trainer = UnitTrainer(build_gan(config), config, device=torch.device("cpu"), micro_batch=16)
    update = trainer.run_unit(faces, seed=2).update
    weights = OuterState.fresh(config).weights
    load_tensors(gan, {name: weights[name] + update[name] for name in weights})
    assert not check_figures_agree(check_figures(gan, faces[:16], seed=1, config=config), before)
