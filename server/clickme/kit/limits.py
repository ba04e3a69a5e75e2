"""How often anybody may ask for something, counted in Redis for all servers together.

The figures are in `settings.Limits`, the only table of them. While Redis is away nothing is counted: play
goes on, and logging in stops.
"""

import time
from collections.abc import Callable
from functools import partial
from ipaddress import IPv6Address, IPv6Network, ip_address
from threading import Lock
from typing import TypeVar

import redis
import structlog
from fastapi import Depends, Request
from limits import parse
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from starlette.requests import HTTPConnection

from clickme.kit.metrics import ERRORS
from clickme.kit.problems import Problem

log = structlog.get_logger()

PATIENCE = 0.5  # s, for a Redis that hangs
REST = 5.0  # s, between two questions to a Redis that is away: nobody else waits for it

Answer = TypeVar("Answer")


class Counts:
    """The Redis at `url`, which counts. One that is away is asked now and then, and costs nobody else a wait.

    `now` is in seconds and never goes back. Safe to use from several threads.
    """

    def __init__(self, url: str, now: Callable[[], float] = time.monotonic) -> None:
        self.pool = redis.ConnectionPool.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
        )
        self.redis = redis.Redis(connection_pool=self.pool)
        self.now = now
        self.lock = Lock()
        self.away_until: float | None = None  # None: it has answered

    def ask(self, question: Callable[[], Answer]) -> Answer | None:
        """What Redis says; None, which is counted as the error `limits_away`, while it does not."""
        if self._may_ask():
            try:
                answer = question()
            except RedisError as error:
                self.away_until = self.now() + REST
                log.warning("limits_away", error=str(error))
            else:
                self.away_until = None
                return answer
        ERRORS.labels("limits_away").inc()
        return None

    def _may_ask(self) -> bool:
        """Always while it answers; else one in so long, and the others do not wait for that one."""
        with self.lock:
            if self.away_until is None:
                return True
            if self.now() < self.away_until:
                return False
            self.away_until = self.now() + REST
            return True


class RateLimits:
    """Counts in the Redis at `redis_url`."""

    def __init__(self, redis_url: str, now: Callable[[], float] = time.monotonic) -> None:
        self.counts = Counts(redis_url, now)
        self.limiter = MovingWindowRateLimiter(RedisStorage("redis://", connection_pool=self.counts.pool))

    def hit(self, what: str, limit: str, who: str) -> bool | None:
        """Whether `who` may do `what` once more, if at most as often as `limit`; None while nobody counts."""
        return self.counts.ask(partial(self.limiter.hit, parse(limit), what, who))


def address_of(connection: HTTPConnection) -> str:
    """Whose limits count: an IPv4 address, or the /64 of an IPv6 address, which is what one household has.

    Behind a proxy of `settings.trusted_proxies`, that of the proxy's client.
    """
    host = connection.client.host if connection.client else ""
    try:
        address = ip_address(host)
    except ValueError:  # a Unix socket has none, and a proxy may not know it
        return host
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Network((int(address), 64), strict=False))
    return str(address)


def sign_up_limit(request: Request) -> None:
    """Problem `too_many_sign_ups`. While nobody counts, everybody may play."""
    limits: RateLimits = request.app.state.rate_limits
    rate = request.app.state.house.settings.limits.sign_ups
    if limits.hit("sign_up", rate, address_of(request)) is False:
        raise Problem(
            "too_many_sign_ups", "Too many new players from this address. Wait a minute.", status=429
        )


def log_in_limit(request: Request) -> None:
    """Problem `too_many_log_ins`, or `log_ins_closed` while nobody counts: nobody guesses passwords then."""
    limits: RateLimits = request.app.state.rate_limits
    rate = request.app.state.house.settings.limits.log_ins
    allowed = limits.hit("log_in", rate, address_of(request))
    if allowed is None:
        raise Problem(
            "log_ins_closed", "Nobody can log in just now: Redis does not answer. Try again soon.", status=503
        )
    if not allowed:
        raise Problem("too_many_log_ins", "Too many log-ins from this address. Wait a minute.", status=429)


SignUpLimit = Depends(sign_up_limit)
LogInLimit = Depends(log_in_limit)
