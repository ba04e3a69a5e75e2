"""The view against a loop that asks every pixel for itself."""

from random import Random

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickme_partner.view import CROP, FILLS, MEAN_COLOUR, Fill, centre, compose, ground

PHOTOGRAPH = np.random.default_rng(7).integers(0, 256, (256, 256, 3), dtype=np.uint8)

near_edges = st.one_of(st.integers(-25, 25), st.integers(231, 281), st.integers(0, 255))
bubbles = st.lists(st.tuples(near_edges, near_edges, st.integers(0, 6999)), max_size=4)


def view(painted: list[tuple[int, int, int]], size: int = 21, fill: Fill = "mean") -> npt.NDArray[np.uint8]:
    row = np.full((CROP, CROP, 3), 77, dtype=np.uint8)  # what lay there before is gone
    seen = centre(PHOTOGRAPH)
    compose(row, seen, ground(fill, seen), painted, size)
    return row


@given(bubbles, st.integers(1, 40))
def test_a_bubble_reveals_a_square_around_it(painted: list[tuple[int, int, int]], size: int) -> None:
    rows, columns = np.indices((256, 256))
    mask = np.zeros((256, 256), dtype=bool)
    for x, y, _ in painted:
        left, top = x - size // 2, y - size // 2
        mask |= (left <= columns) & (columns < left + size) & (top <= rows) & (rows < top + size)
    whole = np.where(mask[..., None], PHOTOGRAPH, np.array([124, 116, 104], np.uint8))
    assert np.array_equal(view(painted, size), whole[16:240, 16:240])


def test_the_reveal_of_the_paper_goes_ten_pixels_to_each_side() -> None:
    shown = (view([(128, 128, 0)], fill="black") == PHOTOGRAPH[16:240, 16:240]).all(axis=2)
    rows, columns = np.nonzero(shown & PHOTOGRAPH[16:240, 16:240].any(axis=2))
    assert (rows.min() + 16, rows.max() + 16) == (118, 138)
    assert (columns.min() + 16, columns.max() + 16) == (118, 138)


@given(bubbles, st.randoms(use_true_random=False))
def test_reveals_add_up_in_any_order(painted: list[tuple[int, int, int]], random: Random) -> None:
    shuffled = painted * 2
    random.shuffle(shuffled)
    assert np.array_equal(view(painted), view(shuffled))


@pytest.mark.parametrize("fill", FILLS)
def test_composing_changes_no_photograph(fill: Fill) -> None:
    before = PHOTOGRAPH.copy()
    view([(100, 100, 0)], fill=fill)[:] = 0
    assert np.array_equal(PHOTOGRAPH, before)


def test_the_mean_colour_is_that_of_imagenet() -> None:
    # 0.485, 0.456, 0.406 of 255, as torchvision's models are normalised
    assert MEAN_COLOUR.tolist() == [124, 116, 104]
    assert MEAN_COLOUR.dtype == np.uint8


def test_the_original_s_ground_is_dark_and_noisy_and_always_the_same() -> None:
    """clip(image + N(0, 0.4) - 0.5, 0, 1): its mean by numerical integration over the noise."""
    white, middle = np.full((224, 224, 3), 255, np.uint8), np.full((224, 224, 3), 127, np.uint8)
    z = np.linspace(-8, 8, 200_001)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    for photograph, level in ((white, 1.0), (middle, 127 / 255)):
        seen = ground("noisy-dark", photograph)
        expected = float((np.clip(level + 0.4 * z - 0.5, 0, 1) * density).sum()) * 255
        assert abs(float(seen.mean()) - expected) < 1.0
        assert np.array_equal(seen, ground("noisy-dark", photograph.copy()))
    assert not np.array_equal(ground("noisy-dark", white) // 2, ground("noisy-dark", middle) // 2)
