"""The socket as a program meets it: frames in, frames out, on a real database with a real engine."""

import asyncio
import json
import struct
from collections.abc import Iterator
from contextlib import closing
from threading import Event
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, text
from starlette.websockets import WebSocketDisconnect

from clickme.app import create_app
from clickme.kit.database import Database
from clickme.kit.house import House
from clickme_partner.engine import Engine
from fake_clock import FakeClock
from game.connection import ORIGIN, Browser, connected, kept, line, round_row, sign_up
from held_partner import Held


@pytest.fixture
def browser(client: TestClient) -> Iterator[Browser]:
    sign_up(client)
    with connected(client) as browser:
        yield browser


def test_a_round_is_dealt_with_words_and_an_address_that_says_nothing(
    client: TestClient, browser: Browser
) -> None:
    dealt = browser.ask(t="next")
    assert dealt["category"] == "koala"
    assert dealt["image"] == f"/api/rounds/{dealt['round']}/photograph"
    assert dealt["rules"]["limit_ms"] == 7000
    photograph = client.get(dealt["image"])
    assert photograph.headers["content-type"] == "image/jpeg"
    assert "koala" not in str(photograph.headers)


def test_asking_again_gives_the_same_photograph(browser: Browser) -> None:
    assert browser.ask(t="next") == browser.ask(t="next")


def test_recognition_pays_by_the_arrival_of_the_last_bubble(
    browser: Browser, house: House, clock: FakeClock
) -> None:
    round_id = browser.begin()
    clock.advance(1.4)
    assert browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1)) == {
        "t": "ack",
        "round": round_id,
        "n": 1,
    }
    clock.advance(1.4)
    browser.say(t="bubbles", round=round_id, n=1, xyt=line(1, 20))
    answers = [browser.hear(), browser.hear()]
    ack = next(answer for answer in answers if answer["t"] == "ack")
    end = next(answer for answer in answers if answer["t"] == "end")
    assert ack["n"] == 21
    assert end == {
        "t": "end",
        "round": round_id,
        "outcome": "recognised",
        "reason": None,
        "points": pytest.approx(0.6),
        "total": pytest.approx(0.6),
        "rank": 1,
    }
    assert kept(house, round_id) == line(0, 21)
    row = round_row(house, round_id)
    assert (row["outcome"], row["recognised_ms"], row["partner"], row["pointer"]) == (
        "recognised",
        2800,
        "koala@test",
        "mouse",
    )


def test_nothing_of_what_the_partner_believes_is_said_before_the_end(
    browser: Browser, clock: FakeClock
) -> None:
    """Promise 3: while a round runs, a player hears of their own bubbles and of nothing else."""
    round_id = browser.begin()
    clock.advance(2.0)
    for n in range(3):
        answer = browser.ask(t="bubbles", round=round_id, n=n, xyt=line(n, 1))
        assert answer == {"t": "ack", "round": round_id, "n": n + 1}
    clock.advance(5.0)
    assert set(browser.hear()) == {"t", "round", "outcome", "reason", "points", "total", "rank"}


def test_the_server_ends_the_round_when_the_time_is_up(
    browser: Browser, house: House, clock: FakeClock
) -> None:
    round_id = browser.begin()
    clock.advance(6.9)
    browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1))
    clock.advance(0.1)
    assert browser.hear() == {
        "t": "end",
        "round": round_id,
        "outcome": "timeout",
        "reason": None,
        "points": 0.0,
        "total": 0.0,
        "rank": 1,
    }
    row = round_row(house, round_id)
    assert (row["ended_at"] - row["begun_at"]).total_seconds() == 7.0
    with house.database.transaction() as session:
        assert session.scalar(text("SELECT sum(maps) FROM images")) == 1  # it counts towards a map


def test_bubbles_on_their_way_when_the_round_ended_are_kept_and_later_ones_refused(
    browser: Browser, house: House, clock: FakeClock
) -> None:
    round_id = browser.begin()
    clock.advance(7.0)
    assert browser.hear()["outcome"] == "timeout"
    clock.advance(1.9)
    assert browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 30))["t"] == "ack"
    clock.advance(0.2)
    answer = browser.ask(t="bubbles", round=round_id, n=30, xyt=line(30, 1))
    assert (answer["code"], answer["round"]) == ("round_over", round_id)
    assert round_row(house, round_id)["points"] == 0.0


