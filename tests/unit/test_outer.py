"""The coordinator's state moves as it should and survives a crash to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan_desktop.errors import PayloadError
from gan_desktop.records import RunConfig
from gan_desktop.training.faces import draw_face
from gan_desktop.training.networks import (
    Gan,
    Tensors,
    build_gan,
    load_tensors,
    parameter_names,
    state_tensors,
)
from gan_desktop.training.outer import OuterState, recalibrate_batchnorm
from gan_desktop.training.quality import draw_samples, fixed_noise, sliced_wasserstein, to_uint8
from gan_desktop.training.steps import UnitTrainer

LOCAL = RunConfig(feature_maps=4, latent_size=8)
GRADIENT = RunConfig(feature_maps=4, latent_size=8, mode="gradient", learning_rate=1e-3)


def random_like(tensors: Tensors, seed: int, size: float = 1e-2) -> Tensors:
    random = torch.Generator().manual_seed(seed)
    return {name: size * torch.randn(tensors[name].shape, generator=random) for name in sorted(tensors)}


def copied(tensors: Tensors) -> Tensors:
    return {name: tensor.clone() for name, tensor in tensors.items()}


def assert_same(a: Tensors, b: Tensors) -> None:
    assert set(a) == set(b)
    assert all(torch.equal(a[name], b[name]) for name in a)


# ---------------------------------------------------------------------------------------------
# One iteration
# ---------------------------------------------------------------------------------------------


def test_a_fresh_state_holds_the_seeded_weights() -> None:
    state = OuterState.fresh(LOCAL)
    assert_same(state.weights, state_tensors(build_gan(LOCAL)))
    assert_same(
        state.ema, {name: tensor for name, tensor in state.weights.items() if name.startswith("generator.")}
    )
    assert state.iteration == 0 and state.num_images == 0


def test_local_steps_move_the_weights_along_the_mean_change() -> None:
    config = RunConfig(feature_maps=4, latent_size=8, outer_rate=0.7)
    state = OuterState.fresh(config)
    before, change = copied(state.weights), random_like(state.weights, seed=1)
    state.apply(change, 1_000, config)
    for name, tensor in state.weights.items():
        rate = 0.7 if name in state.parameters else 1.0
        torch.testing.assert_close(tensor, before[name] + rate * change[name])
    assert state.iteration == 1 and state.num_images == 1_000


def test_gradient_mode_takes_the_steps_of_torch_adam_exactly() -> None:
    state = OuterState.fresh(GRADIENT)
    gan = build_gan(GRADIENT)
    betas = (GRADIENT.beta1, GRADIENT.beta2)
    adam = torch.optim.Adam(gan.parameters(), GRADIENT.learning_rate, betas, fused=True)
    for iteration in range(5):
        update = random_like(state.weights, seed=iteration)
        for name, parameter in gan.named_parameters():
            parameter.grad = update[name].clone()
        adam.step()
        # A crash between any two iterations must not be noticeable.
        state = OuterState.from_bytes(state.to_bytes(), GRADIENT)
        state.apply(update, 320, GRADIENT)
        after = state_tensors(gan)
        assert all(torch.equal(state.weights[name], after[name]) for name in parameter_names(gan))


def test_gradient_mode_moves_the_statistics_by_their_mean_change() -> None:
    state = OuterState.fresh(GRADIENT)
    before, update = copied(state.weights), random_like(state.weights, seed=1)
    state.apply(update, 320, GRADIENT)
    statistics = set(state.weights) - state.parameters
    assert statistics
    assert all(torch.equal(state.weights[name], before[name] + update[name]) for name in statistics)


def test_after_its_half_life_an_old_generator_weighs_half_in_the_average() -> None:
    config = RunConfig(feature_maps=4, latent_size=8, ema_half_life_images=4_000)
    state = OuterState.fresh(config)
    state.num_images = 100_000
    name = next(iter(state.ema))
    old = state.ema[name].clone()
    nothing = {key: torch.zeros_like(tensor) for key, tensor in state.weights.items()}
    state.apply(nothing | {name: torch.ones_like(old)}, 1_000, config)
    for _ in range(3):
        state.apply(nothing, 1_000, config)
    torch.testing.assert_close(state.ema[name], old + 0.5)


def test_a_young_trainings_average_forgets_its_beginning_sooner() -> None:
    config = RunConfig(feature_maps=4, latent_size=8, ema_half_life_images=4_000)
    state = OuterState.fresh(config)
    state.num_images = 19_000
    name = next(iter(state.ema))
    old = state.ema[name].clone()
    nothing = {key: torch.zeros_like(tensor) for key, tensor in state.weights.items()}
    state.apply(nothing | {name: torch.ones_like(old)}, 1_000, config)
    # A tenth of the 20,000 images so far is the half-life, not 4,000: these 1,000 are half of one.
    torch.testing.assert_close(state.ema[name], old + (1 - 0.5**0.5))


def test_the_average_stays_one_when_a_large_class_merges_many_images_at_once() -> None:
    config = RunConfig(feature_maps=4, latent_size=8, ema_half_life_images=4_000)
    state = OuterState.fresh(config)
    name = next(iter(state.ema))
    old = state.ema[name].clone()
    nothing = {key: torch.zeros_like(tensor) for key, tensor in state.weights.items()}
    state.apply(nothing | {name: torch.ones_like(old)}, 100_000, config)
    torch.testing.assert_close(state.ema[name], old + (1 - 0.5**0.5))


# ---------------------------------------------------------------------------------------------
# Bytes
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [LOCAL, GRADIENT])
def test_a_restored_state_goes_on_bit_for_bit(config: RunConfig) -> None:
    state = OuterState.fresh(config)
    state.apply(random_like(state.weights, seed=1), 320, config)
    restored = OuterState.from_bytes(state.to_bytes(), config)
    assert restored.to_bytes() == state.to_bytes()
    for one in (state, restored):
        one.apply(random_like(one.weights, seed=2), 320, config)
        one.recalibrate(build_gan(config), config)
    assert_same(restored.weights, state.weights)
    assert_same(restored.ema, state.ema)
    assert (restored.iteration, restored.num_images) == (2, 640)
    assert restored.to_bytes() == state.to_bytes()


def test_damaged_or_foreign_state_is_refused() -> None:
    blob = OuterState.fresh(LOCAL).to_bytes()
    for damaged in (b"", b"\x80\x04\x95 pickled", blob[:-1], blob[:100]):
        with pytest.raises(PayloadError, match="damaged"):
            OuterState.from_bytes(damaged, LOCAL)
    wider = RunConfig(feature_maps=8, latent_size=8)
    for config in (wider, GRADIENT):
        with pytest.raises(PayloadError, match="network and mode"):
            OuterState.from_bytes(blob, config)
    broken = OuterState.fresh(LOCAL)
    next(iter(broken.weights.values())).view(-1)[0] = float("nan")
    with pytest.raises(PayloadError, match="no finite"):
        OuterState.from_bytes(broken.to_bytes(), LOCAL)


# ---------------------------------------------------------------------------------------------
# BatchNorm
# ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> torch.Tensor:
    drawn = np.stack([draw_face(index, 32) for index in range(512)])
    return torch.from_numpy(drawn).permute(0, 3, 1, 2).contiguous()


def trained(config: RunConfig, real: torch.Tensor, num_images: int) -> Gan:
    gan = build_gan(config)
    if num_images:
        trainer = UnitTrainer(gan, config, device=torch.device("cpu"), micro_batch=16)
        update = trainer.run_unit(real[:num_images], seed=1).update
        before = state_tensors(build_gan(config))
        load_tensors(gan, {name: before[name] + update[name] for name in before})
    return gan


def test_eval_mode_draws_what_train_mode_draws(real: torch.Tensor) -> None:
    config = RunConfig(feature_maps=8)
    z = fixed_noise(config, 512)
    for num_images in (0, 512):
        gan = trained(config, real, num_images)
        # What a mean of several workers' statistics can look like.
        for name, buffer in gan.generator.named_buffers():
            if name.endswith("running_var"):
                buffer.mul_(0.2)
        stale = sliced_wasserstein(draw_samples(gan.generator, z), real)
        recalibrate_batchnorm(gan.generator, config.latent_size, seed=7)
        in_eval_mode = sliced_wasserstein(draw_samples(gan.generator, z), real)
        gan.generator.train()
        with torch.no_grad():
            drawn = torch.cat([to_uint8(gan.generator(part)) for part in torch.split(z, 64)])
        in_train_mode = sliced_wasserstein(drawn, real)
        assert in_eval_mode == pytest.approx(in_train_mode, rel=0.05)
        assert stale != pytest.approx(in_train_mode, rel=0.05)


def test_recalibration_is_seeded_and_forgets_what_was_there() -> None:
    gans = [build_gan(LOCAL), build_gan(LOCAL)]
    for buffer in gans[1].generator.buffers():
        buffer.fill_(3)
    for gan in gans:
        recalibrate_batchnorm(gan.generator, LOCAL.latent_size, seed=7)
    assert_same(state_tensors(gans[0]), state_tensors(gans[1]))
    recalibrate_batchnorm(gans[1].generator, LOCAL.latent_size, seed=8)
    assert not torch.equal(
        next(buffer for buffer in gans[0].generator.buffers() if buffer.is_floating_point()),
        next(buffer for buffer in gans[1].generator.buffers() if buffer.is_floating_point()),
    )


def test_recalibration_leaves_parameters_and_momentum_alone() -> None:
    gan = build_gan(LOCAL)
    before = state_tensors(gan)
    recalibrate_batchnorm(gan.generator, LOCAL.latent_size, seed=7)
    after = state_tensors(gan)
    assert all(torch.equal(before[name], after[name]) for name in parameter_names(gan))
    norms = [module for module in gan.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert {norm.momentum for norm in norms} == {0.1}


def test_recalibrating_a_state_changes_its_generators_statistics_only() -> None:
    state = OuterState.fresh(LOCAL)
    state.apply(random_like(state.weights, seed=1), 1_000, LOCAL)
    weights, ema = copied(state.weights), copied(state.ema)
    state.recalibrate(build_gan(LOCAL), LOCAL)
    changed = {name for name in weights if not torch.equal(weights[name], state.weights[name])}
    assert changed == {name for name in state.ema if name not in state.parameters}
    assert {name for name in ema if not torch.equal(ema[name], state.ema[name])} == changed
    # The average has weights of its own, and therefore statistics of its own.
    name = sorted(changed)[0]
    assert not torch.equal(state.ema[name], state.weights[name])


def test_recalibrating_the_average_alone_leaves_the_live_weights_as_they_are() -> None:
    state = OuterState.fresh(LOCAL)
    state.apply(random_like(state.weights, seed=1), 1_000, LOCAL)
    weights, ema = copied(state.weights), copied(state.ema)
    state.recalibrate(build_gan(LOCAL), LOCAL, with_live=False)
    assert_same(weights, state.weights)
    assert any(not torch.equal(ema[name], state.ema[name]) for name in ema)
