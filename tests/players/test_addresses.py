"""Who asks: the address at the other end, or what a proxy that is trusted says of it, and nobody else."""

from collections.abc import Callable
from ipaddress import ip_network

import pytest
from fastapi.testclient import TestClient

from clickme.app import create_app
from clickme.kit.house import House
from clickme.players.consent import CONSENT
from clickme.settings import Limits, Settings
from clickme_partner.engine import Engine

Caller = Callable[[str], TestClient]
PROXY = "10.0.0.9"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "limits": Limits(sign_ups="1/hour"),
            "trusted_proxies": (ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48")),
        }
    )


@pytest.fixture
def calling_from(house: House, koala_partner: Engine) -> Caller:
    """A client whose connections come from that address."""
    app = create_app(house, koala_partner)
    return lambda address: TestClient(app, client=(address, 50_000))


def sign_up(client: TestClient, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/api/players", json={"consent": CONSENT.version}, headers=named).status_code


def test_behind_a_trusted_proxy_each_player_counts_alone(calling_from: Caller) -> None:
    proxy = calling_from(PROXY)
    assert sign_up(proxy, x_forwarded_for="203.0.113.1") == 201
    assert sign_up(proxy, x_forwarded_for="203.0.113.2") == 201
    assert sign_up(proxy, x_forwarded_for="203.0.113.1") == 429


def test_what_a_player_adds_in_front_changes_nothing(calling_from: Caller) -> None:
    proxy = calling_from(PROXY)
    assert sign_up(proxy, x_forwarded_for="198.51.100.1, 203.0.113.1") == 201
    assert sign_up(proxy, x_forwarded_for="198.51.100.2, 203.0.113.1") == 429
    assert sign_up(proxy, x_forwarded_for="10.1.1.1, 198.51.100.3, 203.0.113.1") == 429


def test_several_proxies_are_passed_over(calling_from: Caller) -> None:
    proxy = calling_from("2001:db8:ffff::1")
    assert sign_up(proxy, x_forwarded_for="203.0.113.1, 10.0.0.7, 2001:db8:ffff::2") == 201
    assert sign_up(proxy, x_forwarded_for="198.51.100.1, 203.0.113.1:4711, 10.0.0.8") == 429
    assert sign_up(proxy, x_forwarded_for="203.0.113.1, 192.0.2.1") == 201  # that one is nobody's proxy


def test_nobody_elses_word_is_taken(calling_from: Caller) -> None:
    stranger = calling_from("203.0.113.9")
    assert sign_up(stranger, x_forwarded_for="203.0.113.1") == 201
    assert sign_up(stranger, x_forwarded_for="203.0.113.2") == 429
    assert sign_up(calling_from("127.0.0.1"), x_forwarded_for="203.0.113.3") == 201
    assert sign_up(calling_from("127.0.0.1"), x_forwarded_for="203.0.113.4") == 429


def test_one_household_is_one_address(calling_from: Caller) -> None:
    proxy = calling_from(PROXY)
    assert sign_up(proxy, x_forwarded_for="2001:db8:1:2::1") == 201
    assert sign_up(proxy, x_forwarded_for="[2001:db8:1:2:ffff::7]:4711") == 429
    assert sign_up(proxy, x_forwarded_for="2001:db8:1:3::1") == 201


@pytest.mark.parametrize(
    ("address", "protocol", "is_secure"),
    [(PROXY, "https", True), (PROXY, "http", False), ("203.0.113.9", "https", False)],
)
def test_the_cookie_is_secure_where_the_player_came_by_https(
    calling_from: Caller, address: str, protocol: str, is_secure: bool
) -> None:
    answer = calling_from(address).post(
        "/api/players", json={"consent": CONSENT.version}, headers={"X-Forwarded-Proto": protocol}
    )
    assert ("secure" in answer.headers["set-cookie"].lower()) is is_secure
