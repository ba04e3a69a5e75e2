"""What crosses the wire about contests and leaderboards."""

from datetime import datetime

from pydantic import BaseModel

from clickme.contests.boards import Scope
from clickme.contests.models import Contest, Counts, State


class ContestResponse(BaseModel):
    """A round belongs to a contest if it began in [opens_at, closes_at).

    `zone` is the time zone its window is told in, `rules` is Markdown. `counts`: the sum of `points`, or the
    number of `rounds` in which the photograph was recognised. `counting`: its last rounds are being closed.
    """

    id: int
    name: str
    state: State
    opens_at: datetime
    closes_at: datetime
    zone: str
    counts: Counts
    rules: str
    frozen_at: datetime | None

    @classmethod
    def of(cls, contest: Contest, now: datetime) -> "ContestResponse":
        return cls(
            id=contest.id,
            name=contest.name,
            state=contest.state(now),
            opens_at=contest.opens_at,
            closes_at=contest.closes_at,
            zone=contest.zone,
            counts=Counts(contest.counts),
            rules=contest.rules,
            frozen_at=contest.frozen_at,
        )


class EntryResponse(BaseModel):
    """A line. `place` is 1 for the first and shared by equals; `score` is in photographs recognised at once.

    Where a contest counts rounds, `score` is their number.
    """

    place: int
    name: str
    score: float
    you: bool


class LeaderboardResponse(BaseModel):
    """The first 50 lines of a board, as it was at `as_of`, and one's own, on it or not; null for a stranger.

    `frozen`: it is final. `contest` is null but for the scope contest, and there too where there is none.
    """

    scope: Scope
    contest: ContestResponse | None
    as_of: datetime
    frozen: bool
    entries: list[EntryResponse]
    you: EntryResponse | None
