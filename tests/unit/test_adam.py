"""Our Adam is PyTorch's, without what PyTorch's optimizers import."""

from __future__ import annotations

import subprocess
import sys

import torch
from torch import nn

from gan_desktop.training.adam import Adam

ALONE = """
import sys, torch
from torch import nn
from gan_desktop.training.adam import Adam
layer = nn.Linear(3, 2)
layer(torch.ones(1, 3)).sum().backward()
Adam(layer.parameters(), 0.1, (0.5, 0.999)).step()
sys.exit("torch._dynamo" in sys.modules)
"""


def network() -> nn.Module:
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 1))
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return layers


def train(layers: nn.Module, optimizer: Adam | torch.optim.Adam, num_steps: int) -> None:
    generator = torch.Generator().manual_seed(6)
    for _ in range(num_steps):
        layers.zero_grad()
        layers(torch.randn(2, 3, 4, 4, generator=generator)).square().mean().backward()
        optimizer.step()


def test_it_takes_the_steps_of_pytorchs_adam_to_the_last_bit() -> None:
    ours, theirs = network(), network()
    adam = Adam(ours.parameters(), 0.01, (0.5, 0.999))
    reference = torch.optim.Adam(theirs.parameters(), 0.01, (0.5, 0.999), fused=True)
    train(ours, adam, num_steps=4)
    train(theirs, reference, num_steps=4)
    for parameter, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(parameter, expected)
        for name, tensor in reference.state[expected].items():
            assert torch.equal(adam.state[parameter][name], tensor)


def test_it_goes_on_from_a_given_state_and_leaves_parameters_without_gradient_alone() -> None:
    whole, part = network(), network()
    first = Adam(whole.parameters(), 0.01, (0.5, 0.999))
    train(whole, first, num_steps=2)
    part.load_state_dict(whole.state_dict())
    second = Adam(part.parameters(), 0.01, (0.5, 0.999))
    for parameter, known in zip(part.parameters(), whole.parameters(), strict=True):
        state = first.state[known]
        second.remember(parameter, int(state["step"]), state["exp_avg"], state["exp_avg_sq"])
    train(whole, first, num_steps=1)
    train(part, second, num_steps=1)
    assert all(torch.equal(a, b) for a, b in zip(part.parameters(), whole.parameters(), strict=True))

    frozen = nn.Parameter(torch.ones(3))
    Adam([frozen], 0.01, (0.5, 0.999)).step()
    assert frozen.tolist() == [1, 1, 1]


def test_a_step_does_not_import_pytorchs_compiler() -> None:
    subprocess.run([sys.executable, "-c", ALONE], check=True, timeout=120)
