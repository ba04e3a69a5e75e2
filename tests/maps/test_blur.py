"""The blur against SciPy, and bit for bit against a plain loop."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from clickme.maps import SIZE, blur, gaussian_kernel, photograph_map, player_map


def some_map(seed: int = 0, players: int = 3) -> np.ndarray:
    random = np.random.default_rng(seed)
    return photograph_map(player_map(random.integers(0, SIZE, (40, 2))) for _ in range(players))


def loop_blurred(sharp: list[list[float]], kernel: list[float]) -> list[list[float]]:
    """Along the rows, then down the columns, taps from the lowest offset up, in Python's own float64."""
    reach = len(kernel) // 2
    height, width = len(sharp), len(sharp[0])
    along = [[0.0] * width for _ in range(height)]
    for y in range(height):
        for x in range(width):
            for tap, weight in enumerate(kernel):
                if 0 <= x + tap - reach < width:
                    along[y][x] += weight * sharp[y][x + tap - reach]
    down = [[0.0] * width for _ in range(height)]
    for y in range(height):
        for x in range(width):
            for tap, weight in enumerate(kernel):
                if 0 <= y + tap - reach < height:
                    down[y][x] += weight * along[y + tap - reach][x]
    return down


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


@given(st.integers(0, 2**32 - 1), st.integers(1, 24), st.floats(0.3, 50))
def test_the_blur_is_scipy_s(seed: int, reach: int, sigma: float) -> None:
    sharp = np.random.default_rng(seed).random((60, 47))
    kernel = gaussian_kernel(2 * reach + 1, sigma)

    along = ndimage.correlate1d(sharp, kernel, axis=1, mode="constant")
    both = ndimage.correlate1d(along, kernel, axis=0, mode="constant")

    assert np.allclose(blur(sharp, size=2 * reach + 1, sigma=sigma), both, rtol=1e-12, atol=1e-300)


def test_a_whole_photograph_has_the_bits_of_a_plain_loop() -> None:
    sharp = some_map()

    blurred = blur(sharp)

    assert blurred.shape == (256, 256)
    assert blurred.dtype == np.float64
    assert blurred.tolist() == loop_blurred(sharp.tolist(), gaussian_kernel().tolist())


@given(st.integers(0, 2**32 - 1), st.tuples(st.integers(1, 9), st.integers(1, 9)), st.integers(0, 6))
def test_small_maps_have_the_bits_of_a_plain_loop(seed: int, shape: tuple[int, int], reach: int) -> None:
    sharp = np.random.default_rng(seed).random(shape)
    kernel = gaussian_kernel(2 * reach + 1, 2.5)

    assert blur(sharp, size=2 * reach + 1, sigma=2.5).tolist() == loop_blurred(
        sharp.tolist(), kernel.tolist()
    )


def test_the_layout_in_memory_changes_no_bit() -> None:
    sharp = some_map(seed=1)

    assert (blur(sharp) == blur(np.asfortranarray(sharp))).all()


def test_paint_at_an_edge_is_clipped_and_never_wrapped() -> None:
    corner = np.zeros((256, 256))
    corner[0, 0] = 1

    blurred = blur(corner)

    middle_to_end = gaussian_kernel()[24:]
    assert (blurred[:25, :25] == np.outer(middle_to_end, middle_to_end)).all()
    assert not blurred[25:].any()
    assert not blurred[:, 25:].any()
