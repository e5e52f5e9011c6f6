"""One unit of work: the losses, the two modes, and what may go wrong in the middle."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gan_desktop.errors import DeviceError
from gan_desktop.records import RunConfig
from gan_desktop.training import steps
from gan_desktop.training.losses import backward_d, backward_g, check_figures, seeded_generator
from gan_desktop.training.networks import Gan, Tensors, build_gan, parameter_names, state_tensors
from gan_desktop.training.payload import PayloadInfo, decode, encode
from gan_desktop.training.steps import StepFigures, UnitTrainer

CPU = torch.device("cpu")
LOCAL = RunConfig(feature_maps=8, latent_size=16, step_batch=8)
GRADIENT = dataclasses.replace(LOCAL, mode="gradient")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Networks this small are slower on several threads, and far slower on a busy computer."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def some_images(num_images: int, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (num_images, 3, 32, 32), generator=generator, dtype=torch.uint8)


def a_trainer(config: RunConfig = LOCAL, **keywords: Any) -> UnitTrainer:
    return UnitTrainer(build_gan(config), config, device=CPU, **{"micro_batch": config.step_batch} | keywords)


def assert_same(first: Tensors, second: Tensors) -> None:
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def gradients(network: nn.Module) -> list[torch.Tensor]:
    return [p.grad.clone() for p in network.parameters() if p.grad is not None]


# ---------------------------------------------------------------------------------------------
# The two losses
# ---------------------------------------------------------------------------------------------


def test_the_generators_loss_leaves_the_discriminators_gradient_alone() -> None:
    gan = build_gan(LOCAL).train()
    fake = gan.generator(torch.randn(8, 16))
    backward_d(gan, torch.rand(8, 3, 32, 32), fake.detach())
    clean = gradients(gan.discriminator)
    assert clean
    backward_g(gan, fake)
    after = gradients(gan.discriminator)
    assert all(torch.equal(before, now) for before, now in zip(clean, after, strict=True))
    assert all(gradient.any() for gradient in gradients(gan.generator))
    assert all(parameter.requires_grad for parameter in gan.parameters())


def test_the_discriminators_loss_leaves_the_generators_gradient_alone() -> None:
    gan = build_gan(LOCAL).train()
    backward_d(gan, torch.rand(8, 3, 32, 32), gan.generator(torch.randn(8, 16)).detach())
    assert gradients(gan.generator) == []


def test_losses_are_those_of_the_papers() -> None:
    gan = build_gan(LOCAL).train()
    real, fake = torch.rand(8, 3, 32, 32), gan.generator(torch.randn(8, 16))
    d_real = torch.sigmoid(gan.discriminator(real)).detach()
    d_fake = torch.sigmoid(gan.discriminator(fake)).detach()
    sums = backward_d(gan, real, fake.detach())
    assert sums[0].item() == pytest.approx(float(-d_real.log().sum() - (1 - d_fake).log().sum()), rel=1e-4)
    assert sums[1].item() == (d_real > 0.5).sum()
    assert sums[2].item() == (d_fake < 0.5).sum()
    assert backward_g(gan, fake).item() == pytest.approx(float(-d_fake.log().sum()), rel=1e-4)


def test_a_failure_in_the_generators_step_does_not_leave_the_discriminator_frozen() -> None:
    gan = build_gan(LOCAL)
    with pytest.raises(RuntimeError):
        backward_g(gan, torch.zeros(2, 3, 5, 5))
    assert all(parameter.requires_grad for parameter in gan.parameters())


# ---------------------------------------------------------------------------------------------
# Gradient mode
# ---------------------------------------------------------------------------------------------


def test_uploaded_discriminator_gradient_is_the_clean_one() -> None:
    images = some_images(8)
    update = a_trainer(GRADIENT).run_unit(images, seed=5).update

    gan = build_gan(GRADIENT).train()
    z = torch.randn(8, 16, generator=seeded_generator(5, "training"))
    logits_real = gan.discriminator(images / 127.5 - 1)
    logits_fake = gan.discriminator(gan.generator(z).detach())
    loss = F.softplus(-logits_real).mean() + F.softplus(logits_fake).mean()
    names = [name for name in update if name.startswith("discriminator.") and name in parameter_names(gan)]
    clean = torch.autograd.grad(loss, [gan.get_parameter(name) for name in names])
    flat_clean = torch.cat([gradient.flatten() for gradient in clean])
    flat_update = torch.cat([update[name].flatten() for name in names])
    assert F.cosine_similarity(flat_clean, flat_update, dim=0).item() == pytest.approx(1, abs=1e-6)
    assert flat_update.norm().item() == pytest.approx(flat_clean.norm().item(), rel=1e-5)


def test_gradients_of_several_workers_equal_one_process_that_accumulates() -> None:
    """Workers with units of unequal size, averaged by images, against one plain loop over all batches."""
    units = {11: some_images(16, seed=1), 12: some_images(8, seed=2), 13: some_images(28, seed=3)}
    num_images = sum(len(images) for images in units.values())
    mean: Tensors = {}
    for seed, images in units.items():
        update = a_trainer(GRADIENT).run_unit(images, seed=seed).update
        for name, gradient in update.items():
            mean[name] = mean.get(name, torch.zeros(())) + gradient * (len(images) / num_images)

    gan = build_gan(GRADIENT).train()
    expected = {name: torch.zeros_like(parameter) for name, parameter in gan.named_parameters()}
    for seed, images in units.items():
        noise = seeded_generator(seed, "training")
        for real in torch.split(images / 127.5 - 1, GRADIENT.step_batch):
            for name, gradient in batch_gradients(gan, real, noise).items():
                expected[name] += gradient * (len(real) / num_images)
    for name, gradient in expected.items():
        assert (mean[name] - gradient).norm() <= 1e-5 * gradient.norm(), name


def batch_gradients(gan: Gan, real: torch.Tensor, noise: torch.Generator) -> Tensors:
    fake = gan.generator(torch.randn(len(real), GRADIENT.latent_size, generator=noise))
    loss_d = F.softplus(-gan.discriminator(real)).mean() + F.softplus(gan.discriminator(fake.detach())).mean()
    loss_g = F.softplus(-gan.discriminator(fake)).mean()
    found: Tensors = {}
    for prefix, network, loss in (
        ("discriminator.", gan.discriminator, loss_d),
        ("generator.", gan.generator, loss_g),
    ):
        names, parameters = zip(*network.named_parameters(), strict=True)
        for name, gradient in zip(
            names, torch.autograd.grad(loss, parameters, retain_graph=True), strict=True
        ):
            found[prefix + name] = gradient
    return found


def test_gradient_mode_moves_no_weight_but_batchnorms_statistics() -> None:
    trainer = a_trainer(GRADIENT)
    before = state_tensors(trainer.gan)
    update = trainer.run_unit(some_images(24), seed=1).update
    after = state_tensors(trainer.gan)
    parameters = parameter_names(trainer.gan)
    for name in before:
        if name in parameters:
            assert torch.equal(before[name], after[name])
        else:
            assert torch.equal(update[name], after[name] - before[name])
            assert update[name].any()


# ---------------------------------------------------------------------------------------------
# Local steps
# ---------------------------------------------------------------------------------------------


def test_one_local_step_is_adams_step_of_d_and_then_of_g() -> None:
    images = some_images(8)
    outcome = a_trainer().run_unit(images, seed=5)

    gan = build_gan(LOCAL).train()
    loaded = state_tensors(gan)
    betas = (LOCAL.beta1, LOCAL.beta2)
    adam_d = torch.optim.Adam(gan.discriminator.parameters(), LOCAL.learning_rate, betas)
    adam_g = torch.optim.Adam(gan.generator.parameters(), LOCAL.learning_rate, betas)
    fake = gan.generator(torch.randn(8, 16, generator=seeded_generator(5, "training")))
    logits_real, logits_fake = gan.discriminator(images / 127.5 - 1), gan.discriminator(fake.detach())
    torch.autograd.backward(F.softplus(-logits_real).mean() + F.softplus(logits_fake).mean())
    adam_d.step()
    adam_g.zero_grad()
    torch.autograd.backward(F.softplus(-gan.discriminator(fake)).mean())
    adam_g.step()

    state = state_tensors(gan)
    for name in loaded:
        torch.testing.assert_close(outcome.update[name], state[name] - loaded[name], rtol=1e-3, atol=2e-6)
    assert outcome.result.num_steps == 1


def test_loaded_weights_plus_the_update_are_the_trained_weights() -> None:
    trainer = a_trainer()
    weights = state_tensors(build_gan(dataclasses.replace(LOCAL, seed=9)))
    blob = encode(weights, PayloadInfo("weights", 1, 0, "fp16", "n"), seed=0)
    decoded = decode(blob, shapes={name: tensor.shape for name, tensor in weights.items()}, network="n")
    trainer.load_weights(decoded)
    update = trainer.run_unit(some_images(24), seed=1).update
    trained = state_tensors(trainer.gan)
    assert_same(update, {name: trained[name] - decoded[name] for name in decoded})
    assert all(update[name].any() for name in update)


@pytest.mark.parametrize("config", [LOCAL, GRADIENT])
def test_the_same_unit_from_the_same_weights_and_moments_is_identical(config: RunConfig) -> None:
    images = some_images(28)
    first = a_trainer(config).run_unit(images, seed=3)
    torch.manual_seed(99)
    again = a_trainer(config).run_unit(images, seed=3)
    assert_same(first.update, again.update)
    timeless = dataclasses.replace(again.result, compute_seconds=first.result.compute_seconds)
    assert timeless == first.result


def test_the_seed_decides_the_noise() -> None:
    first, other = (a_trainer().run_unit(some_images(8), seed=seed).update for seed in (1, 2))
    assert not torch.equal(first["generator.layers.0.weight"], other["generator.layers.0.weight"])


def test_half_a_network_is_no_start_for_a_unit() -> None:
    trainer = a_trainer()
    weights = state_tensors(trainer.gan)
    with pytest.raises(ValueError, match="discriminator"):
        trainer.load_weights({name: weights[name] for name in weights if name.startswith("generator.")})


def test_every_unit_starts_from_the_loaded_weights() -> None:
    trainer = a_trainer()
    first = trainer.run_unit(some_images(24), seed=1, fresh_moments=True)
    assert_same(first.update, trainer.run_unit(some_images(24), seed=1, fresh_moments=True).update)


def test_moments_last_from_unit_to_unit_and_a_fresh_unit_leaves_them_alone() -> None:
    images = some_images(24)
    plain, interrupted = a_trainer(), a_trainer()
    plain.run_unit(images, seed=1)
    interrupted.run_unit(images, seed=1)
    fresh = interrupted.run_unit(images, seed=7, fresh_moments=True)
    expected = plain.run_unit(images, seed=2)
    assert_same(interrupted.run_unit(images, seed=2).update, expected.update)
    assert_same(fresh.update, a_trainer().run_unit(images, seed=7).update)
    without = a_trainer().run_unit(images, seed=2).update
    assert not torch.equal(expected.update["generator.layers.0.weight"], without["generator.layers.0.weight"])


def a_gan_without_batch_norm(config: RunConfig) -> Gan:
    gan = build_gan(config)
    for layers in (gan.generator.get_submodule("layers"), gan.discriminator.get_submodule("layers")):
        for name, layer in layers.named_children():
            if isinstance(layer, nn.BatchNorm2d):
                setattr(layers, name, nn.Identity())
    return gan


def test_micro_batches_add_up_to_the_gradient_of_the_whole_step() -> None:
    """Where BatchNorm does not couple images, accumulating is exactly the whole batch's mean."""
    config = dataclasses.replace(GRADIENT, step_batch=10)
    whole, pieces = (
        UnitTrainer(a_gan_without_batch_norm(config), config, device=CPU, micro_batch=micro_batch)
        .run_unit(some_images(20), seed=1)
        .update
        for micro_batch in (10, 4)
    )
    for name in whole:
        assert (whole[name] - pieces[name]).norm() <= 1e-5 * whole[name].norm(), name


