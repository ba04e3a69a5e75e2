"""How many sockets are open at once, counted by servers that come, go and die."""

import pytest
import redis

from clickme.kit.leases import SocketLeases
from clickme.kit.limits import Counts
from clickme.kit.problems import Problem
from clickme.settings import Limits, Settings

pytestmark = pytest.mark.anyio

HOME, WORK = "203.0.113.7", "2001:db8::/64"


@pytest.fixture
def limits() -> Limits:
    return Limits(sockets_per_player=2, sockets_per_address=4)


@pytest.fixture
def here(settings: Settings, limits: Limits) -> SocketLeases:
    return SocketLeases(Counts(str(settings.redis_url)), limits)


@pytest.fixture
def there(settings: Settings, limits: Limits) -> SocketLeases:
    """Another server."""
    return SocketLeases(Counts(str(settings.redis_url)), limits)


async def refused(server: SocketLeases, player_id: int, address: str) -> str:
    with pytest.raises(Problem) as problem:
        await server.take(player_id, address)
    assert (problem.value.code, problem.value.status) == ("too_many_sockets", 429)
    return problem.value.message


async def test_a_player_has_so_many_sockets_at_all_servers_together(
    here: SocketLeases, there: SocketLeases
) -> None:
    await here.take(1, HOME)
    lease = await there.take(1, WORK)
    assert "window" in await refused(here, 1, HOME)
    assert "window" in await refused(there, 1, WORK)
    await there.give_back(lease)
    await here.take(1, HOME)
    await refused(there, 1, WORK)


async def test_an_address_has_so_many_sockets_whoever_plays(here: SocketLeases, there: SocketLeases) -> None:
    for player_id in range(4):
        await (here, there)[player_id % 2].take(player_id, HOME)
    assert "network" in await refused(here, 9, HOME)
    await here.take(9, WORK)


async def test_who_is_refused_takes_up_no_room(here: SocketLeases) -> None:
    await here.take(1, HOME)
    await here.take(1, HOME)
    for _ in range(5):
        await refused(here, 1, HOME)
    await here.take(2, HOME)
    await here.take(3, HOME)


def let_time_pass(settings: Settings, seconds: int) -> None:
    """All leases end so much sooner."""
    with redis.Redis.from_url(str(settings.redis_url)) as client:
        for key in client.scan_iter("clickme:sockets:*"):
            for name in client.zrange(key, 0, -1):
                client.zincrby(key, -seconds, name)


async def test_what_a_killed_server_held_is_free_again(
    here: SocketLeases, there: SocketLeases, settings: Settings
) -> None:
    await there.take(1, HOME)
    await here.take(1, HOME)
    let_time_pass(settings, 5)
    await refused(here, 1, HOME)
    await here.renew()  # the other one is dead, and does not
    let_time_pass(settings, 6)
    await here.take(1, HOME)
    await refused(here, 1, HOME)


async def test_an_emptied_redis_is_told_again(here: SocketLeases, settings: Settings) -> None:
    await here.take(1, HOME)
    await here.take(1, WORK)
    with redis.Redis.from_url(str(settings.redis_url)) as client:
        client.flushdb()
        await here.renew()
        await refused(here, 1, HOME)
        assert all(client.ttl(key) > 0 for key in client.scan_iter("*"))  # nothing is left behind for good


async def test_without_redis_everybody_may_play(limits: Limits) -> None:
    alone = SocketLeases(Counts("redis://127.0.0.1:9/0"), limits)
    leases = [await alone.take(1, HOME) for _ in range(5)]
    await alone.renew()
    for lease in leases:
        await alone.give_back(lease)
    assert alone.renewing is None
