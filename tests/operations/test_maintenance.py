"""The switch for maintenance: by command, seen by every server, kind to players."""

import json
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import redis
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from clickme.kit import maintenance
from clickme.kit.database import Database
from clickme.kit.house import House
from fake_clock import FakeClock
from game.connection import Browser, connected, line, sign_up
from in_process import clickme


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second passes before a server looks at the switch again."""
    monkeypatch.setattr(maintenance, "FRESH", 0.0)


def test_it_goes_on_until_it_is_switched_off(session: Session) -> None:
    assert maintenance.current(session) is None
    maintenance.begin(session)
    found = maintenance.current(session)
    assert found is not None and found.message == maintenance.WORDS
    maintenance.begin(session, "Back at noon.")
    session.expire_all()
    again = maintenance.current(session)
    assert again is not None and (again.message, again.since) == ("Back at noon.", found.since)
    maintenance.end(session)
    maintenance.end(session)
    assert maintenance.current(session) is None


@pytest.mark.usefixtures("home")
def test_the_commands(house: House) -> None:
    assert clickme("maintenance", "status").stdout == "Rounds begin as always.\n"
    assert json.loads(clickme("maintenance", "status", "--json").stdout) == {"maintenance": False}
    done = clickme("maintenance", "on", "--message", "Back at noon.")
    assert done.returncode == 0
    assert done.stdout.endswith("Players are told: Back at noon.\n")
    assert maintenance.message(house) == "Back at noon."
    told = json.loads(clickme("maintenance", "status", "--json").stdout)
    assert (told["maintenance"], told["message"]) == (True, "Back at noon.")
    assert clickme("maintenance", "off").stdout == "Rounds begin as always.\n"
    assert maintenance.message(house) is None


def test_another_server_sees_it_and_an_emptied_redis_changes_nothing(house: House) -> None:
    other = Database(house.database.url)
    assert maintenance.message(house) is None
    with other.transaction() as session:
        maintenance.begin(session, "Back at noon.")
    other.close()
    with redis.Redis.from_url(house.redis_url) as client:
        client.flushdb()
    assert maintenance.message(house) == "Back at noon."


def test_the_database_is_asked_once_a_second_at_most(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(maintenance, "FRESH", 1.0)
    monkeypatch.setattr(maintenance, "time", SimpleNamespace(monotonic=lambda: now))
    assert maintenance.message(house) is None
    with house.database.transaction() as session:
        maintenance.begin(session, "Back at noon.")
    now = 100.9
    assert maintenance.message(house) is None
    now = 101.0
    assert maintenance.message(house) == "Back at noon."


def test_while_the_database_is_away_it_says_what_it_said_last() -> None:
    lost = Database("postgresql+psycopg2://nobody@127.0.0.1:9/nothing")
    heard = maintenance.Heard(words="Back at noon.", read=0.0)
    assert heard.now(lost) == "Back at noon."
    lost.close()


@pytest.fixture
def browser(client: TestClient) -> Iterator[Browser]:
    sign_up(client)
    with connected(client) as browser:
        yield browser


def switch(house: House, words: str | None) -> None:
    with house.database.transaction() as session:
        if words is None:
            maintenance.end(session)
        else:
            maintenance.begin(session, words)


def test_a_round_that_runs_ends_as_always_and_nothing_begins_until_it_is_over(
    house: House, browser: Browser, clock: FakeClock
) -> None:
    round_id = browser.begin()
    switch(house, "Back at noon.")
    clock.advance(2.0)
    ack = browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1))
    assert ack == {"t": "ack", "round": round_id, "n": 1}
    refused = browser.ask(t="next")
    assert (refused["t"], refused["code"], refused["message"]) == ("error", "maintenance", "Back at noon.")
    clock.advance(5.0)
    assert browser.hear()["outcome"] == "timeout"
    assert browser.ask(t="next")["code"] == "maintenance"
    switch(house, None)
    dealt = browser.ask(t="next")["round"]
    switch(house, "Back at one.")
    refused = browser.ask(t="begin", round=dealt, pointer="mouse")
    assert (refused["code"], refused["message"]) == ("maintenance", "Back at one.")
    switch(house, None)
    assert browser.ask(t="begin", round=dealt, pointer="mouse")["t"] == "begun"


def test_over_http_reads_go_on_and_what_begins_something_is_told_when_to_come_back(
    house: House, client: TestClient
) -> None:
    sign_up(client)
    switch(house, "Back at noon.")
    for path in ("/", "/api/me", "/api/consent", "/static/game.js"):
        assert client.get(path).status_code == 200
    answer = client.post("/api/players", json={"consent": client.get("/api/consent").json()["version"]})
    assert answer.status_code == 503
    assert answer.json() == {"error": {"code": "maintenance", "message": "Back at noon."}}
    assert int(answer.headers["retry-after"]) > 0
    switch(house, None)
    sign_up(client)