def test_a_local_step_accumulates_the_gradient_of_the_whole_step() -> None:
    config = dataclasses.replace(LOCAL, step_batch=10)
    found = []
    for micro_batch in (10, 4):
        gan = a_gan_without_batch_norm(config)
        UnitTrainer(gan, config, device=CPU, micro_batch=micro_batch).run_unit(some_images(10), seed=1)
        found.append(torch.cat([gradient.flatten() for gradient in gradients(gan.generator)]))
    # Adam's first step of D turns rounding errors of tiny gradients into whole steps: not to the last digit.
    assert (found[0] - found[1]).norm() <= 1e-2 * found[0].norm()


def test_a_micro_batch_above_the_step_batch_changes_nothing() -> None:
    first, large = (a_trainer(micro_batch=size).run_unit(some_images(24), seed=1) for size in (8, 512))
    assert_same(first.update, large.update)


# ---------------------------------------------------------------------------------------------
# Counting
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("num_images", "num_steps"), [(1, 1), (2, 1), (8, 1), (9, 1), (10, 2), (16, 2), (17, 2), (18, 3)]
)
def test_every_image_counts_and_none_is_left_alone(num_images: int, num_steps: int) -> None:
    result = a_trainer().run_unit(some_images(num_images), seed=1).result
    assert (result.num_images, result.num_steps, result.stopped_early) == (num_images, num_steps, False)


