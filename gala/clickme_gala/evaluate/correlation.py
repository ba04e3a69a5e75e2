"""Spearman's rho from rank vectors, so that a picture that is compared with many is ranked once."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clickme.maps import ranks

STRETCH: Final = 4096  # places of all pictures that are multiplied at once: 64 MB of 2,000


def centred(picture: NDArray[np.floating]) -> NDArray[np.float32]:
    """Twice the ranks of n values, of any shape, less twice their mean: float32 [n], whole numbers.

    They sum to zero, and are all zero for a picture that is the same everywhere. n is at most 2**18 (512x512
    px): up to there sums of products are exact, and rho has the bits that `clickme.maps.spearman` gives it.
    """
    return (2 * ranks(picture) - (picture.size + 1)).astype(np.float32)


def rho(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Spearman's rho of two pictures that went through `centred`; 0 if one is the same everywhere."""
    return float(rhos([a], [b])[0, 0])


def rhos(a: Sequence[NDArray[np.float32]], b: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Spearman's rho of each of `a` with each of `b`: float64 [len(a), len(b)], as `rho`.

    One product of matrices, stretch by stretch of the pictures: beyond what is given it takes 64 MB for 2,000
    pictures on each side, and the result.
    """
    product = np.zeros((len(a), len(b)))
    squares_a, squares_b = np.zeros((len(a), 1)), np.zeros(len(b))
    for start in range(0, a[0].size, STRETCH):
        rows, columns = _stretch(a, start), _stretch(b, start)
        product += rows @ columns.T
        squares_a += np.square(rows).sum(1, keepdims=True)
        squares_b += np.square(columns).sum(1)
    spread = np.sqrt(squares_a * squares_b)
    return np.divide(product, spread, out=np.zeros_like(product), where=spread > 0)


def _stretch(pictures: Sequence[NDArray[np.float32]], start: int) -> NDArray[np.float64]:
    return np.stack([picture[start : start + STRETCH] for picture in pictures]).astype(np.float64)
