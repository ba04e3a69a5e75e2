"""Intervals and randomization tests, against theory and against all that might have been drawn."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy.stats import norm

from clickme_gala.evaluate.resampling import DRAWS, flipped, interval, shuffled

DIFFERENCES = [
    [0.3, 0.1, -0.2, 0.4, 0.25, 0.05, -0.1, 0.35],
    [0.1, -0.1, 0.1, -0.1, 0.2, 0.0, 0.1],
    [0.5, 0.4, 0.3, 0.2, 0.1, 0.6, 0.7, 0.35, 0.25],
    [-0.2, -0.3, -0.1, -0.25, 0.05],
]


def within_chance(p: float, exact: float) -> bool:
    """Whether a p of random draws is as near to the exact one as four standard errors."""
    return bool(abs(p - exact) <= 4 * np.sqrt(exact * (1 - exact) / DRAWS) + 1 / DRAWS)


@pytest.mark.parametrize("differences", DIFFERENCES)
def test_flipped_signs_come_out_as_all_flips_do(differences: list[float]) -> None:
    sums = [
        abs(sum(sign * difference for sign, difference in zip(signs, differences, strict=True)))
        for signs in product((-1, 1), repeat=len(differences))
    ]
    exact = sum(one >= abs(sum(differences)) - 1e-9 for one in sums) / len(sums)
    assert within_chance(flipped(np.array(differences), seed=5), exact)


def test_no_difference_is_no_evidence_and_many_alike_are_all_there_can_be() -> None:
    assert flipped(np.zeros(9), seed=0) == 1
    assert flipped(np.full(200, 0.1), seed=0) == 1 / (1 + DRAWS)
    assert flipped(np.full(200, -0.1), seed=0) == 1 / (1 + DRAWS)


@pytest.mark.parametrize("own", [0.0, 0.15, 0.6])
def test_shuffled_partners_come_out_as_all_orders_do(own: float) -> None:
    correlations = np.random.default_rng(2).uniform(-0.5, 0.5, (5, 5)) + own * np.eye(5)
    means = [correlations[np.arange(5), order].mean() for order in permutations(range(5))]
    exact = sum(mean >= correlations.diagonal().mean() - 1e-9 for mean in means) / len(means)
    assert within_chance(shuffled(correlations, seed=5), exact)


def test_an_interval_is_about_as_wide_as_the_normal_one() -> None:
    values = np.random.default_rng(0).normal(0.4, 0.2, 1000)
    low, high = interval(values, seed=3)
    half = norm.ppf(0.975) * values.std() / np.sqrt(values.size)
    assert low == pytest.approx(values.mean() - half, abs=half / 5)
    assert high == pytest.approx(values.mean() + half, abs=half / 5)


def test_the_seed_is_all_the_chance_there_is() -> None:
    values = np.random.default_rng(1).normal(0.1, 0.3, 30)
    assert interval(values, 4) == interval(values, 4) != interval(values, 5)
    assert flipped(values, 4) == flipped(values, 4)
