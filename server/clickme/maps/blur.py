"""The blurs that make a smooth map out of squares or points.

Everything is summed in whole numbers: values are taken as multiples of 2**-26 and taps as whole numbers whose
sum is about 2**26, so that no sum leaves the 53 bits in which float64 is exact. Sums then have the same bits
in any order, on any processor, by any library: a cluster of unlike machines writes the same maps as a laptop.
The price, with the default kernel, is a difference from a blur in real numbers of at most 5e-7 of the largest
value, or of 1 where that is larger; on painted maps it is some 2e-8.
"""

import math
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from clickme.maps.canvas import extent

KERNEL = 49  # px, paper, appendix
SIGMA = 28.0  # px, the reference trainer's; the paper names none
DISK = 21  # px, the diameter of ClickMe 2's flat disk
GRID = 2.0**26
# px. Near the quickest of 16 to 128 for 49 taps, and so small that OpenBLAS starts no threads for a block: on
# busy cores they wait for each other, and took more than twice as long.
BLOCK = 24


def gaussian_kernel(size: int = KERNEL, sigma: float = SIGMA) -> NDArray[np.float64]:
    """A Gaussian cut off at `size` taps: float64 [size], symmetric, sum 1.

    `size` is odd, `sigma` is positive, both in px; `ValueError` otherwise. With the defaults the outermost
    tap is 0.69 of the middle one: nearly a box.
    """
    if size < 1 or size % 2 == 0:
        raise ValueError(f"a kernel has an odd number of taps, not {size}")
    if not 0 < sigma < math.inf:
        raise ValueError(f"sigma must be positive, not {sigma}")
    reach = size // 2
    weights = [math.exp(-(offset**2) / (2 * sigma**2)) for offset in range(-reach, reach + 1)]
    total = math.fsum(weights)
    return np.array([weight / total for weight in weights])


