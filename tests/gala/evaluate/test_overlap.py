"""Overlaps with objects, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clickme_gala.evaluate.overlap import Overlap, Overlapping, attended, highest, iou
from clickme_gala.evaluate.resampling import DRAWS


def mask(*rows: str) -> NDArray[np.bool_]:
    return np.array([[pixel == "#" for pixel in row] for row in rows])


def overlap(*pairs: tuple[NDArray[np.float32], NDArray[np.bool_]]) -> Overlap:
    overlapping = Overlapping()
    for pair in pairs:
        overlapping.add(*pair)
    found = overlapping.sum_up()
    assert found is not None
    return found


ATTENTION = np.array([[10, 8, 6], [4, 2, 7], [0, 1, 3]], np.float32)  # half its height: 5


def test_by_hand() -> None:
    assert (attended(ATTENTION) == mask("###", "..#", "...")).all()
    own = mask("#..", "#..", "#..")
    found = overlap((ATTENTION, own))
    assert found.iou == pytest.approx([1 / 6])  # 1 of 4 and 3
    assert found.equal_areas == pytest.approx([1 / 5])  # the three highest are 10, 8 and 7
    assert found.photographs == 1
    assert np.isnan(found.others).all()
    assert found.p_of_chance(0) is None


def test_others_are_the_photographs_before_and_the_first_comes_after_the_last() -> None:
    left, right, nothing = mask("#..", "#..", "#.."), mask("..#", "..#", "..#"), mask("...", "...", "...")
    looks_left = left.astype(np.float32)
    found = overlap((ATTENTION, nothing), (looks_left, left), (ATTENTION, nothing), (ATTENTION, right))
    assert found.photographs == 2
    np.testing.assert_allclose(found.iou, [np.nan, 1, np.nan, 2 / 5])
    np.testing.assert_allclose(found.others, [np.nan, 0, np.nan, 1 / 6])


def test_attention_may_begin_anywhere() -> None:
    for shift, scale in ((-7, 1), (100, 0.25), (0, 3)):
        np.testing.assert_array_equal(attended(ATTENTION * scale + shift), attended(ATTENTION))


def test_attention_that_is_the_same_everywhere_finds_nothing() -> None:
    found = overlap((np.full((3, 3), 0.9, np.float32), mask("##.", "...", "...")))
    assert found.iou == [0]
    assert not attended(np.zeros((3, 3), np.float32)).any()


@given(st.integers(0, 2**32), st.integers(0, 30))
def test_highest_are_so_many_and_none_below_is_left_out(seed: int, count: int) -> None:
    attention = np.random.default_rng(seed).integers(0, 6, (5, 6)).astype(np.float32)
    chosen = highest(attention, count)
    assert np.count_nonzero(chosen) == count
    assert attention[chosen].min(initial=9) >= attention[~chosen].max(initial=-9)


@given(st.integers(0, 2**32))
def test_iou_is_a_share_and_the_same_both_ways(seed: int) -> None:
    a, b = np.random.default_rng(seed).random((2, 4, 4)) < 0.4
    places_a, places_b = set(np.flatnonzero(a)), set(np.flatnonzero(b))
    either = places_a | places_b
    assert iou(a, b) == iou(b, a) == (len(places_a & places_b) / len(either) if either else 0)


def test_p_of_networks_on_the_same_photographs() -> None:
    random = np.random.default_rng(0)
    masks = random.random((40, 8, 8)) < 0.3
    knows = overlap(*((one.astype(np.float32), one) for one in masks))
    guesses = overlap(
        *(
            (noise.astype(np.float32), one)
            for noise, one in zip(random.random((40, 8, 8)), masks, strict=True)
        )
    )
    assert knows.p_against(guesses, 1) == guesses.p_against(knows, 1) == 1 / (1 + DRAWS)
    assert knows.p_against(knows, 1) == 1
    assert knows.p_of_chance(1) == 1 / (1 + DRAWS)
    chance = guesses.p_of_chance(1)
    assert chance is not None and chance > 0.01


def test_no_object_no_overlap() -> None:
    overlapping = Overlapping()
    overlapping.add(ATTENTION, np.zeros((3, 3), np.bool_))
    assert overlapping.sum_up() is None
