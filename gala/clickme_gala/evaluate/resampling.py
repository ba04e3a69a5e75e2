"""What might have come out by chance: an interval by drawing anew, and two randomization tests."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

BOOTSTRAP: Final = 1_000  # draws of an interval
DRAWS: Final = 10_000  # of a randomization test, as in the paper
TOGETHER: Final = 100  # draws that are made at once
ROUNDING: Final = 1e-12  # two sums of the same numbers, in another order, are nearer than this


def interval(values: NDArray[np.float64], seed: int) -> tuple[float, float]:
    """Where the mean of values [n] lies in 95 % of draws of n of them, with replacement. n is 1 or more."""
    random = np.random.default_rng(seed)
    means = [values[random.integers(values.size, size=values.size)].mean() for _ in range(BOOTSTRAP)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def flipped(differences: NDArray[np.float64], seed: int) -> float:
    """The two-sided p of paired differences [n], n 1 or more, that they are as often on either side of zero.

    Their signs are flipped at random, `DRAWS` times: p = (1 + how many means of these are as far from zero as
    theirs, or farther) / (1 + draws).
    """
    random = np.random.default_rng(seed)
    observed = abs(differences.mean()) - ROUNDING
    as_far = 0
    for _ in range(DRAWS // TOGETHER):
        signs = random.integers(2, size=(TOGETHER, differences.size), dtype=np.int8) * 2.0 - 1
        as_far += int(np.count_nonzero(np.abs(signs @ differences) / differences.size >= observed))
    return (1 + as_far) / (1 + DRAWS)


def shuffled(correlations: NDArray[np.float64], seed: int) -> float:
    """The one-sided p of the mean of a diagonal [n, n], that its partners might be anybody's.

    Row i is one thing, column j another, and i belongs to i. Partners are shuffled at random, `DRAWS` times:
    p = (1 + how many means of these are as high as the diagonal's, or higher) / (1 + draws).
    """
    random = np.random.default_rng(seed)
    rows = np.arange(len(correlations))
    observed = correlations.diagonal().mean() - ROUNDING
    as_high = 0
    for _ in range(DRAWS // TOGETHER):
        partners = random.permuted(np.tile(rows, (TOGETHER, 1)), axis=1)
        as_high += int(np.count_nonzero(correlations[rows, partners].mean(1) >= observed))
    return (1 + as_high) / (1 + DRAWS)
