"""Boards in Redis: a sorted set each, of players by their score. A copy, which may be lost at any time.

A set holds a marker beside its players, so that whatever loses the one loses the other. While a board is
being built it is `building:<token>`, and then `whole`. The marker is there before Postgres is read for the
build, and whoever has committed a score adds it where there is a marker. So a score that the build does not
see is added beside it; and since scores only grow, and the higher one stays (GT), any order gives one board.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence, Set
from typing import NamedTuple

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from clickme.contests.boards import Score

PATIENCE = 0.5  # s, for a Redis that hangs
PREFIX = "clickme:board:"
BUILT_WITHIN = 60  # s between two steps of a build, before it counts as given up
KEPT = 2 * 24 * 3600  # s, that a board is kept after its build; then it is built anew, if it still moves
STEP = 2000  # scores that are handed over at once

START = """
redis.call('DEL', KEYS[1])
redis.call('ZADD', KEYS[1], -1, ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
"""
# Into a build that nobody has begun anew: players and their scores from the third argument on.
FILL = """
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
for i = 3, #ARGV, 2 do redis.call('ZADD', KEYS[1], 'GT', ARGV[i + 1], ARGV[i]) end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""
FINISH = """
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('ZADD', KEYS[1], -1, 'whole')
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
"""
# To each board a player and a score, where the board is there.
ADD = """
for i, key in ipairs(KEYS) do
    if redis.call('EXISTS', key) == 1 then redis.call('ZADD', key, 'GT', ARGV[2 * i], ARGV[2 * i - 1]) end
end
"""
# The first so many, then all who share the last one's score; so many may be fewer.
TOP = """
if not redis.call('ZSCORE', KEYS[1], 'whole') then return false end
local first = redis.call('ZRANGE', KEYS[1], '+inf', '(0', 'BYSCORE', 'REV', 'LIMIT', 0, ARGV[1], 'WITHSCORES')
if #first < 2 * ARGV[1] then return {first, {}} end
return {first, redis.call('ZRANGE', KEYS[1], first[#first], first[#first], 'BYSCORE', 'WITHSCORES')}
"""
# A player's score, or else the second argument, and how many have more. An empty list without either.
STANDING = """
if not redis.call('ZSCORE', KEYS[1], 'whole') then return false end
local score = redis.call('ZSCORE', KEYS[1], ARGV[1]) or ARGV[2]
if score == '' then return {} end
return {score, redis.call('ZCOUNT', KEYS[1], '(' .. score, '+inf')}
"""


class Place(NamedTuple):
    """A score, and how many have more."""

    score: int
    better: int


class Cache:
    """The boards in the Redis at `redis_url`, by their keys. RedisError of each method when it is away."""

    def __init__(self, redis_url: str) -> None:
        self.client = redis.Redis.from_url(
            redis_url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
        )
        scripts = (self.client.register_script(text) for text in (START, FILL, FINISH, ADD, TOP, STANDING))
        self._start, self._fill, self._finish, self._add, self._top, self._standing = scripts

    def life(self) -> str:
        """Another one after each start of the Redis: what it held may be gone, or older than it was."""
        return str(self.client.info("server")["run_id"])

    def build(self, key: str, read: Callable[[], dict[int, int]]) -> bool:
        """Make a board of the scores that `read` gives. False if somebody has begun it anew meanwhile."""
        marker = f"building:{secrets.token_hex(8)}"
        self._start(keys=[PREFIX + key], args=[marker, BUILT_WITHIN])
        scores = list(read().items())
        for first in range(0, len(scores), STEP):
            step = [part for score in scores[first : first + STEP] for part in score]
            if not self._fill(keys=[PREFIX + key], args=[marker, BUILT_WITHIN, *step]):
                return False
        return bool(self._finish(keys=[PREFIX + key], args=[marker, KEPT]))

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Those of the boards that are not there, nor being built."""
        there = self.client.pipeline(transaction=False)
        for key in keys:
            there.exists(PREFIX + key)
        return [key for key, exists in zip(keys, there.execute(), strict=True) if not exists]

    def add(self, scores: Sequence[Score]) -> None:
        """Have each score count on its board, unless there is a higher one, or no board."""
        for first in range(0, len(scores), STEP):
            step = scores[first : first + STEP]
            pairs = [part for score in step for part in (score.player_id, score.score)]
            self._add(keys=[PREFIX + score.key for score in step], args=pairs)

    def remove(self, keys: Sequence[str], player_ids: Sequence[int]) -> None:
        """Take players off boards."""
        removing = self.client.pipeline(transaction=False)
        for key in keys:
            removing.zrem(PREFIX + key, *player_ids)
        removing.execute()

    def drop(self, keys: Sequence[str]) -> None:
        self.client.delete(*(PREFIX + key for key in keys))

    def top(self, key: str, count: int) -> list[tuple[int, int]] | None:
        """(player, score) of the first `count` and of all who share the last place. None without a board."""
        found = self._top(keys=[PREFIX + key], args=[count])
        if found is None:
            return None
        first, equal = ([*zip(flat[::2], flat[1::2], strict=True)] for flat in found)
        return list({int(player): int(float(score)) for player, score in (*first, *equal)}.items())

    def places(
        self, key: str, player_ids: Set[int], otherwise: Callable[[Set[int]], dict[int, int]]
    ) -> dict[int, Place] | None:
        """Players' places; of those who are not on it, with the scores `otherwise`. None without a board."""
        found = self._places(key, dict.fromkeys(player_ids))
        if found is not None and (absent := player_ids - found.keys()):
            others = self._places(key, otherwise(absent))
            found = None if others is None else found | others
        return found

    def _places(self, key: str, scores: Mapping[int, int | None]) -> dict[int, Place] | None:
        asking = self.client.pipeline(transaction=False)
        for player_id, score in scores.items():
            self._standing(
                keys=[PREFIX + key], args=[player_id, "" if score is None else score], client=asking
            )
        found = dict(zip(scores, asking.execute(), strict=True))
        if None in found.values():
            return None
        return {each: place_of(answer) for each, answer in found.items() if answer}


def place_of(answer: Sequence[bytes]) -> Place:
    """What `STANDING` says."""
    score, better = answer
    return Place(int(float(score)), int(better))
