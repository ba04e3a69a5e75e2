"""Servers that are killed, and servers that are told to stop, while people play."""

import asyncio

from chaos.campaign import Campaign, Party
from chaos.size import SIZE


def test_a_server_is_killed_at_random_moments(campaign: Campaign) -> None:
    async def kills(party: Party) -> None:
        (server,) = campaign.servers
        for _ in range(party.times):
            await party.more(campaign.chance.randint(1, 20 * SIZE.players))
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
        await party.more(1)

    party = Party("the server: SIGKILL, started again", SIZE.players, kills, SIZE.kills)
    campaign.play(party)
    assert party.connections >= SIZE.players * 2


def test_of_two_servers_one_is_killed_and_the_other_told_to_stop(campaign: Campaign) -> None:
    """Players go on with their rounds on the one that is there."""

    async def in_turn(party: Party) -> None:
        one, other = campaign.servers
        for _ in range(party.times):
            await party.more(campaign.chance.randint(1, 20 * SIZE.players))
            await asyncio.to_thread(one.kill)
            await party.more(5 * SIZE.players)
            await asyncio.to_thread(one.start)
            await party.more(campaign.chance.randint(1, 20 * SIZE.players))
            assert await asyncio.to_thread(other.drain) == 0
            await party.more(5 * SIZE.players)
            await asyncio.to_thread(other.start)
            one, other = other, one

    what = "two servers behind a proxy: one SIGKILL, one SIGTERM, both started again"
    campaign.play(Party(what, SIZE.players, in_turn, SIZE.turns // 2), servers=2)