@pytest.mark.parametrize(
    ("xyt", "code"),
    [
        ([300, 10, 0], "off_canvas"),
        ([-1, 10, 0], "off_canvas"),
        ([10, 10, 500, 10, 10, 450], "backwards"),
        ([10, 10, 0, 10, 10, 20], "too_fast"),
        ([10, 10, 5000], "too_fast"),
        ([10, 10, 0, 30, 10, 50], "too_far"),
        ([10, 10, 7000], "too_late"),
        ([10, 10], "bad_frame"),
        ([10, 10, "0"], "bad_frame"),
        ([10, 10, 0.5], "bad_frame"),
        ([10, 10, 10**30], "too_late"),
        (line(0, 200), "bad_frame"),
    ],
)
def test_bubbles_that_no_brush_painted_are_refused_and_the_round_goes_on(
    browser: Browser, house: House, xyt: list[Any], code: str
) -> None:
    round_id = browser.begin()
    error = browser.ask(t="bubbles", round=round_id, n=0, xyt=xyt)
    assert (error["t"], error["code"]) == ("error", code)
    assert browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1))["n"] == 1
    assert kept(house, round_id) == line(0, 1)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("not json", "not_json"),
        ("[" * 5000, "not_json"),
        ("[]", "unknown_type"),
        ('{"t": ["next"]}', "unknown_type"),
        ('{"t": "guess"}', "unknown_type"),
        ('{"t": "begin"}', "bad_frame"),
        ('{"t": "begin", "round": 1, "pointer": "nose"}', "bad_frame"),
        ('{"t": "resume", "round": 99999999999999999999}', "bad_frame"),
        ('{"t": "flag", "round": 1, "reason": "label", "note": "\\u0000"}', "bad_frame"),
        ('{"t": "next", "score": 100}', "bad_frame"),
        (json.dumps({"t": "next", "fat": "x" * 20_000}), "frame_too_large"),
        ("x" * 1_000_000, "frame_too_large"),
    ],
)
def test_a_bad_frame_gets_a_code_and_the_round_goes_on(browser: Browser, frame: str, code: str) -> None:
    round_id = browser.begin()
    browser.websocket.send_text(frame)
    error = browser.hear()
    assert (error["t"], error["code"]) == ("error", code)
    assert browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1))["n"] == 1


def test_a_binary_frame_gets_a_code(browser: Browser) -> None:
    browser.websocket.send_bytes(b"\x00")
    assert browser.hear()["code"] == "not_text"


def test_batches_out_of_order_and_twice(browser: Browser, house: House, clock: FakeClock) -> None:
    round_id = browser.begin()
    clock.advance(1.0)
    assert browser.ask(t="bubbles", round=round_id, n=2, xyt=line(2, 1))["code"] == "gap"
    assert browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 2))["n"] == 2
    assert browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 2))["n"] == 2
    assert browser.ask(t="bubbles", round=round_id, n=1, xyt=line(1, 2))["n"] == 3
    assert kept(house, round_id) == line(0, 3)


def test_a_foreign_round_cannot_be_touched(client: TestClient, browser: Browser, house: House) -> None:
    round_id = browser.begin()
    mine = dict(client.cookies)
    sign_up(client)
    with connected(client) as stranger:
        for frame in (
            {"t": "bubbles", "n": 0, "xyt": line(0, 1)},
            {"t": "begin", "pointer": "mouse"},
            {"t": "skip"},
            {"t": "flag", "reason": "label"},
            {"t": "resume"},
        ):
            assert stranger.ask(round=round_id, **frame)["code"] == "no_such_round"
    assert client.get(f"/api/rounds/{round_id}").status_code == 404
    assert client.get(f"/api/rounds/{round_id}/photograph").status_code == 404
    client.cookies = mine
    assert browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1))["n"] == 1


