"""Code players obey the brush, and know what became of every bubble."""

import asyncio
import random
from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from clickme.game.rules import Bubble, Rules, check
from clickme.kit.house import House
from clickme.kit.problems import Problem
from clickme.simulate.player import running_at, sit_down
from clickme.simulate.strokes import STRATEGIES, Strategy, contrast, follow
from conftest import RunningServer, add_images

RULES = Rules()
ANYWHERE = st.tuples(st.floats(-50, 300), st.floats(-50, 300))


@given(st.lists(ANYWHERE, min_size=1, max_size=140))
def test_wherever_the_cursor_goes_the_brush_keeps_the_laws(cursors: list[tuple[float, float]]) -> None:
    painted: list[Bubble] = []
    for tick, cursor in enumerate(cursors):
        last = (painted[-1].x, painted[-1].y) if painted else None
        painted.append(Bubble(*follow(RULES, last, cursor), tick * RULES.tick_ms))
    check(RULES, None, painted, RULES.limit_ms)


@pytest.mark.parametrize("strategy", STRATEGIES.values())
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_a_strategy_leads_a_whole_round_and_the_same_seed_leads_the_same_way(
    strategy: Strategy, seed: int
) -> None:
    photograph = np.random.default_rng(seed).integers(0, 256, (256, 256), np.uint8)

    one, other, another = (
        list(islice(strategy(RULES, photograph, random.Random(chance)), RULES.most_bubbles))
        for chance in (seed, seed, seed + 1)
    )

    assert len(one) == RULES.most_bubbles
    assert one == other != another


@pytest.mark.parametrize("grey", [0, 255])
def test_a_photograph_of_nothing_is_painted_too(grey: int) -> None:
    nothing = np.full((256, 256), grey, np.uint8)
    for strategy in STRATEGIES.values():
        assert len(list(islice(strategy(RULES, nothing, random.Random(0)), 140))) == 140


def test_contrast_leads_to_what_stands_out() -> None:
    photograph = np.full((256, 256), 128, np.uint8)
    photograph[40:80, 180:220] = np.random.default_rng(0).integers(0, 256, (40, 40), np.uint8)

    x, y = zip(*islice(contrast(RULES, photograph, random.Random(0)), 25, 75), strict=True)

    assert 165 < min(x) <= max(x) < 235
    assert 25 < min(y) <= max(y) < 95


def test_a_code_player_plays_until_there_is_no_photograph_left(
    serve: Callable[[], RunningServer], house: House
) -> None:
    add_images(house, 3)
    server = serve()
    assert running_at(house.home.root) == server.url
    played = asyncio.run(sit_down(server.url, range(10)))
    assert [round_.outcome for round_ in played] == ["recognised"] * 3
    with house.database.transaction() as session:
        for round_ in played:
            kept = session.scalar(
                text("SELECT count(*) FROM bubbles WHERE round_id = :id"), {"id": round_.round}
            )
            assert kept == round_.sent == round_.acknowledged


def test_without_a_server_it_is_said_how_to_start_one(house: House) -> None:
    with pytest.raises(Problem) as problem:
        running_at(house.home.root)
    assert problem.value.code == "no_server"
