"""The networks: sizes, first weights, fingerprints, and their state as tensors."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from gan_desktop.errors import SettingsError
from gan_desktop.records import RunConfig
from gan_desktop.training.networks import (
    NETWORKS,
    build_gan,
    generator_shapes,
    load_tensors,
    network_fingerprint,
    parameter_names,
    state_tensors,
    tensor_shapes,
)

SMALL = RunConfig(feature_maps=4, latent_size=8)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("image_size", [32, 64, 128])
def test_every_network_draws_and_judges_every_size(network: str, image_size: int) -> None:
    gan = build_gan(dataclasses.replace(SMALL, network=network, image_size=image_size))
    images = gan.generator(torch.randn(2, 8))
    assert images.shape == (2, 3, image_size, image_size)
    assert images.abs().max() <= 1
    assert gan.discriminator(images).shape == (2,)


def test_the_64_pixel_network_has_the_papers_size() -> None:
    shapes = tensor_shapes(RunConfig(image_size=64, feature_maps=64))
    assert shapes["generator.layers.0.weight"] == (100, 512, 4, 4)
    assert shapes["discriminator.layers.8.weight"] == (512, 256, 4, 4)
    assert sum(shape.numel() for shape in shapes.values()) == pytest.approx(6.3e6, rel=0.02)


def test_first_weights_follow_the_paper() -> None:
    gan = build_gan(RunConfig(feature_maps=16))
    for module in gan.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            assert module.weight.mean().item() == pytest.approx(0, abs=0.003)
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.1)
        elif isinstance(module, nn.BatchNorm2d):
            assert module.weight.mean().item() == pytest.approx(1, abs=0.02)
            assert 0 < module.weight.std().item() < 0.05
            assert not module.bias.any()


def test_the_seed_alone_decides_first_weights() -> None:
    torch.manual_seed(1)
    first = state_tensors(build_gan(SMALL))
    torch.manual_seed(2)
    again = state_tensors(build_gan(SMALL))
    other = state_tensors(build_gan(dataclasses.replace(SMALL, seed=2)))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["generator.layers.0.weight"], other["generator.layers.0.weight"])


def test_building_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    build_gan(SMALL)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_unknown_network_is_named_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="dcgan"):
        build_gan(dataclasses.replace(SMALL, network="stylegan"))


def test_state_holds_every_float_and_no_counter() -> None:
    gan = build_gan(SMALL)
    tensors = state_tensors(gan)
    assert {name: tensor.shape for name, tensor in tensors.items()} == tensor_shapes(SMALL)
    assert not any("num_batches_tracked" in name for name in tensors)
    statistics = set(tensors) - parameter_names(gan)
    assert statistics
    assert all(name.endswith(("running_mean", "running_var")) for name in statistics)


def test_state_is_a_copy() -> None:
    gan = build_gan(SMALL)
    tensors = state_tensors(gan)
    before = tensors["generator.layers.0.weight"].clone()
    with torch.no_grad():
        gan.generator.get_parameter("layers.0.weight").zero_()
    assert torch.equal(tensors["generator.layers.0.weight"], before)


def test_loaded_state_is_the_state_read() -> None:
    source, target = build_gan(SMALL), build_gan(dataclasses.replace(SMALL, seed=2))
    load_tensors(target, state_tensors(source))
    expected, found = state_tensors(source), state_tensors(target)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_generator_alone_can_be_loaded() -> None:
    source, target = build_gan(SMALL), build_gan(dataclasses.replace(SMALL, seed=2))
    before = state_tensors(target)
    load_tensors(target, {name: state_tensors(source)[name] for name in generator_shapes(SMALL)})
    after = state_tensors(target)
    weight = "layers.0.weight"
    assert torch.equal(after[f"generator.{weight}"], state_tensors(source)[f"generator.{weight}"])
    assert torch.equal(after[f"discriminator.{weight}"], before[f"discriminator.{weight}"])


def test_tensors_of_another_network_are_not_loaded() -> None:
    gan = build_gan(SMALL)
    tensors = state_tensors(gan)
    with pytest.raises(ValueError, match="shapes"):
        load_tensors(gan, state_tensors(build_gan(dataclasses.replace(SMALL, latent_size=9))))
    del tensors["discriminator.layers.0.weight"]
    with pytest.raises(ValueError, match="whole state"):
        load_tensors(gan, tensors)


def test_fingerprints_tell_networks_apart_and_ignore_the_rest() -> None:
    fingerprint = network_fingerprint(SMALL)
    assert network_fingerprint(dataclasses.replace(SMALL, seed=9, learning_rate=0.1)) == fingerprint
    others = [
        dataclasses.replace(SMALL, latent_size=9),
        dataclasses.replace(SMALL, image_size=64),
        dataclasses.replace(SMALL, feature_maps=8),
    ]
    assert fingerprint not in {network_fingerprint(other) for other in others}
