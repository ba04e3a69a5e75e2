"""Rounds of code players without a server: the brush's laws, the game's verdicts, views by the batch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickme.game.round import Round
from clickme.game.rules import Bubble, Rules, check
from clickme.partners.bundled import bundled
from clickme.partners.rounds import Look, Painted, Played, counts, paint, places, play, views
from clickme_partner.session import Session
from clickme_partner.view import FILLS, Fill

RULES = Rules()
KOALA = 105


@pytest.fixture(scope="module")
def photographs() -> npt.NDArray[np.uint8]:
    """Three of the bundled ones: a goldfish, a koala, a dog."""
    return bundled()[0][[0, 4, 5]]


class Says:
    """A partner to which every view is the same: it names these classes, in this order."""

    version = "says@nothing"

    def __init__(self, *classes: int) -> None:
        self.beliefs = np.zeros(1000, np.float32)
        self.beliefs[list(classes)] = np.arange(len(classes), 0, -1)
        self.batches: list[int] = []

    def logits(self, views: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        assert views.dtype == np.uint8
        assert views.shape[1:] == (224, 224, 3)
        self.batches.append(len(views))
        return np.tile(self.beliefs, (len(views), 1))

    def wake(self) -> None: ...

    def close(self) -> None: ...


def seen(
    photograph: npt.NDArray[np.uint8], bubbles: Sequence[tuple[int, int]], unpainted: int | None
) -> npt.NDArray[np.uint8]:
    """The view by its definition, pixel by pixel; `unpainted` None: the mean colour."""
    ys, xs = np.indices((256, 256))
    painted = np.zeros((256, 256), np.bool_)
    for x, y in bubbles:
        painted |= (abs(xs - x) <= 10) & (abs(ys - y) <= 10)
    colour = np.rint([0.485 * 255, 0.456 * 255, 0.406 * 255]) if unpainted is None else unpainted
    return np.where(painted[..., None], photograph, colour).astype(np.uint8)[16:240, 16:240]


def test_whoever_paints_keeps_the_laws_of_the_brush(photographs: npt.NDArray[np.uint8]) -> None:
    painted = paint(RULES, photographs, strategies=("spiral", "contrast", "wander"), players=2)
    assert len({one.bubbles for one in painted}) == len(painted) == 3 * 3 * 2
    for one in painted:
        assert len(one.bubbles) == 140
        timed = [Bubble(*at, tick * RULES.tick_ms) for tick, at in enumerate(one.bubbles)]
        check(RULES, None, timed, RULES.limit_ms)


def test_strokes_depend_on_the_name_and_on_nothing_beside_it(photographs: npt.NDArray[np.uint8]) -> None:
    together = paint(RULES, photographs, players=2, names=["fish", "koala", "dog"])
    alone = paint(RULES, photographs[1:2], strategies=["contrast"], players=1, names=["koala"])
    found = [one for one in together if (one.photograph, one.strategy, one.player) == (1, "contrast", 0)]
    assert [one.bubbles for one in found] == [one.bubbles for one in alone]
    other = paint(RULES, photographs[1:2], strategies=["contrast"], players=1, names=["bear"])
    assert other[0].bubbles != alone[0].bubbles


@given(
    st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), max_size=12),
    st.sampled_from(["mean", "black"]),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=15)
def test_a_view_is_what_is_painted_on_the_fill(bubbles: list[tuple[int, int]], fill: Fill, seed: int) -> None:
    photograph = np.random.default_rng(seed).integers(0, 256, (1, 256, 256, 3), np.uint8)
    looks = [Look(Painted(0, "", 0, tuple(bubbles)), count) for count in range(len(bubbles) + 1)]
    batches = list(views(Rules(fill=fill), photograph, looks, batch=5))
    assert all(len(rows) == 5 for rows in batches[:-1])
    for look, view in zip(looks, np.concatenate(batches), strict=True):
        shown = seen(photograph[0], bubbles[: look.count], None if fill == "mean" else 0)
        np.testing.assert_array_equal(view, shown)


def test_a_noisy_ground_is_the_same_for_all_views_of_a_photograph(
    photographs: npt.NDArray[np.uint8],
) -> None:
    painted = Painted(1, "", 0, ((128, 128), (30, 30)))
    one, two = np.concatenate(
        list(views(Rules(fill="noisy-dark"), photographs, [Look(painted, 1), Look(painted, 2)], batch=1))
    )
    assert (one != two).any(axis=-1).sum() <= 21 * 21
    assert one[:50, 100:].mean() < photographs[1, 16:66, 116:].mean() / 2  # it is dark


@pytest.mark.parametrize("fill", FILLS)
def test_rounds_go_as_in_the_game(koala_model: Path, photographs: npt.NDArray[np.uint8], fill: Fill) -> None:
    session, rules = Session(koala_model), Rules(fill=fill, top_k=5)
    painted = paint(rules, photographs)
    for one, played in zip(
        painted, play(session, rules, photographs, [KOALA, KOALA, 901], painted), strict=True
    ):
        wanted = KOALA if one.photograph < 2 else 901
        round_ = Round(rules, frozenset({wanted}))
        round_.begin(0.0)
        ended = None
        for count in counts(rules):
            new = [Bubble(*at, 0) for at in one.bubbles[count - 10 : count]]
            round_.keep(new, (count - 1) * rules.tick_ms / 1000)
            (view,) = views(rules, photographs, [Look(one, count)])
            top = np.argsort(-session.logits(view)[0], kind="stable")[:5].tolist()
            if round_.judge(count, top, 1000.0):
                ended = count
                break
        assert played.recognised(5) == ended


def test_a_round_is_looked_at_until_it_is_recognised_by_the_batch(
    photographs: npt.NDArray[np.uint8],
) -> None:
    painted = paint(RULES, photographs, players=3)  # 18 rounds
    known, unknown = Says(*range(5)), Says(*range(100, 105))
    played = play(known, RULES, photographs, [4, 4, 4], painted, step=20, batch=4)
    assert {one.places for one in played} == {(5,)}
    assert {one.recognised(5) for one in played} == {20}
    assert known.batches == [4, 4, 4, 4, 2]

    played = play(unknown, RULES, photographs, [4, 4, 4], painted, step=20, batch=4)
    assert {one.recognised(5) for one in played} == {None}
    assert all(len(one.places) == 7 for one in played)
    assert sum(unknown.batches) == 18 * 7
    assert max(unknown.batches) == 4


def test_synonyms_count_as_the_label(photographs: npt.NDArray[np.uint8]) -> None:
    (played, *_) = play(Says(1, 836), RULES, photographs, [837] * 3, paint(RULES, photographs[:1]))
    assert played.places == (2,)


def test_equal_beliefs_come_in_class_order() -> None:
    logits = np.zeros((3, 1000), np.float32)
    logits[2, 999] = 1
    assert places([logits[:2], logits[2:]], [0, 7, 0]) == [1, 8, 2]


def test_one_round_tells_of_each_number_of_guesses() -> None:
    played = Played(Painted(0, "spiral", 0, ()), 10, (40, 8, 12, 3, 1))
    assert [played.recognised(k) for k in (1, 3, 5, 10, 50)] == [50, 40, 40, 20, 10]
    assert Played(played.painted, 10, (2, 2)).recognised(1) is None
