"""The blur that makes a map out of squares smooth (paper, appendix: a 49x49 kernel)."""

import math

import numpy as np
from numpy.typing import NDArray

KERNEL = 49  # px, paper, appendix
SIGMA = 28.0  # px, the reference trainer's; the paper names none


def gaussian_kernel(size: int = KERNEL, sigma: float = SIGMA) -> NDArray[np.float64]:
    """A Gaussian cut off at `size` taps: float64 [size], symmetric, sum 1.

    `size` is odd, `sigma` is positive, both in px; `ValueError` otherwise. With the defaults the outermost
    tap is 0.69 of the middle one: nearly a box.
    """
    if size < 1 or size % 2 == 0:
        raise ValueError(f"a kernel has an odd number of taps, not {size}")
    if not sigma > 0:
        raise ValueError(f"sigma must be positive, not {sigma}")
    reach = size // 2
    weights = [math.exp(-(offset**2) / (2 * sigma**2)) for offset in range(-reach, reach + 1)]
    total = math.fsum(weights)
    return np.array([weight / total for weight in weights])


def blur(sharp: NDArray[np.floating], *, size: int = KERNEL, sigma: float = SIGMA) -> NDArray[np.float64]:
    """The map under a `size` x `size` Gaussian: float64 [height, width], as large as `sharp`.

    Outside the photograph is zero. Along each row first (x), then down each column (y). Every sum runs over
    the taps from the lowest offset to the highest, each product rounded before it is added, all in float64:
    so a plain loop gives the same bits. A matrix product would be quicker, but adds in an order of its own.
    """
    kernel = gaussian_kernel(size, sigma)
    rows_blurred = _blur_columns(np.asarray(sharp, dtype=np.float64).T, kernel)
    return _blur_columns(rows_blurred.T, kernel)


def _blur_columns(sharp: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    height, width = sharp.shape
    reach = len(kernel) // 2
    padded = np.zeros((height + 2 * reach, width))  # rows of memory lie as rows of the sum, whatever came in
    padded[reach : reach + height] = sharp
    blurred = np.zeros((height, width))
    product = np.empty_like(blurred)
    for tap, weight in enumerate(kernel):
        np.multiply(padded[tap : tap + height], weight, out=product)
        blurred += product
    return blurred
