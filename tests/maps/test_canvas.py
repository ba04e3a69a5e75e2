"""Maps against loops written from the paper's words, one pixel at a time."""

from collections import Counter
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickme.maps import BUBBLE, SIZE, count_map, extent, photograph_map, player_map, point_map

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


def array(bubbles: list[tuple[int, int]]) -> np.ndarray:
    return np.array(bubbles, dtype=np.int16).reshape(-1, 2)


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
    assert painted(player_map(array(bubbles))) == pixels(bubbles)


@given(rounds)
def test_an_odd_square_has_the_bubble_in_its_middle(bubbles: list[tuple[int, int]]) -> None:
    mask = player_map(array(bubbles), bubble=21)

    assert painted(mask) == pixels(bubbles, before=10, after=11)


@given(rounds, st.randoms())
def test_the_order_of_bubbles_is_nothing_to_a_map(bubbles: list[tuple[int, int]], random: Random) -> None:
    shuffled = bubbles.copy()
    random.shuffle(shuffled)

    first, second = (array(order) for order in (bubbles, shuffled))

    assert (player_map(first) == player_map(second)).all()


def test_coordinates_may_be_of_the_log_s_narrow_type() -> None:
    """The log's int16, or uint8, which 7 px less than 0 would wrap."""
    for dtype in (np.uint8, np.dtype("<i2"), np.int64):
        assert painted(player_map(np.array([[3, 250]], dtype=dtype))) == pixels([(3, 250)])


@given(st.lists(rounds, min_size=1, max_size=7))
def test_a_photograph_s_map_is_the_exact_share_of_players(players: list[list[tuple[int, int]]]) -> None:
    shares = photograph_map(player_map(array(bubbles)) for bubbles in players)

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


def test_a_count_map_has_squares_of_18_px_over_their_highest_pile() -> None:
    counts = count_map(np.array([[100, 30], [100, 30], [109, 30], [60, 200]]))

    assert counts.dtype == np.float64
    assert counts[21:39, 100:109].tolist() == [[1.0] * 9] * 18
    assert (counts[21:39, 91:100] == 2 / 3).all()
    assert (counts[21:39, 109:118] == 1 / 3).all()
    assert (counts[191:209, 51:69] == 1 / 3).all()
    assert (counts > 0).sum() == 18 * 27 + 18 * 18


@given(rounds, st.sampled_from([1, 2, 14, 17, 18, 21]))
@settings(max_examples=50)
def test_a_count_map_is_the_share_of_the_largest_count(bubbles: list[tuple[int, int]], box: int) -> None:
    counts = Counter(
        pixel for bubble in bubbles for pixel in pixels([bubble], before=box // 2, after=box - box // 2)
    )

    shares = count_map(array(bubbles), box=box)

    highest = max(counts.values(), default=1)
    assert painted(shares) == counts.keys()
    assert all(shares[pixel] == float(Fraction(count, highest)) for pixel, count in counts.items())


@given(st.lists(rounds, min_size=1, max_size=5))
def test_a_point_map_is_the_mean_of_bubbles_over_players(players: list[list[tuple[int, int]]]) -> None:
    points = point_map(array(bubbles) for bubbles in players)

    counts = Counter((y, x) for bubbles in players for x, y in bubbles if 0 <= x < 256 and 0 <= y < 256)
    assert points.shape == (256, 256)
    assert points.dtype == np.float64
    assert painted(points) == counts.keys()
    assert all(points[pixel] == float(Fraction(count, len(players))) for pixel, count in counts.items())


def test_points_without_players_are_no_map() -> None:
    with pytest.raises(ValueError, match="there are none"):
        point_map([])


def test_no_bubble_on_the_photograph_counts_nowhere() -> None:
    for outside in (np.empty((0, 2), dtype=np.int16), np.array([[-9, 100], [100, 265], [256 + 9, -9]])):
        assert not count_map(outside).any()
        assert not point_map([outside]).any()


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), min_size=1, max_size=20))
def test_the_extent_is_the_smallest_box_around_the_paint(bubbles: list[tuple[int, int]]) -> None:
    rows, columns = zip(*pixels(bubbles), strict=True)

    expected = (min(rows), min(columns), max(rows) + 1, max(columns) + 1)
    assert extent(photograph_map([player_map(np.array(bubbles))])) == expected


def test_nothing_painted_has_no_extent() -> None:
    with pytest.raises(ValueError, match="nothing is painted"):
        extent(np.zeros((256, 256)))
