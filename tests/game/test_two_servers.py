"""One game on two servers: what a player does on one goes on at the other, and is counted once."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from fastapi.testclient import TestClient

from clickme.app import create_app
from clickme.kit.house import House
from clickme_partner.engine import Engine
from fake_clock import FakeClock
from game.connection import Browser, connected, kept, line, round_row, sign_up
from held_partner import Held

KOALA_IN_SIGHT = 21  # bubbles of the line, from which on the small partner names the koala


@contextmanager
def serving(house: House, partner: Engine, clock: FakeClock) -> Iterator[TestClient]:
    with TestClient(create_app(house, partner, clock), base_url="http://testserver") as server:
        yield server


@pytest.fixture
def one(client: TestClient) -> TestClient:
    sign_up(client)
    return client


@pytest.fixture
def other(one: TestClient, house: House, koala_partner: Engine, clock: FakeClock) -> Iterator[TestClient]:
    with serving(house, koala_partner, clock) as server:
        server.cookies.update(one.cookies)
        yield server


def paint(browser: Browser, round_id: int, first: int, count: int) -> int:
    n: int = browser.ask(t="bubbles", round=round_id, n=first, xyt=line(first, count))["n"]
    return n


def test_a_round_goes_on_at_another_server(
    one: TestClient, other: TestClient, house: House, clock: FakeClock
) -> None:
    with connected(one) as here, connected(other) as there:
        round_id = here.begin()
        clock.advance(0.5)
        assert paint(here, round_id, 0, 2) == 2
        clock.advance(0.5)
        resumed = there.ask(t="resume", round=round_id)
        assert (resumed["n"], resumed["left_ms"]) == (2, 6000)
        clock.advance(0.4)
        assert paint(there, round_id, 2, KOALA_IN_SIGHT) == 2 + KOALA_IN_SIGHT
        end = there.hear()
        assert (end["outcome"], end["points"]) == ("recognised", pytest.approx(0.8))
        assert kept(house, round_id) == line(0, 2 + KOALA_IN_SIGHT)
        # The first one hears of it when it next has something to say, and has changed nothing.
        assert here.ask(t="bubbles", round=round_id, n=2, xyt=line(2, 1))["code"] in (
            "taken_over",
            "round_over",
        )
        assert round_row(house, round_id)["recognised_ms"] == 1400


def test_the_window_that_lost_a_round_is_told_so_and_adds_nothing(
    one: TestClient, other: TestClient, house: House, clock: FakeClock
) -> None:
    with connected(one) as here, connected(other) as there:
        round_id = here.begin()
        clock.advance(0.5)
        assert there.ask(t="resume", round=round_id)["n"] == 0
        for _ in range(2):  # what was on its way takes nothing back
            assert here.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 2))["code"] == "taken_over"
        assert kept(house, round_id) == []
        assert paint(there, round_id, 0, 2) == 2
        # It may have it back, if the player asks for it there.
        assert here.ask(t="resume", round=round_id)["n"] == 2
        assert paint(here, round_id, 2, 2) == 4


def test_a_round_that_was_taken_over_ends_once(
    one: TestClient, other: TestClient, house: House, clock: FakeClock
) -> None:
    with connected(one) as here, connected(other) as there:
        round_id = here.begin()
        clock.advance(0.5)
        assert paint(here, round_id, 0, 2) == 2
        there.ask(t="resume", round=round_id)
        clock.advance(7.0)
        assert there.hear()["outcome"] == "timeout"
        assert here.hear()["t"] in ("error", "end")
        with house.database.transaction() as session:
            assert session.connection().exec_driver_sql("SELECT sum(maps) FROM images").scalar() == 1


def test_what_was_painted_before_a_server_died_is_paid_by_when_it_came(
    house: House, koala_partner: Engine, clock: FakeClock, photographs: list[int]
) -> None:
    """The first server's partner never says a word; the other one finds in the log when the bubbles came."""
    with closing(Engine(Held(), batch=8)) as silent, serving(house, silent, clock) as one:
        sign_up(one)
        with connected(one) as here:
            round_id = here.begin()
            clock.advance(1.4)
            assert paint(here, round_id, 0, KOALA_IN_SIGHT) == KOALA_IN_SIGHT
            clock.advance(2.0)
            with serving(house, koala_partner, clock) as other:
                other.cookies.update(one.cookies)
                with connected(other) as there:
                    assert there.ask(t="resume", round=round_id)["n"] == KOALA_IN_SIGHT
                    end = there.hear()
    assert (end["outcome"], end["points"]) == ("recognised", pytest.approx(0.8))
    assert round_row(house, round_id)["recognised_ms"] == 1400


def test_a_photograph_that_lies_ready_is_begun_on_one_server_alone(
    one: TestClient, other: TestClient, house: House, clock: FakeClock
) -> None:
    with connected(one) as here, connected(other) as there:
        round_id = here.ask(t="next")["round"]
        assert there.ask(t="next")["round"] == round_id
        assert here.ask(t="begin", round=round_id, pointer="mouse")["t"] == "begun"
        clock.advance(0.2)
        assert there.ask(t="begin", round=round_id, pointer="touch")["t"] == "begun"  # the same beginning
        clock.advance(0.2)
        assert paint(there, round_id, 0, 2) == 2
        assert here.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1))["code"] == "taken_over"
    assert round_row(house, round_id)["pointer"] == "mouse"
