"""More than anybody needs: refused with a reason, and no loss to those who play beside it."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY
from starlette.websockets import WebSocketDisconnect

from clickme.app import create_app
from clickme.kit.house import House
from clickme.settings import Limits, Settings
from clickme_partner.engine import Engine
from fake_clock import FakeClock
from game.connection import Browser, connected, kept, line, sign_up

FEW = Limits(sockets_per_player=2, sockets_per_address=4, begins="2/hour", flags="1/hour")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"limits": FEW})


@pytest.fixture
def browser(client: TestClient) -> Iterator[Browser]:
    sign_up(client)
    with connected(client) as browser:
        yield browser


def turned_away(client: TestClient) -> str:
    """What one socket more is told, before it is closed."""
    with connected(client) as another:
        said = another.hear()
        assert (said["t"], said["code"], said["round"]) == ("error", "too_many_sockets", None)
        with pytest.raises(WebSocketDisconnect) as closed:
            another.hear()
        assert closed.value.code == 1008
        return str(said["message"])


def comes_in(client: TestClient) -> bool:
    with connected(client) as another:
        return bool(another.ask(t="next")["t"] == "round")


def test_a_player_who_opens_too_many_windows_is_told(client: TestClient, browser: Browser) -> None:
    round_id = browser.begin()
    with connected(client) as second:
        assert second.ask(t="next")["t"] == "round"
        assert "window" in turned_away(client)
        assert browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1))["n"] == 1
    assert any(comes_in(client) for _ in range(100))  # there is room again, a moment after


def test_an_address_that_opens_too_many_sockets_is_told(client: TestClient) -> None:
    with ExitStack() as stack:
        for _ in range(FEW.sockets_per_address):
            sign_up(client)
            stack.enter_context(connected(client))
        sign_up(client)
        assert "network" in turned_away(client)


def test_a_player_who_begins_too_many_rounds_is_told_and_plays_on_later(
    client: TestClient, browser: Browser, house: House
) -> None:
    first = browser.begin()
    browser.ask(t="skip", round=first)
    second = browser.begin()
    third = browser.ask(t="next")["round"]
    said = browser.ask(t="begin", round=third, pointer="mouse")
    assert (said["code"], said["round"]) == ("too_many_begins", third)
    assert browser.ask(t="bubbles", round=second, n=0, xyt=line(0, 1))["n"] == 1
    assert kept(house, second) == line(0, 1)
    assert browser.ask(t="next")["round"] == third  # it lies ready still
    sign_up(client)
    with connected(client) as other:
        other.begin()


def test_a_player_who_flags_too_much_is_told_and_the_round_goes_on(browser: Browser) -> None:
    first = browser.ask(t="next")["round"]
    assert browser.ask(t="flag", round=first, reason="label")["outcome"] == "flagged"
    second = browser.begin()
    said = browser.ask(t="flag", round=second, reason="label")
    assert (said["code"], said["round"]) == ("too_many_flags", second)
    assert browser.ask(t="bubbles", round=second, n=0, xyt=line(0, 1))["n"] == 1
    assert browser.ask(t="skip", round=second)["outcome"] == "skipped"


def test_without_redis_everybody_plays_and_it_is_counted(
    house: House, koala_partner: Engine, clock: FakeClock, photographs: list[int]
) -> None:
    def counted() -> float:
        return REGISTRY.get_sample_value("clickme_errors_total", {"code": "limits_away"}) or 0.0

    before = counted()
    without = replace(house, redis_url="redis://127.0.0.1:9/0")
    with TestClient(create_app(without, koala_partner, clock), base_url="http://testserver") as client:
        sign_up(client)
        with ExitStack() as stack:
            browsers = [stack.enter_context(connected(client)) for _ in range(FEW.sockets_per_player + 2)]
            for browser in browsers:
                round_id = browser.begin()
                assert browser.ask(t="bubbles", round=round_id, n=0, xyt=line(0, 1))["n"] == 1
    assert counted() >= before + 1 + 2 * len(browsers)
