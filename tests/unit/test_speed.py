from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from gan_desktop.records import RunConfig
from gan_desktop.training import speed
from gan_desktop.training.device import Device, choose_device
from gan_desktop.training.speed import candidate_threads, measure_speed
from gan_desktop.worker.ready_check import ready_check

TINY = RunConfig(feature_maps=4, latent_size=8, unit_seconds=60.0)
CPU = choose_device("cpu")


@pytest.fixture(autouse=True)
def threads_restored() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("cores", "wanted", "candidates"),
    [(1, None, (1,)), (2, None, (1,)), (4, None, (1, 2, 3)), (16, None, (1, 8, 15)), (16, 5, (5,))],
)
def test_one_half_of_the_cores_and_all_but_one_are_tried(
    monkeypatch: pytest.MonkeyPatch, cores: int, wanted: int | None, candidates: tuple[int, ...]
) -> None:
    monkeypatch.setattr(speed, "num_cores", lambda: cores)
    assert candidate_threads(CPU, wanted) == candidates


def test_beside_a_card_no_numbers_of_threads_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "num_cores", lambda: 8)
    assert candidate_threads(Device(torch.device("cuda:0"), "a card", ""), None) == (7,)


def test_the_fastest_number_of_threads_is_set() -> None:
    measured = measure_speed(TINY, CPU, batch_size=32, threads=(1, 2))
    assert set(measured.tried) == {1, 2}
    assert measured.num_threads == max(measured.tried, key=lambda number: measured.tried[number])
    assert torch.get_num_threads() == measured.num_threads
    assert measured.images_per_second == pytest.approx(measured.tried[measured.num_threads])


def test_a_wanted_number_of_threads_is_only_measured() -> None:
    measured = measure_speed(TINY, CPU, batch_size=32, threads=(2,))
    assert (measured.num_threads, set(measured.tried), torch.get_num_threads()) == (2, {2}, 2)


def test_units_and_megabytes_an_hour_follow_from_the_speed() -> None:
    check = ready_check(TINY, CPU, num_threads=1, num_images=10**9, num_bytes=10**12)
    assert check.device_reason and check.num_threads == 1
    assert 0 < check.memory_free_gb <= check.memory_total_gb
    unit_images = min(max(check.images_per_second * 60, TINY.min_unit_images), TINY.max_unit_images)
    assert check.units_per_hour * unit_images == pytest.approx(check.images_per_second * 3_600)
    # A picture of this data set has 1,000 bytes, and there are enough of them for an hour.
    pictures_mb = check.images_per_second * 3_600 * 1_000 / 1e6
    assert pictures_mb < check.mb_per_hour < pictures_mb + check.units_per_hour


def test_the_whole_data_set_is_fetched_once_at_most() -> None:
    small = ready_check(TINY, CPU, num_threads=1, num_images=100, num_bytes=5_000_000)
    assert 5.0 < small.mb_per_hour < 5.0 + small.units_per_hour
