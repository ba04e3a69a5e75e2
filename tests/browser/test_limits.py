"""What a page does that asks for more than it may."""

from collections.abc import Callable

import pytest
import redis
from playwright.sync_api import expect

from browser.game import Game
from browser.hand import Mouse
from browser.photographs import UNSEEN, hang
from clickme.kit.house import House
from clickme.settings import Settings
from conftest import RunningServer

Serve = Callable[[], RunningServer]
Visit = Callable[..., Game]


def test_one_window_too_many_says_so_and_goes_on_when_another_is_closed(
    house: House, serve: Serve, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLICKME_LIMIT_SOCKETS_PER_PLAYER", "1")
    hang(house, "red panda")
    game = visit(serve().url)
    game.agree()
    game.ready()
    second = Game(game.page.context.new_page())
    second.page.goto(game.page.url)
    expect(second.notice).to_contain_text("open in too many windows")
    game.page.close()
    assert second.ready() == "red panda"
    expect(second.notice).to_have_text("")
    round_id = second.begin(UNSEEN, Mouse(second.page))
    second.wire.until(lambda: second.wire.acknowledged(round_id) >= 4)
    assert second.complaints == []


def test_one_round_too_many_says_so_and_waits(
    house: House, serve: Serve, visit: Visit, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLICKME_LIMIT_BEGINS", "1/hour")
    hang(house, "red panda", "German shepherd")
    game = visit(serve().url)
    game.agree()
    hand = Mouse(game.page)
    first = game.ready()
    round_id = game.begin(UNSEEN, hand)
    hand.lift()
    game.page.locator("#skip").click()
    game.wire.until(lambda: game.wire.end(round_id))
    expect(game.words).not_to_have_text(first)
    second = game.ready()
    game.begin(UNSEEN, hand)
    hand.lift()
    rests = game.page.locator("#rests")
    expect(rests).to_contain_text("Rest for a moment")
    expect(rests).to_be_hidden(timeout=30_000)  # it is dealt again after a while
    assert game.ready() == second
    with redis.Redis.from_url(str(settings.redis_url)) as client:
        client.flushdb()  # the hour is over
    before = len(game.wire.sent)
    again = game.begin(UNSEEN, hand)
    game.wire.until(lambda: game.wire.acknowledged(again) >= 4)
    assert game.begun(before) == again
