"""Rounds while the partner is away, slow, or has nothing to look at: they go on, end, and say why."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from clickme.app import create_app
from clickme.catalogue.store import photograph_path
from clickme.game import live
from clickme.kit.house import House
from clickme_partner import engine
from clickme_partner.engine import Engine
from conftest import KOALA
from fake_clock import FakeClock
from game.connection import Browser, connected, line, round_row, sign_up
from held_partner import Held

RESTING, BACK = {"t": "partner", "away": True}, {"t": "partner", "away": False}


@pytest.fixture
def looker() -> Held:
    return Held()


@pytest.fixture
def partner(looker: Held) -> Iterator[Engine]:
    with closing(Engine(looker, batch=8)) as engine:
        yield engine


@pytest.fixture
def client(house: House, partner: Engine, clock: FakeClock, photographs: list[int]) -> Iterator[TestClient]:
    with TestClient(create_app(house, partner, clock), base_url="http://testserver") as client:
        yield client


@pytest.fixture
def browser(client: TestClient) -> Iterator[Browser]:
    sign_up(client)
    with connected(client) as browser:
        yield browser


def go_away(looker: Held) -> None:
    """The look that is running fails, and nobody answers from then on."""
    looker.failing, looker.awake = "unreachable", False
    looker.lets.release()


def test_a_round_goes_on_without_it_and_is_a_timeout_with_a_reason(
    browser: Browser,
    client: TestClient,
    house: House,
    looker: Held,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "MOMENT", 0.05)
    round_id = browser.begin()
    assert browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1)) == {
        "t": "ack",
        "round": round_id,
        "n": 1,
    }
    go_away(looker)
    assert browser.hear() == RESTING
    assert browser.ask(t="bubbles", round=round_id, n=1, xyt=line(1, 10))["n"] == 11  # strokes are kept
    stands = client.get("/readyz")
    assert stands.status_code == 200  # the game goes on
    assert stands.json()["partner"] == {"state": "away", "reason": "unreachable"}
    assert "clickme_partner_away 1.0" in client.get("/metrics").text
    clock.advance(7.0)
    end = browser.hear()
    assert (end["outcome"], end["reason"]) == ("timeout", "partner_away")
    row = round_row(house, round_id)
    assert (row["outcome"], row["timeout_reason"], row["points"]) == ("timeout", "partner_away", 0)
    with house.database.transaction() as session:
        assert session.scalar(text("SELECT sum(maps) FROM images")) == 1  # what was painted counts


def test_it_comes_back_by_itself_within_a_round(
    browser: Browser, client: TestClient, house: House, looker: Held, clock: FakeClock
) -> None:
    round_id = browser.begin()
    browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1))
    go_away(looker)
    assert browser.hear() == RESTING
    clock.advance(2.0)
    browser.ask(t="bubbles", round=round_id, n=1, xyt=line(1, 20))
    looker.failing, looker.awake = "", True
    looker.lets.release()
    assert browser.hear() == BACK
    assert client.get("/readyz").json()["partner"]["state"] == "ok"
    assert "clickme_partner_away 0.0" in client.get("/metrics").text
    clock.advance(5.0)
    assert browser.hear()["outcome"] == "timeout"  # this partner believes in other things
    assert len(looker.batches) == 2
    row = round_row(house, round_id)
    assert (row["outcome"], row["timeout_reason"]) == ("timeout", None)  # it saw all that was painted


def test_one_that_is_back_a_moment_after_the_end_costs_nobody_points(
    browser: Browser, house: House, looker: Held, clock: FakeClock
) -> None:
    round_id = browser.begin()
    clock.advance(1.4)
    browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 20))
    go_away(looker)
    assert browser.hear() == RESTING
    clock.advance(7.0)
    looker.beliefs[:, KOALA] = 2.0  # it has come to know one
    looker.version = "another@test"
    looker.failing, looker.awake = "", True
    looker.lets.release()
    assert {browser.hear()["t"], browser.hear()["t"]} == {"partner", "end"}
    row = round_row(house, round_id)
    assert (row["outcome"], row["recognised_ms"]) == ("recognised", 1400)
    assert row["partner"] == "another@test"  # the one that looked


def test_a_look_that_hangs_is_a_partner_that_is_away_and_comes_back_by_itself(
    browser: Browser, house: House, looker: Held, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "HUNG_S", 0.05)
    monkeypatch.setattr(live, "MOMENT", 0.05)
    hung = browser.begin()
    browser.ask(t="bubbles", round=hung, n=0, xyt=line(0, 1))
    assert browser.hear() == RESTING
    clock.advance(7.0)
    assert browser.hear()["reason"] == "partner_away"
    monkeypatch.setattr(engine, "HUNG_S", 60.0)
    looker.lets.release()
    assert browser.hear() == BACK
    looker.beliefs[:, KOALA] = 2.0
    after = browser.begin()
    looker.lets.release()
    clock.advance(1.0)
    said = [browser.ask(t="bubbles", round=after, n=0, xyt=line(0, 5)), browser.hear()]
    assert {message["t"] for message in said} == {"ack", "end"}
    assert round_row(house, after)["outcome"] == "recognised"


def test_who_arrives_while_it_is_away_is_told(client: TestClient, looker: Held) -> None:
    sign_up(client)
    with connected(client) as early:
        round_id = early.begin()
        early.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1))
        go_away(looker)
        assert early.hear() == RESTING
        with connected(client) as late:
            assert late.hear() == RESTING
            assert late.ask(t="next")["t"] == "round"


def test_a_verdict_that_never_comes_is_not_waited_for_without_end(
    browser: Browser, house: House, looker: Held, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PATIENCE", 0.05)
    round_id = browser.begin()
    browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1))
    clock.advance(7.0)
    assert browser.hear()["outcome"] == "timeout"
    assert round_row(house, round_id)["timeout_reason"] == "partner_slow"
    looker.lets.release()


def photograph_of(house: House, round_id: int) -> str:
    """Its sha256."""
    with house.database.transaction() as session:
        rows = session.execute(
            text("SELECT sha256 FROM images JOIN rounds ON image_id = images.id WHERE rounds.id = :id"),
            {"id": round_id},
        )
        return str(rows.scalar_one())


def test_a_damaged_photograph_spoils_its_own_round_alone(
    house: House, koala_partner: Engine, clock: FakeClock, photographs: list[int]
) -> None:
    with TestClient(create_app(house, koala_partner, clock), base_url="http://testserver") as client:
        sign_up(client)
        with connected(client) as unlucky:
            spoilt = unlucky.begin()
            damaged = photograph_of(house, spoilt)
            file = photograph_path(house.home.photographs, damaged)
            file.write_bytes(file.read_bytes()[:1000])
            sign_up(client)
            with connected(client) as other:
                # Two players may be dealt the same photograph: this one leaves it.
                while photograph_of(house, dealt := other.ask(t="next")["round"]) == damaged:
                    other.ask(t="skip", round=dealt)
                sound = other.begin()
                assert unlucky.ask(t="bubbles", round=spoilt, n=0, xyt=line(0, 1))["t"] == "ack"
                clock.advance(1.0)
                said = [other.ask(t="bubbles", round=sound, n=0, xyt=line(0, 20)), other.hear()]
                assert {message["t"] for message in said} == {"ack", "end"}
                clock.advance(6.0)
                assert unlucky.hear()["outcome"] == "timeout"
    assert round_row(house, sound)["outcome"] == "recognised"
    assert round_row(house, spoilt)["timeout_reason"] == "photograph_damaged"


def test_a_round_that_was_closed_from_its_log_says_so(
    house: House, koala_partner: Engine, clock: FakeClock, photographs: list[int]
) -> None:
    with TestClient(create_app(house, koala_partner, clock), base_url="http://testserver") as client:
        sign_up(client)
        with connected(client) as browser:
            round_id = browser.begin()
        cookies = dict(client.cookies)
    clock.advance(60.0)
    with TestClient(create_app(house, koala_partner, clock), base_url="http://testserver") as client:
        client.cookies.update(cookies)
        with connected(client) as browser:
            assert browser.ask(t="resume", round=round_id)["outcome"] == "timeout"
    assert round_row(house, round_id)["timeout_reason"] == "server_gone"
