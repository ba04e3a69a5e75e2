"""Attention against plain loops, to the last digits: its values, and its gradients by everything in it."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import nn

from clickme_gala.attention import GALA, ReferenceGALA, SqueezeExcitation
from gala import slow
from gala.slow import Array, Parameters, gradient, relative_error

Slow = Callable[[Array, Parameters], Array]

MODULES: list[tuple[Callable[[int], nn.Module], Slow]] = [
    (GALA, slow.gala),
    (ReferenceGALA, slow.reference_gala),
    (lambda channels: SqueezeExcitation(channels, reduction=4), slow.squeeze_excitation),
]
NAMES = ["gala", "reference", "squeeze-and-excitation"]
seeds = st.integers(0, 2**32 - 1)


def made(make: Callable[[int], nn.Module], channels: int, seed: int, spread: float = 0.7) -> nn.Module:
    """A module in float64; its weights, biases, a and m are all away from where they begin."""
    module = make(channels).double()
    random = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.from_numpy(random.normal(size=parameter.shape) * spread))
    return module


def parameters(module: nn.Module) -> Parameters:
    return {name: parameter.detach().numpy() for name, parameter in module.named_parameters()}


def activities(shape: tuple[int, ...], seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize(("make", "reference"), MODULES, ids=NAMES)
@given(
    seed=seeds,
    photographs=st.integers(1, 2),
    channels=st.integers(4, 9),
    height=st.integers(1, 4),
    width=st.integers(1, 4),
    spread=st.sampled_from([0.01, 0.7, 2.0]),
)
@settings(max_examples=15)
def test_attention_is_what_the_formulas_say(
    make: Callable[[int], nn.Module],
    reference: Slow,
    seed: int,
    photographs: int,
    channels: int,
    height: int,
    width: int,
    spread: float,
) -> None:
    module = made(make, channels, seed, spread)
    activity = activities((photographs, channels, height, width), seed + 1)

    out, attention = module(torch.from_numpy(activity))

    expected = reference(activity, parameters(module))
    assert relative_error(attention.detach().numpy(), expected.real) < 1e-9
    if not isinstance(module, SqueezeExcitation):  # which looks at what it lets through
        expected = activity * expected
    assert relative_error(out.detach().numpy(), expected.real) < 1e-9


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("make", "reference"), MODULES, ids=NAMES)
def test_gradients_are_those_of_the_formulas(
    make: Callable[[int], nn.Module], reference: Slow, seed: int
) -> None:
    module = made(make, 8, seed)
    activity = activities((2, 8, 3, 2), seed + 10)
    # Any scalar of both answers: a weighted sum, so that no place stands for another.
    for_out, for_attention = activities((2, *activity.shape), seed + 20)
    x = torch.from_numpy(activity).requires_grad_()
    out, attention = module(x)
    ((out * torch.from_numpy(for_out)).sum() + (attention * torch.from_numpy(for_attention)).sum()).backward()

    def scalar(activity: Array, weights: Parameters) -> complex:
        attention = reference(activity, weights)
        excites = isinstance(module, SqueezeExcitation)
        out = attention if excites else activity * attention
        return complex((out * for_out + attention * for_attention).sum())

    own = parameters(module)
    assert x.grad is not None
    expected = gradient(lambda activity: scalar(activity, own), activity)
    assert relative_error(x.grad.numpy(), expected) < 1e-9
    for name, parameter in module.named_parameters():
        expected = gradient(lambda value, name=name: scalar(activity, own | {name: value}), own[name])  # type: ignore[misc]
        assert expected.any(), f"{name} is behind a ReLU that is silent: another seed says more"
        assert parameter.grad is not None, name
        assert relative_error(parameter.grad.numpy(), expected) < 1e-9, name


def test_gala_s_parameters_are_those_that_the_slow_one_asks_for() -> None:
    shapes = {name: tuple(parameter.shape) for name, parameter in GALA(8).named_parameters()}
    assert shapes == {
        "shrink.weight": (2, 8),
        "shrink.bias": (2,),
        "expand.weight": (8, 2),
        "expand.bias": (8,),
        "local.0.weight": (2, 8, 1, 1),
        "local.0.bias": (2,),
        "local.2.weight": (1, 2, 1, 1),
        "local.2.bias": (1,),
        "additive": (8,),
        "multiplicative": (8,),
    }


def test_gala_begins_with_both_paths_counting_alike() -> None:
    module = GALA(8)
    assert module.additive.tolist() == module.multiplicative.tolist() == [1.0] * 8
    assert all(not bias.any() for name, bias in module.named_parameters() if name.endswith("bias"))


def test_the_reference_trainer_s_a_and_m_begin_at_scaled_normal_values() -> None:
    torch.manual_seed(0)
    module = ReferenceGALA(1024)
    for weight in (module.additive, module.multiplicative):
        assert weight.std().item() == pytest.approx(1024**-0.5, rel=0.1)
        assert abs(weight.mean().item()) < 0.2 * 1024**-0.5
    assert not torch.equal(module.additive, module.multiplicative)


@given(seed=seeds)
@settings(max_examples=25)
def test_attention_stays_in_its_range(seed: int) -> None:
    activity = torch.from_numpy(activities((2, 8, 3, 3), seed)).float()
    torch.manual_seed(seed)
    with torch.no_grad():
        papers, references = GALA(8)(activity)[1], ReferenceGALA(8)(activity)[1]
    assert -1 <= papers.min() < papers.max() <= 1  # closed: float32 rounds
    assert 0 <= references.min() < references.max() <= 1


def test_what_is_attended_with_nothing_is_not_let_through() -> None:
    module = GALA(8)
    nn.init.zeros_(module.additive)
    nn.init.zeros_(module.multiplicative)
    out, attention = module(torch.randn(2, 8, 5, 5))
    assert not out.any()
    assert not attention.any()


def test_in_bfloat16_the_answer_is_near() -> None:
    module = made(GALA, 16, 3, spread=0.3).float()
    activity = torch.randn(2, 16, 7, 7, generator=torch.Generator().manual_seed(0))
    _, exact = module(activity)
    with torch.autocast("cpu", torch.bfloat16):
        _, coarse = module(activity)
    assert coarse.isfinite().all()
    assert (coarse.float() - exact).abs().max() < 0.05  # 8 bits of mantissa, a handful of sums


def test_a_narrow_network_s_channels_have_one_between_them() -> None:
    """With none, squeeze-and-excitation would say 1/2 of everything, and GALA's global path nothing."""
    assert SqueezeExcitation(8).shrink.weight.shape == (1, 8)
    assert GALA(2).shrink.weight.shape == (1, 2)