def test_a_flood_of_frames_is_refused_and_too_many_errors_close_the_socket(
    browser: Browser, house: House
) -> None:
    limits = house.settings.limits
    for _ in range(limits.frames):
        assert browser.ask(t="next")["t"] == "round"
    for _ in range(limits.socket_errors):
        assert browser.ask(t="next")["code"] == "too_many_frames"
    with pytest.raises(WebSocketDisconnect):
        browser.hear()


def test_skipped_and_flagged_rounds_end_and_their_photographs_do_not_come_back(
    browser: Browser, house: House
) -> None:
    first = browser.ask(t="next")["round"]
    assert browser.ask(t="skip", round=first)["outcome"] == "skipped"
    second = browser.begin()
    answer = browser.ask(t="flag", round=second, reason="label", note="this is a sloth")
    assert answer["outcome"] == "flagged"
    with house.database.transaction() as session:
        flag = session.execute(text("SELECT round_id, reason, note FROM flags")).one()
        assert tuple(flag) == (second, "label", "this is a sloth")
        assert session.scalar(text("SELECT sum(maps) FROM images")) == 0
    assert browser.ask(t="skip", round=second)["code"] == "round_over"


def test_a_round_that_is_over_can_still_be_flagged_and_stays_as_it_is(
    browser: Browser, house: House, clock: FakeClock
) -> None:
    """Few people finish a note within seven seconds."""
    round_id = browser.begin()
    clock.advance(7.0)
    assert browser.hear()["outcome"] == "timeout"
    clock.advance(30.0)
    answer = browser.ask(t="flag", round=round_id, reason="quality", note="too dark")
    assert (answer["t"], answer["outcome"]) == ("end", "timeout")
    assert browser.ask(t="flag", round=round_id, reason="other", note="again")["outcome"] == "timeout"
    with house.database.transaction() as session:
        assert session.execute(text("SELECT reason, note FROM flags")).all() == [("quality", "too dark")]


def test_a_photograph_whose_file_is_gone_can_be_skipped(
    client: TestClient, browser: Browser, house: House
) -> None:
    for file in house.home.photographs.rglob("*.jpg"):
        file.unlink()
    dealt = browser.ask(t="next")
    missing = client.get(dealt["image"])
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "photograph_missing")
    assert browser.ask(t="skip", round=dealt["round"])["outcome"] == "skipped"


def test_when_all_are_painted_the_game_says_so(browser: Browser) -> None:
    dealt = set()
    for _ in range(4):
        round_id = browser.ask(t="next")["round"]
        dealt.add(round_id)
        browser.ask(t="skip", round=round_id)
    assert len(dealt) == 4
    assert browser.ask(t="next")["code"] == "no_photographs"


def test_a_dropped_connection_loses_nothing(
    client: TestClient, browser: Browser, house: House, clock: FakeClock
) -> None:
    round_id = browser.begin()
    clock.advance(1.0)
    browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 2))
    with connected(client) as again:
        assert again.ask(t="resume", round=round_id) == {
            "t": "resumed",
            "round": round_id,
            "n": 2,
            "left_ms": 6000,
        }
        assert browser.hear()["code"] == "taken_over"
        assert again.ask(t="bubbles", round=round_id, n=2, xyt=line(2, 1))["n"] == 3
        clock.advance(6.0)
        assert again.hear()["outcome"] == "timeout"
        clock.advance(60.0)
        assert again.ask(t="resume", round=round_id)["outcome"] == "timeout"


def test_the_next_photograph_lies_ready_while_a_round_runs(browser: Browser) -> None:
    round_id = browser.begin()
    assert browser.ask(t="next")["round"] != round_id


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://elsewhere.example"},
        {"origin": "null"},
        {"origin": "http://"},
        {"origin": "http://["},
        {"origin": "ftp://testserver"},
    ],
)
def test_another_sites_page_gets_no_socket(client: TestClient, headers: dict[str, str]) -> None:
    sign_up(client)
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/ws/play", headers=headers),
    ):
        pass


