"""What a training will take, against figures worked out by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from gan_desktop.class_admin.estimates import (
    FACES_MEASURED,
    PRESETS,
    SHARE_AT_WORK,
    Crowd,
    Estimate,
    PayloadSizes,
    count_on,
    crowd_sentence,
    estimate,
    faces_sentence,
    longer_units,
    multiplications,
    payload_sizes,
    relative_speed,
    steps_sentence,
    traffic_sentence,
)
from gan_desktop.database.statistics import WorkerSummary
from gan_desktop.records import RunConfig

SMALL = RunConfig()
LARGE = RunConfig(image_size=64, feature_maps=64)
LAPTOPS = Crowd(30, 8.0, LARGE)
# Worked out in `test_payloads_have_the_bytes_that_their_shapes_say`.
LARGE_SIZES = PayloadSizes(down=12_719_104, up=6_392_872, average=3_602_848, state=39_698_432)


def large(**changes: object) -> Estimate:
    return estimate(replace(LARGE, **changes), LARGE_SIZES, LAPTOPS)  # type: ignore[arg-type]


# -- bytes ---------------------------------------------------------------------------------------


def test_payloads_have_the_bytes_that_their_shapes_say() -> None:
    # Tensors of 4,096 values and more, then the smaller ones (which stay fp32 in every coding).
    g_large = 100 * 512 * 16 + 512 * 256 * 16 + 256 * 128 * 16 + 128 * 64 * 16
    g_small = 64 * 3 * 16 + 4 * (512 + 256 + 128 + 64)
    d_large = 64 * 128 * 16 + 128 * 256 * 16 + 256 * 512 * 16 + 512 * 16
    d_small = 3 * 64 * 16 + 4 * (128 + 256 + 512)
    g_blocks, d_blocks = g_large // 4_096, d_large // 4_096
    assert payload_sizes(LARGE) == PayloadSizes(
        down=2 * (g_large + d_large) + 4 * (g_small + d_small),
        up=g_large + d_large + 4 * (g_blocks + d_blocks + g_small + d_small),
        average=g_large + 4 * (g_blocks + g_small),
        state=4 * (2 * (g_large + g_small) + d_large + d_small),
    )
    assert payload_sizes(LARGE) == LARGE_SIZES


def test_bytes_per_image_are_those_that_were_measured_at_the_sockets() -> None:
    # docs/benchmarks.md: 3.13 up and 6.21 down with units of 2,048 images.
    assert LARGE_SIZES.up / 2_048 / 1e3 == pytest.approx(3.13, abs=0.01)
    assert LARGE_SIZES.down / 2_048 / 1e3 == pytest.approx(6.21, abs=0.01)


def test_in_gradient_mode_the_state_has_adams_moments_too() -> None:
    local, gradient = payload_sizes(SMALL).state, payload_sizes(replace(SMALL, mode="gradient")).state
    g = 100 * 128 * 16 + 128 * 64 * 16 + 64 * 32 * 16 + 32 * 3 * 16 + 2 * (128 + 64 + 32)
    d = 3 * 32 * 16 + 32 * 64 * 16 + 64 * 128 * 16 + 128 * 16 + 2 * (64 + 128)
    assert gradient - local == 4 * 2 * (g + d)


# -- speed ---------------------------------------------------------------------------------------


def test_multiplications_are_counted_layer_by_layer() -> None:
    layers = 100 * 128 * 16, 128 * 64 * 16 * 4**2, 64 * 32 * 16 * 8**2, 32 * 3 * 16 * 16**2
    assert multiplications(SMALL) == sum(layers)


def test_speeds_agree_with_both_that_were_measured() -> None:
    assert relative_speed(SMALL) == 1.0
    assert relative_speed(LARGE) == pytest.approx(57.7 / 793.6)
    between = relative_speed(RunConfig(image_size=64, feature_maps=32))
    assert relative_speed(LARGE) < between < relative_speed(SMALL)


def worker(name: str, speed: float, *, is_withdrawn: bool = False) -> WorkerSummary:
    return WorkerSummary(
        name, name, name, None, None, "computing", {}, 1, 1, speed, None, None, None, 1.0, is_withdrawn
    )


def test_the_classs_own_computers_count_as_they_were_measured() -> None:
    workers = [worker("a", 100.0), worker("b", 50.0), worker("c", 0.0), worker("d", 999.0, is_withdrawn=True)]
    crowd = count_on(workers, SMALL)
    assert crowd == Crowd(2, 75.0, SMALL, num_measured=2)
    assert count_on(workers, SMALL, num_computers=30) == Crowd(30, 75.0, SMALL, num_measured=2)
    assert crowd.speed(SMALL) == 75.0
    assert crowd.speed(LARGE) == pytest.approx(75.0 * 57.7 / 793.6)
    assert crowd_sentence(SMALL, crowd) == "2 computers of 75 images/s, as 2 were measured here."
    assert "which was converted" in crowd_sentence(LARGE, crowd)
    alone = count_on([worker("a", 100.0)], SMALL)
    assert crowd_sentence(SMALL, alone) == "1 computer of 100 images/s, as one was measured here."
    assert "one was measured here with" in crowd_sentence(LARGE, alone)


def test_before_anybody_has_computed_the_assumption_is_said_aloud() -> None:
    crowd = count_on([worker("a", 0.0)], SMALL)
    assert crowd.num_measured == 0
    assert crowd_sentence(LARGE, crowd) == (
        "Assumed: 30 laptops of 8 images/s. Nobody has computed here yet."
    )


# -- the estimate ----------------------------------------------------------------------------------


def test_a_unit_has_the_size_that_the_class_cuts() -> None:
    # 8 images/s for 60 s are 480, which is 30 whole steps of 16.
    usual = large()
    assert (usual.unit_images, usual.unit_steps) == (480, 30)
    assert usual.unit_seconds == pytest.approx(60 / SHARE_AT_WORK)
    assert large(unit_seconds=10).unit_images == 256
    assert large(unit_seconds=3_600, max_unit_images=1_000).unit_images == 992


def test_traffic_is_weights_and_update_of_everybody_for_each_unit() -> None:
    assert large().mbit_s == pytest.approx(30 * 8 * (12_719_104 + 6_392_872) / 60 / 1e6)
    assert large(unit_seconds=120).mbit_s == pytest.approx(large().mbit_s / 2)


def test_the_time_to_faces_is_that_of_the_images_each_computer_needed() -> None:
    # 25,600 images are 53.3 units of 480: faces come with the 54th.
    assert large().faces_seconds == pytest.approx(54 * 60 / 0.85)
    alone = estimate(LARGE, LARGE_SIZES, replace(LAPTOPS, num_computers=1))
    assert alone.faces_seconds == pytest.approx(84 * 60 / 0.85)
    # Three are more than one, but fewer than the four that were measured.
    three = estimate(LARGE, LARGE_SIZES, replace(LAPTOPS, num_computers=3))
    assert three.images_each == 40_000
    assert large().total_seconds == pytest.approx(400 * 60 / 0.85)
    assert not large().ends_before_faces
    assert large(target_iterations=20).ends_before_faces


def test_the_measured_images_stand_in_the_table_that_is_named() -> None:
    table = (Path(__file__).parents[2] / "docs" / "benchmarks-networks.md").read_text("utf-8")
    rows = re.findall(r"^\| (dcgan(?:-sn)?) \| (\d) \| ([\d,]+) \| (\d+) \| (\d+) \|", table, re.MULTILINE)
    known = set()
    for network, computers, images, at_half, at_end in rows:
        in_all = int(images.replace(",", ""))
        known.add((network, int(computers), in_all // int(computers), int(at_end)))
        known.add((network, int(computers), in_all // 2 // int(computers), int(at_half)))
    for network, measured in FACES_MEASURED.items():
        for each in measured:
            assert (network, each.num_computers, each.images_each, each.distance) in known


def test_storage_is_what_waits_what_is_kept_and_what_is_drawn() -> None:
    usual = large()
    assert usual.updates_mb == pytest.approx(2 * 30 * 6.392872)
    assert usual.checkpoints_mb == pytest.approx(17 * (12.719104 + 3.602848))
    assert usual.working_mb == pytest.approx(3 * (12.719104 + 3.602848) + 2 * 39.698432)
    # Of 400 the newest 50, the first 32, and 16 of each of 3.6 doublings; raw pixels at most.
    assert usual.samples_mb == pytest.approx((50 + 32 + 58) * 64 * 3 * 64 * 64 / 1e6)
    assert usual.storage_mb == pytest.approx(
        usual.updates_mb + usual.checkpoints_mb + usual.working_mb + usual.samples_mb
    )
    assert large(target_iterations=20).samples_mb == pytest.approx(20 * 64 * 3 * 64 * 64 / 1e6)


# -- in words --------------------------------------------------------------------------------------


def test_a_network_that_is_too_slow_is_named_with_what_to_choose() -> None:
    usual = large()
    assert traffic_sentence(LARGE, usual, 30, 14.0) == (
        "Needs about 76 Mbit/s for 30 students; measured here: 14. Choose 32x32 or units of 330 s."
    )
    assert traffic_sentence(LARGE, usual, 30, None) == (
        "Needs about 76 Mbit/s for 30 students; not measured here yet."
    )
    assert traffic_sentence(LARGE, usual, 30, 100.0) == (
        "Needs about 76 Mbit/s for 30 students; measured here: 100."
    )
    assert "; your network carries: 100." in traffic_sentence(LARGE, usual, 30, 100.0, is_measured=False)


def test_the_longer_units_that_are_advised_fit() -> None:
    seconds = longer_units(LARGE, large(), 14.0)
    assert large(unit_seconds=seconds, max_unit_images=100_000).mbit_s <= 14.0


def test_what_was_not_measured_is_said() -> None:
    assert faces_sentence(LARGE, large(), LAPTOPS) == (
        "Drawn faces of 32x32 pixels could be recognised when each of 4 computers had learned from 25,600"
        " images: so it was measured. Larger pictures, and photographs, take longer: that was not measured."
    )
    unknown = replace(LARGE, network="something-new")
    strange = estimate(unknown, LARGE_SIZES, LAPTOPS)
    assert strange.faces_seconds is None
    assert not strange.ends_before_faces
    assert faces_sentence(unknown, strange, LAPTOPS).endswith("was not measured.")


def test_units_of_a_few_steps_are_warned_of() -> None:
    assert "only 30 steps" in steps_sentence(large())
    assert steps_sentence(large(unit_seconds=120)) == ""


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.key)
@pytest.mark.parametrize("size", [32, 64, 128])
def test_a_preset_is_a_training_that_ends_with_faces(preset: object, size: int) -> None:
    assert preset in PRESETS
    [chosen] = [each for each in PRESETS if each is preset]
    config = chosen.for_pictures(size)
    assert config.image_size == size
    assert config.feature_maps == (64 if chosen.key == "overnight" and size > 32 else 32)
    if size == 32:
        estimated = estimate(config, payload_sizes(config), Crowd())
        assert not estimated.ends_before_faces
        assert steps_sentence(estimated) == ""
