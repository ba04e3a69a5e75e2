"""A browser that is offline for longer than its round lasts, and comes back."""

from collections.abc import Callable

from playwright.sync_api import expect

from browser.game import Game
from browser.hand import Mouse
from browser.line import line_to
from browser.photographs import STROKES, UNSEEN, hang
from browser.rows import ask, round_row, stored
from chaos.size import SIZE
from chaos.table import Record, Row
from chaos.truth import Tally
from clickme.kit.house import House
from conftest import RunningServer


def test_a_browser_that_was_offline_goes_on(
    house: House,
    serve: Callable[[], RunningServer],
    visit: Callable[..., Game],
    record_property: Record,
) -> None:
    hang(house, "German shepherd", "red panda")
    with line_to(serve().url) as line:
        game = visit(line.url)
        game.agree()
        game.ready()
        round_id = game.begin(UNSEEN, Mouse(game.page))
        game.wire.until(lambda: game.wire.acknowledged(round_id) >= 10)
        game.page.context.set_offline(True)
        line.cut()  # Chromium leaves sockets open that it has already
        expect(game.notice).to_have_text("Reconnecting…")
        acknowledged = game.wire.acknowledged(round_id)
        game.page.wait_for_timeout(1000 * SIZE.offline_s)
        assert game.wire.end(round_id) is None
        line.mend()
        game.page.context.set_offline(False)
        end = game.wire.until(lambda: game.wire.end(round_id))
        expect(game.notice).to_have_text("")
        after = game.paint(STROKES[game.ready()])
    assert (end["outcome"], end["points"]) == ("timeout", 0)
    kept, painted = stored(house, round_id), game.wire.painted(round_id)
    assert acknowledged <= len(kept)
    assert kept == painted[: len(kept)]
    assert round_row(house, round_id)["outcome"] == "timeout"
    assert (after["outcome"], after["total"]) == ("recognised", after["points"])
    assert stored(house, after["round"]) == game.wire.painted(after["round"])
    assert ask(house, "SELECT maps FROM images") == [{"maps": 1}, {"maps": 1}]  # each ended once
    assert ask(house, "SELECT points FROM players") == [{"points": after["points"]}]
    tally = Tally(
        players=1,
        rounds=2,
        acknowledged=sum(game.wire.acknowledged(each) for each in (round_id, after["round"])),
        stored=len(kept) + len(stored(house, after["round"])),
        lost=0,
        twice=0,
    )
    Row(f"Chromium: offline for {SIZE.offline_s:.0f} s", 1, tally).note(record_property)
