"""What a player has earned is put on the leaderboards, and they hear their rank: for many at once."""

from collections.abc import Sequence
from typing import NamedTuple

import structlog
from sqlalchemy.exc import SQLAlchemyError

from clickme.contests.boards import Score
from clickme.contests.leaderboard import Leaderboards
from clickme.game.lane import Lane

log = structlog.get_logger()


class Asked(NamedTuple):
    player_id: int
    scores: Sequence[Score]


class Ranks:
    """Of all time, on these boards."""

    def __init__(self, boards: Leaderboards) -> None:
        self.boards = boards
        self.lane = Lane(self._tell)

    async def after(self, player_id: int, scores: Sequence[Score] = ()) -> int | None:
        """A player's rank, 1 for the first, once what they earned is shown; None if nobody knows just now."""
        rank: int | None = await self.lane.hand_in(Asked(player_id, scores))
        return rank

    def _tell(self, asked: Sequence[Asked]) -> Sequence[int | None]:
        self.boards.show([score for each in asked for score in each.scores])
        try:
            ranks = self.boards.ranks({each.player_id for each in asked})
        except SQLAlchemyError:
            log.warning("rank_unknown")
            return [None] * len(asked)
        return [ranks[each.player_id] for each in asked]