@pytest.mark.parametrize("micro_batch", [2, 3, 5, 8, 100])
def test_micro_batches_cover_a_step_and_hold_two_images_at_least(micro_batch: int) -> None:
    for num_images in range(2, 40):
        pieces = [list(range(num_images))[piece] for piece in steps._pieces(num_images, micro_batch)]
        assert [image for piece in pieces for image in piece] == list(range(num_images))
        assert min(map(len, pieces)) >= 2
        # Three images cannot be cut into micro-batches of two; nothing else may be above the limit.
        assert max(map(len, pieces)) <= max(micro_batch, 3)


def test_figures_are_means_over_the_units_images() -> None:
    told: list[StepFigures] = []
    trainer = a_trainer()
    outcome = trainer.run_unit(some_images(8), seed=1, on_step=told.append)
    assert [figures.num_images_done for figures in told] == [8]
    result = outcome.result
    assert (told[0].loss_d, told[0].loss_g) == pytest.approx((result.loss_d, result.loss_g))
    assert (told[0].d_real, told[0].d_fake) == (result.d_real, result.d_fake)
    assert result.compute_seconds > 0


def test_first_and_last_step_are_reported() -> None:
    told: list[int] = []
    a_trainer().run_unit(
        some_images(80), seed=1, on_step=lambda figures: told.append(figures.num_images_done)
    )
    assert told[0] == 8
    assert told[-1] == 80
    assert told == sorted(set(told))


