"""The boards over HTTP, for programs and as a page."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from clickme.app import create_app
from clickme.contests.leaderboard import SHOWN
from clickme.contests.models import Counts
from clickme.contests.service import SETTLED
from clickme.kit.house import House
from clickme_partner.engine import Engine
from contests.played import Town
from fake_clock import FakeClock


@pytest.fixture
def client(house: House, koala_partner: Engine, clock: FakeClock, town: Town) -> Iterator[TestClient]:
    with TestClient(create_app(house, koala_partner, clock), base_url="http://testserver") as client:
        yield client


def sign_up(client: TestClient) -> dict[str, Any]:
    version = client.get("/api/consent").json()["version"]
    player: dict[str, Any] = client.post("/api/players", json={"consent": version}).json()
    return player


def get(client: TestClient, **question: object) -> dict[str, Any]:
    answer = client.get("/api/leaderboard", params={name: str(value) for name, value in question.items()})
    assert answer.status_code == 200
    board: dict[str, Any] = answer.json()
    return board


def code(client: TestClient, **question: object) -> tuple[int, str]:
    answer = client.get("/api/leaderboard", params={name: str(value) for name, value in question.items()})
    return answer.status_code, answer.json()["error"]["code"]


def test_a_stranger_sees_who_has_points(client: TestClient, town: Town) -> None:
    boards = client.app.state.leaderboards  # type: ignore[attr-defined]
    town.play(boards, town.player("ann"), 0.5, None)
    town.play(boards, town.player("bob"), 0.5, 0.25)
    board = get(client)
    assert board["scope"] == "all"
    assert board["contest"] is None
    assert board["frozen"] is False
    assert board["you"] is None
    assert board["entries"] == [
        {"place": 1, "name": "bob", "score": 0.75, "you": False},
        {"place": 2, "name": "ann", "score": 0.5, "you": False},
    ]


def test_ones_own_line_is_there_on_the_board_or_beside_it(client: TestClient, town: Town) -> None:
    boards = client.app.state.leaderboards  # type: ignore[attr-defined]
    boards.refresh()
    me = sign_up(client)
    others = [town.player(f"other {number}") for number in range(SHOWN + 1)]
    for other in others:
        town.play(boards, other, 0.5)
    mine = {"name": me["name"], "you": True}
    assert get(client)["you"] == mine | {"place": SHOWN + 2, "score": 0}
    town.play(boards, me["player"], 0.25)
    town.clock.advance(2)
    board = get(client)
    assert board["you"] == mine | {"place": SHOWN + 2, "score": 0.25}
    assert len(board["entries"]) == SHOWN
    assert not any(entry["you"] for entry in board["entries"])
    town.play(boards, me["player"], 0.75)
    town.clock.advance(2)
    board = get(client)
    assert board["you"] == board["entries"][0] == mine | {"place": 1, "score": 1.0}


def test_the_scopes_count_what_they_say(client: TestClient, town: Town) -> None:
    boards = client.app.state.leaderboards  # type: ignore[attr-defined]
    ann = town.player("ann")
    town.play(boards, ann, 0.5)
    town.clock.advance(24 * 3600)
    town.play(boards, ann, 0.25)
    contest = town.contest(counts=Counts.ROUNDS)
    town.play(boards, ann, 0.125)
    town.clock.advance(2)
    scores = {scope: get(client, scope=scope)["entries"][0]["score"] for scope in ("all", "today", "contest")}
    assert scores == {"all": 0.875, "today": 0.375, "contest": 1.0}
    assert get(client, scope="contest", contest=contest.id)["contest"]["state"] == "open"


def test_a_contest_is_final_when_it_says_so(client: TestClient, town: Town) -> None:
    boards = client.app.state.leaderboards  # type: ignore[attr-defined]
    town.contest(closes_in=100)
    town.play(boards, town.player("ann"), 0.5)
    seen = []
    for seconds in (2, 98, SETTLED.total_seconds()):
        town.clock.advance(seconds)
        boards.refresh()
        board = get(client, scope="contest")
        seen.append((board["contest"]["state"], board["frozen"], len(board["entries"])))
    assert seen == [("open", False, 1), ("counting", False, 1), ("frozen", True, 1)]


def test_without_a_contest_there_is_an_empty_board(client: TestClient) -> None:
    board = get(client, scope="contest")
    assert (board["contest"], board["entries"], board["frozen"]) == (None, [], False)
    assert client.get("/api/contests").json() == []


def test_what_is_asked_wrongly_is_said(client: TestClient, town: Town) -> None:
    contest = town.contest()
    assert code(client, scope="contest", contest=contest.id + 1) == (404, "no_such_contest")
    assert code(client, scope="all", contest=contest.id) == (422, "contest_needs_scope")
    assert code(client, scope="ever") == (422, "invalid")
    assert code(client, scope="contest", contest=2**63) == (422, "invalid")
    assert code(client, scope="contest", contest=0) == (422, "invalid")


def test_contests_are_listed_with_their_state(client: TestClient, town: Town) -> None:
    town.contest("First", closes_in=100, zone="Europe/Paris", rules="*Cake*", counts=Counts.ROUNDS)
    town.contest("Second", opens_in=200, closes_in=300)
    second, first = client.get("/api/contests").json()
    assert (second["name"], second["state"], second["frozen_at"]) == ("Second", "announced", None)
    assert first | {"opens_at": "", "closes_at": "", "id": 0} == {
        "id": 0, "name": "First", "state": "open", "opens_at": "", "closes_at": "", "zone": "Europe/Paris",
        "counts": "rounds", "rules": "*Cake*", "frozen_at": None,
    }  # fmt: skip


def test_both_are_in_the_document(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    answers = document["paths"]["/api/leaderboard"]["get"]["responses"]
    assert answers["200"]["content"]["application/json"]["schema"]["$ref"].endswith("LeaderboardResponse")
    assert {"404", "422"} <= set(answers)
    assert "/api/contests" in document["paths"]
    assert "/leaderboard" not in document["paths"]


def test_the_page_opens_on_the_contest_that_runs_or_on_today(client: TestClient, town: Town) -> None:
    boards = client.app.state.leaderboards  # type: ignore[attr-defined]
    me = sign_up(client)
    town.play(boards, town.player("<b>ann"), 0.5)
    town.play(boards, me["player"], 0.125)
    page = client.get("/leaderboard").text
    assert current(page) == "Today"
    assert 'href="?scope=contest"' not in page
    assert "&lt;b&gt;ann" in page
    assert "<b>ann" not in page
    assert re.search(rf'data-name="{me["name"]}" class="mine"', page)
    town.contest("Sprint <1>", rules="# Prizes\n\n<script>alert(1)</script> cake", zone="Europe/Paris")
    town.clock.advance(2)
    page = client.get("/leaderboard").text
    assert current(page) == "Contest"
    assert "Sprint &lt;1&gt;" in page
    assert "<h3>Prizes</h3>" in page
    assert "<script>alert" not in page
    assert "15 January 2027, 09:00" in page  # 8:00 in UTC
    assert "Nobody has points here yet." in page


def current(page: str) -> str | None:
    found = re.search(r'aria-current="page">([^<]+)</a>', page)
    return found and found[1]


def test_the_page_of_no_contest_is_not_found(client: TestClient) -> None:
    answer = client.get("/leaderboard?contest=1", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert client.head("/leaderboard").status_code == 200
