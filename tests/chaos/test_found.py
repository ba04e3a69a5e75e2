"""What breaking things has brought to light, each told once more by itself."""

import time

from fastapi.testclient import TestClient
from sqlalchemy import text

from clickme.kit.house import House
from fake_clock import FakeClock
from game.connection import connected, kept, line, round_row, sign_up

# Connections that wait for a lock.
WAITING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def ask(house: House, sql: str) -> object:
    with house.database.transaction() as session:
        return session.scalar(text(sql))


def test_a_round_whose_bubbles_all_come_after_its_end_makes_a_map(
    client: TestClient, house: House, clock: FakeClock
) -> None:
    """The disk was full until then."""
    sign_up(client)
    with connected(client) as browser:
        round_id = browser.begin()
        clock.advance(7.5)
        assert browser.hear()["outcome"] == "timeout"
        assert ask(house, "SELECT sum(maps) FROM images") == 0
        assert browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 3))["n"] == 3
        assert browser.ask(t="bubbles", round=round_id, n=3, xyt=line(3, 3))["n"] == 6
    assert ask(house, "SELECT sum(maps) FROM images") == 1
    assert ask(house, "SELECT count(*) FROM images WHERE nth_mapped = 1") == 1


def test_a_second_painting_is_not_mixed_with_the_first(client: TestClient, house: House) -> None:
    """Its press was long on its way: the browser had given it up, and was dealt the photograph again."""
    sign_up(client)
    with connected(client) as former, connected(client) as latter:
        round_id = latter.ask(t="next")["round"]
        assert former.begin() == round_id
        assert former.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 4))["n"] == 4
        assert latter.ask(t="begin", round=round_id, pointer="mouse")["t"] == "error"
        other = [200, 50, 0, 200, 50, 50]
        assert latter.ask(t="bubbles", round=round_id, n=0, xyt=other)["t"] == "error"
        assert latter.ask(t="next")["round"] != round_id
    assert kept(house, round_id) == line(0, 4)


def test_what_came_in_time_is_seen_whatever_it_waited_for(
    client: TestClient, house: House, clock: FakeClock
) -> None:
    """A frame came a second before the end, and the one before it was still on its way into the log."""
    sign_up(client)
    with connected(client) as browser:
        round_id = browser.begin()
        clock.advance(6)
        with house.database.transaction() as session:
            session.execute(text("SELECT FROM rounds WHERE id = :id FOR UPDATE"), {"id": round_id})
            browser.say(t="bubbles", round=round_id, n=0, xyt=line(0, 4))
            until_somebody_waits(house)
            browser.say(t="bubbles", round=round_id, n=4, xyt=line(4, 12))
            for _ in range(3):  # by the time of its answer, the frame before it has been read
                client.get("/livez")
            clock.advance(1.5)
        while (heard := browser.hear())["t"] != "end":
            pass
    assert heard["outcome"] == "recognised"
    assert round_row(house, round_id)["recognised_ms"] == 6000
    assert kept(house, round_id) == line(0, 16)


def until_somebody_waits(house: House) -> None:
    """For a lock that another transaction holds."""
    late = time.monotonic() + 30
    while not ask(house, WAITING):
        assert time.monotonic() < late
