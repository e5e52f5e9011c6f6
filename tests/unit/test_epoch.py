"""The order of an epoch: every image once, the same order everywhere."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_desktop.errors import ImageSetError
from gan_desktop.records import ShardRange
from gan_desktop.training.epoch import epoch_units, shard_permutation, unit_positions


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


# -- an epoch without a database ------------------------------------------------------------------


@given(
    sizes=st.dictionaries(st.integers(0, 50), st.integers(1, 200), min_size=1, max_size=5),
    unit_images=st.integers(2, 150),
    first=st.integers(0, 300),
)
def test_units_of_an_epoch_use_every_image_once_wherever_one_goes_on(
    sizes: dict[int, int], unit_images: int, first: int
) -> None:
    total = sum(sizes.values())
    first = min(first, total)
    whole = images_of(epoch_units(7, 3, sizes, unit_images), sizes)
    rest = epoch_units(7, 3, sizes, unit_images, first=first)
    assert sorted(whole) == [(shard, index) for shard in sorted(sizes) for index in range(sizes[shard])]
    assert images_of(rest, sizes) == whole[first:]


def test_units_have_about_the_wanted_size_and_cuts_do_not_move() -> None:
    sizes = {0: 700, 1: 700, 2: 300}
    counts = [sum(part.count for part in unit) for unit in epoch_units(7, 0, sizes, 256)]
    assert counts == [256] * 6 + [164]
    going_on = [sum(part.count for part in unit) for unit in epoch_units(7, 0, sizes, 256, first=600)]
    assert going_on == [168, *counts[3:]]
    assert [sum(p.count for p in unit) for unit in epoch_units(7, 0, {0: 300}, 256)] == [300]
    assert epoch_units(7, 0, sizes, 256, first=1_700) == []


def test_shards_come_in_another_order_each_epoch() -> None:
    sizes = dict.fromkeys(range(20), 10)
    orders = [
        [part.shard_id for unit in epoch_units(7, epoch, sizes, 10) for part in unit] for epoch in (0, 1)
    ]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(sizes)
    assert orders[0] != orders[1]


def images_of(units: list[tuple[ShardRange, ...]], sizes: dict[int, int]) -> list[tuple[int, int]]:
    """The images of units in their order, as shard and index."""
    return [
        (shard_id, int(index))
        for unit in units
        for shard_id, indices in unit_positions(unit, 7, sizes)
        for index in indices
    ]
