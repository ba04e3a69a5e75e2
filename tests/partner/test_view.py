"""The view against a loop that asks every pixel for itself."""

from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clickme_partner.view import CROP, MEAN_COLOUR, compose, reveal

near_edges = st.one_of(st.integers(-25, 25), st.integers(231, 281), st.integers(0, 255))
bubbles = st.lists(st.tuples(near_edges, near_edges), max_size=4)


@given(near_edges, near_edges)
def test_a_reveal_is_a_square_of_21_px_around_the_bubble_clipped_at_the_edges(x: int, y: int) -> None:
    mask = np.zeros((256, 256), dtype=bool)
    reveal(mask, x, y)
    inside_x = [x - 10 <= column < x + 11 for column in range(256)]
    inside_y = [y - 10 <= row < y + 11 for row in range(256)]
    assert np.array_equal(mask, np.outer(inside_y, inside_x))


@given(near_edges, near_edges, st.integers(1, 40))
def test_a_reveal_of_another_size_begins_half_of_it_before_the_bubble(x: int, y: int, size: int) -> None:
    mask = np.zeros((256, 256), dtype=bool)
    reveal(mask, x, y, size)
    shown = {(int(row), int(column)) for row, column in np.argwhere(mask)}
    square = {(y - size // 2 + i, x - size // 2 + j) for i in range(size) for j in range(size)}
    assert shown == {(row, column) for row, column in square if 0 <= row < 256 and 0 <= column < 256}


@given(bubbles, st.randoms(use_true_random=False))
def test_reveals_add_up_in_any_order(bubbles: list[tuple[int, int]], random: Random) -> None:
    one, other = np.zeros((2, 256, 256), dtype=bool)
    for x, y in bubbles:
        reveal(one, x, y)
    random.shuffle(bubbles)
    for x, y in bubbles * 2:
        reveal(other, x, y)
    assert np.array_equal(one, other)


def test_the_view_shows_the_centre_where_it_is_painted_and_the_mean_colour_elsewhere() -> None:
    random = np.random.default_rng(7)
    photograph = random.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    mask = random.random((256, 256)) < 0.5
    view = compose(photograph, mask)
    assert view.shape == (CROP, CROP, 3)
    assert view.dtype == np.uint8
    for row in range(224):
        for column in range(224):
            seen = mask[16 + row, 16 + column]
            colour = photograph[16 + row, 16 + column] if seen else (124, 116, 104)
            assert tuple(view[row, column]) == tuple(colour)


@given(bubbles)
def test_composing_changes_neither_photograph_nor_mask(bubbles: list[tuple[int, int]]) -> None:
    photograph, mask = np.full((256, 256, 3), 9, dtype=np.uint8), np.zeros((256, 256), dtype=bool)
    for x, y in bubbles:
        reveal(mask, x, y)
    before = mask.copy()
    view = compose(photograph, mask)
    view[:] = 0
    assert np.array_equal(mask, before)
    assert (photograph == 9).all()


def test_the_mean_colour_is_that_of_imagenet() -> None:
    # 0.485, 0.456, 0.406 of 255, as torchvision's models are normalised
    assert MEAN_COLOUR.tolist() == [124, 116, 104]
    assert MEAN_COLOUR.dtype == np.uint8
