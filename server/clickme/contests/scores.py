"""What stands on leaderboards, as Postgres knows it. Whatever else shows it is a copy of this.

A score is a sum over a player's recognised rounds in millionths of a point. Those are whole numbers, so that
a sum is the same in whatever order it is made. No other round has points. Who is banned is on no board.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Double,
    String,
    cast,
    column,
    exists,
    func,
    insert,
    literal,
    select,
    table,
    text,
)
from sqlalchemy.orm import Session

from clickme.contests.boards import ALL_TIME, CONTEST_KEY, MILLION, Board, Score
from clickme.contests.models import Counts, FinalStanding
from clickme.players.models import Player

# The game's table, by those of its columns that outsiders may read: the game stands above this package.
rounds = table(
    "rounds",
    column("player_id", BigInteger),
    column("contest_id", BigInteger),
    column("begun_at", DateTime(timezone=True)),
    column("ended_at", DateTime(timezone=True)),
    column("outcome", String),
    column("points", Double),
)

RECOGNISED = rounds.c.outcome == "recognised"
NOT_BANNED = Player.banned_at.is_(None)
WORTH: dict[Counts, ColumnElement[int]] = {
    Counts.POINTS: cast(func.round(rounds.c.points * MILLION), BigInteger),
    Counts.ROUNDS: literal(MILLION, BigInteger),
}


def everybodys(session: Session, board: Board) -> dict[int, int]:
    """The score of each player on a board, of those who have one."""
    if board.is_final:
        statement = (
            select(FinalStanding.player_id, FinalStanding.score)
            .join(Player, Player.id == FinalStanding.player_id)
            .where(FinalStanding.contest_id == board.contest_id, NOT_BANNED)
        )
    else:
        statement = _standings(board)
    return dict(session.execute(statement).all())


def own(session: Session, board: Board, player_ids: Collection[int]) -> dict[int, int]:
    """The score of each of these players on a board, banned or not; 0 without any."""
    theirs = (rounds.c.player_id.in_(player_ids), *_counting(board))
    total = select(rounds.c.player_id, _sum(WORTH[board.counts])).where(*theirs).group_by(rounds.c.player_id)
    return dict.fromkeys(player_ids, 0) | dict(session.execute(total).all())


# One walk over the rounds of each player, for all boards.
EARNED: Final = text(
    """
    WITH theirs AS MATERIALIZED (
        SELECT rounds.player_id, rounds.ended_at, rounds.contest_id,
            CAST(round(rounds.points * :million) AS bigint) AS worth
        FROM rounds JOIN players ON players.id = rounds.player_id
        WHERE rounds.player_id = ANY(CAST(:players AS bigint[])) AND rounds.outcome = 'recognised'
            AND players.banned_at IS NULL
    )
    SELECT :all_time, player_id, CAST(sum(worth) AS bigint) FROM theirs GROUP BY player_id
    UNION ALL
    SELECT :today, player_id, CAST(sum(worth) AS bigint) FROM theirs
    WHERE ended_at >= :begins AND ended_at < :ends GROUP BY player_id
    UNION ALL
    SELECT concat(:contest, contests.id), player_id,
        CAST(sum(CASE contests.counts WHEN :rounds THEN :million ELSE worth END) AS bigint)
    FROM theirs JOIN contests ON contests.id = theirs.contest_id AND contests.frozen_at IS NULL
    GROUP BY contests.id, player_id
    """
)


def earned(session: Session, player_ids: Collection[int], today: Board) -> list[Score]:
    """What these players have on the boards that still move: all time, `today`, contests not yet frozen."""
    found = session.execute(
        EARNED,
        {
            "players": list(player_ids),
            "million": MILLION,
            "all_time": ALL_TIME.key,
            "today": today.key,
            "begins": today.begins,
            "ends": today.ends,
            "contest": CONTEST_KEY,
            "rounds": Counts.ROUNDS,
        },
    )
    return [Score(key, player_id, score) for key, player_id, score in found if score > 0]


def lately_recognised(session: Session, since: datetime) -> list[int]:
    """Players who had a round recognised since then."""
    lately = (RECOGNISED, rounds.c.ended_at >= since)
    return list(session.scalars(select(rounds.c.player_id).where(*lately).distinct()))


def lately_banned(session: Session, since: datetime) -> list[int]:
    return list(session.scalars(select(Player.id).where(Player.banned_at >= since)))


def names(session: Session, player_ids: Collection[int]) -> dict[int, str]:
    """What players are called, of those who may be on a board."""
    called = select(Player.id, Player.name).where(Player.id.in_(player_ids), NOT_BANNED)
    return dict(session.execute(called).all())


def still_run(session: Session, contest_id: int) -> bool:
    """Whether a round of that contest has begun and not ended."""
    running = (rounds.c.contest_id == contest_id, rounds.c.begun_at.is_not(None), rounds.c.ended_at.is_(None))
    return bool(session.scalar(select(exists().where(*running))))


def write_final(session: Session, board: Board) -> None:
    """Keep a contest's standings for good, with their places."""
    standing = _standings(board).subquery()
    place = func.rank().over(order_by=standing.c.score.desc())
    rows = select(literal(board.contest_id, BigInteger), standing.c.player_id, place, standing.c.score)
    session.execute(insert(FinalStanding).from_select(["contest_id", "player_id", "place", "score"], rows))


def _standings(board: Board, *before: ColumnElement[Any]) -> Any:
    """Who has what on a board: (…, player_id, score)."""
    total = _sum(WORTH[board.counts])
    return (
        select(*before, rounds.c.player_id, total.label("score"))
        .join(Player, Player.id == rounds.c.player_id)
        .where(NOT_BANNED, *_counting(board))
        .group_by(rounds.c.player_id)
        .having(total > 0)
    )


def _counting(board: Board) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [RECOGNISED]
    if board.begins is not None:
        conditions.append(rounds.c.ended_at >= board.begins)
    if board.ends is not None:
        conditions.append(rounds.c.ended_at < board.ends)
    if board.contest_id is not None:
        conditions.append(rounds.c.contest_id == board.contest_id)
    return conditions


def _sum(worth: ColumnElement[Any]) -> ColumnElement[int]:
    """Postgres sums bigint as numeric; this fits a bigint again."""
    return cast(func.sum(worth), BigInteger)
