"""How many sockets are open at once, counted in Redis for all servers together.

Each open socket holds a lease, which its server renews. A server that is killed renews nothing, so what it
held is free again within seconds; a Redis that was emptied or away is told of all that is open at the next
renewal.
"""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Collection
from functools import partial
from typing import NamedTuple

from clickme.kit.limits import Counts
from clickme.kit.problems import Problem
from clickme.settings import Limits

LEASE = 10  # s
RENEWAL = 3.0  # s, between two renewals of all leases of a server
KEYS = "clickme:sockets"

# Two sorted sets, of a player's sockets and of an address's: leases by the second in which they end. Says
# which of the two is full, counted from 1, or 0.
TAKE = """
local now = tonumber(redis.call('TIME')[1])
for i, key in ipairs(KEYS) do
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
    if redis.call('ZCARD', key) >= tonumber(ARGV[2 + i]) then return i end
end
for _, key in ipairs(KEYS) do
    redis.call('ZADD', key, now + tonumber(ARGV[2]), ARGV[1])
    redis.call('EXPIRE', key, ARGV[2])
end
return 0
"""


class Lease(NamedTuple):
    """An open socket: its own name, and the two sets it is counted in."""

    name: str
    player: str
    address: str


class SocketLeases:
    """The sockets that are open at this server, and whether there may be one more at any."""

    def __init__(self, counts: Counts, limits: Limits) -> None:
        self.counts = counts
        self.limits = limits
        self.script = counts.redis.register_script(TAKE)
        self.held: set[Lease] = set()
        self.renewing: asyncio.Task[None] | None = None

    async def take(self, player_id: int, address: str) -> Lease:
        """One socket more. Problem `too_many_sockets`; while nobody counts, everybody may play."""
        lease = Lease(secrets.token_hex(8), f"{KEYS}:player:{player_id}", f"{KEYS}:address:{address}")
        full = await asyncio.to_thread(self.counts.ask, partial(self._take, lease))
        if full:
            raise Problem("too_many_sockets", FULL[full], status=429)
        self.held.add(lease)
        if self.renewing is None:
            self.renewing = asyncio.create_task(self._keep())
        return lease

    def give_back(self, lease: Lease) -> asyncio.Future[None]:
        """The socket is closed. Redis is told even if nobody waits for it: who closes may be cancelled."""
        self.held.discard(lease)
        if not self.held and self.renewing is not None:
            self.renewing.cancel()
            self.renewing = None
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(None, self.counts.ask, partial(self._give_back, lease))

    async def renew(self) -> None:
        """Tell Redis of all that is open here."""
        await asyncio.to_thread(self.counts.ask, partial(self._renew, frozenset(self.held)))

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(RENEWAL)
            await self.renew()

    def _take(self, lease: Lease) -> int:
        most = (self.limits.sockets_per_player, self.limits.sockets_per_address)
        return int(self.script(keys=[lease.player, lease.address], args=[lease.name, LEASE, *most]))

    def _give_back(self, lease: Lease) -> None:
        with self.counts.redis.pipeline(transaction=False) as pipe:
            for key in (lease.player, lease.address):
                pipe.zrem(key, lease.name)
            pipe.execute()

    def _renew(self, leases: Collection[Lease]) -> None:
        until = self.counts.redis.time()[0] + LEASE
        sets: dict[str, dict[str, int]] = defaultdict(dict)
        for lease in leases:
            for key in (lease.player, lease.address):
                sets[key][lease.name] = until
        with self.counts.redis.pipeline(transaction=False) as pipe:
            for key, members in sets.items():
                pipe.zadd(key, members)
                pipe.expire(key, LEASE)
            pipe.execute()


FULL = {
    1: "The game is open in too many windows. Close one of them, and it goes on here.",
    2: "Too many people play from this network just now. It goes on here as soon as there is room.",
}
