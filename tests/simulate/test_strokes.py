"""Where strategies lead that walk from one place of worth to the next."""

import random
from itertools import islice

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from clickme.game.rules import Bubble, Rules, check
from clickme.simulate.strokes import Strategy, contrast, evidence, follow

RULES = Rules()
UNSEEN = np.zeros((256, 256), np.uint8)


def painted(strategy: Strategy, photograph: npt.NDArray[np.uint8], seed: int) -> list[tuple[int, int]]:
    """A whole round of bubbles."""
    bubbles: list[tuple[int, int]] = []
    for cursor in islice(strategy(RULES, photograph, random.Random(seed)), RULES.most_bubbles):
        bubbles.append(follow(RULES, bubbles[-1] if bubbles else None, cursor))
    return bubbles


# Written down before `contrast` shared its walk with `evidence`: rounds that were simulated can be again.
@pytest.mark.parametrize(
    ("seed", "bubbles"),
    [
        (0, [(133, 130), (207, 11), (38, 77), (81, 217), (238, 185)]),
        (1, [(133, 131), (233, 59), (104, 116), (36, 248), (230, 227)]),
        (7, [(133, 132), (232, 65), (80, 51), (58, 203), (238, 210)]),
    ],
)
def test_contrast_paints_what_it_always_has(seed: int, bubbles: list[tuple[int, int]]) -> None:
    y, x = np.indices((256, 256))
    photograph = ((x * x // 64 + y * 3) % 256).astype(np.uint8)
    at = painted(contrast, photograph, seed)
    assert [at[number] for number in (0, 34, 69, 104, 139)] == bubbles


@given(arrays.arrays(np.float32, (7, 7), elements=st.floats(-30, 30, width=32)), st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_whatever_the_evidence_the_brush_keeps_the_laws(map_: npt.NDArray[np.float32], seed: int) -> None:
    bubbles = painted(evidence(map_), UNSEEN, seed)
    timed = [Bubble(*at, tick * RULES.tick_ms) for tick, at in enumerate(bubbles)]
    check(RULES, None, timed, RULES.limit_ms)
    assert len(bubbles) == 140
    assert bubbles == painted(evidence(map_), UNSEEN, seed)


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_evidence_leads_to_where_it_lies(row: int, column: int, seed: int) -> None:
    map_ = np.full((7, 7), -1.0)
    map_[row, column] = 5.0

    bubbles = painted(evidence(map_), UNSEEN, seed)

    # The view begins 16 px inside the photograph, and a place of it is 32 px wide.
    middle = 16 + 32 * np.array([column, row]) + 15.5
    assert np.abs(np.array(bubbles[0]) - middle).max() < 20
    assert np.abs(np.array(bubbles[:10]) - middle).mean() < 32


def test_each_player_has_a_hand_of_its_own() -> None:
    map_ = np.random.default_rng(0).random((7, 7))
    rounds = {tuple(painted(evidence(map_), UNSEEN, seed)) for seed in range(5)}
    assert len(rounds) == 5


def test_what_speaks_against_the_class_leads_nowhere() -> None:
    one, other = np.full((7, 7), -1.0), np.full((7, 7), -20.0)
    one[2, 3] = other[2, 3] = 1.0
    assert painted(evidence(one), UNSEEN, 0) == painted(evidence(other), UNSEEN, 0)