@pytest.mark.parametrize("cookie", ["", "1", "1.forged", "1.aaaaaa.bbbbbb"])
def test_without_a_session_there_is_no_socket(client: TestClient, cookie: str) -> None:
    client.cookies = {"clickme_session": cookie}
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/ws/play", headers=ORIGIN):
        pass


def execute(house: House, statement: str, **values: Any) -> None:
    with house.database.transaction() as session:
        session.execute(text(statement), values)


def test_a_commit_whose_answer_was_lost_is_no_other_window(
    browser: Browser, house: House, clock: FakeClock
) -> None:
    """The batch is in the log, and this server does not know: it reads the log again and goes on."""
    round_id = browser.begin()
    clock.advance(1.0)
    execute(
        house,
        "INSERT INTO bubble_batches VALUES (:round, 0, :xyt)",
        round=round_id,
        xyt=struct.pack("<6h", *line(0, 2)),
    )
    assert browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 3))["n"] == 3
    assert kept(house, round_id) == line(0, 3)
    clock.advance(6.0)
    assert browser.hear()["outcome"] == "timeout"


def test_a_beginning_whose_answer_was_lost_can_be_begun_again(
    browser: Browser, house: House, clock: FakeClock
) -> None:
    round_id = browser.ask(t="next")["round"]
    assert browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1))["code"] == "not_begun"
    execute(
        house,
        "UPDATE rounds SET begun_at = to_timestamp(:now), pointer = 'mouse' WHERE id = :round",
        now=clock.now(),
        round=round_id,
    )
    assert browser.ask(t="begin", round=round_id, pointer="mouse")["t"] == "begun"
    clock.advance(1.0)
    assert browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1))["n"] == 1


def test_a_beginning_whose_answer_was_lost_can_be_resumed(
    browser: Browser, house: House, clock: FakeClock
) -> None:
    round_id = browser.ask(t="next")["round"]
    assert browser.ask(t="resume", round=round_id)["code"] == "not_begun"
    execute(
        house,
        "UPDATE rounds SET begun_at = to_timestamp(:now), pointer = 'mouse' WHERE id = :round",
        now=clock.now(),
        round=round_id,
    )
    assert browser.ask(t="resume", round=round_id)["n"] == 0
    clock.advance(1.0)
    assert browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1))["n"] == 1


