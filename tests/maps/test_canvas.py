"""Maps against loops written from the paper's words, one pixel at a time."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickme.maps import BUBBLE, SIZE, extent, photograph_map, player_map

# On the photograph, over its borders, and too far outside to touch it.
coordinates = st.integers(-40, SIZE + 40) | st.sampled_from([-8, -7, 0, 6, 7, 248, 249, 255, 256, 262, 263])
rounds = st.lists(st.tuples(coordinates, coordinates), max_size=140)


def pixels(bubbles: list[tuple[int, int]], *, before: int = 7, after: int = 7) -> set[tuple[int, int]]:
    """The (y, x) of every pixel in the squares from `before` px before a bubble to `after` px after it."""
    return {
        (row, column)
        for x, y in bubbles
        for row in range(y - before, y + after)
        for column in range(x - before, x + after)
        if 0 <= row < 256 and 0 <= column < 256
    }


def painted(mask: np.ndarray) -> set[tuple[int, int]]:
    return {(int(y), int(x)) for y, x in np.argwhere(mask)}


def test_the_paper_s_sizes() -> None:
    assert (SIZE, BUBBLE) == (256, 14)


def test_a_bubble_paints_its_half_open_square() -> None:
    mask = player_map(np.array([[100, 30]]))

    assert mask.shape == (256, 256)
    assert mask.dtype == np.bool_
    assert mask[23:37, 93:107].all()
    assert mask.sum() == 14 * 14


def test_a_bubble_in_a_corner_is_clipped_and_never_wrapped() -> None:
    mask = player_map(np.array([[0, 0], [255, 255]]))

    assert mask[:7, :7].all()
    assert mask[248:, 248:].all()
    assert mask.sum() == 7 * 7 + 8 * 8


def test_no_bubble_paints_nothing() -> None:
    assert not player_map(np.empty((0, 2), dtype=np.int16)).any()


@given(rounds)
def test_a_player_s_map_is_the_union_of_the_squares(bubbles: list[tuple[int, int]]) -> None:
    assert painted(player_map(np.array(bubbles, dtype=np.int16).reshape(-1, 2))) == pixels(bubbles)


@given(rounds)
def test_an_odd_square_has_the_bubble_in_its_middle(bubbles: list[tuple[int, int]]) -> None:
    mask = player_map(np.array(bubbles, dtype=np.int16).reshape(-1, 2), bubble=21)

    assert painted(mask) == pixels(bubbles, before=10, after=11)


@given(rounds, st.randoms())
def test_the_order_of_bubbles_is_nothing_to_a_map(bubbles: list[tuple[int, int]], random: Random) -> None:
    shuffled = bubbles.copy()
    random.shuffle(shuffled)

    first, second = (np.array(order, dtype=np.int16).reshape(-1, 2) for order in (bubbles, shuffled))

    assert (player_map(first) == player_map(second)).all()


def test_coordinates_may_be_of_the_log_s_narrow_type() -> None:
    """The log's int16, or uint8, which 7 px less than 0 would wrap."""
    for dtype in (np.uint8, np.dtype("<i2"), np.int64):
        assert painted(player_map(np.array([[3, 250]], dtype=dtype))) == pixels([(3, 250)])


@given(st.lists(rounds, min_size=1, max_size=7))
def test_a_photograph_s_map_is_the_exact_share_of_players(players: list[list[tuple[int, int]]]) -> None:
    shares = photograph_map(player_map(np.array(bubbles).reshape(-1, 2)) for bubbles in players)

    counts: dict[tuple[int, int], int] = {}
    for bubbles in players:
        for pixel in pixels(bubbles):
            counts[pixel] = counts.get(pixel, 0) + 1
    assert shares.dtype == np.float64
    assert painted(shares > 0) == counts.keys()
    assert all(shares[pixel] == float(Fraction(count, len(players))) for pixel, count in counts.items())


def test_a_photograph_without_players_has_no_map() -> None:
    with pytest.raises(ValueError, match="there are none"):
        photograph_map([])


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), min_size=1, max_size=20))
def test_the_extent_is_the_smallest_box_around_the_paint(bubbles: list[tuple[int, int]]) -> None:
    rows, columns = zip(*pixels(bubbles), strict=True)

    expected = (min(rows), min(columns), max(rows) + 1, max(columns) + 1)
    assert extent(photograph_map([player_map(np.array(bubbles))])) == expected


def test_nothing_painted_has_no_extent() -> None:
    with pytest.raises(ValueError, match="nothing is painted"):
        extent(np.zeros((256, 256)))