def test_a_stopped_unit_hands_in_the_steps_done_and_says_so() -> None:
    images = some_images(40)
    asked: list[bool] = []

    def third_time() -> bool:
        asked.append(True)
        return len(asked) == 3

    stopped = a_trainer().run_unit(images, seed=1, should_stop=third_time)
    assert (stopped.result.num_images, stopped.result.num_steps) == (24, 3)
    assert stopped.result.stopped_early
    assert_same(stopped.update, a_trainer().run_unit(images[:24], seed=1).update)


def test_a_gradient_stopped_early_is_the_mean_over_the_images_done() -> None:
    images = some_images(24)
    stopped = a_trainer(GRADIENT).run_unit(images, seed=1, should_stop=lambda: True)
    assert stopped.result.num_images == 8
    assert_same(stopped.update, a_trainer(GRADIENT).run_unit(images[:8], seed=1).update)


def test_pauses_lie_between_steps_and_are_told_their_seconds() -> None:
    pauses: list[float] = []
    result = a_trainer().run_unit(some_images(24), seed=1, between_steps=pauses.append).result
    assert len(pauses) == 2
    assert all(seconds > 0 for seconds in pauses)
    assert sum(pauses) < result.compute_seconds


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(0, 3, 32, 32, dtype=torch.uint8),
        torch.zeros(4, 3, 32, 32),
        torch.zeros(4, 1, 32, 32, dtype=torch.uint8),
        torch.zeros(4, 3, 64, 64, dtype=torch.uint8),
        torch.zeros(3, 32, 32, dtype=torch.uint8),
    ],
)
def test_other_images_than_the_runs_are_an_error(images: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="uint8"):
        a_trainer().run_unit(images, seed=1)


