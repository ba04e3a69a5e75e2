"""The blurs against SciPy, and bit for bit against whole numbers in plain loops."""

import hashlib
import math
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from clickme.maps import SIZE, blur, disk, disk_blur, gaussian_kernel, photograph_map, player_map, point_map
from slow_maps import divided, slow_blurred

Smooth = Callable[[np.ndarray], np.ndarray]

seeds = st.integers(0, 2**32 - 1)
shapes = st.tuples(st.integers(1, 12), st.integers(1, 12))
# Shares are at most 1, points per player may be more; a power of two is the edge between two grids.
peaks = st.sampled_from([0.01, 1.0, 1 + 2**-52, 1.5, 2.0, 4.0, 4 + 2**-50, 140.0]) | st.floats(0.001, 1000)


def some_map(seed: int = 0, players: int = 3) -> np.ndarray:
    random = np.random.default_rng(seed)
    return photograph_map(player_map(random.integers(0, SIZE, (40, 2))) for _ in range(players))


def patchy(seed: int, shape: tuple[int, ...], peak: float = 1.0) -> np.ndarray:
    """Painted in some places, the largest value being `peak`; or nothing at all."""
    random = np.random.default_rng(seed)
    sharp: np.ndarray = random.random(shape) * (random.random(shape) < 0.3)
    sharp /= max(sharp.max(), 1e-9)
    return sharp * peak


def test_the_kernel_is_a_normalised_gaussian_of_49_taps_and_sigma_28() -> None:
    kernel = gaussian_kernel()

    weights = [math.exp(-((tap - 24) ** 2) / (2 * 28.0**2)) for tap in range(49)]
    assert kernel.dtype == np.float64
    assert kernel.tolist() == [weight / math.fsum(weights) for weight in weights]
    assert math.fsum(kernel) == pytest.approx(1, abs=1e-15)


def test_the_kernel_is_scipy_s() -> None:
    impulse = np.zeros(101)
    impulse[50] = 1

    scipys = ndimage.gaussian_filter1d(impulse, 3.5, radius=7, mode="constant")

    assert np.allclose(gaussian_kernel(15, 3.5), scipys[43:58], rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    ("size", "sigma"), [(48, 28.0), (0, 28.0), (-3, 28.0), (49, 0.0), (49, -1.0), (49, math.nan)]
)
def test_an_impossible_kernel_is_refused(size: int, sigma: float) -> None:
    with pytest.raises(ValueError, match=r"odd number of taps|must be positive"):
        gaussian_kernel(size, sigma)


