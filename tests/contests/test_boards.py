"""Places."""

from hypothesis import given
from hypothesis import strategies as st

from clickme.contests.boards import placed, top

NAMES = {1: "ant", 2: "bee", 3: "cat", 4: "dog"}


def test_equal_scores_share_a_place_and_the_next_place_is_left_out() -> None:
    entries = placed([(4, 10), (3, 20), (2, 20), (1, 30)], NAMES)
    assert [(entry.place, entry.name) for entry in entries] == [
        (1, "ant"),
        (2, "bee"),
        (2, "cat"),
        (4, "dog"),
    ]


def test_who_has_no_name_is_on_no_board() -> None:
    assert [entry.place for entry in placed([(9, 99), (1, 30)], NAMES)] == [1]


@given(
    st.lists(st.integers(1, 5), max_size=30).map(lambda scores: sorted(scores, reverse=True)),
    st.integers(1, 10),
)
def test_the_top_keeps_whole_places(scores: list[int], count: int) -> None:
    all_of_them = list(enumerate(scores))
    kept = [score for _, score in top(all_of_them, count)]
    assert kept == scores[: len(kept)]
    assert len(kept) >= min(count, len(scores))
    assert scores[len(kept) :] == [] or scores[len(kept)] < kept[-1]
    assert len([score for score in kept if score > kept[-1]]) < count
