"""How often an address may ask for something, counted in Redis for all servers together.

The figures are in `settings.Limits`, the only table of them.
"""

import redis
import structlog
from fastapi import Depends, Request
from limits import parse
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from clickme.kit.metrics import ERRORS
from clickme.kit.problems import Problem

log = structlog.get_logger()

PATIENCE = 0.5  # s, for a Redis that hangs


class RateLimits:
    """Counts in the Redis at `redis_url`. When that is away, play goes on: nobody is refused."""

    def __init__(self, redis_url: str) -> None:
        pool = redis.ConnectionPool.from_url(
            redis_url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
        )
        self.limiter = MovingWindowRateLimiter(RedisStorage("redis://", connection_pool=pool))

    def hit(self, what: str, limit: str, who: str) -> bool:
        """Whether `who` may do `what` once more."""
        try:
            return self.limiter.hit(parse(limit), what, who)
        except RedisError:
            log.warning("limits_away", what=what)
            ERRORS.labels("limits_away").inc()
            return True


def sign_up_limit(request: Request) -> None:
    limits: RateLimits = request.app.state.rate_limits
    address = request.client.host if request.client else ""
    if not limits.hit("sign_up", request.app.state.house.settings.limits.sign_ups, address):
        raise Problem(
            "too_many_sign_ups", "Too many new players from this address. Wait a minute.", status=429
        )


SignUpLimit = Depends(sign_up_limit)
