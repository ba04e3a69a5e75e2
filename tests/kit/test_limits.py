"""How often anybody may ask for something: counted in a real Redis, and what holds while that is away."""

import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import Request
from prometheus_client import REGISTRY
from pydantic import ValidationError

from clickme.kit import engines
from clickme.kit.home import open_home
from clickme.kit.limits import REST, Counts, RateLimits, address_of, log_in_limit, sign_up_limit
from clickme.kit.problems import Problem
from clickme.settings import Limits, Settings

NOWHERE = "redis://127.0.0.1:9/0"


def counted() -> float:
    return REGISTRY.get_sample_value("clickme_errors_total", {"code": "limits_away"}) or 0.0


@pytest.fixture
def mute() -> Iterator[socket.socket]:
    """Takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def connections(server: socket.socket) -> int:
    """How many have come since it was asked last."""
    count = 0
    while True:
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_servers_count_together(settings: Settings) -> None:
    here, there = (RateLimits(str(settings.redis_url)) for _ in range(2))
    assert [limits.hit("begin", "3/hour", "7") for limits in (here, there, here, there)] == [True] * 3 + [
        False
    ]
    assert here.hit("begin", "3/hour", "8") is True
    assert here.hit("flag", "3/hour", "7") is True


def test_a_redis_that_hangs_keeps_one_waiting_and_nobody_else(mute: socket.socket) -> None:
    now = 0.0
    limits = RateLimits(f"redis://127.0.0.1:{mute.getsockname()[1]}", lambda: now)
    before = counted()
    assert [limits.hit("begin", "1/hour", "7") for _ in range(50)] == [None] * 50
    assert counted() == before + 50
    assert connections(mute) == 1
    now = REST - 0.1
    assert limits.hit("begin", "1/hour", "7") is None
    assert connections(mute) == 0
    now = REST
    assert [limits.hit("begin", "1/hour", "7") for _ in range(50)] == [None] * 50
    assert connections(mute) == 1


def test_while_one_asks_whether_it_is_back_the_others_do_not_wait() -> None:
    now = 0.0
    counts = Counts(NOWHERE, lambda: now)
    assert counts.ask(counts.redis.ping) is None
    now = REST
    others: list[object] = []

    def ping() -> bool:
        others.extend(counts.ask(counts.redis.ping) for _ in range(3))
        return True

    assert counts.ask(ping) is True
    assert others == [None] * 3


def test_when_redis_is_back_it_counts_again(tmp_path: Path) -> None:
    home = open_home(tmp_path)
    now = 0.0
    with engines.valkey(home) as url:
        limits = RateLimits(url, lambda: now)
        assert limits.hit("begin", "1/hour", "7") is True
        assert limits.hit("begin", "1/hour", "7") is False
    assert limits.hit("begin", "1/hour", "7") is None
    with engines.valkey(home):
        assert limits.hit("begin", "1/hour", "7") is None  # it is left alone for a while
        now = REST
        assert limits.hit("begin", "1/hour", "7") is True  # it has forgotten, and counts from here
        assert limits.hit("begin", "1/hour", "7") is False


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
        (None, ""),
    ],
)
def test_an_ipv6_address_counts_as_its_network(host: str | None, address: str) -> None:
    request = Request({"type": "http", "headers": [], "client": None if host is None else (host, 1)})
    assert address_of(request) == address


def from_somewhere(redis_url: str) -> Request:
    house = SimpleNamespace(settings=SimpleNamespace(limits=Limits(log_ins="2/hour", sign_ups="2/hour")))
    app = SimpleNamespace(state=SimpleNamespace(rate_limits=RateLimits(redis_url), house=house))
    return Request({"type": "http", "headers": [], "client": ("203.0.113.7", 1), "app": app})


def test_log_ins_are_counted_by_address(settings: Settings) -> None:
    request = from_somewhere(str(settings.redis_url))
    log_in_limit(request)
    log_in_limit(request)
    with pytest.raises(Problem) as refused:
        log_in_limit(request)
    assert (refused.value.code, refused.value.status) == ("too_many_log_ins", 429)


def test_without_redis_players_come_in_and_nobody_logs_in() -> None:
    request = from_somewhere(NOWHERE)
    for _ in range(5):
        sign_up_limit(request)
        with pytest.raises(Problem) as refused:
            log_in_limit(request)
        assert (refused.value.code, refused.value.status) == ("log_ins_closed", 503)


def test_limits_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLICKME_LIMIT_BEGINS", "7/hour")
    monkeypatch.setenv("CLICKME_TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::/32,192.0.2.1")
    settings = Settings()
    assert settings.limits.begins == "7/hour"
    assert [str(network) for network in settings.trusted_proxies] == [
        "10.0.0.0/8",
        "2001:db8::/32",
        "192.0.2.1/32",
    ]
    monkeypatch.setenv("CLICKME_TRUSTED_PROXIES", "")
    assert Settings().trusted_proxies == ()


@pytest.mark.parametrize("rate", ["many", "0/minute", "7", "7/", "7/fortnight", "-7/hour", "7 per hour"])
def test_a_limit_that_says_nothing_is_refused_at_the_start(rate: str) -> None:
    with pytest.raises(ValidationError):
        Limits(begins=rate)


@pytest.mark.parametrize("networks", ["10.0.0.0/33", "10.0.0.1/8", "proxy", "*"])
def test_a_proxy_that_is_no_network_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, networks: str
) -> None:
    monkeypatch.setenv("CLICKME_TRUSTED_PROXIES", networks)
    with pytest.raises(ValidationError):
        Settings()
