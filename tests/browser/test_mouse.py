"""The whole game with a mouse, as a stranger meets it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from browser.game import Game
from browser.hand import Mouse
from browser.photographs import STROKES, UNSEEN, hang
from browser.rows import ask, round_row, stored
from clickme.kit.house import House
from conftest import RunningServer

# All that the server ever says, and so no guess of the partner's and no confidence (promise 3).
HEARD = {
    "round": {"t", "round", "image", "category", "rules", "contest"},
    "begun": {"t", "round"},
    "ack": {"t", "round", "n"},
    "end": {"t", "round", "outcome", "reason", "points", "total", "rank"},
}


def as_shown(points: float) -> str:
    return str(int(100 * points + 0.5))


def test_consent_once_then_three_rounds(
    house: House, serve: Callable[[], RunningServer], visit: Callable[..., Game]
) -> None:
    hang(house, "German shepherd", "red panda", "ring-tailed lemur", "jaguar (the big cat)")
    server = serve()
    game = visit(server.url)
    game.agree()
    game.ready()
    game.page.reload()
    game.ready()
    expect(game.page.locator("#welcome")).to_be_hidden()
    total, outcomes = 0.0, []
    for _ in range(3):
        end = game.paint(STROKES[game.ready()])
        row = round_row(house, end["round"])
        assert stored(house, end["round"]) == game.wire.painted(end["round"])
        assert (row["outcome"], row["pointer"], row["points"]) == (end["outcome"], "mouse", end["points"])
        if end["outcome"] == "recognised":
            assert end["points"] == 1 - row["recognised_ms"] / 7000
        else:
            assert (end["outcome"], end["points"]) == ("timeout", 0)
        total += end["points"]
        assert end["total"] == pytest.approx(total)
        expect(game.total).to_have_text(as_shown(end["total"]))
        outcomes.append(end["outcome"])
    assert "recognised" in outcomes
    # Asked once: by one question and one answer, which the reload did not repeat.
    assert game.requests.count(f"POST {server.url}/api/players") == 1
    assert [row["points"] for row in ask(house, "SELECT points FROM players")] == [pytest.approx(total)]
    for said in game.wire.heard:
        assert said.keys() == HEARD[said["t"]]
    assert all(request.split()[1].startswith(f"{server.url}/") for request in game.requests)
    (complaint,) = game.complaints
    assert "401" in complaint and complaint.endswith("/api/me)")  # a stranger, before the consent


def test_out_of_time_while_the_player_writes(
    house: House, serve: Callable[[], RunningServer], visit: Callable[..., Game]
) -> None:
    """What a player says of a round that is over by then is kept, and the round stays as it was."""
    hang(house, "red panda", "ring-tailed lemur")
    game = visit(serve().url)
    dialog = game.page.get_by_role("dialog")
    game.agree()
    words = game.ready()
    round_id = game.begin(UNSEEN, Mouse(game.page))
    # By a key: the brush would follow the mouse to the button.
    game.page.get_by_role("button", name="Something is wrong").press("Enter")
    end = game.ended(round_id)
    assert (end["outcome"], end["points"], end["total"]) == ("timeout", 0, 0)
    assert stored(house, round_id) == game.wire.painted(round_id)

    expect(game.words).to_have_text(words)
    dialog.get_by_label("Something else").check()
    dialog.get_by_role("button", name="Send").click()
    expect(game.words).not_to_have_text(words)
    assert round_row(house, round_id)["outcome"] == "timeout"
    assert ask(house, "SELECT round_id, reason, note FROM flags") == [
        {"round_id": round_id, "reason": "other", "note": None}
    ]
    assert ask(house, "SELECT sum(maps) AS maps FROM images") == [{"maps": 1}]


def test_skip_then_flag_until_nothing_is_left(
    house: House, serve: Callable[[], RunningServer], visit: Callable[..., Game]
) -> None:
    hang(house, "German shepherd", "red panda", "ring-tailed lemur")
    game = visit(serve().url)
    dialog = game.page.get_by_role("dialog")
    skip = game.page.get_by_role("button", name="Skip")
    wrong = game.page.get_by_role("button", name="Something is wrong")
    game.agree()

    skipped = game.ready()
    skip.click()
    expect(game.words).not_to_have_text(skipped)

    flagged = game.ready()
    wrong.click()
    dialog.get_by_role("button", name="Back").click()
    expect(dialog).to_be_hidden()
    assert game.ready() == flagged
    wrong.click()
    dialog.get_by_label("The words do not fit the photograph").check()
    dialog.get_by_label("A few words, if you like").fill("It is a fox.")
    dialog.get_by_role("button", name="Send").click()
    expect(game.words).not_to_have_text(flagged)

    last = game.ready()
    game.paint(STROKES[last])
    expect(game.page.get_by_role("heading", name="You have painted every photograph here")).to_be_visible()
    rounds = ask(
        house,
        "SELECT shown, outcome, reason, note FROM rounds JOIN images ON images.id = image_id"
        " JOIN categories USING (class_index) LEFT JOIN flags ON round_id = rounds.id ORDER BY rounds.id",
    )
    assert rounds == [
        {"shown": skipped, "outcome": "skipped", "reason": None, "note": None},
        {"shown": flagged, "outcome": "flagged", "reason": "label", "note": "It is a fox."},
        {"shown": last, "outcome": "recognised", "reason": None, "note": None},
    ]
    assert ask(house, "SELECT sum(maps) AS maps FROM images") == [{"maps": 1}]
