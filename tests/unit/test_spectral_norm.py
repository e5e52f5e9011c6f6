"""dcgan-sn: the norm is right, and everybody who loads the same weights computes the same."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gan_desktop.records import Mode, RunConfig
from gan_desktop.training.gate import check_figures_agree
from gan_desktop.training.losses import check_figures
from gan_desktop.training.merge import Candidate, UpdateFormat, merge_updates
from gan_desktop.training.networks import (
    SpectralConv2d,
    Tensors,
    build_gan,
    load_tensors,
    network_fingerprint,
    parameter_shapes,
    state_tensors,
    tensor_shapes,
)
from gan_desktop.training.outer import OuterState
from gan_desktop.training.payload import PayloadInfo, encode
from gan_desktop.training.steps import UnitTrainer

CONFIG = RunConfig(network="dcgan-sn", feature_maps=8, latent_size=8)
CPU = torch.device("cpu")


def some_images(count: int, seed: int = 1) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, 32, 32), generator=random, dtype=torch.uint8)


def convolutions(network: nn.Module) -> list[SpectralConv2d]:
    return [module for module in network.modules() if isinstance(module, SpectralConv2d)]


def trained(config: RunConfig = CONFIG, num_images: int = 320) -> UnitTrainer:
    trainer = UnitTrainer(build_gan(config), config, device=CPU, micro_batch=16)
    trainer.run_unit(some_images(num_images), seed=1)
    return trainer


def largest_singular_value(convolution: SpectralConv2d) -> float:
    matrix = convolution.weight.detach().flatten(1)
    sigma = torch.linalg.vector_norm(matrix.T @ convolution.u)
    return float(torch.linalg.matrix_norm(matrix / sigma, ord=2))


# -- the norm ------------------------------------------------------------------------------------


def test_every_layer_of_d_is_normalised_and_none_of_g() -> None:
    gan = build_gan(CONFIG)
    layers = [module for module in gan.discriminator.modules() if isinstance(module, nn.Conv2d)]
    assert len(layers) == len(convolutions(gan.discriminator)) == 4
    assert not convolutions(gan.generator)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in gan.discriminator.modules())


@pytest.mark.parametrize("image_size", [32, 64, 128])
def test_the_largest_singular_value_is_near_1_from_the_start(image_size: int) -> None:
    gan = build_gan(RunConfig(network="dcgan-sn", image_size=image_size, feature_maps=16))
    for convolution in convolutions(gan):
        assert largest_singular_value(convolution) == pytest.approx(1, rel=0.05)


def test_it_stays_near_1_while_the_weights_move() -> None:
    for convolution in convolutions(trained().gan):
        assert largest_singular_value(convolution) == pytest.approx(1, rel=0.1)


def test_images_and_gradients_are_those_of_pytorchs_own_spectral_norm() -> None:
    ours = SpectralConv2d(3, 8, 4, stride=2, padding=1)
    ours.find_singular_vector()
    plain = nn.Conv2d(3, 8, 4, stride=2, padding=1)
    plain.load_state_dict(ours.state_dict())
    theirs: Any = spectral_norm(plain)
    normaliser = theirs.parametrizations["weight"][0]
    with torch.no_grad():
        # Theirs goes from v to u, ours from u to v: half a power iteration apart.
        normaliser._u.copy_(ours.u)
        normaliser._v.copy_(nn.functional.normalize(ours.weight.flatten(1).T @ ours.u, dim=0))
    images = torch.randn(4, 3, 8, 8)
    for _ in range(3):
        ours.zero_grad()
        theirs.zero_grad()
        ours(images).square().mean().backward()
        theirs(images).square().mean().backward()
        torch.testing.assert_close(ours(images), theirs(images))
        assert ours.weight.grad is not None and ours.bias is not None
        torch.testing.assert_close(ours.weight.grad, theirs.parametrizations["weight"].original.grad)


def test_judging_does_not_change_the_judge() -> None:
    gan = build_gan(CONFIG).eval()
    images = torch.randn(4, 3, 32, 32)
    assert torch.equal(gan.discriminator(images), gan.discriminator(images))


# -- what travels --------------------------------------------------------------------------------


def test_only_weights_and_biases_of_d_travel() -> None:
    names = {name for name in tensor_shapes(CONFIG) if name.startswith("discriminator.")}
    assert {name.rpartition(".")[2] for name in names} == {"weight", "bias"}
    assert names <= set(parameter_shapes(CONFIG))
    assert network_fingerprint(CONFIG) != network_fingerprint(dataclasses.replace(CONFIG, network="dcgan"))


def test_loaded_weights_forget_the_singular_vectors_of_before() -> None:
    trainer = trained()
    weights = state_tensors(trainer.gan)
    fresh = build_gan(CONFIG)
    for gan in (trainer.gan, fresh):
        load_tensors(gan, weights)
    for ours, theirs in zip(convolutions(trainer.gan), convolutions(fresh), strict=True):
        assert torch.equal(ours.u, theirs.u)


def test_another_computer_finds_the_same_check_figures() -> None:
    trainer = trained()
    weights = state_tensors(build_gan(dataclasses.replace(CONFIG, seed=9)))
    trainer.load_weights(weights)
    result = trainer.run_unit(some_images(32, seed=2), seed=7).result
    coordinators = build_gan(CONFIG)
    load_tensors(coordinators, weights)
    again = check_figures(coordinators, some_images(32, seed=2)[:16], seed=7, config=CONFIG)
    assert again == result.check
    load_tensors(coordinators, state_tensors(build_gan(CONFIG)))
    other = check_figures(coordinators, some_images(32, seed=2)[:16], seed=7, config=CONFIG)
    assert not check_figures_agree(result.check, other)


@pytest.mark.parametrize("mode", ["local_steps", "gradient"])
def test_a_unit_repeats_to_the_last_bit(mode: Mode) -> None:
    config = dataclasses.replace(CONFIG, mode=mode)
    trainer = trained(config)
    updates = [trainer.run_unit(some_images(48), seed=3, fresh_moments=True).update for _ in range(2)]
    assert all(torch.equal(updates[0][name], updates[1][name]) for name in updates[0])


def test_a_copied_gan_goes_on_alone() -> None:
    gan = build_gan(CONFIG).train()
    copied = copy.deepcopy(gan)
    before = [convolution.u.clone() for convolution in convolutions(gan)]
    copied.discriminator(torch.randn(4, 3, 32, 32))
    assert all(
        torch.equal(convolution.u, u) for convolution, u in zip(convolutions(gan), before, strict=True)
    )


@pytest.mark.parametrize("mode", ["local_steps", "gradient"])
def test_a_class_merges_it_and_refuses_nobody(mode: Mode) -> None:
    config = dataclasses.replace(CONFIG, mode=mode)
    state = OuterState.fresh(config)
    update_format = UpdateFormat.of(config)
    trainers = [UnitTrainer(build_gan(config), config, device=CPU, micro_batch=16) for _ in range(4)]
    for round_number in range(2):
        payloads: dict[int, bytes] = {}
        for number, trainer in enumerate(trainers):
            trainer.load_weights(state.weights)
            images = some_images(160, seed=10 * round_number + number)
            update = trainer.run_unit(images, seed=number).update
            info = PayloadInfo(update_format.kind, 1, state.iteration, "int8", update_format.network)
            payloads[number] = encode(update, info, seed=number)
        candidates = [Candidate(number, number, f"w{number}", 160, 10) for number in payloads]
        merged = merge_updates(candidates, payloads.__getitem__, update_format, config)
        assert all(verdict.counted and verdict.scale == 1 for verdict in merged.verdicts), merged.verdicts
        assert merged.mean is not None
        before = copied(state.weights)
        state.apply(merged.mean, merged.num_images, config)
        state.recalibrate(build_gan(config), config)
        assert not torch.equal(
            before["discriminator.layers.0.weight"], state.weights["discriminator.layers.0.weight"]
        )
    assert OuterState.from_bytes(state.to_bytes(), config).to_bytes() == state.to_bytes()


def copied(tensors: Tensors) -> Tensors:
    return {name: tensor.clone() for name, tensor in tensors.items()}
