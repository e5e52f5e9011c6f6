"""Many updates become one mean: the weights are fair, the mean is right, bad updates stay outside."""

from __future__ import annotations

import dataclasses
import tracemalloc
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gan_desktop.records import Codec, RunConfig
from gan_desktop.training.merge import Candidate, MergeResult, UpdateFormat, merge_updates, merge_weights
from gan_desktop.training.networks import Tensors
from gan_desktop.training.payload import PayloadInfo, encode

CONFIG = RunConfig(feature_maps=4, latent_size=8, codec_up="fp32")
FORMAT = UpdateFormat.of(CONFIG)


def candidate(update_id: int, **changes: int | bool) -> Candidate:
    plain = Candidate(
        update_id, account_id=update_id, worker_id=f"w{update_id}", num_images=320, num_steps=20
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def some_update(seed: int, size: float = 1e-3) -> Tensors:
    random = torch.Generator().manual_seed(seed)
    common = torch.Generator().manual_seed(0)
    return {
        # Like real ones: a common direction, and each its own noise.
        name: size * (torch.randn(shape, generator=common) + torch.randn(shape, generator=random))
        for name, shape in FORMAT.shapes.items()
    }


def packed(update: Tensors, codec: Codec = "fp32", **changes: str) -> bytes:
    info = PayloadInfo("weight_change", run_id=1, iteration=0, codec=codec, network=FORMAT.network)
    return encode(update, dataclasses.replace(info, **changes), seed=0)  # type: ignore[arg-type]


def merged(candidates: list[Candidate], payloads: dict[int, bytes]) -> MergeResult:
    return merge_updates(candidates, payloads.__getitem__, FORMAT, CONFIG)


# ---------------------------------------------------------------------------------------------
# Weights
# ---------------------------------------------------------------------------------------------

rounds = st.lists(
    st.tuples(st.integers(1, 6), st.integers(1, 20_000), st.integers(0, 3)), min_size=1, max_size=24
).map(
    lambda rows: [
        candidate(number, account_id=account, num_images=images, staleness=staleness)
        for number, (account, images, staleness) in enumerate(rows)
    ]
)


def account_shares(candidates: list[Candidate]) -> Counter[int]:
    shares: Counter[int] = Counter()
    for update_id, weight in merge_weights(candidates).items():
        shares[candidates[update_id].account_id] += weight  # type: ignore[assignment]
    return shares


@given(rounds)
def test_weights_are_positive_and_sum_to_one(candidates: list[Candidate]) -> None:
    weights = merge_weights(candidates)
    assert set(weights) == {c.update_id for c in candidates}
    assert all(weight > 0 for weight in weights.values())
    assert sum(weights.values()) == pytest.approx(1, abs=1e-12)


@given(rounds)
def test_no_account_of_three_or_more_weighs_above_a_third(candidates: list[Candidate]) -> None:
    shares = account_shares(candidates)
    if len(shares) >= 3:
        assert max(shares.values()) <= 1 / 3 + 1e-12


@given(rounds, st.randoms(use_true_random=False))
def test_the_order_of_candidates_does_not_matter(candidates: list[Candidate], random: st.DataObject) -> None:
    shuffled = list(candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert merge_weights(shuffled) == merge_weights(candidates)


@given(rounds)
def test_below_the_cap_weights_stand_in_proportion(candidates: list[Candidate]) -> None:
    weights, shares = merge_weights(candidates), account_shares(candidates)
    capped = {account for account, share in shares.items() if len(shares) >= 3 and share >= 1 / 3 - 1e-9}
    rates = [
        weights[c.update_id] * (1 + c.staleness) / c.num_images
        for c in candidates
        if c.account_id not in capped
    ]
    assert not rates or max(rates) == pytest.approx(min(rates), rel=1e-9)


@given(rounds)
def test_the_updates_of_one_account_share_in_proportion(candidates: list[Candidate]) -> None:
    weights = merge_weights(candidates)
    for account in {c.account_id for c in candidates}:
        own = [c for c in candidates if c.account_id == account]
        rates = [weights[c.update_id] * (1 + c.staleness) / c.num_images for c in own]
        assert max(rates) == pytest.approx(min(rates), rel=1e-9)


def test_two_accounts_are_not_capped() -> None:
    assert merge_weights([candidate(1, num_images=900), candidate(2, num_images=100)]) == {1: 0.9, 2: 0.1}


def test_what_the_cap_cuts_off_goes_to_the_others_in_proportion() -> None:
    images = {1: 800, 2: 100, 3: 60, 4: 40}
    weights = merge_weights([candidate(number, num_images=count) for number, count in images.items()])
    assert weights == pytest.approx({1: 1 / 3, 2: 1 / 3, 3: 1 / 5, 4: 2 / 15})


def test_a_late_update_weighs_less() -> None:
    weights = merge_weights([candidate(1), candidate(2, staleness=2)])
    assert weights == pytest.approx({1: 3 / 4, 2: 1 / 4})


# ---------------------------------------------------------------------------------------------
# The mean
# ---------------------------------------------------------------------------------------------


def test_the_mean_is_the_weighted_sum_of_all_tensors() -> None:
    candidates = [candidate(number, num_images=100 * number) for number in range(1, 7)]
    updates = {c.update_id: some_update(c.update_id) for c in candidates}
    result = merged(candidates, {number: packed(update) for number, update in updates.items()})
    weights = merge_weights(candidates)
    assert result.mean is not None and set(result.mean) == set(FORMAT.shapes)
    for name, mean in result.mean.items():
        expected = sum(weights[number] * updates[number][name].double() for number in updates)
        torch.testing.assert_close(mean.double(), expected, rtol=1e-5, atol=1e-9)
    assert result.num_images == 2_100
    assert [(v.update_id, v.counted, v.weight) for v in result.verdicts] == [
        (number, True, weights[number]) for number in range(1, 7)
    ]


def test_the_order_of_candidates_leaves_the_mean_bit_for_bit_alike() -> None:
    candidates = [candidate(number) for number in range(1, 6)]
    payloads = {number: packed(some_update(number), "int8") for number in range(1, 6)}
    forwards, backwards = merged(candidates, payloads), merged(candidates[::-1], payloads)
    assert forwards.mean is not None and backwards.mean is not None
    assert all(torch.equal(forwards.mean[name], backwards.mean[name]) for name in FORMAT.shapes)
    assert forwards.verdicts == backwards.verdicts


def test_short_codecs_merge_to_nearly_the_same_mean() -> None:
    candidates = [candidate(number) for number in range(1, 5)]
    means = {}
    for codec in ("fp32", "fp16", "int8"):
        result = merged(candidates, {n: packed(some_update(n), codec) for n in range(1, 5)})
        assert result.mean is not None
        means[codec] = torch.cat([result.mean[name].flatten() for name in sorted(FORMAT.shapes)])
    assert (means["fp16"] - means["fp32"]).norm() < 1e-3 * means["fp32"].norm()
    assert (means["int8"] - means["fp32"]).norm() < 2e-2 * means["fp32"].norm()


def test_every_payload_is_fetched_once_when_all_count() -> None:
    fetched: Counter[int] = Counter()
    payloads = {number: packed(some_update(number)) for number in range(1, 6)}

    def fetch(update_id: int) -> bytes:
        fetched[update_id] += 1
        return payloads[update_id]

    merge_updates([candidate(number) for number in payloads], fetch, FORMAT, CONFIG)
    assert fetched == dict.fromkeys(payloads, 1)


def test_a_refused_update_leaves_the_mean_of_the_others() -> None:
    candidates = [candidate(number, num_images=100 * number) for number in range(1, 6)]
    payloads = {number: packed(some_update(number)) for number in range(1, 6)}
    broken = payloads | {3: packed(some_update(3))[:-10]}
    result = merged(candidates, broken)
    others = [c for c in candidates if c.update_id != 3]
    expected = merged(others, payloads)
    assert result.mean is not None and expected.mean is not None
    assert all(torch.equal(result.mean[name], expected.mean[name]) for name in FORMAT.shapes)
    assert result.num_images == expected.num_images == 1_200
    assert [v.counted for v in result.verdicts] == [True, True, False, True, True]
    assert sum(v.weight for v in result.verdicts) == pytest.approx(1)
    assert result.verdicts[2].is_strike and "truncated" in result.verdicts[2].reason


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "truncated"),
        (b"\x80\x04\x95 pickled", "truncated"),
        (packed(some_update(1), network="0123456789abcdef"), "another network"),
        (packed(some_update(1), kind="gradient"), "holds a gradient"),
    ],
)
def test_bytes_that_are_no_update_are_refused_with_a_reason(payload: bytes, words: str) -> None:
    result = merged([candidate(1), candidate(2)], {1: payload, 2: packed(some_update(2))})
    assert not result.verdicts[0].counted and words in result.verdicts[0].reason
    assert result.verdicts[1].counted and result.verdicts[1].weight == 1