# ---------------------------------------------------------------------------------------------
# Check figures
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [LOCAL, GRADIENT])
def test_check_figures_are_those_of_the_units_first_images_and_unmodified_weights(config: RunConfig) -> None:
    images = some_images(24)
    trainer = a_trainer(config)
    trainer.load_weights(state_tensors(build_gan(dataclasses.replace(config, seed=4))))
    told = trainer.run_unit(images, seed=6).result.check
    expected_gan = build_gan(dataclasses.replace(config, seed=4))
    assert told == check_figures(expected_gan, images[: told.num_images], seed=6, config=config)
    assert told.num_images == 8


def test_check_figures_change_nothing() -> None:
    gan = build_gan(LOCAL).train()
    gan.generator(torch.randn(8, 16)).sum().backward()
    state, clean, random_state = state_tensors(gan), gradients(gan), torch.get_rng_state()
    check_figures(gan, some_images(8), seed=1, config=LOCAL)
    assert_same(state, state_tensors(gan))
    assert all(torch.equal(before, now) for before, now in zip(clean, gradients(gan), strict=True))
    assert torch.equal(random_state, torch.get_rng_state())
    assert all(int(count) == 1 for name, count in gan.generator.state_dict().items() if "num_batches" in name)


def test_check_figures_depend_on_weights_images_and_seed() -> None:
    gan, images = build_gan(LOCAL), some_images(8)
    usual = check_figures(gan, images, seed=1, config=LOCAL)
    other_gan = build_gan(dataclasses.replace(LOCAL, seed=2))
    others = [
        check_figures(gan, images, seed=2, config=LOCAL),
        check_figures(gan, some_images(8, seed=2), seed=1, config=LOCAL),
        check_figures(other_gan, images, seed=1, config=LOCAL),
    ]
    for other in others:
        assert abs(other.norm_d / usual.norm_d - 1) > 1e-3


def test_another_process_finds_the_same_check_figures() -> None:
    program = """
import dataclasses, json, torch
from gan_desktop.records import RunConfig
from gan_desktop.training.networks import build_gan
from gan_desktop.training.losses import check_figures
config = RunConfig(feature_maps=8, latent_size=16, step_batch=8)
images = torch.randint(
    0, 256, (8, 3, 32, 32), generator=torch.Generator().manual_seed(1), dtype=torch.uint8
)
print(json.dumps(dataclasses.asdict(check_figures(build_gan(config), images, seed=6, config=config))))
"""
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    here = check_figures(build_gan(LOCAL), some_images(8), seed=6, config=LOCAL)
    assert json.loads(answer) == pytest.approx(dataclasses.asdict(here), rel=1e-6)


# ---------------------------------------------------------------------------------------------
# Out of memory
# ---------------------------------------------------------------------------------------------


