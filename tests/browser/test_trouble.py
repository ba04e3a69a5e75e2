"""A page whose line or whose server breaks in the middle of a round."""

import signal
from collections.abc import Callable

from playwright.sync_api import expect

from browser.game import Game
from browser.hand import Mouse
from browser.line import line_to
from browser.photographs import STROKES, UNSEEN, hang
from browser.rows import ask, round_row, stored
from clickme.kit.house import House
from conftest import RunningServer


def test_a_cut_line_costs_no_stroke(
    house: House, serve: Callable[[], RunningServer], visit: Callable[..., Game]
) -> None:
    hang(house, "red panda")
    with line_to(serve().url) as line:
        game = visit(line.url)
        game.agree()
        game.ready()
        round_id = game.begin(UNSEEN, Mouse(game.page))
        game.wire.until(lambda: game.wire.acknowledged(round_id) >= 10)
        line.is_deaf = True
        game.wire.until(lambda: len(game.wire.painted(round_id)) >= game.wire.acknowledged(round_id) + 6)
        line.cut()
        expect(game.notice).to_have_text("Reconnecting…")
        messages, bubbles = len(game.wire.sent), len(game.wire.painted(round_id))
        game.page.wait_for_timeout(1000)  # of painting
        assert len(game.wire.sent) == messages  # there is nowhere to send to
        line.mend()
        end = game.ended(round_id)
        expect(game.notice).to_have_text("")
    resumed = next(said for said in game.wire.heard if said["t"] == "resumed")
    resent = next(said for said in game.wire.sent[messages:] if said["t"] == "bubbles")
    assert resumed["n"] <= bubbles - 6  # those had got lost
    assert resent["n"] == resumed["n"]
    assert len(resent["xyt"]) // 3 >= 6 + 10  # and more were painted meanwhile; a usual batch has two
    assert end["outcome"] == "timeout"
    assert stored(house, round_id) == game.wire.painted(round_id)


def test_a_killed_server_is_found_again(
    house: House, serve: Callable[[], RunningServer], visit: Callable[..., Game]
) -> None:
    hang(house, "German shepherd", "red panda")
    server = serve()
    game = visit(server.url)
    game.agree()
    game.ready()
    round_id = game.begin(UNSEEN, Mouse(game.page))
    game.wire.until(lambda: game.wire.acknowledged(round_id) >= 20)
    server.stop(signal.SIGKILL)
    expect(game.notice).to_have_text("Reconnecting…")
    acknowledged = game.wire.acknowledged(round_id)
    serve()
    end = game.wire.until(lambda: game.wire.end(round_id))
    assert (end["outcome"], end["points"]) == ("timeout", 0)
    kept, painted = stored(house, round_id), game.wire.painted(round_id)
    assert len(kept) >= acknowledged >= 20
    assert kept == painted[: len(kept)]
    assert round_row(house, round_id)["outcome"] == "timeout"
    assert ask(house, "SELECT sum(maps) AS maps FROM images") == [{"maps": 1}]  # it has ended once

    after = game.paint(STROKES[game.ready()])
    assert (after["outcome"], after["total"]) == ("recognised", after["points"])
    assert stored(house, after["round"]) == game.wire.painted(after["round"])
    assert ask(house, "SELECT maps FROM images ORDER BY id") == [{"maps": 1}, {"maps": 1}]
