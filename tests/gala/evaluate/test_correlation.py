"""Spearman's rho from rank vectors, against the one of `clickme.maps` and SciPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import spearmanr

from clickme.maps import spearman
from clickme_gala.evaluate.correlation import centred, rho, rhos


def pictures(seed: int, count: int, side: int, levels: int) -> list[NDArray[np.float32]]:
    """Random pictures with ties."""
    random = np.random.default_rng(seed)
    return list(random.integers(0, levels, (count, side, side)).astype(np.float32))


@given(st.integers(0, 2**32), st.integers(1, 90), st.sampled_from([1, 2, 5, 1000]))
def test_rho_has_the_bits_of_the_maps_own(seed: int, side: int, levels: int) -> None:
    ours, theirs = pictures(seed, 3, side, levels), pictures(seed + 1, 2, side, levels)
    found = rhos([centred(one) for one in ours], [centred(one) for one in theirs])
    wanted = np.array([[spearman(one, other) for other in theirs] for one in ours])
    np.testing.assert_array_equal(found, np.nan_to_num(wanted, nan=0.0))


def test_rho_is_scipys() -> None:
    one, other = pictures(3, 2, 100, 40)
    assert rho(centred(one), centred(other)) == pytest.approx(spearmanr(one, other, axis=None).statistic)


def test_what_is_the_same_everywhere_follows_nothing() -> None:
    flat, picture = np.full((5, 5), 0.3, np.float32), pictures(0, 1, 5, 9)[0]
    assert not centred(flat).any()
    assert rho(centred(flat), centred(picture)) == 0