def test_nothing_counted_gives_no_mean() -> None:
    assert merged([], {}) == MergeResult(mean=None, verdicts=(), num_images=0)
    result = merged([candidate(1)], {1: b"nonsense"})
    assert result.mean is None and result.num_images == 0


def test_a_unit_that_was_stopped_early_is_refused_without_a_strike() -> None:
    nothing = {name: torch.zeros(shape) for name, shape in FORMAT.shapes.items()}
    payloads = {1: packed(nothing), 2: packed(some_update(2))}
    result = merged([candidate(1, stopped_early=True), candidate(2)], payloads)
    assert not result.verdicts[0].counted and not result.verdicts[0].is_strike


def test_damaged_bytes_are_a_strike_however_early_the_unit_was_stopped() -> None:
    result = merged([candidate(1, stopped_early=True), candidate(2)], {1: b"", 2: packed(some_update(2))})
    assert not result.verdicts[0].counted and result.verdicts[0].is_strike


def test_memory_does_not_grow_with_the_number_of_updates() -> None:
    config = RunConfig(feature_maps=16)
    update_format = UpdateFormat.of(config)
    ones = {name: torch.full(shape, 1e-4) for name, shape in update_format.shapes.items()}
    payload = packed(ones, network=update_format.network)

    def peak(count: int) -> int:
        # Decoded fp32 tensors lie in Python's own byte arrays, which tracemalloc sees.
        candidates = [candidate(number, account_id=1) for number in range(count)]
        tracemalloc.start()
        merge_updates(candidates, lambda _: payload[:100] + payload[100:], update_format, config)
        _, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return highest

    # The next update is fetched meanwhile: one more or less may be here at the peak.
    assert peak(30) < peak(3) + 2 * len(payload)
