"""Faces from latent vectors: the same for ever, even walks, directions that move something."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan_desktop.records import RunConfig
from gan_desktop.training.drawing import (
    draw,
    latents,
    load_generator,
    move,
    principal_directions,
    random_directions,
    slerp,
    walk,
)
from gan_desktop.training.networks import Generator, build_gan, generator_shapes, state_tensors

CONFIG = RunConfig(feature_maps=8, latent_size=12)


@pytest.fixture(scope="module")
def generator() -> Generator:
    tensors = state_tensors(build_gan(CONFIG))
    ema = {name: tensors[name] for name in generator_shapes(CONFIG)}
    # First weights draw nearly grey pictures; louder ones show what depends on what.
    ema["generator.layers.9.weight"] *= 30
    return load_generator(CONFIG, ema)


# -- pictures ------------------------------------------------------------------------------------


def test_pictures_are_rows_of_pixels_and_the_generator_stays_as_it_was(generator: Generator) -> None:
    before = {name: tensor.clone() for name, tensor in generator.state_dict().items()}
    z = latents(5, 12, seed=1)
    pictures = draw(generator, z)
    assert pictures.shape == (5, 32, 32, 3)
    assert pictures.dtype == np.uint8
    assert pictures.flags.c_contiguous
    assert len({picture.tobytes() for picture in pictures}) == 5
    assert np.array_equal(draw(generator, z.numpy()), pictures)
    assert np.array_equal(draw(generator, z.double().numpy()), pictures)
    assert all(torch.equal(before[name], tensor) for name, tensor in generator.state_dict().items())
    assert not generator.training


def test_a_picture_depends_on_its_own_row_alone(generator: Generator) -> None:
    z = latents(6, 12, seed=1)
    alone = draw(generator, z[4:5]).astype(int)
    assert np.abs(draw(generator, z)[4:5] - alone).max() <= 1


def test_no_rows_give_no_pictures(generator: Generator) -> None:
    assert draw(generator, latents(0, 12, seed=1)).shape == (0, 32, 32, 3)


def test_tensors_of_another_network_are_no_generator() -> None:
    with pytest.raises(ValueError, match="neither"):
        load_generator(CONFIG, {"generator.layers.0.weight": torch.ones(1)})


# -- latent vectors ------------------------------------------------------------------------------


def test_a_face_is_the_same_however_many_are_drawn() -> None:
    many = latents(40, 12, seed="ana")
    assert all(torch.equal(latents(count, 12, seed="ana"), many[:count]) for count in range(1, 40))


def test_words_and_numbers_are_seeds_and_a_number_is_its_word() -> None:
    assert torch.equal(latents(3, 100, seed=7), latents(3, 100, seed="7"))
    assert not torch.equal(latents(3, 100, seed="ana"), latents(3, 100, seed="ben"))


def test_latents_are_normally_distributed() -> None:
    z = latents(500, 100, seed=1)
    assert z.mean().item() == pytest.approx(0, abs=0.02)
    assert z.std().item() == pytest.approx(1, abs=0.02)
    assert torch.corrcoef(z.T).fill_diagonal_(0).abs().max() < 0.25


def test_slerp_goes_from_start_to_end_without_becoming_short() -> None:
    start, end = latents(2, 100, seed=1)
    torch.testing.assert_close(slerp(start, end, 0), start)
    torch.testing.assert_close(slerp(start, end, 1), end)
    middle = slerp(start, end, 0.5)
    assert middle.norm() > 0.95 * min(start.norm(), end.norm())
    assert torch.lerp(start, end, 0.5).norm() < 0.8 * min(start.norm(), end.norm())
    torch.testing.assert_close(torch.dot(middle, start), torch.dot(middle, end), rtol=0.2, atol=5)


@pytest.mark.parametrize("factor", [1.0, 2.0, -1.0, 0.0])
def test_slerp_between_parallel_vectors_is_finite(factor: float) -> None:
    start = latents(1, 100, seed=1)[0]
    for share in (0.0, 0.25, 0.5, 1.0):
        assert slerp(start, factor * start, share).isfinite().all()
    torch.testing.assert_close(slerp(start, factor * start, 1), factor * start)


def test_a_walk_passes_every_stop_evenly_and_closes() -> None:
    stops = latents(3, 100, seed=1)
    frames = walk(stops, 12)
    assert frames.shape == (12, 100)
    for number, stop in enumerate(stops):
        torch.testing.assert_close(frames[4 * number], stop)
    steps = (torch.cat([frames, frames[:1]]).diff(dim=0)).norm(dim=1)
    assert steps.max() < 1.3 * steps.min()


def test_a_walk_of_one_stop_stands_still_and_frames_need_not_divide() -> None:
    stops = latents(3, 100, seed=1)
    torch.testing.assert_close(walk(stops[:1], 4), stops[:1].expand(4, -1))
    assert walk(stops, 7).shape == (7, 100)
    assert walk(stops, 7).isfinite().all()


# -- directions ----------------------------------------------------------------------------------


def test_random_directions_are_seeded_and_at_right_angles() -> None:
    directions = random_directions(5, 12, seed="ana")
    torch.testing.assert_close(directions @ directions.T, torch.eye(5), atol=1e-5, rtol=0)
    assert torch.equal(random_directions(5, 12, seed="ana"), directions)
    assert random_directions(20, 12, seed=1).shape == (20, 12)
    torch.testing.assert_close(random_directions(20, 12, seed=1).norm(dim=1), torch.ones(20))
    assert random_directions(0, 12, seed=1).shape == (0, 12)


def test_principal_directions_move_the_faces_more_than_random_ones(generator: Generator) -> None:
    directions = principal_directions(generator, 12)
    torch.testing.assert_close(directions @ directions.T, torch.eye(12), atol=1e-5, rtol=0)
    # What they maximise: the change of the first feature maps, weakest last.
    with torch.no_grad():
        first, norm = generator.layers[0], generator.layers[1]
        zero = norm(first(torch.zeros(1, 12, 1, 1)))
        effects = (norm(first(directions[:, :, None, None])) - zero).flatten(1).norm(dim=1)
        others = random_directions(12, 12, seed=1)
        usual = (norm(first(others[:, :, None, None])) - zero).flatten(1).norm(dim=1)
    assert effects.tolist() == sorted(effects.tolist(), reverse=True)
    assert effects[0] > usual.max()
    assert effects[-1] < usual.min()


def test_principal_directions_are_the_same_for_the_same_generator(generator: Generator) -> None:
    assert torch.equal(principal_directions(generator, 3), principal_directions(generator, 12)[:3])
    with pytest.raises(ValueError, match="only 12"):
        principal_directions(generator, 13)


def test_moving_changes_the_face_and_keeps_the_length(generator: Generator) -> None:
    z = latents(1, 12, seed=1)[0]
    directions = principal_directions(generator, 2)
    moved = move(z, directions, [2.0, -1.0])
    assert moved.norm().item() == pytest.approx(z.norm().item(), rel=1e-5)
    torch.testing.assert_close(move(z, directions, [0.0, 0.0]), z)
    assert not np.array_equal(draw(generator, moved[None]), draw(generator, z[None]))
    torch.testing.assert_close(move(latents(3, 12, seed=1), directions, [2.0, -1.0])[0], moved)
    with pytest.raises(ValueError, match="2 directions"):
        move(z, directions, [1.0])


def test_moving_from_the_middle_gives_a_face_of_the_usual_length() -> None:
    moved = move(torch.zeros(12), random_directions(1, 12, seed=1), [0.5])
    assert moved.norm().item() == pytest.approx(12**0.5, rel=1e-5)