def blur(maps: NDArray[np.floating], *, size: int = KERNEL, sigma: float = SIGMA) -> NDArray[np.float64]:
    """Maps under a `size` x `size` Gaussian: float64 [..., height, width], as large as `maps`.

    `maps` is [..., height, width], never negative. Outside the photograph is zero. The taps are
    `gaussian_kernel` times 2**26, rounded, and divided by their sum. Values are rounded to whole multiples of
    2**-26, half to even; where a map goes above 1, of 2**-26 times the least power of two that is not below
    it. Along each row first (x): the sums are divided by the taps' sum and rounded likewise; then down each
    column (y): divided again, and not rounded.
    """
    taps = np.rint(gaussian_kernel(size, sigma) * GRID)
    blurred = np.zeros(maps.shape)
    if not blurred.size:
        return blurred
    *_, height, width = maps.shape
    along_x, along_y = _banded(width, taps.tobytes()), _banded(height, taps.tobytes())
    halfway = np.empty((height, width))
    for place in np.ndindex(maps.shape[:-2]):
        _blur_one(maps[place], blurred[place], halfway, along_x, along_y, taps.sum(), reach=size // 2)
    return blurred


def _blur_one(
    sharp: NDArray[np.floating],
    blurred: NDArray[np.float64],
    halfway: NDArray[np.float64],
    along_x: NDArray[np.float64],
    along_y: NDArray[np.float64],
    total: float,
    reach: int,
) -> None:
    """Write the blur of one map into `blurred`, which is zero: only what the paint can reach is worked out.

    A product with a banded matrix is a blur, and the quickest that NumPy has. `blurred` also lends the room
    for the whole numbers, and everything happens in place: fresh memory costs more than the sums in it.
    """
    if not sharp.any():
        return
    y, x = _box(sharp)
    near_y, near_x = _around(y, reach, len(along_y)), _around(x, reach, len(along_x))
    unit = _unit(sharp[y, x])
    whole = np.multiply(sharp[y, x], GRID / unit, out=blurred[y, x], dtype=np.float64)
    np.rint(whole, out=whole)
    for seen, written in _blocks(x, near_x, reach):
        np.matmul(blurred[y, seen], along_x[seen, written], out=halfway[y, written])
    sums = halfway[y, near_x]
    np.rint(np.divide(sums, total, out=sums), out=sums)
    for seen, written in _blocks(y, near_y, reach):
        np.matmul(along_y[written, seen], halfway[seen, near_x], out=blurred[written, near_x])
    sums = blurred[near_y, near_x]
    np.multiply(np.divide(sums, total, out=sums), unit / GRID, out=sums)


def _box(sharp: NDArray[np.floating]) -> tuple[slice, slice]:
    """The rows and columns of what is painted."""
    top, left, bottom, right = extent(sharp)
    return slice(top, bottom), slice(left, right)


def _around(painted: slice, reach: int, length: int) -> slice:
    """What lies within `reach` of the paint, and in the photograph."""
    return slice(max(painted.start - reach, 0), min(painted.stop + reach, length))


def _blocks(painted: slice, near: slice, reach: int) -> Iterator[tuple[slice, slice]]:
    """Stretches of `near`, each after the part of the paint that reaches it: most of a band is zero."""
    for start in range(near.start, near.stop, BLOCK):
        stop = min(start + BLOCK, near.stop)
        yield slice(max(start - reach, painted.start), min(stop + reach, painted.stop)), slice(start, stop)


def _unit(values: NDArray[np.floating]) -> float:
    """The power of two that is not less than any value, and at least 1: maps of shares have unit 1."""
    mantissa, exponent = math.frexp(values.max())  # not log2, whose last bit is each library's own
    return 2.0 ** max(0, exponent - (mantissa == 0.5))


@lru_cache(maxsize=8)
def _banded(length: int, taps: bytes) -> NDArray[np.float64]:
    """[length, length]: the tap by which the value at one place counts at another; symmetric as the taps."""
    kernel = np.frombuffer(taps)
    reach = len(kernel) // 2
    offsets = np.arange(length)[:, None] - np.arange(length)[None, :]
    near = np.abs(offsets) <= reach
    return np.where(near, kernel[np.where(near, offsets + reach, 0)], 0.0)


def disk(diameter: int = DISK) -> NDArray[np.bool_]:
    """A flat disk: bool [diameter, diameter], true at most (diameter - 1) / 2 px from its middle.

    `diameter` is odd, in px; `ValueError` otherwise. 317 pixels with the default.
    """
    if diameter < 1 or diameter % 2 == 0:
        raise ValueError(f"a disk has an odd diameter, not {diameter}")
    offsets = np.arange(diameter) - diameter // 2
    inside: NDArray[np.bool_] = offsets[:, None] ** 2 + offsets[None, :] ** 2 <= (diameter // 2) ** 2
    return inside


def disk_blur(maps: NDArray[np.floating], *, diameter: int = DISK) -> NDArray[np.float64]:
    """Maps averaged over a flat disk around each pixel, twice (ClickMe 2): float64 [..., height, width].

    `maps` is [..., height, width], never negative. Outside the photograph is zero, and counts. Values are
    rounded to whole multiples as in `blur`; the whole numbers of both passes are summed exactly and divided
    once.
    """
    area = int(disk(diameter).sum())
    blurred = np.zeros(maps.shape)
    for place in np.ndindex(maps.shape[:-2]):
        sharp = maps[place]
        if sharp.any():
            y, x = _box(sharp)
            # Each pass reaches half a diameter further.
            near = _around(y, diameter - 1, sharp.shape[0]), _around(x, diameter - 1, sharp.shape[1])
            unit = _unit(sharp[y, x])
            whole = np.rint(sharp[near] * np.float64(GRID / unit)).astype(np.int64)
            summed = _disk_sums(_disk_sums(whole, diameter), diameter)
            np.divide(summed, area * area, out=blurred[place][near])
            blurred[place][near] *= unit / GRID
    return blurred


def _disk_sums(whole: NDArray[np.int64], diameter: int) -> NDArray[np.int64]:
    """The sum over the disk around each pixel of [height, width].

    A row of the disk is a stretch, and the sum over a stretch is a difference of two running sums.
    """
    reach, (height, width) = diameter // 2, whole.shape
    running = np.zeros((height + 2 * reach, width + 2 * reach + 1), dtype=np.int64)
    end = reach + 1 + width
    np.cumsum(whole, axis=1, out=running[reach : reach + height, reach + 1 : end])
    running[:, end:] = running[:, end - 1 : end]
    summed, stretch = np.zeros_like(whole), np.empty((height + 2 * reach, width), dtype=np.int64)
    for half, rows in _rows_by_half(diameter).items():
        right, left = reach + half + 1, reach - half
        np.subtract(running[:, right : right + width], running[:, left : left + width], out=stretch)
        for row in rows:
            summed += stretch[row : row + height]
    return summed


@lru_cache(maxsize=8)
def _rows_by_half(diameter: int) -> dict[int, list[int]]:
    """The rows of the disk under how far they go to either side of its middle."""
    rows: dict[int, list[int]] = {}
    for row, inside in enumerate(disk(diameter)):
        rows.setdefault(int(inside.sum()) // 2, []).append(row)
    return rows