def test_what_was_recognised_is_paid_though_the_database_went_away_at_the_end(
    browser: Browser, house: House, clock: FakeClock
) -> None:
    """The connection is cut in the statement that writes the end; meanwhile much time goes by."""
    cut: list[str] = []

    def cut_once(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "SET ended_at" in statement and not cut:
            cut.append(statement)
            with Database(house.database.url).engine.connect() as other:
                pid = connection.connection.dbapi_connection.info.backend_pid
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            clock.advance(60.0)

    round_id = browser.begin()
    event.listen(house.database.engine, "before_cursor_execute", cut_once)
    clock.advance(1.4)
    browser.say(t="bubbles", round=round_id, n=0, xyt=line(0, 21))
    assert browser.hear()["n"] == 21
    end = browser.hear()
    assert (end["outcome"], end["points"]) == ("recognised", pytest.approx(0.8))
    assert cut
    assert round_row(house, round_id)["points"] == pytest.approx(0.8)


def until(browser: Browser, *wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """All that is heard until each of the wanted messages has come, of which only a part is given."""
    heard: list[dict[str, Any]] = []
    while not all(any(part.items() <= message.items() for message in heard) for part in wanted):
        heard.append(browser.hear())
    return heard


def test_a_slow_commit_costs_nobody_points(
    client: TestClient, browser: Browser, house: House, clock: FakeClock
) -> None:
    """While a lock holds up the first batch, the second comes; it counts from when it came."""
    round_id = browser.begin()
    clock.advance(1.4)
    with house.database.engine.begin() as other:
        other.execute(text("LOCK TABLE bubble_batches IN SHARE ROW EXCLUSIVE MODE"))
        browser.say(t="bubbles", round=round_id, n=0, xyt=line(0, 1))
        browser.say(t="bubbles", round=round_id, n=1, xyt=line(1, 20))
        for _ in range(3):  # once these are answered, the server has long read both
            client.get("/api/consent")
        clock.advance(3.0)
    until(browser, {"t": "ack", "n": 21}, {"t": "end"})
    assert round_row(house, round_id)["recognised_ms"] == 1400


def test_frames_that_are_kept_together_are_acknowledged_together(
    client: TestClient, browser: Browser, house: House, clock: FakeClock
) -> None:
    """The count of the last one says it all; what is refused among them is still told."""
    round_id = browser.begin()
    clock.advance(1.0)
    with house.database.engine.begin() as other:
        other.execute(text("LOCK TABLE bubble_batches IN SHARE ROW EXCLUSIVE MODE"))
        for n in (0, 1, 2, 9, 3, 4):
            browser.say(t="bubbles", round=round_id, n=n, xyt=line(n, 1))
        for _ in range(3):  # once these are answered, the server has long read them all
            client.get("/api/consent")
    heard = until(browser, {"t": "ack", "n": 5}, {"code": "gap"})
    assert len(heard) <= 3  # the first frame may have gone alone
    assert kept(house, round_id) == line(0, 5)


def test_the_map_of_a_round_whose_bubbles_all_came_late_is_counted(
    browser: Browser, house: House, clock: FakeClock
) -> None:
    """They were on their way when the round ended: its end was written before there was anything to count."""
    round_id = browser.begin()
    clock.advance(7.0)
    assert browser.hear()["outcome"] == "timeout"
    for first in (0, 4):
        assert browser.ask(t="bubbles", round=round_id, n=first, xyt=line(first, 4))["n"] == first + 4
    with house.database.transaction() as session:
        assert session.scalar(text("SELECT sum(maps) FROM images")) == 1
        assert session.scalar(text("SELECT count(*) FROM images WHERE nth_mapped = 1")) == 1


def test_what_is_painted_after_a_round_is_over_is_told_so(browser: Browser, clock: FakeClock) -> None:
    round_id = browser.begin()
    clock.advance(1.4)
    browser.say(t="bubbles", round=round_id, n=0, xyt=line(0, 21))
    assert browser.hear()["n"] == 21
    assert browser.hear()["outcome"] == "recognised"
    clock.advance(1.9)
    after = [40 + 7 * 21, 128, 3000]
    assert browser.ask(t="bubbles", round=round_id, n=21, xyt=after)["code"] == "round_over"


def test_a_player_with_many_rounds_has_one_place_in_the_partners_queue(
    house: House, clock: FakeClock, photographs: list[int]
) -> None:
    looker = Held()
    with (
        closing(Engine(looker, batch=8)) as partner,
        TestClient(create_app(house, partner, clock), base_url="http://testserver") as client,
    ):
        sign_up(client)
        with connected(client) as greedy:
            for _ in range(3):
                round_id = greedy.begin()
                greedy.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1))
            sign_up(client)
            with connected(client) as honest:
                round_id = honest.begin()
                honest.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1))
                honest.ask(t="next")
            looker.lets.release(1)
            assert all(looker.looking.acquire(timeout=30) for _ in range(2))
            # While it looked at the first view, two more of theirs and the honest one came.
            assert [len(batch) for batch in looker.batches] == [1, 2]


def test_a_beginning_that_hears_late_of_its_commit_takes_no_round_from_who_came_back(
    client: TestClient, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: Any = client.app
    log = app.state.game.around.log
    commit, committed, heard = log.begin, Event(), Event()

    async def begin(beginning: Any) -> Any:
        answer = await commit(beginning)
        committed.set()
        await asyncio.to_thread(heard.wait, 30)
        return answer

    monkeypatch.setattr(log, "begin", begin)
    round_id = browser.ask(t="next")["round"]
    browser.say(t="begin", round=round_id, pointer="mouse")
    assert committed.wait(30)
    with connected(client) as again:
        assert again.ask(t="resume", round=round_id)["t"] == "resumed"
        heard.set()
        assert browser.hear()["t"] == "begun"
        assert again.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1)) == {
            "t": "ack",
            "round": round_id,
            "n": 1,
        }