def scipy_blurred(sharp: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    along: np.ndarray = ndimage.correlate1d(sharp, kernel, axis=1, mode="constant")
    down: np.ndarray = ndimage.correlate1d(along, kernel, axis=0, mode="constant")
    return down


def grid_error(kernel: np.ndarray) -> float:
    """How far whole numbers may lead from real ones: two rounds of taps, and two of values in [0, 1]."""
    taps = np.rint(kernel * 2.0**26)
    return 2 * float(np.abs(taps / taps.sum() - kernel).sum()) + 2 * 2.0**-27 + 1e-14


@given(seeds, st.integers(0, 24), st.floats(0.3, 50), peaks)
def test_the_blur_is_scipy_s_but_for_the_grid(seed: int, reach: int, sigma: float, peak: float) -> None:
    sharp = patchy(seed, (60, 47), peak)
    kernel = gaussian_kernel(2 * reach + 1, sigma)

    blurred = blur(sharp, size=2 * reach + 1, sigma=sigma)

    # Above 1 the grid grows with the map's peak, to less than twice of what it would need.
    allowed = grid_error(kernel) * max(1, 2 * peak)
    assert np.allclose(blurred, scipy_blurred(sharp, kernel), rtol=0, atol=allowed)


def test_with_the_default_kernel_the_grid_is_a_matter_of_5e_7() -> None:
    sharp = some_map()

    assert grid_error(gaussian_kernel()) < 5e-7
    assert np.abs(blur(sharp) - scipy_blurred(sharp, gaussian_kernel())).max() < 5e-8


def test_a_whole_photograph_has_the_bits_of_a_plain_loop() -> None:
    sharp = some_map()

    blurred = blur(sharp)

    assert blurred.shape == (256, 256)
    assert blurred.dtype == np.float64
    assert blurred.tolist() == slow_blurred(sharp.tolist())


@given(seeds, shapes, st.integers(0, 6), st.floats(0.3, 10), peaks)
@example(0, (60, 70), 3, 2.5, 1.0)
@example(1, (33, 64), 24, 28.0, 3.7)
def test_any_map_has_the_bits_of_a_plain_loop(
    seed: int, shape: tuple[int, int], reach: int, sigma: float, peak: float
) -> None:
    sharp = patchy(seed, shape, peak)
    size = 2 * reach + 1

    assert blur(sharp, size=size, sigma=sigma).tolist() == slow_blurred(sharp.tolist(), size, sigma)


@given(st.integers(0, 2**52), st.integers(2**25, 2**26 + 49))
@example(3 * 2**25, 2**26)
@example(2**25, 2**26)
def test_a_quotient_of_floats_rounds_as_the_true_one_does(number: int, by: int) -> None:
    assert int(np.rint(np.float64(number) / by)) == divided(number, by)


either = pytest.mark.parametrize("smooth", [partial(blur, size=7, sigma=2.0), partial(disk_blur, diameter=5)])


@either
@given(seeds, st.sampled_from([(3,), (2, 2), (0,)]), shapes)
def test_a_batch_is_blurred_as_one_by_one(
    smooth: Smooth, seed: int, batch: tuple[int, ...], shape: tuple[int, int]
) -> None:
    maps = np.zeros(batch + shape)
    for number, place in enumerate(np.ndindex(batch)):
        maps[place] = patchy(seed + number, shape, peak=1 + 3 * number)

    blurred = smooth(maps)

    assert blurred.shape == maps.shape
    assert all((blurred[place] == smooth(maps[place])).all() for place in np.ndindex(batch))


@either
def test_the_layout_in_memory_changes_no_bit(smooth: Smooth) -> None:
    sharp = some_map(seed=1)
    expected = smooth(sharp)

    for layout in (np.asfortranarray(sharp), np.repeat(sharp, 2, axis=1)[:, ::2], sharp[::-1].copy()[::-1]):
        assert (smooth(layout) == expected).all()


@either
def test_a_narrow_type_changes_no_bit(smooth: Smooth) -> None:
    sharp = player_map(np.random.default_rng(2).integers(0, SIZE, (40, 2)))

    for dtype in (np.float32, np.float16):
        assert (smooth(sharp.astype(dtype)) == smooth(sharp.astype(np.float64))).all()


@either
def test_the_map_that_was_given_stays_as_it_was(smooth: Smooth) -> None:
    sharp = some_map(seed=3) * 1.7
    before = sharp.copy()

    smooth(sharp)

    assert (sharp == before).all()


@pytest.mark.parametrize(
    "elsewhere",
    [{"OPENBLAS_NUM_THREADS": "1"}, {"OPENBLAS_NUM_THREADS": "3"}, {"OPENBLAS_CORETYPE": "Prescott"}],
    ids=["one thread", "three threads", "a processor of 2004"],
)
def test_other_threads_and_processors_give_the_same_bits(elsewhere: dict[str, str]) -> None:
    maps = np.random.default_rng(4).random((3, SIZE, SIZE))
    program = """if True:
        import hashlib, numpy, clickme.maps
        maps = numpy.random.default_rng(4).random((3, 256, 256))
        print(hashlib.sha256(clickme.maps.blur(maps).tobytes()).hexdigest())
    """

    there = subprocess.check_output([sys.executable, "-c", program], env=os.environ | elsewhere, text=True)

    assert there.strip() == hashlib.sha256(blur(maps).tobytes()).hexdigest()


@given(st.sampled_from([0, 1, 100, 254, 255]), st.sampled_from([0, 1, 100, 254, 255]))
def test_paint_at_an_edge_is_clipped_and_never_wrapped(y: int, x: int) -> None:
    impulse = np.zeros((256, 256))
    impulse[y, x] = 1

    reached = np.zeros((256, 256), dtype=np.bool_)
    reached[max(y - 24, 0) : y + 25, max(x - 24, 0) : x + 25] = True
    assert ((blur(impulse) > 0) == reached).all()

    # Two disks, each reaching 10 px.
    distance = np.hypot(np.arange(256)[:, None] - y, np.arange(256)[None, :] - x)
    smooth = disk_blur(impulse)
    assert (smooth[distance <= 18] > 0).all()
    assert not smooth[distance > 20].any()


@pytest.mark.parametrize("smooth", [blur, disk_blur])
def test_where_nothing_is_painted_nothing_is_blurred(smooth: Smooth) -> None:
    assert smooth(np.zeros((2, 9, 9))).tolist() == np.zeros((2, 9, 9)).tolist()
    assert smooth(np.zeros((0, 256, 256))).shape == (0, 256, 256)


@given(seeds, st.floats(0.51, 1), st.integers(1, 8))
def test_a_map_of_twice_the_height_has_a_blur_of_twice_the_height(
    seed: int, peak: float, doublings: int
) -> None:
    sharp = patchy(seed, (20, 20), peak)

    for smooth in (blur, disk_blur):
        assert (smooth(sharp * 2**doublings) == smooth(sharp) * 2**doublings).all()


def test_the_disk_is_the_pixels_within_10_of_its_middle() -> None:
    inside = {(y, x) for y in range(21) for x in range(21) if math.dist((y, x), (10, 10)) <= 10}

    assert {(int(y), int(x)) for y, x in np.argwhere(disk())} == inside
    assert disk().sum() == disk(21).sum() == 317
    assert disk(1).tolist() == [[True]]
    assert disk(3).sum() == 5


@pytest.mark.parametrize("diameter", [20, 0, -1])
def test_a_disk_without_a_middle_is_refused(diameter: int) -> None:
    with pytest.raises(ValueError, match="odd diameter"):
        disk_blur(np.zeros((9, 9)), diameter=diameter)


def scipy_disked(sharp: np.ndarray) -> np.ndarray:
    """The mean over 317 pixels, twice, of a map that no value of which is above 1, on the grid."""
    whole = np.rint(sharp * 2**26).astype(np.int64)
    once = ndimage.convolve(whole, disk().astype(np.int64), mode="constant")
    twice: np.ndarray = ndimage.convolve(once, disk().astype(np.int64), mode="constant")
    return twice / 317**2 / 2**26


def test_a_whole_photograph_under_the_disk_is_scipy_s() -> None:
    sharp = some_map(seed=5)
    flat = disk() / 317

    blurred = disk_blur(sharp)

    in_real_numbers = ndimage.convolve(ndimage.convolve(sharp, flat, mode="constant"), flat, mode="constant")
    assert blurred.dtype == np.float64
    assert (blurred == scipy_disked(sharp)).all()
    assert np.abs(blurred - in_real_numbers).max() < 2**-26


@given(st.lists(st.tuples(st.integers(-3, 258), st.integers(-3, 258)), min_size=1, max_size=9))
@settings(max_examples=10)
def test_points_near_the_borders_under_the_disk_are_scipy_s(bubbles: list[tuple[int, int]]) -> None:
    points = np.minimum(point_map([np.array(bubbles)]), 1)

    assert (disk_blur(points) == scipy_disked(points)).all()


def slow_disked(sharp: list[list[float]], diameter: int) -> list[list[float]]:
    """The mean over a disk around each pixel, twice, in whole multiples of 2**-26 (more, in maps above 1)."""
    reach, height, width = diameter // 2, len(sharp), len(sharp[0])
    around = [
        (down, right)
        for down in range(-reach, reach + 1)
        for right in range(-reach, reach + 1)
        if down**2 + right**2 <= reach**2
    ]
    unit = 1
    while unit < max(map(max, sharp)):
        unit *= 2

    def summed(values: dict[tuple[int, int], int]) -> dict[tuple[int, int], int]:
        return {
            (y, x): sum(values.get((y + down, x + right), 0) for down, right in around) for y, x in values
        }

    whole = {(y, x): round(sharp[y][x] * 2**26 / unit) for y in range(height) for x in range(width)}
    twice = summed(summed(whole))
    return [[twice[y, x] * unit / (len(around) ** 2 * 2**26) for x in range(width)] for y in range(height)]


@given(seeds, shapes, st.sampled_from([1, 3, 5, 7, 21]), peaks)
@settings(max_examples=40)
def test_any_map_under_a_disk_has_the_bits_of_a_plain_loop(
    seed: int, shape: tuple[int, int], diameter: int, peak: float
) -> None:
    sharp = patchy(seed, shape, peak)

    assert disk_blur(sharp, diameter=diameter).tolist() == slow_disked(sharp.tolist(), diameter)
