"""The loss of Eq. 1 and the reference trainer's, against plain loops and by the laws they keep."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from clickme_gala.loss import fit, reduce, reference_distances, sum_of_distances
from gala import slow
from gala.slow import Array, gradient, relative_error

Floats = NDArray[np.float64]
MapLoss = Callable[[Tensor, Tensor, Sequence[Tensor]], Tensor]
SlowTerm = Callable[[Array, Sequence[bool], Sequence[Array]], complex]


def map_loss(maps: Tensor, has_map: Tensor, looks: Sequence[Tensor]) -> Tensor:
    """The paper's term of a batch."""
    return sum_of_distances(maps, has_map, looks).mean()


def reference_map_loss(maps: Tensor, has_map: Tensor, looks: Sequence[Tensor]) -> Tensor:
    """The reference trainer's."""
    return reference_distances(maps, has_map, looks).sum()


TERMS: list[tuple[MapLoss, SlowTerm]] = [
    (map_loss, slow.map_term),
    (reference_map_loss, slow.reference_map_term),
]
NAMES = ["paper", "reference"]
seeds = st.integers(0, 2**32 - 1)


def some_maps(seed: int, count: int = 2, size: int = 9) -> Floats:
    """Maps in [0, 1], painted in about half of the places."""
    random = np.random.default_rng(seed)
    return random.random((count, size, size)) * (random.random((count, size, size)) < 0.5)


def some_looks(seed: int, count: int = 2) -> list[Floats]:
    """Two layers, of unlike sizes, neither square."""
    random = np.random.default_rng(seed)
    return [random.normal(size=(count, 3, 4, 3)), random.normal(size=(count, 2, 2, 5))]


def term(
    function: MapLoss, maps: Floats, has_map: Sequence[bool], looks: Sequence[Floats | Tensor]
) -> Tensor:
    return function(torch.from_numpy(maps), torch.tensor(has_map), [torch.as_tensor(look) for look in looks])


# ---- against plain loops


@pytest.mark.parametrize(("function", "expected"), TERMS, ids=NAMES)
@given(seed=seeds, has_map=st.lists(st.booleans(), min_size=1, max_size=3).filter(any))
@settings(max_examples=15)
def test_the_map_term_is_what_the_formula_says(
    function: MapLoss, expected: SlowTerm, seed: int, has_map: list[bool]
) -> None:
    maps, looks = some_maps(seed, len(has_map)), some_looks(seed + 1, len(has_map))
    found = term(function, maps, has_map, looks)
    assert found.dtype == torch.float64
    assert found.item() == pytest.approx(expected(maps, has_map, looks).real, rel=1e-9)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("function", "expected"), TERMS, ids=NAMES)
def test_gradients_are_those_of_the_formula(function: MapLoss, expected: SlowTerm, seed: int) -> None:
    maps, looks = some_maps(seed), some_looks(seed + 1)
    leaves = [torch.from_numpy(look).requires_grad_() for look in looks]
    term(function, maps, [True, True], leaves).backward()
    for number, leaf in enumerate(leaves):

        def moved(look: Array, number: int = number) -> complex:
            others: list[Array] = [*looks]
            others[number] = look
            return expected(maps, [True, True], others)

        assert leaf.grad is not None
        assert relative_error(leaf.grad.numpy(), gradient(moved, looks[number])) < 1e-9


@given(seed=seeds, shape=st.tuples(*[st.integers(1, 5)] * 4))
@settings(max_examples=25)
def test_a_volume_is_reduced_to_the_norms_of_its_columns(seed: int, shape: tuple[int, ...]) -> None:
    volume = np.random.default_rng(seed).normal(size=shape)
    assert relative_error(reduce(torch.from_numpy(volume)).numpy(), slow.reduced(volume).real) < 1e-9


def test_the_gradient_of_a_reduction() -> None:
    random = np.random.default_rng(4)
    volume, weights = random.normal(size=(2, 3, 2, 4)), random.normal(size=(2, 2, 4))
    leaf = torch.from_numpy(volume).requires_grad_()
    (reduce(leaf) * torch.from_numpy(weights)).sum().backward()
    assert leaf.grad is not None
    expected = gradient(lambda moved: complex((slow.reduced(moved) * weights).sum()), volume)
    assert relative_error(leaf.grad.numpy(), expected) < 1e-9


def test_a_column_without_activity_has_no_direction() -> None:
    """After a ReLU there are such; the norm has no derivative there, and NaN would be the end of a run."""
    volume = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    volume[0, :, 0, 0] = 1
    volume.requires_grad_()
    term(map_loss, some_maps(0, 1), [True], [volume]).backward()
    assert volume.grad is not None
    assert volume.grad.isfinite().all()
    assert not volume.grad[0, :, 1, 1].any()


@given(seed=seeds, size=st.integers(1, 17), height=st.integers(1, 9), width=st.integers(2, 9))
@settings(max_examples=30)
def test_maps_are_resized_by_keys_s_cubic(seed: int, size: int, height: int, width: int) -> None:
    """Smaller and larger; widened by the scale where it shrinks.

    No picture is 1 px wide and higher than that in a network, and PyTorch 2.13 would get it wrong.
    """
    map_ = np.random.default_rng(seed).random((size, size))
    found = fit(torch.from_numpy(map_)[None], (height, width))[0].numpy()
    assert relative_error(found, slow.bicubic(map_, height, width).real) < 1e-9


