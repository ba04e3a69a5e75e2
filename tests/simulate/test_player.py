"""Code players obey the brush, and know what became of every bubble."""

import asyncio
import random
from collections.abc import Callable
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from clickme.game.rules import Bubble, Rules, check
from clickme.kit.house import House
from clickme.kit.problems import Problem
from clickme.simulate.player import running_at, sit_down
from clickme.simulate.strokes import follow, spiral
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


def test_the_same_seed_paints_the_same_spiral() -> None:
    one, other, another = (list(islice(spiral(RULES, random.Random(seed)), 140)) for seed in (1, 1, 2))
    assert one == other != another


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
