"""The brush's laws, and what recognition pays."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickme.game.rules import LEAD_MS, Bubble, Refusal, Rules, check, earliest_ms, points

RULES = Rules()
ANY_TIME = 1e9


def refused(last: Bubble | None, bubbles: list[Bubble], elapsed_ms: float = ANY_TIME) -> str:
    with pytest.raises(Refusal) as refusal:
        check(RULES, last, bubbles, elapsed_ms)
    return refusal.value.code


@st.composite
def strokes(draw: st.DrawFn) -> list[Bubble]:
    """What a brush can paint: a bubble in some of the ticks, each within a step of the last."""
    slots = draw(st.lists(st.integers(0, RULES.most_bubbles - 1), unique=True, min_size=1, max_size=60))
    x, y = draw(st.integers(0, 255)), draw(st.integers(0, 255))
    painted = []
    for slot in sorted(slots):
        painted.append(Bubble(x, y, slot * 50 + draw(st.integers(0, 49))))
        dx = draw(st.integers(-7, 7))
        reach = math.isqrt(49 - dx * dx)
        dy = draw(st.integers(-reach, reach))
        x, y = min(max(x + dx, 0), 255), min(max(y + dy, 0), 255)
    return painted


@given(strokes())
def test_what_a_brush_paints_is_allowed(painted: list[Bubble]) -> None:
    check(RULES, None, painted, painted[-1].t)


@given(strokes(), st.data())
def test_a_bubble_that_no_brush_painted_refuses_the_batch(painted: list[Bubble], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(painted) - 1))
    x, y, t = painted[place]
    wrong, code = data.draw(
        st.sampled_from(
            [
                (Bubble(256, y, t), "off_canvas"),
                (Bubble(x, -1, t), "off_canvas"),
                (Bubble(x, y, -1), "backwards"),
                (Bubble(x, y, RULES.limit_ms), "too_late"),
            ]
        )
    )
    assert refused(None, [*painted[:place], wrong, *painted[place + 1 :]]) == code


def test_two_bubbles_within_a_tick_are_too_fast() -> None:
    assert refused(Bubble(10, 10, 0), [Bubble(10, 10, 49)]) == "too_fast"
    check(RULES, Bubble(10, 10, 49), [Bubble(10, 10, 50)], ANY_TIME)


def test_a_step_is_at_most_seven_px_long() -> None:
    check(RULES, Bubble(10, 10, 0), [Bubble(17, 10, 50)], ANY_TIME)
    assert refused(Bubble(10, 10, 0), [Bubble(15, 15, 50)]) == "too_far"  # 5² + 5² = 50 > 7²


def test_time_does_not_go_back() -> None:
    assert refused(Bubble(10, 10, 500), [Bubble(10, 10, 400)]) == "backwards"


def test_a_browser_may_be_ahead_of_the_server_by_the_lead_alone() -> None:
    check(RULES, None, [Bubble(0, 0, LEAD_MS)], 0)
    assert refused(None, [Bubble(0, 0, LEAD_MS + 1)], 0) == "too_fast"


@pytest.mark.parametrize(("recognised_ms", "paid"), [(0, 1.0), (1750, 0.75), (3500, 0.5), (7000, 0.0)])
def test_points_are_the_share_of_the_time_left(recognised_ms: int, paid: float) -> None:
    assert points(RULES, recognised_ms) == paid


def test_a_round_has_room_for_140_bubbles() -> None:
    """The original's limit: 7,000 ms at a bubble each 50 ms."""
    assert RULES.most_bubbles == 140
    assert earliest_ms(RULES, 140) < RULES.limit_ms
