"""The order of an epoch: every image once, the same order everywhere."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_desktop.errors import ImageSetError
from gan_desktop.records import ShardRange
from gan_desktop.training.epoch import shard_permutation, unit_positions


@st.composite
def dealt_epochs(draw: st.DrawFn) -> tuple[dict[int, int], list[list[ShardRange]]]:
    """Shards of any size, each cut anywhere into ranges, dealt to units in any order."""
    sizes = draw(st.dictionaries(st.integers(1, 10**6), st.integers(1, 300), min_size=1, max_size=4))
    ranges = []
    for shard_id, size in sizes.items():
        cuts = sorted({0, size} | draw(st.sets(st.integers(0, size), max_size=6)))
        ranges += [
            ShardRange(shard_id, epoch=3, first=first, count=last - first) for first, last in pairwise(cuts)
        ]
    dealt = draw(st.permutations(ranges))
    size = draw(st.integers(1, len(dealt)))
    return sizes, [dealt[first : first + size] for first in range(0, len(dealt), size)]


@given(dealt_epochs(), st.integers(-(2**63), 2**63 - 1))
@settings(max_examples=100, deadline=None)
def test_each_image_comes_exactly_once_in_an_epoch(
    epoch: tuple[dict[int, int], list[list[ShardRange]]], run_seed: int
) -> None:
    sizes, units = epoch
    seen: dict[int, list[int]] = {shard_id: [] for shard_id in sizes}
    for ranges in units:
        for shard_id, indices in unit_positions(ranges, run_seed, sizes):
            seen[shard_id] += indices.tolist()
    assert {shard_id: sorted(indices) for shard_id, indices in seen.items()} == {
        shard_id: list(range(size)) for shard_id, size in sizes.items()
    }


def test_the_order_never_changes_between_versions_and_computers() -> None:
    assert shard_permutation(1, 0, 1, 10).tolist() == [6, 8, 0, 4, 9, 5, 1, 2, 7, 3]
    assert shard_permutation(-7, 12, 345, 2048)[:6].tolist() == [1127, 1231, 387, 1699, 1482, 2009]


def test_positions_are_int64_on_every_system() -> None:
    assert shard_permutation(1, 0, 1, 10).dtype == np.int64


@pytest.mark.parametrize(("run_seed", "epoch", "shard_id"), [(2, 0, 1), (1, 1, 1), (1, 0, 2), (1, 12, 3)])
def test_runs_epochs_and_shards_have_orders_of_their_own(run_seed: int, epoch: int, shard_id: int) -> None:
    usual = shard_permutation(1, 0, 1, 2048)
    # Two independent permutations agree at one place on average, whatever their length.
    assert (usual == shard_permutation(run_seed, epoch, shard_id, 2048)).sum() < 10


def test_the_order_does_not_disturb_the_global_random_state() -> None:
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    shard_permutation(1, 0, 1, 100)
    assert np.random.random() == expected


@pytest.mark.parametrize(
    "part",
    [
        ShardRange(shard_id=1, epoch=0, first=95, count=6),
        ShardRange(shard_id=1, epoch=0, first=-1, count=5),
        ShardRange(shard_id=1, epoch=0, first=5, count=-2),
        ShardRange(shard_id=2, epoch=0, first=0, count=1),
    ],
)
def test_a_range_outside_its_shard_is_an_error(part: ShardRange) -> None:
    with pytest.raises(ImageSetError, match=f"shard {part.shard_id}"):
        unit_positions([part], 1, {1: 100})
