"""The sliced Wasserstein distance orders images as eyes do; grids and samples hold what they must."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from gan_desktop.records import RunConfig
from gan_desktop.training.faces import draw_face
from gan_desktop.training.networks import build_gan
from gan_desktop.training.quality import (
    draw_samples,
    fixed_noise,
    grid_png,
    real_floor,
    sliced_wasserstein,
)

NUM_FACES = 128


def faces(first: int, count: int, size: int = 32) -> torch.Tensor:
    drawn = np.stack([draw_face(index, size) for index in range(first, first + count)])
    return torch.from_numpy(drawn).permute(0, 3, 1, 2).contiguous()


def blurred(images: torch.Tensor, sigma: float) -> torch.Tensor:
    """A Gaussian blur, one axis after the other."""
    radius = math.ceil(3 * sigma)
    weights = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    row = (weights / weights.sum()).view(1, 1, 1, -1).expand(3, 1, 1, -1)
    padded = F.pad(images.float(), (radius, radius, radius, radius), mode="reflect")
    return clipped(F.conv2d(F.conv2d(padded, row, groups=3), row.transpose(2, 3), groups=3))


def clipped(images: torch.Tensor) -> torch.Tensor:
    return images.round().clamp(0, 255).to(torch.uint8)


@pytest.fixture(scope="module")
def some_faces() -> torch.Tensor:
    return faces(0, NUM_FACES)


@pytest.fixture(scope="module")
def other_faces() -> torch.Tensor:
    return faces(NUM_FACES, NUM_FACES)


def test_a_set_is_at_distance_zero_from_itself_in_any_order(some_faces: torch.Tensor) -> None:
    shuffled = some_faces[torch.randperm(NUM_FACES, generator=torch.Generator().manual_seed(1))]
    assert sliced_wasserstein(some_faces, some_faces) == 0
    assert sliced_wasserstein(some_faces, shuffled) == 0


def test_the_order_of_generated_images_does_not_matter(
    some_faces: torch.Tensor, other_faces: torch.Tensor
) -> None:
    shuffled = some_faces[torch.randperm(NUM_FACES, generator=torch.Generator().manual_seed(1))]
    expected = sliced_wasserstein(some_faces, other_faces)
    assert sliced_wasserstein(shuffled, other_faces) == pytest.approx(expected, rel=1e-4)


def test_the_distance_is_symmetric_and_repeats_to_the_last_bit(
    some_faces: torch.Tensor, other_faces: torch.Tensor
) -> None:
    soft = blurred(some_faces, 1.0)
    distance = sliced_wasserstein(soft, other_faces, seed=3)
    assert sliced_wasserstein(soft, other_faces, seed=3) == distance
    assert sliced_wasserstein(other_faces, soft, seed=3) == pytest.approx(distance, rel=1e-4)
    assert sliced_wasserstein(soft, other_faces, seed=4) != distance


def test_real_against_real_is_near_and_noise_and_grey_are_far(
    some_faces: torch.Tensor, other_faces: torch.Tensor
) -> None:
    floor = real_floor(torch.cat([some_faces, other_faces]))
    random = torch.Generator().manual_seed(1)
    noise = torch.randint(0, 256, some_faces.shape, generator=random, dtype=torch.uint8)
    grey = torch.full_like(some_faces, 128)
    assert 0 < floor < 60
    assert sliced_wasserstein(noise, some_faces) > 10 * floor
    assert sliced_wasserstein(grey, some_faces) > 10 * floor
    assert sliced_wasserstein(grey, grey) == 0


def test_a_floor_of_more_images_is_lower(some_faces: torch.Tensor, other_faces: torch.Tensor) -> None:
    assert real_floor(torch.cat([some_faces, other_faces])) < real_floor(some_faces[:32])


@pytest.mark.parametrize("fault", ["blur", "noise", "contrast", "tint", "shift"])
def test_the_distance_grows_with_every_fault_of_the_pictures(
    fault: str, some_faces: torch.Tensor, other_faces: torch.Tensor
) -> None:
    random = torch.randn(some_faces.shape, generator=torch.Generator().manual_seed(1))
    warm = torch.tensor([1.0, 0.0, -1.0])[:, None, None]

    def spoil(degree: int) -> torch.Tensor:
        images = some_faces.float()
        if fault == "blur":
            return blurred(some_faces, 0.5 * degree)
        if fault == "noise":
            return clipped(images + random * 8 * degree)
        if fault == "contrast":
            return clipped(128 + (images - 128) * (1 - 0.2 * degree))
        if fault == "tint":
            return clipped(images + warm * 16 * degree)
        return torch.roll(some_faces, 3 * degree, dims=-1)

    perfect = sliced_wasserstein(some_faces, other_faces)
    distances = [sliced_wasserstein(spoil(degree), other_faces) for degree in (1, 2, 3, 4)]
    assert perfect < distances[0]
    assert distances == sorted(distances)


def test_a_set_that_repeats_one_face_is_far(some_faces: torch.Tensor, other_faces: torch.Tensor) -> None:
    collapsed = some_faces[:1].expand_as(some_faces)
    assert sliced_wasserstein(collapsed, other_faces) > 4 * sliced_wasserstein(some_faces, other_faces)


def test_the_longer_set_is_cut(some_faces: torch.Tensor, other_faces: torch.Tensor) -> None:
    cut = sliced_wasserstein(some_faces[:50], other_faces[:50])
    assert sliced_wasserstein(some_faces, other_faces[:50]) == cut


@pytest.mark.parametrize("size", [16, 64, 128])
def test_every_image_size_is_measured(size: int) -> None:
    real, other = faces(0, 40, size), faces(40, 40, size)
    soft = blurred(real, size / 16)
    assert 0 < sliced_wasserstein(real, other) < 0.5 * sliced_wasserstein(soft, other)


def test_images_without_colour_are_measured(some_faces: torch.Tensor, other_faces: torch.Tensor) -> None:
    grey, other_grey = (
        clipped(images.float().mean(dim=1, keepdim=True)).expand(-1, 3, -1, -1)
        for images in (some_faces, other_faces)
    )
    near = sliced_wasserstein(grey, other_grey)
    assert 0 < near < 0.5 * sliced_wasserstein(grey, other_faces)


def test_sets_that_cannot_be_compared_are_refused(some_faces: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="one size"):
        sliced_wasserstein(some_faces, faces(0, 2, 64))
    with pytest.raises(ValueError, match="need images"):
        sliced_wasserstein(some_faces, some_faces[:0])


def test_samples_do_not_depend_on_the_batch_and_leave_the_generator_as_it_was() -> None:
    config = RunConfig(feature_maps=8)
    generator = build_gan(config).generator.train()
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    z = fixed_noise(config, 10)
    images = draw_samples(generator, z, batch=4)
    assert images.dtype == torch.uint8
    assert images.shape == (10, 3, 32, 32)
    # One grey step of difference: batched convolutions may round differently.
    assert (images.int() - draw_samples(generator, z, batch=10).int()).abs().max() <= 1
    assert generator.training
    assert all(torch.equal(before[name], tensor) for name, tensor in generator.state_dict().items())


def test_fixed_noise_is_the_same_for_ever_and_begins_alike() -> None:
    config = RunConfig(seed=5)
    assert torch.equal(fixed_noise(config, 64)[:16], fixed_noise(config, 16))
    assert not torch.equal(fixed_noise(RunConfig(seed=6), 16), fixed_noise(config, 16))


def test_a_grid_is_a_png_with_the_images_in_rows(some_faces: torch.Tensor) -> None:
    picture = Image.open(io.BytesIO(grid_png(some_faces[:8], columns=4)))
    assert picture.format == "PNG"
    assert picture.size == (4 * 34 + 2, 2 * 34 + 2)
    fifth = np.asarray(picture)[36:68, 2:34]
    assert np.array_equal(fifth, some_faces[4].permute(1, 2, 0).numpy())
