"""How far attention follows maps, against plain loops over SciPy's correlation."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from clickme_gala.evaluate import variability
from clickme_gala.evaluate.correlation import centred
from clickme_gala.evaluate.variability import Following, Variability


def smooth(seed: int, count: int, side: int = 24) -> NDArray[np.float32]:
    """Random pictures with hills: [count, side, side], 0 or more, with many zeros."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    y, x = random.uniform(0, side, (2, count, 1, 1))
    hills = 1 - np.hypot(rows - y, columns - x) / (side / 2)
    pictures: NDArray[np.float32] = np.maximum(hills, 0).astype(np.float32)
    return pictures


def follow(attention: NDArray[np.float32], maps: NDArray[np.float32], seed: int = 0) -> Variability:
    following = Following(len(maps), seed)
    for one, map_ in zip(attention, maps, strict=True):
        following.add(centred(one), centred(map_))
    found = following.sum_up()
    assert found is not None
    return found


def test_rho_and_null_are_the_loops() -> None:
    maps = smooth(0, 7)
    attention = maps + np.random.default_rng(1).normal(0, 0.3, maps.shape).astype(np.float32)
    each = np.array([[spearmanr(a, m, axis=None).statistic for m in maps] for a in attention])
    found = follow(attention, maps)
    assert (found.photographs, found.nulls) == (7, 7)
    assert found.rho == pytest.approx(each.diagonal().mean())
    assert found.null == pytest.approx(each[~np.eye(7, dtype=bool)].mean())
    assert found.interval[0] < found.rho < found.interval[1]


def test_attention_that_is_the_map_follows_it_wholly() -> None:
    maps = smooth(2, 12)
    found = follow(np.sqrt(maps), maps)
    assert found.rho == pytest.approx(1)
    assert found.interval == pytest.approx((1, 1))
    assert found.p is not None and found.p < 0.001
    assert found.null is not None and found.null < 0.6


def test_attention_that_is_alike_everywhere_or_always_explains_no_photograph() -> None:
    maps = smooth(3, 12)
    middle = np.repeat(maps[:1], 12, axis=0)
    assert follow(middle, maps).p == 1  # all shuffles of the maps are alike to it
    flat = follow(np.ones_like(maps), maps)
    assert (flat.rho, flat.null, flat.p) == (0, 0, 1)


def test_a_map_that_is_the_same_everywhere_is_passed_over() -> None:
    maps = smooth(4, 5)
    maps[[1, 3]] = 0.5
    found = follow(smooth(5, 5), maps)
    others = follow(smooth(5, 5)[[0, 2, 4]], maps[[0, 2, 4]])
    assert (found.photographs, found.rho, found.null) == (3, others.rho, others.null)


def test_the_null_is_a_draw_of_many_photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variability, "NULLS", 4)
    maps = smooth(6, 9)
    found = [follow(maps, maps, seed) for seed in range(3)]
    assert {one.nulls for one in found} == {4} and {one.photographs for one in found} == {9}
    assert len({one.null for one in found}) == 3


def test_one_photograph_has_no_other_and_none_has_nothing() -> None:
    maps = smooth(7, 1)
    found = follow(maps, maps)
    assert found.rho == pytest.approx(1)
    assert (found.null, found.p, found.nulls) == (None, None, 0)
    assert Following(0, 0).sum_up() is None