def test_the_gradient_of_resizing() -> None:
    random = np.random.default_rng(5)
    map_, weights = random.random((9, 9)), random.normal(size=(4, 3))
    leaf = torch.from_numpy(map_).requires_grad_()
    (fit(leaf[None], (4, 3))[0] * torch.from_numpy(weights)).sum().backward()
    assert leaf.grad is not None
    expected = gradient(lambda moved: complex((slow.bicubic(moved, 4, 3) * weights).sum()), map_)
    assert relative_error(leaf.grad.numpy(), expected) < 1e-9


def test_no_pixel_of_a_map_is_passed_over() -> None:
    """From 224 px to 14: every pixel moves the small map."""
    map_ = torch.zeros(1, 224, 224, dtype=torch.float64, requires_grad=True)
    (fit(map_, (14, 14)) ** 2 + fit(map_, (14, 14))).sum().backward()
    assert map_.grad is not None
    assert (map_.grad[0] > 0).all()


def test_float32_is_enough() -> None:
    maps, looks = some_maps(6), some_looks(7)
    exact = term(map_loss, maps, [True, True], looks).item()
    single = map_loss(
        torch.from_numpy(maps).float(),
        torch.ones(2, dtype=torch.bool),
        [torch.from_numpy(look).float() for look in looks],
    )
    assert single.dtype == torch.float32
    assert single.item() == pytest.approx(exact, rel=1e-5)


def test_attention_in_bfloat16_is_summed_in_float32() -> None:
    """√1000 has no near neighbour in bfloat16."""
    norm = reduce(torch.ones(1, 1000, 1, 1, dtype=torch.bfloat16))
    assert norm.dtype == torch.float32
    assert norm.item() == pytest.approx(1000**0.5, rel=1e-6)


# ---- the laws


@given(
    seed=seeds,
    map_scale=st.floats(1e-6, 1e6),
    look_scale=st.floats(1e-6, 1e6) | st.floats(-1e6, -1e-6),
)
@settings(max_examples=50)
def test_the_scale_of_a_map_or_of_an_attention_says_nothing(
    seed: int, map_scale: float, look_scale: float
) -> None:
    maps, looks = some_maps(seed), some_looks(seed + 1)
    scaled = term(map_loss, maps * map_scale, [True, True], [look * look_scale for look in looks])
    assert scaled.item() == pytest.approx(term(map_loss, maps, [True, True], looks).item(), rel=1e-9)


@given(seed=seeds, count=st.integers(1, 4))
@settings(max_examples=50)
def test_each_layer_adds_at_most_two(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    maps = random.normal(size=(count, 6, 6))  # of both signs: what a map never is
    looks = [torch.from_numpy(look) for look in some_looks(seed, count)]
    distances = sum_of_distances(torch.from_numpy(maps), torch.ones(count, dtype=torch.bool), looks)
    assert distances.shape == (count,)
    assert (distances >= 0).all()
    assert (distances <= 2 * len(looks) + 1e-9).all()


def test_the_ends_of_the_range_are_reached() -> None:
    map_ = some_maps(8, 1, 4)
    same = torch.from_numpy(map_)[:, None]
    assert term(map_loss, map_, [True], [same]).item() == pytest.approx(0, abs=1e-12)
    assert term(map_loss, -map_, [True], [same]).item() == pytest.approx(2)
    elsewhere = (same == 0).double()
    assert term(map_loss, map_, [True], [elsewhere]).item() == pytest.approx(2**0.5)


@given(seed=seeds, bare=st.integers(0, 2))
@settings(max_examples=25)
def test_a_photograph_without_a_map_adds_nothing_and_is_not_moved(seed: int, bare: int) -> None:
    maps, looks = some_maps(seed, 3), some_looks(seed + 1, 3)
    has_map = [number != bare for number in range(3)]
    leaves = [torch.from_numpy(look).requires_grad_() for look in looks]
    found = term(map_loss, maps, has_map, leaves)
    found.backward()
    others = [number for number in range(3) if number != bare]
    alone = term(map_loss, maps[others], [True, True], [look[others] for look in looks])
    assert found.item() == pytest.approx(alone.item() * 2 / 3, rel=1e-9)  # it still counts in the mean
    for leaf in leaves:
        assert leaf.grad is not None
        assert not leaf.grad[bare].any()
        assert leaf.grad[others].any()


def test_a_map_of_which_the_crop_holds_nothing_is_none() -> None:
    maps, looks = some_maps(9, 2), some_looks(10, 2)
    maps[1] = 0
    leaves = [torch.from_numpy(look).requires_grad_() for look in looks]
    found = term(map_loss, maps, [True, True], leaves)
    found.backward()
    assert found.item() == pytest.approx(term(map_loss, maps, [True, False], looks).item(), rel=1e-12)
    assert all(leaf.grad is not None and not leaf.grad[1].any() for leaf in leaves)


@pytest.mark.parametrize("function", [map_loss, reference_map_loss], ids=NAMES)
def test_a_batch_without_maps_is_zero_and_can_be_learnt_from(function: MapLoss) -> None:
    leaves = [torch.from_numpy(look).requires_grad_() for look in some_looks(11)]
    found = term(function, np.zeros((2, 9, 9)), [False, False], leaves)
    found.backward()
    assert found.item() == 0
    assert all(leaf.grad is not None and not leaf.grad.any() for leaf in leaves)


def test_attention_that_is_zero_everywhere_is_as_far_as_nothing_is() -> None:
    look = torch.zeros(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    found = term(map_loss, some_maps(12, 1), [True], [look])
    found.backward()
    assert found.item() == pytest.approx(1)  # ‖R/‖R‖ − 0‖
    assert look.grad is not None
    assert look.grad.isfinite().all()