class _FullMemory:
    """A hook that fails as a full device does when more than `limit` images pass; not in `first` calls."""

    def __init__(self, limit: int, error: Exception, *, first: int = 0) -> None:
        self.limit, self.error, self.calls_left = limit, error, first

    def __call__(self, _module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        if len(output) > self.limit and self.calls_left <= 0:
            raise self.error
        self.calls_left -= 1


OUT_OF_MEMORY = [
    torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("MPS backend out of memory (MPS allocated: 9.0 GB)"),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("could not create a primitive"),
    MemoryError(),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: str(error)[:12])
def test_full_memory_halves_the_micro_batch_and_says_so(error: Exception) -> None:
    notices: list[str] = []
    trainer = a_trainer(micro_batch=64, on_notice=notices.append)
    trainer.gan.discriminator.register_forward_hook(_FullMemory(2, error))
    result = trainer.run_unit(some_images(24), seed=1).result
    assert trainer.micro_batch == 2
    assert (result.num_images, result.num_steps) == (24, 3)
    assert ["4 images" in notices[0], "2 images" in notices[1], len(notices)] == [True, True, 2]


@pytest.mark.parametrize("config", [LOCAL, GRADIENT], ids=["local_steps", "gradient"])
@pytest.mark.parametrize(
    ("part", "call"), [("generator", 0), ("discriminator", 0), ("discriminator", 1), ("discriminator", 2)]
)
def test_a_step_interrupted_by_full_memory_is_done_anew_from_its_start(
    config: RunConfig, part: str, call: int
) -> None:
    """As if the smaller micro-batch had been set just before: same update, same moments afterwards."""
    images = some_images(24)
    failing = a_trainer(config, on_notice=lambda _text: None)
    handles: list[torch.utils.hooks.RemovableHandle] = []

    def let_memory_fill(_seconds: float) -> None:
        if not handles:
            hook = _FullMemory(4, OUT_OF_MEMORY[0], first=call)
            handles.append(failing.gan.get_submodule(part).register_forward_hook(hook))

    interrupted = failing.run_unit(images, seed=1, between_steps=let_memory_fill)
    handles[0].remove()

    spared = a_trainer(config)
    # D's third call in a local step is G's step: D's own is over by then, and stays.
    is_in_gs_step = config.mode == "local_steps" and (part, call) == ("discriminator", 2)
    d_calls: list[int] = []

    def shrink_before_gs_step(*_arguments: object) -> None:
        d_calls.append(1)
        if len(d_calls) == 2:
            spared.micro_batch = 4

    def shrink(_seconds: float) -> None:
        if not is_in_gs_step:
            spared.micro_batch = 4
        elif not handles[1:]:
            handles.append(spared.gan.discriminator.register_forward_hook(shrink_before_gs_step))

    expected = spared.run_unit(images, seed=1, between_steps=shrink)
    assert failing.micro_batch == spared.micro_batch == 4
    assert_same(interrupted.update, expected.update)
    assert interrupted.result.loss_d == expected.result.loss_d
    assert_same(failing.run_unit(images, seed=2).update, spared.run_unit(images, seed=2).update)


def test_not_even_two_images_is_an_error_that_says_what_to_do() -> None:
    trainer = a_trainer(on_notice=lambda _text: None)
    trainer.gan.discriminator.register_forward_hook(_FullMemory(1, OUT_OF_MEMORY[0]))
    with pytest.raises(DeviceError, match="choose the CPU"):
        trainer.run_unit(some_images(8), seed=1)


def test_other_failures_are_not_taken_for_full_memory() -> None:
    trainer = a_trainer()
    trainer.gan.discriminator.register_forward_hook(_FullMemory(1, RuntimeError("mat1 and mat2")))
    with pytest.raises(RuntimeError, match="mat1"):
        trainer.run_unit(some_images(8), seed=1)
    assert trainer.micro_batch == 8
